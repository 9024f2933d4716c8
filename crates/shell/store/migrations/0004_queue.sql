-- The hot part: who is to be called next, who is being called.

-- Tokens of leases. Never repeats, so a token of an older lease matches nothing.
CREATE SEQUENCE lease_token;

-- A prospect in a campaign. States: 0 due (from next_attempt_at on), 1 leased, 2 in an attempt,
-- 3 with an agent until the outcome comes, 4 held until facts change, 5 closed.
-- Priorities: 0 fresh, 1 retry, 2 hunt, 3 reserved agent, 4 public callback, 5 private callback.
CREATE TABLE queue (
    campaign_id     integer NOT NULL REFERENCES campaign,
    prospect_id     bigint NOT NULL REFERENCES prospect,
    zone_set_id     integer NOT NULL REFERENCES zone_set,
    state           smallint NOT NULL CHECK (state BETWEEN 0 AND 5),
    priority        smallint NOT NULL CHECK (priority BETWEEN 0 AND 5),
    next_attempt_at timestamptz NOT NULL,
    next_phone_id   bigint REFERENCES phone,
    -- Only this agent: a private callback, or work handed to one agent. Never claimed by the campaign.
    agent_id        integer REFERENCES agent,
    -- Cached count of attempts that used a try; equals the recount from `attempt`.
    tries           integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    -- The lease: token, holder, expiry by this database's clock.
    lease           bigint,
    lease_node      integer REFERENCES node,
    lease_epoch     bigint,
    lease_until     timestamptz,
    -- The newest attempt.
    attempt_id      uuid,
    -- In words, for reports: the rule that holds it, or the result that chose the instant or the end.
    because         text NOT NULL DEFAULT '',
    -- Set while a rule holds it; `explain` counts by it.
    held_by         text,
    closed_as       text CHECK (closed_as IN ('success', 'done', 'exhausted', 'suppressed')),
    PRIMARY KEY (campaign_id, prospect_id),
    CHECK ((state = 1) = (lease IS NOT NULL)),
    CHECK ((lease IS NULL) = (lease_until IS NULL) AND (lease IS NULL) = (lease_node IS NULL)
           AND (lease IS NULL) = (lease_epoch IS NULL)),
    CHECK ((state = 5) = (closed_as IS NOT NULL)),
    CHECK (state NOT IN (2, 3) OR attempt_id IS NOT NULL),
    CHECK (priority <> 5 OR agent_id IS NOT NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 1);

-- The claim probes this once per (priority, open zone set); see domain notes in docs/DATA_MODEL.md.
CREATE INDEX q_due ON queue (campaign_id, zone_set_id, priority DESC, next_attempt_at)
    WHERE state = 0 AND agent_id IS NULL;
CREATE INDEX q_lease ON queue (lease_until) WHERE state = 1;
CREATE INDEX q_agent ON queue (agent_id, next_attempt_at) WHERE agent_id IS NOT NULL AND state < 5;
CREATE INDEX q_open ON queue (campaign_id, state, next_attempt_at) WHERE state < 5;
CREATE INDEX q_prospect ON queue (prospect_id);
CREATE INDEX q_with_agent ON queue (campaign_id, attempt_id) WHERE state IN (2, 3);

-- Numbers that are done for a prospect in a campaign.
CREATE TABLE closed_phone (
    campaign_id integer NOT NULL,
    prospect_id bigint NOT NULL,
    phone_id    bigint NOT NULL REFERENCES phone ON DELETE CASCADE,
    because     text NOT NULL,
    PRIMARY KEY (campaign_id, prospect_id, phone_id),
    FOREIGN KEY (campaign_id, prospect_id) REFERENCES queue ON DELETE CASCADE
);

-- One try. Inserted at launch, finished once: UPDATE … WHERE result IS NULL AND epoch = $n.
CREATE TABLE attempt (
    campaign_id       integer NOT NULL REFERENCES campaign,
    attempt_id        uuid NOT NULL,
    prospect_id       bigint NOT NULL REFERENCES prospect,
    phone_id          bigint NOT NULL REFERENCES phone,
    number            text NOT NULL REFERENCES number,
    node_id           integer NOT NULL REFERENCES node,
    epoch             bigint NOT NULL,
    seller            text NOT NULL,
    subject           text,
    -- Absent for a result without a launch.
    trunk_id          integer REFERENCES trunk,
    agent_id          integer REFERENCES agent,
    -- The lease under which it was launched.
    lease             bigint,
    -- The queue's priority at the launch: where a launch that was never sent goes back to.
    priority          smallint NOT NULL CHECK (priority BETWEEN 0 AND 5),
    decision          jsonb,
    -- The decision to dial; for a result without a launch, that decision.
    launched_at       timestamptz NOT NULL,
    dialled_at        timestamptz,
    ringing_at        timestamptz,
    answered_at       timestamptz,
    greeting_ended_at timestamptz,
    bridged_at        timestamptz,
    message_at        timestamptz,
    ended_at          timestamptz,
    result            text,
    counts_as_try     boolean,
    rang              boolean,
    talked            boolean,
    message           boolean,
    ledger            text CHECK (ledger IN ('C', 'L', 'A', 'H', 'M', 'S')),
    legs              jsonb,
    heard_ms          bigint CHECK (heard_ms >= 0),
    digits            text NOT NULL DEFAULT '',
    finished_at       timestamptz,
    PRIMARY KEY (campaign_id, attempt_id),
    CHECK ((result IS NULL) = (finished_at IS NULL)),
    CHECK (result IS NULL OR (counts_as_try IS NOT NULL AND rang IS NOT NULL AND talked IS NOT NULL
                              AND message IS NOT NULL)),
    CONSTRAINT attempt_result_known CHECK (result IN (
        'connected_agent', 'message_delivered', 'message_partial', 'abandoned_no_agent',
        'abandoned_with_message', 'abandoned_agent_no_pickup', 'caller_hung_up_early', 'answering_machine',
        'machine_message_left', 'network_voicemail', 'fax_modem', 'dead_air', 'no_media', 'busy', 'no_answer',
        'rejected', 'no_ringback', 'dropped_while_ringing', 'subscriber_absent', 'not_in_service',
        'invalid_number', 'number_changed', 'operator_intercept', 'barred', 'blocked_as_unwanted',
        'incompatible', 'network_congestion', 'trunk_failure', 'sip_unsupported', 'sip_unauthorized',
        'sip_invalid', 'dial_error', 'dial_stopped', 'internal_error', 'controller_lost', 'preview_skipped',
        'preview_closed', 'preview_timed_out', 'callback_agent_unavailable', 'returned_undialled',
        'do_not_call', 'compliance_blocked'))
) WITH (fillfactor = 80);
CREATE INDEX attempt_prospect ON attempt (prospect_id, launched_at);
CREATE INDEX attempt_launched ON attempt (campaign_id, launched_at);
CREATE INDEX attempt_open ON attempt (node_id, epoch) WHERE result IS NULL;
CREATE INDEX attempt_agent ON attempt (agent_id, launched_at) WHERE agent_id IS NOT NULL;

-- A number in a live call: whatever lists and campaigns it stands in, it is called once at a time, and so
-- is its prospect.
CREATE TABLE live_number (
    number      text PRIMARY KEY REFERENCES number,
    prospect_id bigint NOT NULL UNIQUE REFERENCES prospect,
    campaign_id integer NOT NULL,
    attempt_id  uuid NOT NULL UNIQUE,
    since       timestamptz NOT NULL,
    FOREIGN KEY (campaign_id, attempt_id) REFERENCES attempt DEFERRABLE INITIALLY DEFERRED
);

-- A used slot of a cap: taken at the launch, given back when the attempt turns out not to count.
CREATE TABLE cap_slot (
    number      text NOT NULL REFERENCES number,
    at          timestamptz NOT NULL,
    campaign_id integer NOT NULL,
    attempt_id  uuid NOT NULL,
    seller      text NOT NULL,
    subject     text,
    -- Absent while the attempt is in flight; counts as one that rang.
    result      text,
    rang        boolean NOT NULL DEFAULT true,
    talked      boolean NOT NULL DEFAULT false,
    message     boolean NOT NULL DEFAULT false,
    refused     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (number, at, attempt_id),
    FOREIGN KEY (campaign_id, attempt_id) REFERENCES attempt DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX cap_slot_attempt ON cap_slot (campaign_id, attempt_id);

-- What a prospect's numbers say, for a seller: how many there are, how many are on no suppression list,
-- and how many of those are not known to be out of use.
CREATE FUNCTION phone_counts(prospect bigint, for_seller text, OUT phones bigint, OUT allowed bigint, OUT usable bigint)
LANGUAGE sql STABLE AS $$
    SELECT count(*),
           count(*) FILTER (WHERE NOT suppressed),
           count(*) FILTER (WHERE NOT suppressed AND NOT dead)
    FROM (SELECT EXISTS (SELECT FROM suppression s
                         WHERE s.number = ph.number AND s.seller IN ('', for_seller)) AS suppressed,
                 EXISTS (SELECT FROM number_registry r
                         WHERE r.number = ph.number AND r.mark <> 'suspected') AS dead
          FROM phone ph WHERE ph.prospect_id = prospect) f
$$;
