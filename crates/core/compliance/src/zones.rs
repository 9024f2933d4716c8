//! In which time zones may the person be? From the number, the country, and what lists say of the place.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;
use model::{E164, WallTime, ZoneSet};

use crate::places::zones_of_place;

/// One piece of evidence about where a person is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The person said where they are.
    Stated(ZoneSet),
    /// The address on file, or a place column of the list.
    Address(ZoneSet),
    /// The number's area code or range.
    NumberGeo(ZoneSet),
    /// A number that can be used anywhere in its country: mobile, not geographic.
    NumberAnywhere(ZoneSet),
    /// The country alone.
    Country(ZoneSet),
}

/// Candidate zones of a person; empty when nothing is known.
///
/// Only what the person stated narrows the set. An address and a geographic number are joined, also when
/// they disagree (12 CFR 1006.6(b)(1), comment: convenient in all of the places). A number that can be
/// anywhere, or the country, says something only where nothing better is known.
pub fn join(evidence: &[Evidence]) -> ZoneSet {
    let all = |wanted: fn(&Evidence) -> Option<&ZoneSet>| -> ZoneSet {
        evidence
            .iter()
            .filter_map(wanted)
            .flat_map(ZoneSet::zones)
            .copied()
            .collect()
    };
    let ranks: [fn(&Evidence) -> Option<&ZoneSet>; 4] = [
        |e| {
            if let Evidence::Stated(zones) = e {
                Some(zones)
            } else {
                None
            }
        },
        |e| {
            if let Evidence::Address(zones) | Evidence::NumberGeo(zones) = e {
                Some(zones)
            } else {
                None
            }
        },
        |e| {
            if let Evidence::NumberAnywhere(zones) = e {
                Some(zones)
            } else {
                None
            }
        },
        |e| {
            if let Evidence::Country(zones) = e {
                Some(zones)
            } else {
                None
            }
        },
    ];
    ranks
        .into_iter()
        .map(all)
        .find(|zones| !zones.is_empty())
        .unwrap_or_default()
}

/// Whether somebody may choose to take a person for one who lives in `zone`: nothing says where the person is but a
/// number that can be anywhere, or the country, and `zone` is one of several candidates, by its clocks at `at` and half
/// a year later.
pub fn assumable(evidence: &[Evidence], zone: Tz, at: WallTime) -> bool {
    let is_weak = evidence.iter().all(|e| match e {
        Evidence::Stated(zones) | Evidence::Address(zones) | Evidence::NumberGeo(zones) => {
            zones.is_empty()
        }
        Evidence::NumberAnywhere(_) | Evidence::Country(_) => true,
    });
    let candidates = join(evidence);
    // Of zones whose clocks agree one stands for all, so a name is not looked for.
    let agrees = |candidate: &Tz| {
        [at, at + HALF_A_YEAR].into_iter().all(|at| {
            let utc = at.utc().naive_utc();
            let offset = |zone: &Tz| zone.offset_from_utc_datetime(&utc).fix();
            offset(candidate) == offset(&zone)
        })
    };
    is_weak && candidates.zones().len() > 1 && candidates.zones().iter().any(agrees)
}

/// Winter and summer.
const HALF_A_YEAR: Duration = Duration::from_secs(182 * 86_400);

/// What a list says of where a person is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whereabouts<'a> {
    /// The zone column: counts as stated by the person.
    pub stated: Option<&'a str>,
    /// Region and city columns.
    pub places: &'a [&'a str],
    /// All numbers of the person.
    pub numbers: &'a [E164],
    /// The list's country, two letters.
    pub country: Option<&'a str>,
}

impl Whereabouts<'_> {
    /// The candidate zones: [`join`] of everything that is understood. A text that names no known place says
    /// nothing; it never widens the set and never narrows it.
    pub fn zones(&self) -> ZoneSet {
        let stated = self.stated.and_then(zones_of_place).map(Evidence::Stated);
        let places = self
            .places
            .iter()
            .filter_map(|place| zones_of_place(place))
            .map(Evidence::Address);
        let numbers = self
            .numbers
            .iter()
            .filter_map(|number| number_evidence(*number));
        let country = self.country.map(|c| Evidence::Country(zones_of_country(c)));
        let evidence: Vec<Evidence> = stated
            .into_iter()
            .chain(places)
            .chain(numbers)
            .chain(country)
            .collect();
        join(&evidence)
    }
}

/// Candidate zones of a number: those of the longest known prefix, and of all longer ones, because a
/// number missing among the longer ones may lie beside any of them. Empty for an unknown country code.
pub fn zones_of_number(number: E164) -> ZoneSet {
    match number_evidence(number) {
        Some(Evidence::NumberGeo(zones) | Evidence::NumberAnywhere(zones)) => zones,
        Some(Evidence::Stated(_) | Evidence::Address(_) | Evidence::Country(_)) | None => {
            ZoneSet::default()
        }
    }
}

/// [`zones_of_number`] with whether the number is bound to a place.
pub fn number_evidence(number: E164) -> Option<Evidence> {
    let digits = number.digits().to_string();
    let prefixes = prefixes();
    let longest = prefixes.longest.min(digits.len());
    let found = (1..=longest)
        .rev()
        .find_map(|length| prefixes.entries.get(digits.get(..length)?))?;
    let zones = found.zones.clone();
    Some(if found.anywhere {
        Evidence::NumberAnywhere(zones)
    } else {
        Evidence::NumberGeo(zones)
    })
}

