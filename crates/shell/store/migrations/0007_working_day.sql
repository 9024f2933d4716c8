-- What an agent can do that a prospect may need: languages as BCP 47 tags.
ALTER TABLE agent ADD COLUMN skills text[] NOT NULL DEFAULT '{}';

-- Orders that nobody is called, for one seller or for all; kept when lifted, as evidence.
CREATE TABLE halt (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Absent: for all.
    seller    text CHECK (seller <> ''),
    reason    text NOT NULL,
    by_id     integer REFERENCES account,
    at        timestamptz NOT NULL,
    lifted_by integer REFERENCES account,
    lifted_at timestamptz,
    CHECK (lifted_by IS NULL OR lifted_at IS NOT NULL)
);
CREATE UNIQUE INDEX halt_holds ON halt (coalesce(seller, '')) WHERE lifted_at IS NULL;

-- Private promises that are open, by campaign: whose tolerance is over is looked for every few seconds.
CREATE INDEX callback_private ON callback (campaign_id, at) WHERE state = 'open' AND agent_id IS NOT NULL;

-- What an agent typed and never confirmed is offered to the same agent again.
CREATE INDEX outcome_draft_agent ON outcome_draft (agent_id);

-- Sessions of agents that are open: a daemon that starts again goes on with them.
CREATE TABLE agent_session (
    agent_id  integer PRIMARY KEY REFERENCES agent ON DELETE CASCADE,
    node_id   integer NOT NULL REFERENCES node,
    session   text NOT NULL,
    -- Why the agent takes no calls; absent: takes calls.
    pause     text,
    opened_at timestamptz NOT NULL
);
