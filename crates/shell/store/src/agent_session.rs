//! Sessions of agents, so that a daemon that starts again goes on with them.

use model::{AgentId, WallTime};

use crate::convert::stamp;
use crate::node::Run;
use crate::{Error, Store};

/// An agent's session that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSession {
    /// Whose.
    pub agent: AgentId,
    /// Its name, as the client has it.
    pub session: String,
    /// Why the agent takes no calls; `None`: takes calls.
    pub pause: Option<String>,
}

impl Store {
    /// Notes a session that was opened; it takes the place of an older one of the agent.
    ///
    /// # Errors
    /// As the database.
    pub async fn open_agent_session(
        &self,
        run: Run,
        session: &AgentSession,
        at: WallTime,
    ) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO agent_session (agent_id, node_id, session, pause, opened_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (agent_id) DO UPDATE
             SET node_id = excluded.node_id, session = excluded.session, opened_at = excluded.opened_at",
            session.agent.0,
            run.node.0,
            session.session,
            session.pause,
            stamp(at)
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("open_agent_session", e))?;
        Ok(())
    }

    /// Notes whether the agent of a session takes calls.
    ///
    /// # Errors
    /// As the database.
    pub async fn set_agent_session(&self, session: &AgentSession) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE agent_session SET pause = $3 WHERE agent_id = $1 AND session = $2",
            session.agent.0,
            session.session,
            session.pause
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("set_agent_session", e))?;
        Ok(())
    }

    /// Notes that a session is over.
    ///
    /// # Errors
    /// As the database.
    pub async fn close_agent_session(&self, agent: AgentId, session: &str) -> Result<(), Error> {
        sqlx::query!(
            "DELETE FROM agent_session WHERE agent_id = $1 AND session = $2",
            agent.0,
            session
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("close_agent_session", e))?;
        Ok(())
    }

    /// The sessions that earlier runs of this daemon left open.
    ///
    /// # Errors
    /// As the database.
    pub async fn agent_sessions(&self, run: Run) -> Result<Vec<AgentSession>, Error> {
        let rows = sqlx::query!(
            "SELECT agent_id, session, pause FROM agent_session WHERE node_id = $1 ORDER BY agent_id",
            run.node.0
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("agent_sessions", e))?;
        Ok(rows
            .into_iter()
            .map(|r| AgentSession {
                agent: AgentId(r.agent_id),
                session: r.session,
                pause: r.pause,
            })
            .collect())
    }
}
