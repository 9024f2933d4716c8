//! What is known of a person: refusals for the rules, history and promises for the agent.

use engine::{Claim, ClosedState, NewCallback, Next, OutcomeRecord, Promise, WorkKind};
use model::{AgentId, CallbackId, CampaignId, PhoneId, ProspectId};
use store::{ClaimRequest, MovedCallback, Opening};

use crate::world::{HOUR, World, due, moscow, noon, person, prospect, sale, talked};

#[tokio::test]
async fn a_refusal_is_read_back_with_the_number_by_every_campaign() {
    let world = World::with(2).await;
    let summer = world.another_campaign("summer", "Bank").await;
    world
        .store
        .add_list(summer, world.list, noon(), world.admin)
        .await
        .unwrap();
    for refused in [true, false] {
        talk(&world, |record| record.refused = refused).await;
    }
    let claims = world
        .store
        .claim(
            ClaimRequest {
                campaign: summer,
                ..world.request(2)
            },
            &|_| Opening::Open,
        )
        .await
        .unwrap();
    let of = |c: &Claim| c.phones[0].history[0].refused;
    let mut read: Vec<bool> = claims.iter().map(of).collect();
    read.sort_unstable();
    assert_eq!(read, [false, true]);
    assert_eq!(
        world
            .number("SELECT count(*) FROM outcome WHERE refused")
            .await,
        1
    );
}

#[tokio::test]
async fn a_refusal_stays_when_the_outcome_is_corrected() {
    let world = World::with(1).await;
    let mut record = talk(&world, |record| record.refused = true).await;
    record.at = record.at + HOUR;
    record.refused = false;
    world.store.save_outcomes(&[record]).await.unwrap();
    let question = "SELECT count(*) FROM cap_slot WHERE refused";
    assert_eq!(world.number(question).await, 1);
}

#[tokio::test]
async fn a_claim_and_a_look_up_show_what_was_agreed_and_what_is_promised() {
    let world = World::with(1).await;
    let at = noon() + HOUR;
    let record = talk(&world, |record| promise(record, world.agent)).await;
    let mut request = world.request(1);
    request.at = at;
    let claim = world
        .store
        .claim_one(request, world.agent, record.prospect)
        .await
        .unwrap()
        .unwrap();
    let line = &claim.card.history[0];
    assert_eq!(
        (line.call_at, line.note.as_deref(), line.agent.as_deref()),
        (Some(at), Some("wants it blue"), Some("ANNA"))
    );
    let promise = Promise {
        at,
        campaign: "spring".to_owned(),
        agent: Some("ANNA".to_owned()),
        note: "after lunch".to_owned(),
    };
    assert_eq!(claim.card.promises, [promise]);
    let looked_up = world
        .store
        .record(world.campaign, record.prospect)
        .await
        .unwrap();
    assert_eq!(looked_up.card, claim.card);
    assert_eq!(looked_up.phones.len(), claim.phones.len());
    // Another seller learns nothing of it.
    let bank = world.another_campaign("debts", "Bank").await;
    let card = world
        .store
        .record(bank, record.prospect)
        .await
        .unwrap()
        .card;
    assert!(card.history.is_empty() && card.promises.is_empty());
}

#[tokio::test]
async fn a_closed_prospect_is_shown_with_its_closed_number_to_the_agent_who_met_it() {
    let world = World::with(1).await;
    let closes = |record: &mut OutcomeRecord| {
        record.next = Next::Closed {
            state: ClosedState::Exhausted,
            close_phone: Some(record.phone),
            because: "wrong_number".to_owned(),
        };
    };
    let record = talk(&world, closes).await;
    let shown = world
        .store
        .record(world.campaign, record.prospect)
        .await
        .unwrap();
    assert!(shown.phones[0].closed);
    let other = world
        .store
        .create_agent(&crate::world::agent("boris"))
        .await
        .unwrap();
    let met = |agent| world.store.has_met(agent, world.campaign, record.prospect);
    assert_eq!(
        (met(world.agent).await.unwrap(), met(other).await.unwrap()),
        (true, false)
    );
}

