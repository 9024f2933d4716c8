//! What the engine wishes to happen.

use std::time::Duration;

use model::{
    AgentId, AttemptId, CallResult, CallbackId, CampaignId, Disposition, PhoneId, ProspectId,
    WallTime,
};
use serde::{Deserialize, Serialize};

use crate::campaign::{CampaignState, MissedCallback};
use crate::explain::{Board, Explanation};
use crate::input::RequestId;
use crate::leg::LegCommand;
use crate::work::{
    Callback, Card, FinishedAttempt, Launch, OutcomeRecord, PhoneFacts, ReturnedClaim,
};

/// A wish. Carried out by the shell in the order given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// About legs and their audio.
    Leg(LegCommand),
    /// About rows.
    Store(StoreWish),
    /// Something an agent must see.
    Agent {
        /// Who.
        agent: AgentId,
        /// What.
        event: AgentEvent,
    },
    /// The answer to a request; exactly one per request.
    Reply {
        /// Which.
        request: RequestId,
        /// The answer, or why not.
        answer: Result<Answer, Refused>,
    },
    /// A campaign ended by itself; to be committed.
    CampaignEnded {
        /// Which.
        campaign: CampaignId,
        /// Always [`CampaignState::Finished`] today.
        state: CampaignState,
        /// In words.
        because: String,
    },
    /// Draining is done: no call and no wrap-up is left.
    Drained,
}

/// A wish about rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreWish {
    /// Lease up to `count` prospects of a campaign whose rules are open. One is open per campaign at a time.
    Claim {
        /// The campaign.
        campaign: CampaignId,
        /// At most so many.
        count: u32,
        /// The business instant.
        at: WallTime,
        /// How far back the history of numbers must reach.
        lookback: Duration,
    },
    /// Lease one prospect for an agent who asked for it.
    ClaimOne {
        /// The agent.
        agent: AgentId,
        /// The campaign.
        campaign: CampaignId,
        /// The prospect.
        prospect: ProspectId,
        /// The business instant.
        at: WallTime,
        /// How far back the history of numbers must reach.
        lookback: Duration,
    },
    /// Give claims back that made no attempt.
    Return(Vec<ReturnedClaim>),
    /// Commit these launches before anything is sent, in one transaction.
    RecordLaunches(Vec<Launch>),
    /// Instants of an attempt that is under way, for recovery after a crash.
    Progress {
        /// The campaign.
        campaign: CampaignId,
        /// The attempt.
        attempt: AttemptId,
        /// The 2xx.
        answered_at: Option<WallTime>,
        /// First two-way audio with an agent.
        bridged_at: Option<WallTime>,
        /// That agent.
        agent: Option<AgentId>,
    },
    /// Write an attempt's end and what follows for its prospect, in one transaction.
    Finish(Box<FinishedAttempt>),
    /// Write an outcome and what follows; answered by [`crate::StoreFact::OutcomeSaved`].
    SaveOutcome(Box<OutcomeRecord>),
    /// An agent's state changed.
    LogAgent(AgentLog),
    /// Send [`crate::StoreFact::Callbacks`] for an agent.
    LoadCallbacks(AgentId),
    /// Do with every open private callback of a campaign whose instant is not after `before`, and whose prospect
    /// is in nobody's hands, what the campaign's rule says; then send [`crate::StoreFact::Callbacks`] for each
    /// agent who had one.
    MissedCallbacks {
        /// The campaign.
        campaign: CampaignId,
        /// The latest instant that counts as missed.
        before: WallTime,
        /// What becomes of them; never [`MissedCallback::Wait`].
        missed: MissedCallback,
        /// The business instant.
        at: WallTime,
    },
}

/// One change of an agent's state; reports are computed from these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLog {
    /// Who.
    pub agent: AgentId,
    /// The state entered.
    pub state: AgentState,
    /// Code of the reason, for a pause.
    pub reason: String,
    /// The campaign of the call, for states of a call.
    pub campaign: Option<CampaignId>,
    /// The attempt, for states of a call.
    pub attempt: Option<AttemptId>,
    /// When.
    pub at: WallTime,
}

/// What an agent is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Not signed in.
    Offline,
    /// Signed in, takes no calls.
    NotReady,
    /// Waits for a call.
    Ready,
    /// Looks at an offered prospect.
    Previewing,
    /// A call is being placed for this agent.
    Dialling,
    /// Talks.
    Talking,
    /// The person waits.
    Holding,
    /// Finishes notes.
    WrapUp,
    /// The client or the phone went away during a call.
    ConnectionLost,
}

impl AgentState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Offline,
        Self::NotReady,
        Self::Ready,
        Self::Previewing,
        Self::Dialling,
        Self::Talking,
        Self::Holding,
        Self::WrapUp,
        Self::ConnectionLost,
    ];

    /// The name in rows and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::NotReady => "not_ready",
            Self::Ready => "ready",
            Self::Previewing => "previewing",
            Self::Dialling => "dialling",
            Self::Talking => "talking",
            Self::Holding => "holding",
            Self::WrapUp => "wrap_up",
            Self::ConnectionLost => "connection_lost",
        }
    }
}

