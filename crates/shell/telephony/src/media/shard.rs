//! The media thread: sockets, the clock, and the loop that feeds the switchboard.

use std::io;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use engine::LegEvent;
use media::{FRAME, Outgoing};
use mio::{Events, Poll, Waker};
use model::{LegId, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sip::Codecs;
use tracing::{error, warn};

use super::counters::MediaCounters;
use super::desk::{Desk, Request, lock};
use super::error::MediaError;
use super::library::PromptLibrary;
use super::ports::{PortPool, PortRange};
use super::sockets::{Sockets, WAKE};
use super::switchboard::{Settings, Switchboard};
use crate::media_api::MediaHandle;

/// Packets read from one socket before the others have their turn.
const TURN: usize = 32;

/// RTP over Ethernet is at most 1,460 bytes; longer datagrams are cut and then refused.
const LONGEST_DATAGRAM: usize = 2_048;

/// A thread that stood still for longer than this leaves out what it missed instead of sending it all
/// at once: the far ends' buffers would drop it anyway.
const LONGEST_DELAY: Duration = Duration::from_millis(500);

/// What the media thread needs to know.
#[derive(Clone, Debug)]
pub struct MediaOptions {
    /// The address that RTP sockets are bound to.
    pub bind: IpAddr,
    /// The address that far ends are told.
    pub advertised: IpAddr,
    /// The ports for RTP.
    pub ports: PortRange,
    /// What is offered and accepted.
    pub codecs: Codecs,
    /// Far ends sit behind address translation: send to where they send from, whatever their SDP says.
    pub learn_source: bool,
    /// How long sound waits to be put in order where it must be mixed or listened to, 20 to 100 ms.
    /// Plain bridges do not wait.
    pub playout_delay: Duration,
    /// How long a port rests between two calls: 5 s is usual, until the far end's last packets and its
    /// retransmitted BYE are through. It rests on while packets still come.
    pub port_rest: Duration,
}

/// The running thread. Dropping it stops the thread: plays end unreported, sockets close.
#[derive(Debug)]
pub struct MediaThread {
    requests: Sender<Request>,
    waker: Arc<Waker>,
    counters: Arc<MediaCounters>,
    thread: Option<JoinHandle<()>>,
}

impl MediaThread {
    /// Starts the thread. `report` is called on it with every fact, in order; it must not wait.
    ///
    /// # Errors
    /// When the system refuses a thread, an event queue or random numbers.
    pub fn start(
        options: MediaOptions,
        library: Arc<PromptLibrary>,
        report: impl FnMut(LegEvent) + Send + 'static,
    ) -> Result<(MediaHandle, Self), MediaError> {
        let poll = Poll::new().map_err(system("wait for packets"))?;
        let waker = Waker::new(poll.registry(), WAKE).map_err(system("be woken"))?;
        let waker = Arc::new(waker);
        let (requests, inbox) = channel();
        let counters = Arc::new(MediaCounters::default());
        let mut numbers = random_numbers()?;
        let pool = PortPool::new(options.ports, numbers.next_u32());
        let pool = Arc::new(Mutex::new(pool));
        let settings = Settings {
            learn_source: options.learn_source,
            playout_delay: options.playout_delay,
        };
        let shard = Shard {
            inbox,
            sockets: Sockets::new(poll.registry(), Arc::clone(&counters))
                .map_err(system("watch sockets"))?,
            poll,
            pool: Arc::clone(&pool),
            board: Switchboard::new(settings, library, Arc::clone(&counters)),
            numbers,
            counters: Arc::clone(&counters),
            port_rest: options.port_rest,
            started: Instant::now(),
            report,
        };
        let thread = thread::Builder::new()
            .name("media".to_owned())
            .spawn(move || shard.run())
            .map_err(system("start"))?;
        let handle = MediaHandle::new(Desk {
            options,
            pool,
            requests: requests.clone(),
            waker: Arc::clone(&waker),
        });
        let running = Self {
            requests,
            waker,
            counters,
            thread: Some(thread),
        };
        Ok((handle, running))
    }

    /// What it has counted; stays readable.
    pub fn counters(&self) -> Arc<MediaCounters> {
        Arc::clone(&self.counters)
    }
}

impl Drop for MediaThread {
    fn drop(&mut self) {
        // Both fail only when the thread has ended already.
        drop(self.requests.send(Request::Stop));
        drop(self.waker.wake());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!(problem = "bug", "the media thread had panicked");
        }
    }
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> MediaError {
    move |source| MediaError::System { what, source }
}

/// RFC 3550 section 5.1: SSRC, first sequence number and first timestamp cannot be guessed.
fn random_numbers() -> Result<ChaCha20Rng, MediaError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|e| system("draw random numbers")(io::Error::other(e.to_string())))?;
    Ok(ChaCha20Rng::from_seed(seed))
}

