//! Campaigns and questionnaires as a supervisor configures them, every version kept.

use model::{
    AgentGroupId, CampaignId, Disposition, E164, ListId, QuestionnaireId, TrunkGroupId, WallTime,
};
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::campaign_version::keep_version;
use crate::convert::{Row, stamp, stamps, wall};
use crate::db::run_tx;
use crate::refusal::{found, not_found, taken};
use crate::{CampaignState, Error, Mode, Page, PageRequest, Store};

/// What is configured of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignConfig {
    /// Unique.
    pub name: String,
    /// For whom the calls are made; caps and the ledger count by it. Not empty.
    pub seller: String,
    /// What for: `sales`, `debt_collection`, `survey`, …; the ledger counts by it. Not empty.
    pub purpose: String,
    /// What it is about, for prospects that carry no subject of their own.
    pub subject: Option<String>,
    /// How it meets people.
    pub mode: Mode,
    /// Name of the pacing policy.
    pub policy: String,
    /// Agents who serve it; empty for notification.
    pub groups: Vec<AgentGroupId>,
    /// Trunks that carry it.
    pub trunk_group: TrunkGroupId,
    /// The caller's number shown.
    pub caller: E164,
    /// Not before.
    pub starts_at: Option<WallTime>,
    /// Not from then on; later than the start.
    pub ends_at: Option<WallTime>,
    /// The questionnaire shown with the card.
    pub questionnaire: Option<QuestionnaireId>,
    /// Names of calling-rule profiles, at least one; the strictest combination of them holds.
    pub profiles: Vec<String>,
    /// What an outcome may say, in the order in which it is offered.
    pub dispositions: Vec<Disposition>,
    /// Hours, limits, retry table, message, greeting and the like: a JSON object whose keys belong to
    /// whoever builds the engine's view of the campaign.
    pub settings: serde_json::Value,
}

/// A campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    /// The key.
    pub id: CampaignId,
    /// Grows with each change of the configuration.
    pub version: u32,
    /// Whether it dials.
    pub state: CampaignState,
    /// Why it is in that state, in words; may be empty.
    pub state_because: String,
    /// Since when.
    pub state_at: WallTime,
    /// What is configured.
    pub config: CampaignConfig,
    /// The lists it calls, sorted.
    pub lists: Vec<ListId>,
}

/// One version of a questionnaire. Changed by making the next version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Questionnaire {
    /// The key of this version.
    pub id: QuestionnaireId,
    /// The same over all versions.
    pub name: String,
    /// From 1 on.
    pub version: u32,
    /// Fields and their rules.
    pub body: serde_json::Value,
}

