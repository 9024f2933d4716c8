//! A campaign as the engine is told of it.

use std::time::Duration;

use announce::Message;
use compliance::Rules;
use model::{AgentGroupId, CampaignId, Disposition, E164, QuestionnaireId, TrunkGroupId, WallTime};
use pacing::PolicyName;
use serde::{Deserialize, Serialize};

use crate::leg::Sound;
use crate::retry::RetryTable;

/// How a campaign meets people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// More calls than agents, by a forecast.
    Predictive,
    /// One call for each ready agent.
    Progressive,
    /// The agent sees the record first and starts the call.
    Preview,
    /// No agent: a message is played.
    Notification,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [
        Self::Predictive,
        Self::Progressive,
        Self::Preview,
        Self::Notification,
    ];

    /// The name in rows and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Predictive => "predictive",
            Self::Progressive => "progressive",
            Self::Preview => "preview",
            Self::Notification => "notification",
        }
    }

    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == name)
    }
}

/// Whether a campaign dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignState {
    /// Being set up.
    Draft,
    /// Dials, within its instants and rules.
    Running,
    /// Stopped for a while; goes on from the same place.
    Paused,
    /// Ended by a supervisor.
    Stopped,
    /// Ended by itself: no prospect is open and no callback is due, or its end instant passed.
    Finished,
}

impl CampaignState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Draft,
        Self::Running,
        Self::Paused,
        Self::Stopped,
        Self::Finished,
    ];

    /// The name in rows and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
        }
    }

    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// What becomes of a private callback that its agent has not kept within the tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissedCallback {
    /// It goes on waiting for its agent, who may take other calls again.
    Wait,
    /// It moves to so long after it was found missed, still the agent's.
    Reschedule {
        /// How much later.
        by: Duration,
    },
    /// Anyone of the campaign's groups may keep it; it is called before fresh prospects.
    MakePublic,
}

/// How private callbacks are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackRule {
    /// So long after its instant a callback keeps its agent free for it.
    pub tolerance: Duration,
    /// What then happens.
    pub missed: MissedCallback,
}

/// Everything the engine must know to work a campaign. Checked by whoever makes it: ring limits against
/// the rules' minimum, messages against voices, groups and trunks against what exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignSpec {
    /// The campaign.
    pub id: CampaignId,
    /// Grows with each change.
    pub version: u32,
    /// Its name, for people.
    pub name: String,
    /// Whether it dials.
    pub state: CampaignState,
    /// For whom the calls are made; caps and the ledger count by it.
    pub seller: String,
    /// What for: `sales`, `debt_collection`, `survey`, …; the ledger counts by it.
    pub purpose: String,
    /// What it is about, for prospects that carry no subject of their own.
    pub subject: Option<String>,
    /// How it meets people.
    pub mode: Mode,
    /// How many calls to launch, for predictive campaigns.
    pub policy: PolicyName,
    /// Agents who serve it; empty for notification.
    pub groups: Vec<AgentGroupId>,
    /// Trunks that carry it.
    pub trunk_group: TrunkGroupId,
    /// The caller's number shown.
    pub caller: E164,
    /// How long a person's phone rings.
    pub ring_limit: Duration,
    /// How long to wait for the first ringing.
    pub set_up_limit: Duration,
    /// Not before.
    pub starts_at: Option<WallTime>,
    /// Not from then on.
    pub ends_at: Option<WallTime>,
    /// The strictest combination of its profiles and its own daily hours.
    pub rules: Rules,
    /// What follows each result.
    pub retry: RetryTable,
    /// Whether a message left on a machine is a success.
    pub machine_message_is_success: bool,
    /// Time for the agent's notes.
    pub wrap_up_limit: Duration,
    /// How much longer the agent may ask the notes to take, in all.
    pub wrap_up_extension: Duration,
    /// Time for the agent to look at an offered prospect.
    pub preview_limit: Duration,
    /// How long a person whose agent was lost in the middle of a talk waits for that agent alone.
    pub return_limit: Duration,
    /// How long the person waits after that for any agent of the groups.
    pub lost_agent_limit: Duration,
    /// How private callbacks are kept.
    pub callbacks: CallbackRule,
    /// Whether a prospect that has a language goes only to agents who have it as a skill.
    pub route_by_language: bool,
    /// The questionnaire shown with the card.
    pub questionnaire: Option<QuestionnaireId>,
    /// What the agent says first.
    pub greeting: String,
    /// What an outcome may say.
    pub dispositions: Vec<Disposition>,
    /// What is played, for notification.
    pub message: Option<Message>,
    /// What a person hears whom no agent could take. Empty: released without a word.
    pub abandoned_message: Vec<Sound>,
}
