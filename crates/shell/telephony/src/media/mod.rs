//! The media half of legs: one thread that owns the RTP sockets, the 20 ms clock, bridges, plays and
//! key detectors.
//!
//! [`switchboard`] is what it thinks with: commands and packets in, packets and facts out, no sockets.
//! [`shard`] is the thread around it.

mod audio_leg;
mod counters;
mod desk;
mod error;
mod library;
mod loaded_voice;
mod playing;
mod ports;
mod receive;
mod shard;
mod sockets;
mod source;
mod switchboard;
#[cfg(test)]
mod switchboard_properties;
#[cfg(test)]
mod testing;
mod tick;

pub use counters::{Counter, MediaCounters};
pub use error::{LibraryError, MediaError, MissingSound};
pub use library::PromptLibrary;
pub use ports::PortRange;
pub use shard::{MediaOptions, MediaThread};