/// All zones of a country by its two letters (ISO 3166-1, any case); empty when it is unknown. Of zones
/// whose clocks agree one stands for all.
pub fn zones_of_country(country: &str) -> ZoneSet {
    static COUNTRIES: OnceLock<BTreeMap<&'static str, ZoneSet>> = OnceLock::new();
    let countries = COUNTRIES.get_or_init(|| {
        rows(COUNTRY_ZONES)
            .map(|row| (row.key, zones(row.first)))
            .collect()
    });
    countries
        .get(country.to_ascii_uppercase().as_str())
        .cloned()
        .unwrap_or_default()
}

const PREFIX_ZONES: &str = include_str!("../data/prefix_zones.txt");
const PREFIX_OVERRIDES: &str = include_str!("../data/prefix_overrides.txt");
const COUNTRY_ZONES: &str = include_str!("../data/country_zones.txt");

struct Prefixes {
    entries: BTreeMap<&'static str, Prefix>,
    longest: usize,
}

struct Prefix {
    zones: ZoneSet,
    anywhere: bool,
}

fn prefixes() -> &'static Prefixes {
    static PREFIXES: OnceLock<Prefixes> = OnceLock::new();
    PREFIXES.get_or_init(|| {
        let map: BTreeMap<&str, ZoneSet> = rows(PREFIX_ZONES)
            .map(|row| (row.key, zones(row.first)))
            .collect();
        let with_longer = |prefix: &str| -> ZoneSet {
            let longer = map
                .range(prefix..)
                .take_while(|(key, _)| key.starts_with(prefix));
            longer
                .flat_map(|(_, zones)| zones.zones())
                .copied()
                .collect()
        };
        let mut entries: BTreeMap<&str, Prefix> = map
            .keys()
            .map(|key| {
                (
                    *key,
                    Prefix {
                        zones: with_longer(key),
                        anywhere: false,
                    },
                )
            })
            .collect();
        for row in rows(PREFIX_OVERRIDES) {
            let anywhere = row.second == Some("anywhere");
            entries.insert(
                row.key,
                Prefix {
                    zones: zones(row.first),
                    anywhere,
                },
            );
        }
        let longest = entries.keys().map(|key| key.len()).max().unwrap_or(0);
        Prefixes { entries, longest }
    })
}

/// A line `key|first|second`.
pub(crate) struct Row {
    pub(crate) key: &'static str,
    pub(crate) first: &'static str,
    pub(crate) second: Option<&'static str>,
}

/// The lines of a data file, without comments.
pub(crate) fn rows(text: &'static str) -> impl Iterator<Item = Row> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut cells = line.split('|');
            Some(Row {
                key: cells.next()?,
                first: cells.next()?,
                second: cells.next(),
            })
        })
}

/// `A/B&C/D`. A test reads every name of the data files, so none is lost here.
pub(crate) fn zones(names: &str) -> ZoneSet {
    names
        .split('&')
        .filter_map(|name| name.parse::<Tz>().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_may_be_assumed_only_where_nothing_says_more_and_it_is_a_candidate() {
        let at: WallTime = "2026-06-15T12:00:00Z".parse().unwrap();
        let mobile = number_evidence("+79161234567".parse().unwrap()).unwrap();
        let moscow: Tz = "Europe/Moscow".parse().unwrap();
        let country = Evidence::Country(zones_of_country("RU"));
        assert!(assumable(&[mobile.clone(), country.clone()], moscow, at));
        // The same clocks by another name.
        assert!(assumable(
            std::slice::from_ref(&mobile),
            "Europe/Minsk".parse().unwrap(),
            at
        ));
        assert!(!assumable(
            std::slice::from_ref(&mobile),
            "America/New_York".parse().unwrap(),
            at
        ));
        let address = Evidence::Address(ZoneSet::from_names(["Asia/Omsk"]).unwrap());
        assert!(!assumable(&[mobile, address, country], moscow, at));
        let geographic = number_evidence("+74951234567".parse().unwrap()).unwrap();
        assert!(!assumable(&[geographic], moscow, at));
    }

    #[test]
    fn every_zone_of_the_data_files_is_in_the_tz_database() {
        for text in [PREFIX_ZONES, PREFIX_OVERRIDES, COUNTRY_ZONES] {
            for row in rows(text) {
                for name in row.first.split('&') {
                    assert!(name.parse::<Tz>().is_ok(), "{}: {name}", row.key);
                }
                assert!(matches!(row.second, None | Some("anywhere")), "{}", row.key);
            }
        }
        assert_eq!(rows(PREFIX_ZONES).count(), 3_240);
    }

    #[test]
    fn a_prefix_with_longer_ones_has_the_zones_of_all() {
        let map: BTreeMap<&str, ZoneSet> = rows(PREFIX_ZONES)
            .map(|r| (r.key, zones(r.first)))
            .collect();
        let corrected: Vec<&str> = rows(PREFIX_OVERRIDES).map(|r| r.key).collect();
        for (prefix, entry) in prefixes()
            .entries
            .iter()
            .filter(|(p, _)| !corrected.contains(p))
        {
            for (_, longer) in map.iter().filter(|(key, _)| key.starts_with(prefix)) {
                assert!(
                    longer
                        .zones()
                        .iter()
                        .all(|z| entry.zones.zones().contains(z)),
                    "{prefix}"
                );
            }
        }
    }
}
