//! Postgres, and nothing else knows SQL: what the dialer remembers, and who may have which prospect.
//!
//! Decides nothing about calls. It is told what to write and answers with rows as domain types; which
//! zone sets are open, what a cap says and what follows a result is said by others.
#![warn(clippy::indexing_slicing)]

mod access;
mod account;
mod agent;
mod agent_session;
mod attempt;
mod attempt_list;
mod backup;
mod batch;
mod callback;
mod campaign;
mod campaign_list;
mod campaign_version;
mod card;
mod claim_facts;
mod cluster;
mod convert;
mod currency;
mod db;
mod draft;
mod error;
mod event;
mod halt;
mod import;
mod import_record;
mod inspection;
mod launch;
mod list;
mod node;
mod number;
mod outcome;
mod page;
mod place;
mod progress;
mod queue;
mod recovery;
mod refusal;
mod report;
mod request;
mod service;
mod spool;
mod suppression;
#[cfg(feature = "testing")]
pub mod testing;
mod trunk;
mod work_kind;

pub use access::Access;
pub use account::{Account, AccountChange, AccountId, NewAccount, Role, SecretHash, Token};
pub use agent::{Agent, AgentGroup, NewAgent, WorkItem};
pub use agent_session::AgentSession;
pub use attempt::Finished;
pub use attempt_list::{AttemptLine, AttemptPage};
pub use backup::{BackupError, Manifest, Recording, Recordings, Restored, back_up, restore};
pub use callback::{CallbacksOf, MovedCallback};
pub use campaign::{Campaign, CampaignConfig, Questionnaire};
pub use campaign_list::{Filled, HELD_NO_ZONE};
pub use campaign_version::{CampaignVersion, Configured};
pub use card::Record;
pub use cluster::{Cluster, ClusterError, ClusterOptions, postgres_found};
pub use db::{Options, Store};
pub use draft::OpenDraft;
pub use engine::{CampaignState, Mode};
pub use error::Error;
pub use event::Event;
pub use import::{ImportRow, Imported, IntoList, NewPhone, NewProspect, Reject};
pub use import_record::{ImportRecord, KeptRange, PastImport};
pub use inspection::{BrokenKey, Inspection, Pages};
pub use list::{List, NeverCount, Phone, Prospect, ZoneCount};
pub use node::Run;
pub use page::{Page, PageRequest};
pub use progress::Progress;
pub use queue::{CLAIM_MAX, ClaimRequest, Opening, Openings};
pub use recovery::Recovered;
pub use report::{
    AgentReport, CampaignReport, ExportRow, HeldCount, LastAttempt, LastOutcome, ProspectCounts,
};
pub use request::{RequestKey, Seen};
pub use service::{
    FactSink, OpeningsOf, Replayed, Service, ServiceOptions, StoreHandle, replay_spool,
};
pub use suppression::Suppression;
pub use trunk::{Trunk, TrunkGroup, TrunkSettings};
