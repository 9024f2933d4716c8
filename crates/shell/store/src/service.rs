//! Carries the engine's wishes out: claims, launches and writes, each in a lane of its own, so that
//! neither waits for the other; and keeps what must be written when the database is away.

mod claims;
mod health;
mod launches;
mod upkeep;
mod writes;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::{Launch, MissedCallback, StoreFact, StoreWish};
use model::{AgentId, CampaignId, ProspectId, WallTime, ZoneSet};
use tokio::sync::{mpsc, watch};

use crate::node::Run;
use crate::progress::Progress;
use crate::queue::Opening;
use crate::spool::{Entry, Spool, Write};
use crate::{Error, Store};

use health::Health;

/// Says whether a zone set of a campaign may be called at an instant.
pub type OpeningsOf = Arc<dyn Fn(CampaignId, &ZoneSet, WallTime) -> Opening + Send + Sync>;
/// Where facts go. Must not block.
pub type FactSink = Arc<dyn Fn(StoreFact) + Send + Sync>;

/// How the service works.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// The run of this daemon, from [`Store::begin_run`].
    pub run: Run,
    /// Where results are kept while the database is away. Made when missing.
    pub spool_dir: PathBuf,
    /// How long a claim is held unless renewed; longer than any ringing. Renewed three times within it.
    pub lease: Duration,
    /// Writes that may wait in memory.
    pub backlog: usize,
}

impl ServiceOptions {
    /// With the usual values: leases of 90 s, 50,000 writes.
    pub fn new(run: Run, spool_dir: impl Into<PathBuf>) -> Self {
        Self {
            run,
            spool_dir: spool_dir.into(),
            lease: Duration::from_secs(90),
            backlog: 50_000,
        }
    }
}

/// Asks for prospects.
#[derive(Debug)]
pub(crate) enum ClaimWish {
    Many {
        campaign: CampaignId,
        count: u32,
        at: WallTime,
        lookback: Duration,
    },
    One {
        agent: AgentId,
        campaign: CampaignId,
        prospect: ProspectId,
        at: WallTime,
        lookback: Duration,
    },
    Callbacks(AgentId),
    Missed {
        campaign: CampaignId,
        before: WallTime,
        missed: MissedCallback,
        at: WallTime,
    },
}

/// Claims and launches that may wait; the engine has one claim open per campaign, and holds a channel of
/// a trunk for each launch.
const QUESTIONS_WAITING: usize = 4_096;

/// Takes the engine's wishes. Cheap to clone; never waits.
#[derive(Clone, Debug)]
pub struct StoreHandle {
    run: Run,
    claims: mpsc::Sender<ClaimWish>,
    launches: mpsc::Sender<Vec<Launch>>,
    writes: mpsc::Sender<Entry>,
}

impl StoreHandle {
    /// Takes a wish. Answers come as facts: to every `ClaimOne`, `RecordLaunches`, `SaveOutcome`; and to
    /// every `Claim` and `LoadCallbacks` unless [`StoreFact::Lost`] is told first, which makes those void.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when too many wait, [`Error::Closed`] after the end; the wish was not taken.
    pub fn send(&self, wish: StoreWish) -> Result<(), Error> {
        let write = match wish {
            StoreWish::Claim {
                campaign,
                count,
                at,
                lookback,
            } => {
                return put(
                    &self.claims,
                    ClaimWish::Many {
                        campaign,
                        count,
                        at,
                        lookback,
                    },
                );
            }
            StoreWish::ClaimOne {
                agent,
                campaign,
                prospect,
                at,
                lookback,
            } => {
                return put(
                    &self.claims,
                    ClaimWish::One {
                        agent,
                        campaign,
                        prospect,
                        at,
                        lookback,
                    },
                );
            }
            StoreWish::LoadCallbacks(agent) => {
                return put(&self.claims, ClaimWish::Callbacks(agent));
            }
            StoreWish::MissedCallbacks {
                campaign,
                before,
                missed,
                at,
            } => {
                return put(
                    &self.claims,
                    ClaimWish::Missed {
                        campaign,
                        before,
                        missed,
                        at,
                    },
                );
            }
            StoreWish::RecordLaunches(launches) => return put(&self.launches, launches),
            StoreWish::Return(claims) => Write::Return(claims),
            StoreWish::Progress {
                campaign,
                attempt,
                answered_at,
                bridged_at,
                agent,
            } => Write::Progress(Progress {
                campaign,
                attempt,
                answered_at,
                bridged_at,
                agent,
            }),
            StoreWish::Finish(end) => Write::Finish(end),
            StoreWish::SaveOutcome(outcome) => Write::SaveOutcome(outcome),
            StoreWish::LogAgent(log) => Write::LogAgent(log),
        };
        put(
            &self.writes,
            Entry {
                run: self.run,
                write,
            },
        )
    }
}

