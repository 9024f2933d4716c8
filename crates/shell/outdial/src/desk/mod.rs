//! `outdial agent`: a terminal desk, by keyboard alone, over the public API.
//!
//! [`Desk`] is the whole desk as a pure machine: keys, events and answers go in, wishes for RPCs come out.
//! [`view`] draws it, [`keys`] says what keys do (the help is drawn from the same list), and [`run`] moves keys and
//! RPCs. What is typed belongs to the machine, so that no loss of the connection can lose it.

mod calling;
mod events;
mod keys;
mod link;
mod machine;
mod mode;
mod notes;
mod run;
mod view;
mod wish;
mod work;

#[cfg(test)]
mod tests;

use model::WallTime;

use self::machine::Desk;
pub use self::run::Agent;

/// An instant of the contract.
pub fn wall(at: prost_types::Timestamp) -> WallTime {
    let micros = at.seconds.saturating_mul(1_000_000);
    WallTime::from_unix_micros(micros.saturating_add(i64::from(at.nanos / 1_000)))
}

/// The same the other way.
fn stamp(at: WallTime) -> prost_types::Timestamp {
    let (seconds, micros) = (
        at.unix_micros().div_euclid(1_000_000),
        at.unix_micros().rem_euclid(1_000_000),
    );
    let nanos = i32::try_from(micros * 1_000).unwrap_or_default();
    prost_types::Timestamp { seconds, nanos }
}
