//! Between the engine's words and SIP's: commands for legs in, facts about them out.
//!
//! No socket here; `shard.rs` feeds it and sends what it wants sent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use engine::{LegCommand, LegEvent};
use model::{AgentId, AttemptId, E164, Ended, LegEnd, LegId, Now, Timestamp, TrunkId};
use sip::{
    Callee, Command, DownReason, Effect, Event, Input, Invite, LocalMedia, NextHop, UserAgent,
};

use crate::event::{EventSink, TelephonyEvent};
use crate::gate::Gate;
use crate::keepsake::{Keepsake, LeftBehind};
use crate::media_api::{MediaCommand, MediaHandle};
use crate::phone::PhoneUser;
use crate::trunk::{Health, Trunk, TrunkPeer};

/// As `model::LegEnd::text` promises.
const TEXT_BYTES_MAX: usize = 128;

/// A datagram to send.
pub(crate) struct Outgoing {
    pub(crate) to: SocketAddr,
    pub(crate) bytes: std::sync::Arc<[u8]>,
    pub(crate) sender: sip::Sender,
}

pub(crate) struct Switchboard {
    ua: UserAgent,
    local: SocketAddr,
    trunks: BTreeMap<TrunkId, Trunk>,
    /// Legs with an open port, and the trunk they go by.
    legs: BTreeMap<LegId, Option<TrunkId>>,
    phones: BTreeSet<AgentId>,
    gate: Gate,
    media: MediaHandle,
    events: EventSink,
    draining: bool,
    keepsake: Option<Keepsake>,
    left: LeftBehind,
}

impl Switchboard {
    pub(crate) fn new(
        options: sip::Options,
        seed: [u8; 32],
        media: MediaHandle,
        events: EventSink,
        keepsake: Option<(Keepsake, LeftBehind)>,
    ) -> Self {
        let mut ua = UserAgent::new(options.clone(), seed);
        if keepsake.is_some() {
            ua.keep_unfinished();
        }
        let (keepsake, left) = keepsake.unzip();
        Self {
            local: options.local,
            gate: Gate::new(options.realm.is_some()),
            ua,
            trunks: BTreeMap::new(),
            legs: BTreeMap::new(),
            phones: BTreeSet::new(),
            media,
            events,
            draining: false,
            keepsake,
            left: left.unwrap_or_default(),
        }
    }

    /// Ends what an earlier process left behind.
    pub(crate) fn finish_left_behind(&mut self, now: Now) {
        let unfinished = std::mem::take(&mut self.left.unfinished);
        if !unfinished.is_empty() {
            tracing::info!(
                calls = unfinished.len(),
                "ending calls that an earlier run left behind"
            );
        }
        for unfinished in unfinished {
            self.ua
                .handle(now, Input::Command(Command::Finish(unfinished)));
        }
    }

    pub(crate) fn next_wakeup(&self) -> Option<Timestamp> {
        self.ua.next_wakeup()
    }

    pub(crate) fn tally(&self) -> sip::Tally {
        self.ua.tally()
    }

    /// Whether the datagram's source may speak to us; if so it is taken in.
    pub(crate) fn datagram(&mut self, now: Now, from: SocketAddr, bytes: &[u8]) -> bool {
        let admitted = self.gate.admits(from, bytes, || self.ua.expects(bytes));
        if admitted {
            self.ua.handle(now, Input::Datagram { from, bytes });
        }
        admitted
    }

    pub(crate) fn tick(&mut self, now: Now) {
        self.ua.handle(now, Input::Tick);
    }

    pub(crate) fn send_failed(&mut self, now: Now, sender: sip::Sender) {
        self.ua.handle(now, Input::SendFailed { sender });
    }

    /// Refuses new legs and ends the living ones.
    pub(crate) fn drain(&mut self, now: Now) {
        self.draining = true;
        let legs: Vec<LegId> = self.legs.keys().copied().collect();
        for leg in legs {
            self.ua.handle(now, Input::Command(Command::HangUp(leg)));
        }
        let ends: Vec<Command> = self.trunks.values().flat_map(|t| t.peer.end()).collect();
        for command in ends {
            self.ua.handle(now, Input::Command(command));
        }
    }

    /// See [`UserAgent::is_settled`].
    pub(crate) fn is_settled(&self) -> bool {
        self.ua.is_settled()
    }

