//! Spreadsheets of any shape in, results out.
//!
//! Decides which column of a stranger's file means what and turns its rows into prospects with numbers that can
//! be dialled; what cannot be used comes back with its row and reason. Is told the file, the country of national
//! numbers and what the user says about columns. Knows no database, no clock and no time zones: zone, region and
//! city are handed on as stated.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = std::env::temp_dir().join(format!("sheets-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! # let path = dir.join("list.csv");
//! std::fs::write(&path, "ФИО;Телефон;Долг, руб.\nИванов И. И.;8 (900) 555-00-01, 8 900 555 00 02;1 234,50\n")?;
//! let import = sheets::import(&path, sheets::Options::new("RU".parse()?))?;
//! let prospect = &import.prospects[0];
//! assert_eq!(prospect.name, "Иванов И. И.");
//! assert_eq!(prospect.phones[1].number.to_string(), "+79005550002");
//! assert_eq!(prospect.amount.map(|a| a.to_string()).as_deref(), Some("1234.50 RUB"));
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

mod amount;
mod archive;
mod causes;
mod cell;
mod column_guess;
mod csv_rows;
mod decimal_mark;
mod encoding;
mod error;
mod field;
mod header;
mod header_words;
mod import;
mod limits;
mod mapping;
mod nearest;
mod ordered_fields;
mod phone;
mod phone_cell;
mod prospect;
mod ranges;
mod records;
mod rejects;
mod results;
pub mod sample;
mod source;
mod walk;
mod xlsx_rows;
mod xlsx_table;

pub use causes::{Cause, CauseKind, Causes};
pub use decimal_mark::{DecidedMark, DecimalMark};
pub use error::SheetError;
pub use field::{Assignment, Field};
pub use import::{Import, Importer, Item, Options, Summary, Survey, import};
pub use limits::Limits;
pub use mapping::{Column, Mapping};
pub use phone::Country;
pub use prospect::{
    Duplicate, ImportedPhone, ImportedProspect, NumberFault, PhoneKind, RefusedNumber,
    RejectReason, Rejected, Warning, WarningReason,
};
pub use ranges::{NumbersOf, RangeFault, RangeRow, read_ranges};
pub use records::{Record, read_records};
pub use rejects::RejectsWriter;
pub use results::{OutColumn, ResultsWriter, Value};
