//! Whatever comes, in whatever order: no panic, one reply per request, one end per attempt, no INVITE
//! without a commit.
#![allow(
    clippy::manual_is_multiple_of,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is its purpose"
)]

mod rig;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::{
    AgentAsk, AgentSpec, Ask, Callback, CampaignSpec, CampaignState, Effect, Engine, Fault, Halt,
    Input, LaunchAnswer, LegCommand, LegEvent, Mode, Outcome, PauseWhen, QueueCounts, RequestId,
    StoreFact, StoreWish, TrunkSpec,
};
use model::{
    AgentGroupId, AgentId, AttemptId, CallbackId, CampaignId, Ended, LegEnd, LegId, Now, PlayId,
    ProspectId, SipStatus, Timestamp, TrunkGroupId, TrunkId, WallTime,
};
use proptest::prelude::*;

/// What was seen of the engine so far.
#[derive(Default)]
struct Seen {
    open: BTreeSet<RequestId>,
    launched: Vec<AttemptId>,
    recorded: BTreeSet<AttemptId>,
    ended: BTreeSet<AttemptId>,
    legs: Vec<LegId>,
    dialled: BTreeMap<AttemptId, u32>,
    prospects: i64,
    requests: u64,
}

impl Seen {
    fn look(&mut self, effect: Effect) -> Result<(), TestCaseError> {
        match effect {
            Effect::Reply { request, .. } => {
                prop_assert!(self.open.remove(&request), "{request:?} was answered twice")
            }
            Effect::Leg(LegCommand::Dial { leg, attempt, .. }) => {
                prop_assert!(
                    self.recorded.contains(&attempt),
                    "{attempt} was dialled and never recorded"
                );
                prop_assert!(
                    !self.ended.contains(&attempt),
                    "{attempt} was dialled after its end"
                );
                *self.dialled.entry(attempt).or_default() += 1;
                self.legs.push(leg);
            }
            Effect::Leg(LegCommand::CallAgent { leg, .. }) => self.legs.push(leg),
            Effect::Store(StoreWish::RecordLaunches(launches)) => {
                self.launched.extend(launches.iter().map(|l| l.attempt))
            }
            Effect::Store(StoreWish::Finish(end)) => {
                prop_assert!(
                    self.recorded.contains(&end.attempt),
                    "{} ended and never began",
                    end.attempt
                );
                prop_assert!(
                    self.ended.insert(end.attempt),
                    "{} ended twice",
                    end.attempt
                );
                prop_assert_eq!(
                    end.times.answered_at.is_some(),
                    end.result.answered(),
                    "{}",
                    end.result
                );
            }
            Effect::Leg(_)
            | Effect::Store(_)
            | Effect::Agent { .. }
            | Effect::CampaignEnded { .. }
            | Effect::Drained => {}
        }
        Ok(())
    }

    fn leg(&self, n: u64) -> LegId {
        // Mostly a leg that lives; now and then one that never was.
        self.legs
            .get(n as usize % (self.legs.len() + 1))
            .copied()
            .unwrap_or(LegId(n))
    }

    fn attempt(&self, n: u64) -> AttemptId {
        self.launched
            .get(n as usize % (self.launched.len() + 1))
            .copied()
            .unwrap_or(AttemptId::from_bits(u128::from(n)))
    }

