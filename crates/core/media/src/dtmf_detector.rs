//! Keys pressed as tones in the audio, for phones that know no telephone-event.
//!
//! The limits are those of ITU-T Q.24 annex A and Q.23: a tone of 40 ms is a key, one of 23 ms is not,
//! an interruption of 10 ms does not make two keys of one, a pause of 40 ms does; frequencies within
//! 1.5 % are taken, beyond 3.5 % refused; the high group may be 4 dB above the low one, or 8 dB below.

use std::f32::consts::{PI, TAU};

use crate::dtmf::{COLUMNS_HZ, Dtmf, ROWS_HZ};
use crate::frame::SAMPLE_RATE;
use crate::goertzel::{Goertzel, mean_power, tone_share};
use crate::tone::amplitude;

/// 10 ms: three whole blocks fit into any tone of 40 ms and never into one of 23 ms.
const BLOCK: usize = 80;
/// Blocks in a row that must agree, and blocks in a row without the tone that end a key.
const BLOCKS_ON: usize = 3;
const BLOCKS_OFF: u32 = 2;

/// The weakest pair that is a key: each tone at this level.
const WEAKEST_DBM0: f32 = -34.0;
/// What both tones together must hold of a block's power; speech spreads its power wider. A tone that
/// is off by 1.5 % keeps 81 % of itself in its bin at worst.
const PAIR_SHARE_MIN: f32 = 0.7;
/// What they must hold of three blocks together, measured at the frequencies that they truly have: far
/// sharper than one block. The harmonics of a voice can line up with a key, but not alone.
const PURITY_MIN: f32 = 0.88;
/// Blocks of one key are equally loud; a block that the tone fills only in part is not.
const EVENNESS_MIN: f32 = 0.75;
/// Q.24 asks for +4 and -8 dB; tones off their frequency are read up to 1.5 dB low.
const TWIST_DB: std::ops::RangeInclusive<f32> = -9.5..=5.5;
/// Between the 1.5 % that must and the 3.5 % that must not be taken.
const DEVIATION_MAX: f32 = 0.025;
/// The key is held while its tones keep this share of their power: 10 ms of interruption leave more in
/// every block.
const HELD_SHARE: f32 = 0.1;

/// Hears keys in a stream of samples. About 65,000 multiplications a second.
#[derive(Clone, Debug)]
pub struct DtmfDetector {
    rows: [Goertzel; 4],
    columns: [Goertzel; 4],
    /// The blocks just past, and the one that is being filled.
    recent: [i16; BLOCK * BLOCKS_ON],
    filled: usize,
    before: Block,
    candidate: Option<Candidate>,
    held: Option<Held>,
}

/// The key seen in the blocks just past.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    key: Dtmf,
    blocks: usize,
    /// The power of the last blocks, whichever came first.
    powers: [f32; BLOCKS_ON],
}

impl Candidate {
    /// The key in one block more, or in its first.
    fn seen(before: Option<Self>, key: Dtmf, power: f32) -> Self {
        let mut candidate = before.filter(|c| c.key == key).unwrap_or(Self {
            key,
            blocks: 0,
            powers: [0.0; BLOCKS_ON],
        });
        candidate.powers[candidate.blocks % BLOCKS_ON] = power;
        candidate.blocks += 1;
        candidate
    }

    fn is_steady(&self) -> bool {
        let weakest = self.powers.into_iter().fold(f32::MAX, f32::min);
        let strongest = self.powers.into_iter().fold(0.0, f32::max);
        self.blocks >= BLOCKS_ON && weakest >= EVENNESS_MIN * strongest
    }
}

/// The key that was reported and has not been let go.
#[derive(Clone, Copy, Debug)]
struct Held {
    key: Dtmf,
    row: usize,
    column: usize,
    power: f32,
    blocks_gone: u32,
}

/// What was measured in a block: power and phase of the eight frequencies.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    rows: [(f32, f32); 4],
    columns: [(f32, f32); 4],
    power: f32,
}

impl Default for DtmfDetector {
    fn default() -> Self {
        Self {
            rows: ROWS_HZ.map(Goertzel::new),
            columns: COLUMNS_HZ.map(Goertzel::new),
            recent: [0; BLOCK * BLOCKS_ON],
            filled: 0,
            before: Block::default(),
            candidate: None,
            held: None,
        }
    }
}

