//! What the engine is told: facts. Every input comes with [`model::Now`].

use std::time::Duration;

use compliance::LedgerCounts;
use model::{
    AgentGroupId, AgentId, AttemptId, CampaignId, PhoneId, ProspectId, TrunkGroupId, TrunkId,
    WallTime,
};
use serde::{Deserialize, Serialize};

use crate::campaign::{CampaignSpec, CampaignState};
use crate::leg::LegEvent;
use crate::stops::{Fault, Halt};
use crate::work::{Callback, Claim, LaunchAnswer, Outcome, Unfinished};

/// A fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Time passed; a timer may be due.
    Tick,
    /// The wall clock jumped against the other by this many microseconds, positive when forward.
    ClockJumped {
        /// How far.
        by_us: i64,
    },
    /// A fact about a leg.
    Leg(LegEvent),
    /// The trunks as configured now; those not named are gone.
    Trunks(Vec<TrunkSpec>),
    /// A trunk answers again.
    TrunkUp(TrunkId),
    /// A trunk does not answer.
    TrunkDown {
        /// Which.
        trunk: TrunkId,
        /// In words.
        reason: String,
    },
    /// A trunk asks to be left alone for a while (RFC 3261 section 21.5.4, Retry-After).
    TrunkBusy {
        /// Which.
        trunk: TrunkId,
        /// How long.
        retry_after: Duration,
    },
    /// An agent's phone registered.
    PhoneUp(AgentId),
    /// An agent's phone is no longer registered.
    PhoneDown(AgentId),
    /// A campaign as configured now, new or changed. Valid from the next launch.
    Campaign(Box<CampaignSpec>),
    /// A fact from the database.
    Store(StoreFact),
    /// Somebody asks for something and waits for [`crate::Effect::Reply`].
    Request {
        /// Names the request in the reply; chosen by the asker, unique while open.
        request: RequestId,
        /// What is asked.
        ask: Ask,
    },
    /// The supervisors' halts that hold now, all of them.
    Halted(Vec<Halt>),
    /// A fault of the machine came, in words, or went (`None`).
    Fault {
        /// Which.
        fault: Fault,
        /// In words.
        why: Option<String>,
    },
    /// No new launches from here on; the process will end when the calls have.
    Drain,
}

/// Names a request until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

/// A trunk as far as the engine decides about it. Addresses and secrets stay with the shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkSpec {
    /// The trunk.
    pub id: TrunkId,
    /// Its name, for people.
    pub name: String,
    /// The group it belongs to.
    pub group: TrunkGroupId,
    /// Lower is tried first.
    pub priority: u16,
    /// Share of the calls among trunks of the same priority. Not zero.
    pub weight: u16,
    /// Calls it carries at once.
    pub channels: u32,
    /// New calls per second it accepts.
    pub calls_per_second: u32,
    /// Out of service by a supervisor's wish when false.
    pub enabled: bool,
}

/// An agent as far as the engine decides about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSpec {
    /// The agent.
    pub id: AgentId,
    /// The name to show.
    pub name: String,
    /// Groups whose campaigns the agent serves.
    pub groups: Vec<AgentGroupId>,
    /// What the agent can do that a prospect may need: languages as BCP 47 tags.
    #[serde(default)]
    pub skills: Vec<String>,
}

/// A fact from the database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreFact {
    /// Answer to [`crate::StoreWish::Claim`].
    Claimed {
        /// The campaign.
        campaign: CampaignId,
        /// The prospects; fewer than asked when the queue has no more that are due and open.
        claims: Vec<Claim>,
        /// What the queue holds besides.
        queue: QueueCounts,
    },
    /// Answer to [`crate::StoreWish::Claim`] that could not be carried out although the database answers:
    /// nothing was leased. Asked again after a while.
    ClaimFailed {
        /// The campaign.
        campaign: CampaignId,
    },
    /// Answer to [`crate::StoreWish::ClaimOne`].
    ClaimedOne {
        /// The agent who asked.
        agent: AgentId,
        /// The prospect, or why not.
        claim: Result<Box<Claim>, ClaimRefused>,
    },
    /// Answer to [`crate::StoreWish::RecordLaunches`], per launch.
    LaunchesRecorded(Vec<(AttemptId, LaunchAnswer)>),
    /// The batch could not be committed: nothing of it happened.
    LaunchesFailed(Vec<AttemptId>),
    /// An outcome is safe: committed, or synced to the spool while the database is away.
    OutcomeSaved {
        /// The attempt it belongs to.
        attempt: AttemptId,
        /// The callback that came of it.
        callback: Option<Callback>,
    },
    /// Open callbacks that are private to an agent; sent at sign-in.
    Callbacks {
        /// The agent.
        agent: AgentId,
        /// All of them.
        callbacks: Vec<Callback>,
    },
    /// The abandon ledger of a campaign's present period, recounted from rows; sent with the campaign.
    Ledger {
        /// The campaign.
        campaign: CampaignId,
        /// The recount.
        counts: LedgerCounts,
    },
    /// The database does not answer. Claims and loads of callbacks that are open get no answer any more.
    Lost,
    /// The database answers again.
    Back,
}

