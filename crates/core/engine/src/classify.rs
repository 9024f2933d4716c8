//! From the facts of an attempt to its one [`CallResult`]. The first rule that matches wins:
//! not dialled, own fault, answered, released by us, heard in band, Q.850 cause, SIP status, nothing at all.

use std::time::Duration;

use model::{CallResult, Ended, LegEnd};
use serde::{Deserialize, Serialize};

use crate::work::AttemptTimes;

/// Everything known of an attempt that is over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFacts {
    /// The decision that kept it from being dialled.
    pub not_dialled: Option<CallResult>,
    /// The process died while it was under way.
    pub controller_lost: bool,
    /// A fault of our own, before or after the answer.
    pub own_fault: bool,
    /// We gave up before the answer.
    pub stopped: Option<Stop>,
    /// The last leg, when one ended before the answer.
    pub last_leg: Option<LegEnd>,
    /// Ringing was seen on any leg.
    pub rang: bool,
    /// The last leg's trunk refuses out of proportion; its verdict about numbers is not believed.
    pub trunk_suspect: bool,
    /// What was heard in band before the answer, or after it.
    pub in_band: Option<InBand>,
    /// What happened after a 2xx; set as soon as one came, whenever it came.
    pub answered: Option<Answered>,
    /// The instants.
    pub times: AttemptTimes,
}

/// Why we gave up before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It rang for the full ring limit.
    RingLimit,
    /// Nothing rang in time.
    SetUpLimit,
    /// No agents, pause, stop, shutdown, or the agent hung up.
    NotWanted,
}

/// A tone or announcement that says why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InBand {
    /// Special information tone: intercept.
    SitIntercept,
    /// Special information tone: vacant code.
    SitVacantCode,
    /// Special information tone: reorder or no circuit.
    SitCongestion,
    /// Special information tone of the general form (ITU-T E.180).
    SitGeneral,
    /// Busy tone.
    BusyTone,
    /// Congestion tone.
    CongestionTone,
    /// Speech without a tone that nothing recognised.
    UnknownAnnouncement,
}

impl InBand {
    const fn result(self) -> CallResult {
        match self {
            Self::SitIntercept => CallResult::NotInService,
            Self::SitVacantCode => CallResult::InvalidNumber,
            Self::SitCongestion | Self::CongestionTone => CallResult::NetworkCongestion,
            Self::SitGeneral | Self::UnknownAnnouncement => CallResult::OperatorIntercept,
            Self::BusyTone => CallResult::Busy,
        }
    }
}

/// What happened after the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Audio came.
    pub audio: bool,
    /// Audio came and nobody spoke until the limit.
    pub silent: bool,
    /// A machine, by detection or by the agent before the call ended.
    pub machine: Option<Machine>,
    /// What an agent did.
    pub agent: AgentPart,
    /// What was played to the person.
    pub message: MessagePart,
    /// A campaign without agents.
    pub agentless: bool,
    /// The person, not we, ended the call.
    pub person_left: bool,
}

/// Kinds of machine that answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Machine {
    /// The subscriber's answering machine.
    Answering,
    /// A mailbox of the network.
    NetworkMailbox,
    /// Fax or modem.
    Fax,
}

/// What an agent had to do with an answered call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentPart {
    /// None came.
    #[default]
    None,
    /// Two-way audio was reached.
    Joined,
    /// One was reserved and his leg failed.
    NoPickup,
}

/// What was played to an answered call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessagePart {
    /// Nothing.
    #[default]
    None,
    /// It began.
    Started,
    /// It was heard to the threshold.
    Delivered,
}

