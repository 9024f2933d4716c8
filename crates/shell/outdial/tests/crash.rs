//! `kill -9` of the daemon, again and again, in the middle of a busy run: what was promised holds after each.
//!
//! `OUTDIAL_KILLS` says how often (8 when absent), `OUTDIAL_SEED` draws other moments.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that panics has failed, which is its purpose; what it counted is shown by `make soak`"
)]

mod daemon;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use daemon::{Office, PATIENCE, Rows, Site, blocking, campaign, sheet, soon, until};
use model::Share;
use proto::agent::v1::AgentState;
use proto::supervisor::v1::Mode;
use sip::Method;
use testkit::{
    AgentCounts, Behaviour, Call, CallLog, Carrier, CarrierOptions, Habits, Mix, Span, Team,
    TeamOptions,
};

/// A dialog of the dead daemon is over when the new one has been ready for so long.
const DIALOGS_END_WITHIN: Duration = Duration::from_secs(5);
/// More than any number of kills needs.
const NUMBERS: u32 = 9_000;

fn town(seed: u64) -> Behaviour {
    let mix = Mix {
        answers: 60,
        machine: 5,
        busy: 10,
        no_answer: 5,
        rejects: 5,
        invalid: 3,
        absent: 2,
        congestion: 0,
        answers_late: 3,
        dead: 0,
        set_up: Span::millis(50, 300),
        ring: Span::millis(200, 1_500),
        talk: Span::millis(500, 3_000),
        greeting: Span::millis(500, 1_500),
        hangs_up: Share::from_ppm(600_000),
        ..Mix::default()
    };
    Behaviour::new(seed, mix)
}

fn habits() -> Habits {
    Habits {
        // Somebody must end each talk, and not every person does.
        hangs_up: Share::from_ppm(1_000_000),
        talk: Span::millis(500, 2_000),
        writes: Span::millis(20, 200),
        ..Habits::default()
    }
}

/// Numbers that depend on the seed alone (splitmix64, public domain, by Sebastiano Vigna).
struct Moments(u64);

