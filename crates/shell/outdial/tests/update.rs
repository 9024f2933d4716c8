//! A campaign changed by a supervisor's commands while it runs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use daemon::{
    CommandLine, Daemon, Office, PATIENCE, Site, blocking, campaign, number, sheet, until,
};
use model::{E164, Share};
use proto::options::v1::Role;
use proto::supervisor::v1::Mode;
use serde_json::Value;
use testkit::{
    AgentCounts, Behaviour, Call, Carrier, CarrierOptions, Habits, Member, Mix, Person, Span, Team,
    TeamOptions,
};

/// Before the change and after it; no call may be taken for one of the other kind on a busy machine.
const RINGS: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(20)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_ring_limit_holds_from_the_next_launch_and_the_calls_before_keep_theirs() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let people = 0..8;
    let town = people
        .clone()
        .fold(Behaviour::new(1, Mix::all_answer()), |town, n| {
            town.with(number(n), Person::no_answer())
        });
    let carrier = Carrier::start(CarrierOptions::new(town)).unwrap();
    let (trunks, group) = (
        office.trunks(&[carrier.addr()]).await,
        office.group("day").await,
    );
    let team = team(&daemon, office.agents(2, group).await, "").await;
    let list = office.import("march", &sheet(people)).await.list_id;
    let mut wanted = campaign(Mode::Progressive, trunks, group);
    wanted.ring_limit = Some(prost_types::Duration {
        seconds: RINGS[0].as_secs().cast_signed(),
        nanos: 0,
    });
    let id = office.create(wanted, list).await;
    office.start(id).await;
    let log = carrier.log().clone();
    let rings = |calls: &[Call]| calls.iter().filter(|c| c.rang_at.is_some()).count() >= 2;
    assert!(blocking(move || log.wait(PATIENCE, rings)).await);

    let boss = supervisor(&daemon, &office).await;
    let shown = blocking({
        let boss = boss.clone();
        move || boss.json(&["campaign", "update", "Spring", "--set", "ring_limit=20s"])
    })
    .await;
    let changed = Instant::now();
    assert_eq!(
        shown["changes"],
        serde_json::json!([{"field": "ring_limit", "old": "15s", "new": "20s"}])
    );
    let log = carrier.log().clone();
    let ended = move |calls: &[Call]| {
        let after = |c: &&Call| c.invited_at > changed && c.cancelled_at.is_some();
        calls.iter().filter(after).count() >= 2
    };
    assert!(blocking(move || log.wait(PATIENCE, ended)).await);
    drop((team, daemon));

    let mut seen = [0, 0];
    for call in carrier.log().calls() {
        let (Some(rang), Some(cancelled)) = (call.rang_at, call.cancelled_at) else {
            continue;
        };
        let after = usize::from(call.invited_at > changed);
        seen[after] += 1;
        let rang_for = cancelled - rang;
        // What is between the two belongs to the nearer one.
        let middle = (RINGS[0] + RINGS[1]) / 2;
        assert_eq!(rang_for > middle, after == 1, "{rang_for:?} {call:?}");
        assert!(
            rang_for + Duration::from_millis(50) >= RINGS[after],
            "{rang_for:?} {call:?}"
        );
    }
    assert!(seen[0] >= 2 && seen[1] >= 2, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_groups_come_and_go_while_it_runs_and_every_change_has_its_author() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let mix = Mix {
        hangs_up: Share::ZERO,
        ring: Span::millis(100, 200),
        ..Mix::all_answer()
    };
    let carrier = Carrier::start(CarrierOptions::new(Behaviour::new(1, mix))).unwrap();
    let trunks = office.trunks(&[carrier.addr()]).await;
    let (day, night) = (office.group("day").await, office.group("night").await);
    let (march, april) = (0..2_000, 5_000..7_000);
    let first = office.import("march", &sheet(march.clone())).await.list_id;
    office.import("april", &sheet(april.clone())).await;
    let working = team(&daemon, office.agents(2, day).await, "").await;
    let owl = office.account("owl", Role::Agent, &[night]).await.1;
    let waiting = team(&daemon, vec![owl], "the night's").await;
    let id = office
        .create(campaign(Mode::Progressive, trunks, day), first)
        .await;
    office.start(id).await;
    let log = carrier.log().clone();
    assert!(blocking(move || log.wait(PATIENCE, |calls| calls.len() >= 6)).await);
    let boss = supervisor(&daemon, &office).await;

    // A list comes and the other goes.
    let added = command(&boss, &["campaign", "add-list", "Spring", "april"]).await;
    assert_eq!(added["queued"], 2_000);
    let removed = command(&boss, &["campaign", "remove-list", "Spring", "march"]).await;
    assert!(removed["removed"].as_i64().unwrap() > 1_900, "{removed}");
    let a_second_later = Instant::now() + Duration::from_secs(1);
    let of = |numbers: std::ops::Range<u32>| numbers.map(number).collect::<BTreeSet<E164>>();
    let (march, april) = (of(march), of(april));
    let is_of = |call: &Call, list: &BTreeSet<E164>| call.number.is_some_and(|n| list.contains(&n));
    let log = carrier.log().clone();
    let many = move |calls: &[Call]| calls.iter().filter(|c| is_of(c, &april)).count() >= 10;
    assert!(blocking(move || log.wait(PATIENCE, many)).await);

    // Another group helps.
    assert_eq!(connected(&waiting), 0, "no campaign is the night's yet");
    let changed = command(
        &boss,
        &[
            "campaign",
            "update",
            "Spring",
            "--set",
            r#"groups=["day", "night"]"#,
        ],
    )
    .await;
    assert_eq!(
        changed["changes"][0]["new"],
        serde_json::json!([day, night])
    );
    until("a talk of the night's agent", async || {
        (connected(&waiting) > 0).then_some(())
    })
    .await;
    let late: Vec<Call> = carrier.log().calls();
    let late: Vec<&Call> = late
        .iter()
        .filter(|c| c.invited_at > a_second_later && is_of(c, &march))
        .collect();
    assert!(late.is_empty(), "{late:#?}");

    // Who knew an older version changes nothing, and is told.
    let told = blocking({
        let boss = boss.clone();
        move || {
            let stale = [
                "campaign",
                "update",
                "Spring",
                "--if-version",
                "3",
                "--set",
                "ring_limit=30s",
            ];
            boss.refused(4, &stale)
        }
    })
    .await;
    assert!(
        told.contains("is at version 5") && told.contains("version 3"),
        "{told}"
    );
    let versions = command(&boss, &["campaign", "versions", "Spring"]).await;
    let versions: Vec<(i64, &str, Vec<&str>)> = versions["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| {
            let fields = v["changed_fields"].as_array().unwrap();
            (
                v["version"].as_i64().unwrap(),
                v["changed_by"].as_str().unwrap(),
                fields.iter().map(|f| f.as_str().unwrap()).collect(),
            )
        })
        .collect();
    assert_eq!(
        versions,
        [
            (5, "boss", vec!["group_ids"]),
            (4, "boss", vec!["list_ids"]),
            (3, "boss", vec!["list_ids"]),
            (2, "root", vec!["list_ids"]),
            (1, "root", vec![]),
        ]
    );
    drop((working, waiting, daemon));
}

