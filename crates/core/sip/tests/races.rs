//! Whatever order responses, cancels, hang-ups, losses and delays come in: one leg, one end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod net;

use std::time::Duration;

use model::LegId;
use net::*;
use proptest::prelude::*;
use sip::{Command, Event, Respond};

#[derive(Clone, Copy, Debug)]
enum Deed {
    Ring,
    EarlyAudio,
    Answer,
    Refuse(u16),
    CarrierHangsUp,
    WeCancel,
    WeHangUp,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        2 => Just(Deed::Ring),
        1 => Just(Deed::EarlyAudio),
        3 => Just(Deed::Answer),
        1 => prop_oneof![Just(404), Just(486), Just(503), Just(603)].prop_map(Deed::Refuse),
        1 => Just(Deed::CarrierHangsUp),
        2 => Just(Deed::WeCancel),
        1 => Just(Deed::WeHangUp),
    ]
}

/// Mostly within one network delay of each other: that is where races are.
fn pause_ms() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0_u64..60, 1 => 0_u64..2_000, 1 => 0_u64..40_000]
}

/// Loses `loss` of 100 packets and delays the others by up to 60 ms more, by a xorshift of `seed`.
fn rough(seed: u64, loss: u64) -> Fate {
    let mut x = seed | 1;
    Box::new(move |_| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x % 100 >= loss).then(|| Duration::from_millis((x >> 32) % 60))
    })
}

fn ends(events: &[Event], leg: LegId) -> usize {
    events
        .iter()
        .filter(|e| matches!(e, Event::Ended { leg: l, .. } if *l == leg))
        .count()
}

fn answers(events: &[Event], leg: LegId) -> usize {
    events
        .iter()
        .filter(|e| matches!(e, Event::Answered { leg: l, .. } if *l == leg))
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a_leg_ends_exactly_once_and_leaves_nothing_behind(
        deeds in prop::collection::vec((pause_ms(), deed()), 0..8),
        seed in any::<u64>(),
        loss in prop_oneof![Just(0_u64), Just(10), Just(35)],
    ) {
        let mut net = Net::new();
        net.fate = rough(seed, loss);
        let us = LegId(1);
        net.invite(invite(1));
        for (pause, deed) in deeds {
            net.run(ms(pause));
            let they = net.of(CARRIER).iter().rev().find_map(|e| match e {
                Event::Incoming { leg, .. } => Some(*leg),
                _ => None,
            });
            match (deed, they) {
                (Deed::WeCancel, _) => net.command(DIALER, Command::Cancel(us)),
                (Deed::WeHangUp, _) => net.command(DIALER, Command::HangUp(us)),
                (_, None) => {}
                (Deed::Ring, Some(_)) => net.ring(),
                (Deed::EarlyAudio, Some(_)) => net.respond(Respond::Progress {
                    status: model::SipStatus(183),
                    media: Some(media(6_000)),
                }),
                (Deed::Answer, Some(_)) => net.answer(),
                (Deed::Refuse(status), Some(_)) => net.reject(status),
                (Deed::CarrierHangsUp, Some(leg)) => net.command(CARRIER, Command::HangUp(leg)),
            }
        }
        net.run(secs(100));
        if ends(net.of(DIALER), us) == 1 && loss < 35 {
            for leg in inbound_legs(&net) {
                let (answered, ended) = (answers(net.of(CARRIER), leg), ends(net.of(CARRIER), leg));
                prop_assert!(answered <= ended, "left in silence: {:?} {:?}", net.of(DIALER), net.of(CARRIER));
            }
        }
        let gone = !inbound_legs(&net).is_empty()
            && inbound_legs(&net).iter().all(|leg| ends(net.of(CARRIER), *leg) == 1);
        if gone && answers(net.of(DIALER), us) == 1 && loss < 35 {
            prop_assert_eq!(ends(net.of(DIALER), us), 1, "talks to nobody: {:?}", net.of(DIALER));
        }
        net.command(DIALER, Command::HangUp(us));
        // An INVITE that the network repeated late makes the carrier ring for nobody: its owner gives up.
        for leg in inbound_legs(&net) {
            net.run(secs(40));
            net.command(CARRIER, Command::HangUp(leg));
        }
        net.run(secs(300));

        let ours = net.of(DIALER);
        prop_assert_eq!(ends(ours, us), 1, "{:?}", ours);
        prop_assert!(answers(ours, us) <= 1, "{:?}", ours);
        prop_assert!(matches!(ours.last(), Some(Event::Ended { .. })), "{:?}", ours);
        let rang_late = ours.iter().skip_while(|e| !matches!(e, Event::Answered { .. }))
            .any(|e| matches!(e, Event::Ringing { .. }));
        prop_assert!(!rang_late, "{:?}", ours);
        for leg in inbound_legs(&net) {
            prop_assert_eq!(ends(net.of(CARRIER), leg), 1, "{:?}", net.of(CARRIER));
        }
        for ua in net.agents.values() {
            let t = ua.tally();
            prop_assert_eq!((t.legs, t.client_transactions, t.server_transactions), (0, 0, 0));
            prop_assert_eq!(ua.next_wakeup(), None);
        }
    }
}

fn inbound_legs(net: &Net) -> Vec<LegId> {
    let incoming = |e: &Event| match e {
        Event::Incoming { leg, .. } => Some(*leg),
        _ => None,
    };
    net.of(CARRIER).iter().filter_map(incoming).collect()
}