/// Something an agent must see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentEvent {
    /// The agent's state changed.
    State {
        /// The state entered.
        state: AgentState,
        /// Code of the reason, for a pause.
        reason: String,
        /// When.
        since: WallTime,
        /// A pause begins when the present call is done.
        pause_after_call: bool,
        /// Whether the standing leg to the agent's phone is up.
        phone_up: bool,
    },
    /// A prospect to look at; dial or skip it before the instant.
    PreviewOffered {
        /// The record.
        pop: Box<ScreenPop>,
        /// Until when.
        until: WallTime,
    },
    /// A number is being dialled for the agent.
    Dialling {
        /// The record.
        pop: Box<ScreenPop>,
    },
    /// The person is on the line.
    Connected {
        /// The record.
        pop: Box<ScreenPop>,
    },
    /// The call is over, connected or not.
    CallEnded {
        /// The attempt; `None` when it was never launched.
        attempt: Option<AttemptId>,
        /// Its result; `None` while the outcome may still say a machine was heard.
        result: Option<CallResult>,
        /// In words.
        because: String,
    },
    /// Notes may be finished until the instant.
    WrapUp {
        /// The attempt.
        attempt: AttemptId,
        /// Until when.
        until: WallTime,
    },
    /// The wrap-up ends in ten seconds.
    WrapUpEnding {
        /// The attempt.
        attempt: AttemptId,
        /// Until when.
        until: WallTime,
    },
    /// The wrap-up's time is over; nothing was applied.
    WrapUpTimedOut {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The outcome is safe.
    OutcomeSaved {
        /// The attempt.
        attempt: AttemptId,
    },
    /// A promise to call is due.
    ReminderDue {
        /// Which.
        callback: Callback,
    },
    /// A promise to call was kept or moved.
    ReminderGone {
        /// Which.
        callback: CallbackId,
    },
    /// Something to know, in words.
    Notice {
        /// The words.
        text: String,
    },
}

/// The person's record at the moment it is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreenPop {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its name.
    pub campaign_name: String,
    /// For whom the call is made.
    pub seller: String,
    /// What to say first.
    pub greeting: String,
    /// The prospect.
    pub prospect: ProspectId,
    /// The attempt, once launched.
    pub attempt: Option<AttemptId>,
    /// The number offered or dialled.
    pub phone: Option<PhoneId>,
    /// All numbers.
    pub phones: Vec<PhoneFacts>,
    /// The amount as text, for example `1234.05 RUB`.
    pub amount: Option<String>,
    /// What it is about: the prospect's subject, else the campaign's.
    pub subject: Option<String>,
    /// The columns and the history.
    pub card: Card,
    /// The questionnaire to show.
    pub questionnaire: Option<model::QuestionnaireId>,
    /// What an outcome may say, in the order in which it is offered.
    pub dispositions: Vec<Disposition>,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done or will be.
    Done,
    /// Why not more is being dialled.
    Explained(Box<Explanation>),
    /// What a supervisor watches.
    Board(Box<Board>),
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// The agent is not signed in.
    #[error("agent {0} is not signed in; open a session first")]
    NotSignedIn(AgentId),
    /// The engine does not know the campaign.
    #[error("campaign {0} is not loaded; check its id")]
    NoCampaign(CampaignId),
    /// Nothing is launched for the campaign now.
    #[error("the campaign is {}; it must run before anybody is called for it", state.as_str())]
    NotRunning {
        /// Its state.
        state: CampaignState,
    },
    /// Not possible in the agent's state.
    #[error("not possible while {}; {hint}", state.as_str())]
    WrongState {
        /// The state.
        state: AgentState,
        /// What to do.
        hint: String,
    },
    /// The attempt is not this agent's, or is done.
    #[error("attempt {0} is not yours to close; it may be closed already")]
    NotYourAttempt(AttemptId),
    /// The campaign has no such disposition.
    #[error("campaign has no disposition \"{code}\"; use one of: {known}")]
    UnknownDisposition {
        /// What was given.
        code: String,
        /// What there is.
        known: String,
    },
    /// The disposition needs an instant.
    #[error(
        "disposition \"{code}\" needs the date and time of the call; set call_at to a later instant"
    )]
    NeedsCallTime {
        /// What was given.
        code: String,
    },
    /// A rule forbids the call now.
    #[error("may not be called now: {rule}{}", until.map(|u| format!("; next allowed at {u}")).unwrap_or_default())]
    Held {
        /// The rule.
        rule: String,
        /// Until when.
        until: Option<WallTime>,
    },
    /// The prospect cannot be had.
    #[error("prospect {prospect} cannot be called: {why}")]
    NotClaimed {
        /// Which.
        prospect: ProspectId,
        /// In words.
        why: String,
    },
    /// No channel, or no trunk.
    #[error("no free line: {why}")]
    NoLine {
        /// In words.
        why: String,
    },
    /// Nobody is called now, whatever the campaign says.
    #[error("nobody is called now: {why}")]
    Stopped {
        /// In words.
        why: String,
    },
    /// No more time can be had for the notes.
    #[error("the campaign lets notes take {} s longer at most, and that is used up; give the outcome, or close without one", limit.as_secs())]
    NoMoreTime {
        /// By how much in all.
        limit: Duration,
    },
    /// The agent's phone is not registered.
    #[error("your phone is not registered; start it, or check its user name and password")]
    NoPhone,
    /// The database is away.
    #[error("the database does not answer; calls in progress go on, try again in a moment")]
    StoreLost,
    /// The daemon is shutting down.
    #[error("the daemon is shutting down; sign in again when it is back")]
    Draining,
}

impl Refused {
    /// Whose move it is.
    pub const fn problem(&self) -> model::Problem {
        match self {
            Self::NotSignedIn(_)
            | Self::NoCampaign(_)
            | Self::NotRunning { .. }
            | Self::WrongState { .. }
            | Self::NotYourAttempt(_)
            | Self::UnknownDisposition { .. }
            | Self::NeedsCallTime { .. }
            | Self::Held { .. }
            | Self::NotClaimed { .. }
            | Self::NoMoreTime { .. }
            | Self::NoPhone => model::Problem::Caller,
            Self::NoLine { .. } | Self::Stopped { .. } | Self::StoreLost | Self::Draining => {
                model::Problem::Busy
            }
        }
    }
}
