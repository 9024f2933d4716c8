//! The registrar for agents' phones (RFC 3261 section 10.3), with digest and for phones behind NAT.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use model::{AgentId, Timestamp};

use crate::address::{NameAddr, Uri};
use crate::digest::{Algorithm, Authorization, NonceIs, Nonces};
use crate::exchange::{Challenges, Event, PhoneBinding, Realm, User};
use crate::header_name::HeaderName;
use crate::lexis::number;
use crate::message::Message;
use crate::reply::Reply;
use crate::wire::{Wake, Wire};

/// Phones of one agent: a desk phone, a softphone at home, and one being replaced.
const BINDINGS_MAX: usize = 4;
/// Longest Contact kept.
const CONTACT_BYTES_MAX: usize = 512;
/// RFC 3261 section 10.2.1.1 suggests an hour; NAT bindings want less, and phones obey.
const EXPIRES_MAX_S: u32 = 600;
/// Shorter lifetimes would be a load without use (section 10.3, 423).
const EXPIRES_MIN_S: u32 = 60;
/// How long a nonce may be used.
const NONCE_LIFE_S: u64 = 300;

#[derive(Debug)]
struct Binding {
    /// As the phone wrote it; told back so that it finds itself.
    contact: Box<[u8]>,
    source: SocketAddr,
    call_id: Box<[u8]>,
    cseq: u32,
    expires_at: Timestamp,
}

pub(crate) struct Registrar {
    realm: Realm,
    nonces: Nonces,
    users: BTreeMap<String, User>,
    phones: BTreeMap<AgentId, Vec<Binding>>,
    wakeup: Option<Timestamp>,
}

impl Registrar {
    pub(crate) const fn new(realm: Realm, nonce_key: [u8; 32]) -> Self {
        Self {
            realm,
            nonces: Nonces::new(nonce_key),
            users: BTreeMap::new(),
            phones: BTreeMap::new(),
            wakeup: None,
        }
    }

    pub(crate) fn set_users(&mut self, wire: &mut Wire, users: Vec<User>) {
        self.users = users.into_iter().map(|u| (u.name.clone(), u)).collect();
        let known: Vec<AgentId> = self.users.values().map(|u| u.agent).collect();
        let gone: Vec<AgentId> = self
            .phones
            .keys()
            .copied()
            .filter(|a| !known.contains(a))
            .collect();
        for agent in gone {
            self.phones.remove(&agent);
            wire.report(Event::PhoneGone { agent });
        }
        self.reschedule(wire);
    }

    /// Where an agent's phone is: the URI for the INVITE and the address to send it to. Of several the one
    /// that registered last.
    pub(crate) fn phone(&self, agent: AgentId) -> Option<(String, SocketAddr)> {
        let binding = self.phones.get(&agent)?.last()?;
        let contact = NameAddr::read(&binding.contact)?.uri;
        // Behind NAT the host of the Contact is a private address: the source is where the phone is.
        let user = Uri::read(contact)?
            .user
            .map(|u| crate::lexis::text(u, 128))
            .unwrap_or_default();
        let at = if user.is_empty() { "" } else { "@" };
        Some((format!("sip:{user}{at}{}", binding.source), binding.source))
    }

    /// See [`PhoneBinding`].
    pub(crate) fn bindings(&self, wire: &Wire, agent: AgentId) -> Vec<PhoneBinding> {
        let kept = |b: &Binding| PhoneBinding {
            agent,
            source: b.source,
            contact: b.contact.clone(),
            call_id: b.call_id.clone(),
            cseq: b.cseq,
            expires_at: wire.now.wall + b.expires_at.since(wire.now.mono),
        };
        let bindings = self.phones.get(&agent).into_iter().flatten();
        bindings.map(kept).collect()
    }

