//! The whole dialer as one pure state machine: campaigns, agents, calls, trunks, routing and retries.
//!
//! It is told facts ([`Input`]) and answers with wishes ([`Effect`]). Nothing here opens a socket, reads a
//! clock or draws a random number; the same inputs give the same effects, byte for byte, so that a
//! recorded day can be replayed.
//!
//! ```
//! use engine::{Effect, Engine, Input, Ask, RequestId};
//! use model::Now;
//! let mut engine = Engine::new(7);
//! engine.handle(Now::default(), Input::Request { request: RequestId(1), ask: Ask::Board });
//! assert!(matches!(engine.poll_effect(), Some(Effect::Reply { request: RequestId(1), answer: Ok(_) })));
//! assert_eq!(engine.poll_effect(), None);
//! assert_eq!(engine.next_wakeup(), None); // nothing to wait for
//! ```
#![warn(
    missing_docs,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing
)]

mod agent;
mod agents;
mod call;
mod calls;
mod campaign;
mod claims;
mod classify;
mod clicks;
mod effect;
mod engine;
mod explain;
mod input;
mod launch;
mod leg;
mod lifecycle;
mod live;
mod messages;
mod outcome;
mod pace;
mod phones;
mod preview;
mod reminders;
mod retry;
mod skills;
mod stops;
mod talk;
mod timers;
mod trunks;
#[cfg(test)]
mod vectors;
mod work;

pub use campaign::{CallbackRule, CampaignSpec, CampaignState, MissedCallback, Mode};
pub use classify::{
    AgentPart, Answered, AttemptFacts, InBand, Machine, MessagePart, Stop, classify, may_hunt_on,
};
pub use effect::{AgentEvent, AgentLog, AgentState, Answer, Effect, Refused, ScreenPop, StoreWish};
pub use engine::Engine;
pub use explain::{AgentLine, Board, CampaignLine, Explanation, Gate, TrunkLine};
pub use input::{
    AgentAsk, AgentSpec, Ask, ClaimRefused, Input, PauseWhen, QueueCounts, RequestId, StoreFact,
    TrunkSpec,
};
pub use leg::{LegCommand, LegEvent, Sound, Tone};
pub use outcome::{AGENT_LOST, NO_OUTCOME};
pub use retry::{RetryRule, RetryTable};
pub use stops::{Fault, Halt};
pub use work::*;
