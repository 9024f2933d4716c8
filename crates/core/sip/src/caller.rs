//! The calling side of a leg before its answer: INVITE, challenges, CANCEL, the answer that crosses it.

use std::net::SocketAddr;
use std::time::Duration;

use model::{Ended, SipStatus, Timestamp};

use crate::dialog::Dialog;
use crate::exchange::{Event, Invite, NextHop};
use crate::header_name::HeaderName;
use crate::leg::{Ack, Ending, Leg, State, Talking};
use crate::lexis::text;
use crate::media::RemoteMedia;
use crate::message::Message;
use crate::method::Method;
use crate::offer_answer::{SDP_TYPE, Session, is_sdp};
use crate::reply::ALLOW;
use crate::typed::{Reason, TEXT_BYTES_MAX};
use crate::wire::{Owner, Wire};

/// What it takes to send the INVITE, and to send it again with an answer to a challenge.
#[derive(Debug)]
pub(crate) struct Inviting {
    peer: SocketAddr,
    next_hop: NextHop,
    uri: Box<str>,
    from: Box<str>,
    asserted: Option<Box<str>>,
    call_id: Box<str>,
    cseq: u32,
    provisional: bool,
    pub(crate) stop: Stop,
    /// The owner wants the leg gone even if it is answered.
    hang_up: bool,
    /// The far end's BYE has overtaken its 200.
    pub(crate) bye_came: Option<Reason>,
    /// Carriers tell the cause in a provisional response now and then, and end with a generic status.
    cause: Reason,
}

/// Whether the leg is to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    No,
    /// RFC 3261 section 9.1: no CANCEL before a provisional response, or the INVITE may overtake it.
    WhenProvisional,
    /// CANCEL is out; the callee may still answer.
    Sent {
        forget_at: Timestamp,
    },
}

impl Inviting {
    pub(crate) fn is_of(&self, request: &Message<'_>) -> bool {
        request.call_id() == Some(self.call_id.as_bytes())
    }
}

/// What a final response to an INVITE was, for whoever keeps the table of legs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Taken,
    /// A 2xx of a branch that nobody wants: to be acknowledged and ended.
    Unwanted,
}

impl Leg {
    /// Sends the INVITE.
    pub(crate) fn call(
        wire: &mut Wire,
        invite: &Invite,
        key: u64,
        peer: SocketAddr,
        uri: &str,
    ) -> Self {
        let id = u32::try_from(wire.random.key() >> 33).unwrap_or(1);
        let inviting = Inviting {
            peer,
            next_hop: invite.next_hop,
            uri: uri.into(),
            from: invite.from.as_str().into(),
            asserted: invite.asserted.as_deref().map(Into::into),
            call_id: format!("{}-{}", invite.call_id, wire.random.token()).into(),
            cseq: 0,
            provisional: false,
            stop: Stop::No,
            hang_up: false,
            bye_came: None,
            cause: Reason::default(),
        };
        let mut leg = Self {
            id: invite.leg,
            key,
            session: Session {
                id,
                version: 1,
                local: invite.media,
            },
            auth: invite
                .credentials
                .clone()
                .map(|who| Box::new(crate::auth::Auth::new(who))),
            state: State::Inviting(Box::new(inviting)),
            rang: false,
            early: None,
            invite: None,
            bye: None,
            ack: None,
            wakeup: None,
        };
        leg.send_invite(wire);
        leg
    }

    fn send_invite(&mut self, wire: &mut Wire) {
        let tag = self.tag();
        let State::Inviting(i) = &mut self.state else {
            return;
        };
        i.cseq += 1;
        i.provisional = false;
        let branch = wire.random.key();
        let user = crate::address::Uri::read(i.from.as_bytes())
            .and_then(|u| u.user)
            .unwrap_or_default();
        let mut w = wire.begin("INVITE", i.uri.as_bytes(), branch);
        w.header("From", format!("<{}>;tag={tag}", i.from))
            .header("To", format!("<{}>", i.uri))
            .header("Call-ID", &*i.call_id)
            .header("CSeq", format!("{} INVITE", i.cseq))
            .header("Contact", wire.contact(user))
            .header("Allow", ALLOW)
            .header("Accept", SDP_TYPE)
            .header("User-Agent", &wire.product);
        if let Some(asserted) = &i.asserted {
            w.header("P-Asserted-Identity", format!("<{asserted}>"));
        }
        if let Some(auth) = &mut self.auth {
            auth.apply(&mut w, Method::Invite, i.uri.as_bytes(), &mut wire.random);
        }
        let bytes = w.body(SDP_TYPE, &self.session.offer());
        wire.keep_invite(self.id, i.peer, &bytes);
        self.invite = Some(wire.start_invite(Owner::Leg(self.key), branch, i.peer, bytes));
    }

    /// Stops a leg that has no answer; with `hang_up`, also one whose answer crosses.
    pub(crate) fn stop(&mut self, wire: &mut Wire, hang_up: bool) {
        let State::Inviting(i) = &mut self.state else {
            return;
        };
        i.hang_up |= hang_up;
        if i.stop == Stop::No {
            i.stop = Stop::WhenProvisional;
        }
        self.cancel_if_due(wire);
    }

    fn cancel_if_due(&mut self, wire: &mut Wire) {
        let State::Inviting(i) = &mut self.state else {
            return;
        };
        if i.stop != Stop::WhenProvisional || !i.provisional {
            return;
        }
        if self.invite.is_some_and(|key| wire.start_cancel(key)) {
            // RFC 3261 section 9.1: without a final response in 64*T1 the INVITE counts as cancelled.
            i.stop = Stop::Sent {
                forget_at: wire.now.mono + wire.timers.t1_64(),
            };
        }
    }

