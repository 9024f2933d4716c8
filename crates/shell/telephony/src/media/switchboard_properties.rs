//! For all orders of commands, packets and ticks: what must hold of plays, bridges and ends.

use std::collections::BTreeSet;

use engine::{LegEvent, Sound, Tone};
use media::{Codec, Outgoing, RtpHeader};
use model::{Ended, LegEnd, LegId, PlayId};
use proptest::prelude::*;

use super::testing::{Bench, EVENT_TYPE, header};
use crate::media_api::MediaCommand;

/// Legs 1 to this.
const LEGS: u64 = 4;

#[derive(Clone, Debug)]
enum Step {
    Open(u64),
    Connect {
        leg: u64,
        telephone_event: bool,
        we_send: bool,
    },
    Answer(u64),
    Bridge(u64, u64),
    Unbridge(u64),
    Play {
        leg: u64,
        sound: u8,
        repeat: bool,
    },
    StopPlay(u64),
    Close(u64),
    Packet {
        leg: u64,
        n: u16,
        event: bool,
    },
    Ticks(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let leg = || 1..=LEGS;
    prop_oneof![
        2 => leg().prop_map(Step::Open),
        3 => (leg(), any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(leg, telephone_event, we_send)| Step::Connect { leg, telephone_event, we_send }),
        2 => leg().prop_map(Step::Answer),
        3 => (leg(), leg()).prop_map(|(a, b)| Step::Bridge(a, b)),
        1 => leg().prop_map(Step::Unbridge),
        3 => (leg(), 0..4_u8, any::<bool>())
            .prop_map(|(leg, sound, repeat)| Step::Play { leg, sound, repeat }),
        1 => leg().prop_map(Step::StopPlay),
        1 => leg().prop_map(Step::Close),
        6 => (leg(), 0..200_u16, prop::bool::weighted(0.2))
            .prop_map(|(leg, n, event)| Step::Packet { leg, n, event }),
        4 => (1..12_u64).prop_map(Step::Ticks),
    ]
}

proptest! {
    #[test]
    fn every_play_ends_once_every_leg_ends_last_and_bridges_are_mutual(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let mut world = World::new();
        for step in steps.into_iter().chain((1..=LEGS).map(Step::Close)) {
            world.take(step);
            world.check()?;
        }
        prop_assert_eq!(&world.playing, &BTreeSet::new(), "plays that never ended");
    }
}

/// The switchboard beside what is plainly known of it.
struct World {
    bench: Bench,
    open: BTreeSet<u64>,
    playing: BTreeSet<PlayId>,
    next_play: u64,
    closing: Option<LegId>,
}

impl World {
    fn new() -> Self {
        Self {
            bench: Bench::new(),
            open: BTreeSet::new(),
            playing: BTreeSet::new(),
            next_play: 0,
            closing: None,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            // A leg is opened once: its name is never used again, here after its end only.
            Step::Open(leg) => {
                if self.open.insert(leg) {
                    self.bench
                        .board
                        .open(LegId(leg), 20_000, Outgoing::new(1, 0, 0));
                }
            }
            Step::Connect {
                leg,
                telephone_event,
                we_send,
            } => self.bench.connect(leg, |remote| {
                remote.telephone_event = telephone_event.then_some(EVENT_TYPE);
                remote.we_send = we_send;
            }),
            Step::Answer(leg) => self.command(MediaCommand::Answered { leg: LegId(leg) }),
            Step::Bridge(a, b) => self.command(MediaCommand::Bridge {
                a: LegId(a),
                b: LegId(b),
            }),
            Step::Unbridge(leg) => self.command(MediaCommand::Unbridge { leg: LegId(leg) }),
            Step::StopPlay(leg) => self.command(MediaCommand::StopPlay { leg: LegId(leg) }),
            Step::Play { leg, sound, repeat } => self.play(leg, sound, repeat),
            Step::Close(leg) => {
                self.open.remove(&leg);
                self.closing = Some(LegId(leg));
                let end = LegEnd::bare(Ended::Local);
                self.command(MediaCommand::Close {
                    leg: LegId(leg),
                    end,
                });
            }
            Step::Packet {
                leg,
                n,
                event: false,
            } => {
                self.bench.packet(leg, header(Codec::Ulaw, n), &[9; 160]);
            }
            Step::Packet {
                leg,
                n,
                event: true,
            } => {
                let header = RtpHeader {
                    payload_type: EVENT_TYPE,
                    ..header(Codec::Ulaw, n)
                };
                self.bench.packet(leg, header, &[1, 10, 0, 160]);
            }
            Step::Ticks(ticks) => self.bench.ticks(ticks),
        }
    }

    fn command(&mut self, command: MediaCommand) {
        self.bench.command(command);
    }

    fn play(&mut self, leg: u64, sound: u8, repeat: bool) {
        let sounds = match sound {
            0 => vec![],
            1 => vec![Sound::Recording {
                name: "missing".into(),
            }],
            2 => vec![Sound::Tone {
                tone: Tone::Connected,
            }],
            _ => vec![Sound::Tone { tone: Tone::Fault }],
        };
        self.next_play += 1;
        let (leg_id, play) = (LegId(leg), PlayId(self.next_play));
        if self.open.contains(&leg) {
            self.playing.insert(play);
        }
        self.command(MediaCommand::Play {
            leg: leg_id,
            play,
            sounds,
            repeat,
        });
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        for fact in self.bench.facts() {
            if let LegEvent::Played { play, .. } = fact {
                prop_assert!(
                    self.playing.remove(&play),
                    "{:?} ended twice or never began",
                    play
                );
            }
            if let LegEvent::Ended { leg, .. } = fact {
                prop_assert_eq!(self.closing.take(), Some(leg));
            } else {
                let leg = fact.leg();
                let is_known = self.open.contains(&leg.0) || self.closing == Some(leg);
                prop_assert!(is_known, "{:?} after the end of its leg", fact);
            }
        }
        for (leg, audio) in &self.bench.board.legs {
            let partner = audio
                .partner
                .and_then(|partner| self.bench.board.legs.get(&partner));
            prop_assert_eq!(
                audio.partner.is_some(),
                partner.is_some(),
                "{:?} has a ghost",
                leg
            );
            prop_assert_eq!(
                partner.map_or(Some(*leg), |p| p.partner),
                Some(*leg),
                "one-sided bridge"
            );
            let is_mixed = partner.is_some_and(|partner| partner.play.is_some());
            let is_ordered = audio.detector.is_some() || is_mixed;
            prop_assert_eq!(audio.jitter.is_some(), is_ordered, "ordering of {:?}", leg);
        }
        Ok(())
    }
}
