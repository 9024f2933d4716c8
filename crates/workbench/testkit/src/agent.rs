//! A simulated agent: a client of the public API that works as a person would.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::WallTime;
use proto::admin::v1::LoginRequest;
use proto::admin::v1::auth_service_client::AuthServiceClient;
use proto::agent::v1::agent_service_client::AgentServiceClient;
use proto::agent::v1::{
    CloseSessionRequest, CloseWithoutOutcomeRequest, HangUpRequest, OpenSessionRequest, Outcome,
    SetNotReadyRequest, SetReadyRequest, SkipPreviewRequest, SubmitOutcomeRequest,
    TakePreviewRequest, WatchSessionRequest, WatchSessionResponse, watch_session_response::Event,
};
use proto::supervisor::v1::questionnaire_service_client::QuestionnaireServiceClient;
use proto::supervisor::v1::{GetQuestionnaireRequest, Question};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

use crate::clock::wall;
use crate::counts::{Acknowledged, AgentCounts};
use crate::draw::Draw;
use crate::error::TestkitError;
use crate::habits::Habits;
use crate::worker::{Act, Attempt, Worker, wall_of};

/// Events that may wait while a command is under way.
const IN_FLIGHT: usize = 64;
/// An agent whose daemon is away looks again after so long.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// A call that is not answered by then has failed.
const RPC_TIMEOUT: Duration = Duration::from_secs(10);
/// Clocks of one machine agree; a server that is further off was told to show another day.
const ANOTHER_DAY_US: i64 = 60_000_000;
/// Wishes of the owner that wait.
const WISHES_MAX: usize = 16;

/// What an agent is set up with.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// The daemon's gRPC address, `http://127.0.0.1:PORT`.
    pub url: String,
    /// Login.
    pub login: String,
    /// Password.
    pub password: String,
    /// What the agent draws is drawn from this.
    pub seed: u64,
    /// What the agent is like.
    pub habits: Habits,
}

/// A running agent. Dropping it is a client that vanishes: the session is not closed.
#[derive(Debug)]
pub struct SimAgent {
    login: String,
    wishes: mpsc::Sender<Wish>,
    counts: watch::Receiver<AgentCounts>,
    /// One; ends when this is dropped, wherever it waits.
    task: JoinSet<()>,
}

#[derive(Clone, Copy, Debug)]
enum Wish {
    Ready,
    NotReady,
    Leave,
}

impl SimAgent {
    /// Signs in, opens a session, and takes calls; then works until stopped, through any loss of the
    /// daemon.
    ///
    /// # Errors
    /// `Connect` and `Refused` when the first sign-in or the first session fails.
    pub async fn start(options: AgentOptions) -> Result<Self, TestkitError> {
        let url = options.url.clone();
        let connect = |cause| TestkitError::Connect {
            url: url.clone(),
            cause,
        };
        let endpoint = Endpoint::from_shared(options.url.clone()).map_err(connect)?;
        let channel = endpoint.timeout(RPC_TIMEOUT).connect().await;
        let login = options.login.clone();
        let (counts_in, counts) = watch::channel(AgentCounts::default());
        let (wishes, inbox) = mpsc::channel(WISHES_MAX);
        let instant = wall().unix_micros().unsigned_abs();
        let mut work = Work {
            channel: channel.map_err(connect)?,
            ids: Draw::new(options.seed, instant, 4),
            worker: Worker::new(options.habits, options.seed),
            login: options.login,
            password: options.password,
            token: String::new(),
            session: String::new(),
            seq: 0,
            ahead_us: 0,
            ready: true,
            leaving: false,
            fresh: true,
            unsaved: None,
            questions: BTreeMap::new(),
            counts: counts_in,
            inbox,
        };
        work.begin().await?;
        let mut task = JoinSet::new();
        task.spawn(work.run());
        Ok(Self {
            login,
            wishes,
            counts,
            task,
        })
    }

    /// Who it is.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// What it saw and did so far.
    pub fn counts(&self) -> AgentCounts {
        self.counts.borrow().clone()
    }

    /// Waits until `holds` of what it saw and did, at most so long; whether it came to hold.
    pub async fn wait(&self, at_most: Duration, holds: impl FnMut(&AgentCounts) -> bool) -> bool {
        let mut counts = self.counts.clone();
        let came = tokio::time::timeout(at_most, counts.wait_for(holds)).await;
        matches!(came, Ok(Ok(_)))
    }

    /// Takes calls again.
    pub async fn ready(&self) {
        self.wish(Wish::Ready).await;
    }

    /// Takes no calls after the present one.
    pub async fn not_ready(&self) {
        self.wish(Wish::NotReady).await;
    }