    pub(crate) fn command(&mut self, now: Now, command: LegCommand) {
        match command {
            LegCommand::Dial {
                leg,
                attempt,
                trunk,
                to,
                from,
            } => self.dial(now, leg, attempt, trunk, to, from),
            LegCommand::CallAgent { leg, agent } => self.call_agent(now, leg, agent),
            LegCommand::Cancel { leg } => self.ua.handle(now, Input::Command(Command::Cancel(leg))),
            LegCommand::HangUp { leg } => self.ua.handle(now, Input::Command(Command::HangUp(leg))),
            LegCommand::Bridge { a, b } => self.media(MediaCommand::Bridge { a, b }),
            LegCommand::Unbridge { leg } => self.media(MediaCommand::Unbridge { leg }),
            LegCommand::Play {
                leg,
                play,
                sounds,
                repeat,
            } => {
                self.media(MediaCommand::Play {
                    leg,
                    play,
                    sounds,
                    repeat,
                });
            }
            LegCommand::StopPlay { leg } => self.media(MediaCommand::StopPlay { leg }),
        }
    }

    fn dial(
        &mut self,
        now: Now,
        leg: LegId,
        attempt: AttemptId,
        trunk: TrunkId,
        to: E164,
        from: E164,
    ) {
        let Some(peer) = self.trunks.get(&trunk).map(|t| t.peer.clone()) else {
            let text = format!("trunk {trunk} is not configured at this SIP address");
            return refuse(&self.events, leg, text);
        };
        self.invite(now, leg, Some(trunk), |media| {
            let (from, asserted) = peer.caller(from);
            Invite {
                leg,
                to: Callee::Peer {
                    addr: peer.addr,
                    uri: peer.uri(to),
                },
                from,
                asserted,
                call_id: attempt.to_string(),
                media,
                credentials: peer.credentials,
                next_hop: peer.next_hop,
            }
        });
    }

    fn call_agent(&mut self, now: Now, leg: LegId, agent: AgentId) {
        let from = format!("sip:outdial@{}", self.local);
        self.invite(now, leg, None, |media| Invite {
            leg,
            to: Callee::Phone(agent),
            from,
            asserted: None,
            call_id: format!("agent-{agent}"),
            media,
            credentials: None,
            // Phones are behind NAT as a rule: their Contact is a private address.
            next_hop: NextHop::Peer,
        });
    }

    fn invite(
        &mut self,
        now: Now,
        leg: LegId,
        trunk: Option<TrunkId>,
        make: impl FnOnce(LocalMedia) -> Invite,
    ) {
        if self.draining {
            return refuse(&self.events, leg, "the daemon is shutting down".to_owned());
        }
        if self.legs.contains_key(&leg) {
            // A second end for one leg would be worse than a lost command.
            tracing::error!(
                leg_id = leg.0,
                "a leg was asked for twice; the second is ignored"
            );
            return;
        }
        let media = match self.media.open(leg) {
            Ok(media) => media,
            Err(error) => {
                tracing::warn!(leg_id = leg.0, "a leg gets no audio: {error}");
                return refuse(&self.events, leg, error.to_string());
            }
        };
        self.legs.insert(leg, trunk);
        self.ua
            .handle(now, Input::Command(Command::Invite(Box::new(make(media)))));
    }

    /// Replaces the trunks. Legs that go by a trunk that is gone live on.
    pub(crate) fn set_trunks(&mut self, now: Now, peers: Vec<TrunkPeer>) {
        let mut old = std::mem::take(&mut self.trunks);
        let mut commands = Vec::new();
        for peer in peers {
            let kept = old.remove(&peer.id);
            let trunk = match kept {
                Some(trunk) if trunk.peer == peer => trunk,
                changed => {
                    commands.extend(changed.iter().flat_map(|t| t.peer.end()));
                    commands.extend(peer.begin());
                    Trunk::new(peer)
                }
            };
            self.trunks.insert(trunk.peer.id, trunk);
        }
        commands.extend(old.values().flat_map(|t| t.peer.end()));
        for command in commands {
            self.ua.handle(now, Input::Command(command));
        }
        self.gate.set_trunks(self.trunks.values().map(|t| &t.peer));
        let ids: Vec<TrunkId> = self.trunks.keys().copied().collect();
        ids.into_iter().for_each(|id| self.tell_health(id));
    }

    /// Replaces the phones that may register.
    pub(crate) fn set_phones(&mut self, now: Now, phones: Vec<PhoneUser>) {
        let users = phones.into_iter().map(Into::into).collect();
        self.ua
            .handle(now, Input::Command(Command::SetUsers(users)));
        // Only users are known by now, so this is the first moment.
        let kept = std::mem::take(&mut self.left.phones);
        if !kept.is_empty() {
            self.ua
                .handle(now, Input::Command(Command::RestorePhones(kept)));
        }
    }

