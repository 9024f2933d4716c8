//! A SIP shard: one UDP socket, its user agent and its legs, on one plain thread.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use engine::LegCommand;
use mio::net::UdpSocket;
use mio::{Interest, Poll, Token, Waker};
use model::{Now, SipStatus, Timestamp, WallTime};

use crate::error::ShardError;
use crate::event::EventSink;
use crate::keepsake::Keepsake;
use crate::media_api::MediaHandle;
use crate::phone::PhoneUser;
use crate::switchboard::{Switchboard, refuse};
use crate::trunk::TrunkPeer;

/// What a shard is set up with.
#[derive(Clone, Debug)]
pub struct ShardOptions {
    /// Where to listen.
    pub bind: SocketAddr,
    /// Our address as peers see it, when it is not the one bound: behind NAT, or bound to every address.
    pub advertised: Option<SocketAddr>,
    /// User-Agent and Server.
    pub product: String,
    /// Most legs at a time.
    pub legs_max: usize,
    /// SIP timers.
    pub timers: sip::Timers,
    /// What agents' phones are asked for; `None`: no phone can register here.
    pub realm: Option<sip::Realm>,
    /// What callers from outside are told: 403 or 603.
    pub refuse_inbound: SipStatus,
    /// The zero of [`Timestamp`]; one for the whole daemon.
    pub started: Instant,
    /// File that tells the next process of calls in progress and registered phones, should this one die.
    /// `None`: nobody comes after us.
    pub keepsake: Option<PathBuf>,
}

/// Something a shard is told.
#[derive(Clone, Debug)]
pub enum ShardCommand {
    /// A wish about a leg. Must come to the shard that has the leg.
    Leg(LegCommand),
    /// Replaces the trunks of this shard. Those that did not change are left alone.
    SetTrunks(Vec<TrunkPeer>),
    /// Replaces the phones that may register here.
    SetPhones(Vec<PhoneUser>),
    /// Take no new leg, hang up what lives, wait for the peers' answers, and end.
    Stop {
        /// Longest wait.
        within: Duration,
    },
}

/// What a shard has done since it started, and holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ShardTally {
    /// Datagrams taken in.
    pub received: u64,
    /// Datagrams dropped because nobody knows their source, or they are no SIP.
    pub dropped: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams the system would not send.
    pub send_failures: u64,
    /// Legs in the user agent's table, those included that only wait for late packets.
    pub legs: usize,
}

#[derive(Debug, Default)]
struct Counters {
    received: AtomicU64,
    dropped: AtomicU64,
    sent: AtomicU64,
    send_failures: AtomicU64,
    legs: AtomicUsize,
    /// Commands in the inbox.
    waiting: AtomicUsize,
}

/// Speaks to a shard from any thread. Cheap to clone.
#[derive(Clone)]
pub struct ShardHandle {
    inbox: Sender<ShardCommand>,
    // Behind `inbox`: fields are dropped in their order, and the shard must find it closed when it wakes.
    waker: Arc<LastCall>,
    counters: Arc<Counters>,
    events: EventSink,
    local: SocketAddr,
}

/// Wakes the shard once more when the last handle is gone.
struct LastCall(Arc<Waker>);

impl Drop for LastCall {
    fn drop(&mut self) {
        if let Err(error) = self.0.wake() {
            tracing::debug!(%error, "the SIP shard will notice later that nobody speaks to it");
        }
    }
}

/// New legs are refused when so many commands wait: a shard so far behind would send INVITEs whose launch
/// nobody wants any more. Controls of living legs are never refused; the legs bound their number.
const WAITING_MAX: usize = 4_096;

impl ShardHandle {
    /// Hands over a command; never waits. A new leg is refused (`LegEvent::Ended`, `Refused`) when the shard is
    /// too far behind.
    ///
    /// # Errors
    /// [`ShardError::Stopped`].
    pub fn send(&self, command: ShardCommand) -> Result<(), ShardError> {
        if self.counters.waiting.load(Relaxed) >= WAITING_MAX
            && let ShardCommand::Leg(
                LegCommand::Dial { leg, .. } | LegCommand::CallAgent { leg, .. },
            ) = command
        {
            refuse(&self.events, leg, "the SIP shard is overloaded".to_owned());
            return Ok(());
        }
        self.counters.waiting.fetch_add(1, Relaxed);
        self.inbox.send(command).map_err(|_| ShardError::Stopped)?;
        self.waker.0.wake().map_err(ShardError::SetUp)
    }

