//! The frame: 20 ms of sound, and the sum of two.

use std::time::Duration;

/// Samples per second of every stream here (RFC 3551 section 4.5.14: PCMA and PCMU).
pub const SAMPLE_RATE: u32 = 8_000;

/// The length of a frame, and of a packet we send (RFC 3551 section 4.2: 20 ms by default).
pub const FRAME: Duration = Duration::from_millis(20);

/// Samples in a frame; with G.711 also the bytes of a packet's payload.
pub const FRAME_SAMPLES: usize = 160;

/// 20 ms of linear PCM, 16 bits, 8 kHz, mono.
pub type Frame = [i16; FRAME_SAMPLES];

/// A frame of nothing.
pub const SILENCE: Frame = [0; FRAME_SAMPLES];

/// Adds `over` to `under`, sample by sample. A sum beyond 16 bits is clipped: it distorts for an
/// instant, where a wrap-around would bang.
pub fn mix(under: &mut [i16], over: &[i16]) {
    for (sum, sample) in under.iter_mut().zip(over) {
        *sum = sum.saturating_add(*sample);
    }
}

/// How long `samples` samples sound.
pub const fn duration_of(samples: u64) -> Duration {
    Duration::from_micros(samples.saturating_mul(1_000_000 / SAMPLE_RATE as u64))
}

/// Samples that sound for `length`, rounded down.
pub fn samples_in(length: Duration) -> u64 {
    let samples = length.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000;
    u64::try_from(samples).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sounds_add_and_a_loud_sum_is_clipped_not_wrapped() {
        let mut under = [100, 30_000, -30_000, 7];
        mix(&mut under, &[-40, 30_000, -30_000]);
        assert_eq!(under, [60, i16::MAX, i16::MIN, 7]);
    }

    #[test]
    fn samples_and_durations_convert_without_loss() {
        assert_eq!(duration_of(160), FRAME);
        assert_eq!(duration_of(1), Duration::from_micros(125));
        assert_eq!(samples_in(Duration::from_micros(20_124)), 160);
        assert_eq!(samples_in(duration_of(12_345)), 12_345);
    }
}
