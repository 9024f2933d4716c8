//! From packets that come when they like to one frame every 20 ms.
//!
//! Samples are placed by their timestamp, which puts packets of any length in order and leaves room for
//! what is missing. The first packet waits for a fixed delay; what comes after its turn is dropped, what
//! does not come is concealed by the frame before it, fading within 60 ms.
//!
//! Only sound that must be mixed or listened to goes through here: plain bridges relay packets as they come.

use std::time::Duration;

use crate::frame::{FRAME_SAMPLES, Frame, SILENCE, samples_in};

/// Samples of room: 256 ms, a power of two so that wrapping timestamps fall into place.
const ROOM: usize = 2_048;

/// Frames that are concealed before the sound counts as ended.
const FADE_FRAMES: u32 = 3;

/// Pops after which a surplus that never shrank is cut by a frame: the sender's clock is faster, or
/// packets that were held up came at once.
const SURPLUS_POPS: u32 = 50;

/// What became of the sound beyond what was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayoutStats {
    /// Packets that came after their turn.
    pub late: u64,
    /// Frames in which samples were missing and made up.
    pub concealed: u64,
    /// Frames left out to catch up.
    pub skipped: u64,
}

/// Orders one stream of samples for playing. Push as packets come, pop every 20 ms.
#[derive(Clone, Debug)]
pub struct JitterBuffer {
    /// The sample of timestamp t lies at `t % ROOM`.
    samples: Vec<Option<i16>>,
    delay_samples: u32,
    state: State,
    last: Frame,
    stats: PlayoutStats,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing to play; the next packet starts the delay.
    Empty,
    /// Timestamps of the first sample and of the one after the newest; pops to wait.
    Filling {
        head: u32,
        end: u32,
        pops: u32,
    },
    Playing(Playing),
}

#[derive(Clone, Copy, Debug)]
struct Playing {
    /// The timestamp to be played next.
    head: u32,
    /// The timestamp after the newest sample.
    end: u32,
    /// Frames concealed in a row.
    missed: u32,
    /// The least that lay ready since it was last looked at, and pops since then.
    least_ready: u32,
    pops: u32,
}

impl Playing {
    const fn from(head: u32, end: u32) -> Self {
        Self {
            head,
            end,
            missed: 0,
            least_ready: u32::MAX,
            pops: 0,
        }
    }
}

impl JitterBuffer {
    /// Waits for `delay` before the first sample; clipped to 20 to 100 ms.
    pub fn new(delay: Duration) -> Self {
        let delay = delay.clamp(Duration::from_millis(20), Duration::from_millis(100));
        Self {
            samples: vec![None; ROOM],
            delay_samples: u32::try_from(samples_in(delay)).unwrap_or(0),
            state: State::Empty,
            last: SILENCE,
            stats: PlayoutStats::default(),
        }
    }

    /// Forgets everything: another stream begins.
    pub fn reset(&mut self) {
        self.samples.fill(None);
        self.state = State::Empty;
        self.last = SILENCE;
    }

    /// Takes the samples of a packet that is not a repetition. Packets of more than 200 ms are cut.
    pub fn push(&mut self, timestamp: u32, packet: &[i16]) {
        let packet = &packet[..packet.len().min(10 * FRAME_SAMPLES)];
        let len = packet.len() as u32;
        let after = timestamp.wrapping_add(len);
        if len == 0 {
            return;
        }
        let (head, end) = match self.state {
            State::Empty => (timestamp, timestamp),
            State::Filling { head, end, .. }
                if ahead(head, timestamp) > 0 && fits(timestamp, end) =>
            {
                (timestamp, end)
            }
            State::Filling { head, end, .. } => (head, end),
            State::Playing(Playing { head, end, .. }) => (head, end),
        };
        if ahead(after, head) <= 0 && ahead(after, head) > -(10 * ROOM as i32) {
            self.stats.late += 1;
            return;
        }
        if !fits(head, after) {
            // The sender's time jumped: whatever lies here will not join with what comes.
            self.reset();
            return self.push(timestamp, packet);
        }
        for (offset, sample) in (0..).zip(packet) {
            let at = timestamp.wrapping_add(offset);
            if ahead(at, head) >= 0 {
                self.samples[at as usize % ROOM] = Some(*sample);
            }
        }
        let end = if ahead(after, end) > 0 { after } else { end };
        match &mut self.state {
            State::Empty => {
                let pops = self.delay_samples / FRAME_SAMPLES as u32;
                self.state = State::Filling { head, end, pops };
            }
            State::Filling {
                head: h, end: e, ..
            } => (*h, *e) = (head, end),
            State::Playing(playing) => playing.end = end,
        }
    }

