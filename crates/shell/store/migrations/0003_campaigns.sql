-- What a supervisor configures, versioned.

CREATE TABLE questionnaire (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL CHECK (name <> ''),
    version    integer NOT NULL CHECK (version > 0),
    body       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name, version)
);

CREATE TABLE campaign (
    id               integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text NOT NULL UNIQUE CHECK (name <> ''),
    -- Grows with each change of what is configured; the state is not part of that.
    version          integer NOT NULL DEFAULT 1 CHECK (version > 0),
    state            text NOT NULL DEFAULT 'draft'
                     CHECK (state IN ('draft', 'running', 'paused', 'stopped', 'finished')),
    state_because    text NOT NULL DEFAULT '',
    state_at         timestamptz NOT NULL DEFAULT now(),
    seller           text NOT NULL CHECK (seller <> ''),
    purpose          text NOT NULL CHECK (purpose <> ''),
    subject          text,
    mode             text NOT NULL CHECK (mode IN ('predictive', 'progressive', 'preview', 'notification')),
    policy           text NOT NULL,
    trunk_group_id   integer NOT NULL REFERENCES trunk_group,
    caller           text NOT NULL CHECK (caller ~ '^\+[1-9][0-9]{6,14}$'),
    starts_at        timestamptz,
    ends_at          timestamptz,
    questionnaire_id integer REFERENCES questionnaire,
    -- Names of calling-rule profiles; the strictest combination of them holds.
    profiles         text[] NOT NULL CHECK (cardinality(profiles) > 0),
    -- Hours, limits, retry table, message, greeting: read by whoever builds the engine's view of it.
    settings         jsonb NOT NULL CHECK (jsonb_typeof(settings) = 'object'),
    created_at       timestamptz NOT NULL DEFAULT now(),
    CHECK (ends_at > starts_at)
);
CREATE INDEX campaign_seller ON campaign (seller);

-- Every configuration that ever held, as evidence.
CREATE TABLE campaign_version (
    campaign_id integer NOT NULL REFERENCES campaign ON DELETE CASCADE,
    version     integer NOT NULL,
    config      jsonb NOT NULL,
    changed_by  integer REFERENCES account ON DELETE SET NULL,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (campaign_id, version)
);

-- What an outcome may say, per version of the campaign.
CREATE TABLE disposition (
    campaign_id integer NOT NULL,
    version     integer NOT NULL,
    code        text NOT NULL CHECK (code ~ '^[a-z_]{1,40}$'),
    position    smallint NOT NULL CHECK (position >= 0),
    label       text NOT NULL CHECK (label <> ''),
    kind        text NOT NULL CHECK (kind IN ('call_back', 'negative', 'sale', 'appointment', 'follow_up',
                                              'information', 'technical')),
    action      jsonb NOT NULL,
    success     boolean NOT NULL,
    PRIMARY KEY (campaign_id, version, code),
    FOREIGN KEY (campaign_id, version) REFERENCES campaign_version ON DELETE CASCADE
);

CREATE TABLE campaign_list (
    campaign_id integer NOT NULL REFERENCES campaign ON DELETE CASCADE,
    list_id     integer NOT NULL REFERENCES list,
    added_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (campaign_id, list_id)
);
CREATE INDEX campaign_list_list ON campaign_list (list_id);

CREATE TABLE campaign_group (
    campaign_id integer NOT NULL REFERENCES campaign ON DELETE CASCADE,
    group_id    integer NOT NULL REFERENCES agent_group,
    PRIMARY KEY (campaign_id, group_id)
);
CREATE INDEX campaign_group_group ON campaign_group (group_id);
