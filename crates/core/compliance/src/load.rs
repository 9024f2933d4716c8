//! Profiles from their TOML file. Law is data, so the file is read strictly: a key that nobody asked for
//! is an error, and every group of rules says where it is written and how sure it is.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use toml::{Table, Value};

use crate::error::ProfileError;
use crate::group::Group;
use crate::hours::{DailyHours, Span};
use crate::profile::{Basis, Calendar, Confidence, Overlap, Profile, Source, Status, Windows};

mod abandon;
mod caps;
mod duties;

/// 60 s between the ring limit and closing, unless a profile says otherwise: an answer just after closing
/// to a call sent just before is an avoidable dispute.
const LATEST_START_LEAD_S: u64 = 60;

impl Profile {
    /// Reads all profiles of one file, sorted by id and version.
    ///
    /// ```toml
    /// [calendar.fr_public]                    # holidays; every year they are complete for
    /// source = "Code du travail art. L3133-1"
    /// confidence = "certain"
    /// years = [2026]
    /// days = [2026-01-01, 2026-05-01]
    ///
    /// [profile.fr]                            # or [[profile.fr]], once for each dated version
    /// version = 2
    /// title = "France, commercial calls"
    /// status = "unconfirmed"                  # as long as any confidence is "check"
    /// applies_to = { country = "FR", purposes = ["sales"] }
    /// valid_from = 2026-08-11                 # and valid_to, the first day it no longer holds
    /// requires_consent = true
    ///
    /// [profile.fr.windows]
    /// basis = "statute"                       # or code, practice, own
    /// source = "Code conso. art. D. 223-9"
    /// confidence = "certain"                  # or likely, check
    /// mon = [["10:00", "13:00"], ["14:00", "20:00"]]
    /// # … all seven days; an empty list is a closed day; holiday and pre_holiday need a calendar
    ///
    /// [[profile.fr.caps]]
    /// kind = "rolling"
    /// counts = "tries"
    /// max = 4
    /// days = 30
    /// scope = "person_per_seller"
    /// source = "Code conso. art. D. 223-9"
    /// confidence = "certain"
    /// ```
    ///
    /// # Errors
    /// [`ProfileError`], naming the key.
    pub fn load(text: &str) -> Result<Vec<Self>, ProfileError> {
        let table: Table = text
            .parse()
            .map_err(|cause: toml::de::Error| ProfileError::Syntax {
                cause: cause.to_string(),
            })?;
        let mut file = Group::new("", table);
        let mut calendars = BTreeMap::new();
        for (name, group) in file.optional_groups("calendar")? {
            calendars.insert(name.clone(), calendar(name, group)?);
        }
        let mut profiles = Vec::new();
        for (id, versions) in file.groups_or_lists("profile")? {
            for group in versions {
                profiles.push(profile(id.clone(), group, &calendars)?);
            }
        }
        file.finish()?;
        profiles.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
        Ok(profiles)
    }
}

fn profile(
    id: String,
    mut group: Group,
    calendars: &BTreeMap<String, Calendar>,
) -> Result<Profile, ProfileError> {
    let mut applies_to = group.group("applies_to")?;
    let country = applies_to.optional_string("country")?;
    let purposes = applies_to.strings("purposes")?;
    applies_to.finish()?;
    // The only policy there is; the key keeps it visible in the file.
    group.optional_choice("zone_policy", &[("all_candidates", ())])?;
    let prefixes = |numbers: Vec<String>, group: &Group, key: &str| {
        numbers
            .into_iter()
            .map(|n| digits_of_prefix(&n, group, key))
            .collect::<Result<Vec<_>, _>>()
    };
    let only_numbers = group.optional_strings("only_numbers")?;
    let profile = Profile {
        id,
        version: group.number("version")?,
        title: group.string("title")?,
        status: group.choice(
            "status",
            &[
                ("confirmed", Status::Confirmed),
                ("unconfirmed", Status::Unconfirmed),
            ],
        )?,
        country,
        purposes,
        valid_from: group.optional_date("valid_from")?,
        valid_to: group.optional_date("valid_to")?,
        only_numbers: prefixes(only_numbers, &group, "only_numbers")?,
        requires_consent: group.flag("requires_consent", false)?,
        stated_time_overrides: group.flag("stated_time_overrides", false)?,
        windows: windows(group.group("windows")?, calendars)?,
        abandon: group
            .optional_group("abandon")?
            .map(abandon::abandon)
            .transpose()?,
        caps: group
            .list("caps")?
            .into_iter()
            .map(caps::cap)
            .collect::<Result<_, _>>()?,
        identity: group
            .optional_group("identity")?
            .map(duties::identity)
            .transpose()?,
        suppression: group
            .optional_group("suppression")?
            .map(duties::suppression)
            .transpose()?,
        retention: group
            .optional_group("retention")?
            .map(duties::retention)
            .transpose()?,
    };
    if profile.status == Status::Confirmed
        && let Some(of) = unsure_group(&profile)
    {
        return Err(ProfileError::NotConfirmed {
            path: group.path("status"),
            group: of,
        });
    }
    if let (Some(from), Some(to)) = (profile.valid_from, profile.valid_to)
        && from >= to
    {
        return Err(group.wrong(
            "valid_to",
            &to.to_string(),
            &format!("a day after valid_from, {from}"),
        ));
    }
    group.finish()?;
    Ok(profile)
}

