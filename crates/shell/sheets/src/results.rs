//! Writes tables row by row, as xlsx or csv, in memory that does not grow with the rows.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use crate::SheetError;
use crate::xlsx_table::XlsxTable;
use model::{E164, Money, WallTime};

/// Rows of one sheet, header included (ECMA-376; Excel specifications and limits).
const SHEET_ROWS: u32 = 1_048_576;

/// A column of a table to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutColumn {
    /// The header. Name the zone of instants here: a spreadsheet's dates have none.
    pub header: String,
    /// Width in characters, about.
    pub width: u16,
}

impl OutColumn {
    /// A column of a given width.
    pub fn new(header: impl Into<String>, width: u16) -> Self {
        Self {
            header: header.into(),
            width,
        }
    }
}

/// A typed cell to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Empty,
    /// Text; never a formula, whatever it begins with.
    Text(&'a str),
    /// A count or a duration in a unit that the header names. Exact up to 2^53 in xlsx.
    Integer(i64),
    /// A share or another measure.
    Real(f64),
    /// An amount; the currency stands in the number's format in xlsx and behind it in csv.
    Money(Money),
    /// A number, written as text so that plus and digits stay.
    Phone(E164),
    /// An instant in UTC: a date cell in xlsx, RFC 3339 in csv.
    Instant(WallTime),
    /// Yes or no.
    Truth(bool),
}

/// Writes one table. Nothing is at the path before [`ResultsWriter::finish`]: half a table is no result.
///
/// A workbook goes on in another sheet when one is full; the header stands on each.
pub struct ResultsWriter {
    path: PathBuf,
    columns: Vec<OutColumn>,
    rows: u64,
    to: Output,
}

enum Output {
    Xlsx(Box<XlsxTable>),
    Csv(Box<csv::Writer<BufWriter<File>>>),
}

impl ResultsWriter {
    /// Begins a table; the format is told by the path's extension, `.xlsx` or `.csv`. `name` is the sheet's.
    ///
    /// # Errors
    /// [`SheetError::UnknownFormat`], [`SheetError::Write`].
    pub fn create(path: &Path, name: &str, columns: Vec<OutColumn>) -> Result<Self, SheetError> {
        Self::with_sheet_rows(path, name, columns, SHEET_ROWS)
    }

    pub(crate) fn with_sheet_rows(
        path: &Path,
        name: &str,
        columns: Vec<OutColumn>,
        sheet_rows: u32,
    ) -> Result<Self, SheetError> {
        let extension = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default()
            .to_ascii_lowercase();
        let to = match extension.as_str() {
            "xlsx" => {
                let table = XlsxTable::new(name, &columns, sheet_rows)
                    .map_err(|e| SheetError::write(path, e))?;
                Output::Xlsx(Box::new(table))
            }
            "csv" => {
                let partial = partial_path(path);
                let file = File::create(&partial).map_err(|e| SheetError::write(&partial, e))?;
                let mut writer = csv::Writer::from_writer(BufWriter::new(file));
                // The mark makes spreadsheet programs read it as UTF-8.
                let mut headers: Vec<String> = columns
                    .iter()
                    .map(|c| escape_formula(&c.header).into_owned())
                    .collect();
                if let Some(first) = headers.first_mut() {
                    first.insert(0, '\u{feff}');
                }
                writer
                    .write_record(&headers)
                    .map_err(|e| SheetError::write(path, e))?;
                Output::Csv(Box::new(writer))
            }
            _ => {
                return Err(SheetError::UnknownFormat {
                    path: path.to_owned(),
                });
            }
        };
        Ok(Self {
            path: path.to_owned(),
            columns,
            rows: 0,
            to,
        })
    }

