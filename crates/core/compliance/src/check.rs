//! May this number be called now, and if not, when?

use std::time::Duration;

use model::{E164, PastTry, WallTime, ZoneSet};
use serde::{Deserialize, Serialize};

use crate::calling_window::{HORIZON, Local};
use crate::caps::{Cap, Free};
use crate::profile::Profile;
use crate::rules::{RuleRef, Rules};

/// What is asked, and every fact that the answer hangs on.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// When the INVITE would leave.
    pub at: WallTime,
    /// Where the person may be.
    pub zones: &'a ZoneSet,
    /// The number to be dialled.
    pub number: E164,
    /// How long it would ring at most.
    pub ring_limit: Duration,
    /// For whom the call is made.
    pub seller: &'a str,
    /// The debt, contract or matter it is about.
    pub subject: Option<&'a str>,
    /// Earlier tries of this number and this person, newest last, as far as [`Rules::lookback`].
    pub history: &'a [PastTry],
    /// Whether the number or the person is on a suppression list.
    pub suppressed: bool,
    /// Whether the person's consent is on file.
    pub consent: bool,
    /// Whether an agent is held back for this call.
    pub agent_reserved: bool,
    /// Whether the number is in a live call.
    pub in_live_call: bool,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The INVITE may leave until `latest_start`, as long as the facts stay.
    Allowed {
        /// Closing of the window less the ring limit and the profiles' lead, so that an answer cannot
        /// fall after closing.
        latest_start: WallTime,
    },
    /// No call now.
    Held {
        /// The earliest instant at which all rules allow it, by the facts of today; `None`: not until the
        /// facts change.
        until: Option<WallTime>,
        /// The first rule that holds it.
        rule: RuleRef,
    },
}

impl Rules {
    /// Judges everything: facts that forbid, the windows with the margin for ringing, caps and lockouts.
    ///
    /// To be asked again at the moment the INVITE is sent: time has passed since any earlier answer.
    pub fn check(&self, asked: &Asked<'_>) -> Verdict {
        if let Some(rule) = self.forbidden(asked) {
            return Verdict::Held { until: None, rule };
        }
        let margin = asked.ring_limit.saturating_add(self.latest_start_lead());
        let start = self.start(asked.zones, asked.at, margin);
        let rule = match start {
            Some(Start { at, .. }) if at == asked.at => None,
            Some(_) | None => Some(self.window_rule(asked)),
        };
        let held_by_cap = || {
            self.caps_at(asked, asked.at)
                .find(|(_, cap)| cap.free(asked, asked.at) != Free::Now)
                .map(|(profile, cap)| RuleRef::of(profile, &cap.rule(), &cap.source))
        };
        match (rule.or_else(held_by_cap), start) {
            (Some(rule), _) => Verdict::Held {
                until: self.next_start(asked, margin),
                rule,
            },
            (None, Some(Start { latest, .. })) => Verdict::Allowed {
                latest_start: latest,
            },
            (None, None) => Verdict::Held {
                until: None,
                rule: self.window_rule(asked),
            },
        }
    }

    /// What no waiting cures.
    fn forbidden(&self, asked: &Asked<'_>) -> Option<RuleRef> {
        if let Some(profile) = self.profiles.iter().find(|p| !p.takes_number(asked.number)) {
            return Some(RuleRef::of(
                profile,
                "number_not_in_profile",
                &profile.windows.source,
            ));
        }
        if asked.zones.is_empty() {
            return Some(RuleRef::zone_unknown());
        }
        if asked.suppressed {
            return Some(RuleRef::always(
                "suppressed",
                "the number or person is on a suppression list",
            ));
        }
        if !asked.consent
            && let Some(profile) = self
                .profiles
                .iter()
                .find(|p| p.requires_consent && in_force(p, asked, asked.at))
        {
            return Some(RuleRef::of(
                profile,
                "consent_missing",
                &profile.windows.source,
            ));
        }
        if asked.in_live_call {
            return Some(RuleRef::in_live_call());
        }
        None
    }

    fn window_rule(&self, asked: &Asked<'_>) -> RuleRef {
        let window = self.window(asked.zones, asked.at);
        if window.open {
            // Open, but too near to closing.
            return RuleRef {
                rule: format!("{}:latest_start", window.rule.rule),
                ..window.rule
            };
        }
        window.rule
    }

    /// Caps of the versions in force.
    fn caps_at<'a>(
        &'a self,
        asked: &'a Asked<'_>,
        at: WallTime,
    ) -> impl Iterator<Item = (&'a Profile, &'a Cap)> {
        self.profiles
            .iter()
            .filter(move |profile| in_force(profile, asked, at))
            .flat_map(|profile| profile.caps.iter().map(move |cap| (profile, cap)))
    }

    /// The smallest instant from `asked.at` on at which windows and caps allow the call.
    fn next_start(&self, asked: &Asked<'_>, margin: Duration) -> Option<WallTime> {
        let mut at = asked.at;
        // Each round moves to an instant before which some rule forbids the call, so nothing is skipped.
        // A rule moves it by an opening or by a try that leaves a cap; the bound only guards the loop.
        for _ in 0..1_000 {
            let mut next = self.start(asked.zones, at, margin)?.at;
            for (_, cap) in self.caps_at(asked, next) {
                match cap.free(asked, next) {
                    Free::Now => {}
                    Free::From(from) => next = next.max(from),
                    Free::OtherFacts => return None,
                }
            }
            if next == at {
                return Some(at);
            }
            at = next;
        }
        None
    }

    /// The smallest instant from `from` on at which a call may start so that it is answered in the window.
    fn start(&self, zones: &ZoneSet, from: WallTime, margin: Duration) -> Option<Start> {
        let end = from + HORIZON;
        let mut at = from;
        while at <= end {
            let window = self.window(zones, at);
            if !window.open {
                at = window.next?;
                continue;
            }
            let Some(closes) = window.until else {
                return Some(Start {
                    at,
                    latest: at + HORIZON,
                });
            };
            if at + margin <= closes {
                return Some(Start {
                    at,
                    latest: closes - margin,
                });
            }
            at = closes;
        }
        None
    }
}

/// When a call may start.
struct Start {
    at: WallTime,
    latest: WallTime,
}

fn in_force(profile: &Profile, asked: &Asked<'_>, at: WallTime) -> bool {
    let second = at.unix_micros().div_euclid(1_000_000);
    asked
        .zones
        .zones()
        .iter()
        .any(|zone| profile.in_force(Local::at(*zone, second).day))
}
