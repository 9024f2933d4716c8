//! Whether the data directory can hold what is written: space, kind of file system, how fast a commit is.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::finding::Finding;

const MIB: u64 = 1_024 * 1_024;
/// The log of a busy Postgres (max_wal_size) and a spool fit into it for some hours.
const FREE_WARN: u64 = 2_048 * MIB;
const FREE_FAIL: u64 = 256 * MIB;
/// Each batch of launches waits for one.
const COMMIT_SLOW: Duration = Duration::from_millis(50);

/// The disk of a data directory, which may not exist yet.
pub fn look(data_dir: &Path) -> Finding {
    const CHECK: &str = "disk";
    let there = data_dir.ancestors().find(|d| d.is_dir());
    let dir = there
        .filter(|d| !d.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let named = data_dir.display();
    let disk = match rustix::fs::statvfs(dir) {
        Ok(disk) => disk,
        Err(error) => {
            return Finding::failure(
                CHECK,
                format!("{named} cannot be looked at: {error}"),
                "set node.data_dir to a place we may write",
            );
        }
    };
    let free = crate::resources::free_bytes(&disk);
    let kind = file_system(dir).unwrap_or_default();
    let commit = match commit_time(dir) {
        Ok(commit) => commit,
        Err(error) => {
            return Finding::failure(
                CHECK,
                format!("{} cannot be written: {error}", dir.display()),
                "give it to the daemon's user (chown), free space, or set node.data_dir to another place",
            );
        }
    };
    let says = format!(
        "{named}: {} MiB free on {kind}, a commit takes {:.1} ms",
        free / MIB,
        commit.as_secs_f64() * 1_000.0
    );
    judge(&says, free, disk.f_ffree, disk.f_files, &kind, commit)
}

fn judge(
    says: &str,
    free: u64,
    free_files: u64,
    files: u64,
    kind: &str,
    commit: Duration,
) -> Finding {
    const CHECK: &str = "disk";
    if free < FREE_FAIL {
        return Finding::failure(
            CHECK,
            says,
            "free space: launching stops when nothing can be recorded",
        );
    }
    // Some file systems have as many as they wish and say 0.
    if files > 0 && free_files < files / 100 {
        return Finding::warning(
            CHECK,
            format!("{says}; {free_files} files more may be made"),
            "remove small files on that disk",
        );
    }
    if free < FREE_WARN {
        return Finding::warning(
            CHECK,
            says,
            "free space, or move node.data_dir to a larger disk",
        );
    }
    if ["tmpfs", "ramfs"].contains(&kind) {
        return Finding::warning(
            CHECK,
            says,
            "this is memory: all is lost when the machine restarts; set node.data_dir",
        );
    }
    if ["nfs", "nfs4", "cifs", "9p", "fuse.sshfs"].contains(&kind) {
        return Finding::warning(
            CHECK,
            says,
            "a network file system may lie about locks and syncs; set node.data_dir to a disk of this machine, or \
             database.url to a Postgres elsewhere",
        );
    }
    if commit > COMMIT_SLOW {
        return Finding::warning(
            CHECK,
            says,
            "launches wait for this; use an SSD, or a Postgres elsewhere",
        );
    }
    Finding::ok(CHECK, says)
}

/// The middle one of five synced writes of a page.
fn commit_time(dir: &Path) -> std::io::Result<Duration> {
    const PAGE: [u8; 8_192] = [0; 8_192];
    let mut file: File = tempfile::tempfile_in(dir)?;
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(2).copied().unwrap_or_default())
}

/// The type of the file system that a directory lies in. proc(5), "/proc/[pid]/mountinfo".
fn file_system(dir: &Path) -> Option<String> {
    let dir = std::fs::canonicalize(dir).ok()?;
    let table = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mounts = table.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let point = PathBuf::from(left.split(' ').nth(4)?);
        let kind = right.split(' ').next()?.to_owned();
        dir.starts_with(&point).then_some((point, kind))
    });
    // The deepest; of several at one place the last lies on top.
    mounts
        .max_by_key(|(point, _)| point.components().count())
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    #[test]
    fn a_disk_is_judged_by_the_worst_of_it() {
        let ms = Duration::from_millis;
        for (free, free_files, kind, commit, state) in [
            (10_000 * MIB, 500, "ext4", ms(2), State::Ok),
            (100 * MIB, 500, "ext4", ms(2), State::Failure),
            (1_000 * MIB, 500, "ext4", ms(2), State::Warning),
            (10_000 * MIB, 5, "ext4", ms(2), State::Warning),
            (10_000 * MIB, 500, "tmpfs", ms(2), State::Warning),
            (10_000 * MIB, 500, "nfs4", ms(2), State::Warning),
            (10_000 * MIB, 500, "ext4", ms(200), State::Warning),
        ] {
            let found = judge("", free, free_files, 1_000, kind, commit);
            assert_eq!(found.state, state, "{free} {free_files} {kind} {commit:?}");
        }
    }

    #[test]
    fn a_directory_that_is_still_to_be_made_is_judged_by_its_parent() {
        let dir = tempfile::tempdir().unwrap();
        let found = look(&dir.path().join("a/b"));
        assert!(found.says.contains("MiB free"), "{found:?}");
        assert!(!dir.path().join("a").exists(), "nothing is made");
    }
}
