//! People who take calls: agents, their groups, and what they are to call.

use model::{AgentGroupId, AgentId, CampaignId, ProspectId, WallTime};

use crate::account::{AccountId, NewAccount, Role, insert_account};
use crate::convert::wall;
use crate::db::run_tx;
use crate::refusal::{found, in_use, not_found, refers, taken};
use crate::{Error, Page, PageRequest, Store};

/// A person who takes calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The key; the account has the same.
    pub id: AgentId,
    /// The account's login.
    pub login: String,
    /// The name to show.
    pub name: String,
    /// User name of the agent's SIP phone.
    pub sip_user: String,
    /// Digest secret of the SIP phone (RFC 2617 section 3.2.2.2), hexadecimal.
    pub sip_ha1: String,
    /// Groups whose campaigns the agent serves, sorted.
    pub groups: Vec<AgentGroupId>,
    /// What the agent can do that a prospect may need: languages as BCP 47 tags, sorted.
    pub skills: Vec<String>,
    /// May not sign in.
    pub disabled: bool,
}

/// An agent to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAgent {
    /// Made lower case; unique.
    pub login: String,
    /// The name to show. Not empty.
    pub name: String,
    /// PHC string of argon2; `None`: signs in by token only.
    pub password_hash: Option<String>,
    /// User name of the SIP phone; unique.
    pub sip_user: String,
    /// Digest secret of the SIP phone, 32 or 64 hexadecimal digits.
    pub sip_ha1: String,
    /// Groups whose campaigns the agent serves.
    pub groups: Vec<AgentGroupId>,
    /// Languages as BCP 47 tags.
    pub skills: Vec<String>,
}

/// Agents who serve the same campaigns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentGroup {
    /// The key.
    pub id: AgentGroupId,
    /// Unique.
    pub name: String,
    /// Sorted.
    pub members: Vec<AgentId>,
}

/// A prospect in one agent's hands: handed over, or promised a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    /// The campaign.
    pub campaign: CampaignId,
    /// The campaign's name.
    pub campaign_name: String,
    /// The prospect.
    pub prospect: ProspectId,
    /// The identifier column.
    pub external_id: String,
    /// The name column.
    pub name: Option<String>,
    /// Not before.
    pub at: WallTime,
    /// Whether a promise to call stands behind it.
    pub callback: bool,
    /// In words: what put it there.
    pub because: String,
}

struct AgentRow {
    id: i32,
    login: String,
    name: String,
    sip_user: String,
    sip_ha1: String,
    disabled: bool,
    groups: Vec<i32>,
    skills: Vec<String>,
}

impl From<AgentRow> for Agent {
    fn from(r: AgentRow) -> Self {
        Self {
            id: AgentId(r.id),
            login: r.login,
            name: r.name,
            sip_user: r.sip_user,
            sip_ha1: r.sip_ha1,
            groups: r.groups.into_iter().map(AgentGroupId).collect(),
            skills: r.skills,
            disabled: r.disabled,
        }
    }
}

impl Store {
    /// Makes an account with the role of an agent, and its agent.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the login or the SIP user is taken, [`Error::NotFound`] for a group.
    pub async fn create_agent(&self, new: &NewAgent) -> Result<AgentId, Error> {
        run_tx!(&self.api, "create_agent", async |tx| {
            let account = NewAccount {
                login: new.login.clone(),
                name: new.name.clone(),
                role: Role::Agent,
                password_hash: new.password_hash.clone(),
            };
            let AccountId(id) = insert_account(&mut *tx, &account).await?;
            sqlx::query!(
                "INSERT INTO agent (id, sip_user, sip_ha1, skills)
                 VALUES ($1, $2, $3, ARRAY(SELECT DISTINCT s FROM unnest($4::text[]) s ORDER BY s))",
                id,
                new.sip_user,
                new.sip_ha1,
                &new.skills
            )
            .execute(&mut *tx)
            .await
            .map_err(|e| taken("create_agent", "agent with SIP user", &new.sip_user, e))?;
            put_in_groups(&mut *tx, AgentId(id), &new.groups).await?;
            Ok(AgentId(id))
        })
    }

