//! The daemon as a process of its own, with everything around it real: Postgres, a carrier, phones, clients.
//!
//! [`Site`] is a machine to run it on, [`Daemon`] a run of it, [`Office`] whoever sets it up and watches over gRPC.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that panics has failed, which is its purpose; each test program uses a part"
)]

mod command_line;
mod hand;
mod office;
mod ports;
mod process;
mod pty;
mod python_agent;
mod rows;
mod sipp;
mod site;
mod softphone;
mod town;

pub use command_line::{CommandLine, complaint};
pub use hand::{Hand, outcome};
pub use office::{Office, campaign, with};
pub use process::{Daemon, Ended};
pub use pty::{CTRL_C, DOWN, ENTER, ESC, Pty, TAB, masked};
pub use python_agent::PythonAgent;
pub use rows::Rows;
pub use sipp::Sipp;
pub use site::{Database, Site};
pub use softphone::{Softphone, tenths_of};
pub use town::{number, sheet};

use std::time::Duration;

/// How long any state may take to come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for what comes, with a deadline.
pub async fn soon<T>(what: &str, coming: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, coming).await {
        Ok(came) => came,
        Err(_) => panic!("{what} did not come within {PATIENCE:?}"),
    }
}

/// Asks again and again until the answer is there, with a deadline.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut again = tokio::time::interval(Duration::from_millis(50));
    soon(what, async {
        loop {
            again.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    })
    .await
}

/// Waits on the log of a carrier, or another thing with a lock of its own, without holding up the runtime.
pub async fn blocking<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(wait).await.unwrap()
}
