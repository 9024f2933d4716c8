use std::collections::BTreeSet;
use std::time::Duration;

use engine::{ClaimRefused, ReturnTo, ReturnedClaim, WorkKind};
use model::ZoneSet;
use store::{HELD_NO_ZONE, Opening};

use crate::world::{HOUR, World, agent, due, moscow, noon, not_answered, person, prospect};

#[tokio::test(flavor = "multi_thread")]
async fn no_prospect_is_in_two_hands_however_many_claim_at_once() {
    let world = World::with(500).await;
    let claims = (0..8).map(|_| {
        let (store, request) = (world.store.clone(), world.request(37));
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = store.claim(request, &|_| Opening::Open).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|c| (c.prospect, c.lease)));
            }
        })
    });
    let mut prospects = Vec::new();
    let mut leases = BTreeSet::new();
    for task in claims.collect::<Vec<_>>() {
        for (prospect, lease) in task.await.unwrap() {
            prospects.push(prospect);
            leases.insert(lease);
        }
    }
    let distinct: BTreeSet<_> = prospects.iter().collect();
    assert_eq!(
        (prospects.len(), distinct.len(), leases.len()),
        (500, 500, 500)
    );
}

#[tokio::test]
async fn a_claim_carries_every_fact_of_the_person() {
    let world = World::empty().await;
    let mut p = prospect(1, &[79_160_000_001, 79_160_000_002]);
    p.subject = Some("contract 7".to_owned());
    p.amount = Some(model::Money::new(123_405, "RUB".parse().unwrap()));
    p.language = Some("ru".to_owned());
    world
        .import(vec![store::ImportRow::Prospect(Box::new(p))])
        .await;
    world
        .store
        .add_list(world.campaign, world.list, noon(), world.admin)
        .await
        .unwrap();
    let claim = world.claim(10).await.pop().unwrap();
    assert_eq!(claim.kind, WorkKind::Fresh);
    assert_eq!(claim.zones, moscow());
    assert_eq!(claim.subject.as_deref(), Some("contract 7"));
    assert_eq!(claim.amount.unwrap().to_string(), "1234.05 RUB");
    assert_eq!(claim.language.as_deref(), Some("ru"));
    assert!(claim.consent);
    assert_eq!(claim.card.external_id, "id-1");
    // The file's order, which is not that of the letters.
    let names: Vec<_> = claim.card.fields.iter().map(|f| f.0.as_str()).collect();
    assert_eq!(names, ["city", "age"]);
    let numbers: Vec<_> = claim.phones.iter().map(|p| p.number.digits()).collect();
    assert_eq!(numbers, [79_160_000_001, 79_160_000_002]);
    assert!(
        claim
            .phones
            .iter()
            .all(|p| !p.closed && !p.suppressed && !p.live)
    );
}

#[tokio::test]
async fn only_open_zone_sets_are_claimed_and_the_closed_ones_counted() {
    let world = World::empty().await;
    let omsk = ZoneSet::from_names(["Asia/Omsk"]).unwrap();
    let mut far = prospect(2, &[79_160_000_002]);
    far.zones = omsk.clone();
    world
        .import(vec![
            person(1, &[79_160_000_001]),
            store::ImportRow::Prospect(Box::new(far)),
        ])
        .await;
    world
        .store
        .add_list(world.campaign, world.list, noon(), world.admin)
        .await
        .unwrap();
    let opens = noon() + HOUR * 15;
    let openings = |zones: &ZoneSet| {
        if *zones == omsk {
            Opening::At(opens)
        } else {
            Opening::Open
        }
    };
    let counts = world
        .store
        .queue_counts(world.campaign, noon(), &openings)
        .await
        .unwrap();
    assert_eq!(
        (counts.due, counts.outside_hours, counts.opens_at),
        (1, 1, Some(opens))
    );
    let claims = world
        .store
        .claim(world.request(10), &openings)
        .await
        .unwrap();
    assert_eq!(
        claims
            .iter()
            .map(|c| c.card.external_id.as_str())
            .collect::<Vec<_>>(),
        ["id-1"]
    );
}

#[tokio::test]
async fn the_queue_is_served_by_priority_and_not_before_its_instant() {
    let world = World::with(3).await;
    let first = world.launched().await;
    let mut end = not_answered(&first);
    end.next = due(noon(), WorkKind::ReservedAgent);
    world.store.finish(world.run, &[end]).await.unwrap();
    let second = world.launched().await;
    assert_eq!(
        second.prospect, first.prospect,
        "a reserved-agent retry comes before fresh ones"
    );
    world
        .store
        .finish(world.run, &[not_answered(&second)])
        .await
        .unwrap();
    let rest = world.claim(10).await;
    assert!(
        rest.iter().all(|c| c.prospect != first.prospect),
        "it is due only in three hours"
    );
    assert_eq!(rest.len(), 2);
    let mut later = world.request(10);
    later.at = noon() + HOUR * 3;
    let claims = world.store.claim(later, &|_| Opening::Open).await.unwrap();
    assert_eq!(claims.len(), 1);
    assert_eq!((claims[0].kind, claims[0].tries), (WorkKind::Retry, 2));
    assert_eq!(claims[0].phones[0].history.len(), 2);
    assert_eq!(claims[0].card.history.len(), 2);
}