impl Store {
    /// Makes a campaign in the state `draft`.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken, [`Error::Invalid`] when a value is not allowed or names
    /// a row that does not exist.
    pub async fn create_campaign(
        &self,
        config: &CampaignConfig,
        by: AccountId,
    ) -> Result<CampaignId, Error> {
        run_tx!(&self.api, "create_campaign", async |tx| {
            let id = sqlx::query_scalar!(
                "INSERT INTO campaign (name, seller, purpose, subject, mode, policy, trunk_group_id, caller,
                                       starts_at, ends_at, questionnaire_id, profiles, settings)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
                config.name,
                config.seller,
                config.purpose,
                config.subject,
                config.mode.as_str(),
                config.policy,
                config.trunk_group.0,
                config.caller.to_string(),
                stamps(config.starts_at),
                stamps(config.ends_at),
                config.questionnaire.map(|q| q.0),
                &config.profiles,
                config.settings
            )
            .fetch_one(&mut *tx)
            .await
            .map_err(|e| taken("create_campaign", "campaign", &config.name, e))?;
            keep_version(tx, CampaignId(id), 1, config, by).await?;
            Ok(CampaignId(id))
        })
    }

    /// Changes a campaign's configuration and returns its new version. `expected` is the version that the
    /// change was made on.
    ///
    /// # Errors
    /// As [`Store::create_campaign`]; [`Error::NotFound`]; [`Error::Stale`] when `expected` is not the
    /// newest version.
    pub async fn update_campaign(
        &self,
        id: CampaignId,
        expected: u32,
        config: &CampaignConfig,
        by: AccountId,
    ) -> Result<u32, Error> {
        run_tx!(&self.api, "update_campaign", async |tx| {
            let version = sqlx::query_scalar!(
                "SELECT version FROM campaign WHERE id = $1 FOR UPDATE",
                id.0
            )
            .fetch_optional(&mut *tx)
            .await
            .map_err(|e| Error::from_sqlx("update_campaign", e))?
            .ok_or_else(|| not_found("campaign", id))?;
            if i64::from(version) != i64::from(expected) {
                return Err(Error::Stale {
                    what: "campaign",
                    id: id.to_string(),
                    expected,
                    is: version,
                });
            }
            let version = version + 1;
            sqlx::query!(
                "UPDATE campaign SET version = $2, name = $3, seller = $4, purpose = $5, subject = $6, mode = $7,
                        policy = $8, trunk_group_id = $9, caller = $10, starts_at = $11, ends_at = $12,
                        questionnaire_id = $13, profiles = $14, settings = $15
                 WHERE id = $1",
                id.0,
                version,
                config.name,
                config.seller,
                config.purpose,
                config.subject,
                config.mode.as_str(),
                config.policy,
                config.trunk_group.0,
                config.caller.to_string(),
                stamps(config.starts_at),
                stamps(config.ends_at),
                config.questionnaire.map(|q| q.0),
                &config.profiles,
                config.settings
            )
            .execute(&mut *tx)
            .await
            .map_err(|e| taken("update_campaign", "campaign", &config.name, e))?;
            keep_version(tx, id, version, config, by).await?;
            Row {
                table: "campaign",
                key: id,
            }
            .unsigned(version)
        })
    }

    /// Moves a campaign from one of the states `from` to another.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is in none of those states, naming the one it is in.
    pub async fn set_campaign_state(
        &self,
        id: CampaignId,
        from: &[CampaignState],
        to: CampaignState,
        because: &str,
        at: WallTime,
    ) -> Result<(), Error> {
        let names: Vec<String> = from.iter().map(|s| s.as_str().to_owned()).collect();
        let done = sqlx::query!(
            "UPDATE campaign SET state = $3, state_because = $4, state_at = $5
             WHERE id = $1 AND state = ANY($2)",
            id.0,
            &names,
            to.as_str(),
            because,
            stamp(at)
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("set_campaign_state", e))?;
        if done.rows_affected() == 1 {
            return Ok(());
        }
        let is = self.campaign(id).await?.state;
        Err(Error::Conflict {
            what: "campaign",
            id: id.to_string(),
            why: format!(
                "is {}; only one that is {} becomes {}",
                is.as_str(),
                names.join(" or "),
                to.as_str()
            ),
        })
    }

    /// One campaign.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn campaign(&self, id: CampaignId) -> Result<Campaign, Error> {
        let mut campaigns = self.campaigns_where(Some(id), 0, 1).await?;
        campaigns.pop().ok_or_else(|| not_found("campaign", id))
    }

    /// Campaigns by key.
    ///
    /// # Errors
    /// As the database.
    pub async fn campaigns(&self, page: PageRequest) -> Result<Page<Campaign>, Error> {
        let after = i32::try_from(page.after).unwrap_or(i32::MAX);
        let campaigns = self.campaigns_where(None, after, page.limit()).await?;
        Ok(page.page(campaigns, |c| i64::from(c.id.0)))
    }

    async fn campaigns_where(
        &self,
        only: Option<CampaignId>,
        after: i32,
        limit: i64,
    ) -> Result<Vec<Campaign>, Error> {
        let rows = sqlx::query!(
            r#"SELECT c.id, c.version, c.state, c.state_because, c.state_at, v.config,
                      ARRAY(SELECT l.list_id FROM campaign_list l WHERE l.campaign_id = c.id ORDER BY 1)
                          AS "lists!"
               FROM campaign c JOIN campaign_version v ON v.campaign_id = c.id AND v.version = c.version
               WHERE c.id > $2 AND ($1::integer IS NULL OR c.id = $1) ORDER BY c.id LIMIT $3"#,
            only.map(|c| c.0),
            after,
            limit
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("campaigns", e))?;
        rows.into_iter()
            .map(|r| {
                let row = Row {
                    table: "campaign",
                    key: r.id,
                };
                Ok(Campaign {
                    id: CampaignId(r.id),
                    version: row.unsigned(r.version)?,
                    state: row.named(&r.state, CampaignState::parse)?,
                    state_because: r.state_because,
                    state_at: wall(r.state_at),
                    config: row.json(r.config)?,
                    lists: r.lists.into_iter().map(ListId).collect(),
                })
            })
            .collect()
    }

    /// Removes a campaign that never ran: no prospect was queued for it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] once it has a queue.
    pub async fn delete_campaign(&self, id: CampaignId) -> Result<(), Error> {
        let done = sqlx::query!("DELETE FROM campaign WHERE id = $1", id.0)
            .execute(&self.api)
            .await
            .map_err(|e| crate::refusal::in_use("delete_campaign", "campaign", id, e))?;
        found(done.rows_affected(), "campaign", id)
    }

    /// Makes the next version of a questionnaire, or the first.
    ///
    /// # Errors
    /// [`Error::Conflict`] when two make the same version at once.
    pub async fn create_questionnaire(
        &self,
        name: &str,
        body: &serde_json::Value,
    ) -> Result<QuestionnaireId, Error> {
        sqlx::query_scalar!(
            "INSERT INTO questionnaire (name, version, body)
             SELECT $1, 1 + coalesce(max(version), 0), $2 FROM questionnaire WHERE name = $1
             RETURNING id",
            name,
            body
        )
        .fetch_one(&self.api)
        .await
        .map(QuestionnaireId)
        .map_err(|e| taken("create_questionnaire", "questionnaire", name, e))
    }

    /// One version of a questionnaire.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn questionnaire(&self, id: QuestionnaireId) -> Result<Questionnaire, Error> {
        let r = sqlx::query!(
            "SELECT name, version, body FROM questionnaire WHERE id = $1",
            id.0
        )
        .fetch_optional(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("questionnaire", e))?
        .ok_or_else(|| not_found("questionnaire", id))?;
        let row = Row {
            table: "questionnaire",
            key: id,
        };
        Ok(Questionnaire {
            id,
            name: r.name,
            version: row.unsigned(r.version)?,
            body: r.body,
        })
    }

    /// The newest version of every questionnaire, by name.
    ///
    /// # Errors
    /// As the database.
    pub async fn questionnaires(&self) -> Result<Vec<Questionnaire>, Error> {
        let rows = sqlx::query!(
            "SELECT DISTINCT ON (name) id, name, version, body FROM questionnaire ORDER BY name, version DESC"
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("questionnaires", e))?;
        rows.into_iter()
            .map(|r| {
                let row = Row {
                    table: "questionnaire",
                    key: r.id,
                };
                Ok(Questionnaire {
                    id: QuestionnaireId(r.id),
                    name: r.name,
                    version: row.unsigned(r.version)?,
                    body: r.body,
                })
            })
            .collect()
    }
}
