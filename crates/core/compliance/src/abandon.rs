//! What a profile says about people who answer and get no agent.

use std::time::Duration;

use model::Share;
use serde::{Deserialize, Serialize};

use crate::period::Period;
use crate::profile::{Basis, Profile, Source};
use crate::rules::RuleRef;

/// How abandoned calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Formula {
    /// Over all calls answered live by a person: 47 CFR 64.1200(a)(7).
    UsLiveAnswered,
    /// Over abandoned calls and those given to an agent: Ofcom, Persistent misuse (2016), annex 3.
    GbPersistentMisuse,
    /// Over calls answered by consumers: CRTC Unsolicited Telecommunications Rules, Part III.
    CaAnswered,
    /// Silent calls per successful call, the silent ones not among those: Garante, decision 83 of 2014.
    ItSilentPerSuccessful,
    /// Abandoned over abandoned and connected: the usual service level figure.
    ServiceLevel,
}

impl Formula {
    /// Every formula.
    pub const ALL: [Self; 5] = [
        Self::UsLiveAnswered,
        Self::GbPersistentMisuse,
        Self::CaAnswered,
        Self::ItSilentPerSuccessful,
        Self::ServiceLevel,
    ];

    /// The name in profiles and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UsLiveAnswered => "us_live_answered",
            Self::GbPersistentMisuse => "gb_persistent_misuse",
            Self::CaAnswered => "ca_answered",
            Self::ItSilentPerSuccessful => "it_silent_per_successful",
            Self::ServiceLevel => "service_level",
        }
    }

    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.as_str() == name)
    }
}

/// The abandon rules of one profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileAbandon {
    /// Where they are written.
    pub source: Source,
    /// What the limit rests on.
    pub basis: Basis,
    /// The largest rate allowed.
    pub limit: Share,
    /// What pacing aims at, as a share of the limit.
    pub target_share: Share,
    /// How the rate is counted.
    pub formula: Formula,
    /// Over which time.
    pub period: Period,
    /// What distinguishes one ledger from another.
    pub ledger_key: Vec<String>,
    /// The least ringing before we give up.
    pub min_ring: Duration,
    /// How long after the greeting an agent may take to come.
    pub max_silence: Duration,
    /// What a person hears whom no agent takes.
    pub message: Option<AbandonMessage>,
    /// Whether people taken for machines are in the numerator.
    pub false_positive_counts: bool,
    /// Above this bound of false machines, machine verdicts are not released.
    pub max_false_positive: Share,
}

/// The message for people whom no agent takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbandonMessage {
    /// Whether it must be played.
    pub required: bool,
    /// What it must contain.
    pub must_contain: Vec<String>,
    /// How the person can refuse further calls in it.
    pub opt_out: Option<String>,
}

/// The strictest abandon rules of all profiles of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbandonRule {
    /// The largest rate allowed.
    pub limit: Share,
    /// The rate that pacing aims at, at most the limit.
    pub target: Share,
    /// How the rate is counted.
    pub formula: Formula,
    /// Over which time.
    pub period: Period,
    /// The least ringing before we give up.
    pub min_ring: Duration,
    /// How long after the greeting an agent may take to come; later is abandoned.
    pub max_silence: Duration,
    /// Whether a person whom no agent takes must hear a message.
    pub message_required: bool,
    /// What that message must contain: the union of all profiles, sorted.
    pub message_must_contain: Vec<String>,
    /// Whether people taken for machines are in the numerator.
    pub false_positive_counts: bool,
    /// Above this bound of false machines, machine verdicts are not released.
    pub max_false_positive: Share,
    /// The profile whose limit and formula these are.
    pub rule: RuleRef,
}

/// Product defaults for profiles that say nothing; each has a field in the profile.
pub(crate) mod default {
    use std::time::Duration;

    use model::Share;

    /// The limit that most rules with a rate have in common.
    pub(crate) const LIMIT: Share = Share::from_ppm(30_000);
    /// Of the limit, so that no period ends above it.
    pub(crate) const TARGET_SHARE: Share = Share::from_ppm(900_000);
    /// 16 CFR 310.4(b)(4)(ii): 15 seconds or four rings, common practice elsewhere.
    pub(crate) const MIN_RING: Duration = Duration::from_secs(15);
    /// 16 CFR 310.4(b)(1)(iv): two seconds after the greeting.
    pub(crate) const MAX_SILENCE: Duration = Duration::from_secs(2);
    /// A prior of 10 % false machines would alone exceed a limit of 3 %.
    pub(crate) const MAX_FALSE_POSITIVE: Share = Share::from_ppm(5_000);
}

impl ProfileAbandon {
    fn target(&self) -> Share {
        Share::of(
            u64::from(self.limit.ppm()) * u64::from(self.target_share.ppm()),
            1_000_000_000_000,
        )
    }
}

impl AbandonRule {
    /// `None` without a profile. Profiles that set no rate take the product's defaults, so that a rule
    /// always exists.
    pub(crate) fn strictest(profiles: &[Profile]) -> Option<Self> {
        let first = profiles.first()?;
        let groups = || {
            profiles
                .iter()
                .filter_map(|p| Some((p, p.abandon.as_ref()?)))
        };
        let strictest = groups().min_by_key(|(_, a)| (a.limit, a.target()));
        let required = |a: &ProfileAbandon| a.message.as_ref().is_some_and(|m| m.required);
        let mut must_contain: Vec<String> = groups()
            .filter_map(|(_, a)| a.message.as_ref())
            .flat_map(|m| m.must_contain.clone())
            .collect();
        must_contain.sort();
        must_contain.dedup();
        let limit = strictest.map_or(default::LIMIT, |(_, a)| a.limit);
        Some(Self {
            limit,
            target: groups().map(|(_, a)| a.target()).min().unwrap_or_else(|| {
                Share::of(
                    u64::from(limit.ppm()) * u64::from(default::TARGET_SHARE.ppm()),
                    1_000_000_000_000,
                )
            }),
            formula: strictest.map_or(Formula::UsLiveAnswered, |(_, a)| a.formula),
            period: strictest.map_or(Period::SuccessiveDays { days: 30 }, |(_, a)| a.period),
            min_ring: groups()
                .map(|(_, a)| a.min_ring)
                .max()
                .unwrap_or(default::MIN_RING),
            max_silence: groups()
                .map(|(_, a)| a.max_silence)
                .min()
                .unwrap_or(default::MAX_SILENCE),
            message_required: groups().any(|(_, a)| required(a)),
            message_must_contain: must_contain,
            false_positive_counts: strictest.is_none()
                || groups().any(|(_, a)| a.false_positive_counts),
            max_false_positive: groups()
                .map(|(_, a)| a.max_false_positive)
                .min()
                .unwrap_or(default::MAX_FALSE_POSITIVE),
            rule: match strictest {
                Some((profile, abandon)) => RuleRef::of(profile, "abandon", &abandon.source),
                None => RuleRef::of(first, "abandon", &first.windows.source),
            },
        })
    }
}
