//! Which column means what: as the user says, else as the headers say, else as the cells look.

use crate::cell::Row;
use crate::header::{letter, same_name};
use crate::header_words::{is_known, is_name_part, is_ordinal, may_be_phone, sureness};
use crate::nearest::nearest;
use crate::phone_cell::read_phone_cell;
use crate::{Assignment, Column, Country, Field, Mapping, PhoneKind, SheetError};

/// Share of a column's filled cells, in percent, that have to be phone numbers before an unnamed column counts as one.
const PHONE_CELLS_PERCENT: usize = 70;

/// The same for cells that read as a time zone.
const ZONE_CELLS_PERCENT: usize = 80;

/// Fewer rows than this say nothing about whether a column identifies.
const TELLING_ROWS: usize = 20;

/// Decides the mapping from the columns' names, the first rows below the header, and what the user said.
pub(crate) fn map_columns(
    names: &[String],
    rows: &[Row],
    assignments: &[Assignment],
    country: Country,
) -> Result<Mapping, SheetError> {
    let mut guess = Guess {
        names,
        rows,
        country,
        taken: vec![false; names.len()],
        mapping: Mapping::default(),
        said: Vec::new(),
    };
    guess.obey(assignments)?;
    guess.by_headers();
    guess.by_cells();
    guess.finish()
}

struct Guess<'a> {
    names: &'a [String],
    rows: &'a [Row],
    country: Country,
    /// Columns that have a meaning.
    taken: Vec<bool>,
    mapping: Mapping,
    /// Fields about which the user has spoken: nothing is guessed for them.
    said: Vec<Field>,
}