struct Shard<R> {
    inbox: Receiver<Request>,
    poll: Poll,
    pool: Arc<Mutex<PortPool>>,
    sockets: Sockets,
    board: Switchboard,
    numbers: ChaCha20Rng,
    counters: Arc<MediaCounters>,
    port_rest: Duration,
    started: Instant,
    report: R,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Go {
    On,
    Stop,
}

impl<R: FnMut(LegEvent)> Shard<R> {
    fn run(mut self) {
        let mut events = Events::with_capacity(1_024);
        let mut next_tick = self.now() + FRAME;
        loop {
            let wait = if self.sockets.are_all_read() {
                next_tick.since(self.now())
            } else {
                Duration::ZERO
            };
            match self.poll.poll(&mut events, Some(wait)) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    error!(
                        problem = "bug",
                        "the media thread cannot wait for packets and ends: {e}"
                    );
                    return;
                }
            }
            for event in &events {
                self.sockets.note_readable(event.token());
            }
            if self.take_requests() == Go::Stop {
                return;
            }
            self.read_until(next_tick);
            next_tick = self.tick_if_due(next_tick);
            self.report_facts();
        }
    }

    /// Instants are exact to the microsecond, and start when the thread does.
    fn now(&self) -> Timestamp {
        Timestamp::default() + self.started.elapsed()
    }

    fn take_requests(&mut self) -> Go {
        loop {
            match self.inbox.try_recv() {
                Ok(Request::Open { leg, port, socket }) => self.open(leg, port, socket),
                Ok(Request::Command(command)) => {
                    let now = self.now();
                    if let Some(port) = self.board.command(now, command, &mut self.sockets) {
                        self.sockets.rest(port, now + self.port_rest);
                    }
                    // Facts of an earlier command are out before the next one is looked at.
                    self.report_facts();
                }
                Err(TryRecvError::Empty) => return Go::On,
                Ok(Request::Stop) | Err(TryRecvError::Disconnected) => return Go::Stop,
            }
        }
    }

    fn open(&mut self, leg: LegId, port: u16, socket: std::net::UdpSocket) {
        if let Err(e) = self.sockets.add(port, socket, leg) {
            // The leg goes on without audio and is reported as such by its missing first packet.
            error!(
                leg_id = leg.0,
                port,
                problem = "busy",
                "the RTP socket cannot be watched: {e}"
            );
        }
        let ssrc = self.numbers.next_u32();
        let sequence = self.numbers.next_u32() as u16;
        let outgoing = Outgoing::new(ssrc, sequence, self.numbers.next_u32());
        if let Some(before) = self.board.open(leg, port, outgoing) {
            error!(
                leg_id = leg.0,
                problem = "bug",
                "the leg had RTP port {before} already"
            );
            self.sockets.rest(before, self.now() + self.port_rest);
        }
    }

    /// Reads what came, in turns, until the tick is due: a flood to one port delays nobody's frames.
    fn read_until(&mut self, next_tick: Timestamp) {
        let mut buffer = [0; LONGEST_DATAGRAM];
        while let Some(port) = self.sockets.next_unread() {
            let now = self.now();
            self.read_turn(port, now, &mut buffer);
            if now >= next_tick {
                return;
            }
        }
    }

    fn read_turn(&mut self, port: u16, now: Timestamp, buffer: &mut [u8]) {
        for _ in 0..TURN {
            let Some((len, from, leg)) = self.sockets.receive(port, now, buffer) else {
                return;
            };
            if let Some(leg) = leg {
                let datagram = &buffer[..len];
                self.board
                    .receive(now, leg, from, datagram, &mut self.sockets);
            }
        }
        // There may be more: mio tells only of what comes after this.
        self.sockets.note_unread(port);
    }

    fn tick_if_due(&mut self, mut next_tick: Timestamp) -> Timestamp {
        let now = self.now();
        let behind = now.since(next_tick);
        if behind > LONGEST_DELAY {
            let missed = u32::try_from(behind.as_micros() / FRAME.as_micros()).unwrap_or(0);
            warn!(
                behind_ms = behind.as_millis() as u64,
                "the media thread stood still"
            );
            self.counters.skipped_frames.add(missed.into());
            next_tick = next_tick + FRAME * missed;
        }
        while next_tick <= now {
            if now.since(next_tick) > FRAME {
                self.counters.late_frames.increment();
            }
            self.board.tick(next_tick, &mut self.sockets);
            next_tick = next_tick + FRAME;
        }
        for port in self.sockets.close_rested(now) {
            lock(&self.pool).put_back(port);
        }
        next_tick
    }

    fn report_facts(&mut self) {
        while let Some(fact) = self.board.poll_fact() {
            (self.report)(fact);
        }
    }
}
