//! The carrier's own thinking: what it does with each call, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use mio::net::UdpSocket;
use model::{E164, LegId, Now, SipStatus, Timestamp};
use sip::{Codecs, Command, Event, Input, LocalMedia, Message, Method, RemoteMedia, Respond, Uri};

use crate::call_log::{Call, CallEnd, CallLog};
use crate::carrier::{CarrierOptions, Controls};
use crate::challenge::Challenge;
use crate::clock::wall;
use crate::draw::Draw;
use crate::ear::Ear;
use crate::error::TestkitError;
use crate::line::{LineId, Lines, recording_of};
use crate::offer::remote_of;
use crate::person::{Does, Person, Talk};
use crate::phone::Order;
use crate::reactor::Party;
use crate::script::Script;
use crate::sip_socket::SipSocket;
use crate::voice::Voice;

/// Longest user part that is noted.
const USER_BYTES_MAX: usize = 128;

pub(crate) struct Exchange {
    sip: SipSocket,
    controls: Arc<Controls>,
    log: CallLog,
    challenge: Option<Challenge>,
    codecs: Codecs,
    recordings: Option<PathBuf>,
    legs: BTreeMap<LegId, Leg>,
    by_call_id: BTreeMap<String, LegId>,
    /// Calls of dead numbers: their repetitions are not responded to either.
    ignored: BTreeSet<String>,
    schedule: BTreeSet<(Timestamp, LegId)>,
}

/// A call that rings or talks.
struct Leg {
    place: usize,
    call_id: String,
    recording: Option<PathBuf>,
    voice: Voice,
    person: Person,
    step: Step,
    due: Option<Timestamp>,
    ear: Ear,
    offered: Option<RemoteMedia>,
    line: Option<(LineId, SocketAddr)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    SettingUp,
    Ringing,
    Talking,
}

/// An INVITE that the user agent will report in a moment.
struct Admitted {
    place: usize,
    call_id: String,
    recording: Option<PathBuf>,
    voice: Voice,
    person: Person,
    ear: Ear,
    offered: Option<RemoteMedia>,
}

impl Exchange {
    pub(crate) fn new(
        options: &CarrierOptions,
        controls: Arc<Controls>,
        log: CallLog,
    ) -> Result<Self, TestkitError> {
        // Tags and branches must not come again when a test restarts a carrier with its seed: the peer
        // would take them for repetitions.
        let instant = wall().unix_micros().unsigned_abs();
        let mut draw = Draw::new(options.behaviour.seed, instant, 1);
        Ok(Self {
            sip: SipSocket::bind(options.listen, "Outdial testkit carrier", &mut draw)?,
            controls,
            log,
            challenge: options
                .digest
                .clone()
                .map(|account| Challenge::new(account, &mut draw)),
            codecs: options.codecs,
            recordings: options.recordings.clone(),
            legs: BTreeMap::new(),
            by_call_id: BTreeMap::new(),
            ignored: BTreeSet::new(),
            schedule: BTreeSet::new(),
        })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.sip.addr
    }

    /// A first INVITE: who is met? `None`: it is answered already, or never will be.
    fn admit(&mut self, from: SocketAddr, invite: &Message<'_>) -> Option<Admitted> {
        if let Some(challenge) = &self.challenge
            && !challenge.admits(invite)
        {
            if let Err(cause) = self.sip.send(from, &challenge.refusal(invite, from)) {
                tracing::debug!(%cause, "a challenge was not sent");
            }
            return None;
        }
        let call_id = text(invite.call_id()?);
        let user = |uri: Option<&[u8]>| {
            let user = uri.and_then(|u| Uri::read(u)?.user).unwrap_or_default();
            text(user)
        };
        let dialled = user(invite.request_uri());
        let caller = user(invite.from().map(|f| f.uri));
        let number = number_of(&dialled);
        let call = Call::begun(&call_id, &dialled, number, caller);
        let ear = call.ear();
        let (place, nth) = self.log.begin(call);
        let behaviour = self.controls.behaviour.lock();
        let behaviour = behaviour.unwrap_or_else(PoisonError::into_inner);
        // What is no number does not exist.
        let person = number.map_or_else(Person::invalid, |n| behaviour.person(n, nth));
        if person.does == Does::Dead {
            self.log.ended(place, CallEnd::Ignored);
            self.ignored.insert(call_id);
            return None;
        }
        let recording = self.recordings.as_deref();
        Some(Admitted {
            place,
            call_id,
            recording: recording.map(|dir| recording_of(dir, &dialled, nth)),
            voice: number.map_or_else(|| Voice::of_agent(0), Voice::of_number),
            person,
            ear,
            offered: remote_of(invite.body(), self.codecs),
        })
    }

