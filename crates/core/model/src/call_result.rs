//! The technical end of an attempt: what the network or the machine observed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whether a person was on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Human {
    /// Surely.
    Yes,
    /// Surely not.
    No,
    /// A person or the device declined.
    Maybe,
    /// Cannot be known.
    Unknown,
}

/// What a result says of itself, one row of the table of results.
struct Row {
    result: CallResult,
    name: &'static str,
    counts: bool,
    rang: bool,
    human: Human,
}

macro_rules! call_results {
    ($($(#[$doc:meta])* $variant:ident $name:literal try=$try:literal rang=$rang:literal human=$human:ident;)*) => {
        /// How an attempt ended, as the network or the machine saw it. Every attempt ends in exactly one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum CallResult {
            $($(#[$doc])* $variant,)*
        }

        impl CallResult {
            /// Every result, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        result: self, name: $name, counts: $try, rang: $rang, human: Human::$human,
                    },)*
                }
            }
        }
    };
}

call_results! {
    /// Answered by a person, two-way audio with an agent.
    ConnectedAgent "connected_agent" try=true rang=true human=Yes;
    /// Agentless: the person heard the message to its threshold.
    MessageDelivered "message_delivered" try=true rang=true human=Yes;
    /// Agentless: the person left before the threshold.
    MessagePartial "message_partial" try=true rang=true human=Yes;
    /// A person answered and no agent came; released without a message, or left after the threshold.
    AbandonedNoAgent "abandoned_no_agent" try=true rang=true human=Yes;
    /// The same, and the information message was started.
    AbandonedWithMessage "abandoned_with_message" try=true rang=true human=Yes;
    /// An agent was reserved, but his leg failed or was not picked up.
    AbandonedAgentNoPickup "abandoned_agent_no_pickup" try=true rang=true human=Yes;
    /// The person left within the threshold, before an agent could come.
    CallerHungUpEarly "caller_hung_up_early" try=true rang=true human=Yes;
    /// A recorded greeting of the subscriber; no message left.
    AnsweringMachine "answering_machine" try=true rang=true human=No;
    /// A recorded greeting of the subscriber; a message was left.
    MachineMessageLeft "machine_message_left" try=true rang=true human=No;
    /// A mailbox of the network.
    NetworkVoicemail "network_voicemail" try=true rang=true human=No;
    /// Fax or modem tone.
    FaxModem "fax_modem" try=true rang=true human=No;
    /// Answered, audio arrives, no speech.
    DeadAir "dead_air" try=true rang=true human=Unknown;
    /// Answered, no audio came.
    NoMedia "no_media" try=true rang=true human=Unknown;
    /// Line engaged.
    Busy "busy" try=true rang=true human=No;
    /// Rang for the full ring limit.
    NoAnswer "no_answer" try=true rang=true human=No;
    /// A person or the device declined the ringing call.
    Rejected "rejected" try=true rang=true human=Maybe;
    /// Accepted by the network, but no ringing, no answer and no cause in time.
    NoRingback "no_ringback" try=false rang=false human=No;
    /// The network ended the call during ringing.
    DroppedWhileRinging "dropped_while_ringing" try=true rang=true human=No;
    /// Handset off or out of coverage.
    SubscriberAbsent "subscriber_absent" try=true rang=false human=No;
    /// Not in service, suspended or out of order.
    NotInService "not_in_service" try=true rang=false human=No;
    /// Unallocated, incomplete or impossible number.
    InvalidNumber "invalid_number" try=true rang=false human=No;
    /// The network names a change of number.
    NumberChanged "number_changed" try=true rang=false human=No;
    /// A tone or announcement that cannot be classed.
    OperatorIntercept "operator_intercept" try=true rang=false human=No;
    /// The called side refuses calls of this kind or without identity.
    Barred "barred" try=true rang=false human=No;
    /// Analytics or the person marks the caller as unwanted.
    BlockedAsUnwanted "blocked_as_unwanted" try=true rang=false human=Maybe;
    /// No common codec or service.
    Incompatible "incompatible" try=false rang=false human=No;
    /// No circuit, overload in a far network.
    NetworkCongestion "network_congestion" try=false rang=false human=No;
    /// None of our trunks could take the call.
    TrunkFailure "trunk_failure" try=false rang=false human=No;
    /// The peer does not support what we sent.
    SipUnsupported "sip_unsupported" try=false rang=false human=No;
    /// The peer refuses our credentials or account.
    SipUnauthorized "sip_unauthorized" try=false rang=false human=No;
    /// The peer calls our request malformed.
    SipInvalid "sip_invalid" try=false rang=false human=No;
    /// Own fault before the network answered.
    DialError "dial_error" try=false rang=false human=No;
    /// We cancelled while dialling or ringing: no agents, pause, stop, shutdown.
    DialStopped "dial_stopped" try=false rang=false human=No;
    /// Own fault after the answer; the call is released with a message.
    InternalError "internal_error" try=false rang=true human=Unknown;
    /// The process restarted; the outcome is unknown and the worst is assumed.
    ControllerLost "controller_lost" try=false rang=true human=Unknown;
    /// The agent skipped the previewed record.
    PreviewSkipped "preview_skipped" try=false rang=false human=No;
    /// The agent closed the previewed record.
    PreviewClosed "preview_closed" try=false rang=false human=No;
    /// The agent did not decide in time.
    PreviewTimedOut "preview_timed_out" try=false rang=false human=No;
    /// A private callback is due and its agent is absent.
    CallbackAgentUnavailable "callback_agent_unavailable" try=false rang=false human=No;
    /// Recorded but not sent: campaign stopped, list removed, agents gone.
    ReturnedUndialled "returned_undialled" try=false rang=false human=No;
    /// On a suppression list at the moment of dialling.
    DoNotCall "do_not_call" try=false rang=false human=No;
    /// Window, cap, lockout, missing consent or unknown zone.
    ComplianceBlocked "compliance_blocked" try=false rang=false human=No;
}

