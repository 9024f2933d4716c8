//! What comes out of a file: plain data for whoever stores or prints it.

use std::fmt;

use model::{E164, Money};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

/// Where a number rings, as far as the file says.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum PhoneKind {
    /// A mobile phone.
    Mobile,
    /// At home.
    Home,
    /// At work.
    Work,
    /// The file does not say.
    #[default]
    Unknown,
}

/// One usable number of a prospect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedPhone {
    /// What is dialled.
    pub number: E164,
    /// The number's own part of the cell, as it was written.
    pub raw: String,
    /// From the header, or from a word beside the number.
    pub kind: PhoneKind,
    /// Digits to send after the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

/// A row that can be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedProspect {
    /// The row in the sheet, from 1.
    pub row: u32,
    /// The identifier's cell; without an identifier column, the first number in E.164.
    pub external_id: String,
    /// The person's or firm's name; empty when the file has none.
    pub name: String,
    /// At least one; in the order of the columns, then of the cell; no number twice.
    pub phones: Vec<ImportedPhone>,
    /// Absent without an amount column, and when the cell holds no positive amount (then there is a warning).
    pub amount: Option<Money>,
    /// The zone as stated; empty when the file has none.
    pub zone_text: String,
    /// The region or state as stated; empty when the file has none.
    pub region_text: String,
    /// The city as stated; empty when the file has none.
    pub city_text: String,
    /// The language as stated.
    pub language: Option<String>,
    /// The debt or contract the call is about.
    pub subject: Option<String>,
    /// Consent as stated.
    pub consent_text: Option<String>,
    /// Header and text, as it was written, of every cell that holds something, in file order, but identifier, name,
    /// numbers, amount, currency and subject; an object in JSON.
    #[serde(with = "crate::ordered_fields")]
    pub fields: Vec<(String, String)>,
}

/// Why a piece of text is no number that can be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberFault {
    /// `7.91612E+10`: a spreadsheet program has replaced the last digits.
    DamagedBySpreadsheet,
    /// No digits of a number in it.
    NotANumber,
    /// Begins with a plus and no country has this code.
    UnknownCountryCode,
    /// Fewer digits than any number there.
    TooShort,
    /// More digits than any number there.
    TooLong,
    /// Between the shortest and the longest numbers there, yet no number has so many digits.
    WrongLength,
    /// A local number without its area code.
    NoAreaCode,
    /// The right length, but no such range has been given out.
    NotInUse,
}

impl NumberFault {
    /// The label in reports and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DamagedBySpreadsheet => "damaged_by_spreadsheet",
            Self::NotANumber => "not_a_number",
            Self::UnknownCountryCode => "unknown_country_code",
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::WrongLength => "wrong_length",
            Self::NoAreaCode => "no_area_code",
            Self::NotInUse => "not_in_use",
        }
    }
}

impl fmt::Display for NumberFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DamagedBySpreadsheet => {
                "lost its last digits when the file was saved; format the column as text and save it again"
            }
            Self::NotANumber => "is not a phone number",
            Self::UnknownCountryCode => "begins with no country's code",
            Self::TooShort => "is too short",
            Self::TooLong => "is too long",
            Self::WrongLength => "has the wrong number of digits",
            Self::NoAreaCode => "lacks its area code",
            Self::NotInUse => "is in no range that has been given out",
        })
    }
}

/// A piece of a phone cell that cannot be dialled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedNumber {
    /// The column's header.
    pub column: String,
    /// As it was written.
    pub raw: String,
    /// Why not.
    pub fault: NumberFault,
}

impl fmt::Display for RefusedNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" in column \"{}\" {}",
            self.raw, self.column, self.fault
        )
    }
}

/// Why a whole row cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// All phone cells are empty.
    NoPhone,
    /// There is text in the phone cells, and none of it can be dialled.
    NoUsablePhone(Vec<RefusedNumber>),
    /// The identifier's cell is empty.
    NoId {
        /// The identifier's column.
        column: String,
    },
    /// The header once more, as in files glued together.
    RepeatedHeader,
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPhone => f.write_str("no phone number"),
            Self::NoUsablePhone(refused) => {
                f.write_str("no usable phone number: ")?;
                for (i, number) in refused.iter().enumerate() {
                    if i > 0 {
                        f.write_str("; ")?;
                    }
                    write!(f, "{number}")?;
                }
                Ok(())
            }
            Self::NoId { column } => write!(f, "no identifier in column \"{column}\""),
            Self::RepeatedHeader => f.write_str("the header is repeated here"),
        }
    }
}

