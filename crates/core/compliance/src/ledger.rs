//! The abandon ledger: each answered call in exactly one class, and the rates made of them.

use std::time::Duration;

use model::{CallResult, LedgerClass, Share, WallTime};
use serde::{Deserialize, Serialize};

use crate::abandon::Formula;

/// The instants of an answered call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweredTimes {
    /// The 2xx.
    pub answered_at: WallTime,
    /// End of the person's first words; `None` when none were heard.
    pub greeting_ended_at: Option<WallTime>,
    /// First two-way audio with an agent.
    pub agent_at: Option<WallTime>,
    /// A message began.
    pub message_at: Option<WallTime>,
    /// The call was over.
    pub released_at: Option<WallTime>,
    /// Whether the person, not we, ended it.
    pub released_by_person: bool,
}

/// Where no words are heard, the greeting is taken to have ended so long after the answer.
const GREETING_WITHOUT_WORDS: Duration = Duration::from_secs(3);

impl AnsweredTimes {
    fn greeting_ended(&self) -> WallTime {
        self.greeting_ended_at
            .unwrap_or(self.answered_at + GREETING_WITHOUT_WORDS)
    }
}

/// The class of an answered call: a function of its times and its result alone, so that recounting gives
/// the stored figures. `None` for agentless messages, which follow the rules of recorded messages.
///
/// `threshold` is how long after the greeting an agent may take ([`crate::AbandonRule::max_silence`]).
/// Where times and result disagree, the worse class stands.
pub fn ledger_class(
    times: &AnsweredTimes,
    result: CallResult,
    threshold: Duration,
) -> Option<LedgerClass> {
    let within = |at: WallTime| at.since(times.greeting_ended()) <= threshold;
    let by_agent = |agent_at: Option<WallTime>| match agent_at {
        Some(at) if within(at) => LedgerClass::C,
        Some(_) => LedgerClass::L,
        None => LedgerClass::A,
    };
    use CallResult as R;
    match result {
        R::ConnectedAgent => Some(by_agent(times.agent_at)),
        R::MessageDelivered | R::MessagePartial => None,
        R::AbandonedNoAgent | R::AbandonedWithMessage | R::AbandonedAgentNoPickup => {
            Some(LedgerClass::A)
        }
        R::CallerHungUpEarly => Some(match times.released_at {
            Some(at) if times.released_by_person && within(at) => LedgerClass::H,
            Some(_) | None => LedgerClass::A,
        }),
        R::AnsweringMachine | R::MachineMessageLeft | R::NetworkVoicemail | R::FaxModem => {
            Some(LedgerClass::M)
        }
        R::DeadAir | R::NoMedia => Some(LedgerClass::S),
        // An end of our own making: whom no agent had reached, was left alone.
        R::InternalError | R::ControllerLost => Some(by_agent(times.agent_at)),
        // A tone or announcement of the network, heard after a 2xx.
        R::Busy
        | R::SubscriberAbsent
        | R::NotInService
        | R::InvalidNumber
        | R::NumberChanged
        | R::OperatorIntercept
        | R::Barred
        | R::NetworkCongestion => Some(LedgerClass::M),
        // None of these can follow an answer; if one does, a person may have been left alone.
        R::NoAnswer
        | R::Rejected
        | R::NoRingback
        | R::DroppedWhileRinging
        | R::BlockedAsUnwanted
        | R::Incompatible
        | R::TrunkFailure
        | R::SipUnsupported
        | R::SipUnauthorized
        | R::SipInvalid
        | R::DialError
        | R::DialStopped
        | R::PreviewSkipped
        | R::PreviewClosed
        | R::PreviewTimedOut
        | R::CallbackAgentUnavailable
        | R::ReturnedUndialled
        | R::DoNotCall
        | R::ComplianceBlocked => Some(LedgerClass::A),
    }
}

/// Answered calls of one ledger and period, by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerCounts {
    /// Connected in time.
    pub c: u64,
    /// An agent came late.
    pub l: u64,
    /// Abandoned.
    pub a: u64,
    /// The person left before an agent could come.
    pub h: u64,
    /// Machines, whoever found out.
    pub m: u64,
    /// Silent.
    pub s: u64,
    /// Of the machines, those which detection alone released: some of them were people.
    pub machines_released: u64,
}

/// What is known about machines among the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Machines {
    /// Detection is off. Some drops hit machines: by the share of machines among calls that agents
    /// received. Only [`Formula::GbPersistentMisuse`] may take them off.
    NotDetected {
        /// Machines among calls that agents received.
        share: Share,
    },
    /// Detection releases machines; of those released so many were people.
    Detected {
        /// The upper bound of the measured rate ([`wilson_upper_95`]).
        false_positive: Share,
    },
}

impl Machines {
    /// Nothing known and nothing detected.
    pub const NONE: Self = Self::NotDetected { share: Share::ZERO };
}