#[tokio::test]
async fn a_callback_is_moved_with_its_number_and_note() {
    let world = World::empty().await;
    let numbers = [79_160_000_001, 79_160_000_002];
    world
        .import(vec![person(1, &numbers), person(2, &[79_160_000_003])])
        .await;
    world
        .store
        .add_list(world.campaign, world.list, noon(), world.admin)
        .await
        .unwrap();
    let record = talk(&world, |record| promise(record, world.agent)).await;
    let id = CallbackId(world.number("SELECT id FROM callback").await);
    let phones = phones_of(&world, record.campaign, record.prospect).await;
    let other = phones.into_iter().find(|p| *p != record.phone);
    let mut to = MovedCallback {
        at: noon() + HOUR * 2,
        agent: Some(world.agent),
        phone: other,
        note: Some("the office".to_owned()),
    };
    let moved = world
        .store
        .move_callback(world.campaign, id, &to)
        .await
        .unwrap();
    assert_eq!((moved.at, moved.phone), (to.at, other));
    assert_eq!(moved.note, "the office");
    let claim = claim_promised(&world, record.prospect).await;
    assert_eq!(claim.next_phone, other);
    world
        .store
        .return_claims(world.run, &[given_back(&claim)])
        .await
        .unwrap();

    to.note = None;
    to.phone = None;
    let moved = world
        .store
        .move_callback(world.campaign, id, &to)
        .await
        .unwrap();
    assert_eq!((moved.phone, moved.note.as_str()), (None, "the office"));
    assert_eq!(
        claim_promised(&world, record.prospect).await.next_phone,
        None
    );
}

#[tokio::test]
async fn a_callback_is_not_moved_to_a_number_of_somebody_else() {
    let world = World::with(2).await;
    let record = talk(&world, |record| promise(record, world.agent)).await;
    let id = CallbackId(world.number("SELECT id FROM callback").await);
    let somebody = "SELECT id FROM phone ORDER BY id DESC LIMIT 1";
    for phone in [world.number(somebody).await, 1_000_000] {
        assert_ne!(PhoneId(phone), record.phone);
        let to = MovedCallback {
            at: noon() + HOUR * 2,
            agent: Some(world.agent),
            phone: Some(PhoneId(phone)),
            note: None,
        };
        let refused = world.store.move_callback(world.campaign, id, &to).await;
        assert!(
            matches!(
                refused,
                Err(store::Error::Invalid {
                    what: "phone_id",
                    ..
                })
            ),
            "{refused:?}"
        );
    }
    let open = world
        .store
        .callbacks(store::CallbacksOf::Agent(world.agent))
        .await
        .unwrap();
    assert_eq!(open[0].at, noon() + HOUR, "nothing was moved");
}

#[tokio::test]
async fn a_campaign_s_currencies_are_those_of_all_its_lists() {
    let world = World::empty().await;
    let row = |n: u64, currency: Option<&str>| {
        let mut new = prospect(n, &[79_160_000_000 + n]);
        new.amount = currency.map(|c| model::Money::new(100, c.parse().unwrap()));
        new.zones = moscow();
        store::ImportRow::Prospect(Box::new(new))
    };
    let currencies = ["USD", "RUB", "USD", "EUR", "RUB"];
    let rows = (1..).zip(currencies).map(|(n, c)| row(n, Some(c)));
    world.import(rows.chain([row(9, None)]).collect()).await;
    assert!(
        world
            .store
            .currencies(world.campaign)
            .await
            .unwrap()
            .is_empty(),
        "the list is not the campaign's yet"
    );
    world
        .store
        .add_list(world.campaign, world.list, noon(), world.admin)
        .await
        .unwrap();
    let found = world.store.currencies(world.campaign).await.unwrap();
    let names: Vec<_> = found.iter().map(|c| c.as_str()).collect();
    assert_eq!(names, ["EUR", "RUB", "USD"]);
}

/// A talk with one prospect and its outcome, a sale unless changed.
async fn talk(world: &World, change: impl Fn(&mut OutcomeRecord)) -> OutcomeRecord {
    let launch = world.launched().await;
    world
        .store
        .finish(world.run, &[talked(&launch, world.agent)])
        .await
        .unwrap();
    let mut record = sale(&launch, world.agent);
    change(&mut record);
    world
        .store
        .save_outcomes(std::slice::from_ref(&record))
        .await
        .unwrap();
    record
}

/// Makes the outcome a promise of the agent to call in an hour.
fn promise(record: &mut OutcomeRecord, agent: AgentId) {
    let at = noon() + HOUR;
    record.outcome.disposition = "callback_private".to_owned();
    record.outcome.call_at = Some(at);
    record.callback = Some(NewCallback {
        at,
        agent: Some(agent),
        phone: Some(record.phone),
        note: "after lunch".to_owned(),
    });
    record.next = due(at, WorkKind::PrivateCallback);
}

async fn claim_promised(world: &World, prospect: ProspectId) -> Claim {
    let request = world.request(1);
    world
        .store
        .claim_one(request, world.agent, prospect)
        .await
        .unwrap()
        .unwrap()
}

fn given_back(claim: &Claim) -> engine::ReturnedClaim {
    engine::ReturnedClaim {
        campaign: claim.campaign,
        prospect: claim.prospect,
        lease: claim.lease,
        to: engine::ReturnTo::Unchanged,
    }
}

async fn phones_of(world: &World, campaign: CampaignId, prospect: ProspectId) -> Vec<PhoneId> {
    let record = world.store.record(campaign, prospect).await.unwrap();
    record.phones.iter().map(|p| p.id).collect()
}
