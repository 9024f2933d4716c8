//! What an agent has typed so far; survives a lost client, and notes that were cut short.

use engine::Unfinished;
use model::{AgentId, AttemptId, CampaignId, PhoneId, ProspectId, WallTime};

use crate::claim_facts::{people, phones, seller_and_subject};
use crate::convert::{attempt_id, uuid, wall};
use crate::refusal::{found, not_found, refers};
use crate::{Error, Store};

/// Something typed about a talk that is over, and never confirmed.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenDraft {
    /// The attempt.
    pub attempt: AttemptId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The campaign's name.
    pub campaign_name: String,
    /// The prospect.
    pub prospect: ProspectId,
    /// The name column, else the identifier.
    pub name: String,
    /// When the call was over.
    pub ended_at: WallTime,
    /// What was typed, as [`Store::save_draft`] had it.
    pub body: serde_json::Value,
}

/// Most drafts of one answer; the newest.
const OPEN_DRAFTS: i64 = 20;

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

    /// Forgets what an agent typed about a talk.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is nothing of the agent's.
    pub async fn drop_draft(&self, agent: AgentId, attempt: AttemptId) -> Result<(), Error> {
        let done = sqlx::query!(
            "DELETE FROM outcome_draft WHERE agent_id = $1 AND attempt_id = $2",
            agent.0,
            uuid(attempt)
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("drop_draft", e))?;
        found(done.rows_affected(), "draft about attempt", attempt)
    }

    /// What an agent typed about talks that are over and have no words of the agent's own; newest first, at most 20.
    ///
    /// # Errors
    /// As the database.
    pub async fn open_drafts(&self, agent: AgentId) -> Result<Vec<OpenDraft>, Error> {
        let rows = sqlx::query!(
            r#"SELECT d.attempt_id, d.campaign_id, c.name AS campaign_name, a.prospect_id,
                      coalesce(p.name, p.external_id) AS "name!", a.ended_at AS "ended_at!", d.body
               FROM outcome_draft d
               JOIN attempt a ON a.campaign_id = d.campaign_id AND a.attempt_id = d.attempt_id
               JOIN campaign c ON c.id = d.campaign_id JOIN prospect p ON p.id = a.prospect_id
               LEFT JOIN LATERAL (
                   SELECT o.disposition FROM outcome o
                   WHERE o.campaign_id = d.campaign_id AND o.attempt_id = d.attempt_id
                   ORDER BY o.version DESC LIMIT 1) o ON true
               WHERE d.agent_id = $1 AND a.ended_at IS NOT NULL
                 AND (o.disposition IS NULL OR o.disposition = ANY($2))
               ORDER BY a.ended_at DESC LIMIT $3"#,
            agent.0,
            &stand_ins(),
            OPEN_DRAFTS
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("open_drafts", e))?;
        Ok(rows
            .into_iter()
            .map(|r| OpenDraft {
                attempt: attempt_id(r.attempt_id),
                campaign: CampaignId(r.campaign_id),
                campaign_name: r.campaign_name,
                prospect: ProspectId(r.prospect_id),
                name: r.name,
                ended_at: wall(r.ended_at),
                body: r.body,
            })
            .collect())
    }

    /// A talk of an agent's that is over and has no words of the agent's own.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none: it is another agent's, goes on, or has an outcome.
    pub async fn unfinished(
        &self,
        agent: AgentId,
        attempt: AttemptId,
    ) -> Result<Unfinished, Error> {
        let failed = |e| Error::from_sqlx("unfinished", e);
        let row = sqlx::query!(
            "SELECT a.campaign_id, a.prospect_id, a.phone_id FROM attempt a
             LEFT JOIN LATERAL (
                 SELECT o.disposition FROM outcome o
                 WHERE o.campaign_id = a.campaign_id AND o.attempt_id = a.attempt_id
                 ORDER BY o.version DESC LIMIT 1) o ON true
             WHERE a.attempt_id = $2 AND a.agent_id = $1 AND a.ended_at IS NOT NULL AND a.bridged_at IS NOT NULL
               AND (o.disposition IS NULL OR o.disposition = ANY($3))",
            agent.0,
            uuid(attempt),
            &stand_ins()
        )
        .fetch_optional(&self.api)
        .await
        .map_err(failed)?
        .ok_or_else(|| not_found("unfinished talk", attempt))?;
        let (campaign, prospect) = (CampaignId(row.campaign_id), ProspectId(row.prospect_id));
        let mut db = self.api.acquire().await.map_err(failed)?;
        let (seller, _) = seller_and_subject(&mut db, campaign).await?;
        let id = [prospect.0];
        let mut claim = people(&mut db, campaign, &id)
            .await?
            .remove(&prospect)
            .ok_or_else(|| not_found("prospect", prospect))?;
        let mut numbers = phones(&mut db, campaign, &seller, &id, None).await?;
        claim.phones = numbers.remove(&prospect).unwrap_or_default();
        Ok(Unfinished {
            attempt,
            phone: PhoneId(row.phone_id),
            claim,
        })
    }
}

/// Codes of outcomes that stand in for an agent's own.
fn stand_ins() -> [String; 2] {
    [engine::NO_OUTCOME, engine::AGENT_LOST].map(str::to_owned)
}
