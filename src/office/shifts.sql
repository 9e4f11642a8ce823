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
