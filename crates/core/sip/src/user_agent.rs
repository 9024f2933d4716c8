//! The user agent: one socket's worth of SIP as one state machine.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use model::{AgentId, Ended, LegEnd, LegId, Now, Timestamp};

use crate::caller::Answer;
use crate::exchange::{
    Callee, Command, DownReason, Effect, Event, Input, Invite, Options, PeerId, PhoneBinding,
    Sender, Tally,
};
use crate::invite_client::{Due, Heard};
use crate::leg::{Ending, Leg, State};
use crate::message::Message;
use crate::method::Method;
use crate::random::Random;
use crate::registrar::Registrar;
use crate::registration::Registration;
use crate::server::Servers;
use crate::stray::Strays;
use crate::timers::Schedule;
use crate::unfinished::Unfinished;
use crate::via::{key_of_branch, key_of_hex};
use crate::watching::Watching;
use crate::wire::{ClientKey, Machine, Owner, Wake, Wire};

/// See the crate's documentation.
pub struct UserAgent {
    pub(crate) options: Options,
    pub(crate) wire: Wire,
    pub(crate) legs: BTreeMap<u64, Leg>,
    pub(crate) names: BTreeMap<LegId, u64>,
    pub(crate) servers: Servers,
    pub(crate) registrar: Option<Registrar>,
    registrations: BTreeMap<PeerId, Registration>,
    watches: BTreeMap<PeerId, Watching>,
    strays: Strays,
    pub(crate) next_inbound: u64,
}

impl UserAgent {
    /// A user agent. Tags, branches and nonces are drawn from `seed`: fresh from the system in production.
    pub fn new(options: Options, seed: [u8; 32]) -> Self {
        let mut random = Random::new(seed);
        let nonce_key = random.bytes32();
        Self {
            wire: Wire {
                now: Now::default(),
                local: options.local,
                product: options.product.clone(),
                timers: options.timers,
                random,
                schedule: Schedule::new(),
                clients: BTreeMap::new(),
                out: std::collections::VecDeque::new(),
                tally: Tally::default(),
                unfinished: None,
            },
            legs: BTreeMap::new(),
            names: BTreeMap::new(),
            // Each leg has a few requests of the far end in the last 32 s.
            servers: Servers::new(options.legs_max.saturating_mul(4).max(1_024)),
            registrar: options
                .realm
                .clone()
                .map(|realm| Registrar::new(realm, nonce_key)),
            registrations: BTreeMap::new(),
            watches: BTreeMap::new(),
            strays: Strays::default(),
            next_inbound: crate::exchange::INBOUND_LEGS,
            options,
        }
    }

