//! Keys as packets: RTP payload telephone-event (RFC 4733).
//!
//! One press is many packets with one timestamp: its beginning, updates, and an end sent three times.
//! The receiver reports a press once, at whichever of its packets comes first.

use std::time::Duration;

use crate::dtmf::Dtmf;
use crate::frame::{FRAME_SAMPLES, samples_in};
use crate::rtp::RtpHeader;

/// RFC 4733 section 2.5.1.4: the final packet is sent three times in all.
const END_PACKETS: u8 = 3;

/// RFC 4733 section 2.3.4: the level of a key in -dBm0; 10 is what phones send.
const VOLUME: u8 = 10;

/// A press whose packets are further apart than this beyond what it reported as its length is another
/// press, even when the marker of its first packet was lost.
const CONTINUES_WITHIN: u32 = 3 * FRAME_SAMPLES as u32;

/// A timestamp this far back belongs to a press before the last one, come late.
const LATE_WITHIN: i32 = 5 * 8_000;

/// The payload of a telephone-event packet (RFC 4733 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// 0 to 15 are keys; others are tones and flashes that we do not act on.
    pub code: u8,
    /// The press is over.
    pub end: bool,
    /// Level in -dBm0, 0 to 63.
    pub volume: u8,
    /// From the beginning to this packet, in samples.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Reads the first event of a payload; none when it is too short.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let &[code, flags, d0, d1] = payload.first_chunk()?;
        Some(Self {
            code,
            end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration: u16::from_be_bytes([d0, d1]),
        })
    }

    /// The payload's bytes.
    pub const fn to_bytes(self) -> [u8; 4] {
        let [d0, d1] = self.duration.to_be_bytes();
        let end = if self.end { 0x80 } else { 0 };
        [self.code, end | (self.volume & 0x3f), d0, d1]
    }
}

/// Tells presses from the packets they consist of. Give it packets that are no repetitions.
#[derive(Clone, Debug, Default)]
pub struct EventReceiver {
    last: Option<Press>,
}

#[derive(Clone, Copy, Debug)]
struct Press {
    ssrc: u32,
    timestamp: u32,
    code: u8,
    duration: u16,
    ended: bool,
}

impl EventReceiver {
    /// Takes a telephone-event packet, and returns the key when it is the first of its press.
    pub fn receive(&mut self, header: &RtpHeader, payload: &[u8]) -> Option<Dtmf> {
        let event = TelephoneEvent::read(payload)?;
        let press = Press {
            ssrc: header.ssrc,
            timestamp: header.timestamp,
            code: event.code,
            duration: event.duration,
            ended: event.end,
        };
        if let Some(last) = self.last.as_mut().filter(|last| last.ssrc == header.ssrc) {
            let ahead = header.timestamp.wrapping_sub(last.timestamp).cast_signed();
            if ahead == 0 {
                last.duration = last.duration.max(event.duration);
                last.ended |= event.end;
                return None;
            }
            if ahead < 0 && ahead > -LATE_WITHIN {
                return None;
            }
            if last.continues_as(&press, header.marker) {
                *last = press;
                return None;
            }
        }
        self.last = Some(press);
        Dtmf::of_event_code(event.code)
    }
}

impl Press {
    /// RFC 4733 section 2.5.1.3: a press too long for its 16-bit duration goes on with another
    /// timestamp, without a marker. Gateways that move the timestamp with every packet look the same.
    fn continues_as(&self, next: &Self, marker: bool) -> bool {
        let passed = next.timestamp.wrapping_sub(self.timestamp);
        !marker
            && !self.ended
            && self.code == next.code
            && passed <= u32::from(self.duration) + CONTINUES_WITHIN
    }
}

/// One packet of a press to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPacket {
    /// Set on the first.
    pub marker: bool,
    /// Every packet of the press goes out with one timestamp, that of its beginning.
    pub payload: [u8; 4],
}

/// Sends one press: take a packet every 20 ms.
#[derive(Clone, Debug)]
pub struct EventSender {
    key: Dtmf,
    length: u16,
    duration: u16,
    ends_left: u8,
}

impl EventSender {
    /// Presses `key` for `length`, at least 40 ms (ITU-T Q.24) and at most 8 s, the longest that one
    /// timestamp can tell.
    pub fn new(key: Dtmf, length: Duration) -> Self {
        let length = length.clamp(Duration::from_millis(40), Duration::from_secs(8));
        Self {
            key,
            length: u16::try_from(samples_in(length)).unwrap_or(u16::MAX),
            duration: 0,
            ends_left: END_PACKETS,
        }
    }
}

impl Iterator for EventSender {
    type Item = EventPacket;

