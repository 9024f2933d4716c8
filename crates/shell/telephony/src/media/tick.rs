//! Every 20 ms: what must be listened to is taken in order, and every leg that hears nothing from a
//! partner directly gets its frame: a play, a play over the partner, or silence.

use engine::LegEvent;
use media::{FRAME_SAMPLES, Frame, SILENCE, mix};
use model::{LegId, Timestamp};

use super::audio_leg::{AudioLeg, Destination};
use super::switchboard::{Switchboard, Wire};

impl Switchboard {
    /// The tick that was due at `due`. Ticks that are late keep their own instants, so that timestamps
    /// stay regular.
    pub(super) fn tick(&mut self, due: Timestamp, wire: &mut impl Wire) {
        self.listen();
        self.speak(due, wire);
        self.watch(due);
    }

    fn listen(&mut self) {
        let mut carried: Vec<(LegId, Frame)> = Vec::new();
        for (&leg, audio) in &mut self.legs {
            let Some(frame) = audio.jitter.as_mut().and_then(|jitter| jitter.pop()) else {
                continue;
            };
            detect(leg, audio, &frame, |fact| self.facts.push_back(fact));
            if let Some(partner) = audio.partner {
                carried.push((partner, frame));
            }
        }
        for (leg, frame) in carried {
            if let Some(audio) = self.legs.get_mut(&leg) {
                audio.incoming = Some(frame);
            }
        }
    }

    fn speak(&mut self, due: Timestamp, wire: &mut impl Wire) {
        let mut ended = Vec::new();
        for (&leg, audio) in &mut self.legs {
            let incoming = audio.incoming.take();
            let Some(to) = audio.destination() else {
                continue;
            };
            let Some(payload) = next_payload(audio, &to, incoming.as_ref(), due) else {
                continue;
            };
            let header = audio.outgoing.own(due, to.codec.payload_type());
            header.write(&payload, &mut self.packet);
            wire.send(audio.port, to.addr, &self.packet);
            if audio.play.as_ref().is_some_and(|play| play.head.is_done()) {
                ended.push(leg);
            }
        }
        for leg in ended {
            self.end_play(due, leg, true, wire);
        }
    }

    fn watch(&mut self, due: Timestamp) {
        for (&leg, audio) in &mut self.legs {
            let it_sends = audio.far_end_sends();
            if it_sends && audio.watch.is_newly_paused(due) {
                self.facts.push_back(LegEvent::AudioPaused { leg });
            }
            if audio.watch.is_newly_lost(due, it_sends) {
                self.facts.push_back(LegEvent::AudioLost { leg });
            }
        }
    }

    /// Sends what lies ready of the sound of `from` to its partner `to`.
    pub(super) fn send_ready(
        &mut self,
        due: Timestamp,
        from: LegId,
        to: LegId,
        wire: &mut impl Wire,
    ) {
        let Some(source) = self.legs.get_mut(&from) else {
            return;
        };
        let mut frames = Vec::new();
        while let Some(frame) = source
            .jitter
            .as_mut()
            .and_then(|jitter| jitter.take_ready())
        {
            detect(from, source, &frame, |fact| self.facts.push_back(fact));
            frames.push(frame);
        }
        let Some(audio) = self.legs.get_mut(&to) else {
            return;
        };
        let Some(destination) = audio.destination() else {
            return;
        };
        for frame in frames {
            let payload = frame.map(|sample| destination.codec.encode(sample));
            let header = audio.outgoing.own(due, destination.codec.payload_type());
            header.write(&payload, &mut self.packet);
            wire.send(audio.port, destination.addr, &self.packet);
        }
    }
}

/// Listens for keys in a frame of a leg's sound.
fn detect(leg: LegId, audio: &mut AudioLeg, frame: &Frame, mut report: impl FnMut(LegEvent)) {
    let is_answered = audio.is_answered();
    if let Some(detector) = &mut audio.detector {
        detector.hear(frame, |key| {
            // Before the answer there are only the network's own tones.
            if is_answered {
                let digit = key.digit();
                report(LegEvent::Digit { leg, digit });
            }
        });
    }
}

