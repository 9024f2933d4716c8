//! What somebody says and presses during a call.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use media::{Codec, Dtmf, FRAME_SAMPLES, Piece, Playhead, Timeline, dual_tone};

use crate::person::{KeyPress, Talk};
use crate::voice::Voice;

/// "Hello?"
const HELLO: Duration = Duration::from_millis(800);
/// How long somebody waits for us before saying more.
const EXPECTANT: Duration = Duration::from_secs(2);
/// Answering machines beep between 400 and 2000 Hz for 100 to 1000 ms; this is in the midst of it.
const BEEP_HZ: f32 = 1_000.0;
const BEEP: Duration = Duration::from_millis(400);
const BEEP_DBM0: f32 = -13.0;
/// ITU-T E.180: the ring-back tone of most countries, one second in five.
const RING_BACK_HZ: f32 = 425.0;
const RING_BACK_DBM0: f32 = -20.0;
/// A key pressed on a phone that knows no telephone events sounds so long.
const KEY_MS: u64 = 120;

/// What is still to be said and pressed. When all is said there is silence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    parts: VecDeque<Playhead>,
    keys: VecDeque<KeyPress>,
}

impl Script {
    /// A person who answered.
    pub(crate) fn person(talk: &Talk, speech: Arc<Piece>) -> Self {
        let mut before = Timeline::default();
        if talk.greets {
            before.append(cut(&speech, HELLO));
        }
        before.push_silence(EXPECTANT);
        Self {
            parts: [Playhead::new(before, false), endless(speech)].into(),
            keys: talk.keys.iter().copied().collect(),
        }
    }

    /// A machine: greeting, beep, silence.
    pub(crate) fn machine(greeting: Duration, speech: Arc<Piece>) -> Self {
        let mut timeline = Timeline::default();
        let mut left = greeting;
        while !left.is_zero() {
            let part = left.min(speech.duration());
            timeline.append(cut(&speech, part));
            left -= part;
        }
        let beep = dual_tone(BEEP_HZ, 0.0, BEEP_DBM0, BEEP);
        timeline.push(Arc::new(Piece::new(beep)));
        Self::of(Playhead::new(timeline, false))
    }

    /// Talks without end.
    pub(crate) fn talker(speech: Arc<Piece>) -> Self {
        Self::of(endless(speech))
    }

    /// The ring-back tone without end.
    pub(crate) fn ring_back() -> Self {
        let tone = dual_tone(RING_BACK_HZ, 0.0, RING_BACK_DBM0, Duration::from_secs(1));
        let mut timeline = Timeline::default();
        timeline.push(Arc::new(Piece::new(tone)));
        timeline.push_silence(Duration::from_secs(4));
        Self::of(Playhead::new(timeline, true))
    }

    fn of(part: Playhead) -> Self {
        Self {
            parts: [part].into(),
            keys: VecDeque::new(),
        }
    }

    /// The next frame, encoded.
    pub(crate) fn next(&mut self, codec: Codec) -> [u8; FRAME_SAMPLES] {
        let mut payload = [codec.silence(); FRAME_SAMPLES];
        while let Some(part) = self.parts.front_mut() {
            if part.next_encoded(codec, &mut payload) {
                break;
            }
            self.parts.pop_front();
        }
        payload
    }

    /// The key to be pressed when so much was heard, if it is time.
    pub(crate) fn next_key(&mut self, heard: Duration) -> Option<Dtmf> {
        let due = self.keys.front()?.after_heard <= heard;
        due.then(|| self.keys.pop_front()).flatten().map(|k| k.key)
    }

    /// Presses a key by its tones, before whatever comes next.
    pub(crate) fn sound_key(&mut self, key: Dtmf) {
        let mut timeline = Timeline::default();
        timeline.push(Arc::new(Piece::new(key.sound(KEY_MS))));
        self.parts.push_front(Playhead::new(timeline, false));
    }

    /// Presses `key` as soon as possible.
    pub(crate) fn press(&mut self, key: Dtmf) {
        self.keys.push_back(KeyPress {
            after_heard: Duration::ZERO,
            key,
        });
    }
}

fn endless(speech: Arc<Piece>) -> Playhead {
    let mut timeline = Timeline::default();
    timeline.push(speech);
    Playhead::new(timeline, true)
}

/// The beginning of a piece.
fn cut(piece: &Arc<Piece>, length: Duration) -> Timeline {
    let samples = usize::try_from(media::samples_in(length)).unwrap_or(usize::MAX);
    let mut timeline = Timeline::default();
    match piece.linear().get(..samples) {
        Some(beginning) if samples < piece.samples() => {
            timeline.push(Arc::new(Piece::new(beginning.to_vec())));
        }
        _ => timeline.push(Arc::clone(piece)),
    }
    timeline
}

/// The speech of every voice used so far: making one costs a thousand times as much as playing a frame.
#[derive(Debug, Default)]
pub(crate) struct Speeches(BTreeMap<Voice, Arc<Piece>>);

impl Speeches {
    pub(crate) fn of(&mut self, voice: Voice) -> Arc<Piece> {
        Arc::clone(self.0.entry(voice).or_insert_with(|| voice.talk()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::E164;

    fn speech() -> Arc<Piece> {
        let number: E164 = "+79995550001".parse().unwrap();
        Voice::of_number(number).talk()
    }

    /// Loud frames and silent ones, as runs.
    fn runs(mut script: Script, frames: usize) -> Vec<(bool, usize)> {
        let mut runs: Vec<(bool, usize)> = Vec::new();
        for _ in 0..frames {
            let silent = Codec::Alaw.silence();
            let loud = script.next(Codec::Alaw).iter().any(|b| *b != silent);
            match runs.last_mut() {
                Some((last, count)) if *last == loud => *count += 1,
                _ => runs.push((loud, 1)),
            }
        }
        runs
    }

    #[test]
    fn a_person_greets_waits_and_talks_on() {
        let speech = speech();
        let runs_of = |greets| {
            let talk = Talk {
                greets,
                ..Talk::default()
            };
            runs(Script::person(&talk, Arc::clone(&speech)), 240)
        };
        let said = runs_of(true);
        assert_eq!(said[..3], [(true, 40), (false, 100), (true, 40)]);
        assert_eq!(runs_of(false)[..2], [(false, 100), (true, 40)]);
    }

    #[test]
    fn a_machine_speaks_beeps_and_is_silent() {
        let speech = speech();
        let said = runs(Script::machine(Duration::from_millis(2_500), speech), 200);
        assert_eq!(
            said,
            [
                (true, 40),
                (false, 10),
                (true, 40),
                (false, 10),
                (true, 45),
                (false, 55)
            ]
        );
    }

    #[test]
    fn keys_come_in_turn_when_enough_was_heard() {
        let key = |ms, key| KeyPress {
            after_heard: Duration::from_millis(ms),
            key,
        };
        let talk = Talk {
            keys: vec![key(1_500, Dtmf::One), key(1_500, Dtmf::Pound)],
            ..Talk::default()
        };
        let mut script = Script::person(&talk, speech());
        assert_eq!(script.next_key(Duration::from_millis(1_480)), None);
        let now = Duration::from_millis(1_500);
        assert_eq!(script.next_key(now), Some(Dtmf::One));
        assert_eq!(script.next_key(now), Some(Dtmf::Pound));
        assert_eq!(script.next_key(now), None);
    }
}
