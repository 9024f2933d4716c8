//! A person at the carrier and an agent at a phone, joined by a relay: who is heard where.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod relay;

use std::time::Duration;

use media::Dtmf;
use model::{E164, Ended, SipStatus};
use relay::{AGENT, ANNA, PATIENCE, PERSON, Relay};
use sip::{Command, Event};
use testkit::{
    Account, Behaviour, CallEnd, Carrier, CarrierOptions, KeyPress, Manner, Mix, Person, Phone,
    PhoneOptions, Talk, Voice,
};

const NUMBER: &str = "+79161234567";

#[test]
fn the_agent_hears_the_person_and_the_person_hears_the_agent() {
    let world = World::new(Person::answers(Talk::default()));
    world.join();
    world.both_hear_each_other();
    world.relay.command(Command::HangUp(PERSON));
    assert!(world.carrier.log().wait(PATIENCE, |calls| calls[0].end
        == Some(CallEnd::HungUpByCaller)));
    let heard = world.carrier.log().calls_to(number())[0].heard();
    assert_eq!(
        heard.voices.keys().collect::<Vec<_>>(),
        [&world.phone.voice()]
    );
}

#[test]
fn a_person_presses_a_key_after_enough_of_our_sound_and_the_other_end_gets_it_once() {
    let press = KeyPress {
        after_heard: Duration::from_millis(400),
        key: Dtmf::One,
    };
    let talk = Talk {
        keys: vec![press],
        ..Talk::default()
    };
    let world = World::new(Person::answers(talk));
    world.join();
    let pressed = world.phone.wait(PATIENCE, |s| {
        s.talking().is_some_and(|c| c.heard().keys == "1")
    });
    assert!(pressed, "{:?}", world.phone.state());
    world.phone.press(Dtmf::Pound).unwrap();
    let log = world.carrier.log();
    assert!(log.wait(PATIENCE, |calls| calls[0].heard().keys == "#"));
    // The presses are over when sound follows them.
    let sound = world.phone.state().talking().unwrap().heard().sound;
    let later = |s: &testkit::PhoneState| s.talking().is_some_and(|c| c.heard().sound > sound);
    assert!(world.phone.wait(PATIENCE, later));
    assert_eq!(world.phone.state().talking().unwrap().heard().keys, "1");
}

#[test]
fn a_person_hangs_up_when_patience_ends() {
    let world = World::new(Person::answers(Talk::for_(Duration::from_millis(300))));
    world.relay.call_person(world.carrier.addr(), NUMBER);
    assert_eq!(world.relay.await_end(PERSON).0, Ended::Remote);
    let log = world.carrier.log();
    assert!(log.wait(PATIENCE, |calls| calls[0].end
        == Some(CallEnd::HungUpByPerson)));
    let call = &log.calls()[0];
    assert!(call.ended_at.unwrap() - call.answered_at.unwrap() >= Duration::from_millis(300));
}

#[test]
fn ringing_with_early_media_is_heard_before_the_answer() {
    let world = World::new(Person::no_answer().with_early_media());
    world.call_agent();
    world.relay.call_person(world.carrier.addr(), NUMBER);
    world.relay.await_event(|e| {
        matches!(
            e,
            Event::Ringing {
                leg: PERSON,
                rang: false,
                media: Some(_)
            }
        )
    });
    let ring_back =
        |s: &testkit::PhoneState| s.talking().is_some_and(|c| !c.heard().sound.is_zero());
    assert!(world.phone.wait(PATIENCE, ring_back));
    assert_eq!(world.carrier.counts().answers, 0);
    world.relay.command(Command::Cancel(PERSON));
    assert_eq!(world.relay.await_end(PERSON).0, Ended::Local);
    let log = world.carrier.log();
    assert!(log.wait(PATIENCE, |calls| calls[0].end == Some(CallEnd::Cancelled)));
}

#[test]
fn somebody_who_answers_late_crosses_our_cancel() {
    let world = World::new(Person::answers_late(Talk::default()));
    world.relay.call_person(world.carrier.addr(), NUMBER);
    world
        .relay
        .await_event(|e| matches!(e, Event::Ringing { leg: PERSON, .. }));
    world.relay.command(Command::Cancel(PERSON));
    world.relay.await_event(|e| {
        matches!(
            e,
            Event::Answered {
                leg: PERSON,
                after_cancel: true,
                ..
            }
        )
    });
    world.relay.command(Command::HangUp(PERSON));
    world.relay.await_end(PERSON);
    assert!(
        world
            .carrier
            .log()
            .wait(PATIENCE, |calls| !calls[0].is_open())
    );
    let call = &world.carrier.log().calls()[0];
    assert!(call.cancelled_at.unwrap() <= call.answered_at.unwrap());
    assert_eq!(call.end, Some(CallEnd::HungUpByCaller));
}

#[test]
fn a_phone_that_drops_dead_says_nothing_and_comes_back_when_it_registers() {
    let world = World::new(Person::answers(Talk::default()));
    world.join();
    world.both_hear_each_other();
    world.phone.vanish().unwrap();
    let gone = |s: &testkit::PhoneState| !s.registered && s.talking().is_none();
    assert!(world.phone.wait(PATIENCE, gone));
    world.phone.register().unwrap();
    assert!(world.phone.wait(PATIENCE, |s| s.registered));
    assert!(!world.relay.has_ended(AGENT), "a dead phone sent BYE");
}

