use model::E164;
use store::{ImportRecord, ImportRow, IntoList, KeptRange, PageRequest, Reject};
use tokio::sync::mpsc;

use crate::world::{HOUR, World, due, moscow, noon, not_answered, person, prospect, sale, talked};

#[tokio::test]
async fn what_a_file_says_is_what_the_list_has_also_the_odd_characters() {
    let world = World::empty().await;
    let mut odd = prospect(1, &[79_160_000_001]);
    odd.name = Some("О\\'Нил\t\"Ko\"\nсын\\N".to_owned());
    odd.fields = vec![
        ("city".to_owned(), "a\\b{}\r\u{0}c".to_owned()),
        ("zzz".to_owned(), "\\.".to_owned()),
    ];
    odd.phones[0].raw = "8 (916)\t000\\00-01 доб. 5".to_owned();
    odd.phones[0].extension = Some("5".to_owned());
    let imported = world
        .import(vec![ImportRow::Prospect(Box::new(odd.clone()))])
        .await;
    assert_eq!(
        (imported.rows, imported.accepted, imported.rejected),
        (1, 1, 0)
    );
    let there = world
        .store
        .find_prospects("id-1")
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(there.name, odd.name);
    assert_eq!(there.zones, moscow());
    assert_eq!(
        there.fields[0],
        ("city".to_owned(), "a\\b{}\rc".to_owned()),
        "Postgres holds no NUL"
    );
    assert_eq!(there.fields[1], odd.fields[1]);
    assert_eq!(there.phones[0].raw, odd.phones[0].raw);
    assert_eq!(there.phones[0].extension, odd.phones[0].extension);
    let by_number = world.store.find_prospects("+79160000001").await.unwrap();
    assert_eq!(by_number, [there]);
}

#[tokio::test]
async fn duplicates_and_rejects_are_told_by_row_and_reason() {
    let world = World::empty().await;
    world.import(vec![person(1, &[79_160_000_001])]).await;
    let mut twice = prospect(4, &[79_160_000_009]);
    twice.external_id = "id-3".to_owned();
    let imported = world
        .import(vec![
            person(1, &[79_160_000_007]),
            ImportRow::Reject(Reject {
                row: 2,
                reason: "no phone".to_owned(),
                raw: "abc".to_owned(),
            }),
            person(3, &[79_160_000_003]),
            ImportRow::Prospect(Box::new(twice)),
        ])
        .await;
    assert_eq!(
        (
            imported.rows,
            imported.accepted,
            imported.duplicates,
            imported.rejected
        ),
        (4, 1, 2, 1)
    );
    let told = world
        .store
        .import_rejects(imported.id, 0, 10)
        .await
        .unwrap();
    let told: Vec<_> = told.iter().map(|r| (r.row, r.reason.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, "the identifier stands in the list already"),
            (2, "no phone"),
            (4, "the identifier stands in row 3 already"),
        ]
    );
    assert_eq!(world.number("SELECT count(*) FROM import_stage").await, 0);
}

#[tokio::test]
async fn a_file_that_breaks_off_leaves_nothing_behind() {
    let world = World::empty().await;
    let (send, receive) = mpsc::channel(4);
    send.send(person(1, &[79_160_000_001])).await.unwrap();
    drop(send);
    let refused = world
        .store
        .import(
            IntoList::New("torn"),
            &ImportRecord::default(),
            receive,
            noon(),
        )
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("nothing was imported"),
        "{refused}"
    );
    assert_eq!(world.number("SELECT count(*) FROM prospect").await, 0);
    assert_eq!(world.number("SELECT count(*) FROM import").await, 0);
}

#[tokio::test]
async fn who_is_imported_later_is_called_by_the_campaigns_of_the_list() {
    let world = World::with(2).await;
    let imported = world.import(vec![person(3, &[79_160_000_003])]).await;
    assert_eq!(imported.queued.due, 1);
    assert_eq!(world.claim(10).await.len(), 3);
}

#[tokio::test]
async fn a_list_taken_away_is_called_no_more_and_its_past_stays() {
    let world = World::with(3).await;
    let tried = world.launched().await;
    world
        .store
        .finish(world.run, &[crate::world::not_answered(&tried)])
        .await
        .unwrap();
    assert_eq!(
        world
            .store
            .remove_list(world.campaign, world.list, world.admin)
            .await
            .unwrap(),
        3
    );
    assert!(world.claim(10).await.is_empty());
    let report = world
        .store
        .campaign_report(world.campaign, None, None)
        .await
        .unwrap();
    assert_eq!((report.prospects.done, report.results.len()), (1, 1));
}

