//! What an agent sees of a person, and what the record of an outcome says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is its purpose"
)]

mod rig;

use engine::{
    AgentAsk, AgentEvent, Ask, CampaignSpec, Card, CardEntry, Claim, Mode, Outcome, OutcomeRecord,
    Promise, ScreenPop, StoreWish,
};
use model::{AgentId, CallResult, QuestionnaireId};
use rig::{CAMPAIGN, Rig, claim, spec};

const AGENT: AgentId = AgentId(1);

#[test]
fn the_screen_pop_carries_all_that_a_talk_needs() {
    let spec = CampaignSpec {
        subject: Some("spring sale".to_owned()),
        questionnaire: Some(QuestionnaireId(7)),
        ..spec(Mode::Progressive)
    };
    let mut rig = Rig::new(spec.clone(), 1);
    let card = Card {
        external_id: "id-1".to_owned(),
        name: Some("Ivanov".to_owned()),
        fields: vec![("city".to_owned(), "Moscow".to_owned())],
        history: vec![CardEntry {
            at: rig.now.wall,
            campaign: "winter".to_owned(),
            result: CallResult::ConnectedAgent,
            disposition: Some("callback_private".to_owned()),
            note: Some("asks for Boris".to_owned()),
            call_at: Some(rig.now.wall),
            agent: Some("Boris".to_owned()),
        }],
        promises: vec![Promise {
            at: rig.now.wall,
            campaign: "winter".to_owned(),
            agent: Some("Boris".to_owned()),
            note: "after lunch".to_owned(),
        }],
    };
    let person = Claim {
        card: card.clone(),
        ..claim(1, 2)
    };
    rig.claim(vec![person.clone()]);
    let attempt = rig.launches()[0].attempt;
    let leg = rig.commit(attempt).unwrap();
    rig.answer(leg);
    let pop = rig.agent_events(AGENT).into_iter().find_map(|e| match e {
        AgentEvent::Connected { pop } => Some(*pop),
        _ => None,
    });
    let expected = ScreenPop {
        campaign: CAMPAIGN,
        campaign_name: "spring".to_owned(),
        seller: "Example".to_owned(),
        greeting: "Good day".to_owned(),
        prospect: person.prospect,
        attempt: Some(attempt),
        phone: Some(person.phones[0].id),
        phones: person.phones,
        amount: Some("1234.05 RUB".to_owned()),
        subject: Some("spring sale".to_owned()),
        card,
        questionnaire: Some(QuestionnaireId(7)),
        dispositions: spec.dispositions,
    };
    assert_eq!(pop, Some(expected));
}

#[test]
fn a_prospect_s_own_subject_is_shown_before_the_campaign_s() {
    let mut rig = Rig::new(
        CampaignSpec {
            subject: Some("spring sale".to_owned()),
            ..spec(Mode::Preview)
        },
        1,
    );
    rig.claim(vec![Claim {
        subject: Some("contract 5".to_owned()),
        ..claim(1, 1)
    }]);
    let subject = rig.agent_events(AGENT).into_iter().find_map(|e| match e {
        AgentEvent::PreviewOffered { pop, .. } => pop.subject,
        _ => None,
    });
    assert_eq!(subject.as_deref(), Some("contract 5"));
}

#[test]
fn an_outcome_says_whether_the_person_refused() {
    for (code, refused) in [
        ("declined", true),
        ("do_not_call", true),
        ("sale", false),
        ("wrong_number", false),
        ("machine_seen_by_agent", false),
    ] {
        assert_eq!(saved(code).refused, refused, "{code}");
    }
}

/// The record of an outcome that was given in wrap-up.
fn saved(code: &str) -> OutcomeRecord {
    let mut rig = Rig::new(spec(Mode::Progressive), 1);
    let (attempt, leg) = rig.dial(1);
    rig.answer(leg);
    rig.hang_up_by_person(leg);
    let outcome = Outcome {
        disposition: code.to_owned(),
        answers: Vec::new(),
        note: String::new(),
        call_at: None,
        call_phone: None,
    };
    rig.request(Ask::Agent {
        agent: AGENT,
        ask: AgentAsk::Submit { attempt, outcome },
    });
    let record = rig.wishes().into_iter().find_map(|w| match w {
        StoreWish::SaveOutcome(record) => Some(*record),
        _ => None,
    });
    record.expect("the outcome is saved")
}
