//! What happens around the plain call, on the real daemon: promises, lost agents, cut notes, languages, halts, and a
//! machine in trouble.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;

use std::time::{Duration, Instant, SystemTime};

use daemon::{
    Daemon, Hand, Office, PATIENCE, Site, blocking, campaign, number, outcome, sheet, until, with,
};
use model::{Share, SipStatus};
use proto::agent::v1 as desk;
use proto::agent::v1::watch_session_response::Event;
use proto::options::v1::Role;
use proto::supervisor::v1 as pb;
use testkit::{
    Behaviour, Call, Carrier, CarrierOptions, Habits, Manner, Member, Mix, Span, Team, TeamOptions,
};
use tonic::Code;

/// A daemon with a carrier whose people answer soon and stay on the line, and agents of one group.
struct Place {
    carrier: Carrier,
    daemon: Daemon,
    office: Office,
    members: Vec<Member>,
    trunks: i32,
    group: i32,
    site: Site,
}

impl Place {
    async fn with(agents: usize) -> Self {
        Self::at(Site::new(), agents).await
    }

    async fn at(mut site: Site, agents: usize) -> Self {
        let daemon = site.start();
        let office = Office::found(&daemon).await;
        let mix = Mix {
            hangs_up: Share::ZERO,
            ring: Span::millis(100, 200),
            ..Mix::all_answer()
        };
        let carrier = Carrier::start(CarrierOptions::new(Behaviour::new(1, mix))).unwrap();
        let trunks = office.trunks(&[carrier.addr()]).await;
        let group = office.group("sales").await;
        let members = office.agents(agents, group).await;
        Self {
            carrier,
            daemon,
            office,
            members,
            trunks,
            group,
            site,
        }
    }

    async fn hand(&self, nth: usize) -> Hand {
        Hand::sit_down(&self.daemon, &self.office, self.members.get(nth).unwrap()).await
    }

    /// A progressive campaign over `people`, changed and started.
    async fn campaign(&self, people: u32, change: impl FnOnce(&mut pb::Campaign)) -> i32 {
        let list = self
            .office
            .import("people", &sheet(0..people))
            .await
            .list_id;
        let mut new = campaign(pb::Mode::Progressive, self.trunks, self.group);
        change(&mut new);
        let id = self.office.create(new, list).await;
        self.office.start(id).await;
        id
    }

    fn calls(&self) -> Vec<Call> {
        self.carrier.log().calls()
    }

    async fn gates(&self, campaign: i32) -> Vec<String> {
        let explained = self.office.explain(campaign).await.unwrap();
        explained.gates.into_iter().map(|g| g.name).collect()
    }

    async fn until_gate(&self, campaign: i32, name: &str) {
        let there = async || {
            self.gates(campaign)
                .await
                .contains(&name.to_owned())
                .then_some(())
        };
        until(name, there).await;
    }
}

fn seconds(seconds: u64) -> Option<prost_types::Duration> {
    Some(Duration::from_secs(seconds).try_into().unwrap())
}

fn in_seconds(seconds: u64) -> Option<prost_types::Timestamp> {
    Some((SystemTime::now() + Duration::from_secs(seconds)).into())
}

fn call_back_in(seconds: u64) -> desk::Outcome {
    desk::Outcome {
        call_at: in_seconds(seconds),
        ..outcome("callback_private")
    }
}

fn attempt_of(call: &desk::CallConnected) -> String {
    call.pop.as_ref().unwrap().attempt_id.clone()
}

fn prospect_of(call: &desk::CallConnected) -> i64 {
    call.pop
        .as_ref()
        .unwrap()
        .card
        .as_ref()
        .unwrap()
        .prospect_id
}

