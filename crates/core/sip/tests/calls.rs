//! Calls between two user agents over a network that loses and delays what the test says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod net;

use std::time::Duration;

use model::{Ended, LegEnd, LegId, SipStatus};
use net::*;
use sip::{Command, Event, Respond};

fn ended(net: &Net, at: &str) -> Vec<LegEnd> {
    let end = |e: &Event| match e {
        Event::Ended { end, .. } => Some(end.clone()),
        _ => None,
    };
    net.of(at).iter().filter_map(end).collect()
}

fn the_end(net: &Net) -> LegEnd {
    let [end] = ended(net, DIALER).try_into().expect("exactly one end");
    end
}

fn answers(net: &Net, at: &str) -> Vec<bool> {
    let answer = |e: &Event| match e {
        Event::Answered { after_cancel, .. } => Some(*after_cancel),
        _ => None,
    };
    net.of(at).iter().filter_map(answer).collect()
}

/// After everything has timed out nothing may be left.
fn assert_forgotten(net: &mut Net) {
    net.run(secs(200));
    for ua in net.agents.values() {
        let tally = ua.tally();
        assert_eq!(
            (
                tally.legs,
                tally.client_transactions,
                tally.server_transactions
            ),
            (0, 0, 0)
        );
        assert_eq!(ua.next_wakeup(), None);
    }
}

#[test]
fn a_call_that_is_answered_and_hung_up_by_us_ends_once_on_both_sides() {
    let mut net = Net::new();
    net.invite(invite(1));
    net.run(ms(100));
    net.ring();
    net.run(ms(100));
    net.answer();
    net.run(ms(100));
    assert_eq!(
        (answers(&net, DIALER), answers(&net, CARRIER)),
        (vec![false], vec![false])
    );
    net.command(DIALER, Command::HangUp(LegId(1)));
    net.run(ms(100));
    let end = the_end(&net);
    assert_eq!((end.by, end.rang, end.status), (Ended::Local, true, None));
    assert_eq!(ended(&net, CARRIER)[0].by, Ended::Remote);
    assert_forgotten(&mut net);
}

#[test]
fn the_media_of_both_ends_is_known_to_both_when_the_call_is_answered() {
    let mut net = Net::new();
    net.invite(invite(1));
    net.run(ms(100));
    net.answer();
    net.run(ms(100));
    for (at, port) in [(DIALER, 6_000), (CARRIER, 4_000)] {
        let media = net.of(at).iter().find_map(|e| match e {
            Event::Answered { media, .. } => *media,
            _ => None,
        });
        assert_eq!(media.unwrap().addr.port(), port);
    }
}

#[test]
fn a_hang_up_of_the_far_end_is_its_own_with_its_cause() {
    let mut net = Net::new();
    net.invite(invite(1));
    net.run(ms(100));
    net.answer();
    net.run(ms(100));
    let leg = net.inbound();
    net.command(CARRIER, Command::HangUp(leg));
    net.run(ms(100));
    assert_eq!(the_end(&net).by, Ended::Remote);
    assert_eq!(net.sent(DIALER, "SIP/2.0 200"), 1);
    assert_forgotten(&mut net);
}

#[test]
fn a_refusal_carries_status_cause_and_text() {
    let mut net = Net::new();
    net.invite(invite(1));
    net.run(ms(100));
    net.ring();
    net.respond(Respond::Reject {
        status: SipStatus(480),
        q850: Some(20),
        text: Some("Absent".into()),
    });
    net.run(ms(100));
    let end = the_end(&net);
    assert_eq!(end.status, Some(SipStatus(480)));
    assert_eq!(
        (end.by, end.q850, end.text.as_deref(), end.rang),
        (Ended::Remote, Some(20), Some("Absent"), true)
    );
    assert_eq!(net.sent(DIALER, "ACK"), 1);
    assert_forgotten(&mut net);
}

#[test]
fn early_audio_is_reported_with_its_address_and_kept_for_the_record() {
    let mut net = Net::new();
    net.invite(invite(1));
    net.run(ms(100));
    net.respond(Respond::Progress {
        status: SipStatus(183),
        media: Some(media(6_000)),
    });
    net.run(ms(100));
    let [
        Event::Ringing {
            rang: false,
            media: Some(m),
            ..
        },
    ] = net.of(DIALER)
    else {
        panic!("{:?}", net.of(DIALER))
    };
    assert_eq!(m.addr.port(), 6_000);
    net.reject(486);
    net.run(ms(100));
    assert!(the_end(&net).early_media && !the_end(&net).rang);
}