impl DtmfDetector {
    /// Listens to the next samples, any number of them, and reports every key once, 30 to 40 ms after
    /// its beginning.
    pub fn hear(&mut self, mut samples: &[i16], mut report: impl FnMut(Dtmf)) {
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(BLOCK - self.filled));
            let start = BLOCK * (BLOCKS_ON - 1) + self.filled;
            self.recent[start..start + now.len()].copy_from_slice(now);
            self.filled += now.len();
            samples = later;
            if self.filled == BLOCK {
                self.filled = 0;
                if let Some(key) = self.judge_block() {
                    report(key);
                }
                self.recent.copy_within(BLOCK.., 0);
            }
        }
    }

    fn judge_block(&mut self) -> Option<Dtmf> {
        let newest = &self.recent[BLOCK * (BLOCKS_ON - 1)..];
        let block = Block {
            rows: self.rows.map(|g| g.power_and_phase(newest)),
            columns: self.columns.map(|g| g.power_and_phase(newest)),
            power: mean_power(newest),
        };
        let before = std::mem::replace(&mut self.before, block);
        self.let_go(&block);
        let Some((row, column)) = block.pair() else {
            self.candidate = None;
            return None;
        };
        let key = Dtmf::at(row, column);
        let candidate = Candidate::seen(self.candidate, key, block.power);
        self.candidate = Some(candidate);
        let is_held = self.held.is_some_and(|held| held.key == key);
        if is_held || !candidate.is_steady() {
            return None;
        }
        let low_hz = frequency(
            &self.rows[row],
            before.rows[row],
            block.rows[row],
            ROWS_HZ[row],
        )?;
        let high_hz = frequency(
            &self.columns[column],
            before.columns[column],
            block.columns[column],
            COLUMNS_HZ[column],
        )?;
        if tone_share(&self.recent, low_hz) + tone_share(&self.recent, high_hz) < PURITY_MIN {
            return None;
        }
        self.held = Some(Held {
            key,
            row,
            column,
            power: block.pair_power(row, column),
            blocks_gone: 0,
        });
        Some(key)
    }

    fn let_go(&mut self, block: &Block) {
        let Some(held) = &mut self.held else { return };
        if block.pair_power(held.row, held.column) > HELD_SHARE * held.power {
            held.blocks_gone = 0;
            return;
        }
        held.blocks_gone += 1;
        if held.blocks_gone >= BLOCKS_OFF {
            self.held = None;
        }
    }
}

/// The frequency of a tone near `nominal_hz`, from its power and phase in two blocks; none when it is
/// too far off. On its nominal frequency a tone advances its phase by a known angle from block to block;
/// the difference tells its frequency far better than a block's power does.
fn frequency(bin: &Goertzel, then: (f32, f32), now: (f32, f32), nominal_hz: f32) -> Option<f32> {
    let angle = (now.1 - then.1 - bin.advance(BLOCK)).rem_euclid(TAU);
    let wrapped = if angle > PI { angle - TAU } else { angle };
    let off_hz = wrapped / BLOCK as f32 * SAMPLE_RATE as f32 / TAU;
    (off_hz.abs() <= DEVIATION_MAX * nominal_hz).then_some(nominal_hz + off_hz)
}

impl Block {
    /// The row and column of a key, when this block sounds like one.
    fn pair(&self) -> Option<(usize, usize)> {
        let row = strongest(&self.rows);
        let column = strongest(&self.columns);
        let (low, high) = (self.rows[row].0, self.columns[column].0);
        let peak = amplitude(WEAKEST_DBM0);
        let weakest = peak * peak / 2.0;
        let twist_db = 10.0 * (high / low).log10();
        let is_key = low >= weakest
            && high >= weakest
            && TWIST_DB.contains(&twist_db)
            && low + high >= PAIR_SHARE_MIN * self.power;
        is_key.then_some((row, column))
    }

    fn pair_power(&self, row: usize, column: usize) -> f32 {
        self.rows[row].0 + self.columns[column].0
    }
}

