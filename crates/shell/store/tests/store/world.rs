//! A campaign with people to call, and short words for what happens to them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::{
    AttemptTimes, CampaignState, Claim, DecisionRecord, FinishedAttempt, Launch, LaunchAnswer,
    Mode, Next, Outcome, OutcomeRecord, WorkKind,
};
use model::{
    AgentId, AttemptId, CallResult, CampaignId, E164, ListId, TrunkGroupId, TrunkId, WallTime,
    ZoneSet, standard_dispositions,
};
use store::{
    AccountId, CampaignConfig, ClaimRequest, ImportRecord, ImportRow, IntoList, NewAccount,
    NewAgent, NewPhone, NewProspect, Opening, Role, Run, Store, TrunkSettings,
};
use tokio::sync::mpsc;

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) run: Run,
    pub(crate) admin: AccountId,
    pub(crate) agent: AgentId,
    pub(crate) trunks: TrunkGroupId,
    pub(crate) trunk: TrunkId,
    pub(crate) list: ListId,
    pub(crate) campaign: CampaignId,
}

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// The instant at which everything happens.
pub(crate) fn noon() -> WallTime {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

impl World {
    /// A running campaign that calls `people` prospects of one number each, all in Moscow.
    pub(crate) async fn with(people: u64) -> Self {
        let world = Self::empty().await;
        let rows = (1..=people)
            .map(|n| person(n, &[79_160_000_000 + n]))
            .collect();
        world.import(rows).await;
        world
            .store
            .add_list(world.campaign, world.list, noon(), world.admin)
            .await
            .unwrap();
        world
    }

    /// The same with nobody to call; the list is not added yet.
    pub(crate) async fn empty() -> Self {
        let store = store::testing::store().await;
        let run = store.begin_run("here").await.unwrap();
        let admin = NewAccount {
            login: "admin".to_owned(),
            name: "Admin".to_owned(),
            role: Role::Admin,
            password_hash: None,
        };
        let admin = store.create_account(&admin).await.unwrap();
        let agent = store.create_agent(&agent("anna")).await.unwrap();
        let trunks = store.create_trunk_group("carrier").await.unwrap();
        let trunk = TrunkSettings {
            group: trunks,
            name: "carrier-1".to_owned(),
            priority: 0,
            weight: 1,
            channels: 10,
            calls_per_second: 5,
            enabled: true,
            connection: serde_json::json!({ "host": "192.0.2.1" }),
        };
        let trunk = store.create_trunk(&trunk).await.unwrap();
        let list = store.create_list("people").await.unwrap();
        let mut world = Self {
            store,
            run,
            admin,
            agent,
            trunks,
            trunk,
            list,
            campaign: CampaignId(0),
        };
        world.campaign = world.another_campaign("spring", "Shop").await;
        world
    }

    pub(crate) async fn another_campaign(&self, name: &str, seller: &str) -> CampaignId {
        let config = self.config(name, seller);
        let id = self
            .store
            .create_campaign(&config, self.admin)
            .await
            .unwrap();
        self.store
            .set_campaign_state(
                id,
                &[CampaignState::Draft],
                CampaignState::Running,
                "",
                noon(),
            )
            .await
            .unwrap();
        id
    }

    pub(crate) fn config(&self, name: &str, seller: &str) -> CampaignConfig {
        CampaignConfig {
            name: name.to_owned(),
            seller: seller.to_owned(),
            purpose: "sales".to_owned(),
            subject: None,
            mode: Mode::Predictive,
            policy: "ratio:2".to_owned(),
            groups: Vec::new(),
            trunk_group: self.trunks,
            caller: "+74950000000".parse().unwrap(),
            starts_at: None,
            ends_at: None,
            questionnaire: None,
            profiles: vec!["demo".to_owned()],
            dispositions: standard_dispositions(),
            settings: serde_json::json!({}),
        }
    }

    pub(crate) async fn import(&self, rows: Vec<ImportRow>) -> store::Imported {
        let (send, receive) = mpsc::channel(16);
        let n = rows.len() as u64;
        let sender = tokio::spawn(async move {
            for row in rows {
                send.send(row).await.unwrap();
            }
            send.send(ImportRow::End {
                rows: n,
                assumed: 0,
            })
            .await
            .unwrap();
        });
        let record = ImportRecord {
            file: "people.xlsx".to_owned(),
            columns: vec!["city".to_owned(), "age".to_owned()],
            ..ImportRecord::default()
        };
        let imported = self
            .store
            .import(IntoList::Existing(self.list), &record, receive, noon())
            .await
            .unwrap();
        sender.await.unwrap();
        imported
    }

    pub(crate) fn request(&self, count: u32) -> ClaimRequest {
        ClaimRequest {
            run: self.run,
            campaign: self.campaign,
            count,
            at: noon(),
            lookback: HOUR * 24 * 30,
            lease: Duration::from_secs(90),
        }
    }

    pub(crate) async fn claim(&self, count: u32) -> Vec<Claim> {
        self.store
            .claim(self.request(count), &|_| Opening::Open)
            .await
            .unwrap()
    }

    pub(crate) fn launch(&self, claim: &Claim) -> Launch {
        let phone = &claim.phones[0];
        Launch {
            attempt: new_attempt(),
            campaign: claim.campaign,
            prospect: claim.prospect,
            lease: claim.lease,
            phone: phone.id,
            number: phone.number,
            facts_version: phone.version,
            seller: "Shop".to_owned(),
            subject: claim.subject.clone(),
            trunk: self.trunk,
            agent: None,
            at: noon(),
            decision: DecisionRecord {
                profile: "demo@1".to_owned(),
                zones: claim.zones.clone(),
                latest_start: noon() + HOUR,
                policy: "ratio:2".to_owned(),
                agents_ready: 1,
                in_flight: 0,
            },
        }
    }

    /// Commits one launch, which must be recorded.
    pub(crate) async fn record(&self, launch: &Launch) {
        let answers = self
            .store
            .record_launches(self.run, std::slice::from_ref(launch))
            .await
            .unwrap();
        assert_eq!(answers, [(launch.attempt, LaunchAnswer::Recorded)]);
    }

    /// Claims one prospect and launches it.
    pub(crate) async fn launched(&self) -> Launch {
        let claim = self.claim(1).await.pop().unwrap();
        let launch = self.launch(&claim);
        self.record(&launch).await;
        launch
    }

    /// Runs a question that has one number as its answer.
    pub(crate) async fn number(&self, question: &'static str) -> i64 {
        sqlx::query_scalar(question)
            .fetch_one(&self.store.pool_for_tests())
            .await
            .unwrap()
    }
}

pub(crate) fn agent(login: &str) -> NewAgent {
    NewAgent {
        login: login.to_owned(),
        name: login.to_uppercase(),
        password_hash: None,
        sip_user: login.to_owned(),
        sip_ha1: "0".repeat(32),
        groups: Vec::new(),
        skills: Vec::new(),
    }
}

pub(crate) fn moscow() -> ZoneSet {
    ZoneSet::from_names(["Europe/Moscow"]).unwrap()
}

pub(crate) fn person(n: u64, numbers: &[u64]) -> ImportRow {
    ImportRow::Prospect(Box::new(prospect(n, numbers)))
}

pub(crate) fn prospect(n: u64, numbers: &[u64]) -> NewProspect {
    let phones = numbers.iter().map(|digits| NewPhone {
        number: E164::from_digits(*digits).unwrap(),
        raw: format!("8 {digits}"),
        kind: "mobile".to_owned(),
        extension: None,
    });
    NewProspect {
        row: n,
        external_id: format!("id-{n}"),
        name: Some(format!("Person {n}")),
        zones: moscow(),
        subject: None,
        amount: None,
        language: None,
        consent: true,
        fields: vec![
            ("city".to_owned(), "Moscow".to_owned()),
            ("age".to_owned(), n.to_string()),
        ],
        phones: phones.collect(),
    }
}

pub(crate) fn new_attempt() -> AttemptId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    AttemptId::v7(
        1_781_524_800_000,
        u128::from(NEXT.fetch_add(1, Ordering::Relaxed)),
    )
}

