//! SIP as state machines. So far: messages.
#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

mod address;
mod header_name;
mod lexis;
mod media;
mod message;
mod method;
mod typed;
mod via;
mod writer;

pub use address::{Host, NameAddr, Uri};
pub use header_name::HeaderName;
pub use lexis::Params;
pub use media::{Codec, Codecs, LocalMedia, RemoteMedia};
pub use message::{
    BodyProblem, Glance, HEADERS_MAX, Header, MESSAGE_BYTES_MAX, Message, ReadError, StartLine,
    glance,
};
pub use method::Method;
pub use typed::{CSeq, Reason};
pub use via::Via;
pub use writer::Writer;
