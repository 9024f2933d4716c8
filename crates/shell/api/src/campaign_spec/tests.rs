use model::{AgentGroupId, AgentId, TrunkGroupId, TrunkId};
use proto::supervisor::v1 as pb;
use store::TrunkSettings;

use super::*;
use crate::Contents;
use crate::campaign_config::tests::{campaign, stored};

struct World {
    catalogue: Catalogue,
    groups: Vec<AgentGroup>,
    trunk_groups: Vec<TrunkGroup>,
    trunks: Vec<Trunk>,
}

impl World {
    fn new() -> Self {
        let voice = Voice {
            name: "anna".to_owned(),
            language: "ru".to_owned(),
            prompts: ["hello".to_owned()].into(),
        };
        let contents = Contents {
            profiles: demo_profile(),
            voices: vec![voice],
            recordings: ["who".to_owned(), "bye".to_owned()].into(),
        };
        let trunk = Trunk {
            id: TrunkId(1),
            settings: TrunkSettings {
                group: TrunkGroupId(1),
                name: "carrier".to_owned(),
                priority: 0,
                weight: 1,
                channels: 10,
                calls_per_second: 5,
                enabled: true,
                connection: serde_json::json!({}),
            },
        };
        Self {
            catalogue: Catalogue::new(contents),
            groups: vec![AgentGroup {
                id: AgentGroupId(1),
                name: "sales".to_owned(),
                members: vec![AgentId(1)],
            }],
            trunk_groups: vec![TrunkGroup {
                id: TrunkGroupId(1),
                name: "all".to_owned(),
            }],
            trunks: vec![trunk],
        }
    }

    fn spec(&self, campaign: &Campaign) -> Result<CampaignSpec, Vec<FieldProblem>> {
        campaign_spec(campaign, &self.existing())
    }

    fn existing(&self) -> Existing<'_> {
        Existing {
            catalogue: &self.catalogue,
            groups: &self.groups,
            trunk_groups: &self.trunk_groups,
            trunks: &self.trunks,
            currencies: &[],
            at: "2026-03-07T12:00:00Z".parse().unwrap(),
        }
    }
}

fn demo_profile() -> Vec<Profile> {
    Profile::load(include_str!("../../../../../config/profiles/demo.toml")).unwrap()
}

fn reasons(refused: Result<CampaignSpec, Vec<FieldProblem>>) -> Vec<(String, &'static str)> {
    refused
        .expect_err("it must not start")
        .into_iter()
        .map(|p| (p.field, p.reason))
        .collect()
}

fn recording(name: &str) -> pb::Segment {
    pb::Segment {
        say: Some(pb::segment::Say::Recording(name.to_owned())),
    }
}

#[test]
fn a_campaign_with_everything_there_can_start() {
    let spec = World::new().spec(&stored(campaign())).unwrap();
    assert_eq!(spec.mode, Mode::Preview);
    assert_eq!(spec.ring_limit, Duration::from_secs(25));
    assert!(spec.message.is_none());
}

#[test]
fn everything_that_is_missing_is_told_at_once() {
    let mut world = World::new();
    world.trunks[0].settings.enabled = false;
    let mut row = stored(campaign());
    row.lists.clear();
    row.config.groups = vec![AgentGroupId(9)];
    row.config.profiles = vec!["mars".to_owned()];
    row.config.policy = "lines".to_owned();
    row.config.ends_at = Some(WallTime::from_unix_seconds(0));
    let found = reasons(world.spec(&row));
    let expected = [
        ("list_ids", "missing"),
        ("policy", "wrong_mode"),
        ("group_ids", "not_found"),
        ("trunk_group_id", "no_trunk"),
        ("ends_at", "past"),
        ("profiles", "not_found"),
    ];
    assert_eq!(
        found,
        expected.map(|(field, reason)| (field.to_owned(), reason))
    );
}

#[test]
fn a_notification_needs_a_message_whose_recordings_are_there_and_takes_the_voice_of_its_language() {
    let mut given = campaign();
    given.mode = pb::Mode::Notification.into();
    given.policy.clear();
    given.group_ids.clear();
    let world = World::new();
    assert_eq!(
        reasons(world.spec(&stored(given.clone()))),
        [("message".to_owned(), "missing")]
    );
    let message = |body: &str| pb::Message {
        language: "ru".to_owned(),
        identification: vec![recording("who")],
        body: vec![recording(body)],
        ..Default::default()
    };
    given.message = Some(message("debt"));
    assert_eq!(
        reasons(world.spec(&stored(given.clone()))),
        [("message".to_owned(), "not_playable")]
    );
    given.message = Some(message("bye"));
    let spec = world.spec(&stored(given)).unwrap();
    assert_eq!(spec.message.unwrap().voice, "anna");
    assert_eq!(spec.policy, PolicyName::Lines);
}

#[test]
fn a_message_for_abandoned_people_tells_nothing_personal_and_only_what_is_there() {
    let mut given = campaign();
    given.mode = pb::Mode::Progressive.into();
    let prompts = pb::Prompts {
        ids: vec!["hello".to_owned(), "moo".to_owned()],
    };
    given.abandoned_message = vec![
        recording("gone"),
        pb::Segment {
            say: Some(pb::segment::Say::Amount(pb::Amount {})),
        },
        pb::Segment {
            say: Some(pb::segment::Say::Prompts(prompts)),
        },
    ];
    let found = reasons(World::new().spec(&stored(given)));
    let field = || "abandoned_message".to_owned();
    assert_eq!(
        found,
        [
            (field(), "not_found"),
            (field(), "personal"),
            (field(), "not_found")
        ]
    );
}

#[test]
fn a_ring_limit_below_the_profile_is_refused() {
    let mut given = campaign();
    given.ring_limit = Some(prost_types::Duration {
        seconds: 6,
        nanos: 0,
    });
    let found = reasons(World::new().spec(&stored(given)));
    assert_eq!(found, [("ring_limit".to_owned(), "below_profile_minimum")]);
}

#[test]
fn a_campaign_whose_groups_have_no_agent_starts_with_a_warning() {
    let mut world = World::new();
    world.groups[0].members.clear();
    let spec = world.spec(&stored(campaign())).unwrap();
    let told = warnings(&spec, &world.existing());
    assert!(told.iter().any(|w| w.contains("no agent")), "{told:?}");
}

#[test]
fn a_message_of_recordings_alone_needs_no_voice_and_one_that_speaks_does() {
    let mut world = World::new();
    let contents = Contents {
        profiles: demo_profile(),
        voices: Vec::new(),
        recordings: ["who".to_owned(), "bye".to_owned()].into(),
    };
    world.catalogue = Catalogue::new(contents);
    let mut given = campaign();
    given.mode = pb::Mode::Notification.into();
    given.policy.clear();
    given.group_ids.clear();
    let mut message = pb::Message {
        language: "en".to_owned(),
        identification: vec![recording("who")],
        body: vec![recording("bye")],
        ..Default::default()
    };
    given.message = Some(message.clone());
    assert!(world.spec(&stored(given.clone())).is_ok());
    let digits = pb::segment::Say::DigitsField("contract".to_owned());
    message.body.push(pb::Segment { say: Some(digits) });
    given.message = Some(message);
    assert_eq!(
        reasons(world.spec(&stored(given))),
        [("message.voice".to_owned(), "not_found")]
    );
}
