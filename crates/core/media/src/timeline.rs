//! What is to be played: pieces joined without gaps, cut into frames only as they are sent.
//!
//! A piece is encoded once per codec when it is loaded and shared by every call that plays it. G.711
//! has no memory, so encoded pieces may be joined at any sample. Padding each piece to whole frames
//! would put a random 0 to 20 ms of stumbling after every word.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::Codec;
use crate::frame::{Frame, SILENCE, duration_of, samples_in};

/// Samples, 3 ms, over which a piece is faded in and out, so that no joint clicks.
const FADE: usize = 24;

/// A sound ready to be played in any codec. Four bytes a sample.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    linear: Box<[i16]>,
    alaw: Box<[u8]>,
    ulaw: Box<[u8]>,
}

impl Piece {
    /// From linear samples at 8 kHz; the ends are faded over 3 ms.
    pub fn new(mut samples: Vec<i16>) -> Self {
        fade_ends(&mut samples);
        let encoded = |codec: Codec| samples.iter().map(|s| codec.encode(*s)).collect();
        Self {
            alaw: encoded(Codec::Alaw),
            ulaw: encoded(Codec::Ulaw),
            linear: samples.into(),
        }
    }

    /// Samples.
    pub fn samples(&self) -> usize {
        self.linear.len()
    }

    /// How long it sounds.
    pub fn duration(&self) -> Duration {
        duration_of(self.linear.len() as u64)
    }

    /// The linear samples.
    pub fn linear(&self) -> &[i16] {
        &self.linear
    }

    /// The bytes on the wire, one per sample.
    pub fn encoded(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Alaw => &self.alaw,
            Codec::Ulaw => &self.ulaw,
        }
    }
}

/// Ends that are silent already stay as they are.
fn fade_ends(samples: &mut [i16]) {
    let fade = FADE.min(samples.len() / 2);
    let last = samples.len().saturating_sub(1);
    for n in 0..fade {
        let soften = |sample: i16| (i32::from(sample) * n as i32 / fade as i32) as i16;
        samples[n] = soften(samples[n]);
        samples[last - n] = soften(samples[last - n]);
    }
}

/// Pieces and silences in the order of playing. Cheap to build, shares its pieces.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    segments: Vec<Segment>,
    samples: u64,
}

#[derive(Clone, Debug)]
enum Segment {
    Piece(Arc<Piece>),
    /// Samples of nothing.
    Silence(u64),
}

impl Segment {
    fn samples(&self) -> u64 {
        match self {
            Self::Piece(piece) => piece.samples() as u64,
            Self::Silence(samples) => *samples,
        }
    }
}

impl Timeline {
    /// Adds a piece at the end.
    pub fn push(&mut self, piece: Arc<Piece>) {
        self.push_segment(Segment::Piece(piece));
    }

    /// Adds silence at the end.
    pub fn push_silence(&mut self, length: Duration) {
        self.push_segment(Segment::Silence(samples_in(length)));
    }

    /// Adds everything of another timeline at the end.
    pub fn append(&mut self, other: Self) {
        self.samples += other.samples;
        self.segments.extend(other.segments);
    }

    /// How long it sounds.
    pub fn duration(&self) -> Duration {
        duration_of(self.samples)
    }

    /// Whether there is nothing to play, not even silence.
    pub fn is_empty(&self) -> bool {
        self.samples == 0
    }

    fn push_segment(&mut self, segment: Segment) {
        // An empty segment would make a repeating timeline go round without getting anywhere.
        if segment.samples() > 0 {
            self.samples += segment.samples();
            self.segments.push(segment);
        }
    }
}

/// The place in a timeline that is being played.
#[derive(Clone, Debug)]
pub struct Playhead {
    timeline: Timeline,
    repeat: bool,
    /// The segment, and the samples of it that are past.
    at: usize,
    offset: u64,
    played: u64,
}

impl Playhead {
    /// At the beginning. With `repeat` it goes round until dropped, without a gap; an empty timeline ends
    /// all the same.
    pub const fn new(timeline: Timeline, repeat: bool) -> Self {
        Self {
            timeline,
            repeat,
            at: 0,
            offset: 0,
            played: 0,
        }
    }

    /// The next frame, filled up with silence after the end. None once all is played.
    pub fn next_linear(&mut self) -> Option<Frame> {
        let mut frame = SILENCE;
        let filled = self.advance(&mut frame, Piece::linear);
        (filled > 0).then_some(frame)
    }

    /// The same, encoded, one byte per sample of `payload`. Whether anything was left to play.
    pub fn next_encoded(&mut self, codec: Codec, payload: &mut [u8]) -> bool {
        payload.fill(codec.silence());
        self.advance(payload, |piece| piece.encoded(codec)) > 0
    }

    /// How much was taken so far, rounds included, the silence after the end not.
    pub const fn heard(&self) -> Duration {
        duration_of(self.played)
    }

