-- From ledger format 3 to 4: what a token does. Its table is made anew, because the rule on its
-- amount changes.
DROP INDEX token_step;
DROP INDEX token_by_device;
DROP INDEX token_by_key;
ALTER TABLE token RENAME TO token_3;
CREATE TABLE token (
    id            TEXT   NOT NULL PRIMARY KEY,
    meter         TEXT   NOT NULL,
    account       TEXT   NOT NULL,
    count_before  BIGINT NOT NULL,
    amount        BIGINT NOT NULL CHECK (amount > 0 OR act = 'open' AND amount = 0),
    unit          TEXT   NOT NULL CHECK (unit IN ('yuan', 'kwh')),
    device        TEXT   NOT NULL,
    seq           BIGINT NOT NULL,
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
        CHECK (act IN ('recharge', 'refund', 'carry-in', 'open', 'reversal')),
    undoes        TEXT,
    UNIQUE (meter, seq)
);
INSERT INTO token (id, meter, account, count_before, amount, unit, device, seq, order_no, issued,
                   expires, bytes, kid, revoked, state, intent_seq, superseded_by, told, act)
    SELECT id, meter, account, count_before, amount, unit, device, seq, order_no, issued,
           expires, bytes, kid, revoked, state, intent_seq, superseded_by, told, 'recharge'
    FROM token_3;
DROP TABLE token_3;
CREATE UNIQUE INDEX token_step ON token (meter, account, count_before)
    WHERE state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied')
    AND act IN ('recharge', 'carry-in', 'open') AND amount > 0;
CREATE UNIQUE INDEX token_undoes ON token (undoes)
    WHERE state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied')
    AND undoes IS NOT NULL;
CREATE INDEX token_by_device ON token (device, state);
CREATE INDEX token_by_key ON token (kid, state);
