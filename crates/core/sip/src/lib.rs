//! SIP as state machines: messages, transactions, dialogs, digest, offer/answer and a registrar.
#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

mod address;
mod auth;
mod callee;
mod caller;
mod dialog;
mod digest;
mod exchange;
mod header_name;
mod inbound;
mod invite_client;
mod leg;
mod lexis;
mod media;
mod message;
mod method;
mod offer_answer;
mod random;
mod registrar;
mod registration;
mod reply;
mod request_client;
mod sdp;
mod server;
mod stray;
mod timers;
mod typed;
mod user_agent;
mod via;
mod watching;
mod wire;
mod writer;

pub use address::{Host, NameAddr, Uri};
pub use digest::{Algorithm, Credentials, Secret};
pub use exchange::*;
pub use header_name::HeaderName;
pub use lexis::Params;
pub use media::{Codec, Codecs, LocalMedia, RemoteMedia};
pub use message::{
    BodyProblem, Glance, HEADERS_MAX, Header, MESSAGE_BYTES_MAX, Message, ReadError, StartLine,
    glance,
};
pub use method::Method;
pub use typed::{CSeq, Reason};
pub use user_agent::UserAgent;
pub use via::Via;
pub use writer::Writer;
