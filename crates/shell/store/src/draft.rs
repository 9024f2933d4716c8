//! What an agent has typed so far; survives a lost client.

use model::{AgentId, AttemptId, CampaignId};

use crate::convert::uuid;
use crate::refusal::refers;
use crate::{Error, Store};

impl Store {
    /// Keeps what the agent has typed about an attempt.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the attempt.
    pub async fn save_draft(
        &self,
        campaign: CampaignId,
        attempt: AttemptId,
        agent: AgentId,
        body: &serde_json::Value,
    ) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO outcome_draft (campaign_id, attempt_id, agent_id, body) VALUES ($1, $2, $3, $4)
             ON CONFLICT (campaign_id, attempt_id)
             DO UPDATE SET agent_id = excluded.agent_id, body = excluded.body, saved_at = now()",
            campaign.0,
            uuid(attempt),
            agent.0,
            body
        )
        .execute(&self.api)
        .await
        .map_err(|e| refers("save_draft", "attempt", attempt, e))?;
        Ok(())
    }

    /// What was kept last; `None` when nothing was, or the outcome has been saved.
    ///
    /// # Errors
    /// As the database.
    pub async fn draft(
        &self,
        campaign: CampaignId,
        attempt: AttemptId,
    ) -> Result<Option<serde_json::Value>, Error> {
        sqlx::query_scalar!(
            "SELECT body FROM outcome_draft WHERE campaign_id = $1 AND attempt_id = $2",
            campaign.0,
            uuid(attempt)
        )
        .fetch_optional(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("draft", e))
    }
}
