//! All the numbers of one cell: people write several, with words between and around them.

use model::E164;

use crate::cell::{is_invisible, trim};
use crate::header_words::phone_kind;
use crate::phone::{Country, normalise};
use crate::{ImportedPhone, NumberFault, PhoneKind};

/// Words between two numbers.
const BETWEEN: [&str; 8] = ["или", "либо", "и", "or", "and", "oder", "o", "y"];

/// Words before an extension.
const EXTENSION_WORDS: [&str; 13] = [
    "добавочный",
    "доб",
    "дополнительный",
    "доп",
    "внутренний",
    "внутр",
    "вн",
    "extension",
    "ext",
    "extn",
    "int",
    "x",
    "#",
];

/// An extension is dialled by hand from a paper: nobody writes more digits.
const EXTENSION_DIGITS: usize = 7;

/// Fewer digits than this before a letter, and the letters may be part of the number (1-800-FLOWERS).
const DIGITS_BEFORE_REMARK: usize = 6;

/// Pieces between spaces that are tried as separate numbers.
const MOST_TOKENS: usize = 16;

/// What a cell held.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PhoneCell {
    pub(crate) phones: Vec<ImportedPhone>,
    /// Raw text and reason.
    pub(crate) refused: Vec<(String, NumberFault)>,
}

/// Reads a cell. `kind` is the column's; a word in the cell is nearer and wins.
pub(crate) fn read_phone_cell(text: &str, country: Country, kind: PhoneKind) -> PhoneCell {
    let mut found = PhoneCell::default();
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let text = visible.as_str();
    for part in text.split([';', '\n', '\r', '|']).map(trim) {
        match scientific(part) {
            Some(Ok(digits)) => match normalise(&digits, country) {
                Ok(number) => found.add(part, number, kind, None),
                Err(fault) => found.refuse(part, fault),
            },
            Some(Err(())) => found.refuse(part, NumberFault::DamagedBySpreadsheet),
            None => {
                for piece in pieces(part) {
                    found.read_piece(piece, country, kind);
                }
            }
        }
    }
    if found.phones.is_empty() && found.refused.is_empty() && !trim(text).is_empty() {
        found.refuse(trim(text), NumberFault::NotANumber);
    }
    found
}

impl PhoneCell {
    fn read_piece(&mut self, piece: &str, country: Country, kind: PhoneKind) {
        if !has_digit(piece) {
            // A remark or a label: it says nothing about a number by itself.
            return;
        }
        if let Some(extension) = whole_extension(piece) {
            if let Some(last) = self.phones.last_mut().filter(|p| p.extension.is_none()) {
                last.raw = format!("{}, {piece}", last.raw);
                last.extension = Some(extension);
            } else {
                self.refuse(piece, NumberFault::TooShort);
            }
            return;
        }
        let (number, extension) = split_extension(piece);
        let said = phone_kind(number);
        let kind = if said == PhoneKind::Unknown {
            kind
        } else {
            said
        };
        let digits = without_remarks(number);
        match normalise(&digits, country) {
            Ok(number) => self.add(piece, number, kind, extension),
            Err(fault) => match several(&digits, country) {
                Some(numbers) => {
                    for (raw, number) in numbers {
                        self.add(&raw, number, kind, None);
                    }
                    if let Some(last) = self.phones.last_mut() {
                        last.extension = extension;
                    }
                }
                None => self.refuse(piece, fault),
            },
        }
    }

    fn add(&mut self, raw: &str, number: E164, kind: PhoneKind, extension: Option<String>) {
        self.phones.push(ImportedPhone {
            number,
            raw: trim(raw).to_owned(),
            kind,
            extension,
        });
    }

    fn refuse(&mut self, raw: &str, fault: NumberFault) {
        self.refused.push((trim(raw).to_owned(), fault));
    }
}

