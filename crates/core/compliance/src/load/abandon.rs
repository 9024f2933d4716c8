//! The `abandon` group of a profile.

use chrono_tz::Tz;
use model::Share;

use super::{basis, source};
use crate::abandon::{AbandonMessage, Formula, ProfileAbandon, default};
use crate::error::ProfileError;
use crate::group::Group;
use crate::period::Period;

pub(super) fn abandon(mut group: Group) -> Result<ProfileAbandon, ProfileError> {
    let abandon = ProfileAbandon {
        source: source(&mut group)?,
        basis: basis(&mut group)?,
        limit: group.share("limit")?,
        target_share: group
            .optional_share("target_share")?
            .unwrap_or(default::TARGET_SHARE),
        formula: group.choice("formula", &Formula::ALL.map(|f| (f.as_str(), f)))?,
        period: period(group.group("period")?)?,
        ledger_key: group.optional_strings("ledger_key")?,
        min_ring: group.seconds("min_ring_s")?.unwrap_or(default::MIN_RING),
        max_silence: group
            .seconds("max_silence_after_greeting_s")?
            .unwrap_or(default::MAX_SILENCE),
        message: group.optional_group("message")?.map(message).transpose()?,
        false_positive_counts: true,
        max_false_positive: default::MAX_FALSE_POSITIVE,
    };
    if abandon.target_share > Share::ONE {
        return Err(group.wrong(
            "target_share",
            &abandon.target_share.fraction().to_string(),
            "a share from 0 to 1",
        ));
    }
    let (counts, max) = match group.optional_group("amd_false_positive")? {
        None => (true, default::MAX_FALSE_POSITIVE),
        Some(mut machines) => {
            let counts = machines.flag("in_numerator", true)?;
            let max = machines
                .optional_share("max_rate")?
                .unwrap_or(default::MAX_FALSE_POSITIVE);
            machines.optional_choice("bound", &[("wilson_upper_95", ())])?;
            machines.finish()?;
            (counts, max)
        }
    };
    group.finish()?;
    Ok(ProfileAbandon {
        false_positive_counts: counts,
        max_false_positive: max,
        ..abandon
    })
}

fn message(mut group: Group) -> Result<AbandonMessage, ProfileError> {
    let message = AbandonMessage {
        required: group.flag("required", true)?,
        must_contain: group.optional_strings("must_contain")?,
        opt_out: group.optional_string("opt_out")?,
    };
    group.finish()?;
    Ok(message)
}

fn period(mut group: Group) -> Result<Period, ProfileError> {
    #[derive(Clone, Copy)]
    enum Kind {
        SuccessiveDays,
        CalendarDay,
        CalendarMonth,
        WholeCampaign,
    }
    let kind = group.choice(
        "kind",
        &[
            ("successive_days", Kind::SuccessiveDays),
            ("calendar_day", Kind::CalendarDay),
            ("calendar_month", Kind::CalendarMonth),
            ("whole_campaign", Kind::WholeCampaign),
        ],
    )?;
    let zone = |group: &mut Group| -> Result<Tz, ProfileError> {
        let name = group.string("zone")?;
        name.parse().map_err(|_| {
            group.wrong(
                "zone",
                &name,
                "a name of the tz database, such as Europe/London",
            )
        })
    };
    let period = match kind {
        Kind::SuccessiveDays => Period::SuccessiveDays {
            days: group.number("days")?,
        },
        Kind::CalendarDay => Period::CalendarDay {
            zone: zone(&mut group)?,
        },
        Kind::CalendarMonth => Period::CalendarMonth {
            zone: zone(&mut group)?,
        },
        Kind::WholeCampaign => Period::WholeCampaign,
    };
    group.finish()?;
    Ok(period)
}