fn strongest(bins: &[(f32, f32); 4]) -> usize {
    let mut best = 0;
    for (at, bin) in bins.iter().enumerate() {
        if bin.0 > bins[best].0 {
            best = at;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::dual_tone;
    use std::time::Duration;

    #[test]
    fn every_key_of_40_ms_is_heard_once_wherever_it_begins() {
        for key in Dtmf::ALL {
            for lead in (0..BLOCK).step_by(7) {
                let heard = hear(&[silent(lead), key.sound(40), silent(800)]);
                assert_eq!(heard, [key], "{key:?} after {lead} samples");
            }
        }
    }

    #[test]
    fn a_tone_of_23_ms_is_no_key() {
        for lead in 0..BLOCK {
            let heard = hear(&[silent(lead), Dtmf::Eight.sound(23), silent(800)]);
            assert_eq!(heard, [], "after {lead} samples");
        }
    }

    #[test]
    fn an_interruption_of_10_ms_keeps_one_key_and_a_pause_of_40_ms_makes_two() {
        for lead in (0..BLOCK).step_by(3) {
            let with_gap = |gap| {
                hear(&[
                    silent(lead),
                    Dtmf::Four.sound(60),
                    silent(gap),
                    Dtmf::Four.sound(60),
                    silent(400),
                ])
            };
            assert_eq!(with_gap(80).len(), 1, "10 ms, after {lead} samples");
            assert_eq!(with_gap(320).len(), 2, "40 ms, after {lead} samples");
        }
    }

    #[test]
    fn frequencies_off_by_1_5_percent_are_taken_and_by_3_5_percent_refused() {
        for key in Dtmf::ALL {
            for (off, expected) in [(0.985, 1), (1.015, 1), (0.965, 0), (1.035, 0)] {
                let (low, high) = key.frequencies_hz();
                let both = dual_tone(low * off, high * off, -10.0, Duration::from_millis(70));
                let heard = hear(&[silent(33), both, silent(400)]);
                assert_eq!(heard.len(), expected, "{key:?} times {off}");
            }
        }
    }

    #[test]
    fn twist_is_taken_within_the_recommendation_and_refused_well_beyond() {
        for (twist_db, expected) in [(4.0, 1), (-8.0, 1), (8.0, 0), (-12.0, 0)] {
            let (low, high) = Dtmf::Six.frequencies_hz();
            let level = -12.0;
            let mut tone = dual_tone(low, 0.0, level, Duration::from_millis(60));
            crate::mix(
                &mut tone,
                &dual_tone(0.0, high, level + twist_db, Duration::from_millis(60)),
            );
            assert_eq!(hear(&[tone, silent(400)]).len(), expected, "{twist_db} dB");
        }
    }

    #[test]
    fn keys_are_heard_from_minus_30_to_minus_3_dbm0_with_noise_15_db_down() {
        for level in [-30.0, -20.0, -10.0, -3.0] {
            let mut noise = Noise(1);
            for key in Dtmf::ALL {
                let (low, high) = key.frequencies_hz();
                let mut tone = dual_tone(low, high, level, Duration::from_millis(50));
                // Uniform noise of peak p has the power p²/3, the pair of amplitude a has a².
                let peak = (amplitude(level).powi(2) / 10_f32.powf(1.5) * 3.0).sqrt();
                tone.iter_mut()
                    .for_each(|s| *s = s.saturating_add(noise.next(peak)));
                assert_eq!(
                    hear(&[silent(50), tone, silent(400)]),
                    [key],
                    "{level} dBm0"
                );
            }
        }
    }

    #[test]
    fn noise_single_tones_and_gliding_harmonics_are_no_keys() {
        let mut noise = Noise(7);
        let hiss: Vec<i16> = (0..160_000).map(|_| noise.next(8_000.0)).collect();
        assert_eq!(hear(&[hiss]), []);
        for hertz in (300..3_400).step_by(7) {
            let tone = dual_tone(hertz as f32, 0.0, -8.0, Duration::from_millis(60));
            assert_eq!(hear(&[tone]), [], "{hertz} Hz");
        }
        // A voice, roughly: harmonics of a gliding pitch, the upper ones weaker.
        for pitch in (80..320).step_by(5) {
            let mut voice = vec![0; 8_000];
            for harmonic in 1..20 {
                let (from, to) = (pitch * harmonic, (pitch + 25) * harmonic);
                let level = -12.0 - 1.5 * harmonic as f32;
                crate::mix(
                    &mut voice,
                    &crate::sweep(from as f32, to as f32, level, Duration::from_secs(1)),
                );
            }
            assert_eq!(hear(&[voice]), [], "pitch {pitch} Hz");
        }
    }

    #[test]
    fn a_voice_whose_strongest_harmonics_lie_on_a_keys_frequencies_is_no_key() {
        // Harmonics of 134 Hz: the 7th and the 10th sing "0" (941 and 1336 Hz), the others are 16 dB down.
        let mut voice = vec![0; 8_000];
        for harmonic in 1..=20 {
            let level = if [7, 10].contains(&harmonic) {
                -10.0
            } else {
                -26.0
            };
            let hertz = 134.0 * harmonic as f32;
            crate::mix(
                &mut voice,
                &dual_tone(hertz, 0.0, level, Duration::from_secs(1)),
            );
        }
        assert_eq!(hear(&[voice]), []);
    }

    fn hear(sounds: &[Vec<i16>]) -> Vec<Dtmf> {
        let mut detector = DtmfDetector::default();
        let mut keys = Vec::new();
        for chunk in sounds.concat().chunks(160) {
            detector.hear(chunk, |key| keys.push(key));
        }
        keys
    }

    fn silent(samples: usize) -> Vec<i16> {
        vec![0; samples]
    }

    /// A linear congruential generator: the same noise in every run.
    struct Noise(u32);

    impl Noise {
        fn next(&mut self, peak: f32) -> i16 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (peak * ((self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0)) as i16
        }
    }
}
