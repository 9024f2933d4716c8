//! The registrar against the registration client, and OPTIONS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod net;

use std::time::Duration;

use model::{AgentId, LegId};
use net::*;
use sip::{
    Callee, Challenges, Command, DownReason, Event, PeerId, Realm, Registrant, Secret, User, Watch,
};

const PHONE: &str = "198.51.100.7:40000";

fn with_phone(password: &str) -> Net {
    let mut net = Net::new();
    net.add(options(PHONE), 7);
    let secret = Secret::Password("right".into());
    let users = vec![User {
        agent: AgentId(3),
        name: "anna".into(),
        secret,
    }];
    net.command(DIALER, Command::SetUsers(users));
    net.command(PHONE, register("anna", password));
    net.run(secs(1));
    net
}

fn register(user: &str, password: &str) -> Command {
    Command::Register(Box::new(Registrant {
        peer: PeerId(1),
        addr: addr(DIALER),
        registrar: "sip:phones.example".into(),
        aor: format!("sip:{user}@phones.example"),
        user: user.into(),
        credentials: credentials(user, password),
        expires: secs(120),
    }))
}

#[test]
fn a_phone_registers_refreshes_and_leaves() {
    let mut net = with_phone("right");
    let source = addr(PHONE);
    assert_eq!(
        net.of(DIALER),
        [Event::PhoneRegistered {
            agent: AgentId(3),
            source
        }]
    );
    assert_eq!(net.of(PHONE), [Event::Registered(PeerId(1))]);
    net.run(secs(600));
    assert!(
        !net.of(DIALER)
            .contains(&Event::PhoneGone { agent: AgentId(3) })
    );
    assert!(net.sent(PHONE, "REGISTER") > 8);
    net.command(PHONE, Command::Unregister(PeerId(1)));
    net.run(secs(1));
    assert_eq!(
        net.of(DIALER).last(),
        Some(&Event::PhoneGone { agent: AgentId(3) })
    );
    net.run(secs(300));
    assert_eq!(net.agents[&addr(PHONE)].next_wakeup(), None);
}

#[test]
fn a_phone_that_falls_silent_expires() {
    let mut net = with_phone("right");
    net.fate = Box::new(|_| None);
    net.run(secs(121));
    assert_eq!(
        net.of(DIALER).last(),
        Some(&Event::PhoneGone { agent: AgentId(3) })
    );
    assert_eq!(
        net.of(PHONE).last(),
        Some(&Event::NotRegistered(PeerId(1), DownReason::Silent))
    );
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_refused_alike() {
    for (user, password) in [("anna", "wrong"), ("nobody", "right")] {
        let mut net = with_phone("right");
        net.command(PHONE, register(user, password));
        net.run(secs(1));
        assert_eq!(
            net.of(PHONE).last(),
            Some(&Event::NotRegistered(
                PeerId(1),
                DownReason::Refused(model::SipStatus(401))
            )),
            "{user}"
        );
    }
}

#[test]
fn each_set_of_algorithms_lets_a_phone_register() {
    for challenge in [Challenges::Md5, Challenges::Sha256Md5, Challenges::Sha256] {
        let mut net = Net::new();
        let mut registrar = options(DIALER);
        registrar.realm = Some(Realm {
            name: "other.example".into(),
            challenge,
        });
        net.add(registrar, 1);
        net.add(options(PHONE), 7);
        let secret = Secret::Password("right".into());
        let users = vec![User {
            agent: AgentId(3),
            name: "anna".into(),
            secret,
        }];
        net.command(DIALER, Command::SetUsers(users));
        net.command(PHONE, register("anna", "right"));
        net.run(secs(1));
        assert_eq!(
            net.of(PHONE),
            [Event::Registered(PeerId(1))],
            "{challenge:?}"
        );
    }
}

#[test]
fn nobody_registers_for_somebody_else() {
    let mut net = with_phone("right");
    let Command::Register(mut r) = register("anna", "right") else {
        unreachable!()
    };
    r.aor = "sip:boss@phones.example".into();
    net.command(PHONE, Command::Register(r));
    net.run(secs(1));
    let refused = DownReason::Refused(model::SipStatus(403));
    assert_eq!(
        net.of(PHONE).last(),
        Some(&Event::NotRegistered(PeerId(1), refused))
    );
}

#[test]
fn a_registered_phone_is_called_where_it_registered_from() {
    let mut net = with_phone("right");
    let mut call = invite(9);
    call.to = Callee::Phone(AgentId(3));
    net.command(DIALER, Command::Invite(Box::new(call)));
    net.run(ms(200));
    assert!(
        net.of(PHONE)
            .iter()
            .any(|e| matches!(e, Event::Incoming { to, .. } if to == "anna"))
    );
    let mut nobody = invite(10);
    nobody.to = Callee::Phone(AgentId(4));
    net.command(DIALER, Command::Invite(Box::new(nobody)));
    assert!(matches!(
        net.of(DIALER).last(),
        Some(Event::Ended { leg: LegId(10), .. })
    ));
}

#[test]
fn a_trunk_is_up_while_it_answers_options_and_down_when_it_is_silent() {
    let mut net = Net::new();
    net.command(
        DIALER,
        Command::Watch(Watch {
            peer: PeerId(5),
            addr: addr(CARRIER),
            uri: format!("sip:{CARRIER}"),
            every: secs(10),
            patience: secs(3),
        }),
    );
    net.run(secs(25));
    assert_eq!(net.of(DIALER), [Event::PeerUp(PeerId(5))]);
    net.fate = Box::new(|_| None);
    net.run(secs(30));
    net.fate = Box::new(|_| Some(Duration::ZERO));
    net.run(secs(30));
    assert_eq!(
        net.of(DIALER),
        [
            Event::PeerUp(PeerId(5)),
            Event::PeerDown(PeerId(5), DownReason::Silent),
            Event::PeerUp(PeerId(5))
        ]
    );
    net.command(DIALER, Command::Unwatch(PeerId(5)));
    net.run(secs(60));
    assert_eq!(net.agents[&addr(DIALER)].next_wakeup(), None);
}