    /// Takes one input; then call [`poll_effect`](Self::poll_effect) until `None`.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        self.wire.now = now;
        match input {
            Input::Datagram { from, bytes } => self.on_datagram(from, bytes),
            Input::Command(command) => self.on_command(command),
            Input::SendFailed {
                sender: Sender(Some(key)),
            } => self.on_send_failed(key),
            Input::SendFailed {
                sender: Sender(None),
            }
            | Input::Tick => {}
        }
        self.on_time();
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.wire.out.pop_front()
    }

    /// From now on [`poll_unfinished`](Self::poll_unfinished) tells what another process would have to say if
    /// this one died.
    pub fn keep_unfinished(&mut self) {
        self.wire.unfinished.get_or_insert_default();
    }

    /// What is left to be said about a leg has changed; `None`: nothing is. To be asked, and kept, before the
    /// next [`poll_effect`](Self::poll_effect): what is sent after that may be the last that is sent.
    pub fn poll_unfinished(&mut self) -> Option<(LegId, Option<Unfinished>)> {
        self.wire.unfinished.as_mut()?.pop_front()
    }

    /// Where an agent's phones are, to be registered again by [`Command::RestorePhones`].
    pub fn phones_of(&self, agent: AgentId) -> Vec<PhoneBinding> {
        let registrar = self.registrar.as_ref();
        registrar.map_or_else(Vec::new, |r| r.bindings(&self.wire, agent))
    }

    /// When [`Input::Tick`] is due, if nothing else comes before.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        self.wire.schedule.next()
    }

    /// Whether a datagram belongs to something under way: a response to a request of ours that is in the table,
    /// or a request that names the tag of a leg. Branches and tags are 64 random bits, so a stranger cannot
    /// guess one; a carrier's other machines, which the owner may not know by address, carry them.
    pub fn expects(&self, bytes: &[u8]) -> bool {
        let Ok(message) = Message::read(bytes) else {
            return false;
        };
        if message.status().is_none() {
            return self.leg_of_tag(&message).is_some();
        }
        let branch = message
            .via()
            .and_then(|v| v.branch())
            .and_then(key_of_branch);
        branch.is_some_and(|branch| {
            let both = [false, true].map(|cancel| ClientKey { branch, cancel });
            both.iter().any(|key| self.wire.clients.contains_key(key))
        })
    }

    /// Whether nothing is under way: no leg lives and no request of ours waits for its final response. What
    /// is left then only absorbs late copies, so the owner may stop.
    pub fn is_settled(&self) -> bool {
        let waiting = |client: &crate::wire::Client| match &client.machine {
            Machine::Invite(m) => m.is_waiting(),
            Machine::Request(m) => m.is_waiting(),
        };
        self.names.is_empty() && !self.wire.clients.values().any(waiting)
    }

    /// What is held and what was dropped.
    pub fn tally(&self) -> Tally {
        Tally {
            legs: self.legs.len(),
            client_transactions: self.wire.clients.len(),
            server_transactions: self.servers.len(),
            ..self.wire.tally
        }
    }

    fn on_datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(crate::message::ReadError::Empty) => return,
            Err(_) => {
                self.wire.tally.malformed += 1;
                return;
            }
        };
        match message.status() {
            Some((status, _)) => self.on_response(from, status, &message),
            None => self.on_request(from, bytes, &message),
        }
    }

    fn on_response(&mut self, from: SocketAddr, status: model::SipStatus, response: &Message<'_>) {
        let branch = response
            .via()
            .and_then(|v| v.branch())
            .and_then(key_of_branch);
        let (Some(branch), Some(method)) = (branch, response.cseq_method()) else {
            self.wire.tally.stray_responses += 1;
            return;
        };
        let key = ClientKey {
            branch,
            cancel: method == Method::Cancel,
        };
        let Wire {
            clients,
            timers,
            now,
            ..
        } = &mut self.wire;
        let Some(client) = clients.get_mut(&key) else {
            if method == Method::Invite && (200..300).contains(&status.0) {
                self.strays.on_answer(&mut self.wire, response, from);
            } else {
                self.wire.tally.stray_responses += 1;
            }
            return;
        };
        let (owner, to) = (client.owner, client.to());
        match &mut client.machine {
            // RFC 3261 section 17.1.3: the method of CSeq must match too.
            Machine::Invite(m) if method == Method::Invite => {
                let heard = m.on_response(now.mono, timers, status, response);
                self.wire.reschedule(key);
                self.on_invite_heard(from, to, owner, heard, status, response);
            }
            Machine::Request(m) if method != Method::Invite => {
                let first_final = m.on_response(now.mono, timers, status);
                self.wire.reschedule(key);
                if first_final {
                    self.on_request_answered(owner, status, response);
                }
            }
            Machine::Invite(_) | Machine::Request(_) => self.wire.tally.stray_responses += 1,
        }
    }

    fn on_invite_heard(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        owner: Owner,
        heard: Heard,
        status: model::SipStatus,
        response: &Message<'_>,
    ) {
        if let Heard::Again(Some(ack)) | Heard::Rejected(Some(ack)) = &heard {
            self.wire.send(to, ack.clone());
        }
        let Owner::Leg(leg_key) = owner else {
            // The call of an earlier process was answered after all.
            if heard == Heard::Answered {
                self.strays.on_answer(&mut self.wire, response, from);
            }
            return;
        };
        let Some(leg) = self.legs.get_mut(&leg_key) else {
            return;
        };
        match heard {
            Heard::Again(_) => {}
            Heard::Provisional => leg.on_provisional(&mut self.wire, status, response),
            Heard::Rejected(_) => leg.on_rejection(&mut self.wire, status, response),
            Heard::Answered => {
                if leg.on_answer(&mut self.wire, response) == Answer::Unwanted {
                    self.strays.on_answer(&mut self.wire, response, from);
                }
            }
        }
        self.settle(leg_key);
    }

    fn on_request_answered(
        &mut self,
        owner: Owner,
        status: model::SipStatus,
        response: &Message<'_>,
    ) {
        match owner {
            Owner::Leg(key) => {
                if let Some(leg) = self.legs.get_mut(&key) {
                    leg.on_bye_response(&mut self.wire, status, response);
                }
                self.settle(key);
            }
            Owner::Registration(id) => {
                if let Some(registration) = self.registrations.get_mut(&id)
                    && registration.on_response(&mut self.wire, status, response)
                {
                    self.registrations.remove(&id);
                }
            }
            Owner::Watch(id) => {
                if let Some(watch) = self.watches.get_mut(&id) {
                    watch.on_response(&mut self.wire, status);
                }
            }
            Owner::Nobody => {}
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Invite(invite) => self.invite(*invite),
            Command::Cancel(id) => self.with_leg(id, |leg, wire, _| leg.stop(wire, false)),
            Command::HangUp(id) => self.with_leg(id, |leg, wire, servers| match &leg.state {
                State::Inviting(_) => leg.stop(wire, true),
                State::Offered(_) => leg.respond(
                    wire,
                    servers,
                    crate::exchange::Respond::Reject {
                        status: model::SipStatus(603),
                        q850: None,
                        text: None,
                    },
                ),
                State::Talking(_) => leg.bye(wire, Ending::bare(Ended::Local)),
                State::Over(_) => {}
            }),
            Command::Respond { leg, how } => {
                self.with_leg(leg, |leg, wire, servers| leg.respond(wire, servers, how));
            }
            Command::SetUsers(users) => {
                if let Some(registrar) = &mut self.registrar {
                    registrar.set_users(&mut self.wire, users);
                }
            }
            Command::RestorePhones(bindings) => {
                if let Some(registrar) = &mut self.registrar {
                    registrar.restore(&mut self.wire, bindings);
                }
            }
            Command::Finish(unfinished) => self.wire.finish(unfinished),
            Command::Register(registrant) => {
                let id = registrant.peer;
                if let Some(mut old) = self.registrations.remove(&id) {
                    old.stop(&mut self.wire);
                }
                let registration = Registration::start(&mut self.wire, *registrant);
                self.registrations.insert(id, registration);
            }
            Command::Unregister(id) => {
                if let Some(registration) = self.registrations.get_mut(&id) {
                    registration.leave(&mut self.wire);
                }
            }
            Command::Watch(watch) => {
                let id = watch.peer;
                if let Some(mut old) = self.watches.remove(&id) {
                    old.stop(&mut self.wire);
                }
                self.watches
                    .insert(id, Watching::start(&mut self.wire, watch));
            }
            Command::Unwatch(id) => {
                if let Some(mut old) = self.watches.remove(&id) {
                    old.stop(&mut self.wire);
                }
            }
        }
    }

    fn invite(&mut self, invite: Invite) {
        let id = invite.leg;
        let target = match &invite.to {
            Callee::Peer { addr, uri } => Some((uri.clone(), *addr)),
            Callee::Phone(agent) => self.registrar.as_ref().and_then(|r| r.phone(*agent)),
        };
        let full = self.legs.len() >= self.options.legs_max;
        let taken = self.names.contains_key(&id) || id.0 >= crate::exchange::INBOUND_LEGS;
        let Some((uri, addr)) = target.filter(|_| !full && !taken) else {
            let text = match (full, taken) {
                (true, _) => "all legs are in use",
                (_, true) => "the leg's id is in use",
                _ => "no phone is registered",
            };
            self.wire.tally.refused += 1;
            let end = LegEnd {
                text: Some(text.to_owned()),
                ..LegEnd::bare(Ended::Refused)
            };
            return self.wire.report(Event::Ended {
                leg: id,
                end,
                retry_after: None,
            });
        };
        let key = self.wire.random.key();
        let leg = Leg::call(&mut self.wire, &invite, key, addr, &uri);
        self.names.insert(id, key);
        self.legs.insert(key, leg);
    }

    fn with_leg(&mut self, id: LegId, act: impl FnOnce(&mut Leg, &mut Wire, &mut Servers)) {
        let Some(key) = self.names.get(&id).copied() else {
            return;
        };
        if let Some(leg) = self.legs.get_mut(&key) {
            act(leg, &mut self.wire, &mut self.servers);
        }
        self.settle(key);
    }

    /// Brings the schedule and the tables in line with a leg after each touch.
    pub(crate) fn settle(&mut self, key: u64) {
        let Some(leg) = self.legs.get_mut(&key) else {
            return;
        };
        let new = leg.next_wakeup();
        self.wire.schedule.set(Wake::Leg(key), leg.wakeup, new);
        leg.wakeup = new;
        if matches!(leg.state, State::Over(_)) {
            let id = leg.id;
            self.names.remove(&id);
        }
        if leg.is_gone() {
            self.legs.remove(&key);
        }
    }

    fn on_send_failed(&mut self, key: ClientKey) {
        let Some(client) = self.wire.clients.get(&key) else {
            return;
        };
        let owner = client.owner;
        self.wire.forget(key);
        self.on_client_failed(key, owner, DownReason::Unreachable);
    }

    fn on_client_failed(&mut self, key: ClientKey, owner: Owner, why: DownReason) {
        match owner {
            Owner::Leg(leg_key) => {
                if let Some(leg) = self.legs.get_mut(&leg_key) {
                    let by = match why {
                        DownReason::Unreachable => Ended::Transport,
                        DownReason::Silent | DownReason::Refused(_) => Ended::Timeout,
                    };
                    let current = leg.invite == Some(key);
                    leg.transaction_gone(key);
                    if current {
                        leg.on_invite_failed(&mut self.wire, by);
                    }
                }
                self.settle(leg_key);
            }
            Owner::Registration(id) => {
                if let Some(registration) = self.registrations.get_mut(&id)
                    && registration.on_failure(&mut self.wire, why)
                {
                    self.registrations.remove(&id);
                }
            }
            Owner::Watch(id) => {
                if let Some(watch) = self.watches.get_mut(&id) {
                    watch.on_failure(&mut self.wire, why);
                }
            }
            Owner::Nobody => {}
        }
    }

    fn on_time(&mut self) {
        while let Some(wake) = self.wire.schedule.take_due(self.wire.now.mono) {
            match wake {
                Wake::Client(key) => match self.wire.wake_client(key) {
                    Some((owner, Due::TimedOut)) => {
                        self.on_client_failed(key, owner, DownReason::Silent)
                    }
                    Some((Owner::Leg(leg_key), _)) => {
                        if let Some(leg) = self.legs.get_mut(&leg_key) {
                            // A 2xx too broken to make a dialog leaves the leg without a transaction.
                            if leg.invite == Some(key) {
                                leg.on_invite_failed(&mut self.wire, Ended::Timeout);
                            }
                            leg.transaction_gone(key);
                        }
                        self.settle(leg_key);
                    }
                    Some(_) | None => {}
                },
                Wake::Server(key) => self.servers.on_time(&mut self.wire, key),
                Wake::Leg(key) => {
                    if let Some(leg) = self.legs.get_mut(&key) {
                        leg.wakeup = None;
                        leg.on_time(&mut self.wire);
                    }
                    self.settle(key);
                }
                Wake::Registration(id) => {
                    if let Some(registration) = self.registrations.get_mut(&id) {
                        registration.on_time(&mut self.wire);
                    }
                }
                Wake::Watch(id) => {
                    if let Some(watch) = self.watches.get_mut(&id) {
                        watch.on_time(&mut self.wire);
                    }
                }
                Wake::Stray(key) => self.strays.on_time(&mut self.wire, key),
                Wake::Bindings => {
                    if let Some(registrar) = &mut self.registrar {
                        registrar.on_time(&mut self.wire);
                    }
                }
            }
        }
    }

    pub(crate) fn leg_of_tag(&self, request: &Message<'_>) -> Option<u64> {
        let key = key_of_hex(request.to()?.tag()?)?;
        self.legs.contains_key(&key).then_some(key)
    }
}
