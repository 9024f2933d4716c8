//! The daemon among programs that others wrote: sipp as the carrier, baresip as an agent's phone, and a client in
//! Python made from the proto files alone; from import to export.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;

use std::collections::BTreeMap;

use daemon::{
    Daemon, Office, PATIENCE, PythonAgent, Sipp, Site, Softphone, blocking, campaign, number,
    sheet, tenths_of, until,
};
use model::Share;
use proto::options::v1::Role;
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::questionnaire_service_client::QuestionnaireServiceClient;
use proto::supervisor::v1::{Attempt, Mode, SheetFormat};
use testkit::{
    Behaviour, Call, CallEnd, Carrier, CarrierOptions, Habits, Mix, Person, PhoneState, Span, Talk,
    Team, TeamOptions, Voice,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_in_python_with_a_softphone_works_a_list_from_import_to_export() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    // Nobody is at home at the first number, and the other two listen until they are hung up on.
    let town = Behaviour::new(1, Mix::all_answer())
        .with(number(1), Person::busy())
        .with(number(2), Person::answers(Talk::default()))
        .with(number(3), Person::answers(Talk::default()));
    let carrier = Carrier::start(CarrierOptions::new(town)).unwrap();
    let (trunks, group) = (
        office.trunks(&[carrier.addr()]).await,
        office.group("sales").await,
    );
    let (anna_id, anna) = office.account("anna", Role::Agent, &[group]).await;
    let list = office.import("march", &sheet(1..4)).await;
    assert_eq!((list.rows, list.accepted), (3, 3), "{list:?}");
    let mut wanted = campaign(Mode::Progressive, trunks, group);
    wanted.greeting = "Здравствуйте!".to_owned();
    wanted.questionnaire_id = questionnaire(&office).await;
    let id = office.create(wanted, list.list_id).await;

    let voice = Voice::of_agent(3);
    let phone = Softphone::start(site.dir(), daemon.sip, "anna", &anna.phone_password, voice);
    let talks = [
        "--talks",
        "2",
        "--talk-seconds",
        "4",
        "--disposition",
        "sale",
        "--note",
        "берёт",
    ];
    let mut agent = PythonAgent::start(daemon.api, "anna", &talks);
    let agent = blocking(move || {
        agent.wait("did", "SetReady");
        agent
    })
    .await;
    office.start(id).await;
    let agent = blocking(move || two_talks(agent)).await;
    let refused = agent.said.iter().find(|l| !l["refused"].is_null());
    assert_eq!(refused, None);

    for n in [2, 3] {
        let [call] = <[Call; 1]>::try_from(carrier.log().calls_to(number(n))).unwrap();
        assert_eq!(call.end, Some(CallEnd::HungUpByCaller));
        let heard = call.heard();
        assert!(heard.voice(voice), "the person hears the agent: {heard:?}");
    }
    let heard = blocking(move || phone.heard()).await;
    for n in [2, 3] {
        // Of four seconds of talk; a softphone on a busy machine records only some of it without a break.
        let tenths = tenths_of(Voice::of_number(number(n)), &heard);
        assert!(
            tenths >= 5,
            "the agent hears {}: {tenths} tenths of a second",
            number(n)
        );
    }

    let attempts = office.attempts(id).await;
    let by_number: BTreeMap<&str, &Attempt> =
        attempts.iter().map(|a| (a.number.as_str(), a)).collect();
    assert_eq!((attempts.len(), by_number.len()), (3, 3), "{attempts:#?}");
    let busy = by_number[number(1).to_string().as_str()];
    assert_eq!(
        (busy.result.as_str(), busy.sip_status, busy.q850),
        ("busy", 486, 17)
    );
    for n in [2, 3] {
        let attempt = by_number[number(n).to_string().as_str()];
        assert_eq!(attempt.result, "connected_agent");
        assert_eq!(
            (
                attempt.agent_id,
                attempt.disposition.as_str(),
                attempt.note.as_str()
            ),
            (anna_id, "sale", "берёт")
        );
        assert!(
            attempt.bridged_at.is_some() && attempt.ended_at.is_some(),
            "{attempt:?}"
        );
    }
    let file = office.export(id, SheetFormat::Csv).await;
    let text = String::from_utf8(file).unwrap();
    for (person, holds) in [("P0001", "busy"), ("P0002", "sale"), ("P0003", "sale")] {
        let line = text
            .lines()
            .find(|l| l.contains(person))
            .unwrap_or_else(|| panic!("{person}: {text}"));
        assert!(line.contains(holds), "{line}");
    }
    let workbook = office.export(id, SheetFormat::Xlsx).await;
    assert!(workbook.starts_with(b"PK"), "an xlsx is a zip archive");
    drop(daemon);
}

