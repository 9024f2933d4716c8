use std::time::Duration;

use model::CallResult;
use store::{Finished, Progress, Recovered};

use crate::world::{HOUR, World, noon, not_answered, talked};

#[tokio::test]
async fn what_a_dead_run_left_open_is_closed_by_the_next_run_of_the_same_daemon() {
    let world = World::with(6).await;
    let ringing = world.launched().await;
    let answered = world.launched().await;
    let talking = world.launched().await;
    let wrapping = world.launched().await;
    world.claim(1).await;
    let progress = |launch: &engine::Launch, bridged| Progress {
        campaign: launch.campaign,
        attempt: launch.attempt,
        answered_at: Some(noon()),
        bridged_at: bridged,
        agent: None,
    };
    world
        .store
        .record_progress(world.run, progress(&answered, None))
        .await
        .unwrap();
    world
        .store
        .record_progress(world.run, progress(&talking, Some(noon())))
        .await
        .unwrap();
    world
        .store
        .finish(world.run, &[talked(&wrapping, world.agent)])
        .await
        .unwrap();

    let elsewhere = world.store.begin_run("there").await.unwrap();
    assert_eq!(
        world.store.recover(elsewhere, noon()).await.unwrap(),
        Recovered::default()
    );

    let next = world.store.begin_run("here").await.unwrap();
    assert_eq!(
        (next.node, next.epoch),
        (world.run.node, world.run.epoch + 1)
    );
    let recovered = world.store.recover(next, noon()).await.unwrap();
    let expected = Recovered {
        attempts: 3,
        abandoned: 1,
        leases: 1,
        without_outcome: 1,
    };
    assert_eq!(recovered, expected);
    assert_eq!(
        world.store.recover(next, noon()).await.unwrap(),
        Recovered::default()
    );

    assert_eq!(world.number("SELECT count(*) FROM live_number").await, 0);
    assert_eq!(
        world
            .number("SELECT count(*) FROM cap_slot WHERE result = 'controller_lost' AND rang")
            .await,
        3,
        "the worst is assumed: they count toward caps"
    );
    let ledger = world
        .store
        .ledger_counts(world.campaign, None, None)
        .await
        .unwrap();
    assert_eq!((ledger.a, ledger.c), (1, 1));
    let due_now = world.claim(10).await;
    assert_eq!(
        due_now.len(),
        2,
        "the claim that was never launched, and who was never claimed"
    );
    let mut later = world.request(10);
    (later.at, later.run) = (noon() + HOUR, next);
    let claims = world
        .store
        .claim(later, &|_| store::Opening::Open)
        .await
        .unwrap();
    assert_eq!(claims.len(), 4);
    assert_eq!(claims[0].kind, engine::WorkKind::ReservedAgent);

    // The dead run comes back from a long sleep: nothing that it says changes anything.
    let late = world
        .store
        .finish(world.run, &[not_answered(&ringing)])
        .await
        .unwrap();
    assert_eq!(late, [Finished::Before(CallResult::ControllerLost)]);
}

#[tokio::test]
async fn a_run_cannot_end_an_attempt_of_another_run() {
    let world = World::with(1).await;
    let launch = world.launched().await;
    let next = world.store.begin_run("here").await.unwrap();
    let end = not_answered(&launch);
    assert_eq!(
        world
            .store
            .finish(next, std::slice::from_ref(&end))
            .await
            .unwrap(),
        [Finished::NotOurs]
    );
    assert_eq!(
        world.store.finish(world.run, &[end]).await.unwrap(),
        [Finished::Now]
    );
}

#[tokio::test]
async fn an_outcome_that_comes_after_the_restart_still_decides() {
    let world = World::with(1).await;
    let launch = world.launched().await;
    world
        .store
        .finish(world.run, &[talked(&launch, world.agent)])
        .await
        .unwrap();
    let next = world.store.begin_run("here").await.unwrap();
    world
        .store
        .recover(next, noon() + Duration::from_secs(100))
        .await
        .unwrap();
    world
        .store
        .save_outcomes(&[crate::world::sale(&launch, world.agent)])
        .await
        .unwrap();
    assert_eq!(
        world
            .store
            .prospect_counts(world.campaign)
            .await
            .unwrap()
            .success,
        1
    );
}
