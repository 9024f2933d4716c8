//! Tones that we make ourselves.

use std::f32::consts::TAU;
use std::time::Duration;

use crate::frame::{SAMPLE_RATE, samples_in};

/// G.711 tables 5 and 6: a sine that fills the A-law code has +3.14 dBm0.
#[expect(
    clippy::approx_constant,
    reason = "a level that happens to look like pi"
)]
const FULL_SCALE_DBM0: f32 = 3.14;

/// The peak of a sine of `level_dbm0`.
pub fn amplitude(level_dbm0: f32) -> f32 {
    f32::from(i16::MAX) * 10_f32.powf((level_dbm0 - FULL_SCALE_DBM0) / 20.0)
}

/// Two frequencies at `level_dbm0` each; a frequency of 0 is left out.
pub fn dual_tone(low_hz: f32, high_hz: f32, level_dbm0: f32, length: Duration) -> Vec<i16> {
    let peak = amplitude(level_dbm0);
    (0..samples_in(length))
        .map(|n| (peak * (sine(low_hz, n) + sine(high_hz, n))) as i16)
        .collect()
}

/// A tone that glides from one frequency to another.
pub fn sweep(from_hz: f32, to_hz: f32, level_dbm0: f32, length: Duration) -> Vec<i16> {
    let peak = amplitude(level_dbm0);
    let samples = samples_in(length);
    let mut phase = 0.0_f32;
    (0..samples)
        .map(|n| {
            let sample = peak * phase.sin();
            let frequency = from_hz + (to_hz - from_hz) * n as f32 / samples as f32;
            phase = (phase + TAU * frequency / SAMPLE_RATE as f32) % TAU;
            sample as i16
        })
        .collect()
}

/// A person is joined: 150 ms, rising, in the agent's ear.
pub fn connected_tone() -> Vec<i16> {
    sweep(600.0, 1_200.0, -16.0, Duration::from_millis(150))
}

/// One turn of the sound while a person waits: a soft beep, then 4 s of nothing.
pub fn hold_beep() -> Vec<i16> {
    let beep = dual_tone(425.0, 0.0, -24.0, Duration::from_millis(200));
    followed_by_silence(beep, Duration::from_secs(4))
}

/// A fault of ours ends the call: ITU-T E.180's congestion, 425 Hz, 250 ms on and off, three times.
pub fn fault_tone() -> Vec<i16> {
    let on = dual_tone(425.0, 0.0, -13.0, Duration::from_millis(250));
    followed_by_silence(on, Duration::from_millis(250)).repeat(3)
}

fn followed_by_silence(mut sound: Vec<i16>, silence: Duration) -> Vec<i16> {
    sound.extend(std::iter::repeat_n(0, samples_in(silence) as usize));
    sound
}

fn sine(frequency_hz: f32, sample: u64) -> f32 {
    // Whole turns are taken off first: an f32 loses the phase of a long tone otherwise.
    let turns = f64::from(frequency_hz) * sample as f64 / f64::from(SAMPLE_RATE);
    (TAU * turns.fract() as f32).sin()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goertzel::tone_share;

    #[test]
    fn a_dual_tone_holds_its_two_frequencies_at_the_level_asked_for() {
        let tone = dual_tone(350.0, 440.0, -10.0, Duration::from_secs(1));
        assert_eq!(tone.len(), 8_000);
        assert!((tone_share(&tone, 350.0) - 0.5).abs() < 0.01);
        assert!((tone_share(&tone, 440.0) - 0.5).abs() < 0.01);
        let peak = f32::from(*tone.iter().max().unwrap());
        assert!(
            (peak / (2.0 * amplitude(-10.0)) - 1.0).abs() < 0.02,
            "{peak}"
        );
    }

    #[test]
    fn the_connected_tone_rises() {
        let tone = connected_tone();
        assert_eq!(tone.len(), 1_200);
        let (start, end) = (&tone[..160], &tone[1_040..]);
        assert!(tone_share(start, 640.0) > 0.8 && tone_share(end, 1_160.0) > 0.8);
    }

    #[test]
    fn the_hold_beep_is_mostly_silence() {
        let beep = hold_beep();
        assert!(tone_share(&beep[..1_600], 425.0) > 0.95);
        assert!(beep[1_600..].iter().all(|s| *s == 0));
    }
}
