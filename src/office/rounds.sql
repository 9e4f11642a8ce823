-- From ledger format 6 to 7: rounds the office makes, and accounts it has closed.

-- Rounds that were made, until their handheld's journal shows them and after: for which life of its
-- journal, the list as it was signed, and the signed document a handheld asks for by its hash.
CREATE TABLE round_doc (
    id      TEXT   NOT NULL PRIMARY KEY,
    device  TEXT   NOT NULL,
    epoch   BIGINT NOT NULL,
    name    TEXT   NOT NULL,
    digest  BYTEA  NOT NULL,
    meters  BIGINT NOT NULL,
    issued  BIGINT NOT NULL,
    due     BIGINT,
    expires BIGINT NOT NULL,
    body    BYTEA  NOT NULL,
    bytes   BYTEA  NOT NULL,
    taken   BIGINT,
    revoked BIGINT
);
CREATE INDEX round_by_device ON round_doc (device, epoch);

-- Meter accounts that were closed, each once: what the meter held at its last proof, and what was
-- paid back of it. `id` stands for it in `posting`, as a token's does.
CREATE TABLE meter_closed (
    meter   TEXT   NOT NULL,
    account TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    unit    TEXT   NOT NULL,
    balance BIGINT NOT NULL,
    paid    BIGINT NOT NULL,
    receipt TEXT   NOT NULL,
    reason  TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (meter, account)
);
CREATE UNIQUE INDEX closed_receipt ON meter_closed (receipt) WHERE receipt <> '';
