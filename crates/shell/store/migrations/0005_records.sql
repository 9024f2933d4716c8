-- What came of it.

CREATE TABLE callback (
    campaign_id integer NOT NULL,
    id          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    prospect_id bigint NOT NULL,
    -- The attempt in whose outcome it was promised; absent when a supervisor made it.
    attempt_id  uuid,
    -- Only this agent; absent: anyone of the groups.
    agent_id    integer REFERENCES agent,
    at          timestamptz NOT NULL,
    phone_id    bigint REFERENCES phone,
    note        text NOT NULL DEFAULT '',
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'kept', 'replaced', 'cancelled')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    closed_at   timestamptz,
    PRIMARY KEY (campaign_id, id),
    FOREIGN KEY (campaign_id, prospect_id) REFERENCES queue,
    CHECK ((state = 'open') = (closed_at IS NULL))
);
CREATE UNIQUE INDEX callback_one_open ON callback (campaign_id, prospect_id) WHERE state = 'open';
CREATE INDEX callback_agent ON callback (agent_id, at) WHERE state = 'open';

-- What the agent or the announcement made of an attempt. A correction is a further version.
CREATE TABLE outcome (
    campaign_id integer NOT NULL,
    attempt_id  uuid NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    prospect_id bigint NOT NULL REFERENCES prospect,
    agent_id    integer REFERENCES agent,
    disposition text NOT NULL CHECK (disposition <> ''),
    answers     jsonb NOT NULL,
    note        text NOT NULL,
    call_at     timestamptz,
    callback_id bigint,
    at          timestamptz NOT NULL,
    saved_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (campaign_id, attempt_id, version),
    -- The same outcome written again (a replay of the spool) is found by its instant.
    UNIQUE (campaign_id, attempt_id, at),
    FOREIGN KEY (campaign_id, attempt_id) REFERENCES attempt,
    FOREIGN KEY (campaign_id, callback_id) REFERENCES callback
);
CREATE INDEX outcome_prospect ON outcome (prospect_id);

-- The newest version of each outcome.
CREATE VIEW current_outcome AS
    SELECT DISTINCT ON (campaign_id, attempt_id) *
    FROM outcome
    ORDER BY campaign_id, attempt_id, version DESC;

-- What an agent has typed so far; survives a lost client.
CREATE TABLE outcome_draft (
    campaign_id integer NOT NULL,
    attempt_id  uuid NOT NULL,
    agent_id    integer NOT NULL REFERENCES agent ON DELETE CASCADE,
    body        jsonb NOT NULL,
    saved_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (campaign_id, attempt_id),
    FOREIGN KEY (campaign_id, attempt_id) REFERENCES attempt ON DELETE CASCADE
);

CREATE TABLE agent_state_log (
    agent_id    integer NOT NULL REFERENCES agent ON DELETE CASCADE,
    at          timestamptz NOT NULL,
    state       text NOT NULL CHECK (state IN ('offline', 'not_ready', 'ready', 'previewing', 'dialling',
                                               'talking', 'holding', 'wrap_up', 'connection_lost')),
    reason      text NOT NULL DEFAULT '',
    campaign_id integer,
    attempt_id  uuid,
    -- Changes at one instant stay in order.
    id          bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (agent_id, at, state)
);

-- The outbox. `xid` is the writer: a reader takes only rows whose writer is older than every running
-- one, or a row that commits late would be skipped.
CREATE TABLE event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at          timestamptz NOT NULL,
    kind        text NOT NULL CHECK (kind <> ''),
    campaign_id integer,
    prospect_id bigint,
    attempt_id  uuid,
    body        jsonb NOT NULL
);