    fn input(&mut self, what: u8, n: u64, at: WallTime) -> Input {
        let leg = self.leg(n);
        let agent = AgentId(1 + (n % 3) as i32);
        let campaign = CampaignId(1 + (n % 2) as i32);
        let attempt = self.attempt(n);
        let by = [
            Ended::Remote,
            Ended::Local,
            Ended::Timeout,
            Ended::Transport,
            Ended::Lost,
            Ended::Refused,
        ][n as usize % 6];
        let status = [None, Some(486), Some(404), Some(503), Some(487), Some(603)][n as usize % 6]
            .map(SipStatus);
        match what % 30 {
            0..=3 => self.ask(agent, AgentAsk::Ready),
            4 => {
                let spec = AgentSpec {
                    id: agent,
                    name: "a".to_owned(),
                    groups: vec![AgentGroupId(1)],
                    skills: ["ru".to_owned()][..n as usize % 2].to_vec(),
                };
                self.ask(agent, AgentAsk::SignIn(spec))
            }
            5 => Input::PhoneUp(agent),
            6 => Input::PhoneDown(agent),
            7 => self.ask(
                agent,
                AgentAsk::NotReady {
                    reason: "x".to_owned(),
                    when: if n % 2 == 0 {
                        PauseWhen::Now
                    } else {
                        PauseWhen::AfterCall
                    },
                },
            ),
            8 => self.ask(agent, AgentAsk::HangUp),
            9 => self.ask(
                agent,
                if n % 2 == 0 {
                    AgentAsk::Hold
                } else {
                    AgentAsk::Unhold
                },
            ),
            10 => self.ask(
                agent,
                if n % 2 == 0 {
                    AgentAsk::TakePreview { phone: None }
                } else {
                    AgentAsk::SkipPreview
                },
            ),
            11 => self.ask(
                agent,
                AgentAsk::Dial {
                    campaign,
                    prospect: ProspectId(n as i64 % 20),
                    phone: None,
                },
            ),
            12 => {
                let code = [
                    "sale",
                    "do_not_call",
                    "wrong_number",
                    "callback_private",
                    "machine_seen_by_agent",
                    "nonsense",
                ][n as usize % 6];
                let outcome = Outcome {
                    disposition: code.to_owned(),
                    answers: vec![],
                    note: String::new(),
                    call_at: Some(at + Duration::from_secs(60)),
                    call_phone: None,
                };
                self.ask(agent, AgentAsk::Submit { attempt, outcome })
            }
            13 => self.ask(agent, AgentAsk::CloseWithoutOutcome { attempt }),
            14 => self.ask(
                agent,
                if n % 2 == 0 {
                    AgentAsk::ClientLost
                } else {
                    AgentAsk::ClientBack
                },
            ),
            15 => self.ask(agent, AgentAsk::SignOut),
            16 => Input::Leg(LegEvent::Ringing {
                leg,
                early_media: n % 3 == 0,
            }),
            17 | 18 => Input::Leg(LegEvent::Answered {
                leg,
                after_cancel: n % 5 == 0,
            }),
            19 | 20 => {
                // A leg ends once; whoever owns it forgets it then.
                self.legs.retain(|l| *l != leg);
                Input::Leg(LegEvent::Ended {
                    leg,
                    end: LegEnd {
                        status,
                        ..LegEnd::bare(by)
                    },
                })
            }
            21 => Input::Leg(LegEvent::Digit {
                leg,
                digit: ['1', '2', '3', '9', '#'][n as usize % 5],
            }),
            22 => Input::Leg(LegEvent::Played {
                leg,
                play: PlayId(n % 40),
                heard: Duration::from_secs(1),
                whole: n % 2 == 0,
            }),
            23 => Input::Leg(LegEvent::Bridged {
                a: leg,
                b: self.leg(n / 7),
            }),
            24 => Input::Leg(if n % 2 == 0 {
                LegEvent::AudioStarted { leg }
            } else {
                LegEvent::AudioLost { leg }
            }),
            25 => {
                self.prospects += 3;
                let claims = (0..3)
                    .map(|k| engine::Claim {
                        campaign,
                        language: (k == 1).then(|| "ru".to_owned()),
                        ..rig::claim(self.prospects + k, 1 + n as i64 % 3)
                    })
                    .collect();
                Input::Store(StoreFact::Claimed {
                    campaign,
                    claims,
                    queue: QueueCounts {
                        due: 10,
                        ..QueueCounts::default()
                    },
                })
            }
            26 => {
                let unanswered: Vec<AttemptId> = self
                    .launched
                    .iter()
                    .copied()
                    .filter(|a| !self.recorded.contains(a))
                    .collect();
                let answer = [
                    LaunchAnswer::Recorded,
                    LaunchAnswer::Recorded,
                    LaunchAnswer::FactsChanged,
                    LaunchAnswer::NumberLive,
                    LaunchAnswer::LeaseLost,
                ][n as usize % 5];
                // The database answers each launch once.
                self.launched
                    .retain(|a| !unanswered.contains(a) || answer == LaunchAnswer::Recorded);
                if answer == LaunchAnswer::Recorded {
                    self.recorded.extend(unanswered.iter().copied());
                }
                Input::Store(StoreFact::LaunchesRecorded(
                    unanswered.into_iter().map(|a| (a, answer)).collect(),
                ))
            }
            27 => Input::Store(match n % 4 {
                0 => StoreFact::Lost,
                1 => StoreFact::Back,
                2 => StoreFact::OutcomeSaved {
                    attempt,
                    callback: None,
                },
                _ => StoreFact::ClaimedOne {
                    agent,
                    claim: Ok(Box::new(rig::claim(1_000_000 + (n % 1_000) as i64, 2))),
                },
            }),
            28 => {
                let state = [
                    CampaignState::Running,
                    CampaignState::Paused,
                    CampaignState::Running,
                    CampaignState::Stopped,
                ][n as usize % 4];
                self.request(Ask::SetCampaignState { campaign, state })
            }
            _ => match n % 9 {
                5 => {
                    let halt = Halt {
                        seller: None,
                        by: "boss".to_owned(),
                        reason: String::new(),
                        at,
                    };
                    Input::Halted((n % 8 == 0).then_some(halt).into_iter().collect())
                }
                6 => Input::Fault {
                    fault: Fault::Clock,
                    why: (n % 8 == 0).then(|| "away".to_owned()),
                },
                7 => self.ask(
                    agent,
                    AgentAsk::ExtendWrapUp {
                        by: Duration::from_secs(n % 90),
                    },
                ),
                8 => Input::Store(StoreFact::Callbacks {
                    agent,
                    callbacks: vec![Callback {
                        id: CallbackId(n as i64 % 5),
                        campaign,
                        prospect: ProspectId(n as i64 % 20),
                        agent: Some(agent),
                        at: at + Duration::from_secs(n % 1_000),
                        phone: None,
                        name: String::new(),
                        note: String::new(),
                    }],
                }),
                0 => Input::TrunkDown {
                    trunk: TrunkId(1),
                    reason: "gone".to_owned(),
                },
                1 => Input::TrunkUp(TrunkId(1)),
                2 => self.request(Ask::Explain { campaign }),
                3 => self.request(Ask::Board),
                _ => Input::ClockJumped { by_us: n as i64 },
            },
        }
    }

