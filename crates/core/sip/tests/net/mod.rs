//! User agents joined by a network whose clock, losses and delays the test decides.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test uses its part"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{LegId, Now, SipStatus, Timestamp, WallTime};
use sip::{
    Callee, Challenges, Codecs, Command, Credentials, Effect, Event, Inbound, Input, Invite,
    LocalMedia, NextHop, Options, Realm, Respond, Secret, Timers, UserAgent,
};

pub const DIALER: &str = "192.0.2.1:5060";
pub const CARRIER: &str = "192.0.2.2:5060";
/// One way.
const DELAY: Duration = Duration::from_millis(20);

pub struct Packet {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Arc<[u8]>,
}

impl Packet {
    /// The first line.
    pub fn line(&self) -> String {
        self.text().lines().next().unwrap_or_default().to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// What becomes of a packet: `None` it is lost, else how much later than usual it comes.
pub type Fate = Box<dyn FnMut(&Packet) -> Option<Duration>>;

pub struct Net {
    pub now: Now,
    pub agents: BTreeMap<SocketAddr, UserAgent>,
    pub events: BTreeMap<SocketAddr, Vec<Event>>,
    /// First lines of everything sent, for tests that look at the wire.
    pub wire: Vec<(SocketAddr, String)>,
    pub fate: Fate,
    flying: BTreeMap<(Timestamp, u64), Packet>,
    count: u64,
}

pub fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn options(local: &str) -> Options {
    Options {
        local: addr(local),
        product: "test".into(),
        timers: Timers::default(),
        legs_max: 100,
        inbound: Inbound::Report,
        realm: Some(Realm {
            name: "phones.example".into(),
            challenge: Challenges::Sha256Md5,
        }),
    }
}

pub fn media(port: u16) -> LocalMedia {
    LocalMedia {
        addr: ([192, 0, 2, 1], port).into(),
        codecs: Codecs::AlawUlaw,
    }
}

pub fn credentials(user: &str, password: &str) -> Arc<Credentials> {
    Arc::new(Credentials {
        user: user.into(),
        secret: Secret::Password(password.into()),
    })
}

pub fn invite(leg: u64) -> Invite {
    Invite {
        leg: LegId(leg),
        to: Callee::Peer {
            addr: addr(CARRIER),
            uri: format!("sip:+49301234567@{CARRIER}"),
        },
        from: "sip:+49307654321@192.0.2.1".into(),
        asserted: None,
        call_id: format!("attempt-{leg}"),
        media: media(4_000),
        credentials: None,
        next_hop: NextHop::Dialog,
    }
}

impl Net {
    /// A dialer and a carrier.
    pub fn new() -> Self {
        let mut net = Self {
            now: Now {
                mono: Timestamp::from_millis(1_000),
                wall: WallTime::from_unix_seconds(0),
            },
            agents: BTreeMap::new(),
            events: BTreeMap::new(),
            wire: Vec::new(),
            fate: Box::new(|_| Some(Duration::ZERO)),
            flying: BTreeMap::new(),
            count: 0,
        };
        net.add(options(DIALER), 1);
        net.add(options(CARRIER), 2);
        net
    }

    pub fn add(&mut self, options: Options, seed: u8) {
        self.agents
            .insert(options.local, UserAgent::new(options, [seed; 32]));
    }

    pub fn command(&mut self, at: &str, command: Command) {
        let at = addr(at);
        let now = self.now;
        self.agents
            .get_mut(&at)
            .unwrap()
            .handle(now, Input::Command(command));
        self.drain(at);
    }

    pub fn invite(&mut self, invite: Invite) {
        self.command(DIALER, Command::Invite(Box::new(invite)));
    }

    /// The carrier's answer to its latest inbound leg.
    pub fn respond(&mut self, how: Respond) {
        let leg = self.inbound();
        self.command(CARRIER, Command::Respond { leg, how });
    }

    pub fn reject(&mut self, status: u16) {
        self.respond(Respond::Reject {
            status: SipStatus(status),
            q850: None,
            text: None,
        });
    }

    pub fn ring(&mut self) {
        self.respond(Respond::Progress {
            status: SipStatus(180),
            media: None,
        });
    }

    pub fn answer(&mut self) {
        self.respond(Respond::Answer {
            media: media(6_000),
        });
    }

    pub fn inbound(&self) -> LegId {
        let incoming = |e: &Event| match e {
            Event::Incoming { leg, .. } => Some(*leg),
            _ => None,
        };
        self.of(CARRIER)
            .iter()
            .rev()
            .find_map(incoming)
            .expect("an inbound leg")
    }

    pub fn deliver(&mut self, from: &str, to: &str, text: &str) {
        let (from, to) = (addr(from), addr(to));
        let bytes = text.replace('\n', "\r\n");
        let now = self.now;
        let input = Input::Datagram {
            from,
            bytes: bytes.as_bytes(),
        };
        self.agents.get_mut(&to).unwrap().handle(now, input);
        self.drain(to);
    }

    /// Lets time pass until nothing flies and no timer is due before `for_how_long` is over.
    pub fn run(&mut self, for_how_long: Duration) {
        let end = self.now.mono + for_how_long;
        loop {
            let packet = self.flying.keys().next().map(|(at, _)| *at);
            let timer = self
                .agents
                .iter()
                .filter_map(|(a, ua)| Some((ua.next_wakeup()?, *a)))
                .min();
            let next = packet.into_iter().chain(timer.map(|(at, _)| at)).min();
            let Some(next) = next.filter(|at| *at <= end) else {
                break;
            };
            self.advance(next);
            if packet == Some(next) {
                let (_, p) = self.flying.pop_first().unwrap();
                if let Some(ua) = self.agents.get_mut(&p.to) {
                    ua.handle(
                        self.now,
                        Input::Datagram {
                            from: p.from,
                            bytes: &p.bytes,
                        },
                    );
                    self.drain(p.to);
                }
            } else if let Some((_, at)) = timer {
                self.agents
                    .get_mut(&at)
                    .unwrap()
                    .handle(self.now, Input::Tick);
                self.drain(at);
            }
        }
        self.advance(end);
    }

    fn advance(&mut self, to: Timestamp) {
        self.now = self.now + to.since(self.now.mono);
    }

    fn drain(&mut self, at: SocketAddr) {
        while let Some(effect) = self.agents.get_mut(&at).unwrap().poll_effect() {
            match effect {
                Effect::Report(event) => self.events.entry(at).or_default().push(event),
                Effect::Send { to, bytes, .. } => {
                    let packet = Packet {
                        from: at,
                        to,
                        bytes,
                    };
                    self.wire.push((at, packet.line()));
                    if let Some(extra) = (self.fate)(&packet) {
                        self.count += 1;
                        self.flying
                            .insert((self.now.mono + DELAY + extra, self.count), packet);
                    }
                }
            }
        }
    }

    pub fn of(&self, at: &str) -> &[Event] {
        self.events.get(&addr(at)).map_or(&[], Vec::as_slice)
    }

    /// How often a first line that begins so was sent from there.
    pub fn sent(&self, from: &str, begins: &str) -> usize {
        self.wire
            .iter()
            .filter(|(f, line)| *f == addr(from) && line.starts_with(begins))
            .count()
    }
}

pub fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
