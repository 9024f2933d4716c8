//! The world's loop: the next thing that comes, the engine's effects, the books.

mod chance;
mod database;
mod effects;
mod faults;
mod opening;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::{AgentAsk, Ask, Effect, Engine, Input, LegEvent, RequestId, StoreFact, StoreWish};
use model::{
    AgentId, AttemptId, CallResult, CampaignId, Ended, LedgerClass, LegEnd, LegId, Now, PlayId,
    Timestamp, TrunkId,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::books::{Books, Violation};
use crate::carrier::Line;
use crate::scenario::Scenario;
use faults::Fault;

/// A simulated world. See [`World::run`].
#[derive(Debug)]
pub struct World {
    pub(crate) scenario: Scenario,
    seed: u64,
    engine: Engine,
    mono: Timestamp,
    /// Wall clock less the other clock.
    wall_offset: i64,
    rng: ChaCha8Rng,
    coming: BTreeMap<(Timestamp, u64), Coming>,
    next_coming: u64,
    next_request: u64,
    open_requests: BTreeSet<RequestId>,
    books: Books,
    pub(crate) lines: BTreeMap<LegId, Line>,
    persons: BTreeMap<LegId, (AttemptId, TrunkId, CampaignId)>,
    phones: BTreeMap<AgentId, LegId>,
    plays: BTreeMap<LegId, PlayId>,
    running: BTreeMap<CampaignId, bool>,
    store_up: bool,
    kept: Vec<StoreWish>,
    callbacks: i64,
    trace: u64,
    wrong: Option<String>,
}

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Coming {
    Leg(LegEvent),
    Answer {
        leg: LegId,
        after_cancel: bool,
    },
    Over {
        leg: LegId,
        end: LegEnd,
    },
    Played {
        leg: LegId,
        play: PlayId,
        heard: Duration,
    },
    Fact(StoreFact),
    Agent {
        agent: AgentId,
        ask: AgentAsk,
    },
    PersonLeaves {
        attempt: AttemptId,
    },
    Key {
        leg: LegId,
        digit: char,
    },
    Input(Box<Input>),
    Fault(Fault),
    FaultOver(Fault),
}

/// What a day came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Attempts launched.
    pub attempts: u64,
    /// Calls joined to an agent.
    pub connected: u64,
    /// Messages heard to their end.
    pub delivered: u64,
    /// People whom no agent took.
    pub abandoned: u64,
    /// Attempts without a result or talks without an outcome at the end.
    pub unfinished: u64,
    /// A digest of every effect: the same scenario and seed give the same.
    pub trace: u64,
}

