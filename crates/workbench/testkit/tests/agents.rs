//! A simulated agent against a server that loses streams, sessions and answers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod desk;

use std::time::Duration;

use desk::{Desk, PATIENCE, state_changed};
use model::Share;
use proto::agent::v1::watch_session_response::Event;
use proto::agent::v1::{
    AgentState, CallConnected, CallEnded, Disposition, OutcomeSaved, ScreenPop, WrapUpStarted,
};
use testkit::{
    AgentCounts, AgentOptions, Habits, Member, SimAgent, Span, Team, TeamOptions, TestkitError,
};

#[tokio::test]
async fn an_agent_signs_in_takes_calls_talks_gives_outcomes_and_leaves() {
    let (desk, agent) = at_work().await;
    talk(&desk, "a1");
    assert!(agent.wait(PATIENCE, |c| c.hung_up == 1).await);
    write_up(&desk, "a1");
    assert!(agent.wait(PATIENCE, |c| c.acknowledged.len() == 1).await);
    desk.send(Event::OutcomeSaved(OutcomeSaved::default()));
    assert!(agent.wait(PATIENCE, |c| c.outcomes_saved == 1).await);
    let counts = agent.leave().await;
    assert_eq!((counts.connected, counts.pop_latency.len()), (1, 1));
    assert_eq!(counts.refused, Vec::<String>::new());
    assert_eq!(counts.reconnects, 0);
    desk.state(|s| {
        assert_eq!((s.logins, s.sessions, s.hang_ups), (1, 1, 1));
        assert_eq!(s.submitted[0].attempt_id, "a1");
        let chosen = &s.submitted[0].outcome.as_ref().unwrap().disposition;
        assert_eq!(*chosen, counts.acknowledged[0].disposition);
        assert!(
            s.session.is_empty() && !s.ready,
            "the session was not closed"
        );
    });
}

#[tokio::test]
async fn a_wrong_password_is_told_at_once() {
    let (_, url) = Desk::start().await;
    let error = SimAgent::start(options(&url, "wrong")).await.unwrap_err();
    assert!(
        matches!(error, TestkitError::Refused { rpc: "Login", .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_at_once() {
    let error = SimAgent::start(options("http://127.0.0.1:1", "secret"))
        .await
        .unwrap_err();
    assert!(matches!(error, TestkitError::Connect { .. }), "{error}");
}

#[tokio::test]
async fn a_lost_stream_is_taken_up_after_the_newest_event() {
    let (desk, agent) = at_work().await;
    let last = desk.state(|s| s.watched_after.len());
    talk(&desk, "a1");
    assert!(agent.wait(PATIENCE, |c| c.connected == 1).await);
    desk.cut();
    assert!(agent.wait(PATIENCE, |c| c.reconnects == 1).await);
    until(&agent, || desk.state(|s| s.watched_after.len() > last)).await;
    // The ready state was event 1, the talk event 2.
    desk.state(|s| assert_eq!((s.watched_after.last(), s.sessions), (Some(&2), 1)));
}

#[tokio::test]
async fn an_outcome_whose_answer_was_lost_is_repeated_with_its_request_id() {
    let (desk, agent) = at_work().await;
    talk(&desk, "a1");
    assert!(agent.wait(PATIENCE, |c| c.hung_up == 1).await);
    desk.state(|s| s.answers_to_lose = 1);
    write_up(&desk, "a1");
    assert!(agent.wait(PATIENCE, |c| c.acknowledged.len() == 1).await);
    desk.state(|s| {
        assert_eq!(s.submitted.len(), 2);
        assert_eq!(s.submitted[0], s.submitted[1]);
        assert_eq!(s.submitted[0].request_id.len(), 36);
    });
}

#[tokio::test]
async fn what_an_outcome_may_say_is_known_from_the_screen_pop_alone() {
    // The desk serves no campaigns: an agent that asked for one would never submit.
    let (desk, agent) = at_work().await;
    talk(&desk, "a1");
    assert!(agent.wait(PATIENCE, |c| c.hung_up == 1).await);
    write_up(&desk, "a1");
    assert!(agent.wait(PATIENCE, |c| c.acknowledged.len() == 1).await);
    assert_eq!(agent.counts().acknowledged[0].disposition, "renewed");
}

#[tokio::test]
async fn an_agent_whose_server_restarted_opens_a_session_and_takes_calls_again() {
    let (desk, agent) = at_work().await;
    desk.state(|s| s.ready = false);
    desk.restart();
    until(&agent, || {
        desk.state(|s| s.sessions == 2 && s.ready && s.watched_after.len() == 2)
    })
    .await;
    desk.state(|s| assert_eq!(s.watched_after, [0, 0]));
    talk(&desk, "a2");
    assert!(agent.wait(PATIENCE, |c| c.connected == 1).await);
}

#[tokio::test]
async fn a_team_works_and_leaves_together() {
    let (_desk, url) = Desk::start().await;
    let member = |n: u32| Member {
        login: format!("agent{n}"),
        password: "secret".to_owned(),
        phone_password: "secret".to_owned(),
    };
    let team = Team::start(TeamOptions {
        url,
        registrar: None,
        // The desk has room for one.
        members: vec![member(1)],
        habits: Habits::default(),
        seed: 1,
    })
    .await
    .unwrap();
    assert_eq!(team.counts().len(), 1);
    until(&team.agents[0], || {
        _desk.state(|s| !s.watched_after.is_empty())
    })
    .await;
    assert_eq!(team.leave().await[0].connected, 0);
}

fn options(url: &str, password: &str) -> AgentOptions {
    AgentOptions {
        url: url.to_owned(),
        login: "anna".to_owned(),
        password: password.to_owned(),
        seed: 1,
        habits: Habits {
            hangs_up: Share::ONE,
            no_outcome: Share::ZERO,
            talk: Span::millis(10, 20),
            writes: Span::millis(10, 20),
            ..Habits::default()
        },
    }
}

async fn at_work() -> (Desk, SimAgent) {
    let (desk, url) = Desk::start().await;
    let agent = SimAgent::start(options(&url, "secret")).await.unwrap();
    until(&agent, || {
        desk.state(|s| s.ready && !s.watched_after.is_empty())
    })
    .await;
    desk.send(state_changed(AgentState::Ready));
    assert!(agent.wait(PATIENCE, AgentCounts::is_ready).await);
    (desk, agent)
}

fn talk(desk: &Desk, attempt_id: &str) {
    let pop = ScreenPop {
        attempt_id: attempt_id.to_owned(),
        campaign_id: 4,
        dispositions: vec![Disposition {
            code: "renewed".to_owned(),
            ..Disposition::default()
        }],
        ..ScreenPop::default()
    };
    desk.send(Event::CallConnected(CallConnected {
        pop: Some(pop),
        draft: None,
    }));
}

fn write_up(desk: &Desk, attempt_id: &str) {
    desk.send(Event::CallEnded(CallEnded::default()));
    desk.send(Event::WrapUpStarted(WrapUpStarted {
        attempt_id: attempt_id.to_owned(),
        until: None,
    }));
}

/// Waits until the desk is so.
async fn until(agent: &SimAgent, holds: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{:?}",
            agent.counts()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
