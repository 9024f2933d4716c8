//! What is written while a call goes on: instants for recovery, and changes of agents' states.

use engine::AgentLog;
use model::{AgentId, AttemptId, CampaignId, WallTime};
use sqlx::PgConnection;

use crate::convert::{stamp, stamps, uuid};
use crate::node::Run;
use crate::{Error, Store};

/// Instants of an attempt that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    /// The campaign.
    pub campaign: CampaignId,
    /// The attempt.
    pub attempt: AttemptId,
    /// The 2xx.
    pub answered_at: Option<WallTime>,
    /// First two-way audio with an agent.
    pub bridged_at: Option<WallTime>,
    /// That agent.
    pub agent: Option<AgentId>,
}

impl Store {
    /// Writes how far an attempt has come; nothing when it has ended.
    ///
    /// # Errors
    /// As the database.
    pub async fn record_progress(&self, run: Run, progress: Progress) -> Result<(), Error> {
        let mut conn = self
            .hot
            .acquire()
            .await
            .map_err(|e| Error::from_sqlx("progress", e))?;
        write_progress(&mut conn, run, progress).await
    }

    /// Writes a change of an agent's state; again: no effect.
    ///
    /// # Errors
    /// As the database.
    pub async fn log_agent(&self, log: &AgentLog) -> Result<(), Error> {
        let mut conn = self
            .hot
            .acquire()
            .await
            .map_err(|e| Error::from_sqlx("log_agent", e))?;
        write_log(&mut conn, log).await
    }
}

pub(crate) async fn write_progress(
    tx: &mut PgConnection,
    run: Run,
    p: Progress,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE attempt SET answered_at = coalesce(answered_at, $5), bridged_at = coalesce(bridged_at, $6),
                agent_id = coalesce($7, agent_id)
         WHERE campaign_id = $1 AND attempt_id = $2 AND result IS NULL AND node_id = $3 AND epoch = $4",
        p.campaign.0,
        uuid(p.attempt),
        run.node.0,
        run.epoch_row(),
        stamps(p.answered_at),
        stamps(p.bridged_at),
        p.agent.map(|a| a.0)
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("progress", e))?;
    Ok(())
}

pub(crate) async fn write_log(tx: &mut PgConnection, log: &AgentLog) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO agent_state_log (agent_id, at, state, reason, campaign_id, attempt_id)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        log.agent.0,
        stamp(log.at),
        log.state.as_str(),
        log.reason,
        log.campaign.map(|c| c.0),
        log.attempt.map(uuid)
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("log_agent", e))?;
    Ok(())
}
