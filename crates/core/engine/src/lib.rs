//! The whole dialer as one pure state machine: campaigns, agents, calls, trunks, routing and retries.
//!
//! It is told facts and answers with wishes. Nothing here opens a socket, reads a clock or draws a
//! random number; the same inputs give the same effects, byte for byte.
#![warn(
    missing_docs,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing
)]

mod leg;

pub use leg::{LegCommand, LegEvent, Sound, Tone};