#[tokio::test]
async fn what_was_chosen_for_an_import_is_remembered_with_who_chose_it() {
    let world = World::empty().await;
    let (send, receive) = mpsc::channel(16);
    send.send(person(1, &[79_160_000_001])).await.unwrap();
    send.send(ImportRow::End {
        rows: 1,
        assumed: 1,
    })
    .await
    .unwrap();
    let range = |row, numbers| KeptRange {
        row,
        numbers,
        place: "Asia/Omsk".to_owned(),
    };
    let record = ImportRecord {
        file: "march.csv".to_owned(),
        by: Some(world.admin),
        assumed_zone: Some("Europe/Moscow".to_owned()),
        ranges_file: Some("def.csv".to_owned()),
        ranges: vec![
            range(2, Ok(7_913)),
            range(3, Err((79_140_000_000, 79_140_009_999))),
        ],
        ..ImportRecord::default()
    };
    let imported = world
        .store
        .import(IntoList::New("march"), &record, receive, noon())
        .await
        .unwrap();
    let past = world.store.imports(imported.list, PageRequest::FIRST).await;
    let [past] = <[store::PastImport; 1]>::try_from(past.unwrap().items).unwrap();
    assert_eq!(past.by.as_deref(), Some("admin"));
    assert_eq!(past.assumed_zone.as_deref(), Some("Europe/Moscow"));
    assert_eq!(
        (past.ranges_file.as_deref(), past.ranges),
        (Some("def.csv"), 2)
    );
    assert_eq!((past.imported.id, past.imported.assumed), (imported.id, 1));
}

#[tokio::test]
async fn who_is_in_a_call_when_the_list_is_taken_away_is_not_called_again() {
    let world = World::with(4).await;
    let (missed, asked) = (world.launched().await, world.launched().await);
    let (sent_back, _lost) = (world.launched().await, world.launched().await);
    let removed = world
        .store
        .remove_list(world.campaign, world.list, world.admin);
    assert_eq!(removed.await.unwrap(), 0, "calls in progress go on");
    world
        .store
        .finish(world.run, &[not_answered(&missed)])
        .await
        .unwrap();
    world
        .store
        .finish(world.run, &[talked(&asked, world.agent)])
        .await
        .unwrap();
    let promise = engine::OutcomeRecord {
        callback: Some(engine::NewCallback {
            agent: None,
            at: noon() + HOUR,
            phone: None,
            note: String::new(),
        }),
        next: due(noon() + HOUR, engine::WorkKind::PublicCallback),
        ..sale(&asked, world.agent)
    };
    world.store.save_outcomes(&[promise]).await.unwrap();
    let undone = world.store.undo_launches(world.run, &[sent_back]).await;
    assert_eq!(undone.unwrap(), 1);
    let later = world.store.begin_run("here").await.unwrap();
    let recovered = world.store.recover(later, noon()).await.unwrap();
    assert_eq!(recovered.attempts, 1);
    let closed = "SELECT count(*) FROM queue WHERE state = 5 AND because = 'list removed'";
    assert_eq!(world.number(closed).await, 4);
    let promised = "SELECT count(*) FROM callback WHERE state = 'open'";
    assert_eq!(world.number(promised).await, 0);
}

#[tokio::test]
async fn a_list_that_comes_back_is_called_again() {
    let world = World::with(2).await;
    let tried = world.launched().await;
    world
        .store
        .finish(world.run, &[crate::world::not_answered(&tried)])
        .await
        .unwrap();
    let removed = world
        .store
        .remove_list(world.campaign, world.list, world.admin);
    removed.await.unwrap();
    let filled = world
        .store
        .add_list(world.campaign, world.list, noon(), world.admin)
        .await
        .unwrap();
    assert_eq!(filled.due, 2);
    assert_eq!(world.claim(10).await.len(), 2);
}

#[tokio::test]
async fn a_number_may_be_suppressed_before_any_list_has_it() {
    let world = World::empty().await;
    let number = E164::from_digits(79_160_000_001).unwrap();
    let entry = store::Suppression {
        number,
        seller: String::new(),
        reason: "register".to_owned(),
        source: "file".to_owned(),
        added_at: noon(),
    };
    assert_eq!(
        world
            .store
            .suppress(&[entry.clone(), entry.clone()])
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        world.store.suppressions_of(number, "Shop").await.unwrap(),
        [entry]
    );
    world.import(vec![person(1, &[79_160_000_001])]).await;
    let filled = world
        .store
        .add_list(world.campaign, world.list, noon(), world.admin)
        .await
        .unwrap();
    assert_eq!(filled.suppressed, 1);
    assert!(world.store.unsuppress(number, "").await.unwrap());
    assert!(!world.store.unsuppress(number, "").await.unwrap());
}
