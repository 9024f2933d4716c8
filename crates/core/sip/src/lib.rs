//! SIP as state machines: messages, transactions, dialogs, digest, offer/answer and a registrar.
//!
//! One [`UserAgent`] is one socket's worth of SIP. It is told datagrams, commands and the time, and
//! answers with datagrams and events. It decides what a protocol step is; what an event *means* for a
//! campaign is said by the engine. It opens no socket, reads no clock and resolves no names: peers are
//! addresses.
//!
//! **Invariant:** for every leg invited and every one reported as incoming, exactly one [`Event::Ended`]
//! comes, and it is the leg's last event (`tests/races.rs`).
//! **Invariant:** a 2xx is never left without an ACK, and one that nobody wants gets a BYE as well.
//! **Invariant:** every table is bounded, and empty again when the last timer has run.
//!
//! | Procedure | File |
//! |---|---|
//! | reading and writing messages | `message`, `typed`, `writer` |
//! | INVITE and other client transactions | `invite_client`, `request_client` |
//! | server transactions | `server` |
//! | a leg: calling, being called, talking | `caller`, `callee`, `leg` |
//! | answers that nobody waits for | `stray` |
//! | what is left to say when the process dies | `unfinished` |
//! | requests from outside | `inbound` |
//! | digest, both sides | `digest`, `auth` |
//! | offer and answer | `sdp`, `offer_answer` |
//! | being a registrar, registering, watching a peer | `registrar`, `registration`, `watching` |
//!
//! ```
//! use model::{LegId, Now};
//! use sip::*;
//! let mut ua = UserAgent::new(
//!     Options {
//!         local: "192.0.2.1:5060".parse()?,
//!         product: "Outdial".into(),
//!         timers: Timers::default(),
//!         legs_max: 1_000,
//!         inbound: Inbound::Refuse(model::SipStatus(403)),
//!         realm: None,
//!     },
//!     [7; 32], // from the system's random source in production
//! );
//! let invite = Invite {
//!     leg: LegId(1),
//!     to: Callee::Peer { addr: "192.0.2.2:5060".parse()?, uri: "sip:+4930123456@192.0.2.2".into() },
//!     from: "sip:+4930654321@192.0.2.1".into(),
//!     asserted: None,
//!     call_id: "attempt-1".into(),
//!     media: LocalMedia { addr: "192.0.2.1:4000".parse()?, codecs: Codecs::AlawUlaw },
//!     credentials: None,
//!     next_hop: NextHop::Dialog,
//! };
//! ua.handle(Now::default(), Input::Command(Command::Invite(Box::new(invite))));
//! let Some(Effect::Send { to, bytes, .. }) = ua.poll_effect() else { return Err("nothing sent".into()) };
//! assert_eq!(to, "192.0.2.2:5060".parse()?);
//! assert!(bytes.starts_with(b"INVITE sip:+4930123456@192.0.2.2 SIP/2.0\r\n"));
//! assert!(ua.next_wakeup().is_some()); // timer A
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
mod unfinished;
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
