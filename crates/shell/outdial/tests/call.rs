//! `outdial call` against a carrier on loopback: its JSON, its exit codes, what the carrier sees.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod support;

use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{Carrier, Does, keys, outdial};

fn call(carrier: &Carrier, more: &[&str]) -> (Option<i32>, Value) {
    let to = format!("sip:+4930123456@{}", carrier.addr);
    let out = outdial(&[&["call", "--to", &to][..], more].concat());
    let value = serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out.stderr)));
    (out.status.code(), value)
}

#[test]
fn an_answered_call_has_every_key_and_is_hung_up() {
    let carrier = Carrier::new(Does::Answer);
    let (code, placed) = call(&carrier, &["--hold", "0.1"]);
    assert_eq!(code, Some(0));
    assert_eq!(
        keys(&placed),
        [
            "answered",
            "calls",
            "calls_per_second",
            "cpu_us_per_call",
            "failed",
            "legs",
            "q850",
            "result",
            "results",
            "rss_bytes_per_call",
            "setup_ms",
            "sip_status"
        ]
    );
    assert_eq!(placed["result"], "connected_agent");
    assert_eq!(placed["sip_status"], 200);
    assert_eq!(placed["answered"], 1);
    assert_eq!(placed["results"], json!({"connected_agent": 1}));
    assert_eq!(keys(&placed["setup_ms"]), ["p50", "p99"]);
    assert!(placed["setup_ms"]["p50"].as_f64().unwrap() > 0.0);
    assert_eq!(
        placed["legs"],
        json!([{"result": "connected_agent", "sip_status": 200, "q850": null}])
    );
    assert_eq!(carrier.count("BYE"), 1);
    assert!(carrier.seen()[0].starts_with("INVITE sip:+4930123456@"));
}

#[test]
fn a_refused_call_says_why_and_fails() {
    let carrier = Carrier::new(Does::Refuse(486, 17));
    let (code, placed) = call(&carrier, &[]);
    assert_eq!(code, Some(1));
    assert_eq!(
        (&placed["result"], &placed["sip_status"], &placed["q850"]),
        (&json!("busy"), &json!(486), &json!(17))
    );
    assert_eq!(
        (&placed["failed"], &placed["answered"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(placed["setup_ms"], json!({"p50": null, "p99": null}));
}

#[test]
fn a_congested_trunk_is_followed_by_the_next() {
    let full = Carrier::new(Does::Refuse(503, 34));
    let free = Carrier::new(Does::Answer);
    let (code, placed) = call(&full, &["--then", &free.addr.to_string(), "--hold", "0"]);
    assert_eq!(code, Some(0));
    assert_eq!(placed["calls"], 1);
    assert_eq!(
        placed["legs"],
        json!([
            {"result": "network_congestion", "sip_status": 503, "q850": 34},
            {"result": "connected_agent", "sip_status": 200, "q850": null}
        ])
    );
}

#[test]
fn a_phone_that_rings_too_long_is_cancelled() {
    let carrier = Carrier::new(Does::Ring);
    let (code, placed) = call(&carrier, &["--ring-limit", "0.2"]);
    assert_eq!(code, Some(1));
    assert_eq!(placed["result"], "no_answer");
    assert_eq!(carrier.count("CANCEL"), 1);
}

#[test]
fn a_challenge_is_answered_with_user_and_password() {
    let carrier = Carrier::new(Does::Challenge);
    let (code, _) = call(&carrier, &["--user", "u", "--password", "p", "--hold", "0"]);
    assert_eq!(code, Some(0));
    let stranger = Carrier::new(Does::Challenge);
    let (code, placed) = call(&stranger, &[]);
    assert_eq!(
        (code, &placed["result"]),
        (Some(1), &json!("sip_unauthorized"))
    );
}

#[test]
fn a_sound_is_played_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sound.wav");
    std::fs::write(&path, silence(1_600)).unwrap();
    let carrier = Carrier::new(Does::Answer);
    let (code, placed) = call(&carrier, &["--play", path.to_str().unwrap()]);
    assert_eq!(
        (code, &placed["result"]),
        (Some(0), &json!("message_delivered"))
    );
}

#[test]
fn many_calls_are_counted_and_every_leg_is_listed() {
    let carrier = Carrier::new(Does::Answer);
    let (code, placed) = call(&carrier, &["--calls", "40", "--rate", "200", "--hold", "0"]);
    assert_eq!(code, Some(0));
    assert_eq!(
        (&placed["calls"], &placed["answered"]),
        (&json!(40), &json!(40))
    );
    assert_eq!(placed["legs"].as_array().unwrap().len(), 40);
    assert!(placed["calls_per_second"].as_f64().unwrap() > 0.0);
}

#[test]
fn ctrl_c_hangs_up_and_is_told_by_the_exit_code() {
    let carrier = Carrier::new(Does::Answer);
    let child = Command::new(env!("CARGO_BIN_EXE_outdial"))
        .args(["call", "--to", &format!("sip:+4930123456@{}", carrier.addr)])
        .args(["--hold", "600", "--output", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    carrier.wait_for("ACK");
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(130));
    let placed: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(placed["answered"], 1);
    assert_eq!(carrier.count("BYE"), 1);
}

#[test]
fn what_cannot_be_called_is_refused_before_anything_is_sent() {
    for (args, code, says) in [
        (vec!["--to", "sip:bob@127.0.0.1"], 2, "bob"),
        (vec!["--to", "+4930123456"], 2, "write sip:"),
        (
            vec!["--to", "sip:+4930123456@127.0.0.1", "--user", "u"],
            2,
            "--password",
        ),
        (
            vec!["--to", "sip:+4930123456@127.0.0.1", "--rate", "0"],
            2,
            "calls per second",
        ),
        (
            vec![
                "--to",
                "sip:+4930123456@127.0.0.1",
                "--play",
                "/nowhere.wav",
            ],
            3,
            "nowhere.wav",
        ),
        (
            vec!["--to", "sip:+4930123456@host.invalid"],
            6,
            "host.invalid",
        ),
    ] {
        let out = outdial(&[vec!["call"], args.clone()].concat());
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(code), "{args:?}: {told}");
        assert!(told.contains(says), "{args:?}: {told}");
        assert!(out.stdout.is_empty());
    }
}

/// A WAV file of 16-bit samples at 8 kHz.
fn silence(samples: u32) -> Vec<u8> {
    let bytes = samples * 2;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + bytes).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    // PCM, one channel, 8 kHz, bytes a second, bytes a sample, bits a sample.
    wav.extend(1_u16.to_le_bytes());
    wav.extend(1_u16.to_le_bytes());
    wav.extend(8_000_u32.to_le_bytes());
    wav.extend(16_000_u32.to_le_bytes());
    wav.extend(2_u16.to_le_bytes());
    wav.extend(16_u16.to_le_bytes());
    wav.extend(b"data");
    wav.extend(bytes.to_le_bytes());
    wav.resize(44 + bytes as usize, 0);
    wav
}
