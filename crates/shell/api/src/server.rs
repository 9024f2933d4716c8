//! The API as a component: options, service, handle.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use proto::admin::v1::admin_service_server::AdminServiceServer;
use proto::admin::v1::auth_service_server::AuthServiceServer;
use proto::agent::v1::agent_service_server::AgentServiceServer;
use proto::supervisor::v1::board_service_server::BoardServiceServer;
use proto::supervisor::v1::campaign_service_server::CampaignServiceServer;
use proto::supervisor::v1::list_service_server::ListServiceServer;
use proto::supervisor::v1::questionnaire_service_server::QuestionnaireServiceServer;
use proto::supervisor::v1::suppression_service_server::SuppressionServiceServer;
use store::{Run, Store};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity as Certificate, Server, ServerTlsConfig};

use crate::gate::{Gate, Rules};
use crate::password::Passwords;
use crate::requests::Requests;
use crate::services::{Admin, Agents, Auth, Board, Campaigns, Lists, Questionnaires, Suppressions};
use crate::sessions::Sessions;
use crate::shared::Shared;
use crate::throttle::Throttle;
use crate::tokens::Tokens;
use crate::{Catalogue, Clock, Desks, EngineHandle, Error, Halts};

/// A dead client's connection is found within twice this: agents' streams count as alive until then.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// Between looks for answers older than clients are promised.
const TIDY: Duration = Duration::from_secs(3_600);
/// How long answers to requests with an id are kept.
const REMEMBERED: Duration = Duration::from_secs(24 * 3_600);
/// Largest message either way.
const MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// How the API is served.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Certificate chain and key in PEM; `None`: plain, for loopback or behind a proxy.
    pub tls: Option<Tls>,
    /// Directory for uploads and exports while they are under way. Must exist.
    pub scratch: PathBuf,
    /// Realm of agents' phones; their digest secrets are bound to it.
    pub sip_realm: String,
}

/// What proves the server to its clients.
#[derive(Clone)]
pub struct Tls {
    /// Certificate chain in PEM.
    pub certificate: String,
    /// Key in PEM.
    pub key: String,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// The parts of the daemon that the API speaks to.
#[derive(Clone)]
pub struct Parts {
    /// The rows.
    pub store: Store,
    /// The engine.
    pub engine: EngineHandle,
    /// Profiles, voices, recordings.
    pub catalogue: Catalogue,
    /// This run of the daemon.
    pub run: Run,
    /// Told whenever trunks or phones were changed.
    pub trunks_changed: TrunksChanged,
    /// The wall clock.
    pub clock: Clock,
}

/// Tells the daemon that trunks or agents' phones changed in the database. Cheap to clone.
#[derive(Clone)]
pub struct TrunksChanged(Arc<dyn Fn() + Send + Sync>);

impl TrunksChanged {
    /// `tell` must not block.
    pub fn new(tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self) {
        (self.0)();
    }
}

/// The API, not yet served.
pub struct Service {
    options: Options,
    shared: Arc<Shared>,
    gate: Gate,
}

/// Why the API is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error(
        "cannot listen on {listen} for the API; is another daemon running, or is api.listen wrong?"
    )]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Serving broke off, or certificate and key cannot be used.
    #[error("the API could not be served; check api.tls_cert and api.tls_key")]
    Serve(#[from] tonic::transport::Error),
}

impl ServeError {
    /// Whose move it is.
    pub const fn problem(&self) -> model::Problem {
        match self {
            Self::Listen { .. } | Self::Serve(_) => model::Problem::Caller,
        }
    }
}

impl Service {
    /// Puts the parts together.
    ///
    /// # Errors
    /// [`Error::Internal`] when the contract's descriptors cannot be read.
    pub fn new(options: Options, parts: Parts) -> Result<Self, Error> {
        let Parts {
            store,
            engine,
            catalogue,
            run,
            trunks_changed,
            clock,
        } = parts;
        let tokens = Arc::new(Tokens::new(store.clone(), clock.clone()));
        let gate = Gate::new(Rules::of_contract()?, tokens.clone());
        let shared = Shared {
            desks: Desks::new(engine.clone(), clock.clone(), Sessions::first_seq(run)),
            sessions: Sessions::new(store.clone(), run),
            halts: Halts::new(store.clone(), engine.clone()),
            passwords: Passwords::new(),
            throttle: Throttle::default(),
            requests: Requests::new(store.clone()),
            started_at: clock.now(),
            sip_realm: options.sip_realm.clone(),
            scratch: options.scratch.clone(),
            store,
            engine,
            tokens,
            clock,
            ledgers: crate::ledgers::Ledgers::default(),
            catalogue,
            trunks_changed,
            campaign_changes: tokio::sync::Mutex::default(),
        };
        Ok(Self {
            options,
            shared: Arc::new(shared),
            gate,
        })
    }

