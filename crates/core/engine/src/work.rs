//! What travels between the queue in the database and the engine: claims in, launches and ends out.

use std::time::Duration;

use model::{
    AgentId, AttemptId, CallResult, CallbackId, CampaignId, E164, LedgerClass, LegEnd, ListId,
    Money, PastTry, PhoneId, ProspectId, TrunkId, WallTime, ZoneSet,
};
use serde::{Deserialize, Serialize};

/// Why a prospect stands in the queue. Ordered as the queue is served: later variants first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkKind {
    /// Never tried in this campaign.
    Fresh,
    /// Tried, to be tried again.
    Retry,
    /// A further number of a hunt that is under way.
    Hunt,
    /// May only be dialled with an agent reserved, because an earlier call found none.
    ReservedAgent,
    /// A promise to call, for any agent of the campaign's groups.
    PublicCallback,
    /// A promise to call by one agent; never claimed by the campaign, only dialled by that agent.
    PrivateCallback,
}

/// A prospect taken from the queue under a lease, with every fact that a decision about it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The campaign whose queue it came from.
    pub campaign: CampaignId,
    /// The prospect.
    pub prospect: ProspectId,
    /// The list it stands in.
    pub list: ListId,
    /// Fences writes about this claim: a lease taken by somebody else has another token.
    pub lease: u64,
    /// Why it stands in the queue.
    pub kind: WorkKind,
    /// Where the person may be. Empty: unknown, and never called.
    pub zones: ZoneSet,
    /// The debt, contract or matter, when the list says so.
    pub subject: Option<String>,
    /// The amount of the list's amount column.
    pub amount: Option<Money>,
    /// BCP 47 tag of the list's language column.
    pub language: Option<String>,
    /// Whether the list carries the person's consent to be called.
    pub consent: bool,
    /// The numbers in file order. Not empty.
    pub phones: Vec<PhoneFacts>,
    /// The number to try first; another when that one is closed or held.
    pub next_phone: Option<PhoneId>,
    /// Attempts used in this campaign (results that count as a try).
    pub tries: u32,
    /// What the agent will see.
    pub card: Card,
}

/// A number and what is known of it at the claim, over all campaigns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneFacts {
    /// The number's row.
    pub id: PhoneId,
    /// The number.
    pub number: E164,
    /// `mobile`, `home`, `work` or what the file says; may be empty.
    pub kind: String,
    /// Digits to dial after the answer, for the agent's eye.
    pub extension: Option<String>,
    /// No longer tried in this campaign (invalid, fax, wrong number, tries used up).
    pub closed: bool,
    /// On a suppression list that applies to this campaign's seller.
    pub suppressed: bool,
    /// In a live call at the claim.
    pub live: bool,
    /// Version of these facts; the launch is refused when it has moved on.
    pub version: i64,
    /// Earlier tries of this number as far back as the rules look; oldest first.
    pub history: Vec<PastTry>,
}

/// The person's record as the agent sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The identifier column.
    pub external_id: String,
    /// The name column.
    pub name: Option<String>,
    /// Every further column, in file order.
    pub fields: Vec<(String, String)>,
    /// Earlier attempts with notes and what was promised in them, over the seller's campaigns; newest first,
    /// at most 20.
    pub history: Vec<CardEntry>,
    /// Promises to call that are open, over the seller's campaigns; the earliest first.
    #[serde(default)]
    pub promises: Vec<Promise>,
}

/// A promise to call as a card shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// When.
    pub at: WallTime,
    /// The campaign's name.
    pub campaign: String,
    /// The agent who promised to call; `None`: anyone.
    pub agent: Option<String>,
    /// The note; may be empty.
    pub note: String,
}

/// One line of a card's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardEntry {
    /// When.
    pub at: WallTime,
    /// The campaign's name.
    pub campaign: String,
    /// How the attempt ended.
    pub result: CallResult,
    /// What the agent made of it.
    pub disposition: Option<String>,
    /// What the agent wrote.
    pub note: Option<String>,
    /// When it was agreed to call again.
    #[serde(default)]
    pub call_at: Option<WallTime>,
    /// The agent's name.
    pub agent: Option<String>,
}

