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
    last_seen   BIGINT NOT NULL,
    -- What its journal shows it knows: how far we hold it, and which status it goes by.
    known_acked  BIGINT NOT NULL,
    status_taken BIGINT NOT NULL,
    -- The highest version of a status given; never goes down, whatever the clock does.
    status_given BIGINT NOT NULL,
    -- How many recovery codes of this life were given out.
    recovery_given BIGINT NOT NULL,
    software    TEXT   NOT NULL
);

-- Its key in each life of its journal, and where the life was closed.
CREATE TABLE device_key (
    device     TEXT   NOT NULL,
    epoch      BIGINT NOT NULL,
    public_key BYTEA  NOT NULL,
    since      BIGINT NOT NULL,
    closed     BIGINT,
    last_seq   BIGINT,
    last_hash  BYTEA,
    PRIMARY KEY (device, epoch)
);

-- The packs as they came, with the handheld's signature; also those that were not taken in because
-- they contradict others. A pack that comes again has another nonce: the first is kept.
CREATE TABLE pack (
    device   TEXT   NOT NULL,
    epoch    BIGINT NOT NULL,
    first    BIGINT NOT NULL,
    last     BIGINT NOT NULL,
    hash     BYTEA  NOT NULL,
    document BYTEA  NOT NULL,
    received BIGINT NOT NULL,
    PRIMARY KEY (device, epoch, first, last, hash)
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
    operator TEXT   NOT NULL,
    meter    TEXT,
    token    TEXT,
    outcome  TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    received BIGINT NOT NULL,
    PRIMARY KEY (device, epoch, seq)
);

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
    profile  TEXT NOT NULL,
    area     TEXT NOT NULL,
    -- Where it hangs on its bus: line, box (multi-user terminal), user in it, address.
    bus_line    TEXT   NOT NULL DEFAULT '',
    bus_box     TEXT   NOT NULL DEFAULT '',
    bus_user    BIGINT NOT NULL DEFAULT 0,
    bus_address TEXT   NOT NULL DEFAULT '',
    -- When it was swapped out, by the handheld's clock, or its account was closed; it is not on the
    -- list from then on.
    closed   BIGINT
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
    -- Only an account can be opened without money.
    amount        BIGINT NOT NULL CHECK (amount > 0 OR act = 'open' AND amount = 0),
    unit          TEXT   NOT NULL CHECK (unit IN ('yuan', 'kwh')),
    device        TEXT   NOT NULL,
    -- Null for a leg of a swap, whose leave has the number, and for a recharge from the office.
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
    -- The recharge a reversal undoes.
    undoes        TEXT,
    -- The swap it is a leg of, and which.
    swap          TEXT,
    leg           TEXT   CHECK (leg IN ('out', 'open', 'in', 'provisional')),
    -- The recharge of the office itself at the same step: the meter takes one of the two.
    fenced_by     TEXT,
    UNIQUE (meter, seq)
);
-- A recharge is undone once.
CREATE UNIQUE INDEX token_undoes ON token (undoes)
    WHERE state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied')
    AND undoes IS NOT NULL;

-- Leaves for swaps. The amount is not in them: each leg is a token that the journal fixes.
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
    -- The errand of the handheld's journal that carries it out.
    errand       TEXT,
    -- 0: no proof that it happened; 1: its proof was the first for its meters; 2: history, known
    -- when a later swap of one of them was issued.
    claim        BIGINT NOT NULL,
    -- Whether the list of meters follows it.
    bound        BIGINT NOT NULL,
    UNIQUE (meter, seq)
);
-- One swap of a meter at a time.
CREATE UNIQUE INDEX swap_old ON swap (old_meter)
    WHERE state IN ('reserved', 'delivered', 'begun');
CREATE UNIQUE INDEX swap_new ON swap (meter)
    WHERE state IN ('reserved', 'delivered', 'begun');
