//! One attempt while it is under way: the state of a call from its launch to its end.

use std::time::Duration;

use compliance::AnsweredTimes;
use model::{
    AgentId, AttemptId, CampaignId, LegEnd, LegId, PhoneId, PlayId, Timestamp, TrunkId, WallTime,
};

use crate::classify::{AgentPart, Answered, AttemptFacts, Machine, MessagePart, Stop};
use crate::work::{AttemptTimes, Claim, LegTrace, Outcome, PhoneFacts};

/// An attempt under way.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: AttemptId,
    pub(crate) campaign: CampaignId,
    pub(crate) claim: Claim,
    pub(crate) phone: PhoneFacts,
    pub(crate) state: State,
    /// The agent for whom it was launched; no other takes it.
    pub(crate) reserved: Option<AgentId>,
    /// The agent who talks, or talked.
    pub(crate) agent: Option<AgentId>,
    pub(crate) decided_at: Timestamp,
    /// Until when its INVITE may leave, by the rules.
    pub(crate) latest_start: WallTime,
    pub(crate) times: AttemptTimes,
    pub(crate) legs: Vec<LegTrace>,
    pub(crate) tried: Vec<TrunkId>,
    pub(crate) rang: bool,
    pub(crate) stop: Option<Stop>,
    pub(crate) own_fault: bool,
    pub(crate) answered: Option<Answered>,
    pub(crate) heard: Duration,
    pub(crate) digits: String,
    pub(crate) said: PersonSaid,
    /// Given during the talk; applied when the call has ended.
    pub(crate) outcome: Option<Outcome>,
    /// The talk broke off because the agent was lost, and nobody took it up.
    pub(crate) broken_off: bool,
}

/// Where an attempt stands. Every state but `Recording` holds a channel through its leg.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// The launch is being committed; the channel is held already.
    Recording { trunk: TrunkId },
    /// INVITE sent, nothing rings.
    Dialling { leg: LegId, trunk: TrunkId },
    /// It rings.
    Ringing { leg: LegId, trunk: TrunkId },
    /// CANCEL sent; an answer may still cross it.
    Cancelling { leg: LegId, trunk: TrunkId },
    /// A person answered and no agent is free.
    Waiting { leg: LegId, trunk: TrunkId },
    /// Joined to an agent's leg.
    Talking {
        leg: LegId,
        trunk: TrunkId,
        agent: AgentId,
    },
    /// Was joined; the agent's leg is gone. The person hears that somebody is coming.
    AgentLost {
        leg: LegId,
        trunk: TrunkId,
        agent: AgentId,
        /// Another agent may take the call too.
        any: bool,
    },
    /// Hears a message.
    Message {
        leg: LegId,
        trunk: TrunkId,
        play: PlayId,
        part: MessageStage,
    },
    /// BYE sent, or the INVITE's end awaited.
    Releasing { leg: LegId, trunk: TrunkId },
}

/// What the person said by a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PersonSaid {
    #[default]
    Nothing,
    /// Never call again.
    NeverAgain,
    /// The number does not lead to the person.
    WrongPerson,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageStage {
    /// Who calls, and the question whether it is the right person.
    Identification,
    /// Waits for the key that says so.
    Gate,
    /// The message itself.
    Body,
    /// The last words; then we release.
    Goodbye,
    /// To a person whom no agent could take; then we release.
    Abandoned,
}

impl State {
    pub(crate) const fn leg(&self) -> Option<LegId> {
        match self {
            Self::Recording { .. } => None,
            Self::Dialling { leg, .. }
            | Self::Ringing { leg, .. }
            | Self::Cancelling { leg, .. }
            | Self::Waiting { leg, .. }
            | Self::Talking { leg, .. }
            | Self::AgentLost { leg, .. }
            | Self::Message { leg, .. }
            | Self::Releasing { leg, .. } => Some(*leg),
        }
    }

    pub(crate) const fn trunk(&self) -> TrunkId {
        match self {
            Self::Recording { trunk }
            | Self::Dialling { trunk, .. }
            | Self::Ringing { trunk, .. }
            | Self::Cancelling { trunk, .. }
            | Self::Waiting { trunk, .. }
            | Self::Talking { trunk, .. }
            | Self::AgentLost { trunk, .. }
            | Self::Message { trunk, .. }
            | Self::Releasing { trunk, .. } => *trunk,
        }
    }

    /// Being recorded, dialled or ringing: may still bring a person.
    pub(crate) const fn in_flight(&self) -> bool {
        matches!(
            self,
            Self::Recording { .. } | Self::Dialling { .. } | Self::Ringing { .. }
        )
    }

    /// A person is on the line.
    pub(crate) const fn live(&self) -> bool {
        matches!(
            self,
            Self::Waiting { .. }
                | Self::Talking { .. }
                | Self::AgentLost { .. }
                | Self::Message { .. }
        )
    }
}

impl Call {
    pub(crate) const fn phone_id(&self) -> PhoneId {
        self.phone.id
    }

    /// Notes that a leg is over; its causes are kept with the attempt.
    pub(crate) fn leg_ended(&mut self, end: LegEnd) {
        self.rang |= end.rang;
        self.legs.push(LegTrace {
            trunk: self.state.trunk(),
            end,
        });
    }

    pub(crate) fn answered_mut(&mut self) -> &mut Answered {
        self.answered.get_or_insert_default()
    }

    pub(crate) fn agent_joined(&self) -> bool {
        self.answered.is_some_and(|a| a.agent == AgentPart::Joined)
    }

    pub(crate) fn message_started(&self) -> bool {
        self.answered
            .is_some_and(|a| a.message != MessagePart::None)
    }

    pub(crate) fn machine_marked(&mut self) {
        self.answered_mut().machine = Some(Machine::Answering);
    }

    pub(crate) fn facts(&self) -> AttemptFacts {
        AttemptFacts {
            own_fault: self.own_fault,
            stopped: self.stop,
            last_leg: self.legs.last().map(|l| l.end.clone()),
            rang: self.rang,
            answered: self.answered,
            times: self.times,
            ..AttemptFacts::default()
        }
    }

    /// The instants that the abandon ledger looks at; `None` when the call was not answered.
    pub(crate) fn ledger_times(&self) -> Option<AnsweredTimes> {
        let answered_at = self.times.answered_at?;
        Some(AnsweredTimes {
            answered_at,
            greeting_ended_at: self.times.greeting_ended_at,
            agent_at: self.times.bridged_at,
            message_at: self.times.message_at,
            released_at: self.times.ended_at,
            released_by_person: self.answered.is_some_and(|a| a.person_left),
        })
    }
}
