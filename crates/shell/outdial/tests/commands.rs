//! Commands that scripts rely on: their JSON and exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod support;

use serde_json::{Value, json as value};
use support::{json, keys, outdial};

fn code(args: &[&str]) -> Option<i32> {
    outdial(args).status.code()
}

/// `rules check` for a number of New York at an instant, with more.
fn check<'a>(at: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "rules",
        "check",
        "--profile",
        "us_federal",
        "--number",
        "+12125550100",
        "--at",
        at,
    ];
    args.extend(more);
    args
}

#[test]
fn speak_gives_words_and_prompts() {
    let said = json(&["speak", "--lang", "ru", "--currency", "RUB", "21000.05"]);
    assert_eq!(said["text"], "двадцать одна тысяча рублей пять копеек");
    assert_eq!(said["tokens"][0], "20");
    assert_eq!(keys(&said), ["text", "tokens"]);
    let negative = json(&["speak", "--lang", "en", "--currency", "USD", "-1"]);
    assert_eq!(negative["text"], "minus one dollar");
}

#[test]
fn speak_refuses_what_is_no_amount_and_says_what_to_write() {
    let out = outdial(&["speak", "--lang", "ru", "--currency", "RUB", "1,5"]);
    assert_eq!(out.status.code(), Some(2));
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
    assert_eq!(
        keys(&import),
        [
            "accepted",
            "duplicates",
            "mapping",
            "prospects",
            "rejected",
            "rows",
            "sheet"
        ]
    );
    assert_eq!(keys(&import["rejected"][0]), ["reason", "row"]);
    assert_eq!(
        keys(&import["prospects"][0]),
        [
            "amount_minor",
            "currency",
            "fields",
            "id",
            "phones",
            "zones"
        ]
    );
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

#[test]
fn rules_check_has_the_same_keys_open_and_closed() {
    for (at, exit) in [("2026-06-11T15:00:00Z", 0), ("2026-06-11T03:00:00Z", 1)] {
        let args = check(at, &[]);
        assert_eq!(code(&args), Some(exit), "{at}");
        assert_eq!(
            keys(&json(&args)),
            [
                "allowed",
                "latest_start",
                "next",
                "rule",
                "source",
                "until",
                "zones"
            ]
        );
    }
}

#[test]
fn earlier_tries_hold_a_number_only_when_they_are_given() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tries.json");
    // 12 CFR 1006.14(b)(2)(i)(B): no call within 7 days after a talk.
    std::fs::write(
        &path,
        r#"[{"at":"2026-06-10T15:00:00Z","result":"connected_agent","seller":"bank","subject":"7"}]"#,
    )
    .unwrap();
    let args = |more: &[&'static str]| -> Vec<String> {
        [
            &[
                "rules",
                "check",
                "--profile",
                "us_regf",
                "--number",
                "+12125550100",
            ][..],
            &[
                "--at",
                "2026-06-11T15:00:00Z",
                "--seller",
                "bank",
                "--subject",
                "7",
            ],
            more,
        ]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
    };
    let run = |args: Vec<String>| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        (code(&args), json(&args))
    };
    let (exit, plain) = run(args(&[]));
    assert_eq!((exit, &plain["allowed"]), (Some(0), &value!(true)));
    let mut with = args(&["--attempts"]);
    with.push(path.to_str().unwrap().to_owned());
    let (exit, held) = run(with);
    assert_eq!((exit, &held["allowed"]), (Some(1), &value!(false)));
    assert_eq!(held["rule"], "lockout:after_talk");
    // The day of the talk is day 1; the window of the eighth opens at 08:00 in New York.
    assert_eq!(held["next"], "2026-06-17T12:00:00Z");
}

#[test]
fn profiles_come_from_the_directory_that_was_named() {
    let empty = tempfile::tempdir().unwrap();
    let out = outdial(&check(
        "2026-06-11T15:00:00Z",
        &["--rules", empty.path().to_str().unwrap()],
    ));
    assert_eq!(out.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&out.stderr).contains("holds no profile"));
    let config = empty.path().join("outdial.toml");
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../config/profiles");
    std::fs::write(&config, format!("[rules]\ndirectory = \"{here}\"\n")).unwrap();
    let args = ["--config", config.to_str().unwrap()];
    assert_eq!(code(&check("2026-06-11T15:00:00Z", &args)), Some(0));
}

#[test]
fn exit_codes_tell_a_wrong_command_line_from_what_is_missing_and_from_what_is_refused() {
    for (args, exit) in [
        (vec!["speak", "--lang", "tlh", "--currency", "RUB", "1"], 2),
        (vec!["speak", "--lang", "ru", "--currency", "R", "1"], 2),
        (check("yesterday", &[]), 2),
        (check("2026-06-11T15:00:00Z", &["--zone", "Moon/Tycho"]), 2),
        (check("2026-06-11T15:00:00Z", &["--profile", "atlantis"]), 3),
        (
            check("2026-06-11T15:00:00Z", &["--attempts", "Cargo.toml"]),
            4,
        ),
        (vec!["import", "Cargo.toml", "--dry-run"], 4),
        (vec!["import", "config/demo/prospects.xlsx"], 2),
        (vec!["dance"], 2),
    ] {
        let out = outdial(&args);
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(exit), "{args:?}: {told}");
        assert!(
            out.stdout.is_empty() && told.contains("error"),
            "{args:?}: {told}"
        );
    }
}

#[test]
fn the_help_documents_the_exit_codes() {
    let out = outdial(&["--help"]);
    let help = String::from_utf8_lossy(&out.stdout).into_owned();
    for line in ["Exit codes:", "5    not signed in", "130  ended by Ctrl-C"] {
        assert!(help.contains(line), "{help}");
    }
}

#[test]
fn columns_and_rows_can_be_named() {
    let import: Value = json(&[
        "import",
        "config/demo/prospects.xlsx",
        "--dry-run",
        "--rows",
        "3",
    ]);
    assert_eq!(import["rows"], 3);
    let out = outdial(&[
        "import",
        "config/demo/prospects.xlsx",
        "--dry-run",
        "--map",
        "phnoe=A",
    ]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("did you mean \"phone\""));
}

#[test]
fn a_client_without_a_daemon_says_what_is_missing_by_its_exit_code() {
    let nowhere = ["--server", "http://127.0.0.1:1", "--token", "t"];
    for (args, exit, says) in [
        (vec!["status"], 6, "no daemon answers at http://127.0.0.1:1"),
        (vec!["campaign", "explain", "1"], 6, "--server"),
        (vec!["suppression", "check", "112"], 2, "+79161234567"),
        (vec!["export", "1", "results.ods"], 2, ".xlsx"),
        (
            vec!["list", "import", "a.csv", "--map", "phnoe=A"],
            2,
            "phone",
        ),
        (
            vec!["user", "add", "anna", "--role", "king"],
            2,
            "supervisor",
        ),
    ] {
        let out = outdial(&[args.clone(), nowhere.to_vec()].concat());
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(exit), "{args:?}: {told}");
        assert!(
            told.contains(says) && out.stdout.is_empty(),
            "{args:?}: {told}"
        );
    }
    let out = outdial(&["status", "--server", "not a url", "--token", "t"]);
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn certificates_that_are_not_there_are_named() {
    let to = ["status", "--server", "https://127.0.0.1:1", "--token", "t"];
    let out = outdial(&[&to[..], &["--ca", "/nowhere.pem"]].concat());
    assert_eq!(out.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&out.stderr).contains("/nowhere.pem"));
}
