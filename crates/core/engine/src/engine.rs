//! The state machine itself: one input in, effects out, one wake-up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use model::{AgentId, AttemptId, CampaignId, LegId, Now, PlayId, Timestamp, WallTime};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::agent::{Agent, Doing};
use crate::call::Call;
use crate::effect::{AgentEvent, Answer, Effect, Refused, StoreWish};
use crate::input::{Ask, Input, RequestId, StoreFact};
use crate::leg::LegCommand;
use crate::live::Campaign;
use crate::stops::Stops;
use crate::timers::{Timer, Timers};
use crate::trunks::Trunks;

/// The whole dialer. Feed it with [`Engine::handle`], drain [`Engine::poll_effect`] until `None`, then
/// sleep until [`Engine::next_wakeup`] or the next input.
#[derive(Debug)]
pub struct Engine {
    pub(crate) now: Now,
    pub(crate) out: VecDeque<Effect>,
    rng: ChaCha8Rng,
    pub(crate) campaigns: BTreeMap<CampaignId, Campaign>,
    pub(crate) agents: BTreeMap<AgentId, Agent>,
    pub(crate) calls: BTreeMap<AttemptId, Call>,
    pub(crate) legs: BTreeMap<LegId, LegOwner>,
    pub(crate) trunks: Trunks,
    pub(crate) timers: Timers,
    /// Phones that are registered, whoever is signed in.
    pub(crate) registered: BTreeSet<AgentId>,
    /// Who waits for an outcome to be safe.
    pub(crate) saving: BTreeMap<AttemptId, Saving>,
    next_leg: u64,
    next_play: u64,
    pub(crate) stops: Stops,
    pub(crate) store_up: bool,
    pub(crate) draining: bool,
    drained: bool,
    /// Something changed that may let calls be launched.
    pub(crate) look: bool,
}

/// Whose leg it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LegOwner {
    Person(AttemptId),
    Agent(AgentId),
}

/// An outcome on its way into the database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saving {
    pub(crate) request: Option<RequestId>,
    pub(crate) agent: Option<AgentId>,
}

