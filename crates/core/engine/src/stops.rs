//! What stops launches whatever campaigns say: a supervisor's halt, a clock that cannot be trusted, a full disk.

use std::collections::BTreeMap;

use model::{CampaignId, WallTime};
use serde::{Deserialize, Serialize};

use crate::campaign::CampaignSpec;
use crate::effect::Refused;
use crate::engine::Engine;

/// A supervisor's order that nobody is called; holds until a supervisor lifts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// For this seller alone; `None`: for all.
    pub seller: Option<String>,
    /// Who ordered it.
    pub by: String,
    /// Why, in the supervisor's words; may be empty.
    pub reason: String,
    /// Since when.
    pub at: WallTime,
}

/// Why the machine itself must not launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The wall clock and the timers' clock disagree: windows and caps cannot be judged.
    Clock,
    /// No room is left to record what happens.
    Disk,
}

impl Fault {
    /// The name of its gate and its metric.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clock => "clock_not_trusted",
            Self::Disk => "disk_full",
        }
    }
}

/// All that stops launches now.
#[derive(Debug, Default)]
pub(crate) struct Stops {
    halts: Vec<Halt>,
    faults: BTreeMap<Fault, String>,
}

/// One thing that stops a campaign's launches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop<'a> {
    Halt(&'a Halt),
    Fault(Fault, &'a str),
}

impl Stops {
    /// What stops a campaign, a halt before the machine's faults.
    pub(crate) fn of(&self, spec: &CampaignSpec) -> Option<Stop<'_>> {
        let concerns = |h: &&Halt| h.seller.as_ref().is_none_or(|s| *s == spec.seller);
        let halt = self.halts.iter().find(concerns).map(Stop::Halt);
        halt.or_else(|| {
            self.faults
                .first_key_value()
                .map(|(fault, why)| Stop::Fault(*fault, why))
        })
    }
}

impl Stop<'_> {
    /// The name of the gate.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Halt(_) => "halted",
            Self::Fault(fault, _) => fault.as_str(),
        }
    }

    pub(crate) fn in_words(self) -> String {
        match self {
            Self::Halt(halt) => {
                let what = match &halt.seller {
                    Some(seller) => format!("all calls for {seller} are halted"),
                    None => "all calls are halted".to_owned(),
                };
                let why = match halt.reason.as_str() {
                    "" => String::new(),
                    reason => format!(": {reason}"),
                };
                format!("{what} by {} since {}{why}", halt.by, halt.at)
            }
            Self::Fault(_, why) => why.to_owned(),
        }
    }

    pub(crate) fn refusal(self) -> Refused {
        Refused::Stopped {
            why: self.in_words(),
        }
    }
}

impl Engine {
    /// The halts that hold now, all of them. A new one works as a pause does.
    pub(crate) fn halted(&mut self, halts: Vec<Halt>) {
        let free: Vec<CampaignId> = self
            .campaigns
            .values()
            .filter(|c| self.stops.of(&c.spec).is_none())
            .map(|c| c.spec.id)
            .collect();
        self.stops.halts = halts;
        self.stop_what_is_stopped(&free);
    }

    /// A fault of the machine came, or went (`None`).
    pub(crate) fn fault_of_machine(&mut self, fault: Fault, why: Option<String>) {
        let free: Vec<CampaignId> = self.campaigns.keys().copied().collect();
        match why {
            Some(why) => {
                let is_new = self.stops.faults.insert(fault, why).is_none();
                if is_new {
                    self.stop_what_is_stopped(&free);
                }
            }
            None => {
                self.stops.faults.remove(&fault);
                self.look = true;
            }
        }
    }

    fn stop_what_is_stopped(&mut self, free: &[CampaignId]) {
        for id in free {
            let stopped = self
                .campaigns
                .get(id)
                .is_some_and(|c| self.stops.of(&c.spec).is_some());
            if stopped {
                self.stop_launching(*id);
            }
        }
        self.look = true;
    }
}