    /// Writes the next row.
    ///
    /// # Errors
    /// [`SheetError::RowWidth`] when there are not as many values as columns; [`SheetError::Write`].
    pub fn row(&mut self, values: &[Value<'_>]) -> Result<(), SheetError> {
        self.rows += 1;
        if values.len() != self.columns.len() {
            return Err(SheetError::RowWidth {
                row: self.rows,
                cells: values.len(),
                columns: self.columns.len(),
            });
        }
        match &mut self.to {
            Output::Xlsx(table) => table
                .row(&self.columns, values)
                .map_err(|e| SheetError::write(&self.path, e)),
            Output::Csv(writer) => writer
                .write_record(values.iter().map(csv_text))
                .map_err(|e| SheetError::write(&self.path, e)),
        }
    }

    /// Completes the file and puts it in its place. Returns the rows written, without headers.
    ///
    /// # Errors
    /// [`SheetError::Write`].
    pub fn finish(self) -> Result<u64, SheetError> {
        let Self { path, rows, to, .. } = self;
        let failed = |cause: Box<dyn std::error::Error + Send + Sync>| SheetError::Write {
            path: path.clone(),
            cause,
        };
        let partial = partial_path(&path);
        match to {
            Output::Xlsx(mut table) => table.save(&partial).map_err(|e| failed(e.into()))?,
            Output::Csv(writer) => {
                let buffer = writer
                    .into_inner()
                    .map_err(|e| failed(e.to_string().into()))?;
                buffer
                    .into_inner()
                    .map_err(|e| failed(e.to_string().into()))?;
            }
        }
        fs::rename(&partial, &path).map_err(|e| failed(e.into()))?;
        Ok(rows)
    }
}

/// Beside the path, so that the rename at the end stays within one file system.
fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

fn csv_text(value: &Value<'_>) -> String {
    match value {
        Value::Empty => String::new(),
        Value::Text(text) => escape_formula(text).into_owned(),
        Value::Integer(n) => n.to_string(),
        Value::Real(n) => n.to_string(),
        Value::Money(money) => money.to_string(),
        // A plus and digits is a number at worst, never a command.
        Value::Phone(number) => number.to_string(),
        Value::Instant(at) => at.utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        Value::Truth(truth) => truth.to_string(),
    }
}

/// OWASP, CSV injection: a cell that begins so is run as a formula by the program that opens the file.
pub(crate) fn begins_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// An apostrophe in front makes the cell text.
fn escape_formula(text: &str) -> std::borrow::Cow<'_, str> {
    if begins_formula(text) {
        format!("'{text}").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_run_as_a_formula_is_made_text() {
        for (text, escaped) in [
            ("=1+1", "'=1+1"),
            ("+7 900", "'+7 900"),
            ("-5", "'-5"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(escape_formula(text), escaped);
        }
    }

    #[test]
    fn a_full_sheet_is_followed_by_another_with_the_header() {
        use calamine::{Reader, Xlsx, open_workbook};
        let path = std::env::temp_dir().join(format!("sheets-full-{}.xlsx", std::process::id()));
        let columns = vec![OutColumn::new("N", 8)];
        let mut writer = ResultsWriter::with_sheet_rows(&path, "Results", columns, 4).unwrap();
        for n in 1..=7 {
            writer.row(&[Value::Integer(n)]).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), 7);
        let mut book: Xlsx<_> = open_workbook(&path).unwrap();
        let sheets: Vec<(String, Vec<String>)> = book
            .worksheets()
            .into_iter()
            .map(|(name, range)| (name, range.cells().map(|(_, _, v)| v.to_string()).collect()))
            .collect();
        std::fs::remove_file(&path).unwrap();
        let expected = [
            ("Results", vec!["N", "1", "2", "3"]),
            ("Results (2)", vec!["N", "4", "5", "6"]),
            ("Results (3)", vec!["N", "7"]),
        ];
        for ((name, cells), (expected_name, expected_cells)) in sheets.iter().zip(expected) {
            assert_eq!(
                (name.as_str(), cells),
                (
                    expected_name,
                    &expected_cells.iter().map(|c| (*c).to_owned()).collect()
                )
            );
        }
        assert_eq!(sheets.len(), 3);
    }
}
