//! Which packets of a stream are new, which came twice, and when another stream took its place
//! (after RFC 3550 appendix A.1, with every loss counted exactly).

use crate::rtp::RtpHeader;

/// RFC 3550 appendix A.1: a jump ahead by this much is another stream, not loss.
const MAX_DROPOUT: u16 = 3_000;

/// Packets, 2.5 s of sound, within which a late packet is told from a repeated one.
const WINDOW: u16 = 128;

/// What a packet is to its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The stream begins with this packet, for the first time or anew: forget what was ordered before.
    Starts,
    /// A packet not seen before, possibly out of order.
    New,
    /// A packet seen before, or so old that it does not matter: drop it.
    Repeated,
    /// Of another stream, or far off in this one: drop it, unless the next one confirms it.
    Stray,
}

/// Counts of one receiver, over all streams it has heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiveStats {
    /// Packets taken.
    pub received: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came twice, or seconds late.
    pub repeated: u64,
    /// Packets of no stream.
    pub stray: u64,
    /// Streams heard: 1 in an ordinary call.
    pub streams: u64,
}

/// Follows the sequence numbers of whoever sends to one port.
#[derive(Clone, Debug, Default)]
pub struct SequenceTracker {
    stream: Option<Stream>,
    /// The packet that would confirm that another stream has begun.
    awaited: Option<(u32, u16)>,
    stats: ReceiveStats,
}

#[derive(Clone, Debug)]
struct Stream {
    ssrc: u32,
    highest: u16,
    /// Bit n: the packet `highest - n` came.
    seen: u128,
    /// Packets from the first to the highest, both included.
    expected: u64,
    received: u64,
}

impl SequenceTracker {
    /// Judges the next packet.
    pub fn arrive(&mut self, header: &RtpHeader) -> Arrival {
        let arrival = match &mut self.stream {
            None => Arrival::Starts,
            Some(stream) if stream.ssrc == header.ssrc => stream.arrive(header.sequence),
            Some(_) => Arrival::Stray,
        };
        match arrival {
            Arrival::Starts => self.begin(header),
            Arrival::New => {
                self.awaited = None;
                self.stats.received += 1;
                arrival
            }
            Arrival::Repeated => {
                self.stats.repeated += 1;
                arrival
            }
            // One packet may be forged or a straggler of a call before; two in a row are a stream.
            Arrival::Stray if self.awaited == Some((header.ssrc, header.sequence)) => {
                self.begin(header)
            }
            Arrival::Stray => {
                self.awaited = Some((header.ssrc, header.sequence.wrapping_add(1)));
                self.stats.stray += 1;
                arrival
            }
        }
    }

    /// The source now listened to.
    pub fn ssrc(&self) -> Option<u32> {
        self.stream.as_ref().map(|s| s.ssrc)
    }

    /// The counts so far.
    pub fn stats(&self) -> ReceiveStats {
        let lost_now = self.stream.as_ref().map_or(0, Stream::lost);
        ReceiveStats {
            lost: self.stats.lost + lost_now,
            ..self.stats
        }
    }

    fn begin(&mut self, header: &RtpHeader) -> Arrival {
        self.stats.lost += self.stream.as_ref().map_or(0, Stream::lost);
        self.stats.received += 1;
        self.stats.streams += 1;
        self.awaited = None;
        self.stream = Some(Stream {
            ssrc: header.ssrc,
            highest: header.sequence,
            seen: 1,
            expected: 1,
            received: 1,
        });
        Arrival::Starts
    }
}

impl Stream {
    fn arrive(&mut self, sequence: u16) -> Arrival {
        let ahead = sequence.wrapping_sub(self.highest);
        let behind = self.highest.wrapping_sub(sequence);
        if ahead > 0 && ahead < MAX_DROPOUT {
            self.highest = sequence;
            self.expected += u64::from(ahead);
            self.received += 1;
            self.seen = self.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            Arrival::New
        } else if behind < WINDOW {
            let bit = 1 << behind;
            // A packet from before the first one counts too: the stream began earlier than we heard it.
            if self.seen & bit != 0 {
                return Arrival::Repeated;
            }
            self.seen |= bit;
            self.received += 1;
            self.expected = self.expected.max(u64::from(behind) + 1);
            Arrival::New
        } else if behind < MAX_DROPOUT {
            Arrival::Repeated
        } else {
            Arrival::Stray
        }
    }