    /// Gives the agent's phone another user name and secret.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] when the SIP user is taken.
    pub async fn set_agent_phone(
        &self,
        id: AgentId,
        sip_user: &str,
        sip_ha1: &str,
    ) -> Result<(), Error> {
        let done = sqlx::query!(
            "UPDATE agent SET sip_user = $2, sip_ha1 = $3 WHERE id = $1",
            id.0,
            sip_user,
            sip_ha1
        )
        .execute(&self.api)
        .await
        .map_err(|e| taken("set_agent_phone", "agent with SIP user", sip_user, e))?;
        found(done.rows_affected(), "agent", id)
    }

    /// Puts the agent into exactly these groups.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the agent or a group.
    pub async fn set_agent_groups(
        &self,
        id: AgentId,
        groups: &[AgentGroupId],
    ) -> Result<(), Error> {
        run_tx!(&self.api, "set_agent_groups", async |tx| {
            sqlx::query!("DELETE FROM agent_group_member WHERE agent_id = $1", id.0)
                .execute(&mut *tx)
                .await
                .map_err(|e| Error::from_sqlx("set_agent_groups", e))?;
            put_in_groups(&mut *tx, id, groups).await
        })
    }

    /// Gives the agent exactly these skills.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the agent.
    pub async fn set_agent_skills(&self, id: AgentId, skills: &[String]) -> Result<(), Error> {
        let done = sqlx::query!(
            "UPDATE agent SET skills = ARRAY(SELECT DISTINCT s FROM unnest($2::text[]) s ORDER BY s) WHERE id = $1",
            id.0,
            skills
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("set_agent_skills", e))?;
        found(done.rows_affected(), "agent", id)
    }