#[test]
fn no_answer_is_cancelled_and_its_487_is_our_doing() {
    let mut net = Net::new();
    net.invite(invite(1));
    net.run(ms(100));
    net.ring();
    net.run(secs(20));
    net.command(DIALER, Command::Cancel(LegId(1)));
    net.run(ms(200));
    let end = the_end(&net);
    assert_eq!(
        (end.by, end.status, end.rang),
        (Ended::Local, Some(SipStatus(487)), true)
    );
    assert_eq!(net.sent(DIALER, "CANCEL"), 1);
    assert_forgotten(&mut net);
}

#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut net = Net::new();
    let mut first = true;
    net.fate = Box::new(move |p| {
        // The first INVITE is lost, so that its 100 comes only after the retransmission.
        let lost = p.line().starts_with("INVITE") && std::mem::take(&mut first);
        (!lost).then_some(Duration::ZERO)
    });
    net.invite(invite(1));
    net.command(DIALER, Command::Cancel(LegId(1)));
    net.run(ms(400));
    assert_eq!(net.sent(DIALER, "CANCEL"), 0);
    net.run(ms(400));
    assert_eq!(net.sent(DIALER, "CANCEL"), 1);
    assert_eq!(the_end(&net).by, Ended::Local);
}

#[test]
fn an_answer_that_crosses_our_cancel_is_an_answer_and_the_leg_lives() {
    let mut net = Net::new();
    net.invite(invite(1));
    net.run(ms(100));
    net.ring();
    net.run(ms(100));
    net.answer();
    net.command(DIALER, Command::Cancel(LegId(1)));
    net.run(secs(60));
    assert_eq!(answers(&net, DIALER), [true]);
    assert!(ended(&net, DIALER).is_empty());
    net.command(DIALER, Command::HangUp(LegId(1)));
    net.run(ms(100));
    assert_eq!(the_end(&net).by, Ended::Local);
    assert_forgotten(&mut net);
}

#[test]
fn an_answer_that_crosses_a_hang_up_is_reported_and_ended_at_once() {
    let mut net = Net::new();
    net.invite(invite(1));
    net.run(ms(100));
    net.ring();
    net.run(ms(100));
    net.answer();
    net.command(DIALER, Command::HangUp(LegId(1)));
    net.run(ms(200));
    assert_eq!(answers(&net, DIALER), [true]);
    assert_eq!(the_end(&net).by, Ended::Local);
    assert_eq!(ended(&net, CARRIER).len(), 1);
}

#[test]
fn without_a_final_response_the_leg_ends_32_s_after_the_cancel_and_a_late_answer_is_released() {
    let mut net = Net::new();
    net.fate = Box::new(|p| (!p.line().starts_with("CANCEL")).then_some(Duration::ZERO));
    net.invite(invite(1));
    net.run(ms(100));
    net.ring();
    net.run(ms(100));
    net.command(DIALER, Command::Cancel(LegId(1)));
    net.run(secs(31));
    assert!(ended(&net, DIALER).is_empty());
    net.run(secs(2));
    assert_eq!(
        (the_end(&net).by, the_end(&net).status),
        (Ended::Local, None)
    );
    net.answer();
    net.run(secs(1));
    assert!(answers(&net, DIALER).is_empty());
    assert_eq!(
        (answers(&net, CARRIER).len(), ended(&net, CARRIER)[0].by),
        (1, Ended::Remote)
    );
    assert_forgotten(&mut net);
}

#[test]
fn a_silent_peer_ends_the_leg_after_timer_b() {
    let mut net = Net::new();
    net.fate = Box::new(|_| None);
    net.invite(invite(1));
    net.run(ms(4_999));
    assert!(ended(&net, DIALER).is_empty());
    net.run(ms(1));
    assert_eq!(the_end(&net), LegEnd::bare(Ended::Timeout));
    // Timer A: at 0, 0.5, 1.5 and 3.5 s.
    assert_eq!(net.sent(DIALER, "INVITE"), 4);
    assert_forgotten(&mut net);
}

#[test]
fn a_lost_ack_is_sent_again_with_the_same_bytes() {
    let mut net = Net::new();
    let acks = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = acks.clone();
    net.fate = Box::new(move |p| {
        if p.line().starts_with("ACK") {
            seen.borrow_mut().push(p.text());
            return (seen.borrow().len() > 3).then_some(Duration::ZERO);
        }
        Some(Duration::ZERO)
    });
    net.invite(invite(1));
    net.run(ms(100));
    net.answer();
    net.run(secs(20));
    assert_eq!(answers(&net, CARRIER), [false]);
    assert_eq!(answers(&net, DIALER), [false]);
    let acks = acks.borrow();
    assert_eq!(acks.len(), 4);
    assert!(acks.iter().all(|a| *a == acks[0]));
}

