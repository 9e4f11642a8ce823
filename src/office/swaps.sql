-- From ledger format 4 to 5: swaps. The tables of tokens and postings are made anew, because their
-- rules change: legs of swaps are tokens, and there is a place for what nobody can prove.
DROP INDEX token_step;
DROP INDEX token_undoes;
DROP INDEX token_by_device;
DROP INDEX token_by_key;
ALTER TABLE token RENAME TO token_4;
CREATE TABLE token (
    id            TEXT   NOT NULL PRIMARY KEY,
    meter         TEXT   NOT NULL,
    account       TEXT   NOT NULL,
    count_before  BIGINT NOT NULL,
    amount        BIGINT NOT NULL CHECK (amount > 0 OR act = 'open' AND amount = 0),
    unit          TEXT   NOT NULL CHECK (unit IN ('yuan', 'kwh')),
    device        TEXT   NOT NULL,
    seq           BIGINT,
    order_no      BYTEA  NOT NULL,
    issued        BIGINT NOT NULL,
    expires       BIGINT NOT NULL,
    bytes         BYTEA  NOT NULL,
    kid           TEXT   NOT NULL,
    revoked       BIGINT,
    state         TEXT   NOT NULL
        CHECK (state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied', 'voided')),
    intent_seq    BIGINT,
    superseded_by TEXT,
    told          BIGINT NOT NULL,
    act           TEXT   NOT NULL
        CHECK (act IN ('recharge', 'refund', 'carry-in', 'carry-out', 'open', 'reversal')),
    undoes        TEXT,
    swap          TEXT,
    leg           TEXT   CHECK (leg IN ('out', 'open', 'in', 'provisional')),
    UNIQUE (meter, seq)
);
INSERT INTO token (id, meter, account, count_before, amount, unit, device, seq, order_no, issued,
                   expires, bytes, kid, revoked, state, intent_seq, superseded_by, told, act, undoes)
    SELECT id, meter, account, count_before, amount, unit, device, seq, order_no, issued,
           expires, bytes, kid, revoked, state, intent_seq, superseded_by, told, act, undoes
    FROM token_4;
DROP TABLE token_4;
CREATE UNIQUE INDEX token_step ON token (meter, account, count_before)
    WHERE state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied')
    AND act IN ('recharge', 'carry-in', 'open') AND amount > 0 AND swap IS NULL;
CREATE UNIQUE INDEX token_credit ON token (meter, account, count_before)
    WHERE state = 'applied' AND act IN ('recharge', 'carry-in', 'open') AND amount > 0;
CREATE UNIQUE INDEX token_undoes ON token (undoes)
    WHERE state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied')
    AND undoes IS NOT NULL;
CREATE INDEX token_by_device ON token (device, state);
CREATE INDEX token_by_key ON token (kid, state);
CREATE INDEX token_by_swap ON token (swap);
ALTER TABLE posting RENAME TO posting_4;
CREATE TABLE posting (
    op      TEXT   NOT NULL,
    leg     BIGINT NOT NULL,
    token   TEXT   NOT NULL,
    meter   TEXT   NOT NULL,
    account TEXT   NOT NULL,
    place   TEXT   NOT NULL CHECK (place IN ('customer', 'in-transit', 'meter-held', 'variance')),
    unit    TEXT   NOT NULL,
    amount  BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (op, leg)
);
INSERT INTO posting (op, leg, token, meter, account, place, unit, amount, at)
    SELECT op, leg, token, meter, account, place, unit, amount, at FROM posting_4;
DROP TABLE posting_4;
CREATE INDEX posting_by_token ON posting (token);
ALTER TABLE meter ADD COLUMN closed BIGINT;
CREATE TABLE swap (
    id           TEXT   NOT NULL PRIMARY KEY,
    old_meter    TEXT   NOT NULL,
    old_account  TEXT   NOT NULL,
    meter        TEXT   NOT NULL,
    account      TEXT   NOT NULL,
    count_before BIGINT NOT NULL,
    unit         TEXT   NOT NULL CHECK (unit IN ('yuan', 'kwh')),
    most         BIGINT NOT NULL,
    provisional  BIGINT NOT NULL,
    arrears      BIGINT NOT NULL,
    profile      TEXT   NOT NULL,
    device       TEXT   NOT NULL,
    seq          BIGINT NOT NULL,
    issued       BIGINT NOT NULL,
    expires      BIGINT NOT NULL,
    bytes        BYTEA  NOT NULL,
    kid          TEXT   NOT NULL,
    revoked      BIGINT,
    state        TEXT   NOT NULL
        CHECK (state IN ('reserved', 'delivered', 'begun', 'done', 'voided')),
    told         BIGINT NOT NULL,
    errand       TEXT,
    claim        BIGINT NOT NULL,
    bound        BIGINT NOT NULL,
    UNIQUE (meter, seq)
);
CREATE UNIQUE INDEX swap_old ON swap (old_meter)
    WHERE state IN ('reserved', 'delivered', 'begun');
CREATE UNIQUE INDEX swap_new ON swap (meter)
    WHERE state IN ('reserved', 'delivered', 'begun');
CREATE UNIQUE INDEX swap_claims_old ON swap (old_meter) WHERE claim = 1;
CREATE UNIQUE INDEX swap_claims_new ON swap (meter) WHERE claim = 1;
CREATE INDEX swap_by_device ON swap (device, state);
