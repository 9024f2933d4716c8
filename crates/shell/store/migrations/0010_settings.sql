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
