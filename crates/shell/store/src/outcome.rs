//! What an agent or an announcement made of an attempt, saved with everything that follows from it.

use engine::{Callback, NewCallback, OutcomeRecord};
use model::{AttemptId, CallbackId, CampaignId};
use sqlx::PgConnection;

use crate::attempt::mark_number;
use crate::callback::load_callback;
use crate::convert::{stamp, stamps, to_json, uuid};
use crate::db::run_tx;
use crate::place::{self, NOT_CLAIMED, Place};
use crate::refusal::not_found;
use crate::suppression::suppress;
use crate::{Error, Store, Suppression, event, number};

impl Store {
    /// Saves outcomes, all or none, and returns the callback that came of each. An outcome that is there
    /// already (same attempt, same instant) is left as it is and answered as the first time.
    ///
    /// # Errors
    /// [`Error::NotFound`] when an attempt does not exist.
    pub async fn save_outcomes(
        &self,
        outcomes: &[OutcomeRecord],
    ) -> Result<Vec<(AttemptId, Option<Callback>)>, Error> {
        run_tx!(&self.hot, "save_outcomes", async |tx| {
            let mut saved = Vec::with_capacity(outcomes.len());
            for outcome in outcomes {
                saved.push((outcome.attempt, save(tx, outcome).await?));
            }
            Ok(saved)
        })
    }
}

pub(crate) async fn save(
    tx: &mut PgConnection,
    o: &OutcomeRecord,
) -> Result<Option<Callback>, Error> {
    // Numbers before the attempt, as everywhere.
    suppress_person(tx, o).await?;
    lock_attempt(tx, o.campaign, o.attempt).await?;
    if let Some(callback) = saved_before(tx, o).await? {
        return load_if_any(tx, o.campaign, callback).await;
    }
    let callback = match &o.callback {
        Some(new) => Some(make_callback(tx, o, new).await?),
        None => None,
    };
    insert(tx, o, callback).await?;
    if refused(o) {
        count_as_refused(tx, o).await?;
    }
    if let Some(mark) = o.mark {
        mark_number(tx, mark, o.number, o.campaign, o.attempt, o.at).await?;
    }
    let place = Place {
        campaign: o.campaign,
        prospect: o.prospect,
        attempt: o.attempt,
        from: NOT_CLAIMED,
        agent: o.callback.as_ref().and_then(|c| c.agent),
    };
    let moved = place::apply(tx, place, &o.next).await?;
    if o.suppress {
        close_elsewhere(tx, o).await?;
    }
    if !o.stands_in {
        sqlx::query!(
            "DELETE FROM outcome_draft WHERE campaign_id = $1 AND attempt_id = $2",
            o.campaign.0,
            uuid(o.attempt)
        )
        .execute(&mut *tx)
        .await
        .map_err(|e| Error::from_sqlx("save_outcomes", e))?;
    }
    let body = serde_json::json!({
        "disposition": o.outcome.disposition, "agent": o.agent, "answers": o.outcome.answers,
        "note": o.outcome.note, "call_at": o.outcome.call_at, "refused": refused(o),
        "suppress": o.suppress, "moved": moved,
    });
    event::append(
        tx,
        "outcome.saved",
        o.at,
        o.campaign,
        Some(o.prospect),
        Some(o.attempt),
        body,
    )
    .await?;
    load_if_any(tx, o.campaign, callback).await
}

async fn load_if_any(
    tx: &mut PgConnection,
    campaign: CampaignId,
    id: Option<CallbackId>,
) -> Result<Option<Callback>, Error> {
    match id {
        Some(id) => load_callback(tx, campaign, id).await.map(Some),
        None => Ok(None),
    }
}

