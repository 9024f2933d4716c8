//! SIP as state machines: messages, transactions, dialogs, digest, offer/answer and a registrar.
#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

mod media;

pub use media::{Codec, Codecs, LocalMedia, RemoteMedia};
