//! Why many rows of a file cannot be used: the usual mistakes, seen by what stands in the rejected rows.

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};
use serde::Serialize;

use crate::phone_cell::read_phone_cell;
use crate::{Country, Mapping, NumberFault, PhoneKind, RejectReason, Rejected};

/// Rejected rows that are looked at: enough to tell a habit from a slip, few enough to try every country.
const SAMPLE: usize = 200;
/// Refused numbers that are tried in every country.
const NUMBERS: usize = 60;
/// A mistake of the whole file shows in more of its rejected rows than this, in percent.
const TELLING_PERCENT: usize = 50;

/// A mistake that would explain rejected rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    /// Which.
    pub kind: CauseKind,
    /// Share of the rejected rows looked at that it would explain, 0 to 1.
    pub share: f64,
}

/// A usual mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// The refused numbers are valid in another country.
    WrongCountry {
        /// The country that was said.
        said: String,
        /// Where most of them are valid, at most three that are equal in that, the likeliest first: short national
        /// numbers are numbers of several countries.
        better: Vec<String>,
    },
    /// A column that was not taken for numbers holds some.
    WrongColumn {
        /// Its header.
        column: String,
    },
    /// A spreadsheet program has written numbers as `7.91612E+10`.
    NumbersAsFloats,
    /// The cells of the columns taken for numbers are empty.
    EmptyColumns {
        /// Their headers.
        columns: Vec<String>,
    },
}

impl CauseKind {
    /// The stable name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::WrongCountry { .. } => "wrong_country",
            Self::WrongColumn { .. } => "wrong_column",
            Self::NumbersAsFloats => "numbers_as_floats",
            Self::EmptyColumns { .. } => "empty_columns",
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = (self.share * 100.0).round();
        match &self.kind {
            CauseKind::WrongCountry { said, better } => write!(
                f,
                "wrong country: {percent} % of the refused numbers are no numbers of {said} but could be of {}; import \
                 with --country {}",
                better.join(" or "),
                better.first().map_or("CC", String::as_str)
            ),
            CauseKind::WrongColumn { column } => write!(
                f,
                "wrong column: column \"{column}\", which was not taken for numbers, holds one in {percent} % of the \
                 rejected rows; import with --map \"phone={column}\""
            ),
            CauseKind::NumbersAsFloats => write!(
                f,
                "numbers as floats: {percent} % of the rejected rows have numbers like 7.91612E+10, whose last digits \
                 a spreadsheet program has replaced; take the file from its source again and format the column as text"
            ),
            CauseKind::EmptyColumns { columns } => write!(
                f,
                "empty columns: {percent} % of the rejected rows have nothing in {}; name the columns with numbers by \
                 --map phone=COLUMN",
                columns.join(", ")
            ),
        }
    }
}

/// Looks at rejected rows as they come.
#[derive(Debug)]
pub struct Causes {
    country: Country,
    /// Columns of the file, and whether they were taken for numbers.
    columns: Vec<(String, bool)>,
    seen: usize,
    floats: usize,
    empty: usize,
    refused: Vec<String>,
    /// For each column, rows whose cell reads as a number.
    reads: Vec<usize>,
}

impl Causes {
    /// For a file with these columns, mapped so.
    pub fn new(columns: &[String], mapping: &Mapping, country: Country) -> Self {
        let is_phone = |index: usize| mapping.phones.iter().any(|c| c.index == index);
        Self {
            country,
            columns: columns
                .iter()
                .enumerate()
                .map(|(i, name)| (name.clone(), is_phone(i)))
                .collect(),
            seen: 0,
            floats: 0,
            empty: 0,
            refused: Vec::new(),
            reads: vec![0; columns.len()],
        }
    }