/// Why a single prospect could not be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimRefused {
    /// No such prospect in that campaign.
    NotFound,
    /// In somebody else's hands.
    Taken,
    /// Closed: done, exhausted or suppressed.
    Closed,
    /// Assigned to another agent.
    NotYours,
    /// The database does not answer.
    StoreLost,
}

/// What a campaign's queue holds; from the database at each claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueCounts {
    /// Due now, not claimed by anybody.
    pub due: u64,
    /// Waiting for an instant: retries, holds, callbacks.
    pub later: u64,
    /// The earliest instant of those.
    pub next_at: Option<WallTime>,
    /// Claimed, in a call, or with an agent.
    pub in_hand: u64,
    /// Due by their instant, but nowhere inside the calling window now.
    pub outside_hours: u64,
    /// When the first of those may be called.
    pub opens_at: Option<WallTime>,
    /// Of those who wait: for an agent with a skill.
    #[serde(default)]
    pub needs_skill: u64,
    /// Held until facts change (no zone, no consent).
    pub held: u64,
    /// Closed in any way.
    pub closed: u64,
}

impl QueueCounts {
    /// Prospects that may still be called.
    pub const fn open(&self) -> u64 {
        self.due + self.outside_hours + self.later + self.in_hand
    }
}

/// What somebody asks of the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// An agent at work.
    Agent {
        /// Who.
        agent: AgentId,
        /// What.
        ask: AgentAsk,
    },
    /// A supervisor changed a campaign's state; committed already, but for a pause, which may be told before:
    /// it is refused when the campaign does not run, and holds at once.
    SetCampaignState {
        /// Which.
        campaign: CampaignId,
        /// The state.
        state: CampaignState,
    },
    /// Why is not more being dialled?
    Explain {
        /// Which campaign.
        campaign: CampaignId,
    },
    /// Everything that a supervisor watches.
    Board,
}

/// What an agent asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentAsk {
    /// Begin to work; again with the same agent: take over.
    SignIn(AgentSpec),
    /// Work goes on that another run of the daemon knew of: the client and the phone are expected back.
    Resume {
        /// Who.
        agent: AgentSpec,
        /// Why the agent took no calls; `None`: took calls.
        pause: Option<String>,
    },
    /// Stop working. Refused during a talk.
    SignOut,
    /// Take calls.
    Ready,
    /// Take no calls, and why.
    NotReady {
        /// Code of the reason, for example `lunch`.
        reason: String,
        /// From when on.
        when: PauseWhen,
    },
    /// Dial the offered prospect.
    TakePreview {
        /// Another number than the one offered.
        phone: Option<PhoneId>,
    },
    /// Put the offered prospect back.
    SkipPreview,
    /// Call any prospect assigned to the agent, or whose callback is the agent's.
    Dial {
        /// The campaign.
        campaign: CampaignId,
        /// The prospect.
        prospect: ProspectId,
        /// Which number; the first that is not closed when `None`.
        phone: Option<PhoneId>,
    },
    /// End the call, or stop it while it rings.
    HangUp,
    /// Let the person wait.
    Hold,
    /// Go on talking.
    Unhold,
    /// Give the outcome of the talk; during it or in wrap-up. Confirming ends the wrap-up.
    Submit {
        /// The attempt.
        attempt: AttemptId,
        /// What came of it.
        outcome: Outcome,
    },
    /// Give the outcome of an earlier talk whose notes were cut short.
    SubmitLate {
        /// The talk.
        talk: Box<Unfinished>,
        /// What came of it.
        outcome: Outcome,
    },
    /// End the wrap-up on purpose without an outcome: nothing is applied.
    CloseWithoutOutcome {
        /// The attempt.
        attempt: AttemptId,
    },
    /// More time in wrap-up.
    ExtendWrapUp {
        /// How much.
        by: Duration,
    },
    /// The agent's event stream is gone.
    ClientLost,
    /// The agent's event stream is back.
    ClientBack,
}

/// When a pause begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseWhen {
    /// At once when nothing is under way, else when the present call is done. The default.
    AfterCall,
    /// At once, except from a talk or wrap-up: a call that rings for this agent goes to another.
    Now,
}
