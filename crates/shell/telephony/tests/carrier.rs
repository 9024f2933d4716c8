//! Our SIP against sipp as the carrier, over real sockets of 127.0.0.1.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod support;

use std::net::UdpSocket;
use std::time::Duration;

use engine::{LegCommand, LegEvent};
use model::{Ended, LegEnd, LegId, SipStatus};
use support::*;
use telephony::{MediaCommand, ShardCommand, TelephonyEvent};

fn q(end: &LegEnd) -> (Ended, Option<u16>, Option<u8>) {
    (end.by, end.status.map(|s| s.0), end.q850)
}

#[test]
fn an_answered_call_is_hung_up_by_us() {
    let Some(sipp) = Sipp::play("answer") else {
        return;
    };
    let mut rig = Rig::with_trunk(trunk(sipp.addr));
    rig.dial();
    rig.wait_ringing();
    assert!(!rig.wait_answered());
    rig.leg(LegCommand::HangUp { leg: LEG });
    let end = rig.wait_end();
    assert_eq!(q(&end), (Ended::Local, None, None));
    assert!(end.rang && !end.early_media);
    sipp.must_be_content();
    let commands = rig.ports.commands.lock().unwrap().clone();
    let [
        MediaCommand::Connect { remote, .. },
        MediaCommand::Answered { .. },
        MediaCommand::Close { .. },
    ] = commands.as_slice()
    else {
        panic!("{commands:#?}")
    };
    assert_eq!(
        (remote.codec, remote.telephone_event),
        (sip::Codec::Pcma, Some(101))
    );
    rig.finish();
}

#[test]
fn a_busy_line_says_so_with_its_cause() {
    let Some(sipp) = Sipp::play("busy") else {
        return;
    };
    let mut rig = Rig::with_trunk(trunk(sipp.addr));
    rig.dial();
    let end = rig.wait_end();
    assert_eq!(q(&end), (Ended::Remote, Some(486), Some(17)));
    assert_eq!(end.text.as_deref(), Some("User busy"));
    sipp.must_be_content();
    rig.finish();
}

#[test]
fn a_number_that_does_not_exist_says_so() {
    let Some(sipp) = Sipp::play("not_found") else {
        return;
    };
    let mut rig = Rig::with_trunk(trunk(sipp.addr));
    rig.dial();
    assert_eq!(q(&rig.wait_end()), (Ended::Remote, Some(404), Some(1)));
    sipp.must_be_content();
    rig.finish();
}

#[test]
fn a_full_trunk_is_reported_busy_before_the_leg_ends() {
    let Some(sipp) = Sipp::play("congestion") else {
        return;
    };
    let mut rig = Rig::with_trunk(trunk(sipp.addr));
    rig.dial();
    assert_eq!(q(&rig.wait_end()), (Ended::Remote, Some(503), Some(34)));
    sipp.must_be_content();
    let busy = TelephonyEvent::TrunkBusy {
        trunk: TRUNK,
        retry_after: Duration::from_secs(30),
    };
    let events = rig.finish();
    assert_eq!(events[1], busy, "{events:#?}");
}

#[test]
fn a_call_that_is_not_answered_is_cancelled() {
    let Some(sipp) = Sipp::play("no_answer") else {
        return;
    };
    let mut rig = Rig::with_trunk(trunk(sipp.addr));
    rig.dial();
    rig.wait_ringing();
    rig.leg(LegCommand::Cancel { leg: LEG });
    let end = rig.wait_end();
    assert_eq!((q(&end), end.rang), ((Ended::Local, Some(487), None), true));
    sipp.must_be_content();
    rig.finish();
}

#[test]
fn an_answer_that_crosses_our_cancel_is_an_answer() {
    let Some(sipp) = Sipp::play("crossing") else {
        return;
    };
    let mut rig = Rig::with_trunk(trunk(sipp.addr));
    rig.dial();
    rig.wait_ringing();
    rig.leg(LegCommand::Cancel { leg: LEG });
    assert!(rig.wait_answered());
    rig.leg(LegCommand::HangUp { leg: LEG });
    assert_eq!(q(&rig.wait_end()), (Ended::Local, None, None));
    sipp.must_be_content();
    rig.finish();
}

