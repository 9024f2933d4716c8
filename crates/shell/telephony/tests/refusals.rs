//! Legs that cannot be: each still ends exactly once, with a reason somebody can act upon.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use engine::{LegCommand, LegEvent};
use model::{AgentId, Ended, LegEnd, LegId, SipStatus};
use sip::LocalMedia;
use telephony::{
    EventSink, MediaCommand, MediaHandle, MediaPorts, MediaStopped, OpenError, Shard, ShardCommand,
    ShardError, ShardHandle, ShardOptions, TelephonyEvent,
};

/// A media half without a free port.
struct Full;

impl MediaPorts for Full {
    fn open(&self, _: LegId) -> Result<LocalMedia, OpenError> {
        Err(OpenError::Bind {
            port: 16_384,
            reason: "x".repeat(300),
        })
    }

    fn send(&self, _: MediaCommand) -> Result<(), MediaStopped> {
        Ok(())
    }
}

/// A media half that opens a port and is gone.
struct Gone;

impl MediaPorts for Gone {
    fn open(&self, _: LegId) -> Result<LocalMedia, OpenError> {
        Ok(LocalMedia {
            addr: ([127, 0, 0, 1], 9).into(),
            codecs: sip::Codecs::Alaw,
        })
    }

    fn send(&self, _: MediaCommand) -> Result<(), MediaStopped> {
        Err(MediaStopped)
    }
}

fn options(bind: &str) -> ShardOptions {
    ShardOptions {
        bind: bind.parse().unwrap(),
        advertised: None,
        product: "test".into(),
        legs_max: 10,
        timers: sip::Timers::default(),
        realm: None,
        refuse_inbound: SipStatus(603),
        started: Instant::now(),
        keepsake: None,
    }
}

fn bind(media: impl MediaPorts + 'static) -> (Shard, ShardHandle, Receiver<TelephonyEvent>) {
    let (sink, events) = EventSink::channel();
    let (shard, handle) =
        Shard::bind(options("127.0.0.1:0"), MediaHandle::new(media), sink).unwrap();
    (shard, handle, events)
}

fn call_agent(leg: u64) -> ShardCommand {
    ShardCommand::Leg(LegCommand::CallAgent {
        leg: LegId(leg),
        agent: AgentId(1),
    })
}

fn ends(events: &Receiver<TelephonyEvent>) -> Vec<(LegId, LegEnd)> {
    events
        .try_iter()
        .map(|e| match e {
            TelephonyEvent::Leg(LegEvent::Ended { leg, end }) => (leg, end),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_leg_without_a_free_port_is_refused_with_the_media_halfs_reason() {
    let (shard, handle, events) = bind(Full);
    let thread = shard.spawn().unwrap();
    handle.send(call_agent(1)).unwrap();
    handle
        .send(ShardCommand::Stop {
            within: Duration::ZERO,
        })
        .unwrap();
    thread.join().unwrap();
    let ends = ends(&events);
    let [(LegId(1), end)] = ends.as_slice() else {
        panic!("{ends:?}")
    };
    let text = end.text.as_deref().unwrap();
    assert!(
        end.by == Ended::Refused && text.starts_with("RTP port 16384") && text.len() <= 128,
        "{end:?}"
    );
}

#[test]
fn when_the_media_half_is_gone_the_sip_half_reports_the_end_itself() {
    let (shard, handle, events) = bind(Gone);
    let thread = shard.spawn().unwrap();
    handle.send(call_agent(1)).unwrap();
    handle
        .send(ShardCommand::Stop {
            within: Duration::ZERO,
        })
        .unwrap();
    thread.join().unwrap();
    assert_eq!(ends(&events).len(), 1);
}

#[test]
fn a_shard_far_behind_refuses_new_legs_but_takes_every_other_command() {
    let (shard, handle, events) = bind(Gone);
    // Nobody empties the inbox yet.
    for leg in 0..5_000 {
        handle.send(call_agent(leg)).unwrap();
    }
    let refused = ends(&events);
    assert_eq!(refused.len(), 5_000 - 4_096);
    assert!(
        refused
            .iter()
            .all(|(_, end)| end.text.as_deref() == Some("the SIP shard is overloaded"))
    );
    handle.leg(LegCommand::HangUp { leg: LegId(1) }).unwrap();
    handle
        .send(ShardCommand::Stop {
            within: Duration::ZERO,
        })
        .unwrap();
    shard.spawn().unwrap().join().unwrap();
    assert_eq!(ends(&events).len(), 4_096);
    assert!(matches!(
        handle.send(call_agent(1)),
        Err(ShardError::Stopped)
    ));
}

#[test]
fn a_shard_ends_when_nobody_can_speak_to_it_any_more() {
    let (shard, handle, _events) = bind(Gone);
    let thread = shard.spawn().unwrap();
    drop(handle.clone());
    drop(handle);
    thread.join().unwrap();
}

#[test]
fn an_address_that_cannot_be_used_is_named() {
    let (sink, _events) = EventSink::channel();
    let bind = |addr: &str| {
        Shard::bind(options(addr), MediaHandle::new(Gone), sink.clone())
            .err()
            .unwrap()
    };
    let held = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap();
    let error = bind(&taken.to_string());
    assert!(
        error
            .to_string()
            .starts_with(&format!("SIP address {taken} cannot be bound")),
        "{error}"
    );
    assert!(matches!(
        bind("0.0.0.0:0"),
        ShardError::NoAdvertisedAddress { .. }
    ));
}
