//! The end of an attempt: written once, in one transaction with everything that follows.

use engine::{FinishedAttempt, Next, NumberMark, ReturnTo, ReturnedClaim};
use model::{AgentId, AttemptId, CallResult, CampaignId, E164, LedgerClass, WallTime};
use sqlx::PgConnection;

use crate::convert::{Row, stamp, stamps, to_json, uuid};
use crate::db::run_tx;
use crate::node::Run;
use crate::place::{self, IN_ATTEMPT, Place};
use crate::{Error, Store, event, number};

/// What became of an attempt's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Written.
    Now,
    /// It had ended before, with this result; nothing was changed.
    Before(CallResult),
    /// It was launched by another run, which closes it itself; nothing was changed.
    NotOurs,
}

impl Store {
    /// Writes the ends of attempts, all or none, and says of each what became of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when one was never launched.
    pub async fn finish(
        &self,
        run: Run,
        attempts: &[FinishedAttempt],
    ) -> Result<Vec<Finished>, Error> {
        run_tx!(&self.hot, "finish_attempts", async |tx| {
            let numbers: Vec<String> = attempts.iter().map(|a| a.number.to_string()).collect();
            number::touch(tx, &numbers).await?;
            let mut finished = Vec::with_capacity(attempts.len());
            for attempt in attempts {
                finished.push(finish(tx, run, attempt).await?);
            }
            Ok(finished)
        })
    }

    /// Gives claims back that made no attempt; those whose lease is lost are passed over. Returns how
    /// many were given back.
    ///
    /// # Errors
    /// As the database.
    pub async fn return_claims(&self, run: Run, claims: &[ReturnedClaim]) -> Result<u64, Error> {
        run_tx!(&self.hot, "return_claims", async |tx| {
            let mut returned = 0;
            for claim in claims {
                returned += u64::from(return_claim(tx, run, claim).await?);
            }
            Ok(returned)
        })
    }
}

/// The numbers' rows must be locked and their versions moved on already.
pub(crate) async fn finish(
    tx: &mut PgConnection,
    run: Run,
    a: &FinishedAttempt,
) -> Result<Finished, Error> {
    if !write_result(tx, run, a).await? {
        return why_not(tx, a).await;
    }
    release(tx, a).await?;
    if let Some(mark) = a.mark {
        mark_number(
            tx,
            mark,
            a.number,
            a.campaign,
            a.attempt,
            a.times.ended_at.unwrap_or_default(),
        )
        .await?;
    }
    if a.suppress {
        suppress_number(tx, a).await?;
    }
    let place = Place {
        campaign: a.campaign,
        prospect: a.prospect,
        attempt: a.attempt,
        from: IN_ATTEMPT,
        agent: promised_to(tx, a).await?,
    };
    // False when the outcome came first and has moved the prospect on.
    let moved = place::apply(tx, place, &a.next).await?;
    settle_callback(tx, a).await?;
    let body = serde_json::json!({
        "result": a.result, "number": a.number, "agent": a.agent, "talked": a.talked, "ledger": a.ledger,
        "moved": moved,
    });
    let at = a.times.ended_at.unwrap_or_default();
    event::append(
        tx,
        "attempt.finished",
        at,
        a.campaign,
        Some(a.prospect),
        Some(a.attempt),
        body,
    )
    .await?;
    Ok(Finished::Now)
}

async fn write_result(tx: &mut PgConnection, run: Run, a: &FinishedAttempt) -> Result<bool, Error> {
    let t = &a.times;
    let done = sqlx::query!(
        "UPDATE attempt SET result = $5, counts_as_try = $6, rang = $7, talked = $8, message = $9, ledger = $10,
                agent_id = coalesce($11, agent_id), dialled_at = $12, ringing_at = $13,
                answered_at = coalesce($14, answered_at), greeting_ended_at = $15,
                bridged_at = coalesce($16, bridged_at), message_at = $17, ended_at = $18, legs = $19,
                heard_ms = $20, digits = $21, finished_at = now()
         WHERE campaign_id = $1 AND attempt_id = $2 AND result IS NULL AND node_id = $3 AND epoch = $4",
        a.campaign.0,
        uuid(a.attempt),
        run.node.0,
        run.epoch_row(),
        a.result.as_str(),
        a.counts_as_try,
        a.rang,
        a.talked,
        a.message,
        a.ledger.map(LedgerClass::as_str),
        a.agent.map(|g| g.0),
        stamps(t.dialled_at),
        stamps(t.ringing_at),
        stamps(t.answered_at),
        stamps(t.greeting_ended_at),
        stamps(t.bridged_at),
        stamps(t.message_at),
        stamps(t.ended_at),
        to_json("attempt", &a.legs)?,
        a.heard.map(|h| i64::try_from(h.as_millis()).unwrap_or(i64::MAX)),
        a.digits
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("finish_attempts", e))?;
    Ok(done.rows_affected() == 1)
}

