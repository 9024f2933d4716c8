//! The workbook behind [`crate::ResultsWriter`].

use std::path::Path;

use model::Money;
use rust_xlsxwriter::{Color, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use crate::results::{OutColumn, Value, begins_formula};

/// Characters of a sheet's name.
const SHEET_NAME_CHARACTERS: usize = 31;

/// Characters of one cell (Excel specifications and limits).
const CELL_CHARACTERS: usize = 32_767;

/// A workbook being written.
pub(crate) struct XlsxTable {
    workbook: Workbook,
    name: String,
    sheet_rows: u32,
    sheets: usize,
    /// The next row of the current sheet, from 0.
    next: u32,
    header: Format,
    text: Format,
    instant: Format,
}

impl XlsxTable {
    pub(crate) fn new(
        name: &str,
        columns: &[OutColumn],
        sheet_rows: u32,
    ) -> Result<Self, XlsxError> {
        let mut table = Self {
            workbook: Workbook::new(),
            name: sheet_name(name),
            sheet_rows,
            sheets: 0,
            next: 0,
            header: Format::new()
                .set_bold()
                .set_background_color(Color::RGB(0x00DD_E6EF))
                .set_text_wrap(),
            // Text stays text also when somebody edits the cell: =1+1 does not come to life.
            text: Format::new().set_quote_prefix(),
            instant: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
        };
        table.add_sheet(columns)?;
        Ok(table)
    }

    pub(crate) fn save(&mut self, path: &Path) -> Result<(), XlsxError> {
        self.workbook.save(path)
    }

    fn add_sheet(&mut self, columns: &[OutColumn]) -> Result<(), XlsxError> {
        self.sheets += 1;
        let name = if self.sheets == 1 {
            self.name.clone()
        } else {
            let suffix = format!(" ({})", self.sheets);
            let kept = SHEET_NAME_CHARACTERS - suffix.len();
            self.name.chars().take(kept).chain(suffix.chars()).collect()
        };
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, 0)?;
        for (i, column) in (0_u16..).zip(columns) {
            sheet.set_column_width(i, f64::from(column.width))?;
            sheet.write_string_with_format(0, i, &column.header, &self.header)?;
        }
        self.next = 1;
        Ok(())
    }

    pub(crate) fn row(
        &mut self,
        columns: &[OutColumn],
        values: &[Value<'_>],
    ) -> Result<(), XlsxError> {
        if self.next >= self.sheet_rows {
            self.add_sheet(columns)?;
        }
        let row = self.next;
        self.next += 1;
        let sheet = self.workbook.worksheet_from_index(self.sheets - 1)?;
        for (i, value) in (0_u16..).zip(values) {
            match value {
                Value::Empty => {}
                Value::Text(text) => write_text(sheet, row, i, text, &self.text)?,
                Value::Phone(number) => write_text(sheet, row, i, &number.to_string(), &self.text)?,
                Value::Integer(n) => {
                    sheet.write_number(row, i, *n as f64)?;
                }
                Value::Real(n) if n.is_finite() => {
                    sheet.write_number(row, i, *n)?;
                }
                Value::Real(_) => {}
                Value::Money(money) => write_money(sheet, row, i, *money)?,
                Value::Instant(at) => {
                    let seconds = at.unix_micros().div_euclid(1_000_000);
                    let at = ExcelDateTime::from_timestamp(seconds)?;
                    sheet.write_datetime_with_format(row, i, at, &self.instant)?;
                }
                Value::Truth(truth) => {
                    sheet.write_boolean(row, i, *truth)?;
                }
            }
        }
        Ok(())
    }
}

fn write_text(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    text: &str,
    quoted: &Format,
) -> Result<(), XlsxError> {
    let cut;
    let text = if text.len() > CELL_CHARACTERS && text.encode_utf16().count() > CELL_CHARACTERS {
        cut = cut_to_cell(text);
        cut.as_str()
    } else {
        text
    };
    if begins_formula(text) {
        sheet.write_string_with_format(row, column, text, quoted)?;
    } else {
        sheet.write_string(row, column, text)?;
    }
    Ok(())
}

/// Ends in … what is longer than a cell can hold; lengths are UTF-16 units, as Excel counts.
fn cut_to_cell(text: &str) -> String {
    let mut units = 1;
    let mut cut: String = text
        .chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= CELL_CHARACTERS
        })
        .collect();
    cut.push('…');
    cut
}

fn write_money(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    money: Money,
) -> Result<(), XlsxError> {
    let exponent = money.currency.exponent().unwrap_or(0);
    let decimals = "0".repeat(exponent as usize);
    let point = if exponent == 0 { "" } else { "." };
    let format =
        Format::new().set_num_format(format!("#,##0{point}{decimals}\\ \"{}\"", money.currency));
    // The nearest double to the decimal text, not to a quotient: 15 digits are kept either way.
    let value: f64 = money
        .to_string()
        .split(' ')
        .next()
        .and_then(|t| t.parse().ok())
        .unwrap_or_default();
    sheet.write_number_with_format(row, column, value, &format)?;
    Ok(())
}

/// A valid sheet name: at most 31 characters, none of `[]:*?/\`, no apostrophe at an end, not empty.
fn sheet_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if "[]:*?/\\".contains(c) || c.is_control() {
                ' '
            } else {
                c
            }
        })
        .take(SHEET_NAME_CHARACTERS)
        .collect();
    match plain.trim().trim_matches('\'') {
        "" => "Sheet".to_owned(),
        plain => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheet_names_are_made_valid() {
        for (name, valid) in [
            ("Results", "Results"),
            ("a/b:c", "a b c"),
            ("", "Sheet"),
            ("'quoted'", "quoted"),
            (
                "0123456789012345678901234567890123456789",
                "0123456789012345678901234567890",
            ),
        ] {
            assert_eq!(sheet_name(name), valid);
        }
    }

    #[test]
    fn text_beyond_a_cell_is_cut_and_says_so() {
        let cut = cut_to_cell(&"ж".repeat(40_000));
        assert_eq!(cut.chars().count(), CELL_CHARACTERS);
        assert!(cut.ends_with('…'));
    }
}
