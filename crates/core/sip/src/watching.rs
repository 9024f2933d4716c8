//! OPTIONS to a peer again and again (RFC 3261 section 11): is the trunk there?

use model::{SipStatus, Timestamp};

use crate::exchange::{DownReason, Event, Watch};
use crate::wire::{Owner, Wake, Wire};

pub(crate) struct Watching {
    of: Watch,
    call_id: String,
    tag: String,
    cseq: u32,
    up: Option<bool>,
    wakeup: Option<Timestamp>,
}

impl Watching {
    pub(crate) fn start(wire: &mut Wire, of: Watch) -> Self {
        let (call_id, tag) = (wire.random.token(), wire.random.token());
        let mut watching = Self {
            of,
            call_id,
            tag,
            cseq: 0,
            up: None,
            wakeup: None,
        };
        watching.send(wire);
        watching
    }

    fn send(&mut self, wire: &mut Wire) {
        self.cseq += 1;
        let branch = wire.random.key();
        let mut w = wire.begin("OPTIONS", self.of.uri.as_bytes(), branch);
        w.header("From", format!("<sip:{}>;tag={}", wire.local, self.tag))
            .header("To", format!("<{}>", self.of.uri))
            .header("Call-ID", &self.call_id)
            .header("CSeq", format!("{} OPTIONS", self.cseq))
            .header("Contact", wire.contact(b""))
            .header("Accept", "application/sdp")
            .header("User-Agent", &wire.product);
        let owner = Owner::Watch(self.of.peer);
        wire.start_patient_request(owner, branch, self.of.addr, w.end(), self.of.patience);
    }

    /// Any final response proves that the peer is there; 503 says that it wants no calls.
    pub(crate) fn on_response(&mut self, wire: &mut Wire, status: SipStatus) {
        let down = (status.0 == 503).then_some(DownReason::Refused(status));
        self.tell(wire, down);
    }

    pub(crate) fn on_failure(&mut self, wire: &mut Wire, why: DownReason) {
        self.tell(wire, Some(why));
    }

    fn tell(&mut self, wire: &mut Wire, down: Option<DownReason>) {
        let up = down.is_none();
        if self.up != Some(up) {
            self.up = Some(up);
            wire.report(match down {
                None => Event::PeerUp(self.of.peer),
                Some(why) => Event::PeerDown(self.of.peer, why),
            });
        }
        self.wake_at(wire, Some(wire.now.mono + self.of.every));
    }

    pub(crate) fn on_time(&mut self, wire: &mut Wire) {
        self.wakeup = None;
        self.send(wire);
    }

    pub(crate) fn stop(&mut self, wire: &mut Wire) {
        self.wake_at(wire, None);
    }

    fn wake_at(&mut self, wire: &mut Wire, at: Option<Timestamp>) {
        wire.schedule
            .set(Wake::Watch(self.of.peer), self.wakeup, at);
        self.wakeup = at;
    }
}