/// Zero rows were changed: why.
async fn why_not(tx: &mut PgConnection, a: &FinishedAttempt) -> Result<Finished, Error> {
    let there = sqlx::query!(
        "SELECT result FROM attempt WHERE campaign_id = $1 AND attempt_id = $2",
        a.campaign.0,
        uuid(a.attempt)
    )
    .fetch_optional(tx)
    .await
    .map_err(|e| Error::from_sqlx("finish_attempts", e))?
    .ok_or_else(|| crate::refusal::not_found("attempt", a.attempt))?;
    let Some(name) = there.result else {
        return Ok(Finished::NotOurs);
    };
    let row = Row {
        table: "attempt",
        key: a.attempt,
    };
    Ok(Finished::Before(row.named(&name, |n| n.parse().ok())?))
}

/// The number is free again; its cap slot stays when the call reached the line or used a try.
async fn release(tx: &mut PgConnection, a: &FinishedAttempt) -> Result<(), Error> {
    let failed = |e| Error::from_sqlx("finish_attempts", e);
    sqlx::query!(
        "DELETE FROM live_number WHERE attempt_id = $1",
        uuid(a.attempt)
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    if a.rang || a.counts_as_try {
        sqlx::query!(
            "UPDATE cap_slot SET result = $3, rang = $4, talked = $5, message = $6
             WHERE campaign_id = $1 AND attempt_id = $2",
            a.campaign.0,
            uuid(a.attempt),
            a.result.as_str(),
            a.rang,
            a.talked,
            a.message
        )
        .execute(tx)
        .await
    } else {
        sqlx::query!(
            "DELETE FROM cap_slot WHERE campaign_id = $1 AND attempt_id = $2",
            a.campaign.0,
            uuid(a.attempt)
        )
        .execute(tx)
        .await
    }
    .map_err(failed)?;
    Ok(())
}

/// The number's version has been moved on already.
async fn suppress_number(tx: &mut PgConnection, a: &FinishedAttempt) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO suppression (number, seller, reason, source, added_at)
         SELECT number, seller, 'asked', 'attempt ' || attempt_id, $3 FROM attempt
         WHERE campaign_id = $1 AND attempt_id = $2 ON CONFLICT DO NOTHING",
        a.campaign.0,
        uuid(a.attempt),
        stamp(a.times.ended_at.unwrap_or_default())
    )
    .execute(&mut *tx)
    .await
    .map_err(|e| Error::from_sqlx("finish_attempts", e))?;
    sqlx::query!(
        "UPDATE cap_slot SET refused = true WHERE campaign_id = $1 AND attempt_id = $2",
        a.campaign.0,
        uuid(a.attempt)
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("finish_attempts", e))?;
    Ok(())
}

pub(crate) async fn mark_number(
    tx: &mut PgConnection,
    mark: NumberMark,
    number: E164,
    campaign: CampaignId,
    attempt: AttemptId,
    at: WallTime,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO number_registry (number, mark, first_at, last_at, campaign_id, attempt_id)
         VALUES ($1, $2, $3, $3, $4, $5)
         ON CONFLICT (number, mark) DO UPDATE
         SET times = number_registry.times + 1, last_at = greatest(number_registry.last_at, excluded.last_at),
             campaign_id = excluded.campaign_id, attempt_id = excluded.attempt_id
         WHERE number_registry.attempt_id IS DISTINCT FROM excluded.attempt_id",
        number.to_string(),
        mark.as_str(),
        stamp(at),
        campaign.0,
        uuid(attempt)
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("mark_number", e))?;
    Ok(())
}

/// The agent to whom an open callback of the prospect belongs.
async fn promised_to(tx: &mut PgConnection, a: &FinishedAttempt) -> Result<Option<AgentId>, Error> {
    let agent = sqlx::query_scalar!(
        "SELECT agent_id FROM callback WHERE campaign_id = $1 AND prospect_id = $2 AND state = 'open'",
        a.campaign.0,
        a.prospect.0
    )
    .fetch_optional(tx)
    .await
    .map_err(|e| Error::from_sqlx("finish_attempts", e))?;
    Ok(agent.flatten().map(AgentId))
}

/// A promise is kept when the person was talked to, and void when the prospect is done.
async fn settle_callback(tx: &mut PgConnection, a: &FinishedAttempt) -> Result<(), Error> {
    let closed = matches!(a.next, Next::Closed { .. });
    if !(a.talked || closed) {
        return Ok(());
    }
    // One promised in this very talk has been made by its outcome already, and stays.
    sqlx::query!(
        "UPDATE callback SET state = $4, closed_at = now()
         WHERE campaign_id = $1 AND prospect_id = $2 AND state = 'open' AND attempt_id IS DISTINCT FROM $3",
        a.campaign.0,
        a.prospect.0,
        uuid(a.attempt),
        if a.talked { "kept" } else { "cancelled" }
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("finish_attempts", e))?;
    Ok(())
}