    /// Whether all was taken.
    pub fn is_done(&self) -> bool {
        self.at >= self.timeline.segments.len()
    }

    /// Copies what comes next into `out`, which is filled with silence, and returns how much that was.
    fn advance<T: Copy>(&mut self, out: &mut [T], of: impl Fn(&Piece) -> &[T]) -> usize {
        let mut filled = 0;
        while filled < out.len() {
            let Some(segment) = self.timeline.segments.get(self.at) else {
                break;
            };
            let left = segment.samples() - self.offset;
            let taken = (out.len() - filled).min(usize::try_from(left).unwrap_or(usize::MAX));
            if let Segment::Piece(piece) = segment {
                let from = self.offset as usize;
                out[filled..filled + taken].copy_from_slice(&of(piece)[from..from + taken]);
            }
            filled += taken;
            self.offset += taken as u64;
            if taken as u64 == left {
                self.next_segment();
            }
        }
        self.played += filled as u64;
        filled
    }

    fn next_segment(&mut self) {
        self.at += 1;
        self.offset = 0;
        if self.repeat && self.at == self.timeline.segments.len() {
            self.at = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FRAME_SAMPLES;
    use proptest::prelude::*;

    #[test]
    fn the_ends_of_a_piece_are_faded_and_its_middle_is_untouched() {
        let piece = Piece::new(vec![2_400; 100]);
        let linear = piece.linear();
        assert_eq!(
            (linear[0], linear[1], linear[23], linear[24]),
            (0, 100, 2_300, 2_400)
        );
        assert_eq!(
            (linear[99], linear[98], linear[76], linear[75]),
            (0, 100, 2_300, 2_400)
        );
        assert_eq!(Piece::new(vec![]).samples(), 0);
        assert_eq!(Piece::new(vec![900]).linear(), [900]);
    }

    #[test]
    fn a_repeating_timeline_goes_round_without_a_gap_and_counts_on() {
        let mut timeline = Timeline::default();
        timeline.push(Arc::new(Piece::new(vec![0; 100])));
        timeline.push_silence(Duration::from_micros(12_500 - 125));
        let mut playhead = Playhead::new(timeline, true);
        for _ in 0..10 {
            assert!(playhead.next_linear().is_some());
        }
        assert_eq!(playhead.heard(), Duration::from_millis(200));
        assert!(!playhead.is_done());
    }

    #[test]
    fn an_empty_timeline_ends_even_when_it_repeats() {
        let mut timeline = Timeline::default();
        timeline.push(Arc::new(Piece::new(vec![])));
        timeline.push_silence(Duration::ZERO);
        assert!(timeline.is_empty());
        assert_eq!(Playhead::new(timeline, true).next_linear(), None);
    }

    #[test]
    fn the_last_frame_is_filled_up_and_only_its_sound_counts_as_heard() {
        let mut timeline = Timeline::default();
        timeline.push(Arc::new(Piece::new(vec![1_000; 200])));
        let mut playhead = Playhead::new(timeline, false);
        let mut payload = [0; FRAME_SAMPLES];
        assert!(playhead.next_encoded(Codec::Alaw, &mut payload));
        assert!(playhead.next_encoded(Codec::Alaw, &mut payload));
        assert_eq!(payload[40..], [Codec::Alaw.silence(); 120]);
        assert_eq!(playhead.heard(), Duration::from_millis(25));
        assert!(playhead.is_done());
        assert!(!playhead.next_encoded(Codec::Alaw, &mut payload));
    }

    proptest! {
        #[test]
        fn frames_are_the_pieces_joined_whatever_their_lengths(lengths in prop::collection::vec(0usize..700, 0..12)) {
            let pieces: Vec<_> = lengths.iter().map(|n| Arc::new(Piece::new(vec![*n as i16 + 1; *n]))).collect();
            let mut timeline = Timeline::default();
            pieces.iter().for_each(|p| timeline.push(Arc::clone(p)));
            let joined: Vec<i16> = pieces.iter().flat_map(|p| p.linear().to_vec()).collect();
            prop_assert_eq!(timeline.duration(), duration_of(joined.len() as u64));

            let mut linear = Playhead::new(timeline.clone(), false);
            let mut encoded = Playhead::new(timeline, false);
            let mut played = Vec::new();
            let mut payload = [0; FRAME_SAMPLES];
            while let Some(frame) = linear.next_linear() {
                prop_assert!(encoded.next_encoded(Codec::Ulaw, &mut payload));
                prop_assert_eq!(payload.to_vec(), frame.map(|s| Codec::Ulaw.encode(s)).to_vec());
                played.extend(frame);
            }
            prop_assert_eq!(&played[..joined.len()], &joined[..]);
            prop_assert!(played.len() - joined.len() < FRAME_SAMPLES);
            prop_assert_eq!(linear.heard(), duration_of(joined.len() as u64));
        }
    }
}
