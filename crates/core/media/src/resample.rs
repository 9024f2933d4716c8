//! To 8 kHz, once, when a recording is loaded: a windowed sinc, evaluated where it is needed.

use std::f32::consts::PI;

use crate::error::MediaError;
use crate::frame::SAMPLE_RATE;

/// The rates of recordings that are taken, in Hz.
pub const RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// Zero crossings of the sinc on either side.
const LOBES: usize = 24;

/// Entries of the kernel's table per zero crossing; between them it is interpolated.
const STEPS: usize = 256;

/// The cut-off as a share of half the lower rate: from 3.6 kHz on, so that 4 kHz is well down.
const CUT_OFF: f32 = 0.9;

/// The same sound at 8 kHz. Samples between -1 and 1; the length is that of the sound, rounded up.
///
/// # Errors
/// When `rate_hz` is outside [`RATES`].
pub fn resample(samples: &[f32], rate_hz: u32) -> Result<Vec<f32>, MediaError> {
    if !RATES.contains(&rate_hz) {
        return Err(MediaError::Rate { rate_hz });
    }
    if rate_hz == SAMPLE_RATE {
        return Ok(samples.to_vec());
    }
    let kernel = Kernel::new();
    let step = f64::from(rate_hz) / f64::from(SAMPLE_RATE);
    // The sinc's zero crossings lie this many input samples apart.
    let spacing = step.max(1.0) / f64::from(CUT_OFF);
    let reach = LOBES as f64 * spacing;
    let length = (samples.len() as f64 / step).ceil() as usize;
    let resampled = (0..length).map(|n| {
        let centre = n as f64 * step;
        let from = (centre - reach).ceil().max(0.0) as usize;
        let to = ((centre + reach).floor() as usize).min(samples.len().saturating_sub(1));
        let sum: f32 = (from..=to)
            .map(|i| samples[i] * kernel.at(((i as f64 - centre) / spacing).abs() as f32))
            .sum();
        sum / spacing as f32
    });
    Ok(resampled.collect())
}

/// sin(πx)/πx under a Blackman window of ±[`LOBES`] (side lobes 74 dB down).
struct Kernel(Vec<f32>);

impl Kernel {
    fn new() -> Self {
        let value = |entry: usize| {
            let x = entry as f32 / STEPS as f32;
            let window = {
                let angle = PI * x / LOBES as f32;
                0.42 + 0.5 * angle.cos() + 0.08 * (2.0 * angle).cos()
            };
            let sinc = if entry == 0 {
                1.0
            } else {
                (PI * x).sin() / (PI * x)
            };
            window * sinc
        };
        Self((0..=LOBES * STEPS + 1).map(value).collect())
    }

    /// The value at `x` zero crossings from the centre, 0 to [`LOBES`].
    fn at(&self, x: f32) -> f32 {
        let place = x * STEPS as f32;
        let entry = (place as usize).min(LOBES * STEPS);
        let between = place - entry as f32;
        self.0[entry] + (self.0[entry + 1] - self.0[entry]) * between
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_keeps_its_frequency_level_and_length_from_any_rate() {
        for rate_hz in [4_000, 7_350, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
            let resampled = resample(&tone(rate_hz, 1_000.0), rate_hz).unwrap();
            assert_eq!(resampled.len(), 8_000, "{rate_hz}");
            // The same tone made at 8 kHz, away from the ends where the kernel looks into nothing.
            let expected = tone(8_000, 1_000.0);
            let error = (500..7_500)
                .map(|n| (resampled[n] - expected[n]).abs())
                .fold(0.0, f32::max);
            assert!(error < 0.002, "{rate_hz} Hz: error {error}");
        }
    }

    #[test]
    fn what_8_khz_cannot_hold_is_taken_out_rather_than_folded_down() {
        for hertz in [4_400.0, 5_000.0, 7_000.0, 12_000.0] {
            let resampled = resample(&tone(48_000, hertz), 48_000).unwrap();
            let loudest = resampled[500..7_500]
                .iter()
                .fold(0.0_f32, |m, s| m.max(s.abs()));
            assert!(loudest < 0.001, "{hertz} Hz came through at {loudest}");
        }
    }

    #[test]
    fn rates_out_of_range_are_refused_by_name() {
        for rate_hz in [0, 3_999, 192_001] {
            let error = resample(&[0.0], rate_hz).unwrap_err();
            assert!(error.to_string().contains(&rate_hz.to_string()), "{error}");
        }
        assert!(resample(&[], 16_000).unwrap().is_empty());
    }

    fn tone(rate_hz: u32, hertz: f32) -> Vec<f32> {
        (0..rate_hz)
            .map(|n| 0.5 * (2.0 * PI * (hertz * n as f32 / rate_hz as f32).fract()).sin())
            .collect()
    }
}