    const fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arrival::{New, Repeated, Starts, Stray};
    use proptest::prelude::*;

    #[test]
    fn order_is_no_matter_and_loss_is_counted_once_the_gap_stays() {
        let mut tracker = SequenceTracker::default();
        assert_eq!(
            arrivals(&mut tracker, 1, &[65_533, 65_535, 65_534, 2, 1]),
            [Starts, New, New, New, New]
        );
        assert_eq!(tracker.stats().lost, 1, "packet 0");
        assert_eq!(
            arrivals(&mut tracker, 1, &[0, 0, 2]),
            [New, Repeated, Repeated]
        );
        assert_eq!(
            tracker.stats(),
            ReceiveStats {
                received: 6,
                lost: 0,
                repeated: 2,
                stray: 0,
                streams: 1
            }
        );
    }

    #[test]
    fn one_packet_of_another_source_is_dropped_and_two_in_a_row_take_over() {
        let mut tracker = SequenceTracker::default();
        assert_eq!(arrivals(&mut tracker, 1, &[10, 12]), [Starts, New]);
        assert_eq!(arrivals(&mut tracker, 2, &[500]), [Stray]);
        assert_eq!(arrivals(&mut tracker, 1, &[13]), [New]);
        assert_eq!(
            arrivals(&mut tracker, 2, &[501]),
            [Stray],
            "the first source lives"
        );
        assert_eq!(arrivals(&mut tracker, 2, &[502, 503]), [Starts, New]);
        let stats = tracker.stats();
        assert_eq!((stats.lost, stats.stray, stats.streams), (1, 2, 2));
    }

    #[test]
    fn a_sender_that_restarts_its_numbers_is_followed() {
        let mut tracker = SequenceTracker::default();
        assert_eq!(
            arrivals(&mut tracker, 1, &[100, 30_000, 30_001, 30_002]),
            [Starts, Stray, Starts, New]
        );
        assert_eq!(tracker.stats().lost, 0);
    }

    proptest! {
        /// Against the plain definition: a set of the numbers seen.
        #[test]
        fn received_lost_and_repeated_are_what_a_set_of_all_numbers_says(
            start in any::<u16>(), steps in prop::collection::vec(0u64..60, 1..300)
        ) {
            let mut tracker = SequenceTracker::default();
            let mut seen = std::collections::BTreeSet::new();
            let mut repeated = 0;
            for (n, jitter) in steps.iter().enumerate() {
                let number = n as u64 + 60 - jitter;
                let header = header(1, start.wrapping_add(number as u16));
                let arrival = tracker.arrive(&header);
                let new = seen.insert(number);
                prop_assert_eq!(arrival == Repeated, !new);
                repeated += u64::from(!new);
            }
            let span = seen.last().unwrap() - seen.first().unwrap() + 1;
            let stats = tracker.stats();
            prop_assert_eq!(stats.received, seen.len() as u64);
            prop_assert_eq!(stats.repeated, repeated);
            prop_assert_eq!(stats.lost, span - seen.len() as u64);
        }
    }

    fn header(ssrc: u32, sequence: u16) -> RtpHeader {
        RtpHeader {
            marker: false,
            payload_type: 0,
            sequence,
            timestamp: 0,
            ssrc,
        }
    }

    fn arrivals(tracker: &mut SequenceTracker, ssrc: u32, numbers: &[u16]) -> Vec<Arrival> {
        numbers
            .iter()
            .map(|n| tracker.arrive(&header(ssrc, *n)))
            .collect()
    }
}
