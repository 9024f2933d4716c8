//! All legs of a media thread: who hears whom and what. No sockets, no clock: packets and instants come
//! in, packets go out through a [`Wire`], and facts wait to be fetched.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::{LegEvent, Sound};
use media::{JitterBuffer, Outgoing};
use model::{LegEnd, LegId, PlayId, Timestamp};
use tracing::warn;

use super::audio_leg::AudioLeg;
use super::counters::MediaCounters;
use super::library::PromptLibrary;
use super::playing::{Playing, played};
use crate::media_api::MediaCommand;

/// Takes packets to be sent.
pub(super) trait Wire {
    /// Sends from our `port` to `to`, now or never.
    fn send(&mut self, port: u16, to: SocketAddr, packet: &[u8]);
}

/// How legs are treated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Whether far ends may send from elsewhere than their SDP says.
    pub(super) learn_source: bool,
    /// How long sound waits to be put in order, where it must be mixed or listened to.
    pub(super) playout_delay: Duration,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Switchboard {
    pub(super) legs: BTreeMap<LegId, AudioLeg>,
    pub(super) facts: VecDeque<LegEvent>,
    pub(super) counters: Arc<MediaCounters>,
    /// The packet being written; kept for its memory.
    pub(super) packet: Vec<u8>,
    library: Arc<PromptLibrary>,
    settings: Settings,
}

impl Switchboard {
    pub(super) fn new(
        settings: Settings,
        library: Arc<PromptLibrary>,
        counters: Arc<MediaCounters>,
    ) -> Self {
        Self {
            legs: BTreeMap::new(),
            facts: VecDeque::new(),
            counters,
            packet: Vec::new(),
            library,
            settings,
        }
    }

    /// A leg got its port. Returns the port that it had before, if it had one.
    pub(super) fn open(&mut self, leg: LegId, port: u16, outgoing: Outgoing) -> Option<u16> {
        let before = self.legs.insert(leg, AudioLeg::new(port, outgoing));
        before.map(|leg| leg.port)
    }

    /// Carries out a command. Returns the port that it gave back, if any.
    pub(super) fn command(
        &mut self,
        now: Timestamp,
        command: MediaCommand,
        wire: &mut impl Wire,
    ) -> Option<u16> {
        match command {
            MediaCommand::Connect { leg, remote } => {
                if let Some(audio) = self.legs.get_mut(&leg) {
                    audio.connect(now, remote, self.settings.learn_source);
                    self.rewire(leg);
                }
            }
            MediaCommand::Answered { leg } => {
                if let Some(audio) = self.legs.get_mut(&leg) {
                    audio.answered(now);
                }
            }
            MediaCommand::Close { leg, end } => return self.close(now, leg, end, wire),
            MediaCommand::Bridge { a, b } => self.bridge(a, b),
            MediaCommand::Unbridge { leg } => self.unbridge(leg),
            MediaCommand::Play {
                leg,
                play,
                sounds,
                repeat,
            } => {
                self.end_play(now, leg, false, wire);
                self.begin_play(leg, play, &sounds, repeat);
            }
            MediaCommand::StopPlay { leg } => self.end_play(now, leg, false, wire),
        }
        None
    }

    /// The next fact, in the order in which they came about.
    pub(super) fn poll_fact(&mut self) -> Option<LegEvent> {
        self.facts.pop_front()
    }

    fn close(
        &mut self,
        now: Timestamp,
        leg: LegId,
        end: LegEnd,
        wire: &mut impl Wire,
    ) -> Option<u16> {
        self.unbridge(leg);
        self.end_play(now, leg, false, wire);
        let audio = self.legs.remove(&leg);
        if let Some(audio) = &audio {
            self.counters.lost.add(audio.tracker.stats().lost);
        }
        self.facts.push_back(LegEvent::Ended { leg, end });
        audio.map(|audio| audio.port)
    }

    fn bridge(&mut self, a: LegId, b: LegId) {
        if a == b || !self.legs.contains_key(&a) || !self.legs.contains_key(&b) {
            return;
        }
        self.unbridge(a);
        self.unbridge(b);
        for (leg, partner) in [(a, b), (b, a)] {
            if let Some(audio) = self.legs.get_mut(&leg) {
                audio.partner = Some(partner);
            }
        }
        self.rewire(a);
        self.rewire(b);
        self.facts.push_back(LegEvent::Bridged { a, b });
    }

    fn unbridge(&mut self, leg: LegId) {
        let Some(partner) = self.legs.get_mut(&leg).and_then(|audio| audio.partner) else {
            return;
        };
        for side in [leg, partner] {
            if let Some(audio) = self.legs.get_mut(&side) {
                audio.partner = None;
                audio.incoming = None;
                audio.relayed_at = None;
            }
            self.rewire(side);
        }
    }

