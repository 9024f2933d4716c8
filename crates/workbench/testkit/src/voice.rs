//! Who is heard: each number and each agent speaks with two tones of its own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use media::{Piece, dual_tone, tone_share};
use model::E164;

/// Frequencies are this far apart: a window of 100 ms tells them apart by a factor of hundreds.
const STEP_HZ: u16 = 50;
/// ITU-T Q.23: keys use 697 to 941 and 1209 to 1633 Hz. Voices keep 3.5 % away from them, where ITU-T
/// Q.24 wants no receiver to take a tone for a key.
const PEOPLE_LOW_HZ: u16 = 300;
const PEOPLE_LOWS: u64 = 8;
const AGENTS_LOW_HZ: u16 = 1_000;
const AGENTS_LOWS: u64 = 4;
const HIGH_HZ: u16 = 1_750;
const HIGHS: u64 = 30;

/// Soft: conversational speech has about this level on a line (ITU-T P.56: -15 to -25 dBm0).
const LEVEL_DBM0: f32 = -20.0;
/// One turn of talk: words, then, for people, a pause for breath.
const WORDS: Duration = Duration::from_millis(800);
const BREATH: Duration = Duration::from_millis(200);

/// Each of the two tones must hold at least this share of what is heard.
const SHARE_MIN: f32 = 0.25;

/// Two tones that say who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Voice {
    low_hz: u16,
    high_hz: u16,
}

impl Voice {
    /// The voice at a number. 240 numbers in a row all differ.
    pub fn of_number(number: E164) -> Self {
        Self::of(number.digits(), PEOPLE_LOW_HZ, PEOPLE_LOWS)
    }

    /// The voice of the `n`th agent. 120 in a row all differ, and none is that of a number.
    pub fn of_agent(n: u64) -> Self {
        Self::of(n, AGENTS_LOW_HZ, AGENTS_LOWS)
    }

    fn of(n: u64, low_hz: u16, lows: u64) -> Self {
        let step = |steps: u64| u16::try_from(steps).unwrap_or(0) * STEP_HZ;
        Self {
            low_hz: low_hz + step(n % lows),
            high_hz: HIGH_HZ + step(n / lows % HIGHS),
        }
    }

    /// Every voice there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let people = (0..PEOPLE_LOWS * HIGHS).map(|n| Self::of(n, PEOPLE_LOW_HZ, PEOPLE_LOWS));
        let agents = (0..AGENTS_LOWS * HIGHS).map(Self::of_agent);
        people.chain(agents)
    }

    /// Its two frequencies, in Hz.
    pub fn frequencies_hz(self) -> (f32, f32) {
        (self.low_hz.into(), self.high_hz.into())
    }

    /// Whether it is what sounds in `samples`, 100 ms or more of them.
    pub fn is_in(self, samples: &[i16]) -> bool {
        let (low, high) = self.frequencies_hz();
        tone_share(samples, low) > SHARE_MIN && tone_share(samples, high) > SHARE_MIN
    }

    /// The voice that sounds in `samples`, 100 ms or more of them.
    pub fn heard_in(samples: &[i16]) -> Option<Self> {
        let loudest = |from_hz: u16, count: u64| {
            (0..count)
                .map(|n| from_hz + u16::try_from(n).unwrap_or(0) * STEP_HZ)
                .map(|hz| (hz, tone_share(samples, hz.into())))
                .filter(|(_, share)| *share > SHARE_MIN)
                .max_by(|a, b| a.1.total_cmp(&b.1))
                .map(|(hz, _)| hz)
        };
        let low_hz =
            loudest(PEOPLE_LOW_HZ, PEOPLE_LOWS).or_else(|| loudest(AGENTS_LOW_HZ, AGENTS_LOWS))?;
        let high_hz = loudest(HIGH_HZ, HIGHS)?;
        Some(Self { low_hz, high_hz })
    }

    /// A turn of talk, to be repeated. People draw breath; an agent does not, so that whoever is joined to it hears
    /// it from the first packet on.
    pub(crate) fn talk(self) -> Arc<Piece> {
        let (low, high) = self.frequencies_hz();
        let mut samples = dual_tone(low, high, LEVEL_DBM0, WORDS);
        if self.low_hz < AGENTS_LOW_HZ {
            let breath = usize::try_from(media::samples_in(BREATH)).unwrap_or(0);
            samples.resize(samples.len() + breath, 0);
        }
        Arc::new(Piece::new(samples))
    }
}

impl fmt::Display for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{} Hz", self.low_hz, self.high_hz)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::{Codec, DtmfDetector};
    use std::collections::BTreeSet;

    /// What of a piece arrives over a line: coded, and begun anywhere.
    fn over_the_line(voice: Voice, skip: usize) -> Vec<i16> {
        let piece = voice.talk();
        let talk = piece.linear().iter().cycle().skip(skip).take(800);
        talk.map(|s| Codec::Alaw.decode(Codec::Alaw.encode(*s)))
            .collect()
    }

    #[test]
    fn every_voice_is_told_from_every_other_after_coding() {
        let all: Vec<Voice> = Voice::all().collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 360);
        for voice in &all {
            let heard = over_the_line(*voice, 1_234);
            assert_eq!(Voice::heard_in(&heard), Some(*voice));
            let takers: Vec<_> = all.iter().filter(|v| v.is_in(&heard)).collect();
            assert_eq!(takers, [voice]);
        }
    }

    #[test]
    fn no_voice_is_taken_for_a_key() {
        for voice in Voice::all() {
            let mut detector = DtmfDetector::default();
            let mut keys = Vec::new();
            for frame in voice.talk().linear().chunks(160) {
                detector.hear(frame, |key| keys.push(key));
            }
            assert_eq!(keys, [], "{voice}");
        }
    }

    #[test]
    fn silence_and_one_tone_alone_are_nobody() {
        assert_eq!(Voice::heard_in(&[0; 800]), None);
        let tone = dual_tone(400.0, 0.0, LEVEL_DBM0, Duration::from_millis(100));
        assert_eq!(Voice::heard_in(&tone), None);
    }
}
