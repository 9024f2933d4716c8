//! The gRPC services over `engine` and `store`: sessions, roles, and the translation of the contract.
//!
//! Decides who may ask what, and nothing about calls. Is told requests by clients, answers and events by the
//! engine, rows by the store. [`Service`] serves; [`EngineHandle`] is the way to the engine and back;
//! [`Desks`] carry the engine's events to agents; [`campaign_spec()`] turns a campaign's row into what the
//! engine works by, or everything that keeps it from working.
#![warn(clippy::indexing_slicing)]

mod agent_event;
mod bring;
mod campaign_config;
mod campaign_spec;
mod catalogue;
mod clock;
mod convert;
mod desk;
mod desks;
mod engine_handle;
mod error;
mod export;
mod gate;
mod halts;
mod identity;
mod import;
mod import_report;
mod import_zones;
mod ledgers;
mod password;
mod requests;
mod scratch;
mod secret;
mod server;
mod services;
mod sessions;
mod shared;
mod throttle;
mod tokens;

pub use bring::{bring_campaign, recount_ledger};
pub use campaign_spec::{Existing, campaign_spec};
pub use catalogue::{Catalogue, Contents, Voice};
pub use clock::Clock;
pub use desks::Desks;
pub use engine_handle::{EngineHandle, InboxError};
pub use error::{Error, FieldProblem};
pub use halts::Halts;
pub use identity::{Identity, Proof};
pub use server::{Options, Parts, ServeError, Service, Tls, TrunksChanged, offer_setup_token};
pub use services::{Question, QuestionKind, Transport, TrunkConnection};