/// `7.91612E+10`: `Ok` with the digits when none is lost, `Err` when the exponent is larger than the digits
/// written, so that the rest were replaced by zeros.
fn scientific(text: &str) -> Option<Result<String, ()>> {
    if let Some(digits) = whole_float(text) {
        return Some(Ok(digits.to_owned()));
    }
    let upper = text.to_ascii_uppercase();
    let (mantissa, exponent) = upper.split_once("E+")?;
    let exponent: usize = exponent.parse().ok()?;
    let (first, rest) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if first.len() != 1 || !all_digits(first) || !all_digits(rest) {
        return None;
    }
    Some(if rest.len() == exponent {
        Ok(format!("{first}{rest}"))
    } else {
        Err(())
    })
}

/// `79161234567.0`, as programs write a number that they took for a quantity: below 2^53 every digit is right.
fn whole_float(text: &str) -> Option<&str> {
    let (digits, zeros) = text.split_once(['.', ','])?;
    let is_whole = !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') && zeros.len() < 3;
    let is_number = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    (is_whole && is_number).then_some(digits)
}

/// Cut at commas, slashes, words between numbers, and before a plus that follows a digit.
fn pieces(part: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    for run in part.split([',', '/', '\\', '\t']) {
        let mut start = 0;
        let mut at = 0;
        let mut seen_digit = false;
        for token in run.split_inclusive(char::is_whitespace) {
            if BETWEEN.contains(&token.trim().to_lowercase().as_str()) {
                pieces.push(run.get(start..at).unwrap_or_default());
                start = at + token.len();
                seen_digit = false;
            }
            for (i, c) in token.char_indices() {
                if c == '+' && seen_digit {
                    pieces.push(run.get(start..at + i).unwrap_or_default());
                    start = at + i;
                    seen_digit = false;
                }
                seen_digit |= c.is_numeric();
            }
            at += token.len();
        }
        pieces.push(run.get(start..).unwrap_or_default());
    }
    pieces
        .into_iter()
        .map(trim)
        .filter(|p| !p.is_empty())
        .collect()
}

fn has_digit(text: &str) -> bool {
    text.contains(char::is_numeric)
}

/// The text after an extension word at the start, if there is one.
fn after_extension_word(text: &str) -> Option<&str> {
    let lower = text.to_lowercase();
    if lower.len() != text.len() {
        return None;
    }
    EXTENSION_WORDS.iter().find_map(|word| {
        let rest = lower.strip_prefix(word)?;
        // "x" begins many words; a digit, space or mark must follow.
        if rest.starts_with(char::is_alphabetic) {
            return None;
        }
        text.get(word.len()..)
    })
}

/// The digits of an extension, when the text is nothing but one: `. 123`, `: 12)`.
fn extension_digits(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || ".:=-()№".contains(c));
    let digits =
        (1..=EXTENSION_DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.to_owned())
}

/// `доб. 123` standing alone, after the comma that cut it off its number.
fn whole_extension(piece: &str) -> Option<String> {
    let piece = piece.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    extension_digits(after_extension_word(piece)?)
}

/// `495 123-45-67 доб. 123` in two.
fn split_extension(piece: &str) -> (&str, Option<String>) {
    let mut digits = 0;
    let mut before = ' ';
    for (i, c) in piece.char_indices() {
        // An extension word begins where no word goes on.
        if digits >= DIGITS_BEFORE_REMARK
            && !before.is_alphabetic()
            && let Some(rest) = piece.get(i..)
            && let Some(extension) = after_extension_word(rest).and_then(extension_digits)
        {
            let number = piece.get(..i).unwrap_or_default();
            return (
                number.trim_end_matches(|c: char| c.is_whitespace() || c == '('),
                Some(extension),
            );
        }
        digits += usize::from(c.is_numeric());
        before = c;
    }
    (piece, None)
}

