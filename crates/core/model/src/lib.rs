//! The nouns of the field as types: what the other crates speak about.
//!
//! Decides nothing and depends on nothing of Outdial. Every type is plain data: it can be built in a
//! test, logged, stored and replayed.
//!
//! ```
//! use model::{E164, Money, Share};
//! let number: E164 = "+79161234567".parse()?;
//! assert_eq!(format!("{number:?}"), "+********567"); // logs never show a whole number
//! assert_eq!(Share::of(3, 100), Share::from_ppm(30_000));
//! let debt = Money::new(123_405, "RUB".parse()?);
//! assert_eq!(debt.to_string(), "1234.05 RUB");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

mod call_result;
mod disposition;
mod history;
mod id;
mod leg;
mod money;
mod number;
mod problem;
mod share;
mod time;
mod zone;

pub use call_result::{CallResult, Human, UnknownCallResult};
pub use disposition::{Disposition, DispositionAction, DispositionKind, standard_dispositions};
pub use history::{LedgerClass, PastTry};
pub use id::*;
pub use leg::{Ended, LegEnd, SipStatus};
pub use money::{Currency, Money, ParseCurrencyError, ParseMoneyError};
pub use number::{E164, ParseNumberError};
pub use problem::Problem;
pub use share::Share;
pub use time::{Now, Timestamp, WallTime};
pub use zone::{UnknownZone, ZoneSet};