/// A decision to dial, to be committed before its INVITE leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The new attempt.
    pub attempt: AttemptId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The prospect.
    pub prospect: ProspectId,
    /// The lease under which the prospect is held.
    pub lease: u64,
    /// The number's row.
    pub phone: PhoneId,
    /// The number as dialled.
    pub number: E164,
    /// The version of the facts that the decision rests on.
    pub facts_version: i64,
    /// For whom the call is made.
    pub seller: String,
    /// What it is about: the prospect's subject, else the campaign's.
    pub subject: Option<String>,
    /// The trunk tried first.
    pub trunk: TrunkId,
    /// The agent reserved for it, if one is.
    pub agent: Option<AgentId>,
    /// When it was decided.
    pub at: WallTime,
    /// Why it was allowed and wanted.
    pub decision: DecisionRecord,
}

/// Why a call was launched: kept with the attempt as evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Profile and version of the rule that closes first, for example `us_federal@3`.
    pub profile: String,
    /// The candidate zones that were looked at.
    pub zones: ZoneSet,
    /// The last instant at which this call could have been started.
    pub latest_start: WallTime,
    /// The pacing policy, or `agent` for a call that an agent asked for.
    pub policy: String,
    /// Agents ready when it was decided.
    pub agents_ready: u32,
    /// Calls of the campaign in flight when it was decided, this one not counted.
    pub in_flight: u32,
}

/// What the database says of one launch of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaunchAnswer {
    /// Committed: the INVITE may leave.
    Recorded,
    /// The number's facts moved on since the claim; claim again.
    FactsChanged,
    /// The number is in a live call.
    NumberLive,
    /// The lease is no longer ours.
    LeaseLost,
}

/// The instants of an attempt. All but the first may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptTimes {
    /// The INVITE was asked for.
    pub dialled_at: Option<WallTime>,
    /// First ringing.
    pub ringing_at: Option<WallTime>,
    /// The 2xx.
    pub answered_at: Option<WallTime>,
    /// End of the person's greeting; until detection exists, the answer.
    pub greeting_ended_at: Option<WallTime>,
    /// First two-way audio with an agent.
    pub bridged_at: Option<WallTime>,
    /// The announcement began.
    pub message_at: Option<WallTime>,
    /// The person's leg was over.
    pub ended_at: Option<WallTime>,
}

/// One leg of an attempt; a hunt over trunks has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegTrace {
    /// The trunk.
    pub trunk: TrunkId,
    /// How it ended.
    pub end: LegEnd,
}

/// An attempt at its end: written once, in one transaction with what follows for the prospect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedAttempt {
    /// The attempt.
    pub attempt: AttemptId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The prospect.
    pub prospect: ProspectId,
    /// The number's row.
    pub phone: PhoneId,
    /// The number.
    pub number: E164,
    /// The one result.
    pub result: CallResult,
    /// Whether it uses one of the prospect's tries.
    pub counts_as_try: bool,
    /// Whether the line was reached, for legal caps.
    pub rang: bool,
    /// Whether a person was talked to.
    pub talked: bool,
    /// Whether a recorded message was played.
    pub message: bool,
    /// Class in the abandon ledger.
    pub ledger: Option<LedgerClass>,
    /// The agent who took it, or was reserved for it.
    pub agent: Option<AgentId>,
    /// All instants.
    pub times: AttemptTimes,
    /// Each leg with its causes; the last is the one that decided.
    pub legs: Vec<LegTrace>,
    /// How much of the announcement was sent to the person.
    pub heard: Option<Duration>,
    /// Keys that the person pressed, at most 32.
    pub digits: String,
    /// A mark for the number, whatever list it stands in.
    pub mark: Option<NumberMark>,
    /// Whether the number is never called again for the seller (607, or a key pressed in an announcement).
    pub suppress: bool,
    /// What follows for the prospect.
    pub next: Next,
}

/// What an attempt taught about a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberMark {
    /// Maybe out of use; to be confirmed.
    Suspected,
    /// Out of use.
    Invalid,
    /// The person moved.
    Old,
    /// A fax or modem.
    Fax,
    /// Belongs to somebody else.
    Reassigned,
}

impl NumberMark {
    /// The name in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspected => "suspected",
            Self::Invalid => "invalid",
            Self::Old => "old",
            Self::Fax => "fax",
            Self::Reassigned => "reassigned",
        }
    }
}

/// What follows for a prospect in its campaign's queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Tried again.
    Due {
        /// Not before.
        at: WallTime,
        /// Which number first; the claim chooses when `None`.
        phone: Option<PhoneId>,
        /// Why it stands in the queue.
        kind: WorkKind,
        /// The number that is done and not tried again, if any.
        close_phone: Option<PhoneId>,
        /// In words, for reports: the rule or result that chose the instant.
        because: String,
    },
    /// Stays with the agent until the outcome comes.
    AwaitsOutcome,
    /// Done.
    Closed {
        /// How the prospect ended.
        state: ClosedState,
        /// The number that is done, if the end came from it.
        close_phone: Option<PhoneId>,
        /// In words, for reports.
        because: String,
    },
}