/// Moves the number's facts on, or, when the person asked for it, puts all of the person's numbers on
/// the seller's list.
async fn suppress_person(tx: &mut PgConnection, o: &OutcomeRecord) -> Result<(), Error> {
    if !o.suppress {
        return number::touch(tx, &[o.number.to_string()]).await;
    }
    let numbers = sqlx::query_scalar!(
        "SELECT number FROM phone WHERE prospect_id = $1 ORDER BY number",
        o.prospect.0
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(|e| Error::from_sqlx("save_outcomes", e))?;
    let row = crate::convert::Row {
        table: "phone",
        key: o.prospect,
    };
    let entries = numbers
        .iter()
        .map(|n| {
            Ok(Suppression {
                number: row.number(n)?,
                seller: o.seller.clone(),
                reason: "asked".to_owned(),
                source: format!("outcome of attempt {}", o.attempt),
                added_at: o.at,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    suppress(tx, &entries).await?;
    Ok(())
}

/// Who asks never to be called again refuses, whatever else was said.
const fn refused(o: &OutcomeRecord) -> bool {
    o.refused || o.suppress
}

/// Caps that follow a refusal count from this attempt. As a suppression it stays when the outcome is
/// corrected: silence that was due is kept.
async fn count_as_refused(tx: &mut PgConnection, o: &OutcomeRecord) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE cap_slot SET refused = true WHERE campaign_id = $1 AND attempt_id = $2",
        o.campaign.0,
        uuid(o.attempt)
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("save_outcomes", e))?;
    Ok(())
}

/// Two outcomes of one attempt get their versions one after the other.
async fn lock_attempt(
    tx: &mut PgConnection,
    campaign: CampaignId,
    attempt: AttemptId,
) -> Result<(), Error> {
    sqlx::query!(
        "SELECT attempt_id FROM attempt WHERE campaign_id = $1 AND attempt_id = $2 FOR UPDATE",
        campaign.0,
        uuid(attempt)
    )
    .fetch_optional(tx)
    .await
    .map_err(|e| Error::from_sqlx("save_outcomes", e))?
    .ok_or_else(|| not_found("attempt", attempt))?;
    Ok(())
}

/// Whether this very outcome is there, and its callback.
async fn saved_before(
    tx: &mut PgConnection,
    o: &OutcomeRecord,
) -> Result<Option<Option<CallbackId>>, Error> {
    let before = sqlx::query_scalar!(
        "SELECT callback_id FROM outcome WHERE campaign_id = $1 AND attempt_id = $2 AND at = $3",
        o.campaign.0,
        uuid(o.attempt),
        stamp(o.at)
    )
    .fetch_optional(tx)
    .await
    .map_err(|e| Error::from_sqlx("save_outcomes", e))?;
    Ok(before.map(|callback| callback.map(CallbackId)))
}

async fn make_callback(
    tx: &mut PgConnection,
    o: &OutcomeRecord,
    new: &NewCallback,
) -> Result<CallbackId, Error> {
    let failed = |e| Error::from_sqlx("save_outcomes", e);
    sqlx::query!(
        "UPDATE callback SET state = CASE WHEN attempt_id = $3 THEN 'replaced' ELSE 'kept' END, closed_at = now()
         WHERE campaign_id = $1 AND prospect_id = $2 AND state = 'open'",
        o.campaign.0,
        o.prospect.0,
        uuid(o.attempt)
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    sqlx::query_scalar!(
        "INSERT INTO callback (campaign_id, prospect_id, attempt_id, agent_id, at, phone_id, note)
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        o.campaign.0,
        o.prospect.0,
        uuid(o.attempt),
        new.agent.map(|a| a.0),
        stamp(new.at),
        new.phone.map(|p| p.0),
        new.note
    )
    .fetch_one(tx)
    .await
    .map(CallbackId)
    .map_err(failed)
}

async fn insert(
    tx: &mut PgConnection,
    o: &OutcomeRecord,
    callback: Option<CallbackId>,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO outcome (campaign_id, attempt_id, version, prospect_id, agent_id, disposition, answers, note,
                              call_at, callback_id, at, refused)
         SELECT $1, $2, 1 + coalesce(max(version), 0), $3, $4, $5, $6, $7, $8, $9, $10, $11
         FROM outcome WHERE campaign_id = $1 AND attempt_id = $2",
        o.campaign.0,
        uuid(o.attempt),
        o.prospect.0,
        o.agent.map(|a| a.0),
        o.outcome.disposition,
        to_json("outcome", &o.outcome.answers)?,
        o.outcome.note,
        stamps(o.outcome.call_at),
        callback.map(|c| c.0),
        stamp(o.at),
        refused(o)
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("save_outcomes", e))?;
    Ok(())
}

/// Who asked not to be called is called by no campaign of the seller, also not because of a promise.
async fn close_elsewhere(tx: &mut PgConnection, o: &OutcomeRecord) -> Result<(), Error> {
    let failed = |e| Error::from_sqlx("save_outcomes", e);
    sqlx::query!(
        "UPDATE queue q SET state = 5, closed_as = 'suppressed', because = 'asked not to be called', held_by = NULL
         FROM campaign c
         WHERE c.id = q.campaign_id AND c.seller = $2 AND q.prospect_id = $1 AND q.state IN (0, 4)",
        o.prospect.0,
        o.seller
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    sqlx::query!(
        "UPDATE callback b SET state = 'cancelled', closed_at = now()
         FROM campaign c
         WHERE c.id = b.campaign_id AND c.seller = $2 AND b.prospect_id = $1 AND b.state = 'open'",
        o.prospect.0,
        o.seller
    )
    .execute(tx)
    .await
    .map_err(failed)?;
    Ok(())
}
