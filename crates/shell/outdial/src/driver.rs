//! The engine's thread: the next input or timer in, effects out. It decides nothing and waits for nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use engine::{
    AgentEvent, Answer, CampaignState, Effect, Engine, Fault, Input, LegCommand, Refused,
    RequestId, StoreWish,
};
use model::{AgentId, CampaignId};

use crate::clock::{Clock, ClockWatch};
use crate::record::Recorder;

/// Where effects go. None of these may wait.
pub trait Outlets: Send {
    /// About legs.
    fn leg(&mut self, command: LegCommand);
    /// About rows.
    fn store(&mut self, wish: StoreWish);
    /// Something an agent must see.
    fn agent(&mut self, agent: AgentId, event: AgentEvent);
    /// The answer to a request.
    fn reply(&mut self, request: RequestId, answer: Result<Answer, Refused>);
    /// A campaign ended by itself.
    fn campaign_ended(&mut self, campaign: CampaignId, state: CampaignState, because: String);
    /// No call is left; the thread ends after this.
    fn drained(&mut self);
}

/// Puts inputs before the engine. Cheap to clone, never waits.
#[derive(Clone, Debug)]
pub struct Inbox {
    send: Sender<Input>,
    waiting: Arc<AtomicUsize>,
    handled: Arc<AtomicU64>,
}

/// Requests are refused when more inputs than this wait. Facts are not: their number is bounded by the legs,
/// launches and agents that exist, and none may be lost.
const MOST_WAITING: usize = 20_000;

/// An input that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Too much waits.
    #[error("the engine has too much to do; try again in a moment")]
    Full,
    /// The engine has ended.
    #[error("the engine has ended")]
    Ended,
}

impl Inbox {
    /// Hands in a fact.
    ///
    /// # Errors
    /// [`NotTaken::Ended`].
    pub fn tell(&self, input: Input) -> Result<(), NotTaken> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.send.send(input).map_err(|_| NotTaken::Ended)
    }

    /// Hands in a fact that may come after the engine's end, when nobody needs it any more.
    pub fn late(&self, input: Input) {
        if self.tell(input).is_err() {
            tracing::debug!("a fact came after the engine's end");
        }
    }

    /// How many inputs and timers the engine has handled: it stands still when this does not grow while something
    /// waits.
    pub fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    /// Hands in a request, unless too much waits already.
    ///
    /// # Errors
    /// [`NotTaken`] by variant.
    pub fn ask(&self, input: Input) -> Result<(), NotTaken> {
        if self.waiting.load(Ordering::Relaxed) > MOST_WAITING {
            return Err(NotTaken::Full);
        }
        self.tell(input)
    }
}

/// The engine with its inbox, not yet running.
#[derive(Debug)]
pub struct Driver {
    engine: Engine,
    clock: Clock,
    inbox: Receiver<Input>,
    waiting: Arc<AtomicUsize>,
    handled: Arc<AtomicU64>,
    recorder: Option<Recorder>,
}

impl Driver {
    /// An engine that knows nothing yet, and the way to it.
    pub fn new(seed: u64, clock: Clock, recorder: Option<Recorder>) -> (Self, Inbox) {
        let (send, inbox) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let handled = Arc::new(AtomicU64::new(0));
        let driver = Self {
            engine: Engine::new(seed),
            clock,
            inbox,
            waiting: Arc::clone(&waiting),
            handled: Arc::clone(&handled),
            recorder,
        };
        let inbox = Inbox {
            send,
            waiting,
            handled,
        };
        (driver, inbox)
    }

    /// Runs until drained, or until nobody can hand in anything more. For a plain thread.
    pub fn run(mut self, mut outlets: impl Outlets) {
        let mut watch = ClockWatch::new(self.clock.now());
        loop {
            let input = self.next_input(watch.is_trusted());
            let now = self.clock.now();
            if let Some(by_us) = watch.look(now) {
                tracing::warn!(by_us, "the wall clock was set");
                self.step(Input::ClockJumped { by_us }, &mut outlets);
            }
            if let Some(why) = watch.trust(now) {
                match &why {
                    Some(why) => tracing::error!("no calls: {why}"),
                    None => tracing::warn!("the wall clock is right again: calls go on"),
                }
                let fault = Fault::Clock;
                self.step(Input::Fault { fault, why }, &mut outlets);
            }
            match input {
                Next::Input(input) => {
                    if self.step(*input, &mut outlets) {
                        return;
                    }
                }
                Next::Ended => return,
            }
        }
    }

