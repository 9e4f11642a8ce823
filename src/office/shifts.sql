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
