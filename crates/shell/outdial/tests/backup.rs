//! `outdial db backup`, `restore` and `check`: what was backed up under load is there again after everything else
//! is lost, and what is no whole backup is refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use daemon::{Daemon, Database, Office, PATIENCE, Site, blocking, campaign, sheet, until};
use model::Share;
use proto::supervisor::v1::{CampaignState, Mode};
use serde_json::Value;
use sqlx::ConnectOptions;
use store::testing::TestCluster;
use testkit::{Behaviour, Carrier, CarrierOptions, Habits, Member, Mix, Span, Team, TeamOptions};

fn habits() -> Habits {
    Habits {
        hangs_up: Share::from_ppm(1_000_000),
        talk: Span::millis(200, 800),
        writes: Span::millis(20, 100),
        no_outcome: Share::ZERO,
        ..Habits::default()
    }
}

/// The agents sign in and are ready.
async fn work(daemon: &Daemon, members: &[Member]) -> Team {
    let options = TeamOptions {
        url: daemon.url(),
        registrar: Some(daemon.sip),
        members: members.to_vec(),
        habits: habits(),
        seed: 1,
    };
    Team::start(options).await.unwrap()
}

fn town() -> Behaviour {
    let mix = Mix {
        ring: Span::millis(100, 400),
        ..Mix::all_answer()
    };
    Behaviour::new(1, mix)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_backed_up_while_it_runs_goes_on_from_the_same_rows_after_all_data_is_lost() {
    let mut site = Site::new();
    recording(&site.dir().join("recordings/hello.wav"));
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let carrier = Carrier::start(CarrierOptions::new(town())).unwrap();
    let trunks = office.trunks(&[carrier.addr()]).await;
    let group = office.group("sales").await;
    let members = office.agents(3, group).await;
    let team = work(&daemon, &members).await;
    let list = office.import("march", &sheet(0..600)).await.list_id;
    let id = office
        .create(campaign(Mode::Progressive, trunks, group), list)
        .await;
    office.start(id).await;
    let rows = site.rows();
    until("outcomes", async || {
        (rows.outcomes().await.len() >= 10).then_some(())
    })
    .await;
    assert_eq!(backup_age(&daemon), None, "none was made");

    let kept_in = tempfile::tempdir().unwrap();
    let before = rows.outcomes().await;
    let calls_before = carrier.log().calls().len();
    let made = backup(&site, kept_in.path());
    let dump = PathBuf::from(made["file"].as_str().unwrap());
    assert_eq!(made["recordings"], 1);
    assert!(
        backup_age(&daemon).unwrap() < 600,
        "{:?}",
        daemon.get("/metrics")
    );
    // It dials on meanwhile, and what comes of that is not in the backup.
    let log = carrier.log().clone();
    let goes_on = blocking(move || log.wait(PATIENCE, |c| c.len() >= calls_before + 10)).await;
    assert!(goes_on, "the campaign stood still under the backup");

    daemon.kill();
    drop(team);
    await_the_end_of_postgres(&site).await;
    std::fs::remove_dir_all(site.data_dir()).unwrap();
    let (code, restored) = site.run(&["db", "restore", dump.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{restored}");
    assert_eq!(restored["rows"], made["rows"], "{restored}");
    assert_eq!(restored["recordings_missing"], Value::Array(Vec::new()));

    let restarted_at = Instant::now();
    let daemon = site.start();
    // Where phones had registered was lost with the rest: they come again.
    let team = work(&daemon, &members).await;
    let outcomes: BTreeSet<_> = rows.outcomes().await.into_iter().collect();
    for outcome in &before {
        assert!(
            outcomes.contains(outcome),
            "{outcome:?} was backed up and is lost"
        );
    }
    let done: BTreeMap<String, Option<String>> = rows
        .attempts()
        .await
        .into_iter()
        .map(|a| (a.number, a.result))
        .collect();
    assert!(done.values().all(Option::is_some), "{done:?}");
    until("the daemon", async || office.status().await.ok()).await;
    assert_eq!(office.state(id).await, CampaignState::Running);
    let log = carrier.log().clone();
    let dials = blocking(move || {
        log.wait(PATIENCE, |calls| {
            calls.iter().filter(|c| c.invited_at > restarted_at).count() >= 10
        })
    })
    .await;
    assert!(dials, "the restored campaign does not go on");
    for call in carrier.log().calls() {
        let number = call.number.map(|n| n.to_string()).unwrap_or_default();
        let again = call.invited_at > restarted_at && done.contains_key(&number);
        assert!(
            !again,
            "{number} had its attempt before the backup and was called again"
        );
    }
    assert!(
        backup_age(&daemon).is_some(),
        "the backup that was restored is the last one"
    );

    office.pause(id).await;
    team.leave().await;
    let ended = blocking(move || daemon.drain()).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    let (code, checked) = site.run(&["db", "check"]);
    assert_eq!(code, Some(0), "{checked}");
    assert_eq!(checked["warnings"], 0, "{checked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_would_harm_is_refused_and_the_data_it_replaces_is_kept() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    office.import("march", &sheet(0..50)).await;
    let kept_in = tempfile::tempdir().unwrap();
    let dump = PathBuf::from(backup(&site, kept_in.path())["file"].as_str().unwrap());
    let restore = ["db", "restore", dump.to_str().unwrap(), "--yes"];

    // A daemon runs on it.
    let (code, said) = site.run(&restore);
    assert_eq!(code, Some(4), "{said}");
    let said = said.as_str().unwrap();
    assert!(
        said.contains(&format!("in use by process {}", daemon.pid())),
        "{said}"
    );
    assert_eq!(daemon.get("/readyz").0, 200);
    let (code, checked) = site.run(&["db", "check"]);
    assert_eq!(code, Some(0), "beside the daemon: {checked}");

    office.import("april", &sheet(50..60)).await;
    let ended = blocking(move || daemon.drain()).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);

    // There is data, and nobody said that it may go.
    let (code, said) = site.run(&restore[..3]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.as_str().unwrap().contains("--yes"), "{said}");

    // Not whole, in each of the ways in which a copy fails.
    let whole = std::fs::read(&dump).unwrap();
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    for (contents, why) in [
        (&whole[..whole.len() - 100], "bytes"),
        (&changed[..], "checksum"),
    ] {
        std::fs::write(&dump, contents).unwrap();
        let (code, said) = site.run(&restore);
        assert_eq!(code, Some(4), "{said}");
        let said = said.as_str().unwrap();
        assert!(
            said.contains("not a whole backup") && said.contains(why),
            "{said}"
        );
    }
    std::fs::write(&dump, &whole).unwrap();
    let manifest = dump.with_extension("json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::remove_file(&manifest).unwrap();
    let (code, said) = site.run(&restore);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.as_str().unwrap().contains("manifest"), "{said}");
    // A manifest that promises a row more than there is: found before anything is replaced.
    let mut promised: Value = serde_json::from_str(&text).unwrap();
    promised["rows"]["prospect"] = Value::from(promised["rows"]["prospect"].as_i64().unwrap() + 1);
    std::fs::write(&manifest, promised.to_string()).unwrap();
    let (code, said) = site.run(&restore);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.as_str()
            .unwrap()
            .contains("table prospect has 50 rows"),
        "{said}"
    );
    // Of a version that knows more.
    promised["schema"] = Value::from(9_000);
    std::fs::write(&manifest, promised.to_string()).unwrap();
    let (code, said) = site.run(&restore);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.as_str().unwrap().contains("version 9000"), "{said}");
    std::fs::write(&manifest, text).unwrap();

    // After all those the data is what it was.
    let daemon = site.start();
    let rows = site.rows();
    assert_eq!(rows.count("SELECT count(*) FROM prospect").await, 60);
    blocking(move || daemon.drain()).await;

    // And whole, it takes the place; the old is kept and could be put back.
    let (code, restored) = site.run(&restore);
    assert_eq!(code, Some(0), "{restored}");
    let kept = Path::new(restored["kept"].as_str().unwrap());
    assert!(kept.join("PG_VERSION").exists(), "{restored}");
    let daemon = site.start();
    assert_eq!(rows.count("SELECT count(*) FROM prospect").await, 50);
    blocking(move || daemon.drain()).await;
    std::fs::rename(site.postgres_data(), site.dir().join("aside")).unwrap();
    std::fs::rename(kept, site.postgres_data()).unwrap();
    let daemon = site.start();
    assert_eq!(rows.count("SELECT count(*) FROM prospect").await, 60);
    drop(daemon);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_elsewhere_is_backed_up_and_checked_and_each_disorder_is_named() {
    let cluster = TestCluster::shared().await;
    let url = cluster.database().await.to_url_lossy().to_string();
    let mut site = Site::with_database(Database::At(url));
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let trunks = office.trunks(&[]).await;
    let list = office.import("march", &sheet(0..20)).await.list_id;
    let id = office
        .create(campaign(Mode::Notification, trunks, 0), list)
        .await;
    let kept_in = tempfile::tempdir().unwrap();
    let made = backup(&site, kept_in.path());
    assert_eq!(made["schema"], 8);
    let (code, checked) = site.run(&["db", "check"]);
    assert_eq!(
        (code, states(&checked, "failure").len()),
        (Some(0), 0),
        "{checked}"
    );
    let (code, said) = site.run(&["db", "restore", made["file"].as_str().unwrap(), "--yes"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(
        said.as_str().unwrap().contains("pg_restore"),
        "not ours to replace: {said}"
    );
    blocking(move || daemon.drain()).await;

    // What no daemon does: rows changed by hand, with the server's own checks switched off.
    let rows = site.rows();
    rows.spoil(&format!(
        "SET session_replication_role = replica;
         UPDATE queue SET tries = 3 WHERE prospect_id = (SELECT min(prospect_id) FROM queue);
         INSERT INTO attempt (campaign_id, attempt_id, prospect_id, phone_id, number, node_id, epoch, seller,
                              priority, launched_at)
         SELECT {id}, gen_random_uuid(), prospect_id, id, number, (SELECT min(id) FROM node), 1, 'ACME', 0, now()
         FROM phone ORDER BY id LIMIT 1;
         INSERT INTO live_number (number, prospect_id, campaign_id, attempt_id, since)
         SELECT number, prospect_id, campaign_id, attempt_id, now() FROM attempt;
         DELETE FROM trunk_group;
         SET session_replication_role = origin;"
    ))
    .await;
    let (code, checked) = site.run(&["db", "check"]);
    assert_eq!(code, Some(1), "{checked}");
    assert_eq!(
        states(&checked, "failure"),
        ["foreign keys", "tries"],
        "{checked}"
    );
    // Into a database that is not ours no extension is put.
    let warned = states(&checked, "warning");
    assert_eq!(warned, ["attempts", "live numbers", "pages"], "{checked}");
    // Ended, and its number still held: it would never be called again.
    rows.spoil(
        "UPDATE attempt SET result = 'busy', counts_as_try = true, rang = false, talked = false, message = false,
                finished_at = now();
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9000, 'of tomorrow', true, '', 0)",
    )
    .await;
    let (code, checked) = site.run(&["db", "check"]);
    assert_eq!(
        (code, states(&checked, "failure")),
        (Some(1), vec!["tables"]),
        "{checked}"
    );
    rows.spoil("DELETE FROM _sqlx_migrations WHERE version = 9000")
        .await;
    let (_, checked) = site.run(&["db", "check"]);
    assert!(
        states(&checked, "failure").contains(&"live numbers"),
        "{checked}"
    );
}

/// A tenth of a second of silence.
fn recording(path: &Path) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec).unwrap();
    for _ in 0..800 {
        wav.write_sample(0_i16).unwrap();
    }
    wav.finalize().unwrap();
}

fn backup(site: &Site, into: &Path) -> Value {
    let (code, made) = site.run(&["db", "backup", into.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{made}");
    made
}

/// The checks that came out so, each once, by name.
fn states<'a>(checked: &'a Value, state: &str) -> Vec<&'a str> {
    let checks = checked["checks"].as_array().unwrap();
    let names = checks
        .iter()
        .filter(|c| c["state"] == state)
        .map(|c| c["check"].as_str().unwrap());
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// In seconds, as the daemon exports it.
fn backup_age(daemon: &Daemon) -> Option<u64> {
    let (_, page) = daemon.get("/metrics");
    let line = page
        .lines()
        .find_map(|l| l.strip_prefix("outdial_backup_age_seconds "))?;
    Some(line.parse().unwrap())
}

async fn await_the_end_of_postgres(site: &Site) {
    until("the end of Postgres", async || {
        site.postmaster().is_none().then_some(())
    })
    .await;
}
