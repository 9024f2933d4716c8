use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::{LaunchAnswer, StoreFact, StoreWish};
use store::{Opening, Service, ServiceOptions, StoreHandle, replay_spool};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::world::{HOUR, World, noon, not_answered, sale, talked};

struct Running {
    handle: StoreHandle,
    facts: mpsc::UnboundedReceiver<StoreFact>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), store::Error>>,
}

impl Running {
    async fn fact(&mut self) -> StoreFact {
        tokio::time::timeout(Duration::from_secs(30), self.facts.recv())
            .await
            .unwrap()
            .unwrap()
    }

    /// The next fact that is not about the database being away or back, when it has been lost before.
    /// While connections are cut one after the other it may seem to come back in between.
    async fn after_lost(&mut self) -> StoreFact {
        let mut lost = 0;
        loop {
            match self.fact().await {
                StoreFact::Lost => lost += 1,
                StoreFact::Back => {}
                other => {
                    assert!(lost > 0, "told before the database was lost: {other:?}");
                    return other;
                }
            }
        }
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap().unwrap();
    }
}

fn start(world: &World, spool: &std::path::Path) -> Running {
    let (send, facts) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    let options = ServiceOptions::new(world.run, spool);
    let (service, handle) = Service::new(
        world.store.clone(),
        options,
        Arc::new(|_, _, _| Opening::Open),
        Arc::new(move |fact| send.send(fact).unwrap_or_default()),
    )
    .unwrap();
    let task = tokio::spawn(service.run(stopped));
    Running {
        handle,
        facts,
        stop,
        task,
    }
}

fn spool_dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("outdial-service-{}-{name}", std::process::id()));
    if dir.exists() {
        std::fs::remove_dir_all(&dir).unwrap();
    }
    dir
}