#[test]
fn early_audio_is_connected_before_the_answer_and_a_remote_hang_up_keeps_its_cause() {
    let Some(sipp) = Sipp::play("early_media") else {
        return;
    };
    let mut rig = Rig::with_trunk(trunk(sipp.addr));
    rig.dial();
    let end = rig.wait_end();
    assert_eq!(q(&end), (Ended::Remote, None, Some(16)));
    assert!(end.early_media && !end.rang);
    sipp.must_be_content();
    let events = rig.finish();
    let ringing = TelephonyEvent::Leg(LegEvent::Ringing {
        leg: LEG,
        early_media: true,
    });
    let answered = TelephonyEvent::Leg(LegEvent::Answered {
        leg: LEG,
        after_cancel: false,
    });
    let at = |e| events.iter().position(|seen| *seen == e).unwrap();
    assert!(at(ringing) < at(answered));
}

#[test]
fn a_hold_stops_our_sending_until_it_is_resumed() {
    let Some(sipp) = Sipp::play("hold") else {
        return;
    };
    let mut rig = Rig::with_trunk(trunk(sipp.addr));
    rig.dial();
    assert_eq!(rig.wait_end().by, Ended::Remote);
    sipp.must_be_content();
    let sends: Vec<bool> = rig
        .ports
        .commands
        .lock()
        .unwrap()
        .iter()
        .filter_map(|c| match c {
            MediaCommand::Connect { remote, .. } => Some(remote.we_send),
            _ => None,
        })
        .collect();
    assert_eq!(sends, [true, false, true]);
    rig.finish();
}

#[test]
fn a_challenge_is_answered_with_the_right_password() {
    let Some(sipp) = Sipp::play("challenge") else {
        return;
    };
    let mut rig = Rig::with_trunk(trunk(sipp.addr));
    rig.dial();
    rig.wait_answered();
    rig.leg(LegCommand::HangUp { leg: LEG });
    rig.wait_end();
    sipp.must_be_content();
    rig.finish();
}

#[test]
fn a_second_challenge_is_a_refusal() {
    let Some(sipp) = Sipp::play("proxy_challenge") else {
        return;
    };
    let mut rig = Rig::with_trunk(trunk(sipp.addr));
    rig.dial();
    assert_eq!(q(&rig.wait_end()), (Ended::Remote, Some(407), None));
    sipp.must_be_content();
    rig.finish();
}

#[test]
fn a_silent_trunk_times_out() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut rig = Rig::with_trunk(trunk(silent.local_addr().unwrap()));
    rig.dial();
    assert_eq!(rig.wait_end(), LegEnd::bare(Ended::Timeout));
    rig.finish();
}

#[test]
fn a_leg_by_an_unknown_trunk_is_refused() {
    let mut rig = Rig::with_trunk(trunk(free_addr()));
    rig.tell(ShardCommand::SetTrunks(Vec::new()));
    rig.dial();
    assert_eq!(rig.wait_end().by, Ended::Refused);
    rig.finish();
}

#[test]
fn an_agent_without_a_phone_cannot_be_called() {
    let mut rig = Rig::with_trunk(trunk(free_addr()));
    rig.leg(LegCommand::CallAgent {
        leg: LegId(9),
        agent: model::AgentId(1),
    });
    let end = rig.wait_end();
    assert_eq!(
        (end.by, end.text.as_deref()),
        (Ended::Refused, Some("no phone is registered"))
    );
    rig.finish();
}

#[test]
fn a_trunk_that_answers_options_is_up_and_one_that_falls_silent_goes_down() {
    let Some(sipp) = Sipp::play("options") else {
        return;
    };
    let mut peer = trunk(sipp.addr);
    peer.options_every = Some(Duration::from_millis(100));
    let mut rig = Rig::with_trunk(peer);
    rig.wait("TrunkUp", |e| matches!(e, TelephonyEvent::TrunkUp { .. }));
    // sipp answers once and is gone.
    sipp.must_be_content();
    rig.wait("TrunkDown", |e| {
        matches!(e, TelephonyEvent::TrunkDown { .. })
    });
    rig.finish();
}

