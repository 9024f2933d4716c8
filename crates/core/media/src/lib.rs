//! Arithmetic on frames of sound: codecs, RTP packets, playout order, keys, tones, mixing, prompts.
//!
//! Decides what a packet means and which samples come next. It is told packets, instants and loaded
//! files, and does no I/O: sockets, the 20 ms clock and directories belong to the shell.
//!
//! Sound is linear PCM, 16 bits, 8 kHz, mono; a [`Frame`] is 20 ms of it.
//!
//! ```
//! use media::{Codec, Dtmf, DtmfDetector, FRAME_SAMPLES};
//! let mut detector = DtmfDetector::default();
//! let mut keys = Vec::new();
//! // A person presses "5" for 60 ms on a phone that knows no telephone-event.
//! for frame in Dtmf::Five.sound(60).chunks(FRAME_SAMPLES) {
//!     let on_the_wire: Vec<u8> = frame.iter().map(|s| Codec::Alaw.encode(*s)).collect();
//!     let heard: Vec<i16> = on_the_wire.iter().map(|b| Codec::Alaw.decode(*b)).collect();
//!     detector.hear(&heard, |key| keys.push(key.digit()));
//! }
//! assert_eq!(keys, ['5']);
//! ```
#![warn(missing_docs)]

mod codec;
mod dtmf;
mod dtmf_detector;
mod error;
mod frame;
mod goertzel;
mod jitter;
mod outgoing;
mod resample;
mod rtp;
mod sequence;
mod telephone_event;
mod timeline;
mod tone;
mod wav;

pub use codec::Codec;
pub use dtmf::Dtmf;
pub use dtmf_detector::DtmfDetector;
pub use error::MediaError;
pub use frame::{FRAME, FRAME_SAMPLES, Frame, SAMPLE_RATE, SILENCE, duration_of, mix, samples_in};
pub use goertzel::{Goertzel, tone_share};
pub use jitter::{JitterBuffer, PlayoutStats};
pub use outgoing::Outgoing;
pub use resample::{RATES, resample};
pub use rtp::{MalformedRtp, RTP_HEADER_BYTES, RtpHeader, RtpPacket};
pub use sequence::{Arrival, ReceiveStats, SequenceTracker};
pub use telephone_event::{EventPacket, EventReceiver, EventSender, TelephoneEvent};
pub use timeline::{Piece, Playhead, Timeline};
pub use tone::{amplitude, connected_tone, dual_tone, fault_tone, hold_beep, sweep};
pub use wav::read_wav;