/// No call result of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a call result; see the table of call results for the names")]
pub struct UnknownCallResult(String);

impl CallResult {
    /// The name in rows, files and APIs.
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Whether it uses one of the prospect's attempts.
    ///
    /// [`CallResult::NoRingback`] does from the third time on; who counts tries knows the history.
    pub const fn counts_as_try(self) -> bool {
        self.row().counts
    }

    /// Whether the line was reached when nothing else is known. A 18x seen makes it so for any result.
    pub const fn rang_by_default(self) -> bool {
        self.row().rang
    }

    /// Whether a person was on the line.
    pub const fn human(self) -> Human {
        self.row().human
    }

    /// Whether the call was answered (a 2xx was received).
    pub const fn answered(self) -> bool {
        match self.row().result {
            Self::ConnectedAgent
            | Self::MessageDelivered
            | Self::MessagePartial
            | Self::AbandonedNoAgent
            | Self::AbandonedWithMessage
            | Self::AbandonedAgentNoPickup
            | Self::CallerHungUpEarly
            | Self::AnsweringMachine
            | Self::MachineMessageLeft
            | Self::NetworkVoicemail
            | Self::FaxModem
            | Self::DeadAir
            | Self::NoMedia
            | Self::InternalError => true,
            Self::Busy
            | Self::NoAnswer
            | Self::Rejected
            | Self::NoRingback
            | Self::DroppedWhileRinging
            | Self::SubscriberAbsent
            | Self::NotInService
            | Self::InvalidNumber
            | Self::NumberChanged
            | Self::OperatorIntercept
            | Self::Barred
            | Self::BlockedAsUnwanted
            | Self::Incompatible
            | Self::NetworkCongestion
            | Self::TrunkFailure
            | Self::SipUnsupported
            | Self::SipUnauthorized
            | Self::SipInvalid
            | Self::DialError
            | Self::DialStopped
            | Self::ControllerLost
            | Self::PreviewSkipped
            | Self::PreviewClosed
            | Self::PreviewTimedOut
            | Self::CallbackAgentUnavailable
            | Self::ReturnedUndialled
            | Self::DoNotCall
            | Self::ComplianceBlocked => false,
        }
    }
}

impl fmt::Display for CallResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CallResult {
    type Err = UnknownCallResult;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|r| r.as_str() == name)
            .ok_or_else(|| UnknownCallResult(name.to_owned()))
    }
}

impl TryFrom<String> for CallResult {
    type Error = UnknownCallResult;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<CallResult> for String {
    fn from(result: CallResult) -> Self {
        result.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_has_one_name_and_is_found_by_it() {
        for result in CallResult::ALL {
            assert_eq!(result.as_str().parse(), Ok(*result));
        }
        let mut names: Vec<_> = CallResult::ALL.iter().map(|r| r.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CallResult::ALL.len());
    }

    #[test]
    fn an_answered_call_rang() {
        for result in CallResult::ALL.iter().filter(|r| r.answered()) {
            assert!(result.rang_by_default(), "{result}");
        }
    }
}