pub(crate) async fn return_claim(
    tx: &mut PgConnection,
    run: Run,
    c: &ReturnedClaim,
) -> Result<bool, Error> {
    let lease = i64::try_from(c.lease).unwrap_or(-1);
    let (until, rule) = match &c.to {
        ReturnTo::Unchanged => (None, None),
        ReturnTo::Held { until, rule } => (*until, Some(rule)),
        ReturnTo::Closed { state, because } => {
            return close_claim(tx, c, lease, state.as_str(), because).await;
        }
        ReturnTo::Decided {
            attempt,
            phone,
            result,
            agent,
            at,
            next,
        } => {
            let decided = Decided {
                attempt: *attempt,
                phone: phone.0,
                result: *result,
                agent: *agent,
                at: *at,
            };
            return decide(tx, run, c, lease, decided, next).await;
        }
    };
    // Held without an instant: until facts change.
    let state = if rule.is_some() && until.is_none() {
        4
    } else {
        0
    };
    let done = sqlx::query!(
        "UPDATE queue SET state = $4, next_attempt_at = coalesce($5, next_attempt_at), held_by = $6,
                lease = NULL, lease_node = NULL, lease_epoch = NULL, lease_until = NULL
         WHERE campaign_id = $1 AND prospect_id = $2 AND lease = $3",
        c.campaign.0,
        c.prospect.0,
        lease,
        state,
        stamps(until),
        rule
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("return_claims", e))?;
    Ok(done.rows_affected() == 1)
}

async fn close_claim(
    tx: &mut PgConnection,
    c: &ReturnedClaim,
    lease: i64,
    closed_as: &str,
    because: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE queue SET state = 5, closed_as = $4, because = $5, next_phone_id = NULL,
                lease = NULL, lease_node = NULL, lease_epoch = NULL, lease_until = NULL
         WHERE campaign_id = $1 AND prospect_id = $2 AND lease = $3",
        c.campaign.0,
        c.prospect.0,
        lease,
        closed_as,
        because
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("return_claims", e))?;
    Ok(done.rows_affected() == 1)
}

/// A result without a launch.
struct Decided {
    attempt: AttemptId,
    phone: i64,
    result: CallResult,
    agent: Option<AgentId>,
    at: WallTime,
}

async fn decide(
    tx: &mut PgConnection,
    run: Run,
    c: &ReturnedClaim,
    lease: i64,
    d: Decided,
    next: &Next,
) -> Result<bool, Error> {
    let failed = |e| Error::from_sqlx("return_claims", e);
    let done = sqlx::query!(
        "UPDATE queue SET state = 2, attempt_id = $4, lease = NULL, lease_node = NULL, lease_epoch = NULL,
                lease_until = NULL
         WHERE campaign_id = $1 AND prospect_id = $2 AND lease = $3",
        c.campaign.0,
        c.prospect.0,
        lease,
        uuid(d.attempt)
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let inserted = sqlx::query!(
        "INSERT INTO attempt (campaign_id, attempt_id, prospect_id, phone_id, number, node_id, epoch, seller, subject,
                              agent_id, lease, priority, launched_at, ended_at, result, counts_as_try, rang,
                              talked, message, finished_at)
         SELECT q.campaign_id, $3, q.prospect_id, ph.id, ph.number, $5, $6, m.seller,
                coalesce(p.subject, m.subject), $7, $8, q.priority, $9, $9, $10, $11, false, false, false, now()
         FROM queue q JOIN campaign m ON m.id = q.campaign_id JOIN prospect p ON p.id = q.prospect_id
         JOIN phone ph ON ph.prospect_id = q.prospect_id AND ph.id = $4
         WHERE q.campaign_id = $1 AND q.prospect_id = $2",
        c.campaign.0,
        c.prospect.0,
        uuid(d.attempt),
        d.phone,
        run.node.0,
        run.epoch_row(),
        d.agent.map(|a| a.0),
        lease,
        stamp(d.at),
        d.result.as_str(),
        d.result.counts_as_try()
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    if inserted.rows_affected() == 0 {
        return Err(crate::refusal::not_found("phone of the prospect", d.phone));
    }
    let place = Place {
        campaign: c.campaign,
        prospect: c.prospect,
        attempt: d.attempt,
        from: IN_ATTEMPT,
        agent: d.agent,
    };
    place::apply(tx, place, next).await?;
    let body = serde_json::json!({ "result": d.result, "agent": d.agent });
    event::append(
        tx,
        "attempt.finished",
        d.at,
        c.campaign,
        Some(c.prospect),
        Some(d.attempt),
        body,
    )
    .await?;
    Ok(true)
}
