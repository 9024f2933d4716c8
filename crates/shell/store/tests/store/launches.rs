use engine::{LaunchAnswer, ReturnTo, ReturnedClaim};

use crate::world::{World, new_attempt, noon, not_answered, person};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_campaigns_that_launch_one_number_at_once_one_gets_it() {
    let world = World::with(20).await;
    let other = world.another_campaign("summer", "Bank").await;
    world
        .store
        .add_list(other, world.list, noon(), world.admin)
        .await
        .unwrap();
    let ours = world.claim(20).await;
    let mut request = world.request(20);
    request.campaign = other;
    let theirs = world
        .store
        .claim(request, &|_| store::Opening::Open)
        .await
        .unwrap();
    let batches: Vec<Vec<_>> = [&ours, &theirs]
        .map(|claims| claims.iter().map(|c| world.launch(c)).collect())
        .into();
    let tasks: Vec<_> = batches
        .into_iter()
        .map(|batch| {
            let (store, run) = (world.store.clone(), world.run);
            tokio::spawn(async move { store.record_launches(run, &batch).await.unwrap() })
        })
        .collect();
    let mut recorded = 0;
    let mut live = 0;
    for task in tasks {
        for (_, answer) in task.await.unwrap() {
            match answer {
                LaunchAnswer::Recorded => recorded += 1,
                LaunchAnswer::NumberLive => live += 1,
                LaunchAnswer::FactsChanged | LaunchAnswer::LeaseLost => panic!("{answer:?}"),
            }
        }
    }
    assert_eq!((recorded, live), (20, 20));
    assert_eq!(world.number("SELECT count(*) FROM live_number").await, 20);
    assert_eq!(world.number("SELECT count(*) FROM attempt").await, 20);
    assert_eq!(world.number("SELECT count(*) FROM cap_slot").await, 20);
}

#[tokio::test]
async fn a_launch_on_older_facts_is_refused() {
    let world = World::with(1).await;
    let claim = world.claim(1).await.pop().unwrap();
    let launch = world.launch(&claim);
    let asked = store::Suppression {
        number: launch.number,
        seller: String::new(),
        reason: "register".to_owned(),
        source: "file".to_owned(),
        added_at: noon(),
    };
    world.store.suppress(&[asked]).await.unwrap();
    let answers = world
        .store
        .record_launches(world.run, &[launch])
        .await
        .unwrap();
    assert_eq!(answers[0].1, LaunchAnswer::FactsChanged);
    assert_eq!(world.number("SELECT count(*) FROM attempt").await, 0);
    let back = ReturnedClaim {
        campaign: claim.campaign,
        prospect: claim.prospect,
        lease: claim.lease,
        to: ReturnTo::Unchanged,
    };
    world.store.return_claims(world.run, &[back]).await.unwrap();
    assert!(
        world.claim(1).await[0].phones[0].suppressed,
        "the next claim knows it"
    );
}

#[tokio::test]
async fn one_person_is_in_one_call_whichever_number_it_is_on() {
    let world = World::empty().await;
    world
        .import(vec![person(1, &[79_160_000_001, 79_160_000_002])])
        .await;
    world
        .store
        .add_list(world.campaign, world.list, noon(), world.admin)
        .await
        .unwrap();
    let other = world.another_campaign("summer", "Shop").await;
    world
        .store
        .add_list(other, world.list, noon(), world.admin)
        .await
        .unwrap();
    world.launched().await;
    let mut request = world.request(1);
    request.campaign = other;
    let claim = world
        .store
        .claim(request, &|_| store::Opening::Open)
        .await
        .unwrap()
        .pop()
        .unwrap();
    let mut launch = world.launch(&claim);
    launch.phone = claim.phones[1].id;
    launch.number = claim.phones[1].number;
    launch.facts_version = claim.phones[1].version;
    let answers = world
        .store
        .record_launches(world.run, &[launch])
        .await
        .unwrap();
    assert_eq!(answers[0].1, LaunchAnswer::NumberLive);
    assert_eq!(world.number("SELECT count(*) FROM attempt").await, 1);
}

#[tokio::test]
async fn one_lease_is_good_for_one_launch_also_within_a_batch() {
    let world = World::with(1).await;
    let claim = world.claim(1).await.pop().unwrap();
    let first = world.launch(&claim);
    let mut second = first.clone();
    second.attempt = new_attempt();
    let answers = world
        .store
        .record_launches(world.run, &[first.clone(), second.clone()])
        .await
        .unwrap();
    assert_eq!(answers[0].1, LaunchAnswer::Recorded);
    assert_eq!(answers[1].1, LaunchAnswer::LeaseLost);
    let answers = world
        .store
        .record_launches(world.run, &[second])
        .await
        .unwrap();
    assert_eq!(answers[0].1, LaunchAnswer::LeaseLost);
}

#[tokio::test]
async fn launches_in_doubt_are_taken_back_once_and_burn_nothing() {
    let world = World::with(2).await;
    let claims = world.claim(2).await;
    let committed = world.launch(&claims[0]);
    let never = world.launch(&claims[1]);
    world.record(&committed).await;
    let doubtful = [committed.clone(), never];
    assert_eq!(
        world
            .store
            .undo_launches(world.run, &doubtful)
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        world
            .store
            .undo_launches(world.run, &doubtful)
            .await
            .unwrap(),
        0
    );
    assert_eq!(world.number("SELECT count(*) FROM live_number").await, 0);
    assert_eq!(world.number("SELECT count(*) FROM cap_slot").await, 0);
    assert_eq!(
        world
            .number("SELECT count(*) FROM attempt WHERE result = 'returned_undialled'")
            .await,
        1
    );
    let again = world.claim(1).await.pop().unwrap();
    assert_eq!((again.prospect, again.tries), (committed.prospect, 0));
    // The end that the engine may still send finds that it has ended.
    let ends = world
        .store
        .finish(world.run, &[not_answered(&committed)])
        .await
        .unwrap();
    assert_eq!(
        ends,
        [store::Finished::Before(
            model::CallResult::ReturnedUndialled
        )]
    );
}
