//! A user agent dies without a word, and the next one says what was left.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod net;

use std::collections::BTreeMap;

use model::{AgentId, Ended, LegEnd, LegId};
use net::*;
use sip::{Callee, Command, Event, PeerId, Registrant, Secret, Unfinished, User};

const PHONE: &str = "198.51.100.7:40000";

/// A dialer that keeps what is unfinished.
fn keeping() -> Net {
    let mut net = Net::new();
    net.agents.get_mut(&addr(DIALER)).unwrap().keep_unfinished();
    net
}

/// What another process would find.
fn kept(net: &mut Net) -> Vec<Unfinished> {
    let ua = net.agents.get_mut(&addr(DIALER)).unwrap();
    let mut kept = BTreeMap::new();
    while let Some((leg, unfinished)) = ua.poll_unfinished() {
        match unfinished {
            Some(unfinished) => kept.insert(leg, unfinished),
            None => kept.remove(&leg),
        };
    }
    kept.into_values().collect()
}

/// The dialer dies, and another takes its place.
fn die_and_finish(net: &mut Net) {
    let left = kept(net);
    net.add(options(DIALER), 99);
    net.events.remove(&addr(DIALER));
    for unfinished in left {
        net.command(DIALER, Command::Finish(unfinished));
    }
}

fn end_at_the_carrier(net: &Net) -> LegEnd {
    let end = |e: &Event| match e {
        Event::Ended { end, .. } => Some(end.clone()),
        _ => None,
    };
    let ends: Vec<_> = net.of(CARRIER).iter().filter_map(end).collect();
    let [end] = ends.try_into().expect("exactly one end");
    end
}

/// When all has timed out nothing is left of it, and nobody reported anything.
fn assert_forgotten(net: &mut Net) {
    net.run(secs(200));
    let ua = net.agents.get(&addr(DIALER)).unwrap();
    assert_eq!((ua.tally().legs, ua.tally().client_transactions), (0, 0));
    assert_eq!(net.of(DIALER), []);
}

#[test]
fn a_phone_that_rings_for_a_dead_caller_is_released() {
    let mut net = keeping();
    net.invite(invite(1));
    net.run(ms(100));
    net.ring();
    net.run(ms(100));
    die_and_finish(&mut net);
    net.run(secs(1));
    assert_eq!(end_at_the_carrier(&net).by, Ended::Remote);
    assert_eq!(
        (net.sent(DIALER, "CANCEL"), net.sent(DIALER, "INVITE")),
        (1, 1)
    );
    // 487 is acknowledged: the carrier does not send it again and again.
    net.run(secs(40));
    assert_eq!(net.sent(CARRIER, "SIP/2.0 487"), 1);
    assert_forgotten(&mut net);
}

#[test]
fn who_talks_to_a_dead_caller_is_hung_up_on() {
    let mut net = keeping();
    net.invite(invite(1));
    net.run(ms(100));
    net.answer();
    net.run(ms(200));
    die_and_finish(&mut net);
    net.run(secs(1));
    assert_eq!(end_at_the_carrier(&net).by, Ended::Remote);
    assert_eq!(net.sent(DIALER, "BYE"), 1);
    assert_forgotten(&mut net);
}

#[test]
fn who_answers_while_nobody_is_there_is_acknowledged_and_hung_up_on() {
    let mut net = keeping();
    net.invite(invite(1));
    net.run(ms(100));
    net.ring();
    net.run(ms(100));
    let left = kept(&mut net);
    net.agents.remove(&addr(DIALER));
    net.answer();
    net.run(ms(300));
    net.add(options(DIALER), 99);
    net.events.remove(&addr(DIALER));
    for unfinished in left {
        net.command(DIALER, Command::Finish(unfinished));
    }
    net.run(secs(5));
    assert_eq!(end_at_the_carrier(&net).by, Ended::Remote);
    assert!(net.sent(DIALER, "ACK") >= 1 && net.sent(DIALER, "BYE") == 1);
    assert_forgotten(&mut net);
}

