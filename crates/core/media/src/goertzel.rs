//! How much of one frequency is in a sound: one bin of a Fourier transform, at any frequency
//! (Goertzel, American Mathematical Monthly 65, 1958).

use std::f32::consts::PI;

use crate::frame::SAMPLE_RATE;

/// Looks for one frequency.
#[derive(Clone, Copy, Debug)]
pub struct Goertzel {
    omega: f32,
    coefficient: f32,
}

impl Goertzel {
    /// For `frequency_hz`, 0 to 4000.
    pub fn new(frequency_hz: f32) -> Self {
        let omega = 2.0 * PI * frequency_hz / SAMPLE_RATE as f32;
        Self {
            omega,
            coefficient: 2.0 * omega.cos(),
        }
    }

    /// The real and imaginary part at the end of `samples`: for a tone of amplitude a and n samples
    /// their magnitude is about a·n/2.
    fn bin(&self, samples: &[i16]) -> (f32, f32) {
        let (mut before, mut last) = (0.0, 0.0);
        for sample in samples {
            let next = f32::from(*sample) + self.coefficient * last - before;
            before = last;
            last = next;
        }
        let (sin, cos) = self.omega.sin_cos();
        (last - before * cos, before * sin)
    }

    /// The mean power of the frequency in `samples`, on the scale of a mean square: a tone of
    /// amplitude a has a²/2.
    pub fn power(&self, samples: &[i16]) -> f32 {
        self.power_and_phase(samples).0
    }

    /// The mean power, and the phase in radians at the last sample.
    pub(crate) fn power_and_phase(&self, samples: &[i16]) -> (f32, f32) {
        if samples.is_empty() {
            return (0.0, 0.0);
        }
        let (re, im) = self.bin(samples);
        let n = samples.len() as f32;
        (2.0 * (re * re + im * im) / (n * n), im.atan2(re))
    }

    /// Radians by which the phase of the frequency advances in `samples` samples.
    pub(crate) fn advance(&self, samples: usize) -> f32 {
        self.omega * samples as f32
    }
}

/// The mean square of `samples`; 0 for none.
pub(crate) fn mean_power(samples: &[i16]) -> f32 {
    let sum: f64 = samples.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    if samples.is_empty() {
        0.0
    } else {
        (sum / samples.len() as f64) as f32
    }
}

/// The share, 0 to 1, that `frequency_hz` has in the power of `samples`: near 1 for that tone alone.
/// 0 for silence.
pub fn tone_share(samples: &[i16], frequency_hz: f32) -> f32 {
    let all = mean_power(samples);
    if all < 1.0 {
        return 0.0;
    }
    (Goertzel::new(frequency_hz).power(samples) / all).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::dual_tone;
    use std::time::Duration;

    #[test]
    fn a_tone_is_found_at_its_frequency_and_nowhere_else() {
        let tone = dual_tone(1_000.0, 0.0, -10.0, Duration::from_millis(100));
        assert!(tone_share(&tone, 1_000.0) > 0.98);
        for elsewhere in [700.0, 950.0, 1_050.0, 2_000.0] {
            assert!(tone_share(&tone, elsewhere) < 0.01, "{elsewhere}");
        }
        assert_eq!(tone_share(&[0; 800], 1_000.0), 0.0);
    }

    #[test]
    fn the_power_of_a_tone_is_half_its_squared_amplitude() {
        let tone: Vec<i16> = (0..800)
            .map(|n| (10_000.0 * (n as f32 * PI / 8.0).sin()) as i16)
            .collect();
        let power = Goertzel::new(500.0).power(&tone);
        assert!((power / 5.0e7 - 1.0).abs() < 0.01, "{power}");
        assert!((mean_power(&tone) / 5.0e7 - 1.0).abs() < 0.01);
    }
}
