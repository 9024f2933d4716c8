//! What all procedures share: the clock of the moment, the random stream, the client transactions, the way out.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{Now, Timestamp};

use crate::exchange::{Effect, Event, PeerId, Sender, Tally};
use crate::invite_client::{Due, InviteClient};
use crate::random::{Random, token};
use crate::request_client::RequestClient;
use crate::timers::{Schedule, Timers};
use crate::unfinished::Changes;
use crate::writer::Writer;

/// What a branch of ours names. A CANCEL has the branch of its INVITE (RFC 3261 section 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientKey {
    pub(crate) branch: u64,
    pub(crate) cancel: bool,
}

/// Whose transaction it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Leg(u64),
    Registration(PeerId),
    Watch(PeerId),
    /// A BYE for a dialog that nobody wants.
    Nobody,
}

/// Who wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wake {
    Client(ClientKey),
    Server(u128),
    Leg(u64),
    Registration(PeerId),
    Watch(PeerId),
    Stray(u128),
    Bindings,
}

#[derive(Debug)]
pub(crate) enum Machine {
    Invite(InviteClient),
    Request(RequestClient),
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) machine: Machine,
    pub(crate) owner: Owner,
    wakeup: Option<Timestamp>,
}

impl Client {
    pub(crate) fn to(&self) -> SocketAddr {
        match &self.machine {
            Machine::Invite(m) => m.to,
            Machine::Request(m) => m.to,
        }
    }
}

/// See the module.
pub(crate) struct Wire {
    pub(crate) now: Now,
    pub(crate) local: SocketAddr,
    pub(crate) product: String,
    pub(crate) timers: Timers,
    pub(crate) random: Random,
    pub(crate) schedule: Schedule<Wake>,
    pub(crate) clients: BTreeMap<ClientKey, Client>,
    pub(crate) out: VecDeque<Effect>,
    pub(crate) tally: Tally,
    /// `None`: the owner keeps nothing.
    pub(crate) unfinished: Option<Changes>,
}

impl Wire {
    pub(crate) fn report(&mut self, event: Event) {
        self.out.push_back(Effect::Report(event));
    }

    /// Sends what no client transaction watches: responses and ACKs.
    pub(crate) fn send(&mut self, to: SocketAddr, bytes: Arc<[u8]>) {
        self.out.push_back(Effect::Send {
            to,
            bytes,
            sender: Sender(None),
        });
    }

    fn send_for(&mut self, key: ClientKey, to: SocketAddr, bytes: Arc<[u8]>) {
        self.out.push_back(Effect::Send {
            to,
            bytes,
            sender: Sender(Some(key)),
        });
    }

    /// The Via value of a request of ours. RFC 3581: always with rport.
    pub(crate) fn via(&self, branch: u64) -> String {
        format!(
            "SIP/2.0/UDP {};branch=z9hG4bK{};rport",
            self.local,
            token(branch)
        )
    }

    /// Our Contact.
    pub(crate) fn contact(&self, user: &[u8]) -> Vec<u8> {
        let mut out = b"<sip:".to_vec();
        if !user.is_empty() {
            out.extend_from_slice(user);
            out.push(b'@');
        }
        out.extend_from_slice(self.local.to_string().as_bytes());
        out.push(b'>');
        out
    }

    /// Begins a request with Via and Max-Forwards.
    pub(crate) fn begin(&self, method: &str, uri: &[u8], branch: u64) -> Writer {
        let mut w = Writer::request(method, uri);
        w.header("Via", self.via(branch))
            .header("Max-Forwards", "70");
        w
    }

    pub(crate) fn start_invite(
        &mut self,
        owner: Owner,
        branch: u64,
        to: SocketAddr,
        bytes: Vec<u8>,
    ) -> ClientKey {
        let bytes: Arc<[u8]> = bytes.into();
        let machine = Machine::Invite(InviteClient::new(
            self.now.mono,
            &self.timers,
            to,
            bytes.clone(),
        ));
        self.start(
            ClientKey {
                branch,
                cancel: false,
            },
            machine,
            owner,
            to,
            bytes,
        )
    }

    pub(crate) fn start_request(
        &mut self,
        owner: Owner,
        branch: u64,
        to: SocketAddr,
        bytes: Vec<u8>,
    ) -> ClientKey {
        let patience = self.timers.request_timeout;
        self.start_patient_request(owner, branch, to, bytes, patience)
    }

