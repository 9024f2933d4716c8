//! An engine on a bench: a clock moved by hand, effects taken out as they come.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench that each test file uses in part"
)]

use std::time::Duration;

use announce::{Gate, Keys, Language, Message, Options, Segment};
use compliance::{Profile, Rules};
use engine::{
    AgentAsk, AgentEvent, AgentSpec, Answer, Ask, CallbackRule, CampaignSpec, CampaignState, Card,
    Claim, Effect, Engine, FinishedAttempt, Input, Launch, LaunchAnswer, LegCommand, LegEvent,
    MissedCallback, Mode, PhoneFacts, QueueCounts, Refused, RequestId, RetryTable, StoreFact,
    StoreWish, TrunkSpec, WorkKind,
};
use model::{
    AgentGroupId, AgentId, AttemptId, CampaignId, E164, Ended, LegEnd, LegId, ListId, Money, Now,
    PhoneId, ProspectId, SipStatus, Timestamp, TrunkGroupId, TrunkId, WallTime, ZoneSet,
    standard_dispositions,
};

pub const CAMPAIGN: CampaignId = CampaignId(1);

pub struct Rig {
    pub engine: Engine,
    pub now: Now,
    pub out: Vec<Effect>,
    requests: u64,
}

impl Rig {
    /// One trunk, one campaign, agents 1 to `agents` ready with their phones up.
    pub fn new(spec: CampaignSpec, agents: i32) -> Self {
        let wall = WallTime::from_unix_seconds(1_764_064_800); // 2025-11-25T10:00:00Z
        let now = Now {
            mono: Timestamp::from_millis(0),
            wall,
        };
        let mut rig = Self {
            engine: Engine::new(1),
            now,
            out: Vec::new(),
            requests: 0,
        };
        rig.tell(Input::Trunks(vec![trunk(1, 1), trunk(2, 2)]));
        rig.tell(Input::Campaign(Box::new(spec)));
        for id in 1..=agents {
            rig.sign_in(AgentId(id));
        }
        rig.out.clear();
        rig
    }

    pub fn sign_in(&mut self, agent: AgentId) {
        self.sign_in_with(agent, &[]);
    }

    pub fn sign_in_with(&mut self, agent: AgentId, skills: &[&str]) {
        self.tell(Input::PhoneUp(agent));
        let spec = AgentSpec {
            id: agent,
            name: format!("agent {agent}"),
            groups: vec![AgentGroupId(1)],
            skills: skills.iter().map(|s| (*s).to_owned()).collect(),
        };
        self.ask(agent, AgentAsk::SignIn(spec)).unwrap();
        self.ask(agent, AgentAsk::Ready).unwrap();
        let leg = self.legs().into_iter().rev().find_map(|c| match c {
            LegCommand::CallAgent { leg, agent: a } if a == agent => Some(leg),
            _ => None,
        });
        self.tell(Input::Leg(LegEvent::Answered {
            leg: leg.unwrap(),
            after_cancel: false,
        }));
    }

    pub fn tell(&mut self, input: Input) {
        self.engine.handle(self.now, input);
        while let Some(effect) = self.engine.poll_effect() {
            self.out.push(effect);
        }
    }

