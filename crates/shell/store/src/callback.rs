//! Promises to call.

use engine::{Callback, MissedCallback};
use model::{AgentId, CallbackId, CampaignId, PhoneId, ProspectId, WallTime};
use sqlx::PgConnection;

use crate::convert::{stamp, wall};
use crate::db::run_tx;
use crate::refusal::not_found;
use crate::work_kind::PRIVATE_CALLBACK;
use crate::{Error, Store, event};

/// Which open callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbacksOf {
    /// Private to this agent.
    Agent(AgentId),
    /// Every one of a campaign.
    Campaign(CampaignId),
}

/// What becomes of an open callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedCallback {
    /// When to call.
    pub at: WallTime,
    /// Only this agent; `None`: anyone of the groups.
    pub agent: Option<AgentId>,
    /// Which number to call, one of the prospect's; `None`: any.
    pub phone: Option<PhoneId>,
    /// The note; `None`: stays.
    pub note: Option<String>,
}

/// Most callbacks of one answer.
const LIMIT: i64 = 1_000;

impl Store {
    /// Open callbacks, earliest first, at most 1,000.
    ///
    /// # Errors
    /// As the database.
    pub async fn callbacks(&self, of: CallbacksOf) -> Result<Vec<Callback>, Error> {
        let (agent, campaign) = match of {
            CallbacksOf::Agent(agent) => (Some(agent.0), None),
            CallbacksOf::Campaign(campaign) => (None, Some(campaign.0)),
        };
        let rows = sqlx::query_as!(
            CallbackRow,
            r#"SELECT b.id, b.campaign_id, b.prospect_id, b.agent_id, b.at, b.phone_id, b.note,
                      coalesce(p.name, p.external_id) AS "name!"
               FROM callback b JOIN prospect p ON p.id = b.prospect_id
               WHERE b.state = 'open' AND ($1::integer IS NULL OR b.agent_id = $1)
                 AND ($2::integer IS NULL OR b.campaign_id = $2)
               ORDER BY b.at, b.id LIMIT $3"#,
            agent,
            campaign,
            LIMIT
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("callbacks", e))?;
        Ok(rows.into_iter().map(Callback::from).collect())
    }

    /// Moves an open callback; its prospect's place in the queue moves with it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no such callback is open, or for the agent; [`Error::Invalid`] when the number
    /// is none of the prospect's; [`Error::Conflict`] while its prospect is in a call.
    pub async fn move_callback(
        &self,
        campaign: CampaignId,
        id: CallbackId,
        to: &MovedCallback,
    ) -> Result<Callback, Error> {
        run_tx!(&self.api, "move_callback", async |tx| {
            let agent = to.agent.map(|a| a.0);
            let phone = to.phone.map(|p| p.0);
            let prospect = sqlx::query_scalar!(
                "UPDATE callback SET at = $3, agent_id = $4, phone_id = $5, note = coalesce($6, note)
                 WHERE campaign_id = $1 AND id = $2 AND state = 'open' RETURNING prospect_id",
                campaign.0,
                id.0,
                stamp(to.at),
                agent,
                phone,
                to.note
            )
            .fetch_optional(&mut *tx)
            .await
            .map_err(|e| match crate::error::constraint(&e) {
                Some("callback_phone_id_fkey") => no_such_phone(),
                _ => crate::refusal::refers("move_callback", "agent", agent.unwrap_or(0), e),
            })?
            .ok_or_else(|| not_found("open callback", id))?;
            if phone.is_some() && !is_phone_of(tx, phone, prospect).await? {
                return Err(no_such_phone());
            }
            let done = sqlx::query!(
                "UPDATE queue SET state = 0, next_attempt_at = $3, agent_id = $4, next_phone_id = $6,
                        held_by = NULL, priority = CASE WHEN $4::integer IS NULL THEN 4 ELSE $5::smallint END
                 WHERE campaign_id = $1 AND prospect_id = $2 AND state IN (0, 4)",
                campaign.0,
                prospect,
                stamp(to.at),
                agent,
                PRIVATE_CALLBACK,
                phone
            )
            .execute(&mut *tx)
            .await
            .map_err(|e| Error::from_sqlx("move_callback", e))?;
            if done.rows_affected() == 0 {
                return Err(in_call(id));
            }
            load_callback(tx, campaign, id).await
        })
    }