/// What the agent is shown in both talks, up to its end.
fn two_talks(mut agent: PythonAgent) -> PythonAgent {
    let mut met = Vec::new();
    for _ in 0..2 {
        let pop = agent.wait("event", "call_connected")["pop"].clone();
        assert_eq!(pop["campaign_name"], "Spring", "{pop}");
        assert_eq!(pop["seller"], "ACME", "{pop}");
        assert_eq!(pop["greeting"], "Здравствуйте!", "{pop}");
        let card = &pop["card"];
        let person = card["external_id"].as_str().unwrap().to_owned();
        let n: u32 = person.trim_start_matches('P').parse().unwrap();
        assert_eq!(card["name"], format!("Человек {n}"), "{card}");
        assert_eq!(card["amount"], format!("{n}.50 RUB"), "{card}");
        assert_eq!(card["phones"][0]["number"], number(n).to_string(), "{card}");
        let fields = card["fields"].as_array().unwrap();
        assert!(
            fields
                .iter()
                .any(|f| f["name"] == "Товар" && f["value"] == format!("чайник {n}")),
            "{card}"
        );
        agent.wait("event", "outcome_saved");
        met.push(person);
    }
    met.sort();
    assert_eq!(met, ["P0002", "P0003"]);
    agent.end();
    agent
}

async fn questionnaire(office: &Office) -> i32 {
    let question = |field: &str, kind: pb::QuestionKind, choices: &[&str]| pb::Question {
        field: field.to_owned(),
        text: format!("{field}?"),
        kind: kind.into(),
        choices: choices.iter().map(|c| (*c).to_owned()).collect(),
        required: true,
        ..Default::default()
    };
    let request = pb::CreateQuestionnaireRequest {
        name: "after the call".to_owned(),
        questions: vec![
            question("mood", pb::QuestionKind::Choice, &["good", "bad"]),
            question("children", pb::QuestionKind::Number, &[]),
            question("remark", pb::QuestionKind::Text, &[]),
        ],
        ..Default::default()
    };
    let mut client = QuestionnaireServiceClient::new(office.channel.clone());
    let made = client
        .create_questionnaire(office.with(request))
        .await
        .unwrap();
    made.into_inner().questionnaire.unwrap().questionnaire_id
}

/// A carrier, what it does, and what must stand in the row.
struct Case {
    name: &'static str,
    /// Scenarios of the trunks of its group, the first tried first.
    carriers: &'static [&'static str],
    result: &'static str,
    sip_status: i32,
    q850: i32,
    legs: i32,
}

const fn case(
    name: &'static str,
    carriers: &'static [&'static str],
    result: &'static str,
    (sip_status, q850): (i32, i32),
) -> Case {
    Case {
        name,
        carriers,
        result,
        sip_status,
        q850,
        legs: carriers.len() as i32,
    }
}

/// Nobody comes to the phone.
const REFUSALS: &[Case] = &[
    case("busy", &["busy"], "busy", (486, 17)),
    case("no such number", &["not_found"], "invalid_number", (404, 1)),
    case("nobody at home", &["no_answer"], "no_answer", (487, 0)),
];

