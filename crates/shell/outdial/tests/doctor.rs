//! `outdial doctor`: a machine that is in order has no failure, before the daemon and beside it; and each thing
//! that is wrong is found when it is made wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;

use daemon::{Database, Office, Sipp, Site, blocking};
use serde_json::Value;

/// The lines of a check.
fn found<'a>(said: &'a Value, check: &str) -> Vec<&'a Value> {
    let checks = said["checks"]
        .as_array()
        .unwrap_or_else(|| panic!("{said}"));
    let lines: Vec<_> = checks.iter().filter(|c| c["check"] == check).collect();
    assert!(!lines.is_empty(), "{check} was not looked at: {said}");
    lines
}

/// The one line of a check: its state and its words.
fn one(said: &Value, check: &str) -> (String, String) {
    let lines = found(said, check);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let text = |key: &str| lines[0][key].as_str().unwrap().to_owned();
    (text("state"), text("says"))
}

/// All that is wrong has a remedy, and the exit code says whether something fails.
fn examine(site: &Site, more: &[&str]) -> Value {
    let (code, said) = site.run(&[&["doctor"][..], more].concat());
    let checks = said["checks"]
        .as_array()
        .unwrap_or_else(|| panic!("{said}"));
    for check in checks {
        assert_eq!(check["state"] == "ok", check["remedy"].is_null(), "{check}");
    }
    let failures = checks.iter().filter(|c| c["state"] == "failure").count();
    assert_eq!(said["failures"], failures, "{said}");
    assert_eq!(code, Some(i32::from(failures > 0)), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_in_order_has_no_failure_before_the_daemon_and_beside_it() {
    let mut site = Site::new();
    let voices = std::env::var("OUTDIAL_VOICES").unwrap();
    site.set("voices.directory", &format!("{voices:?}"));
    let said = examine(&site, &[]);
    assert_eq!(said["failures"], 0, "{said}");
    assert!(one(&said, "database").1.contains("none yet"), "{said}");
    let (state, says) = one(&said, "echo call");
    assert_eq!(state, "ok", "{says}");
    assert!(says.contains("heard both ways"), "{says}");
    assert_eq!(one(&said, "voices").0, "ok", "{said}");
    assert!(!site.data_dir().exists(), "the doctor makes nothing");

    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let carrier = Sipp::play("echo", site.dir());
    office.trunks(&[carrier.addr]).await;
    let to = format!("sip:+79005550001@{}", carrier.addr);
    let (site, said) = blocking(move || {
        let said = examine(&site, &["--echo", &to]);
        (site, said)
    })
    .await;
    assert_eq!(said["failures"], 0, "{said}");
    for check in ["sip port", "api port", "admin port"] {
        let (_, says) = one(&said, check);
        assert!(
            says.contains(&format!("the daemon, process {}", daemon.pid())),
            "{says}"
        );
    }
    let (_, says) = one(&said, "database");
    assert!(says.contains("run by the daemon"), "{says}");
    assert!(one(&said, "trunks").1.contains("answers OPTIONS"), "{said}");
    assert!(one(&said, "echo call").1.contains("outside"), "{said}");
    assert_eq!(daemon.get("/readyz").0, 200);
    let ended = blocking(move || daemon.drain()).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    let said = examine(&site, &[]);
    assert!(
        one(&said, "database").1.contains("private, can be started"),
        "{said}"
    );
    assert!(
        site.postmaster().is_none(),
        "what the doctor started has ended"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_thing_that_is_wrong_is_found_with_its_remedy() {
    let mut site = Site::with_database(Database::At(
        "postgres://nobody@127.0.0.1:9/nowhere".to_owned(),
    ));
    // Ports that others hold: this process, whose name is not the daemon's.
    let (sip, api) = (
        UdpSocket::bind("127.0.0.1:0").unwrap(),
        TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    let quoted = |text: &str| format!("{text:?}");
    site.set(
        "sip.listen",
        &quoted(&sip.local_addr().unwrap().to_string()),
    );
    site.set(
        "api.listen",
        &quoted(&api.local_addr().unwrap().to_string()),
    );
    // RFC 5737: an address that no machine has.
    site.set("admin.listen", &quoted("192.0.2.1:7071"));
    let file = site.dir().join("a-file");
    std::fs::write(&file, "").unwrap();
    site.set(
        "node.data_dir",
        &quoted(&file.join("data").display().to_string()),
    );
    site.set("voices.directory", &quoted("/nowhere"));
    let said = examine(&site, &[]);
    let us = format!("process {}", std::process::id());
    for (check, state, words) in [
        ("sip port", "failure", us.as_str()),
        ("api port", "failure", us.as_str()),
        ("admin port", "failure", "no address of this machine"),
        ("database", "failure", "does not answer"),
        ("voices", "warning", "none in /nowhere"),
    ] {
        let (found, says) = one(&said, check);
        assert_eq!(found, state, "{check}: {says}");
        assert!(says.contains(words), "{check}: {says}");
    }

    // Audio on all addresses, and none that a peer could be told: the configuration is the only line there is.
    site.set("rtp.bind", &quoted("0.0.0.0"));
    let said = examine(&site, &[]);
    let (state, says) = one(&said, "configuration");
    assert_eq!(state, "failure", "{says}");
    assert!(says.contains("set rtp.advertised"), "{says}");

    // A profile that cannot be read.
    let mut site = Site::new();
    let rules = site.dir().join("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("xx.toml"), "id = 5").unwrap();
    site.set("rules.directory", &quoted(&rules.display().to_string()));
    // A certificate of yesterday, and one with another's key.
    let [old, new] = ["old", "new"].map(|name| site.dir().join(name));
    certificate(&old, -1);
    certificate(&new, 90);
    let pem = |stem: &Path, kind: &str| quoted(&stem.with_extension(kind).display().to_string());
    for (certificate, key, state, words) in [
        (&old, &old, "failure", "expired at "),
        (&new, &old, "failure", "cannot be served with"),
        (&new, &new, "ok", "is valid until"),
    ] {
        site.set("api.tls_cert", &pem(certificate, "crt"));
        site.set("api.tls_key", &pem(key, "key"));
        let said = examine(&site, &[]);
        let (found, says) = one(&said, "certificate");
        assert_eq!(found, state, "{says}");
        assert!(says.contains(words), "{says}");
        let (found, says) = one(&said, "installed files");
        assert_eq!(found, "failure", "{says}");
        assert!(says.contains("xx.toml"), "{says}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_that_nobody_answers_at_or_whose_name_is_unknown_is_named() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let answers = Sipp::play("echo", site.dir());
    // Bound and never read: what is sent there is lost, as behind a firewall.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let group = office
        .trunks(&[answers.addr, silent.local_addr().unwrap()])
        .await;
    office
        .trunk_at(group, "unknown", "carrier.invalid", 5060)
        .await;
    let to = format!("sip:+79005550001@{}", silent.local_addr().unwrap());
    let (site, said) = blocking(move || {
        let said = examine(&site, &["--echo", &to]);
        (site, said)
    })
    .await;
    let about = |words: &str, check: &str| {
        let line = found(&said, check)
            .into_iter()
            .find(|c| c["says"].as_str().unwrap().contains(words));
        let line = line.unwrap_or_else(|| panic!("nothing about {words}: {said}"));
        line["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(about(&answers.addr.to_string(), "trunks"), "ok");
    assert_eq!(
        about(&silent.local_addr().unwrap().to_string(), "trunks"),
        "failure"
    );
    assert_eq!(about("carrier.invalid", "names"), "failure");
    let (state, says) = one(&said, "echo call");
    assert_eq!(state, "failure", "{says}");
    assert!(says.contains("nobody answered"), "{says}");
    drop(daemon);
    drop(site);
}

/// A self-signed certificate of openssl's making, valid for so many days, with its key: STEM.crt, STEM.key.
fn certificate(stem: &Path, days: i32) {
    let file = |kind: &str| stem.with_extension(kind);
    let openssl = |arguments: &[&str], files: &[(&str, &str)]| {
        let mut command = Command::new("openssl");
        command.args(arguments);
        for (option, kind) in files {
            command.arg(option).arg(file(kind));
        }
        let made = command
            .output()
            .expect("openssl runs; install the package openssl");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
    };
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    let request = [
        &["req", "-new", "-nodes", "-subj", "/CN=outdial.example"],
        &curve[..],
    ]
    .concat();
    openssl(&request, &[("-keyout", "key"), ("-out", "csr")]);
    // A certificate without an extension is of version 1, which TLS does not take.
    std::fs::write(file("ext"), "subjectAltName=DNS:outdial.example\n").unwrap();
    let days = days.to_string();
    openssl(
        &["x509", "-req", "-days", &days],
        &[
            ("-in", "csr"),
            ("-signkey", "key"),
            ("-extfile", "ext"),
            ("-out", "crt"),
        ],
    );
}
