//! `outdial rules check`: may a number be called at an instant, and if not, when and by which rule?

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use compliance::{Asked, Profile, Rules, Verdict, Whereabouts, Window};
use model::{E164, WallTime, ZoneSet};
use serde::Serialize;

use super::exit::{Exit, OrExit};
use super::past_tries::{self, AskedFor, Past};
use super::profiles;

/// Says whether the calling rules allow a call.
#[derive(Debug, Args)]
pub struct Check {
    /// Profiles, separated by commas; the strictest combination holds.
    #[arg(long, value_delimiter = ',', required = true)]
    profile: Vec<String>,
    /// The number, in international form.
    #[arg(long)]
    number: E164,
    /// Candidate zones, separated by commas; absent: those of the number.
    #[arg(long, value_delimiter = ',')]
    zone: Vec<String>,
    /// The instant, for example 2026-06-19T06:30:00Z.
    #[arg(long, value_parser = instant)]
    at: WallTime,
    /// Earlier tries, a JSON list of objects with `at` and, as far as known, `number`, `seller`, `subject`,
    /// `result`, `rang`, `talked`, `message`, `refused`; or an object with that list as `attempts`, and
    /// `suppressed` and `consent`. With it caps, lockouts, lists and the margin for ringing are judged too.
    #[arg(long)]
    attempts: Option<PathBuf>,
    #[command(flatten)]
    profiles: profiles::From,
    /// For whom the call would be made; caps count by it.
    #[arg(long, default_value = "")]
    seller: String,
    /// The debt or contract it would be about; some caps count by it.
    #[arg(long)]
    subject: Option<String>,
    /// How long the phone would ring, in seconds: no call starts whose answer could fall after closing.
    #[arg(long, default_value_t = 25)]
    ring_limit_s: u64,
}

/// What is printed.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Whether a call is allowed at the instant.
    pub allowed: bool,
    /// Until when this answer holds.
    until: Option<String>,
    /// The next allowed instant; the instant itself when allowed.
    next: Option<String>,
    /// The last instant at which a call could start in the window that is open.
    latest_start: Option<String>,
    rule: String,
    source: String,
    zones: Vec<String>,
}

impl Check {
    /// Judges.
    pub fn run(&self) -> anyhow::Result<Checked> {
        let zones = self.zones()?;
        let rules = self.combined(&self.profiles.load()?)?;
        let window = rules.window(&zones, self.at);
        let past = self
            .attempts
            .as_deref()
            .map(|path| past_tries::read(path, self.asked_for()))
            .transpose()
            .or_exit(Exit::Refused)?;
        let verdict = rules.check(&self.asked(&zones, past.as_ref()));
        let answer = match past {
            None => Answer::of_window(window, &verdict),
            Some(_) => Answer::of_verdict(window, verdict, self.at),
        };
        Ok(answer.print(&zones))
    }

    fn zones(&self) -> anyhow::Result<ZoneSet> {
        if self.zone.is_empty() {
            return Ok(Whereabouts {
                numbers: &[self.number],
                ..Whereabouts::default()
            }
            .zones());
        }
        ZoneSet::from_names(&self.zone).or_exit(Exit::Usage)
    }

    fn combined(&self, profiles: &[Profile]) -> anyhow::Result<Rules> {
        let mut chosen = Vec::new();
        for name in &self.profile {
            let before = chosen.len();
            chosen.extend(profiles.iter().filter(|p| p.id == *name).cloned());
            if chosen.len() == before {
                let ids = ids(profiles);
                return Err(anyhow::anyhow!(
                    "there is no profile \"{name}\"; there are: {ids}"
                ))
                .or_exit(Exit::NotFound);
            }
        }
        Rules::combine(&chosen, None).or_exit(Exit::Refused)
    }

    fn asked_for(&self) -> AskedFor<'_> {
        AskedFor {
            number: self.number,
            seller: &self.seller,
            subject: self.subject.as_deref(),
        }
    }

    fn asked<'a>(&'a self, zones: &'a ZoneSet, past: Option<&'a Past>) -> Asked<'a> {
        Asked {
            at: self.at,
            zones,
            number: self.number,
            ring_limit: Duration::from_secs(self.ring_limit_s),
            seller: &self.seller,
            subject: self.subject.as_deref(),
            history: past.map(|p| p.tries.as_slice()).unwrap_or_default(),
            suppressed: past.is_some_and(|p| p.suppressed),
            consent: past.is_none_or(|p| p.consent),
            agent_reserved: false,
            in_live_call: false,
        }
    }
}

/// Before it is written as text.
struct Answer {
    allowed: bool,
    until: Option<WallTime>,
    next: Option<WallTime>,
    latest_start: Option<WallTime>,
    rule: String,
    source: String,
}

impl Answer {
    /// Plain membership of the window: neither ringing nor history counts.
    fn of_window(window: Window, verdict: &Verdict) -> Self {
        let latest_start = match verdict {
            Verdict::Allowed { latest_start } => Some(*latest_start),
            Verdict::Held { .. } => None,
        };
        Self {
            allowed: window.open,
            until: window.until,
            next: window.next,
            latest_start: latest_start.filter(|_| window.open),
            rule: window.rule.rule,
            source: window.rule.source,
        }
    }

    /// Everything that is judged before a launch.
    fn of_verdict(window: Window, verdict: Verdict, at: WallTime) -> Self {
        match verdict {
            Verdict::Allowed { latest_start } => Self {
                allowed: true,
                until: Some(latest_start),
                next: Some(at),
                latest_start: Some(latest_start),
                rule: window.rule.rule,
                source: window.rule.source,
            },
            Verdict::Held { until, rule } => Self {
                allowed: false,
                until,
                next: until,
                latest_start: None,
                rule: rule.rule,
                source: rule.source,
            },
        }
    }

    fn print(self, zones: &ZoneSet) -> Checked {
        let text = |at: Option<WallTime>| at.map(|at| at.to_string());
        Checked {
            allowed: self.allowed,
            until: text(self.until),
            next: text(self.next),
            latest_start: text(self.latest_start),
            rule: self.rule,
            source: self.source,
            zones: zones.names().map(str::to_owned).collect(),
        }
    }
}

/// An instant on the command line.
fn instant(text: &str) -> Result<WallTime, String> {
    text.parse()
        .map_err(|e| format!("{e}; write it like 2026-06-19T06:30:00Z"))
}

impl Checked {
    /// For people.
    pub fn text(&self) -> String {
        let none = "none within 30 days";
        let answer = if self.allowed {
            "allowed"
        } else {
            "not allowed"
        };
        format!(
            "{answer} ({}; {})\nholds until {}\nnext allowed {}\nzones {}\n",
            self.rule,
            self.source,
            self.until.as_deref().unwrap_or("further than 30 days"),
            self.next.as_deref().unwrap_or(none),
            self.zones.join(", ")
        )
    }
}

fn ids(profiles: &[Profile]) -> String {
    let mut ids: Vec<&str> = profiles.iter().map(|p| p.id.as_str()).collect();
    ids.dedup();
    ids.join(", ")
}