/// The one result of an attempt.
///
/// `threshold` is the time after the greeting within which an agent must come
/// ([`compliance::AbandonRule`]): a person who leaves within it hung up early, later was abandoned.
pub fn classify(facts: &AttemptFacts, threshold: Duration) -> CallResult {
    if let Some(decided) = facts.not_dialled {
        return decided;
    }
    if facts.controller_lost {
        return CallResult::ControllerLost;
    }
    if let Some(answered) = &facts.answered {
        return classify_answered(facts, answered, threshold);
    }
    if facts.own_fault {
        return CallResult::DialError;
    }
    match facts.stopped {
        // The 487 that follows our own CANCEL carries no information.
        Some(Stop::RingLimit | Stop::SetUpLimit) if facts.rang => return CallResult::NoAnswer,
        Some(Stop::RingLimit | Stop::SetUpLimit) => return CallResult::NoRingback,
        Some(Stop::NotWanted) => return CallResult::DialStopped,
        None => {}
    }
    let Some(leg) = &facts.last_leg else {
        return CallResult::DialError;
    };
    let signalled = Signalled {
        status: leg.status.map(|s| s.0),
        q850: leg.q850,
        leg,
        rang: facts.rang,
    };
    if let Some(heard) = facts.in_band
        && signalled.is_generic()
    {
        return heard.result();
    }
    let result = signalled.result();
    if facts.trunk_suspect && says_something_of_the_number(result) && signalled.q850.is_none() {
        return CallResult::TrunkFailure;
    }
    result
}

/// Results that a broken route produces for every number; they must not burn a list.
const fn says_something_of_the_number(result: CallResult) -> bool {
    matches!(
        result,
        CallResult::InvalidNumber
            | CallResult::Barred
            | CallResult::Rejected
            | CallResult::OperatorIntercept
    )
}

fn classify_answered(facts: &AttemptFacts, answered: &Answered, threshold: Duration) -> CallResult {
    let played = answered.message != MessagePart::None;
    match answered.machine {
        Some(Machine::Fax) => return CallResult::FaxModem,
        Some(_) if answered.message == MessagePart::Delivered => {
            return CallResult::MachineMessageLeft;
        }
        Some(Machine::NetworkMailbox) => return CallResult::NetworkVoicemail,
        Some(Machine::Answering) => return CallResult::AnsweringMachine,
        None => {}
    }
    if answered.agent == AgentPart::Joined {
        return CallResult::ConnectedAgent;
    }
    if facts.own_fault {
        return CallResult::InternalError;
    }
    if let Some(heard) = facts.in_band {
        return heard.result();
    }
    if answered.agentless && played {
        return if answered.message == MessagePart::Delivered {
            CallResult::MessageDelivered
        } else {
            CallResult::MessagePartial
        };
    }
    if answered.silent {
        return CallResult::DeadAir;
    }
    let early = match (facts.times.answered_at, facts.times.ended_at) {
        (Some(answered_at), Some(ended_at)) => {
            ended_at.since(facts.times.greeting_ended_at.unwrap_or(answered_at)) <= threshold
        }
        _ => false,
    };
    if answered.person_left && early && !played {
        return if answered.agentless {
            CallResult::MessagePartial
        } else {
            CallResult::CallerHungUpEarly
        };
    }
    if !answered.audio && !played {
        return CallResult::NoMedia;
    }
    if answered.agent == AgentPart::NoPickup {
        return CallResult::AbandonedAgentNoPickup;
    }
    if played {
        return CallResult::AbandonedWithMessage;
    }
    if answered.agentless {
        return CallResult::MessagePartial;
    }
    CallResult::AbandonedNoAgent
}

/// The last leg's signalling.
struct Signalled<'a> {
    status: Option<u16>,
    q850: Option<u8>,
    leg: &'a LegEnd,
    rang: bool,
}

