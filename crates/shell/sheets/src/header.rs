//! Where the header stands, and what its columns are called.

use crate::Assignment;
use crate::cell::{CellKind, Row};
use crate::header_words::{is_known, is_ordinal};
use crate::phone::{Country, normalise};
use crate::xlsx_rows::Merged;

/// Rows from the top among which the header is looked for.
const SEARCHED_ROWS: usize = 30;

/// Weight of a header word against a cell that is merely text.
const KNOWN_WORD: i32 = 4;

/// Weight of a phone number, date or number: headers have none.
const DATA: i32 = -5;

/// A header name longer than this is a sentence of a title.
const LONGEST_NAME: usize = 80;

/// The header's place among `rows`; `None` when the first row is data already.
pub(crate) fn find_header(rows: &[Row], map: &[Assignment], country: Country) -> Option<usize> {
    let mut best: Option<(i32, usize)> = None;
    for (index, row) in rows.iter().take(SEARCHED_ROWS).enumerate() {
        let score = score(row, map, country);
        if score > best.map_or(0, |(s, _)| s) {
            best = Some((score, index));
        }
    }
    best.map(|(_, index)| index)
}

fn score(row: &Row, map: &[Assignment], country: Country) -> i32 {
    let mut score = 0;
    let mut filled = 0;
    for cell in row.cells.iter().filter(|c| !c.is_empty()) {
        filled += 1;
        let named = map.iter().any(|a| same_name(&a.column, &cell.text));
        score += if named {
            2 * KNOWN_WORD
        } else if cell.kind != CellKind::Text || is_data(&cell.text, country) {
            DATA
        } else if cell.text.chars().count() > LONGEST_NAME {
            0
        } else if is_known(&cell.text) || is_ordinal(&cell.text) {
            KNOWN_WORD
        } else {
            1
        };
    }
    // A title is one cell of text. A sheet of one column has a header of one cell as well, with a known word.
    if filled == 1 && score < KNOWN_WORD {
        0
    } else {
        score
    }
}

fn is_data(text: &str, country: Country) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    digits > letters && (digits >= 3 || letters == 0)
        || digits >= 7 && normalise(text, country).is_ok()
}

/// Header names are compared without case and outer space.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

/// A name for every column that the header or the rows below reach: the header's text (after that of a merged
/// cell above it, as in «Телефоны» over «моб.» and «раб.»), or `Column C`; repeated names get a number.
pub(crate) fn column_names(
    above: Option<&Row>,
    header: Option<&Row>,
    width: usize,
    merged: &[Merged],
) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(width);
    for column in 0..width {
        let own = header.map_or("", |h| h.text(column));
        // Line breaks inside a header are layout.
        let own = own.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = match (
            own.as_str(),
            group_above(above, header, column, width, merged),
        ) {
            ("", _) => column_name(column),
            (own, Some(group)) if group != own => format!("{group} {own}"),
            (own, _) => own.to_owned(),
        };
        let mut unique = name.clone();
        let mut copy = 2;
        while names.iter().any(|n| same_name(n, &unique)) {
            unique = format!("{name} ({copy})");
            copy += 1;
        }
        names.push(unique);
    }
    names
}

/// The text of a cell that is merged over this column and another one, in the row just above the header. One
/// over the whole width is a title.
fn group_above<'a>(
    above: Option<&'a Row>,
    header: Option<&Row>,
    column: usize,
    width: usize,
    merged: &[Merged],
) -> Option<&'a str> {
    let (above, header) = (above?, header?);
    if above.number + 1 != header.number {
        return None;
    }
    let row = above.number - 1;
    let region = merged.iter().find(|m| {
        m.first.0 == row
            && m.last.0 == row
            && (m.first.1 as usize..=m.last.1 as usize).contains(&column)
            && ((m.last.1 - m.first.1) as usize) + 1 < width
    })?;
    Some(above.text(region.first.1 as usize)).filter(|t| !t.is_empty())
}

/// `Column C`: what a column without a header is called.
pub(crate) fn column_name(column: usize) -> String {
    format!("Column {}", letter(column))
}

/// The letters of a column as spreadsheet programs count: A … Z, AA …
pub(crate) fn letter(column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;

    fn rows(texts: &[&[&str]]) -> Vec<Row> {
        (1..)
            .zip(texts)
            .map(|(number, cells)| Row {
                number,
                cells: cells.iter().map(|c| Cell::text(c)).collect(),
            })
            .collect()
    }

    #[test]
    fn the_header_is_found_below_titles_and_above_data() {
        for (sheet, header) in [
            (
                &[&["ФИО", "Телефон"][..], &["Иванов", "89005550001"]][..],
                Some(0),
            ),
            (
                &[
                    &["Реестр должников на 01.02.2026"],
                    &["ООО «Ромашка»"],
                    &["ФИО", "Телефон"],
                    &["Иванов", "89005550001"],
                ],
                Some(2),
            ),
            (
                &[
                    &["Долг"],
                    &["№", "Клиент", "Тел.", "Долг"],
                    &["1", "Иванов", "89005550001", "5"],
                ],
                Some(1),
            ),
            (&[&["Phone"], &["89005550001"]], Some(0)),
            (
                &[
                    &["Дата:", "01.02.2026"],
                    &["Name", "Phone"],
                    &["A", "89005550001"],
                ],
                Some(1),
            ),
            (&[&["foo", "bar"], &["x", "89005550001"]], Some(0)),
            (
                &[&["Иванов", "89005550001"], &["Петров", "89005550002"]],
                None,
            ),
            (&[&["89005550001"], &["89005550002"]], None),
        ] {
            assert_eq!(
                find_header(&rows(sheet), &[], Country::RU),
                header,
                "{sheet:?}"
            );
        }
    }

    #[test]
    fn a_row_with_the_mapped_names_is_the_header() {
        let sheet = rows(&[
            &["a title", "of two cells"],
            &["x7", "y9"],
            &["A", "89005550001"],
        ]);
        let map = ["phone=Y9".parse().unwrap()];
        assert_eq!(find_header(&sheet, &map, Country::RU), Some(1));
    }

    #[test]
    fn every_column_has_a_name_of_its_own() {
        let sheet = rows(&[&["Телефон", "", "телефон", "Сумма\nдолга"]]);
        assert_eq!(
            column_names(None, sheet.first(), 5, &[]),
            [
                "Телефон",
                "Column B",
                "телефон (2)",
                "Сумма долга",
                "Column E"
            ]
        );
    }

    #[test]
    fn a_merged_cell_above_names_its_group() {
        let sheet = rows(&[&["", "Телефоны", ""], &["ФИО", "моб.", "раб."]]);
        let region = |first, last| Merged { first, last };
        let names = |merged: &[Merged]| column_names(sheet.first(), sheet.get(1), 3, merged);
        assert_eq!(
            names(&[region((0, 1), (0, 2))]),
            ["ФИО", "Телефоны моб.", "Телефоны раб."]
        );
        assert_eq!(names(&[region((0, 0), (0, 2))]), ["ФИО", "моб.", "раб."]);
    }

    #[test]
    fn columns_are_lettered_as_in_a_spreadsheet() {
        for (column, letters) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")] {
            assert_eq!(letter(column), letters);
        }
    }
}
