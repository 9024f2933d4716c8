//! The groups of a profile about duties beside the call: the number shown, lists to consult, records to keep.

use super::{digits_of_prefix, source};
use crate::error::ProfileError;
use crate::group::Group;
use crate::profile::{CallerId, Identity, Retention, Suppression, SuppressionList};

pub(super) fn identity(mut group: Group) -> Result<Identity, ProfileError> {
    let ranges = group.optional_strings("ranges")?;
    let identity = Identity {
        source: source(&mut group)?,
        caller_id: group.choice(
            "caller_id",
            &[
                ("required", CallerId::Required),
                ("required_callable", CallerId::RequiredCallable),
                ("allowed_ranges", CallerId::AllowedRanges),
            ],
        )?,
        ranges: ranges
            .iter()
            .map(|r| digits_of_prefix(r, &group, "ranges"))
            .collect::<Result<_, _>>()?,
        attestation_min: group
            .optional_choice("attestation_min", &[("A", "A"), ("B", "B"), ("C", "C")])?
            .map(str::to_owned),
    };
    if identity.caller_id == CallerId::AllowedRanges && identity.ranges.is_empty() {
        return Err(ProfileError::Missing {
            path: group.path("ranges"),
        });
    }
    group.finish()?;
    Ok(identity)
}

pub(super) fn suppression(mut group: Group) -> Result<Suppression, ProfileError> {
    let list = |mut list: Group| {
        let read = SuppressionList {
            name: list.string("name")?,
            max_age_days: list.optional_number("max_age_days")?,
            honour_within_business_days: list.optional_number("honour_within_business_days")?,
            keep_years: list.optional_number("keep_years")?,
        };
        list.finish()?;
        Ok(read)
    };
    let suppression = Suppression {
        source: source(&mut group)?,
        lists: group
            .list("lists")?
            .into_iter()
            .map(list)
            .collect::<Result<_, _>>()?,
    };
    group.finish()?;
    Ok(suppression)
}

pub(super) fn retention(mut group: Group) -> Result<Retention, ProfileError> {
    let retention = Retention {
        source: source(&mut group)?,
        call_records_days: group.number("call_records_days")?,
    };
    group.finish()?;
    Ok(retention)
}
