-- From ledger format 2 to 3: where a meter hangs on its bus.
ALTER TABLE meter ADD COLUMN bus_line    TEXT   NOT NULL DEFAULT '';
ALTER TABLE meter ADD COLUMN bus_box     TEXT   NOT NULL DEFAULT '';
ALTER TABLE meter ADD COLUMN bus_user    BIGINT NOT NULL DEFAULT 0;
ALTER TABLE meter ADD COLUMN bus_address TEXT   NOT NULL DEFAULT '';
