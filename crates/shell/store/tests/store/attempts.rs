use engine::{Next, NumberMark, ReturnTo, ReturnedClaim, WorkKind};
use model::CallResult;
use store::Finished;

use crate::world::{HOUR, World, due, new_attempt, noon, not_answered, person, talked};

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_ends_once_whoever_says_so_at_the_same_time() {
    let world = World::with(1).await;
    let launch = world.launched().await;
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (store, run, end) = (world.store.clone(), world.run, not_answered(&launch));
            tokio::spawn(async move { store.finish(run, &[end]).await.unwrap()[0] })
        })
        .collect();
    let mut now = 0;
    for task in tasks {
        match task.await.unwrap() {
            Finished::Now => now += 1,
            Finished::Before(CallResult::NoAnswer) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(now, 1);
    assert_eq!(
        world
            .number("SELECT count(*) FROM event WHERE kind = 'attempt.finished'")
            .await,
        1
    );
}

#[tokio::test]
async fn an_end_frees_the_number_and_moves_its_facts_on() {
    let world = World::with(1).await;
    let launch = world.launched().await;
    world
        .store
        .finish(world.run, &[not_answered(&launch)])
        .await
        .unwrap();
    assert_eq!(world.number("SELECT count(*) FROM live_number").await, 0);
    assert_eq!(
        world.number("SELECT version FROM number").await,
        launch.facts_version + 1
    );
}

#[tokio::test]
async fn a_cap_slot_is_given_back_only_when_the_line_was_not_reached() {
    let world = World::with(3).await;
    let claims = world.claim(3).await;
    let launches: Vec<_> = claims.iter().map(|c| world.launch(c)).collect();
    world
        .store
        .record_launches(world.run, &launches)
        .await
        .unwrap();
    let rang = not_answered(&launches[0]);
    let mut congested = not_answered(&launches[1]);
    (congested.result, congested.rang, congested.counts_as_try) =
        (CallResult::NetworkCongestion, false, false);
    let mut invalid = not_answered(&launches[2]);
    (invalid.result, invalid.rang, invalid.counts_as_try) =
        (CallResult::InvalidNumber, false, true);
    world
        .store
        .finish(world.run, &[rang, congested, invalid])
        .await
        .unwrap();
    assert_eq!(
        world
            .number("SELECT count(*) FROM cap_slot WHERE result = 'no_answer'")
            .await,
        1
    );
    assert_eq!(
        world
            .number("SELECT count(*) FROM cap_slot WHERE result = 'invalid_number'")
            .await,
        1
    );
    assert_eq!(world.number("SELECT count(*) FROM cap_slot").await, 2);
    assert_eq!(
        world
            .number(
                "SELECT count(*) FROM queue q WHERE tries <> (SELECT count(*) FROM attempt a
                 WHERE a.prospect_id = q.prospect_id AND a.counts_as_try)"
            )
            .await,
        0,
        "the cached count of tries equals the recount"
    );
}

#[tokio::test]
async fn a_number_found_invalid_is_closed_for_every_list_and_campaign() {
    let world = World::empty().await;
    world
        .import(vec![person(1, &[79_160_000_001, 79_160_000_002])])
        .await;
    world
        .store
        .add_list(world.campaign, world.list, noon(), world.admin)
        .await
        .unwrap();
    let launch = world.launched().await;
    let mut end = not_answered(&launch);
    end.mark = Some(NumberMark::Invalid);
    end.next = Next::Due {
        at: noon(),
        phone: None,
        kind: WorkKind::Hunt,
        close_phone: Some(launch.phone),
        because: "invalid_number".to_owned(),
    };
    world.store.finish(world.run, &[end]).await.unwrap();
    let claim = world.claim(1).await.pop().unwrap();
    assert_eq!(
        claim.phones.iter().map(|p| p.closed).collect::<Vec<_>>(),
        [true, false]
    );
    let other = world.another_campaign("summer", "Bank").await;
    let filled = world
        .store
        .add_list(other, world.list, noon(), world.admin)
        .await
        .unwrap();
    assert_eq!(filled.due, 1);
    let mut request = world.request(1);
    request.campaign = other;
    let claim = world
        .store
        .claim(request, &|_| store::Opening::Open)
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert!(claim.phones[0].closed);
}

#[tokio::test]
async fn a_decision_without_a_call_is_one_attempt_with_its_result() {
    let world = World::with(1).await;
    let claim = world.claim(1).await.pop().unwrap();
    let back = ReturnedClaim {
        campaign: claim.campaign,
        prospect: claim.prospect,
        lease: claim.lease,
        to: ReturnTo::Decided {
            attempt: new_attempt(),
            phone: claim.phones[0].id,
            result: CallResult::PreviewSkipped,
            agent: Some(world.agent),
            at: noon(),
            next: due(noon() + HOUR, WorkKind::Fresh),
        },
    };
    assert_eq!(
        world
            .store
            .return_claims(world.run, std::slice::from_ref(&back))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        world.store.return_claims(world.run, &[back]).await.unwrap(),
        0
    );
    let report = world
        .store
        .campaign_report(world.campaign, None, None)
        .await
        .unwrap();
    assert_eq!(report.results, [(CallResult::PreviewSkipped, 1)]);
    assert_eq!(report.prospects.fresh, 1);
}

#[tokio::test]
async fn a_report_adds_up_and_the_ledger_equals_the_recount() {
    let world = World::with(4).await;
    let talk = world.launched().await;
    world
        .store
        .finish(world.run, &[talked(&talk, world.agent)])
        .await
        .unwrap();
    let lost = world.launched().await;
    let mut abandoned = not_answered(&lost);
    abandoned.result = CallResult::AbandonedNoAgent;
    abandoned.ledger = Some(model::LedgerClass::A);
    abandoned.times.answered_at = Some(noon());
    world.store.finish(world.run, &[abandoned]).await.unwrap();
    world.launched().await;
    let report = world
        .store
        .campaign_report(world.campaign, None, None)
        .await
        .unwrap();
    assert_eq!(
        (report.answered, report.bridged, report.open_attempts),
        (2, 1, 1)
    );
    assert_eq!(
        (report.ledger.c, report.ledger.a, report.unaccounted),
        (1, 1, 0)
    );
    let p = report.prospects;
    assert_eq!(
        (p.fresh, p.retry, p.in_call, p.awaiting_outcome),
        (1, 1, 1, 1)
    );
    assert_eq!(report.agents[0].talk, std::time::Duration::from_secs(60));
    let rows = world
        .store
        .export(world.campaign, store::PageRequest { after: 0, size: 3 })
        .await
        .unwrap();
    assert_eq!(rows.items.len(), 3);
    let rest = store::PageRequest {
        after: rows.next.unwrap(),
        size: 3,
    };
    assert_eq!(
        world
            .store
            .export(world.campaign, rest)
            .await
            .unwrap()
            .items
            .len(),
        1
    );
}

#[tokio::test]
async fn every_result_has_its_place_in_the_table() {
    let world = World::empty().await;
    let names: Vec<String> = CallResult::ALL
        .iter()
        .map(|r| r.as_str().to_owned())
        .collect();
    let listed: Vec<String> = sqlx::query_scalar(
        "SELECT (regexp_matches(pg_get_constraintdef(oid), '''([a-z_]+)''', 'g'))[1]
         FROM pg_constraint WHERE conname = 'attempt_result_known'",
    )
    .fetch_all(&world.store.pool_for_tests())
    .await
    .unwrap();
    assert_eq!(listed, names);
}
