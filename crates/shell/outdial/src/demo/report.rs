//! What came of the demo: one document for programs, one page for people.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono_tz::Tz;
use model::WallTime;
use proto::supervisor::v1::{Attempt, HeldProspects, ReportCampaignResponse};
use serde::Serialize;

use super::books::{Books, Row, Seen, Sums, balance};
use super::hours::local;
use super::pause::PauseSeen;

mod page;

/// Everything that is known of a run when it is over.
#[derive(Debug)]
pub struct Facts {
    /// The campaigns, in the order shown.
    pub campaigns: Vec<CampaignFacts>,
    /// Everything that the carrier saw.
    pub calls: Vec<Seen>,
    /// Talks that the agents had on their screens.
    pub talks_on_screens: u64,
    /// The pause.
    pub pause: PauseSeen,
    /// From the command to the first INVITE.
    pub first_call: Option<Duration>,
    /// From the command to the report.
    pub wall: Duration,
    /// Files with results.
    pub files: Vec<String>,
}

/// What the daemon told of a campaign.
#[derive(Clone, Debug, Default)]
pub struct CampaignFacts {
    /// Its name.
    pub name: &'static str,
    /// Its key.
    pub id: i32,
    /// Its report.
    pub report: ReportCampaignResponse,
    /// Its attempts.
    pub attempts: Vec<Attempt>,
    /// Why it does not dial more, in words.
    pub explained: String,
    /// Prospects of its sheet who live where its hours are over, counted from the file.
    pub outside_by_file: u64,
}

/// The document. Keys are stable; further ones may come.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    prospects: u64,
    attempts: u64,
    answered: u64,
    connected: u64,
    abandoned: u64,
    delivered: u64,
    results: BTreeMap<String, u64>,
    double_dials: u64,
    unaccounted: u64,
    sip: Sip,
    wall_s: f64,
    first_call_s: Option<f64>,
    held: u64,
    second_numbers: u64,
    ledger: BTreeMap<String, u64>,
    paused: PauseSeen,
    campaigns: Vec<CampaignReport>,
    agents: Vec<AgentReport>,
    files: Vec<String>,
    /// What did not happen that should, and what does not add up. Empty: all is well.
    problems: Vec<String>,
}

/// On the wire.
#[derive(Clone, Debug, Serialize)]
struct Sip {
    invites: u64,
    answers: u64,
}

#[derive(Clone, Debug, Serialize)]
struct CampaignReport {
    name: &'static str,
    prospects: u64,
    attempts: u64,
    answered: u64,
    connected: u64,
    delivered: u64,
    abandoned: u64,
    abandon_rate: f64,
    held: Vec<Held>,
    explained: String,
}

#[derive(Clone, Debug, Serialize)]
struct Held {
    rule: String,
    zones: Vec<String>,
    until: Option<String>,
    prospects: u64,
    #[serde(skip)]
    until_local: String,
}

#[derive(Clone, Debug, Serialize)]
struct AgentReport {
    name: String,
    talks: u64,
    talk_seconds: u64,
    outcomes: u64,
    successes: u64,
}

impl Report {
    /// Counts and compares.
    pub fn of(facts: Facts) -> Self {
        let rows: Vec<Row> = facts.campaigns.iter().flat_map(rows).collect();
        let seen = &facts.calls;
        let sums = facts.campaigns.iter().map(|c| (c.id, sums(c))).collect();
        let books = balance(&rows, seen, &sums);
        let campaigns: Vec<_> = facts.campaigns.iter().map(campaign).collect();
        let ledger = rows.iter().filter(|row| !row.ledger.is_empty());
        let mut report = Self {
            prospects: campaigns.iter().map(|c| c.prospects).sum(),
            attempts: books.total.attempts,
            answered: books.total.answered,
            connected: books.total.connected,
            abandoned: books.total.abandoned,
            delivered: books.total.delivered,
            results: books.total.results.clone(),
            double_dials: books.double_dials,
            unaccounted: books.unaccounted,
            sip: Sip {
                invites: seen.len() as u64,
                answers: seen.iter().filter(|call| call.answered).count() as u64,
            },
            wall_s: rounded(facts.wall),
            first_call_s: facts.first_call.map(rounded),
            held: campaigns
                .iter()
                .flat_map(|c| &c.held)
                .map(|h| h.prospects)
                .sum(),
            second_numbers: books.second_numbers,
            ledger: ledger.fold(BTreeMap::new(), |mut classes, row| {
                *classes.entry(row.ledger.clone()).or_default() += 1;
                classes
            }),
            paused: facts.pause.clone(),
            campaigns,
            agents: agents(&facts.campaigns),
            files: facts.files.clone(),
            problems: Vec::new(),
        };
        report.problems = report.missing();
        report.problems.extend(elsewhere(&facts, &books));
        report.problems.extend(books.problems);
        report
    }

    /// Whether everything happened that should, and adds up.
    pub fn holds(&self) -> bool {
        self.problems.is_empty()
    }

