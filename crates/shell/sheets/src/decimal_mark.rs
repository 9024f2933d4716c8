//! Which decimal mark an amount column uses: decided once for all its cells.

use serde::{Deserialize, Serialize};

use crate::amount::Stripped;
use crate::cell::{Cell, CellKind};

/// The mark between whole and broken units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecimalMark {
    /// 1234.50
    Point,
    /// 1234,50
    Comma,
}

/// The decimal mark of an amount column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedMark {
    /// The mark.
    pub mark: DecimalMark,
    /// No cell proved it: all of them are like 1.234, which was read as thousands.
    pub assumed: bool,
}

impl DecimalMark {
    fn of(c: char) -> Option<Self> {
        match c {
            '.' => Some(Self::Point),
            ',' => Some(Self::Comma),
            _ => None,
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Point => Self::Comma,
            Self::Comma => Self::Point,
        }
    }

    pub(crate) fn as_char(self) -> char {
        match self {
            Self::Point => '.',
            Self::Comma => ',',
        }
    }
}

/// What one cell says about its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    /// The decimal mark is this one.
    Decimal(DecimalMark),
    /// One mark with three digits behind: thousands, or three decimals.
    Either(DecimalMark),
    Nothing,
}

/// A cell that says something, for the error message.
type Witness = (u32, String);

/// Collects what the cells of a column say.
#[derive(Debug, Default)]
pub(crate) struct DecimalMarkSurvey {
    point: Option<Witness>,
    comma: Option<Witness>,
    either_point: Option<Witness>,
    either_comma: Option<Witness>,
}

/// Two cells that cannot be of one column: the one with a point, the one with a comma.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mixed {
    pub(crate) point: Witness,
    pub(crate) comma: Witness,
}

impl DecimalMarkSurvey {
    /// Looks at a cell. Number cells say nothing: they have no mark of their own.
    pub(crate) fn look(&mut self, row: u32, cell: &Cell) {
        if cell.kind != CellKind::Text {
            return;
        }
        let slot = match evidence(&Stripped::of(&cell.text)) {
            Evidence::Decimal(DecimalMark::Point) => &mut self.point,
            Evidence::Decimal(DecimalMark::Comma) => &mut self.comma,
            Evidence::Either(DecimalMark::Point) => &mut self.either_point,
            Evidence::Either(DecimalMark::Comma) => &mut self.either_comma,
            Evidence::Nothing => return,
        };
        slot.get_or_insert_with(|| (row, cell.text.clone()));
    }

    /// The column's mark. Without a telling cell, a lone mark before three digits parts thousands: amounts of
    /// money have no three decimals.
    pub(crate) fn decide(self) -> Result<DecidedMark, Mixed> {
        let decided = |mark, assumed| Ok(DecidedMark { mark, assumed });
        match (self.point, self.comma) {
            (Some(point), Some(comma)) => Err(Mixed { point, comma }),
            (Some(_), None) => decided(DecimalMark::Point, false),
            (None, Some(_)) => decided(DecimalMark::Comma, false),
            (None, None) => match (self.either_point, self.either_comma) {
                (Some(point), Some(comma)) => Err(Mixed { point, comma }),
                (Some(_), None) => decided(DecimalMark::Comma, true),
                (None, Some(_)) => decided(DecimalMark::Point, true),
                // No mark anywhere.
                (None, None) => decided(DecimalMark::Point, false),
            },
        }
    }
}

fn evidence(cell: &Stripped) -> Evidence {
    let marks: Vec<(usize, DecimalMark)> = cell
        .body
        .char_indices()
        .filter_map(|(i, c)| Some((i, DecimalMark::of(c)?)))
        .collect();
    let (Some((first_at, first)), Some((last_at, last))) = (marks.first(), marks.last()) else {
        return Evidence::Nothing;
    };
    if first != last {
        return Evidence::Decimal(*last);
    }
    if marks.len() > 1 {
        // 1.234.567: a mark that stands twice parts thousands.
        return Evidence::Decimal(last.other());
    }
    let before = *first_at;
    let after = cell.body.len() - last_at - 1;
    let leading_zero = cell.body.starts_with('0');
    if after == 3 && (1..=3).contains(&before) && !leading_zero && !cell.grouped {
        Evidence::Either(*last)
    } else if after == 0 {
        Evidence::Nothing
    } else {
        Evidence::Decimal(*last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(cells: &[&str]) -> Result<DecidedMark, Mixed> {
        let mut survey = DecimalMarkSurvey::default();
        for (row, text) in (2..).zip(cells) {
            survey.look(row, &Cell::text(text));
        }
        survey.decide()
    }

    #[test]
    fn the_decimal_mark_is_decided_once_for_the_column() {
        for (cells, mark) in [
            (&["1.234,50", "7"][..], DecimalMark::Comma),
            (&["1,234.50"], DecimalMark::Point),
            (&["1 234,5"], DecimalMark::Comma),
            (&["12,5", "1.234"], DecimalMark::Comma),
            (&["1.234", "12.5"], DecimalMark::Point),
            (&["1.234.567"], DecimalMark::Comma),
            (&["1,234,567"], DecimalMark::Point),
            // Nothing tells: three digits behind one mark are thousands.
            (&["1.234", "5.678"], DecimalMark::Comma),
            (&["1,234", "5,678"], DecimalMark::Point),
            (&["0,125"], DecimalMark::Comma),
            (&["1 234,500"], DecimalMark::Comma),
            (&["1234.567"], DecimalMark::Point),
            (&["100", "abc", ""], DecimalMark::Point),
            (&["1 500 руб.", "1 500,50 руб."], DecimalMark::Comma),
        ] {
            assert_eq!(survey(cells).map(|d| d.mark), Ok(mark), "{cells:?}");
        }
    }

    #[test]
    fn two_ways_in_one_column_are_refused_with_both_rows() {
        let mixed = survey(&["100", "1.234,50", "1,234.50"]).unwrap_err();
        assert_eq!(mixed.comma, (3, "1.234,50".to_owned()));
        assert_eq!(mixed.point, (4, "1,234.50".to_owned()));
        assert!(survey(&["1.234", "1,234"]).is_err());
    }
}
