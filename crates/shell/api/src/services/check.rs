//! What keeps a campaign from being started, and how many of its prospects may be called when.

use std::time::Duration;

use compliance::Rules;
use model::{CampaignId, WallTime};
use proto::supervisor::v1 as pb;

use super::campaigns::spec_of;
use crate::Error;
use crate::convert::count;
use crate::shared::Shared;

const DAY: Duration = Duration::from_secs(86_400);

pub(super) async fn check(
    shared: &Shared,
    id: CampaignId,
) -> Result<pb::CheckCampaignResponse, Error> {
    let campaign = shared.store.campaign(id).await?;
    let (spec, warnings) = spec_of(shared, &campaign).await?;
    let (rules, problems) = match spec {
        Ok(spec) => (Some(spec.rules), Vec::new()),
        Err(problems) => (None, problems),
    };
    Ok(pb::CheckCampaignResponse {
        problems: problems
            .into_iter()
            .map(|p| pb::Problem {
                field: p.field,
                reason: p.reason.to_owned(),
                description: p.description,
            })
            .collect(),
        warnings,
        prospects: match rules {
            Some(rules) => Some(callable(shared, id, &rules).await?),
            None => None,
        },
    })
}

/// How many of a campaign's prospects may be called when.
async fn callable(
    shared: &Shared,
    campaign: CampaignId,
    rules: &Rules,
) -> Result<pb::CallableCounts, Error> {
    let now = shared.clock.now();
    let mut counts = pb::CallableCounts::default();
    for row in shared.store.zone_counts(campaign, now, now + DAY).await? {
        count_zone(&mut counts, rules, &row.zones, now, row.due);
        // Due within a day, but not before: at an hour that is open by then, if any is.
        counts.later_today += count(row.soon);
        counts.another_day += count(row.later);
    }
    for row in shared.store.never_counts(campaign).await? {
        counts.never += count(row.prospects);
        *counts.reasons.entry(row.reason).or_default() += count(row.prospects);
    }
    Ok(counts)
}

/// Adds prospects of one zone set that are due.
pub(crate) fn count_zone(
    counts: &mut pb::CallableCounts,
    rules: &Rules,
    zones: &model::ZoneSet,
    now: WallTime,
    prospects: u64,
) {
    let n = count(prospects);
    if n == 0 {
        return;
    }
    let window = rules.window(zones, now);
    match window.next {
        _ if window.open => {
            counts.now += n;
            return;
        }
        Some(next) if next < now + DAY => counts.later_today += n,
        Some(_) => counts.another_day += n,
        None => counts.never += n,
    }
    let reason = format!("{} {}", window.rule.profile, window.rule.rule);
    *counts.reasons.entry(reason).or_default() += n;
}
