//! The world around the daemon, made of real packets: a carrier with people behind its numbers, phones,
//! and agents who work over gRPC. Tests, benches and the demo share it.
//!
//! Nothing here is a stand-in for the daemon's own code: the carrier answers SIP and speaks RTP, a phone
//! registers with digest, an agent is a client of the public API. Who is heard is told by tones: every
//! number and every agent has a [`Voice`].
//!
//! **Invariant:** only loopback addresses are bound and called (`socket::tests`, `tests/loopback.rs`).
//! **Invariant:** whom a call meets is a function of seed, number and how often it was called
//! (`behaviour::tests`).
//!
//! ```
//! use std::time::Duration;
//! use testkit::{Behaviour, Carrier, CarrierOptions, Mix, Person};
//! let busy = "+79161234567".parse()?;
//! let town = Behaviour::new(1, Mix::default()).with(busy, Person::busy());
//! let carrier = Carrier::start(CarrierOptions::new(town))?;
//! assert!(carrier.addr().ip().is_loopback());
//! assert_eq!(carrier.counts().invites, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod agent;
mod behaviour;
mod call_log;
mod carrier;
mod challenge;
mod clock;
mod counts;
mod draw;
mod ear;
mod error;
mod exchange;
mod habits;
mod handset;
mod line;
mod offer;
mod person;
mod phone;
mod reactor;
mod script;
mod sip_socket;
mod socket;
mod team;
mod voice;
mod worker;

pub use agent::{AgentOptions, SimAgent};
pub use behaviour::{Behaviour, Mix};
pub use call_log::{Call, CallEnd, CallLog, CarrierCounts, SeenRequest};
pub use carrier::{Carrier, CarrierOptions};
pub use challenge::Account;
pub use counts::{Acknowledged, AgentCounts};
pub use draw::Span;
pub use ear::Heard;
pub use error::TestkitError;
pub use habits::Habits;
pub use person::{Does, KeyPress, Person, Talk};
pub use phone::{Manner, Phone, PhoneBank, PhoneCall, PhoneOptions, PhoneState};
pub use team::{Member, Team, TeamOptions};
pub use voice::Voice;
