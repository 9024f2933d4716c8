//! The daemon: everything wired together, in the order in which it may start and must end.
//!
//! Start: installed files, database, what earlier runs left, the engine's thread with telephony and the
//! database's queue, trunks and phones, campaigns, and last the doors that clients come through. End: no new
//! calls, those in progress finish, then telephony, clients, the database's queue and the database.

mod bridging;
mod campaigns;
mod command;
mod guards;
mod http;
mod installed;
mod lines;
mod metrics;
mod outlets;
mod systemd;
mod telephony;
mod upkeep;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use api::{EngineHandle, InboxError};
use engine::Input;
use model::WallTime;
use store::{Cluster, Options, ServiceOptions, Store};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

pub use self::command::{Serve, Signals};
pub use self::installed::load as load_installed;
pub use self::lines::peer as trunk_peer;

use self::campaigns::Openings;
use self::outlets::DaemonOutlets;
use self::telephony::Telephony;
use self::upkeep::Upkeep;
use crate::clock::Clock;
use crate::config::Config;
use crate::driver::{Driver, Inbox, NotTaken};
use crate::record::Recorder;

/// How a run differs from the usual.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Directory to record what goes into the engine and what comes out.
    pub record: Option<PathBuf>,
    /// The wall clock shows this instant at the start and goes on from there.
    pub at: Option<WallTime>,
}

/// A running daemon.
pub struct Daemon {
    /// Where the gRPC API listens.
    pub api: SocketAddr,
    /// Where health and metrics are.
    pub admin: SocketAddr,
    /// Where phones and trunks reach it.
    pub sip: SocketAddr,
    /// For the first administrator; only when there is none yet.
    pub setup_token: Option<String>,
    drain_limit: Duration,
    ready: Arc<AtomicBool>,
    inbox: Inbox,
    drained: oneshot::Receiver<()>,
    engine: std::thread::JoinHandle<()>,
    requests: EngineHandle,
    telephony: Telephony,
    helpers: Helpers,
    service: JoinHandle<Result<(), store::Error>>,
    end_service: watch::Sender<bool>,
    store: Store,
    cluster: Option<Cluster>,
}

/// How long peers have to answer our goodbyes.
const GOODBYE: Duration = Duration::from_secs(3);
/// How long requests of clients may go on once everything else has ended.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

impl Daemon {
    /// Starts everything. When it returns, phones register, clients are served and campaigns dial.
    ///
    /// # Errors
    /// Whatever keeps it from starting, with what to do.
    pub async fn start(config: Config, run: RunOptions) -> anyhow::Result<Self> {
        let data_dir = config.node.data_dir.clone();
        let scratch = data_dir.join("scratch");
        std::fs::create_dir_all(&scratch).with_context(|| {
            format!(
                "could not make {}; set node.data_dir to a place we may write",
                scratch.display()
            )
        })?;
        check_open_files();
        let installed = installed::load(&config)?;
        let clock = Clock::start(run.at);
        let (cluster, store) = open_store(&config).await?;

        // What an earlier run left is settled before anything new begins.
        let spool_dir = data_dir.join("spool");
        let this_run = store.begin_run(&format!("node-{}", config.node.id)).await?;
        let replayed = store::replay_spool(&store, &spool_dir).await?;
        let recovered = store.recover(this_run, clock.now().wall).await?;
        tracing::info!(
            epoch = this_run.epoch,
            spooled = replayed.written,
            refused = replayed.refused,
            attempts = recovered.attempts,
            abandoned = recovered.abandoned,
            leases = recovered.leases,
            without_outcome = recovered.without_outcome,
            "settled what earlier runs left open"
        );

        let seed = seed()?;
        let recorder = run
            .record
            .as_deref()
            .map(|dir| Recorder::create(dir, seed))
            .transpose()?;
        let (driver, inbox) = Driver::new(seed, clock, recorder);
        let openings = Openings::default();
        let requests = engine_handle(inbox.clone(), openings.clone());
        let telephony = Telephony::start(&config, Arc::clone(&installed.library), &inbox)?;

        let facts = inbox.clone();
        let (service, wishes) = store::Service::new(
            store.clone(),
            ServiceOptions::new(this_run, spool_dir),
            openings.judge(),
            Arc::new(move |fact| facts.late(Input::Store(fact))),
        )?;
        let (end_service, service_ends) = watch::channel(false);
        let service = tokio::spawn(service.run(service_ends));

        let mut helpers = Helpers::new();
        let lines = lines::Lines::new(store.clone(), telephony.shard(), inbox.clone());
        let (lines_changed, lines_changes) = watch::channel(());
        let api = api::Service::new(
            api::Options {
                listen: config.api.listen,
                tls: tls(&config)?,
                scratch,
                sip_realm: config.sip.realm.clone(),
            },
            api::Parts {
                store: store.clone(),
                engine: requests.clone(),
                catalogue: installed.catalogue.clone(),
                run: this_run,
                trunks_changed: api::TrunksChanged::new(move || {
                    lines_changed.send_replace(());
                }),
                clock: api::Clock::new(move || clock.now().wall),
            },
        )?;
        let (ended_in, ended) = mpsc::unbounded_channel();
        let (drained_in, drained) = oneshot::channel();
        let outlets = DaemonOutlets {
            shard: telephony.shard(),
            store: wishes,
            desks: api.desks(),
            requests: requests.clone(),
            ended: ended_in,
            drained: Some(drained_in),
            inbox: inbox.clone(),
        };
        let engine = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || driver.run(outlets))?;

