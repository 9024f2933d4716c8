//! One agent at work: what the agent does, wishes, and whether the phone is there.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{
    AgentGroupId, AttemptId, CallbackId, CampaignId, LegId, PhoneId, ProspectId, Timestamp,
    WallTime,
};

use crate::effect::AgentState;
use crate::input::{AgentSpec, RequestId};
use crate::work::{Callback, Claim, PhoneFacts};

#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) spec: AgentSpec,
    pub(crate) doing: Doing,
    pub(crate) wish: Wish,
    pub(crate) phone: Phone,
    /// The agent's phone is registered.
    pub(crate) registered: bool,
    /// The agent's event stream is gone.
    pub(crate) client_lost: bool,
    /// Who waits longest gets the next call.
    pub(crate) idle_since: Timestamp,
    pub(crate) since: WallTime,
    pub(crate) callbacks: BTreeMap<CallbackId, (Callback, Reminded)>,
    pub(crate) owes: Owes,
    /// How often the phone did not pick up since it last did.
    pub(crate) missed: u32,
}

/// Whether a promise of the agent's own keeps other calls away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owes {
    #[default]
    Nothing,
    /// Soon: calls launched now could still ring when it is due.
    Soon,
    /// Now.
    Now,
}

/// Whether the agent was told that a callback is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reminded {
    No,
    Yes,
    /// And called, in vain so far.
    Tried,
}

/// What the agent wants when nothing is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Ready,
    Pause(String),
}

/// The leg to the agent's phone, kept up while the agent works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phone {
    Down,
    Calling(LegId),
    Up(LegId),
}

#[derive(Debug)]
pub(crate) enum Doing {
    NotReady,
    Ready,
    /// Looks at an offered prospect.
    Previewing(Box<Offer>),
    /// Asked for a prospect; the database is looking.
    Fetching {
        request: RequestId,
        campaign: CampaignId,
        prospect: ProspectId,
        phone: Option<PhoneId>,
    },
    /// The agent's own phone is being called, before the person's.
    CallingPhone(Box<Offer>),
    /// A call is being placed for this agent.
    Dialling {
        attempt: AttemptId,
    },
    Talking {
        attempt: AttemptId,
        held: bool,
    },
    /// The phone went away during a talk.
    Lost {
        attempt: AttemptId,
    },
    WrapUp(Box<WrapUp>),
}

/// A prospect in an agent's hand, not launched.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) claim: Claim,
    pub(crate) phone: PhoneId,
    /// Until when, for an offer that was pushed.
    pub(crate) until: Option<Timestamp>,
}

/// What an agent finishes notes about.
#[derive(Debug)]
pub(crate) struct WrapUp {
    pub(crate) attempt: AttemptId,
    pub(crate) campaign: CampaignId,
    pub(crate) claim: Claim,
    pub(crate) phone: PhoneFacts,
    pub(crate) until: Timestamp,
    pub(crate) warned: bool,
    /// How much longer it may be asked to take.
    pub(crate) extension_left: Duration,
    /// What the attempt has when nothing is given; `None`: it has an outcome already.
    pub(crate) otherwise: Option<&'static str>,
}

impl Agent {
    pub(crate) fn state(&self) -> AgentState {
        match &self.doing {
            Doing::NotReady => AgentState::NotReady,
            Doing::Ready => AgentState::Ready,
            Doing::Previewing(_) => AgentState::Previewing,
            Doing::Fetching { .. } | Doing::CallingPhone(_) | Doing::Dialling { .. } => {
                AgentState::Dialling
            }
            Doing::Talking { held: false, .. } => AgentState::Talking,
            Doing::Talking { held: true, .. } => AgentState::Holding,
            Doing::Lost { .. } => AgentState::ConnectionLost,
            Doing::WrapUp(_) => AgentState::WrapUp,
        }
    }

    /// Code of the reason of a pause, present or wished.
    pub(crate) fn reason(&self) -> &str {
        match &self.wish {
            Wish::Pause(reason) => reason,
            Wish::Ready => "",
        }
    }

    /// The attempt in which the agent is, or for which notes are finished.
    pub(crate) fn attempt(&self) -> Option<AttemptId> {
        match &self.doing {
            Doing::Dialling { attempt }
            | Doing::Talking { attempt, .. }
            | Doing::Lost { attempt } => Some(*attempt),
            Doing::WrapUp(work) => Some(work.attempt),
            Doing::NotReady
            | Doing::Ready
            | Doing::Previewing(_)
            | Doing::Fetching { .. }
            | Doing::CallingPhone(_) => None,
        }
    }

    pub(crate) fn leg(&self) -> Option<LegId> {
        match self.phone {
            Phone::Up(leg) => Some(leg),
            Phone::Down | Phone::Calling(_) => None,
        }
    }

    /// Can take an answered call at this instant.
    pub(crate) fn can_take_call(&self) -> bool {
        matches!(self.doing, Doing::Ready)
            && self.leg().is_some()
            && !self.client_lost
            && self.owes != Owes::Now
    }

    /// Can take a call and will go on being able to: calls may be launched for this agent.
    pub(crate) fn counts_for_launch(&self) -> bool {
        self.can_take_call() && self.wish == Wish::Ready && self.owes == Owes::Nothing
    }

    pub(crate) fn serves(&self, groups: &[AgentGroupId]) -> bool {
        self.spec.groups.iter().any(|g| groups.contains(g))
    }
}
