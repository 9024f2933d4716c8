use std::time::Duration;

use engine::{ClosedState, NewCallback, Next, WorkKind};
use store::{CallbacksOf, MovedCallback, Opening};

use crate::world::{HOUR, World, due, noon, not_answered, person, sale, talked};

#[tokio::test]
async fn an_outcome_is_kept_in_versions_and_the_same_one_once() {
    let world = World::with(1).await;
    let launch = world.launched().await;
    world
        .store
        .finish(world.run, &[talked(&launch, world.agent)])
        .await
        .unwrap();
    let mut record = sale(&launch, world.agent);
    world
        .store
        .save_outcomes(&[record.clone(), record.clone()])
        .await
        .unwrap();
    world.store.save_outcomes(&[record.clone()]).await.unwrap();
    assert_eq!(world.number("SELECT count(*) FROM outcome").await, 1);
    record.at = record.at + Duration::from_secs(60);
    record.outcome.disposition = "declined".to_owned();
    record.next = Next::Closed {
        state: ClosedState::Done,
        close_phone: None,
        because: "declined".to_owned(),
    };
    world.store.save_outcomes(&[record]).await.unwrap();
    assert_eq!(
        world
            .number("SELECT max(version)::bigint FROM outcome")
            .await,
        2
    );
    let report = world
        .store
        .campaign_report(world.campaign, None, None)
        .await
        .unwrap();
    assert_eq!(report.dispositions, [("declined".to_owned(), 1)]);
    assert_eq!((report.prospects.success, report.prospects.done), (0, 1));
    let row = world
        .store
        .export(world.campaign, store::PageRequest::FIRST)
        .await
        .unwrap();
    assert_eq!(row.items[0].outcome.as_ref().unwrap().answers[0].1, "L");
}

#[tokio::test]
async fn an_outcome_before_the_end_of_the_call_is_not_overwritten_by_it() {
    let world = World::with(1).await;
    let launch = world.launched().await;
    world
        .store
        .save_outcomes(&[sale(&launch, world.agent)])
        .await
        .unwrap();
    world
        .store
        .finish(world.run, &[talked(&launch, world.agent)])
        .await
        .unwrap();
    let report = world
        .store
        .campaign_report(world.campaign, None, None)
        .await
        .unwrap();
    assert_eq!(
        (report.prospects.success, report.prospects.awaiting_outcome),
        (1, 0)
    );
    assert_eq!(world.number("SELECT count(*) FROM live_number").await, 0);
}

