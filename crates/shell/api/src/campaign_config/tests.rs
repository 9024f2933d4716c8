use model::{CampaignId, WallTime};

use super::*;

/// A preview campaign that is right in itself.
pub(crate) fn campaign() -> pb::Campaign {
    pb::Campaign {
        name: "Spring renewals".to_owned(),
        seller: "ACME".to_owned(),
        purpose: "sales".to_owned(),
        mode: pb::Mode::Preview.into(),
        group_ids: vec![1],
        trunk_group_id: 1,
        caller: "+74951234567".to_owned(),
        profiles: vec!["demo".to_owned()],
        ..Default::default()
    }
}

pub(crate) fn stored(given: pb::Campaign) -> store::Campaign {
    store::Campaign {
        id: CampaignId(1),
        version: 1,
        state: engine::CampaignState::Draft,
        state_because: String::new(),
        state_at: WallTime::default(),
        config: read(given).unwrap(),
        lists: vec![model::ListId(1)],
    }
}

fn problems(given: pb::Campaign) -> Vec<(String, &'static str)> {
    match read(given) {
        Err(Error::Invalid(problems)) => {
            problems.into_iter().map(|p| (p.field, p.reason)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

#[test]
fn what_is_shown_can_be_sent_back_and_means_the_same() {
    let mut given = campaign();
    given.hours = vec![pb::DailyHours {
        weekdays: vec![1, 5],
        open: "09:00".to_owned(),
        close: "18:30".to_owned(),
    }];
    given.retry = Some(pb::RetryTable {
        rules: [(
            "busy".to_owned(),
            pb::RetryRule {
                after: vec![seconds(60).unwrap()],
                hunt: true,
                reserved_agent: false,
            },
        )]
        .into(),
        ..Default::default()
    });
    given.dispositions = vec![
        pb::Disposition {
            code: "sale".to_owned(),
            ..Default::default()
        },
        pb::Disposition {
            code: "later".to_owned(),
            label: "Later".to_owned(),
            kind: pb::DispositionKind::FollowUp.into(),
            action: pb::DispositionAction::TryAgain.into(),
            try_again_after: seconds(7_200),
            success: false,
        },
    ];
    given.message = Some(pb::Message {
        language: "ru".to_owned(),
        voice: "anna".to_owned(),
        identification: vec![pb::Segment {
            say: Some(pb::segment::Say::Recording("who".to_owned())),
        }],
        body: vec![pb::Segment {
            say: Some(pb::segment::Say::Amount(pb::Amount {})),
        }],
        ..Default::default()
    });
    let first = stored(given);
    let again = stored(show(&first).unwrap());
    assert_eq!(first, again);
    assert_eq!(first.config.dispositions.len(), 2);
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let given = pb::Campaign {
        caller: "+74951234567".to_owned(),
        policy: "ratio:99".to_owned(),
        ring_limit: seconds(1),
        hours: vec![pb::DailyHours {
            open: "9".to_owned(),
            ..Default::default()
        }],
        dispositions: vec![pb::Disposition {
            code: "unheard_of".to_owned(),
            ..Default::default()
        }],
        retry: Some(pb::RetryTable {
            rules: [("bussy".to_owned(), pb::RetryRule::default())].into(),
            tries_per_day: 500,
            ..Default::default()
        }),
        ..Default::default()
    };
    let found = problems(given);
    for expected in [
        ("campaign.mode", "missing"),
        ("campaign.name", "missing"),
        ("campaign.seller", "missing"),
        ("campaign.purpose", "missing"),
        ("campaign.policy", "unknown"),
        ("campaign.profiles", "missing"),
        ("campaign.ring_limit", "out_of_range"),
        ("campaign.hours[0]", "not_hours"),
        ("campaign.dispositions[0]", "incomplete"),
        ("campaign.retry.rules[bussy]", "unknown"),
        ("campaign.retry.tries_per_day", "out_of_range"),
    ] {
        assert!(
            found
                .iter()
                .any(|(field, reason)| (field.as_str(), *reason) == expected),
            "{expected:?} is missing in {found:?}"
        );
    }
}

#[test]
fn a_mask_can_empty_a_field_and_its_absence_cannot() {
    let mut is = campaign();
    is.greeting = "Hello".to_owned();
    merge(
        &mut is,
        pb::Campaign {
            name: "Other".to_owned(),
            ..Default::default()
        },
        None,
    )
    .unwrap();
    assert_eq!((is.name.as_str(), is.greeting.as_str()), ("Other", "Hello"));
    let mask = |path: &str| {
        Some(prost_types::FieldMask {
            paths: vec![path.to_owned()],
        })
    };
    merge(&mut is, pb::Campaign::default(), mask("greeting")).unwrap();
    assert_eq!((is.name.as_str(), is.greeting.as_str()), ("Other", ""));
    assert!(merge(&mut is, pb::Campaign::default(), mask("state")).is_err());
}
