//! The media thread between real sockets: phones on the loopback send and hear.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use engine::{LegEvent, Sound, Tone};
use media::{
    Codec, Dtmf, EventSender, FRAME_SAMPLES, Piece, RtpHeader, RtpPacket, connected_tone,
    dual_tone, tone_share,
};
use model::{Ended, LegEnd, LegId, PlayId};
use sip::{Codecs, RemoteMedia};
use telephony::{
    MediaCommand, MediaHandle, MediaOptions, MediaThread, OpenError, PortRange, PromptLibrary,
};

const DEADLINE: Duration = Duration::from_secs(20);
const EVENT_TYPE: u8 = 101;

#[test]
fn a_tone_sent_by_one_phone_is_heard_by_the_other_in_and_across_codecs() {
    let studio = Studio::new(2, 20_000, 20_100);
    let mut leg = 0;
    for from in Codec::ALL {
        for to in Codec::ALL {
            let mut a = studio.phone(leg + 1, from);
            let mut b = studio.phone(leg + 2, to);
            studio.bridge(&a, &b);
            a.say(&dual_tone(1_000.0, 0.0, -10.0, Duration::from_millis(400)));
            let heard = b.hear_until(|heard| loud(heard).len() >= 3_200);
            assert!(tone_share(&loud(&heard), 1_000.0) > 0.98, "{from} to {to}");
            leg += 2;
        }
    }
}

#[test]
fn a_key_is_reported_once_and_in_its_order() {
    let studio = Studio::new(3, 20_000, 20_010);
    let mut phone = studio.phone(1, Codec::Alaw);
    for key in [Dtmf::Five, Dtmf::Five, Dtmf::Pound] {
        phone.press(key);
    }
    let facts = studio.facts_until(|fact| matches!(fact, LegEvent::Digit { digit: '#', .. }));
    let digits: String = facts
        .iter()
        .filter_map(|fact| match fact {
            LegEvent::Digit { digit, .. } => Some(*digit),
            _ => None,
        })
        .collect();
    assert_eq!(digits, "55#");
}

#[test]
fn a_play_arrives_sample_by_sample_and_its_end_is_reported() {
    let studio = Studio::new(4, 20_000, 20_010);
    let mut phone = studio.phone(1, Codec::Ulaw);
    studio.play(
        &phone,
        vec![Sound::Tone {
            tone: Tone::Connected,
        }],
        false,
    );
    let heard = phone.hear_until(|heard| loud(heard).len() >= 1_150);
    let piece = Piece::new(connected_tone());
    let expected: Vec<i16> = piece
        .encoded(Codec::Ulaw)
        .iter()
        .map(|b| Codec::Ulaw.decode(*b))
        .collect();
    assert!(
        heard
            .windows(expected.len())
            .any(|window| window == expected),
        "the {} samples came otherwise",
        expected.len()
    );
    let (leg, play, heard) = (LegId(1), PlayId(1), Duration::from_millis(150));
    let ended = LegEvent::Played {
        leg,
        play,
        heard,
        whole: true,
    };
    assert_eq!(
        studio.facts_until(|fact| *fact == ended).last(),
        Some(&ended)
    );
}

#[test]
fn a_play_in_a_bridge_is_heard_over_the_partner() {
    let studio = Studio::new(5, 20_000, 20_010);
    let mut a = studio.phone(1, Codec::Alaw);
    let mut b = studio.phone(2, Codec::Ulaw);
    studio.bridge(&a, &b);
    // A hold beep at 425 Hz over a voice at 2000 Hz. The voice keeps the pace of what its partner hears.
    studio.play(&b, vec![Sound::Tone { tone: Tone::Hold }], true);
    let voice = dual_tone(2_000.0, 0.0, -20.0, Duration::from_secs(2));
    let mut frames = voice.chunks(FRAME_SAMPLES);
    let mut mixed = false;
    while !mixed {
        a.say(frames.next().expect("both were heard together within 2 s"));
        let heard = b.hear_packet();
        mixed = tone_share(&heard, 425.0) > 0.2 && tone_share(&heard, 2_000.0) > 0.2;
    }
    studio.send(MediaCommand::StopPlay { leg: LegId(2) });
    studio.facts_until(|fact| matches!(fact, LegEvent::Played { whole: false, .. }));
    a.say(&voice[..FRAME_SAMPLES]);
    let heard = b.hear_until(|heard| tone_share(last_frame(heard), 2_000.0) > 0.95);
    assert!(tone_share(last_frame(&heard), 425.0) < 0.01);
}

