//! Legs carried out: SIP and RTP sockets on one side, [`engine::LegCommand`] and [`engine::LegEvent`] on the other.
//!
//! It decides nothing: what a fact means is said by the engine.
#![warn(missing_docs)]

mod media_api;

pub use media_api::{MediaCommand, MediaHandle, MediaPorts, MediaStopped, OpenError};
