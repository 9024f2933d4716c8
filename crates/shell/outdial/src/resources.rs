//! What this process has used so far. Linux only; elsewhere nothing is known, which is not an error.

use std::fs;
use std::time::Duration;

/// Processor time of all threads that live. (Nanoseconds, where `/proc/self/stat` has steps of 10 ms.)
pub fn processor_time() -> Option<Duration> {
    let mut nanos = 0_u64;
    for thread in fs::read_dir("/proc/self/task").ok()? {
        // proc(5): time on the processor, time waiting for it, time slices.
        let Ok(text) = fs::read_to_string(thread.ok()?.path().join("schedstat")) else {
            // It has ended since the directory was read.
            continue;
        };
        nanos = nanos.saturating_add(text.split_whitespace().next()?.parse().ok()?);
    }
    Some(Duration::from_nanos(nanos))
}

/// Resident memory now, in bytes.
pub fn resident_bytes() -> Option<u64> {
    status("VmRSS:")
}

/// The most resident memory there ever was, in bytes.
pub fn resident_bytes_max() -> Option<u64> {
    status("VmHWM:")
}

/// Files and sockets that are open.
pub fn open_files() -> Option<u64> {
    u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}

/// Bytes of a file system that others than root may still write.
pub fn free_bytes(disk: &rustix::fs::StatVfs) -> u64 {
    disk.f_bavail.saturating_mul(disk.f_frsize)
}

/// Seconds from 1970 to the start of this process.
pub fn started_at() -> Option<u64> {
    // proc(5): field 22 of stat is the start in clock ticks after boot, counted after the name in parentheses,
    // which may hold blanks. USER_HZ is 100 on every Linux.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let ticks: u64 = stat
        .rsplit(')')
        .next()?
        .split_whitespace()
        .nth(19)?
        .parse()
        .ok()?;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot = boot.lines().find_map(|l| l.strip_prefix("btime "))?;
    Some(boot.trim().parse::<u64>().ok()? + ticks / TICKS_PER_SECOND)
}

fn status(key: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix(key))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1_024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_is_known() {
        assert!(processor_time().unwrap() > Duration::ZERO);
        assert!(resident_bytes().unwrap() >= 1_024 * 1_024);
        assert!(resident_bytes_max().unwrap() >= 1_024 * 1_024);
        assert!(open_files().unwrap() >= 3);
        let since_1970 = std::time::SystemTime::now()
            .duration_since(std::time::SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let began = started_at().unwrap();
        assert!(began <= since_1970 + 1 && since_1970 - began < 86_400);
    }
}
