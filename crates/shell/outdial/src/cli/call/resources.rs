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
    }
}
