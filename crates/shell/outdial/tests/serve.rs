//! The daemon's life: first start, health, one data directory, drain, restart, recording.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use daemon::{Daemon, Office, PATIENCE, Site, blocking, campaign, number, sheet, until};
use proto::admin::v1::SetupRequest;
use proto::admin::v1::auth_service_client::AuthServiceClient;
use proto::supervisor::v1::{CampaignState, Mode};
use rustix::process::Signal;
use testkit::{Behaviour, Call, Carrier, CarrierOptions, Habits, Mix, Span, Team, TeamOptions};
use tonic::Code;

/// A carrier where everybody answers and talks so long.
fn talkers(talk: Duration) -> Carrier {
    let mix = Mix {
        talk: Span {
            from: talk,
            to: talk,
        },
        hangs_up: model::Share::from_ppm(1_000_000),
        ..Mix::all_answer()
    };
    Carrier::start(CarrierOptions::new(Behaviour::new(1, mix))).unwrap()
}

/// Agents who listen until the person hangs up, and write quickly.
fn listeners() -> Habits {
    Habits {
        hangs_up: model::Share::ZERO,
        no_outcome: model::Share::ZERO,
        writes: Span::millis(50, 100),
        dispositions: [("declined".to_owned(), 1)].into(),
        ..Habits::default()
    }
}

