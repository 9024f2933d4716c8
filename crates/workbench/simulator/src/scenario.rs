//! What a simulated day is made of.

use std::time::Duration;

use announce::{Gate, Keys, Language, Message, Options, Segment};
use compliance::{Profile, Rules};
use engine::{CallbackRule, CampaignSpec, CampaignState, MissedCallback, Mode, RetryTable};
use model::{AgentGroupId, CampaignId, E164, TrunkGroupId, WallTime, standard_dispositions};

/// A day to simulate. Shares are fractions of one.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Campaigns, in the order of their ids from 1.
    pub campaigns: Vec<CampaignSpec>,
    /// Prospects in each campaign's list.
    pub prospects: u32,
    /// Numbers of each prospect.
    pub phones_each: u32,
    /// Agents; all serve every group of every campaign.
    pub team: Team,
    /// Channels of each of two trunks.
    pub channels: u32,
    /// Calls per second of each trunk.
    pub calls_per_second: u32,
    /// Of calls: a person answers.
    pub answered: f64,
    /// What goes wrong.
    pub faults: Faults,
    /// When the world stops.
    pub lasts: Duration,
    /// The wall clock at the start.
    pub starts_at: WallTime,
}

/// The agents.
#[derive(Clone, Copy, Debug)]
pub struct Team {
    /// How many.
    pub agents: u32,
    /// Mean of an exponential talk.
    pub talk: Duration,
    /// Mean of an exponential wrap-up.
    pub wrap_up: Duration,
}

/// What goes wrong. A length is the mean time between two of its kind, zero: never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// An agent's phone hangs up, and registers again after seconds.
    pub phone_lost: Duration,
    /// An agent's client goes away, and returns after a minute.
    pub client_lost: Duration,
    /// The database is away for ten seconds.
    pub store_lost: Duration,
    /// A trunk is down for ten seconds.
    pub trunk_down: Duration,
    /// A campaign is paused for ten seconds.
    pub pause: Duration,
    /// The wall clock jumps by up to an hour.
    pub clock_jump: Duration,
    /// Share of claims that the database refuses although it answers.
    pub claims_failed: f64,
}

impl Scenario {
    /// Ten agents, a predictive and a preview campaign, a notification beside them, half an hour, nothing
    /// goes wrong.
    pub fn small() -> Self {
        Self {
            campaigns: vec![
                campaign(1, Mode::Predictive),
                campaign(2, Mode::Preview),
                campaign(3, Mode::Notification),
            ],
            prospects: 150,
            phones_each: 2,
            team: Team {
                agents: 10,
                talk: Duration::from_secs(40),
                wrap_up: Duration::from_secs(10),
            },
            channels: 30,
            calls_per_second: 10,
            answered: 0.4,
            faults: Faults::default(),
            lasts: Duration::from_secs(1_800),
            starts_at: WallTime::from_unix_seconds(1_764_064_800),
        }
    }

    /// The same with everything going wrong every few minutes.
    pub fn troubled() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            faults: Faults {
                phone_lost: minutes(2),
                client_lost: minutes(3),
                store_lost: minutes(4),
                trunk_down: minutes(3),
                pause: minutes(3),
                clock_jump: minutes(7),
                claims_failed: 0.05,
            },
            ..Self::small()
        }
    }
}

/// A campaign as the tests use it: open round the clock, one group, one trunk group, standard retries.
#[expect(clippy::expect_used, reason = "the profile below is a constant")]
pub fn campaign(id: i32, mode: Mode) -> CampaignSpec {
    const ROUND_THE_CLOCK: &str = r#"
        [profile.round_the_clock]
        version = 1
        title = "Simulation"
        status = "confirmed"
        applies_to = { country = "RU", purposes = ["sales"] }
        [profile.round_the_clock.windows]
        basis = "own"
        source = "simulation"
        confidence = "certain"
        latest_start_lead_s = 0
        mon = [["00:00", "24:00"]]
        tue = [["00:00", "24:00"]]
        wed = [["00:00", "24:00"]]
        thu = [["00:00", "24:00"]]
        fri = [["00:00", "24:00"]]
        sat = [["00:00", "24:00"]]
        sun = [["00:00", "24:00"]]
    "#;
    let profiles = Profile::load(ROUND_THE_CLOCK).expect("the profile is well formed");
    CampaignSpec {
        id: CampaignId(id),
        version: 1,
        name: format!("campaign {id}"),
        state: CampaignState::Running,
        seller: "Example".to_owned(),
        purpose: "sales".to_owned(),
        subject: None,
        mode,
        policy: "ratio:2".parse().expect("a policy"),
        groups: vec![AgentGroupId(1)],
        trunk_group: TrunkGroupId(1),
        caller: E164::from_digits(74_950_000_000).expect("a number"),
        ring_limit: Duration::from_secs(20),
        set_up_limit: Duration::from_secs(12),
        starts_at: None,
        ends_at: None,
        rules: Rules::combine(&profiles, None).expect("one profile"),
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
        message: (mode == Mode::Notification).then(debt_message),
        abandoned_message: Vec::new(),
    }
}

/// Says who calls, asks who listens, and only then the amount.
fn debt_message() -> Message {
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
        body: vec![Segment::Amount],
        goodbye: prompts("phrase.goodbye"),
        keys: Keys::default(),
        amount_without_check: None,
    }
}
