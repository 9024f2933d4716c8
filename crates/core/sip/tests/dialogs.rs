//! What happens inside and beside a dialog, written down message by message.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod net;

use std::cell::RefCell;
use std::rc::Rc;

use model::{Ended, LegId};
use net::*;
use sip::{Command, Event, UserAgent};

/// A dialer whose packets end in a list, with one INVITE sent.
struct Wire {
    net: Net,
    sent: Rc<RefCell<Vec<String>>>,
}

const PEER: &str = "192.0.2.2:5060";

impl Wire {
    fn new() -> Self {
        let mut net = Net::new();
        let sent = Rc::new(RefCell::new(Vec::new()));
        let list = sent.clone();
        net.fate = Box::new(move |p| {
            list.borrow_mut().push(p.text());
            None
        });
        net.invite(invite(1));
        Self { net, sent }
    }

    fn last(&self, begins: &str) -> String {
        let sent = self.sent.borrow();
        sent.iter()
            .rev()
            .find(|m| m.starts_with(begins))
            .unwrap_or_else(|| panic!("no {begins}: {sent:#?}"))
            .clone()
    }

    fn count(&self, begins: &str) -> usize {
        self.sent
            .borrow()
            .iter()
            .filter(|m| m.starts_with(begins))
            .count()
    }

    /// A response to the last request of a method.
    fn reply(&mut self, method: &str, status: &str, tag: &str, extra: &str, body: &str) {
        let request = self.last(method);
        let via = header(&request, "Via");
        let (from, to, id, cseq) = (
            header(&request, "From"),
            header(&request, "To"),
            header(&request, "Call-ID"),
            header(&request, "CSeq"),
        );
        let to = if to.contains("tag=") {
            to
        } else {
            format!("{to};tag={tag}")
        };
        let text = format!(
            "SIP/2.0 {status}\nVia: {via}\nFrom: {from}\nTo: {to}\nCall-ID: {id}\nCSeq: {cseq}\n{extra}\n{body}"
        );
        self.net.deliver(PEER, DIALER, &text);
    }

    fn answered(&mut self, tag: &str, extra: &str) {
        let extra =
            format!("Contact: <sip:gw@192.0.2.9:5070>\n{extra}Content-Type: application/sdp\n");
        self.reply("INVITE", "200 OK", tag, &extra, SDP);
    }

    /// A request of the far end within the dialog.
    fn request(&mut self, method: &str, cseq: u32, extra: &str, body: &str) {
        let invite = self.last("INVITE");
        let text = format!(
            "{method} sip:x@{DIALER} SIP/2.0\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bK{method}{cseq}\n\
             From: {};tag=b1\nTo: {}\nCall-ID: {}\nCSeq: {cseq} {method}\nContact: <sip:gw@192.0.2.9:5070>\n{extra}\n{body}",
            header(&invite, "To"),
            header(&invite, "From"),
            header(&invite, "Call-ID"),
        );
        self.net.deliver(PEER, DIALER, &text);
    }
}

