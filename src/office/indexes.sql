-- The indexes of the tables that grow, with what they keep unique: the same for a new ledger, for
-- an upgraded one and for one in partitions (what is unique holds the column it is spread by).
-- An index costs every row that is written; so each holds the rows it is asked for and no others.
DROP INDEX IF EXISTS event_by_token;
DROP INDEX IF EXISTS event_by_meter;
DROP INDEX IF EXISTS event_of_money;
DROP INDEX IF EXISTS token_step;
DROP INDEX IF EXISTS token_credit;
DROP INDEX IF EXISTS token_by_device;
DROP INDEX IF EXISTS token_by_key;
DROP INDEX IF EXISTS token_revoked;
DROP INDEX IF EXISTS token_by_swap;
DROP INDEX IF EXISTS token_opens;
DROP INDEX IF EXISTS swap_of_old;
DROP INDEX IF EXISTS review_open;
DROP INDEX IF EXISTS posting_by_token;
DROP INDEX IF EXISTS event_of_kind;
DROP INDEX IF EXISTS posting_by_time;
CREATE INDEX event_by_token ON event (token) WHERE token IS NOT NULL;
CREATE INDEX event_by_meter ON event (meter) WHERE meter IS NOT NULL;
CREATE INDEX event_of_money ON event (device, epoch, seq) WHERE kind = 'intent';
-- One credit, out or in the meter, for each step of each meter account; a debit takes none, and a
-- fenced token has given its step up.
CREATE UNIQUE INDEX token_step ON token (meter, account, count_before)
    WHERE state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied')
    AND act IN ('recharge', 'carry-in', 'open') AND amount > 0 AND swap IS NULL
    AND fenced_by IS NULL;
-- And in the meter, one of all: a token or a leg of a swap.
CREATE UNIQUE INDEX token_credit ON token (meter, account, count_before)
    WHERE state = 'applied' AND act IN ('recharge', 'carry-in', 'open') AND amount > 0;
-- Of a handheld all are asked for: a shift is closed over what was ever given to it.
CREATE INDEX token_by_device ON token (device, state);
-- Nearly every token ends applied, and is asked for by its key only before. A statement that means
-- these says so in the same words: SQLite compares words.
CREATE INDEX token_by_key ON token (kid) WHERE state <> 'applied';
CREATE INDEX token_revoked ON token (device) WHERE revoked IS NOT NULL;
CREATE INDEX token_by_swap ON token (swap) WHERE swap IS NOT NULL;
-- Asked for every meter of a pack: what opens an account in it, and what took it down.
CREATE INDEX token_opens ON token (meter) WHERE act = 'open';
CREATE INDEX swap_of_old ON swap (old_meter);
-- And of every pack: what a person was asked that it may answer.
CREATE INDEX review_open ON review (device) WHERE settled IS NULL;
CREATE INDEX posting_by_token ON posting (token);
-- What the desk's lists ask the journals and the books for.
CREATE INDEX event_of_kind ON event (kind, at)
    WHERE kind IN ('marked', 'bundle-taken', 'time-anchor', 'revoked');
CREATE INDEX posting_by_time ON posting (at);
