//! What happens at a number when it is called.

use std::time::Duration;

use media::Dtmf;
use model::SipStatus;

/// One call at one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Post-dial delay: from the INVITE to the first ringing, or to the refusal.
    pub set_up: Duration,
    /// How long it rings before [`does`](Self::does). `None`: it never rings.
    pub ring: Option<Duration>,
    /// Ringing is 183 with the ring-back tone as early media instead of 180.
    pub early_media: bool,
    /// What comes then.
    pub does: Does,
}

/// What comes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Does {
    /// Somebody answers.
    Answers(Talk),
    /// Somebody answers exactly when we give up: 200 is sent when the CANCEL comes.
    AnswersLate(Talk),
    /// A machine answers, plays its greeting and beeps, then listens until we hang up.
    Machine {
        /// Length of the greeting.
        greeting: Duration,
    },
    /// A final refusal.
    Refuses {
        /// 300 to 699.
        status: SipStatus,
        /// Q.850 cause in the Reason header.
        q850: Option<u8>,
    },
    /// It rings for ever.
    RingsForEver,
    /// No response of any kind.
    Dead,
}

/// How an answered person behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talk {
    /// Says "hello" at once; otherwise waits two seconds for us.
    pub greets: bool,
    /// Hangs up so long after the answer. `None`: listens until we hang up.
    pub patience: Option<Duration>,
    /// Keys pressed, in order.
    pub keys: Vec<KeyPress>,
}

/// A key that is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPress {
    /// After so much sound of ours; silence does not count.
    pub after_heard: Duration,
    /// Which.
    pub key: Dtmf,
}

impl Default for Talk {
    /// Greets, presses nothing and stays until we hang up.
    fn default() -> Self {
        Self {
            greets: true,
            patience: None,
            keys: Vec::new(),
        }
    }
}

impl Talk {
    /// Greets and hangs up after `patience`.
    pub fn for_(patience: Duration) -> Self {
        Self {
            patience: Some(patience),
            ..Self::default()
        }
    }
}

/// What most numbers need until they ring; short, so that tests are.
const SET_UP: Duration = Duration::from_millis(50);
const RING: Duration = Duration::from_millis(200);

impl Person {
    fn new(ring: Option<Duration>, does: Does) -> Self {
        Self {
            set_up: SET_UP,
            ring,
            early_media: false,
            does,
        }
    }

    fn refuses(ring: Option<Duration>, status: u16, q850: Option<u8>) -> Self {
        let status = SipStatus(status);
        Self::new(ring, Does::Refuses { status, q850 })
    }

    /// Answers after a short ring.
    pub fn answers(talk: Talk) -> Self {
        Self::new(Some(RING), Does::Answers(talk))
    }

    /// Rings until CANCEL comes, and then answers.
    pub fn answers_late(talk: Talk) -> Self {
        Self::new(Some(RING), Does::AnswersLate(talk))
    }

    /// A machine answers after a short ring.
    pub fn machine(greeting: Duration) -> Self {
        Self::new(Some(RING), Does::Machine { greeting })
    }

    /// 486, Q.850 17 (user busy).
    pub fn busy() -> Self {
        Self::refuses(None, 486, Some(17))
    }

    /// Rings until we give up.
    pub fn no_answer() -> Self {
        Self::new(Some(RING), Does::RingsForEver)
    }

    /// 603 after a short ring.
    pub fn rejects() -> Self {
        Self::refuses(Some(RING), 603, None)
    }

    /// 404, Q.850 1 (unallocated number).
    pub fn invalid() -> Self {
        Self::refuses(None, 404, Some(1))
    }

    /// 480, Q.850 20 (subscriber absent).
    pub fn absent() -> Self {
        Self::refuses(None, 480, Some(20))
    }

    /// 503, Q.850 34 (no circuit available).
    pub fn congestion() -> Self {
        Self::refuses(None, 503, Some(34))
    }

    /// No response of any kind.
    pub fn dead() -> Self {
        Self::new(None, Does::Dead)
    }

    /// The same, ringing so long.
    #[must_use]
    pub fn ringing_for(mut self, ring: Duration) -> Self {
        self.ring = Some(ring);
        self
    }

    /// The same, with the ring-back tone as early media.
    #[must_use]
    pub fn with_early_media(mut self) -> Self {
        self.early_media = true;
        self
    }
}
