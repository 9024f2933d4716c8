//! Caps on tries and talks, and silence after certain ends: queries over the history of a number.

use std::time::Duration;

use chrono::{Datelike, Days, Months, NaiveDate};
use chrono_tz::Tz;
use model::{CallResult, Human, PastTry, WallTime};
use serde::{Deserialize, Serialize};

use crate::calling_window::{Local, start_of_day};
use crate::check::Asked;
use crate::profile::Source;

/// One cap or lockout of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// Where it is written.
    pub source: Source,
    /// What is limited.
    pub kind: CapKind,
    /// Which earlier tries it looks at.
    pub scope: Scope,
}

/// What a cap limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CapKind {
    /// At most `max` in a calendar day of the person.
    PerLocalDay {
        /// What is counted.
        counts: Counts,
        /// How many are allowed.
        max: u32,
    },
    /// At most `max` from Monday to Sunday, local.
    PerCalendarWeek {
        /// What is counted.
        counts: Counts,
        /// How many are allowed.
        max: u32,
    },
    /// At most `max` in a calendar month, local.
    PerCalendarMonth {
        /// What is counted.
        counts: Counts,
        /// How many are allowed.
        max: u32,
    },
    /// At most `max` in any stretch of this length.
    Rolling {
        /// What is counted.
        counts: Counts,
        /// How many are allowed.
        max: u32,
        /// The length.
        period: Duration,
    },
    /// Silence after a talk; its day is day 1.
    AfterTalk {
        /// Days of silence, 1 or more.
        days: u32,
    },
    /// Silence after a refusal; the day after it is day 1.
    AfterRefusal {
        /// Full calendar days of silence.
        days: u32,
    },
    /// Silence after an abandoned or silent call.
    AfterAbandon {
        /// Its length.
        lockout: Duration,
        /// A call for which an agent is held back may be made earlier.
        unless_agent_reserved: bool,
        /// After the silence too, the next call needs an agent held back for it.
        then_agent_reserved: bool,
    },
    /// Silence after a result "machine".
    AfterMachine {
        /// Its length.
        lockout: Duration,
        /// A call for which an agent is held back may be made earlier.
        unless_agent_reserved: bool,
    },
}

/// What a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// Every try that rang or was answered.
    Tries,
    /// Calls answered by a person.
    Talks,
    /// Recorded messages played.
    RecordedMessages,
}

/// Which earlier tries a cap looks at, among those of the same number or person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All.
    Person,
    /// Of this number.
    Number,
    /// For the same seller.
    PersonPerSeller,
    /// For the same creditor; the seller of a collection campaign.
    PersonPerCreditor,
    /// For the same seller about the same subject; a try whose subject is unknown counts.
    PersonPerSubject,
}

/// When a cap lets the number be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Free {
    /// At the instant asked for.
    Now,
    /// Not before.
    From(WallTime),
    /// Not while the facts are as they are.
    OtherFacts,
}

/// A history names the instant of the INVITE; a call is abandoned at most this much later (ringing,
/// greeting, two seconds, and room). Lockouts are counted from there, so that they are never short.
const INVITE_TO_ABANDON: Duration = Duration::from_secs(180);

impl Counts {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Tries => "tries",
            Self::Talks => "talks",
            Self::RecordedMessages => "recorded_messages",
        }
    }

    /// A try in flight counts as everything: the slot is taken when the attempt starts.
    fn includes(self, past: &PastTry) -> bool {
        let Some(result) = past.result else {
            return true;
        };
        match self {
            Self::Tries => past.rang || result == CallResult::ControllerLost,
            Self::RecordedMessages => past.message,
            Self::Talks => past.talked || (answered_by_person(result) && !only_a_message(result)),
        }
    }
}

/// Whether the end is unknown counts as the worst case, here: a person answered.
fn answered_by_person(result: CallResult) -> bool {
    result.human() == Human::Yes
        || matches!(
            result,
            CallResult::ControllerLost | CallResult::InternalError
        )
}

/// 230-FZ art. 7 counts recorded messages apart from talks.
const fn only_a_message(result: CallResult) -> bool {
    matches!(
        result,
        CallResult::MessageDelivered | CallResult::MessagePartial
    )
}

