//! The store on a real Postgres: one cluster for all tests, one fresh database for each.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what it expects"
)]

mod attempts;
mod cards;
mod claims;
mod config;
mod day;
mod imports;
mod launches;
mod outcomes;
mod plans;
mod reference;
mod restart;
mod service;
mod world;