    fn begin_play(&mut self, leg: LegId, play: PlayId, sounds: &[Sound], repeat: bool) {
        let Some(audio) = self.legs.get_mut(&leg) else {
            return;
        };
        let timeline = match self.library.resolve(sounds) {
            Ok(timeline) => timeline,
            Err(missing) => {
                // Sounds are asked for before the call; what is missing now was removed since.
                warn!(
                    leg_id = leg.0,
                    play_id = play.0,
                    problem = missing.problem().as_str(),
                    "{missing}"
                );
                self.counters.missing_sounds.increment();
                self.facts
                    .push_back(played(leg, play, Duration::ZERO, false));
                return;
            }
        };
        if timeline.is_empty() {
            self.facts
                .push_back(played(leg, play, Duration::ZERO, true));
            return;
        }
        audio.play = Some(Playing::new(play, timeline, repeat));
        if let Some(partner) = audio.partner {
            self.rewire(partner);
        }
    }

    /// Ends the play of a leg, if there is one, and reports it.
    pub(super) fn end_play(
        &mut self,
        now: Timestamp,
        leg: LegId,
        whole: bool,
        wire: &mut impl Wire,
    ) {
        let Some(audio) = self.legs.get_mut(&leg) else {
            return;
        };
        let Some(play) = audio.play.take() else {
            return;
        };
        self.facts.push_back(play.ended(leg, whole));
        if let Some(partner) = audio.partner {
            // What waited to be mixed must be heard before the packets that will be passed on directly.
            self.send_ready(now, partner, leg, wire);
            self.rewire(partner);
        }
    }

