//! The workbook that the demo imports: as messy as real ones, and every number in it a simulated carrier's.
//!
//! Four sheets, as four departments would send them. Each is made of the same people, written another way.

mod layout;
mod people;

use std::collections::BTreeMap;
use std::path::Path;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use crate::SheetError;
use layout::{Layout, layout};
use people::{Cell, People};

/// Prospects of the workbook that is shipped.
pub const SHIPPED_PROSPECTS: u32 = 280;

/// The seed of the workbook that is shipped.
pub const SHIPPED_SEED: u64 = 1;

/// One row in so many is of each kind, by row number.
const DUPLICATE_EVERY: u32 = 40;
const UNUSABLE_PHONE_EVERY: u32 = 50;
const NO_PHONE_EVERY: u32 = 60;

/// A sheet of the workbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SampleSheet {
    /// Debts in roubles and dollars, headers in Russian, with a title above and a row of totals below.
    Debtors,
    /// People who may want to buy something, headers in Russian.
    Sales,
    /// The best customers, headers in English.
    Vip,
    /// Debts in dollars in one time zone, headers in English.
    UsDebtors,
}

impl SampleSheet {
    /// In the order of the workbook.
    pub const ALL: [Self; 4] = [Self::Debtors, Self::Sales, Self::Vip, Self::UsDebtors];

    /// Its name in the workbook.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debtors => "Реестр",
            Self::Sales => "Продажи",
            Self::Vip => "VIP",
            Self::UsDebtors => "US debtors",
        }
    }

    /// How many of the workbook's prospects stand in it.
    const fn part_of(self, prospects: u32) -> u32 {
        let (debtors, vip, us) = (prospects * 3 / 10, prospects / 10, prospects / 10);
        match self {
            Self::Debtors => debtors,
            Self::Vip => vip,
            Self::UsDebtors => us,
            Self::Sales => prospects - debtors - vip - us,
        }
    }
}

/// What was written into a sheet, so that whoever imports the file can check the sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleFacts {
    /// Which sheet.
    pub sheet: SampleSheet,
    /// Rows below the header, the row of totals among them.
    pub rows: u32,
    /// Rows that are prospects.
    pub prospects: u32,
    /// Rows that repeat an identifier.
    pub duplicates: u32,
    /// Rows without a usable number, the row of totals among them.
    pub rejected: u32,
    /// Usable numbers of the prospects.
    pub numbers: u32,
    /// Prospects by the zone in their zone column.
    pub zones: BTreeMap<&'static str, u32>,
    /// Prospects with a positive amount.
    pub amounts: u32,
}

/// Writes the workbook. The same number of prospects and seed give the same file.
///
/// Beyond 10,000 Russian numbers (about 8,000 prospects) and 100 American ones (about 600) numbers are used
/// again, so that prospects share them.
///
/// # Errors
/// [`SheetError::Write`].
pub fn write_demo_workbook(
    path: &Path,
    prospects: u32,
    seed: u64,
) -> Result<Vec<SampleFacts>, SheetError> {
    write(path, prospects, seed).map_err(|e| SheetError::write(path, e))
}

fn write(path: &Path, prospects: u32, seed: u64) -> Result<Vec<SampleFacts>, XlsxError> {
    let mut workbook = Workbook::new();
    // A fixed date, so that the same seed gives the same bytes.
    let written_on = ExcelDateTime::from_ymd(2026, 3, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&written_on));
    let mut people = People::new(seed);
    let mut facts = Vec::new();
    for sheet in SampleSheet::ALL {
        let written = workbook.add_worksheet_with_constant_memory()?;
        written.set_name(sheet.name())?;
        let wanted = sheet.part_of(prospects);
        facts.push(write_sheet(written, sheet, wanted, &mut people)?);
    }
    workbook.save(path)?;
    Ok(facts)
}

fn write_sheet(
    to: &mut Worksheet,
    sheet: SampleSheet,
    prospects: u32,
    people: &mut People,
) -> Result<SampleFacts, XlsxError> {
    let layout = layout(sheet);
    let mut facts = SampleFacts {
        sheet,
        rows: 0,
        prospects: 0,
        duplicates: 0,
        rejected: 0,
        numbers: 0,
        zones: BTreeMap::new(),
        amounts: 0,
    };
    let first = write_head(to, &layout)?;
    while facts.prospects < prospects {
        facts.rows += 1;
        let row = people.row(sheet, facts.rows);
        for (place, column) in (0_u16..).zip(layout.columns) {
            write_cell(to, first + facts.rows - 1, place, &row.cell(column.of))?;
        }
        if row.numbers == 0 {
            facts.rejected += 1;
        } else if row.is_duplicate {
            facts.duplicates += 1;
        } else {
            facts.prospects += 1;
            facts.numbers += row.numbers;
            facts.amounts += u32::from(row.amount > 0);
            *facts.zones.entry(row.place.zone).or_default() += 1;
        }
    }
    if let Some((words, sum)) = layout.totals {
        // As accountants add it; to a reader it is a row without a number to call.
        let below = first + facts.rows;
        to.write_string(below, words, "Итого:")?;
        to.write_number(below, sum, f64::from(facts.rows) * 1_000.0)?;
        facts.rows += 1;
        facts.rejected += 1;
    }
    Ok(facts)
}

/// Writes what stands above the rows; returns where the rows begin.
fn write_head(to: &mut Worksheet, layout: &Layout) -> Result<u32, XlsxError> {
    let title = Format::new().set_bold().set_font_size(14);
    let bold = Format::new().set_bold().set_text_wrap();
    for (place, column) in (0_u16..).zip(layout.columns) {
        to.set_column_width(place, column.width)?;
    }
    let mut header = 0;
    if let [first, rest @ ..] = layout.titles {
        let last = u16::try_from(layout.columns.len()).unwrap_or(u16::MAX) - 1;
        to.merge_range(0, 0, 0, last, first, &title)?;
        for (line, text) in (1_u32..).zip(rest) {
            to.write_string(line, 0, *text)?;
        }
        // An empty line, as people leave it.
        header = u32::try_from(layout.titles.len()).unwrap_or(u32::MAX) + 1;
    }
    for (place, column) in (0_u16..).zip(layout.columns) {
        to.write_string_with_format(header, place, column.header, &bold)?;
    }
    Ok(header + 1)
}

fn write_cell(to: &mut Worksheet, row: u32, column: u16, cell: &Cell) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => {}
        Cell::Text(text) => {
            to.write_string(row, column, text)?;
        }
        Cell::Number(number) => {
            to.write_number(row, column, *number)?;
        }
    }
    Ok(())
}