    /// Finishes what is under way, closes the session, and returns what it saw and did.
    pub async fn leave(mut self) -> AgentCounts {
        self.wish(Wish::Leave).await;
        if let Some(Err(cause)) = self.task.join_next().await {
            tracing::warn!(%cause, login = self.login, "an agent did not end well");
        }
        self.counts.borrow().clone()
    }

    /// Vanishes as a client whose machine loses power, and returns what it saw and did.
    pub fn vanish(self) -> AgentCounts {
        self.counts.borrow().clone()
    }

    async fn wish(&self, wish: Wish) {
        if self.wishes.send(wish).await.is_err() {
            tracing::debug!(login = self.login, "an agent had ended");
        }
    }
}

struct Work {
    channel: Channel,
    ids: Draw,
    worker: Worker,
    login: String,
    password: String,
    token: String,
    session: String,
    seq: i64,
    /// How far the server's calendar is ahead of ours, in microseconds.
    ahead_us: i64,
    ready: bool,
    leaving: bool,
    /// Whether the session was opened after the last loss and nothing has gone wrong in it.
    fresh: bool,
    /// An outcome that the server has not answered for; repeated with its request id until it does.
    unsaved: Option<SubmitOutcomeRequest>,
    questions: BTreeMap<i32, Arc<[Question]>>,
    counts: watch::Sender<AgentCounts>,
    inbox: mpsc::Receiver<Wish>,
}

impl Work {
    /// Signs in when needed, and opens a session.
    async fn begin(&mut self) -> Result<(), TestkitError> {
        if self.token.is_empty() {
            let login = LoginRequest {
                login: self.login.clone(),
                password: self.password.clone(),
            };
            let answer = AuthServiceClient::new(self.channel.clone())
                .login(login)
                .await;
            let answer = answer.map_err(|s| self.refused("Login", s))?.into_inner();
            let tokens = answer.tokens.ok_or_else(|| TestkitError::Incomplete {
                login: self.login.clone(),
                rpc: "Login",
                missing: "tokens",
            })?;
            self.token = tokens.access_token;
        }
        let open = OpenSessionRequest {
            take_over: true,
            request_id: self.request_id(),
        };
        let answer = self.client().open_session(self.request(open)).await;
        let answer = answer.map_err(|s| self.refused("OpenSession", s))?;
        self.session = answer.into_inner().session_id;
        // Whatever holds comes with the snapshot.
        self.seq = 0;
        self.fresh = true;
        self.worker.dismissed = false;
        if self.ready {
            self.set_ready()
                .await
                .map_err(|s| self.refused("SetReady", s))?;
        }
        Ok(())
    }

    async fn run(mut self) {
        loop {
            let lost = match self.work().await {
                Ok(()) => return self.publish(),
                Err(status) => status,
            };
            tracing::debug!(login = self.login, %lost, "an agent takes its session up again");
            self.worker.counts.reconnects += 1;
            self.publish();
            tokio::time::sleep(LOOK_AGAIN).await;
            let session_is_gone = match lost.code() {
                Code::Unauthenticated => {
                    self.token.clear();
                    true
                }
                Code::NotFound | Code::FailedPrecondition | Code::InvalidArgument => true,
                _ => false,
            };
            if session_is_gone && let Err(error) = self.begin().await {
                tracing::debug!(%error, "not yet");
                // Not signed in, the next try would end the same way; signing in is tried first.
                if let TestkitError::Refused { cause, .. } = &error
                    && cause.code() == Code::Unauthenticated
                {
                    self.token.clear();
                }
                self.session.clear();
            }
        }
    }

    /// Works until told to leave.
    async fn work(&mut self) -> Result<(), Status> {
        if self.session.is_empty() {
            return Err(Status::not_found("no session"));
        }
        self.save().await?;
        let watch = WatchSessionRequest {
            session_id: self.session.clone(),
            after_seq: self.seq,
        };
        let stream = self
            .client()
            .watch_session(self.request(watch))
            .await?
            .into_inner();
        // A screen shows what comes also while a command is under way. Ends with this stretch of work.
        let (heard, mut events) = mpsc::channel(IN_FLIGHT);
        let mut listening = JoinSet::new();
        listening.spawn(listen(stream, heard));
        self.fresh = false;
        loop {
            self.publish();
            if self.worker.dismissed {
                return Ok(());
            }
            if self.leaving && self.is_idle() {
                return self.close().await;
            }
            let due = self.worker.due();
            tokio::select! {
                event = next(&mut events) => self.on_event(event?),
                () = until(due) => self.act().await?,
                wish = self.inbox.recv() => match wish {
                    Some(Wish::Ready) => {
                        self.ready = true;
                        self.set_ready().await?;
                    }
                    Some(Wish::NotReady) => self.set_not_ready().await?,
                    // The owner is gone, and with it who would count.
                    None => return Ok(()),
                    Some(Wish::Leave) => {
                        self.leaving = true;
                        self.set_not_ready().await?;
                    }
                },
            }
        }
    }

