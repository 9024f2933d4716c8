//! One leg: an INVITE dialog from its first message to the last, whoever began it.
//!
//! `caller.rs` holds what is done before the answer of a leg that we began, `callee.rs` of one that
//! others began, and this file what is common: the talk and its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{Ended, LegEnd, LegId, SipStatus, Timestamp};

use crate::auth::Auth;
use crate::callee::Offered;
use crate::caller::{Inviting, Stop};
use crate::dialog::Dialog;
use crate::exchange::Event;
use crate::header_name::HeaderName;
use crate::media::RemoteMedia;
use crate::message::Message;
use crate::method::Method;
use crate::offer_answer::{Session, is_sdp};
use crate::random::token;
use crate::reply::Reply;
use crate::typed::Reason;
use crate::wire::{ClientKey, Owner, Wire};

#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    /// Stands in our tag: requests of the far end find the leg by it.
    pub(crate) key: u64,
    pub(crate) session: Session,
    pub(crate) auth: Option<Box<Auth>>,
    pub(crate) state: State,
    pub(crate) rang: bool,
    pub(crate) early: Option<RemoteMedia>,
    /// Transactions that are still alive.
    pub(crate) invite: Option<ClientKey>,
    pub(crate) bye: Option<ClientKey>,
    /// Our ACK of the 2xx: the same bytes answer each of its retransmissions.
    pub(crate) ack: Option<Box<Ack>>,
    pub(crate) wakeup: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct Ack {
    pub(crate) remote_tag: Box<[u8]>,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Arc<[u8]>,
}

#[derive(Debug)]
pub(crate) enum State {
    /// We called; no final response yet.
    Inviting(Box<Inviting>),
    /// We are called and have not given a final response.
    Offered(Box<Offered>),
    Talking(Box<Talking>),
    /// `Ended` has been reported. The dialog stays while our BYE may have to be sent again.
    Over(Option<Box<Dialog>>),
}

#[derive(Debug)]
pub(crate) struct Talking {
    pub(crate) dialog: Dialog,
    pub(crate) remote: Option<RemoteMedia>,
    pub(crate) unacked: Option<Unacked>,
}

/// A 2xx of ours that waits for its ACK (RFC 3261 section 13.3.1.4).
#[derive(Debug)]
pub(crate) struct Unacked {
    pub(crate) response: Arc<[u8]>,
    pub(crate) to: SocketAddr,
    cseq: u32,
    /// It answers the first INVITE: its ACK makes the leg answered.
    first: bool,
    /// It carries our offer, so the ACK brings the answer.
    offered: bool,
    resend_at: Timestamp,
    interval: Duration,
    give_up_at: Timestamp,
}

/// How a leg ended, but for what the leg itself remembers.
pub(crate) struct Ending {
    pub(crate) by: Ended,
    pub(crate) status: Option<SipStatus>,
    pub(crate) reason: Reason,
    pub(crate) retry_after: Option<Duration>,
}

impl Ending {
    pub(crate) fn bare(by: Ended) -> Self {
        Self {
            by,
            status: None,
            reason: Reason::default(),
            retry_after: None,
        }
    }
}

