//! The simulated carrier: a real SIP and RTP endpoint with people behind its numbers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::E164;
use sip::Codecs;

use crate::behaviour::Behaviour;
use crate::call_log::{CallLog, CarrierCounts};
use crate::challenge::Account;
use crate::error::TestkitError;
use crate::exchange::Exchange;
use crate::person::Person;
use crate::reactor::Reactor;

/// What a carrier is set up with.
#[derive(Clone, Debug)]
pub struct CarrierOptions {
    /// Where it listens; a loopback address, port 0 for any.
    pub listen: SocketAddr,
    /// Who is met at its numbers.
    pub behaviour: Behaviour,
    /// Who may call; `None`: anybody on this machine.
    pub digest: Option<Account>,
    /// What it offers and accepts.
    pub codecs: Codecs,
    /// Writes what each person heard to `NUMBER-NTH.wav` in this directory.
    pub recordings: Option<PathBuf>,
}

impl CarrierOptions {
    /// On any free port of 127.0.0.1, open to anybody, both codecs, no recordings.
    pub fn new(behaviour: Behaviour) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            behaviour,
            digest: None,
            codecs: Codecs::default(),
            recordings: None,
        }
    }
}

/// What a test may change while the carrier runs.
#[derive(Debug)]
pub(crate) struct Controls {
    pub(crate) behaviour: Mutex<Behaviour>,
    pub(crate) dead: AtomicBool,
}

/// A running carrier. Dropping it stops its thread: nobody is told, as when a carrier fails.
#[derive(Debug)]
pub struct Carrier {
    addr: SocketAddr,
    log: CallLog,
    controls: Arc<Controls>,
    // Dropped with the carrier; its thread ends.
    _reactor: Reactor,
}

impl Carrier {
    /// Starts one.
    ///
    /// # Errors
    /// `NotLoopback` for any other address; `Bind` when the port is taken; `System` when the system
    /// refuses a thread.
    pub fn start(options: CarrierOptions) -> Result<Self, TestkitError> {
        let seed = options.behaviour.seed;
        let controls = Arc::new(Controls {
            behaviour: Mutex::new(options.behaviour.clone()),
            dead: AtomicBool::new(false),
        });
        let log = CallLog::default();
        let exchange = Exchange::new(&options, Arc::clone(&controls), log.clone())?;
        let addr = exchange.addr();
        let reactor = Reactor::start("carrier", seed)?;
        reactor.add(Box::new(exchange))?;
        Ok(Self {
            addr,
            log,
            controls,
            _reactor: reactor,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Everything it has seen.
    pub fn log(&self) -> &CallLog {
        &self.log
    }

    /// Sums over the log.
    pub fn counts(&self) -> CarrierCounts {
        self.log.counts()
    }

    /// From now on `number` meets this person.
    pub fn set_person(&self, number: E164, person: Person) {
        self.controls
            .behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .by_number
            .insert(number, vec![person]);
    }

    /// From now on nothing that comes is responded to, as if its link were cut; or all is again. What
    /// comes is still logged.
    pub fn set_dead(&self, dead: bool) {
        self.controls.dead.store(dead, Ordering::Relaxed);
    }

    /// Stops it without telling anybody, and returns its log.
    pub fn stop(self) -> CallLog {
        self.log.clone()
    }
}
