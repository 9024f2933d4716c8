//! What a column can mean.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SheetError;
use crate::nearest::nearest;

/// A meaning that a column can be given with `--map FIELD=COLUMN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// What the file's owner calls this row: a customer or contract number. One column.
    Id,
    /// Phone numbers, one or more in a cell. Any number of columns, tried in file order.
    Phone,
    /// The amount to speak. One column.
    Amount,
    /// The amount's currency: a code, a sign or a word. One column.
    Currency,
    /// A time zone, as stated. One column.
    Zone,
    /// A region or state. One column.
    Region,
    /// A city. One column.
    City,
    /// The person's language. One column.
    Language,
    /// The person's or firm's name; several columns are joined in file order.
    Name,
    /// The debt or contract the call is about. One column.
    Subject,
    /// Consent to be called. One column.
    Consent,
    /// A questionnaire field, whatever the header looks like. Any number of columns.
    Questionnaire,
}

impl Field {
    /// All fields, in the order of [`Field::NAMES`].
    pub const ALL: [Self; 12] = [
        Self::Id,
        Self::Phone,
        Self::Amount,
        Self::Currency,
        Self::Zone,
        Self::Region,
        Self::City,
        Self::Language,
        Self::Name,
        Self::Subject,
        Self::Consent,
        Self::Questionnaire,
    ];

    /// The names that `--map` takes.
    pub const NAMES: [&'static str; 12] = [
        "id",
        "phone",
        "amount",
        "currency",
        "zone",
        "region",
        "city",
        "language",
        "name",
        "subject",
        "consent",
        "questionnaire",
    ];

    /// The name that `--map` takes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Phone => "phone",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::Zone => "zone",
            Self::Region => "region",
            Self::City => "city",
            Self::Language => "language",
            Self::Name => "name",
            Self::Subject => "subject",
            Self::Consent => "consent",
            Self::Questionnaire => "questionnaire",
        }
    }

    /// Whether more than one column can have this meaning.
    pub const fn takes_many(self) -> bool {
        matches!(self, Self::Phone | Self::Name | Self::Questionnaire)
    }
}

impl FromStr for Field {
    type Err = SheetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = text.trim().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|f| f.as_str() == wanted)
            .ok_or_else(|| SheetError::UnknownField {
                field: text.to_owned(),
                nearest: nearest(&wanted, Self::NAMES).unwrap_or("phone"),
            })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One `--map FIELD=COLUMN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// What the column means.
    pub field: Field,
    /// Its header, or its letter as the spreadsheet program shows it.
    pub column: String,
}

impl FromStr for Assignment {
    type Err = SheetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((field, column)) if !column.trim().is_empty() => Ok(Self {
                field: field.parse()?,
                column: column.trim().to_owned(),
            }),
            _ => Err(SheetError::BadMapping {
                text: text.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_read_back_from_its_name() {
        for (field, name) in Field::ALL.into_iter().zip(Field::NAMES) {
            assert_eq!(field.as_str(), name);
            assert_eq!(name.parse::<Field>().unwrap(), field);
        }
    }

    #[test]
    fn an_unknown_field_names_the_nearest() {
        let error = "phnoe=A".parse::<Assignment>().unwrap_err().to_string();
        assert!(
            error.starts_with("no field \"phnoe\" to map; did you mean \"phone\"?"),
            "{error}"
        );
        let error = "phone".parse::<Assignment>().unwrap_err().to_string();
        assert_eq!(
            error,
            "\"phone\" is not FIELD=COLUMN, for example phone=Телефон"
        );
    }
}
