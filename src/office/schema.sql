-- The office's database. A subset of SQL that SQLite and PostgreSQL read alike: no triggers, no
-- generated keys, no engine functions. BYTEA is PostgreSQL's name; SQLite stores what it is given.
-- Numbers of meters, accounts and tokens are text, as people write them. Times are Unix seconds.
-- Amounts are integers: fen or 0.01 kWh, never mixed; every sum is taken per unit.

CREATE TABLE office (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE device (
    device      TEXT   NOT NULL PRIMARY KEY,
    status      TEXT   NOT NULL CHECK (status IN ('offered', 'enrolled', 'quarantined')),
    secret_hash BYTEA  NOT NULL,
    secret_ends BIGINT NOT NULL,
    public_key  BYTEA,
    epoch       BIGINT NOT NULL,
    head_seq    BIGINT NOT NULL,
    head_hash   BYTEA  NOT NULL,
    receipts    BIGINT NOT NULL,
    bye_receipt BIGINT NOT NULL,
    last_seen   BIGINT NOT NULL
);

-- The journals as received; never changed, never deleted.
CREATE TABLE event (
    device   TEXT   NOT NULL,
    epoch    BIGINT NOT NULL,
    seq      BIGINT NOT NULL,
    hash     BYTEA  NOT NULL,
    body     BYTEA  NOT NULL,
    kind     TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    meter    TEXT,
    token    TEXT,
    outcome  TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    received BIGINT NOT NULL,
    PRIMARY KEY (device, epoch, seq)
);
CREATE INDEX event_by_token ON event (token);
CREATE INDEX event_by_meter ON event (meter);

-- Records that contradict an event already here: both are kept.
CREATE TABLE fork (
    device   TEXT   NOT NULL,
    epoch    BIGINT NOT NULL,
    seq      BIGINT NOT NULL,
    hash     BYTEA  NOT NULL,
    body     BYTEA  NOT NULL,
    received BIGINT NOT NULL,
    PRIMARY KEY (device, epoch, seq, hash)
);

CREATE TABLE meter (
    meter    TEXT NOT NULL PRIMARY KEY,
    account  TEXT NOT NULL,
    unit     TEXT NOT NULL CHECK (unit IN ('yuan', 'kwh')),
    customer TEXT NOT NULL,
    location TEXT NOT NULL,
    profile  TEXT NOT NULL
);

-- The last proved reading of each meter account: a projection of the events.
CREATE TABLE meter_state (
    meter   TEXT   NOT NULL,
    account TEXT   NOT NULL,
    count   BIGINT NOT NULL,
    balance BIGINT NOT NULL,
    seen    BIGINT NOT NULL,
    PRIMARY KEY (meter, account)
);

CREATE TABLE token (
    id            TEXT   NOT NULL PRIMARY KEY,
    meter         TEXT   NOT NULL,
    account       TEXT   NOT NULL,
    count_before  BIGINT NOT NULL,
    amount        BIGINT NOT NULL CHECK (amount > 0),
    unit          TEXT   NOT NULL CHECK (unit IN ('yuan', 'kwh')),
    device        TEXT   NOT NULL,
    seq           BIGINT NOT NULL,
    order_no      BYTEA  NOT NULL,
    issued        BIGINT NOT NULL,
    expires       BIGINT NOT NULL,
    bytes         BYTEA  NOT NULL,
    state         TEXT   NOT NULL
        CHECK (state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied', 'voided')),
    intent_seq    BIGINT,
    superseded_by TEXT,
    told          BIGINT NOT NULL,
    UNIQUE (meter, seq)
);
-- One credit, out or in the meter, for each step of each meter account.
CREATE UNIQUE INDEX token_step ON token (meter, account, count_before)
    WHERE state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied');
CREATE INDEX token_by_device ON token (device, state);

-- Double entry: the legs of one op sum to zero, and so does everything. An op is a movement's name
-- and a token, so no movement is booked twice.
CREATE TABLE posting (
    op      TEXT   NOT NULL,
    leg     BIGINT NOT NULL,
    token   TEXT   NOT NULL,
    meter   TEXT   NOT NULL,
    account TEXT   NOT NULL,
    place   TEXT   NOT NULL CHECK (place IN ('customer', 'in-transit', 'meter-held')),
    unit    TEXT   NOT NULL,
    amount  BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (op, leg)
);

-- Sent again byte for byte.
CREATE TABLE receipt (
    device TEXT   NOT NULL,
    number BIGINT NOT NULL,
    epoch  BIGINT NOT NULL,
    first  BIGINT NOT NULL,
    last   BIGINT NOT NULL,
    hash   BYTEA  NOT NULL,
    bytes  BYTEA  NOT NULL,
    PRIMARY KEY (device, number),
    UNIQUE (device, epoch, first, last)
);

-- What a person must look at, and what he decided.
CREATE TABLE review (
    id      TEXT   NOT NULL PRIMARY KEY,
    class   TEXT   NOT NULL,
    why     TEXT   NOT NULL,
    device  TEXT   NOT NULL,
    epoch   BIGINT NOT NULL,
    seq     BIGINT NOT NULL,
    meter   TEXT,
    token   TEXT,
    raised  BIGINT NOT NULL,
    settled BIGINT,
    verdict TEXT,
    reason  TEXT
);
CREATE INDEX review_by_token ON review (token);

-- Decisions on tokens their handheld must hear of, until its journal shows that it did.
CREATE TABLE decision (
    token   TEXT   NOT NULL PRIMARY KEY,
    device  TEXT   NOT NULL,
    meter   TEXT   NOT NULL,
    booked  BIGINT NOT NULL,
    receipt BIGINT NOT NULL,
    reason  TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    told    BIGINT NOT NULL
);
