-- The table that came with ledger format 8: sales that were prepared and not issued. They reserve no
-- step and move no money; `id` becomes the token's. One text for a new ledger and for an upgraded one.
CREATE TABLE draft (
    id      TEXT   NOT NULL PRIMARY KEY,
    meter   TEXT   NOT NULL,
    amount  BIGINT NOT NULL,
    unit    TEXT   NOT NULL CHECK (unit IN ('yuan', 'kwh')),
    device  TEXT   NOT NULL,
    days    BIGINT NOT NULL,
    act     TEXT   NOT NULL,
    account TEXT,
    undoes  TEXT,
    note    TEXT   NOT NULL,
    made    BIGINT NOT NULL
);