fn claim(world: &World, count: u32) -> StoreWish {
    StoreWish::Claim {
        campaign: world.campaign,
        count,
        at: noon(),
        lookback: HOUR * 24,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_through_the_service_from_claim_to_outcome() {
    let world = World::with(3).await;
    let mut running = start(&world, &spool_dir("whole"));
    running.handle.send(claim(&world, 2)).unwrap();
    let StoreFact::Claimed { claims, queue, .. } = running.fact().await else {
        panic!("claimed")
    };
    assert_eq!((claims.len(), queue.due, queue.in_hand), (2, 1, 2));
    let launch = world.launch(&claims[0]);
    running
        .handle
        .send(StoreWish::RecordLaunches(vec![launch.clone()]))
        .unwrap();
    let recorded = StoreFact::LaunchesRecorded(vec![(launch.attempt, LaunchAnswer::Recorded)]);
    assert_eq!(running.fact().await, recorded);
    running
        .handle
        .send(StoreWish::Finish(Box::new(talked(&launch, world.agent))))
        .unwrap();
    running
        .handle
        .send(StoreWish::SaveOutcome(Box::new(sale(&launch, world.agent))))
        .unwrap();
    let saved = StoreFact::OutcomeSaved {
        attempt: launch.attempt,
        callback: None,
    };
    assert_eq!(running.fact().await, saved);
    assert_eq!(
        world
            .store
            .prospect_counts(world.campaign)
            .await
            .unwrap()
            .success,
        1
    );
    running.end().await;
    assert_eq!(
        world
            .number("SELECT count(*) FROM queue WHERE state = 1")
            .await,
        0,
        "claims given back"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_the_database_refuses_is_answered_and_the_next_one_works() {
    let world = World::with(1).await;
    let mut running = start(&world, &spool_dir("refused-claim"));
    let pool = world.store.pool_for_tests();
    let rename = async |statement: &'static str| {
        sqlx::query(statement).execute(&pool).await.unwrap();
    };
    rename("ALTER TABLE queue RENAME TO elsewhere").await;
    running.handle.send(claim(&world, 1)).unwrap();
    let failed = StoreFact::ClaimFailed {
        campaign: world.campaign,
    };
    assert_eq!(running.fact().await, failed);
    rename("ALTER TABLE elsewhere RENAME TO queue").await;
    running.handle.send(claim(&world, 1)).unwrap();
    assert!(matches!(
        running.fact().await,
        StoreFact::Claimed { claims, .. } if claims.len() == 1
    ));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prospect_claimed_for_an_agent_has_the_history_before_the_business_instant() {
    let world = World::with(1).await;
    let launch = world.launched().await;
    world
        .store
        .finish(world.run, &[not_answered(&launch)])
        .await
        .unwrap();
    let mut running = start(&world, &spool_dir("claim-one"));
    for (later, tries) in [(1, 1), (3, 0)] {
        let wish = StoreWish::ClaimOne {
            agent: world.agent,
            campaign: world.campaign,
            prospect: launch.prospect,
            at: noon() + HOUR * later,
            lookback: HOUR * 2,
        };
        world
            .store
            .assign_prospect(world.campaign, launch.prospect, Some(world.agent))
            .await
            .unwrap();
        running.handle.send(wish).unwrap();
        let StoreFact::ClaimedOne {
            claim: Ok(claim), ..
        } = running.fact().await
        else {
            panic!("claimed")
        };
        assert_eq!(claim.phones[0].history.len(), tries, "{later} h later");
        running
            .handle
            .send(StoreWish::Return(vec![engine::ReturnedClaim {
                campaign: claim.campaign,
                prospect: claim.prospect,
                lease: claim.lease,
                to: engine::ReturnTo::Unchanged,
            }]))
            .unwrap();
        let pool = world.store.pool_for_tests();
        eventually(async || {
            let held: i64 = sqlx::query_scalar("SELECT count(*) FROM queue WHERE state = 1")
                .fetch_one(&pool)
                .await
                .unwrap();
            held == 0
        })
        .await;
    }
    running.end().await;
}

/// Waits for a state of the database, with a deadline.
async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let looks = async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while !holds().await {
            tick.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looks)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_nothing_is_launched_and_no_outcome_is_lost() {
    let world = World::with(3).await;
    let mut running = start(&world, &spool_dir("away"));
    let first = world.launched().await;
    let second = world.claim(1).await.pop().unwrap();
    let second = world.launch(&second);
    let pool = world.store.pool_for_tests();
    let name: String = sqlx::query_scalar("SELECT current_database()::text")
        .fetch_one(&pool)
        .await
        .unwrap();
    store::testing::TestCluster::shared()
        .await
        .cut_off(&name)
        .await;

    running
        .handle
        .send(StoreWish::RecordLaunches(vec![second.clone()]))
        .unwrap();
    assert_eq!(
        running.after_lost().await,
        StoreFact::LaunchesFailed(vec![second.attempt])
    );
    running
        .handle
        .send(StoreWish::Finish(Box::new(talked(&first, world.agent))))
        .unwrap();
    running
        .handle
        .send(StoreWish::SaveOutcome(Box::new(sale(&first, world.agent))))
        .unwrap();
    let saved = StoreFact::OutcomeSaved {
        attempt: first.attempt,
        callback: None,
    };
    assert_eq!(running.fact().await, saved, "it is safe: on disk");

    store::testing::TestCluster::shared()
        .await
        .let_in(&name)
        .await;
    assert_eq!(running.fact().await, StoreFact::Back);
    let counts = world.store.prospect_counts(world.campaign).await.unwrap();
    assert_eq!(
        (counts.success, counts.awaiting_outcome),
        (1, 0),
        "what was kept is written before Back"
    );
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_daemon_kept_on_disk_is_written_once_at_the_next_start() {
    let mut world = World::with(2).await;
    let dir = spool_dir("killed");
    let talk = world.launched().await;
    let ring = world.launched().await;
    let mut running = start(&world, &dir);
    let pool = world.store.pool_for_tests();
    let name: String = sqlx::query_scalar("SELECT current_database()::text")
        .fetch_one(&pool)
        .await
        .unwrap();
    store::testing::TestCluster::shared()
        .await
        .cut_off(&name)
        .await;
    running
        .handle
        .send(StoreWish::Finish(Box::new(talked(&talk, world.agent))))
        .unwrap();
    running
        .handle
        .send(StoreWish::Finish(Box::new(not_answered(&ring))))
        .unwrap();
    running
        .handle
        .send(StoreWish::SaveOutcome(Box::new(sale(&talk, world.agent))))
        .unwrap();
    assert!(matches!(
        running.after_lost().await,
        StoreFact::OutcomeSaved { .. }
    ));
    running.task.abort();
    store::testing::TestCluster::shared()
        .await
        .let_in(&name)
        .await;

    // Twice, as after a crash in the middle of the first replay.
    let kept = std::fs::read(dir.join("results.spool")).unwrap();
    assert!(!kept.is_empty());
    world.run = world.store.begin_run("here").await.unwrap();
    for _ in 0..2 {
        std::fs::write(dir.join("results.spool"), &kept).unwrap();
        let replayed = replay_spool(&world.store, &dir).await.unwrap();
        assert_eq!((replayed.written, replayed.refused), (3, 0));
    }
    assert_eq!(
        world.store.recover(world.run, noon()).await.unwrap(),
        store::Recovered::default()
    );
    let report = world
        .store
        .campaign_report(world.campaign, None, None)
        .await
        .unwrap();
    assert_eq!((report.prospects.success, report.prospects.retry), (1, 1));
    assert_eq!(world.number("SELECT count(*) FROM outcome").await, 1);
    assert_eq!(world.number("SELECT count(*) FROM event").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_refuses_for_good_stops_nothing_else() {
    let world = World::with(1).await;
    let dir = spool_dir("refused");
    let mut running = start(&world, &dir);
    let launch = world.launched().await;
    let mut never = not_answered(&launch);
    never.attempt = crate::world::new_attempt();
    running
        .handle
        .send(StoreWish::Finish(Box::new(never)))
        .unwrap();
    running
        .handle
        .send(StoreWish::Finish(Box::new(talked(&launch, world.agent))))
        .unwrap();
    running
        .handle
        .send(StoreWish::SaveOutcome(Box::new(sale(&launch, world.agent))))
        .unwrap();
    assert!(matches!(
        running.fact().await,
        StoreFact::OutcomeSaved { .. }
    ));
    running.end().await;
    assert_eq!(
        world
            .number("SELECT count(*) FROM attempt WHERE result = 'connected_agent'")
            .await,
        1
    );
    assert!(
        std::fs::metadata(dir.join("refused.spool")).unwrap().len() > 0,
        "it is kept apart"
    );
}
