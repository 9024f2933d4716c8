//! The called side of a leg before its answer.

use std::net::SocketAddr;

use model::{Ended, LegId, SipStatus};

use crate::dialog::Dialog;
use crate::exchange::{NextHop, Respond};
use crate::header_name::HeaderName;
use crate::leg::{Ending, Leg, State, Talking};
use crate::media::{Codecs, LocalMedia};
use crate::message::Message;
use crate::offer_answer::{Agreed, Session, is_sdp};
use crate::reply::{ALLOW, Reply};
use crate::server::{ServerKey, Servers};
use crate::typed::Reason;
use crate::wire::Wire;

#[derive(Debug)]
pub(crate) struct Offered {
    server: ServerKey,
    source: SocketAddr,
    /// The INVITE as it came: responses copy from it.
    request: Box<[u8]>,
    call_id: Box<[u8]>,
}

impl Offered {
    pub(crate) fn is_of(&self, request: &Message<'_>) -> bool {
        request.call_id() == Some(&self.call_id)
    }
}

impl Leg {
    /// Takes in an INVITE, whose 100 has been sent.
    pub(crate) fn offered(
        wire: &mut Wire,
        id: LegId,
        key: u64,
        server: ServerKey,
        source: SocketAddr,
        bytes: &[u8],
        call_id: &[u8],
    ) -> Self {
        let nowhere = LocalMedia {
            addr: SocketAddr::new(wire.local.ip(), 0),
            codecs: Codecs::default(),
        };
        let session = Session {
            id: u32::try_from(wire.random.key() >> 33).unwrap_or(1),
            version: 1,
            local: nowhere,
        };
        Self {
            id,
            key,
            session,
            auth: None,
            state: State::Offered(Box::new(Offered {
                server,
                source,
                request: bytes.into(),
                call_id: call_id.into(),
            })),
            rang: false,
            early: None,
            invite: None,
            bye: None,
            ack: None,
            wakeup: None,
        }
    }

    pub(crate) fn respond(&mut self, wire: &mut Wire, servers: &mut Servers, how: Respond) {
        let tag = self.tag();
        let State::Offered(o) = &self.state else {
            return;
        };
        let Ok(request) = Message::read(&o.request) else {
            return;
        };
        let (server, source) = (o.server, o.source);
        let to = request.via().map_or(source, |v| v.response_to(source));
        match how {
            Respond::Progress { status, media } => {
                let mut reply =
                    Reply::new(status.0.clamp(101, 199)).with("Contact", wire.contact(b""));
                if let Some(local) = media {
                    self.session.local = local;
                    if let Some(agreed) = accept(&self.session, &request) {
                        reply = reply.with_sdp(self.session.answer(&agreed));
                        self.early = Some(agreed.remote);
                    }
                }
                self.rang |= status.0 == 180;
                servers.progress(
                    wire,
                    server,
                    reply.write(wire, &request, source, Some(&tag)),
                );
            }
            Respond::Reject { status, q850, text } => {
                let status = SipStatus(status.0.clamp(300, 699));
                let mut reply = Reply::new(status.0);
                if let Some(cause) = q850 {
                    let text = text
                        .as_deref()
                        .map(|t| format!(";text=\"{}\"", t.replace(['"', '\\'], "'")));
                    reply = reply.with(
                        "Reason",
                        format!("Q.850;cause={cause}{}", text.unwrap_or_default()),
                    );
                }
                servers.reject(
                    wire,
                    server,
                    to,
                    reply.write(wire, &request, source, Some(&tag)),
                );
                let ending = Ending {
                    status: Some(status),
                    ..Ending::bare(Ended::Local)
                };
                self.end(wire, ending);
            }
            Respond::Answer { media } => {
                self.session.local = media;
                let offer = !request.body().is_empty();
                let agreed = accept(&self.session, &request);
                let dialog = Dialog::of_request(&request, &tag, source, NextHop::Dialog);
                let (Some(dialog), true) = (dialog, agreed.is_some() || !offer) else {
                    let status = if offer && agreed.is_none() { 488 } else { 400 };
                    let bytes = Reply::new(status).write(wire, &request, source, Some(&tag));
                    servers.reject(wire, server, to, bytes);
                    let ending = Ending {
                        status: Some(SipStatus(status)),
                        ..Ending::bare(Ended::Local)
                    };
                    return self.end(wire, ending);
                };
                let sdp = agreed
                    .as_ref()
                    .map_or_else(|| self.session.offer(), |a| self.session.answer(a));
                let mut reply = Reply::new(200)
                    .with("Contact", wire.contact(b""))
                    .with("Allow", ALLOW);
                // RFC 3261 section 12.1.1: the route set is told back as it came.
                for route in request.list(HeaderName::RecordRoute) {
                    reply = reply.with("Record-Route", route);
                }
                let bytes: std::sync::Arc<[u8]> = reply
                    .with_sdp(sdp)
                    .write(wire, &request, source, Some(&tag))
                    .into();
                let cseq = request.cseq().map_or(0, |c| c.number);
                let remote = agreed.map(|a| a.remote);
                wire.send(to, bytes.clone());
                servers.accept(wire, server, to);
                self.state = State::Talking(Box::new(Talking {
                    dialog,
                    remote,
                    unacked: None,
                }));
                self.await_ack(wire, bytes, to, cseq, true, !offer);
            }
        }
    }

    /// CANCEL, or BYE in the early dialog: 487 ends the INVITE (RFC 3261 section 9.2, 15.1.2).
    pub(crate) fn on_cancel(&mut self, wire: &mut Wire, servers: &mut Servers, reason: Reason) {
        let tag = self.tag();
        let State::Offered(o) = &self.state else {
            return;
        };
        let Ok(request) = Message::read(&o.request) else {
            return;
        };
        let to = request.via().map_or(o.source, |v| v.response_to(o.source));
        let bytes = Reply::new(487).write(wire, &request, o.source, Some(&tag));
        servers.reject(wire, o.server, to, bytes);
        let ending = Ending {
            status: Some(SipStatus(487)),
            reason,
            ..Ending::bare(Ended::Remote)
        };
        self.end(wire, ending);
    }
}

fn accept(session: &Session, request: &Message<'_>) -> Option<Agreed> {
    if !is_sdp(request.header(HeaderName::ContentType)) {
        return None;
    }
    session.accept(request.body())
}