    fn next(&mut self) -> Option<EventPacket> {
        let marker = self.duration == 0;
        self.duration = self
            .duration
            .saturating_add(FRAME_SAMPLES as u16)
            .min(self.length);
        let end = self.duration == self.length;
        if end {
            self.ends_left = self.ends_left.checked_sub(1)?;
        }
        let event = TelephoneEvent {
            code: self.key.event_code(),
            end,
            volume: VOLUME,
            duration: self.duration,
        };
        Some(EventPacket {
            marker,
            payload: event.to_bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_press_is_a_beginning_updates_and_three_ends() {
        let packets: Vec<_> = EventSender::new(Dtmf::Pound, Duration::from_millis(50)).collect();
        let read: Vec<_> = packets
            .iter()
            .map(|p| (p.marker, TelephoneEvent::read(&p.payload).unwrap()))
            .collect();
        let event = |end, duration| TelephoneEvent {
            code: 11,
            end,
            volume: 10,
            duration,
        };
        assert_eq!(
            read,
            [
                (true, event(false, 160)),
                (false, event(false, 320)),
                (false, event(true, 400)),
                (false, event(true, 400)),
                (false, event(true, 400)),
            ]
        );
    }

    #[test]
    fn a_press_is_reported_once_at_its_first_packet_whichever_are_lost() {
        let packets: Vec<_> = EventSender::new(Dtmf::Seven, Duration::from_millis(80)).collect();
        for lost in 0..1_u32 << packets.len() {
            let mut receiver = EventReceiver::default();
            let kept: Vec<_> = packets
                .iter()
                .enumerate()
                .filter(|(n, _)| lost >> n & 1 == 0)
                .collect();
            let reported: Vec<_> = kept
                .iter()
                .map(|(_, p)| receiver.receive(&header(1, 5_000, p.marker), &p.payload))
                .collect();
            for (at, key) in reported.iter().enumerate() {
                assert_eq!(*key, (at == 0).then_some(Dtmf::Seven), "lost {lost:b}");
            }
        }
    }

    #[test]
    fn the_same_key_twice_is_two_presses_even_when_all_ends_are_lost() {
        let mut receiver = EventReceiver::default();
        let mut press =
            |timestamp, marker| receiver.receive(&header(1, timestamp, marker), &[5, 10, 1, 64]);
        assert_eq!(press(1_000, true), Some(Dtmf::Five));
        assert_eq!(press(1_000, false), None);
        assert_eq!(press(2_600, true), Some(Dtmf::Five), "marked");
        assert_eq!(
            press(6_000, false),
            Some(Dtmf::Five),
            "its marked packet lost"
        );
    }

    #[test]
    fn a_press_that_outgrows_its_timestamp_or_moves_it_is_still_one() {
        let mut receiver = EventReceiver::default();
        let mut press = |timestamp, marker, duration: u16| {
            let [d0, d1] = duration.to_be_bytes();
            receiver.receive(&header(1, timestamp, marker), &[3, 10, d0, d1])
        };
        assert_eq!(press(100, true, 160), Some(Dtmf::Three));
        assert_eq!(press(100, false, 65_535), None);
        assert_eq!(press(65_635, false, 320), None, "a segment");
        assert_eq!(press(65_795, false, 480), None, "a gateway that moves it");
    }

    #[test]
    fn a_late_packet_of_an_earlier_press_is_not_another_press() {
        let mut receiver = EventReceiver::default();
        assert_eq!(
            receiver.receive(&header(1, 1_000, true), &[1, 10, 0, 160]),
            Some(Dtmf::One)
        );
        assert_eq!(
            receiver.receive(&header(1, 3_000, true), &[2, 10, 0, 160]),
            Some(Dtmf::Two)
        );
        assert_eq!(
            receiver.receive(&header(1, 1_000, false), &[1, 0x8a, 3, 32]),
            None
        );
        assert_eq!(
            receiver.receive(&header(2, 1_000, true), &[1, 10, 0, 160]),
            Some(Dtmf::One)
        );
    }

    #[test]
    fn a_flash_is_no_key_and_a_short_payload_nothing() {
        let mut receiver = EventReceiver::default();
        assert_eq!(
            receiver.receive(&header(1, 1, true), &[16, 0, 0, 160]),
            None
        );
        assert_eq!(receiver.receive(&header(1, 2, true), &[1, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn any_payload_is_taken_without_panic(
            packets in prop::collection::vec((any::<u32>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..6)), 0..40)
        ) {
            let mut receiver = EventReceiver::default();
            for (timestamp, marker, payload) in packets {
                receiver.receive(&header(1, timestamp, marker), &payload);
            }
        }
    }

    fn header(ssrc: u32, timestamp: u32, marker: bool) -> RtpHeader {
        RtpHeader {
            marker,
            payload_type: 101,
            sequence: 0,
            timestamp,
            ssrc,
        }
    }
}
