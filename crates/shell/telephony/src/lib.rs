//! Legs carried out: SIP and RTP sockets on one side, [`engine::LegCommand`] and [`engine::LegEvent`] on the other.
//!
//! It decides nothing: what a fact means is said by the engine.
//!
//! A [`Shard`] is one UDP socket with its user agent on one plain thread. It is told commands through its
//! [`ShardHandle`] and reports into an [`EventSink`]; audio is the business of whatever stands behind the
//! [`MediaHandle`]. A leg belongs to the shard that its trunk or phone knows.
//!
//! **Invariant:** a shard may refuse, never delay: its handle and its sink do not wait.
//! **Invariant:** each leg asked for gets exactly one `LegEvent::Ended`, its last event (`tests/carrier.rs`).
#![warn(missing_docs)]

mod error;
mod event;
mod gate;
mod keepsake;
mod media;
mod media_api;
mod phone;
mod shard;
mod socket;
mod switchboard;
mod trunk;

pub use error::ShardError;
pub use event::{EventSink, TelephonyEvent};
pub use media::{
    Counter, LibraryError, MediaCounters, MediaError, MediaOptions, MediaThread, MissingSound,
    PortRange, PromptLibrary,
};
pub use media_api::{MediaCommand, MediaHandle, MediaPorts, MediaStopped, OpenError};
pub use phone::PhoneUser;
pub use shard::{Shard, ShardCommand, ShardHandle, ShardOptions, ShardTally};
pub use trunk::{CallerIn, NumberForm, TrunkPeer};
