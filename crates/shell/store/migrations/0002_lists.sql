-- Whom to call: lists, people, their numbers, and what is known of a number whatever list it stands in.

-- Distinct sets of candidate zones: a few hundred rows. The empty set is "nothing known".
CREATE TABLE zone_set (
    id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    zones text[] NOT NULL UNIQUE
);

CREATE TABLE list (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (name <> ''),
    -- Names of the extra columns, in file order: a prospect's fields are shown in it.
    columns    text[] NOT NULL DEFAULT '{}',
    archived   boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- One reading of one file into a list.
CREATE TABLE import (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    list_id     integer NOT NULL REFERENCES list ON DELETE CASCADE,
    file        text NOT NULL,
    rows        bigint NOT NULL DEFAULT 0 CHECK (rows >= 0),
    accepted    bigint NOT NULL DEFAULT 0 CHECK (accepted >= 0),
    duplicates  bigint NOT NULL DEFAULT 0 CHECK (duplicates >= 0),
    rejected    bigint NOT NULL DEFAULT 0 CHECK (rejected >= 0),
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX import_list ON import (list_id);

-- What could not be used, by row of the file and reason.
CREATE TABLE import_reject (
    import_id integer NOT NULL REFERENCES import ON DELETE CASCADE,
    row_no    bigint NOT NULL CHECK (row_no > 0),
    -- Several cells of one row may be refused.
    part      smallint NOT NULL CHECK (part >= 0),
    reason    text NOT NULL,
    raw       text NOT NULL,
    PRIMARY KEY (import_id, row_no, part)
);

CREATE TABLE prospect (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    list_id      integer NOT NULL REFERENCES list ON DELETE CASCADE,
    external_id  text NOT NULL CHECK (external_id <> ''),
    name         text,
    zone_set_id  integer NOT NULL REFERENCES zone_set,
    subject      text,
    amount_minor bigint,
    currency     text CHECK (currency ~ '^[A-Z]{3}$'),
    language     text,
    consent      boolean NOT NULL DEFAULT false,
    fields       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(fields) = 'object'),
    import_id    integer REFERENCES import ON DELETE SET NULL,
    row_no       bigint,
    UNIQUE (list_id, external_id),
    CHECK ((amount_minor IS NULL) = (currency IS NULL))
);

-- What is known of a number over all lists and campaigns. `version` grows whenever a fact about the
-- number changes; a launch that rests on an older version is refused. Its row is the lock of the number.
CREATE TABLE number (
    e164    text PRIMARY KEY CHECK (e164 ~ '^\+[1-9][0-9]{6,14}$'),
    version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 80);

CREATE TABLE phone (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    prospect_id bigint NOT NULL REFERENCES prospect ON DELETE CASCADE,
    position    smallint NOT NULL CHECK (position >= 0),
    number      text NOT NULL REFERENCES number,
    raw         text NOT NULL,
    kind        text NOT NULL DEFAULT '',
    extension   text,
    UNIQUE (prospect_id, position),
    UNIQUE (prospect_id, number)
);
CREATE INDEX phone_number ON phone (number);

-- Marks that survive re-import.
CREATE TABLE number_registry (
    number      text NOT NULL REFERENCES number,
    mark        text NOT NULL CHECK (mark IN ('suspected', 'invalid', 'old', 'fax', 'reassigned')),
    times       integer NOT NULL DEFAULT 1 CHECK (times > 0),
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    campaign_id integer,
    attempt_id  uuid,
    PRIMARY KEY (number, mark)
);

-- Do-not-call. The empty seller means everyone.
CREATE TABLE suppression (
    number     text NOT NULL CHECK (number ~ '^\+[1-9][0-9]{6,14}$'),
    seller     text NOT NULL DEFAULT '',
    reason     text NOT NULL,
    source     text NOT NULL,
    added_at   timestamptz NOT NULL,
    PRIMARY KEY (number, seller)
);

-- Where an import puts its rows before they are sorted out; empty between imports.
CREATE UNLOGGED TABLE import_stage (
    import_id    integer NOT NULL,
    row_no       bigint NOT NULL,
    external_id  text NOT NULL,
    name         text,
    zones        text[] NOT NULL,
    subject      text,
    amount_minor bigint,
    currency     text,
    language     text,
    consent      boolean NOT NULL,
    fields       jsonb NOT NULL,
    -- [[number, raw, kind, extension], …] in file order
    phones       jsonb NOT NULL
);
CREATE INDEX import_stage_row ON import_stage (import_id, external_id, row_no);