    /// The next 20 ms, or none while nothing is due. Call every 20 ms.
    pub fn pop(&mut self) -> Option<Frame> {
        let mut playing = match &mut self.state {
            State::Empty => return None,
            State::Filling { pops, .. } if *pops > 1 => {
                *pops -= 1;
                return None;
            }
            State::Filling { head, end, .. } => Playing::from(*head, *end),
            State::Playing(playing) => *playing,
        };
        self.drop_surplus(&mut playing);
        let frame = self.play(&mut playing);
        let dry = ahead(playing.end, playing.head) <= 0 && playing.missed >= FADE_FRAMES;
        self.state = if dry {
            State::Empty
        } else {
            State::Playing(playing)
        };
        Some(frame)
    }

    /// The next 20 ms that lie ready, without waiting for their turn; none once all are taken. For
    /// whoever stops listening and must not lose what came already.
    pub fn take_ready(&mut self) -> Option<Frame> {
        let mut playing = match self.state {
            State::Empty => return None,
            State::Filling { head, end, .. } => Playing::from(head, end),
            State::Playing(playing) => playing,
        };
        if ahead(playing.end, playing.head) <= 0 {
            self.state = State::Empty;
            return None;
        }
        let frame = self.play(&mut playing);
        self.state = State::Playing(playing);
        Some(frame)
    }

    /// The counts so far.
    pub const fn stats(&self) -> PlayoutStats {
        self.stats
    }

    fn play(&mut self, playing: &mut Playing) -> Frame {
        let mut frame = SILENCE;
        let mut missing = 0;
        for (i, out) in frame.iter_mut().enumerate() {
            let at = playing.head.wrapping_add(i as u32) as usize % ROOM;
            *out = self.samples[at].take().unwrap_or_else(|| {
                missing += 1;
                faded(self.last[i], playing.missed, i)
            });
        }
        playing.head = playing.head.wrapping_add(FRAME_SAMPLES as u32);
        if missing > 0 {
            self.stats.concealed += 1;
        }
        if missing == FRAME_SAMPLES {
            playing.missed += 1;
        } else {
            playing.missed = 0;
            self.last = frame;
        }
        frame
    }

    /// Leaves out a frame when more than one beyond the delay has lain ready for a second.
    fn drop_surplus(&mut self, playing: &mut Playing) {
        let ready = u32::try_from(ahead(playing.end, playing.head)).unwrap_or(0);
        playing.least_ready = playing.least_ready.min(ready);
        playing.pops += 1;
        if playing.pops < SURPLUS_POPS {
            return;
        }
        if playing.least_ready > self.delay_samples + FRAME_SAMPLES as u32 {
            for i in 0..FRAME_SAMPLES as u32 {
                self.samples[playing.head.wrapping_add(i) as usize % ROOM] = None;
            }
            playing.head = playing.head.wrapping_add(FRAME_SAMPLES as u32);
            self.stats.skipped += 1;
        }
        (playing.least_ready, playing.pops) = (u32::MAX, 0);
    }
}

/// How far `a` lies ahead of `b` on the wrapping clock of timestamps.
const fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

const fn fits(head: u32, end: u32) -> bool {
    ahead(end, head) >= 0 && ahead(end, head) <= ROOM as i32
}

