//! All agents' desks: the engine's events go in, clients' streams come out.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::{AgentAsk, AgentEvent, AgentSpec, Refused};
use model::AgentId;
use proto::agent::v1 as pb;
use proto::agent::v1::watch_session_response::Event;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::desk::{Desk, Next, response};
use crate::sessions::Change;
use crate::{Clock, EngineHandle, Error, agent_event, secret};

/// Between heartbeats of a stream; well below the 30 s after which proxies cut a silent one.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A session whose client stays lost for so long is closed when the agent is not in a call.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// Between looks for lost clients.
const SWEEP: Duration = Duration::from_secs(1);
/// Events on their way to one client; a slower one gets a snapshot later.
const IN_FLIGHT: usize = 16;

/// A stream of an agent's events.
pub(crate) type EventStream =
    Pin<Box<dyn Stream<Item = Result<pb::WatchSessionResponse, Status>> + Send + 'static>>;

/// Agents' desks. Cheap to clone.
#[derive(Clone)]
pub struct Desks {
    desks: Arc<Mutex<BTreeMap<AgentId, Desk>>>,
    engine: EngineHandle,
    clock: Clock,
    /// Above every event of earlier runs of the daemon.
    first_seq: i64,
}

impl Desks {
    /// `first_seq` is above that of every event of earlier runs of the daemon.
    pub(crate) fn new(engine: EngineHandle, clock: Clock, first_seq: i64) -> Self {
        Self {
            desks: Arc::default(),
            engine,
            clock,
            first_seq,
        }
    }

    /// Goes on with a session that an earlier run of the daemon had: its client keeps it, and takes calls when it is back.
    ///
    /// # Errors
    /// As the engine.
    pub(crate) async fn resume(
        &self,
        agent: AgentSpec,
        session: String,
        pause: Option<String>,
    ) -> Result<(), Error> {
        let id = agent.id;
        let desk = Desk::resumed(session.clone(), self.first_seq, Instant::now());
        self.lock().insert(id, desk);
        let asked = AgentAsk::Resume { agent, pause };
        let answer = self.engine.ask_agent(id, asked).await;
        if answer.is_err() {
            self.remove(id, &session);
        }
        answer
    }

    /// Takes an `Effect::Agent`. Never waits. Events of agents without a session are dropped: nobody could
    /// have asked for them.
    pub fn deliver(&self, agent: AgentId, event: &AgentEvent) {
        let at = self.clock.now();
        let now = Instant::now();
        let mut desks = self.lock();
        let mut event = agent_event::event(event);
        if let Event::CallConnected(call) = &mut event
            && let Some(pop) = &call.pop
        {
            // A talk whose agent was lost comes with the card as it stands.
            let drafts = desks.values().find_map(|d| d.draft_about(&pop.attempt_id));
            call.draft = drafts.cloned();
        }
        match desks.get_mut(&agent) {
            Some(desk) => {
                let cut_short = match &event {
                    Event::WrapUpTimedOut(_) => desk.open_draft(at),
                    _ => None,
                };
                desk.push(event, at, now);
                if let Some(draft) = cut_short {
                    desk.push(Event::DraftOffered(draft), at, now);
                }
            }
            None => tracing::debug!(
                agent_id = agent.0,
                "an event for an agent without a session"
            ),
        }
    }

    /// Sessions that are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Opens a session and signs the agent in at the engine. Returns the session and its newest event.
    ///
    /// # Errors
    /// [`Error::SessionOpen`] when another is alive and `take_over` is false; as the engine.
    pub(crate) async fn open(
        &self,
        agent: AgentSpec,
        take_over: bool,
    ) -> Result<(String, i64), Error> {
        let id = agent.id;
        let session = secret::uuid()?;
        let fresh = {
            let now = Instant::now();
            let mut desks = self.lock();
            match desks.get_mut(&id) {
                Some(desk) if desk.is_alive(now) && !take_over => return Err(Error::SessionOpen),
                Some(desk) => {
                    desk.take_over(session.clone(), now);
                    false
                }
                // The desk stands before the engine is asked: its first events come before its answer.
                None => {
                    let seq = self.first_seq;
                    desks.insert(id, Desk::new(session.clone(), seq, now));
                    true
                }
            }
        };
        if let Err(refused) = self.engine.ask_agent(id, AgentAsk::SignIn(agent)).await {
            if fresh {
                self.remove(id, &session);
            }
            return Err(refused);
        }
        let seq = self.lock().get(&id).map_or(0, Desk::seq);
        Ok((session, seq))
    }

