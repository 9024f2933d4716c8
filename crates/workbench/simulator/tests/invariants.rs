//! What must always hold, over many seeds, with and without faults.

use simulator::{Scenario, World};

#[test]
fn a_quiet_day_keeps_every_invariant_and_reaches_people() {
    for seed in 1..=20 {
        let day = World::run(&Scenario::small(), seed).unwrap_or_else(|v| panic!("{v}"));
        assert!(
            day.connected > 50 && day.delivered > 20,
            "seed {seed}: {day:?}"
        );
    }
}

/// How many, unless `OUTDIAL_SEEDS` says otherwise, as `make soak` does.
fn seeds(otherwise: u64) -> u64 {
    std::env::var("OUTDIAL_SEEDS").map_or(otherwise, |n| {
        n.parse().unwrap_or_else(|e| panic!("{n}: {e}"))
    })
}

#[test]
fn a_day_on_which_everything_fails_keeps_every_invariant() {
    for seed in 1..=seeds(100) {
        let day = World::run(&Scenario::troubled(), seed).unwrap_or_else(|v| panic!("{v}"));
        assert!(day.connected > 10, "seed {seed}: {day:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let day = |seed| World::run(&Scenario::troubled(), seed).unwrap_or_else(|v| panic!("{v}"));
    assert_eq!(day(3), day(3));
    assert_ne!(day(3).trace, day(4).trace);
}
