//! The terminal desk as an agent works it: the real binary in a pseudo-terminal, a real daemon, a softphone and a
//! carrier. The screens it shows are the ones in docs/reference/desk.md.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;

use std::path::Path;
use std::time::{Duration, Instant};

use daemon::{
    CTRL_C, Daemon, ENTER, ESC, Office, PATIENCE, Pty, Rows, Site, TAB, blocking, campaign, masked,
    number, sheet, until, with,
};
use model::WallTime;
use proto::agent::v1::agent_service_client::AgentServiceClient;
use proto::agent::v1::{ListCallbacksRequest, UpdateCallbackRequest};
use proto::options::v1::Role;
use proto::supervisor::v1::questionnaire_service_client::QuestionnaireServiceClient;
use proto::supervisor::v1::{
    AssignProspectsRequest, CreateQuestionnaireRequest, Disposition, Mode, Question, QuestionKind,
};
use rustix::process::Signal;
use sqlx::Row;
use testkit::{Behaviour, Carrier, CarrierOptions, Member, Mix, Person, Phone, PhoneOptions, Talk};

/// The wall clock of the daemon begins there, so that dates on recorded screens stay.
const AT: &str = "2026-11-25T09:00:00Z";
const COLUMNS: u16 = 100;
const ROWS: u16 = 24;

/// A daemon with a campaign, and an agent whose phone is registered.
struct Stage {
    site: Site,
    daemon: Daemon,
    /// The daemon's clock showed [`AT`] later than this.
    began: Instant,
    office: Office,
    _carrier: Carrier,
    _phone: Phone,
    campaign_id: i32,
    agent_id: i32,
}

impl Stage {
    /// People who answer and stay on the line, one for each of the numbers.
    async fn set(mode: Mode, people: std::ops::RangeInclusive<u32>) -> Self {
        let mut site = Site::new();
        let began = Instant::now();
        let daemon = site.start_with(&["--at", AT]);
        let office = Office::found(&daemon).await;
        let mut town = Behaviour::new(1, Mix::all_answer());
        for n in people.clone() {
            town = town.with(number(n), Person::answers(Talk::default()));
        }
        let carrier = Carrier::start(CarrierOptions::new(town)).unwrap();
        let trunks = office.trunks(&[carrier.addr()]).await;
        let group = office.group("sales").await;
        let (agent_id, member) = office.account("anna", Role::Agent, &[group]).await;
        let phone = register(&daemon, &member).await;
        let list = office.import("march", &sheet(people)).await.list_id;
        let mut made = campaign(mode, trunks, group);
        made.greeting = "Good morning, this is Anna of ACME.".to_owned();
        made.questionnaire_id = questionnaire(&office).await;
        made.dispositions = ["sale", "declined", "callback_private", "wrong_number"]
            .map(|code| Disposition {
                code: code.to_owned(),
                ..Default::default()
            })
            .to_vec();
        if mode == Mode::Predictive {
            made.policy = "ratio:1".to_owned();
        }
        let campaign_id = office.create(made, list).await;
        Self {
            site,
            daemon,
            began,
            office,
            _carrier: carrier,
            _phone: phone,
            campaign_id,
            agent_id,
        }
    }

    fn desk(&self) -> Pty {
        self.desk_of(COLUMNS, ROWS)
    }

    fn desk_of(&self, columns: u16, rows: u16) -> Pty {
        let url = self.daemon.url();
        let env = [
            ("OUTDIAL_PASSWORD", "correct horse battery"),
            ("NO_COLOR", "1"),
        ];
        Pty::start(columns, rows, &["agent", "anna", "--server", &url], &env)
    }

    fn rows(&self) -> Rows {
        self.site.rows()
    }

    /// An instant that the daemon's clock has not reached and will within seconds.
    fn soon(&self) -> prost_types::Timestamp {
        let at: WallTime = AT.parse().unwrap();
        let at = at + self.began.elapsed() + Duration::from_secs(1);
        prost_types::Timestamp {
            seconds: at.unix_micros() / 1_000_000,
            nanos: 0,
        }
    }
}

async fn register(daemon: &Daemon, member: &Member) -> Phone {
    let options = PhoneOptions::new(daemon.sip, &member.login, &member.phone_password, 1);
    let phone = Phone::start(options).unwrap();
    blocking(move || {
        assert!(
            phone.wait(PATIENCE, |p| p.registered),
            "{:?}",
            phone.state()
        );
        phone
    })
    .await
}

