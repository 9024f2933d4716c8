//! The user's own file of number ranges: which numbers belong to which place.

use std::path::Path;

use crate::SheetError;
use crate::records::{Record, read_records};

/// A row: numbers and the place that they belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeRow {
    /// The row in the file, from 1.
    pub row: u32,
    /// Which numbers.
    pub numbers: NumbersOf,
    /// The zone, region or city as stated; what it means is not known here. Not empty.
    pub place: String,
}

/// Which numbers a row is about, as digits of E.164.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumbersOf {
    /// All that begin with these digits.
    Prefix(u64),
    /// All from the first to the last, both included and equally long.
    Span(u64, u64),
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeFault {
    /// The row in the file, from 1.
    pub row: u32,
    /// In words.
    pub reason: String,
}

/// Digits of a whole number, with its country's code (ITU-T E.164 section 6.2.1: at most 15).
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Reads `prefix, place` or `from, to, place`, row by row; a first row without digits is a header. Numbers are written
/// with their country's code, a plus or not.
///
/// # Errors
/// Any [`SheetError`] about reading; what is wrong with rows is the second list.
pub fn read_ranges(path: &Path) -> Result<(Vec<RangeRow>, Vec<RangeFault>), SheetError> {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (n, record) in read_records(path)?.into_iter().enumerate() {
        let has_digit = |text: &str| text.contains(|c: char| c.is_ascii_digit());
        if n == 0 && !has_digit(record.text(0)) {
            continue;
        }
        match read(&record) {
            Ok((numbers, place)) => rows.push(RangeRow {
                row: record.row,
                numbers,
                place: place.to_owned(),
            }),
            Err(reason) => faults.push(RangeFault {
                row: record.row,
                reason,
            }),
        }
    }
    Ok((rows, faults))
}

fn read(record: &Record) -> Result<(NumbersOf, &str), String> {
    let (first, second) = (record.text(0), record.text(1));
    let from =
        digits(first).ok_or_else(|| format!("\"{first}\" is no number and no prefix of one"))?;
    let Some(to) = digits(second) else {
        if from.len() > *NUMBER_DIGITS.end() {
            return Err(format!("\"{first}\" has more digits than any number"));
        }
        return Ok((NumbersOf::Prefix(value(&from)?), place(second)?));
    };
    if from.len() != to.len() || !NUMBER_DIGITS.contains(&from.len()) {
        return Err(format!(
            "\"{first}\" and \"{second}\" are not two whole numbers of the same length; write them with the \
             country's code"
        ));
    }
    if from > to {
        return Err(format!("\"{first}\" comes after \"{second}\""));
    }
    Ok((
        NumbersOf::Span(value(&from)?, value(&to)?),
        place(record.text(2))?,
    ))
}

fn place(text: &str) -> Result<&str, String> {
    if text.is_empty() {
        return Err("says no zone, region or city".to_owned());
    }
    Ok(text)
}

/// The digits of a number however written; `None` when there is anything else in it, or nothing.
fn digits(text: &str) -> Option<String> {
    let is_mark = |c: &char| matches!(c, '+' | '-' | '(' | ')' | '\u{a0}') || c.is_whitespace();
    let digits: String = text.chars().filter(|c| !is_mark(c)).collect();
    let is_plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_plain.then_some(digits)
}

fn value(digits: &str) -> Result<u64, String> {
    let value = digits
        .parse()
        .map_err(|_| format!("\"{digits}\" has more digits than any number"))?;
    // ITU-T E.164: no country's code begins with a zero.
    if digits.starts_with('0') {
        return Err(format!(
            "\"{digits}\" begins with a zero; write numbers with the country's code"
        ));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(cells: &[&str]) -> Record {
        Record {
            row: 1,
            cells: cells.iter().map(|c| (*c).to_owned()).collect(),
        }
    }

    #[test]
    fn a_row_is_a_prefix_or_two_numbers_with_a_place() {
        for (cells, numbers, place) in [
            (
                vec!["+7914", "Asia/Vladivostok"],
                NumbersOf::Prefix(7_914),
                "Asia/Vladivostok",
            ),
            (
                vec!["7 (914) 1", "Якутия", "note"],
                NumbersOf::Prefix(79_141),
                "Якутия",
            ),
            (
                vec!["+7 914 000-00-00", "79140000099", "Asia/Yakutsk"],
                NumbersOf::Span(79_140_000_000, 79_140_000_099),
                "Asia/Yakutsk",
            ),
        ] {
            assert_eq!(read(&record(&cells)), Ok((numbers, place)), "{cells:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_row_is_said() {
        for (cells, part) in [
            (vec!["abc", "Asia/Omsk"], "\"abc\" is no number"),
            (vec!["7914", ""], "no zone"),
            (vec!["7914"], "no zone"),
            (vec!["7914", "7915", "Asia/Omsk"], "whole numbers"),
            (
                vec!["79140000099", "79140000000", "Asia/Omsk"],
                "comes after",
            ),
            (vec!["79140000000", "79140000099"], "no zone"),
            (vec!["0914", "Asia/Omsk"], "begins with a zero"),
            (vec!["1234567890123456", "Asia/Omsk"], "more digits"),
        ] {
            let error = read(&record(&cells)).unwrap_err();
            assert!(error.contains(part), "{cells:?}: {error}");
        }
    }
}
