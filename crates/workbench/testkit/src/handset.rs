//! The phone's own thinking: registration, and one call at a time.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use model::{LegId, Now, SipStatus, Timestamp};
use sip::{
    Command, Credentials, Event, Input, LocalMedia, PeerId, Registrant, RemoteMedia, Respond,
    Secret,
};

use crate::clock::wall;
use crate::draw::Draw;
use crate::ear::Ear;
use crate::error::TestkitError;
use crate::line::{LineId, Lines, recording_of};
use crate::phone::{Manner, Order, PhoneCall, PhoneOptions, Shared};
use crate::reactor::Party;
use crate::script::Script;
use crate::sip_socket::SipSocket;
use crate::voice::Voice;

/// The one registration of a phone.
const REGISTRAR: PeerId = PeerId(1);
/// A phone that leaves waits so long for the responses to its BYE and REGISTER.
const FAREWELL: Duration = Duration::from_secs(1);

pub(crate) struct Handset {
    sip: SipSocket,
    options: PhoneOptions,
    shared: Arc<Shared>,
    draw: Draw,
    state: State,
    calls: BTreeMap<LegId, Ringing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Made, not yet registering.
    New,
    On,
    /// Dropped dead.
    Dead,
    Leaving {
        until: Timestamp,
    },
}

/// A call that rings or talks here.
struct Ringing {
    /// Its place among the calls of the shared state.
    place: usize,
    ear: Ear,
    answer_at: Option<Timestamp>,
    line: Option<LineId>,
}

impl Handset {
    pub(crate) fn new(options: PhoneOptions, shared: Arc<Shared>) -> Result<Self, TestkitError> {
        let ip: IpAddr = match options.registrar {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        // Identifiers must not come again when a phone is started again with its seed.
        let instant = wall().unix_micros().unsigned_abs();
        let mut draw = Draw::new(options.seed, instant, 2);
        let listen = SocketAddr::new(ip, 0);
        Ok(Self {
            sip: SipSocket::bind(listen, "Outdial testkit phone", &mut draw)?,
            options,
            shared,
            draw,
            state: State::New,
            calls: BTreeMap::new(),
        })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.sip.addr
    }

    fn register(&mut self, lines: &mut Lines, now: Now) {
        self.state = State::On;
        let o = &self.options;
        let registrant = Registrant {
            peer: REGISTRAR,
            addr: o.registrar,
            registrar: format!("sip:{}", o.domain),
            aor: format!("sip:{}@{}", o.user, o.domain),
            user: o.user.clone(),
            credentials: Arc::new(Credentials {
                user: o.user.clone(),
                secret: Secret::Password(o.password.clone()),
            }),
            expires: o.expires,
        };
        self.command(lines, now, Command::Register(Box::new(registrant)));
    }

    fn command(&mut self, lines: &mut Lines, now: Now, command: Command) {
        let events = self.sip.handle(now, Input::Command(command));
        self.take(lines, now, events);
    }

    fn respond(&mut self, lines: &mut Lines, now: Now, leg: LegId, how: Respond) {
        self.command(lines, now, Command::Respond { leg, how });
    }

    fn take(&mut self, lines: &mut Lines, now: Now, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Incoming { leg, from, .. } => self.on_call(lines, now, leg, from),
                Event::Answered { leg, media, .. } => {
                    self.change(leg, |call| call.answered_at = Some(Instant::now()));
                    self.connect(lines, leg, media);
                }
                Event::MediaChanged { leg, media } => self.connect(lines, leg, Some(media)),
                Event::Ended { leg, end, .. } => {
                    self.change(leg, |call| {
                        call.ended_at = Some(Instant::now());
                        call.end = Some(end);
                    });
                    if let Some(line) = self.calls.remove(&leg).and_then(|call| call.line) {
                        lines.close(line);
                    }
                }
                Event::Registered(_) => self.shared.change(|state| {
                    state.registered = true;
                    state.refused = None;
                }),
                Event::NotRegistered(_, why) => self.shared.change(|state| {
                    state.registered = false;
                    state.refused = Some(why.to_string());
                }),
                Event::Ringing { .. }
                | Event::PhoneRegistered { .. }
                | Event::PhoneGone { .. }
                | Event::PeerUp(_)
                | Event::PeerDown(..) => {}
            }
        }
    }

    fn on_call(&mut self, lines: &mut Lines, now: Now, leg: LegId, from: String) {
        let ear = Ear::default();
        let call = PhoneCall {
            from,
            invited_at: Instant::now(),
            answered_at: None,
            ended_at: None,
            end: None,
            ear: ear.clone(),
        };
        let mut place = 0;
        self.shared.change(|state| {
            place = state.calls.len();
            state.calls.push(call);
        });
        let busy = !self.calls.is_empty();
        let call = Ringing {
            place,
            ear,
            answer_at: None,
            line: None,
        };
        self.calls.insert(leg, call);
        let refuse = |status| Respond::Reject {
            status,
            q850: None,
            text: None,
        };
        let how = match self.options.manner {
            _ if busy => refuse(SipStatus(486)),
            Manner::Declines(status) => refuse(status),
            Manner::Answers { after } if after.is_zero() => {
                return self.answer(lines, now, leg);
            }
            Manner::Answers { after } => {
                if let Some(call) = self.calls.get_mut(&leg) {
                    call.answer_at = Some(now.mono + after);
                }
                ring()
            }
            Manner::Ignores => ring(),
        };
        self.respond(lines, now, leg, how);
    }

    fn answer(&mut self, lines: &mut Lines, now: Now, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg) else {
            return;
        };
        call.answer_at = None;
        let nth = u32::try_from(call.place).unwrap_or(u32::MAX);
        let recordings = self.options.recordings.as_deref();
        let wav = recordings.map(|dir| recording_of(dir, &self.options.user, nth));
        let ip = self.sip.addr.ip();
        let how = match lines.open(ip, call.ear.clone(), wav.as_deref()) {
            Ok((line, addr)) => {
                call.line = Some(line);
                let speech = lines.speeches.of(Voice::of_agent(self.options.seed));
                lines.say(line, Script::talker(speech));
                let codecs = self.options.codecs;
                Respond::Answer {
                    media: LocalMedia { addr, codecs },
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a phone gets no line");
                Respond::Reject {
                    status: SipStatus(500),
                    q850: None,
                    text: None,
                }
            }
        };
        self.respond(lines, now, leg, how);
    }

    fn connect(&self, lines: &mut Lines, leg: LegId, media: Option<RemoteMedia>) {
        let line = self.calls.get(&leg).and_then(|call| call.line);
        if let (Some(line), Some(media)) = (line, media) {
            lines.connect(line, media);
        }
    }

    fn change(&self, leg: LegId, change: impl FnOnce(&mut PhoneCall)) {
        if let Some(call) = self.calls.get(&leg) {
            self.shared.change(|state| {
                if let Some(call) = state.calls.get_mut(call.place) {
                    change(call);
                }
            });
        }
    }

    fn hang_up(&mut self, lines: &mut Lines, now: Now) {
        let legs: Vec<LegId> = self.calls.keys().copied().collect();
        for leg in legs {
            self.command(lines, now, Command::HangUp(leg));
        }
    }

    fn vanish(&mut self, lines: &mut Lines) {
        self.state = State::Dead;
        self.sip.forget(&mut self.draw);
        for call in std::mem::take(&mut self.calls).into_values() {
            if let Some(line) = call.line {
                lines.close(line);
            }
            self.shared.change(|state| {
                if let Some(call) = state.calls.get_mut(call.place) {
                    call.ended_at = Some(Instant::now());
                }
            });
        }
        self.shared.change(|state| state.registered = false);
    }
}