fn put<T>(lane: &mpsc::Sender<T>, wish: T) -> Result<(), Error> {
    lane.try_send(wish).map_err(|e| match e {
        mpsc::error::TrySendError::Full(_) => Error::Overloaded {
            waiting: lane.max_capacity(),
        },
        mpsc::error::TrySendError::Closed(_) => Error::Closed,
    })
}

/// The tasks behind a [`StoreHandle`].
pub struct Service {
    lanes: Lanes,
    claims: mpsc::Receiver<ClaimWish>,
    launches: mpsc::Receiver<Vec<Launch>>,
    writes: mpsc::Receiver<Entry>,
    undo: mpsc::Sender<Entry>,
    spool: Spool,
    refused: Spool,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("run", &self.lanes.options.run)
            .finish_non_exhaustive()
    }
}

/// What every lane needs.
#[derive(Clone)]
struct Lanes {
    store: Store,
    options: ServiceOptions,
    openings: OpeningsOf,
    facts: FactSink,
    health: Health,
}

impl Service {
    /// Makes the service. [`replay_spool`] and [`Store::recover`] come before.
    ///
    /// # Errors
    /// [`Error::Spool`] when the spool cannot be opened.
    pub fn new(
        store: Store,
        options: ServiceOptions,
        openings: OpeningsOf,
        facts: FactSink,
    ) -> Result<(Self, StoreHandle), Error> {
        let (claims_in, claims) = mpsc::channel(QUESTIONS_WAITING);
        let (launches_in, launches) = mpsc::channel(QUESTIONS_WAITING);
        let (writes_in, writes) = mpsc::channel(options.backlog.max(1));
        let (spool, refused) = open_spools(&options.spool_dir)?;
        let handle = StoreHandle {
            run: options.run,
            claims: claims_in,
            launches: launches_in,
            writes: writes_in.clone(),
        };
        let health = Health::new(facts.clone());
        let lanes = Lanes {
            store,
            options,
            openings,
            facts,
            health,
        };
        let service = Self {
            lanes,
            claims,
            launches,
            writes,
            undo: writes_in,
            spool,
            refused,
        };
        Ok((service, handle))
    }

    /// Works until `drain` becomes true and everything taken until then is written or in the spool, then
    /// gives unused leases back. Take no more wishes for the handle before that.
    ///
    /// # Errors
    /// [`Error::Spool`] when at the end something could neither be written nor kept.
    pub async fn run(self, mut drain: watch::Receiver<bool>) -> Result<(), Error> {
        let Self {
            lanes,
            mut claims,
            mut launches,
            writes,
            undo,
            spool,
            refused,
        } = self;
        let (stop, stopped) = watch::channel(false);
        let writer = tokio::spawn(writes::run(
            lanes.clone(),
            writes,
            spool,
            refused,
            stopped.clone(),
        ));
        let upkeep = tokio::spawn(upkeep::run(lanes.clone(), stopped.clone()));
        let claimer = claims::run(lanes.clone(), &mut claims);
        let launcher = launches::run(lanes.clone(), &mut launches, undo);
        tokio::select! {
            () = async { tokio::join!(claimer, launcher); } => {}
            () = ended(&mut drain) => {}
        }
        // Claims and launches under way are dropped: transactions that roll back, or that recovery closes.
        stop.send_replace(true);
        upkeep.await.map_err(|_| Error::Closed)?;
        let written = writer.await.map_err(|_| Error::Closed)?;
        if !lanes.health.is_away() {
            let freed = lanes.store.free_own_leases(lanes.options.run).await?;
            tracing::info!(freed, "gave unused claims back");
        }
        written
    }
}

/// Waits for true; a sender that is gone is a wish to end as well.
async fn ended(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("nobody is left to end the store, so it ends");
    }
}

/// What a replay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Entries written, or found written before.
    pub written: u64,
    /// Entries that the database refuses; kept in `refused.spool` beside the spool.
    pub refused: u64,
}

/// Writes what an earlier run left in the spool. At start, before [`Store::recover`].
///
/// # Errors
/// [`Error::Spool`] when the spool cannot be read, [`Error::Away`] when the database does not answer.
pub async fn replay_spool(store: &Store, spool_dir: &std::path::Path) -> Result<Replayed, Error> {
    let (mut spool, mut refused) = open_spools(spool_dir)?;
    writes::replay(store, &mut spool, &mut refused).await
}

fn open_spools(dir: &std::path::Path) -> Result<(Spool, Spool), Error> {
    Ok((
        Spool::open(&dir.join("results.spool"))?,
        Spool::open(&dir.join("refused.spool"))?,
    ))
}