async fn team(daemon: &Daemon, members: Vec<testkit::Member>, habits: Habits) -> Team {
    let options = TeamOptions {
        url: daemon.url(),
        registrar: Some(daemon.sip),
        members,
        habits,
        seed: 1,
    };
    Team::start(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_start_offers_a_token_that_works_once_and_no_later_start_does() {
    let mut site = Site::new();
    for listen in ["sip.listen", "api.listen", "admin.listen"] {
        site.set(listen, "\"127.0.0.1:0\"");
    }
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    assert!(office.status().await.unwrap().store_up);
    let again = SetupRequest {
        setup_token: daemon.setup_token.clone().unwrap(),
        login: "second".to_owned(),
        password: "another long password".to_owned(),
        ..Default::default()
    };
    let refused = AuthServiceClient::new(office.channel.clone())
        .setup(again)
        .await;
    assert_ne!(refused.unwrap_err().code(), Code::Ok);

    assert_eq!(daemon.get("/healthz").0, 200);
    assert_eq!(daemon.get("/readyz").0, 200);
    let (status, metrics) = daemon.get("/metrics");
    assert_eq!(status, 200);
    for line in metrics
        .lines()
        .filter(|l| !l.starts_with('#') && !l.is_empty())
    {
        // Prometheus text format: a name with labels, a space, a number.
        let (_, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        value
            .parse::<f64>()
            .unwrap_or_else(|e| panic!("{line}: {e}"));
    }
    assert!(metrics.contains("outdial_"), "{metrics}");
    assert_eq!(daemon.get("/nothing").0, 404);

    let first_pid = site.postmaster().unwrap();
    let ended = daemon.drain();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert_eq!(site.postmaster(), None, "Postgres {first_pid} lives on");
    let daemon = site.start();
    assert_eq!(daemon.setup_token, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_on_the_same_directory_is_refused_in_words_and_harms_nothing() {
    let mut site = Site::new();
    let daemon = site.start();
    let refused = site.refused(&[]);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let told = format!("in use by process {}", daemon.pid());
    assert!(said.contains(&told), "{said}");
    assert!(refused.stdout.is_empty(), "it said that it is ready");
    assert_eq!(daemon.get("/readyz").0, 200);

    // Postgres refuses to run as root: then it is another user's.
    let postmaster = site.postmaster().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{postmaster}/status")).unwrap();
    let uid = status.lines().find_map(|l| l.strip_prefix("Uid:")).unwrap();
    let uids: BTreeSet<&str> = uid.split_whitespace().collect();
    assert!(!uids.contains("0"), "Postgres runs as root: {uid}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_term_signal_lets_talks_end_launches_nothing_and_ends_well() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let carrier = talkers(Duration::from_secs(4));
    let (trunks, group) = (
        office.trunks(&[carrier.addr()]).await,
        office.group("sales").await,
    );
    let members = office.agents(2, group).await;
    let team = team(&daemon, members, listeners()).await;
    let list = office.import("march", &sheet(0..50)).await.list_id;
    let id = office
        .create(campaign(Mode::Progressive, trunks, group), list)
        .await;
    office.start(id).await;
    let talking = |calls: &[Call]| calls.iter().filter(|c| c.is_answered()).count() >= 2;
    let log = carrier.log().clone();
    assert!(blocking(move || log.wait(PATIENCE, talking)).await);

    daemon.signal(Signal::TERM);
    until("not ready", async || {
        (daemon.get("/readyz").0 == 503).then_some(())
    })
    .await;
    let told_at = Instant::now();
    assert_eq!(daemon.get("/healthz").0, 200, "it lives while it drains");
    let ended = blocking(move || daemon.end()).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);

    let calls = carrier.log().calls();
    assert!(
        calls.iter().all(|c| c.invited_at <= told_at),
        "dialled while draining"
    );
    for call in calls.iter().filter(|c| c.is_answered()) {
        assert_eq!(
            call.end,
            Some(testkit::CallEnd::HungUpByPerson),
            "{}",
            call.dialled
        );
    }
    assert!(carrier.log().dialogs_open().is_empty());
    drop(team);

    let daemon = site.start();
    let rows = site.rows().attempts().await;
    assert_eq!(rows.len(), calls.len());
    for row in &rows {
        assert!(
            row.result.is_some() && row.result.as_deref() != Some("controller_lost"),
            "{row:?}"
        );
    }
    drop(daemon);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_term_signal_ends_at_once() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let carrier = talkers(Duration::from_secs(3_600));
    let (trunks, group) = (
        office.trunks(&[carrier.addr()]).await,
        office.group("sales").await,
    );
    let members = office.agents(1, group).await;
    let _team = team(&daemon, members, listeners()).await;
    let list = office.import("march", &sheet(0..5)).await.list_id;
    let id = office
        .create(campaign(Mode::Progressive, trunks, group), list)
        .await;
    office.start(id).await;
    let log = carrier.log().clone();
    let talking = |calls: &[Call]| calls.iter().any(Call::is_answered);
    assert!(blocking(move || log.wait(PATIENCE, talking)).await);
    daemon.signal(Signal::TERM);
    until("not ready", async || {
        (daemon.get("/readyz").0 == 503).then_some(())
    })
    .await;
    daemon.signal(Signal::TERM);
    // The talk would go on for an hour.
    let ended = blocking(move || daemon.end()).await;
    assert!(!ended.status.success(), "{}", ended.log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_outlives_restarts_and_dialling_goes_on_from_the_same_place() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let carrier = talkers(Duration::from_millis(300));
    let (trunks, group) = (
        office.trunks(&[carrier.addr()]).await,
        office.group("sales").await,
    );
    let members = office.agents(3, group).await;
    let team = team(&daemon, members, listeners()).await;
    let list = office.import("march", &sheet(0..30)).await.list_id;
    let id = office
        .create(campaign(Mode::Progressive, trunks, group), list)
        .await;
    office.start(id).await;
    let log = carrier.log().clone();
    assert!(blocking(move || log.wait(PATIENCE, |calls| calls.len() >= 8)).await);
    office.pause(id).await;
    let paused_at = Instant::now();
    assert_eq!(
        blocking(move || daemon.drain()).await.status.code(),
        Some(0)
    );
    let before = carrier.log().calls();
    let late = before
        .iter()
        .filter(|c| c.invited_at > paused_at + Duration::from_secs(1));
    assert_eq!(
        late.count(),
        0,
        "dialled a second after the pause was acknowledged"
    );

    let daemon = site.start();
    until("the daemon", async || office.status().await.ok()).await;
    assert_eq!(office.state(id).await, CampaignState::Paused);
    // Agents come back and wait: the pause alone holds.
    for agent in &team.agents {
        assert!(
            agent.wait(PATIENCE, testkit::AgentCounts::is_ready).await,
            "{:?}",
            agent.counts()
        );
    }
    let held = office.explain(id).await.unwrap();
    assert!(
        !held.summary.is_empty() && !held.gates.is_empty(),
        "{held:?}"
    );
    assert_eq!(
        carrier.log().calls().len(),
        before.len(),
        "a paused campaign dialled"
    );

    office.resume(id).await;
    // A call that the pause stopped before anybody answered comes again, a minute later.
    let log = carrier.log().clone();
    let answered = |calls: &[Call]| {
        calls
            .iter()
            .filter(|c| c.is_answered() && !c.is_open())
            .count()
    };
    let all = blocking(move || log.wait(PATIENCE * 2, |calls| answered(calls) == 30)).await;
    assert!(all, "{} of 30 answered", answered(&carrier.log().calls()));
    office.until_state(id, CampaignState::Finished).await;
    let mut met = BTreeMap::new();
    for call in carrier.log().calls() {
        if call.is_answered() {
            *met.entry(call.number.unwrap()).or_insert(0) += 1;
        } else {
            assert_eq!(
                call.end,
                Some(testkit::CallEnd::Cancelled),
                "{}",
                call.dialled
            );
        }
    }
    let wanted: BTreeMap<_, _> = (0..30).map(|n| (number(n), 1)).collect();
    assert_eq!(met, wanted, "everybody once, over both runs");
    drop((team, daemon));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_run_replays_to_the_same_effects() {
    let mut site = Site::new();
    let recording = site.dir().join("recording");
    let recording = recording.to_str().unwrap();
    let daemon = site.start_with(&["--record", recording]);
    let office = Office::found(&daemon).await;
    // Nobody rings for as long as the rules let a phone ring.
    let town = Behaviour::new(
        5,
        Mix {
            no_answer: 0,
            answers_late: 0,
            ring: Span::millis(200, 800),
            talk: Span::millis(300, 900),
            ..Mix::default()
        },
    );
    let carrier = Carrier::start(CarrierOptions::new(town)).unwrap();
    let (trunks, group) = (
        office.trunks(&[carrier.addr()]).await,
        office.group("sales").await,
    );
    let members = office.agents(4, group).await;
    let team = team(
        &daemon,
        members,
        Habits {
            hangs_up: model::Share::from_ppm(1_000_000),
            talk: Span::millis(200, 500),
            writes: Span::millis(50, 100),
            ..Habits::default()
        },
    )
    .await;
    let list = office.import("march", &sheet(0..60)).await.list_id;
    let mut wanted = campaign(Mode::Predictive, trunks, group);
    wanted.policy = "ratio:2".to_owned();
    let id = office.create(wanted, list).await;
    office.start(id).await;
    let log = carrier.log().clone();
    assert!(blocking(move || log.wait(PATIENCE, |calls| calls.len() >= 40)).await);
    office.pause(id).await;
    team.leave().await;
    let ended = blocking(move || daemon.drain()).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);

    let replay = Command::new(env!("CARGO_BIN_EXE_outdial"))
        .args(["--output", "json", "replay", recording])
        .output()
        .unwrap();
    assert!(
        replay.status.success(),
        "{}",
        String::from_utf8_lossy(&replay.stderr)
    );
    let replayed: serde_json::Value = serde_json::from_slice(&replay.stdout).unwrap();
    assert!(replayed["inputs"].as_u64().unwrap() > 200, "{replayed}");
    assert!(replayed["effects"].as_u64().unwrap() > 200, "{replayed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_campaigns_over_one_list_never_call_a_number_at_the_same_time() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let carrier = talkers(Duration::from_millis(800));
    let (trunks, group) = (
        office.trunks(&[carrier.addr()]).await,
        office.group("sales").await,
    );
    let members = office.agents(6, group).await;
    let team = team(&daemon, members, listeners()).await;
    let list = office.import("march", &sheet(0..12)).await.list_id;
    let mut ids = Vec::new();
    for name in ["one", "two"] {
        let mut made = campaign(Mode::Progressive, trunks, group);
        made.name = name.to_owned();
        made.seller = name.to_owned();
        ids.push(office.create(made, list).await);
    }
    for id in &ids {
        office.start(*id).await;
    }
    let log = carrier.log().clone();
    let done = |calls: &[Call]| calls.len() == 24 && calls.iter().all(|c| !c.is_open());
    assert!(
        blocking(move || log.wait(PATIENCE, done)).await,
        "{} calls",
        carrier.log().calls().len()
    );
    let mut spans: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for call in carrier.log().calls() {
        spans
            .entry(call.number.unwrap())
            .or_default()
            .push((call.invited_at, call.ended_at.unwrap()));
    }
    for (number, spans) in spans {
        assert_eq!(spans.len(), 2, "{number}: once for each campaign");
        assert!(
            spans[0].1 <= spans[1].0,
            "{number} was in two calls at once"
        );
    }
    for id in ids {
        office.until_state(id, CampaignState::Finished).await;
        assert_eq!(office.report(id).await.connected, 12);
    }
    drop(team);
}
