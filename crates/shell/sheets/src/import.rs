//! A file walked from top to bottom: each row becomes a prospect, a duplicate or a reject.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use model::Currency;
use serde::Serialize;

use crate::amount::currency_in_header;
use crate::cell::Row;
use crate::column_guess::map_columns;
use crate::decimal_mark::{DecidedMark, DecimalMark, DecimalMarkSurvey, Mixed};
use crate::header::{column_names, find_header};
use crate::mapping::Column;
use crate::source::Source;
use crate::walk::{Layout, Walk};
use crate::{
    Assignment, Country, Duplicate, ImportedProspect, Limits, Mapping, Rejected, SheetError,
    Warning,
};

/// Rows from the top that decide about header and mapping. Held in memory.
const HEAD_ROWS: usize = 300;

/// How to read a file.
#[derive(Clone, Debug)]
pub struct Options {
    /// The sheet by name; by default the first visible one that holds a row. Means nothing for csv.
    pub sheet: Option<String>,
    /// The country in whose national form numbers without a plus are written.
    pub country: Country,
    /// The currency of amounts that say none themselves, neither in a column nor in the header.
    pub currency: Option<Currency>,
    /// What the user says about columns.
    pub map: Vec<Assignment>,
    /// Stop after so many rows of data.
    pub rows: Option<u32>,
    /// Bounds.
    pub limits: Limits,
}

impl Options {
    /// Everything guessed.
    pub fn new(country: Country) -> Self {
        Self {
            sheet: None,
            country,
            currency: None,
            map: Vec::new(),
            rows: None,
            limits: Limits::default(),
        }
    }
}

/// What was found out about a file before its first prospect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// The sheet read; absent for csv.
    pub sheet: Option<String>,
    /// The encoding of a csv file: `UTF-8`, `windows-1251`, `UTF-16LE` or `UTF-16BE`.
    pub encoding: Option<&'static str>,
    /// The delimiter of a csv file.
    pub delimiter: Option<char>,
    /// Rows above the header (a title, a date), which are not imported.
    pub title_rows: Vec<u32>,
    /// The header's row, from 1; absent when the first row is data.
    pub header_row: Option<u32>,
    /// What every column means.
    pub mapping: Mapping,
    /// How the amount column writes its decimals; absent without one.
    pub decimal_mark: Option<DecidedMark>,
}

/// One thing found while walking down the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A prospect to keep.
    Prospect(Box<ImportedProspect>),
    /// A row whose identifier has been seen.
    Duplicate(Duplicate),
    /// A row that cannot be used.
    Rejected(Rejected),
    /// Something to know about a prospect that is kept; follows it.
    Warning(Warning),
}

/// Counts of a walk. `rows` = `accepted` + `duplicates` + `rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Rows below the header that hold something.
    pub rows: u64,
    /// Prospects.
    pub accepted: u64,
    /// Rows whose identifier has been seen.
    pub duplicates: u64,
    /// Rows that cannot be used.
    pub rejected: u64,
    /// Numbers of the prospects.
    pub numbers: u64,
    /// Numbers that stood twice in one prospect, of which one is kept.
    pub repeated_numbers: u64,
    /// Warnings by kind ([`crate::WarningReason::as_str`]).
    pub warnings: BTreeMap<&'static str, u64>,
}

/// A file read whole, for small files and dry runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// What was found out about the file.
    pub survey: Survey,
    /// Counts.
    pub summary: Summary,
    /// In file order.
    pub prospects: Vec<ImportedProspect>,
    /// In file order.
    pub duplicates: Vec<Duplicate>,
    /// In file order.
    pub rejected: Vec<Rejected>,
    /// In file order.
    pub warnings: Vec<Warning>,
}

/// An opened and surveyed file, ready to be walked.
pub struct Importer {
    source: Source,
    options: Options,
    survey: Survey,
    layout: Layout,
}