impl World {
    /// Runs a scenario to its end and, without new launches, until every call is over.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn run(scenario: &Scenario, seed: u64) -> Result<Report, Violation> {
        let mut world = Self::new(scenario.clone(), seed);
        world.open();
        let ends = Timestamp::default() + scenario.lasts;
        world.until(ends)?;
        world.hand_in(Input::Drain)?;
        // Whatever is under way ends by itself; two hours are longer than any timer.
        world.until(ends + Duration::from_secs(7_200))?;
        let unfinished = world.books.unfinished() as u64;
        if unfinished > 0 {
            return Err(world.violation(format!(
                "{unfinished} attempts never ended, the first: {}",
                world.books.first_unfinished()
            )));
        }
        if !world
            .lines
            .keys()
            .all(|leg| world.phones.values().any(|p| p == leg))
        {
            return Err(world.violation("a person's leg was left open".to_owned()));
        }
        Ok(world.report())
    }

    fn new(scenario: Scenario, seed: u64) -> Self {
        let running = scenario.campaigns.iter().map(|c| (c.id, true)).collect();
        Self {
            seed,
            engine: Engine::new(seed),
            mono: Timestamp::default(),
            wall_offset: scenario.starts_at.unix_micros(),
            rng: ChaCha8Rng::seed_from_u64(seed ^ 0x5eed),
            coming: BTreeMap::new(),
            next_coming: 0,
            next_request: 0,
            open_requests: BTreeSet::new(),
            books: Books::default(),
            lines: BTreeMap::new(),
            persons: BTreeMap::new(),
            phones: BTreeMap::new(),
            plays: BTreeMap::new(),
            running,
            store_up: true,
            kept: Vec::new(),
            callbacks: 0,
            trace: 0xcbf2_9ce4_8422_2325,
            wrong: None,
            scenario,
        }
    }

    fn report(&self) -> Report {
        Report {
            attempts: self.books.attempts.len() as u64,
            connected: self.books.count(CallResult::ConnectedAgent),
            delivered: self.books.count(CallResult::MessageDelivered),
            abandoned: self.books.ledger.get(&LedgerClass::A).copied().unwrap_or(0),
            unfinished: self.books.unfinished() as u64,
            trace: self.trace,
        }
    }

    fn until(&mut self, end: Timestamp) -> Result<(), Violation> {
        loop {
            let coming = self.coming.first_key_value().map(|((at, _), _)| *at);
            let next = [coming, self.engine.next_wakeup()]
                .into_iter()
                .flatten()
                .min();
            let Some(next) = next.filter(|at| *at <= end) else {
                self.mono = end;
                return Ok(());
            };
            self.mono = self.mono.max(next);
            match self.coming.first_entry().filter(|e| e.key().0 <= next) {
                Some(entry) => {
                    let coming = entry.remove();
                    self.happens(coming)?;
                }
                None => self.hand_in(Input::Tick)?,
            }
        }
    }

    pub(crate) fn now(&self) -> Now {
        let wall = self.wall_offset + self.mono.micros() as i64;
        Now {
            mono: self.mono,
            wall: model::WallTime::from_unix_micros(wall),
        }
    }

    fn violation(&self, what: String) -> Violation {
        Violation {
            what: format!("{what} (at {:?})", self.now().mono),
            seed: self.seed,
        }
    }

    fn hand_in(&mut self, input: Input) -> Result<(), Violation> {
        self.engine.handle(self.now(), input);
        while let Some(effect) = self.engine.poll_effect() {
            self.digest(&effect);
            self.carry_out(effect);
            if let Some(what) = self.wrong.take() {
                return Err(self.violation(what));
            }
        }
        Ok(())
    }

    /// FNV-1a over the effect's text: cheap, and a difference of one field shows.
    fn digest(&mut self, effect: &Effect) {
        for byte in format!("{:?}{effect:?}", self.mono).bytes() {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn happens(&mut self, coming: Coming) -> Result<(), Violation> {
        match coming {
            Coming::Leg(event) if self.lines.get(&event.leg()) == Some(&Line::Alerting) => {
                self.hand_in(Input::Leg(event))
            }
            Coming::Leg(_) => Ok(()),
            Coming::Answer { leg, after_cancel } => {
                if self.lines.get(&leg) != Some(&Line::Alerting) {
                    return Ok(());
                }
                self.lines.insert(leg, Line::Up);
                self.hand_in(Input::Leg(LegEvent::Answered { leg, after_cancel }))?;
                self.hand_in(Input::Leg(LegEvent::AudioStarted { leg }))
            }
            Coming::Over { leg, end } => {
                if self.lines.remove(&leg).is_none() {
                    return Ok(());
                }
                self.persons.remove(&leg);
                self.phones.retain(|_, l| *l != leg);
                self.plays.remove(&leg);
                self.hand_in(Input::Leg(LegEvent::Ended { leg, end }))
            }
            Coming::Played { leg, play, heard } => {
                if self.plays.get(&leg) != Some(&play) {
                    return Ok(());
                }
                self.plays.remove(&leg);
                self.hand_in(Input::Leg(LegEvent::Played {
                    leg,
                    play,
                    heard,
                    whole: true,
                }))
            }
            Coming::Fact(fact) => self.hand_in(Input::Store(fact)),
            Coming::Agent { agent, mut ask } => {
                // A date is agreed at the moment it is typed.
                if let AgentAsk::Submit { outcome, .. } = &mut ask {
                    let typed = self.now().wall + Duration::from_secs(300);
                    outcome.call_at = outcome.call_at.map(|_| typed);
                }
                self.ask(Ask::Agent { agent, ask })
            }
            Coming::PersonLeaves { attempt } => {
                let leg = self
                    .persons
                    .iter()
                    .find(|(_, (a, ..))| *a == attempt)
                    .map(|(l, _)| *l);
                match leg {
                    Some(leg) if self.lines.get(&leg) == Some(&Line::Up) => {
                        self.happens(Coming::Over {
                            leg,
                            end: LegEnd::bare(Ended::Remote),
                        })
                    }
                    _ => Ok(()),
                }
            }
            Coming::Key { leg, digit } if self.lines.get(&leg) == Some(&Line::Up) => {
                self.hand_in(Input::Leg(LegEvent::Digit { leg, digit }))
            }
            Coming::Key { .. } => Ok(()),
            Coming::Input(input) => self.hand_in(*input),
            Coming::Fault(fault) => self.fault(fault),
            Coming::FaultOver(fault) => self.fault_over(fault),
        }
    }

    fn ask(&mut self, ask: Ask) -> Result<(), Violation> {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        self.open_requests.insert(request);
        self.hand_in(Input::Request { request, ask })
    }

    pub(crate) fn later(&mut self, delay: Duration, coming: Coming) {
        self.next_coming += 1;
        self.coming
            .insert((self.mono + delay, self.next_coming), coming);
    }

    fn soon(&mut self, coming: Coming) {
        self.later(Duration::from_micros(200), coming);
    }
}