-- And one that happened, as long as nobody has issued another knowing of it.
CREATE UNIQUE INDEX swap_claims_old ON swap (old_meter) WHERE claim = 1;
CREATE UNIQUE INDEX swap_claims_new ON swap (meter) WHERE claim = 1;
CREATE INDEX swap_by_device ON swap (device, state);

-- Double entry: the legs of one op sum to zero, and so does everything. An op is a movement's name
-- and a token, so no movement is booked twice.
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

-- What a person must look at, and what he decided. `rests`: what it rests on, as JSON
-- (`grounds.rs`): entries, readings, receipts, tokens; or nothing.
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
    reason  TEXT,
    rests   TEXT   NOT NULL DEFAULT ''
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

-- People. What one of them may do is in the grant that was signed for each handheld.
CREATE TABLE operator (
    operator TEXT   NOT NULL PRIMARY KEY,
    name     TEXT   NOT NULL,
    role     TEXT   NOT NULL,
    areas    TEXT   NOT NULL,
    meters   TEXT   NOT NULL,
    verbs    BIGINT NOT NULL,
    caps     TEXT   NOT NULL,
    days     BIGINT NOT NULL,
    shift_s  BIGINT NOT NULL,
    active   BIGINT NOT NULL
);

CREATE TABLE grant_doc (
    id       TEXT   NOT NULL PRIMARY KEY,
    operator TEXT   NOT NULL,
    device   TEXT   NOT NULL,
    epoch    BIGINT NOT NULL,
    kid      TEXT   NOT NULL,
    issued   BIGINT NOT NULL,
    expires  BIGINT NOT NULL,
    caps     TEXT   NOT NULL,
    bytes    BYTEA  NOT NULL,
    -- The entry of the journal that shows it; null until one does.
    taken    BIGINT,
    revoked  BIGINT
);
CREATE INDEX grant_by_device ON grant_doc (device, operator);

CREATE TABLE override_doc (
    id       TEXT   NOT NULL PRIMARY KEY,
    operator TEXT   NOT NULL,
    device   TEXT   NOT NULL,
    epoch    BIGINT NOT NULL,
    kid      TEXT   NOT NULL,
    meter    TEXT   NOT NULL,
    verbs    BIGINT NOT NULL,
    issued   BIGINT NOT NULL,
    expires  BIGINT NOT NULL,
    by_whom  TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    bytes    BYTEA  NOT NULL,
    taken    BIGINT,
    used     BIGINT,
    revoked  BIGINT
);
CREATE INDEX override_by_device ON override_doc (device);

-- Statuses given, back to the one the journal shows it goes by: its limits are those in force.
CREATE TABLE status_doc (
    device  TEXT   NOT NULL,
    version BIGINT NOT NULL,
    issued  BIGINT NOT NULL,
    caps    TEXT   NOT NULL,
    bytes   BYTEA  NOT NULL,
    PRIMARY KEY (device, version)
);

-- Handhelds of an office that was restored from a backup, until their journals are here again:
-- nothing is issued while one is neither heard nor accepted. '*': what was enrolled after it.
CREATE TABLE rewound (
    device    TEXT   NOT NULL PRIMARY KEY,
    since     BIGINT NOT NULL,
    -- How far its journal was here then.
    base      BIGINT NOT NULL,
    -- What a letter must repeat to be known as written since; null before it was asked for one.
    challenge BYTEA,
    -- The head of its journal when it said HELLO, or in such a letter; null before that.
    head      BIGINT,
    -- When its journal was here to that head.
    heard     BIGINT,
    -- When a person decided not to wait for it, and why.
    accepted  BIGINT,
    reason    TEXT
);

-- Limits and times of a handheld; the row without a name is for all that have none of their own.
CREATE TABLE policy (
    device  TEXT   NOT NULL PRIMARY KEY,
    caps    TEXT   NOT NULL,
    life_s  BIGINT NOT NULL,
    grace_s BIGINT NOT NULL,
    idle_s  BIGINT NOT NULL
);

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
