use std::sync::Mutex as StdMutex;

use engine::{AgentState, Answer, Ask, Input};
use model::WallTime;
use tokio_stream::StreamExt;

use super::*;

const AGENT: AgentId = AgentId(7);

/// Desks whose engine agrees to everything, and what it was asked.
fn desks() -> (Desks, Arc<StdMutex<Vec<AgentAsk>>>) {
    let asked: Arc<StdMutex<Vec<AgentAsk>>> = Arc::default();
    let (to_engine, mut inbox) = mpsc::unbounded_channel();
    let engine = EngineHandle::new(move |input| {
        to_engine.send(input).map_err(|_| crate::InboxError::Closed)
    });
    let (log, replies) = (asked.clone(), engine.clone());
    tokio::spawn(async move {
        while let Some(input) = inbox.recv().await {
            if let Input::Request {
                request,
                ask: Ask::Agent { ask, .. },
            } = input
            {
                log.lock().unwrap().push(ask);
                replies.answer(request, Ok(Answer::Done));
            }
        }
    });
    let clock = Clock::new(|| WallTime::from_unix_seconds(1_700_000_000));
    (Desks::new(engine, clock, 0), asked)
}

fn spec() -> AgentSpec {
    AgentSpec {
        id: AGENT,
        name: "Anna".to_owned(),
        groups: Vec::new(),
        skills: Vec::new(),
    }
}

fn ready() -> AgentEvent {
    AgentEvent::State {
        state: AgentState::Ready,
        reason: String::new(),
        since: WallTime::from_unix_seconds(1),
        pause_after_call: false,
        phone_up: true,
    }
}

fn notice(text: &str) -> AgentEvent {
    AgentEvent::Notice {
        text: text.to_owned(),
    }
}

async fn next(stream: &mut EventStream) -> Option<Result<pb::WatchSessionResponse, Status>> {
    tokio::time::timeout(Duration::from_secs(5), stream.next())
        .await
        .expect("no event within five seconds")
}

async fn event(stream: &mut EventStream) -> (i64, Event) {
    let response = next(stream).await.unwrap().unwrap();
    (response.seq, response.event.unwrap())
}

fn times(asked: &StdMutex<Vec<AgentAsk>>, what: &AgentAsk) -> usize {
    asked.lock().unwrap().iter().filter(|a| *a == what).count()
}

#[tokio::test]
async fn a_stream_begins_with_a_snapshot_and_goes_on_event_by_event() {
    let (desks, _) = desks();
    let (session, _) = desks.open(spec(), false).await.unwrap();
    desks.deliver(AGENT, &ready());
    let mut stream = desks.watch(AGENT, &session, 0).await.unwrap();
    let (seq, Event::Snapshot(snapshot)) = event(&mut stream).await else {
        panic!("no snapshot");
    };
    assert_eq!(seq, 1);
    assert_eq!(snapshot.state.unwrap().state(), pb::AgentState::Ready);
    desks.deliver(AGENT, &notice("hello"));
    assert!(matches!(event(&mut stream).await, (2, Event::Notice(n)) if n.text == "hello"));
}

#[tokio::test]
async fn a_client_that_lost_its_stream_goes_on_after_its_cursor() {
    let (desks, _) = desks();
    let (session, seq) = desks.open(spec(), false).await.unwrap();
    for n in 1..=5 {
        desks.deliver(AGENT, &notice(&n.to_string()));
    }
    let mut stream = desks.watch(AGENT, &session, seq + 3).await.unwrap();
    assert!(matches!(event(&mut stream).await, (4, Event::Notice(n)) if n.text == "4"));
    assert!(matches!(event(&mut stream).await, (5, Event::Notice(n)) if n.text == "5"));
}

