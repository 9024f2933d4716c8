//! One test call, from its INVITE to its one result. No socket and no clock: facts and instants come in,
//! steps come out.

use std::time::Duration;

use engine::{
    AgentPart, Answered, AttemptFacts, LegEvent, MessagePart, Stop, classify, may_hunt_on,
};
use model::{CallResult, Ended, LegEnd, SipStatus, Timestamp};
use serde::Serialize;

/// How every call of a run is placed.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Trunks to hunt over, at least one.
    pub trunks: usize,
    /// How long it may ring.
    pub ring_limit: Duration,
    /// How long nothing may ring or answer.
    pub set_up_limit: Duration,
    /// How long an answered call is held. `None`: until the sound has been played.
    pub hold: Option<Duration>,
    /// Whether a sound is played to who answers.
    pub plays: bool,
}

/// After the answer an agent must come within this time (47 CFR 64.1200(a)(7)(i)); tells a person who left
/// at once from one who was let wait.
const THRESHOLD: Duration = Duration::from_secs(2);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Place a leg through this trunk, counted from 0.
    Dial(usize),
    /// Stop the leg that is not answered.
    Cancel,
    /// End the leg.
    HangUp,
    /// Play the sound.
    Play,
}

/// How one leg ended, or how the whole call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// By the names of call results.
    pub result: CallResult,
    /// 200 for an answered leg.
    pub sip_status: Option<u16>,
    /// Cause that the peer gave.
    pub q850: Option<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Dialling {
        give_up_at: Timestamp,
    },
    Ringing {
        give_up_at: Timestamp,
    },
    /// CANCEL was asked for; an answer may still cross it.
    Stopping,
    /// `hang_up_at` is missing while a sound decides.
    Talking {
        hang_up_at: Option<Timestamp>,
    },
    /// BYE was asked for.
    HangingUp,
    Over,
}

/// The call.
#[derive(Debug)]
pub struct TestCall {
    state: State,
    trunk: usize,
    dialled_at: Timestamp,
    answered_at: Option<Timestamp>,
    facts: AttemptFacts,
    audio_lost: bool,
    legs: Vec<Verdict>,
}

