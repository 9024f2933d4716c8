//! One of the `caps` groups of a profile.

use std::time::Duration;

use super::source;
use crate::caps::{Cap, CapKind, Counts, Scope};
use crate::error::ProfileError;
use crate::group::Group;

pub(super) fn cap(mut group: Group) -> Result<Cap, ProfileError> {
    #[derive(Clone, Copy)]
    enum Kind {
        PerLocalDay,
        PerCalendarWeek,
        PerCalendarMonth,
        Rolling,
        AfterTalk,
        AfterRefusal,
        AfterAbandon,
        AfterMachine,
    }
    let kind = group.choice(
        "kind",
        &[
            ("per_local_day", Kind::PerLocalDay),
            ("per_calendar_week", Kind::PerCalendarWeek),
            ("per_calendar_month", Kind::PerCalendarMonth),
            ("rolling", Kind::Rolling),
            ("after_talk", Kind::AfterTalk),
            ("after_refusal", Kind::AfterRefusal),
            ("after_abandon", Kind::AfterAbandon),
            ("after_machine", Kind::AfterMachine),
        ],
    )?;
    let counted = |group: &mut Group| -> Result<(Counts, u32), ProfileError> {
        let counts = group.choice(
            "counts",
            &[
                ("tries", Counts::Tries),
                ("talks", Counts::Talks),
                ("recorded_messages", Counts::RecordedMessages),
            ],
        )?;
        Ok((counts, group.number("max")?))
    };
    let kind = match kind {
        Kind::PerLocalDay => {
            let (counts, max) = counted(&mut group)?;
            CapKind::PerLocalDay { counts, max }
        }
        Kind::PerCalendarWeek => {
            let (counts, max) = counted(&mut group)?;
            CapKind::PerCalendarWeek { counts, max }
        }
        Kind::PerCalendarMonth => {
            let (counts, max) = counted(&mut group)?;
            CapKind::PerCalendarMonth { counts, max }
        }
        Kind::Rolling => {
            let (counts, max) = counted(&mut group)?;
            CapKind::Rolling {
                counts,
                max,
                period: length(&mut group)?,
            }
        }
        Kind::AfterTalk => CapKind::AfterTalk {
            days: group.number("days")?,
        },
        Kind::AfterRefusal => CapKind::AfterRefusal {
            days: group.number("days")?,
        },
        Kind::AfterAbandon => CapKind::AfterAbandon {
            lockout: length(&mut group)?,
            unless_agent_reserved: group.flag("unless_agent_reserved", false)?,
            then_agent_reserved: group.flag("then_agent_reserved", false)?,
        },
        Kind::AfterMachine => CapKind::AfterMachine {
            lockout: length(&mut group)?,
            unless_agent_reserved: group.flag("unless_agent_reserved", false)?,
        },
    };
    let cap = Cap {
        kind,
        scope: group.choice(
            "scope",
            &[
                ("person", Scope::Person),
                ("number", Scope::Number),
                ("person_per_seller", Scope::PersonPerSeller),
                ("person_per_creditor", Scope::PersonPerCreditor),
                ("person_per_subject", Scope::PersonPerSubject),
            ],
        )?,
        source: source(&mut group)?,
    };
    group.finish()?;
    Ok(cap)
}

/// From `hours` or `days`, exactly one of them.
fn length(group: &mut Group) -> Result<Duration, ProfileError> {
    let hours = group.optional_number::<u32>("hours")?;
    let days = group.optional_number::<u32>("days")?;
    let seconds = match (hours, days) {
        (Some(hours), None) => u64::from(hours) * 3_600,
        (None, Some(days)) => u64::from(days) * 86_400,
        (None, None) => {
            return Err(ProfileError::Missing {
                path: group.path("hours"),
            });
        }
        (Some(_), Some(_)) => {
            return Err(group.wrong("days", "both hours and days", "one of them"));
        }
    };
    Ok(Duration::from_secs(seconds))
}