async fn questionnaire(office: &Office) -> i32 {
    let question = |field: &str, text: &str, kind: QuestionKind, choices: &[&str]| Question {
        field: field.to_owned(),
        text: text.to_owned(),
        kind: kind.into(),
        choices: choices.iter().map(|c| (*c).to_owned()).collect(),
        required: field == "product",
        ..Default::default()
    };
    let request = CreateQuestionnaireRequest {
        name: "kettles".to_owned(),
        questions: vec![
            question(
                "product",
                "Which kettle?",
                QuestionKind::Choice,
                &["glass", "steel", "copper"],
            ),
            question(
                "days",
                "When at home?",
                QuestionKind::Choices,
                &["weekdays", "weekend"],
            ),
            question("people", "How many people?", QuestionKind::Number, &[]),
            question("delivery", "Delivered when?", QuestionKind::Date, &[]),
            question("again", "May we call again?", QuestionKind::YesNo, &[]),
        ],
        ..Default::default()
    };
    let mut client = QuestionnaireServiceClient::new(office.channel.clone());
    let made = client.create_questionnaire(office.with(request)).await;
    let made = made.unwrap().into_inner().questionnaire.unwrap();
    made.questionnaire_id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shift_is_worked_by_keyboard_alone() {
    let stage = Stage::set(Mode::Predictive, 1..=3).await;
    let rows = stage.rows();
    // The third person is Anna's own; the campaign calls the others.
    let third = "SELECT id FROM prospect WHERE external_id = 'P0003'";
    let request = AssignProspectsRequest {
        campaign_id: stage.campaign_id,
        prospect_ids: vec![rows.count(third).await],
        agent_id: stage.agent_id,
        ..Default::default()
    };
    let assigned = stage
        .office
        .campaigns()
        .assign_prospects(stage.office.with(request))
        .await;
    assert_eq!(assigned.unwrap().into_inner().assigned, 1);

    let mut page = Page::new("desk.md");
    let desk = stage.desk();
    desk.wait("NOT READY");
    desk.send("r");
    let idle = desk.wait("You are waiting for a call");
    assert!(idle.contains(" READY "), "{idle}");

    // A predictive call: the record, the questionnaire, a promise to call again.
    stage.office.start(stage.campaign_id).await;
    desk.wait("TALKING");
    let talk = desk.wait("Which kettle?");
    for text in [
        "Spring for ACME",
        "Good morning, this is Anna of ACME.",
        "Человек",
        "Москва",
        "3 Call back, me",
    ] {
        assert!(talk.contains(text), "no {text} on\n{talk}");
    }
    page.show("talk", &desk);
    desk.send(TAB);
    desk.send("2");
    desk.wait("(•) steel");
    desk.send(TAB);
    desk.send("12");
    desk.wait("[•] weekend");
    desk.send(TAB);
    desk.send("4");
    desk.send(TAB);
    desk.send("tomorrow");
    desk.wait("2026-11-26");
    desk.send(TAB);
    desk.send("y");
    desk.wait("(•) yes");
    desk.send(TAB);
    desk.send("перезвонить после обеда");
    desk.wait("перезвонить после обеда");
    page.show("answers", &desk);
    // What is typed is safe before anything is given.
    let drafts = "SELECT count(*) FROM outcome_draft";
    until("a draft", async || {
        (rows.count(drafts).await == 1).then_some(())
    })
    .await;
    desk.send(ENTER);
    desk.wait("hang up");
    desk.send("3");
    desk.wait("to be called?");
    desk.send("tomorrow 15:00");
    desk.wait("Thu 26 Nov 2026 15:00 Europe/Moscow, in 1 d");
    page.show("time", &desk);
    desk.send(ENTER);
    desk.wait("the outcome is saved");
    let agreed = rows
        .all("SELECT at, agent_id FROM callback WHERE state = 'open' AND at = '2026-11-26T12:00:00Z'")
        .await;
    assert_eq!(agreed.len(), 1);
    let given = rows
        .all("SELECT disposition, note, answers::text FROM current_outcome")
        .await;
    let (disposition, note, answers): (String, String, String) =
        (given[0].get(0), given[0].get(1), given[0].get(2));
    assert_eq!(
        (disposition.as_str(), note.as_str()),
        ("callback_private", "перезвонить после обеда")
    );
    let answers: Vec<(String, String)> = serde_json::from_str(&answers).unwrap();
    let wanted = [
        ("product", "steel"),
        ("days", "weekdays\nweekend"),
        ("people", "4"),
        ("delivery", "2026-11-26"),
        ("again", "yes"),
    ];
    assert_eq!(
        answers,
        wanted.map(|(field, value)| (field.to_owned(), value.to_owned()))
    );

    // The next call: hold, hang up, more time, and an outcome in wrap-up by one key.
    desk.wait_for("the second person", |screen| {
        screen.contains("TALKING") && screen.contains("Человек 2")
    });
    desk.send("h");
    desk.wait("ON HOLD");
    desk.send("h");
    desk.wait("TALKING");
    desk.send("n");
    desk.wait("after this call");
    desk.send(ENTER);
    desk.wait("not ready after this call (break)");
    desk.send("x");
    desk.wait_for("wrap-up and its reason", |screen| {
        ["WRAP-UP", " left", "the call is over"]
            .iter()
            .all(|text| screen.contains(text))
    });
    page.show("wrap-up", &desk);
    desk.send("e");
    desk.wait_for("more time than there was", |screen| {
        left(screen).is_some_and(|s| s > 62)
    });
    desk.send("2");
    desk.wait("NOT READY");
    saved(&rows, "declined").await;

    // The promise falls due: it is moved, the reminder comes, and one key calls.
    let token = stage.office.sign_in("anna").await;
    let mut agent = AgentServiceClient::new(stage.office.channel.clone());
    let open = agent
        .list_callbacks(with(&token, ListCallbacksRequest {}))
        .await;
    let callback = open.unwrap().into_inner().callbacks.remove(0);
    let request = UpdateCallbackRequest {
        callback_id: callback.callback_id,
        at: Some(stage.soon()),
        ..Default::default()
    };
    agent.update_callback(with(&token, request)).await.unwrap();
    desk.wait_for("the reminder", |screen| {
        screen.contains("1  call Человек") && screen.contains("to be called now")
    });
    page.show("reminder", &desk);
    desk.send("1");
    desk.wait("TALKING");
    let again = desk.wait("callback private");
    assert!(again.contains("перезвонить после обеда"), "{again}");
    desk.send("4");
    desk.wait("▶4 Wrong number");
    desk.send(ENTER);
    desk.wait("NOT READY");
    desk.wait("the outcome is saved");
    let kept = "SELECT count(*) FROM callback WHERE state = 'open'";
    until("the promise kept", async || {
        (rows.count(kept).await == 0).then_some(())
    })
    .await;

    // Her own prospect: found by typing, called at a number of the record, closed without an outcome.
    desk.send("l");
    desk.wait("to call, what is due first");
    desk.send("чел");
    desk.wait_for("the third person", |screen| screen.contains("Человек 3"));
    page.show("list", &desk);
    desk.send(ENTER);
    desk.wait("1   +79005550003");
    desk.send(ENTER);
    desk.wait("TALKING");
    desk.send("x");
    desk.wait("WRAP-UP");
    desk.send("c");
    desk.wait("Close without an outcome?");
    page.show("doubt", &desk);
    desk.send("c");
    desk.wait("NOT READY");
    saved(&rows, "no_outcome").await;
    desk.send("?");
    desk.wait("Any key goes back");
    page.show("help", &desk);
    desk.send(ESC);
    // Sent together they would be Alt-q.
    desk.wait("You get no calls");
    desk.send("q");
    desk.wait("Leave?");
    desk.send("q");
    assert_eq!(desk.end().code(), Some(0));
    let results: Vec<_> = rows
        .attempts()
        .await
        .into_iter()
        .map(|a| a.result)
        .collect();
    assert_eq!(results.len(), 4, "{results:?}");
    assert!(
        results
            .iter()
            .all(|r| r.as_deref() == Some("connected_agent")),
        "{results:?}"
    );
    page.compare();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_is_taken_at_another_number_and_a_second_screen_takes_the_session_over() {
    let stage = Stage::set(Mode::Preview, 1..=2).await;
    stage.office.start(stage.campaign_id).await;
    let first = stage.desk();
    first.wait("NOT READY");
    first.send("r");
    first.wait("P0001");
    first.send("s");
    first.wait("P0002");
    first.send("p");
    first.wait("dial this one");
    first.send("1");
    first.wait("TALKING");
    first.send(TAB);
    first.send("3");
    first.wait("(•) copper");
    let drafts = "SELECT count(*) FROM outcome_draft";
    let rows = stage.rows();
    until("a draft", async || {
        (rows.count(drafts).await == 1).then_some(())
    })
    .await;

    // What the first screen typed is on the second.
    let second = stage.desk_of(80, 24);
    second.wait("on another screen");
    second.send("y");
    let seen = second.wait("(•) copper");
    assert!(seen.contains("TALKING"), "{seen}");
    first.wait("another session of yours took over");
    assert_eq!(first.end_by("q").code(), Some(0));
    // A window dragged narrow shows the same, one above the other.
    second.resize(44, 30);
    let narrow = second.wait_for("a narrow screen", |s| {
        s.contains("1 Sale") && !s.contains('│')
    });
    assert!(narrow.contains("(•) copper"), "{narrow}");
    second.send("1");
    second.send(ENTER);
    second.wait("the outcome is saved");
    let outcomes = rows.outcomes().await;
    assert!(outcomes.iter().any(|(_, d)| d == "sale"), "{outcomes:?}");
    second.signal(Signal::TERM);
    assert_eq!(second.end().code(), Some(130));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_goes_away_is_waited_for_and_the_desk_goes_on() {
    let Stage {
        mut site,
        daemon,
        office,
        _carrier,
        _phone,
        ..
    } = Stage::set(Mode::Progressive, 1..=1).await;
    let url = daemon.url();
    let env = [("OUTDIAL_PASSWORD", "correct horse battery")];
    let desk = Pty::start(COLUMNS, ROWS, &["agent", "anna", "--server", &url], &env);
    desk.wait("NOT READY");
    daemon.kill();
    desk.wait("connection lost");
    let daemon = site.start_with(&["--at", AT]);
    assert_eq!(daemon.url(), url);
    until("the daemon", async || office.status().await.ok()).await;
    desk.wait_for("a session again", |screen| {
        screen.contains("NOT READY") && !screen.contains("connection lost")
    });
    desk.send(CTRL_C);
    assert_eq!(desk.end().code(), Some(130));
}

/// Waits for the one outcome of a kind in its row: an agent goes on before it is written.
async fn saved(rows: &Rows, disposition: &str) {
    let given = async || {
        let outcomes = rows.outcomes().await;
        let same = outcomes.iter().filter(|(_, d)| d == disposition).count();
        (same == 1).then_some(())
    };
    until(disposition, given).await;
}

/// Seconds left of a wrap-up, as the first line says: `… 1:23 left …`.
fn left(screen: &str) -> Option<u64> {
    let (before, _) = screen.lines().next()?.split_once(" left")?;
    let (minutes, seconds) = before.rsplit(' ').next()?.split_once(':')?;
    Some(minutes.parse::<u64>().ok()? * 60 + seconds.parse::<u64>().ok()?)
}

/// A page of the reference with screens between ```` ```text NAME ```` and ```` ``` ````: compared with those of
/// this run, or written from them with UPDATE=1.
struct Page {
    path: std::path::PathBuf,
    shown: Vec<(&'static str, String)>,
}

impl Page {
    fn new(name: &str) -> Self {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference");
        Self {
            path: docs.join(name),
            shown: Vec::new(),
        }
    }

    fn show(&mut self, name: &'static str, desk: &Pty) {
        self.shown.push((name, masked(&desk.settled(), "15:00")));
    }

    fn compare(self) {
        let page = std::fs::read_to_string(&self.path).unwrap();
        let mut wanted = page.clone();
        for (name, screen) in &self.shown {
            let open = format!("```text {name}\n");
            let from = wanted
                .find(&open)
                .unwrap_or_else(|| panic!("no {open} in the page"))
                + open.len();
            let to = from + wanted[from..].find("```\n").unwrap();
            wanted.replace_range(from..to, screen);
        }
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&self.path, wanted).unwrap();
        } else {
            assert!(
                page == wanted,
                "{}: run with UPDATE=1\n{wanted}",
                self.path.display()
            );
        }
    }
}
