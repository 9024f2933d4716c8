-- What a supervisor changes while a campaign runs, and what is known of how a list was read.

-- The lists are part of what is configured. Absent: the version is older than this column.
ALTER TABLE campaign_version ADD COLUMN lists integer[];

-- A prospect whose list was taken from its campaign in the middle of a call does not come back into the queue,
-- whoever moves it on: a result, an outcome, a launch taken back, a restart. A promise made in that call is void.
CREATE FUNCTION queue_without_list() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM prospect p JOIN campaign_list l ON l.list_id = p.list_id
                   WHERE p.id = NEW.prospect_id AND l.campaign_id = NEW.campaign_id) THEN
        NEW.state := 5;
        NEW.closed_as := 'done';
        NEW.because := 'list removed';
        NEW.held_by := NULL;
        NEW.next_phone_id := NULL;
        UPDATE callback SET state = 'cancelled', closed_at = now()
        WHERE campaign_id = NEW.campaign_id AND prospect_id = NEW.prospect_id AND state = 'open';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER queue_without_list BEFORE UPDATE OF state ON queue
    FOR EACH ROW WHEN (NEW.state = 0 AND OLD.state > 1) EXECUTE FUNCTION queue_without_list();

-- Who imported a file and what was chosen for it.
ALTER TABLE import ADD COLUMN imported_by integer REFERENCES account ON DELETE SET NULL,
    -- The zone assumed for people who may be in several; for how many of the file's prospects it was.
    ADD COLUMN assumed_zone text,
    ADD COLUMN assumed bigint NOT NULL DEFAULT 0 CHECK (assumed >= 0),
    ADD COLUMN ranges_file text,
    ADD CHECK (assumed_zone IS NOT NULL OR assumed = 0);

-- The user's own number ranges as they were when a file was imported by them.
CREATE TABLE import_range (
    import_id integer NOT NULL REFERENCES import ON DELETE CASCADE,
    row_no    bigint NOT NULL CHECK (row_no > 0),
    -- Digits of E.164. A prefix is kept as one; else the first and the last number.
    prefix    bigint CHECK (prefix > 0),
    first     bigint CHECK (first > 0),
    last      bigint CHECK (last >= first),
    place     text NOT NULL CHECK (place <> ''),
    PRIMARY KEY (import_id, row_no),
    CHECK ((prefix IS NULL) = (first IS NOT NULL) AND (first IS NULL) = (last IS NULL))
);
