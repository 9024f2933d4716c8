//! One clock per thread: what the state machines are told, and the instants that are noted.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use model::{Now, Timestamp, WallTime};

/// Timestamps count from its making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    wall: WallTime,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            wall: wall(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        let passed = self.started.elapsed();
        Now {
            mono: Timestamp::default() + passed,
            wall: self.wall + passed,
        }
    }
}

/// The calendar, from the machine.
pub(crate) fn wall() -> WallTime {
    // A machine whose clock stands before 1970 gets 1970.
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    WallTime::default() + since
}
