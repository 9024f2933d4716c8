//! The outbox: what others learn by a cursor.

use model::{AttemptId, CampaignId, ProspectId, WallTime};
use sqlx::PgConnection;

use crate::convert::{attempt_id, stamp, uuid, wall};
use crate::{Error, Store};

/// Something that happened and was committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The cursor; grows, with gaps.
    pub id: i64,
    /// When.
    pub at: WallTime,
    /// What, for example `attempt.finished`.
    pub kind: String,
    /// The campaign concerned.
    pub campaign: Option<CampaignId>,
    /// The prospect concerned.
    pub prospect: Option<ProspectId>,
    /// The attempt concerned.
    pub attempt: Option<AttemptId>,
    /// The details.
    pub body: serde_json::Value,
}

impl Store {
    /// Events after a cursor, oldest first, at most `limit`.
    ///
    /// Only below the oldest transaction that still writes: ids are given when a row is written, not when
    /// it is committed, and a reader that went past one in the making would never see it.
    ///
    /// # Errors
    /// As the database.
    pub async fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, Error> {
        let rows = sqlx::query!(
            "SELECT id, at, kind, campaign_id, prospect_id, attempt_id, body FROM event
             WHERE id > $1 AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY id LIMIT $2",
            after,
            i64::from(limit)
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("events", e))?;
        Ok(rows
            .into_iter()
            .map(|r| Event {
                id: r.id,
                at: wall(r.at),
                kind: r.kind,
                campaign: r.campaign_id.map(CampaignId),
                prospect: r.prospect_id.map(ProspectId),
                attempt: r.attempt_id.map(attempt_id),
                body: r.body,
            })
            .collect())
    }
}

pub(crate) async fn append(
    tx: &mut PgConnection,
    kind: &'static str,
    at: WallTime,
    campaign: CampaignId,
    prospect: Option<ProspectId>,
    attempt: Option<AttemptId>,
    body: serde_json::Value,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO event (at, kind, campaign_id, prospect_id, attempt_id, body) VALUES ($1, $2, $3, $4, $5, $6)",
        stamp(at),
        kind,
        campaign.0,
        prospect.map(|p| p.0),
        attempt.map(uuid),
        body
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("event", e))?;
    Ok(())
}