    /// Hands over a wish about a leg.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn leg(&self, command: LegCommand) -> Result<(), ShardError> {
        self.send(ShardCommand::Leg(command))
    }

    /// The address bound, with its port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// For metrics.
    pub fn tally(&self) -> ShardTally {
        let c = &self.counters;
        ShardTally {
            received: c.received.load(Relaxed),
            dropped: c.dropped.load(Relaxed),
            sent: c.sent.load(Relaxed),
            send_failures: c.send_failures.load(Relaxed),
            legs: c.legs.load(Relaxed),
        }
    }
}

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

/// Datagrams taken from the socket before commands have their turn again.
const BURST: usize = 128;

/// The service: owns the socket and runs on a thread of its own.
pub struct Shard {
    socket: UdpSocket,
    poll: Poll,
    /// Kept, because a wake-up is lost when the waker is closed before it is polled.
    _waker: Arc<Waker>,
    inbox: Receiver<ShardCommand>,
    switchboard: Switchboard,
    counters: Arc<Counters>,
    started: Instant,
    /// When it must have ended, once it has been told to stop.
    end_by: Option<Instant>,
    /// The socket may hold more: mio tells only once (epoll, edge-triggered).
    readable: bool,
}

impl Shard {
    /// Binds the socket. Facts go to `events`, audio to `media`.
    ///
    /// # Errors
    /// [`ShardError`] when the socket or the system's random source cannot be had.
    pub fn bind(
        options: ShardOptions,
        media: MediaHandle,
        events: EventSink,
    ) -> Result<(Self, ShardHandle), ShardError> {
        let socket = crate::socket::bind(options.bind)?;
        let bound = socket.local_addr().map_err(ShardError::SetUp)?;
        let local = options.advertised.unwrap_or(bound);
        if local.ip().is_unspecified() {
            return Err(ShardError::NoAdvertisedAddress { addr: bound });
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(ShardError::Random)?;
        let poll = Poll::new().map_err(ShardError::SetUp)?;
        let mut socket = UdpSocket::from_std(socket);
        poll.registry()
            .register(&mut socket, SOCKET, Interest::READABLE)
            .map_err(ShardError::SetUp)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(ShardError::SetUp)?);
        let sip = sip::Options {
            local,
            product: options.product,
            timers: options.timers,
            legs_max: options.legs_max,
            inbound: sip::Inbound::Refuse(options.refuse_inbound),
            realm: options.realm,
        };
        let keepsake = options.keepsake.as_deref().map(|path| {
            Keepsake::open(path).map_err(|source| ShardError::Keepsake {
                path: path.to_owned(),
                source,
            })
        });
        let keepsake = keepsake.transpose()?;
        let (sender, inbox) = channel();
        let counters = Arc::new(Counters::default());
        let handle = ShardHandle {
            inbox: sender,
            waker: Arc::new(LastCall(waker.clone())),
            counters: counters.clone(),
            events: events.clone(),
            local: bound,
        };
        let shard = Self {
            socket,
            poll,
            _waker: waker,
            inbox,
            switchboard: Switchboard::new(sip, seed, media, events, keepsake),
            counters,
            started: options.started,
            end_by: None,
            readable: false,
        };
        Ok((shard, handle))
    }

    /// Runs on a thread of its own until told to stop, or until every handle is gone.
    ///
    /// # Errors
    /// [`ShardError::SetUp`] when there is no thread to be had.
    pub fn spawn(self) -> Result<JoinHandle<()>, ShardError> {
        let name = format!("sip-{}", self.socket.local_addr().map_or(0, |a| a.port()));
        std::thread::Builder::new()
            .name(name)
            .spawn(move || self.run())
            .map_err(ShardError::SetUp)
    }