#[test]
fn a_port_rests_until_its_late_packets_have_ceased_and_is_then_used_again() {
    let studio = Studio::new(6, 20_000, 20_001);
    let mut first = studio.phone(1, Codec::Alaw);
    let refused = studio.media.open(LegId(2)).unwrap_err();
    assert_eq!(
        refused,
        OpenError::NoFreePort {
            first: 20_000,
            last: 20_001
        }
    );
    assert!(
        refused.to_string().contains("from 20000 to 20001"),
        "{refused}"
    );

    let end = LegEnd::bare(Ended::Remote);
    studio.send(MediaCommand::Close {
        leg: LegId(1),
        end: end.clone(),
    });
    let facts = studio.facts_until(|fact| matches!(fact, LegEvent::Ended { .. }));
    assert_eq!(facts.last(), Some(&LegEvent::Ended { leg: LegId(1), end }));
    // The far end talks on for a while. Each packet is seen to arrive before the next is sent.
    let counters = studio.thread.counters();
    for n in 1..=3 {
        first.say(&[100; FRAME_SAMPLES]);
        wait("late packets are seen", || counters.to_resting.get() >= n);
        assert!(
            studio.media.open(LegId(2)).is_err(),
            "packet {n} came just now"
        );
    }
    wait("the port is used again", || {
        studio.media.open(LegId(2)).is_ok()
    });
    assert_eq!(counters.received.get(), 0);
}

#[test]
fn floods_and_garbage_at_one_port_do_not_disturb_a_talk_on_others() {
    let studio = Studio::new(7, 20_000, 20_010);
    let mut a = studio.phone(1, Codec::Alaw);
    let mut b = studio.phone(2, Codec::Alaw);
    let victim = studio.phone(3, Codec::Alaw);
    studio.bridge(&a, &b);
    let counters = studio.thread.counters();
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let deadline = Instant::now() + DEADLINE;
            let mut packet = [0x80; 1_400];
            for n in 0_u32.. {
                packet[1] = (n % 251) as u8;
                packet[2..6].copy_from_slice(&n.to_be_bytes());
                let len = n as usize % packet.len();
                victim.send(&packet[..len]);
                if counters.malformed.get() > 2_000 || Instant::now() > deadline {
                    break;
                }
            }
        });
        let sentence = dual_tone(700.0, 0.0, -10.0, Duration::from_secs(2));
        for frame in sentence.chunks(FRAME_SAMPLES) {
            a.say(frame);
            // The packet that was just sent comes next, or silence that was under way before it.
            b.hear_until(|heard| tone_share(last_frame(heard), 700.0) > 0.95);
        }
        flood.join().unwrap();
    });
    assert!(
        counters.malformed.get() > 2_000,
        "the flood was read: {counters:?}"
    );
}

#[test]
fn a_stopped_thread_refuses_ports_and_commands() {
    let studio = Studio::new(8, 20_000, 20_010);
    let media = studio.media.clone();
    drop(studio);
    assert!(matches!(media.open(LegId(1)), Err(OpenError::Stopped(_))));
    assert!(
        media
            .send(MediaCommand::StopPlay { leg: LegId(1) })
            .is_err()
    );
}

/// A media thread on an address of its own.
struct Studio {
    media: MediaHandle,
    thread: MediaThread,
    facts: Receiver<LegEvent>,
}

