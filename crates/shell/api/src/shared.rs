//! What every service needs.

use store::Store;

use crate::ledgers::Ledgers;
use crate::password::Passwords;
use crate::requests::Requests;
use crate::sessions::Sessions;
use crate::throttle::Throttle;
use crate::tokens::Tokens;
use crate::{Catalogue, Clock, Desks, EngineHandle, Halts, TrunksChanged};
use std::sync::Arc;

/// The parts that services share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) engine: EngineHandle,
    pub(crate) desks: Desks,
    pub(crate) sessions: Sessions,
    pub(crate) halts: Halts,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) passwords: Passwords,
    pub(crate) throttle: Throttle,
    pub(crate) requests: Requests,
    pub(crate) clock: Clock,
    pub(crate) catalogue: Catalogue,
    pub(crate) ledgers: Ledgers,
    pub(crate) trunks_changed: TrunksChanged,
    pub(crate) sip_realm: String,
    pub(crate) scratch: std::path::PathBuf,
    pub(crate) started_at: model::WallTime,
    /// Held from the first look at a campaign's row until the engine was told of its change: else a pause
    /// could be committed after a start and reach the engine before it.
    pub(crate) campaign_changes: tokio::sync::Mutex<()>,
}
