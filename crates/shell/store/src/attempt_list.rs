//! Attempts one by one, for people who look at what happened.

use engine::LegTrace;
use model::{
    AgentId, AttemptId, CallResult, CampaignId, E164, LedgerClass, ProspectId, TrunkId, WallTime,
};

use crate::convert::{Row, uuid, wall, walls};
use crate::{Error, Store};

/// Which piece of a campaign's attempts; the newest come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptPage {
    /// Only those older than this one.
    pub before: Option<AttemptId>,
    /// At most so many, clipped to 1,000.
    pub size: u32,
}

/// An attempt with what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptLine {
    /// The key.
    pub attempt: AttemptId,
    /// Whom.
    pub prospect: ProspectId,
    /// The number.
    pub number: E164,
    /// The trunk tried first; `None` for a result without a launch.
    pub trunk: Option<TrunkId>,
    /// When it was decided.
    pub launched_at: WallTime,
    /// When its INVITE was asked for.
    pub dialled_at: Option<WallTime>,
    /// First ringing.
    pub ringing_at: Option<WallTime>,
    /// The answer.
    pub answered_at: Option<WallTime>,
    /// First two-way audio with an agent.
    pub bridged_at: Option<WallTime>,
    /// When the person's leg was over.
    pub ended_at: Option<WallTime>,
    /// Its result; `None` while it goes on.
    pub result: Option<CallResult>,
    /// Its legs; the last is the one that decided.
    pub legs: Vec<LegTrace>,
    /// Whether a message was played to the person, by its result.
    pub message: bool,
    /// Its class in the abandon ledger; `None` when it is in none.
    pub ledger: Option<LedgerClass>,
    /// The agent.
    pub agent: Option<AgentId>,
    /// The agent's name.
    pub agent_name: Option<String>,
    /// What the agent made of it.
    pub disposition: Option<String>,
    /// What the agent wrote.
    pub note: Option<String>,
}

impl Store {
    /// Attempts of a campaign, of one prospect if given, the newest first.
    ///
    /// # Errors
    /// As the database.
    pub async fn attempts(
        &self,
        campaign: CampaignId,
        prospect: Option<ProspectId>,
        page: AttemptPage,
    ) -> Result<Vec<AttemptLine>, Error> {
        let rows = sqlx::query!(
            r#"SELECT a.attempt_id, a.prospect_id, a.number, a.trunk_id, a.launched_at, a.dialled_at, a.ringing_at,
                      a.answered_at, a.bridged_at, a.ended_at, a.result, a.legs, a.message, a.ledger,
                      a.agent_id, c.name AS "agent_name?",
                      o.disposition AS "disposition?", o.note AS "note?"
               FROM attempt a
               LEFT JOIN account c ON c.id = a.agent_id
               LEFT JOIN LATERAL (
                   SELECT disposition, note FROM outcome
                   WHERE campaign_id = a.campaign_id AND attempt_id = a.attempt_id
                   ORDER BY version DESC LIMIT 1
               ) o ON true
               WHERE a.campaign_id = $1 AND ($2::bigint IS NULL OR a.prospect_id = $2)
                 AND ($3::uuid IS NULL OR a.attempt_id < $3)
               ORDER BY a.attempt_id DESC LIMIT $4"#,
            campaign.0,
            prospect.map(|p| p.0),
            page.before.map(uuid),
            i64::from(page.size.clamp(1, 1_000))
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("attempts", e))?;
        rows.into_iter()
            .map(|r| {
                let attempt = AttemptId::from_bits(r.attempt_id.as_u128());
                let row = Row {
                    table: "attempt",
                    key: attempt,
                };
                Ok(AttemptLine {
                    attempt,
                    prospect: ProspectId(r.prospect_id),
                    number: row.number(&r.number)?,
                    trunk: r.trunk_id.map(TrunkId),
                    launched_at: wall(r.launched_at),
                    dialled_at: walls(r.dialled_at),
                    ringing_at: walls(r.ringing_at),
                    answered_at: walls(r.answered_at),
                    bridged_at: walls(r.bridged_at),
                    ended_at: walls(r.ended_at),
                    result: r
                        .result
                        .map(|name| row.named(&name, |n| n.parse().ok()))
                        .transpose()?,
                    legs: r
                        .legs
                        .map(|legs| row.json(legs))
                        .transpose()?
                        .unwrap_or_default(),
                    message: r.message.unwrap_or(false),
                    ledger: r
                        .ledger
                        .map(|class| row.named(&class, LedgerClass::parse))
                        .transpose()?,
                    agent: r.agent_id.map(AgentId),
                    agent_name: r.agent_name,
                    disposition: r.disposition,
                    note: r.note,
                })
            })
            .collect()
    }
}

impl Store {
    /// Prospects of a campaign that are in one agent's hands, by assignment or by a private callback.
    ///
    /// # Errors
    /// As the database.
    pub async fn assigned_prospects(
        &self,
        campaign: CampaignId,
    ) -> Result<std::collections::BTreeSet<ProspectId>, Error> {
        let ids = sqlx::query_scalar!(
            "SELECT prospect_id FROM queue WHERE campaign_id = $1 AND agent_id IS NOT NULL",
            campaign.0
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("assigned_prospects", e))?;
        Ok(ids.into_iter().map(ProspectId).collect())
    }
}
