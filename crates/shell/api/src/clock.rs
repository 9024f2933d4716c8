//! Where the shell reads the wall clock; everything below is given instants.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use model::WallTime;

/// Tells the wall time. The daemon may be started at a fixed instant, and tests move it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> WallTime + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            WallTime::from_unix_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
        })
    }

    /// Another clock.
    pub fn new(read: impl Fn() -> WallTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The instant.
    pub fn now(&self) -> WallTime {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
