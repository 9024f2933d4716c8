use engine::CampaignState;
use store::{AccountChange, Error, NewAccount, PageRequest, RequestKey, Role, Seen};

use crate::world::{World, agent, moscow, noon};

#[tokio::test]
async fn a_campaign_is_read_as_it_was_written_and_every_version_kept() {
    let world = World::empty().await;
    let mut config = world.config("autumn", "Shop");
    config.starts_at = Some(noon());
    let group = world.store.create_agent_group("sales").await.unwrap();
    config.groups = vec![group];
    let id = world
        .store
        .create_campaign(&config, world.admin)
        .await
        .unwrap();
    assert_eq!(world.store.campaign(id).await.unwrap().config, config);
    let mut changed = config.clone();
    changed.seller = "Bank".to_owned();
    changed.dispositions.truncate(2);
    assert_eq!(
        world
            .store
            .update_campaign(id, 1, &changed, world.admin)
            .await
            .unwrap(),
        2
    );
    assert_eq!(world.store.campaign(id).await.unwrap().config, changed);
    let stale = world
        .store
        .update_campaign(id, 1, &config, world.admin)
        .await;
    assert!(
        matches!(
            stale,
            Err(Error::Stale {
                expected: 1,
                is: 2,
                ..
            })
        ),
        "{stale:?}"
    );
    let versions = world
        .store
        .campaign_versions(id, PageRequest::FIRST)
        .await
        .unwrap()
        .items;
    assert_eq!(
        versions
            .iter()
            .map(|v| (v.version, &v.configured.config))
            .collect::<Vec<_>>(),
        [(2, &changed), (1, &config)]
    );
    assert_eq!(versions[0].changed_by.as_deref(), Some("admin"));
    assert_eq!(versions[0].before, Some(versions[1].configured.clone()));
    assert_eq!(versions[1].before, None);
}

#[tokio::test]
async fn a_list_that_is_added_or_taken_away_makes_a_version_with_its_author() {
    let world = World::with(1).await;
    let second = world.store.create_list("second").await.unwrap();
    for _ in 0..2 {
        // The second time changes nothing.
        world
            .store
            .add_list(world.campaign, second, noon(), world.admin)
            .await
            .unwrap();
    }
    world
        .store
        .remove_list(world.campaign, world.list, world.admin)
        .await
        .unwrap();
    let page = PageRequest { after: 0, size: 2 };
    let newest = world.store.campaign_versions(world.campaign, page);
    let newest = newest.await.unwrap();
    let lists = |v: &store::CampaignVersion| v.configured.lists.clone().unwrap();
    assert_eq!(
        newest
            .items
            .iter()
            .map(|v| (v.version, lists(v)))
            .collect::<Vec<_>>(),
        [(4, vec![second]), (3, vec![world.list, second])]
    );
    let page = PageRequest {
        after: newest.next.unwrap(),
        size: 2,
    };
    let oldest = world.store.campaign_versions(world.campaign, page);
    let oldest = oldest.await.unwrap();
    assert_eq!(oldest.next, None);
    assert_eq!(
        oldest
            .items
            .iter()
            .map(|v| (v.version, lists(v)))
            .collect::<Vec<_>>(),
        [(2, vec![world.list]), (1, vec![])]
    );
    let config = world.store.campaign(world.campaign).await.unwrap().config;
    for version in newest.items.iter().chain(&oldest.items) {
        assert_eq!(version.changed_by.as_deref(), Some("admin"));
        assert_eq!(version.configured.config, config);
    }
}

#[tokio::test]
async fn a_state_changes_only_from_the_states_named() {
    let world = World::empty().await;
    let refused = world
        .store
        .set_campaign_state(
            world.campaign,
            &[CampaignState::Paused],
            CampaignState::Running,
            "",
            noon(),
        )
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("is running; only one that is paused"),
        "{refused}"
    );
}

#[tokio::test]
async fn names_are_unique_and_missing_rows_are_named() {
    let world = World::empty().await;
    let taken = world.store.create_agent(&agent("Anna")).await.unwrap_err();
    assert!(
        matches!(
            taken,
            Error::Conflict {
                what: "account",
                ..
            }
        ),
        "{taken:?}"
    );
    let none = world
        .store
        .account(store::AccountId(999))
        .await
        .unwrap_err();
    assert_eq!(none.to_string(), "account 999 does not exist; check its id");
    let used = world
        .store
        .delete_trunk_group(world.trunks)
        .await
        .unwrap_err();
    assert!(matches!(used, Error::Conflict { .. }), "{used:?}");
    let mut config = world.config("odd", "Shop");
    config.trunk_group = model::TrunkGroupId(999);
    let bad = world
        .store
        .create_campaign(&config, world.admin)
        .await
        .unwrap_err();
    assert!(matches!(bad, Error::Invalid { .. }), "{bad:?}");
}

