//! One cell and one row, the same for every file format.

/// What kind of value the file said a cell holds. A csv file has only text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CellKind {
    /// Nothing, or an error value such as `#N/A`.
    #[default]
    Empty,
    /// Text as typed.
    Text,
    /// A binary double, as decimal text of at most 15 significant digits.
    Number,
    /// A date or time, as ISO 8601 text.
    Date,
}

/// The trimmed text of a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) kind: CellKind,
}

impl Cell {
    /// Text from a person; blank text is an empty cell.
    pub(crate) fn text(raw: &str) -> Self {
        let text = trim(raw);
        if text.is_empty() {
            return Self::default();
        }
        Self {
            text: text.to_owned(),
            kind: CellKind::Text,
        }
    }

    /// A number of a workbook.
    pub(crate) fn number(value: f64) -> Self {
        match decimal_text(value) {
            Some(text) => Self {
                text,
                kind: CellKind::Number,
            },
            None => Self::default(),
        }
    }

    /// ISO text of a date.
    pub(crate) fn date(text: String) -> Self {
        Self {
            text,
            kind: CellKind::Date,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kind == CellKind::Empty
    }
}

/// A row that holds something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// As the spreadsheet program shows it, from 1. In csv the record's number, from 1.
    pub(crate) number: u32,
    /// From the first column; may be shorter than the header.
    pub(crate) cells: Vec<Cell>,
}

impl Row {
    /// The cell's text, empty beyond the end.
    pub(crate) fn text(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", |c| c.text.as_str())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cells.iter().all(Cell::is_empty)
    }

    /// The texts, for the rejects' file.
    pub(crate) fn into_texts(self) -> Vec<String> {
        self.cells.into_iter().map(|c| c.text).collect()
    }
}

/// Without white space (no-break spaces among it) and invisible marks that come with copied text.
pub(crate) fn trim(raw: &str) -> &str {
    raw.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// Zero-width and direction marks: U+200B–200F, 202A–202E, 2060–2064, 2066–2069, FEFF; and the soft hyphen.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The decimal text of a double: 15 significant digits, which is what spreadsheet programs show and keep,
/// so that 0.1 + 0.2 reads 0.3 and 79161234567 has no exponent. `None` for infinities and NaN.
pub(crate) fn decimal_text(value: f64) -> Option<String> {
    // Every integer below 10^15 is exact in a double.
    if value.fract() == 0.0 && value.abs() < 1e15 {
        // Adding zero turns the negative zero into the plain one.
        return Some(format!("{:.0}", value + 0.0));
    }
    if !value.is_finite() {
        return None;
    }
    let scientific = format!("{value:.14e}");
    let (mantissa, exponent) = scientific.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    // The point stands after `point` digits; beyond the digits on either side there are zeros.
    let point = exponent + 1;
    let text = match usize::try_from(point) {
        Err(_) | Ok(0) => {
            let zeros = "0".repeat(point.unsigned_abs() as usize);
            format!("{sign}0.{zeros}{digits}")
        }
        Ok(point) if point >= digits.len() => {
            format!("{sign}{digits}{}", "0".repeat(point - digits.len()))
        }
        Ok(point) => {
            let (whole, fraction) = digits.split_at(point);
            format!("{sign}{whole}.{fraction}")
        }
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_reads_as_the_decimal_text_a_spreadsheet_shows() {
        for (value, text) in [
            (79_161_234_567.0, "79161234567"),
            (0.0, "0"),
            (-0.0, "0"),
            (-5.0, "-5"),
            (0.1 + 0.2, "0.3"),
            (0.29, "0.29"),
            (1234.05, "1234.05"),
            (-1.5, "-1.5"),
            (1.005, "1.005"),
            (0.001_25, "0.00125"),
            (123_456_789_012_345_680.0, "123456789012346000"),
            (1e21, "1000000000000000000000"),
            (100.5, "100.5"),
        ] {
            assert_eq!(decimal_text(value).as_deref(), Some(text), "{value}");
        }
        assert_eq!(decimal_text(f64::NAN), None);
        assert_eq!(decimal_text(f64::INFINITY), None);
    }

    #[test]
    fn blank_text_of_any_kind_is_an_empty_cell() {
        for raw in ["", " ", "\u{a0}\u{202f}", "\u{200b}\t\u{feff}"] {
            assert!(Cell::text(raw).is_empty(), "{raw:?}");
        }
        assert_eq!(Cell::text("\u{202d}+7 916\u{202c} ").text, "+7 916");
    }
}