        lines.tell().await?;
        let halts = api.halts();
        // Before the first campaign: not one call may slip through a halt.
        halts.follow().await?;
        helpers.spawn("halts", |stop| guards::follow_halts(halts, stop));
        let (room_of, reserve_mb) = (config.node.data_dir.clone(), config.node.disk_reserve_mb);
        let faults = inbox.clone();
        helpers.spawn("room on the disk", move |stop| {
            guards::watch_disk(room_of, reserve_mb, faults, stop)
        });
        campaigns::load_all(&store, &installed.catalogue, &requests, clock).await?;
        helpers.spawn("trunks and phones", |stop| {
            lines::follow(lines, lines_changes, stop)
        });
        let resumed = api.resume_sessions().await?;
        tracing::info!(resumed, "sessions of agents go on");
        let ends_of = store.clone();
        helpers.spawn("ends of campaigns", move |stop| {
            campaigns::write_ends(ends_of, clock, ended, stop)
        });

        let (ledgers_of, turned_in) = (store.clone(), requests.clone());
        helpers.spawn("periods of ledgers", move |stop| {
            campaigns::turn_ledgers(ledgers_of, turned_in, openings, clock, stop)
        });

        let listener = api.listen().await?;
        let admin_listener = TcpListener::bind(config.admin.listen)
            .await
            .with_context(|| {
                format!(
                    "cannot listen on {} for health and metrics; is another daemon running, or is \
                     admin.listen wrong?",
                    config.admin.listen
                )
            })?;
        let ready = Arc::new(AtomicBool::new(true));
        let health = http::Health {
            engine: requests.clone(),
            ready: Arc::clone(&ready),
            sip: telephony.shard(),
            media: telephony.media_counters(),
            bridging: telephony.bridging(),
            upkeep: Upkeep {
                data_dir,
                certificate: config.api.tls_cert.clone(),
            },
            clock,
        };
        let addresses = (listener.local_addr()?, admin_listener.local_addr()?);
        helpers.spawn("API", |mut stop| async move {
            Ok(api
                .run(listener, async move { stopped(&mut stop).await })
                .await?)
        });
        helpers.spawn("health and metrics", |stop| {
            http::serve(admin_listener, health, stop)
        });
        let setup_token = api::offer_setup_token(&store).await?;
        let (api, admin) = addresses;
        let sip = telephony.sip_addr();
        tracing::info!(%api, %admin, %sip, "ready");
        Ok(Self {
            api,
            admin,
            sip,
            setup_token,
            drain_limit: Duration::from_secs(config.shutdown.drain_limit_s),
            ready,
            inbox,
            drained,
            engine,
            requests,
            telephony,
            helpers,
            service,
            end_service,
            store,
            cluster,
        })
    }

    /// What tells whether the engine lives.
    fn pulse(&self) -> systemd::Pulse {
        systemd::Pulse {
            engine: self.requests.clone(),
            inbox: self.inbox.clone(),
            serves: Arc::clone(&self.ready),
        }
    }

    /// Ends: no new launches, calls in progress go on until the limit, then everything stops in order.
    ///
    /// # Errors
    /// When results could neither be written nor kept, or the private database does not end.
    pub async fn drain(mut self) -> anyhow::Result<()> {
        self.ready.store(false, Ordering::Relaxed);
        let limit_s = self.drain_limit.as_secs();
        tracing::info!(limit_s, "draining: no new calls, those in progress go on");
        self.inbox
            .tell(Input::Drain)
            .context("the engine had ended before")?;
        let quiet = tokio::time::timeout(self.drain_limit, &mut self.drained).await;
        match quiet {
            Ok(Ok(())) => tracing::info!("no call is left"),
            Ok(Err(_)) => tracing::error!("the engine ended without draining"),
            Err(_) => {
                tracing::warn!(limit_s, "the limit is over; what still talks is ended now");
            }
        }
        let telephony = self.telephony;
        tokio::task::spawn_blocking(move || telephony.stop(GOODBYE)).await?;
        // The ends of the legs that were cut are facts; the engine has them written before it ends.
        if quiet.is_err()
            && tokio::time::timeout(GOODBYE, &mut self.drained)
                .await
                .is_err()
        {
            tracing::warn!("some calls have no end yet; the next start writes them as lost");
        }
        self.requests.close();
        self.helpers.end(LAST_REQUESTS).await;
        drop(self.inbox);
        self.end_service.send_replace(true);
        self.service
            .await?
            .context("results could not be written")?;
        self.store.close().await;
        if self.engine.is_finished() && self.engine.join().is_err() {
            tracing::error!("the engine's thread panicked");
        }
        if let Some(cluster) = self.cluster {
            cluster.stop().await?;
        }
        tracing::info!("ended");
        Ok(())
    }
}

