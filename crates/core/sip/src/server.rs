//! Server transactions: RFC 3261 section 17.2 with the Accepted state of RFC 6026.
//!
//! Requests other than INVITE are answered at once, so they are kept only as their answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::header_name::HeaderName;
use crate::message::Message;
use crate::method::Method;
use crate::via::MAGIC_COOKIE;
use crate::wire::{Wake, Wire};

/// Names a server transaction: the first 128 bits of a hash of what RFC 3261 section 17.2.3 compares.
pub(crate) type ServerKey = u128;

#[derive(Debug)]
struct Server {
    to: SocketAddr,
    state: State,
    wakeup: Option<Timestamp>,
}

#[derive(Debug)]
enum State {
    /// Not an INVITE, answered; timer J.
    Answered {
        response: Arc<[u8]>,
        until: Timestamp,
    },
    Proceeding {
        leg: u64,
        last: Arc<[u8]>,
    },
    /// Timers G and H: the rejection is repeated until its ACK comes.
    Completed {
        response: Arc<[u8]>,
        resend_at: Timestamp,
        interval: Duration,
        give_up_at: Timestamp,
    },
    /// Timers I and L: further copies are absorbed. The 2xx is repeated by its leg.
    Absorbing {
        until: Timestamp,
    },
}

/// All server transactions, bounded.
#[derive(Debug)]
pub(crate) struct Servers {
    table: BTreeMap<ServerKey, Server>,
    max: usize,
}

