//! How many calls one daemon launches in a second: everybody is busy, so that launching is all it does.

use std::time::Duration;

use proto::supervisor::v1 as pb;
use serde::Serialize;
use testkit::{Behaviour, Carrier, CarrierOptions, Mix};

use crate::daemon::{Office, Site, blocking, campaign, sheet};

/// Channels and calls per second that do not bind.
const NO_LIMIT: i32 = 10_000;

/// What was launched.
#[derive(Serialize)]
pub struct Launched {
    pub launches: u64,
    pub per_second: f64,
}

/// A notification to `launches` people whose lines are busy.
pub async fn measure(launches: u32) -> Launched {
    let mut site = Site::new();
    crate::team::widen(&mut site);
    site.set("log.filter", "\"warn\"");
    hello(&site);
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let busy = Mix {
        answers: 0,
        busy: 1,
        ..Mix::all_answer()
    };
    let carrier = Carrier::start(CarrierOptions::new(Behaviour::new(1, busy))).unwrap();
    let trunks = office
        .trunk_group_for("carriers", &[carrier.addr()], NO_LIMIT, NO_LIMIT)
        .await;
    let list = office.import("bench", &sheet(0..launches)).await;
    let said = |name: &str| pb::Segment {
        say: Some(pb::segment::Say::Recording(name.to_owned())),
    };
    let message = pb::Message {
        language: "en".to_owned(),
        identification: vec![said("hello")],
        body: vec![said("hello")],
        ..Default::default()
    };
    let notification = pb::Campaign {
        message: Some(message),
        ..campaign(pb::Mode::Notification, trunks, 0)
    };
    let campaign_id = office.create(notification, list.list_id).await;
    office.start(campaign_id).await;
    let log = carrier.log().clone();
    let wanted = launches as usize;
    let all =
        blocking(move || log.wait(Duration::from_secs(300), |calls| calls.len() >= wanted)).await;
    assert!(all, "only {:?}", carrier.counts());
    // The first and the last tenth are the start and the end, not the rate.
    let calls = carrier.log().calls();
    let (from, to) = (wanted / 10, wanted * 9 / 10);
    let took = calls[to]
        .invited_at
        .saturating_duration_since(calls[from].invited_at);
    daemon.kill();
    Launched {
        launches: calls.len() as u64,
        per_second: (to - from) as f64 / took.as_secs_f64(),
    }
}

/// The recording that nobody gets to hear.
fn hello(site: &Site) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(site.dir().join("recordings/hello.wav"), spec).unwrap();
    for _ in 0..8_000 {
        wav.write_sample(0_i16).unwrap();
    }
    wav.finalize().unwrap();
}
