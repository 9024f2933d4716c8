//! A switchboard without sockets, for tests: packets are values, and time is a number.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::{LegEvent, Sound};
use media::{Codec, FRAME, FRAME_SAMPLES, Outgoing, RtpHeader, RtpPacket};
use model::{LegId, PlayId, Timestamp};
use sip::RemoteMedia;

use super::counters::MediaCounters;
use super::library::PromptLibrary;
use super::switchboard::{Settings, Switchboard, Wire};
use crate::media_api::MediaCommand;

pub(super) const EVENT_TYPE: u8 = 101;

/// A switchboard and the instants and packets around it.
pub(super) struct Bench {
    pub(super) board: Switchboard,
    pub(super) now: Timestamp,
    sent: Sent,
    /// Packets spoken so far, by leg.
    spoken: BTreeMap<u64, u16>,
}

#[derive(Default)]
struct Sent(Vec<(u16, SocketAddr, Vec<u8>)>);

impl Wire for Sent {
    fn send(&mut self, port: u16, to: SocketAddr, packet: &[u8]) {
        self.0.push((port, to, packet.to_vec()));
    }
}

/// A packet that a leg's far end got.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Got {
    pub(super) header: RtpHeader,
    pub(super) payload: Vec<u8>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(PromptLibrary::default(), false)
    }

    pub(super) fn with(library: PromptLibrary, learn_source: bool) -> Self {
        let settings = Settings {
            learn_source,
            playout_delay: Duration::from_millis(40),
        };
        let counters = Arc::new(MediaCounters::default());
        Self {
            board: Switchboard::new(settings, Arc::new(library), counters),
            now: Timestamp::from_millis(1_000),
            sent: Sent::default(),
            spoken: BTreeMap::new(),
        }
    }

    /// Opens, connects and answers a leg; its port and its far end's are made of its number.
    pub(super) fn talking_leg(&mut self, leg: u64, codec: Codec, telephone_event: bool) {
        let outgoing = Outgoing::new(leg as u32, 100, 1_000);
        assert_eq!(self.board.open(LegId(leg), port(leg), outgoing), None);
        self.connect(leg, |remote| {
            remote.codec = match codec {
                Codec::Alaw => sip::Codec::Pcma,
                Codec::Ulaw => sip::Codec::Pcmu,
            };
            remote.telephone_event = telephone_event.then_some(EVENT_TYPE);
        });
        self.command(MediaCommand::Answered { leg: LegId(leg) });
    }

    pub(super) fn connect(&mut self, leg: u64, change: impl FnOnce(&mut RemoteMedia)) {
        let mut remote = RemoteMedia {
            addr: far_end(leg),
            codec: sip::Codec::Pcma,
            telephone_event: Some(EVENT_TYPE),
            we_send: true,
            it_sends: true,
        };
        change(&mut remote);
        self.command(MediaCommand::Connect {
            leg: LegId(leg),
            remote,
        });
    }

    pub(super) fn command(&mut self, command: MediaCommand) -> Option<u16> {
        self.board.command(self.now, command, &mut self.sent)
    }

    pub(super) fn play(&mut self, leg: u64, sounds: Vec<Sound>, repeat: bool) {
        let (leg, play) = (LegId(leg), PlayId(leg));
        self.command(MediaCommand::Play {
            leg,
            play,
            sounds,
            repeat,
        });
    }

    /// Lets 20 ms pass.
    pub(super) fn tick(&mut self) {
        self.now = self.now + FRAME;
        self.board.tick(self.now, &mut self.sent);
    }

    pub(super) fn ticks(&mut self, ticks: u64) {
        (0..ticks).for_each(|_| self.tick());
    }

    /// A packet of a leg's far end.
    pub(super) fn packet(&mut self, leg: u64, header: RtpHeader, payload: &[u8]) {
        let mut bytes = Vec::new();
        header.write(payload, &mut bytes);
        self.datagram(leg, far_end(leg), &bytes);
    }

    pub(super) fn datagram(&mut self, leg: u64, from: SocketAddr, bytes: &[u8]) {
        self.board
            .receive(self.now, LegId(leg), from, bytes, &mut self.sent);
    }

    /// A far end speaks: a packet, then a tick, until all is said.
    pub(super) fn speak(&mut self, leg: u64, codec: Codec, samples: &[i16]) {
        for frame in samples.chunks(FRAME_SAMPLES) {
            let payload: Vec<u8> = frame.iter().map(|s| codec.encode(*s)).collect();
            let spoken = self.spoken.entry(leg).or_default();
            let header = header(codec, *spoken);
            *spoken += 1;
            self.packet(leg, header, &payload);
            self.tick();
        }
    }

    /// What a leg's far end got since the last call.
    pub(super) fn got(&mut self, leg: u64) -> Vec<Got> {
        let of_leg = |sent: &mut (u16, SocketAddr, Vec<u8>)| sent.0 == port(leg);
        let packets = self.sent.0.extract_if(.., of_leg);
        packets
            .map(|(_, _, bytes)| {
                let packet = RtpPacket::read(&bytes).unwrap();
                Got {
                    header: packet.header,
                    payload: packet.payload.to_vec(),
                }
            })
            .collect()
    }

    /// Where a leg's packets went since the last call.
    pub(super) fn destinations(&mut self) -> Vec<SocketAddr> {
        self.sent.0.drain(..).map(|sent| sent.1).collect()
    }

    /// The sound that a leg's far end got since the last call, in the codec agreed.
    pub(super) fn sound(&mut self, leg: u64, codec: Codec) -> Vec<i16> {
        let got = self.got(leg);
        assert!(
            got.iter()
                .all(|got| got.header.payload_type == codec.payload_type())
        );
        got.iter()
            .flat_map(|got| &got.payload)
            .map(|b| codec.decode(*b))
            .collect()
    }

    pub(super) fn facts(&mut self) -> Vec<LegEvent> {
        std::iter::from_fn(|| self.board.poll_fact()).collect()
    }
}

/// Packet `n` of a far end's stream.
pub(super) fn header(codec: Codec, n: u16) -> RtpHeader {
    RtpHeader {
        marker: n == 0,
        payload_type: codec.payload_type(),
        sequence: n.wrapping_add(500),
        timestamp: u32::from(n) * 160 + 70_000,
        ssrc: 0xfa2,
    }
}

pub(super) fn far_end(leg: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, leg as u8], 4_000))
}

const fn port(leg: u64) -> u16 {
    20_000 + 2 * leg as u16
}