    fn on_event(&mut self, came: Came) {
        let Came { now, wall, message } = came;
        self.seq = self.seq.max(message.seq);
        let there = self.server_time(wall);
        let at = message.at.as_ref().map_or(there, wall_of);
        let off_us = at.unix_micros().saturating_sub(there.unix_micros());
        // A snapshot is of this instant; other events may be sent again after a loss.
        let fresh = matches!(message.event, Some(Event::Snapshot(_)));
        if fresh && off_us.abs() > ANOTHER_DAY_US {
            self.ahead_us = self.ahead_us.saturating_add(off_us);
        }
        let wall = self.server_time(wall);
        if let Some(event) = message.event {
            self.worker.on_event(now, wall, at, event);
        }
    }

    /// Whether nothing is under way that leaving would cut.
    fn is_idle(&self) -> bool {
        use proto::agent::v1::AgentState;
        let state = self.worker.counts.state;
        [AgentState::NotReady, AgentState::Offline]
            .iter()
            .any(|s| i32::from(*s) == state)
    }

    async fn act(&mut self) -> Result<(), Status> {
        let now = Instant::now();
        let Some(act) = self.worker.take_act(now) else {
            return Ok(());
        };
        let done = self.carry_out(act.clone()).await;
        if done.is_err() && self.unsaved.is_none() {
            // Tried again when the session is taken up, unless a snapshot says otherwise.
            self.worker.put_back(now, act);
        }
        done
    }

    async fn carry_out(&mut self, act: Act) -> Result<(), Status> {
        let (session_id, request_id) = (self.session.clone(), self.request_id());
        match act {
            Act::TakePreview => {
                let take = TakePreviewRequest {
                    session_id,
                    phone_id: 0,
                    request_id,
                };
                let done = self.client().take_preview(self.request(take)).await;
                let taken = self.did("TakePreview", done)?;
                self.worker.counts.taken += u64::from(taken);
            }
            Act::SkipPreview => {
                let skip = SkipPreviewRequest {
                    session_id,
                    request_id,
                };
                let done = self.client().skip_preview(self.request(skip)).await;
                let skipped = self.did("SkipPreview", done)?;
                self.worker.counts.skipped += u64::from(skipped);
            }
            Act::HangUp => {
                let hang_up = HangUpRequest {
                    session_id,
                    request_id,
                };
                let done = self.client().hang_up(self.request(hang_up)).await;
                let hung_up = self.did("HangUp", done)?;
                self.worker.counts.hung_up += u64::from(hung_up);
            }
            Act::CloseWithoutOutcome(attempt) => {
                let close = CloseWithoutOutcomeRequest {
                    session_id,
                    attempt_id: attempt.id,
                    request_id,
                };
                let done = self
                    .client()
                    .close_without_outcome(self.request(close))
                    .await;
                let closed = self.did("CloseWithoutOutcome", done)?;
                self.worker.counts.closed_without_outcome += u64::from(closed);
            }
            Act::Submit(attempt) => {
                let outcome = self.outcome(&attempt).await?;
                self.unsaved = Some(SubmitOutcomeRequest {
                    session_id,
                    attempt_id: attempt.id,
                    outcome: Some(outcome),
                    request_id,
                });
                self.save().await?;
            }
        }
        Ok(())
    }

    /// Submits what the server has not answered for. Kept when the server is away, dropped when refused.
    async fn save(&mut self) -> Result<(), Status> {
        let Some(mut submit) = self.unsaved.clone() else {
            return Ok(());
        };
        submit.session_id.clone_from(&self.session);
        let done = self
            .client()
            .submit_outcome(self.request(submit.clone()))
            .await;
        let saved = match self.did("SubmitOutcome", done) {
            // The session is known, so it is the attempt that is not: nothing will change that.
            Err(status) if status.code() == Code::NotFound && self.fresh => {
                let refused = format!("SubmitOutcome: {}", status.message());
                self.worker.counts.refuse(refused);
                false
            }
            done => done?,
        };
        self.unsaved = None;
        if saved {
            let outcome = submit.outcome.unwrap_or_default();
            self.worker.counts.callbacks += u64::from(outcome.call_at.is_some());
            self.worker.counts.acknowledged.push(Acknowledged {
                attempt_id: submit.attempt_id,
                disposition: outcome.disposition,
            });
        }
        Ok(())
    }

    async fn outcome(&mut self, attempt: &Attempt) -> Result<Outcome, Status> {
        let questions = self.questions(attempt.questionnaire_id).await?;
        Ok(self.worker.outcome(self.wall(), attempt, &questions))
    }

    /// What the server's calendar shows: wrap-ups end and callbacks are agreed by it.
    fn wall(&self) -> WallTime {
        self.server_time(wall())
    }

