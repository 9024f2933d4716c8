//! The strictest combination of the profiles that a campaign is bound by.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{E164, Problem};
use serde::{Deserialize, Serialize};

use crate::abandon::AbandonRule;
use crate::hours::DailyHours;
use crate::profile::{Identity, Profile, Source, Status};

/// What a campaign must obey: the intersection of windows, the least of caps and limits, the greatest of
/// ring times and lockouts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Sorted by id and version.
    pub(crate) profiles: Vec<Profile>,
    pub(crate) campaign_hours: Option<DailyHours>,
    pub(crate) abandon: AbandonRule,
}

/// Names the rule behind an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RuleRef {
    /// The profile; `campaign` for the campaign's own hours, `always` for what holds everywhere.
    pub profile: String,
    /// The profile's version; 0 for what is not of a profile.
    pub version: u32,
    /// The rule: `window`, `cap:talks_per_local_day`, `lockout:after_abandon`, `suppressed`,
    /// `zone_unknown`, …
    pub rule: String,
    /// Where it is written.
    pub source: String,
}

/// The profiles cannot be combined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// None given.
    #[error(
        "a campaign needs at least one profile of calling rules; name one, or use profile default"
    )]
    NoProfile,
    /// Two versions of one profile claim the same day.
    #[error(
        "versions {first} and {second} of profile {profile} are in force on the same day; set valid_to of the earlier one"
    )]
    Overlapping {
        /// The profile.
        profile: String,
        /// One version.
        first: u32,
        /// The other.
        second: u32,
    },
}

impl RulesError {
    /// Whose move it is.
    pub const fn problem(&self) -> Problem {
        match self {
            Self::NoProfile | Self::Overlapping { .. } => Problem::Caller,
        }
    }
}

impl Rules {
    /// Combines profiles, and a campaign's own hours, to the strictest of each rule.
    ///
    /// Several versions of one profile may be given when they are in force on different days.
    ///
    /// # Errors
    /// [`RulesError`] by variant.
    pub fn combine(
        profiles: &[Profile],
        campaign_hours: Option<&DailyHours>,
    ) -> Result<Self, RulesError> {
        let mut profiles = profiles.to_vec();
        profiles.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
        profiles.dedup();
        for (i, a) in profiles.iter().enumerate() {
            if let Some(b) = profiles
                .iter()
                .skip(i + 1)
                .find(|b| b.id == a.id && days_in_common(a, b))
            {
                return Err(RulesError::Overlapping {
                    profile: a.id.clone(),
                    first: a.version,
                    second: b.version,
                });
            }
        }
        let abandon = AbandonRule::strictest(&profiles).ok_or(RulesError::NoProfile)?;
        Ok(Self {
            profiles,
            campaign_hours: campaign_hours.cloned(),
            abandon,
        })
    }

    /// What happens to people whom no agent takes.
    pub const fn abandon(&self) -> &AbandonRule {
        &self.abandon
    }

    /// The least time that a phone must be let ring before we give up.
    pub const fn min_ring(&self) -> Duration {
        self.abandon.min_ring
    }

    /// How far back the history of a number must reach for [`Rules::check`]: the longest cap or lockout.
    pub fn lookback(&self) -> Duration {
        self.profiles
            .iter()
            .flat_map(|p| &p.caps)
            .map(|cap| cap.kind.reach())
            .max()
            .unwrap_or_default()
    }

    /// How long records must be kept: the longest of the profiles.
    pub fn retention(&self) -> Option<Duration> {
        let days = self
            .profiles
            .iter()
            .filter_map(|p| p.retention.as_ref())
            .map(|r| r.call_records_days)
            .max()?;
        Some(Duration::from_secs(u64::from(days) * 86_400))
    }

    /// The rule that bars this number from being shown as the caller's; `None` when all profiles take it.
    pub fn bars_caller(&self, caller: E164) -> Option<RuleRef> {
        let digits = caller.digits().to_string();
        let groups = self
            .profiles
            .iter()
            .filter_map(|p| Some((p, p.identity.as_ref()?)));
        let takes = |identity: &Identity| {
            identity.ranges.is_empty()
                || identity
                    .ranges
                    .iter()
                    .any(|r| digits.starts_with(r.as_str()))
        };
        groups
            .filter(|(_, identity)| !takes(identity))
            .map(|(profile, identity)| RuleRef::of(profile, "caller_id", &identity.source))
            .next()
    }

    /// Suppression lists that must have been consulted, by name, with the age in days from which a copy is
    /// stale: the least of all profiles.
    pub fn suppression_lists(&self) -> BTreeMap<&str, Option<u32>> {
        let mut lists: BTreeMap<&str, Option<u32>> = BTreeMap::new();
        for list in self
            .profiles
            .iter()
            .filter_map(|p| p.suppression.as_ref())
            .flat_map(|s| &s.lists)
        {
            let age = lists.entry(&list.name).or_insert(list.max_age_days);
            *age = [*age, list.max_age_days].into_iter().flatten().min();
        }
        lists
    }

    /// The profiles, sorted by id and version.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// Profiles in which a person has not yet confirmed every rule; to be logged when a campaign starts.
    pub fn unconfirmed(&self) -> impl Iterator<Item = &str> {
        self.profiles
            .iter()
            .filter(|p| p.status == Status::Unconfirmed)
            .map(|p| p.id.as_str())
    }

    /// From when before closing no call may start, beside its ring limit.
    pub(crate) fn latest_start_lead(&self) -> Duration {
        self.profiles
            .iter()
            .map(|p| p.windows.latest_start_lead)
            .max()
            .unwrap_or_default()
    }
}

fn days_in_common(a: &Profile, b: &Profile) -> bool {
    let starts_before_end = |x: &Profile, y: &Profile| match (x.valid_from, y.valid_to) {
        (Some(from), Some(to)) => from < to,
        (None, _) | (_, None) => true,
    };
    starts_before_end(a, b) && starts_before_end(b, a)
}

impl RuleRef {
    pub(crate) fn of(profile: &Profile, rule: &str, source: &Source) -> Self {
        Self {
            profile: profile.id.clone(),
            version: profile.version,
            rule: rule.to_owned(),
            source: source.text.clone(),
        }
    }

    /// A rule that holds whatever the profile.
    pub(crate) fn always(rule: &str, source: &str) -> Self {
        Self {
            profile: "always".to_owned(),
            version: 0,
            rule: rule.to_owned(),
            source: source.to_owned(),
        }
    }

    pub(crate) fn in_live_call() -> Self {
        Self::always("in_live_call", "a number is never in two live calls")
    }

    /// Whether it is the one rule that the end of a call lifts: nobody knows when, but soon.
    pub fn is_in_live_call(&self) -> bool {
        *self == Self::in_live_call()
    }

    pub(crate) fn zone_unknown() -> Self {
        Self::always(
            "zone_unknown",
            "nobody is called whose local time is unknown",
        )
    }

    pub(crate) fn campaign_hours() -> Self {
        Self {
            profile: "campaign".to_owned(),
            version: 0,
            rule: "campaign_hours".to_owned(),
            source: "the campaign's own hours".to_owned(),
        }
    }
}
