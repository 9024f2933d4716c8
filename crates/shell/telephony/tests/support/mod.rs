//! A shard under test, a media half that only keeps ports, and sipp as the carrier.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "each test uses its part"
)]

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::{LegCommand, LegEvent};
use model::{AttemptId, LegEnd, LegId, SipStatus, TrunkId};
use sip::{Challenges, Codecs, Credentials, LocalMedia, Realm, Secret, Timers};
use telephony::{
    CallerIn, EventSink, MediaCommand, MediaHandle, MediaPorts, MediaStopped, NumberForm,
    OpenError, Shard, ShardCommand, ShardHandle, ShardOptions, TelephonyEvent, TrunkPeer,
};

/// How long any state may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keeps a real port per leg, plays nothing, and reports ends.
#[derive(Clone)]
pub struct Ports {
    open: Arc<Mutex<BTreeMap<LegId, UdpSocket>>>,
    pub commands: Arc<Mutex<Vec<MediaCommand>>>,
    events: EventSink,
}

impl MediaPorts for Ports {
    fn open(&self, leg: LegId) -> Result<LocalMedia, OpenError> {
        let bind = |reason: std::io::Error| OpenError::Bind {
            port: 0,
            reason: reason.to_string(),
        };
        let socket = UdpSocket::bind("127.0.0.1:0").map_err(bind)?;
        let addr = socket.local_addr().map_err(bind)?;
        self.open.lock().unwrap().insert(leg, socket);
        Ok(LocalMedia {
            addr,
            codecs: Codecs::AlawUlaw,
        })
    }

    fn send(&self, command: MediaCommand) -> Result<(), MediaStopped> {
        self.commands.lock().unwrap().push(command.clone());
        if let MediaCommand::Close { leg, end } = command {
            self.open.lock().unwrap().remove(&leg);
            self.events.leg(LegEvent::Ended { leg, end });
        }
        Ok(())
    }
}

pub struct Rig {
    pub shard: ShardHandle,
    pub ports: Ports,
    events: Receiver<TelephonyEvent>,
    /// Everything reported so far.
    pub seen: Vec<TelephonyEvent>,
    thread: Option<std::thread::JoinHandle<()>>,
}

pub const LEG: LegId = LegId(1);
pub const TRUNK: TrunkId = TrunkId(7);

impl Rig {
    /// A shard with one trunk.
    pub fn with_trunk(trunk: TrunkPeer) -> Self {
        let (sink, events) = EventSink::channel();
        let ports = Ports {
            open: Arc::default(),
            commands: Arc::default(),
            events: sink.clone(),
        };
        let options = ShardOptions {
            bind: "127.0.0.1:0".parse().unwrap(),
            advertised: None,
            product: "Outdial".into(),
            legs_max: 1_000,
            timers: Timers {
                invite_timeout: Duration::from_millis(2_200),
                ..Timers::default()
            },
            realm: Some(Realm {
                name: "phones.test".into(),
                challenge: Challenges::Md5,
            }),
            refuse_inbound: SipStatus(403),
            started: Instant::now(),
            keepsake: None,
        };
        let (shard, handle) = Shard::bind(options, MediaHandle::new(ports.clone()), sink).unwrap();
        let thread = Some(shard.spawn().unwrap());
        let mut rig = Self {
            shard: handle,
            ports,
            events,
            seen: Vec::new(),
            thread,
        };
        rig.tell(ShardCommand::SetTrunks(vec![trunk]));
        rig
    }

    pub fn tell(&mut self, command: ShardCommand) {
        self.shard.send(command).unwrap();
    }

    pub fn leg(&mut self, command: LegCommand) {
        self.shard.leg(command).unwrap();
    }

    pub fn dial(&mut self) {
        self.dial_leg(LEG);
    }

    pub fn dial_leg(&mut self, leg: LegId) {
        self.leg(LegCommand::Dial {
            leg,
            attempt: AttemptId::v7(1_700_000_000_000, u128::from(leg.0)),
            trunk: TRUNK,
            to: "+4930123456".parse().unwrap(),
            from: "+4930654321".parse().unwrap(),
        });
    }