impl Importer {
    /// Opens a file, finds its header and mapping, and, when it has an amount column, walks it once to decide
    /// about the decimal mark: what is refused is refused before the first prospect is handed out.
    ///
    /// # Errors
    /// Any [`SheetError`] about reading, mapping or mixed decimal marks.
    pub fn open(path: &Path, options: Options) -> Result<Self, SheetError> {
        let mut source = Source::open(path, options.sheet.as_deref(), &options.limits)?;
        let head = read_head(&mut source, &options)?;
        if head.is_empty() {
            return Err(SheetError::Empty {
                path: path.to_owned(),
            });
        }
        let header_at = find_header(&head, &options.map, options.country);
        let data_at = header_at.map_or(0, |i| i + 1);
        let (above, data) = head.split_at(data_at.min(head.len()));
        let header = header_at.and_then(|i| head.get(i));
        let width = above
            .last()
            .into_iter()
            .chain(data)
            .map(|r| r.cells.len())
            .max()
            .unwrap_or(0);
        let names = column_names(
            header_at.and_then(|i| head.get(i.checked_sub(1)?)),
            header,
            width,
            source.merged(),
        );
        let mapping = map_columns(&names, data, &options.map, options.country)?;
        let mut layout = Layout {
            header: header.cloned(),
            first_data_row: header.map_or(1, |h| h.number + 1),
            decimal_mark: DecimalMark::Point,
            amount_currency: None,
            names,
        };
        let title_rows = above
            .iter()
            .map(|r| r.number)
            .filter(|n| header.is_some_and(|h| *n < h.number));
        let mut survey = Survey {
            sheet: source.sheet().map(str::to_owned),
            encoding: match &source {
                Source::Csv(file) => Some(file.encoding_name()),
                Source::Xlsx(_) => None,
            },
            delimiter: match &source {
                Source::Csv(file) => Some(file.delimiter()),
                Source::Xlsx(_) => None,
            },
            title_rows: title_rows.collect(),
            header_row: header.map(|h| h.number),
            mapping,
            decimal_mark: None,
        };
        if let Some(column) = &survey.mapping.amount {
            let decided = decide_decimal_mark(&mut source, &options, &layout, column)?;
            layout.decimal_mark = decided.mark;
            layout.amount_currency = currency_in_header(&column.header).or(options.currency);
            survey.decimal_mark = Some(decided);
        }
        Ok(Self {
            source,
            options,
            survey,
            layout,
        })
    }

    /// What was found out about the file.
    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    /// The headers of all columns, for the rejects' file.
    pub fn columns(&self) -> &[String] {
        &self.layout.names
    }

    /// Walks down the rows and hands out what is found, until `each` breaks. Memory grows by the identifiers
    /// and numbers seen, not by the rows.
    ///
    /// # Errors
    /// Any [`SheetError`] about reading.
    pub fn run(
        &mut self,
        mut each: impl FnMut(Item) -> ControlFlow<()>,
    ) -> Result<Summary, SheetError> {
        let mut walk = Walk::new(&self.survey.mapping, &self.layout, self.options.country);
        let first = self.layout.first_data_row;
        let most = self.options.rows.map_or(u64::MAX, u64::from);
        self.source.for_each_row(&self.options.limits, &mut |row| {
            if row.number < first || row.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            if walk.summary().rows >= most {
                return Ok(ControlFlow::Break(()));
            }
            for item in walk.read(row) {
                if each(item).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(walk.into_summary())
    }

    /// Reads everything into memory.
    ///
    /// # Errors
    /// Any [`SheetError`] about reading.
    pub fn collect(mut self) -> Result<Import, SheetError> {
        let (mut prospects, mut duplicates) = (Vec::new(), Vec::new());
        let (mut rejected, mut warnings) = (Vec::new(), Vec::new());
        let summary = self.run(|item| {
            match item {
                Item::Prospect(prospect) => prospects.push(*prospect),
                Item::Duplicate(duplicate) => duplicates.push(duplicate),
                Item::Rejected(reject) => rejected.push(reject),
                Item::Warning(warning) => warnings.push(warning),
            }
            ControlFlow::Continue(())
        })?;
        Ok(Import {
            survey: self.survey,
            summary,
            prospects,
            duplicates,
            rejected,
            warnings,
        })
    }
}

/// Reads a file whole: [`Importer::open`], then [`Importer::collect`].
///
/// # Errors
/// Any [`SheetError`] about reading, mapping or mixed decimal marks.
pub fn import(path: &Path, options: Options) -> Result<Import, SheetError> {
    Importer::open(path, options)?.collect()
}

fn read_head(source: &mut Source, options: &Options) -> Result<Vec<Row>, SheetError> {
    let mut head = Vec::new();
    source.for_each_row(&options.limits, &mut |row| {
        if !row.is_empty() {
            head.push(row);
        }
        Ok(if head.len() < HEAD_ROWS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        })
    })?;
    Ok(head)
}

fn decide_decimal_mark(
    source: &mut Source,
    options: &Options,
    layout: &Layout,
    column: &Column,
) -> Result<DecidedMark, SheetError> {
    let mut survey = DecimalMarkSurvey::default();
    let mut left = options.rows.map_or(u64::MAX, u64::from);
    source.for_each_row(&options.limits, &mut |row| {
        if row.number < layout.first_data_row || row.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        if left == 0 {
            return Ok(ControlFlow::Break(()));
        }
        left -= 1;
        if let Some(cell) = row.cells.get(column.index) {
            survey.look(row.number, cell);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    survey
        .decide()
        .map_err(|Mixed { point, comma }| SheetError::MixedDecimalMarks {
            column: column.header.clone(),
            point_row: point.0,
            point: point.1,
            comma_row: comma.0,
            comma: comma.1,
        })
}
