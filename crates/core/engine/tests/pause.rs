//! A pause holds from its instant on: what the database commits or answers later leads to no INVITE.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is its purpose"
)]

mod rig;

use std::time::Duration;

use engine::{
    AgentAsk, AgentEvent, AgentSpec, Ask, CampaignState, Input, LaunchAnswer, LegCommand, Mode,
    Refused, ReturnTo, StoreFact, StoreWish,
};
use model::{AgentGroupId, AgentId, AttemptId, CallResult, ProspectId};
use rig::{CAMPAIGN, Rig, claim, spec};

const AGENT: AgentId = AgentId(1);
const PAUSED: Refused = Refused::NotRunning {
    state: CampaignState::Paused,
};

#[test]
fn launches_committed_after_the_pause_are_returned_and_none_is_dialled() {
    let mut rig = Rig::new(spec(Mode::Predictive), 1);
    rig.claim((1..=3).map(|n| claim(n, 1)).collect());
    let attempts: Vec<AttemptId> = rig.launches().iter().map(|l| l.attempt).collect();
    assert_eq!(attempts.len(), 3);
    rig.set_state(CampaignState::Paused);
    rig.pass(Duration::from_millis(500));
    let answers = attempts.iter().map(|a| (*a, LaunchAnswer::Recorded));
    rig.tell(Input::Store(StoreFact::LaunchesRecorded(answers.collect())));
    assert_eq!(dials(&rig), 0);
    let results: Vec<_> = rig
        .finished()
        .iter()
        .map(|f| (f.attempt, f.result))
        .collect();
    let undialled = |a: &AttemptId| (*a, CallResult::ReturnedUndialled);
    assert_eq!(results, attempts.iter().map(undialled).collect::<Vec<_>>());
    assert!(rig.finished().iter().all(|f| !f.counts_as_try));
}

#[test]
fn a_prospect_whom_an_agent_took_is_not_dialled_when_the_pause_came_before_the_commit() {
    let mut rig = Rig::new(spec(Mode::Preview), 1);
    rig.claim(vec![claim(1, 1)]);
    rig.ask(AGENT, AgentAsk::TakePreview { phone: None })
        .unwrap();
    let attempt = rig.launches()[0].attempt;
    rig.set_state(CampaignState::Paused);
    assert_eq!(rig.commit(attempt), None);
    assert_eq!(rig.finished()[0].result, CallResult::ReturnedUndialled);
    assert!(
        rig.agent_events(AGENT)
            .iter()
            .any(|e| matches!(e, AgentEvent::Notice { text } if text.contains("stopped"))),
        "the agent hears why"
    );
}

#[test]
fn a_pause_of_a_campaign_that_does_not_run_is_refused_and_changes_nothing() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    rig.set_state(CampaignState::Stopped);
    let answer = rig.request(Ask::SetCampaignState {
        campaign: CAMPAIGN,
        state: CampaignState::Paused,
    });
    let state = CampaignState::Stopped;
    assert_eq!(answer, Some(Err(Refused::NotRunning { state })));
}

#[test]
fn claims_that_come_after_the_pause_go_back_untouched() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    rig.set_state(CampaignState::Paused);
    rig.claim(vec![claim(1, 1), claim(2, 1)]);
    assert!(rig.launches().is_empty());
    assert_eq!(returned(&rig), [ProspectId(1), ProspectId(2)]);
}

#[test]
fn an_agent_who_asks_for_a_call_of_a_paused_campaign_hears_that_it_is_paused() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    rig.set_state(CampaignState::Paused);
    assert_eq!(rig.ask(AGENT, dial()), Err(PAUSED));
    assert!(
        !rig.wishes()
            .iter()
            .any(|w| matches!(w, StoreWish::ClaimOne { .. }))
    );
}

#[test]
fn a_prospect_that_comes_for_an_agent_after_the_pause_goes_back() {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    assert_eq!(
        rig.request(Ask::Agent {
            agent: AGENT,
            ask: dial()
        }),
        None
    );
    let request = rig.last_request();
    rig.set_state(CampaignState::Paused);
    rig.tell(Input::Store(StoreFact::ClaimedOne {
        agent: AGENT,
        claim: Ok(Box::new(claim(3, 1))),
    }));
    assert_eq!(rig.reply(request), Some(Err(PAUSED)));
    assert!(rig.launches().is_empty());
    assert_eq!(returned(&rig), [ProspectId(3)]);
}

#[test]
fn an_agent_s_phone_that_answers_after_the_pause_is_given_no_call() {
    let mut rig = Rig::new(spec(Mode::Progressive), 0);
    rig.tell(Input::PhoneUp(AGENT));
    let agent = AgentSpec {
        id: AGENT,
        name: "anna".to_owned(),
        groups: vec![AgentGroupId(1)],
        skills: Vec::new(),
    };
    rig.ask(AGENT, AgentAsk::SignIn(agent)).unwrap();
    rig.request(Ask::Agent {
        agent: AGENT,
        ask: dial(),
    });
    rig.tell(Input::Store(StoreFact::ClaimedOne {
        agent: AGENT,
        claim: Ok(Box::new(claim(3, 1))),
    }));
    let phone = rig.legs().into_iter().find_map(|c| match c {
        LegCommand::CallAgent { leg, .. } => Some(leg),
        _ => None,
    });
    rig.set_state(CampaignState::Paused);
    rig.answer(phone.expect("the agent's phone is called first"));
    assert!(rig.launches().is_empty());
    assert_eq!(returned(&rig), [ProspectId(3)]);
}

fn dial() -> AgentAsk {
    AgentAsk::Dial {
        campaign: CAMPAIGN,
        prospect: ProspectId(3),
        phone: None,
    }
}

fn dials(rig: &Rig) -> usize {
    let legs = rig.legs().into_iter();
    legs.filter(|c| matches!(c, LegCommand::Dial { .. }))
        .count()
}

/// Prospects given back as they were.
fn returned(rig: &Rig) -> Vec<ProspectId> {
    let back = rig.wishes().into_iter().filter_map(|w| match w {
        StoreWish::Return(back) => Some(back),
        _ => None,
    });
    back.flatten()
        .filter(|b| b.to == ReturnTo::Unchanged)
        .map(|b| b.prospect)
        .collect()
}