    /// Moves both clocks, with a tick at each wake-up on the way.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.engine.next_wakeup().filter(|at| *at <= end.mono) {
            let step = at.since(self.now.mono);
            self.now = self.now + step;
            self.tell(Input::Tick);
        }
        self.now = end;
        self.tell(Input::Tick);
    }

    pub fn ask(&mut self, agent: AgentId, ask: AgentAsk) -> Result<Answer, Refused> {
        self.request(Ask::Agent { agent, ask }).unwrap()
    }

    /// `None` when the answer waits for something.
    pub fn request(&mut self, ask: Ask) -> Option<Result<Answer, Refused>> {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.tell(Input::Request { request, ask });
        self.reply(request)
    }

    pub fn reply(&self, request: RequestId) -> Option<Result<Answer, Refused>> {
        self.out.iter().find_map(|e| match e {
            Effect::Reply { request: r, answer } if *r == request => Some(answer.clone()),
            _ => None,
        })
    }

    pub fn last_request(&self) -> RequestId {
        RequestId(self.requests)
    }

    /// The queue hands over these prospects.
    pub fn claim(&mut self, claims: Vec<Claim>) {
        let queue = QueueCounts {
            in_hand: claims.len() as u64,
            ..QueueCounts::default()
        };
        self.tell(Input::Store(StoreFact::Claimed {
            campaign: CAMPAIGN,
            claims,
            queue,
        }));
    }

    /// All launches asked for so far.
    pub fn launches(&self) -> Vec<Launch> {
        self.wishes()
            .into_iter()
            .filter_map(|w| {
                if let StoreWish::RecordLaunches(l) = w {
                    Some(l)
                } else {
                    None
                }
            })
            .flatten()
            .collect()
    }

    /// The database commits a launch; the leg that was dialled, if one was.
    pub fn commit(&mut self, attempt: AttemptId) -> Option<LegId> {
        let before = self.out.len();
        self.tell(Input::Store(StoreFact::LaunchesRecorded(vec![(
            attempt,
            LaunchAnswer::Recorded,
        )])));
        self.out[before..].iter().find_map(|e| match e {
            Effect::Leg(LegCommand::Dial { leg, .. }) => Some(*leg),
            _ => None,
        })
    }

    /// One prospect launched and dialled.
    pub fn dial(&mut self, n: i64) -> (AttemptId, LegId) {
        self.claim(vec![claim(n, 1)]);
        let attempt = self.launches().last().expect("a launch").attempt;
        let leg = self.commit(attempt).expect("an INVITE");
        (attempt, leg)
    }

    pub fn ring(&mut self, leg: LegId) {
        self.tell(Input::Leg(LegEvent::Ringing {
            leg,
            early_media: false,
        }));
    }

    pub fn answer(&mut self, leg: LegId) {
        self.tell(Input::Leg(LegEvent::Answered {
            leg,
            after_cancel: false,
        }));
        self.tell(Input::Leg(LegEvent::AudioStarted { leg }));
        self.bridge_all();
    }

    /// The media side confirms every bridge asked for.
    pub fn bridge_all(&mut self) {
        let bridges: Vec<_> = self
            .legs()
            .into_iter()
            .filter_map(|c| {
                if let LegCommand::Bridge { a, b } = c {
                    Some((a, b))
                } else {
                    None
                }
            })
            .collect();
        for (a, b) in bridges {
            self.tell(Input::Leg(LegEvent::Bridged { a, b }));
        }
    }

    pub fn end(&mut self, leg: LegId, end: LegEnd) {
        self.tell(Input::Leg(LegEvent::Ended { leg, end }));
    }

    pub fn hang_up_by_person(&mut self, leg: LegId) {
        self.end(leg, LegEnd::bare(Ended::Remote));
    }

    pub fn hung_up_by_us(&mut self, leg: LegId) {
        assert!(
            self.legs().contains(&LegCommand::HangUp { leg }),
            "leg {leg} was not hung up: {:#?}",
            self.legs()
        );
        self.end(leg, LegEnd::bare(Ended::Local));
    }

    pub fn set_state(&mut self, state: CampaignState) {
        self.request(Ask::SetCampaignState {
            campaign: CAMPAIGN,
            state,
        })
        .unwrap()
        .unwrap();
    }

    pub fn legs(&self) -> Vec<LegCommand> {
        self.out
            .iter()
            .filter_map(|e| {
                if let Effect::Leg(c) = e {
                    Some(c.clone())
                } else {
                    None
                }
            })
            .collect()
    }

    pub fn wishes(&self) -> Vec<StoreWish> {
        self.out
            .iter()
            .filter_map(|e| {
                if let Effect::Store(w) = e {
                    Some(w.clone())
                } else {
                    None
                }
            })
            .collect()
    }

    pub fn finished(&self) -> Vec<FinishedAttempt> {
        self.wishes()
            .into_iter()
            .filter_map(|w| {
                if let StoreWish::Finish(f) = w {
                    Some(*f)
                } else {
                    None
                }
            })
            .collect()
    }

    pub fn agent_events(&self, agent: AgentId) -> Vec<AgentEvent> {
        self.out
            .iter()
            .filter_map(|e| match e {
                Effect::Agent { agent: a, event } if *a == agent => Some(event.clone()),
                _ => None,
            })
            .collect()
    }

    /// The play that was started last on a leg.
    pub fn last_play(&self, leg: LegId) -> model::PlayId {
        self.legs()
            .into_iter()
            .rev()
            .find_map(|c| match c {
                LegCommand::Play { leg: l, play, .. } if l == leg => Some(play),
                _ => None,
            })
            .expect("a play")
    }

    pub fn played(&mut self, leg: LegId, whole: bool) {
        let play = self.last_play(leg);
        self.tell(Input::Leg(LegEvent::Played {
            leg,
            play,
            heard: Duration::from_secs(3),
            whole,
        }));
    }
}