impl Engine {
    /// An engine that knows nothing yet. `seed` makes the ids of attempts; the same seed and inputs give
    /// the same effects.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Now::default(),
            out: VecDeque::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            campaigns: BTreeMap::new(),
            agents: BTreeMap::new(),
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
            trunks: Trunks::default(),
            timers: Timers::default(),
            registered: BTreeSet::new(),
            saving: BTreeMap::new(),
            next_leg: 1,
            next_play: 1,
            stops: Stops::default(),
            store_up: true,
            draining: false,
            drained: false,
            look: false,
        }
    }

    /// Takes one fact. Effects wait in [`Engine::poll_effect`].
    pub fn handle(&mut self, now: Now, input: Input) {
        self.now = now;
        match input {
            Input::Tick => {}
            Input::ClockJumped { .. } => self.clock_jumped(),
            Input::Leg(event) => self.leg_event(event),
            Input::Trunks(specs) => {
                self.trunks.configure(specs, now.mono);
                self.look = true;
            }
            Input::TrunkUp(trunk) => {
                self.trunks.set_down(trunk, None);
                self.look = true;
            }
            Input::TrunkDown { trunk, reason } => self.trunks.set_down(trunk, Some(reason)),
            Input::TrunkBusy { trunk, retry_after } => {
                self.trunks.leave_alone(trunk, now.mono + retry_after);
            }
            Input::PhoneUp(agent) => self.phone_registered(agent),
            Input::PhoneDown(agent) => self.phone_unregistered(agent),
            Input::Campaign(spec) => self.load_campaign(*spec),
            Input::Store(fact) => self.store_fact(fact),
            Input::Request { request, ask } => self.ask(request, ask),
            Input::Halted(halts) => self.halted(halts),
            Input::Fault { fault, why } => self.fault_of_machine(fault, why),
            Input::Drain => self.drain(),
        }
        while let Some(timer) = self.timers.pop(now.mono) {
            match timer {
                Timer::Campaign(_) | Timer::Owes(_) | Timer::Missed(_) => self.look = true,
                Timer::Attempt(attempt) => self.attempt_timer(attempt),
                Timer::Agent(agent) => self.agent_timer(agent),
                Timer::Callbacks(agent) => self.remind(agent),
            }
        }
        if std::mem::take(&mut self.look) {
            self.look_at_campaigns();
        }
        if self.draining && !self.drained && self.nothing_under_way() {
            self.drained = true;
            self.out.push_back(Effect::Drained);
        }
    }

    /// No call, no outcome that is being saved, and none that an agent still owes: what a person said must not
    /// be lost to a restart.
    fn nothing_under_way(&self) -> bool {
        let wraps_up = |a: &Agent| matches!(a.doing, Doing::WrapUp(_));
        self.calls.is_empty() && self.saving.is_empty() && !self.agents.values().any(wraps_up)
    }

    /// The next effect, in order. Call until `None` after every [`Engine::handle`].
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.out.pop_front()
    }

    /// When to hand in [`Input::Tick`] if nothing else comes before.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    fn ask(&mut self, request: RequestId, ask: Ask) {
        match ask {
            Ask::Agent { agent, ask } => self.agent_ask(request, agent, ask),
            Ask::SetCampaignState { campaign, state } => {
                let answer = self.set_campaign_state(campaign, state);
                self.reply(request, answer);
            }
            Ask::Explain { campaign } => {
                let answer = self
                    .explain(campaign)
                    .map(|e| Answer::Explained(Box::new(e)));
                self.reply(request, answer);
            }
            Ask::Board => {
                let board = self.board();
                self.reply(request, Ok(Answer::Board(Box::new(board))));
            }
        }
    }

    fn store_fact(&mut self, fact: StoreFact) {
        match fact {
            StoreFact::Claimed {
                campaign,
                claims,
                queue,
            } => self.claimed(campaign, claims, queue),
            StoreFact::ClaimFailed { campaign } => self.claim_failed(campaign),
            StoreFact::ClaimedOne { agent, claim } => self.claimed_one(agent, claim.map(|c| *c)),
            StoreFact::LaunchesRecorded(answers) => self.launches_recorded(answers),
            StoreFact::LaunchesFailed(attempts) => self.launches_failed(&attempts),
            StoreFact::OutcomeSaved { attempt, callback } => self.outcome_saved(attempt, callback),
            StoreFact::Callbacks { agent, callbacks } => self.callbacks_loaded(agent, callbacks),
            StoreFact::Ledger { campaign, counts } => {
                if let Some(campaign) = self.campaigns.get_mut(&campaign) {
                    campaign.ledger = counts;
                }
            }
            StoreFact::Lost => {
                self.store_up = false;
                self.void_claims();
            }
            StoreFact::Back => {
                self.store_up = true;
                self.load_callbacks_again();
                self.look = true;
            }
        }
    }

    fn drain(&mut self) {
        self.draining = true;
        let ids: Vec<CampaignId> = self.campaigns.keys().copied().collect();
        for id in ids {
            self.stop_launching(id);
        }
        self.look = true;
    }

    fn clock_jumped(&mut self) {
        let agents: Vec<AgentId> = self.agents.keys().copied().collect();
        for agent in agents {
            self.remind(agent);
        }
        self.look = true;
    }

    pub(crate) fn reply(&mut self, request: RequestId, answer: Result<Answer, Refused>) {
        self.out.push_back(Effect::Reply { request, answer });
    }

    pub(crate) fn tell(&mut self, agent: AgentId, event: AgentEvent) {
        self.out.push_back(Effect::Agent { agent, event });
    }

    pub(crate) fn leg(&mut self, command: LegCommand) {
        self.out.push_back(Effect::Leg(command));
    }

    pub(crate) fn store(&mut self, wish: StoreWish) {
        self.out.push_back(Effect::Store(wish));
    }

    pub(crate) fn new_leg(&mut self, owner: LegOwner) -> LegId {
        let leg = LegId(self.next_leg);
        self.next_leg += 1;
        self.legs.insert(leg, owner);
        leg
    }

    pub(crate) fn new_play(&mut self) -> PlayId {
        let play = PlayId(self.next_play);
        self.next_play += 1;
        play
    }

    pub(crate) fn new_attempt_id(&mut self) -> AttemptId {
        let unix_ms = u64::try_from(self.now.wall.unix_micros() / 1_000).unwrap_or(0);
        let random = u128::from(self.rng.next_u64()) << 64 | u128::from(self.rng.next_u64());
        AttemptId::v7(unix_ms, random)
    }

    /// The instant of the timers' clock at which the wall clock will show `at`, if it does not jump.
    pub(crate) fn mono_at(&self, at: WallTime) -> Timestamp {
        self.now.mono + at.since(self.now.wall)
    }

    /// In so long from now.
    pub(crate) fn after(&self, delay: Duration) -> Timestamp {
        self.now.mono + delay
    }
}
