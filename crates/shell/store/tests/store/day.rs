//! Promises that were missed, notes that were cut short, orders to stop, skills.

use std::time::Duration;

use engine::{
    AGENT_LOST, MissedCallback, NO_OUTCOME, NewCallback, ReturnTo, ReturnedClaim, WorkKind,
};
use store::{CallbacksOf, Opening};

use crate::world::{HOUR, World, agent, due, noon, sale, talked};

const MINUTE: Duration = Duration::from_secs(60);

/// A person to whom the world's agent promised to call at noon.
async fn promised() -> World {
    let world = World::with(1).await;
    let launch = world.launched().await;
    let end = talked(&launch, world.agent);
    world.store.finish(world.run, &[end]).await.unwrap();
    let mut record = sale(&launch, world.agent);
    record.callback = Some(NewCallback {
        at: noon(),
        agent: Some(world.agent),
        phone: Some(launch.phone),
        note: String::new(),
    });
    record.next = due(noon(), WorkKind::PrivateCallback);
    world.store.save_outcomes(&[record]).await.unwrap();
    world
}

#[tokio::test]
async fn a_missed_promise_is_anyones_and_served_first() {
    let world = promised().await;
    let now = noon() + 10 * MINUTE;
    let missed = |before| {
        let store = &world.store;
        store.see_to_missed(world.campaign, before, MissedCallback::MakePublic, now)
    };
    assert!(
        missed(noon() - MINUTE).await.unwrap().is_empty(),
        "too early"
    );
    assert_eq!(missed(noon()).await.unwrap(), [world.agent]);
    assert!(missed(noon()).await.unwrap().is_empty(), "once");
    let mut request = world.request(1);
    request.at = now;
    let claims = world
        .store
        .claim(request, &|_| Opening::Open)
        .await
        .unwrap();
    assert_eq!(claims[0].kind, WorkKind::PublicCallback);
    let mine = CallbacksOf::Agent(world.agent);
    assert!(world.store.callbacks(mine).await.unwrap().is_empty());
    let events = "SELECT count(*) FROM event WHERE kind = 'callback.missed'";
    assert_eq!(world.number(events).await, 1);
}

#[tokio::test]
async fn a_missed_promise_that_is_moved_stays_its_agents() {
    let world = promised().await;
    let now = noon() + 10 * MINUTE;
    let later = MissedCallback::Reschedule { by: HOUR };
    let had = world
        .store
        .see_to_missed(world.campaign, noon(), later, now);
    assert_eq!(had.await.unwrap(), [world.agent]);
    let mine = world
        .store
        .callbacks(CallbacksOf::Agent(world.agent))
        .await
        .unwrap();
    assert_eq!((mine[0].at, mine[0].agent), (now + HOUR, Some(world.agent)));
    let wait = world
        .store
        .see_to_missed(world.campaign, now + 2 * HOUR, MissedCallback::Wait, now);
    assert!(wait.await.unwrap().is_empty());
}

#[tokio::test]
async fn a_promise_that_is_being_kept_is_not_missed() {
    let world = promised().await;
    let prospect = world.number("SELECT prospect_id FROM callback").await;
    let mut request = world.request(1);
    request.at = noon();
    let claimed = world
        .store
        .claim_one(request, world.agent, model::ProspectId(prospect))
        .await
        .unwrap();
    assert!(claimed.is_ok());
    let public = MissedCallback::MakePublic;
    let had = world
        .store
        .see_to_missed(world.campaign, noon(), public, noon() + HOUR);
    assert!(had.await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_typed_stays_until_the_agents_own_words_are_saved() {
    for code in [NO_OUTCOME, AGENT_LOST] {
        let world = World::with(1).await;
        let launch = world.launched().await;
        let body = serde_json::json!({ "note": "promised to pay" });
        let keep = world
            .store
            .save_draft(world.campaign, launch.attempt, world.agent, &body);
        keep.await.unwrap();
        let open = || world.store.open_drafts(world.agent);
        assert!(open().await.unwrap().is_empty(), "the call goes on");
        let end = talked(&launch, world.agent);
        world.store.finish(world.run, &[end]).await.unwrap();
        let mut stand_in = sale(&launch, world.agent);
        stand_in.outcome.disposition = code.to_owned();
        stand_in.stands_in = true;
        stand_in.next = due(noon() + HOUR, WorkKind::Retry);
        world.store.save_outcomes(&[stand_in]).await.unwrap();
        let drafts = open().await.unwrap();
        assert_eq!((drafts.len(), &drafts[0].body), (1, &body));
        let other = world.store.create_agent(&agent("other")).await.unwrap();
        assert!(world.store.open_drafts(other).await.unwrap().is_empty());
        assert!(world.store.unfinished(other, launch.attempt).await.is_err());
        let talk = world
            .store
            .unfinished(world.agent, launch.attempt)
            .await
            .unwrap();
        assert_eq!(
            (talk.claim.prospect, talk.phone),
            (launch.prospect, launch.phone)
        );
        let mut late = sale(&launch, world.agent);
        late.at = late.at + MINUTE;
        world.store.save_outcomes(&[late]).await.unwrap();
        assert!(open().await.unwrap().is_empty());
        assert!(
            world
                .store
                .unfinished(world.agent, launch.attempt)
                .await
                .is_err()
        );
        assert_eq!(world.number("SELECT count(*) FROM outcome_draft").await, 0);
    }
}

#[tokio::test]
async fn a_halt_holds_until_it_is_lifted_and_stays_on_record() {
    let world = World::empty().await;
    let store = &world.store;
    store
        .order_halt(Some("Bank"), "wrong list", world.admin, noon())
        .await
        .unwrap();
    store
        .order_halt(None, "", world.admin, noon() + MINUTE)
        .await
        .unwrap();
    store
        .order_halt(None, "again", world.admin, noon() + HOUR)
        .await
        .unwrap();
    let halts = store.halts().await.unwrap();
    let seen: Vec<_> = halts
        .iter()
        .map(|h| (h.seller.as_deref(), h.reason.as_str()))
        .collect();
    assert_eq!(
        seen,
        [(Some("Bank"), "wrong list"), (None, "")],
        "the first order stays"
    );
    store
        .lift_halt(None, world.admin, noon() + HOUR)
        .await
        .unwrap();
    let nothing = store
        .lift_halt(None, world.admin, noon() + HOUR)
        .await
        .unwrap_err();
    assert!(nothing.to_string().contains("halt"), "{nothing}");
    assert_eq!(store.halts().await.unwrap().len(), 1);
    assert_eq!(world.number("SELECT count(*) FROM halt").await, 2);
}

#[tokio::test]
async fn skills_are_a_set_and_those_who_wait_for_one_are_counted() {
    let world = World::with(2).await;
    let skills = ["ru", "en", "ru"].map(str::to_owned);
    world
        .store
        .set_agent_skills(world.agent, &skills)
        .await
        .unwrap();
    assert_eq!(
        world.store.agent(world.agent).await.unwrap().skills,
        ["en", "ru"]
    );
    let claim = world.claim(1).await.remove(0);
    let back = ReturnedClaim {
        campaign: world.campaign,
        prospect: claim.prospect,
        lease: claim.lease,
        to: ReturnTo::Held {
            until: Some(noon() + HOUR),
            rule: "skill de".to_owned(),
        },
    };
    world.store.return_claims(world.run, &[back]).await.unwrap();
    let counts = world
        .store
        .queue_counts(world.campaign, noon(), &|_| Opening::Open)
        .await
        .unwrap();
    assert_eq!((counts.needs_skill, counts.later, counts.due), (1, 1, 1));
}