impl Studio {
    /// Tests run side by side: each has its own loopback address, 127.0.0.`host`.
    fn new(host: u8, first: u16, last: u16) -> Self {
        let addr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, host));
        let options = MediaOptions {
            bind: addr,
            advertised: addr,
            ports: PortRange::new(first, last).unwrap(),
            codecs: Codecs::default(),
            learn_source: false,
            playout_delay: Duration::from_millis(40),
            port_rest: Duration::from_millis(100),
        };
        let (report, facts) = channel();
        let library = Arc::new(PromptLibrary::default());
        let (media, thread) = MediaThread::start(options, library, move |fact| {
            // The test may have seen enough.
            drop(report.send(fact));
        })
        .unwrap();
        Self {
            media,
            thread,
            facts,
        }
    }

    /// A phone with an answered leg.
    fn phone(&self, leg: u64, codec: Codec) -> Phone {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let leg = LegId(leg);
        let ours = self.media.open(leg).unwrap();
        let remote = RemoteMedia {
            addr: socket.local_addr().unwrap(),
            codec: match codec {
                Codec::Alaw => sip::Codec::Pcma,
                Codec::Ulaw => sip::Codec::Pcmu,
            },
            telephone_event: Some(EVENT_TYPE),
            we_send: true,
            it_sends: true,
        };
        self.send(MediaCommand::Connect { leg, remote });
        self.send(MediaCommand::Answered { leg });
        Phone {
            leg,
            codec,
            socket,
            ours: ours.addr,
            sequence: 0,
            timestamp: 0,
        }
    }

    fn bridge(&self, a: &Phone, b: &Phone) {
        let (a, b) = (a.leg, b.leg);
        self.send(MediaCommand::Bridge { a, b });
        self.facts_until(|fact| *fact == LegEvent::Bridged { a, b });
    }

    fn play(&self, phone: &Phone, sounds: Vec<Sound>, repeat: bool) {
        let leg = phone.leg;
        self.send(MediaCommand::Play {
            leg,
            play: PlayId(leg.0),
            sounds,
            repeat,
        });
    }

    fn send(&self, command: MediaCommand) {
        self.media.send(command).unwrap();
    }

    /// The facts up to the one looked for.
    fn facts_until(&self, mut found: impl FnMut(&LegEvent) -> bool) -> Vec<LegEvent> {
        let deadline = Instant::now() + DEADLINE;
        let mut facts = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.facts.recv_timeout(left) {
                Ok(fact) => {
                    let done = found(&fact);
                    facts.push(fact);
                    if done {
                        return facts;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("the fact did not come; there were {facts:?}")
                }
            }
        }
    }
}

/// A far end: one socket, one stream.
struct Phone {
    leg: LegId,
    codec: Codec,
    socket: UdpSocket,
    ours: SocketAddr,
    sequence: u16,
    timestamp: u32,
}

impl Phone {
    /// Sends sound, as fast as it goes.
    fn say(&mut self, samples: &[i16]) {
        for frame in samples.chunks(FRAME_SAMPLES) {
            let payload: Vec<u8> = frame.iter().map(|s| self.codec.encode(*s)).collect();
            self.packet(false, self.codec.payload_type(), &payload);
            self.timestamp += frame.len() as u32;
        }
    }

    fn press(&mut self, key: Dtmf) {
        for event in EventSender::new(key, Duration::from_millis(100)) {
            self.packet(event.marker, EVENT_TYPE, &event.payload);
        }
        self.timestamp += 1_600;
    }

    fn packet(&mut self, marker: bool, payload_type: u8, payload: &[u8]) {
        let header = RtpHeader {
            marker,
            payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.leg.0 as u32,
        };
        let mut packet = Vec::new();
        header.write(payload, &mut packet);
        self.send(&packet);
        self.sequence += 1;
    }

    fn send(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.ours).unwrap();
    }

    /// The sound of the next packet that comes.
    fn hear_packet(&mut self) -> Vec<i16> {
        let mut buffer = [0; 2_048];
        let (len, from) = self
            .socket
            .recv_from(&mut buffer)
            .expect("a packet within the deadline");
        assert_eq!(from, self.ours, "we send from where we receive");
        let packet = RtpPacket::read(&buffer[..len]).unwrap();
        assert_eq!(packet.header.payload_type, self.codec.payload_type());
        packet
            .payload
            .iter()
            .map(|b| self.codec.decode(*b))
            .collect()
    }

    /// Everything heard until it is enough.
    fn hear_until(&mut self, enough: impl Fn(&[i16]) -> bool) -> Vec<i16> {
        let deadline = Instant::now() + DEADLINE;
        let mut heard = Vec::new();
        while !enough(&heard) {
            assert!(Instant::now() < deadline, "{:?} did not hear it", self.leg);
            heard.extend(self.hear_packet());
        }
        heard
    }
}

/// The samples of the frames that are not silent.
fn loud(samples: &[i16]) -> Vec<i16> {
    let is_loud = |frame: &&[i16]| frame.iter().any(|s| s.unsigned_abs() > 100);
    samples
        .chunks(FRAME_SAMPLES)
        .filter(is_loud)
        .flatten()
        .copied()
        .collect()
}

fn last_frame(samples: &[i16]) -> &[i16] {
    samples.rchunks(FRAME_SAMPLES).next().unwrap_or_default()
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !done() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