const fn left_alone(result: CallResult) -> bool {
    // A silent call is treated as abandoned unless it is proven to be a machine.
    matches!(
        result,
        CallResult::AbandonedNoAgent
            | CallResult::AbandonedWithMessage
            | CallResult::AbandonedAgentNoPickup
            | CallResult::DeadAir
            | CallResult::NoMedia
            | CallResult::InternalError
            | CallResult::ControllerLost
    )
}

const fn machine(result: CallResult) -> bool {
    matches!(
        result,
        CallResult::AnsweringMachine
            | CallResult::MachineMessageLeft
            | CallResult::NetworkVoicemail
    )
}

impl Scope {
    fn includes(self, past: &PastTry, asked: &Asked<'_>) -> bool {
        match self {
            Self::Person => true,
            Self::Number => past.number == asked.number,
            Self::PersonPerSeller | Self::PersonPerCreditor => past.seller == asked.seller,
            Self::PersonPerSubject => {
                past.seller == asked.seller
                    && match (past.subject.as_deref(), asked.subject) {
                        (Some(theirs), Some(ours)) => theirs == ours,
                        (None, _) | (_, None) => true,
                    }
            }
        }
    }
}

impl CapKind {
    /// How far back it looks.
    pub(crate) fn reach(self) -> Duration {
        // A local day may have 25 hours, and candidate zones may be a day apart.
        let days =
            |n: u32| Duration::from_secs(u64::from(n) * 86_400) + Duration::from_secs(2 * 86_400);
        match self {
            Self::PerLocalDay { .. } => days(1),
            Self::PerCalendarWeek { .. } => days(7),
            Self::PerCalendarMonth { .. } => days(31),
            Self::Rolling { period, .. } => period,
            Self::AfterTalk { days: n } | Self::AfterRefusal { days: n } => days(n),
            // Who must have an agent held back is known only as long as the history reaches.
            Self::AfterAbandon {
                lockout,
                then_agent_reserved: true,
                ..
            } => lockout.max(days(60)) + INVITE_TO_ABANDON,
            Self::AfterAbandon { lockout, .. } | Self::AfterMachine { lockout, .. } => {
                lockout + INVITE_TO_ABANDON
            }
        }
    }
}

impl Cap {
    /// Its name in decisions.
    pub(crate) fn rule(&self) -> String {
        match self.kind {
            CapKind::PerLocalDay { counts, .. } => format!("cap:{}_per_local_day", counts.as_str()),
            CapKind::PerCalendarWeek { counts, .. } => {
                format!("cap:{}_per_calendar_week", counts.as_str())
            }
            CapKind::PerCalendarMonth { counts, .. } => {
                format!("cap:{}_per_calendar_month", counts.as_str())
            }
            CapKind::Rolling { counts, .. } => format!("cap:{}_rolling", counts.as_str()),
            CapKind::AfterTalk { .. } => "lockout:after_talk".to_owned(),
            CapKind::AfterRefusal { .. } => "lockout:after_refusal".to_owned(),
            CapKind::AfterAbandon { .. } => "lockout:after_abandon".to_owned(),
            CapKind::AfterMachine { .. } => "lockout:after_machine".to_owned(),
        }
    }