    /// Waits until a fact has been reported, and gives it.
    pub fn wait(&mut self, what: &str, is_it: impl Fn(&TelephonyEvent) -> bool) -> TelephonyEvent {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(event) = self.seen.iter().find(|e| is_it(e)) {
                return event.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => self.seen.push(event),
                Err(_) => panic!("no {what} came; seen: {:#?}", self.seen),
            }
        }
    }

    pub fn wait_ringing(&mut self) {
        self.wait("Ringing", |e| {
            matches!(e, TelephonyEvent::Leg(LegEvent::Ringing { .. }))
        });
    }

    /// Whether it crossed a CANCEL.
    pub fn wait_answered(&mut self) -> bool {
        let answered =
            |e: &TelephonyEvent| matches!(e, TelephonyEvent::Leg(LegEvent::Answered { .. }));
        match self.wait("Answered", answered) {
            TelephonyEvent::Leg(LegEvent::Answered { after_cancel, .. }) => after_cancel,
            other => panic!("{other:?}"),
        }
    }

    pub fn wait_end(&mut self) -> LegEnd {
        match self.wait("Ended", |e| {
            matches!(e, TelephonyEvent::Leg(LegEvent::Ended { .. }))
        }) {
            TelephonyEvent::Leg(LegEvent::Ended { end, .. }) => end,
            other => panic!("{other:?}"),
        }
    }

    /// Stops the shard, looks whether every leg ended once and last, and gives all that was reported.
    pub fn finish(mut self) -> Vec<TelephonyEvent> {
        self.tell(ShardCommand::Stop {
            within: Duration::from_secs(35),
        });
        self.thread.take().unwrap().join().unwrap();
        self.seen.extend(self.events.try_iter());
        let mut over = std::collections::BTreeSet::new();
        for event in &self.seen {
            if let TelephonyEvent::Leg(event) = event {
                assert!(
                    !over.contains(&event.leg()),
                    "a fact after the end: {event:?} in {:#?}",
                    self.seen
                );
                if let LegEvent::Ended { leg, .. } = event {
                    over.insert(*leg);
                }
            }
        }
        assert!(
            self.ports.open.lock().unwrap().is_empty(),
            "a port was left open"
        );
        std::mem::take(&mut self.seen)
    }
}

pub fn trunk(addr: SocketAddr) -> TrunkPeer {
    TrunkPeer {
        id: TRUNK,
        name: "test".into(),
        addr,
        also_from: Vec::new(),
        domain: addr.to_string(),
        credentials: Some(Arc::new(Credentials {
            user: "dialer".into(),
            secret: Secret::Password("secret".into()),
        })),
        register: false,
        options_every: None,
        numbers: NumberForm::Plus,
        caller: CallerIn::AssertedIdentity,
        next_hop: sip::NextHop::Dialog,
    }
}

/// A port of 127.0.0.1 that was free a moment ago.
pub fn free_addr() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// sipp playing one scenario as the carrier.
pub struct Sipp {
    pub addr: SocketAddr,
    process: Child,
}

impl Sipp {
    /// Starts a scenario of `tests/sipp`. `None` when sipp is not installed and its absence is allowed.
    pub fn play(scenario: &str) -> Option<Self> {
        Self::play_calls(scenario, 1)
    }

    pub fn play_calls(scenario: &str, calls: u32) -> Option<Self> {
        let addr = free_addr();
        let file = format!("{}/tests/sipp/{scenario}.xml", env!("CARGO_MANIFEST_DIR"));
        let log = std::env::temp_dir().join(format!("outdial-sipp-{scenario}-{}.log", addr.port()));
        let started = Command::new("sipp")
            .args([
                "-sf",
                &file,
                "-i",
                "127.0.0.1",
                "-p",
                &addr.port().to_string(),
                "-m",
                &calls.to_string(),
            ])
            .args([
                "-mp",
                &free_addr().port().to_string(),
                "-nostdin",
                "-timeout",
                "40s",
                "-timeout_error",
            ])
            .args(["-trace_err", "-error_file", &log.to_string_lossy()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match started {
            Ok(process) => Some(Self { addr, process }),
            Err(error) if std::env::var_os("OUTDIAL_ALLOW_MISSING").is_some_and(|v| v == "1") => {
                eprintln!(
                    "SKIPPED {scenario}: sipp cannot be started ({error}) and OUTDIAL_ALLOW_MISSING=1"
                );
                None
            }
            Err(error) => panic!(
                "sipp cannot be started: {error}; install sip-tester, or set OUTDIAL_ALLOW_MISSING=1"
            ),
        }
    }

    /// Waits for the scenario's end: sipp must be content with every message it got.
    pub fn must_be_content(mut self) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "sipp has not ended");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "sipp is not content: {status}");
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // It has ended by itself unless the test has failed.
        self.process.kill().unwrap_or_default();
        self.process.wait().map(|_| ()).unwrap_or_default();
    }
}