/// Without labels before the number, remarks after it, and brackets that hold only words.
fn without_remarks(number: &str) -> String {
    let mut text = String::with_capacity(number.len());
    let mut rest = number;
    while let Some(open) = rest.find('(') {
        let (head, tail) = rest.split_at(open);
        text.push_str(head);
        let Some(close) = tail.find(')') else {
            rest = tail;
            break;
        };
        let (bracket, after) = tail.split_at(close + 1);
        if has_digit(bracket) {
            text.push_str(bracket);
        }
        rest = after;
    }
    text.push_str(rest);
    let start = text
        .char_indices()
        .find(|(i, c)| {
            c.is_numeric()
                || *c == '+'
                || *c == '＋'
                || ("(（".contains(*c)
                    && text
                        .get(i + c.len_utf8()..)
                        .is_some_and(|t| t.trim_start().starts_with(char::is_numeric)))
        })
        .map_or(0, |(i, _)| i);
    let mut digits = 0;
    let end = text
        .char_indices()
        .skip_while(|(i, _)| *i < start)
        .find(|(_, c)| {
            digits += usize::from(c.is_numeric());
            c.is_alphabetic() && digits >= DIGITS_BEFORE_REMARK
        })
        .map_or(text.len(), |(i, _)| i);
    text.get(start..end)
        .map(trim)
        .unwrap_or_default()
        .to_owned()
}

/// Numbers with nothing but spaces between them: the way to cut at spaces that makes every part a number in
/// use, with the fewest parts. `None` when there is none.
fn several(text: &str, country: Country) -> Option<Vec<(String, E164)>> {
    let tokens: Vec<&str> = text
        .split_whitespace()
        .filter(|t| has_digit(t))
        .take(MOST_TOKENS + 1)
        .collect();
    if tokens.len() < 2 || tokens.len() > MOST_TOKENS {
        return None;
    }
    // ways[n]: the best cutting of the first n tokens.
    let mut ways: Vec<Option<Vec<(String, E164)>>> = vec![Some(Vec::new())];
    for end in 1..=tokens.len() {
        let mut best: Option<Vec<(String, E164)>> = None;
        for start in 0..end {
            let Some(Some(way)) = ways.get(start) else {
                continue;
            };
            if best.as_ref().is_some_and(|b| b.len() <= way.len() + 1) {
                continue;
            }
            let part = tokens.get(start..end).unwrap_or_default().join(" ");
            if stands_alone(&part)
                && let Ok(number) = normalise(&part, country)
            {
                let mut longer = way.clone();
                longer.push((part, number));
                best = Some(longer);
            }
        }
        ways.push(best);
    }
    ways.pop()?.filter(|way| way.len() > 1)
}