/// How a prospect ended in its campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedState {
    /// The campaign's goal was met.
    Success,
    /// Reached, and done without success.
    Done,
    /// No number or no try is left.
    Exhausted,
    /// On a suppression list, or asked not to be called.
    Suppressed,
}

impl ClosedState {
    /// The name in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Done => "done",
            Self::Exhausted => "exhausted",
            Self::Suppressed => "suppressed",
        }
    }
}

/// A claim that goes back to the queue without an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnedClaim {
    /// The campaign.
    pub campaign: CampaignId,
    /// The prospect.
    pub prospect: ProspectId,
    /// The lease under which it was held.
    pub lease: u64,
    /// Where it goes.
    pub to: ReturnTo,
}

/// Where a claim goes that made no attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnTo {
    /// As it was: due at once, nothing burnt.
    Unchanged,
    /// Held by a rule until an instant, or until facts change (`None`).
    Held {
        /// Not before.
        until: Option<WallTime>,
        /// The rule, for example `us_fl@2 window`; `explain` counts by it.
        rule: String,
    },
    /// Closed without an attempt: no number is left.
    Closed {
        /// How the prospect ended.
        state: ClosedState,
        /// In words, for reports.
        because: String,
    },
    /// Decided without dialling: a pre-dial result is written, once, and what follows.
    Decided {
        /// The new attempt's id.
        attempt: AttemptId,
        /// The number concerned.
        phone: PhoneId,
        /// Its result: `do_not_call` or one of the `preview_*`.
        result: CallResult,
        /// The agent who decided.
        agent: Option<AgentId>,
        /// When.
        at: WallTime,
        /// What follows.
        next: Next,
    },
}

/// What an agent made of a talk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Code of one of the campaign's dispositions.
    pub disposition: String,
    /// Answers by field of the questionnaire.
    pub answers: Vec<(String, String)>,
    /// Free text; may be empty.
    pub note: String,
    /// When to call again, for dispositions that ask for it.
    pub call_at: Option<WallTime>,
    /// Which number to call then; any when `None`.
    pub call_phone: Option<PhoneId>,
}

/// A talk of an agent's that ended without words of the agent's own, as rows have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// The attempt.
    pub attempt: AttemptId,
    /// The number talked on.
    pub phone: PhoneId,
    /// The person's record; holds no lease.
    pub claim: Claim,
}

/// An outcome with what follows from it: saved in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRecord {
    /// The attempt it belongs to.
    pub attempt: AttemptId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The prospect.
    pub prospect: ProspectId,
    /// The number talked on.
    pub phone: PhoneId,
    /// The number.
    pub number: E164,
    /// For whom the call was made.
    pub seller: String,
    /// Who gave it; `None` for an announcement.
    pub agent: Option<AgentId>,
    /// What was given.
    pub outcome: Outcome,
    /// When.
    pub at: WallTime,
    /// Whether the person refused what was offered, or further calls: caps that follow a refusal count from
    /// this attempt. True whenever `suppress` is.
    #[serde(default)]
    pub refused: bool,
    /// Whether number and person are never called again for the seller.
    pub suppress: bool,
    /// Whether it stands in for words that the agent may still give: what was typed so far is kept.
    #[serde(default)]
    pub stands_in: bool,
    /// A callback to make: private to the agent or not.
    pub callback: Option<NewCallback>,
    /// A mark for the number.
    pub mark: Option<NumberMark>,
    /// What follows for the prospect.
    pub next: Next,
}

/// A promise to call, as made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCallback {
    /// When.
    pub at: WallTime,
    /// Only this agent; `None` for anyone of the groups.
    pub agent: Option<AgentId>,
    /// Which number.
    pub phone: Option<PhoneId>,
    /// The agent's note.
    pub note: String,
}

/// A promise to call that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// Its row.
    pub id: CallbackId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The prospect.
    pub prospect: ProspectId,
    /// The agent who promised it, when it is private.
    pub agent: Option<AgentId>,
    /// When.
    pub at: WallTime,
    /// The number to call.
    pub phone: Option<PhoneId>,
    /// The name to show.
    pub name: String,
    /// The agent's note.
    pub note: String,
}
