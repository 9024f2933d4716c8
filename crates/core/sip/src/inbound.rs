//! Requests from outside: which procedure each belongs to.

use std::net::SocketAddr;

use model::LegId;

use crate::address::Uri;
use crate::exchange::{Event, Inbound};
use crate::header_name::HeaderName;
use crate::leg::{Leg, State};
use crate::lexis::text;
use crate::message::Message;
use crate::method::Method;
use crate::offer_answer::SDP_TYPE;
use crate::reply::{ALLOW, Reply};
use crate::server::{ServerKey, Servers};
use crate::user_agent::UserAgent;

/// Longest user part reported.
const USER_BYTES_MAX: usize = 128;

impl UserAgent {
    pub(crate) fn on_request(&mut self, from: SocketAddr, bytes: &[u8], request: &Message<'_>) {
        let method = request.method().unwrap_or(Method::Other);
        let Some(via) = request.via() else {
            // Without a Via nobody can be answered.
            self.wire.tally.malformed += 1;
            return;
        };
        let to = via.response_to(from);
        let complete = request.from().is_some()
            && request.to().is_some()
            && request.call_id().is_some()
            && request.cseq_method() == Some(method);
        if !complete || request.body_problem().is_some() {
            self.wire.tally.malformed += 1;
            if method != Method::Ack {
                self.answer_stateless(from, to, request, Reply::new(400));
            }
            return;
        }
        if method == Method::Ack {
            return self.on_ack(request);
        }
        let Some(key) = Servers::key(request, method) else {
            return;
        };
        if self.servers.repeats(&mut self.wire, key) {
            return;
        }
        if method == Method::Cancel {
            return self.on_cancel(from, to, key, request);
        }
        let required: Vec<&[u8]> = request.list(HeaderName::Require).collect();
        if !required.is_empty() {
            // RFC 3261 section 8.2.2.3: no extension is supported here.
            let reply = Reply::new(420).with("Unsupported", required.join(b", ".as_slice()));
            return self.answer(from, to, key, method, request, reply, None);
        }
        if request.to().is_some_and(|t| t.tag().is_some()) {
            return self.on_request_in_dialog(from, to, key, method, request);
        }
        let reply = match method {
            Method::Invite => return self.on_invite(from, to, key, bytes, request),
            Method::Options => Reply::new(200)
                .with("Allow", ALLOW)
                .with("Accept", SDP_TYPE),
            Method::Register => match &mut self.registrar {
                Some(registrar) => registrar.on_register(&mut self.wire, request, from),
                None => Reply::new(405),
            },
            // RFC 6665 section 4.1.3: nothing was subscribed to.
            Method::Bye | Method::Prack | Method::Update | Method::Notify | Method::Info => {
                Reply::new(481)
            }
            Method::Refer | Method::Subscribe | Method::Message | Method::Publish => {
                Reply::new(405)
            }
            Method::Ack | Method::Cancel | Method::Other => Reply::new(501),
        };
        let tag = self.wire.random.token();
        self.answer(from, to, key, method, request, reply, Some(&tag));
    }