#[test]
fn a_phone_declines_or_hangs_up_as_it_is_told() {
    let world = World::new(Person::busy());
    world
        .phone
        .set_manner(Manner::Declines(SipStatus(480)))
        .unwrap();
    world.await_registered();
    world.relay.call_agent();
    assert_eq!(world.relay.await_end(AGENT).1, Some(SipStatus(480)));
    let world = World::new(Person::busy());
    world.call_agent();
    world.phone.hang_up().unwrap();
    assert_eq!(world.relay.await_end(AGENT).0, Ended::Remote);
}

#[test]
fn a_phone_with_a_wrong_password_is_not_registered() {
    let relay = Relay::start();
    let phone = Phone::start(PhoneOptions::new(relay.addr, "anna", "wrong", 0)).unwrap();
    assert!(phone.wait(PATIENCE, |s| s.refused.is_some()));
    assert!(!phone.state().registered);
}

#[test]
fn a_phone_that_is_dropped_takes_its_registration_back() {
    let world = World::new(Person::busy());
    world.await_registered();
    drop(world.phone);
    world
        .relay
        .await_event(|e| *e == Event::PhoneGone { agent: ANNA });
}

#[test]
fn a_carrier_that_wants_an_account_lets_in_only_its_holder() {
    for (password, status) in [("right", 486), ("wrong", 407)] {
        let mut options =
            CarrierOptions::new(Behaviour::new(1, Mix::default()).with(number(), Person::busy()));
        options.digest = Some(Account {
            user: "trunk".into(),
            password: "right".into(),
        });
        let (carrier, relay) = (Carrier::start(options).unwrap(), Relay::start());
        relay.call_person_as(carrier.addr(), NUMBER, Some(("trunk", password)));
        assert_eq!(
            relay.await_end(PERSON).1,
            Some(SipStatus(status)),
            "{password}"
        );
        // Who is not let in makes no call.
        assert_eq!(carrier.counts().invites, u64::from(status == 486));
    }
}

#[test]
fn what_a_person_hears_is_recorded_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = CarrierOptions::new(
        Behaviour::new(1, Mix::default()).with(number(), Person::answers(Talk::default())),
    );
    options.recordings = Some(dir.path().to_owned());
    let world = World::with(options);
    world.join();
    world.both_hear_each_other();
    world.relay.command(Command::HangUp(PERSON));
    assert!(
        world
            .carrier
            .log()
            .wait(PATIENCE, |calls| !calls[0].is_open())
    );
    let file = std::fs::File::open(dir.path().join("_79161234567-0.wav")).unwrap();
    let samples = media::read_wav(file).unwrap();
    let with_agent = |window: &[i16]| world.phone.voice().is_in(window);
    assert!(samples.chunks(800).any(with_agent));
}

#[test]
fn a_dead_carrier_responds_to_nothing_but_sees_everything() {
    let world = World::new(Person::busy());
    world.carrier.set_dead(true);
    world.relay.call_person(world.carrier.addr(), NUMBER);
    assert_eq!(world.relay.await_end(PERSON).0, Ended::Timeout);
    let requests = world.carrier.log().requests();
    assert!(requests.iter().all(|r| r.method == sip::Method::Invite));
    assert!(requests.len() > 1 && requests[1].repeated, "{requests:?}");
    assert_eq!(world.carrier.counts().invites, 0);
}

fn number() -> E164 {
    NUMBER.parse().unwrap()
}

struct World {
    carrier: Carrier,
    relay: Relay,
    phone: Phone,
}

impl World {
    fn new(person: Person) -> Self {
        let town = Behaviour::new(1, Mix::default()).with(number(), person);
        Self::with(CarrierOptions::new(town))
    }

    fn with(options: CarrierOptions) -> Self {
        let relay = Relay::start();
        let phone = Phone::start(PhoneOptions::new(relay.addr, "anna", "secret", 5)).unwrap();
        Self {
            carrier: Carrier::start(options).unwrap(),
            relay,
            phone,
        }
    }

    fn await_registered(&self) {
        let came = self.phone.wait(PATIENCE, |s| s.registered);
        assert!(came, "{:?}", self.phone.state());
    }

    fn call_agent(&self) {
        self.await_registered();
        self.relay.call_agent();
        self.relay.await_answer(AGENT);
        assert!(self.phone.wait(PATIENCE, |s| s.talking().is_some()));
    }

    fn join(&self) {
        self.call_agent();
        self.relay.call_person(self.carrier.addr(), NUMBER);
        self.relay.await_answer(PERSON);
    }

    fn both_hear_each_other(&self) {
        let person = Voice::of_number(number());
        let hears = |s: &testkit::PhoneState| s.talking().is_some_and(|c| c.heard().voice(person));
        assert!(self.phone.wait(PATIENCE, hears), "{:?}", self.phone.state());
        let agent = self.phone.voice();
        let log = self.carrier.log();
        assert!(log.wait(PATIENCE, |calls| calls[0].heard().voice(agent)));
    }
}
