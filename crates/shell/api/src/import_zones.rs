//! Where the people of a file may be: what the file says, what their numbers say, the user's own number ranges, and a
//! zone that the user chose to assume.

use std::path::Path;

use chrono_tz::Tz;
use compliance::{Evidence, NumberRange, NumberRanges, zones_of_place};
use model::{WallTime, ZoneSet};
use sheets::{ImportedProspect, NumbersOf};
use store::KeptRange;

use crate::{Error, FieldProblem};

/// Faults of a file of ranges that are told at once.
const FAULTS_TOLD: usize = 20;

/// By what people are placed.
pub(crate) struct Placing {
    /// The country of national numbers, two letters.
    pub(crate) country: String,
    /// The user's own ranges.
    pub(crate) ranges: NumberRanges,
    /// The zone assumed of people who may be in several.
    pub(crate) assumed: Option<Tz>,
    /// When: clocks are compared then.
    pub(crate) at: WallTime,
}

/// Where a person may be.
pub(crate) struct Place {
    /// Candidate zones.
    pub(crate) zones: ZoneSet,
    /// Whether the zone is the assumed one.
    pub(crate) assumed: bool,
    /// Whether one of the user's ranges holds a number.
    pub(crate) by_ranges: bool,
}

impl Placing {
    /// Where a person may be.
    pub(crate) fn place(&self, prospect: &ImportedProspect) -> Place {
        let mut by_ranges = false;
        let stated = zones_of_place(&prospect.zone_text).map(Evidence::Stated);
        let address = [&prospect.region_text, &prospect.city_text]
            .into_iter()
            .filter_map(|text| zones_of_place(text))
            .map(Evidence::Address);
        let mut evidence: Vec<Evidence> = stated.into_iter().chain(address).collect();
        for phone in &prospect.phones {
            // A range binds a number to a place, which its prefix may not.
            let own = self.ranges.zones(phone.number).cloned();
            by_ranges |= own.is_some();
            evidence.extend(
                own.map(Evidence::NumberGeo)
                    .or_else(|| compliance::number_evidence(phone.number)),
            );
        }
        evidence.push(Evidence::Country(compliance::zones_of_country(
            &self.country,
        )));
        let assumed = self
            .assumed
            .filter(|zone| compliance::assumable(&evidence, *zone, self.at));
        Place {
            zones: match assumed {
                Some(zone) => ZoneSet::from_iter([zone]),
                None => compliance::join(&evidence),
            },
            assumed: assumed.is_some(),
            by_ranges,
        }
    }
}

/// The zone that is to be assumed.
pub(crate) fn zone_named(name: &str) -> Result<Tz, FieldProblem> {
    let zones = ZoneSet::from_names([name])
        .map_err(|e| FieldProblem::new("header.assume_zone", "unknown", e.to_string()))?;
    zones
        .zones()
        .first()
        .copied()
        .ok_or_else(|| FieldProblem::new("header.assume_zone", "unknown", "names no zone"))
}

/// Reads the user's number ranges.
///
/// # Errors
/// [`Error::Invalid`] with what is wrong in the first rows that cannot be used: half a table would place people by
/// the other half.
pub(crate) async fn read_ranges(path: &Path) -> Result<(NumberRanges, Vec<KeptRange>), Error> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let (rows, faults) = sheets::read_ranges(&path)
            .map_err(|e| Error::invalid("ranges_chunk", "unreadable", e.to_string()))?;
        let mut problems: Vec<FieldProblem> =
            faults.into_iter().map(|f| at(f.row, f.reason)).collect();
        let mut ranges = Vec::new();
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(zones) = zones_of_place(&row.place) else {
                let text = format!("\"{}\" is no zone, region or city that is known", row.place);
                problems.push(at(row.row, text));
                continue;
            };
            let numbers = match row.numbers {
                NumbersOf::Prefix(prefix) => {
                    ranges.extend(NumberRange::of_prefix(prefix, &zones));
                    Ok(prefix)
                }
                NumbersOf::Span(first, last) => {
                    ranges.push(NumberRange { first, last, zones });
                    Err((first, last))
                }
            };
            kept.push(KeptRange {
                row: row.row.into(),
                numbers,
                place: row.place,
            });
        }
        if problems.is_empty() && kept.is_empty() {
            problems.push(FieldProblem::new("ranges_chunk", "empty", "holds no range"));
        }
        if !problems.is_empty() {
            problems.sort();
            let more = problems.len().saturating_sub(FAULTS_TOLD);
            problems.truncate(FAULTS_TOLD);
            if more > 0 {
                let text = format!("and {more} rows more");
                problems.push(FieldProblem::new("ranges_chunk", "unusable", text));
            }
            return Err(Error::Invalid(problems));
        }
        Ok((NumberRanges::new(ranges), kept))
    })
    .await
    .map_err(|e| Error::Internal(format!("reading a file broke off: {e}")))?
}

fn at(row: u32, text: String) -> FieldProblem {
    FieldProblem::new(format!("ranges_chunk, row {row}"), "unusable", text)
}