    fn answer_stateless(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        request: &Message<'_>,
        reply: Reply,
    ) {
        let bytes = reply.write(&self.wire, request, from, None);
        self.wire.send(to, bytes.into());
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "all of it says where one answer goes"
    )]
    fn answer(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        key: ServerKey,
        method: Method,
        request: &Message<'_>,
        reply: Reply,
        tag: Option<&str>,
    ) {
        let bytes = reply.write(&self.wire, request, from, tag);
        if method == Method::Invite {
            self.servers.reject(&mut self.wire, key, to, bytes);
        } else {
            self.servers.answer(&mut self.wire, key, to, bytes);
        }
    }

    fn on_ack(&mut self, request: &Message<'_>) {
        // The ACK of a rejection has the branch of its INVITE; that of a 2xx has one of its own.
        if let Some(key) = Servers::key(request, Method::Invite)
            && self.servers.acknowledge(&mut self.wire, key)
        {
            return;
        }
        let Some(leg_key) = self.leg_of_tag(request) else {
            return;
        };
        if let Some(leg) = self.legs.get_mut(&leg_key) {
            leg.on_ack(&mut self.wire, request);
        }
        self.settle(leg_key);
    }

    fn on_cancel(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        key: ServerKey,
        request: &Message<'_>,
    ) {
        let invite = Servers::key(request, Method::Invite);
        let known = invite.is_some_and(|k| self.servers.is_known(k));
        // RFC 3261 section 9.2: 200 to the CANCEL, whether or not it came in time; 481 when there is no INVITE.
        let leg_key = invite.and_then(|k| self.servers.open_invite(k));
        let tag = leg_key.map(crate::random::token);
        let reply = Reply::new(if known { 200 } else { 481 });
        self.answer(
            from,
            to,
            key,
            Method::Cancel,
            request,
            reply,
            tag.as_deref(),
        );
        if let Some(leg_key) = leg_key {
            if let Some(leg) = self.legs.get_mut(&leg_key) {
                leg.on_cancel(&mut self.wire, &mut self.servers, request.reason());
            }
            self.settle(leg_key);
        }
    }

    fn on_request_in_dialog(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        key: ServerKey,
        method: Method,
        request: &Message<'_>,
    ) {
        let Some(leg_key) = self.leg_of_tag(request) else {
            return self.answer(from, to, key, method, request, Reply::new(481), None);
        };
        let Some(leg) = self.legs.get_mut(&leg_key) else {
            return;
        };
        let reply = leg.on_request(&mut self.wire, method, request);
        if method == Method::Invite && reply.is_success() {
            let bytes: std::sync::Arc<[u8]> = reply.write(&self.wire, request, from, None).into();
            self.wire.send(to, bytes.clone());
            self.servers.accept(&mut self.wire, key, to);
            let cseq = request.cseq().map_or(0, |c| c.number);
            leg.await_ack(
                &self.wire,
                bytes,
                to,
                cseq,
                false,
                request.body().is_empty(),
            );
        } else {
            let ends_offer = method == Method::Bye
                && reply.is_success()
                && matches!(leg.state, State::Offered(_));
            if ends_offer {
                leg.on_cancel(&mut self.wire, &mut self.servers, request.reason());
            }
            self.answer(from, to, key, method, request, reply, None);
        }
        self.settle(leg_key);
    }

    fn on_invite(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        key: ServerKey,
        bytes: &[u8],
        request: &Message<'_>,
    ) {
        let full = self.legs.len() >= self.options.legs_max;
        let refusal = match self.options.inbound {
            Inbound::Refuse(status) => Some(Reply::new(status.0)),
            // RFC 3261 section 21.5.4.
            Inbound::Report if full => Some(Reply::new(503).with("Retry-After", "5")),
            Inbound::Report if request.contact().is_none() => Some(Reply::new(400)),
            Inbound::Report => None,
        };
        if let Some(reply) = refusal {
            let tag = self.wire.random.token();
            return self.answer(from, to, key, Method::Invite, request, reply, Some(&tag));
        }
        let leg_key = self.wire.random.key();
        let id = LegId(self.next_inbound);
        self.next_inbound = self.next_inbound.wrapping_add(1) | crate::exchange::INBOUND_LEGS;
        let trying = Reply::new(100).write(&self.wire, request, from, None);
        self.servers
            .begin_invite(&mut self.wire, key, to, leg_key, trying);
        let call_id = request.call_id().unwrap_or_default();
        let leg = Leg::offered(&mut self.wire, id, leg_key, key, from, bytes, call_id);
        self.legs.insert(leg_key, leg);
        self.names.insert(id, leg_key);
        let user = |uri: Option<&[u8]>| {
            let user = uri.and_then(|u| Uri::read(u)?.user).unwrap_or_default();
            text(user, USER_BYTES_MAX)
        };
        let event = Event::Incoming {
            leg: id,
            source: from,
            from: user(request.from().map(|f| f.uri)),
            to: user(request.request_uri()),
        };
        self.wire.report(event);
    }
}