#[tokio::test]
async fn a_token_speaks_for_its_account_until_it_ends() {
    let world = World::empty().await;
    let hour = std::time::Duration::from_secs(3_600);
    let secret = [7; 32];
    let expires = Some(noon() + hour);
    let id = world
        .store
        .create_token(world.admin, "ci", &secret, expires)
        .await
        .unwrap();
    let who = |at| world.store.account_by_token(&secret, at);
    assert_eq!(who(noon()).await.unwrap().unwrap().id, world.admin);
    assert!(who(noon() + hour).await.unwrap().is_none());
    let change = AccountChange {
        disabled: Some(true),
        ..AccountChange::default()
    };
    world
        .store
        .update_account(world.admin, &change)
        .await
        .unwrap();
    assert!(who(noon()).await.unwrap().is_none());
    let change = AccountChange {
        disabled: Some(false),
        ..AccountChange::default()
    };
    world
        .store
        .update_account(world.admin, &change)
        .await
        .unwrap();
    world
        .store
        .revoke_token(world.admin, id, noon())
        .await
        .unwrap();
    assert!(who(noon()).await.unwrap().is_none());
}

#[tokio::test]
async fn the_set_up_token_makes_one_account_and_none_after_it() {
    let store = store::testing::store().await;
    let first = NewAccount {
        login: "Root".to_owned(),
        name: "Root".to_owned(),
        role: Role::Admin,
        password_hash: None,
    };
    assert!(store.offer_setup_token(&[1; 32]).await.unwrap());
    assert!(
        store.offer_setup_token(&[2; 32]).await.unwrap(),
        "a restart before its use makes another"
    );
    assert_eq!(store.use_setup_token(&[1; 32], &first).await.unwrap(), None);
    assert!(
        store
            .use_setup_token(&[2; 32], &first)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(store.use_setup_token(&[2; 32], &first).await.unwrap(), None);
    assert!(!store.offer_setup_token(&[3; 32]).await.unwrap());
    assert!(store.account_by_login("ROOT").await.unwrap().is_some());
}

#[tokio::test]
async fn a_request_id_gets_its_first_answer_again_and_is_good_for_nothing_else() {
    let world = World::empty().await;
    let key = RequestKey {
        account: world.admin,
        id: 42,
    };
    let begin = |digest| world.store.begin_request(key, "StartCampaign", digest);
    assert_eq!(begin(b"a").await.unwrap(), Seen::New);
    assert_eq!(begin(b"a").await.unwrap(), Seen::Open);
    world.store.finish_request(key, b"done").await.unwrap();
    assert_eq!(begin(b"a").await.unwrap(), Seen::Answered(b"done".to_vec()));
    assert_eq!(begin(b"b").await.unwrap(), Seen::OtherContent);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let world = World::with(7).await;
    let mut page = PageRequest { after: 0, size: 3 };
    let mut seen = Vec::new();
    loop {
        let got = world.store.prospects(world.list, page).await.unwrap();
        assert!(
            got.items
                .iter()
                .all(|p| p.zones == moscow() && p.phones.len() == 1)
        );
        seen.extend(got.items.into_iter().map(|p| p.external_id));
        match got.next {
            Some(next) => page.after = next,
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn an_event_in_the_making_is_not_passed_over() {
    let world = World::with(2).await;
    let mut open = world.store.pool_for_tests().begin().await.unwrap();
    sqlx::query("INSERT INTO event (at, kind, body) VALUES (now(), 'early', '{}')")
        .execute(&mut *open)
        .await
        .unwrap();
    sqlx::query("INSERT INTO event (at, kind, body) VALUES (now(), 'late', '{}')")
        .execute(&world.store.pool_for_tests())
        .await
        .unwrap();
    assert!(
        world.store.events(0, 10).await.unwrap().is_empty(),
        "the older one is not committed"
    );
    open.commit().await.unwrap();
    // "Older than every running writer" counts the writers of the whole server, other tests' too.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut look = tokio::time::interval(std::time::Duration::from_millis(10));
    let mut events = world.store.events(0, 10).await.unwrap();
    while events.len() < 2 && std::time::Instant::now() < deadline {
        look.tick().await;
        events = world.store.events(0, 10).await.unwrap();
    }
    let kinds: Vec<_> = events.into_iter().map(|e| e.kind).collect();
    assert_eq!(kinds, ["early", "late"]);
}

#[tokio::test]
async fn an_agent_s_time_is_the_sum_of_the_states() {
    let world = World::empty().await;
    let minute = std::time::Duration::from_secs(60);
    for (n, state) in [
        (0, engine::AgentState::Ready),
        (10, engine::AgentState::Talking),
        (15, engine::AgentState::Ready),
    ] {
        let log = engine::AgentLog {
            agent: world.agent,
            state,
            reason: String::new(),
            campaign: None,
            attempt: None,
            at: noon() + minute * n,
        };
        world.store.log_agent(&log).await.unwrap();
        world.store.log_agent(&log).await.unwrap();
    }
    let time = world
        .store
        .agent_time(world.agent, noon() + minute * 5, noon() + minute * 20)
        .await
        .unwrap();
    assert_eq!(
        time,
        [
            ("ready".to_owned(), minute * 10),
            ("talking".to_owned(), minute * 5)
        ]
    );
}
