//! The numbers of the packets we send: one unbroken stream, whatever it is made of.
//!
//! A leg hears prompts that we cut into packets ourselves and, in a bridge, packets of its partner that
//! are passed on as they come. To the far end it is one source: our SSRC, sequence numbers without
//! jumps, timestamps that keep time (RFC 3550 section 5.1).

use model::Timestamp;

use crate::frame::{FRAME_SAMPLES, SAMPLE_RATE};
use crate::rtp::RtpHeader;

/// A passed-on stream whose sequence numbers leave this range begins anew: packets behind and ahead.
const RELAY_RANGE: std::ops::Range<i16> = -128..1_000;

/// A passed-on stream whose time leaves ours by more than this begins anew.
const RELAY_DRIFT: i32 = 2 * SAMPLE_RATE as i32;

/// Numbers the packets of one leg.
#[derive(Clone, Debug)]
pub struct Outgoing {
    ssrc: u32,
    next_sequence: u16,
    next_timestamp: u32,
    /// Our clock: an instant and its timestamp.
    origin: Option<(Timestamp, u32)>,
    relay: Option<Relay>,
}

/// What is added to the numbers of the partner's packets.
#[derive(Clone, Copy, Debug)]
struct Relay {
    ssrc: u32,
    sequence_offset: u16,
    timestamp_offset: u32,
    /// Our number of the first packet passed on; what is older belongs before the switch.
    first_sequence: u16,
}