impl TestCall {
    /// A call that is to be dialled through the first trunk.
    pub fn new(plan: &Plan, now: Timestamp) -> Self {
        Self {
            state: State::Dialling {
                give_up_at: now + plan.set_up_limit,
            },
            trunk: 0,
            dialled_at: now,
            answered_at: None,
            facts: AttemptFacts::default(),
            audio_lost: false,
            legs: Vec::new(),
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn wake_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Dialling { give_up_at } | State::Ringing { give_up_at } => Some(give_up_at),
            State::Talking { hang_up_at } => hang_up_at,
            State::Stopping | State::HangingUp | State::Over => None,
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Timestamp) -> Option<Step> {
        match self.state {
            State::Dialling { give_up_at } if now >= give_up_at => {
                Some(self.stop(Stop::SetUpLimit))
            }
            State::Ringing { give_up_at } if now >= give_up_at => Some(self.stop(Stop::RingLimit)),
            State::Talking {
                hang_up_at: Some(at),
            } if now >= at => {
                self.state = State::HangingUp;
                Some(Step::HangUp)
            }
            State::Dialling { .. }
            | State::Ringing { .. }
            | State::Talking { .. }
            | State::Stopping
            | State::HangingUp
            | State::Over => None,
        }
    }

    /// The run is to end now.
    pub fn interrupt(&mut self) -> Option<Step> {
        match self.state {
            State::Dialling { .. } | State::Ringing { .. } => Some(self.stop(Stop::NotWanted)),
            State::Talking { .. } => {
                self.state = State::HangingUp;
                Some(Step::HangUp)
            }
            State::Stopping | State::HangingUp | State::Over => None,
        }
    }

    /// Something was reported of its leg.
    pub fn hear(&mut self, plan: &Plan, now: Timestamp, event: &LegEvent) -> Option<Step> {
        match event {
            LegEvent::Ringing { .. } => {
                self.ring(plan, now);
                None
            }
            LegEvent::Answered { .. } => self.answer(plan, now),
            LegEvent::AudioLost { .. } => {
                self.audio_lost = true;
                None
            }
            LegEvent::AudioStarted { .. } => {
                self.audio_lost = false;
                None
            }
            LegEvent::Played { whole, .. } => self.played(*whole),
            LegEvent::Ended { end, .. } => self.end(plan, now, end),
            LegEvent::AudioPaused { .. } | LegEvent::Digit { .. } | LegEvent::Bridged { .. } => {
                None
            }
        }
    }

    /// Whether no leg lives and none will.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// From the INVITE to the answer.
    pub fn set_up(&self) -> Option<Duration> {
        self.answered_at.map(|at| at.since(self.dialled_at))
    }

    /// Every leg in its order, the last of which is the call's. Empty until the first has ended.
    pub fn legs(&self) -> &[Verdict] {
        &self.legs
    }

    fn ring(&mut self, plan: &Plan, now: Timestamp) {
        self.facts.rang = true;
        if let State::Dialling { .. } = self.state {
            self.state = State::Ringing {
                give_up_at: now + plan.ring_limit,
            };
        }
    }

    fn answer(&mut self, plan: &Plan, now: Timestamp) -> Option<Step> {
        self.answered_at.get_or_insert(now);
        self.facts.answered = Some(Answered {
            agentless: plan.plays,
            ..Answered::default()
        });
        self.state = State::Talking {
            hang_up_at: plan.hold.map(|hold| now + hold),
        };
        plan.plays.then(|| {
            self.message(MessagePart::Started);
            Step::Play
        })
    }

    fn played(&mut self, whole: bool) -> Option<Step> {
        if whole {
            self.message(MessagePart::Delivered);
        }
        if self.state == (State::Talking { hang_up_at: None }) {
            self.state = State::HangingUp;
            return Some(Step::HangUp);
        }
        None
    }

    fn message(&mut self, part: MessagePart) {
        if let Some(answered) = &mut self.facts.answered {
            answered.message = part;
        }
    }

    fn stop(&mut self, why: Stop) -> Step {
        self.facts.stopped = Some(why);
        self.state = State::Stopping;
        Step::Cancel
    }

    fn end(&mut self, plan: &Plan, now: Timestamp, end: &LegEnd) -> Option<Step> {
        self.legs.push(self.judge(now, end));
        let next = self.trunk.saturating_add(1);
        let is_wanted = matches!(self.state, State::Dialling { .. });
        if is_wanted && next < plan.trunks && may_hunt_on(end) {
            self.trunk = next;
            self.state = State::Dialling {
                give_up_at: now + plan.set_up_limit,
            };
            return Some(Step::Dial(next));
        }
        self.state = State::Over;
        None
    }

    fn judge(&self, now: Timestamp, end: &LegEnd) -> Verdict {
        let mut facts = self.facts.clone();
        // Ringing that was answered at once is only seen in the end.
        facts.rang |= end.rang;
        if let (Some(answered), Some(at)) = (&mut facts.answered, self.answered_at) {
            // Whoever placed the call is at the line; there is only nobody to talk to when no audio comes.
            answered.audio = !self.audio_lost;
            if !answered.agentless && answered.audio {
                answered.agent = AgentPart::Joined;
            }
            answered.person_left = end.by == Ended::Remote;
            // Only the time between the two counts.
            let since = |at: Timestamp| model::WallTime::default() + at.since(Timestamp::default());
            facts.times.answered_at = Some(since(at));
            facts.times.ended_at = Some(since(now));
        } else {
            facts.last_leg = Some(end.clone());
        }
        Verdict {
            result: classify(&facts, THRESHOLD),
            sip_status: match facts.answered {
                Some(_) => Some(200),
                None => end.status.map(|SipStatus(code)| code),
            },
            q850: end.q850,
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{LegId, PlayId};

    use super::*;

    const LEG: LegId = LegId(1);

    fn plan() -> Plan {
        Plan {
            trunks: 2,
            ring_limit: Duration::from_secs(25),
            set_up_limit: Duration::from_secs(12),
            hold: Some(Duration::from_secs(3)),
            plays: false,
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn ended(status: u16, rang: bool) -> LegEvent {
        let end = LegEnd {
            status: Some(SipStatus(status)),
            rang,
            ..LegEnd::bare(Ended::Remote)
        };
        LegEvent::Ended { leg: LEG, end }
    }

    fn hung_up(by: Ended) -> LegEvent {
        let end = LegEnd {
            rang: true,
            ..LegEnd::bare(by)
        };
        LegEvent::Ended { leg: LEG, end }
    }

    const RINGING: LegEvent = LegEvent::Ringing {
        leg: LEG,
        early_media: false,
    };
    const ANSWERED: LegEvent = LegEvent::Answered {
        leg: LEG,
        after_cancel: false,
    };

    fn result(call: &TestCall) -> (CallResult, Option<u16>) {
        let last = call.legs().last().unwrap();
        (last.result, last.sip_status)
    }

    #[test]
    fn an_answered_call_is_held_and_hung_up() {
        let mut call = TestCall::new(&plan(), at(0));
        assert_eq!(call.hear(&plan(), at(1), &RINGING), None);
        assert_eq!(call.hear(&plan(), at(4), &ANSWERED), None);
        assert_eq!(call.wake_at(), Some(at(7)));
        assert_eq!(call.tick(at(6)), None);
        assert_eq!(call.tick(at(7)), Some(Step::HangUp));
        assert_eq!(call.hear(&plan(), at(7), &hung_up(Ended::Local)), None);
        assert!(call.is_over());
        assert_eq!(result(&call), (CallResult::ConnectedAgent, Some(200)));
        assert_eq!(call.set_up(), Some(Duration::from_secs(4)));
    }

    #[test]
    fn a_refusing_trunk_is_followed_by_the_next_and_each_leg_has_its_verdict() {
        let mut call = TestCall::new(&plan(), at(0));
        assert_eq!(
            call.hear(&plan(), at(1), &ended(503, false)),
            Some(Step::Dial(1))
        );
        assert_eq!(
            call.wake_at(),
            Some(at(13)),
            "the second trunk has its own time"
        );
        assert_eq!(call.hear(&plan(), at(2), &ended(486, false)), None);
        let results: Vec<_> = call.legs().iter().map(|l| l.result).collect();
        assert_eq!(results, [CallResult::TrunkFailure, CallResult::Busy]);
    }

    #[test]
    fn the_last_trunk_is_followed_by_nothing() {
        let mut call = TestCall::new(&plan(), at(0));
        call.hear(&plan(), at(1), &ended(503, false));
        assert_eq!(call.hear(&plan(), at(2), &ended(503, false)), None);
        assert!(call.is_over());
    }

    #[test]
    fn a_phone_that_rings_too_long_is_a_call_without_an_answer() {
        let mut call = TestCall::new(&plan(), at(0));
        call.hear(&plan(), at(2), &RINGING);
        assert_eq!(call.tick(at(26)), None);
        assert_eq!(call.tick(at(27)), Some(Step::Cancel));
        assert_eq!(call.hear(&plan(), at(27), &ended(487, true)), None);
        assert_eq!(result(&call), (CallResult::NoAnswer, Some(487)));
    }

    #[test]
    fn a_call_that_nothing_rings_for_is_given_up() {
        let mut call = TestCall::new(&plan(), at(0));
        assert_eq!(call.tick(at(12)), Some(Step::Cancel));
        assert_eq!(call.hear(&plan(), at(12), &ended(487, false)), None);
        assert_eq!(result(&call).0, CallResult::NoRingback);
    }

    #[test]
    fn an_answer_that_crosses_the_cancel_is_held_like_any_other() {
        let mut call = TestCall::new(&plan(), at(0));
        call.hear(&plan(), at(2), &RINGING);
        call.tick(at(27));
        call.hear(&plan(), at(27), &ANSWERED);
        assert_eq!(call.tick(at(30)), Some(Step::HangUp));
        call.hear(&plan(), at(30), &hung_up(Ended::Local));
        assert_eq!(result(&call).0, CallResult::ConnectedAgent);
    }

    #[test]
    fn a_sound_is_delivered_when_it_was_heard_to_its_end() {
        let plan = Plan {
            plays: true,
            hold: None,
            ..plan()
        };
        for (whole, expected) in [
            (true, CallResult::MessageDelivered),
            (false, CallResult::MessagePartial),
        ] {
            let mut call = TestCall::new(&plan, at(0));
            assert_eq!(call.hear(&plan, at(1), &ANSWERED), Some(Step::Play));
            assert_eq!(call.wake_at(), None, "the sound decides");
            let played = LegEvent::Played {
                leg: LEG,
                play: PlayId(1),
                heard: Duration::from_secs(5),
                whole,
            };
            assert_eq!(call.hear(&plan, at(6), &played), Some(Step::HangUp));
            call.hear(&plan, at(6), &hung_up(Ended::Local));
            assert_eq!(result(&call).0, expected);
        }
    }

    #[test]
    fn an_answer_without_audio_is_no_talk() {
        let mut call = TestCall::new(&plan(), at(0));
        call.hear(&plan(), at(1), &ANSWERED);
        call.hear(&plan(), at(3), &LegEvent::AudioLost { leg: LEG });
        call.tick(at(4));
        call.hear(&plan(), at(4), &hung_up(Ended::Local));
        assert_eq!(result(&call).0, CallResult::NoMedia);
    }

    #[test]
    fn an_interrupted_call_is_stopped_in_any_state() {
        let mut dialling = TestCall::new(&plan(), at(0));
        assert_eq!(dialling.interrupt(), Some(Step::Cancel));
        assert_eq!(
            dialling.hear(&plan(), at(1), &ended(503, false)),
            None,
            "no next trunk"
        );
        assert_eq!(result(&dialling).0, CallResult::DialStopped);
        let mut talking = TestCall::new(&plan(), at(0));
        talking.hear(&plan(), at(1), &ANSWERED);
        assert_eq!(talking.interrupt(), Some(Step::HangUp));
        assert_eq!(talking.interrupt(), None);
    }
}
