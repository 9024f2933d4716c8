//! The report as a page for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::super::table::aligned;
use super::{AgentReport, Held, Report};

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        text.push_str(&self.table());
        let of = |counts: &BTreeMap<String, u64>| {
            let mut counts: Vec<_> = counts.iter().collect();
            counts.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), (*name).clone()));
            let each = counts.iter().map(|(name, n)| format!("{n} {name}"));
            each.collect::<Vec<_>>().join(", ")
        };
        text.push_str(&self.held_text());
        let Self {
            attempts,
            answered,
            connected,
            sip,
            ..
        } = self;
        let alone = self
            .answered
            .saturating_sub(self.connected + self.messages());
        _ = writeln!(text, "  results   {}", of(&self.results));
        _ = writeln!(text, "  ledger    {}", of(&self.ledger));
        _ = writeln!(text, "  pause     {}", self.paused.text());
        text.push_str(&agents_text(&self.agents));
        _ = writeln!(
            text,
            "  books     {attempts} attempts, each with one result; {answered} answers = {connected} with an agent + \
             {} with a message + {alone} in the ledger alone;\n            the carrier saw {} calls and {} answers; \
             {} double dials, {} unaccounted for; prospects tried at a second number: {}",
            self.messages(),
            sip.invites,
            sip.answers,
            self.double_dials,
            self.unaccounted,
            self.second_numbers
        );
        if !self.files.is_empty() {
            _ = writeln!(text, "  files     {}", self.files.join(" "));
        }
        let first = self.first_call_s.unwrap_or_default();
        _ = writeln!(
            text,
            "  time      {:.0} s in all, first call after {first:.1} s",
            self.wall_s
        );
        for problem in &self.problems {
            _ = writeln!(text, "  PROBLEM   {problem}");
        }
        let verdict = if self.holds() {
            "Everything adds up."
        } else {
            "It does not add up."
        };
        _ = writeln!(text, "{verdict}");
        text
    }

    /// Who is held: a line for each rule and instant, with the campaigns that it holds.
    fn held_text(&self) -> String {
        let mut lines: BTreeMap<String, (u64, Vec<String>)> = BTreeMap::new();
        for (campaign, held) in self
            .campaigns
            .iter()
            .flat_map(|c| c.held.iter().map(move |h| (c, h)))
        {
            let (sum, of) = lines.entry(held.text()).or_default();
            *sum += held.prospects;
            of.push(format!("{} {}", campaign.name, held.prospects));
        }
        let mut text = String::new();
        for (held, (sum, of)) in lines {
            _ = writeln!(text, "  held      {sum} {held} ({})", of.join(", "));
        }
        text
    }

    /// Answers that ended in a message.
    fn messages(&self) -> u64 {
        let of = |result: &str| self.results.get(result).copied().unwrap_or(0);
        of("message_delivered") + of("message_partial")
    }

    fn table(&self) -> String {
        let head = [
            "campaign",
            "",
            "",
            "prospects",
            "attempts",
            "answered",
            "connected",
            "delivered",
            "abandoned",
            "held",
        ];
        let mut rows = vec![head.map(str::to_owned)];
        let row = |name: &str, counts: [u64; 7]| {
            let [a, b, c, d, e, f, g] = counts.map(|n| n.to_string());
            [
                name.to_owned(),
                String::new(),
                String::new(),
                a,
                b,
                c,
                d,
                e,
                f,
                g,
            ]
        };
        rows.extend(self.campaigns.iter().map(|c| {
            let held = c.held.iter().map(|h| h.prospects).sum();
            row(
                c.name,
                [
                    c.prospects,
                    c.attempts,
                    c.answered,
                    c.connected,
                    c.delivered,
                    c.abandoned,
                    held,
                ],
            )
        }));
        rows.push(row(
            "all",
            [
                self.prospects,
                self.attempts,
                self.answered,
                self.connected,
                self.delivered,
                self.abandoned,
                self.held,
            ],
        ));
        aligned(&rows)
    }
}

impl Held {
    /// By what and until when.
    fn text(&self) -> String {
        let why = match self.zones.as_slice() {
            [] => format!("by {}", self.rule),
            zones => format!("in {}", zones.join(", ")),
        };
        format!("{why} until {}", self.until_local)
    }
}

/// More agents than this are told of together.
const AGENTS_NAMED: usize = 12;

fn agents_text(agents: &[AgentReport]) -> String {
    let mut text = String::new();
    if agents.len() > AGENTS_NAMED {
        let sum = |of: fn(&AgentReport) -> u64| agents.iter().map(of).sum::<u64>();
        let talks = agents.iter().map(|a| a.talks);
        _ = writeln!(
            text,
            "  agents    {}: {} talks ({} s, {} successes), {} to {} each",
            agents.len(),
            sum(|a| a.talks),
            sum(|a| a.talk_seconds),
            sum(|a| a.successes),
            talks.clone().min().unwrap_or(0),
            talks.max().unwrap_or(0)
        );
        return text;
    }
    for some in agents.chunks(4) {
        let each: Vec<String> = some.iter().map(AgentReport::text).collect();
        _ = writeln!(text, "  agents    {}", each.join(", "));
    }
    text
}

impl AgentReport {
    fn text(&self) -> String {
        let Self {
            name,
            talks,
            talk_seconds,
            successes,
            ..
        } = self;
        format!("{name} {talks} talks ({talk_seconds} s, {successes} successes)")
    }
}
