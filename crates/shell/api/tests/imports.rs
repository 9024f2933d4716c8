//! Files that are mostly unusable, and people who may be in many zones.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod common;

use common::desk::Desk;
use common::with;
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::import_list_request::Part;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Reads a sheet in with these choices.
async fn import(
    desk: &mut Desk,
    sheet: &str,
    ranges: &str,
    choices: pb::ImportHeader,
) -> Result<pb::ImportListResponse, Status> {
    let header = pb::ImportHeader {
        file_name: "people.csv".to_owned(),
        country: "RU".to_owned(),
        profile: "ru_ads".to_owned(),
        ranges_file: if ranges.is_empty() { "" } else { "def.csv" }.to_owned(),
        ..choices
    };
    let ranges = (!ranges.is_empty()).then(|| Part::RangesChunk(ranges.as_bytes().to_vec()));
    let parts = [Part::Header(header)]
        .into_iter()
        .chain(ranges)
        .chain([Part::Chunk(sheet.as_bytes().to_vec())])
        .map(|part| pb::ImportListRequest { part: Some(part) })
        .collect::<Vec<_>>();
    let request = with(&desk.token, tokio_stream::iter(parts));
    Ok(desk.lists.import_list(request).await?.into_inner())
}

fn named(list: &str) -> pb::ImportHeader {
    pb::ImportHeader {
        list_name: list.to_owned(),
        ..Default::default()
    }
}

/// Rows without a number, then mobiles of which nothing says where they are.
fn sheet(bad: u32, good: u32) -> String {
    let mut sheet = "id;Телефон\n".to_owned();
    for n in 0..bad {
        sheet.push_str(&format!("b{n};7.90055E+10\n"));
    }
    for n in 0..good {
        sheet.push_str(&format!("g{n};+7 916 123-{:02}-{:02}\n", n / 100, n % 100));
    }
    sheet
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_which_more_than_a_tenth_is_unusable_is_kept_only_when_that_is_accepted() {
    let mut desk = Desk::new().await;
    let refused = import(&mut desk, &sheet(3, 20), "", named("march"))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    let failed = refused.get_details_precondition_failure().unwrap();
    let told: Vec<&str> = failed
        .violations
        .iter()
        .map(|v| v.r#type.as_str())
        .collect();
    assert_eq!(told, ["too_many_rejects", "numbers_as_floats"]);
    assert!(
        refused.message().contains("3 of 23 rows"),
        "{}",
        refused.message()
    );
    let lists = with(&desk.token, pb::ListListsRequest::default());
    let lists = desk.lists.list_lists(lists).await.unwrap().into_inner();
    assert!(lists.lists.is_empty(), "nothing is left of it: {lists:?}");

    let accepts = pb::ImportHeader {
        accept_rejects: true,
        ..named("march")
    };
    let kept = import(&mut desk, &sheet(3, 20), "", accepts).await.unwrap();
    assert_eq!((kept.rows, kept.accepted), (23, 20));
    assert_eq!(kept.causes[0].kind, "numbers_as_floats");
    // A tenth is not more than a tenth, and a dry run keeps nothing anyway.
    import(&mut desk, &sheet(2, 18), "", named("april"))
        .await
        .unwrap();
    let dry = pb::ImportHeader {
        dry_run: true,
        ..named("may")
    };
    assert_eq!(
        import(&mut desk, &sheet(9, 1), "", dry)
            .await
            .unwrap()
            .accepted,
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mobiles_are_narrow_until_a_range_or_a_recorded_choice_says_where_they_are() {
    let mut desk = Desk::new().await;
    let plain = import(&mut desk, &sheet(0, 5), "", named("plain"))
        .await
        .unwrap();
    assert_eq!((plain.accepted, plain.narrow_window), (5, 5));
    assert_eq!(plain.remedies.len(), 3, "{:?}", plain.remedies);

    // Of the user's ranges the narrower one holds; the others stay as they were.
    let ranges = "prefix;zone\n+7916;Europe/Moscow\n79161230002;79161230003;Якутия\n";
    let placed = import(&mut desk, &sheet(0, 5), ranges, named("placed"))
        .await
        .unwrap();
    assert_eq!((placed.placed_by_ranges, placed.narrow_window), (5, 0));

    let assumes = pb::ImportHeader {
        assume_zone: "Europe/Moscow".to_owned(),
        ..named("assumed")
    };
    let mut mixed = sheet(0, 5);
    mixed.push_str("w1;+7 495 123-45-67\n");
    let assumed = import(&mut desk, &mixed, "", assumes).await.unwrap();
    assert_eq!((assumed.assumed, assumed.narrow_window), (5, 0));
    assert_eq!(assumed.assumed_zone, "Europe/Moscow");

    for (list, expected) in [
        (plain.list_id, ("", 0, "", 0)),
        (placed.list_id, ("", 0, "def.csv", 2)),
        (assumed.list_id, ("Europe/Moscow", 5, "", 0)),
    ] {
        let request = pb::ListImportsRequest {
            list_id: list,
            ..Default::default()
        };
        let found = desk.lists.list_imports(with(&desk.token, request)).await;
        let [import] = <[pb::Import; 1]>::try_from(found.unwrap().into_inner().imports).unwrap();
        assert_eq!(import.imported_by, "boss");
        assert_eq!(
            (
                import.assumed_zone.as_str(),
                import.assumed,
                import.ranges_file.as_str(),
                import.ranges
            ),
            expected
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_zone_or_a_wrong_range_stops_the_import_before_it_begins() {
    let mut desk = Desk::new().await;
    let assumes = pb::ImportHeader {
        assume_zone: "Moscow".to_owned(),
        ..named("march")
    };
    let refused = import(&mut desk, &sheet(0, 1), "", assumes)
        .await
        .unwrap_err();
    assert!(
        refused.message().contains("header.assume_zone"),
        "{refused:?}"
    );
    let ranges = "7916;Atlantis\nabc;Europe/Moscow\n7917;Europe/Moscow\n";
    let refused = import(&mut desk, &sheet(0, 1), ranges, named("march"))
        .await
        .unwrap_err();
    for part in ["row 1", "Atlantis", "row 2", "abc"] {
        assert!(refused.message().contains(part), "{refused:?}");
    }
    let lists = with(&desk.token, pb::ListListsRequest::default());
    assert!(
        desk.lists
            .list_lists(lists)
            .await
            .unwrap()
            .into_inner()
            .lists
            .is_empty()
    );
}
