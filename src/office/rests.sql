-- What a thing to look at rests on, and from where a restored office reads journals again, by sticks
-- too. Of one that waits already it is not known how far they were there: they are looked through
-- from the beginning.
ALTER TABLE review ADD COLUMN rests TEXT NOT NULL DEFAULT '';
ALTER TABLE rewound ADD COLUMN base BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rewound ADD COLUMN challenge BYTEA;
