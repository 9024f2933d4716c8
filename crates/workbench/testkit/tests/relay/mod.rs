//! The least that joins a carrier and a phone: one user agent, and two RTP ports that pass packets on.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test uses its part"
)]

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use model::{AgentId, LegId, Now, SipStatus, Timestamp, WallTime};
use sip::{
    Callee, Codecs, Command, Credentials, Effect, Event, Inbound, Input, Invite, LocalMedia,
    NextHop, Options, RemoteMedia, Secret, Timers, User, UserAgent,
};

/// Longer than any of it takes, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const PERSON: LegId = LegId(1);
pub const AGENT: LegId = LegId(2);
pub const ANNA: AgentId = AgentId(7);
const TURN: Duration = Duration::from_millis(5);

#[derive(Default)]
struct Board {
    events: Mutex<Vec<Event>>,
    changed: Condvar,
}

pub struct Relay {
    pub addr: SocketAddr,
    commands: Sender<Command>,
    board: Arc<Board>,
    stop: Arc<AtomicBool>,
    person: SocketAddr,
    agent: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

type Far = Arc<Mutex<Option<SocketAddr>>>;

impl Relay {
    pub fn start() -> Self {
        let socket = open();
        let addr = socket.local_addr().unwrap();
        let (commands, inbox) = channel();
        let (board, stop) = (Arc::new(Board::default()), Arc::new(AtomicBool::new(false)));
        let (a, b) = (open(), open());
        let (person, agent) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        let (far_person, far_agent) = (Far::default(), Far::default());
        let mut threads = vec![
            pass(&a, &b, Arc::clone(&far_agent), Arc::clone(&stop)),
            pass(&b, &a, Arc::clone(&far_person), Arc::clone(&stop)),
        ];
        let signalling = Signalling {
            socket,
            inbox,
            board: Arc::clone(&board),
            far: [far_person, far_agent],
        };
        let stopped = Arc::clone(&stop);
        threads.push(std::thread::spawn(move || signalling.run(&stopped)));
        let relay = Self {
            addr,
            commands,
            board,
            stop,
            person,
            agent,
            threads,
        };
        let user = User {
            agent: ANNA,
            name: "anna".into(),
            secret: Secret::Password("secret".into()),
        };
        relay.command(Command::SetUsers(vec![user]));
        relay
    }

    pub fn command(&self, command: Command) {
        self.commands.send(command).unwrap();
    }

    pub fn call_person(&self, carrier: SocketAddr, number: &str) {
        self.call_person_as(carrier, number, None);
    }

    pub fn call_person_as(&self, at: SocketAddr, number: &str, account: Option<(&str, &str)>) {
        let to = Callee::Peer {
            addr: at,
            uri: format!("sip:{number}@{at}"),
        };
        let credentials = account.map(|(user, password)| {
            Arc::new(Credentials {
                user: user.into(),
                secret: Secret::Password(password.into()),
            })
        });
        self.invite(PERSON, to, self.person, credentials);
    }

    pub fn call_agent(&self) {
        self.invite(AGENT, Callee::Phone(ANNA), self.agent, None);
    }

    fn invite(
        &self,
        leg: LegId,
        to: Callee,
        addr: SocketAddr,
        credentials: Option<Arc<Credentials>>,
    ) {
        let invite = Invite {
            asserted: None,
            leg,
            to,
            from: format!("sip:+49301234567@{}", self.addr),
            call_id: "test".into(),
            media: LocalMedia {
                addr,
                codecs: Codecs::AlawUlaw,
            },
            credentials,
            next_hop: NextHop::Dialog,
        };
        self.command(Command::Invite(Box::new(invite)));
    }

    /// Waits for an event; panics with everything that came when it does not.
    pub fn await_event(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        let deadline = Instant::now() + PATIENCE;
        let mut events = self.board.events.lock().unwrap();
        loop {
            if let Some(event) = events.iter().find(|e| wanted(e)) {
                return event.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not among {events:#?}");
            events = self.board.changed.wait_timeout(events, left).unwrap().0;
        }
    }

    pub fn await_answer(&self, of: LegId) {
        self.await_event(|e| matches!(e, Event::Answered { leg, .. } if *leg == of));
    }

    pub fn await_end(&self, of: LegId) -> (model::Ended, Option<SipStatus>, Option<u8>) {
        match self.await_event(|e| matches!(e, Event::Ended { leg, .. } if *leg == of)) {
            Event::Ended { end, .. } => (end.by, end.status, end.q850),
            _ => unreachable!(),
        }
    }

    pub fn has_ended(&self, of: LegId) -> bool {
        let events = self.board.events.lock().unwrap();
        let ended = |e: &Event| matches!(e, Event::Ended { leg, .. } if *leg == of);
        events.iter().any(ended)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

fn open() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(TURN)).unwrap();
    socket
}

fn pass(from: &UdpSocket, by: &UdpSocket, to: Far, stop: Arc<AtomicBool>) -> JoinHandle<()> {
    let (from, by) = (from.try_clone().unwrap(), by.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut packet = [0; 2_048];
        while !stop.load(Ordering::Relaxed) {
            let to = *to.lock().unwrap();
            if let (Ok((length, _)), Some(to)) = (from.recv_from(&mut packet), to) {
                by.send_to(&packet[..length], to).unwrap();
            }
        }
    })
}

struct Signalling {
    socket: UdpSocket,
    inbox: Receiver<Command>,
    board: Arc<Board>,
    far: [Far; 2],
}

impl Signalling {
    fn run(self, stop: &AtomicBool) {
        let started = Instant::now();
        let options = Options {
            local: self.socket.local_addr().unwrap(),
            product: "relay".into(),
            timers: Timers::default(),
            legs_max: 10,
            inbound: Inbound::Refuse(SipStatus(403)),
            realm: Some(sip::Realm {
                name: "127.0.0.1".to_owned(),
                challenge: sip::Challenges::default(),
            }),
        };
        let mut ua = UserAgent::new(options, [9; 32]);
        let mut packet = [0; 65_536];
        while !stop.load(Ordering::Relaxed) {
            let now = Now {
                mono: Timestamp::default() + started.elapsed(),
                wall: WallTime::default(),
            };
            while let Ok(command) = self.inbox.try_recv() {
                ua.handle(now, Input::Command(command));
            }
            if let Ok((length, from)) = self.socket.recv_from(&mut packet) {
                let bytes = &packet[..length];
                ua.handle(now, Input::Datagram { from, bytes });
            }
            ua.handle(now, Input::Tick);
            while let Some(effect) = ua.poll_effect() {
                match effect {
                    Effect::Send { to, bytes, .. } => {
                        self.socket.send_to(&bytes, to).unwrap();
                    }
                    Effect::Report(event) => self.report(event),
                }
            }
        }
    }

    fn report(&self, event: Event) {
        let media: Option<(LegId, RemoteMedia)> = match &event {
            Event::Ringing { leg, media, .. } | Event::Answered { leg, media, .. } => {
                media.map(|m| (*leg, m))
            }
            _ => None,
        };
        if let Some((leg, media)) = media {
            let [person, agent] = &self.far;
            let far = if leg == PERSON { person } else { agent };
            *far.lock().unwrap() = Some(media.addr);
        }
        self.board.events.lock().unwrap().push(event);
        self.board.changed.notify_all();
    }
}
