-- From ledger format 5 to 6: what is closed and shown at the end of a shift.

-- Recharges of the office itself, and the tokens they fence.
ALTER TABLE token ADD COLUMN fenced_by TEXT;
DROP INDEX token_step;
CREATE UNIQUE INDEX token_step ON token (meter, account, count_before)
    WHERE state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied')
    AND act IN ('recharge', 'carry-in', 'open') AND amount > 0 AND swap IS NULL
    AND fenced_by IS NULL;

-- What handhelds signed of their journals: the checkpoint at the end of a shift, with its sums
-- (kind 'shift'), and the heads of letters whose entries wait for others (kind 'letter', sums 0).
CREATE TABLE checkpoint (
    device       TEXT   NOT NULL,
    epoch        BIGINT NOT NULL,
    seq          BIGINT NOT NULL,
    hash         BYTEA  NOT NULL,
    kind         TEXT   NOT NULL CHECK (kind IN ('shift', 'letter')),
    -- By the handheld's clock: when it was signed, and when the shift began.
    at           BIGINT NOT NULL,
    operator     TEXT   NOT NULL,
    since        BIGINT NOT NULL,
    -- Acts of the shift by outcome; what it credited; what is still out with the handheld.
    accepted     BIGINT NOT NULL,
    refused      BIGINT NOT NULL,
    unknown      BIGINT NOT NULL,
    applied_yuan BIGINT NOT NULL,
    applied_kwh  BIGINT NOT NULL,
    out_yuan     BIGINT NOT NULL,
    out_kwh      BIGINT NOT NULL,
    document     BYTEA  NOT NULL,
    -- What the journal here says to it.
    state        TEXT   NOT NULL CHECK (state IN ('extends', 'waiting', 'fork')),
    received     BIGINT NOT NULL,
    PRIMARY KEY (device, epoch, seq, hash, kind)
);
CREATE INDEX checkpoint_waits ON checkpoint (received) WHERE state = 'waiting';
CREATE INDEX review_open ON review (device) WHERE settled IS NULL;

-- Bundles of parameters that were signed, until their handheld's journal shows them; and their
-- files, each once.
CREATE TABLE bundle_doc (
    id      TEXT   NOT NULL PRIMARY KEY,
    device  TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    version BIGINT NOT NULL,
    digest  BYTEA  NOT NULL,
    issued  BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    bytes   BYTEA  NOT NULL,
    taken   BIGINT,
    revoked BIGINT
);
CREATE INDEX bundle_by_device ON bundle_doc (device, name);
CREATE TABLE bundle_file (
    digest BYTEA NOT NULL PRIMARY KEY,
    body   BYTEA NOT NULL
);
