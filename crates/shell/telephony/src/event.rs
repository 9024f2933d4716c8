//! What telephony reports.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use engine::LegEvent;
use model::{AgentId, TrunkId};

/// A fact about a leg, a trunk or a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TelephonyEvent {
    /// A fact about a leg.
    Leg(LegEvent),
    /// The trunk can take calls: it answers OPTIONS and holds our registration, as far as either is asked of it.
    TrunkUp {
        /// Which.
        trunk: TrunkId,
    },
    /// The trunk cannot take calls.
    TrunkDown {
        /// Which.
        trunk: TrunkId,
        /// For people and logs.
        reason: String,
    },
    /// The trunk asks to be left alone for a while (503 with Retry-After, RFC 3261 section 21.5.4). Comes before
    /// the `Ended` of the leg that was refused.
    TrunkBusy {
        /// Which.
        trunk: TrunkId,
        /// How long.
        retry_after: Duration,
    },
    /// An agent's phone can be called.
    PhoneRegistered {
        /// Whose.
        agent: AgentId,
    },
    /// An agent has no phone any more.
    PhoneGone {
        /// Whose.
        agent: AgentId,
    },
}

/// Where facts go; shared by the SIP and the media half. Cheap to clone; must not block.
#[derive(Clone)]
pub struct EventSink(Arc<dyn Fn(TelephonyEvent) + Send + Sync>);

impl EventSink {
    /// Hands every fact to `take`, which puts it where its owner waits, without waiting itself.
    pub fn new(take: impl Fn(TelephonyEvent) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// A sink that ends in a channel: for commands that place a few calls, and for tests.
    pub fn channel() -> (Self, Receiver<TelephonyEvent>) {
        let (sender, receiver) = channel();
        // A receiver that is gone wants no facts.
        (
            Self::new(move |event| sender.send(event).unwrap_or_default()),
            receiver,
        )
    }

    /// Reports a fact.
    pub fn report(&self, event: TelephonyEvent) {
        (self.0)(event);
    }

    /// Reports a fact about a leg.
    pub fn leg(&self, event: LegEvent) {
        self.report(TelephonyEvent::Leg(event));
    }
}

impl fmt::Debug for EventSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventSink")
    }
}
