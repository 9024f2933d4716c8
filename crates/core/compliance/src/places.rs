//! Zones of a place as lists write it: a region, a state, a large city, or a zone by its name.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use chrono_tz::{TZ_VARIANTS, Tz};
use model::ZoneSet;

use crate::zones::{rows, zones};

/// The zones of a region or city, or of a zone named in the tz database; `None` when it is not known.
///
/// Knows the federal subjects and large cities of Russia (in Russian and English), the states of the
/// United States by name and code, and some large cities elsewhere. Case, punctuation and words such as
/// `г.`, `обл.`, `край`, `state` do not matter. Of a text with commas every known part counts, and their
/// zones are joined. Zones that are fixed offsets (`Etc/GMT-3`, `EST`) are not taken: they know no summer.
pub fn zones_of_place(text: &str) -> Option<ZoneSet> {
    let text = text.trim();
    if let Some(zone) = zone_named(text) {
        return Some(ZoneSet::from_iter([zone]));
    }
    if let Some(zones) = known(text) {
        return Some(zones);
    }
    let parts: Vec<ZoneSet> = text.split([',', ';']).filter_map(known).collect();
    let joined: ZoneSet = parts.iter().flat_map(ZoneSet::zones).copied().collect();
    (!joined.is_empty()).then_some(joined)
}

fn zone_named(text: &str) -> Option<Tz> {
    let is_place = text.contains('/') && !text.to_ascii_lowercase().starts_with("etc/");
    TZ_VARIANTS
        .iter()
        .find(|zone| is_place && zone.name().eq_ignore_ascii_case(text))
        .copied()
}

fn known(text: &str) -> Option<ZoneSet> {
    let key = key(text)?;
    places().get(&key).cloned()
}

const PLACES: &str = include_str!("../data/places.txt");

fn places() -> &'static BTreeMap<String, ZoneSet> {
    static TABLE: OnceLock<BTreeMap<String, ZoneSet>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table: BTreeMap<String, ZoneSet> = BTreeMap::new();
        for row in rows(PLACES) {
            let here = zones(row.key);
            for key in row.first.split(';').filter_map(key) {
                let both = table.get(&key).map_or(&[] as &[Tz], |known| known.zones());
                let both = both.iter().chain(here.zones()).copied().collect();
                table.insert(key, both);
            }
        }
        table
    })
}

/// What a place is compared by; `None` when nothing is left of it.
fn key(text: &str) -> Option<String> {
    let text = text.trim();
    // Two capital letters are a code; as a word in any case they could be "in" or "or".
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Some(text.to_owned());
    }
    let folded: String = text
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'ё' => 'е',
            c if c.is_alphanumeric() => c,
            _ => ' ',
        })
        .collect();
    let words: Vec<&str> = folded
        .split(' ')
        .filter(|word| !word.is_empty() && !KIND_WORDS.contains(word))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Words that say what kind of place it is.
const KIND_WORDS: [&str; 32] = [
    "г",
    "гор",
    "город",
    "обл",
    "область",
    "области",
    "край",
    "края",
    "респ",
    "республика",
    "республики",
    "ао",
    "авт",
    "автономный",
    "автономная",
    "окр",
    "округ",
    "oblast",
    "region",
    "krai",
    "kray",
    "republic",
    "respublika",
    "autonomous",
    "okrug",
    "city",
    "state",
    "of",
    "the",
    "county",
    "район",
    "регион",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_of_the_table_is_in_the_tz_database() {
        for row in rows(PLACES) {
            for name in row.key.split('&') {
                assert!(name.parse::<Tz>().is_ok(), "{name}");
            }
        }
    }
}