impl Servers {
    pub(crate) const fn new(max: usize) -> Self {
        Self {
            table: BTreeMap::new(),
            max,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// The key of a request taken as one of `method`: ACK and CANCEL look for their INVITE.
    pub(crate) fn key(request: &Message<'_>, method: Method) -> Option<ServerKey> {
        let via = request.list(HeaderName::Via).next()?;
        let parsed = request.via()?;
        let mut hash = Sha256::new();
        match parsed.branch().filter(|b| b.starts_with(MAGIC_COOKIE)) {
            Some(branch) => {
                hash.update(branch);
                hash.update(format!("|{:?}|{:?}|", parsed.host, parsed.port));
            }
            // RFC 2543 peers: section 17.2.3 lists what to compare instead.
            None => {
                hash.update(via);
                hash.update(request.call_id()?);
                hash.update(format!("|{}|", request.cseq()?.number));
                hash.update(request.from()?.tag().unwrap_or_default());
            }
        }
        hash.update(method.as_str());
        let digest: [u8; 32] = hash.finalize().into();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Some(u128::from_be_bytes(key))
    }

    /// Whether the request was seen before; the last response is then sent again.
    pub(crate) fn repeats(&self, wire: &mut Wire, key: ServerKey) -> bool {
        let Some(server) = self.table.get(&key) else {
            return false;
        };
        match &server.state {
            State::Answered { response, .. }
            | State::Proceeding { last: response, .. }
            | State::Completed { response, .. } => wire.send(server.to, response.clone()),
            State::Absorbing { .. } => {}
        }
        true
    }

    /// Sends the only response to a request that is not an INVITE.
    pub(crate) fn answer(
        &mut self,
        wire: &mut Wire,
        key: ServerKey,
        to: SocketAddr,
        bytes: Vec<u8>,
    ) {
        let response: Arc<[u8]> = bytes.into();
        wire.send(to, response.clone());
        let until = wire.now.mono + wire.timers.t1_64();
        self.put(wire, key, to, State::Answered { response, until });
    }

    /// Begins an INVITE of a leg with its 100.
    pub(crate) fn begin_invite(
        &mut self,
        wire: &mut Wire,
        key: ServerKey,
        to: SocketAddr,
        leg: u64,
        trying: Vec<u8>,
    ) {
        let last: Arc<[u8]> = trying.into();
        wire.send(to, last.clone());
        self.put(wire, key, to, State::Proceeding { leg, last });
    }

    /// Sends a provisional response to an INVITE that is open.
    pub(crate) fn progress(&mut self, wire: &mut Wire, key: ServerKey, bytes: Vec<u8>) {
        if let Some(Server {
            to,
            state: State::Proceeding { last, .. },
            ..
        }) = self.table.get_mut(&key)
        {
            *last = bytes.into();
            wire.send(*to, last.clone());
        }
    }

    /// Sends the rejection of an INVITE and repeats it until its ACK comes.
    pub(crate) fn reject(
        &mut self,
        wire: &mut Wire,
        key: ServerKey,
        to: SocketAddr,
        bytes: Vec<u8>,
    ) {
        let response: Arc<[u8]> = bytes.into();
        wire.send(to, response.clone());
        let (now, t) = (wire.now.mono, wire.timers);
        let state = State::Completed {
            response,
            resend_at: now + t.t1,
            interval: t.t1,
            give_up_at: now + t.t1_64(),
        };
        self.put(wire, key, to, state);
    }

    /// The leg has sent a 2xx: copies of the INVITE are absorbed (RFC 6026 section 7.1).
    pub(crate) fn accept(&mut self, wire: &mut Wire, key: ServerKey, to: SocketAddr) {
        let until = wire.now.mono + wire.timers.t1_64();
        self.put(wire, key, to, State::Absorbing { until });
    }

    /// Takes the ACK of a rejection; whether it was one. The ACK of a 2xx has a branch of its own, but some
    /// peers repeat that of the INVITE, so only a rejection takes it.
    pub(crate) fn acknowledge(&mut self, wire: &mut Wire, key: ServerKey) -> bool {
        let Some(server) = self.table.get_mut(&key) else {
            return false;
        };
        if !matches!(server.state, State::Completed { .. }) {
            return false;
        }
        server.state = State::Absorbing {
            until: wire.now.mono + wire.timers.t4,
        };
        self.reschedule(wire, key);
        true
    }

    /// The leg whose INVITE is open under this key.
    pub(crate) fn open_invite(&self, key: ServerKey) -> Option<u64> {
        match self.table.get(&key)?.state {
            State::Proceeding { leg, .. } => Some(leg),
            State::Answered { .. } | State::Completed { .. } | State::Absorbing { .. } => None,
        }
    }

    pub(crate) fn is_known(&self, key: ServerKey) -> bool {
        self.table.contains_key(&key)
    }

    pub(crate) fn on_time(&mut self, wire: &mut Wire, key: ServerKey) {
        let now = wire.now.mono;
        let Some(server) = self.table.get_mut(&key) else {
            return;
        };
        server.wakeup = None;
        let over = match &mut server.state {
            State::Answered { until, .. } | State::Absorbing { until } => now >= *until,
            State::Completed { give_up_at, .. } if now >= *give_up_at => true,
            State::Completed {
                response,
                resend_at,
                interval,
                ..
            } => {
                if now >= *resend_at {
                    *interval = interval.saturating_mul(2).min(wire.timers.t2);
                    *resend_at = now + *interval;
                    wire.send(server.to, response.clone());
                }
                false
            }
            State::Proceeding { .. } => false,
        };
        if over {
            self.table.remove(&key);
        } else {
            self.reschedule(wire, key);
        }
    }

    fn put(&mut self, wire: &mut Wire, key: ServerKey, to: SocketAddr, state: State) {
        let full = self.table.len() >= self.max;
        match self.table.get_mut(&key) {
            Some(server) => server.state = state,
            // When the table is full a copy of the request is simply answered anew.
            None if full => {
                wire.tally.refused += 1;
                return;
            }
            None => {
                self.table.insert(
                    key,
                    Server {
                        to,
                        state,
                        wakeup: None,
                    },
                );
            }
        }
        self.reschedule(wire, key);
    }

    fn reschedule(&mut self, wire: &mut Wire, key: ServerKey) {
        let Some(server) = self.table.get_mut(&key) else {
            return;
        };
        let new = match &server.state {
            State::Answered { until, .. } | State::Absorbing { until } => Some(*until),
            State::Completed {
                resend_at,
                give_up_at,
                ..
            } => Some(*resend_at.min(give_up_at)),
            State::Proceeding { .. } => None,
        };
        wire.schedule.set(Wake::Server(key), server.wakeup, new);
        server.wakeup = new;
    }
}