    fn take(&mut self, lines: &mut Lines, now: Now, events: Vec<Event>, new: Option<Admitted>) {
        let mut new = new;
        for event in events {
            match event {
                Event::Incoming { leg, .. } => {
                    if let Some(admitted) = new.take() {
                        self.begin(now, leg, admitted);
                    }
                }
                Event::Answered { leg, media, .. } => {
                    if let (Some(media), Some(leg)) = (media, self.legs.get(&leg)) {
                        leg.connect(lines, media);
                    }
                }
                Event::MediaChanged { leg, media } => {
                    if let Some(leg) = self.legs.get(&leg) {
                        leg.connect(lines, media);
                    }
                }
                Event::Ended { leg, end, .. } => {
                    if let Some(gone) = self.legs.remove(&leg) {
                        if let Some(due) = gone.due {
                            self.schedule.remove(&(due, leg));
                        }
                        if let Some((line, _)) = gone.line {
                            lines.close(line);
                        }
                        self.by_call_id.remove(&gone.call_id);
                        self.log.ended(gone.place, CallEnd::of(&end));
                    }
                }
                Event::Ringing { .. }
                | Event::PhoneRegistered { .. }
                | Event::PhoneGone { .. }
                | Event::Registered(_)
                | Event::NotRegistered(..)
                | Event::PeerUp(_)
                | Event::PeerDown(..) => {}
            }
        }
        if let Some(refused) = new {
            // The user agent refused it: a malformed INVITE.
            self.log
                .ended(refused.place, CallEnd::Refused(SipStatus(400)));
        }
    }

    fn begin(&mut self, now: Now, id: LegId, new: Admitted) {
        let due = now.mono + new.person.set_up;
        self.by_call_id.insert(new.call_id.clone(), id);
        let leg = Leg {
            place: new.place,
            call_id: new.call_id,
            recording: new.recording,
            voice: new.voice,
            person: new.person,
            step: Step::SettingUp,
            due: Some(due),
            ear: new.ear,
            offered: new.offered,
            line: None,
        };
        self.schedule.insert((due, id));
        self.legs.insert(id, leg);
    }

    fn command(&mut self, lines: &mut Lines, now: Now, command: Command) {
        let events = self.sip.handle(now, Input::Command(command));
        self.take(lines, now, events, None);
    }

    fn respond(&mut self, lines: &mut Lines, now: Now, leg: LegId, how: Respond) {
        self.command(lines, now, Command::Respond { leg, how });
    }

    fn wake_at(&mut self, id: LegId, due: Option<Timestamp>) {
        if let Some(leg) = self.legs.get_mut(&id) {
            if let Some(old) = leg.due {
                self.schedule.remove(&(old, id));
            }
            leg.due = due;
            if let Some(due) = due {
                self.schedule.insert((due, id));
            }
        }
    }

    /// The time of a leg has come.
    fn advance(&mut self, lines: &mut Lines, now: Now, id: LegId) {
        self.wake_at(id, None);
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        match (leg.step, leg.person.ring) {
            (Step::SettingUp, Some(_)) => self.ring(lines, now, id),
            (Step::SettingUp, None) | (Step::Ringing, _) => self.act(lines, now, id),
            (Step::Talking, _) => self.command(lines, now, Command::HangUp(id)),
        }
    }

    fn ring(&mut self, lines: &mut Lines, now: Now, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let (place, ring) = (leg.place, leg.person.ring);
        leg.step = Step::Ringing;
        let for_ever = matches!(leg.person.does, Does::RingsForEver | Does::AnswersLate(_));
        let mut how = Respond::Progress {
            status: SipStatus(180),
            media: None,
        };
        if leg.person.early_media
            && let Some(media) = self.open_line(lines, id, |_| Script::ring_back())
        {
            how = Respond::Progress {
                status: SipStatus(183),
                media: Some(media),
            };
        }
        self.log.rang(place);
        self.respond(lines, now, id, how);
        let due = ring.filter(|_| !for_ever).map(|ring| now.mono + ring);
        self.wake_at(id, due);
    }

    fn act(&mut self, lines: &mut Lines, now: Now, id: LegId) {
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        match leg.person.does.clone() {
            Does::Answers(talk) => self.answer(lines, now, id, &talk),
            Does::Machine { greeting } => {
                self.pick_up(lines, now, id, |speech| Script::machine(greeting, speech));
            }
            Does::Refuses { status, q850 } => {
                let how = Respond::Reject {
                    status,
                    q850,
                    text: None,
                };
                self.respond(lines, now, id, how);
            }
            Does::AnswersLate(_) | Does::RingsForEver | Does::Dead => {}
        }
    }

    fn answer(&mut self, lines: &mut Lines, now: Now, id: LegId, talk: &Talk) {
        self.pick_up(lines, now, id, |speech| Script::person(talk, speech));
        self.wake_at(id, talk.patience.map(|patience| now.mono + patience));
    }