/// A row that cannot be used. Written to JSON as `{"row", "reason"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The row in the sheet, from 1.
    pub row: u32,
    /// Why.
    pub reason: RejectReason,
    /// What stood in it, for the rejects' file.
    pub cells: Vec<String>,
}

/// A row whose identifier has been seen: the first one counts. Written to JSON as `{"row", "reason"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The row in the sheet, from 1.
    pub row: u32,
    /// The row that counts.
    pub first_row: u32,
    /// What both call themselves.
    pub external_id: String,
    /// What stood in it, for the rejects' file.
    pub cells: Vec<String>,
}

impl Duplicate {
    /// The reason as a report says it.
    pub fn reason(&self) -> String {
        format!(
            "identifier \"{}\" stands already in row {}",
            self.external_id, self.first_row
        )
    }
}

/// Something to know about a row that is used all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningReason {
    /// One of several numbers cannot be dialled.
    NumberRefused(RefusedNumber),
    /// Another prospect has the same number; both are kept, and it is never called twice at once.
    NumberShared {
        /// The number.
        number: E164,
        /// The row where it stood first.
        first_row: u32,
    },
    /// The cell is empty; the prospect has no amount.
    AmountMissing,
    /// The cell cannot be read as an amount; the prospect has none.
    AmountUnreadable {
        /// What stands there.
        text: String,
    },
    /// Zero or a credit; the prospect has no amount.
    AmountNotPositive {
        /// What stands there.
        text: String,
    },
    /// More decimals than the currency has; rounded half away from zero.
    AmountRounded {
        /// What stands there.
        text: String,
        /// What it became.
        amount: Money,
    },
    /// Neither a column nor the cell nor the option says the currency; the prospect has no amount.
    CurrencyMissing,
    /// The currency is unknown; the prospect has no amount.
    CurrencyUnknown {
        /// What stands there.
        text: String,
    },
}

impl WarningReason {
    /// The label in counts.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NumberRefused(_) => "number_refused",
            Self::NumberShared { .. } => "number_shared",
            Self::AmountMissing => "amount_missing",
            Self::AmountUnreadable { .. } => "amount_unreadable",
            Self::AmountNotPositive { .. } => "amount_not_positive",
            Self::AmountRounded { .. } => "amount_rounded",
            Self::CurrencyMissing => "currency_missing",
            Self::CurrencyUnknown { .. } => "currency_unknown",
        }
    }
}

impl fmt::Display for WarningReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NumberRefused(number) => write!(f, "{number}"),
            Self::NumberShared { number, first_row } => {
                write!(
                    f,
                    "{number} stands already in row {first_row}; both prospects are kept"
                )
            }
            Self::AmountMissing => f.write_str("no amount"),
            Self::AmountUnreadable { text } => write!(f, "\"{text}\" is not an amount"),
            Self::AmountNotPositive { text } => write!(f, "amount \"{text}\" is not above zero"),
            Self::AmountRounded { text, amount } => {
                write!(f, "amount \"{text}\" was rounded to {amount}")
            }
            Self::CurrencyMissing => f.write_str(
                "no currency for the amount; give one for the file, or map a currency column",
            ),
            Self::CurrencyUnknown { text } => write!(f, "currency \"{text}\" is not known"),
        }
    }
}

/// Something to know about a row that is used all the same. Written to JSON as `{"row", "reason"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The row in the sheet, from 1.
    pub row: u32,
    /// What.
    pub reason: WarningReason,
}

fn report<S: Serializer>(serializer: S, row: u32, reason: &str) -> Result<S::Ok, S::Error> {
    let mut line = serializer.serialize_struct("Row", 2)?;
    line.serialize_field("row", &row)?;
    line.serialize_field("reason", reason)?;
    line.end()
}

impl Serialize for Rejected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        report(serializer, self.row, &self.reason.to_string())
    }
}

impl Serialize for Duplicate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        report(serializer, self.row, &self.reason())
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        report(serializer, self.row, &self.reason.to_string())
    }
}
