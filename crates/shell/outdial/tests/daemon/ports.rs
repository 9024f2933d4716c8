//! Ports of a site: below those that the system hands out, so that none is taken while the daemon is down.

use std::fs::File;

/// Ports of a site, from its first on.
const PER_SITE: u16 = 600;
const FIRST: u16 = 11_000;
/// The system hands out ports from 32768 on (ip(7), `ip_local_port_range`).
const SITES: u16 = (32_768 - FIRST) / PER_SITE;

/// Ports that no other test on this machine uses as long as this lives.
#[derive(Debug)]
pub(super) struct Ports {
    first: u16,
    // The kernel gives the lock free when the test's process ends, however that comes.
    _lock: File,
}

impl Ports {
    pub(super) fn take() -> Self {
        let directory = std::env::temp_dir().join("outdial-test-ports");
        std::fs::create_dir_all(&directory).unwrap();
        for site in 0..SITES {
            let path = directory.join(site.to_string());
            let Ok(lock) = File::options().create(true).append(true).open(path) else {
                continue;
            };
            if lock.try_lock().is_ok() {
                let first = FIRST + site * PER_SITE;
                return Self { first, _lock: lock };
            }
        }
        panic!("{SITES} tests hold ports already");
    }

    pub(super) fn sip(&self) -> u16 {
        self.first
    }

    pub(super) fn api(&self) -> u16 {
        self.first + 1
    }

    pub(super) fn admin(&self) -> u16 {
        self.first + 2
    }

    /// First and last for audio.
    pub(super) fn rtp(&self) -> (u16, u16) {
        (self.first + 10, self.first + PER_SITE - 1)
    }
}