    fn run(mut self) {
        let now = self.now();
        self.switchboard.finish_left_behind(now);
        self.flush();
        let mut buffer = vec![0; sip::MESSAGE_BYTES_MAX];
        let mut ready = mio::Events::with_capacity(8);
        while !self.is_over() {
            let timeout = self.timeout();
            if let Err(error) = self.poll.poll(&mut ready, timeout)
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "the SIP shard cannot wait for packets and ends");
                return;
            }
            self.readable |= ready.iter().any(|e| e.token() == SOCKET);
            self.take_commands();
            self.take_datagrams(&mut buffer);
            let now = self.now();
            self.switchboard.tick(now);
            self.flush();
            self.counters
                .legs
                .store(self.switchboard.tally().legs, Relaxed);
        }
    }

    fn is_over(&self) -> bool {
        self.end_by
            .is_some_and(|at| self.switchboard.is_settled() || Instant::now() >= at)
    }

    fn timeout(&self) -> Option<Duration> {
        if self.readable {
            return Some(Duration::ZERO);
        }
        let timer = self.switchboard.next_wakeup().map(|at| {
            // A microsecond more, lest it is woken just before and goes round once for nothing.
            at.since(self.now().mono) + Duration::from_micros(1)
        });
        let end = self
            .end_by
            .map(|at| at.saturating_duration_since(Instant::now()));
        timer.into_iter().chain(end).min()
    }

    fn take_commands(&mut self) {
        loop {
            match self.inbox.try_recv() {
                Ok(command) => {
                    self.counters.waiting.fetch_sub(1, Relaxed);
                    self.obey(command);
                    self.flush();
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    // Nobody is left to give orders: as good as an order to stop.
                    if self.end_by.is_none() {
                        self.stop(Duration::ZERO);
                    }
                    return;
                }
            }
        }
    }

    fn obey(&mut self, command: ShardCommand) {
        let now = self.now();
        match command {
            ShardCommand::Leg(command) => self.switchboard.command(now, command),
            ShardCommand::SetTrunks(trunks) => self.switchboard.set_trunks(now, trunks),
            ShardCommand::SetPhones(phones) => self.switchboard.set_phones(now, phones),
            ShardCommand::Stop { within } => self.stop(within),
        }
    }

    fn stop(&mut self, within: Duration) {
        self.end_by = Some(Instant::now() + within);
        let now = self.now();
        self.switchboard.drain(now);
    }

    fn take_datagrams(&mut self, buffer: &mut [u8]) {
        for _ in 0..BURST {
            if !self.readable {
                return;
            }
            match self.socket.recv_from(buffer) {
                Ok((n, from)) => {
                    let now = self.now();
                    let admitted =
                        self.switchboard
                            .datagram(now, from, buffer.get(..n).unwrap_or_default());
                    let counter = if admitted {
                        &self.counters.received
                    } else {
                        &self.counters.dropped
                    };
                    counter.fetch_add(1, Relaxed);
                    self.flush();
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.readable = false
                }
                Err(error) => tracing::debug!(%error, "a datagram could not be received"),
            }
        }
    }

    fn flush(&mut self) {
        while let Some(out) = self.switchboard.next_outgoing() {
            match self.socket.send_to(&out.bytes, out.to) {
                Ok(_) => {
                    self.counters.sent.fetch_add(1, Relaxed);
                }
                // A full send buffer is a lost packet, which retransmission makes good.
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.counters.send_failures.fetch_add(1, Relaxed);
                }
                Err(error) => {
                    self.counters.send_failures.fetch_add(1, Relaxed);
                    tracing::debug!(to = %out.to, %error, "a datagram could not be sent");
                    let now = self.now();
                    self.switchboard.send_failed(now, out.sender);
                }
            }
        }
    }

    fn now(&self) -> Now {
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let wall = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Now {
            mono: Timestamp::from_micros(micros),
            wall: WallTime::from_unix_micros(i64::try_from(wall.as_micros()).unwrap_or(i64::MAX)),
        }
    }
}