fn ring() -> Respond {
    Respond::Progress {
        status: SipStatus(180),
        media: None,
    }
}

impl Party for Handset {
    fn socket(&mut self) -> &mut UdpSocket {
        &mut self.sip.socket
    }

    fn on_datagram(&mut self, lines: &mut Lines, now: Now, from: SocketAddr, bytes: &[u8]) {
        if self.state != State::Dead {
            let events = self.sip.handle(now, Input::Datagram { from, bytes });
            self.take(lines, now, events);
        }
    }

    fn on_order(&mut self, lines: &mut Lines, now: Now, order: Order) {
        match order {
            Order::HangUp => self.hang_up(lines, now),
            Order::Press(key) => {
                for line in self.calls.values().filter_map(|call| call.line) {
                    lines.press(line, key);
                }
            }
            Order::Manner(manner) => self.options.manner = manner,
            Order::Vanish => self.vanish(lines),
            Order::Register => self.register(lines, now),
            Order::Leave => {
                if self.state != State::Dead {
                    self.hang_up(lines, now);
                    self.command(lines, now, Command::Unregister(REGISTRAR));
                }
                let until = now.mono + FAREWELL;
                self.state = State::Leaving { until };
            }
        }
    }

    fn on_time(&mut self, lines: &mut Lines, now: Now) {
        if self.state == State::New {
            return self.register(lines, now);
        }
        if let State::Leaving { until } = self.state
            && until <= now.mono
        {
            return self.vanish(lines);
        }
        let events = self.sip.handle(now, Input::Tick);
        self.take(lines, now, events);
        let due = |call: &Ringing| call.answer_at.is_some_and(|at| at <= now.mono);
        let answering = self.calls.iter().filter(|(_, call)| due(call));
        let answering: Vec<LegId> = answering.map(|(leg, _)| *leg).collect();
        for leg in answering {
            self.answer(lines, now, leg);
        }
    }

    fn next_wakeup(&self) -> Option<Timestamp> {
        let leaving = match self.state {
            State::Leaving { until } => Some(until),
            State::Dead => return None,
            State::New | State::On => None,
        };
        let answers = self.calls.values().filter_map(|call| call.answer_at);
        let all = answers.chain(self.sip.next_wakeup()).chain(leaving);
        all.min()
    }

    fn is_over(&self) -> bool {
        // A dead phone may be revived by its owner; one that left has none.
        Arc::strong_count(&self.shared) == 1 && self.state == State::Dead
    }
}