/// The way to the engine for clients. Rules go to whoever judges the queue on the same way, first: a campaign
/// whose rules are not known there would be closed to everybody.
fn engine_handle(inbox: Inbox, openings: Openings) -> EngineHandle {
    EngineHandle::new(move |input| {
        if let Input::Campaign(spec) = &input {
            openings.set(spec.id, spec.rules.clone());
        }
        inbox.ask(input).map_err(|e| match e {
            NotTaken::Full => InboxError::Full,
            NotTaken::Ended => InboxError::Closed,
        })
    })
}

async fn open_store(config: &Config) -> anyhow::Result<(Option<Cluster>, Store)> {
    if let Some(url) = &config.database.url {
        let store = Store::open(Options::from_url(url)?)
            .await
            .context("the database of database.url cannot be used")?;
        return Ok((None, store));
    }
    let cluster = Cluster::start(&config.cluster_options())
        .await
        .context("the private database cannot be started")?;
    let store = Store::open(Options::new(cluster.connect_options())).await?;
    Ok((Some(cluster), store))
}

fn tls(config: &Config) -> anyhow::Result<Option<api::Tls>> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
    };
    let (Some(certificate), Some(key)) = (&config.api.tls_cert, &config.api.tls_key) else {
        return Ok(None);
    };
    Ok(Some(api::Tls {
        certificate: read(certificate)?,
        key: read(key)?,
    }))
}

/// Files that may be open in a busy hour: two sockets a leg, two legs a call, and the rest.
const OPEN_FILES: u64 = 8_192;

/// Takes as many open files as the system grants; says so when that is few.
fn check_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|n| n >= OPEN_FILES) {
        return;
    }
    let granted = now.maximum.unwrap_or(OPEN_FILES).min(OPEN_FILES);
    let wanted = Rlimit {
        current: Some(granted),
        maximum: now.maximum,
    };
    if setrlimit(Resource::Nofile, wanted).is_err() || granted < OPEN_FILES {
        tracing::warn!(
            open_files = granted,
            "few files may be open; each call needs four: raise the limit (LimitNOFILE, ulimit -n)"
        );
    }
}

fn seed() -> anyhow::Result<u64> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)
        .map_err(|e| anyhow::anyhow!("the system gives no random numbers: {e}"))?;
    Ok(u64::from_le_bytes(seed))
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("nobody is left who could say so, so it ends");
    }
}

/// Tasks that end together.
struct Helpers {
    stop: watch::Sender<bool>,
    tasks: Vec<(&'static str, JoinHandle<anyhow::Result<()>>)>,
}

impl Helpers {
    fn new() -> Self {
        let (stop, _) = watch::channel(false);
        Self {
            stop,
            tasks: Vec::new(),
        }
    }

    fn spawn<F>(&mut self, name: &'static str, task: impl FnOnce(watch::Receiver<bool>) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let task = tokio::spawn(task(self.stop.subscribe()));
        self.tasks.push((name, task));
    }

    /// Tells all to end, and waits; those that take longer are left behind.
    async fn end(self, within: Duration) {
        self.stop.send_replace(true);
        let deadline = tokio::time::Instant::now() + within;
        for (name, mut task) in self.tasks {
            match tokio::time::timeout_at(deadline, &mut task).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(error))) => tracing::warn!("{name} ended badly: {error:#}"),
                Ok(Err(error)) => tracing::error!(%error, "{name} panicked"),
                Err(_) => {
                    // Streams of agents stay open as long as their clients wish.
                    task.abort();
                }
            }
        }
    }
}