    pub(crate) fn start_patient_request(
        &mut self,
        owner: Owner,
        branch: u64,
        to: SocketAddr,
        bytes: Vec<u8>,
        patience: Duration,
    ) -> ClientKey {
        let bytes: Arc<[u8]> = bytes.into();
        let machine = Machine::Request(RequestClient::new(
            self.now.mono,
            &self.timers,
            patience,
            to,
            bytes.clone(),
        ));
        self.start(
            ClientKey {
                branch,
                cancel: false,
            },
            machine,
            owner,
            to,
            bytes,
        )
    }

    /// Sends the CANCEL of an INVITE that has no final response; whether there was one to cancel.
    pub(crate) fn start_cancel(&mut self, invite: ClientKey) -> bool {
        let Some((to, bytes)) = self.clients.get(&invite).and_then(|c| match &c.machine {
            Machine::Invite(m) => m.cancel().map(|bytes| (m.to, bytes)),
            Machine::Request(_) => None,
        }) else {
            return false;
        };
        let bytes: Arc<[u8]> = bytes.into();
        let patience = self.timers.request_timeout;
        let machine = Machine::Request(RequestClient::new(
            self.now.mono,
            &self.timers,
            patience,
            to,
            bytes.clone(),
        ));
        let key = ClientKey {
            cancel: true,
            ..invite
        };
        self.start(key, machine, Owner::Nobody, to, bytes);
        true
    }

    fn start(
        &mut self,
        key: ClientKey,
        machine: Machine,
        owner: Owner,
        to: SocketAddr,
        bytes: Arc<[u8]>,
    ) -> ClientKey {
        self.clients.insert(
            key,
            Client {
                machine,
                owner,
                wakeup: None,
            },
        );
        self.reschedule(key);
        self.send_for(key, to, bytes);
        key
    }

    /// The INVITE of an earlier process, which may ring: takes its transaction up and cancels it.
    pub(crate) fn cancel_left_behind(&mut self, branch: u64, to: SocketAddr, request: Arc<[u8]>) {
        let key = ClientKey {
            branch,
            cancel: false,
        };
        let client = Client {
            machine: Machine::Invite(InviteClient::left_behind(to, request)),
            owner: Owner::Nobody,
            wakeup: None,
        };
        self.clients.insert(key, client);
        self.abandon(key);
        self.start_cancel(key);
    }

    /// Brings the schedule in line with the transaction after each touch.
    pub(crate) fn reschedule(&mut self, key: ClientKey) {
        let Some(client) = self.clients.get_mut(&key) else {
            return;
        };
        let new = match &client.machine {
            Machine::Invite(m) => m.next_wakeup(),
            Machine::Request(m) => m.next_wakeup(),
        };
        self.schedule.set(Wake::Client(key), client.wakeup, new);
        client.wakeup = new;
    }

    pub(crate) fn forget(&mut self, key: ClientKey) {
        if let Some(client) = self.clients.remove(&key) {
            self.schedule.set(Wake::Client(key), client.wakeup, None);
        }
    }

    /// Lets the transaction act on its timer. `Some` when the owner must hear of it: timed out or done.
    pub(crate) fn wake_client(&mut self, key: ClientKey) -> Option<(Owner, Due)> {
        let client = self.clients.get_mut(&key)?;
        client.wakeup = None;
        let due = match &mut client.machine {
            Machine::Invite(m) => m.on_time(self.now.mono),
            Machine::Request(m) => m.on_time(self.now.mono, &self.timers),
        };
        let (owner, to) = (client.owner, client.to());
        match due {
            Due::Nothing => {}
            Due::Resend(bytes) => self.send_for(key, to, bytes),
            Due::TimedOut | Due::Done => {
                self.forget(key);
                return Some((owner, due));
            }
        }
        self.reschedule(key);
        None
    }

    /// See [`InviteClient::abandon`].
    pub(crate) fn abandon(&mut self, key: ClientKey) {
        let until = self.now.mono + self.timers.t1_64();
        if let Some(Client {
            machine: Machine::Invite(m),
            ..
        }) = self.clients.get_mut(&key)
        {
            m.abandon(until);
        }
        self.reschedule(key);
    }
}