/// The sample `i` of the frame before, after `missed` frames of fading.
fn faded(sample: i16, missed: u32, i: usize) -> i16 {
    let whole = (FADE_FRAMES as usize * FRAME_SAMPLES) as i32;
    let passed = (missed as usize * FRAME_SAMPLES + i) as i32;
    let kept = i32::from(sample) * (whole - passed).max(0) / whole;
    kept as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DELAY: Duration = Duration::from_millis(60);

    #[test]
    fn packets_out_of_order_play_in_order_after_the_delay() {
        let mut buffer = JitterBuffer::new(DELAY);
        buffer.push(1_000, &ramp(1_000, 160));
        assert_eq!(buffer.pop(), None);
        buffer.push(1_320, &ramp(1_320, 160));
        assert_eq!(buffer.pop(), None);
        buffer.push(1_160, &ramp(1_160, 160));
        for start in [1_000, 1_160, 1_320] {
            assert_eq!(buffer.pop().map(Vec::from), Some(ramp(start, 160)));
        }
        assert_eq!(buffer.stats(), PlayoutStats::default());
    }

    #[test]
    fn packets_of_30_ms_make_whole_frames_across_the_wrap_of_the_clock() {
        let mut buffer = JitterBuffer::new(DELAY);
        let start = u32::MAX - 200;
        for n in 0..4 {
            let at = start.wrapping_add(n * 240);
            buffer.push(at, &ramp(at, 240));
        }
        let played: Vec<i16> = std::iter::repeat_with(|| buffer.pop())
            .skip(2)
            .take(6)
            .flatten()
            .flatten()
            .collect();
        assert_eq!(played, ramp(start, 960));
    }

    #[test]
    fn what_lies_ready_can_be_taken_at_once_before_or_after_the_delay() {
        let mut buffer = JitterBuffer::new(DELAY);
        (0..3).for_each(|n| buffer.push(n * 160, &ramp(n * 160, 160)));
        let taken: Vec<i16> = std::iter::from_fn(|| buffer.take_ready())
            .flatten()
            .collect();
        assert_eq!(taken, ramp(0, 480));
        assert_eq!((buffer.take_ready(), buffer.pop()), (None, None));
    }

    #[test]
    fn a_lost_frame_repeats_the_one_before_it_and_fades() {
        let mut buffer = JitterBuffer::new(Duration::from_millis(20));
        buffer.push(0, &[3_000; 160]);
        buffer.push(320, &[500; 160]);
        assert_eq!(buffer.pop(), Some([3_000; 160]));
        let concealed = buffer.pop().unwrap();
        assert_eq!((concealed[0], concealed[159]), (3_000, 2_006));
        assert_eq!(buffer.pop(), Some([500; 160]));
        assert_eq!(buffer.stats().concealed, 1);
    }

    #[test]
    fn what_comes_after_its_turn_is_dropped_and_counted() {
        let mut buffer = JitterBuffer::new(Duration::from_millis(20));
        buffer.push(0, &[1; 160]);
        buffer.push(320, &[3; 160]);
        buffer.pop();
        buffer.pop();
        buffer.push(160, &[2; 160]);
        assert_eq!(buffer.pop(), Some([3; 160]));
        assert_eq!(buffer.stats().late, 1);
    }

    #[test]
    fn a_sound_that_ends_fades_out_within_60_ms_and_the_next_one_waits_again() {
        let mut buffer = JitterBuffer::new(Duration::from_millis(40));
        buffer.push(0, &[900; 160]);
        let frames: Vec<_> = (0..6).map(|_| buffer.pop().map(|f| f[159])).collect();
        assert_eq!(
            frames,
            [None, Some(900), Some(601), Some(301), Some(1), None]
        );
        buffer.push(80_000, &[700; 160]);
        assert_eq!((buffer.pop(), buffer.pop()), (None, Some([700; 160])));
    }

    #[test]
    fn a_jump_of_the_senders_clock_starts_again_instead_of_falling_silent() {
        for jump in [4_000_000_000, 2_000_000_000, 50_000] {
            let mut buffer = JitterBuffer::new(Duration::from_millis(20));
            buffer.push(0, &[1; 160]);
            buffer.pop();
            buffer.push(jump, &[2; 160]);
            assert_eq!(buffer.pop(), Some([2; 160]), "jump to {jump}");
        }
    }

    #[test]
    fn a_burst_that_would_stay_as_delay_is_cut_a_frame_a_second() {
        let mut buffer = JitterBuffer::new(Duration::from_millis(40));
        let mut timestamp = 0;
        let mut send = |buffer: &mut JitterBuffer, n: u32| {
            for _ in 0..n {
                buffer.push(timestamp, &[5; 160]);
                timestamp += 160;
            }
        };
        send(&mut buffer, 8); // held up for 160 ms somewhere
        for _ in 0..600 {
            buffer.pop();
            send(&mut buffer, 1);
        }
        assert_eq!(
            buffer.stats().skipped,
            6,
            "from nine frames, when playing began, to the delay and one more"
        );
        assert_eq!(buffer.stats().concealed, 0);
    }

    proptest! {
        #[test]
        fn any_packets_are_taken_without_panic(
            packets in prop::collection::vec((any::<u32>(), 0usize..3_000, any::<bool>()), 0..60)
        ) {
            let mut buffer = JitterBuffer::new(DELAY);
            for (timestamp, len, pop) in packets {
                buffer.push(timestamp, &vec![1; len]);
                if pop { buffer.pop(); }
            }
        }
    }

    /// Samples that tell their timestamp.
    fn ramp(start: u32, len: u32) -> Vec<i16> {
        (0..len)
            .map(|i| (start.wrapping_add(i) % 30_000) as i16)
            .collect()
    }
}
