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
