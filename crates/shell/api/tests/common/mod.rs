//! A running API on loopback: a real store, a real engine on a thread of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::redundant_closure,
    reason = "a test that panics has failed, which is its purpose"
)]
#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod calls;
pub(crate) mod desk;

use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use api::{
    Catalogue, Clock, Contents, EngineHandle, InboxError, Options, Parts, Service, TrunksChanged,
    Voice,
};
use compliance::Profile;
use engine::{Effect, Engine, Input};
use model::{Now, Timestamp};
use store::testing::TestCluster;
use store::{NewAccount, NewAgent, Role, Store};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// The API and what a test needs of it.
pub(crate) struct Api {
    pub(crate) channel: Channel,
    pub(crate) store: Store,
    pub(crate) setup_token: String,
    told: Arc<Mutex<Vec<Input>>>,
}

impl Api {
    pub(crate) async fn start() -> Self {
        let store = TestCluster::shared().await.store().await;
        let setup_token = api::offer_setup_token(&store).await.unwrap().unwrap();
        let (inbox, inputs) = mpsc::sync_channel(1_000);
        let handle = EngineHandle::new(move |input| {
            inbox.try_send(input).map_err(|e| match e {
                mpsc::TrySendError::Full(_) => InboxError::Full,
                mpsc::TrySendError::Disconnected(_) => InboxError::Closed,
            })
        });
        let voice = Voice {
            name: "anna".to_owned(),
            language: "ru".to_owned(),
            prompts: ["hello".to_owned()].into(),
        };
        let contents = Contents {
            profiles: [
                include_str!("../../../../../config/profiles/demo.toml"),
                include_str!("../../../../../config/profiles/ru.toml"),
            ]
            .into_iter()
            .flat_map(|file| Profile::load(file).unwrap())
            .collect(),
            voices: vec![voice],
            recordings: ["who".to_owned()].into(),
        };
        let parts = Parts {
            store: store.clone(),
            engine: handle.clone(),
            catalogue: Catalogue::new(contents),
            run: store.begin_run("node-1").await.unwrap(),
            trunks_changed: TrunksChanged::new(|| {}),
            clock: Clock::system(),
        };
        let options = Options {
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: None,
            scratch: std::env::temp_dir(),
            sip_realm: "outdial".to_owned(),
        };
        let service = Service::new(options, parts).unwrap();
        let desks = service.desks();
        let told = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&told);
        std::thread::spawn(move || run_engine(&inputs, &keep, &handle, &desks));
        let listener = service.listen().await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(service.run(listener, std::future::pending()));
        let channel = Endpoint::from_shared(format!("http://{address}"))
            .unwrap()
            .connect()
            .await
            .unwrap();
        Self {
            channel,
            store,
            setup_token,
            told,
        }
    }

    /// Everything that the engine was told since the last time, in order.
    pub(crate) fn told(&self) -> Vec<Input> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    /// An account of a role with an API token, made behind the API's back.
    pub(crate) async fn account(&self, login: &str, role: Role) -> (store::AccountId, String) {
        let id = match role {
            Role::Agent => {
                let new = NewAgent {
                    login: login.to_owned(),
                    name: login.to_owned(),
                    password_hash: None,
                    sip_user: login.to_owned(),
                    sip_ha1: "0".repeat(32),
                    groups: Vec::new(),
                    skills: Vec::new(),
                };
                store::AccountId::from(self.store.create_agent(&new).await.unwrap())
            }
            Role::Supervisor | Role::Admin => {
                let new = NewAccount {
                    login: login.to_owned(),
                    name: login.to_owned(),
                    role,
                    password_hash: None,
                };
                self.store.create_account(&new).await.unwrap()
            }
        };
        (id, self.token(id, None).await)
    }

    /// An API token of an account.
    pub(crate) async fn token(
        &self,
        id: store::AccountId,
        until: Option<model::WallTime>,
    ) -> String {
        use sha2::Digest;
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let token = format!("odk_{n:064x}{}", id.0);
        let hash = sha2::Sha256::digest(token.as_bytes()).into();
        self.store
            .create_token(id, "test", &hash, until)
            .await
            .unwrap();
        token
    }
}

/// The engine as the daemon runs it, without telephony and without answers from the database.
fn run_engine(
    inputs: &mpsc::Receiver<Input>,
    told: &Mutex<Vec<Input>>,
    handle: &EngineHandle,
    desks: &api::Desks,
) {
    let begin = Instant::now();
    let mut engine = Engine::new(7);
    while let Ok(input) = inputs.recv() {
        told.lock().unwrap().push(input.clone());
        let mono = Timestamp::from_micros(u64::try_from(begin.elapsed().as_micros()).unwrap());
        engine.handle(
            Now {
                mono,
                wall: Clock::system().now(),
            },
            input,
        );
        while let Some(effect) = engine.poll_effect() {
            match effect {
                Effect::Reply { request, answer } => {
                    handle.answer(request, answer);
                }
                Effect::Agent { agent, event } => desks.deliver(agent, &event),
                _ => {}
            }
        }
    }
}

/// A request with a token.
pub(crate) fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value: MetadataValue<_> = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

/// The fields named in a refusal.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    use tonic_types::StatusExt;
    let details = status.get_error_details();
    let wrong = details.bad_request().map(|b| &b.field_violations);
    wrong
        .into_iter()
        .flatten()
        .map(|v| v.field.clone())
        .collect()
}

/// Waits for what comes, with a deadline.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what)
        .await
        .expect("it did not come within 20 seconds")
}
