-- What a person refused is part of what came of the talk.

-- Whether the person refused, or asked not to be called: caps that follow a refusal count from the attempt.
ALTER TABLE outcome ADD COLUMN refused boolean NOT NULL DEFAULT false;

-- In which currencies the amounts of a list are: a handful of probes instead of a walk over the list.
CREATE INDEX prospect_currency ON prospect (list_id, currency) WHERE currency IS NOT NULL;
