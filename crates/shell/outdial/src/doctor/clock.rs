//! Whether the clock tells the time: calling hours and callbacks hang on it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::clock::Clock;
use crate::finding::Finding;

/// How long the wall clock is watched against the monotonic one.
const WATCHED: Duration = Duration::from_secs(1);
/// Slewing by an NTP daemon is at most 0.05 % (adjtime(3)); a step is more than this.
const STEP_US: u64 = 50_000;
/// The database's clock gives leases their length, and rows their dates.
const DATABASE_WARN_US: u64 = 1_000_000;
const DATABASE_FAIL_US: u64 = 5_000_000;

/// The clock here; and by how many microseconds the database's is ahead, when that is known.
pub async fn look(database_ahead_us: Option<i64>) -> Vec<Finding> {
    let clock = Clock::start(None);
    let before = clock.now();
    tokio::time::sleep(WATCHED).await;
    let after = clock.now();
    let wall = after.wall.unix_micros() - before.wall.unix_micros();
    let mono = i64::try_from(after.mono.since(before.mono).as_micros()).unwrap_or(i64::MAX);
    let stepped = wall.abs_diff(mono);
    let mut findings = vec![if stepped > STEP_US {
        Finding::failure(
            "clock",
            format!("it was set by {stepped} µs within a second"),
            "find what sets it; two programs that keep time fight each other",
        )
    } else {
        Finding::ok("clock", format!("{}, goes evenly", after.wall))
    }];
    findings.push(synchronised(is_synchronised()));
    if let Some(ahead) = database_ahead_us {
        findings.push(against_database(ahead));
    }
    findings
}

fn against_database(ahead_us: i64) -> Finding {
    let apart = ahead_us.unsigned_abs();
    let says = format!("the database's differs by {} ms", apart / 1_000);
    let remedy = "synchronise both machines with the same time servers";
    if apart > DATABASE_FAIL_US {
        Finding::failure("database clock", says, remedy)
    } else if apart > DATABASE_WARN_US {
        Finding::warning("database clock", says, remedy)
    } else {
        Finding::ok("database clock", says)
    }
}

fn synchronised(is: Option<bool>) -> Finding {
    let remedy = "install chrony or systemd-timesyncd, and see that it reaches its servers";
    match is {
        Some(true) => Finding::ok("time servers", "the clock is kept by them"),
        Some(false) => Finding::warning("time servers", "the clock is not kept by any", remedy),
        None => Finding::warning(
            "time servers",
            "whether the clock is kept by any is not known here",
            "in a container: look at the host; else install chrony or systemd-timesyncd",
        ),
    }
}

/// As timedatectl, systemd-timesyncd or chrony say; `None` when none of them says anything.
fn is_synchronised() -> Option<bool> {
    if let Some(said) = said_by(
        "timedatectl",
        &["show", "--property=NTPSynchronized", "--value"],
    ) {
        return Some(said == "yes");
    }
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Some(true);
    }
    let said = said_by("chronyc", &["-n", "tracking"])?;
    let status = said.lines().find(|l| l.starts_with("Leap status"))?;
    Some(!status.contains("Not synchronised"))
}

fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !said.is_empty()).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    #[test]
    fn a_database_whose_clock_is_off_is_told_by_how_much_it_matters() {
        for (ahead_us, state) in [
            (20_000, State::Ok),
            (-2_000_000, State::Warning),
            (6_000_000, State::Failure),
        ] {
            assert_eq!(against_database(ahead_us).state, state, "{ahead_us}");
        }
    }
}
