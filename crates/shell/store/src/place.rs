//! What follows for a prospect in its campaign's queue.

use engine::{Next, WorkKind};
use model::{AgentId, AttemptId, CampaignId, PhoneId, ProspectId};
use sqlx::PgConnection;

use crate::Error;
use crate::convert::{stamp, uuid};
use crate::work_kind::priority;

/// Whose place, and in which states it may be touched.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) campaign: CampaignId,
    pub(crate) prospect: ProspectId,
    /// The place's newest attempt; another one means that the prospect has moved on.
    pub(crate) attempt: AttemptId,
    pub(crate) from: &'a [i16],
    /// The only agent for a private callback.
    pub(crate) agent: Option<AgentId>,
}

/// In an attempt: what a result may move on.
pub(crate) const IN_ATTEMPT: &[i16] = &[2];
/// Everything but claimed by somebody: what an outcome may move on, also a late or corrected one.
pub(crate) const NOT_CLAIMED: &[i16] = &[0, 2, 3, 4, 5];

/// Moves the place on; false when the prospect has moved on already. The cached count of tries is set
/// from a recount.
pub(crate) async fn apply(
    tx: &mut PgConnection,
    place: Place<'_>,
    next: &Next,
) -> Result<bool, Error> {
    let moved = match next {
        Next::Due { at, phone, kind, because, .. } => {
            // A private callback without an agent is a promise that anybody may keep.
            let kind = match kind {
                WorkKind::PrivateCallback if place.agent.is_none() => WorkKind::PublicCallback,
                kind => *kind,
            };
            sqlx::query!(
                "UPDATE queue q SET state = 0, priority = $5, next_attempt_at = $6, next_phone_id = $7,
                        because = $8, held_by = NULL, closed_as = NULL,
                        agent_id = CASE WHEN $5::smallint = 5 THEN $9 WHEN priority = 5 THEN NULL ELSE agent_id END,
                        tries = (SELECT count(*) FROM attempt a WHERE a.prospect_id = $2 AND a.campaign_id = $1
                                   AND a.counts_as_try)
                 WHERE campaign_id = $1 AND prospect_id = $2 AND attempt_id = $3 AND state = ANY($4)",
                place.campaign.0,
                place.prospect.0,
                uuid(place.attempt),
                place.from,
                priority(kind),
                stamp(*at),
                phone.map(|p| p.0),
                because,
                place.agent.map(|a| a.0)
            )
            .execute(&mut *tx)
            .await
        }
        Next::AwaitsOutcome => {
            sqlx::query!(
                "UPDATE queue q SET state = 3,
                        tries = (SELECT count(*) FROM attempt a WHERE a.prospect_id = $2 AND a.campaign_id = $1
                                   AND a.counts_as_try)
                 WHERE campaign_id = $1 AND prospect_id = $2 AND attempt_id = $3 AND state = ANY($4)",
                place.campaign.0,
                place.prospect.0,
                uuid(place.attempt),
                place.from
            )
            .execute(&mut *tx)
            .await
        }
        Next::Closed { state, because, .. } => {
            sqlx::query!(
                "UPDATE queue q SET state = 5, closed_as = $5, because = $6, held_by = NULL, next_phone_id = NULL,
                        tries = (SELECT count(*) FROM attempt a WHERE a.prospect_id = $2 AND a.campaign_id = $1
                                   AND a.counts_as_try)
                 WHERE campaign_id = $1 AND prospect_id = $2 AND attempt_id = $3 AND state = ANY($4)",
                place.campaign.0,
                place.prospect.0,
                uuid(place.attempt),
                place.from,
                state.as_str(),
                because
            )
            .execute(&mut *tx)
            .await
        }
    }
    .map_err(|e| Error::from_sqlx("apply_next", e))?
    .rows_affected()
        == 1;
    if let Some((phone, because)) = closed_phone(next) {
        close_phone(tx, place, phone, because).await?;
    }
    Ok(moved)
}

fn closed_phone(next: &Next) -> Option<(PhoneId, &str)> {
    match next {
        Next::Due {
            close_phone,
            because,
            ..
        }
        | Next::Closed {
            close_phone,
            because,
            ..
        } => close_phone.map(|phone| (phone, because.as_str())),
        Next::AwaitsOutcome => None,
    }
}

async fn close_phone(
    tx: &mut PgConnection,
    place: Place<'_>,
    phone: PhoneId,
    because: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO closed_phone (campaign_id, prospect_id, phone_id, because) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        place.campaign.0,
        place.prospect.0,
        phone.0,
        because
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("close_phone", e))?;
    Ok(())
}