#[test]
fn an_answer_that_is_never_acknowledged_is_given_up_by_the_callee() {
    let mut net = Net::new();
    net.fate = Box::new(|p| (!p.line().starts_with("ACK")).then_some(Duration::ZERO));
    net.invite(invite(1));
    net.run(ms(100));
    net.answer();
    net.run(secs(40));
    assert_eq!(ended(&net, CARRIER)[0].by, Ended::Lost);
    assert_eq!(the_end(&net).by, Ended::Remote);
    assert_forgotten(&mut net);
}

#[test]
fn a_lost_bye_is_sent_again_and_answered() {
    let mut net = Net::new();
    let mut lost = 0;
    net.fate = Box::new(move |p| {
        let drop = p.line().starts_with("BYE") && lost < 3;
        lost += u32::from(drop);
        (!drop).then_some(Duration::ZERO)
    });
    net.invite(invite(1));
    net.run(ms(100));
    net.answer();
    net.run(ms(100));
    net.command(DIALER, Command::HangUp(LegId(1)));
    net.run(secs(20));
    assert_eq!(ended(&net, CARRIER)[0].by, Ended::Remote);
    assert_forgotten(&mut net);
}

#[test]
fn both_sides_hanging_up_at_once_is_one_end_each() {
    let mut net = Net::new();
    net.invite(invite(1));
    net.run(ms(100));
    net.answer();
    net.run(ms(100));
    let leg = net.inbound();
    net.command(DIALER, Command::HangUp(LegId(1)));
    net.command(CARRIER, Command::HangUp(leg));
    net.run(secs(1));
    assert_eq!(
        (ended(&net, DIALER).len(), ended(&net, CARRIER).len()),
        (1, 1)
    );
    assert_forgotten(&mut net);
}

#[test]
fn a_bye_that_overtakes_its_200_still_ends_an_answered_leg() {
    let mut net = Net::new();
    net.fate = Box::new(|p| {
        let slow = p.line().starts_with("SIP/2.0 200") && p.text().contains("INVITE");
        Some(if slow { ms(300) } else { Duration::ZERO })
    });
    net.invite(invite(1));
    net.run(ms(100));
    net.answer();
    let leg = net.inbound();
    net.command(CARRIER, Command::HangUp(leg));
    net.run(secs(2));
    assert_eq!(answers(&net, DIALER), [false]);
    assert_eq!(the_end(&net).by, Ended::Remote);
}

#[test]
fn a_leg_beyond_the_limit_or_with_a_used_id_is_refused_without_a_packet() {
    let mut net = Net::new();
    let mut small = options("192.0.2.3:5060");
    small.legs_max = 1;
    net.add(small, 3);
    for leg in [1, 1, 2] {
        net.command("192.0.2.3:5060", Command::Invite(Box::new(invite(leg))));
    }
    let ends = ended(&net, "192.0.2.3:5060");
    assert_eq!(
        ends.iter().map(|e| e.by).collect::<Vec<_>>(),
        [Ended::Refused; 2]
    );
    assert_eq!(net.sent("192.0.2.3:5060", "INVITE"), 1);
}

#[test]
fn an_offer_without_a_common_codec_is_refused_with_488() {
    let mut net = Net::new();
    net.invite(invite(1));
    net.run(ms(100));
    let leg = net.inbound();
    let mut only_ulaw = media(6_000);
    only_ulaw.codecs = sip::Codecs::Ulaw;
    let mut second = invite(2);
    second.media.codecs = sip::Codecs::Alaw;
    net.command(CARRIER, Command::HangUp(leg));
    net.invite(second);
    net.run(ms(100));
    net.respond(Respond::Answer { media: only_ulaw });
    net.run(ms(100));
    let statuses: Vec<_> = ended(&net, DIALER)
        .iter()
        .map(|e| e.status.unwrap().0)
        .collect();
    assert_eq!(statuses, [603, 488]);
    assert_forgotten(&mut net);
}

#[test]
fn calls_from_outside_are_refused_when_the_owner_says_so() {
    let mut net = Net::new();
    let mut closed = options(CARRIER);
    closed.inbound = sip::Inbound::Refuse(SipStatus(403));
    net.add(closed, 2);
    net.invite(invite(1));
    net.run(ms(100));
    assert_eq!(the_end(&net).status, Some(SipStatus(403)));
    assert!(net.of(CARRIER).is_empty());
}