    /// The client of a session was heard; the engine is told when it had been lost.
    ///
    /// # Errors
    /// [`Error::SessionOver`].
    pub(crate) async fn hear(&self, agent: AgentId, session: &str) -> Result<i64, Error> {
        let (seq, was_lost) = {
            let mut desks = self.lock();
            let desk = at(&mut desks, agent, session)?;
            (desk.seq(), desk.hear(Instant::now()))
        };
        if was_lost {
            self.client_back(agent).await;
        }
        Ok(seq)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Error::SessionOver`]; as the engine, which keeps an agent who is in a talk.
    pub(crate) async fn close(&self, agent: AgentId, session: &str) -> Result<(), Error> {
        self.hear(agent, session).await?;
        self.engine.ask_agent(agent, AgentAsk::SignOut).await?;
        self.remove(agent, session);
        Ok(())
    }

    /// Keeps a draft. Returns the campaign of the call it is about; `None` when that is not on the desk.
    pub(crate) fn keep_draft(
        &self,
        agent: AgentId,
        attempt: &str,
        draft: pb::Outcome,
    ) -> Option<model::CampaignId> {
        let mut desks = self.lock();
        let desk = desks.get_mut(&agent)?;
        if !desk.keep_draft(attempt, draft) {
            return None;
        }
        let call = desk.snapshot().call.as_ref()?;
        Some(model::CampaignId(call.campaign_id))
    }

    /// Offers what rows have of earlier talks whose notes were cut short.
    pub(crate) fn offer(&self, agent: AgentId, drafts: Vec<pb::DraftOffered>) {
        let (at, now) = (self.clock.now(), Instant::now());
        if let Some(desk) = self.lock().get_mut(&agent) {
            desk.offer(drafts, at, now);
        }
    }

    /// Whether a prospect's record is on the agent's screen by a call or an offer.
    pub(crate) fn shows(&self, agent: AgentId, campaign: i32, prospect: i64) -> bool {
        let desks = self.lock();
        let Some(snapshot) = desks.get(&agent).map(Desk::snapshot) else {
            return false;
        };
        let offered = snapshot.preview.as_ref().and_then(|p| p.pop.as_ref());
        let reminded = snapshot
            .reminders
            .iter()
            .any(|c| (c.campaign_id, c.prospect_id) == (campaign, prospect));
        [snapshot.call.as_ref(), offered]
            .into_iter()
            .flatten()
            .any(|pop| (pop.campaign_id, pop.prospect_id) == (campaign, prospect))
            || reminded
    }

    /// Opens the one stream of a session.
    ///
    /// # Errors
    /// [`Error::SessionOver`].
    pub(crate) async fn watch(
        &self,
        agent: AgentId,
        session: &str,
        after_seq: i64,
    ) -> Result<EventStream, Error> {
        let (stream, changed, was_lost) = {
            let now = Instant::now();
            let mut desks = self.lock();
            let desk = at(&mut desks, agent, session)?;
            let was_lost = desk.hear(now);
            let (stream, changed) = desk.open_stream(now);
            (stream, changed, was_lost)
        };
        if was_lost {
            self.client_back(agent).await;
        }
        let (out, events) = mpsc::channel(IN_FLIGHT);
        let feed = Feed {
            desks: self.clone(),
            agent,
            session: session.to_owned(),
            stream,
            after: (after_seq > 0).then_some(after_seq),
            out,
        };
        tokio::spawn(feed.run(changed));
        Ok(Box::pin(ReceiverStream::new(events)))
    }

    /// Looks for lost clients every second, for as long as it is polled; sessions that are closed for it are told.
    pub(crate) async fn sweep(&self, changes: mpsc::UnboundedSender<Change>) {
        let mut every = tokio::time::interval(SWEEP);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            every.tick().await;
            let now = Instant::now();
            let (lost, forgotten) = {
                let mut desks = self.lock();
                let lost: Vec<AgentId> = desks
                    .iter_mut()
                    .filter_map(|(id, desk)| desk.miss(now).then_some(*id))
                    .collect();
                let forgotten: Vec<(AgentId, String)> = desks
                    .iter()
                    .filter(|(_, desk)| {
                        desk.lost_since()
                            .is_some_and(|since| now.duration_since(since) > FORGOTTEN_AFTER)
                    })
                    .map(|(id, desk)| (*id, desk.session().to_owned()))
                    .collect();
                (lost, forgotten)
            };
            for agent in lost {
                tracing::info!(agent_id = agent.0, "an agent's client is lost");
                if let Err(error) = self.engine.ask_agent(agent, AgentAsk::ClientLost).await {
                    tracing::warn!(agent_id = agent.0, %error, "the engine was not told of a lost client");
                }
            }
            for (agent, session) in forgotten {
                match self.engine.ask_agent(agent, AgentAsk::SignOut).await {
                    Ok(()) | Err(Error::Refused(Refused::NotSignedIn(_))) => {
                        self.remove(agent, &session);
                        if changes.send(Change::Closed(agent, session)).is_err() {
                            tracing::debug!("nobody keeps sessions any more");
                        }
                    }
                    // In a talk; looked at again with the next sweep.
                    Err(error) => {
                        tracing::debug!(agent_id = agent.0, %error, "a lost agent stays signed in")
                    }
                }
            }
        }
    }

    async fn client_back(&self, agent: AgentId) {
        if let Err(error) = self.engine.ask_agent(agent, AgentAsk::ClientBack).await {
            tracing::warn!(agent_id = agent.0, %error, "the engine was not told that a client is back");
        }
    }

    fn remove(&self, agent: AgentId, session: &str) {
        let mut desks = self.lock();
        if desks
            .get(&agent)
            .is_some_and(|desk| desk.session() == session)
        {
            // Dropping the desk wakes its stream, which ends.
            desks.remove(&agent);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AgentId, Desk>> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn at<'a>(
    desks: &'a mut BTreeMap<AgentId, Desk>,
    agent: AgentId,
    session: &str,
) -> Result<&'a mut Desk, Error> {
    desks
        .get_mut(&agent)
        .filter(|desk| desk.session() == session)
        .ok_or(Error::SessionOver)
}

/// Carries one desk's events to one client.
struct Feed {
    desks: Desks,
    agent: AgentId,
    session: String,
    stream: u64,
    after: Option<i64>,
    out: mpsc::Sender<Result<pb::WatchSessionResponse, Status>>,
}

impl Feed {
    async fn run(mut self, mut changed: watch::Receiver<()>) {
        let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while self.send_what_there_is(&mut changed).await {
            tokio::select! {
                // An error means that the desk is gone; the next look says so to the client.
                _ = changed.changed() => {}
                _ = heartbeat.tick() => {
                    let beat = self.out_of_band(Event::Heartbeat(pb::Heartbeat {}));
                    if self.out.send(Ok(beat)).await.is_err() {
                        break;
                    }
                }
                () = self.out.closed() => break,
            }
        }
        let now = Instant::now();
        if let Some(desk) = self.desks.lock().get_mut(&self.agent) {
            desk.close_stream(&self.session, self.stream, now);
        }
    }

    /// False when the stream has ended.
    async fn send_what_there_is(&mut self, changed: &mut watch::Receiver<()>) -> bool {
        loop {
            // Before looking, so that what comes during the look wakes again.
            changed.mark_unchanged();
            let next = self.desks.lock().get(&self.agent).map(|desk| {
                desk.next(
                    &self.session,
                    self.stream,
                    self.after,
                    self.desks.clock.now(),
                )
            });
            match next {
                Some(Next::Wait) => return true,
                Some(Next::Send(events)) => {
                    for event in events {
                        self.after = Some(event.seq);
                        if self.out.send(Ok(event)).await.is_err() {
                            return false;
                        }
                    }
                }
                Some(Next::Replaced) => {
                    self.last_words(Err(Error::StreamReplaced.into())).await;
                    return false;
                }
                Some(Next::TakenOver) => {
                    let text = "another session of yours took over";
                    let notice = self.notice(pb::NoticeKind::TakenOver, text);
                    self.last_words(Ok(notice)).await;
                    return false;
                }
                None => {
                    let notice =
                        self.notice(pb::NoticeKind::SessionClosed, "the session was closed");
                    self.last_words(Ok(notice)).await;
                    return false;
                }
            }
        }
    }

    async fn last_words(&self, words: Result<pb::WatchSessionResponse, Status>) {
        if self.out.send(words).await.is_err() {
            tracing::debug!(
                agent_id = self.agent.0,
                "a client left before its stream ended"
            );
        }
    }

    fn notice(&self, kind: pb::NoticeKind, text: &str) -> pb::WatchSessionResponse {
        self.out_of_band(Event::Notice(pb::Notice {
            kind: kind.into(),
            text: text.to_owned(),
        }))
    }

    /// Something about the stream, not about the agent: it has no number of its own.
    fn out_of_band(&self, event: Event) -> pb::WatchSessionResponse {
        response(self.after.unwrap_or(0), self.desks.clock.now(), event)
    }
}

#[cfg(test)]
mod tests;
