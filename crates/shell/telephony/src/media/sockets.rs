//! The RTP sockets of a media thread, in use and resting.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use model::{LegId, Timestamp};

use super::counters::MediaCounters;
use super::ports::Resting;
use super::switchboard::Wire;

/// Wakes the thread; no RTP port has this number.
pub(super) const WAKE: Token = Token(0);

/// Errors read from a socket before the next packet is given up: each speaks of a packet that we sent.
const ERRORS_READ: u32 = 4;

/// All RTP sockets by their port.
pub(super) struct Sockets {
    registry: Registry,
    open: BTreeMap<u16, Open>,
    /// Ports with packets that were not read yet, each once.
    unread: VecDeque<u16>,
    resting: Vec<u16>,
    counters: Arc<MediaCounters>,
}

struct Open {
    socket: UdpSocket,
    used_by: Use,
    /// Stands in `unread`.
    is_unread: bool,
}

enum Use {
    Leg(LegId),
    Nobody(Resting),
}

impl Sockets {
    pub(super) fn new(registry: &Registry, counters: Arc<MediaCounters>) -> io::Result<Self> {
        Ok(Self {
            registry: registry.try_clone()?,
            open: BTreeMap::new(),
            unread: VecDeque::new(),
            resting: Vec::new(),
            counters,
        })
    }

    pub(super) fn are_all_read(&self) -> bool {
        self.unread.is_empty()
    }

    pub(super) fn add(
        &mut self,
        port: u16,
        socket: std::net::UdpSocket,
        leg: LegId,
    ) -> io::Result<()> {
        let mut socket = UdpSocket::from_std(socket);
        let watched = self
            .registry
            .register(&mut socket, Token(port.into()), Interest::READABLE);
        let used_by = Use::Leg(leg);
        self.open.insert(
            port,
            Open {
                socket,
                used_by,
                is_unread: false,
            },
        );
        watched
    }

    pub(super) fn note_readable(&mut self, token: Token) {
        if token != WAKE
            && let Ok(port) = u16::try_from(token.0)
        {
            self.note_unread(port);
        }
    }

    pub(super) fn note_unread(&mut self, port: u16) {
        if let Some(open) = self.open.get_mut(&port).filter(|open| !open.is_unread) {
            open.is_unread = true;
            self.unread.push_back(port);
        }
    }

    pub(super) fn next_unread(&mut self) -> Option<u16> {
        let port = self.unread.pop_front()?;
        if let Some(open) = self.open.get_mut(&port) {
            open.is_unread = false;
        }
        Some(port)
    }

    /// The next datagram on a port: its length, its sender, and the leg whose port it is.
    pub(super) fn receive(
        &mut self,
        port: u16,
        now: Timestamp,
        buffer: &mut [u8],
    ) -> Option<(usize, SocketAddr, Option<LegId>)> {
        let open = self.open.get_mut(&port)?;
        let mut received = open.socket.recv_from(buffer);
        for _ in 0..ERRORS_READ {
            match &received {
                Err(e) if e.kind() != io::ErrorKind::WouldBlock => {
                    self.counters.receive_errors.increment();
                    received = open.socket.recv_from(buffer);
                }
                Ok(_) | Err(_) => break,
            }
        }
        let (len, from) = received.ok()?;
        let leg = match &mut open.used_by {
            Use::Leg(leg) => Some(*leg),
            Use::Nobody(resting) => {
                resting.disturbed(now);
                self.counters.to_resting.increment();
                None
            }
        };
        Some((len, from, leg))
    }

    pub(super) fn rest(&mut self, port: u16, until: Timestamp) {
        if let Some(open) = self.open.get_mut(&port) {
            open.used_by = Use::Nobody(Resting::until(until));
            self.resting.push(port);
        }
    }

    /// Closes the sockets of ports that have rested; these can be used again.
    pub(super) fn close_rested(&mut self, now: Timestamp) -> Vec<u16> {
        let open = &self.open;
        let rested = |port: &mut u16| match open.get(port).map(|open| &open.used_by) {
            Some(Use::Nobody(resting)) => resting.is_over(now),
            Some(Use::Leg(_)) | None => false,
        };
        let ports: Vec<u16> = self.resting.extract_if(.., rested).collect();
        for port in &ports {
            // Closing a socket also takes it out of the event queue.
            self.open.remove(port);
        }
        ports
    }
}

impl Wire for Sockets {
    fn send(&mut self, port: u16, to: SocketAddr, packet: &[u8]) {
        let sent = self
            .open
            .get(&port)
            .is_some_and(|open| open.socket.send_to(packet, to).is_ok());
        let count = if sent {
            &self.counters.sent
        } else {
            &self.counters.not_sent
        };
        count.increment();
    }
}
