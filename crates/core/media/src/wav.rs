//! Recordings: WAV files of any rate and width, brought to what the rest works with.

use std::io::Read;

use hound::{SampleFormat, WavReader};

use crate::error::MediaError;
use crate::resample::{RATES, resample};

/// The longest recording that is read: ten minutes.
const LONGEST_S: u32 = 600;

/// Reads a WAV file as samples at 8 kHz. Channels are averaged.
///
/// # Errors
/// When it is no WAV file or one of a kind not read, empty, too long, or of an unsupported rate. A file
/// that ends before its header says is refused.
pub fn read_wav(file: impl Read) -> Result<Vec<i16>, MediaError> {
    let reader = WavReader::new(file)?;
    let spec = reader.spec();
    if !RATES.contains(&spec.sample_rate) {
        return Err(MediaError::Rate {
            rate_hz: spec.sample_rate,
        });
    }
    if reader.duration() / spec.sample_rate >= LONGEST_S {
        return Err(MediaError::TooLong { limit_s: LONGEST_S });
    }
    let channels = usize::from(spec.channels.max(1));
    let interleaved: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.into_samples::<f32>().collect::<Result<_, _>>()?,
        SampleFormat::Int => {
            let full = (1_u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            reader
                .into_samples::<i32>()
                .map(|sample| sample.map(|s| s as f32 / full))
                .collect::<Result<_, _>>()?
        }
    };
    let mono: Vec<f32> = interleaved
        .chunks_exact(channels)
        .map(|at_once| at_once.iter().sum::<f32>() / channels as f32)
        .collect();
    if mono.is_empty() {
        return Err(MediaError::Empty);
    }
    let samples = resample(&mono, spec.sample_rate)?;
    // A float beyond 1, or one that is no number, becomes full scale or 0: `as` saturates.
    Ok(samples
        .into_iter()
        .map(|s| (s * 32_768.0).round() as i16)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::{WavSpec, WavWriter};
    use proptest::prelude::*;
    use std::io::Cursor;

    #[test]
    fn every_width_reads_as_the_same_sound() {
        let sound = [0.0, 0.25, -0.5, 0.75];
        for bits in [8, 16, 24, 32] {
            let full = f64::from(1_u32 << (bits - 1));
            let file = wav(bits, SampleFormat::Int, 8_000, 1, |w| {
                for s in sound {
                    w.write_sample((s * full) as i32).unwrap();
                }
            });
            assert_eq!(
                read_wav(&file[..]).unwrap(),
                [0, 8_192, -16_384, 24_576],
                "{bits} bits"
            );
        }
        let file = wav(32, SampleFormat::Float, 8_000, 1, |w| {
            for s in [0.25_f32, 3.0, f32::NAN] {
                w.write_sample(s).unwrap();
            }
        });
        assert_eq!(read_wav(&file[..]).unwrap(), [8_192, i16::MAX, 0]);
    }

    #[test]
    fn channels_are_averaged_and_rates_brought_to_8_khz() {
        let file = wav(16, SampleFormat::Int, 16_000, 2, |w| {
            for _ in 0..1_600 {
                w.write_sample(8_000_i16).unwrap();
                w.write_sample(0_i16).unwrap();
            }
        });
        let samples = read_wav(&file[..]).unwrap();
        assert_eq!(samples.len(), 800);
        assert!((samples[400] - 4_000).abs() < 10, "{}", samples[400]);
    }

    #[test]
    fn what_is_no_sound_is_refused_with_the_reason() {
        assert!(matches!(read_wav(&b"RIFF"[..]), Err(MediaError::Wav(_))));
        let mut cut = wav(16, SampleFormat::Int, 8_000, 1, |w| {
            (0..100).for_each(|_| w.write_sample(1_i16).unwrap());
        });
        cut.truncate(cut.len() - 50);
        assert!(matches!(read_wav(&cut[..]), Err(MediaError::Wav(_))));
        let empty = wav(16, SampleFormat::Int, 8_000, 1, |_| {});
        assert!(matches!(read_wav(&empty[..]), Err(MediaError::Empty)));
        let slow = wav(16, SampleFormat::Int, 100, 1, |_| {});
        assert!(matches!(
            read_wav(&slow[..]),
            Err(MediaError::Rate { rate_hz: 100 })
        ));
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_read_or_refused_but_never_panics(at in 0usize..60, byte in any::<u8>()) {
            let mut file = wav(16, SampleFormat::Int, 8_000, 1, |w| w.write_sample(1_i16).unwrap());
            if let Some(b) = file.get_mut(at) { *b = byte; }
            drop(read_wav(&file[..]));
        }
    }

    fn wav(
        bits_per_sample: u16,
        sample_format: SampleFormat,
        sample_rate: u32,
        channels: u16,
        write: impl FnOnce(&mut WavWriter<&mut Cursor<Vec<u8>>>),
    ) -> Vec<u8> {
        let spec = WavSpec {
            channels,
            sample_rate,
            bits_per_sample,
            sample_format,
        };
        let mut file = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut file, spec).unwrap();
        write(&mut writer);
        writer.finalize().unwrap();
        file.into_inner()
    }
}
