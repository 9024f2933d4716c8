//! `outdial top`: what is going on, on a supervisor's screen, over the public API.
//!
//! [`Top`] is a pure machine: boards, answers, keys and time go in, wishes come out; [`view`] makes lines of it,
//! which [`run`] draws on the terminal or prints.

mod machine;
mod run;
mod view;

#[cfg(test)]
mod tests;

use self::machine::Top;
pub use self::run::Watch;