/// Long enough to be a whole number, or begun like one. Where short numbers are in use, a number with a typing
/// mistake could else be cut into two of other people.
fn stands_alone(part: &str) -> bool {
    let digits = part.chars().filter(|c| c.is_numeric()).count();
    // At most 15 digits (E.164), with an international prefix up to 20.
    (10..=20).contains(&digits) || (7..10).contains(&digits) && part.starts_with(['+', '0', '('])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let cell = read_phone_cell(text, Country::RU, PhoneKind::Unknown);
        let good = cell.phones.iter().map(|p| match &p.extension {
            Some(e) => format!("{}#{e}", p.number),
            None => p.number.to_string(),
        });
        let bad = cell
            .refused
            .iter()
            .map(|(raw, fault)| format!("{}: {raw}", fault.as_str()));
        good.chain(bad).collect()
    }

    #[test]
    fn numbers_are_cut_apart_at_any_separator() {
        let both = ["+79005550001", "+79005550002"];
        for text in [
            "+7 900 555-00-01; 8 (900) 555-00-02",
            "89005550001,89005550002",
            "8 900 555 00 01 / 8 900 555 00 02",
            "89005550001\n89005550002",
            "89005550001\r\n89005550002",
            "8-900-555-00-01 или 8-900-555-00-02",
            "8-900-555-00-01 ИЛИ 8-900-555-00-02",
            "89005550001 or 89005550002",
            "89005550001 и 89005550002",
            "89005550001|89005550002",
            "89005550001 89005550002",
            "8 900 555 00 01 8 900 555 00 02",
            "8 (900) 555-00-01 8 (900) 555-00-02",
            "8-900-555-00-01 - 8-900-555-00-02",
            "+79005550001+79005550002",
            "+7 900 555 00 01 +7 900 555 00 02",
            "моб. 89005550001, раб. 89005550002",
            "тел.: 8 900 555-00-01 (мама), 8 900 555-00-02 брат",
            "г. Москва, 89005550001; 89005550002;",
            "8\u{a0}900\u{a0}555\u{a0}00\u{a0}01;\u{202d}+79005550002\u{202c}",
        ] {
            assert_eq!(read(text), both, "{text:?}");
        }
    }

    #[test]
    fn an_extension_is_split_off_and_kept() {
        for text in [
            "8 (900) 555-00-01 доб. 123",
            "8 (900) 555-00-01 (доб. 123)",
            "8 (900) 555-00-01, доб. 123",
            "8 (900) 555-00-01,доб 123",
            "8 (900) 555-00-01 доб.123",
            "8 (900) 555-00-01 вн. 123",
            "8 (900) 555-00-01 внутр. 123",
            "+7 900 555 00 01 ext. 123",
            "+7 900 555 00 01 Ext 123",
            "+79005550001 x123",
            "+79005550001#123",
            "+79005550001;ext=123",
            "+79005550001, ext 123",
        ] {
            assert_eq!(read(text), ["+79005550001#123"], "{text:?}");
        }
        assert_eq!(
            read("8 900 555-00-01 доб. 5, 8 900 555-00-02"),
            ["+79005550001#5", "+79005550002"]
        );
    }

    #[test]
    fn what_is_no_number_is_refused_and_never_dropped() {
        for (text, expected) in [
            ("нет", vec!["not_a_number: нет"]),
            ("-", vec!["not_a_number: -"]),
            ("123", vec!["too_short: 123"]),
            ("89005550001, 123", vec!["+79005550001", "too_short: 123"]),
            ("8(900)555-00-01/02", vec!["+79005550001", "too_short: 02"]),
            ("доб. 123", vec!["too_short: доб. 123"]),
            ("7.91612E+10", vec!["damaged_by_spreadsheet: 7.91612E+10"]),
            ("7,91612E+10", vec!["damaged_by_spreadsheet: 7,91612E+10"]),
            (
                "7.90055E+10; 89005550002",
                vec!["+79005550002", "damaged_by_spreadsheet: 7.90055E+10"],
            ),
            ("7.9005550001E+10", vec!["+79005550001"]),
            ("79005550001.0", vec!["+79005550001"]),
            (
                "9005550001,00; 89005550002.0",
                vec!["+79005550001", "+79005550002"],
            ),
            ("+7 100 555 12 34", vec!["not_in_use: +7 100 555 12 34"]),
            ("", vec![]),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn raw_text_and_kind_are_kept_for_each_number() {
        let cell = read_phone_cell(
            "моб. 89005550001, раб. 8 900 555-00-02 доб. 7",
            Country::RU,
            PhoneKind::Home,
        );
        let kept: Vec<_> = cell
            .phones
            .iter()
            .map(|p| (p.raw.as_str(), p.kind))
            .collect();
        assert_eq!(
            kept,
            [
                ("моб. 89005550001", PhoneKind::Mobile),
                ("раб. 8 900 555-00-02 доб. 7", PhoneKind::Work)
            ]
        );
        let cell = read_phone_cell("89005550001", Country::RU, PhoneKind::Home);
        assert_eq!(cell.phones.first().map(|p| p.kind), Some(PhoneKind::Home));
    }

    #[test]
    fn a_mistyped_number_is_not_cut_into_two_of_other_people() {
        let read = |text| read_phone_cell(text, "DE".parse().unwrap(), PhoneKind::Unknown);
        assert_eq!(read("030 123456 030 654321").phones.len(), 2);
        let cell = read("030 123456 7890123 4567890");
        assert_eq!((cell.phones.len(), cell.refused.len()), (0, 1), "{cell:?}");
    }

    #[test]
    fn letters_in_an_american_number_are_digits() {
        let cell = read_phone_cell("1-800-FLOWERS", "US".parse().unwrap(), PhoneKind::Unknown);
        let numbers: Vec<_> = cell.phones.iter().map(|p| p.number.to_string()).collect();
        assert_eq!(numbers, ["+18003569377"]);
    }
}