impl Leg {
    /// Nothing is left to wait for.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.state, State::Over(_)) && self.invite.is_none() && self.bye.is_none()
    }

    pub(crate) fn next_wakeup(&self) -> Option<Timestamp> {
        match &self.state {
            State::Inviting(i) => match i.stop {
                Stop::Sent { forget_at } => Some(forget_at),
                Stop::No | Stop::WhenProvisional => None,
            },
            State::Talking(t) => t.unacked.as_ref().map(|u| u.resend_at.min(u.give_up_at)),
            State::Offered(_) | State::Over(_) => None,
        }
    }

    pub(crate) fn on_time(&mut self, wire: &mut Wire) {
        let now = wire.now.mono;
        match &mut self.state {
            State::Inviting(i) => {
                if matches!(i.stop, Stop::Sent { forget_at } if now >= forget_at) {
                    self.give_up_waiting(wire);
                }
            }
            State::Talking(t) => {
                let Some(u) = &mut t.unacked else { return };
                if now >= u.give_up_at {
                    // RFC 3261 section 13.3.1.4: without the ACK of our 2xx the session is ended by BYE.
                    self.bye(wire, Ending::bare(Ended::Lost));
                } else if now >= u.resend_at {
                    u.interval = u.interval.saturating_mul(2).min(wire.timers.t2);
                    u.resend_at = now + u.interval;
                    wire.send(u.to, u.response.clone());
                }
            }
            State::Offered(_) | State::Over(_) => {}
        }
    }

    /// Ends the leg without a packet; one that is over stays so.
    pub(crate) fn end(&mut self, wire: &mut Wire, ending: Ending) {
        if !matches!(self.state, State::Over(_)) {
            self.state = State::Over(None);
            self.report_end(wire, ending);
        }
    }

    /// The one place that reports an end, on the way into `Over`, which no leg leaves.
    fn report_end(&mut self, wire: &mut Wire, ending: Ending) {
        let end = LegEnd {
            by: ending.by,
            status: ending.status,
            q850: ending.reason.q850,
            text: ending.reason.text,
            rang: self.rang,
            early_media: self.early.is_some(),
        };
        wire.keep_nothing(self.id);
        wire.report(Event::Ended {
            leg: self.id,
            end,
            retry_after: ending.retry_after,
        });
    }

    /// Sends BYE and ends the talk at once: what the far end says to a BYE changes nothing.
    pub(crate) fn bye(&mut self, wire: &mut Wire, ending: Ending) {
        let State::Talking(talking) = std::mem::replace(&mut self.state, State::Over(None)) else {
            return;
        };
        let mut dialog = Box::new(talking.dialog);
        if let Some(auth) = &mut self.auth {
            auth.begin_request();
        }
        self.send_bye(wire, &mut dialog);
        self.state = State::Over(Some(dialog));
        self.report_end(wire, ending);
    }

    fn send_bye(&mut self, wire: &mut Wire, dialog: &mut Dialog) {
        dialog.local_cseq += 1;
        let branch = wire.random.key();
        let mut w = dialog.begin(wire, Method::Bye, dialog.local_cseq, branch);
        if let Some(auth) = &mut self.auth {
            auth.apply(&mut w, Method::Bye, dialog.request_uri(), &mut wire.random);
        }
        w.header("User-Agent", &wire.product);
        let to = dialog.destination();
        self.bye = Some(wire.start_request(Owner::Leg(self.key), branch, to, w.end()));
    }

    /// The final response to our BYE.
    pub(crate) fn on_bye_response(
        &mut self,
        wire: &mut Wire,
        status: SipStatus,
        response: &Message<'_>,
    ) {
        let State::Over(dialog) = &mut self.state else {
            return;
        };
        let Some(mut dialog) = dialog.take() else {
            return;
        };
        if self
            .auth
            .as_mut()
            .is_some_and(|a| a.learn(status, response))
        {
            self.send_bye(wire, &mut dialog);
            self.state = State::Over(Some(dialog));
        }
    }

    /// A transaction of this leg is out of the table.
    pub(crate) fn transaction_gone(&mut self, key: ClientKey) {
        if self.invite == Some(key) {
            self.invite = None;
        }
        if self.bye == Some(key) {
            self.bye = None;
        }
    }

    /// A request of the far end that names our tag; ACK and CANCEL come by other ways.
    pub(crate) fn on_request(
        &mut self,
        wire: &mut Wire,
        method: Method,
        request: &Message<'_>,
    ) -> Reply {
        match &mut self.state {
            // The BYE of a party whose 200 is still on its way to us.
            State::Inviting(i) if method == Method::Bye && i.is_of(request) => {
                i.bye_came = Some(request.reason());
                Reply::new(200)
            }
            State::Inviting(_) => Reply::new(481),
            State::Offered(o) if method == Method::Bye && o.is_of(request) => {
                // Section 15: a caller may BYE an early dialog. Its INVITE is answered by `on_cancel`.
                Reply::new(200)
            }
            State::Offered(_) => Reply::new(481),
            State::Over(Some(dialog)) if method == Method::Bye && dialog.is_of(request) => {
                Reply::new(200)
            }
            State::Over(_) => Reply::new(481),
            State::Talking(t) => {
                if !t.dialog.is_of(request) {
                    return Reply::new(481);
                }
                if !request
                    .cseq()
                    .is_some_and(|c| t.dialog.takes_cseq(c.number))
                {
                    return Reply::new(500);
                }
                match method {
                    Method::Bye => {
                        let ending = Ending {
                            reason: request.reason(),
                            ..Ending::bare(Ended::Remote)
                        };
                        self.end(wire, ending);
                        Reply::new(200)
                    }
                    Method::Invite | Method::Update => self.renegotiate(wire, method, request),
                    Method::Options => Reply::new(200).with("Allow", crate::reply::ALLOW),
                    Method::Notify => Reply::new(489),
                    Method::Other => Reply::new(501),
                    Method::Prack => Reply::new(481),
                    Method::Ack
                    | Method::Cancel
                    | Method::Register
                    | Method::Info
                    | Method::Refer
                    | Method::Subscribe
                    | Method::Message
                    | Method::Publish => Reply::new(405),
                }
            }
        }
    }

    /// re-INVITE and UPDATE (RFC 3261 section 14.2, RFC 3311): hold, resume, move.
    fn renegotiate(&mut self, wire: &mut Wire, method: Method, request: &Message<'_>) -> Reply {
        let State::Talking(t) = &mut self.state else {
            return Reply::new(481);
        };
        if t.unacked.is_some() {
            // RFC 3261 section 14.2 and RFC 3311 section 5.2: our own answer is still open.
            return Reply::new(500).with("Retry-After", "1");
        }
        if request.body().is_empty() {
            t.dialog.refresh_target(request);
            let reply = contact_reply(wire);
            // A re-INVITE without an offer asks for ours; an UPDATE without one only refreshes.
            if method != Method::Invite {
                return reply;
            }
            self.session.version += 1;
            return reply.with_sdp(self.session.offer());
        }
        if !is_sdp(request.header(HeaderName::ContentType)) {
            return Reply::new(415).with("Accept", crate::offer_answer::SDP_TYPE);
        }
        let Some(agreed) = self.session.accept(request.body()) else {
            return Reply::new(488);
        };
        t.dialog.refresh_target(request);
        self.session.version += 1;
        let answer = self.session.answer(&agreed);
        if t.remote != Some(agreed.remote) {
            t.remote = Some(agreed.remote);
            wire.report(Event::MediaChanged {
                leg: self.id,
                media: agreed.remote,
            });
        }
        contact_reply(wire).with_sdp(answer)
    }

    /// A 2xx to an INVITE of the far end went out: repeat it until its ACK.
    pub(crate) fn await_ack(
        &mut self,
        wire: &Wire,
        response: Arc<[u8]>,
        to: SocketAddr,
        cseq: u32,
        first: bool,
        offered: bool,
    ) {
        let (now, t) = (wire.now.mono, wire.timers);
        if let State::Talking(talking) = &mut self.state {
            talking.unacked = Some(Unacked {
                response,
                to,
                cseq,
                first,
                offered,
                resend_at: now + t.t1,
                interval: t.t1,
                give_up_at: now + t.t1_64(),
            });
        }
    }

    /// The ACK of a 2xx of ours.
    pub(crate) fn on_ack(&mut self, wire: &mut Wire, request: &Message<'_>) {
        let State::Talking(t) = &mut self.state else {
            return;
        };
        let ours = t.unacked.as_ref().map(|u| u.cseq) == request.cseq().map(|c| c.number);
        if !ours || !t.dialog.is_of(request) {
            return;
        }
        let Some(unacked) = t.unacked.take() else {
            return;
        };
        let media = if unacked.offered {
            self.session.read_answer(request.body())
        } else {
            None
        };
        if let Some(media) = media {
            t.remote = Some(media);
        }
        if unacked.first {
            let media = t.remote;
            wire.report(Event::Answered {
                leg: self.id,
                after_cancel: false,
                media,
            });
        } else if let Some(media) = media {
            wire.report(Event::MediaChanged {
                leg: self.id,
                media,
            });
        }
    }

    /// Our tag.
    pub(crate) fn tag(&self) -> String {
        token(self.key)
    }
}

fn contact_reply(wire: &Wire) -> Reply {
    Reply::new(200)
        .with("Contact", wire.contact(b""))
        .with("Allow", crate::reply::ALLOW)
}
