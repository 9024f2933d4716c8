//! A small file as plain rows, for files whose columns have names of their own.

use std::ops::ControlFlow;
use std::path::Path;

use crate::source::Source;
use crate::{Limits, SheetError};

/// One row that holds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The row in the sheet, from 1.
    pub row: u32,
    /// Trimmed; rows may differ in length.
    pub cells: Vec<String>,
}

impl Record {
    /// A cell, empty when the row is too short.
    pub fn text(&self, index: usize) -> &str {
        self.cells.get(index).map_or("", String::as_str)
    }
}

/// All rows of a csv file, or of the first visible sheet of a workbook that holds one; the header is one of them.
///
/// # Errors
/// Any [`SheetError`] about reading.
pub fn read_records(path: &Path) -> Result<Vec<Record>, SheetError> {
    let limits = Limits::default();
    let mut source = Source::open(path, None, &limits)?;
    let mut records = Vec::new();
    source.for_each_row(&limits, &mut |row| {
        if !row.is_empty() {
            records.push(Record {
                row: row.number,
                cells: row.into_texts(),
            });
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(records)
}