/// Calls are counted in millionths, so that estimates add up exactly.
const CALL: u128 = 1_000_000;

/// A rate as it is compared: numerator and denominator in millionths of a call.
#[derive(Clone, Copy)]
struct Fraction {
    numerator: u128,
    denominator: u128,
}

impl Fraction {
    fn share(self) -> Share {
        if self.denominator == 0 {
            return Share::ZERO;
        }
        let ppm = self.numerator * 1_000_000 / self.denominator;
        Share::from_ppm(u32::try_from(ppm).unwrap_or(u32::MAX))
    }

    fn exceeds(self, limit: Share) -> bool {
        self.numerator * 1_000_000 > u128::from(limit.ppm()) * self.denominator
    }
}

impl LedgerCounts {
    /// Adds one call.
    pub const fn add(&mut self, class: LedgerClass) {
        let count = match class {
            LedgerClass::C => &mut self.c,
            LedgerClass::L => &mut self.l,
            LedgerClass::A => &mut self.a,
            LedgerClass::H => &mut self.h,
            LedgerClass::M => &mut self.m,
            LedgerClass::S => &mut self.s,
        };
        *count = count.saturating_add(1);
    }

    /// Adds one call that detection took for a machine and released without a person's check.
    pub const fn add_released_machine(&mut self) {
        self.add(LedgerClass::M);
        self.machines_released = self.machines_released.saturating_add(1);
    }

    /// Adds another count.
    pub const fn merge(&mut self, other: &Self) {
        self.c = self.c.saturating_add(other.c);
        self.l = self.l.saturating_add(other.l);
        self.a = self.a.saturating_add(other.a);
        self.h = self.h.saturating_add(other.h);
        self.m = self.m.saturating_add(other.m);
        self.s = self.s.saturating_add(other.s);
        self.machines_released = self
            .machines_released
            .saturating_add(other.machines_released);
    }

    /// Calls that a person answered, as far as known.
    pub const fn live_answers(&self) -> u64 {
        self.c
            .saturating_add(self.l)
            .saturating_add(self.a)
            .saturating_add(self.h)
            .saturating_add(self.s)
    }

    /// The rate by the formula, rounded down to parts per million; zero without calls. To compare it
    /// with a limit use [`LedgerCounts::is_over`], which does not round.
    pub fn rate(&self, formula: Formula, machines: Machines) -> Share {
        self.fraction(formula, machines, true).share()
    }

    /// The same with early hang-ups left out of the denominator, where the formula has them: the higher
    /// figure, reported beside [`LedgerCounts::rate`] and decided on.
    pub fn rate_without_early(&self, formula: Formula, machines: Machines) -> Share {
        self.fraction(formula, machines, false).share()
    }

    /// Whether the higher figure is above the limit.
    pub fn is_over(&self, formula: Formula, machines: Machines, limit: Share) -> bool {
        self.fraction(formula, machines, false).exceeds(limit)
    }

    fn fraction(&self, formula: Formula, machines: Machines, with_early: bool) -> Fraction {
        let calls = |n: u64| u128::from(n) * CALL;
        // People among the machines that detection released.
        let false_machines = match machines {
            Machines::NotDetected { .. } => 0,
            Machines::Detected { false_positive } => {
                u128::from(self.machines_released) * u128::from(false_positive.ppm())
            }
        };
        let abandoned = match (formula, machines) {
            (Formula::GbPersistentMisuse, Machines::NotDetected { share }) => {
                let people = Share::ONE.ppm().saturating_sub(share.ppm());
                u128::from(self.a) * u128::from(people)
            }
            _ => calls(self.a),
        };
        let missed = abandoned + calls(self.l) + calls(self.s) + false_machines;
        let early = if with_early { calls(self.h) } else { 0 };
        let connected = calls(self.c);
        let (numerator, denominator) = match formula {
            Formula::UsLiveAnswered | Formula::CaAnswered => (missed, connected + missed + early),
            Formula::GbPersistentMisuse => (missed, missed + connected),
            Formula::ItSilentPerSuccessful => (missed, connected),
            Formula::ServiceLevel => (abandoned, abandoned + connected),
        };
        Fraction {
            numerator,
            denominator,
        }
    }
}

/// The upper end of the 95 % interval (Wilson score) for `found` of `sampled`; one when nothing was
/// sampled. Rounded up to parts per million.
///
/// A random share of machine verdicts goes to agents; `found` of them turn out to be people.
pub fn wilson_upper_95(found: u64, sampled: u64) -> Share {
    if sampled == 0 {
        return Share::ONE;
    }
    /// The 97.5 % quantile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    let n = sampled as f64;
    let p = found.min(sampled) as f64 / n;
    let centre = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let upper = ((centre + spread) / (1.0 + Z * Z / n)).min(1.0);
    Share::from_fraction((upper * 1e6).ceil() / 1e6).unwrap_or(Share::ONE)
}
