-- Who signs in and who takes calls.

-- Daemons that share this database. An epoch is one run of one node: what an older epoch left open is
-- closed by the same node when it starts again, never by another node.
CREATE TABLE node (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (name <> ''),
    epoch      bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE account (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login         text NOT NULL CHECK (login <> '' AND login = lower(login)),
    name          text NOT NULL CHECK (name <> ''),
    role          text NOT NULL CHECK (role IN ('agent', 'supervisor', 'admin')),
    -- PHC string of argon2; absent: signs in by token only.
    password_hash text CHECK (password_hash LIKE '$%'),
    disabled      boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (login)
);

-- Sessions and API tokens. The secret itself is never stored.
CREATE TABLE api_token (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   integer NOT NULL REFERENCES account ON DELETE CASCADE,
    label        text NOT NULL,
    secret_hash  bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX api_token_account ON api_token (account_id);

-- The one-time token of the first start. One row at most.
CREATE TABLE setup_token (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    created_at  timestamptz NOT NULL DEFAULT now(),
    used_at     timestamptz
);

-- An account that takes calls, with its SIP phone.
CREATE TABLE agent (
    id       integer PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    sip_user text NOT NULL UNIQUE CHECK (sip_user <> ''),
    -- RFC 2617 section 3.2.2.2: H(user:realm:password), hexadecimal. Equivalent to a password for SIP.
    sip_ha1  text NOT NULL CHECK (sip_ha1 ~ '^[0-9a-f]{32}([0-9a-f]{32})?$')
);

CREATE TABLE agent_group (
    id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> '')
);

CREATE TABLE agent_group_member (
    group_id integer NOT NULL REFERENCES agent_group ON DELETE CASCADE,
    agent_id integer NOT NULL REFERENCES agent ON DELETE CASCADE,
    PRIMARY KEY (group_id, agent_id)
);
CREATE INDEX agent_group_member_agent ON agent_group_member (agent_id);

CREATE TABLE trunk_group (
    id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> '')
);

CREATE TABLE trunk (
    id               integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id         integer NOT NULL REFERENCES trunk_group,
    name             text NOT NULL UNIQUE CHECK (name <> ''),
    priority         integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 65535),
    weight           integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 65535),
    channels         integer NOT NULL CHECK (channels > 0),
    calls_per_second integer NOT NULL CHECK (calls_per_second > 0),
    enabled          boolean NOT NULL DEFAULT true,
    -- Addresses, transport and secrets: known to telephony alone.
    connection       jsonb NOT NULL CHECK (jsonb_typeof(connection) = 'object')
);
CREATE INDEX trunk_by_group ON trunk (group_id);

-- Answers given to requests that carry an id (AIP-155): the same id gets the same answer for 24 hours.
CREATE TABLE request_dedupe (
    account_id integer NOT NULL REFERENCES account ON DELETE CASCADE,
    request_id uuid NOT NULL,
    method     text NOT NULL,
    -- Of the request's bytes: the same id with other content is refused.
    digest     bytea NOT NULL,
    answer     bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, request_id)
);
CREATE INDEX request_dedupe_age ON request_dedupe (created_at);
