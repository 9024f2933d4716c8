//! What can be wrong with sound that was given to us.

use model::Problem;

/// A recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The bytes are no WAV file, or one of a kind that is not read.
    #[error("not a readable WAV file: {0}; save it as PCM, 8 to 32 bits, or as 32-bit float")]
    Wav(#[from] hound::Error),
    /// A sampling rate that cannot be brought to 8 kHz.
    #[error(
        "a sampling rate of {rate_hz} Hz is not supported; save the file with 4000 to 192000 Hz"
    )]
    Rate {
        /// The rate found.
        rate_hz: u32,
    },
    /// Longer than anything that is meant to be played.
    #[error("the recording is longer than {limit_s} seconds; cut it")]
    TooLong {
        /// The longest that is read.
        limit_s: u32,
    },
    /// No samples at all.
    #[error("the recording holds no sound")]
    Empty,
}

impl MediaError {
    /// Whose move it is: every variant speaks of a file somebody gave us.
    pub const fn problem(&self) -> Problem {
        match self {
            Self::Wav(_) | Self::Rate { .. } | Self::TooLong { .. } | Self::Empty => {
                Problem::Caller
            }
        }
    }
}
