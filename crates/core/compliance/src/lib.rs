//! May this number be called now, and if not, when? And how many of those who answered were left alone?
//!
//! Is told: profiles (dated rules of a jurisdiction, as data), the candidate zones of a number, its
//! history, and the instant. Decides: where a person may be ([`zones_of_number`], [`zones_of_place`],
//! [`join`]), whether the windows are open and until when ([`Rules::window`]),
//! whether a call may start ([`Rules::check`]), the class of an answered call in the abandon ledger
//! ([`ledger_class`]) and the rate by a profile's own formula ([`LedgerCounts::rate`]).
//!
//! ```
//! use compliance::{Profile, Rules};
//! use model::{WallTime, ZoneSet};
//!
//! let profiles = Profile::load(r#"
//!     [profile.example]
//!     version = 1
//!     title = "An example"
//!     status = "confirmed"
//!     applies_to = { country = "US", purposes = ["sales"] }
//!     [profile.example.windows]
//!     basis = "own"
//!     source = "nowhere"
//!     confidence = "certain"
//!     mon = [["08:00", "21:00"]]
//!     tue = [["08:00", "21:00"]]
//!     wed = [["08:00", "21:00"]]
//!     thu = [["08:00", "21:00"]]
//!     fri = [["08:00", "21:00"]]
//!     sat = []
//!     sun = []
//! "#)?;
//! let rules = Rules::combine(&profiles, None)?;
//! let zones = ZoneSet::from_names(["America/New_York"])?;
//! let saturday: WallTime = "2026-03-07T15:00:00Z".parse()?;
//! let window = rules.window(&zones, saturday);
//! assert!(!window.open);
//! // Monday 08:00, after the clocks were put forward.
//! assert_eq!(window.next, Some("2026-03-09T12:00:00Z".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

mod abandon;
mod calling_window;
mod caps;
mod check;
mod error;
mod group;
mod hours;
mod ledger;
mod load;
mod open_day;
mod period;
mod places;
mod profile;
mod ranges;
mod rules;
mod zones;

pub use abandon::{AbandonMessage, AbandonRule, Formula, ProfileAbandon};
pub use calling_window::Window;
pub use caps::{Cap, CapKind, Counts, Scope};
pub use check::{Asked, Verdict};
pub use error::ProfileError;
pub use hours::{ClockTime, DailyHours, HoursError, Span};
pub use ledger::{AnsweredTimes, LedgerCounts, Machines, ledger_class, wilson_upper_95};
pub use period::{Period, PeriodSpan};
pub use places::zones_of_place;
pub use profile::{
    Basis, Calendar, CallerId, Confidence, Identity, Overlap, Profile, Retention, Source, Status,
    Suppression, SuppressionList, Windows,
};
pub use ranges::{NumberRange, NumberRanges};
pub use rules::{RuleRef, Rules, RulesError};
pub use zones::{
    Evidence, Whereabouts, assumable, join, number_evidence, zones_of_country, zones_of_number,
};
