//! A deterministic world around the very engine that runs production: a carrier, people, agents and a
//! database, all pretended, on a pretended clock.
//!
//! The world keeps books of its own and compares them with what the engine does after every step
//! ([`Violation`]). The same scenario and seed give the same trace, byte for byte.
//!
//! ```
//! use simulator::{Scenario, World};
//! let day = World::run(&Scenario::small(), 7)?;
//! assert!(day.connected > 0 && day.unfinished == 0);
//! # Ok::<(), simulator::Violation>(())
//! ```
#![warn(missing_docs)]

mod books;
mod carrier;
mod people;
mod scenario;
mod world;

pub use books::Violation;
pub use scenario::{Faults, Scenario, Team, campaign};
pub use world::{Report, World};
