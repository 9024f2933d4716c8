//! A call through the stack that campaigns use: it must be answered, and audio must come back.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::Context;
use engine::{LegCommand, LegEvent, Sound, Tone};
use media::Dtmf;
use model::{E164, LegEnd, LegId, PlayId};
use telephony::{TelephonyEvent, TrunkPeer};
use testkit::{Behaviour, Carrier, CarrierOptions, KeyPress, Mix, Person, Talk};

use super::stack::Stack;
use crate::cli::{Target, address_towards, plain_trunk, random_id};
use crate::config::{Config, Rtp};
use crate::finding::Finding;

/// How long until somebody answers.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// How long it is talked.
const TALK: Duration = Duration::from_secs(2);
/// Packets of 20 ms of which an echo must send back at least half.
const PACKETS_MIN: u64 = 50;
/// In use for no subscriber, and shown as the caller.
const CALLER: &str = "+12025550100";
/// At the answering party of our own.
const NUMBER: &str = "+79005550001";
/// Pressed there once it has heard us: both directions are proven then, by what they carried.
const KEY: Dtmf = Dtmf::Five;
const LEG: LegId = LegId(1);

/// What came of the call.
#[derive(Debug, Default)]
struct Heard {
    answered_after: Option<Duration>,
    packets: u64,
    keys: String,
    end: Option<LegEnd>,
}

/// Calls the target, or the party of our own.
pub async fn look(config: &Config, target: Option<Target>) -> Finding {
    const CHECK: &str = "echo call";
    let rtp = config.rtp.clone();
    let own = target.is_none();
    let placed = tokio::task::spawn_blocking(move || match target {
        Some(target) => to_target(&rtp, &target),
        None => to_ourselves(&rtp),
    })
    .await;
    let heard = match placed.map_err(anyhow::Error::from).flatten() {
        Ok(heard) => heard,
        Err(error) => {
            return Finding::failure(
                CHECK,
                format!("it could not be placed: {error:#}"),
                "the lines above say why sockets, ports or names cannot be had",
            );
        }
    };
    let Some(after) = heard.answered_after else {
        let why = heard
            .end
            .map_or_else(|| "nothing was heard".to_owned(), |end| format!("{end:?}"));
        return Finding::failure(
            CHECK,
            format!("nobody answered: {why}"),
            "try the same with outdial call --to …; see that firewalls let UDP through both ways",
        );
    };
    let says = format!(
        "answered after {} ms, {} packets of audio came back in {} s",
        after.as_millis(),
        heard.packets,
        TALK.as_secs()
    );
    if heard.packets < PACKETS_MIN {
        return Finding::failure(
            CHECK,
            says,
            "set rtp.advertised to an address that peers reach, and let UDP through for rtp.port_from to rtp.port_to",
        );
    }
    if own && !heard.keys.contains(KEY.digit()) {
        return Finding::failure(
            CHECK,
            format!("{says}; the other side did not hear us"),
            "something on this machine drops UDP on loopback",
        );
    }
    let whom = if own {
        "on loopback, heard both ways"
    } else {
        "outside"
    };
    Finding::ok(CHECK, format!("{whom}: {says}"))
}

fn to_ourselves(rtp: &Rtp) -> anyhow::Result<Heard> {
    let number: E164 = NUMBER.parse()?;
    let talk = Talk {
        keys: vec![KeyPress {
            after_heard: Duration::from_millis(200),
            key: KEY,
        }],
        ..Talk::default()
    };
    let town = Behaviour::new(1, Mix::default()).with(number, Person::answers(talk));
    let party = Carrier::start(CarrierOptions::new(town))?;
    let trunk = plain_trunk(party.addr());
    call(IpAddr::V4(Ipv4Addr::LOCALHOST), rtp, trunk, number)
}

fn to_target(rtp: &Rtp, target: &Target) -> anyhow::Result<Heard> {
    let addr = target.host.resolve()?;
    let ip = address_towards(addr).with_context(|| format!("there is no way to {addr}"))?;
    let trunk = TrunkPeer {
        numbers: target.form,
        ..plain_trunk(addr)
    };
    call(ip, rtp, trunk, target.number)
}

fn call(ip: IpAddr, rtp: &Rtp, trunk: TrunkPeer, to: E164) -> anyhow::Result<Heard> {
    let id = trunk.id;
    let stack = Stack::start(ip, rtp, vec![trunk])?;
    let counters = stack.media_counters();
    let began = Instant::now();
    stack.shard.leg(LegCommand::Dial {
        leg: LEG,
        attempt: random_id()?,
        trunk: id,
        to,
        from: CALLER.parse()?,
    })?;
    let mut heard = Heard::default();
    let mut deadline = began + ANSWER_LIMIT;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match stack.events.recv_timeout(left) {
            Ok(TelephonyEvent::Leg(LegEvent::Answered { .. })) => {
                heard.answered_after = Some(began.elapsed());
                deadline = Instant::now() + TALK;
                stack.shard.leg(LegCommand::Play {
                    leg: LEG,
                    play: PlayId(1),
                    sounds: vec![Sound::Tone {
                        tone: Tone::Connected,
                    }],
                    repeat: true,
                })?;
            }
            Ok(TelephonyEvent::Leg(LegEvent::Digit { digit, .. })) => heard.keys.push(digit),
            Ok(TelephonyEvent::Leg(LegEvent::Ended { end, .. })) => {
                heard.end = Some(end);
                break;
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    heard.packets = counters.received.get();
    stack.stop();
    Ok(heard)
}