pub fn refused(status: u16, q850: Option<u8>) -> LegEnd {
    LegEnd {
        status: Some(SipStatus(status)),
        q850,
        ..LegEnd::bare(Ended::Remote)
    }
}

fn trunk(id: i32, priority: u16) -> TrunkSpec {
    TrunkSpec {
        id: TrunkId(id),
        name: format!("t{id}"),
        group: TrunkGroupId(1),
        priority,
        weight: 1,
        channels: 10,
        calls_per_second: 100,
        enabled: true,
    }
}

/// Prospect `n` with so many numbers.
pub fn claim(n: i64, phones: i64) -> Claim {
    let phone = |k: i64| PhoneFacts {
        id: PhoneId(n * 10 + k),
        number: E164::from_digits((79_000_000_000 + n * 10 + k) as u64).unwrap(),
        kind: "mobile".to_owned(),
        extension: None,
        closed: false,
        suppressed: false,
        live: false,
        version: 1,
        history: Vec::new(),
    };
    Claim {
        campaign: CAMPAIGN,
        prospect: ProspectId(n),
        list: ListId(1),
        lease: n as u64,
        kind: WorkKind::Fresh,
        zones: ZoneSet::from_names(["Europe/Moscow"]).unwrap(),
        subject: None,
        amount: Some(Money::new(123_405, "RUB".parse().unwrap())),
        language: None,
        consent: true,
        phones: (0..phones).map(phone).collect(),
        next_phone: None,
        tries: 0,
        card: Card::default(),
    }
}

/// Open from 09:00 to 21:00 every day, 3 % within two seconds.
pub fn spec(mode: Mode) -> CampaignSpec {
    let days: String = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        .map(|d| format!("{d} = [[\"09:00\", \"21:00\"]]\n"))
        .concat();
    let profile = format!(
        "[profile.bench]\nversion = 1\ntitle = \"Bench\"\nstatus = \"confirmed\"\n\
         applies_to = {{ country = \"RU\", purposes = [\"sales\"] }}\n\
         [profile.bench.windows]\nbasis = \"own\"\nsource = \"bench\"\nconfidence = \"certain\"\n{days}"
    );
    let profiles = Profile::load(&profile).unwrap();
    CampaignSpec {
        id: CAMPAIGN,
        version: 1,
        name: "spring".to_owned(),
        state: CampaignState::Running,
        seller: "Example".to_owned(),
        purpose: "sales".to_owned(),
        subject: None,
        mode,
        policy: "ratio:3".parse().unwrap(),
        groups: vec![AgentGroupId(1)],
        trunk_group: TrunkGroupId(1),
        caller: E164::from_digits(74_950_000_000).unwrap(),
        ring_limit: Duration::from_secs(25),
        set_up_limit: Duration::from_secs(12),
        starts_at: None,
        ends_at: None,
        rules: Rules::combine(&profiles, None).unwrap(),
        retry: RetryTable::default(),
        machine_message_is_success: false,
        wrap_up_limit: Duration::from_secs(60),
        wrap_up_extension: Duration::from_secs(120),
        preview_limit: Duration::from_secs(30),
        return_limit: Duration::from_secs(8),
        lost_agent_limit: Duration::from_secs(20),
        callbacks: CallbackRule {
            tolerance: Duration::from_secs(300),
            missed: MissedCallback::Wait,
        },
        route_by_language: false,
        questionnaire: None,
        greeting: "Good day".to_owned(),
        dispositions: standard_dispositions(),
        message: None,
        abandoned_message: Vec::new(),
    }
}

/// A debt message that asks first who listens.
pub fn debt_message() -> Message {
    let prompts = |id: &str| {
        vec![Segment::Prompts {
            ids: vec![id.to_owned()],
        }]
    };
    Message {
        language: Language::Russian,
        voice: "ru".to_owned(),
        options: Options::default(),
        identification: prompts("phrase.identification"),
        gate: Some(Gate {
            prompt: prompts("phrase.gate"),
            wait: Duration::from_secs(8),
        }),
        body: [prompts("phrase.your_debt"), vec![Segment::Amount]].concat(),
        goodbye: prompts("phrase.goodbye"),
        keys: Keys::default(),
        amount_without_check: None,
    }
}