impl Signalled<'_> {
    /// Whether the network said nothing of its own: what was heard in band may replace it.
    fn is_generic(&self) -> bool {
        let cause_is_generic = matches!(self.q850, None | Some(16 | 31 | 127));
        match self.status {
            None | Some(480 | 487 | 500) => cause_is_generic,
            Some(503) => self.q850.is_none(),
            Some(_) => false,
        }
    }

    fn result(&self) -> CallResult {
        if let Some(of_cause) = self.q850.and_then(|cause| self.of_cause(cause)) {
            return of_cause;
        }
        match self.status {
            Some(status) => self.of_status(status),
            None => match self.leg.by {
                Ended::Refused => CallResult::DialError,
                Ended::Remote | Ended::Local | Ended::Timeout | Ended::Transport | Ended::Lost => {
                    if self.rang {
                        CallResult::DroppedWhileRinging
                    } else {
                        CallResult::TrunkFailure
                    }
                }
            },
        }
    }

    fn is_marked_unwanted(&self) -> bool {
        // ATIS-1000099: analytics blocking is signalled as 603 with this text ("603+"); 47 CFR 64.1200(k).
        self.leg.text.as_deref().is_some_and(|t| {
            let t = t.to_ascii_lowercase();
            t.contains("network blocked") || t.contains("analytics")
        })
    }

    /// ITU-T Q.850. `None` for causes that say nothing, and for 31 and 127, which leave it to the SIP status.
    fn of_cause(&self, cause: u8) -> Option<CallResult> {
        use CallResult as R;
        let if_rang = |yes, no| Some(if self.rang { yes } else { no });
        match (self.status, cause) {
            // These statuses say more than any cause that may come with them.
            (Some(486 | 600), _) => return Some(R::Busy),
            (Some(607 | 608), _) => return Some(R::BlockedAsUnwanted),
            (Some(603), _) if self.is_marked_unwanted() => return Some(R::BlockedAsUnwanted),
            _ => {}
        }
        match cause {
            1 | 5 | 28 => Some(R::InvalidNumber),
            2 | 3 | 14 | 25 => Some(R::TrunkFailure),
            4 | 23 => Some(R::OperatorIntercept),
            6 | 8 | 9 | 34 | 38 | 41..=44 | 46 | 47 | 49 | 58 => Some(R::NetworkCongestion),
            16 | 26 => match self.status {
                None | Some(480 | 487 | 500 | 503 | 603) => {
                    if_rang(R::DroppedWhileRinging, R::NoRingback)
                }
                Some(_) => None,
            },
            17 => Some(R::Busy),
            18 => if_rang(R::NoAnswer, R::NoRingback),
            19 => Some(R::NoAnswer),
            20 => Some(R::SubscriberAbsent),
            21 if self.is_marked_unwanted() => Some(R::BlockedAsUnwanted),
            // The location says who rejected; without it, a phone that rang was rejected by its user.
            21 => Some(if self.rang || self.status == Some(603) {
                R::Rejected
            } else {
                R::Barred
            }),
            22 => Some(R::NumberChanged),
            24 | 54 | 55 | 87 => Some(R::Barred),
            27 => Some(R::NotInService),
            29 | 50 | 65 | 66 | 69 | 70 | 79 | 88 => Some(R::Incompatible),
            52 | 53 | 57 => Some(R::SipUnauthorized),
            63 => Some(R::Incompatible),
            81..=101 | 111 => Some(R::SipInvalid),
            102 => if_rang(R::NoAnswer, R::TrunkFailure),
            _ => None,
        }
    }

    /// RFC 3261 section 21 and RFC 3398 section 7.2.6.1, read backwards.
    fn of_status(&self, status: u16) -> CallResult {
        use CallResult as R;
        let if_rang = |yes, no| if self.rang { yes } else { no };
        match status {
            300 | 302 => R::OperatorIntercept,
            301 | 410 => R::NumberChanged,
            380 | 488 | 580 | 606 => R::Incompatible,
            401 | 402 | 407 | 428 | 436..=438 => R::SipUnauthorized,
            403 | 433 => R::Barred,
            404 | 484 | 485 | 604 => R::InvalidNumber,
            405 | 406 | 415 | 416 | 420..=425 | 429 | 439 | 440 | 469 | 470 | 489 => {
                R::SipUnsupported
            }
            501 | 505 | 513 | 555 => R::SipUnsupported,
            408 => if_rang(R::NoAnswer, R::TrunkFailure),
            430 | 481..=483 | 491 | 493 | 494 => R::TrunkFailure,
            480 => if_rang(R::NoAnswer, R::SubscriberAbsent),
            486 | 600 => R::Busy,
            487 => if_rang(R::DroppedWhileRinging, R::NoRingback),
            504 => R::NetworkCongestion,
            603 if self.is_marked_unwanted() => R::BlockedAsUnwanted,
            603 => R::Rejected,
            607 | 608 => R::BlockedAsUnwanted,
            // RFC 3261 section 8.1.3.2: an unknown status is read as x00 of its class.
            400..=499 => R::SipInvalid,
            601..=699 => R::Busy,
            _ => R::TrunkFailure,
        }
    }
}