/// The end of an attempt that rang and was not answered; the prospect is due again in three hours.
pub(crate) fn not_answered(launch: &Launch) -> FinishedAttempt {
    FinishedAttempt {
        attempt: launch.attempt,
        campaign: launch.campaign,
        prospect: launch.prospect,
        phone: launch.phone,
        number: launch.number,
        result: CallResult::NoAnswer,
        counts_as_try: true,
        rang: true,
        talked: false,
        message: false,
        ledger: None,
        agent: None,
        times: AttemptTimes {
            dialled_at: Some(noon()),
            ringing_at: Some(noon()),
            ended_at: Some(noon() + Duration::from_secs(25)),
            ..AttemptTimes::default()
        },
        legs: Vec::new(),
        heard: None,
        digits: String::new(),
        mark: None,
        suppress: false,
        next: due(noon() + HOUR * 3, WorkKind::Retry),
    }
}

pub(crate) fn due(at: WallTime, kind: WorkKind) -> Next {
    Next::Due {
        at,
        phone: None,
        kind,
        close_phone: None,
        because: "no answer".to_owned(),
    }
}

/// The end of a talk with the agent; the outcome is to come.
pub(crate) fn talked(launch: &Launch, agent: AgentId) -> FinishedAttempt {
    FinishedAttempt {
        result: CallResult::ConnectedAgent,
        talked: true,
        ledger: Some(model::LedgerClass::C),
        agent: Some(agent),
        times: AttemptTimes {
            dialled_at: Some(noon()),
            answered_at: Some(noon() + Duration::from_secs(5)),
            bridged_at: Some(noon() + Duration::from_secs(6)),
            ended_at: Some(noon() + Duration::from_secs(66)),
            ..AttemptTimes::default()
        },
        next: Next::AwaitsOutcome,
        ..not_answered(launch)
    }
}

/// An outcome that closes the prospect as a success.
pub(crate) fn sale(launch: &Launch, agent: AgentId) -> OutcomeRecord {
    OutcomeRecord {
        attempt: launch.attempt,
        campaign: launch.campaign,
        prospect: launch.prospect,
        phone: launch.phone,
        number: launch.number,
        seller: launch.seller.clone(),
        agent: Some(agent),
        outcome: Outcome {
            disposition: "sale".to_owned(),
            answers: vec![("size".to_owned(), "L".to_owned())],
            note: "wants it blue".to_owned(),
            call_at: None,
            call_phone: None,
        },
        at: noon() + Duration::from_secs(80),
        refused: false,
        suppress: false,
        stands_in: false,
        callback: None,
        mark: None,
        next: Next::Closed {
            state: engine::ClosedState::Success,
            close_phone: None,
            because: "sale".to_owned(),
        },
    }
}
