//! One service of the contract per file: requests in, rows and questions to the engine, answers out. What takes more
//! than a few lines of an RPC has a file of its own.

mod accounts;
mod admin;
mod agent;
mod assignment;
mod auth;
mod board;
mod campaigns;
mod check;
mod drafts;
mod explain;
mod lifecycle;
mod lists;
mod orders;
mod questionnaires;
mod report;
mod suppressions;
mod trunks;
mod versions;

pub(crate) use admin::Admin;
pub(crate) use agent::Agents;
pub(crate) use auth::Auth;
pub(crate) use board::{Board, mode as mode_to_proto, state as state_to_proto};
pub(crate) use campaigns::Campaigns;
pub(crate) use check::count_zone;
pub(crate) use lists::{Lists, list_named};
pub use questionnaires::{Question, QuestionKind};
pub(crate) use questionnaires::{Questionnaires, question_fields};
pub(crate) use suppressions::Suppressions;
pub use trunks::{Transport, TrunkConnection};
