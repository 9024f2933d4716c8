//! One jurisdiction's dated rules, as data.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{Datelike, NaiveDate};
use model::E164;
use serde::{Deserialize, Serialize};

use crate::abandon::ProfileAbandon;
use crate::caps::Cap;
use crate::hours::{DailyHours, Span};

/// The rules of one jurisdiction for one purpose, in one version.
///
/// Profiles are read by [`Profile::load`]; the file format is described there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Its name, for example `us_fl`.
    pub id: String,
    /// Grows with each change.
    pub version: u32,
    /// What it is, for people.
    pub title: String,
    /// Whether a person has confirmed every field.
    pub status: Status,
    /// The country whose numbers it is about (ISO 3166-1), if one.
    pub country: Option<String>,
    /// What the calls are for.
    pub purposes: Vec<String>,
    /// First local day on which it is in force.
    pub valid_from: Option<NaiveDate>,
    /// First local day on which it is no longer in force.
    pub valid_to: Option<NaiveDate>,
    /// Only numbers that begin so may be called at all; empty: no such limit. Digits without the plus.
    pub only_numbers: Vec<String>,
    /// Whether a call needs the person's consent, given before.
    pub requires_consent: bool,
    /// Whether a time that the person asked for stands above the windows.
    pub stated_time_overrides: bool,
    /// When calls may be made.
    pub windows: Windows,
    /// What happens to people whom no agent takes.
    pub abandon: Option<ProfileAbandon>,
    /// How often a person may be called, and silence after certain ends.
    pub caps: Vec<Cap>,
    /// What must be shown as the caller's number.
    pub identity: Option<Identity>,
    /// Lists that must have been consulted.
    pub suppression: Option<Suppression>,
    /// How long records are kept.
    pub retention: Option<Retention>,
}

/// Whether a profile may be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A person has read every rule in its source.
    Confirmed,
    /// Some field rests on a secondary source or on moving law.
    Unconfirmed,
}

/// How sure a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The rule's text is well established.
    Certain,
    /// Known, but wording, date or scope should be read again.
    Likely,
    /// Must be confirmed by a person before the profile is relied on.
    Check,
}

/// What a rule rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Law.
    Statute,
    /// A code of conduct.
    Code,
    /// What the regulator is known to tolerate.
    Practice,
    /// A choice of this product.
    Own,
}

/// Where a rule is written, and how sure it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The paragraph.
    pub text: String,
    /// How sure.
    pub confidence: Confidence,
}

/// Allowed hours of a profile, in the called person's local time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    /// Where they are written.
    pub source: Source,
    /// What they rest on.
    pub basis: Basis,
    /// By weekday.
    pub week: DailyHours,
    /// On holidays; `None` when a holiday changes nothing.
    pub holiday: Option<Vec<Span>>,
    /// On the day before a holiday, when that day is not closed anyway.
    pub pre_holiday: Option<Vec<Span>>,
    /// The holidays; present when a holiday changes anything.
    pub calendar: Option<Calendar>,
    /// How long before closing an answer must come: added to the ring limit.
    pub latest_start_lead: Duration,
    /// How the second pass of a repeated hour is judged.
    pub overlap: Overlap,
}

/// How the second pass of an hour is judged that the clock repeats in autumn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// By what the wall clock shows, like the first.
    #[default]
    WallClock,
    /// What closed in the first pass stays closed in the second.
    FirstPass,
}

/// Dated holidays of a jurisdiction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Its name.
    pub name: String,
    /// Where the dates are published.
    pub source: Source,
    /// Years for which the list is complete.
    pub years: BTreeSet<i32>,
    /// The days, observed and moved ones included.
    pub days: BTreeSet<NaiveDate>,
}

/// What is shown as the caller's number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Where it is written.
    pub source: Source,
    /// What number may be shown.
    pub caller_id: CallerId,
    /// Allowed beginnings of the shown number, digits without the plus; empty: any of the caller's own.
    pub ranges: Vec<String>,
    /// The least STIR/SHAKEN attestation, `A`, `B` or `C`.
    pub attestation_min: Option<String>,
}

/// What number may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerId {
    /// Any of the caller's own.
    Required,
    /// One that answers when called back.
    RequiredCallable,
    /// One of the listed ranges.
    AllowedRanges,
}

/// Lists that must have been consulted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Where it is written.
    pub source: Source,
    /// The lists.
    pub lists: Vec<SuppressionList>,
}

/// One list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuppressionList {
    /// Its name.
    pub name: String,
    /// Older copies of it are stale.
    pub max_age_days: Option<u32>,
    /// A wish must be honoured within this many business days.
    pub honour_within_business_days: Option<u32>,
    /// An entry is kept for so long.
    pub keep_years: Option<u32>,
}

/// How long records are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Where it is written.
    pub source: Source,
    /// Days from the call.
    pub call_records_days: u32,
}

impl Profile {
    /// Whether it is in force on this local day.
    pub fn in_force(&self, day: NaiveDate) -> bool {
        self.valid_from.is_none_or(|from| day >= from) && self.valid_to.is_none_or(|to| day < to)
    }

    /// Whether the number may be called under it at any time.
    pub fn takes_number(&self, number: E164) -> bool {
        let digits = number.digits().to_string();
        self.only_numbers.is_empty()
            || self
                .only_numbers
                .iter()
                .any(|p| digits.starts_with(p.as_str()))
    }
}

impl Windows {
    /// Spans that open on this day; `None` when that hangs on a holiday list that is missing.
    pub(crate) fn on(&self, day: NaiveDate) -> Option<&[Span]> {
        let plain = self.week.of(day.weekday());
        let Some(calendar) = &self.calendar else {
            return Some(plain);
        };
        if let Some(holiday) = &self.holiday
            && calendar.is_holiday(day)?
        {
            return Some(holiday);
        }
        match (&self.pre_holiday, day.succ_opt()) {
            (Some(eve), Some(tomorrow))
                if !plain.is_empty() && calendar.is_holiday(tomorrow)? =>
            {
                Some(eve)
            }
            _ => Some(plain),
        }
    }
}

impl Calendar {
    /// Whether the day is a holiday; `None` when the list for its year is missing.
    pub fn is_holiday(&self, day: NaiveDate) -> Option<bool> {
        self.years
            .contains(&day.year())
            .then(|| self.days.contains(&day))
    }
}
