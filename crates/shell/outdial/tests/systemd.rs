//! The daemon as a service of systemd: what it says through its socket, and whether the units say what is true.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;
mod support;

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use daemon::{PATIENCE, Site, blocking};
use rustix::process::Signal;
use support::{json, outdial};

/// One message of the daemon.
fn hear(systemd: &UnixDatagram) -> String {
    let mut message = [0; 1_024];
    let length = systemd.recv(&mut message).unwrap();
    String::from_utf8(message[..length].to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_is_told_once_that_the_daemon_is_ready_then_that_it_lives_and_that_it_ends() {
    let mut site = Site::new();
    let socket = site.dir().join("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    systemd.set_read_timeout(Some(PATIENCE)).unwrap();
    site.set_variable("NOTIFY_SOCKET", socket.to_str().unwrap());
    site.set_variable("WATCHDOG_USEC", "6000000");
    let daemon = site.start();
    let (systemd, heard) = blocking(move || {
        let heard = [hear(&systemd), hear(&systemd), hear(&systemd)];
        (systemd, heard)
    })
    .await;
    // Its Postgres, which knows sd_notify too, has not said it before.
    assert_eq!(heard[0], "READY=1\nSTATUS=ready");
    assert_eq!(daemon.get("/readyz").0, 200);
    for message in &heard[1..] {
        let alive =
            "WATCHDOG=1\nSTATUS=campaigns running: 0, calls under way: 0, talks: 0, agents: 0";
        assert_eq!(message, alive);
    }
    daemon.signal(Signal::TERM);
    let (systemd, last) = blocking(move || {
        let last = std::iter::repeat_with(|| hear(&systemd))
            .find(|m| !m.starts_with("WATCHDOG=1"))
            .unwrap();
        (systemd, last)
    })
    .await;
    assert!(last.starts_with("STOPPING=1\n"), "{last}");
    let ended = blocking(move || daemon.end()).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    systemd.set_nonblocking(true).unwrap();
    let mut rest = [0; 1_024];
    while let Ok(length) = systemd.recv(&mut rest) {
        let message = String::from_utf8_lossy(&rest[..length]).into_owned();
        assert!(!message.contains("READY"), "{message}");
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// `KEY=VALUE` lines; the last of several.
fn unit(name: &str) -> BTreeMap<String, String> {
    let file = repository().join("deploy/systemd").join(name);
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines
        .filter_map(|l| l.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn seconds(text: &str) -> u64 {
    match text.strip_suffix("min") {
        Some(minutes) => minutes.parse::<u64>().unwrap() * 60,
        None => text.trim_end_matches('s').parse().unwrap(),
    }
}

#[test]
fn the_units_fit_the_daemon_and_what_make_install_installs() {
    let service = unit("outdial.service");
    let defaults = json(&["config", "check"]);
    assert_eq!(service["Type"], "notify");
    assert!(
        seconds(&service["WatchdogSec"]) >= 10,
        "a busy engine has time to answer"
    );
    let drain = defaults["shutdown"]["drain_limit_s"].as_u64().unwrap();
    assert!(
        seconds(&service["TimeoutStopSec"]) > drain + 10,
        "talks are not cut"
    );
    let files: u64 = service["LimitNOFILE"].parse().unwrap();
    let port = |key: &str| defaults["rtp"][key].as_u64().unwrap();
    assert!(
        files > port("port_to") - port("port_from") + 512,
        "a file for each port"
    );
    let state = Path::new("/var/lib").join(&service["StateDirectory"]);
    assert_eq!(defaults["node"]["data_dir"], state.to_str().unwrap());
    assert_eq!(
        service["KillMode"], "mixed",
        "SIGTERM must not reach Postgres"
    );

    let makefile = std::fs::read_to_string(repository().join("Makefile")).unwrap();
    for name in ["outdial.service", "outdial-backup.service"] {
        let unit = unit(name);
        let command: Vec<&str> = unit["ExecStart"].split(' ').collect();
        for file in command.iter().filter(|w| w.starts_with('/')) {
            assert!(
                makefile.contains(&format!("$(DESTDIR){file}")),
                "{name}: {file} is not installed"
            );
        }
        // The command line is understood: no daemon is started, and nothing is written.
        let known = outdial(&[&command[1..], &["--help"]].concat());
        assert_eq!(known.status.code(), Some(0), "{command:?}");
        assert_eq!(unit["User"], "outdial");
    }
    let users = std::fs::read_to_string(repository().join("deploy/systemd/outdial.sysusers"));
    assert!(users.unwrap().lines().any(|l| l.starts_with("u outdial ")));
    for name in [
        "outdial.service",
        "outdial-backup.service",
        "outdial-backup.timer",
    ] {
        assert!(
            makefile.contains(&format!("deploy/systemd/{name}")),
            "{name} is not installed"
        );
    }
}

#[test]
fn systemd_understands_the_units_and_finds_them_little_exposed() {
    let root = tempfile::tempdir().unwrap();
    let units = root.path().join("usr/lib/systemd/system");
    std::fs::create_dir_all(&units).unwrap();
    std::fs::create_dir_all(root.path().join("usr/bin")).unwrap();
    std::fs::copy("/bin/true", root.path().join("usr/bin/outdial")).unwrap();
    // The targets that every unit depends on.
    let copied = Command::new("cp")
        .args(["-r", "/usr/lib/systemd/system/."])
        .arg(&units)
        .status();
    assert!(copied.unwrap().success());
    let names = [
        "outdial.service",
        "outdial-backup.service",
        "outdial-backup.timer",
    ];
    for name in names {
        let file = repository().join("deploy/systemd").join(name);
        std::fs::copy(file, units.join(name)).unwrap();
    }
    let verified = Command::new("systemd-analyze")
        .arg(format!("--root={}", root.path().display()))
        .arg("verify")
        .args(names)
        .output()
        .expect("systemd-analyze runs; install the package systemd");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(
        verified.status.success() && !said.contains("outdial"),
        "{said}"
    );
    for name in &names[..2] {
        let rated = Command::new("systemd-analyze")
            // In tenths; below 2.5 systemd says OK.
            .args(["security", "--offline=true", "--threshold=24"])
            .arg(units.join(name))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&rated.stdout);
        assert!(rated.status.success(), "{said}");
    }
}