/// Somebody does.
const TALKS: &[Case] = &[
    // Cause 16, "normal call clearing", stands in the Reason of the person's BYE.
    case("the person hangs up", &["echo"], "connected_agent", (0, 16)),
    case("the agent hangs up", &["answer"], "connected_agent", (0, 0)),
    case(
        "sound before the answer",
        &["early_media"],
        "connected_agent",
        (0, 16),
    ),
    case(
        "the answer crosses our CANCEL",
        &["crossing"],
        "connected_agent",
        (0, 0),
    ),
    case(
        "the first trunk is full",
        &["congestion", "echo"],
        "connected_agent",
        (0, 16),
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_that_is_sipp_finds_nothing_wrong_and_every_end_stands_in_its_row() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let quiet = office.group("quiet").await;
    let busy = office.group("busy").await;
    let mut members = Vec::new();
    for (login, group) in [("silent", quiet), ("talker", busy)] {
        members.push(office.account(login, Role::Agent, &[group]).await.1);
    }
    let team = team(&daemon, members).await;

    let mut waiting = Vec::new();
    for (n, case) in (10..).zip(REFUSALS) {
        let (id, carriers) = begin(&office, &site, case, n, quiet).await;
        waiting.push((case, id, carriers));
    }
    for (n, case) in (20..).zip(TALKS) {
        let (id, carriers) = begin(&office, &site, case, n, busy).await;
        ended(&office, case, id, carriers, true).await;
    }
    for (case, id, carriers) in waiting {
        ended(&office, case, id, carriers, false).await;
    }
    // sipp sends back what it hears: the agent's own voice has been there and back.
    let echo = |phone: &PhoneState, voice| phone.calls.iter().any(|c| c.heard().voice(voice));
    let talker = &team.phones[1];
    assert!(
        echo(&talker.state(), talker.voice()),
        "{:?}",
        talker.state()
    );
    let silent = &team.phones[0];
    assert!(!echo(&silent.state(), silent.voice()));
    drop((team, daemon));
}

async fn team(daemon: &Daemon, members: Vec<testkit::Member>) -> Team {
    let options = TeamOptions {
        url: daemon.url(),
        registrar: Some(daemon.sip),
        members,
        habits: Habits {
            // Longer than the person of the scenario `echo` stays.
            talk: Span::millis(5_000, 5_000),
            hangs_up: Share::from_ppm(1_000_000),
            writes: Span::millis(20, 50),
            no_outcome: Share::ZERO,
            dispositions: [("declined".to_owned(), 1)].into(),
            ..Habits::default()
        },
        seed: 1,
    };
    let team = Team::start(options).await.unwrap();
    for agent in &team.agents {
        assert!(
            agent.wait(PATIENCE, testkit::AgentCounts::is_ready).await,
            "{:?}",
            agent.counts()
        );
    }
    team
}

/// Starts a campaign with one number over carriers of its own.
async fn begin(office: &Office, site: &Site, case: &Case, n: u32, group: i32) -> (i32, Vec<Sipp>) {
    let carriers: Vec<Sipp> = case
        .carriers
        .iter()
        .map(|s| Sipp::play(s, site.dir()))
        .collect();
    let addrs: Vec<_> = carriers.iter().map(|c| c.addr).collect();
    let trunks = office.trunk_group(case.name, &addrs).await;
    let list = office.import(case.name, &sheet([n])).await.list_id;
    let mut wanted = campaign(Mode::Progressive, trunks, group);
    wanted.name = case.name.to_owned();
    // As short as the profile lets it be.
    wanted.ring_limit = Some(prost_types::Duration {
        seconds: 15,
        nanos: 0,
    });
    let id = office.create(wanted, list).await;
    office.start(id).await;
    (id, carriers)
}

async fn ended(office: &Office, case: &Case, id: i32, carriers: Vec<Sipp>, outcome: bool) {
    let attempt = until(case.name, async || {
        let mut attempts = office.attempts(id).await;
        let done = attempts.len() == 1
            && !attempts[0].result.is_empty()
            && (attempts[0].disposition.is_empty() != outcome);
        done.then(|| attempts.remove(0))
    })
    .await;
    assert_eq!(attempt.result, case.result, "{}: {attempt:#?}", case.name);
    assert_eq!(
        (attempt.sip_status, attempt.q850),
        (case.sip_status, case.q850),
        "{}: {attempt:#?}",
        case.name
    );
    assert_eq!(attempt.legs, case.legs, "{}", case.name);
    for carrier in carriers {
        blocking(move || carrier.must_be_content()).await;
    }
}
