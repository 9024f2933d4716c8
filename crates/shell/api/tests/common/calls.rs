//! Calls as the engine would have made them, written behind its back.

use std::time::Duration;

use engine::{AttemptTimes, DecisionRecord, FinishedAttempt, Launch, Next, WorkKind};
use model::{AttemptId, CallResult, CampaignId, WallTime};
use store::{ClaimRequest, Opening, Run, Store};

const DAY: Duration = Duration::from_secs(86_400);

/// One prospect claimed and launched at an instant.
pub(crate) async fn launched(store: &Store, campaign: CampaignId, at: WallTime) -> (Run, Launch) {
    let run = store.begin_run("here").await.unwrap();
    let request = ClaimRequest {
        run,
        campaign,
        count: 1,
        // Due is what was added to the queue before.
        at: at + DAY * 100,
        lookback: DAY,
        lease: DAY,
    };
    let mut claims = store.claim(request, &|_| Opening::Open).await.unwrap();
    let claim = claims.pop().expect("a prospect is due");
    let phone = claim.phones.first().expect("it has a number");
    let trunks = store.trunks().await.unwrap();
    let launch = Launch {
        attempt: AttemptId::v7(
            u64::try_from(at.unix_micros() / 1_000).unwrap(),
            u128::from(run.epoch),
        ),
        campaign,
        prospect: claim.prospect,
        lease: claim.lease,
        phone: phone.id,
        number: phone.number,
        facts_version: phone.version,
        seller: "ACME".to_owned(),
        subject: None,
        trunk: trunks.first().expect("there is a trunk").id,
        agent: None,
        at,
        decision: DecisionRecord {
            profile: "demo@1".to_owned(),
            zones: claim.zones.clone(),
            latest_start: at + DAY,
            policy: "progressive".to_owned(),
            agents_ready: 1,
            in_flight: 0,
        },
    };
    store
        .record_launches(run, std::slice::from_ref(&launch))
        .await
        .unwrap();
    (run, launch)
}

/// The end of a call that nobody answered.
pub(crate) fn ended(launch: &Launch) -> FinishedAttempt {
    let at = launch.at;
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
            dialled_at: Some(at),
            ended_at: Some(at),
            ..AttemptTimes::default()
        },
        legs: Vec::new(),
        heard: None,
        digits: String::new(),
        mark: None,
        suppress: false,
        next: Next::Due {
            at,
            phone: None,
            kind: WorkKind::Retry,
            close_phone: None,
            because: "no answer".to_owned(),
        },
    }
}