    /// Sets up or takes down the ordering of a leg's sound: it costs delay, so it is there only for a
    /// key detector, or for a partner who hears it mixed with a play.
    fn rewire(&mut self, leg: LegId) {
        let is_mixed = self
            .legs
            .get(&leg)
            .and_then(|audio| self.legs.get(&audio.partner?))
            .is_some_and(|partner| partner.play.is_some());
        let Some(audio) = self.legs.get_mut(&leg) else {
            return;
        };
        if audio.detector.is_none() && !is_mixed {
            audio.jitter = None;
        } else if audio.jitter.is_none() {
            audio.jitter = Some(JitterBuffer::new(self.settings.playout_delay));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::{Bench, header};
    use engine::Tone;
    use media::{Codec, Piece, connected_tone, dual_tone, tone_share};
    use model::Ended;

    const A: LegId = LegId(1);
    const B: LegId = LegId(2);

    #[test]
    fn a_play_ends_whole_stopped_replaced_or_with_its_leg_and_says_how_much_was_heard() {
        let mut bench = Bench::new();
        bench.talking_leg(1, Codec::Alaw, true);
        bench.play(1, tone(), false);
        bench.ticks(7);
        assert_eq!(bench.facts(), []);
        bench.tick();
        assert_eq!(bench.facts(), [ended(150, true)]);

        bench.play(1, tone(), false);
        bench.ticks(3);
        bench.command(MediaCommand::StopPlay { leg: A });
        bench.command(MediaCommand::StopPlay { leg: A });
        assert_eq!(bench.facts(), [ended(60, false)]);

        bench.play(1, tone(), false);
        bench.ticks(2);
        bench.play(1, tone(), true);
        assert_eq!(bench.facts(), [ended(40, false)]);

        bench.ticks(10);
        let end = LegEnd::bare(Ended::Remote);
        let port = bench.command(MediaCommand::Close {
            leg: A,
            end: end.clone(),
        });
        assert_eq!(port, Some(20_002));
        let over = LegEvent::Ended { leg: A, end };
        assert_eq!(bench.facts(), [ended(200, false), over]);
    }

    #[test]
    fn what_is_played_arrives_sample_by_sample_and_silence_follows() {
        for codec in Codec::ALL {
            let mut bench = Bench::new();
            bench.talking_leg(1, codec, true);
            bench.play(1, tone(), false);
            bench.ticks(10);
            let expected = Piece::new(connected_tone());
            let got = bench.got(1);
            let bytes: Vec<u8> = got.iter().flat_map(|got| got.payload.clone()).collect();
            assert_eq!(bytes[..1_200], *expected.encoded(codec));
            assert_eq!(bytes[1_200..], [codec.silence(); 400]);
            for (n, pair) in got.windows(2).enumerate() {
                let step = |from: u32, to: u32| to.wrapping_sub(from);
                let [before, after] = [pair[0].header, pair[1].header];
                assert_eq!(after.sequence, before.sequence + 1, "packet {n}");
                assert_eq!(step(before.timestamp, after.timestamp), 160, "packet {n}");
            }
        }
    }

    #[test]
    fn a_play_stands_still_while_the_far_end_holds_us() {
        let mut bench = Bench::new();
        bench.talking_leg(1, Codec::Alaw, true);
        bench.play(1, tone(), false);
        bench.ticks(4);
        bench.connect(1, |remote| remote.we_send = false);
        bench.got(1);
        bench.ticks(50);
        assert_eq!((bench.got(1), bench.facts()), (vec![], vec![]));
        bench.connect(1, |_| {});
        bench.ticks(4);
        assert_eq!(bench.facts(), [ended(150, true)]);
    }

    #[test]
    fn a_play_of_nothing_is_over_at_once_and_one_of_a_missing_sound_is_reported() {
        let mut bench = Bench::new();
        bench.talking_leg(1, Codec::Alaw, true);
        bench.play(1, vec![], true);
        bench.play(
            1,
            vec![Sound::Recording {
                name: "gone".into(),
            }],
            false,
        );
        assert_eq!(bench.facts(), [ended(0, true), ended(0, false)]);
        assert_eq!(bench.board.counters.missing_sounds.get(), 1);
    }

    #[test]
    fn a_third_leg_takes_a_partner_out_of_its_bridge_and_a_closed_one_leaves_silence() {
        let mut bench = Bench::new();
        for leg in 1..=3 {
            bench.talking_leg(leg, Codec::Alaw, true);
        }
        bench.command(MediaCommand::Bridge { a: A, b: B });
        bench.command(MediaCommand::Bridge { a: B, b: LegId(3) });
        bench.command(MediaCommand::Bridge { a: A, b: LegId(9) });
        let bridged = |a, b| LegEvent::Bridged { a, b };
        assert_eq!(bench.facts(), [bridged(A, B), bridged(B, LegId(3))]);
        bench.packet(2, header(Codec::Alaw, 0), &[1; 160]);
        assert_eq!((bench.got(1).len(), bench.got(3).len()), (0, 1));
        bench.command(MediaCommand::Close {
            leg: B,
            end: LegEnd::bare(Ended::Local),
        });
        bench.tick();
        assert_eq!(bench.got(3)[0].payload, [Codec::Alaw.silence(); 160]);
    }

    #[test]
    fn a_play_is_heard_over_the_partner_and_not_a_sample_of_the_partner_is_lost() {
        let mut bench = Bench::new();
        bench.talking_leg(1, Codec::Alaw, true);
        bench.talking_leg(2, Codec::Ulaw, true);
        bench.command(MediaCommand::Bridge { a: A, b: B });
        let voice = dual_tone(2_000.0, 0.0, -16.0, Duration::from_millis(500));
        bench.speak(1, Codec::Alaw, &voice[..1_600]);
        bench.play(2, tone(), false);
        bench.speak(1, Codec::Alaw, &voice[1_600..]);
        let heard = bench.sound(2, Codec::Ulaw);
        let shares: Vec<f32> = heard.chunks(160).map(|c| tone_share(c, 2_000.0)).collect();
        // 10 frames as they came, 8 ticks of the play of which 1 waits for order, 15 frames after it.
        assert!(shares[..10].iter().all(|s| *s > 0.95), "{shares:?}");
        assert!(
            shares[11..18].iter().all(|s| (0.2..0.9).contains(s)),
            "{shares:?}"
        );
        assert!(shares[18..].iter().all(|s| *s > 0.95), "{shares:?}");
        let voiced = shares.iter().filter(|s| **s > 0.1).count();
        assert_eq!(voiced, 25, "{shares:?}");
    }

    #[test]
    fn commands_for_a_leg_without_a_port_do_nothing_but_close_reports_its_end() {
        let mut bench = Bench::new();
        bench.connect(1, |_| {});
        bench.play(1, tone(), false);
        bench.command(MediaCommand::Unbridge { leg: A });
        assert_eq!(bench.facts(), []);
        let end = LegEnd::bare(Ended::Refused);
        assert_eq!(
            bench.command(MediaCommand::Close {
                leg: A,
                end: end.clone()
            }),
            None
        );
        assert_eq!(bench.facts(), [LegEvent::Ended { leg: A, end }]);
    }

    fn tone() -> Vec<Sound> {
        vec![Sound::Tone {
            tone: Tone::Connected,
        }]
    }

    fn ended(heard_ms: u64, whole: bool) -> LegEvent {
        played(A, PlayId(1), Duration::from_millis(heard_ms), whole)
    }
}