    /// Takes over what an earlier process knew. A phone that has registered meanwhile knows better.
    pub(crate) fn restore(&mut self, wire: &mut Wire, kept: Vec<PhoneBinding>) {
        let now = wire.now;
        for binding in kept {
            let agent = binding.agent;
            let known = self.users.values().any(|u| u.agent == agent);
            // The wall clock may have been set meanwhile: no binding outlives what the registrar grants.
            let left = binding.expires_at.since(now.wall);
            let left = left.min(Duration::from_secs(EXPIRES_MAX_S.into()));
            let bindings = self.phones.entry(agent).or_default();
            let newer = bindings.iter().any(|b| b.contact == binding.contact);
            if known && !left.is_zero() && !newer && bindings.len() < BINDINGS_MAX {
                let source = binding.source;
                bindings.push(Binding {
                    contact: binding.contact,
                    source,
                    call_id: binding.call_id,
                    cseq: binding.cseq,
                    expires_at: now.mono + left,
                });
                wire.report(Event::PhoneRegistered { agent, source });
            }
            self.drop_if_empty(agent);
        }
        self.reschedule(wire);
    }

    /// Answers a REGISTER.
    pub(crate) fn on_register(
        &mut self,
        wire: &mut Wire,
        request: &Message<'_>,
        source: SocketAddr,
    ) -> Reply {
        let agent = match self.authenticate(wire, request) {
            Ok(agent) => agent,
            Err(reply) => return *reply,
        };
        let was_there = self.phones.contains_key(&agent);
        if let Err(reply) = self.bind(wire, agent, request, source) {
            return *reply;
        }
        match (was_there, self.phones.contains_key(&agent)) {
            (_, true) => wire.report(Event::PhoneRegistered { agent, source }),
            (true, false) => wire.report(Event::PhoneGone { agent }),
            (false, false) => {}
        }
        self.reschedule(wire);
        let mut reply = Reply::new(200);
        for binding in self.phones.get(&agent).into_iter().flatten() {
            let left = binding.expires_at.since(wire.now.mono).as_secs();
            let value = [&*binding.contact, format!(";expires={left}").as_bytes()].concat();
            reply = reply.with("Contact", value);
        }
        reply
    }

    fn authenticate(&self, wire: &Wire, request: &Message<'_>) -> Result<AgentId, Box<Reply>> {
        let now_s = wire.now.mono.micros() / 1_000_000;
        let credentials = request
            .headers()
            .iter()
            .filter(|h| h.name == HeaderName::Authorization)
            .filter_map(|h| Authorization::read(h.value))
            .find(|a| a.realm == self.realm.name.as_bytes() && self.offers(a.algorithm));
        let Some(a) = credentials else {
            return Err(Box::new(self.challenge(now_s, false)));
        };
        match self.nonces.check(&a.nonce, now_s, NONCE_LIFE_S) {
            NonceIs::Good => {}
            NonceIs::Stale => return Err(Box::new(self.challenge(now_s, true))),
            NonceIs::Foreign => return Err(Box::new(self.challenge(now_s, false))),
        }
        let user = std::str::from_utf8(&a.user)
            .ok()
            .and_then(|name| self.users.get(name));
        // An unknown user and a wrong password look the same from outside.
        let Some(user) = user.filter(|u| a.proves(&u.secret, b"REGISTER")) else {
            return Err(Box::new(self.challenge(now_s, false)));
        };
        // RFC 3261 section 10.3 step 4: nobody registers for somebody else.
        let aor = request
            .to()
            .and_then(|t| Uri::read(t.uri))
            .and_then(|u| u.user);
        if aor != Some(user.name.as_bytes()) {
            return Err(Box::new(Reply::new(403)));
        }
        Ok(user.agent)
    }