// ---- promises

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promise_that_comes_due_in_a_talk_is_told_at_once_and_kept_before_any_other_call() {
    let place = Place::with(1).await;
    let mut anna = place.hand(0).await;
    let id = place.campaign(30, |_| ()).await;
    anna.ready().await;
    let first = anna.connected().await;
    let promised = prospect_of(&first);
    anna.submit(&attempt_of(&first), call_back_in(4))
        .await
        .unwrap();
    // A call by a click is the agent's own; the promise comes due in its middle.
    let another = format!("SELECT max(prospect_id) FROM queue WHERE prospect_id <> {promised}");
    let other = place.site.rows().count(&another).await;
    anna.dial(id, other).await.unwrap();
    let talk = anna.connected().await;
    let due = |e| match e {
        Event::ReminderDue(due) => due.callback,
        _ => None,
    };
    let due = anna.until("the reminder", due).await;
    assert_eq!(due.prospect_id, promised);
    anna.submit(&attempt_of(&talk), outcome("declined"))
        .await
        .unwrap();
    let before = place.calls().len();
    let quiet = anna.during(Duration::from_secs(3)).await;
    let calls = |e: &Event| matches!(e, Event::CallConnected(_) | Event::CallDialling(_));
    assert!(!quiet.iter().any(calls), "{quiet:?}");
    assert_eq!(place.calls().len(), before, "somebody was called meanwhile");
    assert!(
        place
            .gates(id)
            .await
            .contains(&"held_for_callback".to_owned())
    );
    anna.dial(id, promised).await.unwrap();
    let kept = anna.connected().await;
    assert_eq!(prospect_of(&kept), promised);
    anna.submit(&attempt_of(&kept), outcome("declined"))
        .await
        .unwrap();
    let next = anna.connected().await;
    assert!(
        ![promised, other].contains(&prospect_of(&next)),
        "work goes on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promise_whose_agent_left_is_anyones_when_the_tolerance_is_over() {
    let place = Place::with(2).await;
    let (mut anna, mut boris) = (place.hand(0).await, place.hand(1).await);
    let id = place
        .campaign(1, |c| {
            c.callbacks = Some(pb::CallbackRule {
                tolerance: seconds(10),
                missed: pb::MissedCallback::MakePublic.into(),
                reschedule_by: None,
            });
        })
        .await;
    anna.ready().await;
    let first = anna.connected().await;
    anna.submit(&attempt_of(&first), call_back_in(2))
        .await
        .unwrap();
    anna.not_ready().await;
    anna.leave().await;
    boris.ready().await;
    let early = boris.during(Duration::from_secs(8)).await;
    let calls = |e: &Event| matches!(e, Event::CallConnected(_));
    assert!(
        !early.iter().any(calls),
        "the promise was Anna's until the tolerance was over"
    );
    let kept = boris.connected().await;
    assert_eq!(prospect_of(&kept), prospect_of(&first));
    let missed = "SELECT count(*) FROM event WHERE kind = 'callback.missed'";
    assert_eq!(place.site.rows().count(missed).await, 1);
    boris
        .submit(&attempt_of(&kept), outcome("declined"))
        .await
        .unwrap();
    place
        .office
        .until_state(id, pb::CampaignState::Finished)
        .await;
}

// ---- notes

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_that_were_cut_short_are_offered_again_also_after_a_restart_and_applied_only_when_confirmed()
 {
    let mut place = Place::with(1).await;
    let mut anna = place.hand(0).await;
    place
        .campaign(1, |c| {
            c.wrap_up_limit = seconds(5);
            c.wrap_up_extension = seconds(3);
        })
        .await;
    anna.ready().await;
    let talk = anna.connected().await;
    let attempt = attempt_of(&talk);
    let typed = desk::Outcome {
        note: "обещала заплатить".to_owned(),
        ..outcome("declined")
    };
    anna.type_draft(&attempt, typed.clone()).await;
    anna.hang_up().await;
    let ending = |e| matches!(e, Event::WrapUpEnding(_)).then_some(());
    anna.until("the warning", ending).await;
    anna.extend_wrap_up(Duration::from_secs(30)).await.unwrap();
    let refused = anna
        .extend_wrap_up(Duration::from_secs(1))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    anna.not_ready().await;
    let offered = |e| match e {
        Event::DraftOffered(draft) => Some(draft),
        _ => None,
    };
    let draft = anna.until("the draft", offered).await;
    assert_eq!(
        (draft.attempt_id.as_str(), draft.draft),
        (attempt.as_str(), Some(typed.clone()))
    );
    let rows = place.site.rows();
    until("the stand-in", async || {
        let saved = rows.outcomes().await;
        (saved == [(attempt.clone(), "no_outcome".to_owned())]).then_some(())
    })
    .await;

    drop(anna);
    place.daemon.kill();
    place.daemon = place.site.start();
    let mut anna = place.hand(0).await;
    let snapshot = anna.snapshot().await;
    let draft = snapshot.drafts.first().unwrap();
    assert_eq!(draft.draft, Some(typed.clone()));
    let mut confirmed = typed;
    confirmed.disposition = "declined".to_owned();
    anna.submit(&attempt, confirmed).await.unwrap();
    let saved = place.site.rows().outcomes().await;
    assert_eq!(saved, [(attempt.clone(), "declined".to_owned())]);
    anna.come_back().await;
    assert!(anna.snapshot().await.drafts.is_empty());
    let again = anna.submit(&attempt, outcome("sale")).await.unwrap_err();
    assert_eq!(
        again.code(),
        Code::FailedPrecondition,
        "one confirmed outcome: {again:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_closed_on_purpose_apply_nothing_and_are_not_offered_again() {
    let place = Place::with(1).await;
    let mut anna = place.hand(0).await;
    place.campaign(1, |_| ()).await;
    anna.ready().await;
    let attempt = attempt_of(&anna.connected().await);
    anna.type_draft(&attempt, outcome("sale")).await;
    anna.hang_up().await;
    anna.state(desk::AgentState::WrapUp).await;
    anna.close_without_outcome(&attempt).await;
    anna.state(desk::AgentState::Ready).await;
    let rows = place.site.rows();
    until("the outcome", async || {
        let saved = rows.outcomes().await;
        (saved == [(attempt.clone(), "no_outcome".to_owned())]).then_some(())
    })
    .await;
    anna.come_back().await;
    assert!(anna.snapshot().await.drafts.is_empty());
    assert_eq!(rows.count("SELECT count(*) FROM outcome_draft").await, 0);
}

// ---- agents who are lost

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_talk_whose_agent_is_lost_is_taken_up_with_its_card_and_else_called_back_first_as_one_attempt()
 {
    let place = Place::with(2).await;
    let (mut anna, mut boris) = (place.hand(0).await, place.hand(1).await);
    place
        .campaign(2, |c| {
            c.return_limit = seconds(1);
            c.lost_agent_limit = seconds(3);
        })
        .await;
    anna.ready().await;
    let talk = anna.connected().await;
    let attempt = attempt_of(&talk);
    let half = desk::Outcome {
        note: "said: call me Vanya".to_owned(),
        ..Default::default()
    };
    anna.type_draft(&attempt, half.clone()).await;
    boris.ready().await;
    let second = boris.connected().await;
    boris
        .submit(&attempt_of(&second), outcome("declined"))
        .await
        .unwrap();

    // Without a word: the phone is gone, and its leg is found dead after ten seconds. The person hears a tone long before.
    anna.phone.take().unwrap().vanish().unwrap();
    let lost_at = Instant::now();
    let card = talk.pop.as_ref().unwrap().card.as_ref().unwrap();
    let number = card.phones.first().unwrap().number.clone();
    let person = place
        .carrier
        .log()
        .calls_to(number.parse().unwrap())
        .remove(0);
    until("a tone", async || {
        let heard = person.heard().last_sound_at?;
        // What the phone said last is still on its way for a moment.
        (heard > lost_at + Duration::from_millis(500)).then_some(())
    })
    .await;
    let alone = lost_at.elapsed();
    assert!(alone < Duration::from_secs(2), "{alone:?} without a sound");
    anna.state(desk::AgentState::ConnectionLost).await;
    let taken = boris.connected().await;
    assert_eq!(attempt_of(&taken), attempt, "it stays one attempt");
    assert_eq!(taken.draft, Some(half), "with the card as it stands");

    boris.phone.take().unwrap().vanish().unwrap();
    boris.state(desk::AgentState::ConnectionLost).await;
    let log = place.carrier.log().clone();
    let released = blocking(move || {
        log.wait(PATIENCE, |calls| {
            calls
                .iter()
                .filter(|c| c.is_answered())
                .all(|c| !c.is_open())
        })
    });
    assert!(released.await, "the person is released in the end");
    let rows = place.site.rows();
    until("the callback", async || {
        let open = "SELECT count(*) FROM callback WHERE state = 'open' AND agent_id IS NULL";
        (rows.count(open).await == 1).then_some(())
    })
    .await;
    assert_eq!(rows.attempts().await.len(), 2);
    assert!(
        rows.outcomes()
            .await
            .contains(&(attempt, "agent_lost".to_owned()))
    );

    // Anna's new phone: the person who was cut off is called before everybody else.
    let mut anna = place.hand(0).await;
    anna.ready().await;
    let again = anna.connected().await;
    assert_eq!(prospect_of(&again), prospect_of(&talk));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_twice_does_not_pick_up_makes_its_agent_not_ready() {
    let place = Place::with(1).await;
    let mut anna = place.hand(0).await;
    let phone = anna.phone.as_ref().unwrap();
    phone.set_manner(Manner::Declines(SipStatus(486))).unwrap();
    anna.ready().await;
    let state = anna
        .until("the end of it", |e| match e {
            Event::StateChanged(s)
                if s.state() == desk::AgentState::NotReady && !s.reason.is_empty() =>
            {
                (s.reason != "signed_in").then_some(s)
            }
            _ => None,
        })
        .await;
    assert_eq!(state.reason, "phone_no_answer");
    assert_eq!(anna.phone.as_ref().unwrap().state().calls.len(), 2);
}

// ---- languages

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_reach_an_agent_who_speaks_their_language_or_wait_for_one_and_explain_says_so() {
    let place = Place::with(0).await;
    let mut hands = Vec::new();
    for (login, skill) in [("anna", "en"), ("boris", "ru")] {
        let (user, member) = place
            .office
            .account(login, Role::Agent, &[place.group])
            .await;
        place.office.skills(user, &[skill]).await;
        hands.push(Hand::sit_down(&place.daemon, &place.office, &member).await);
    }
    let mut sheet = "id;ФИО;Телефон;Город;Язык\n".to_owned();
    for (n, language) in [(1, "ru"), (2, "ru"), (3, "en"), (4, "de")] {
        sheet.push_str(&format!(
            "P{n};Человек {n};{};Москва;{language}\n",
            number(n)
        ));
    }
    let list = place.office.import("people", &sheet).await.list_id;
    let mut new = campaign(pb::Mode::Progressive, place.trunks, place.group);
    new.route_by_language = true;
    let id = place.office.create(new, list).await;
    place.office.start(id).await;
    let [anna, boris] = hands.try_into().unwrap_or_else(|_| panic!("two agents"));
    for (mut agent, expected) in [(boris, vec!["P1", "P2"]), (anna, vec!["P3"])] {
        agent.ready().await;
        let mut seen = Vec::new();
        for _ in &expected {
            let call = agent.connected().await;
            agent
                .submit(&attempt_of(&call), outcome("declined"))
                .await
                .unwrap();
            seen.push(call.pop.unwrap().card.unwrap().external_id);
        }
        seen.sort();
        assert_eq!(seen, expected);
        place.until_gate(id, "waiting_for_skill").await;
    }
}

// ---- orders to stop

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_halt_no_invite_leaves_also_after_a_restart_until_a_supervisor_lifts_it() {
    let mut place = Place::with(3).await;
    let team = |place: &Place, seed| TeamOptions {
        url: place.daemon.url(),
        registrar: Some(place.daemon.sip),
        members: place.members.clone(),
        habits: Habits {
            hangs_up: Share::ONE,
            talk: Span::millis(100, 400),
            writes: Span::millis(0, 100),
            ..Habits::default()
        },
        seed,
    };
    let agents = Team::start(team(&place, 1)).await.unwrap();
    let id = place.campaign(400, |_| ()).await;
    let log = place.carrier.log().clone();
    assert!(blocking(move || log.wait(PATIENCE, |calls| calls.len() > 10)).await);
    place.office.account("boss", Role::Supervisor, &[]).await;
    let boss = place.office.sign_in("boss").await;
    let order = pb::OrderHaltRequest {
        reason: "the list is wrong".to_owned(),
        ..Default::default()
    };
    let halted = place
        .office
        .campaigns()
        .order_halt(with(&boss, order))
        .await;
    let halted_at = Instant::now();
    assert_eq!(halted.unwrap().into_inner().halts.len(), 1);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let late = |calls: Vec<Call>, since: Instant| {
        calls
            .into_iter()
            .filter(|c| c.invited_at > since + Duration::from_secs(1))
            .count()
    };
    assert_eq!(
        late(place.calls(), halted_at),
        0,
        "an INVITE left after a second"
    );
    let explained = place.office.explain(id).await.unwrap();
    assert_eq!(explained.gates.first().unwrap().name, "halted");
    assert!(
        explained.summary.contains("the list is wrong"),
        "{}",
        explained.summary
    );

    drop(agents);
    place.daemon.kill();
    place.daemon = place.site.start();
    let agents = Team::start(team(&place, 2)).await.unwrap();
    for agent in &agents.agents {
        assert!(agent.wait(PATIENCE, |c| c.is_ready()).await);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        late(place.calls(), halted_at),
        0,
        "an INVITE left after the restart"
    );
    assert_eq!(place.gates(id).await.first().unwrap(), "halted");

    let agent = place
        .office
        .sign_in(&place.members.first().unwrap().login)
        .await;
    let lift = pb::LiftHaltRequest::default();
    let refused = place
        .office
        .campaigns()
        .lift_halt(with(&agent, lift.clone()))
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    place
        .office
        .campaigns()
        .lift_halt(with(&boss, lift))
        .await
        .unwrap();
    let log = place.carrier.log().clone();
    let goes_on = move |calls: &[Call]| {
        calls
            .iter()
            .any(|c| c.invited_at > halted_at + Duration::from_secs(4))
    };
    assert!(
        blocking(move || log.wait(PATIENCE, goes_on)).await,
        "calls do not go on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_of_one_seller_leaves_the_others_alone() {
    let place = Place::with(1).await;
    let halt = pb::OrderHaltRequest {
        seller: "Another".to_owned(),
        ..Default::default()
    };
    place
        .office
        .campaigns()
        .order_halt(place.office.with(halt))
        .await
        .unwrap();
    let mut anna = place.hand(0).await;
    let id = place.campaign(5, |_| ()).await;
    anna.ready().await;
    let talk = anna.connected().await;
    let halt = pb::OrderHaltRequest {
        seller: "ACME".to_owned(),
        ..Default::default()
    };
    place
        .office
        .campaigns()
        .order_halt(place.office.with(halt))
        .await
        .unwrap();
    anna.submit(&attempt_of(&talk), outcome("declined"))
        .await
        .unwrap();
    let quiet = anna.during(Duration::from_secs(2)).await;
    assert!(
        !quiet.iter().any(|e| matches!(e, Event::CallConnected(_))),
        "{quiet:?}"
    );
    assert_eq!(place.gates(id).await.first().unwrap(), "halted");
}

// ---- a machine in trouble

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_without_its_reserve_stops_launches_and_loses_nothing_of_the_calls_under_way() {
    let mut site = Site::new();
    let free_mb = |site: &Site| {
        let room = rustix::fs::statvfs(site.dir()).unwrap();
        room.f_bavail * room.f_frsize / (1 << 20)
    };
    // Whoever else writes on this disk at this time writes less.
    let margin_mb = 3_000;
    let reserve = free_mb(&site) - margin_mb;
    site.set("node.disk_reserve_mb", &reserve.to_string());
    let place = Place::at(site, 1).await;
    let mut anna = place.hand(0).await;
    let id = place.campaign(5, |_| ()).await;
    anna.ready().await;
    let talk = anna.connected().await;
    let ballast = place.site.dir().join("ballast");
    let file = std::fs::File::create(&ballast).unwrap();
    let size = 2 * margin_mb * (1 << 20);
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size).unwrap();
    place.until_gate(id, "disk_full").await;
    anna.submit(&attempt_of(&talk), outcome("declined"))
        .await
        .unwrap();
    let before = place.calls().len();
    let quiet = anna.during(Duration::from_secs(2)).await;
    assert!(
        !quiet.iter().any(|e| matches!(e, Event::CallConnected(_))),
        "{quiet:?}"
    );
    assert_eq!(place.calls().len(), before);
    assert_eq!(
        place.site.rows().outcomes().await.len(),
        1,
        "what was said is kept"
    );
    std::fs::remove_file(ballast).unwrap();
    drop(file);
    anna.connected().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_sessions_and_phones_and_calls_go_on_without_a_hand() {
    let mut place = Place::with(1).await;
    let mut anna = place.hand(0).await;
    let id = place.campaign(20, |_| ()).await;
    anna.ready().await;
    let talk = anna.connected().await;
    place.office.pause(id).await;
    anna.submit(&attempt_of(&talk), outcome("declined"))
        .await
        .unwrap();
    anna.state(desk::AgentState::Ready).await;
    let before = place.calls().len();
    let began = Instant::now();
    let ended = blocking(move || place.daemon.drain()).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    place.daemon = place.site.start();
    anna.go_on().await;
    let snapshot = anna.snapshot().await;
    let state = snapshot.state.unwrap();
    assert_eq!(state.state(), desk::AgentState::Ready, "{state:?}");
    place.office.resume(id).await;
    let next = anna.connected().await;
    assert_ne!(prospect_of(&next), prospect_of(&talk));
    let calls = place.carrier.log().calls();
    let first = calls.get(before).unwrap().invited_at;
    eprintln!(
        "the gap without dialling, with a pause before and a resume after: {:?}",
        first - began
    );
    let phone = anna.phone.as_ref().unwrap().state();
    assert!(phone.registered && phone.talking().is_some());
    let sessions = "SELECT count(*) FROM agent_session WHERE pause IS NULL";
    assert_eq!(place.site.rows().count(sessions).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_called_by_a_clock_that_was_set_until_it_is_set_back() {
    let mut site = Site::new();
    let library = std::fs::read_dir("/usr/lib")
        .unwrap()
        .filter_map(|dir| Some(dir.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .find(|path| path.exists())
        .expect("libfaketime is not installed; scripts/install.sh test installs it");
    let clock = site.dir().join("clock");
    let set = |to: &str| {
        // In one step: a file that is half written would be another time.
        let next = clock.with_extension("next");
        std::fs::write(&next, to).unwrap();
        std::fs::rename(next, &clock).unwrap();
    };
    set("+0s");
    site.set_variable("LD_PRELOAD", library.to_str().unwrap());
    site.set_variable("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap());
    site.set_variable("FAKETIME_NO_CACHE", "1");
    site.set_variable("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let place = Place::at(site, 1).await;
    let mut anna = place.hand(0).await;
    let id = place.campaign(20, |_| ()).await;
    anna.ready().await;
    let talk = anna.connected().await;
    set("+7s");
    place.until_gate(id, "clock_not_trusted").await;
    anna.submit(&attempt_of(&talk), outcome("declined"))
        .await
        .unwrap();
    let before = place.calls().len();
    let quiet = anna.during(Duration::from_secs(3)).await;
    let calls = |e: &Event| matches!(e, Event::CallConnected(_));
    assert!(!quiet.iter().any(calls), "{quiet:?}");
    assert_eq!(place.calls().len(), before);
    set("+1s");
    anna.connected().await;
}