    fn pick_up(
        &mut self,
        lines: &mut Lines,
        now: Now,
        id: LegId,
        script: impl FnOnce(Arc<media::Piece>) -> Script,
    ) {
        let Some(media) = self.open_line(lines, id, script) else {
            // No socket left: a switch without resources.
            let how = Respond::Reject {
                status: SipStatus(503),
                q850: Some(47),
                text: None,
            };
            return self.respond(lines, now, id, how);
        };
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.step = Step::Talking;
            self.log.answered(leg.place);
        }
        self.respond(lines, now, id, Respond::Answer { media });
    }

    /// Opens the leg's line, unless it is open, and speaks.
    fn open_line(
        &mut self,
        lines: &mut Lines,
        id: LegId,
        script: impl FnOnce(Arc<media::Piece>) -> Script,
    ) -> Option<LocalMedia> {
        let leg = self.legs.get_mut(&id)?;
        let (line, addr) = match leg.line {
            Some(open) => open,
            None => {
                let ip = self.sip.addr.ip();
                match lines.open(ip, leg.ear.clone(), leg.recording.as_deref()) {
                    Ok(open) => *leg.line.insert(open),
                    Err(error) => {
                        tracing::warn!(%error, "a call gets no line");
                        return None;
                    }
                }
            }
        };
        let speech = lines.speeches.of(leg.voice);
        lines.say(line, script(speech));
        if let Some(remote) = leg.offered {
            lines.connect(line, remote);
        }
        Some(LocalMedia {
            addr,
            codecs: self.codecs,
        })
    }

    /// A CANCEL has come and was not yet read: somebody who answers late answers now.
    fn before_cancel(&mut self, lines: &mut Lines, now: Now, call_id: &str) {
        let Some(id) = self.by_call_id.get(call_id).copied() else {
            return;
        };
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        if let (Step::Ringing, Does::AnswersLate(talk)) = (leg.step, leg.person.does.clone()) {
            self.answer(lines, now, id, &talk);
        }
    }

    fn is_dead(&self) -> bool {
        self.controls.dead.load(Ordering::Relaxed)
    }
}

impl Leg {
    fn connect(&self, lines: &mut Lines, media: RemoteMedia) {
        if let Some((line, _)) = self.line {
            lines.connect(line, media);
        }
    }
}

impl Party for Exchange {
    fn socket(&mut self) -> &mut UdpSocket {
        &mut self.sip.socket
    }

    fn on_datagram(&mut self, lines: &mut Lines, now: Now, from: SocketAddr, bytes: &[u8]) {
        let message = Message::read(bytes).ok();
        let mut admitted = None;
        if let Some(message) = &message
            && let Some(method) = message.method()
        {
            let call_id = text(message.call_id().unwrap_or_default());
            let cseq = message.cseq().map_or(0, |c| c.number);
            // A first INVITE comes into the log before its record does: of a challenge there is none.
            self.log
                .saw(Instant::now(), now.wall, method, &call_id, cseq);
            if self.is_dead() || self.ignored.contains(&call_id) {
                return;
            }
            let begins = message.to().is_some_and(|to| to.tag().is_none());
            match method {
                Method::Invite if begins && !self.log.knows(&call_id) => {
                    admitted = self.admit(from, message);
                    if admitted.is_none() {
                        return;
                    }
                }
                Method::Cancel => self.before_cancel(lines, now, &call_id),
                _ => {}
            }
        }
        if self.is_dead() {
            return;
        }
        let events = self.sip.handle(now, Input::Datagram { from, bytes });
        self.take(lines, now, events, admitted);
    }

    fn on_order(&mut self, _: &mut Lines, _: Now, _: Order) {}

    fn on_time(&mut self, lines: &mut Lines, now: Now) {
        let events = self.sip.handle(now, Input::Tick);
        self.take(lines, now, events, None);
        while let Some((at, id)) = self.schedule.first().copied()
            && at <= now.mono
        {
            self.advance(lines, now, id);
        }
    }

    fn next_wakeup(&self) -> Option<Timestamp> {
        if self.is_dead() {
            return None;
        }
        let scheduled = self.schedule.first().map(|(at, _)| *at);
        scheduled.into_iter().chain(self.sip.next_wakeup()).min()
    }

    fn is_over(&self) -> bool {
        false
    }
}

/// Numbers come with or without their plus.
fn number_of(dialled: &str) -> Option<E164> {
    let digits = dialled.strip_prefix('+').unwrap_or(dialled);
    format!("+{digits}").parse().ok()
}

fn text(bytes: &[u8]) -> String {
    let kept = bytes.get(..USER_BYTES_MAX).unwrap_or(bytes);
    String::from_utf8_lossy(kept).into_owned()
}
