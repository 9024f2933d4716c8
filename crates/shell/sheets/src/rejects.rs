//! The file that goes back to whoever sent the list: what was not used, why, and how it looked.

use std::path::Path;

use crate::results::{OutColumn, ResultsWriter, Value};
use crate::{Duplicate, Item, Rejected, SheetError, Warning};

/// Writes rejected rows, duplicates and warnings with their reasons and original cells, as xlsx or csv.
pub struct RejectsWriter {
    table: ResultsWriter,
    columns: usize,
}

impl RejectsWriter {
    /// Begins the file. `columns` are the headers of the imported one ([`crate::Importer::columns`]).
    ///
    /// # Errors
    /// [`SheetError::UnknownFormat`], [`SheetError::Write`].
    pub fn create(path: &Path, columns: &[String]) -> Result<Self, SheetError> {
        let own = [
            OutColumn::new("Row", 8),
            OutColumn::new("Verdict", 12),
            OutColumn::new("Reason", 60),
        ];
        let original = columns.iter().map(|c| OutColumn::new(c.as_str(), 20));
        let table = ResultsWriter::create(
            path,
            "Not imported",
            own.into_iter().chain(original).collect(),
        )?;
        Ok(Self {
            table,
            columns: columns.len(),
        })
    }

    /// Writes what belongs into this file; prospects do not.
    ///
    /// # Errors
    /// [`SheetError::Write`].
    pub fn item(&mut self, item: &Item) -> Result<(), SheetError> {
        match item {
            Item::Prospect(_) => Ok(()),
            Item::Rejected(Rejected { row, reason, cells }) => {
                self.line(*row, "rejected", &reason.to_string(), cells)
            }
            Item::Duplicate(duplicate) => {
                let Duplicate { row, cells, .. } = duplicate;
                self.line(*row, "duplicate", &duplicate.reason(), cells)
            }
            Item::Warning(Warning { row, reason }) => {
                self.line(*row, "warning", &reason.to_string(), &[])
            }
        }
    }

    /// Completes the file. Returns the lines written.
    ///
    /// # Errors
    /// [`SheetError::Write`].
    pub fn finish(self) -> Result<u64, SheetError> {
        self.table.finish()
    }

    fn line(
        &mut self,
        row: u32,
        verdict: &str,
        reason: &str,
        cells: &[String],
    ) -> Result<(), SheetError> {
        let own = [
            Value::Integer(i64::from(row)),
            Value::Text(verdict),
            Value::Text(reason),
        ];
        let original = (0..self.columns).map(|i| match cells.get(i).map(String::as_str) {
            None | Some("") => Value::Empty,
            Some(text) => Value::Text(text),
        });
        let values: Vec<Value<'_>> = own.into_iter().chain(original).collect();
        self.table.row(&values)
    }
}