#[tokio::test]
async fn a_private_callback_is_the_agent_s_alone_until_it_is_moved() {
    let world = World::with(1).await;
    let launch = world.launched().await;
    world
        .store
        .finish(world.run, &[talked(&launch, world.agent)])
        .await
        .unwrap();
    let at = noon() + HOUR;
    let mut record = sale(&launch, world.agent);
    record.callback = Some(NewCallback {
        at,
        agent: Some(world.agent),
        phone: Some(launch.phone),
        note: "after lunch".to_owned(),
    });
    record.next = due(at, WorkKind::PrivateCallback);
    let saved = world.store.save_outcomes(&[record]).await.unwrap();
    let callback = saved[0].1.clone().unwrap();
    assert_eq!((callback.at, callback.note.as_str()), (at, "after lunch"));
    assert_eq!(callback.name, "Person 1");
    let mut later = world.request(1);
    later.at = at + HOUR;
    assert!(
        world
            .store
            .claim(later, &|_| Opening::Open)
            .await
            .unwrap()
            .is_empty()
    );
    let open = world
        .store
        .callbacks(CallbacksOf::Agent(world.agent))
        .await
        .unwrap();
    assert_eq!(open, std::slice::from_ref(&callback));
    let moved = world
        .store
        .move_callback(
            world.campaign,
            callback.id,
            &MovedCallback {
                at: at + HOUR,
                agent: None,
                phone: None,
                note: None,
            },
        )
        .await
        .unwrap();
    assert_eq!((moved.at, moved.agent), (at + HOUR, None));
    let claims = world.store.claim(later, &|_| Opening::Open).await.unwrap();
    assert_eq!(claims[0].kind, WorkKind::PublicCallback);
    let busy = world
        .store
        .cancel_callback(world.campaign, callback.id)
        .await
        .unwrap_err();
    assert!(busy.to_string().contains("being kept just now"), "{busy}");
    let second = world.launch(&claims[0]);
    world.record(&second).await;
    world
        .store
        .finish(world.run, &[talked(&second, world.agent)])
        .await
        .unwrap();
    assert!(
        world
            .store
            .callbacks(CallbacksOf::Campaign(world.campaign))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        world
            .number("SELECT count(*) FROM callback WHERE state = 'kept'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_callback_that_nobody_answered_stays_open_and_keeps_its_agent() {
    let world = World::with(1).await;
    let launch = world.launched().await;
    world
        .store
        .finish(world.run, &[talked(&launch, world.agent)])
        .await
        .unwrap();
    let mut record = sale(&launch, world.agent);
    record.callback = Some(NewCallback {
        at: noon(),
        agent: Some(world.agent),
        phone: None,
        note: String::new(),
    });
    record.next = due(noon(), WorkKind::PrivateCallback);
    world.store.save_outcomes(&[record]).await.unwrap();
    let claim = world
        .store
        .claim_one(world.request(1), world.agent, launch.prospect)
        .await
        .unwrap()
        .unwrap();
    let again = world.launch(&claim);
    world.record(&again).await;
    let mut end = not_answered(&again);
    end.next = due(noon() + HOUR, WorkKind::PrivateCallback);
    world.store.finish(world.run, &[end]).await.unwrap();
    let open = world
        .store
        .callbacks(CallbacksOf::Agent(world.agent))
        .await
        .unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(
        world.store.agent_work(world.agent, 10).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn who_asks_not_to_be_called_is_called_by_no_campaign_of_the_seller() {
    let world = World::empty().await;
    world
        .import(vec![person(1, &[79_160_000_001, 79_160_000_002])])
        .await;
    world
        .store
        .add_list(world.campaign, world.list, noon(), world.admin)
        .await
        .unwrap();
    let same = world.another_campaign("summer", "Shop").await;
    let other = world.another_campaign("debts", "Bank").await;
    for campaign in [same, other] {
        world
            .store
            .add_list(campaign, world.list, noon(), world.admin)
            .await
            .unwrap();
    }
    let launch = world.launched().await;
    world
        .store
        .finish(world.run, &[talked(&launch, world.agent)])
        .await
        .unwrap();
    let mut record = sale(&launch, world.agent);
    record.suppress = true;
    record.next = Next::Closed {
        state: ClosedState::Suppressed,
        close_phone: None,
        because: "do_not_call".to_owned(),
    };
    world.store.save_outcomes(&[record]).await.unwrap();
    assert_eq!(
        world
            .number("SELECT count(*) FROM suppression WHERE seller = 'Shop'")
            .await,
        2
    );
    assert_eq!(
        world
            .number("SELECT count(*) FROM cap_slot WHERE refused")
            .await,
        1
    );
    assert_eq!(
        world.store.prospect_counts(same).await.unwrap().suppressed,
        1
    );
    assert_eq!(world.store.prospect_counts(other).await.unwrap().fresh, 1);
}

#[tokio::test]
async fn a_draft_lives_until_the_outcome_is_saved() {
    let world = World::with(1).await;
    let launch = world.launched().await;
    world
        .store
        .finish(world.run, &[talked(&launch, world.agent)])
        .await
        .unwrap();
    let body = serde_json::json!({ "note": "wants" });
    let draft = || world.store.draft(launch.campaign, launch.attempt);
    world
        .store
        .save_draft(launch.campaign, launch.attempt, world.agent, &body)
        .await
        .unwrap();
    assert_eq!(draft().await.unwrap(), Some(body));
    world
        .store
        .save_outcomes(&[sale(&launch, world.agent)])
        .await
        .unwrap();
    assert_eq!(draft().await.unwrap(), None);
}
