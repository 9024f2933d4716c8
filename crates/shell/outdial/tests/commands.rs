//! Commands that scripts rely on: their JSON and exit codes.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::process::{Command, Output};

use serde_json::Value;

fn outdial(args: &[&str]) -> Output {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
    Command::new(env!("CARGO_BIN_EXE_outdial"))
        .args(args)
        .args(["--output", "json"])
        .current_dir(root)
        .output()
        .unwrap()
}

fn json(args: &[&str]) -> Value {
    let out = outdial(args);
    serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out.stderr)))
}

#[test]
fn speak_gives_words_and_prompts() {
    let said = json(&["speak", "--lang", "ru", "--currency", "RUB", "21000.05"]);
    assert_eq!(said["text"], "двадцать одна тысяча рублей пять копеек");
    assert_eq!(said["tokens"][0], "20");
    let negative = json(&["speak", "--lang", "en", "--currency", "USD", "-1"]);
    assert_eq!(negative["text"], "minus one dollar");
}

#[test]
fn speak_refuses_what_is_no_amount_and_says_what_to_write() {
    let out = outdial(&["speak", "--lang", "ru", "--currency", "RUB", "1,5"]);
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("1234.05"));
}

#[test]
fn rules_check_answers_by_its_exit_code_and_says_until_when() {
    let args = [
        "rules",
        "check",
        "--profile",
        "us_federal,us_fl",
        "--number",
        "+12125550100",
        "--zone",
    ];
    let closed = [
        &args[..],
        &[
            "America/New_York,America/Chicago",
            "--at",
            "2026-06-11T00:30:00Z",
        ],
    ]
    .concat();
    assert!(!outdial(&closed).status.success());
    let answer = json(&closed);
    assert_eq!(answer["allowed"], false);
    assert_eq!(answer["next"], "2026-06-11T13:00:00Z");
    let open = [
        &args[..],
        &["America/New_York", "--at", "2026-06-11T15:00:00Z"],
    ]
    .concat();
    assert!(outdial(&open).status.success());
    let answer = json(&open);
    assert_eq!(answer["next"], "2026-06-11T15:00:00Z");
    for key in ["until", "latest_start", "rule", "source", "zones"] {
        assert!(!answer[key].is_null(), "{key}");
    }
}

#[test]
fn rules_check_finds_the_zones_of_a_number_and_refuses_an_unknown_profile() {
    let answer = json(&[
        "rules",
        "check",
        "--profile",
        "us_federal",
        "--number",
        "+12125550100",
        "--at",
        "2026-06-11T15:00:00Z",
    ]);
    assert_eq!(answer["zones"], serde_json::json!(["America/New_York"]));
    let out = outdial(&[
        "rules",
        "check",
        "--profile",
        "atlantis",
        "--number",
        "+12125550100",
        "--at",
        "2026-06-11T15:00:00Z",
    ]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("us_federal"));
}

#[test]
fn import_says_what_it_understood_of_the_shipped_spreadsheet() {
    let import = json(&["import", "config/demo/prospects.xlsx", "--dry-run"]);
    let count = |key: &str| import[key].as_u64().unwrap();
    assert_eq!(
        count("rows"),
        count("accepted")
            + count("duplicates")
            + import["rejected"].as_array().unwrap().len() as u64
    );
    let prospects = import["prospects"].as_array().unwrap();
    assert_eq!(prospects.len() as u64, count("accepted"));
    assert!(
        prospects
            .iter()
            .all(|p| !p["phones"].as_array().unwrap().is_empty())
    );
    assert!(
        prospects
            .iter()
            .any(|p| p["zones"] == serde_json::json!(["America/New_York"]))
    );
    assert!(
        prospects
            .iter()
            .any(|p| p["amount_minor"].is_i64() && p["currency"] == "RUB")
    );
}

#[test]
fn config_check_names_the_nearest_right_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("outdial.toml");
    std::fs::write(&path, "[sip]\nlistn = \"127.0.0.1:5060\"\n").unwrap();
    let out = outdial(&["config", "check", "--config", path.to_str().unwrap()]);
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("did you mean sip.listen?"));
}
