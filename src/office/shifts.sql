-- From ledger format 5 to 6: what is closed and shown at the end of a shift.
-- Handhelds of an office that was restored from a backup, until their journals are here again.
CREATE TABLE rewound (
    device   TEXT   NOT NULL PRIMARY KEY,
    since    BIGINT NOT NULL,
    head     BIGINT,
    heard    BIGINT,
    accepted BIGINT,
    reason   TEXT
);

-- A place for what was sold; the table is made anew, because its rule changes.
ALTER TABLE posting RENAME TO posting_5;
CREATE TABLE posting (
    op      TEXT   NOT NULL,
    leg     BIGINT NOT NULL,
    token   TEXT   NOT NULL,
    meter   TEXT   NOT NULL,
    account TEXT   NOT NULL,
    place   TEXT   NOT NULL
        CHECK (place IN ('customer', 'in-transit', 'meter-held', 'variance', 'revenue')),
    unit    TEXT   NOT NULL,
    amount  BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (op, leg)
);
INSERT INTO posting (op, leg, token, meter, account, place, unit, amount, at)
    SELECT op, leg, token, meter, account, place, unit, amount, at FROM posting_5;
DROP TABLE posting_5;

-- Shifts that were closed, of a handheld or of an operator; what was in each, one row a unit; and
-- which movements it holds: each movement is in one shift of a handheld, and in one of an operator.
CREATE TABLE shift (
    id         TEXT   NOT NULL PRIMARY KEY,
    scope      TEXT   NOT NULL CHECK (scope IN ('device', 'operator')),
    name       TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    closed     BIGINT NOT NULL,
    -- How far the journal of a handheld was here.
    head_epoch BIGINT,
    head_seq   BIGINT,
    head_hash  BYTEA,
    UNIQUE (scope, name, number)
);
CREATE TABLE shift_sum (
    shift     TEXT   NOT NULL,
    unit      TEXT   NOT NULL CHECK (unit IN ('yuan', 'kwh')),
    brought   BIGINT NOT NULL,
    reserved  BIGINT NOT NULL,
    applied   BIGINT NOT NULL,
    voided    BIGINT NOT NULL,
    still_out BIGINT NOT NULL,
    refunded  BIGINT NOT NULL,
    corrected BIGINT NOT NULL,
    revenue   BIGINT NOT NULL,
    postings  BIGINT NOT NULL,
    ops       BIGINT NOT NULL,
    PRIMARY KEY (shift, unit)
);
CREATE TABLE shift_op (
    scope TEXT NOT NULL,
    op    TEXT NOT NULL,
    shift TEXT NOT NULL,
    PRIMARY KEY (scope, op)
);
CREATE INDEX shift_op_by_shift ON shift_op (shift);

-- Lists of sales that were issued whole: the name of one is the hash of what it says.
CREATE TABLE issue_list (
    id   TEXT   NOT NULL PRIMARY KEY,
    name TEXT   NOT NULL,
    at   BIGINT NOT NULL
);
CREATE TABLE issue_row (
    list  TEXT   NOT NULL,
    line  BIGINT NOT NULL,
    token TEXT   NOT NULL,
    PRIMARY KEY (list, line)
);

-- Recharges of the office itself, and the tokens they fence.
ALTER TABLE token ADD COLUMN fenced_by TEXT;

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