    /// No final response has followed our CANCEL. A late 2xx still finds the transaction, and is then unwanted.
    pub(crate) fn give_up_waiting(&mut self, wire: &mut Wire) {
        if let Some(key) = self.invite {
            wire.abandon(key);
        }
        let reason = self.told_early();
        self.end(
            wire,
            Ending {
                reason,
                ..Ending::bare(Ended::Local)
            },
        );
    }

    fn told_early(&mut self) -> Reason {
        match &mut self.state {
            State::Inviting(i) => std::mem::take(&mut i.cause),
            State::Offered(_) | State::Talking(_) | State::Over(_) => Reason::default(),
        }
    }

    pub(crate) fn on_provisional(
        &mut self,
        wire: &mut Wire,
        status: SipStatus,
        response: &Message<'_>,
    ) {
        let State::Inviting(i) = &mut self.state else {
            return;
        };
        i.provisional = true;
        let reason = response.reason();
        if reason.q850.is_some() {
            i.cause = reason;
        }
        let media = self.early.or_else(|| self.media_of(response));
        let rang = self.rang || status.0 == 180;
        if (rang, media) != (self.rang, self.early) {
            (self.rang, self.early) = (rang, media);
            wire.report(Event::Ringing {
                leg: self.id,
                rang,
                media,
            });
        }
        self.cancel_if_due(wire);
    }

    fn media_of(&self, response: &Message<'_>) -> Option<RemoteMedia> {
        if response.body().is_empty() || !is_sdp(response.header(HeaderName::ContentType)) {
            return None;
        }
        self.session.read_answer(response.body())
    }

    /// A final response of 300 or above. The transaction has acknowledged it.
    pub(crate) fn on_rejection(
        &mut self,
        wire: &mut Wire,
        status: SipStatus,
        response: &Message<'_>,
    ) {
        let State::Inviting(i) = &mut self.state else {
            return;
        };
        let stopping = i.stop != Stop::No;
        if !stopping
            && self
                .auth
                .as_mut()
                .is_some_and(|a| a.learn(status, response))
        {
            self.send_invite(wire);
            return;
        }
        let cancelled = matches!(i.stop, Stop::Sent { .. }) && status.0 == 487;
        // A challenge to a call that is not wanted any more is not answered.
        let unasked = stopping && matches!(status.0, 401 | 407);
        let mut reason = response.reason();
        if reason.q850.is_none() && i.cause.q850.is_some() {
            reason = std::mem::take(&mut i.cause);
        }
        if reason.text.is_none() {
            let phrase = response
                .status()
                .map(|(_, phrase)| text(phrase, TEXT_BYTES_MAX));
            reason.text = phrase.filter(|p| !p.is_empty());
        }
        let ending = Ending {
            by: if cancelled || unasked {
                Ended::Local
            } else {
                Ended::Remote
            },
            status: Some(status),
            reason,
            retry_after: response
                .retry_after()
                .map(|s| Duration::from_secs(s.into())),
        };
        self.end(wire, ending);
    }

    /// A 2xx, whether the first, a copy, or one of another branch (RFC 3261 section 13.2.2.4).
    pub(crate) fn on_answer(&mut self, wire: &mut Wire, response: &Message<'_>) -> Answer {
        let tag = response.to().and_then(|t| t.tag()).unwrap_or_default();
        if let Some(ack) = self.ack.as_ref().filter(|a| &*a.remote_tag == tag) {
            wire.send(ack.to, ack.bytes.clone());
            return Answer::Taken;
        }
        let media = self.media_of(response).or(self.early);
        let State::Inviting(i) = &mut self.state else {
            return Answer::Unwanted;
        };
        let Some(dialog) = Dialog::of_response(response, i.peer, i.next_hop) else {
            return Answer::Taken;
        };
        let after_cancel = i.stop != Stop::No;
        let (hang_up, bye_came) = (i.hang_up, i.bye_came.take());
        wire.keep_bye(self.id, &dialog);
        self.acknowledge(wire, &dialog);
        self.state = State::Talking(Box::new(Talking {
            dialog,
            remote: media,
            unacked: None,
        }));
        wire.report(Event::Answered {
            leg: self.id,
            after_cancel,
            media,
        });
        if let Some(reason) = bye_came {
            self.end(
                wire,
                Ending {
                    reason,
                    ..Ending::bare(Ended::Remote)
                },
            );
        } else if hang_up {
            self.bye(wire, Ending::bare(Ended::Local));
        }
        Answer::Taken
    }

    fn acknowledge(&mut self, wire: &mut Wire, dialog: &Dialog) {
        let branch = wire.random.key();
        let mut w = dialog.begin(wire, Method::Ack, dialog.local_cseq, branch);
        if let Some(auth) = &mut self.auth {
            auth.repeat(&mut w);
        }
        let (to, bytes) = (dialog.destination(), std::sync::Arc::<[u8]>::from(w.end()));
        wire.send(to, bytes.clone());
        self.ack = Some(Box::new(Ack {
            remote_tag: dialog.remote_tag.clone(),
            to,
            bytes,
        }));
    }

    /// Timer B, or the packet could not be sent.
    pub(crate) fn on_invite_failed(&mut self, wire: &mut Wire, by: Ended) {
        if matches!(self.state, State::Inviting(_)) {
            self.end(wire, Ending::bare(by));
        }
    }
}