    /// Passes on what the user agent reports, until it wants something sent or has nothing more.
    pub(crate) fn next_outgoing(&mut self) -> Option<Outgoing> {
        loop {
            // Before anything more is sent: it may be the last that is.
            while let Some((leg, unfinished)) = self.ua.poll_unfinished() {
                if let Some(keepsake) = &mut self.keepsake {
                    keepsake.leg(leg, unfinished);
                }
            }
            match self.ua.poll_effect()? {
                Effect::Send { to, bytes, sender } => return Some(Outgoing { to, bytes, sender }),
                Effect::Report(event) => self.on_event(event),
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Ringing {
                leg,
                rang: _,
                media,
            } => {
                self.events.leg(LegEvent::Ringing {
                    leg,
                    early_media: media.is_some(),
                });
                self.connect(leg, media);
            }
            Event::Answered {
                leg,
                after_cancel,
                media,
            } => {
                self.events.leg(LegEvent::Answered { leg, after_cancel });
                self.connect(leg, media);
                self.media(MediaCommand::Answered { leg });
            }
            Event::MediaChanged { leg, media } => self.connect(leg, Some(media)),
            // Calls from outside are refused by the user agent, as its options say.
            Event::Incoming { .. } => {}
            Event::Ended {
                leg,
                end,
                retry_after,
            } => {
                let trunk = self.legs.remove(&leg).flatten();
                if let (Some(trunk), Some(retry_after)) = (trunk, retry_after) {
                    self.events
                        .report(TelephonyEvent::TrunkBusy { trunk, retry_after });
                }
                let close = MediaCommand::Close {
                    leg,
                    end: end.clone(),
                };
                if self.media.send(close).is_err() {
                    self.events.leg(LegEvent::Ended { leg, end });
                }
            }
            Event::PhoneRegistered { agent, source } => {
                self.gate.phone_came(agent, source);
                self.keep_phones(agent);
                // Refreshes are no news.
                if self.phones.insert(agent) {
                    self.events
                        .report(TelephonyEvent::PhoneRegistered { agent });
                }
            }
            Event::PhoneGone { agent } => {
                self.gate.phone_gone(agent);
                self.keep_phones(agent);
                self.phones.remove(&agent);
                self.events.report(TelephonyEvent::PhoneGone { agent });
            }
            Event::Registered(peer) => self.on_trunk(peer, |t| t.registered(Ok(()))),
            Event::NotRegistered(peer, why) => self.on_trunk(peer, |t| t.registered(Err(why))),
            Event::PeerUp(peer) => self.on_trunk(peer, |t| t.watched(Ok(()))),
            Event::PeerDown(peer, why) => self.on_trunk(peer, |t| t.watched(Err(why))),
        }
    }

    fn keep_phones(&mut self, agent: AgentId) {
        if let Some(keepsake) = &mut self.keepsake {
            keepsake.phones(agent, self.ua.phones_of(agent));
        }
    }

    fn on_trunk(&mut self, peer: sip::PeerId, note: impl FnOnce(&mut Trunk)) {
        let id = TrunkId(peer.0.cast_signed());
        if let Some(trunk) = self.trunks.get_mut(&id) {
            note(trunk);
        }
        self.tell_health(id);
    }

    fn tell_health(&mut self, id: TrunkId) {
        let Some(trunk) = self.trunks.get_mut(&id) else {
            return;
        };
        let down = |what: &str, why: DownReason| TelephonyEvent::TrunkDown {
            trunk: id,
            reason: format!("{what}: {why}"),
        };
        let event = match trunk.news() {
            None => return,
            Some(Health::Up) => TelephonyEvent::TrunkUp { trunk: id },
            Some(Health::NotRegistered(why)) => down("registration failed", why),
            Some(Health::Away(why)) => down("OPTIONS failed", why),
        };
        tracing::info!(trunk = trunk.peer.name, ?event, "trunk health");
        self.events.report(event);
    }

    fn connect(&self, leg: LegId, remote: Option<sip::RemoteMedia>) {
        if let Some(remote) = remote {
            self.media(MediaCommand::Connect { leg, remote });
        }
    }

    /// A media half that has stopped ends its legs' audio; their ends are reported here then.
    fn media(&self, command: MediaCommand) {
        if let Err(error) = self.media.send(command) {
            tracing::error!(%error, "a media command is lost");
        }
    }
}

/// Ends a leg of which nothing was sent and nothing is open.
pub(crate) fn refuse(events: &EventSink, leg: LegId, mut text: String) {
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    let end = LegEnd {
        text: Some(text),
        ..LegEnd::bare(Ended::Refused)
    };
    events.leg(LegEvent::Ended { leg, end });
}