impl Outgoing {
    /// A stream whose first numbers are given; RFC 3550 section 5.1 wants all three random.
    pub const fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            next_sequence: sequence,
            next_timestamp: timestamp,
            origin: None,
            relay: None,
        }
    }

    /// Our source.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The header of a packet of our own, a frame due at `due`. Use the instants of the 20 ms clock,
    /// not those of sending, so that timestamps stay regular when a packet is late.
    pub fn own(&mut self, due: Timestamp, payload_type: u8) -> RtpHeader {
        let marker = self.origin.is_none() || self.relay.take().is_some();
        let header = RtpHeader {
            marker,
            payload_type,
            sequence: self.next_sequence,
            timestamp: self.timestamp_at(due),
            ssrc: self.ssrc,
        };
        self.sent(&header, FRAME_SAMPLES as u32);
        header
    }

    /// The header of a partner's packet of `samples` samples that came at `now`; none when it came so
    /// late that its place is taken. Loss and order remain visible to the far end.
    pub fn relayed(
        &mut self,
        now: Timestamp,
        from: &RtpHeader,
        payload_type: u8,
        samples: u32,
    ) -> Option<RtpHeader> {
        let (relay, begins) = match self.relay.filter(|relay| self.continues(relay, from, now)) {
            Some(relay) => (relay, false),
            None => (self.begin_relay(now, from), true),
        };
        let header = RtpHeader {
            marker: begins || from.marker,
            payload_type,
            sequence: from.sequence.wrapping_add(relay.sequence_offset),
            timestamp: from.timestamp.wrapping_add(relay.timestamp_offset),
            ssrc: self.ssrc,
        };
        if header
            .sequence
            .wrapping_sub(relay.first_sequence)
            .cast_signed()
            < 0
        {
            return None;
        }
        self.sent(&header, samples);
        Some(header)
    }

    fn begin_relay(&mut self, now: Timestamp, from: &RtpHeader) -> Relay {
        let relay = Relay {
            ssrc: from.ssrc,
            sequence_offset: self.next_sequence.wrapping_sub(from.sequence),
            timestamp_offset: self.timestamp_at(now).wrapping_sub(from.timestamp),
            first_sequence: self.next_sequence,
        };
        self.relay = Some(relay);
        relay
    }

    fn continues(&self, relay: &Relay, from: &RtpHeader, now: Timestamp) -> bool {
        let sequence = from.sequence.wrapping_add(relay.sequence_offset);
        let timestamp = from.timestamp.wrapping_add(relay.timestamp_offset);
        let drift = timestamp.wrapping_sub(self.clock(now)).cast_signed();
        relay.ssrc == from.ssrc
            && RELAY_RANGE.contains(&sequence.wrapping_sub(self.next_sequence).cast_signed())
            && drift.checked_abs().is_some_and(|d| d < RELAY_DRIFT)
    }

    fn sent(&mut self, header: &RtpHeader, samples: u32) {
        let after = header.timestamp.wrapping_add(samples);
        if header
            .sequence
            .wrapping_sub(self.next_sequence)
            .cast_signed()
            >= 0
        {
            self.next_sequence = header.sequence.wrapping_add(1);
        }
        if after.wrapping_sub(self.next_timestamp).cast_signed() > 0 {
            self.next_timestamp = after;
        }
    }

    /// The timestamp of a sound that begins at `now`: right after what was sent, or later when time has
    /// passed in which nothing was.
    fn timestamp_at(&mut self, now: Timestamp) -> u32 {
        self.origin.get_or_insert((now, self.next_timestamp));
        let clock = self.clock(now);
        let gap = clock.wrapping_sub(self.next_timestamp).cast_signed();
        if gap >= FRAME_SAMPLES as i32 {
            clock
        } else {
            self.next_timestamp
        }
    }

    fn clock(&self, now: Timestamp) -> u32 {
        let (origin, timestamp) = self.origin.unwrap_or((now, self.next_timestamp));
        let samples =
            u128::from(now.since(origin).as_micros() as u64) * u128::from(SAMPLE_RATE) / 1_000_000;
        timestamp.wrapping_add(samples as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn from(ssrc: u32, sequence: u16, timestamp: u32) -> RtpHeader {
        RtpHeader {
            marker: false,
            payload_type: 8,
            sequence,
            timestamp,
            ssrc,
        }
    }

    #[test]
    fn our_own_frames_are_regular_and_only_the_first_is_marked() {
        let mut out = Outgoing::new(7, 65_535, u32::MAX - 99);
        let headers: Vec<_> = (0..3).map(|n| out.own(at(1_000 + n * 20), 8)).collect();
        let numbers: Vec<_> = headers
            .iter()
            .map(|h| (h.marker, h.sequence, h.timestamp))
            .collect();
        assert_eq!(
            numbers,
            [
                (true, 65_535, u32::MAX - 99),
                (false, 0, 60),
                (false, 1, 220)
            ]
        );
    }

    #[test]
    fn silence_in_which_nothing_was_sent_passes_in_the_timestamps() {
        let mut out = Outgoing::new(7, 0, 0);
        out.own(at(0), 8);
        assert_eq!(out.own(at(500), 8).timestamp, 4_000);
    }

    #[test]
    fn a_partners_packets_follow_our_own_without_a_jump_and_keep_loss_and_order() {
        let mut out = Outgoing::new(7, 10, 1_000);
        out.own(at(0), 8);
        let mut pass = |ms, sequence, timestamp| {
            out.relayed(at(ms), &from(99, sequence, timestamp), 0, 160)
                .map(|h| (h.ssrc, h.marker, h.sequence, h.timestamp))
        };
        assert_eq!(pass(5, 40_000, 77), Some((7, true, 11, 1_160)));
        assert_eq!(pass(45, 40_002, 397), Some((7, false, 13, 1_480)));
        assert_eq!(pass(46, 40_001, 237), Some((7, false, 12, 1_320)));
        assert_eq!(
            pass(47, 39_999, 77_u32.wrapping_sub(160)),
            None,
            "its number is that of our own frame"
        );
        let own = out.own(at(60), 8);
        assert_eq!((own.marker, own.sequence, own.timestamp), (true, 14, 1_640));
    }

    #[test]
    fn another_source_or_a_jump_in_its_numbers_is_joined_on() {
        let mut out = Outgoing::new(7, 0, 0);
        let mut pass = |ms, ssrc, sequence, timestamp| {
            let header = out.relayed(at(ms), &from(ssrc, sequence, timestamp), 0, 160);
            header.map(|h| (h.marker, h.sequence, h.timestamp))
        };
        assert_eq!(pass(0, 1, 5_000, 1 << 20), Some((true, 0, 0)));
        assert_eq!(pass(20, 2, 9, 3), Some((true, 1, 160)), "another source");
        assert_eq!(
            pass(40, 2, 30_000, 163),
            Some((true, 2, 320)),
            "other numbers"
        );
        assert_eq!(
            pass(60, 2, 30_001, 1 << 30),
            Some((true, 3, 480)),
            "another time"
        );
        assert_eq!(pass(80, 2, 30_002, (1 << 30) + 160), Some((false, 4, 640)));
    }
}
