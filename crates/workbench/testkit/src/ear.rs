//! What somebody hears on a line.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use media::{Codec, Dtmf, EventReceiver, FRAME_SAMPLES, RtpPacket, duration_of};

use crate::voice::Voice;

/// 100 ms: long enough to tell voices apart, short enough to fit between two breaths.
const WINDOW: usize = 800;
/// After a voice is recognised, who speaks is looked at again after so much sound.
const LOOK_EVERY: usize = 8_000;
/// Mean square of a frame that is not silence: about -45 dBm0, well below any voice or prompt and well
/// above the hiss of coded silence.
const SOUND_POWER: i64 = 8_000;

/// What was heard so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// Audio packets.
    pub packets: u64,
    /// The first and the last of them.
    pub first_packet_at: Option<Instant>,
    /// The last of them.
    pub last_packet_at: Option<Instant>,
    /// The first frame that was not silence.
    pub first_sound_at: Option<Instant>,
    /// The last frame that was not silence.
    pub last_sound_at: Option<Instant>,
    /// How much was not silence.
    pub sound: Duration,
    /// Keys pressed at the other end, as telephone events.
    pub keys: String,
    /// How often each voice was recognised; one look a second of sound.
    pub voices: BTreeMap<Voice, u32>,
}

impl Heard {
    /// Whether that voice was recognised.
    pub fn voice(&self, voice: Voice) -> bool {
        self.voices.contains_key(&voice)
    }
}

/// The ear of a line; shared between the thread that hears and the test that asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ear(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    heard: Heard,
    events: EventReceiver,
    sound_samples: u64,
    /// The latest sound, at most [`WINDOW`].
    window: Vec<i16>,
    /// Samples of sound until who speaks is looked at.
    look_in: usize,
}

impl Ear {
    pub(crate) fn heard(&self) -> Heard {
        self.lock().heard.clone()
    }

    /// How much sound was heard.
    pub(crate) fn sound(&self) -> Duration {
        self.lock().heard.sound
    }

    /// Takes a packet of sound, decoded into `samples`.
    pub(crate) fn hear(&self, at: Instant, samples: &[i16]) {
        let mut state = self.lock();
        state.heard.packets += 1;
        state.heard.first_packet_at.get_or_insert(at);
        state.heard.last_packet_at = Some(at);
        for frame in samples.chunks(FRAME_SAMPLES) {
            if is_sound(frame) {
                state.hear_sound(at, frame);
            } else {
                // A window must not reach over a pause: two speakers could be in it.
                state.window.clear();
            }
        }
    }

    /// Takes a packet of a pressed key.
    pub(crate) fn feel(&self, packet: &RtpPacket<'_>) {
        let mut state = self.lock();
        if let Some(key) = state.events.receive(&packet.header, packet.payload) {
            state.heard.keys.push(Dtmf::digit(key));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn hear_sound(&mut self, at: Instant, frame: &[i16]) {
        self.heard.first_sound_at.get_or_insert(at);
        self.heard.last_sound_at = Some(at);
        self.sound_samples += frame.len() as u64;
        self.heard.sound = duration_of(self.sound_samples);
        self.look_in = self.look_in.saturating_sub(frame.len());
        if self.look_in > 0 {
            return;
        }
        self.window.extend_from_slice(frame);
        if self.window.len() >= WINDOW {
            if let Some(voice) = Voice::heard_in(&self.window) {
                *self.heard.voices.entry(voice).or_default() += 1;
                self.look_in = LOOK_EVERY;
            }
            self.window.clear();
        }
    }
}

fn is_sound(frame: &[i16]) -> bool {
    let power: i64 = frame.iter().map(|s| i64::from(*s) * i64::from(*s)).sum();
    let count = i64::try_from(frame.len()).unwrap_or(1).max(1);
    power / count > SOUND_POWER
}

/// The samples of a payload.
pub(crate) fn decode(codec: Codec, payload: &[u8]) -> Vec<i16> {
    payload.iter().map(|b| codec.decode(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::E164;

    #[test]
    fn an_ear_tells_sound_from_silence_and_who_speaks() {
        let number: E164 = "+79161234567".parse().unwrap();
        let (ear, voice) = (Ear::default(), Voice::of_number(number));
        let at = Instant::now();
        for frame in voice.talk().linear().repeat(3).chunks(FRAME_SAMPLES) {
            ear.hear(at, frame);
        }
        let heard = ear.heard();
        assert_eq!(heard.packets, 150);
        assert_eq!(heard.sound, Duration::from_millis(2_400));
        assert_eq!(heard.voices.keys().collect::<Vec<_>>(), [&voice]);
        assert!(!heard.voice(Voice::of_agent(0)));
    }

    #[test]
    fn coded_silence_is_silence() {
        let ear = Ear::default();
        for codec in Codec::ALL {
            ear.hear(Instant::now(), &decode(codec, &[codec.silence(); 160]));
        }
        let heard = ear.heard();
        assert_eq!((heard.packets, heard.sound), (2, Duration::ZERO));
        assert_eq!(heard.first_sound_at, None);
    }
}
