//! Claims that fail, and what is known of the queue when the database was away.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is its purpose"
)]

mod rig;

use std::time::Duration;

use engine::{AgentAsk, CampaignSpec, Effect, Input, Mode, StoreFact, StoreWish};
use model::{AgentId, ProspectId};
use rig::{CAMPAIGN, Rig, claim, spec};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_claim_that_failed_is_asked_again_after_a_second_and_twice_as_long_each_time() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    for wait in [1, 2, 4, 8, 16, 30, 30] {
        claim_failed(&mut rig);
        rig.pass(SECOND * wait - MILLISECOND);
        assert_eq!(claims(&rig), 0, "asked before {wait} s were over");
        rig.pass(MILLISECOND);
        assert_eq!(claims(&rig), 1, "not asked after {wait} s");
        rig.out.clear();
    }
}

#[test]
fn a_claim_that_succeeds_makes_the_next_failure_the_first_again() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    for _ in 0..3 {
        claim_failed(&mut rig);
        rig.pass(SECOND * 4);
    }
    rig.claim(vec![claim(1, 1)]); // one launched, one more wanted: the next claim is open
    rig.out.clear();
    claim_failed(&mut rig);
    rig.pass(SECOND);
    assert_eq!(claims(&rig), 1);
}

#[test]
fn what_was_open_when_the_database_was_lost_is_asked_once_more_when_it_is_back() {
    let mut rig = Rig::new(spec(Mode::Progressive), 2);
    rig.tell(Input::Store(StoreFact::Lost));
    rig.pass(SECOND * 60);
    assert_eq!(claims(&rig), 0, "asked while nobody answers");
    rig.tell(Input::Store(StoreFact::Back));
    assert_eq!(claims(&rig), 1);
    let loads = rig.wishes().into_iter();
    let loads: Vec<_> = loads
        .filter_map(|w| match w {
            StoreWish::LoadCallbacks(agent) => Some(agent),
            _ => None,
        })
        .collect();
    assert_eq!(loads, [AgentId(1), AgentId(2)]);
    rig.pass(SECOND * 60);
    assert_eq!(claims(&rig), 1, "one claim is open at a time");
}

#[test]
fn a_campaign_whose_end_comes_while_the_database_is_away_ends_when_it_is_back() {
    let open = spec(Mode::Progressive);
    let mut rig = Rig::new(open.clone(), 1);
    let ends_at = Some(rig.now.wall + SECOND * 10);
    rig.tell(Input::Campaign(Box::new(CampaignSpec { ends_at, ..open })));
    rig.tell(Input::Store(StoreFact::Lost));
    rig.pass(SECOND * 20);
    assert_eq!(ends(&rig), 0, "its end cannot be committed");
    rig.tell(Input::Store(StoreFact::Back));
    assert_eq!(ends(&rig), 1);
}

#[test]
fn a_prospect_asked_for_by_an_agent_is_claimed_at_the_instant_of_the_engine() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    rig.pass(SECOND * 7);
    let dial = AgentAsk::Dial {
        campaign: CAMPAIGN,
        prospect: ProspectId(3),
        phone: None,
    };
    rig.request(engine::Ask::Agent {
        agent: AgentId(1),
        ask: dial,
    });
    let asked = rig.wishes().into_iter().find_map(|w| match w {
        StoreWish::ClaimOne { at, .. } => Some(at),
        _ => None,
    });
    assert_eq!(asked, Some(rig.now.wall));
}

fn claim_failed(rig: &mut Rig) {
    rig.tell(Input::Store(StoreFact::ClaimFailed { campaign: CAMPAIGN }));
}

/// Claims asked for since the effects were taken out last.
fn claims(rig: &Rig) -> usize {
    let wishes = rig.wishes().into_iter();
    wishes
        .filter(|w| matches!(w, StoreWish::Claim { .. }))
        .count()
}

fn ends(rig: &Rig) -> usize {
    let ended = |e: &&Effect| matches!(e, Effect::CampaignEnded { .. });
    rig.out.iter().filter(ended).count()
}
