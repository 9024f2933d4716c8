//! The supervisor's board: the real binary in a pseudo-terminal while agents work.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;

use std::process::{Command, Output, Stdio};

use daemon::{Daemon, ESC, Office, Pty, Site, blocking, campaign, sheet, until};
use proto::options::v1::Role;
use proto::supervisor::v1::{CampaignState, Mode};
use serde_json::Value;
use testkit::{Behaviour, Carrier, CarrierOptions, Habits, Mix, Span, Team, TeamOptions};

/// The board once, by somebody's token.
fn once(daemon: &Daemon, token: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_outdial"))
        .arg("top")
        .args(args)
        .args(["--server", &daemon.url()])
        .env("OUTDIAL_TOKEN", token)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_sees_what_goes_on_and_pauses_a_campaign() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let mix = Mix {
        talk: Span::millis(700, 1_500),
        hangs_up: model::Share::from_ppm(1_000_000),
        ..Mix::all_answer()
    };
    let carrier = Carrier::start(CarrierOptions::new(Behaviour::new(1, mix))).unwrap();
    let trunks = office.trunks(&[carrier.addr()]).await;
    let group = office.group("sales").await;
    let options = TeamOptions {
        url: daemon.url(),
        registrar: Some(daemon.sip),
        members: office.agents(3, group).await,
        habits: Habits {
            hangs_up: model::Share::ZERO,
            no_outcome: model::Share::ZERO,
            writes: Span::millis(50, 100),
            dispositions: [("declined".to_owned(), 1)].into(),
            ..Habits::default()
        },
        seed: 1,
    };
    let team = Team::start(options).await.unwrap();
    let list = office.import("march", &sheet(0..300)).await.list_id;
    let id = office
        .create(campaign(Mode::Progressive, trunks, group), list)
        .await;
    office.start(id).await;
    office.account("boss", Role::Supervisor, &[]).await;
    let token = office.sign_in("boss").await;

    let url = daemon.url();
    let env = [("OUTDIAL_TOKEN", token.as_str()), ("NO_COLOR", "1")];
    let top = Pty::start(140, 30, &["top", "--server", &url], &env);
    top.wait("Spring");
    top.wait("running");
    top.wait("s old");
    top.wait("carriers 0");
    top.wait("% of 3 %");
    top.wait_for("an agent in a talk, with the campaign", |screen| {
        let talks = |line: &str| line.contains("talking 0:0") && line.contains("Spring");
        screen.lines().any(talks)
    });
    top.send("p");
    top.wait("Pause Spring?");
    assert_eq!(office.state(id).await, CampaignState::Running);
    top.send("p");
    top.wait("Spring is paused");
    top.wait_for("paused on the board", |screen| {
        screen
            .lines()
            .any(|line| line.contains("Spring") && line.contains(" paused "))
    });
    assert_eq!(office.state(id).await, CampaignState::Paused);
    top.send("e");
    let why = top.wait("queue:");
    assert!(why.contains("the campaign is paused"), "{why}");
    top.send(ESC);

    // The ledger on the board is that of the rows, once everything has come to its end.
    let rows = site.rows();
    let open = "SELECT count(*) FROM attempt WHERE result IS NULL";
    until("quiet", async || {
        (rows.count(open).await == 0).then_some(())
    })
    .await;
    let joined = rows
        .count("SELECT count(*) FROM attempt WHERE ledger = 'C'")
        .await;
    assert!(joined > 0);
    let board = until("the ledger of the rows", async || {
        let out = once(&daemon, &token, &["--output", "json"]);
        assert!(out.status.success(), "{out:?}");
        let board: Value = serde_json::from_slice(&out.stdout).unwrap();
        (board["campaigns"][0]["ledger"]["connected"] == joined).then_some(board)
    })
    .await;
    let line = &board["campaigns"][0];
    assert_eq!(
        (&line["name"], &line["state"]),
        (&"Spring".into(), &"paused".into())
    );
    assert_eq!(line["ledger"]["limit"], 0.03);
    assert_eq!(line["ledger"]["is_over"], false);
    assert_eq!(board["agents"].as_array().unwrap().len(), 3);
    assert_eq!(board["trunks"][0]["channels"], 100);

    let out = once(&daemon, &token, &["--once"]);
    let text = String::from_utf8(out.stdout).unwrap();
    for part in [
        "Spring",
        "paused",
        "agents: 3 ready",
        "carriers 0  0 of 100 channels",
        "% of 3 %",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    assert!(!text.contains('\x1b'), "{text:?}");

    top.send("r");
    top.wait("Resume Spring?");
    top.send("r");
    top.wait("Spring is resumed");
    office.until_state(id, CampaignState::Running).await;

    // It says that nothing comes, and finds the daemon again.
    drop(team);
    daemon.kill();
    top.wait("NO NEWS");
    let daemon = blocking(move || site.start()).await;
    assert_eq!(daemon.url(), url);
    top.wait_for("news again", |screen| {
        screen.contains("s old") && screen.contains("running")
    });
    top.send("q");
    assert_eq!(top.end().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_board_is_not_for_agents() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let group = office.group("sales").await;
    office.account("anna", Role::Agent, &[group]).await;
    let token = office.sign_in("anna").await;
    let out = once(&daemon, &token, &["--once"]);
    assert_eq!(out.status.code(), Some(5), "{out:?}");
    // Nor does a supervisor have a desk.
    let env = [("OUTDIAL_TOKEN", office.token.as_str())];
    let desk = Pty::start(80, 24, &["agent", "--server", &daemon.url()], &env);
    desk.wait("is no agent");
    assert_eq!(desk.end().code(), Some(5));
}