#[test]
fn a_hundred_calls_at_once_end_once_each() {
    let Some(sipp) = Sipp::play_calls("answer", 100) else {
        return;
    };
    let mut rig = Rig::with_trunk(trunk(sipp.addr));
    for leg in 1..=100 {
        rig.dial_leg(LegId(leg));
    }
    for leg in (1..=100).map(LegId) {
        rig.wait("Answered", |e| {
            *e == TelephonyEvent::Leg(LegEvent::Answered {
                leg,
                after_cancel: false,
            })
        });
        rig.leg(LegCommand::HangUp { leg });
    }
    sipp.must_be_content();
    let ends = rig.finish().iter().filter(|e| matches!(e, TelephonyEvent::Leg(LegEvent::Ended { end, .. }) if end.by == Ended::Local)).count();
    assert_eq!(ends, 100);
}

#[test]
fn strangers_are_dropped_and_callers_from_the_trunk_are_refused() {
    let carrier = UdpSocket::bind("127.0.0.1:0").unwrap();
    carrier
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let rig = Rig::with_trunk(trunk(carrier.local_addr().unwrap()));
    let invite = format!(
        "INVITE sip:x@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK1;rport\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:x@{to}>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{from}>\r\nContent-Length: 0\r\n\r\n",
        to = rig.shard.local_addr(),
        from = carrier.local_addr().unwrap(),
    );
    // 127.0.0.2 is the same machine, and a stranger.
    let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
    stranger
        .send_to(invite.as_bytes(), rig.shard.local_addr())
        .unwrap();
    carrier
        .send_to(invite.as_bytes(), rig.shard.local_addr())
        .unwrap();
    let mut buffer = [0; 2_000];
    let n = carrier.recv(&mut buffer).unwrap();
    assert!(buffer[..n].starts_with(format!("SIP/2.0 {}", SipStatus(403)).as_bytes()));
    assert_eq!(rig.shard.tally().dropped, 1);
    rig.finish();
}

/// Carriers take calls at one address and talk from another: the Contact names it, and requests come from it.
#[test]
fn a_carriers_second_machine_is_known_by_the_dialog() {
    let [front, back] = ["127.0.0.1:0", "127.0.0.2:0"].map(|addr| {
        let socket = UdpSocket::bind(addr).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        socket
    });
    let mut rig = Rig::with_trunk(trunk(front.local_addr().unwrap()));
    rig.dial();
    let mut buffer = [0; 2_000];
    let mut read = |socket: &UdpSocket| {
        let (n, from) = socket.recv_from(&mut buffer).unwrap();
        (String::from_utf8_lossy(&buffer[..n]).into_owned(), from)
    };
    let (invite, dialer) = read(&front);
    let line = |name: &str| {
        invite
            .lines()
            .find(|l| l.starts_with(name))
            .unwrap()
            .to_owned()
    };
    let contact = back.local_addr().unwrap();
    let (via, from, to, id) = (
        line("Via: "),
        line("From: "),
        line("To: "),
        line("Call-ID: "),
    );
    let answer = format!(
        "SIP/2.0 200 OK\r\n{via}\r\n{from}\r\n{to};tag=b\r\n{id}\r\nCSeq: 1 INVITE\r\nContact: <sip:{contact}>\r\n\r\n"
    );
    front.send_to(answer.as_bytes(), dialer).unwrap();
    assert!(read(&back).0.starts_with("ACK sip:127.0.0.2"));
    rig.wait_answered();
    let (theirs, ours) = (to.replace("To: ", "From: "), from.replace("From: ", "To: "));
    let bye = format!(
        "BYE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP {contact};branch=z9hG4bKb\r\n{theirs};tag=b\r\n{ours}\r\n{id}\r\nCSeq: 5 BYE\r\n\r\n"
    );
    back.send_to(bye.as_bytes(), dialer).unwrap();
    assert!(read(&back).0.starts_with("SIP/2.0 200"));
    assert_eq!(rig.wait_end().by, Ended::Remote);
    rig.finish();
}
