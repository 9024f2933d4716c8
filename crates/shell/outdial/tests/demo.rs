//! The demo, small and short, as a user would run it.
#![allow(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod support;

use std::process::Command;

use serde_json::Value;

/// Needs Postgres and the voices of `make test`.
#[test]
fn a_small_demo_shows_everything_and_adds_up() {
    let results = tempfile::tempdir().unwrap();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
    let out = Command::new(env!("CARGO_BIN_EXE_outdial"))
        .args(["demo", "--agents", "4", "--prospects", "60"])
        .args(["--seconds", "15", "--seed", "7", "--output", "json"])
        .arg("--results")
        .arg(results.path())
        .current_dir(root)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&out.stderr);
    let demo: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {told}"));
    assert_eq!(demo["problems"], Value::Array(Vec::new()), "{told}");
    assert_eq!(out.status.code(), Some(0), "{told}");
    let n = |key: &str| demo[key].as_u64().unwrap();
    assert_eq!(n("prospects"), 60);
    for shown in ["connected", "delivered", "held", "second_numbers"] {
        assert!(n(shown) > 0, "{shown}: {demo}");
    }
    let results_sum: u64 = demo["results"]
        .as_object()
        .unwrap()
        .values()
        .map(|v| v.as_u64().unwrap())
        .sum();
    assert_eq!(results_sum, n("attempts"));
    assert_eq!((n("double_dials"), n("unaccounted")), (0, 0));
    assert_eq!(demo["sip"]["answers"], demo["answered"]);
    assert_eq!(demo["paused"]["late_invites"], 0);
    assert!(demo["first_call_s"].as_f64().unwrap() < demo["wall_s"].as_f64().unwrap());
    for file in demo["files"].as_array().unwrap() {
        let bytes = std::fs::read(file.as_str().unwrap()).unwrap();
        assert!(bytes.starts_with(b"PK"), "{file} is no workbook");
    }
}

#[test]
fn numbers_that_make_no_demo_are_refused_before_anything_starts() {
    let out = support::outdial(&["demo", "--agents", "1"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("--agents goes from 2 to 500"));
}