    /// While the clock is not trusted the engine may have nothing to wait for: the clock is looked at all the same.
    fn next_input(&self, clock_is_trusted: bool) -> Next {
        let taken = |input: Input| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            Next::Input(Box::new(input))
        };
        let due = self.engine.next_wakeup();
        let wait = due.map(|at| at.since(self.clock.now().mono));
        let wait = match (wait, clock_is_trusted) {
            (wait, false) => wait.map_or(LOOK_AT_CLOCK, |wait| wait.min(LOOK_AT_CLOCK)),
            (Some(wait), true) => wait,
            (None, true) => return self.inbox.recv().map_or(Next::Ended, taken),
        };
        match self.inbox.recv_timeout(wait) {
            Ok(input) => taken(input),
            Err(RecvTimeoutError::Timeout) => Next::Input(Box::new(Input::Tick)),
            Err(RecvTimeoutError::Disconnected) => Next::Ended,
        }
    }

    /// One input and all its effects; whether the engine has drained.
    fn step(&mut self, input: Input, outlets: &mut impl Outlets) -> bool {
        let now = self.clock.now();
        if let Some(recorder) = &mut self.recorder {
            recorder.input(now, &input);
        }
        self.engine.handle(now, input);
        let mut drained = false;
        while let Some(effect) = self.engine.poll_effect() {
            if let Some(recorder) = &mut self.recorder {
                recorder.effect(&effect);
            }
            match effect {
                Effect::Leg(command) => outlets.leg(command),
                Effect::Store(wish) => outlets.store(wish),
                Effect::Agent { agent, event } => outlets.agent(agent, event),
                Effect::Reply { request, answer } => outlets.reply(request, answer),
                Effect::CampaignEnded {
                    campaign,
                    state,
                    because,
                } => {
                    tracing::info!(campaign_id = %campaign, state = state.as_str(), because, "campaign ended");
                    outlets.campaign_ended(campaign, state, because);
                }
                Effect::Drained => {
                    drained = true;
                    outlets.drained();
                }
            }
        }
        self.handled.fetch_add(1, Ordering::Relaxed);
        let took = self.clock.now().mono.since(now.mono);
        if took > SLOW {
            tracing::warn!(
                took_ms = took.as_millis() as u64,
                "one input took the engine long"
            );
        }
        drained
    }
}

/// Between looks at a clock that is not trusted.
const LOOK_AT_CLOCK: Duration = Duration::from_millis(500);
/// An input that takes longer than this is worth a look the next morning.
const SLOW: Duration = Duration::from_millis(100);

enum Next {
    Input(Box<Input>),
    Ended,
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use engine::Ask;

    use super::*;

    struct Told(mpsc::Sender<String>);

    impl Outlets for Told {
        fn leg(&mut self, _: LegCommand) {}
        fn store(&mut self, _: StoreWish) {}
        fn agent(&mut self, _: AgentId, _: AgentEvent) {}
        fn reply(&mut self, request: RequestId, answer: Result<Answer, Refused>) {
            self.0
                .send(format!("{} {}", request.0, answer.is_ok()))
                .unwrap();
        }
        fn campaign_ended(&mut self, _: CampaignId, _: CampaignState, _: String) {}
        fn drained(&mut self) {
            self.0.send("drained".to_owned()).unwrap();
        }
    }

    #[test]
    fn requests_are_answered_in_order_and_draining_ends_the_thread() {
        let (driver, inbox) = Driver::new(1, Clock::start(None), None);
        let (told, heard) = mpsc::channel();
        let thread = std::thread::spawn(move || driver.run(Told(told)));
        for n in 1..=3 {
            inbox
                .ask(Input::Request {
                    request: RequestId(n),
                    ask: Ask::Board,
                })
                .unwrap();
        }
        inbox.tell(Input::Drain).unwrap();
        let said: Vec<String> = heard.iter().collect();
        assert_eq!(said, ["1 true", "2 true", "3 true", "drained"]);
        thread.join().unwrap();
    }
}
