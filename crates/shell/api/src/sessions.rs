//! Agents' sessions in rows: a daemon that starts again goes on with them.

use engine::AgentSpec;
use model::{AgentId, WallTime};
use store::{Agent, AgentSession, Run, Store};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{Desks, Error};

/// Events of one run of the daemon are numbered from its epoch on, with room for this many.
const EVENTS_OF_A_RUN: i64 = 1_000_000_000_000;

/// The rows of sessions. Work goes on when they cannot be written: then a session ends with the daemon.
pub(crate) struct Sessions {
    store: Store,
    run: Run,
}

impl Sessions {
    pub(crate) fn new(store: Store, run: Run) -> Self {
        Self { store, run }
    }

    /// Above every event of earlier runs.
    pub(crate) fn first_seq(run: Run) -> i64 {
        let epoch = i64::try_from(run.epoch).unwrap_or(i64::MAX);
        epoch.saturating_mul(EVENTS_OF_A_RUN)
    }

    pub(crate) async fn opened(&self, agent: AgentId, session: &str, at: WallTime) {
        let open = AgentSession {
            agent,
            session: session.to_owned(),
            pause: Some("signed_in".to_owned()),
        };
        let kept = self.store.open_agent_session(self.run, &open, at).await;
        note(agent, kept);
    }

    /// Whether the agent takes calls.
    pub(crate) async fn paused(&self, agent: AgentId, session: &str, pause: Option<String>) {
        let open = AgentSession {
            agent,
            session: session.to_owned(),
            pause,
        };
        note(agent, self.store.set_agent_session(&open).await);
    }

    pub(crate) async fn closed(&self, agent: AgentId, session: &str) {
        let kept = self.store.close_agent_session(agent, session).await;
        note(agent, kept);
    }

    /// Takes the rows of sessions away that are told, for as long as it is polled and somebody tells.
    pub(crate) async fn follow(&self, mut closed: UnboundedReceiver<(AgentId, String)>) {
        while let Some((agent, session)) = closed.recv().await {
            self.closed(agent, &session).await;
        }
    }

    /// Goes on with what earlier runs of this daemon left open; how many.
    ///
    /// # Errors
    /// As the database, and when the engine has ended.
    pub(crate) async fn resume(&self, desks: &Desks) -> Result<usize, Error> {
        let mut resumed = 0;
        for open in self.store.agent_sessions(self.run).await? {
            let agent = self.store.agent(open.agent).await?;
            let id = agent.id;
            if agent.disabled {
                self.closed(id, &open.session).await;
                continue;
            }
            match desks.resume(spec_of(agent), open.session, open.pause).await {
                Ok(()) => resumed += 1,
                Err(error) => {
                    tracing::warn!(agent_id = id.0, %error, "a session does not go on");
                }
            }
        }
        Ok(resumed)
    }
}

/// What the engine must know of an agent.
pub(crate) fn spec_of(agent: Agent) -> AgentSpec {
    AgentSpec {
        id: agent.id,
        name: agent.name,
        groups: agent.groups,
        skills: agent.skills,
    }
}

fn note(agent: AgentId, kept: Result<(), store::Error>) {
    if let Err(error) = kept {
        tracing::warn!(agent_id = agent.0, %error, "a session would not outlive a restart as it is");
    }
}