#[tokio::test]
async fn a_second_session_needs_take_over_and_the_first_stream_is_told() {
    let (desks, asked) = desks();
    let (first, _) = desks.open(spec(), false).await.unwrap();
    let mut stream = desks.watch(AGENT, &first, 0).await.unwrap();
    assert!(matches!(event(&mut stream).await, (0, Event::Snapshot(_))));
    assert!(matches!(
        desks.open(spec(), false).await,
        Err(Error::SessionOpen)
    ));
    let (second, _) = desks.open(spec(), true).await.unwrap();
    assert!(matches!(event(&mut stream).await,
        (_, Event::Notice(n)) if n.kind() == pb::NoticeKind::TakenOver));
    assert!(next(&mut stream).await.is_none());
    assert!(matches!(
        desks.hear(AGENT, &first).await,
        Err(Error::SessionOver)
    ));
    desks.hear(AGENT, &second).await.unwrap();
    assert_eq!(times(&asked, &AgentAsk::SignIn(spec())), 2);
}

#[tokio::test]
async fn a_second_stream_of_a_session_ends_the_first() {
    let (desks, _) = desks();
    let (session, _) = desks.open(spec(), false).await.unwrap();
    let mut first = desks.watch(AGENT, &session, 0).await.unwrap();
    event(&mut first).await;
    let mut second = desks.watch(AGENT, &session, 0).await.unwrap();
    event(&mut second).await;
    let end = next(&mut first).await.unwrap().unwrap_err();
    assert_eq!(end.code(), tonic::Code::Aborted);
}

#[tokio::test]
async fn closing_a_session_ends_its_stream_with_a_word() {
    let (desks, asked) = desks();
    let (session, _) = desks.open(spec(), false).await.unwrap();
    let mut stream = desks.watch(AGENT, &session, 0).await.unwrap();
    event(&mut stream).await;
    desks.close(AGENT, &session).await.unwrap();
    assert!(matches!(event(&mut stream).await,
        (_, Event::Notice(n)) if n.kind() == pb::NoticeKind::SessionClosed));
    assert!(next(&mut stream).await.is_none());
    assert_eq!(times(&asked, &AgentAsk::SignOut), 1);
    assert_eq!(desks.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_beats_every_five_seconds_and_numbers_nothing() {
    let (desks, _) = desks();
    let (session, _) = desks.open(spec(), false).await.unwrap();
    desks.deliver(AGENT, &ready());
    let mut stream = desks.watch(AGENT, &session, 0).await.unwrap();
    event(&mut stream).await;
    let from = Instant::now();
    // Paused time jumps to the next timer when nothing else is to be done.
    assert!(matches!(
        stream.next().await.unwrap().unwrap(),
        pb::WatchSessionResponse {
            seq: 1,
            event: Some(Event::Heartbeat(_)),
            ..
        }
    ));
    assert_eq!(Instant::now() - from, HEARTBEAT);
}

#[tokio::test(start_paused = true)]
async fn the_engine_hears_once_that_a_client_is_lost_and_once_that_it_is_back() {
    let (desks, asked) = desks();
    let (session, _) = desks.open(spec(), false).await.unwrap();
    let sweeping = desks.clone();
    let sweep = tokio::spawn(async move { sweeping.sweep(mpsc::unbounded_channel().0).await });
    tokio::time::sleep(Duration::from_secs(14)).await;
    assert_eq!(times(&asked, &AgentAsk::ClientLost), 0);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(times(&asked, &AgentAsk::ClientLost), 1);
    let mut stream = desks.watch(AGENT, &session, 0).await.unwrap();
    event(&mut stream).await;
    assert_eq!(times(&asked, &AgentAsk::ClientBack), 1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        times(&asked, &AgentAsk::ClientLost),
        1,
        "its stream is open"
    );
    sweep.abort();
}

#[tokio::test(start_paused = true)]
async fn a_client_lost_for_good_is_signed_out() {
    let (desks, asked) = desks();
    desks.open(spec(), false).await.unwrap();
    let sweeping = desks.clone();
    let sweep = tokio::spawn(async move { sweeping.sweep(mpsc::unbounded_channel().0).await });
    tokio::time::sleep(FORGOTTEN_AFTER + Duration::from_secs(30)).await;
    assert_eq!(times(&asked, &AgentAsk::SignOut), 1);
    assert_eq!(desks.count(), 0);
    sweep.abort();
}