/// Whether the next trunk may be tried after a leg that ended so, before the attempt gets its result.
///
/// Never after ringing or an answer: that would ring the person twice.
pub fn may_hunt_on(leg: &LegEnd) -> bool {
    if leg.rang {
        return false;
    }
    match leg.by {
        Ended::Timeout | Ended::Transport | Ended::Refused => return true,
        Ended::Local | Ended::Lost => return false,
        Ended::Remote => {}
    }
    let status = leg.status.map_or(0, |s| s.0);
    let specific = matches!(leg.q850, Some(1 | 4 | 5 | 17..=24 | 26..=28 | 54 | 55 | 87));
    match status {
        _ if specific => false,
        305 | 380 | 400..=403 | 405..=409 | 411..=421 | 424 | 428..=430 | 436..=440 | 469 | 470 => {
            true
        }
        481..=483 | 488 | 489 | 491 | 493 | 494 | 500..=599 | 606 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use model::SipStatus;

    use super::*;

    fn ended(status: u16, q850: Option<u8>, rang: bool) -> LegEnd {
        LegEnd {
            status: Some(SipStatus(status)),
            q850,
            rang,
            ..LegEnd::bare(Ended::Remote)
        }
    }

    fn result(status: u16, q850: Option<u8>, rang: bool) -> CallResult {
        let facts = AttemptFacts {
            last_leg: Some(ended(status, q850, rang)),
            rang,
            ..AttemptFacts::default()
        };
        classify(&facts, Duration::from_secs(2))
    }

    #[test]
    fn a_final_status_without_a_cause_has_its_result() {
        use CallResult as R;
        for (status, silent, rang) in [
            (301, R::NumberChanged, R::NumberChanged),
            (400, R::SipInvalid, R::SipInvalid),
            (403, R::Barred, R::Barred),
            (404, R::InvalidNumber, R::InvalidNumber),
            (408, R::TrunkFailure, R::NoAnswer),
            (480, R::SubscriberAbsent, R::NoAnswer),
            (486, R::Busy, R::Busy),
            (487, R::NoRingback, R::DroppedWhileRinging),
            (488, R::Incompatible, R::Incompatible),
            (499, R::SipInvalid, R::SipInvalid),
            (500, R::TrunkFailure, R::TrunkFailure),
            (503, R::TrunkFailure, R::TrunkFailure),
            (504, R::NetworkCongestion, R::NetworkCongestion),
            (599, R::TrunkFailure, R::TrunkFailure),
            (600, R::Busy, R::Busy),
            (603, R::Rejected, R::Rejected),
            (607, R::BlockedAsUnwanted, R::BlockedAsUnwanted),
            (699, R::Busy, R::Busy),
        ] {
            assert_eq!(result(status, None, false), silent, "{status}, no ringing");
            assert_eq!(result(status, None, true), rang, "{status}, after ringing");
        }
    }

    #[test]
    fn a_specific_cause_beats_a_generic_status() {
        use CallResult as R;
        for (status, cause, expected) in [
            (404, 20, R::SubscriberAbsent),
            (404, 3, R::TrunkFailure),
            (403, 55, R::Barred),
            (403, 21, R::Barred),
            (502, 27, R::NotInService),
            (503, 34, R::NetworkCongestion),
            (400, 41, R::NetworkCongestion),
            (480, 31, R::SubscriberAbsent),
            (500, 127, R::TrunkFailure),
            (500, 1, R::InvalidNumber),
            (486, 34, R::Busy),
        ] {
            assert_eq!(
                result(status, Some(cause), false),
                expected,
                "{status} with cause {cause}"
            );
        }
    }

    #[test]
    fn the_next_trunk_is_never_tried_after_ringing() {
        assert!(may_hunt_on(&ended(503, None, false)));
        assert!(!may_hunt_on(&ended(503, None, true)));
        assert!(!may_hunt_on(&ended(486, Some(17), false)));
        assert!(!may_hunt_on(&ended(404, None, false)));
        assert!(may_hunt_on(&LegEnd::bare(Ended::Timeout)));
        assert!(!may_hunt_on(&ended(503, Some(1), false)));
    }

    #[test]
    fn an_answered_call_is_never_unanswered_whatever_the_leg_says() {
        for stopped in [Some(Stop::RingLimit), Some(Stop::NotWanted), None] {
            let facts = AttemptFacts {
                stopped,
                rang: true,
                last_leg: Some(ended(487, None, true)),
                answered: Some(Answered {
                    audio: true,
                    ..Answered::default()
                }),
                ..AttemptFacts::default()
            };
            assert!(classify(&facts, Duration::from_secs(2)).answered());
        }
    }
}
