//! Arithmetic on frames of sound: codecs, RTP packets, playout order, keys, tones, mixing, prompts.
//!
//! Decides what a packet means and which samples come next. It is told packets, instants and loaded
//! files, and does no I/O: sockets, the 20 ms clock and directories belong to the shell.
//!
//! Sound is linear PCM, 16 bits, 8 kHz, mono; a [`Frame`] is 20 ms of it.
#![warn(missing_docs)]

mod codec;
mod frame;
mod jitter;
mod outgoing;
mod rtp;
mod sequence;

pub use codec::Codec;
pub use frame::{FRAME, FRAME_SAMPLES, Frame, SAMPLE_RATE, SILENCE, duration_of, mix, samples_in};
pub use jitter::{JitterBuffer, PlayoutStats};
pub use outgoing::Outgoing;
pub use rtp::{MalformedRtp, RTP_HEADER_BYTES, RtpHeader, RtpPacket};
pub use sequence::{Arrival, ReceiveStats, SequenceTracker};