#[tokio::test]
async fn a_lease_that_is_not_renewed_is_freed_and_one_that_is_stays() {
    let world = World::with(2).await;
    let mut short = world.request(1);
    short.lease = Duration::ZERO;
    let lost = world
        .store
        .claim(short, &|_| Opening::Open)
        .await
        .unwrap()
        .pop()
        .unwrap();
    let kept = world.claim(1).await.pop().unwrap();
    assert_eq!(world.store.release_expired_leases().await.unwrap(), 1);
    let again = world.claim(1).await.pop().unwrap();
    assert_eq!(again.prospect, lost.prospect);
    assert_ne!(again.lease, lost.lease);
    assert_eq!(
        world
            .store
            .renew_leases(world.run, Duration::from_secs(90))
            .await
            .unwrap(),
        2
    );
    assert_eq!(world.store.release_expired_leases().await.unwrap(), 0);
    // What the first holder does now has no effect.
    let back = ReturnedClaim {
        campaign: lost.campaign,
        prospect: lost.prospect,
        lease: lost.lease,
        to: ReturnTo::Unchanged,
    };
    assert_eq!(
        world.store.return_claims(world.run, &[back]).await.unwrap(),
        0
    );
    assert!(world.claim(10).await.is_empty());
    assert_ne!(kept.prospect, again.prospect);
}

#[tokio::test]
async fn a_claim_goes_back_where_it_is_sent() {
    let world = World::with(4).await;
    let claims = world.claim(4).await;
    let to = [
        ReturnTo::Unchanged,
        ReturnTo::Held {
            until: Some(noon() + HOUR),
            rule: "demo@1 window".to_owned(),
        },
        ReturnTo::Held {
            until: None,
            rule: "demo@1 consent".to_owned(),
        },
        ReturnTo::Closed {
            state: engine::ClosedState::Exhausted,
            because: "no number".to_owned(),
        },
    ];
    let back: Vec<_> = claims
        .iter()
        .zip(to)
        .map(|(c, to)| ReturnedClaim {
            campaign: c.campaign,
            prospect: c.prospect,
            lease: c.lease,
            to,
        })
        .collect();
    assert_eq!(
        world.store.return_claims(world.run, &back).await.unwrap(),
        4
    );
    let counts = world
        .store
        .queue_counts(world.campaign, noon(), &|_| Opening::Open)
        .await
        .unwrap();
    assert_eq!(
        (counts.due, counts.later, counts.held, counts.closed),
        (1, 1, 1, 1)
    );
    assert_eq!(counts.next_at, Some(noon() + HOUR));
    let held = world.store.held_counts(world.campaign).await.unwrap();
    let rules: Vec<_> = held.iter().map(|h| (h.rule.as_str(), h.until)).collect();
    assert!(rules.contains(&("demo@1 window", Some(noon() + HOUR))));
    assert!(rules.contains(&("demo@1 consent", None)));
}

#[tokio::test]
async fn who_has_no_zone_is_held_and_who_has_no_number_is_closed() {
    let world = World::empty().await;
    let mut nowhere = prospect(1, &[79_160_000_001]);
    nowhere.zones = ZoneSet::default();
    world
        .import(vec![
            store::ImportRow::Prospect(Box::new(nowhere)),
            person(2, &[]),
            person(3, &[79_160_000_003]),
            person(4, &[79_160_000_004]),
        ])
        .await;
    let asked = store::Suppression {
        number: "+79160000004".parse().unwrap(),
        seller: "Shop".to_owned(),
        reason: "asked".to_owned(),
        source: "letter".to_owned(),
        added_at: noon(),
    };
    world.store.suppress(&[asked]).await.unwrap();
    let filled = world
        .store
        .add_list(world.campaign, world.list, noon(), world.admin)
        .await
        .unwrap();
    assert_eq!(
        (filled.due, filled.held, filled.suppressed, filled.unusable),
        (1, 1, 1, 1)
    );
    let never = world.store.never_counts(world.campaign).await.unwrap();
    assert!(
        never
            .iter()
            .any(|n| n.reason == HELD_NO_ZONE && n.prospects == 1)
    );
    let elsewhere = world.another_campaign("summer", "Bank").await;
    let filled = world
        .store
        .add_list(elsewhere, world.list, noon(), world.admin)
        .await
        .unwrap();
    assert_eq!(filled.suppressed, 0, "another seller is not concerned");
}

#[tokio::test]
async fn an_agent_has_what_is_handed_over_and_nothing_of_others() {
    let world = World::with(3).await;
    let other = world.store.create_agent(&agent("boris")).await.unwrap();
    let claims = world.claim(1).await;
    let taken = claims[0].prospect;
    let people = world
        .store
        .prospects(world.list, store::PageRequest::FIRST)
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|p| p.id)
        .filter(|p| *p != taken)
        .collect::<Vec<_>>();
    let (mine, free) = (people[0], people[1]);
    world
        .store
        .assign_prospect(world.campaign, mine, Some(world.agent))
        .await
        .unwrap();
    let one = |agent, prospect| world.store.claim_one(world.request(1), agent, prospect);
    assert_eq!(
        one(other, mine).await.unwrap().unwrap_err(),
        ClaimRefused::NotYours
    );
    assert_eq!(
        one(world.agent, free).await.unwrap().unwrap_err(),
        ClaimRefused::NotYours
    );
    assert_eq!(
        one(world.agent, model::ProspectId(0))
            .await
            .unwrap()
            .unwrap_err(),
        ClaimRefused::NotFound
    );
    let left: Vec<_> = world
        .claim(10)
        .await
        .into_iter()
        .map(|c| c.prospect)
        .collect();
    assert_eq!(
        left,
        [free],
        "the campaign does not claim what is one agent's"
    );
    assert_eq!(
        world.store.agent_work(world.agent, 10).await.unwrap().len(),
        1
    );
    assert_eq!(
        one(world.agent, mine).await.unwrap().unwrap().prospect,
        mine
    );
    assert_eq!(
        one(world.agent, mine).await.unwrap().unwrap_err(),
        ClaimRefused::Taken
    );
}
