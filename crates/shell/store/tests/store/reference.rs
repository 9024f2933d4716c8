//! The queue against a model of a few lines: the same operations, compared after each.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{Claim, Launch, ReturnTo, ReturnedClaim, WorkKind};
use model::{ProspectId, WallTime};
use proptest::prelude::*;
use store::Opening;

use crate::world::{World, due, noon, not_answered};

#[derive(Clone, Debug)]
enum Step {
    Claim(u32),
    /// Gives the n-th claim at hand back, to an instant so many minutes from the start.
    Return(usize, Option<u32>),
    Launch(usize),
    /// Ends the n-th call: due again in so many minutes, as this kind.
    Finish(usize, u32, WorkKind),
    /// Minutes pass.
    Wait(u32),
    /// The daemon dies and starts again.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![
        Just(WorkKind::Retry),
        Just(WorkKind::Hunt),
        Just(WorkKind::ReservedAgent),
        Just(WorkKind::PublicCallback)
    ];
    let step = prop_oneof![
        4 => (0_u32..4).prop_map(Step::Claim),
        2 => (0_usize..8, prop::option::of(0_u32..90)).prop_map(|(n, m)| Step::Return(n, m)),
        4 => (0_usize..8).prop_map(Step::Launch),
        4 => (0_usize..8, 0_u32..90, kind).prop_map(|(n, m, k)| Step::Finish(n, m, k)),
        2 => (1_u32..60).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..40)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Due(WorkKind, WallTime),
    Claimed(WorkKind, WallTime),
    InCall,
}

struct Model {
    places: BTreeMap<ProspectId, Place>,
    tries: BTreeMap<ProspectId, u32>,
}

const MINUTE: Duration = Duration::from_secs(60);

proptest! {
    // Each case makes a database and talks to it: few, and no shrinking over minutes.
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_does_what_the_model_does(steps in steps()) {
        tokio::runtime::Runtime::new().unwrap().block_on(run(steps))?;
    }
}

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut world = World::with(6).await;
    let people = world
        .store
        .prospects(world.list, store::PageRequest::FIRST)
        .await
        .unwrap()
        .items;
    let mut model = Model {
        places: people
            .iter()
            .map(|p| (p.id, Place::Due(WorkKind::Fresh, noon())))
            .collect(),
        tries: BTreeMap::new(),
    };
    let (mut claims, mut calls): (Vec<Claim>, Vec<Launch>) = (Vec::new(), Vec::new());
    let mut now = noon();
    for step in steps {
        match step {
            Step::Wait(minutes) => now = now + MINUTE * minutes,
            Step::Claim(count) => {
                let mut request = world.request(count);
                request.at = now;
                let got = world
                    .store
                    .claim(request, &|_| Opening::Open)
                    .await
                    .unwrap();
                check_claim(&mut model, count, now, &got)?;
                claims.extend(got);
            }
            Step::Return(n, minutes) if n < claims.len() => {
                let claim = claims.swap_remove(n);
                let until = minutes.map(|m| noon() + MINUTE * m);
                let to = match until {
                    None => ReturnTo::Unchanged,
                    Some(at) => ReturnTo::Held {
                        until: Some(at),
                        rule: "rule".to_owned(),
                    },
                };
                let back = ReturnedClaim {
                    campaign: claim.campaign,
                    prospect: claim.prospect,
                    lease: claim.lease,
                    to,
                };
                prop_assert_eq!(
                    world.store.return_claims(world.run, &[back]).await.unwrap(),
                    1
                );
                if let Some(Place::Claimed(kind, at)) = model.places.get(&claim.prospect).copied() {
                    model
                        .places
                        .insert(claim.prospect, Place::Due(kind, until.unwrap_or(at)));
                }
            }
            Step::Launch(n) if n < claims.len() => {
                let launch = world.launch(&claims.swap_remove(n));
                world.record(&launch).await;
                model.places.insert(launch.prospect, Place::InCall);
                calls.push(launch);
            }
            Step::Finish(n, minutes, kind) if n < calls.len() => {
                let launch = calls.swap_remove(n);
                let at = noon() + MINUTE * minutes;
                let mut end = not_answered(&launch);
                end.next = due(at, kind);
                world.store.finish(world.run, &[end]).await.unwrap();
                *model.tries.entry(launch.prospect).or_default() += 1;
                model.places.insert(launch.prospect, Place::Due(kind, at));
            }
            Step::Restart => {
                world.run = world.store.begin_run("here").await.unwrap();
                let recovered = world.store.recover(world.run, now).await.unwrap();
                prop_assert_eq!(recovered.attempts, calls.len() as u64);
                prop_assert_eq!(recovered.leases, claims.len() as u64);
                claims.clear();
                calls.clear();
                for place in model.places.values_mut() {
                    *place = match *place {
                        Place::Claimed(kind, at) => Place::Due(kind, at),
                        Place::InCall => Place::Due(WorkKind::ReservedAgent, now + MINUTE * 60),
                        due @ Place::Due(..) => due,
                    };
                }
            }
            Step::Return(..) | Step::Launch(_) | Step::Finish(..) => {}
        }
        compare(&world, &model, now).await?;
    }
    Ok(())
}

/// As many as asked for, or all that are due; none that is not; and by kind.
fn check_claim(
    model: &mut Model,
    count: u32,
    now: WallTime,
    got: &[Claim],
) -> Result<(), TestCaseError> {
    let mut due: Vec<WorkKind> = model
        .places
        .values()
        .filter_map(|p| match p {
            Place::Due(kind, at) if *at <= now => Some(*kind),
            _ => None,
        })
        .collect();
    due.sort_unstable_by(|a, b| b.cmp(a));
    due.truncate(count as usize);
    let mut kinds: Vec<_> = got.iter().map(|c| c.kind).collect();
    kinds.sort_unstable_by(|a, b| b.cmp(a));
    prop_assert_eq!(kinds, due);
    for claim in got {
        match model.places.get(&claim.prospect).copied() {
            Some(Place::Due(kind, at)) if at <= now && kind == claim.kind => {
                model
                    .places
                    .insert(claim.prospect, Place::Claimed(kind, at));
            }
            other => prop_assert!(false, "claimed {:?} which is {other:?}", claim.prospect),
        }
        prop_assert_eq!(
            claim.tries,
            model.tries.get(&claim.prospect).copied().unwrap_or(0)
        );
    }
    Ok(())
}

async fn compare(world: &World, model: &Model, now: WallTime) -> Result<(), TestCaseError> {
    let counts = world
        .store
        .queue_counts(world.campaign, now, &|_| Opening::Open)
        .await
        .unwrap();
    let count = |f: &dyn Fn(&Place) -> bool| model.places.values().filter(|p| f(p)).count() as u64;
    prop_assert_eq!(
        counts.due,
        count(&|p| matches!(p, Place::Due(_, at) if *at <= now))
    );
    prop_assert_eq!(
        counts.later,
        count(&|p| matches!(p, Place::Due(_, at) if *at > now))
    );
    prop_assert_eq!(
        counts.in_hand,
        count(&|p| matches!(p, Place::Claimed(..) | Place::InCall))
    );
    let live = world.number("SELECT count(*) FROM live_number").await;
    prop_assert_eq!(live as u64, count(&|p| matches!(p, Place::InCall)));
    Ok(())
}