/// What a leg gets at this tick; none when it gets nothing, or its partner's packets as they come.
fn next_payload(
    audio: &mut AudioLeg,
    to: &Destination,
    incoming: Option<&Frame>,
    due: Timestamp,
) -> Option<[u8; FRAME_SAMPLES]> {
    let mut payload = [to.codec.silence(); FRAME_SAMPLES];
    // A stream that stops closes the path through address translation, and far ends hang up on it.
    let is_owed_silence = audio.is_answered() && !audio.hears_partner(due);
    match &mut audio.play {
        Some(play) if audio.partner.is_some() => {
            let mut frame = play.head.next_linear().unwrap_or(SILENCE);
            if let Some(incoming) = incoming {
                mix(&mut frame, incoming);
            }
            to.codec.encode_into(&frame, &mut payload);
        }
        Some(play) => _ = play.head.next_encoded(to.codec, &mut payload),
        None if is_owed_silence => {}
        None => return None,
    }
    Some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::{Bench, header};
    use crate::media_api::MediaCommand;
    use media::{Codec, Outgoing};

    const LEG: LegId = LegId(1);

    #[test]
    fn an_answered_leg_hears_silence_every_20_ms_and_one_that_rings_hears_nothing() {
        let mut bench = Bench::new();
        bench.board.open(LEG, 20_002, Outgoing::new(1, 0, 0));
        bench.connect(1, |_| {});
        bench.ticks(3);
        assert_eq!(bench.got(1), []);
        bench.command(MediaCommand::Answered { leg: LEG });
        bench.ticks(3);
        let got = bench.got(1);
        assert_eq!(got.len(), 3);
        assert!(
            got.iter()
                .all(|got| got.payload == [Codec::Alaw.silence(); 160])
        );
    }

    #[test]
    fn audio_is_lost_2_s_after_an_answer_without_any_and_10_s_into_a_silent_talk_that_paused_before()
     {
        let mut bench = Bench::new();
        bench.talking_leg(1, Codec::Alaw, true);
        let paused = LegEvent::AudioPaused { leg: LEG };
        let lost = LegEvent::AudioLost { leg: LEG };
        bench.ticks(99);
        assert_eq!(bench.facts(), []);
        bench.ticks(100);
        assert_eq!(bench.facts(), vec![lost.clone()], "once, at 2 s");
        bench.packet(1, header(Codec::Alaw, 0), &[1; 160]);
        assert_eq!(bench.facts(), [LegEvent::AudioStarted { leg: LEG }]);
        bench.ticks(59);
        assert_eq!(bench.facts(), []);
        bench.ticks(1);
        assert_eq!(bench.facts(), std::slice::from_ref(&paused), "at 1.2 s");
        bench.packet(1, header(Codec::Alaw, 160), &[1; 160]);
        assert_eq!(bench.facts(), [LegEvent::AudioStarted { leg: LEG }]);
        bench.ticks(499);
        assert_eq!(bench.facts(), [paused], "once");
        bench.ticks(100);
        assert_eq!(bench.facts(), [lost], "once, at 10 s");
    }

    #[test]
    fn a_far_end_that_holds_us_owes_no_audio_until_it_comes_back() {
        let mut bench = Bench::new();
        bench.talking_leg(1, Codec::Alaw, true);
        bench.packet(1, header(Codec::Alaw, 0), &[1; 160]);
        bench.facts();
        bench.connect(1, |remote| remote.it_sends = false);
        bench.ticks(3_000);
        assert_eq!(bench.facts(), []);
        bench.connect(1, |_| {});
        bench.ticks(500);
        let (paused, lost) = (
            LegEvent::AudioPaused { leg: LEG },
            LegEvent::AudioLost { leg: LEG },
        );
        assert_eq!(bench.facts(), [paused, lost]);
    }

    #[test]
    fn audio_before_the_answer_is_not_the_start_of_the_talk() {
        let mut bench = Bench::new();
        bench.board.open(LEG, 20_002, Outgoing::new(1, 0, 0));
        bench.connect(1, |_| {});
        bench.packet(1, header(Codec::Alaw, 0), &[1; 160]);
        assert_eq!(bench.facts(), []);
        bench.command(MediaCommand::Answered { leg: LEG });
        bench.packet(1, header(Codec::Alaw, 1), &[1; 160]);
        bench.packet(1, header(Codec::Alaw, 2), &[1; 160]);
        assert_eq!(bench.facts(), [LegEvent::AudioStarted { leg: LEG }]);
    }
}