impl Guess<'_> {
    fn obey(&mut self, assignments: &[Assignment]) -> Result<(), SheetError> {
        for Assignment { field, column } in assignments {
            let index = self.resolve(*field, column)?;
            let column = self.take(index);
            self.said.push(*field);
            match self.mapping.single(*field) {
                Some(place) => {
                    if let Some(first) = place.as_ref().filter(|c| c.index != index) {
                        return Err(SheetError::MappedTwice {
                            field: field.as_str(),
                            first: first.header.clone(),
                            second: column.header,
                        });
                    }
                    *place = Some(column);
                }
                None => self.push(*field, column),
            }
        }
        Ok(())
    }

    /// By header, else by letter: a column headed "C" is found under its name.
    fn resolve(&self, field: Field, wanted: &str) -> Result<usize, SheetError> {
        let by_name = self.names.iter().position(|n| same_name(n, wanted));
        let by_letter = || {
            let wanted = wanted.trim().to_ascii_uppercase();
            (0..self.names.len()).find(|i| letter(*i) == wanted)
        };
        by_name
            .or_else(by_letter)
            .ok_or_else(|| SheetError::UnknownColumn {
                column: wanted.to_owned(),
                field: field.as_str(),
                nearest: nearest(wanted, self.names.iter().map(String::as_str))
                    .unwrap_or_default()
                    .to_owned(),
            })
    }

    fn by_headers(&mut self) {
        if !self.said.contains(&Field::Phone) {
            for index in 0..self.names.len() {
                if !self.is_taken(index) && self.is_phone_by_header(index) {
                    let column = self.take(index);
                    self.push(Field::Phone, column);
                }
            }
        }
        // The identifier before the subject: a lone contract number identifies. But not a column that is
        // surely a subject.
        self.take_surest(Field::Id, |guess, index, name| {
            sureness(name, Field::Subject) < 9 && guess.can_identify(index)
        });
        for field in [
            Field::Amount,
            Field::Currency,
            Field::Zone,
            Field::Region,
            Field::City,
            Field::Language,
            Field::Consent,
        ] {
            self.take_surest(field, |_, _, _| true);
        }
        self.take_names();
        self.take_surest(Field::Subject, |_, _, _| true);
    }

    fn is_phone_by_header(&self, index: usize) -> bool {
        self.names.get(index).is_some_and(|name| {
            let phone = sureness(name, Field::Phone);
            phone > 0 && Field::ALL.into_iter().all(|f| sureness(name, f) <= phone)
        })
    }

    /// The free column whose header says the field most surely, the leftmost of equals.
    fn take_surest(&mut self, field: Field, also: impl Fn(&Self, usize, &str) -> bool) {
        if self.said.contains(&field) {
            return;
        }
        let best = self
            .names
            .iter()
            .enumerate()
            .filter(|(i, name)| !self.is_taken(*i) && also(self, *i, name))
            .map(|(i, name)| (sureness(name, field), std::cmp::Reverse(i)))
            .filter(|(sure, _)| *sure > 0)
            .max();
        if let Some((_, std::cmp::Reverse(index))) = best {
            let column = self.take(index);
            if let Some(place) = self.mapping.single(field) {
                *place = Some(column);
            }
        }
    }

    /// One whole name (ФИО), else all its parts (Фамилия, Имя, Отчество), else what may be a name (Клиент).
    fn take_names(&mut self) {
        if self.said.contains(&Field::Name) {
            return;
        }
        let free = |this: &Self, test: &dyn Fn(&str) -> bool| -> Vec<usize> {
            (0..this.names.len())
                .filter(|i| !this.is_taken(*i) && this.names.get(*i).is_some_and(|n| test(n)))
                .collect()
        };
        let whole = free(self, &|n| !is_name_part(n) && sureness(n, Field::Name) >= 8);
        let parts = free(self, &is_name_part);
        let perhaps = free(self, &|n| sureness(n, Field::Name) > 0);
        let chosen = match (whole.first(), parts.is_empty()) {
            (Some(first), _) => vec![*first],
            (None, false) => parts,
            (None, true) => perhaps.into_iter().take(1).collect(),
        };
        for index in chosen {
            let column = self.take(index);
            self.push(Field::Name, column);
        }
    }

    fn by_cells(&mut self) {
        if !self.said.contains(&Field::Phone) {
            let none_yet = self.mapping.phones.is_empty();
            for index in 0..self.names.len() {
                let open = self.names.get(index).is_some_and(|n| {
                    may_be_phone(n) || is_unnamed(n) || (none_yet && !is_known(n))
                });
                if open
                    && !self.is_taken(index)
                    && self.is_mostly(index, PHONE_CELLS_PERCENT, &|text| {
                        self.reads_as_phone(text)
                    })
                {
                    let column = self.take(index);
                    self.push(Field::Phone, column);
                }
            }
        }
        if self.mapping.zone.is_none() && !self.said.contains(&Field::Zone) {
            let zone = (0..self.names.len()).find(|i| {
                !self.is_taken(*i) && self.is_mostly(*i, ZONE_CELLS_PERCENT, &looks_like_zone)
            });
            self.mapping.zone = zone.map(|i| self.take(i));
        }
        if self.mapping.id.is_none() && !self.said.contains(&Field::Id) {
            let ordinal = (0..self.names.len()).find(|i| {
                !self.is_taken(*i)
                    && self.names.get(*i).is_some_and(|n| is_ordinal(n))
                    && self.is_unique(*i)
            });
            self.mapping.id = ordinal.map(|i| self.take(i));
        }
    }

    fn reads_as_phone(&self, text: &str) -> bool {
        !read_phone_cell(text, self.country, PhoneKind::Unknown)
            .phones
            .is_empty()
    }

    fn filled(&self, index: usize) -> impl Iterator<Item = &str> {
        self.rows
            .iter()
            .map(move |r| r.text(index))
            .filter(|t| !t.is_empty())
    }

    fn is_mostly(&self, index: usize, percent: usize, test: &dyn Fn(&str) -> bool) -> bool {
        let filled = self.filled(index).count();
        let good = self.filled(index).filter(|t| test(t)).count();
        filled > 0 && good * 100 >= filled * percent
    }

    /// A column headed «Account» may hold the kind of account: as an identifier it would make nearly every row a
    /// duplicate, or, mostly empty, a reject.
    fn can_identify(&self, index: usize) -> bool {
        let mut distinct: Vec<&str> = self.filled(index).collect();
        distinct.sort_unstable();
        distinct.dedup();
        self.rows.len() < TELLING_ROWS || distinct.len() * 4 >= self.rows.len()
    }

    fn is_unique(&self, index: usize) -> bool {
        let mut seen: Vec<&str> = self.filled(index).collect();
        let filled = seen.len();
        seen.sort_unstable();
        seen.dedup();
        filled > 0 && seen.len() == filled
    }

    fn is_taken(&self, index: usize) -> bool {
        self.taken.get(index).copied().unwrap_or(true)
    }

    fn take(&mut self, index: usize) -> Column {
        if let Some(taken) = self.taken.get_mut(index) {
            *taken = true;
        }
        Column {
            index,
            header: self.names.get(index).cloned().unwrap_or_default(),
        }
    }

    fn push(&mut self, field: Field, column: Column) {
        let list = if field == Field::Phone {
            &mut self.mapping.phones
        } else if field == Field::Name {
            &mut self.mapping.name
        } else {
            &mut self.mapping.fields
        };
        if !list.iter().any(|c| c.index == column.index) {
            list.push(column);
        }
    }

    fn finish(mut self) -> Result<Mapping, SheetError> {
        if self.mapping.phones.is_empty() {
            let columns: Vec<String> = self.names.iter().map(|n| format!("\"{n}\"")).collect();
            return Err(SheetError::NoPhoneColumn {
                columns: columns.join(", "),
            });
        }
        for index in 0..self.names.len() {
            if !self.is_taken(index) {
                let column = self.take(index);
                self.push(Field::Questionnaire, column);
            }
        }
        for list in [
            &mut self.mapping.phones,
            &mut self.mapping.name,
            &mut self.mapping.fields,
        ] {
            list.sort_by_key(|c| c.index);
        }
        Ok(self.mapping)
    }
}