    /// Where the engine's events for agents go.
    pub fn desks(&self) -> Desks {
        self.shared.desks.clone()
    }

    /// Goes on with the sessions that earlier runs of this daemon left open: clients keep their session, and their
    /// cursor gets a snapshot. Before [`Service::run`]. Returns how many.
    ///
    /// # Errors
    /// As the database, and when the engine has ended.
    pub async fn resume_sessions(&self) -> Result<usize, Error> {
        self.shared.sessions.resume(&self.shared.desks).await
    }

    /// Orders that nobody is called; to be followed before the first campaign is brought before the engine, and from then on.
    pub fn halts(&self) -> Halts {
        self.shared.halts.clone()
    }

    /// Takes the address. Clients that come now wait until [`Service::run`].
    ///
    /// # Errors
    /// [`ServeError::Listen`].
    pub async fn listen(&self) -> Result<TcpListener, ServeError> {
        let listen = self.options.listen;
        TcpListener::bind(listen)
            .await
            .map_err(|source| ServeError::Listen { listen, source })
    }

    /// Serves until `drain` is done and the requests under way are.
    ///
    /// # Errors
    /// [`ServeError::Serve`].
    pub async fn run(
        self,
        listener: TcpListener,
        drain: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let Self {
            options,
            shared,
            gate,
        } = self;
        let mut server = Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE));
        if let Some(Tls { certificate, key }) = options.tls {
            let identity = Certificate::from_pem(certificate, key);
            server = server.tls_config(ServerTlsConfig::new().identity(identity))?;
        }
        macro_rules! served {
            ($server:ident, $service:ident) => {
                $server::new($service(shared.clone()))
                    .max_decoding_message_size(MESSAGE_BYTES)
                    .max_encoding_message_size(MESSAGE_BYTES)
            };
        }
        let (_, health) = tonic_health::server::health_reporter();
        let router = server
            .layer(gate)
            .add_service(health)
            .add_service(served!(AuthServiceServer, Auth))
            .add_service(served!(AdminServiceServer, Admin))
            .add_service(served!(CampaignServiceServer, Campaigns))
            .add_service(served!(ListServiceServer, Lists))
            .add_service(served!(SuppressionServiceServer, Suppressions))
            .add_service(served!(QuestionnaireServiceServer, Questionnaires))
            .add_service(served!(BoardServiceServer, Board))
            .add_service(served!(AgentServiceServer, Agents));
        let desks = shared.desks.clone();
        // Small events must not wait for the client's acknowledgements; a server that is handed its listener has
        // no such setting of its own.
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let serving = router.serve_with_incoming_shutdown(incoming, drain);
        tokio::select! {
            served = serving => served?,
            () = desks.sweep(shared.sessions.changes()) => {}
            () = shared.sessions.write() => {}
            () = tidy(&shared.store) => {}
        }
        Ok(())
    }
}

/// Forgets what clients are no longer promised, for as long as it is polled.
async fn tidy(store: &Store) {
    let mut every = tokio::time::interval(TIDY);
    loop {
        every.tick().await;
        if let Err(error) = store.forget_old_requests(REMEMBERED).await {
            tracing::warn!(%error, "old answers were not forgotten");
        }
    }
}

/// Makes the one-time set-up token of a fresh installation, to be printed; `None` once there is an account.
///
/// # Errors
/// As the database.
pub async fn offer_setup_token(store: &Store) -> Result<Option<String>, Error> {
    let token = crate::secret::token(crate::secret::Kind::Setup)?;
    let offered = store
        .offer_setup_token(&crate::secret::hash(&token))
        .await?;
    Ok(offered.then_some(token))
}