fn header(message: &str, name: &str) -> String {
    let prefix = format!("{name}: ");
    message
        .lines()
        .find_map(|l| l.strip_prefix(&prefix))
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

const SDP: &str = "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\nm=audio 7000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000\n";

#[test]
fn requests_in_a_dialog_follow_the_record_route_and_the_remote_target() {
    let mut w = Wire::new();
    w.answered(
        "b1",
        "Record-Route: <sip:192.0.2.21;lr>, <sip:192.0.2.22;lr>\n",
    );
    let ack = w.last("ACK");
    assert!(
        ack.starts_with("ACK sip:gw@192.0.2.9:5070 SIP/2.0"),
        "{ack}"
    );
    let routes: Vec<_> = ack.lines().filter(|l| l.starts_with("Route:")).collect();
    assert_eq!(
        routes,
        ["Route: <sip:192.0.2.22;lr>", "Route: <sip:192.0.2.21;lr>"]
    );
    w.net.command(DIALER, Command::HangUp(LegId(1)));
    let bye = w.last("BYE");
    assert!(
        bye.contains("Route: <sip:192.0.2.22;lr>\r\n") && bye.contains("CSeq: 2 BYE"),
        "{bye}"
    );
}

#[test]
fn a_strict_router_becomes_the_request_uri() {
    let mut w = Wire::new();
    w.answered("b1", "Record-Route: <sip:192.0.2.21>\n");
    let ack = w.last("ACK");
    assert!(ack.starts_with("ACK sip:192.0.2.21 SIP/2.0"), "{ack}");
    assert!(ack.contains("Route: <sip:gw@192.0.2.9:5070>\r\n"), "{ack}");
}

#[test]
fn a_second_branch_that_answers_is_acknowledged_and_ended_and_the_first_lives() {
    let mut w = Wire::new();
    w.answered("b1", "");
    w.answered("b2", "");
    w.answered("b2", "");
    assert_eq!((w.count("ACK"), w.count("BYE")), (3, 1));
    assert!(header(&w.last("BYE"), "To").ends_with("tag=b2"));
    let answers = w
        .net
        .of(DIALER)
        .iter()
        .filter(|e| matches!(e, Event::Answered { .. }))
        .count();
    assert_eq!(answers, 1);
    assert!(
        !w.net
            .of(DIALER)
            .iter()
            .any(|e| matches!(e, Event::Ended { .. }))
    );
}

#[test]
fn an_answer_to_a_daemon_that_died_is_acknowledged_and_ended() {
    let w = Wire::new();
    let invite = w.last("INVITE");
    let mut reborn = Wire::new();
    reborn
        .net
        .agents
        .insert(addr(DIALER), UserAgent::new(options(DIALER), [9; 32]));
    let text = format!(
        "SIP/2.0 200 OK\nVia: {}\nFrom: {}\nTo: {};tag=b1\nCall-ID: {}\nCSeq: 1 INVITE\nContact: <sip:gw@192.0.2.9>\n\n",
        header(&invite, "Via"),
        header(&invite, "From"),
        header(&invite, "To"),
        header(&invite, "Call-ID"),
    );
    reborn.net.deliver(PEER, DIALER, &text);
    assert!(reborn.last("ACK").contains("CSeq: 1 ACK"));
    assert!(reborn.last("BYE").contains("CSeq: 2 BYE"));
    // One that names another element in its Via is not ours to act upon.
    reborn.net.deliver(
        PEER,
        DIALER,
        &text
            .replace("192.0.2.1:5060", "192.0.2.77:5060")
            .replace("b1", "b7"),
    );
    assert_eq!(reborn.count("BYE"), 1);
}

#[test]
fn a_challenge_is_answered_once_and_a_second_one_ends_the_leg() {
    let mut w = Wire::new();
    let mut again = invite(2);
    again.credentials = Some(credentials("u", "p"));
    w.net.invite(again);
    let challenge = "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\n";
    w.reply("INVITE", "407 Auth", "x", challenge, "");
    let second = w.last("INVITE");
    assert!(
        second.contains("CSeq: 2 INVITE")
            && header(&second, "Proxy-Authorization").contains("nc=00000001")
    );
    assert!(!header(&second, "To").contains("tag="));
    w.reply("INVITE", "407 Auth", "x", challenge, "");
    let Some(Event::Ended { end, .. }) = w.net.of(DIALER).last() else {
        panic!()
    };
    assert_eq!(
        (end.by, end.status.map(|s| s.0)),
        (Ended::Remote, Some(407))
    );
}

#[test]
fn a_stale_nonce_is_replaced_and_the_ack_and_bye_carry_credentials() {
    let mut w = Wire::new();
    let mut again = invite(2);
    again.credentials = Some(credentials("u", "p"));
    w.net.invite(again);
    w.reply(
        "INVITE",
        "407 Auth",
        "x",
        "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\n",
        "",
    );
    w.reply(
        "INVITE",
        "407 Auth",
        "x",
        "Proxy-Authenticate: Digest realm=\"r\", nonce=\"m\", qop=\"auth\", stale=true\n",
        "",
    );
    let third = w.last("INVITE");
    w.answered("b1", "");
    assert_eq!(
        header(&w.last("ACK"), "Proxy-Authorization"),
        header(&third, "Proxy-Authorization")
    );
    w.net.command(DIALER, Command::HangUp(LegId(2)));
    assert!(header(&w.last("BYE"), "Proxy-Authorization").contains("nc=00000002"));
    w.reply(
        "BYE",
        "407 Auth",
        "x",
        "Proxy-Authenticate: Digest realm=\"r\", nonce=\"z\", qop=\"auth\"\n",
        "",
    );
    assert!(header(&w.last("BYE"), "Proxy-Authorization").contains("nonce=\"z\""));
    assert_eq!(w.count("BYE"), 2);
}

#[test]
fn hold_and_resume_are_answered_and_reported() {
    let mut w = Wire::new();
    w.answered("b1", "");
    for (cseq, theirs, ours, we_send) in [
        (5, "sendonly", "recvonly", false),
        (6, "inactive", "inactive", false),
        (7, "sendrecv", "sendrecv", true),
    ] {
        let sdp = format!("{SDP}a={theirs}\n");
        w.request("INVITE", cseq, "Content-Type: application/sdp\n", &sdp);
        let answer = w.last("SIP/2.0 200");
        assert!(answer.contains(&format!("a={ours}\r\n")), "{answer}");
        let Some(Event::MediaChanged { media, .. }) = w.net.of(DIALER).last() else {
            panic!()
        };
        assert_eq!(media.we_send, we_send);
        w.request("ACK", cseq, "", "");
    }
    let before = w.sent.borrow().len();
    w.net.run(secs(31));
    assert_eq!(
        w.sent.borrow().len(),
        before,
        "an acknowledged answer is not repeated"
    );
}

#[test]
fn a_re_invite_without_a_common_codec_is_refused_and_the_talk_goes_on() {
    let mut w = Wire::new();
    w.answered("b1", "");
    w.request(
        "INVITE",
        5,
        "Content-Type: application/sdp\n",
        &SDP.replace("8 101", "18"),
    );
    assert!(w.last("SIP/2.0 ").starts_with("SIP/2.0 488"));
    assert!(
        !w.net
            .of(DIALER)
            .iter()
            .any(|e| matches!(e, Event::Ended { .. }))
    );
}

#[test]
fn each_request_of_the_far_end_gets_the_response_that_its_rfc_names() {
    let mut w = Wire::new();
    w.answered("b1", "");
    for (method, cseq, extra, status) in [
        ("OPTIONS", 10, "", "200"),
        ("UPDATE", 11, "", "200"),
        ("NOTIFY", 12, "Event: refer\n", "489"),
        ("INFO", 13, "", "405"),
        ("REFER", 14, "", "405"),
        ("FOO", 15, "", "501"),
        ("OPTIONS", 3, "", "500"),
        ("OPTIONS", 16, "Require: 100rel\n", "420"),
        ("CANCEL", 99, "", "481"),
    ] {
        w.request(method, cseq, extra, "");
        let got = w.sent.borrow().last().unwrap().clone();
        assert!(
            got.starts_with(&format!("SIP/2.0 {status}")),
            "{method} {cseq}: {got}"
        );
    }
    w.request("BYE", 20, "Reason: Q.850;cause=16;text=\"bye\"\n", "");
    w.request("BYE", 20, "", "");
    let ends: Vec<_> = w
        .net
        .of(DIALER)
        .iter()
        .filter_map(|e| match e {
            Event::Ended { end, .. } => Some((end.by, end.q850)),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(Ended::Remote, Some(16))]);
    assert!(w.last("SIP/2.0 200").contains("CSeq: 20 BYE"));
}

#[test]
fn a_request_that_names_our_tag_but_not_our_call_is_refused() {
    let mut w = Wire::new();
    w.answered("b1", "");
    let invite = w.last("INVITE");
    let text = format!(
        "BYE sip:x SIP/2.0\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bKforged\nFrom: <sip:a@b>;tag=b1\nTo: {}\nCall-ID: guess\nCSeq: 9 BYE\n\n",
        header(&invite, "From")
    );
    w.net.deliver("192.0.2.66:5060", DIALER, &text);
    assert!(w.last("SIP/2.0 ").starts_with("SIP/2.0 481"));
    assert!(
        !w.net
            .of(DIALER)
            .iter()
            .any(|e| matches!(e, Event::Ended { .. }))
    );
}

#[test]
fn an_answer_too_broken_to_make_a_dialog_does_not_leave_the_leg_open() {
    let mut w = Wire::new();
    let via = header(&w.last("INVITE"), "Via");
    let text = format!("SIP/2.0 200 OK\nVia: {via}\nCSeq: 1 INVITE\n\n");
    w.net.deliver(PEER, DIALER, &text);
    w.net.command(DIALER, Command::Cancel(LegId(1)));
    w.net.run(secs(33));
    assert!(matches!(w.net.of(DIALER), [Event::Ended { end, .. }] if end.by == Ended::Timeout));
    assert_eq!(w.net.agents[&addr(DIALER)].tally().legs, 0);
}

#[test]
fn a_trunk_that_wants_its_account_in_from_gets_the_number_beside_it() {
    let mut w = Wire::new();
    let mut by_account = invite(2);
    by_account.from = "sip:account@carrier.example".into();
    by_account.asserted = Some("sip:+49307654321@carrier.example".into());
    w.net.invite(by_account);
    let sent = w.last("INVITE");
    assert_eq!(
        header(&sent, "P-Asserted-Identity"),
        "<sip:+49307654321@carrier.example>"
    );
    assert!(header(&sent, "From").starts_with("<sip:account@carrier.example>;tag="));
}

#[test]
fn only_what_carries_our_branch_or_our_tag_is_expected() {
    let w = Wire::new();
    let ua = &w.net.agents[&addr(DIALER)];
    let invite = w.last("INVITE");
    let via = header(&invite, "Via");
    let tag = header(&invite, "From");
    for (text, expected) in [
        (format!("SIP/2.0 200 OK\nVia: {via}\n\n"), true),
        (
            "SIP/2.0 200 OK\nVia: SIP/2.0/UDP h;branch=z9hG4bK0123456789abcdef\n\n".to_owned(),
            false,
        ),
        (format!("BYE sip:x SIP/2.0\nTo: {tag}\n\n"), true),
        (
            "BYE sip:x SIP/2.0\nTo: <sip:x>;tag=0123456789abcdef\n\n".to_owned(),
            false,
        ),
        ("INVITE sip:x SIP/2.0\nTo: <sip:x>\n\n".to_owned(), false),
        ("noise".to_owned(), false),
    ] {
        assert_eq!(
            ua.expects(text.replace('\n', "\r\n").as_bytes()),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_retry_after_reaches_the_owner() {
    let mut w = Wire::new();
    w.reply(
        "INVITE",
        "503 Full",
        "x",
        "Retry-After: 30 (later)\nReason: Q.850;cause=42\n",
        "",
    );
    let Some(Event::Ended {
        end, retry_after, ..
    }) = w.net.of(DIALER).last()
    else {
        panic!()
    };
    assert_eq!((*retry_after, end.q850), (Some(secs(30)), Some(42)));
}

#[test]
fn a_packet_that_cannot_be_sent_ends_the_leg_as_such() {
    let mut net = Net::new();
    let mut ua = UserAgent::new(options(DIALER), [1; 32]);
    let now = net.now;
    ua.handle(
        now,
        sip::Input::Command(Command::Invite(Box::new(invite(1)))),
    );
    let Some(sip::Effect::Send { sender, .. }) = ua.poll_effect() else {
        panic!()
    };
    ua.handle(now, sip::Input::SendFailed { sender });
    let Some(sip::Effect::Report(Event::Ended { end, .. })) = ua.poll_effect() else {
        panic!()
    };
    assert_eq!(end.by, Ended::Transport);
    assert_eq!(ua.tally().legs, 0);
    net.run(ms(1));
}