    const fn algorithms(&self) -> &'static [Algorithm] {
        match self.realm.challenge {
            Challenges::Md5 => &[Algorithm::Md5],
            Challenges::Sha256Md5 => &[Algorithm::Sha256, Algorithm::Md5],
            Challenges::Sha256 => &[Algorithm::Sha256],
        }
    }

    fn offers(&self, algorithm: Algorithm) -> bool {
        self.algorithms().contains(&algorithm)
    }

    /// 401 with a challenge for each algorithm, the strongest first (RFC 8760 section 2.3).
    fn challenge(&self, now_s: u64, stale: bool) -> Reply {
        let nonce = self.nonces.issue(now_s);
        let stale = if stale { ", stale=true" } else { "" };
        let realm = &self.realm.name;
        self.algorithms().iter().fold(Reply::new(401), |reply, algorithm| {
            let algorithm = algorithm.as_str();
            reply.with(
                "WWW-Authenticate",
                format!(
                    "Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={algorithm}, qop=\"auth\"{stale}"
                ),
            )
        })
    }

    /// Steps 6 and 7 of RFC 3261 section 10.3.
    fn bind(
        &mut self,
        wire: &Wire,
        agent: AgentId,
        request: &Message<'_>,
        source: SocketAddr,
    ) -> Result<(), Box<Reply>> {
        let refuse = |status| Err(Box::new(Reply::new(status)));
        let (Some(call_id), Some(cseq)) = (request.call_id(), request.cseq()) else {
            return refuse(400);
        };
        let contacts: Vec<NameAddr<'_>> = request
            .list(HeaderName::Contact)
            .take(BINDINGS_MAX + 1)
            .filter_map(NameAddr::read)
            .collect();
        let now = wire.now.mono;
        let bindings = self.phones.entry(agent).or_default();
        bindings.retain(|b| b.expires_at > now);
        if contacts.iter().any(|c| c.uri == b"*") {
            let alone = contacts.len() == 1 && request.expires() == Some(0);
            if !alone {
                self.drop_if_empty(agent);
                return refuse(400);
            }
            bindings.clear();
        }
        for contact in contacts.iter().filter(|c| c.uri != b"*") {
            let wanted = contact
                .params
                .get("expires")
                .and_then(number)
                .or(request.expires());
            let expires_s = wanted.unwrap_or(EXPIRES_MAX_S).min(EXPIRES_MAX_S);
            let same = bindings
                .iter()
                .position(|b| NameAddr::read(&b.contact).is_some_and(|c| c.uri == contact.uri));
            if let Some(b) = same.and_then(|i| bindings.get(i))
                && *b.call_id == *call_id
                && cseq.number <= b.cseq
            {
                return refuse(500);
            }
            if expires_s > 0 && expires_s < EXPIRES_MIN_S {
                self.drop_if_empty(agent);
                return Err(Box::new(
                    Reply::new(423).with("Min-Expires", EXPIRES_MIN_S.to_string()),
                ));
            }
            if let Some(i) = same {
                bindings.remove(i);
            }
            if expires_s == 0 {
                continue;
            }
            if contact.uri.len() > CONTACT_BYTES_MAX || Uri::read(contact.uri).is_none() {
                self.drop_if_empty(agent);
                return refuse(400);
            }
            // The oldest makes room: a phone that changed its address does not lock its agent out.
            if bindings.len() == BINDINGS_MAX {
                bindings.remove(0);
            }
            bindings.push(Binding {
                contact: [b"<".as_slice(), contact.uri, b">"].concat().into(),
                source,
                call_id: call_id.into(),
                cseq: cseq.number,
                expires_at: now + Duration::from_secs(expires_s.into()),
            });
        }
        self.drop_if_empty(agent);
        Ok(())
    }

    fn drop_if_empty(&mut self, agent: AgentId) {
        if self.phones.get(&agent).is_some_and(Vec::is_empty) {
            self.phones.remove(&agent);
        }
    }

    /// Removes what has expired.
    pub(crate) fn on_time(&mut self, wire: &mut Wire) {
        self.wakeup = None;
        let now = wire.now.mono;
        self.phones.retain(|agent, bindings| {
            bindings.retain(|b| b.expires_at > now);
            if bindings.is_empty() {
                wire.report(Event::PhoneGone { agent: *agent });
            }
            !bindings.is_empty()
        });
        self.reschedule(wire);
    }

    fn reschedule(&mut self, wire: &mut Wire) {
        let next = self.phones.values().flatten().map(|b| b.expires_at).min();
        wire.schedule.set(Wake::Bindings, self.wakeup, next);
        self.wakeup = next;
    }
}