/// A group that a person must still confirm.
fn unsure_group(profile: &Profile) -> Option<&'static str> {
    let unsure = |source: &Source| source.confidence == Confidence::Check;
    [
        (Some(&profile.windows.source), "windows"),
        (
            profile.windows.calendar.as_ref().map(|c| &c.source),
            "calendar",
        ),
        (profile.abandon.as_ref().map(|a| &a.source), "abandon"),
        (
            profile.caps.iter().map(|c| &c.source).find(|s| unsure(s)),
            "caps",
        ),
        (profile.identity.as_ref().map(|i| &i.source), "identity"),
        (
            profile.suppression.as_ref().map(|s| &s.source),
            "suppression",
        ),
        (profile.retention.as_ref().map(|r| &r.source), "retention"),
    ]
    .into_iter()
    .find_map(|(source, name)| source.filter(|s| unsure(s)).map(|_| name))
}

fn source(group: &mut Group) -> Result<Source, ProfileError> {
    Ok(Source {
        text: group.string("source")?,
        confidence: group.choice(
            "confidence",
            &[
                ("certain", Confidence::Certain),
                ("likely", Confidence::Likely),
                ("check", Confidence::Check),
            ],
        )?,
    })
}

fn basis(group: &mut Group) -> Result<Basis, ProfileError> {
    group.choice(
        "basis",
        &[
            ("statute", Basis::Statute),
            ("code", Basis::Code),
            ("practice", Basis::Practice),
            ("own", Basis::Own),
        ],
    )
}

fn calendar(name: String, mut group: Group) -> Result<Calendar, ProfileError> {
    let calendar = Calendar {
        name,
        source: source(&mut group)?,
        years: group.years("years")?.into_iter().collect(),
        days: group.dates("days")?.into_iter().collect(),
    };
    let outside = |day: &&NaiveDate| !calendar.years.contains(&chrono::Datelike::year(*day));
    if let Some(day) = calendar.days.iter().find(outside) {
        return Err(group.wrong("days", &day.to_string(), "days of the listed years only"));
    }
    group.finish()?;
    Ok(calendar)
}

fn windows(
    mut group: Group,
    calendars: &BTreeMap<String, Calendar>,
) -> Result<Windows, ProfileError> {
    let source = source(&mut group)?;
    let basis = basis(&mut group)?;
    let week = DailyHours {
        mon: spans(&mut group, "mon")?,
        tue: spans(&mut group, "tue")?,
        wed: spans(&mut group, "wed")?,
        thu: spans(&mut group, "thu")?,
        fri: spans(&mut group, "fri")?,
        sat: spans(&mut group, "sat")?,
        sun: spans(&mut group, "sun")?,
    };
    let holiday = optional_spans(&mut group, "holiday")?;
    let pre_holiday = optional_spans(&mut group, "pre_holiday")?;
    let name = group.optional_string("calendar")?;
    let calendar = match (&name, holiday.is_some() || pre_holiday.is_some()) {
        (None, false) => None,
        (None, true) => {
            return Err(ProfileError::Missing {
                path: group.path("calendar"),
            });
        }
        (Some(name), _) => Some(calendars.get(name).cloned().ok_or_else(|| {
            group.wrong(
                "calendar",
                name,
                "the name of a [calendar.…] group of the same file",
            )
        })?),
    };
    let lead = group
        .optional_number("latest_start_lead_s")?
        .unwrap_or(LATEST_START_LEAD_S);
    let overlap = group.optional_choice(
        "overlap",
        &[
            ("wall_clock", Overlap::WallClock),
            ("first_pass", Overlap::FirstPass),
        ],
    )?;
    group.finish()?;
    Ok(Windows {
        source,
        basis,
        week,
        holiday,
        pre_holiday,
        calendar,
        latest_start_lead: Duration::from_secs(lead),
        overlap: overlap.unwrap_or_default(),
    })
}

fn spans(group: &mut Group, key: &str) -> Result<Vec<Span>, ProfileError> {
    optional_spans(group, key)?.ok_or_else(|| ProfileError::Missing {
        path: group.path(key),
    })
}

fn optional_spans(group: &mut Group, key: &str) -> Result<Option<Vec<Span>>, ProfileError> {
    let Some(pairs) =
        group.optional_list_of(key, "a list of [\"HH:MM\", \"HH:MM\"] pairs", |v| {
            v.as_array().cloned()
        })?
    else {
        return Ok(None);
    };
    let span = |pair: &Vec<Value>| {
        let texts: Vec<&str> = pair.iter().filter_map(Value::as_str).collect();
        let &[open, close] = texts.as_slice() else {
            return Err(group.wrong(key, &format!("{texts:?}"), "[\"HH:MM\", \"HH:MM\"]"));
        };
        let hours = |cause| ProfileError::Hours {
            path: group.path(key),
            cause,
        };
        Span::new(open.parse().map_err(hours)?, close.parse().map_err(hours)?).map_err(hours)
    };
    pairs.iter().map(span).collect::<Result<_, _>>().map(Some)
}

/// `+7900` → `7900`.
fn digits_of_prefix(text: &str, group: &Group, key: &str) -> Result<String, ProfileError> {
    text.strip_prefix('+')
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        .map(str::to_owned)
        .ok_or_else(|| {
            group.wrong(
                key,
                text,
                "the beginning of an international number, such as +7900",
            )
        })
}
