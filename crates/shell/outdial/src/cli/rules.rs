//! `outdial rules check`: may a number be called at an instant, and if not, when and by which rule?

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use compliance::{Asked, Profile, Rules, Verdict, Whereabouts};
use model::{E164, PastTry, WallTime, ZoneSet};
use serde::Serialize;

/// Says whether the calling rules allow a call.
#[derive(Debug, Args)]
pub struct Check {
    /// Profiles, separated by commas; the strictest combination holds.
    #[arg(long, value_delimiter = ',', required = true)]
    profile: Vec<String>,
    /// The number, in international form.
    #[arg(long)]
    number: String,
    /// Candidate zones, separated by commas; absent: those of the number.
    #[arg(long, value_delimiter = ',')]
    zone: Vec<String>,
    /// The instant, for example 2026-06-19T06:30:00Z.
    #[arg(long)]
    at: String,
    /// Earlier tries, a JSON list; with it caps, lockouts and lists are judged too.
    #[arg(long)]
    attempts: Option<PathBuf>,
    /// Directory of profiles.
    #[arg(long, default_value = "config/profiles")]
    rules: PathBuf,
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
    pub fn run(&self, profiles: Vec<Profile>) -> anyhow::Result<Checked> {
        let number: E164 = self.number.parse()?;
        let at: WallTime = self.at.parse().with_context(|| {
            format!(
                "\"{}\" is not an instant; write 2026-06-19T06:30:00Z",
                self.at
            )
        })?;
        let zones = if self.zone.is_empty() {
            Whereabouts {
                numbers: &[number],
                ..Whereabouts::default()
            }
            .zones()
        } else {
            ZoneSet::from_names(&self.zone)?
        };
        let mut chosen = Vec::new();
        for name in &self.profile {
            let found: Vec<_> = profiles.iter().filter(|p| p.id == *name).cloned().collect();
            anyhow::ensure!(
                !found.is_empty(),
                "there is no profile \"{name}\"; there are: {}",
                ids(&profiles)
            );
            chosen.extend(found);
        }
        let rules = Rules::combine(&chosen, None)?;
        let window = rules.window(&zones, at);
        let text = |at: Option<WallTime>| at.map(|at| at.to_string());
        let zone_names = || zones.names().map(str::to_owned).collect();
        let history = self.history()?;
        let asked = Asked {
            at,
            zones: &zones,
            number,
            ring_limit: Duration::from_secs(self.ring_limit_s),
            seller: &self.seller,
            subject: self.subject.as_deref(),
            history: history.as_deref().unwrap_or_default(),
            suppressed: false,
            consent: true,
            agent_reserved: false,
            in_live_call: false,
        };
        let verdict = rules.check(&asked);
        let latest_start = if let Verdict::Allowed { latest_start } = &verdict {
            Some(*latest_start)
        } else {
            None
        };
        if history.is_none() {
            return Ok(Checked {
                allowed: window.open,
                until: text(window.until),
                next: text(window.next),
                latest_start: text(latest_start),
                rule: window.rule.rule,
                source: window.rule.source,
                zones: zone_names(),
            });
        }
        Ok(match verdict {
            Verdict::Allowed { latest_start } => Checked {
                allowed: true,
                until: text(Some(latest_start)),
                next: text(Some(at)),
                latest_start: text(Some(latest_start)),
                rule: window.rule.rule,
                source: window.rule.source,
                zones: zone_names(),
            },
            Verdict::Held { until, rule } => Checked {
                allowed: false,
                until: text(until),
                next: text(until),
                latest_start: None,
                rule: rule.rule,
                source: rule.source,
                zones: zone_names(),
            },
        })
    }

    /// Where the profiles are.
    pub fn directory(&self) -> &Path {
        &self.rules
    }

    fn history(&self) -> anyhow::Result<Option<Vec<PastTry>>> {
        let Some(path) = &self.attempts else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("could not read {}", path.display()))?;
        let mut tries: Vec<PastTry> = serde_json::from_str(&text)
            .with_context(|| format!("{} is not a list of earlier tries", path.display()))?;
        tries.sort_by_key(|t| t.at);
        Ok(Some(tries))
    }
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