    /// What it shows when ours shows `ours`.
    fn server_time(&self, ours: WallTime) -> WallTime {
        WallTime::from_unix_micros(ours.unix_micros().saturating_add(self.ahead_us))
    }

    async fn questions(&mut self, questionnaire_id: i32) -> Result<Arc<[Question]>, Status> {
        if let Some(known) = self.questions.get(&questionnaire_id) {
            return Ok(Arc::clone(known));
        }
        if questionnaire_id == 0 {
            return Ok([].into());
        }
        let get = self.request(GetQuestionnaireRequest { questionnaire_id });
        let mut client = QuestionnaireServiceClient::new(self.channel.clone());
        let answer = client.get_questionnaire(get).await?.into_inner();
        let questions: Arc<[Question]> = answer.questionnaire.unwrap_or_default().questions.into();
        self.questions
            .insert(questionnaire_id, Arc::clone(&questions));
        Ok(questions)
    }

    async fn set_ready(&mut self) -> Result<(), Status> {
        let ready = SetReadyRequest {
            session_id: self.session.clone(),
            request_id: self.request_id(),
        };
        let done = self.client().set_ready(self.request(ready)).await;
        self.did("SetReady", done).map(|_| ())
    }

    async fn set_not_ready(&mut self) -> Result<(), Status> {
        self.ready = false;
        let not_ready = SetNotReadyRequest {
            session_id: self.session.clone(),
            reason: "break".to_owned(),
            when: 0,
            request_id: self.request_id(),
        };
        let done = self.client().set_not_ready(self.request(not_ready)).await;
        self.did("SetNotReady", done).map(|_| ())
    }

    async fn close(&mut self) -> Result<(), Status> {
        let close = CloseSessionRequest {
            session_id: self.session.clone(),
            request_id: self.request_id(),
        };
        let done = self.client().close_session(self.request(close)).await;
        self.did("CloseSession", done).map(|_| ())
    }

    /// Whether a command was taken. One that came too late for what it meant is refused, counted and
    /// forgotten; what says that the server or the session is away comes back as an error.
    fn did<T>(
        &mut self,
        rpc: &str,
        done: Result<tonic::Response<T>, Status>,
    ) -> Result<bool, Status> {
        match done {
            Ok(_) => Ok(true),
            Err(status) => match status.code() {
                Code::FailedPrecondition
                | Code::InvalidArgument
                | Code::AlreadyExists
                | Code::ResourceExhausted => {
                    let refused = format!("{rpc}: {:?}: {}", status.code(), status.message());
                    self.worker.counts.refuse(refused);
                    Ok(false)
                }
                _ => Err(status),
            },
        }
    }

    fn publish(&self) {
        self.counts.send_replace(self.worker.counts.clone());
    }

    fn client(&self) -> AgentServiceClient<Channel> {
        AgentServiceClient::new(self.channel.clone())
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        // A token is letters and digits; one that is not is refused by the server all the same.
        if let Ok(value) = format!("Bearer {}", self.token).parse() {
            request.metadata_mut().insert("authorization", value);
        }
        request
    }

    /// A random UUID (RFC 9562 section 5.4).
    fn request_id(&mut self) -> String {
        let random = (u128::from(self.ids.next_u64()) << 64) | u128::from(self.ids.next_u64());
        let id = random & !(0xf000_u128 << 64) & !(0xc000_u128 << 48);
        let hex = format!("{:032x}", id | (0x4000_u128 << 64) | (0x8000_u128 << 48));
        let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
        [
            part(0..8),
            part(8..12),
            part(12..16),
            part(16..20),
            part(20..32),
        ]
        .join("-")
    }

    fn refused(&self, rpc: &'static str, cause: Status) -> TestkitError {
        TestkitError::Refused {
            login: self.login.clone(),
            rpc,
            cause: Box::new(cause),
        }
    }
}

/// An event, and when it came.
struct Came {
    now: Instant,
    wall: WallTime,
    message: WatchSessionResponse,
}

/// Hands on what comes at the instant it comes, until the stream ends.
async fn listen(
    mut stream: Streaming<WatchSessionResponse>,
    heard: mpsc::Sender<Result<Came, Status>>,
) {
    loop {
        let came = match stream.message().await {
            Ok(Some(message)) => Ok(Came {
                now: Instant::now(),
                wall: wall(),
                message,
            }),
            Ok(None) => return,
            Err(status) => Err(status),
        };
        let is_over = came.is_err();
        if heard.send(came).await.is_err() || is_over {
            return;
        }
    }
}

/// The next event; the end of the stream is a loss like any other.
async fn next(events: &mut mpsc::Receiver<Result<Came, Status>>) -> Result<Came, Status> {
    let ended = || Status::unavailable("the stream of events has ended");
    events.recv().await.ok_or_else(ended)?
}

async fn until(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