    /// The next rejected row.
    pub fn look(&mut self, row: &Rejected) {
        let refused = match &row.reason {
            RejectReason::NoUsablePhone(refused) => refused.as_slice(),
            RejectReason::NoPhone => &[],
            // Neither says anything about numbers.
            RejectReason::NoId { .. } | RejectReason::RepeatedHeader => return,
        };
        if self.seen >= SAMPLE {
            return;
        }
        self.seen += 1;
        self.empty += usize::from(refused.is_empty());
        let is_float = |fault| fault == NumberFault::DamagedBySpreadsheet;
        self.floats += usize::from(refused.iter().any(|n| is_float(n.fault)));
        let whole = refused.iter().filter(|n| !is_float(n.fault));
        let room = NUMBERS.saturating_sub(self.refused.len());
        self.refused.extend(whole.take(room).map(|n| n.raw.clone()));
        for (index, cell) in row.cells.iter().enumerate() {
            let is_open = self.columns.get(index).is_some_and(|(_, taken)| !taken);
            if let Some(reads) = self.reads.get_mut(index).filter(|_| is_open) {
                let read = read_phone_cell(cell, self.country, PhoneKind::Unknown);
                *reads += usize::from(!read.phones.is_empty());
            }
        }
    }

    /// The causes that show in the rows, the likeliest first. May be empty.
    pub fn found(&self) -> Vec<Cause> {
        let share = |n: usize, of: usize| n as f64 / of.max(1) as f64;
        let tells = |n: usize, of: usize| n > 0 && n * 100 >= of * TELLING_PERCENT;
        let mut found = Vec::new();
        let (better, n) = self.better_countries();
        if tells(n, self.refused.len()) {
            let said = self.country.to_string();
            found.push(Cause {
                kind: CauseKind::WrongCountry { said, better },
                share: share(n, self.refused.len()),
            });
        }
        for ((column, _), reads) in self.columns.iter().zip(&self.reads) {
            if tells(*reads, self.seen) {
                let column = column.clone();
                found.push(Cause {
                    kind: CauseKind::WrongColumn { column },
                    share: share(*reads, self.seen),
                });
            }
        }
        // A slip of one cell is named too: the number is lost, wherever it stands.
        if self.floats > 0 {
            found.push(Cause {
                kind: CauseKind::NumbersAsFloats,
                share: share(self.floats, self.seen),
            });
        }
        if tells(self.empty, self.seen) {
            let taken = self.columns.iter().filter(|(_, taken)| *taken);
            let columns = taken.map(|(name, _)| format!("\"{name}\"")).collect();
            found.push(Cause {
                kind: CauseKind::EmptyColumns { columns },
                share: share(self.empty, self.seen),
            });
        }
        found.sort_by(|a, b| b.share.total_cmp(&a.share));
        found
    }

    /// Where most of the refused numbers are valid, and how many.
    fn better_countries(&self) -> (Vec<String>, usize) {
        let util = &*PHONE_NUMBER_UTIL;
        let valid = |region: Region| {
            let is_valid = |raw: &&String| {
                util.parse(raw.as_str(), Some(region))
                    .is_ok_and(|n| util.is_valid_number_for_region(&n, region))
            };
            self.refused.iter().filter(is_valid).count()
        };
        let mut regions: Vec<Region> = util.get_supported_regions().collect();
        let rank = |region: &Region| {
            let name = region.to_string();
            OFTEN.iter().position(|o| *o == name).unwrap_or(OFTEN.len())
        };
        regions.sort_by_key(|region| (rank(region), region.to_string()));
        let mut best = (Vec::new(), 0);
        for region in regions {
            let n = valid(region);
            if n > best.1 {
                best = (Vec::new(), n);
            }
            if n > 0 && n == best.1 && best.0.len() < 3 {
                best.0.push(region.to_string());
            }
        }
        best
    }
}

/// Countries of which lists are imported most often, the likeliest first.
const OFTEN: [&str; 16] = [
    "RU", "US", "GB", "DE", "FR", "IT", "ES", "HU", "KZ", "UA", "PL", "CA", "AU", "BR", "IN", "TR",
];
