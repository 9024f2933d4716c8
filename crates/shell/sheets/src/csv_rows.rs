//! Rows of a csv file: delimiter and encoding are found from the text itself.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;

use crate::cell::{Cell, Row};
use crate::encoding::{RecordBudget, Utf8Reader, detect};
use crate::{Limits, SheetError};

/// Tried in this order; the first wins a tie.
const DELIMITERS: [u8; 4] = [b';', b',', b'\t', b'|'];

/// As much text as decides about the delimiter.
const SAMPLE_BYTES: usize = 64 << 10;

/// Records of the sample that are compared.
const SAMPLE_RECORDS: usize = 50;

/// A csv file whose format is known.
#[derive(Debug)]
pub(crate) struct CsvFile {
    path: PathBuf,
    encoding: &'static Encoding,
    delimiter: u8,
    /// The first line is `sep=;`, which Excel reads as a setting and not as a row.
    has_separator_line: bool,
}

impl CsvFile {
    pub(crate) fn open(path: &Path) -> Result<Self, SheetError> {
        let read_error = |cause| SheetError::Read {
            path: path.to_owned(),
            cause,
        };
        let encoding = detect(open(path)?).map_err(read_error)?;
        let text = Utf8Reader::new(open(path)?, encoding, RecordBudget::new(u64::MAX));
        let sample = sample_of(text).map_err(read_error)?;
        let separator = separator_line(&sample);
        Ok(Self {
            path: path.to_owned(),
            encoding,
            delimiter: separator.unwrap_or_else(|| sniff_delimiter(&sample)),
            has_separator_line: separator.is_some(),
        })
    }

    /// `UTF-8`, `windows-1251`, `UTF-16LE` or `UTF-16BE`.
    pub(crate) fn encoding_name(&self) -> &'static str {
        self.encoding.name()
    }

    pub(crate) fn delimiter(&self) -> char {
        char::from(self.delimiter)
    }

    /// Calls `each` for every record that holds something, until it breaks.
    pub(crate) fn for_each_row(
        &self,
        limits: &Limits,
        each: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, SheetError>,
    ) -> Result<(), SheetError> {
        let budget = RecordBudget::new(limits.record_bytes);
        let text = Utf8Reader::new(open(&self.path)?, self.encoding, budget.clone());
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            // A last line without its end would be counted short below.
            .from_reader(text.chain(&b"\n"[..]));
        let too_large = |what: String| SheetError::TooLarge {
            path: self.path.clone(),
            what,
        };
        let mut record = csv::StringRecord::new();
        let mut number = 0_u32;
        let mut cells = 0_u64;
        loop {
            let line = reader.position().line();
            let more = reader.read_record(&mut record).map_err(|cause| {
                if budget.is_spent() {
                    too_large(format!(
                        "a record over {} bytes after row {number} (is a quote unclosed there?)",
                        limits.record_bytes
                    ))
                } else {
                    SheetError::Csv {
                        path: self.path.clone(),
                        cause,
                    }
                }
            })?;
            if !more {
                return Ok(());
            }
            budget.refill();
            // The reader passes over blank lines, which a spreadsheet program shows as rows. Lines passed that
            // are neither this record's end nor inside its cells were blank.
            let passed = reader.position().line() - line;
            let inside = record.as_slice().matches('\n').count() as u64;
            let blank = passed.saturating_sub(inside + 1);
            number = number.saturating_add(u32::try_from(blank + 1).unwrap_or(u32::MAX));
            if number == 1 && self.has_separator_line {
                continue;
            }
            if number > limits.rows {
                return Err(too_large(format!("more than {} rows", limits.rows)));
            }
            let mut row = Row {
                number,
                cells: record.iter().map(Cell::text).collect(),
            };
            let filled = row
                .cells
                .iter()
                .rposition(|c| !c.is_empty())
                .map_or(0, |i| i + 1);
            row.cells.truncate(filled);
            if filled > limits.columns {
                return Err(too_large(format!("more than {} columns", limits.columns)));
            }
            cells += filled as u64;
            if cells > limits.cells {
                return Err(too_large(format!("more than {} cells", limits.cells)));
            }
            if filled > 0 && each(row)?.is_break() {
                return Ok(());
            }
        }
    }
}

fn open(path: &Path) -> Result<File, SheetError> {
    File::open(path).map_err(|cause| SheetError::Open {
        path: path.to_owned(),
        cause,
    })
}

/// At least `SAMPLE_BYTES` of text, or all of it; the last character may be cut.
fn sample_of(mut text: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 8 << 10];
    while bytes.len() < SAMPLE_BYTES {
        let read = text.read(&mut buffer)?;
        match buffer.get(..read) {
            None | Some([]) => break,
            Some(chunk) => bytes.extend_from_slice(chunk),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The delimiter named by Excel's `sep=` line.
fn separator_line(sample: &str) -> Option<u8> {
    let line = sample.lines().next()?.trim().trim_matches('"');
    match line.strip_prefix("sep=")?.as_bytes() {
        [one] if DELIMITERS.contains(one) => Some(*one),
        _ => None,
    }
}

/// The delimiter that cuts most records into the same number of fields, more than one of them.
fn sniff_delimiter(sample: &str) -> u8 {
    let score = |delimiter: u8| {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(sample.as_bytes());
        let mut widths: Vec<usize> = reader
            .byte_records()
            .take(SAMPLE_RECORDS)
            .filter_map(Result::ok)
            .map(|r| r.len())
            .collect();
        widths.sort_unstable();
        // The commonest width above one, by how many records have it; then the wider.
        let best = widths
            .chunk_by(|a, b| a == b)
            .filter(|run| run.first().is_some_and(|w| *w > 1))
            .map(|run| (run.len(), run.first().copied().unwrap_or(0)))
            .max();
        best.unwrap_or((0, 0))
    };
    let mut best = (b',', (0, 0));
    for delimiter in DELIMITERS {
        let score = score(delimiter);
        if score > best.1 {
            best = (delimiter, score);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_that_cuts_rows_alike_is_found() {
        for (sample, delimiter) in [
            ("a;b;c\n1;2;3\n", ';'),
            ("a,b,c\n1,2,3\n", ','),
            ("a\tb\n1\t2\n", '\t'),
            ("a|b\n1|2\n", '|'),
            // Phones with the other separator inside.
            ("name;phone\nA;1,2\nB;3\nC;4,5,6\n", ';'),
            ("name,phone\nA,\"1;2\"\nB,\"3;4\"\n", ','),
            // Decimal commas among semicolons.
            (
                "id;phone;sum\n1;79005550001;1,50\n2;79005550002;2,50\n3;79005550003;10\n",
                ';',
            ),
            // A title above.
            ("Реестр, март\n\nid;phone\n1;2\n3;4\n", ';'),
            ("phone\n79005550001\n", ','),
            ("", ','),
        ] {
            assert_eq!(char::from(sniff_delimiter(sample)), delimiter, "{sample:?}");
        }
    }

    #[test]
    fn the_separator_line_of_excel_is_obeyed() {
        assert_eq!(separator_line("sep=|\na,b\n"), Some(b'|'));
        assert_eq!(separator_line("\"sep=;\"\na,b\n"), Some(b';'));
        assert_eq!(separator_line("separate\n"), None);
    }
}
