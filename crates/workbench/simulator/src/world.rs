//! The world's loop: the next thing that comes, the engine's effects, the books.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::{
    AgentAsk, AgentSpec, Ask, CampaignState, Card, Claim, Effect, Engine, Input, LegCommand,
    LegEvent, PhoneFacts, RequestId, StoreFact, StoreWish, TrunkSpec, WorkKind,
};
use model::{
    AgentGroupId, AgentId, AttemptId, CallResult, CallbackId, CampaignId, E164, Ended, LedgerClass,
    LegEnd, LegId, ListId, Money, Now, PhoneId, PlayId, ProspectId, Timestamp, TrunkGroupId,
    TrunkId, ZoneSet,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::books::{Books, COMMIT, Violation};
use crate::carrier::Line;
use crate::scenario::Scenario;

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

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    PhoneLost,
    PhoneBack(AgentId),
    ClientLost,
    StoreLost,
    TrunkDown,
    Pause(CampaignId),
    PauseAny,
    ClockJump,
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

    fn open(&mut self) {
        let trunks = (1..=2).map(|id| TrunkSpec {
            id: TrunkId(id),
            name: format!("t{id}"),
            group: TrunkGroupId(1),
            priority: 1,
            weight: 1,
            channels: self.scenario.channels,
            calls_per_second: self.scenario.calls_per_second,
            enabled: true,
        });
        let trunks = Input::Trunks(trunks.collect());
        self.soon(Coming::Input(Box::new(trunks)));
        for campaign in self.scenario.campaigns.clone() {
            self.fill(campaign.id);
            self.soon(Coming::Input(Box::new(Input::Campaign(Box::new(campaign)))));
        }
        for id in 1..=self.scenario.team.agents as i32 {
            let agent = AgentId(id);
            let spec = AgentSpec {
                id: agent,
                name: format!("agent {id}"),
                groups: vec![AgentGroupId(1)],
            };
            self.soon(Coming::Input(Box::new(Input::PhoneUp(agent))));
            self.soon(Coming::Agent {
                agent,
                ask: AgentAsk::SignIn(spec),
            });
        }
        let f = self.scenario.faults;
        for (mean, fault) in [
            (f.phone_lost, Fault::PhoneLost),
            (f.client_lost, Fault::ClientLost),
            (f.store_lost, Fault::StoreLost),
            (f.trunk_down, Fault::TrunkDown),
            (f.pause, Fault::PauseAny),
            (f.clock_jump, Fault::ClockJump),
        ] {
            if !mean.is_zero() {
                let at = self.exponential(mean);
                self.later(at, Coming::Fault(fault));
            }
        }
    }

    /// Prospects of a campaign; every tenth number stands in two lists.
    fn fill(&mut self, campaign: CampaignId) {
        let zones = ZoneSet::from_names(["Europe/Moscow"]).unwrap_or_default();
        for n in 0..self.scenario.prospects {
            let prospect = ProspectId(i64::from(campaign.0) * 1_000_000 + i64::from(n));
            let phones = (0..self.scenario.phones_each).map(|k| {
                let list = if n % 10 == 0 { 0 } else { campaign.0 as u64 };
                let digits = 79_000_000_000 + list * 10_000_000 + u64::from(n) * 10 + u64::from(k);
                PhoneFacts {
                    id: PhoneId(prospect.0 * 10 + i64::from(k)),
                    number: E164::from_digits(digits).unwrap_or_else(|| self.scenario_number()),
                    kind: "mobile".to_owned(),
                    extension: None,
                    closed: false,
                    suppressed: false,
                    live: false,
                    version: 1,
                    history: Vec::new(),
                }
            });
            let claim = Claim {
                campaign,
                prospect,
                list: ListId(campaign.0),
                lease: 0,
                kind: WorkKind::Fresh,
                zones: zones.clone(),
                subject: None,
                amount: "RUB"
                    .parse()
                    .ok()
                    .map(|rub| Money::new(i64::from(n) * 101 + 5, rub)),
                language: None,
                consent: true,
                phones: phones.collect(),
                next_phone: None,
                tries: 0,
                card: Card::default(),
            };
            self.books.add(claim, self.scenario.starts_at);
        }
    }

    fn scenario_number(&self) -> E164 {
        self.scenario
            .campaigns
            .first()
            .map(|c| c.caller)
            .unwrap_or_else(|| crate::scenario::campaign(1, engine::Mode::Preview).caller)
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

    // ---- the loop

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
                self.next_request += 1;
                let request = RequestId(self.next_request);
                self.open_requests.insert(request);
                self.hand_in(Input::Request {
                    request,
                    ask: Ask::Agent { agent, ask },
                })
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

    // ---- effects

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Leg(command) => self.leg_command(command),
            Effect::Store(wish) if self.store_up => self.wish(wish),
            // What an attempt or an outcome brought is kept on disk; what asks is answered with a failure.
            Effect::Store(wish) => match wish {
                StoreWish::Claim { .. }
                | StoreWish::LoadCallbacks(_)
                | StoreWish::LogAgent(_)
                | StoreWish::Progress { .. } => {}
                StoreWish::ClaimOne { agent, .. } => {
                    let claim = Err(engine::ClaimRefused::StoreLost);
                    self.later(COMMIT, Coming::Fact(StoreFact::ClaimedOne { agent, claim }));
                }
                StoreWish::RecordLaunches(launches) => {
                    let attempts = launches.iter().map(|l| l.attempt).collect();
                    self.later(COMMIT, Coming::Fact(StoreFact::LaunchesFailed(attempts)));
                }
                StoreWish::Return(_) | StoreWish::Finish(_) | StoreWish::SaveOutcome(_) => {
                    self.kept.push(wish)
                }
            },
            Effect::Agent { agent, event } => self.screen(agent, event),
            Effect::Reply { request, .. } => {
                if !self.open_requests.remove(&request) {
                    self.wrong = Some(format!(
                        "request {request:?} was answered twice or never asked"
                    ));
                }
            }
            Effect::CampaignEnded { campaign, .. } => {
                self.running.insert(campaign, false);
                let open = self.books.leases_of(campaign);
                if open > 0 && self.kept.is_empty() {
                    self.wrong = Some(format!(
                        "campaign {campaign} ended with {open} claims in hand"
                    ));
                }
            }
            Effect::Drained => {}
        }
    }

    fn leg_command(&mut self, command: LegCommand) {
        match command {
            LegCommand::Dial {
                leg,
                attempt,
                trunk,
                to,
                ..
            } => {
                self.check_dial(attempt, trunk, to);
                let campaign = self
                    .books
                    .attempts
                    .get(&attempt)
                    .map_or(CampaignId(0), |a| a.launch.campaign);
                self.lines.insert(leg, Line::Alerting);
                self.persons.insert(leg, (attempt, trunk, campaign));
                self.person_called(leg);
            }
            LegCommand::CallAgent { leg, agent } => {
                self.lines.insert(leg, Line::Alerting);
                self.phones.insert(agent, leg);
                let picks_up = self.between(20, 400);
                self.later(
                    picks_up,
                    Coming::Answer {
                        leg,
                        after_cancel: false,
                    },
                );
            }
            LegCommand::Cancel { leg } => self.cancelled(leg),
            LegCommand::HangUp { leg } => self.hung_up(leg),
            LegCommand::Bridge { a, b } => {
                if self.lines.get(&a) == Some(&Line::Up) && self.lines.get(&b) == Some(&Line::Up) {
                    self.soon(Coming::Input(Box::new(Input::Leg(LegEvent::Bridged {
                        a,
                        b,
                    }))));
                }
            }
            LegCommand::Unbridge { .. } => {}
            LegCommand::Play {
                leg,
                play,
                sounds,
                repeat,
            } => {
                self.plays.insert(leg, play);
                if self.persons.contains_key(&leg) {
                    self.listens(leg);
                }
                if !repeat {
                    let heard = Duration::from_millis(400) * sounds.len() as u32;
                    self.later(heard, Coming::Played { leg, play, heard });
                }
            }
            LegCommand::StopPlay { leg } => {
                if let Some(play) = self.plays.remove(&leg) {
                    let heard = Duration::from_millis(100);
                    let event = LegEvent::Played {
                        leg,
                        play,
                        heard,
                        whole: false,
                    };
                    self.soon(Coming::Input(Box::new(Input::Leg(event))));
                }
            }
        }
    }

    /// No INVITE leaves that should not: recorded first, a free channel, one call per number, no pause.
    fn check_dial(&mut self, attempt: AttemptId, trunk: TrunkId, to: E164) {
        let on_trunk = self
            .persons
            .values()
            .filter(|(_, t, _)| *t == trunk)
            .count();
        if on_trunk >= self.scenario.channels as usize {
            self.wrong = Some(format!("trunk {trunk} carries more than its channels"));
        }
        let same_number = self.persons.values().any(|(other, ..)| {
            *other != attempt
                && self
                    .books
                    .attempts
                    .get(other)
                    .is_some_and(|a| a.launch.number == to)
        });
        if same_number {
            self.wrong = Some(format!("{to:?} is in two live calls"));
        }
        match self.books.dialled(attempt, to) {
            Ok(launch) => {
                let campaign = launch.campaign;
                let by_agent = launch.decision.policy == "agent";
                if !by_agent && self.running.get(&campaign) != Some(&true) {
                    self.wrong = Some(format!("campaign {campaign} dials while paused"));
                }
            }
            Err(what) => self.wrong = Some(what),
        }
    }

    fn wish(&mut self, wish: StoreWish) {
        let wall = self.now().wall;
        let done = match wish {
            StoreWish::Claim { campaign, .. } if self.claim_fails() => {
                self.later(COMMIT, Coming::Fact(StoreFact::ClaimFailed { campaign }));
                Ok(())
            }
            StoreWish::Claim {
                campaign, count, ..
            } => {
                let (claims, queue) = self.books.claim(campaign, count, wall);
                self.later(
                    COMMIT,
                    Coming::Fact(StoreFact::Claimed {
                        campaign,
                        claims,
                        queue,
                    }),
                );
                Ok(())
            }
            StoreWish::ClaimOne {
                agent,
                campaign,
                prospect,
                ..
            } => {
                let claim = self.books.claim_one(campaign, prospect).map(Box::new);
                self.later(COMMIT, Coming::Fact(StoreFact::ClaimedOne { agent, claim }));
                Ok(())
            }
            StoreWish::Return(back) => back.into_iter().try_for_each(|b| self.books.give_back(b)),
            StoreWish::RecordLaunches(launches) => {
                let answers: Result<Vec<_>, _> =
                    launches.into_iter().map(|l| self.books.record(l)).collect();
                // Now and then a commit takes longer than a launch may wait.
                let takes = if self.chance(0.01) {
                    Duration::from_millis(1_500)
                } else {
                    COMMIT
                };
                answers.map(|a| self.later(takes, Coming::Fact(StoreFact::LaunchesRecorded(a))))
            }
            StoreWish::Progress { .. } | StoreWish::LogAgent(_) => Ok(()),
            StoreWish::Finish(end) => self.books.finish(&end, wall),
            StoreWish::SaveOutcome(record) => {
                let done = self.books.outcome(&record);
                self.callbacks += 1;
                let id = CallbackId(self.callbacks);
                let callback =
                    record
                        .callback
                        .filter(|c| c.agent.is_some())
                        .map(|c| engine::Callback {
                            id,
                            campaign: record.campaign,
                            prospect: record.prospect,
                            agent: c.agent,
                            at: c.at,
                            phone: c.phone,
                            name: String::new(),
                            note: c.note,
                        });
                self.later(
                    COMMIT,
                    Coming::Fact(StoreFact::OutcomeSaved {
                        attempt: record.attempt,
                        callback,
                    }),
                );
                done
            }
            StoreWish::LoadCallbacks(agent) => {
                self.later(
                    COMMIT,
                    Coming::Fact(StoreFact::Callbacks {
                        agent,
                        callbacks: Vec::new(),
                    }),
                );
                Ok(())
            }
        };
        if let Err(what) = done {
            self.wrong = Some(what);
        }
    }

    // ---- faults

    fn claim_fails(&mut self) -> bool {
        let share = self.scenario.faults.claims_failed;
        share > 0.0 && self.chance(share)
    }

    fn fault(&mut self, fault: Fault) -> Result<(), Violation> {
        let f = self.scenario.faults;
        let ten_seconds = Duration::from_secs(10);
        let (mean, over) = match fault {
            Fault::PhoneLost | Fault::PhoneBack(_) => {
                let nth = self.draw(self.phones.len().max(1) as u64) as usize;
                let lost = self.phones.iter().nth(nth).map(|(a, l)| (*a, *l));
                if let Some((agent, leg)) = lost {
                    self.hand_in(Input::PhoneDown(agent))?;
                    self.happens(Coming::Over {
                        leg,
                        end: LegEnd::bare(Ended::Remote),
                    })?;
                    let back = self.between(500, 40_000);
                    self.later(back, Coming::FaultOver(Fault::PhoneBack(agent)));
                }
                (f.phone_lost, None)
            }
            Fault::ClientLost => {
                let agent = AgentId(1 + self.draw(u64::from(self.scenario.team.agents)) as i32);
                self.happens(Coming::Agent {
                    agent,
                    ask: AgentAsk::ClientLost,
                })?;
                self.later(
                    Duration::from_secs(60),
                    Coming::Agent {
                        agent,
                        ask: AgentAsk::ClientBack,
                    },
                );
                (f.client_lost, None)
            }
            Fault::StoreLost => {
                self.store_up = false;
                self.hand_in(Input::Store(StoreFact::Lost))?;
                (f.store_lost, Some(fault))
            }
            Fault::TrunkDown => {
                self.hand_in(Input::TrunkDown {
                    trunk: TrunkId(1),
                    reason: "no answer".to_owned(),
                })?;
                (f.trunk_down, Some(fault))
            }
            Fault::PauseAny | Fault::Pause(_) => {
                let nth = self.draw(self.scenario.campaigns.len() as u64) as usize;
                let campaign = self.scenario.campaigns.get(nth).map(|c| c.id);
                let Some(campaign) = campaign.filter(|c| self.running.get(c) == Some(&true)) else {
                    return Ok(());
                };
                self.running.insert(campaign, false);
                self.set_state(campaign, CampaignState::Paused)?;
                (f.pause, Some(Fault::Pause(campaign)))
            }
            Fault::ClockJump => {
                let by_us = self.draw(7_200_000_000) as i64 - 3_600_000_000;
                self.wall_offset += by_us;
                self.hand_in(Input::ClockJumped { by_us })?;
                (f.clock_jump, None)
            }
        };
        if let Some(over) = over {
            self.later(ten_seconds, Coming::FaultOver(over));
        }
        let again = self.exponential(mean);
        if self.mono + again < Timestamp::default() + self.scenario.lasts {
            self.later(again, Coming::Fault(fault));
        }
        // Now and then an agent asks for a prospect out of turn.
        let nth = self.draw(10_000) as usize;
        if let Some((campaign, prospect)) = self.books.any_prospect(nth) {
            let agent = AgentId(1 + self.draw(u64::from(self.scenario.team.agents)) as i32);
            self.soon(Coming::Agent {
                agent,
                ask: AgentAsk::Dial {
                    campaign,
                    prospect,
                    phone: None,
                },
            });
        }
        Ok(())
    }

    fn fault_over(&mut self, fault: Fault) -> Result<(), Violation> {
        match fault {
            Fault::PhoneBack(agent) => self.hand_in(Input::PhoneUp(agent)),
            Fault::StoreLost => {
                self.store_up = true;
                for wish in std::mem::take(&mut self.kept) {
                    self.wish(wish);
                }
                self.hand_in(Input::Store(StoreFact::Back))
            }
            Fault::TrunkDown => self.hand_in(Input::TrunkUp(TrunkId(1))),
            Fault::Pause(campaign) => {
                self.running.insert(campaign, true);
                self.set_state(campaign, CampaignState::Running)
            }
            Fault::PhoneLost | Fault::ClientLost | Fault::PauseAny | Fault::ClockJump => Ok(()),
        }
    }

    fn set_state(&mut self, campaign: CampaignId, state: CampaignState) -> Result<(), Violation> {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        self.open_requests.insert(request);
        self.hand_in(Input::Request {
            request,
            ask: Ask::SetCampaignState { campaign, state },
        })
    }

    // ---- chance and time

    pub(crate) fn later(&mut self, delay: Duration, coming: Coming) {
        self.next_coming += 1;
        self.coming
            .insert((self.mono + delay, self.next_coming), coming);
    }

    fn soon(&mut self, coming: Coming) {
        self.later(Duration::from_micros(200), coming);
    }

    /// A whole number below `below`.
    pub(crate) fn draw(&mut self, below: u64) -> u64 {
        self.rng.next_u64() % below.max(1)
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        (self.draw(1 << 53) as f64) < share * (1u64 << 53) as f64
    }

    /// Uniform, in milliseconds.
    pub(crate) fn between(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        Duration::from_millis(from_ms + self.draw(to_ms - from_ms))
    }

    pub(crate) fn exponential(&mut self, mean: Duration) -> Duration {
        let uniform = (self.draw(1 << 53) as f64 + 1.0) / (1u64 << 53) as f64;
        mean.mul_f64(-uniform.ln())
    }
}