    /// One agent.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn agent(&self, id: AgentId) -> Result<Agent, Error> {
        let mut agents = self.agents_where(Some(id), 0, 1).await?;
        agents.pop().ok_or_else(|| not_found("agent", id))
    }

    /// Agents by key.
    ///
    /// # Errors
    /// As the database.
    pub async fn agents(&self, page: PageRequest) -> Result<Page<Agent>, Error> {
        let after = i32::try_from(page.after).unwrap_or(i32::MAX);
        let agents = self.agents_where(None, after, page.limit()).await?;
        Ok(page.page(agents, |a| i64::from(a.id.0)))
    }

    async fn agents_where(
        &self,
        only: Option<AgentId>,
        after: i32,
        limit: i64,
    ) -> Result<Vec<Agent>, Error> {
        let rows = sqlx::query_as!(
            AgentRow,
            r#"SELECT g.id, a.login, a.name, g.sip_user, g.sip_ha1, a.disabled, g.skills,
                      ARRAY(SELECT m.group_id FROM agent_group_member m WHERE m.agent_id = g.id ORDER BY 1)
                          AS "groups!"
               FROM agent g JOIN account a ON a.id = g.id
               WHERE g.id > $2 AND ($1::integer IS NULL OR g.id = $1) ORDER BY g.id LIMIT $3"#,
            only.map(|a| a.0),
            after,
            limit
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("agents", e))?;
        Ok(rows.into_iter().map(Agent::from).collect())
    }

    /// Makes a group.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken.
    pub async fn create_agent_group(&self, name: &str) -> Result<AgentGroupId, Error> {
        sqlx::query_scalar!(
            "INSERT INTO agent_group (name) VALUES ($1) RETURNING id",
            name
        )
        .fetch_one(&self.api)
        .await
        .map(AgentGroupId)
        .map_err(|e| taken("create_agent_group", "agent group", name, e))
    }

    /// Gives a group another name.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] when the name is taken.
    pub async fn rename_agent_group(&self, id: AgentGroupId, name: &str) -> Result<(), Error> {
        let done = sqlx::query!("UPDATE agent_group SET name = $2 WHERE id = $1", id.0, name)
            .execute(&self.api)
            .await
            .map_err(|e| taken("rename_agent_group", "agent group", name, e))?;
        found(done.rows_affected(), "agent group", id)
    }

    /// Removes a group that no campaign uses.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] while a campaign uses it.
    pub async fn delete_agent_group(&self, id: AgentGroupId) -> Result<(), Error> {
        let done = sqlx::query!("DELETE FROM agent_group WHERE id = $1", id.0)
            .execute(&self.api)
            .await
            .map_err(|e| in_use("delete_agent_group", "agent group", id, e))?;
        found(done.rows_affected(), "agent group", id)
    }

    /// Every group, by key.
    ///
    /// # Errors
    /// As the database.
    pub async fn agent_groups(&self) -> Result<Vec<AgentGroup>, Error> {
        let rows = sqlx::query!(
            r#"SELECT g.id, g.name,
                      ARRAY(SELECT m.agent_id FROM agent_group_member m WHERE m.group_id = g.id ORDER BY 1)
                          AS "members!"
               FROM agent_group g ORDER BY g.id"#
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("agent_groups", e))?;
        Ok(rows
            .into_iter()
            .map(|r| AgentGroup {
                id: AgentGroupId(r.id),
                name: r.name,
                members: r.members.into_iter().map(AgentId).collect(),
            })
            .collect())
    }

    /// Hands a prospect to one agent, or back to the campaign. What is in somebody's hands stays there.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the prospect is not in the campaign or no agent has the key,
    /// [`Error::Conflict`] while it is claimed, in a call or closed, or promised to one agent.
    pub async fn assign_prospect(
        &self,
        campaign: CampaignId,
        prospect: ProspectId,
        agent: Option<AgentId>,
    ) -> Result<(), Error> {
        let done = sqlx::query!(
            "UPDATE queue SET agent_id = $3
             WHERE campaign_id = $1 AND prospect_id = $2 AND state IN (0, 4) AND priority < 5",
            campaign.0,
            prospect.0,
            agent.map(|a| a.0)
        )
        .execute(&self.api)
        .await
        .map_err(|e| refers("assign_prospect", "agent", agent.map_or(0, |a| a.0), e))?;
        if done.rows_affected() == 1 {
            return Ok(());
        }
        let there = sqlx::query_scalar!(
            "SELECT state FROM queue WHERE campaign_id = $1 AND prospect_id = $2",
            campaign.0,
            prospect.0
        )
        .fetch_optional(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("assign_prospect", e))?;
        match there {
            None => Err(not_found("prospect of the campaign", prospect)),
            Some(_) => Err(Error::Conflict {
                what: "prospect",
                id: prospect.to_string(),
                why: "is in a call, closed or promised to an agent; wait for its end or move the callback".to_owned(),
            }),
        }
    }

    /// What one agent is to call: prospects handed over and private callbacks, earliest first.
    ///
    /// # Errors
    /// As the database.
    pub async fn agent_work(&self, agent: AgentId, limit: u32) -> Result<Vec<WorkItem>, Error> {
        let rows = sqlx::query!(
            "SELECT q.campaign_id, c.name AS campaign_name, q.prospect_id, p.external_id, p.name,
                    q.next_attempt_at, q.priority, q.because
             FROM queue q JOIN campaign c ON c.id = q.campaign_id JOIN prospect p ON p.id = q.prospect_id
             WHERE q.agent_id = $1 AND q.state < 5
             ORDER BY q.next_attempt_at, q.campaign_id, q.prospect_id LIMIT $2",
            agent.0,
            i64::from(limit.min(PageRequest::MAX_SIZE))
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("agent_work", e))?;
        Ok(rows
            .into_iter()
            .map(|r| WorkItem {
                campaign: CampaignId(r.campaign_id),
                campaign_name: r.campaign_name,
                prospect: ProspectId(r.prospect_id),
                external_id: r.external_id,
                name: r.name,
                at: wall(r.next_attempt_at),
                callback: r.priority == 5,
                because: r.because,
            })
            .collect())
    }
}

async fn put_in_groups(
    tx: &mut sqlx::PgConnection,
    agent: AgentId,
    groups: &[AgentGroupId],
) -> Result<(), Error> {
    let ids: Vec<i32> = groups.iter().map(|g| g.0).collect();
    sqlx::query!(
        "INSERT INTO agent_group_member (group_id, agent_id) SELECT DISTINCT g, $2::integer FROM unnest($1::integer[]) g",
        &ids,
        agent.0
    )
    .execute(tx)
    .await
    .map_err(|e| refers("put_in_groups", "agent or group of agent", agent, e))?;
    Ok(())
}
