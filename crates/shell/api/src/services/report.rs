//! What came of a campaign, in figures that are counted from rows each time.

use std::collections::BTreeMap;
use std::time::Duration;

use compliance::{LedgerCounts, Machines, Rules};
use model::{CallResult, CampaignId, LedgerClass, Share, WallTime};
use proto::supervisor::v1 as pb;
use store::{CampaignReport, ProspectCounts};

use super::{board, campaigns::spec_of};
use crate::Error;
use crate::convert::{count, stamp};
use crate::shared::Shared;

pub(super) async fn report(
    shared: &Shared,
    id: CampaignId,
) -> Result<pb::ReportCampaignResponse, Error> {
    let campaign = shared.store.campaign(id).await?;
    let report = shared.store.campaign_report(id, None, None).await?;
    let (spec, _) = spec_of(shared, &campaign).await?;
    let rules = spec.ok().map(|spec| spec.rules);
    let states = states(&report.prospects);
    let ended = report.results.iter().map(|(_, n)| n).sum::<u64>();
    Ok(pb::ReportCampaignResponse {
        state: board::state(campaign.state).into(),
        prospects: count(states.values().sum()),
        attempts: count(report.open_attempts + ended),
        answered: count(report.answered),
        connected: count(report.bridged),
        delivered: count(of(&report, CallResult::MessageDelivered)),
        abandoned: count(report.ledger.a + report.ledger.l),
        abandon_rate: rules.as_ref().map_or(0.0, |rules| {
            let formula = rules.abandon().formula;
            let machines = Machines::NotDetected { share: Share::ZERO };
            report.ledger.rate(formula, machines).fraction()
        }),
        results: named(report.results.iter().map(|(r, n)| (r.as_str(), *n))),
        dispositions: named(report.dispositions.iter().map(|(d, n)| (d.as_str(), *n))),
        prospect_states: named(states),
        talk_seconds: seconds(report.agents.iter().map(|a| a.talk).sum()),
        open_attempts: count(report.open_attempts),
        unaccounted: count(report.unaccounted),
        ledger: named(classes(&report.ledger)),
        held: held(shared, id, rules.as_ref(), &report).await?,
        agents: report.agents.iter().map(figures).collect(),
    })
}

fn of(report: &CampaignReport, result: CallResult) -> u64 {
    let found = report.results.iter().find(|(r, _)| *r == result);
    found.map_or(0, |(_, n)| *n)
}

fn named<'a>(
    counts: impl IntoIterator<Item = (&'a str, u64)>,
) -> std::collections::HashMap<String, i64> {
    let owned = |(name, n): (&str, u64)| (name.to_owned(), count(n));
    counts.into_iter().map(owned).collect()
}

fn states(is: &ProspectCounts) -> BTreeMap<&'static str, u64> {
    [
        ("fresh", is.fresh),
        ("retry", is.retry),
        ("callback", is.callback),
        ("in_call", is.in_call),
        ("awaiting_outcome", is.awaiting_outcome),
        ("held", is.held),
        ("success", is.success),
        ("done", is.done),
        ("exhausted", is.exhausted),
        ("suppressed", is.suppressed),
    ]
    .into()
}

fn classes(is: &LedgerCounts) -> impl Iterator<Item = (&'static str, u64)> {
    let counts = [is.c, is.l, is.a, is.h, is.m, is.s];
    LedgerClass::ALL
        .map(LedgerClass::as_str)
        .into_iter()
        .zip(counts)
}

fn figures(is: &store::AgentReport) -> pb::AgentFigures {
    pb::AgentFigures {
        agent_id: is.agent.0,
        name: is.name.clone(),
        talks: count(is.talks),
        talk_seconds: seconds(is.talk),
        outcomes: count(is.outcomes),
        successes: count(is.successes),
    }
}

fn seconds(length: Duration) -> i64 {
    count(length.as_secs())
}

/// Prospects that wait for a rule: those in whose zones it is too early or too late now, and those whom the
/// look before a launch has put off.
async fn held(
    shared: &Shared,
    id: CampaignId,
    rules: Option<&Rules>,
    report: &CampaignReport,
) -> Result<Vec<pb::HeldProspects>, Error> {
    let now = shared.clock.now();
    let mut held: Vec<pb::HeldProspects> = report
        .held
        .iter()
        // One whose time has come is due, and counted below if it is closed again.
        .filter(|h| h.until.is_none_or(|until| until > now))
        .map(|h| pb::HeldProspects {
            rule: h.rule.clone(),
            zones: Vec::new(),
            until: h.until.map(stamp),
            prospects: count(h.prospects),
        })
        .collect();
    if let Some(rules) = rules {
        held.extend(outside_hours(shared, id, rules, now).await?);
    }
    held.sort_by_key(|h| std::cmp::Reverse(h.prospects));
    Ok(held)
}

async fn outside_hours(
    shared: &Shared,
    id: CampaignId,
    rules: &Rules,
    now: WallTime,
) -> Result<Vec<pb::HeldProspects>, Error> {
    let due = shared.store.zone_counts(id, now, now).await?;
    let closed = due.into_iter().filter(|row| row.due > 0).filter_map(|row| {
        let window = rules.window(&row.zones, now);
        (!window.open).then(|| pb::HeldProspects {
            rule: format!("{} {}", window.rule.profile, window.rule.rule),
            zones: row
                .zones
                .zones()
                .iter()
                .map(|z| z.name().to_owned())
                .collect(),
            until: window.next.map(stamp),
            prospects: count(row.due),
        })
    });
    Ok(closed.collect())
}
