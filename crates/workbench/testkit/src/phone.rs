//! A simulated softphone: what a test holds of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use media::Dtmf;
use model::{LegEnd, SipStatus};
use sip::Codecs;

use crate::ear::{Ear, Heard};
use crate::error::TestkitError;
use crate::handset::Handset;
use crate::reactor::{PartyId, Reactor};
use crate::socket::must_be_loopback;
use crate::voice::Voice;

/// What somebody hears changes without a signal; waiting looks again so often.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What a phone does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Rings so long, then answers. While it talks, it is busy (486).
    Answers {
        /// Zero: answers without ringing, as phones do that are set to auto-answer.
        after: Duration,
    },
    /// Refuses with this status.
    Declines(SipStatus),
    /// Rings and rings.
    Ignores,
}

/// What a phone is set up with.
#[derive(Clone, Debug)]
pub struct PhoneOptions {
    /// The daemon's SIP address.
    pub registrar: SocketAddr,
    /// Its domain, as in `sip:USER@DOMAIN`.
    pub domain: String,
    /// User name, also for digest.
    pub user: String,
    /// Password.
    pub password: String,
    /// Its voice is [`Voice::of_agent`] of this.
    pub seed: u64,
    /// How it takes calls.
    pub manner: Manner,
    /// How long a registration is asked to hold.
    pub expires: Duration,
    /// What it accepts.
    pub codecs: Codecs,
    /// Writes what it hears to `USER-NTH.wav` in this directory.
    pub recordings: Option<PathBuf>,
}

impl PhoneOptions {
    /// Answers at once, and registers for two minutes.
    pub fn new(registrar: SocketAddr, user: &str, password: &str, seed: u64) -> Self {
        Self {
            registrar,
            domain: registrar.ip().to_string(),
            user: user.to_owned(),
            password: password.to_owned(),
            seed,
            manner: Manner::Answers {
                after: Duration::ZERO,
            },
            expires: Duration::from_secs(120),
            codecs: Codecs::default(),
            recordings: None,
        }
    }
}

/// A call that came to a phone.
#[derive(Clone, Debug)]
pub struct PhoneCall {
    /// User part of From.
    pub from: String,
    /// The INVITE.
    pub invited_at: Instant,
    /// The ACK of its 200: from then on both can speak.
    pub answered_at: Option<Instant>,
    /// The end.
    pub ended_at: Option<Instant>,
    /// How it ended; `None`: it has not, or the phone dropped dead.
    pub end: Option<LegEnd>,
    pub(crate) ear: Ear,
}

impl PhoneCall {
    /// Whether it is answered and not over.
    pub fn is_talking(&self) -> bool {
        self.answered_at.is_some() && self.ended_at.is_none()
    }

    /// What is heard at the phone.
    pub fn heard(&self) -> Heard {
        self.ear.heard()
    }
}

/// What is known of a phone.
#[derive(Clone, Debug, Default)]
pub struct PhoneState {
    /// Whether the registrar took it.
    pub registered: bool,
    /// Why not, in words, when it refused.
    pub refused: Option<String>,
    /// Every call, in the order they came.
    pub calls: Vec<PhoneCall>,
}

impl PhoneState {
    /// The call being talked.
    pub fn talking(&self) -> Option<&PhoneCall> {
        self.calls.iter().find(|c| c.is_talking())
    }
}

/// State shared between a phone's thread and its owner.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<PhoneState>,
    changed: Condvar,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, PhoneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut PhoneState)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// What a phone's owner wants.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    HangUp,
    Press(Dtmf),
    Manner(Manner),
    Vanish,
    Register,
    Leave,
}

/// Phones that share a thread.
#[derive(Clone, Debug)]
pub struct PhoneBank(Arc<Reactor>);

impl PhoneBank {
    /// Starts the thread.
    ///
    /// # Errors
    /// `System` when the system refuses it.
    pub fn start() -> Result<Self, TestkitError> {
        Ok(Self(Arc::new(Reactor::start("phones", 0)?)))
    }

    /// Adds a phone, which registers at once.
    ///
    /// # Errors
    /// `NotLoopback` for a registrar elsewhere; `Bind` when the system refuses a socket; `Stopped` when
    /// the thread is gone.
    pub fn phone(&self, options: PhoneOptions) -> Result<Phone, TestkitError> {
        must_be_loopback(options.registrar)?;
        let shared = Arc::new(Shared::default());
        let voice = Voice::of_agent(options.seed);
        let handset = Handset::new(options, Arc::clone(&shared))?;
        let addr = handset.addr();
        Ok(Phone {
            shared,
            addr,
            voice,
            id: self.0.add(Box::new(handset))?,
            reactor: Arc::clone(&self.0),
        })
    }
}

/// A simulated softphone. Dropping it hangs up and takes its registration back.
#[derive(Debug)]
pub struct Phone {
    shared: Arc<Shared>,
    addr: SocketAddr,
    voice: Voice,
    id: PartyId,
    reactor: Arc<Reactor>,
}

impl Phone {
    /// Starts a phone with a thread of its own; many phones share one by [`PhoneBank`].
    ///
    /// # Errors
    /// As [`PhoneBank::start`] and [`PhoneBank::phone`].
    pub fn start(options: PhoneOptions) -> Result<Self, TestkitError> {
        PhoneBank::start()?.phone(options)
    }

    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How it sounds.
    pub fn voice(&self) -> Voice {
        self.voice
    }

    /// What is known of it now.
    pub fn state(&self) -> PhoneState {
        self.shared.lock().clone()
    }

    /// Waits until `holds`, at most so long; whether it came to hold.
    pub fn wait(&self, at_most: Duration, mut holds: impl FnMut(&PhoneState) -> bool) -> bool {
        let deadline = Instant::now() + at_most;
        let mut state = self.shared.lock();
        loop {
            if holds(&state) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left.min(LOOK_AGAIN))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Ends every call: BYE, or 603 for one that rings.
    ///
    /// # Errors
    /// `Stopped` when the thread is gone; so for the other orders.
    pub fn hang_up(&self) -> Result<(), TestkitError> {
        self.reactor.order(self.id, Order::HangUp)
    }

    /// Presses a key in every call.
    ///
    /// # Errors
    /// As [`hang_up`](Self::hang_up).
    pub fn press(&self, key: Dtmf) -> Result<(), TestkitError> {
        self.reactor.order(self.id, Order::Press(key))
    }

    /// Takes the next calls otherwise.
    ///
    /// # Errors
    /// As [`hang_up`](Self::hang_up).
    pub fn set_manner(&self, manner: Manner) -> Result<(), TestkitError> {
        self.reactor.order(self.id, Order::Manner(manner))
    }

    /// Drops dead: no BYE, no audio, no response to anything, as with a pulled plug.
    ///
    /// # Errors
    /// As [`hang_up`](Self::hang_up).
    pub fn vanish(&self) -> Result<(), TestkitError> {
        self.reactor.order(self.id, Order::Vanish)
    }

    /// Registers anew, also after [`vanish`](Self::vanish).
    ///
    /// # Errors
    /// As [`hang_up`](Self::hang_up).
    pub fn register(&self) -> Result<(), TestkitError> {
        self.reactor.order(self.id, Order::Register)
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        if let Err(error) = self.reactor.order(self.id, Order::Leave) {
            tracing::debug!(%error, "a phone had left");
        }
    }
}