    /// Does with every open private callback whose instant is not after `before`, and whose prospect waits in the
    /// queue, what `missed` says. Returns the agents who had one.
    ///
    /// # Errors
    /// As the database.
    pub async fn see_to_missed(
        &self,
        campaign: CampaignId,
        before: WallTime,
        missed: MissedCallback,
        at: WallTime,
    ) -> Result<Vec<AgentId>, Error> {
        let (public, to, because) = match missed {
            MissedCallback::Wait => return Ok(Vec::new()),
            MissedCallback::MakePublic => (true, None, "callback missed, anyone may keep it"),
            MissedCallback::Reschedule { by } => {
                (false, Some(stamp(at + by)), "callback missed, moved")
            }
        };
        run_tx!(&self.hot, "see_to_missed", async |tx| {
            let rows = sqlx::query!(
                "WITH missed AS (
                     SELECT b.id, b.prospect_id, b.agent_id FROM callback b
                     JOIN queue q ON q.campaign_id = b.campaign_id AND q.prospect_id = b.prospect_id
                     WHERE b.campaign_id = $1 AND b.state = 'open' AND b.agent_id IS NOT NULL AND b.at <= $2
                       AND q.state IN (0, 4)
                     ORDER BY b.at LIMIT 100 FOR UPDATE OF b, q SKIP LOCKED),
                 moved AS (
                     UPDATE queue q SET agent_id = CASE WHEN $3 THEN NULL ELSE q.agent_id END,
                            priority = CASE WHEN $3 THEN 4 ELSE q.priority END,
                            next_attempt_at = coalesce($4, q.next_attempt_at), state = 0, held_by = NULL,
                            because = $5
                     FROM missed WHERE q.campaign_id = $1 AND q.prospect_id = missed.prospect_id),
                 told AS (
                     UPDATE callback b SET agent_id = CASE WHEN $3 THEN NULL ELSE b.agent_id END,
                            at = coalesce($4, b.at)
                     FROM missed WHERE b.campaign_id = $1 AND b.id = missed.id)
                 SELECT prospect_id, agent_id FROM missed",
                campaign.0,
                stamp(before),
                public,
                to,
                because
            )
            .fetch_all(&mut *tx)
            .await
            .map_err(|e| Error::from_sqlx("see_to_missed", e))?;
            let mut agents = Vec::new();
            for row in rows {
                let prospect = Some(ProspectId(row.prospect_id));
                let body = serde_json::json!({ "agent": row.agent_id, "public": public });
                event::append(tx, "callback.missed", at, campaign, prospect, None, body).await?;
                agents.extend(row.agent_id.map(AgentId));
            }
            agents.sort();
            agents.dedup();
            Ok(agents)
        })
    }

    /// Cancels an open callback: the prospect goes back to the campaign, due at the callback's instant.
    ///
    /// # Errors
    /// As [`Store::move_callback`].
    pub async fn cancel_callback(&self, campaign: CampaignId, id: CallbackId) -> Result<(), Error> {
        run_tx!(&self.api, "cancel_callback", async |tx| {
            let prospect = sqlx::query_scalar!(
                "UPDATE callback SET state = 'cancelled', closed_at = now()
                 WHERE campaign_id = $1 AND id = $2 AND state = 'open' RETURNING prospect_id",
                campaign.0,
                id.0
            )
            .fetch_optional(&mut *tx)
            .await
            .map_err(|e| Error::from_sqlx("cancel_callback", e))?
            .ok_or_else(|| not_found("open callback", id))?;
            let done = sqlx::query!(
                "UPDATE queue SET priority = 1, because = 'callback cancelled',
                        agent_id = CASE WHEN priority = $3 THEN NULL ELSE agent_id END
                 WHERE campaign_id = $1 AND prospect_id = $2 AND state IN (0, 4)",
                campaign.0,
                prospect,
                PRIVATE_CALLBACK
            )
            .execute(&mut *tx)
            .await
            .map_err(|e| Error::from_sqlx("cancel_callback", e))?;
            if done.rows_affected() == 0 {
                Err(in_call(id))
            } else {
                Ok(())
            }
        })
    }
}

async fn is_phone_of(
    tx: &mut PgConnection,
    phone: Option<i64>,
    prospect: i64,
) -> Result<bool, Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM phone WHERE id = $1 AND prospect_id = $2) AS "is!""#,
        phone,
        prospect
    )
    .fetch_one(tx)
    .await
    .map_err(|e| Error::from_sqlx("move_callback", e))
}

fn no_such_phone() -> Error {
    Error::Invalid {
        what: "phone_id",
        why: "is no number of this prospect; choose one of its card".to_owned(),
    }
}

fn in_call(id: CallbackId) -> Error {
    Error::Conflict {
        what: "callback",
        id: id.to_string(),
        why: "is being kept just now: its prospect is claimed or in a call; wait for the end"
            .to_owned(),
    }
}

struct CallbackRow {
    id: i64,
    campaign_id: i32,
    prospect_id: i64,
    agent_id: Option<i32>,
    at: sqlx::types::chrono::DateTime<sqlx::types::chrono::Utc>,
    phone_id: Option<i64>,
    note: String,
    name: String,
}

impl From<CallbackRow> for Callback {
    fn from(r: CallbackRow) -> Self {
        Self {
            id: CallbackId(r.id),
            campaign: CampaignId(r.campaign_id),
            prospect: ProspectId(r.prospect_id),
            agent: r.agent_id.map(AgentId),
            at: wall(r.at),
            phone: r.phone_id.map(PhoneId),
            name: r.name,
            note: r.note,
        }
    }
}

/// One callback, open or not.
pub(crate) async fn load_callback(
    tx: &mut PgConnection,
    campaign: CampaignId,
    id: CallbackId,
) -> Result<Callback, Error> {
    let row = sqlx::query_as!(
        CallbackRow,
        r#"SELECT b.id, b.campaign_id, b.prospect_id, b.agent_id, b.at, b.phone_id, b.note,
                  coalesce(p.name, p.external_id) AS "name!"
           FROM callback b JOIN prospect p ON p.id = b.prospect_id WHERE b.campaign_id = $1 AND b.id = $2"#,
        campaign.0,
        id.0
    )
    .fetch_optional(tx)
    .await
    .map_err(|e| Error::from_sqlx("callback", e))?
    .ok_or_else(|| not_found("callback", id))?;
    Ok(row.into())
}
