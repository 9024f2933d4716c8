//! A thread that runs any number of SIP parties and their lines.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};
use model::{Now, Timestamp};

use crate::clock::Clock;
use crate::error::{TestkitError, system};
use crate::line::{Lines, line_of};
use crate::phone::Order;

/// Wakes the thread; parties have even tokens from 2 on, lines odd ones.
const WAKE: Token = Token(0);
const LONGEST_DATAGRAM: usize = 65_536;

/// Names a party.
pub(crate) type PartyId = usize;

/// One SIP socket with somebody behind it.
pub(crate) trait Party: Send {
    fn socket(&mut self) -> &mut UdpSocket;
    fn on_datagram(&mut self, lines: &mut Lines, now: Now, from: SocketAddr, bytes: &[u8]);
    fn on_order(&mut self, lines: &mut Lines, now: Now, order: Order);
    fn on_time(&mut self, lines: &mut Lines, now: Now);
    fn next_wakeup(&self) -> Option<Timestamp>;
    /// Whether it can be forgotten.
    fn is_over(&self) -> bool;
}

enum Request {
    Add(PartyId, Box<dyn Party>),
    Order(PartyId, Order),
    Stop,
}

/// The running thread; dropping it stops it: sockets close, nobody says goodbye.
#[derive(Debug)]
pub(crate) struct Reactor {
    who: &'static str,
    requests: Sender<Request>,
    waker: Arc<Waker>,
    next_party: AtomicUsize,
    thread: Option<JoinHandle<()>>,
}

impl Reactor {
    pub(crate) fn start(who: &'static str, seed: u64) -> Result<Self, TestkitError> {
        let poll = Poll::new().map_err(system("wait for packets"))?;
        let waker = Waker::new(poll.registry(), WAKE).map_err(system("be woken"))?;
        let registry = poll
            .registry()
            .try_clone()
            .map_err(system("wait for packets"))?;
        let (requests, inbox) = channel();
        let clock = Clock::start();
        let lines = Lines::new(registry, clock, seed);
        let state = Loop {
            inbox,
            poll,
            clock,
            lines,
            parties: BTreeMap::new(),
            wakeups: BTreeMap::new(),
            schedule: BTreeSet::new(),
            buffer: vec![0; LONGEST_DATAGRAM].into(),
        };
        let thread = thread::Builder::new()
            .name(who.to_owned())
            .spawn(move || state.run())
            .map_err(system("start a thread"))?;
        Ok(Self {
            who,
            requests,
            waker: Arc::new(waker),
            next_party: AtomicUsize::new(1),
            thread: Some(thread),
        })
    }

    pub(crate) fn add(&self, party: Box<dyn Party>) -> Result<PartyId, TestkitError> {
        let id = self.next_party.fetch_add(1, Ordering::Relaxed);
        self.send(Request::Add(id, party))?;
        Ok(id)
    }

    pub(crate) fn order(&self, id: PartyId, order: Order) -> Result<(), TestkitError> {
        self.send(Request::Order(id, order))
    }

    fn send(&self, request: Request) -> Result<(), TestkitError> {
        let stopped = TestkitError::Stopped { who: self.who };
        self.requests.send(request).map_err(|_| stopped)?;
        self.waker.wake().map_err(system("wake a thread"))
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if let Err(error) = self.send(Request::Stop) {
            tracing::debug!(%error, "already stopped");
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(problem = "bug", who = self.who, "a thread had panicked");
        }
    }
}

struct Loop {
    inbox: Receiver<Request>,
    poll: Poll,
    clock: Clock,
    lines: Lines,
    parties: BTreeMap<PartyId, Box<dyn Party>>,
    wakeups: BTreeMap<PartyId, Timestamp>,
    schedule: BTreeSet<(Timestamp, PartyId)>,
    buffer: Box<[u8]>,
}

impl Loop {
    fn run(mut self) {
        let mut events = Events::with_capacity(1_024);
        loop {
            let next = self.schedule.first().map(|(at, _)| *at);
            let next = next.into_iter().chain(self.lines.next_tick()).min();
            let wait = next.map(|at| at.since(self.clock.now().mono));
            match self.poll.poll(&mut events, wait) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => {
                    tracing::error!(%cause, "cannot wait for packets any more");
                    return;
                }
            }
            for event in &events {
                match (event.token(), line_of(event.token())) {
                    (WAKE, _) => {
                        if self.on_requests() {
                            return;
                        }
                    }
                    (_, Some(line)) => self.lines.on_readable(line),
                    (Token(token), None) => self.on_readable(token / 2),
                }
            }
            self.on_time();
        }
    }

    /// Whether to stop.
    fn on_requests(&mut self) -> bool {
        while let Ok(request) = self.inbox.try_recv() {
            match request {
                Request::Add(id, party) => self.add(id, party),
                Request::Order(id, order) => {
                    let now = self.clock.now();
                    if let Some(party) = self.parties.get_mut(&id) {
                        party.on_order(&mut self.lines, now, order);
                    }
                    self.settle(id);
                }
                Request::Stop => return true,
            }
        }
        false
    }

    fn add(&mut self, id: PartyId, mut party: Box<dyn Party>) {
        let token = Token(id * 2);
        let registry = self.poll.registry();
        if let Err(cause) = registry.register(party.socket(), token, Interest::READABLE) {
            tracing::error!(%cause, "a SIP socket cannot be waited for");
            return;
        }
        party.on_time(&mut self.lines, self.clock.now());
        self.parties.insert(id, party);
        self.settle(id);
    }

    fn on_readable(&mut self, id: PartyId) {
        let Some(party) = self.parties.get_mut(&id) else {
            return;
        };
        let mut errors = 0;
        while errors < 4 {
            match party.socket().recv_from(&mut self.buffer) {
                Ok((length, from)) => {
                    let bytes = self.buffer.get(..length).unwrap_or_default();
                    party.on_datagram(&mut self.lines, self.clock.now(), from, bytes);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                // It speaks of a datagram that was sent to a port nobody listens on.
                Err(_) => errors += 1,
            }
        }
        self.settle(id);
    }

    fn on_time(&mut self) {
        let now = self.clock.now();
        self.lines.on_time(now.mono);
        while let Some((at, id)) = self.schedule.first().copied()
            && at <= now.mono
        {
            if let Some(party) = self.parties.get_mut(&id) {
                party.on_time(&mut self.lines, now);
            }
            self.schedule.remove(&(at, id));
            self.wakeups.remove(&id);
            self.settle(id);
        }
    }

    /// Notes when a party wants to be woken, or forgets it.
    fn settle(&mut self, id: PartyId) {
        if let Some(at) = self.wakeups.remove(&id) {
            self.schedule.remove(&(at, id));
        }
        let Some(party) = self.parties.get_mut(&id) else {
            return;
        };
        if party.is_over() {
            if let Err(cause) = self.poll.registry().deregister(party.socket()) {
                tracing::warn!(%cause, "a SIP socket could not be forgotten");
            }
            self.parties.remove(&id);
        } else if let Some(at) = party.next_wakeup() {
            self.wakeups.insert(id, at);
            self.schedule.insert((at, id));
        }
    }
}
