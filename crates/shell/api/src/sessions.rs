//! Agents' sessions in rows: a daemon that starts again goes on with them.

use engine::AgentSpec;
use model::{AgentId, WallTime};
use store::{Agent, AgentSession, Run, Store};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{Desks, Error};

/// Events of one run of the daemon are numbered from its epoch on, with room for this many.
const EVENTS_OF_A_RUN: i64 = 1_000_000_000_000;

/// The rows of sessions: written one after the other, and no command waits for them. Work goes on when they cannot be
/// written: then a session ends with the daemon.
pub(crate) struct Sessions {
    store: Store,
    run: Run,
    changes: UnboundedSender<Change>,
    to_write: Mutex<UnboundedReceiver<Change>>,
}

/// What became of a session.
#[derive(Debug)]
pub(crate) enum Change {
    /// It was opened.
    Opened(AgentSession, WallTime),
    /// Its agent takes calls, or takes none.
    Paused(AgentSession),
    /// It is over.
    Closed(AgentId, String),
}

impl Sessions {
    pub(crate) fn new(store: Store, run: Run) -> Self {
        let (changes, to_write) = unbounded_channel();
        Self {
            store,
            run,
            changes,
            to_write: Mutex::new(to_write),
        }
    }

    /// Above every event of earlier runs.
    pub(crate) fn first_seq(run: Run) -> i64 {
        let epoch = i64::try_from(run.epoch).unwrap_or(i64::MAX);
        epoch.saturating_mul(EVENTS_OF_A_RUN)
    }

    /// Where changes go that others make.
    pub(crate) fn changes(&self) -> UnboundedSender<Change> {
        self.changes.clone()
    }

    pub(crate) fn opened(&self, agent: AgentId, session: &str, at: WallTime) {
        let pause = Some("signed_in".to_owned());
        self.change(Change::Opened(row(agent, session, pause), at));
    }

    /// Whether the agent takes calls.
    pub(crate) fn paused(&self, agent: AgentId, session: &str, pause: Option<String>) {
        self.change(Change::Paused(row(agent, session, pause)));
    }

    pub(crate) fn closed(&self, agent: AgentId, session: &str) {
        self.change(Change::Closed(agent, session.to_owned()));
    }

    fn change(&self, change: Change) {
        if self.changes.send(change).is_err() {
            tracing::debug!("nobody writes sessions any more");
        }
    }

    /// Writes changes for as long as it is polled.
    pub(crate) async fn write(&self) {
        let mut to_write = self.to_write.lock().await;
        while let Some(change) = to_write.recv().await {
            let written = match &change {
                Change::Opened(open, at) => {
                    self.store.open_agent_session(self.run, open, *at).await
                }
                Change::Paused(open) => self.store.set_agent_session(open).await,
                Change::Closed(agent, session) => {
                    self.store.close_agent_session(*agent, session).await
                }
            };
            if let Err(error) = written {
                tracing::warn!(?change, %error, "a session would not outlive a restart as it is");
            }
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
                self.closed(id, &open.session);
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

fn row(agent: AgentId, session: &str, pause: Option<String>) -> AgentSession {
    AgentSession {
        agent,
        session: session.to_owned(),
        pause,
    }
}