    /// When it lets the number be called, looking at `at`.
    pub(crate) fn free(&self, asked: &Asked<'_>, at: WallTime) -> Free {
        // A try that seems to lie ahead was made by a node whose clock runs ahead: it counts.
        let past = || {
            asked
                .history
                .iter()
                .filter(|p| self.scope.includes(p, asked))
        };
        let newest =
            |wanted: fn(&PastTry) -> bool| past().filter(|p| wanted(p)).map(|p| p.at).max();
        let zones = asked.zones.zones();
        match self.kind {
            CapKind::PerLocalDay { counts, max } => per_calendar(
                zones,
                at,
                past().filter(|p| counts.includes(p)),
                max,
                |day| (day, day.succ_opt()),
            ),
            CapKind::PerCalendarWeek { counts, max } => per_calendar(
                zones,
                at,
                past().filter(|p| counts.includes(p)),
                max,
                |day| {
                    let monday = day - Days::new(u64::from(day.weekday().num_days_from_monday()));
                    (monday, monday.checked_add_days(Days::new(7)))
                },
            ),
            CapKind::PerCalendarMonth { counts, max } => per_calendar(
                zones,
                at,
                past().filter(|p| counts.includes(p)),
                max,
                |day| {
                    let first = day.with_day(1).unwrap_or(day);
                    (first, first.checked_add_months(Months::new(1)))
                },
            ),
            CapKind::Rolling {
                counts,
                max,
                period,
            } => {
                // A rule of n calendar days is kept as n times 24 hours, which no sequence of calls made in
                // daytime can pass while breaking the calendar form.
                let mut inside: Vec<WallTime> = past()
                    .filter(|p| counts.includes(p) && p.at + period > at)
                    .map(|p| p.at)
                    .collect();
                inside.sort_unstable();
                let leaves = usize::try_from(max)
                    .ok()
                    .and_then(|max| inside.len().checked_sub(max));
                match leaves {
                    None => Free::Now,
                    // With a cap of nothing, waiting does not help.
                    Some(_) if max == 0 => Free::OtherFacts,
                    Some(i) => inside
                        .get(i)
                        .map_or(Free::Now, |oldest| Free::From(*oldest + period)),
                }
            }
            CapKind::AfterTalk { days } => silence(
                zones,
                at,
                newest(|p| p.talked || p.result == Some(CallResult::ConnectedAgent)),
                days,
            ),
            CapKind::AfterRefusal { days } => {
                silence(zones, at, newest(|p| p.refused), days.saturating_add(1))
            }
            CapKind::AfterAbandon {
                lockout,
                unless_agent_reserved,
                then_agent_reserved,
            } => {
                let Some(last) = newest(|p| p.result.is_some_and(left_alone)) else {
                    return Free::Now;
                };
                let talked_since = past().any(|p| p.at > last && p.talked);
                if (asked.agent_reserved && unless_agent_reserved) || talked_since {
                    return Free::Now;
                }
                match until(last + INVITE_TO_ABANDON + lockout, at) {
                    Free::Now if then_agent_reserved && !asked.agent_reserved => Free::OtherFacts,
                    free @ (Free::Now | Free::From(_) | Free::OtherFacts) => free,
                }
            }
            CapKind::AfterMachine {
                lockout,
                unless_agent_reserved,
            } => {
                if asked.agent_reserved && unless_agent_reserved {
                    return Free::Now;
                }
                newest(|p| p.result.is_some_and(machine)).map_or(Free::Now, |last| {
                    until(last + INVITE_TO_ABANDON + lockout, at)
                })
            }
        }
    }
}

fn until(end: WallTime, at: WallTime) -> Free {
    if at < end { Free::From(end) } else { Free::Now }
}

/// A cap on a stretch of the calendar, judged in every candidate zone; the strictest answer stands.
fn per_calendar<'a>(
    zones: &[Tz],
    at: WallTime,
    counted: impl Iterator<Item = &'a PastTry> + Clone,
    max: u32,
    stretch: impl Fn(NaiveDate) -> (NaiveDate, Option<NaiveDate>),
) -> Free {
    if max == 0 {
        return Free::OtherFacts;
    }
    let in_zone = |zone: &Tz| {
        let (from, to) = stretch(local_day(*zone, at));
        let used = counted
            .clone()
            .filter(|p| stretch(local_day(*zone, p.at)).0 == from)
            .count();
        if u32::try_from(used).is_ok_and(|used| used < max) {
            return Free::Now;
        }
        to.map_or(Free::OtherFacts, |to| {
            Free::From(WallTime::from_unix_seconds(start_of_day(*zone, to)))
        })
    };
    zones.iter().map(in_zone).max().unwrap_or(Free::Now)
}

/// Silence from the local day of `last` for so many days, that day included.
fn silence(zones: &[Tz], at: WallTime, last: Option<WallTime>, days: u32) -> Free {
    let Some(last) = last else {
        return Free::Now;
    };
    let ends = |zone: &Tz| {
        let end = local_day(*zone, last).checked_add_days(Days::new(u64::from(days)))?;
        Some(WallTime::from_unix_seconds(start_of_day(*zone, end)))
    };
    let end = zones
        .iter()
        .map(ends)
        .try_fold(last, |latest, end| end.map(|end| latest.max(end)));
    end.map_or(Free::OtherFacts, |end| until(end, at))
}

fn local_day(zone: Tz, at: WallTime) -> NaiveDate {
    Local::at(zone, at.unix_micros().div_euclid(1_000_000)).day
}
