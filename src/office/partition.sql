-- Spreads a ledger of PostgreSQL over PARTS partitions (`init --partitions`): what a handheld wrote
-- by handheld, money by meter. Every key holds the column it is spread by, so that the keys go on
-- refusing what they refused: a token and its postings are of one meter for ever, a reversal is of
-- the meter it undoes. The statements of the program are the same with and without. A table that is
-- spread already stays as it is: an upgrade that made one anew spreads that one again.
DO $$
DECLARE
    whole RECORD;
    part  INT;
BEGIN
    FOR whole IN SELECT * FROM (VALUES
        ('event', 'device', 'device, epoch, seq'),
        ('pack', 'device', 'device, epoch, first, last, hash'),
        ('receipt', 'device', 'device, number'),
        ('meter_state', 'meter', 'meter, account'),
        ('token', 'meter', 'meter, id'),
        ('posting', 'meter', 'meter, op, leg')
    ) AS v (name, spread, key)
    LOOP
        CONTINUE WHEN EXISTS (
            SELECT 1 FROM pg_class WHERE oid = to_regclass(whole.name) AND relkind = 'p');
        EXECUTE format('ALTER TABLE %I RENAME TO %I', whole.name, whole.name || '_whole');
        EXECUTE format(
            'CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (%s))
             PARTITION BY HASH (%I)',
            whole.name, whole.name || '_whole', whole.key, whole.spread);
        FOR part IN 0 .. PARTS - 1 LOOP
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS PARTS, REMAINDER %s)',
                whole.name || '_' || part, whole.name, part);
        END LOOP;
        EXECUTE format('INSERT INTO %I SELECT * FROM %I', whole.name, whole.name || '_whole');
        EXECUTE format('DROP TABLE %I', whole.name || '_whole');
        IF whole.name = 'receipt' THEN
            ALTER TABLE receipt ADD UNIQUE (device, epoch, first, last);
        ELSIF whole.name = 'token' THEN
            ALTER TABLE token ADD UNIQUE (meter, seq);
            CREATE INDEX token_by_id ON token (id);
            CREATE UNIQUE INDEX token_undoes ON token (meter, undoes)
                WHERE state IN ('reserved', 'delivered', 'suspect', 'disputed', 'applied')
                AND undoes IS NOT NULL;
        END IF;
    END LOOP;
END $$;