    /// What a demo must show.
    fn missing(&self) -> Vec<String> {
        [
            (self.sip.invites, "nothing was launched"),
            (self.connected, "nobody was connected to an agent"),
            (self.delivered, "no message was delivered"),
            (self.held, "no prospect was held by its hours"),
            (self.second_numbers, "no prospect's second number was tried"),
        ]
        .into_iter()
        .filter(|(n, _)| *n == 0)
        .map(|(_, what)| what.to_owned())
        .collect()
    }
}

/// What other witnesses say: the file of whom is held, the agents of their talks, the log of the pause.
fn elsewhere(facts: &Facts, books: &Books) -> Vec<String> {
    let mut problems = Vec::new();
    for campaign in &facts.campaigns {
        let by_hours = campaign.report.held.iter().filter(|h| !h.zones.is_empty());
        let held: u64 = by_hours.map(|h| unsigned(h.prospects)).sum();
        let outside = campaign.outside_by_file;
        if held != outside {
            problems.push(format!(
                "{}: {held} prospects are held by their hours; in the file {outside} live where it is too early or late",
                campaign.name
            ));
        }
    }
    let talks = facts.talks_on_screens;
    if talks != books.total.connected {
        problems.push(format!(
            "agents had {talks} talks on their screens; {} calls were joined to an agent",
            books.total.connected
        ));
    }
    let late = facts.pause.late_invites;
    if late > 0 {
        problems.push(format!(
            "{late} calls began while {} was paused",
            facts.pause.campaign
        ));
    }
    problems
}

fn rows(campaign: &CampaignFacts) -> impl Iterator<Item = Row> + '_ {
    let micros = |at: &prost_types::Timestamp| at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000;
    campaign.attempts.iter().map(move |is| Row {
        attempt: is.attempt_id.clone(),
        campaign: campaign.id,
        prospect: is.prospect_id,
        number: is.number.clone(),
        legs: legs_let_in(is),
        live: is.dialled_at.as_ref().map(|from| {
            let to = is.ended_at.as_ref().map_or(i64::MAX, micros);
            (micros(from), to)
        }),
        answered: is.answered_at.is_some(),
        bridged: is.bridged_at.is_some(),
        message: is.message,
        ledger: is.ledger.clone(),
        result: is.result.clone(),
    })
}

/// Legs that the carrier let in. One that was stopped between the challenge and our answer to it (RFC 3261
/// section 22) never became a call there.
fn legs_let_in(attempt: &Attempt) -> u64 {
    let legs = u64::try_from(attempt.legs).unwrap_or(0);
    legs.saturating_sub(u64::from(matches!(attempt.sip_status, 401 | 407)))
}

fn sums(campaign: &CampaignFacts) -> Sums {
    let report = &campaign.report;
    Sums {
        name: campaign.name.to_owned(),
        attempts: unsigned(report.attempts),
        answered: unsigned(report.answered),
        connected: unsigned(report.connected),
        delivered: unsigned(report.delivered),
        abandoned: unsigned(report.abandoned),
        results: report
            .results
            .iter()
            .map(|(r, n)| (r.clone(), unsigned(*n)))
            .collect(),
        unaccounted: unsigned(report.unaccounted),
    }
}

fn campaign(of: &CampaignFacts) -> CampaignReport {
    let report = &of.report;
    CampaignReport {
        name: of.name,
        prospects: unsigned(report.prospects),
        attempts: unsigned(report.attempts),
        answered: unsigned(report.answered),
        connected: unsigned(report.connected),
        delivered: unsigned(report.delivered),
        abandoned: unsigned(report.abandoned),
        abandon_rate: report.abandon_rate,
        held: report.held.iter().map(held).collect(),
        explained: of.explained.clone(),
    }
}

fn held(of: &HeldProspects) -> Held {
    let until = of
        .until
        .as_ref()
        .map(|at| WallTime::from_unix_seconds(at.seconds));
    let zone = of.zones.first().and_then(|zone| zone.parse::<Tz>().ok());
    Held {
        rule: of.rule.clone(),
        zones: of.zones.clone(),
        until: until.map(|at| at.to_string()),
        prospects: unsigned(of.prospects),
        until_local: match (until, zone) {
            (Some(at), Some(zone)) => format!("{} there", local(at, zone)),
            (Some(at), None) => at.to_string(),
            (None, _) => "facts change".to_owned(),
        },
    }
}

/// The agents of all campaigns, by name.
fn agents(campaigns: &[CampaignFacts]) -> Vec<AgentReport> {
    let mut all: BTreeMap<&str, AgentReport> = BTreeMap::new();
    for of in campaigns.iter().flat_map(|c| &c.report.agents) {
        let agent = all.entry(&of.name).or_insert_with(|| AgentReport {
            name: of.name.clone(),
            talks: 0,
            talk_seconds: 0,
            outcomes: 0,
            successes: 0,
        });
        agent.talks += unsigned(of.talks);
        agent.talk_seconds += unsigned(of.talk_seconds);
        agent.outcomes += unsigned(of.outcomes);
        agent.successes += unsigned(of.successes);
    }
    all.into_values().collect()
}

fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// Seconds to the millisecond.
pub fn rounded(length: Duration) -> f64 {
    (length.as_secs_f64() * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests;