#[test]
fn the_invite_that_answered_a_challenge_is_the_one_that_is_kept() {
    let mut net = keeping();
    let mut call = invite(1);
    call.credentials = Some(credentials("dialer", "secret"));
    net.invite(call);
    net.run(ms(100));
    let first = kept(&mut net);
    net.deliver(CARRIER, DIALER, &challenge(&first[0].request));
    let second = kept(&mut net);
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second);
    assert!(String::from_utf8_lossy(&second[0].request).contains("\r\nAuthorization: Digest"));
}

/// A 401 to this INVITE.
fn challenge(invite: &[u8]) -> String {
    let text = String::from_utf8_lossy(invite).into_owned();
    let line = |name: &str| {
        text.lines()
            .find(|l| l.starts_with(name))
            .unwrap()
            .to_owned()
    };
    let (via, from, call_id, cseq) = (line("Via"), line("From"), line("Call-ID"), line("CSeq"));
    let to = line("To");
    format!(
        "SIP/2.0 401 Unauthorized\n{via}\n{from}\n{to};tag=1\n{call_id}\n{cseq}\n\
         WWW-Authenticate: Digest realm=\"carrier\", nonce=\"abc\", algorithm=MD5, qop=\"auth\"\n\
         Content-Length: 0\n\n"
    )
}

#[test]
fn a_call_that_ended_leaves_nothing_to_say() {
    let mut net = keeping();
    for (leg, answered) in [(1, true), (2, false)] {
        net.invite(invite(leg));
        net.run(ms(100));
        net.ring();
        if answered {
            net.answer();
        }
        net.run(ms(200));
        net.command(DIALER, Command::HangUp(LegId(leg)));
        net.run(secs(1));
    }
    assert_eq!(kept(&mut net), []);
}

#[test]
fn nothing_is_kept_for_an_owner_who_does_not_ask() {
    let mut net = Net::new();
    net.invite(invite(1));
    net.run(ms(100));
    assert_eq!(kept(&mut net), []);
}

#[test]
fn phones_that_an_earlier_process_knew_are_called_without_registering_anew() {
    let mut net = Net::new();
    net.add(options(PHONE), 7);
    let user = |agent, name: &str| User {
        agent: AgentId(agent),
        name: name.into(),
        secret: Secret::Password("right".into()),
    };
    net.command(DIALER, Command::SetUsers(vec![user(3, "anna")]));
    let register = Registrant {
        peer: PeerId(1),
        addr: addr(DIALER),
        registrar: "sip:phones.example".into(),
        aor: "sip:anna@phones.example".into(),
        user: "anna".into(),
        credentials: credentials("anna", "right"),
        expires: secs(120),
    };
    net.command(PHONE, Command::Register(Box::new(register)));
    net.run(secs(1));
    let phones = net.agents[&addr(DIALER)].phones_of(AgentId(3));
    assert_eq!(phones.len(), 1);

    net.add(options(DIALER), 99);
    net.events.remove(&addr(DIALER));
    // Before its users are known nobody is restored.
    net.command(DIALER, Command::RestorePhones(phones.clone()));
    assert_eq!(net.of(DIALER), []);
    net.command(DIALER, Command::SetUsers(vec![user(3, "anna")]));
    net.command(DIALER, Command::RestorePhones(phones.clone()));
    let source = addr(PHONE);
    let registered = Event::PhoneRegistered {
        agent: AgentId(3),
        source,
    };
    assert_eq!(net.of(DIALER), std::slice::from_ref(&registered));
    let mut call = invite(1);
    call.to = Callee::Phone(AgentId(3));
    net.invite(call);
    net.run(ms(100));
    assert!(
        net.of(PHONE)
            .iter()
            .any(|e| matches!(e, Event::Incoming { .. })),
        "{:?}",
        net.of(PHONE)
    );
    // Its refresh is challenged with a nonce of the new process, and taken.
    net.run(secs(119));
    assert!(
        net.of(DIALER).iter().filter(|e| **e == registered).count() >= 2,
        "{:?}",
        net.of(DIALER)
    );

    // Too old by now.
    net.run(secs(200));
    net.add(options(DIALER), 98);
    net.events.remove(&addr(DIALER));
    net.command(DIALER, Command::SetUsers(vec![user(3, "anna")]));
    net.command(DIALER, Command::RestorePhones(phones));
    assert_eq!(net.of(DIALER), []);
}
