//! The database goes away for half a minute under load, and comes back.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;

use std::time::{Duration, Instant};

use daemon::{Database, Office, PATIENCE, Site, blocking, campaign, sheet, until};
use model::Share;
use proto::supervisor::v1::Mode;
use sqlx::ConnectOptions;
use store::testing::TestCluster;
use testkit::{
    AgentCounts, Behaviour, Call, Carrier, CarrierOptions, Habits, Mix, Span, Team, TeamOptions,
};

/// Launches that were committed before the loss was noticed may still leave; the engine takes none older.
const LAUNCH_MAX_AGE: Duration = Duration::from_secs(1);
const AWAY: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn while_the_database_is_away_nothing_is_launched_talks_go_on_and_outcomes_are_kept() {
    let cluster = TestCluster::shared().await;
    let options = cluster.database().await;
    let name = options.get_database().unwrap().to_owned();
    let mut site = Site::with_database(Database::At(options.to_url_lossy().to_string()));
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    // Talks outlast the outage; agents end them in the middle of it, and write.
    let mix = Mix {
        hangs_up: Share::ZERO,
        ring: Span::millis(200, 400),
        ..Mix::all_answer()
    };
    let carrier = Carrier::start(CarrierOptions::new(Behaviour::new(1, mix))).unwrap();
    let (trunks, group) = (
        office.trunks(&[carrier.addr()]).await,
        office.group("sales").await,
    );
    let team = Team::start(TeamOptions {
        url: daemon.url(),
        registrar: Some(daemon.sip),
        members: office.agents(6, group).await,
        habits: Habits {
            hangs_up: Share::from_ppm(1_000_000),
            talk: Span::millis(2_000, 12_000),
            writes: Span::millis(100, 500),
            no_outcome: Share::ZERO,
            ..Habits::default()
        },
        seed: 1,
    })
    .await
    .unwrap();
    let list = office.import("march", &sheet(0..500)).await.list_id;
    let id = office
        .create(campaign(Mode::Progressive, trunks, group), list)
        .await;
    office.start(id).await;
    let log = carrier.log().clone();
    let talks = |calls: &[Call]| {
        calls
            .iter()
            .filter(|c| c.is_answered() && c.is_open())
            .count()
    };
    assert!(
        blocking(move || log.wait(PATIENCE, |calls| talks(calls) >= 5)).await,
        "five talks at a time"
    );

    let cut_at = Instant::now();
    cluster.cut_off(&name).await;
    let unready = async || (daemon.get("/readyz").0 == 503).then_some(());
    until("not ready", unready).await;
    assert_eq!(daemon.get("/healthz").0, 200);
    let gone_at = Instant::now();
    let before = acknowledged(&team);
    let talking = carrier.log().dialogs_open();
    assert!(!talking.is_empty());
    tokio::time::sleep_until((cut_at + AWAY).into()).await;
    let during = acknowledged(&team);
    assert!(
        during > before,
        "no outcome was acknowledged while the database was away"
    );
    let back_at = Instant::now();

    for call in carrier.log().calls() {
        let late = call.invited_at > gone_at + LAUNCH_MAX_AGE && call.invited_at < back_at;
        assert!(!late, "{} was dialled without its row", call.dialled);
    }
    // They talked on: the agent hung up when it was done, and nobody else.
    for call in carrier.log().calls().iter().filter(|c| c.is_answered()) {
        let end = call.end;
        assert!(
            matches!(end, None | Some(testkit::CallEnd::HungUpByCaller)),
            "{end:?}"
        );
        let heard = call.heard();
        assert!(
            heard
                .voices
                .keys()
                .any(|v| team.phones.iter().any(|p| p.voice() == *v)),
            "{}: {heard:?}",
            call.dialled
        );
    }

    cluster.let_in(&name).await;
    until("ready", async || {
        (daemon.get("/readyz").0 == 200).then_some(())
    })
    .await;
    let log = carrier.log().clone();
    let goes_on =
        move |calls: &[Call]| calls.iter().filter(|c| c.invited_at > back_at).count() >= 6;
    assert!(
        blocking(move || log.wait(PATIENCE, goes_on)).await,
        "the campaign does not go on"
    );

    office.pause(id).await;
    let paused_at = Instant::now();
    let counts = team.leave().await;
    let last = carrier.log().calls().iter().map(|c| c.invited_at).max();
    assert!(
        last.unwrap() < paused_at + Duration::from_secs(1),
        "dialled after the pause"
    );
    let ended = blocking(move || daemon.drain()).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    let rows = site.rows();
    let kept = rows.outcomes().await;
    for outcome in counts.iter().flat_map(|c| &c.acknowledged) {
        let pair = (outcome.attempt_id.clone(), outcome.disposition.clone());
        assert!(
            kept.contains(&pair),
            "{pair:?} was acknowledged and is lost"
        );
    }
    for attempt in rows.attempts().await {
        let result = attempt.result.as_deref();
        assert!(
            result.is_some_and(|r| r != "controller_lost"),
            "{attempt:?}"
        );
    }
}

fn acknowledged(team: &Team) -> usize {
    team.counts()
        .iter()
        .map(|c: &AgentCounts| c.acknowledged.len())
        .sum()
}