fn is_unnamed(name: &str) -> bool {
    name.strip_prefix("Column ")
        .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_uppercase()))
}

/// `Europe/Moscow`, `UTC+3`, `GMT-05:00`, `МСК+2`.
fn looks_like_zone(text: &str) -> bool {
    let offset = |rest: &str| {
        rest.is_empty()
            || rest
                .trim()
                .strip_prefix(['+', '-', '\u{2212}'])
                .is_some_and(|r| !r.is_empty() && r.chars().all(|c| c.is_ascii_digit() || c == ':'))
    };
    let upper = text.trim().to_uppercase();
    if ["UTC", "GMT", "МСК", "MSK"]
        .iter()
        .any(|p| upper.strip_prefix(p).is_some_and(offset))
    {
        return true;
    }
    // An IANA name: an area with a capital, a slash, a place; no spaces.
    text.split_once('/').is_some_and(|(area, place)| {
        [
            "Africa",
            "America",
            "Antarctica",
            "Arctic",
            "Asia",
            "Atlantic",
            "Australia",
            "Europe",
            "Indian",
            "Pacific",
            "Etc",
        ]
        .contains(&area)
            && !place.is_empty()
            && !place.contains(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;

    fn map(names: &[&str], rows: &[&[&str]], said: &[&str]) -> Result<Mapping, SheetError> {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let rows: Vec<Row> = (2..)
            .zip(rows)
            .map(|(number, cells)| Row {
                number,
                cells: cells.iter().map(|c| Cell::text(c)).collect(),
            })
            .collect();
        let said: Vec<Assignment> = said.iter().map(|s| s.parse().unwrap()).collect();
        map_columns(&names, &rows, &said, Country::RU)
    }

    fn shape(mapping: &Mapping) -> String {
        serde_json::to_string(mapping).unwrap()
    }

    #[test]
    fn a_russian_debt_list_maps_itself() {
        let mapping = map(
            &[
                "№ п/п",
                "№ договора",
                "ФИО",
                "Телефон",
                "тел. раб.",
                "Сумма долга",
                "Город",
                "Часовой пояс",
                "Дней просрочки",
            ],
            &[],
            &[],
        )
        .unwrap();
        assert_eq!(
            shape(&mapping),
            r#"{"id":"№ договора","phones":["Телефон","тел. раб."],"amount":"Сумма долга","currency":null,"zone":"Часовой пояс","region":null,"city":"Город","language":null,"name":["ФИО"],"subject":null,"consent":null,"fields":["№ п/п","Дней просрочки"]}"#
        );
    }

    #[test]
    fn an_english_list_maps_itself() {
        let mapping = map(
            &[
                "Customer ID",
                "First name",
                "Last name",
                "Mobile",
                "Home phone",
                "State",
                "City",
                "Amount due",
                "Balance",
                "Currency",
                "Language",
                "Account no",
            ],
            &[],
            &[],
        )
        .unwrap();
        assert_eq!(
            shape(&mapping),
            r#"{"id":"Customer ID","phones":["Mobile","Home phone"],"amount":"Amount due","currency":"Currency","zone":null,"region":"State","city":"City","language":"Language","name":["First name","Last name"],"subject":"Account no","consent":null,"fields":["Balance"]}"#
        );
    }

    #[test]
    fn columns_without_telling_headers_are_known_by_their_cells() {
        let mapping = map(
            &["foo", "bar", "baz", "№"],
            &[
                &["x", "8 900 555-00-01", "Asia/Vladivostok", "1"],
                &["y", "нет", "UTC+3", "2"],
                &["z", "89005550002", "", "3"],
                &["z", "89005550003", "", "4"],
            ],
            &[],
        )
        .unwrap();
        assert_eq!(
            mapping.phones.iter().map(|c| c.index).collect::<Vec<_>>(),
            [1]
        );
        assert_eq!(mapping.zone.map(|c| c.index), Some(2));
        assert_eq!(mapping.id.map(|c| c.index), Some(3));
        assert_eq!(
            mapping.fields.iter().map(|c| c.index).collect::<Vec<_>>(),
            [0]
        );
    }

    #[test]
    fn a_column_of_few_different_or_few_values_does_not_identify() {
        let phones: Vec<String> = (0..24).map(|n| format!("890055500{n:02}")).collect();
        for (name, account) in [
            (
                "kinds",
                (|n| if n % 2 == 0 { "retail" } else { "firm" }) as fn(usize) -> &'static str,
            ),
            ("gaps", |n| if n == 3 { "A-1" } else { "" }),
        ] {
            let rows: Vec<[&str; 2]> = phones
                .iter()
                .enumerate()
                .map(|(n, p)| [account(n), p.as_str()])
                .collect();
            let rows: Vec<&[&str]> = rows.iter().map(|r| r.as_slice()).collect();
            let guessed = map(&["Account", "Phone"], &rows, &[]).unwrap();
            assert_eq!(guessed.id, None, "{name}");
            let said = map(&["Account", "Phone"], &rows, &["id=Account"]).unwrap();
            assert_eq!(said.id.map(|c| c.index), Some(0), "{name}");
        }
    }

    #[test]
    fn a_tax_number_beside_a_phone_column_stays_a_field() {
        let mapping = map(&["Телефон", "ИНН"], &[&["89005550001", "9005550002"]], &[]).unwrap();
        assert_eq!(mapping.phones.len(), 1);
        assert_eq!(mapping.fields.len(), 1);
    }

    #[test]
    fn what_the_user_says_replaces_the_guess() {
        let mapping = map(
            &["Телефон", "Контакт", "Долг", "Прочее"],
            &[],
            &["phone=контакт", "amount=D", "questionnaire=Долг"],
        )
        .unwrap();
        assert_eq!(
            shape(&mapping),
            r#"{"id":null,"phones":["Контакт"],"amount":"Прочее","currency":null,"zone":null,"region":null,"city":null,"language":null,"name":[],"subject":null,"consent":null,"fields":["Телефон","Долг"]}"#
        );
    }

    #[test]
    fn mistakes_of_the_user_are_named() {
        let error = |said: &[&str]| {
            map(&["Телефон", "Сумма"], &[], said)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            error(&["phone=Телифон"]),
            "no column \"Телифон\" for phone; did you mean \"Телефон\"? a letter such as C also names a column"
        );
        assert_eq!(
            error(&["id=A", "id=B"]),
            "id takes one column, but \"Телефон\" and \"Сумма\" are mapped to it"
        );
        assert_eq!(
            map(&["foo", "bar"], &[&["1", "2"]], &[])
                .unwrap_err()
                .to_string(),
            "no column with phone numbers found among \"foo\", \"bar\"; name it with --map phone=COLUMN"
        );
    }
}