    /// Commits what was launched just now, as a healthy database does.
    fn commit(&mut self) -> Option<Input> {
        let fresh: Vec<AttemptId> = self
            .launched
            .iter()
            .copied()
            .filter(|a| !self.recorded.contains(a))
            .collect();
        self.recorded.extend(fresh.iter().copied());
        let answers: Vec<_> = fresh
            .into_iter()
            .map(|a| (a, LaunchAnswer::Recorded))
            .collect();
        (!answers.is_empty()).then_some(Input::Store(StoreFact::LaunchesRecorded(answers)))
    }

    fn ask(&mut self, agent: AgentId, ask: AgentAsk) -> Input {
        self.request(Ask::Agent { agent, ask })
    }

    fn request(&mut self, ask: Ask) -> Input {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.open.insert(request);
        Input::Request { request, ask }
    }
}

fn start() -> (Engine, Now) {
    let now = Now {
        mono: Timestamp::from_millis(0),
        wall: WallTime::from_unix_seconds(1_764_064_800),
    };
    let mut engine = Engine::new(5);
    let trunk = |id| TrunkSpec {
        id: TrunkId(id),
        name: "t".to_owned(),
        group: TrunkGroupId(1),
        priority: 1,
        weight: 1,
        channels: 4,
        calls_per_second: 50,
        enabled: true,
    };
    engine.handle(now, Input::Trunks(vec![trunk(1), trunk(2)]));
    let spec = CampaignSpec {
        route_by_language: true,
        ..rig::spec(Mode::Predictive)
    };
    engine.handle(now, Input::Campaign(Box::new(spec)));
    let second = engine::CampaignSpec {
        id: CampaignId(2),
        message: Some(rig::debt_message()),
        ..rig::spec(Mode::Notification)
    };
    engine.handle(now, Input::Campaign(Box::new(second)));
    while engine.poll_effect().is_some() {}
    (engine, now)
}

/// One input, its effects, and now and then the commit that follows.
fn step(
    engine: &mut Engine,
    seen: &mut Seen,
    now: Now,
    what: u8,
    n: u64,
) -> Result<(), TestCaseError> {
    let input = seen.input(what, n, now.wall);
    engine.handle(now, input);
    while let Some(effect) = engine.poll_effect() {
        seen.look(effect)?;
    }
    if n % 3 != 0
        && let Some(commit) = seen.commit()
    {
        engine.handle(now, commit);
        while let Some(effect) = engine.poll_effect() {
            seen.look(effect)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_keeps_the_invariants(script in prop::collection::vec((any::<u8>(), any::<u64>(), 0u64..3_000), 1..400)) {
        let (mut engine, mut now) = start();
        let mut seen = Seen::default();
        for (what, n, wait_ms) in script {
            now = now + Duration::from_millis(wait_ms);
            step(&mut engine, &mut seen, now, what, n)?;
        }
    }
}

#[test]
fn the_script_reaches_calls_that_are_dialled_answered_and_ended() {
    // A property that nothing reaches proves nothing: one long script must get through to the end of calls.
    let (mut engine, mut now) = start();
    let mut seen = Seen::default();
    let mut n: u64 = 88_172_645_463_325_252;
    for _ in 0..60_000 {
        // xorshift64: any fixed sequence will do.
        n ^= n << 13;
        n ^= n >> 7;
        n ^= n << 17;
        now = now + Duration::from_millis(n % 500);
        step(&mut engine, &mut seen, now, (n >> 32) as u8, n >> 8).unwrap();
    }
    assert!(
        seen.dialled.len() > 100 && seen.ended.len() > 100,
        "{} dialled, {} ended",
        seen.dialled.len(),
        seen.ended.len()
    );
}