impl Moments {
    fn within(&mut self, from: u64, to: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        from + (z ^ (z >> 31)) % (to - from + 1)
    }
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |v| {
        v.parse().unwrap_or_else(|e| panic!("{name}={v}: {e}"))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_the_daemon_dials_nothing_twice_and_loses_nothing_it_acknowledged() {
    let kills = from_environment("OUTDIAL_KILLS", 8);
    let seed = from_environment("OUTDIAL_SEED", 1);
    let mut moments = Moments(seed);
    let mut site = Site::new();
    let mut daemon = site.start();
    let office = Office::found(&daemon).await;
    let carrier = Carrier::start(CarrierOptions::new(town(seed))).unwrap();
    let (trunks, group) = (
        office.trunks(&[carrier.addr()]).await,
        office.group("sales").await,
    );
    let options = TeamOptions {
        url: daemon.url(),
        registrar: Some(daemon.sip),
        members: office.agents(6, group).await,
        habits: habits(),
        seed,
    };
    let team = Team::start(options).await.unwrap();
    let list = office.import("march", &sheet(0..NUMBERS)).await.list_id;
    let mut wanted = campaign(Mode::Predictive, trunks, group);
    wanted.policy = "ratio:2".to_owned();
    let id = office.create(wanted, list).await;
    office.start(id).await;

    let rows = site.rows();
    let mut runs = Vec::new();
    for kill in 1..=kills {
        busy(carrier.log(), moments.within(6, 25), moments.within(0, 400)).await;
        let killed_at = Instant::now();
        daemon.kill();
        daemon = site.start();
        runs.push((killed_at, daemon.ready_at));
        println!(
            "kill {kill}: {} calls so far, ready again after {:.1} s",
            carrier.log().calls().len(),
            killed_at.elapsed().as_secs_f32()
        );
        old_dialogs_end(carrier.log(), killed_at, daemon.ready_at).await;
        nothing_is_held_by_the_dead(&rows).await;
    }
    busy(carrier.log(), 10, 0).await;

    until("the daemon", async || office.status().await.ok()).await;
    office.pause(id).await;
    let counts = everybody_leaves(team).await;
    let ended = blocking(move || daemon.drain()).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    let daemon = site.start();
    books_agree(carrier.log(), &rows, &runs).await;
    acknowledged_outcomes_are_there(&counts, &rows).await;
    drop(daemon);
}

/// Waits until so many further calls have begun and somebody talks, and then a moment more.
async fn busy(log: &CallLog, calls: u64, then_ms: u64) {
    let began = Instant::now();
    let log = log.clone();
    let came = blocking(move || {
        let is_busy = |all: &[Call]| {
            let new = all.iter().filter(|c| c.invited_at > began);
            new.count() as u64 >= calls && all.iter().any(|c| c.is_answered() && c.is_open())
        };
        log.wait(PATIENCE, is_busy)
    })
    .await;
    assert!(came, "the campaign does not go on");
    // The moment is the point: between any two packets, commits and syncs.
    tokio::time::sleep(Duration::from_millis(then_ms)).await;
}

/// Lets all finish what is under way.
async fn everybody_leaves(team: Team) -> Vec<AgentCounts> {
    for agent in &team.agents {
        agent.not_ready().await;
    }
    let resting = i32::from(AgentState::NotReady);
    for agent in &team.agents {
        let rests = agent.wait(PATIENCE, |c| c.state == resting).await;
        assert!(
            rests,
            "{} does not come to rest: {:#?}",
            agent.login(),
            agent.counts()
        );
    }
    soon("the end of all sessions", team.leave()).await
}

async fn old_dialogs_end(log: &CallLog, killed_at: Instant, ready_at: Instant) {
    let left = (ready_at + DIALOGS_END_WITHIN).saturating_duration_since(Instant::now());
    let is_old = move |c: &Call| c.is_open() && c.invited_at < killed_at;
    let waiting = log.clone();
    let over = blocking(move || waiting.wait(left, |all| !all.iter().any(is_old))).await;
    let open: Vec<_> = log.calls().into_iter().filter(is_old).collect();
    assert!(
        over,
        "people are left in dialogs that no daemon knows: {open:#?}"
    );
}

async fn nothing_is_held_by_the_dead(rows: &Rows) {
    let newest = "(SELECT max(epoch) FROM node)";
    for (what, sql) in [
        (
            "attempts without an end",
            format!("SELECT count(*) FROM attempt WHERE result IS NULL AND epoch < {newest}"),
        ),
        (
            "claims",
            format!("SELECT count(*) FROM queue WHERE state = 1 AND lease_epoch < {newest}"),
        ),
        (
            "numbers in calls",
            format!(
                "SELECT count(*) FROM live_number l JOIN attempt a USING (campaign_id, attempt_id) \
                 WHERE a.epoch < {newest}"
            ),
        ),
    ] {
        assert_eq!(rows.count(&sql).await, 0, "{what} of a dead run are held");
    }
}

/// The Call-ID of an outbound call begins with its attempt, a UUID in 36 letters.
fn attempt_of(call: &Call) -> &str {
    call.call_id.get(..36).unwrap_or_default()
}

/// The carrier's log against the rows.
async fn books_agree(log: &CallLog, rows: &Rows, runs: &[(Instant, Instant)]) {
    let calls = log.calls();
    let attempts = rows.attempts().await;
    let by_id: BTreeMap<&str, _> = attempts
        .iter()
        .map(|a| (a.attempt_id.as_str(), a))
        .collect();
    let mut seen = BTreeSet::new();
    for call in &calls {
        let Some(row) = by_id.get(attempt_of(call)) else {
            panic!("{} was dialled and has no row", call.dialled);
        };
        assert!(
            seen.insert(attempt_of(call)),
            "{} was dialled twice for one attempt",
            call.dialled
        );
        assert_eq!(
            call.number.map(|n| n.to_string()).as_ref(),
            Some(&row.number)
        );
        assert_eq!(call.nth, 0, "{} was called again", call.dialled);
        assert_ne!(
            row.result.as_deref(),
            Some("returned_undialled"),
            "{row:?} was dialled"
        );
    }
    // An INVITE of a dead run never comes again.
    let began: BTreeMap<&str, Instant> = calls
        .iter()
        .map(|c| (c.call_id.as_str(), c.invited_at))
        .collect();
    for request in log.requests().iter().filter(|r| r.method == Method::Invite) {
        for (killed_at, ready_at) in runs {
            let old = began
                .get(request.call_id.as_str())
                .is_some_and(|b| b < killed_at);
            assert!(
                !(old && request.at > *ready_at),
                "{} was dialled by two runs",
                request.call_id
            );
        }
    }
    let mut results: BTreeMap<&str, usize> = BTreeMap::new();
    for attempt in &attempts {
        let result = attempt.result.as_deref();
        *results
            .entry(result.unwrap_or_else(|| panic!("{attempt:?} has no end")))
            .or_default() += 1;
        if attempt.dialled && result != Some("controller_lost") {
            assert!(
                seen.contains(attempt.attempt_id.as_str()),
                "{attempt:?} is said to have been dialled"
            );
        }
    }
    println!(
        "{} calls, {} attempts: {results:?}",
        calls.len(),
        attempts.len()
    );
    assert!(
        results.contains_key("controller_lost"),
        "no kill met a call: {results:?}"
    );
    assert!(
        results
            .get("connected_agent")
            .is_some_and(|n| *n > runs.len()),
        "{results:?}"
    );
}

async fn acknowledged_outcomes_are_there(counts: &[AgentCounts], rows: &Rows) {
    let kept: BTreeMap<String, String> = rows.outcomes().await.into_iter().collect();
    let mut acknowledged = 0;
    for outcome in counts.iter().flat_map(|c| &c.acknowledged) {
        acknowledged += 1;
        assert_eq!(
            kept.get(&outcome.attempt_id),
            Some(&outcome.disposition),
            "{outcome:?}"
        );
    }
    let reconnects: u64 = counts.iter().map(|c| c.reconnects).sum();
    println!("{acknowledged} outcomes acknowledged, all kept; {reconnects} times agents came back");
    assert!(acknowledged > 10, "{counts:#?}");
}