async fn supervisor(daemon: &Daemon, office: &Office) -> CommandLine {
    office.account("boss", Role::Supervisor, &[]).await;
    CommandLine::new(daemon, &office.sign_in("boss").await)
}

async fn command(by: &CommandLine, args: &[&str]) -> Value {
    let (by, args) = (
        by.clone(),
        args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>(),
    );
    blocking(move || by.json(&args.iter().map(String::as_str).collect::<Vec<_>>())).await
}

fn connected(team: &Team) -> u64 {
    team.counts()
        .iter()
        .map(|c: &AgentCounts| c.connected)
        .sum()
}

async fn team(daemon: &Daemon, members: Vec<Member>, whose: &str) -> Team {
    let team = Team::start(TeamOptions {
        url: daemon.url(),
        registrar: Some(daemon.sip),
        members,
        habits: Habits {
            hangs_up: Share::from_ppm(1_000_000),
            talk: Span::millis(200, 400),
            writes: Span::millis(20, 50),
            no_outcome: Share::ZERO,
            dispositions: [("declined".to_owned(), 1)].into(),
            ..Habits::default()
        },
        seed: 1,
    })
    .await
    .unwrap();
    for agent in &team.agents {
        assert!(
            agent.wait(PATIENCE, AgentCounts::is_ready).await,
            "{whose} agent: {:?}",
            agent.counts()
        );
    }
    team
}
