-- The tables that came with ledger format 7: bundles that were written, rounds the office makes, and
-- accounts it has closed. One text for a new ledger and for an upgraded one.

-- Bundles that were written to meters, one row for each visit's end in a journal: what a meter holds
-- by each handheld, to find two that wrote one parameter differently (`parallel.rs`). `wrong`: the
-- names of what does not read right, one a line; empty where all does.
CREATE TABLE bundle_write (
    device   TEXT   NOT NULL,
    epoch    BIGINT NOT NULL,
    seq      BIGINT NOT NULL,
    meter    TEXT   NOT NULL,
    bundle   TEXT   NOT NULL,
    wrong    TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    received BIGINT NOT NULL,
    PRIMARY KEY (device, epoch, seq)
);
CREATE INDEX bundle_write_by_meter ON bundle_write (meter);

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
