//! SIPp as the caller: another stack's opinion of the carrier's SIP.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::process::{Command, Stdio};
use std::time::Duration;

use model::{E164, SipStatus};
use testkit::{Behaviour, Call, CallEnd, Carrier, CarrierOptions, Mix, Person, Talk};

const NUMBER: &str = "+79161234567";
const PATIENCE: Duration = Duration::from_secs(30);
const SCENARIO: &str = include_str!("sipp/call.xml");

#[test]
fn a_caller_is_answered_and_hangs_up() {
    let call = call(
        Person::answers(Talk::default()),
        &format!("{RINGS}{ANSWERED}{ACK}{BYE}"),
    );
    assert!(call.is_answered() && call.rang_at.is_some() && call.acknowledged_at.is_some());
    assert_eq!(call.end, Some(CallEnd::HungUpByCaller));
    assert_eq!(call.caller, "+49301234567");
}

#[test]
fn a_caller_is_answered_and_the_person_hangs_up() {
    let talk = Talk::for_(Duration::from_millis(200));
    let call = call(
        Person::answers(talk),
        &format!("{RINGS}{ANSWERED}{ACK}{IS_HUNG_UP}"),
    );
    assert_eq!(call.end, Some(CallEnd::HungUpByPerson));
}

#[test]
fn refusals_come_with_status_and_cause() {
    for (person, status, cause) in [
        (Person::busy(), 486, Some(17)),
        (Person::invalid(), 404, Some(1)),
        (Person::absent(), 480, Some(20)),
        (Person::congestion(), 503, Some(34)),
    ] {
        let check = cause.map(|cause| {
            format!(
                "<action><ereg regexp=\"Q.850;cause={cause}\" search_in=\"hdr\" header=\"Reason:\" \
                 check_it=\"true\" assign_to=\"1\"/></action>"
            )
        });
        let check = check.unwrap_or_default();
        let refused = format!(
            "<recv response=\"{status}\">{check}</recv>{ACK_OF_REFUSAL}<Reference variables=\"1\"/>"
        );
        let call = call(person, &refused);
        assert_eq!(call.end, Some(CallEnd::Refused(SipStatus(status))));
        assert_eq!(call.rang_at, None, "{status}");
    }
    let rejected = format!("{RINGS}<recv response=\"603\"/>{ACK_OF_REFUSAL}");
    let call = call(Person::rejects(), &rejected);
    assert_eq!(call.end, Some(CallEnd::Refused(SipStatus(603))));
}

#[test]
fn a_caller_who_gives_up_gets_200_to_the_cancel_and_487_to_the_invite() {
    let call = call(Person::no_answer(), &format!("{RINGS}{CANCEL}{CANCELLED}"));
    assert_eq!(call.end, Some(CallEnd::Cancelled));
    assert!(call.cancelled_at.is_some() && !call.is_answered());
}

#[test]
fn a_hundred_callers_at_once_all_get_through() {
    let town = Behaviour::new(1, Mix::all_answer());
    let carrier = Carrier::start(CarrierOptions::new(town)).unwrap();
    let scenario =
        format!("<recv response=\"180\"/>{ANSWERED}{ACK}<pause milliseconds=\"500\"/>{BYE}");
    sipp(&carrier, &scenario, &["-m", "100", "-r", "100"]);
    let all_over = |calls: &[Call]| calls.iter().all(|c| c.end == Some(CallEnd::HungUpByCaller));
    assert!(carrier.log().wait(PATIENCE, all_over));
    assert_eq!(carrier.counts().answers, 100);
    assert_eq!(carrier.log().dialogs_open().len(), 0);
}

const RINGS: &str = r#"<recv response="180"/>"#;
const ANSWERED: &str = r#"<recv response="200"/>"#;
const ACK: &str = r#"<send><![CDATA[

    ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:+49301234567@[local_ip]:[local_port]>;tag=[call_number]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0

]]></send>"#;
/// RFC 3261 section 17.1.1.3: the ACK of a refusal belongs to the transaction of its INVITE.
const ACK_OF_REFUSAL: &str = r#"<send><![CDATA[

    ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    [last_Via:]
    From: <sip:+49301234567@[local_ip]:[local_port]>;tag=[call_number]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0

]]></send>"#;
const BYE: &str = r#"<send retrans="500"><![CDATA[

    BYE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:+49301234567@[local_ip]:[local_port]>;tag=[call_number]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 2 BYE
    Max-Forwards: 70
    Content-Length: 0

]]></send><recv response="200"/>"#;
const IS_HUNG_UP: &str = r#"<recv request="BYE"/><send><![CDATA[

    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

]]></send>"#;
const CANCEL: &str = r#"<send retrans="500"><![CDATA[

    CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    [last_Via:]
    From: <sip:+49301234567@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 CANCEL
    Max-Forwards: 70
    Content-Length: 0

]]></send>"#;
const CANCELLED: &str = r#"<recv response="200"/><recv response="487"/><send><![CDATA[

    ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    [last_Via:]
    From: <sip:+49301234567@[local_ip]:[local_port]>;tag=[call_number]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0

]]></send>"#;

/// One call by SIPp, which must find everything as `expected`; returns the carrier's record of it.
fn call(person: Person, expected: &str) -> Call {
    let number: E164 = NUMBER.parse().unwrap();
    let town = Behaviour::new(1, Mix::default()).with(number, person);
    let carrier = Carrier::start(CarrierOptions::new(town)).unwrap();
    sipp(&carrier, expected, &["-m", "1"]);
    let over = |calls: &[Call]| calls.iter().all(|c| !c.is_open());
    assert!(carrier.log().wait(PATIENCE, over));
    let [call] = carrier
        .stop()
        .calls_to(number)
        .try_into()
        .expect("one call");
    call
}

fn sipp(carrier: &Carrier, expected: &str, more: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("call.xml");
    std::fs::write(&file, SCENARIO.replace("EXPECTED", expected)).unwrap();
    let run = Command::new("sipp")
        .current_dir(dir.path())
        .args(["-sf", "call.xml", "-s", NUMBER, "-i", "127.0.0.1"])
        .args([
            "-nostdin",
            "-timeout",
            "30s",
            "-timeout_error",
            "-trace_err",
        ])
        .args(more)
        .arg(carrier.addr().to_string())
        .stdin(Stdio::null())
        .output()
        .expect("sipp runs; install the package sip-tester");
    let errors = std::fs::read_dir(dir.path()).unwrap();
    let errors = errors
        .filter_map(|e| e.ok())
        .filter(|e| e.file_name().to_string_lossy().contains("errors"));
    let errors: String = errors
        .filter_map(|e| std::fs::read_to_string(e.path()).ok())
        .collect();
    assert!(
        run.status.success(),
        "sipp ended with {}:\n{errors}",
        run.status
    );
}
