//! One agent's place of work: the events of the last minutes, what they add up to, and whether a client is
//! there. No I/O and no clock.

use std::collections::VecDeque;
use std::time::Duration;

use model::WallTime;
use proto::agent::v1 as pb;
use proto::agent::v1::watch_session_response::Event;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::agent_event::apply;
use crate::convert::stamp;

/// Events kept however old they are.
const KEPT: usize = 1_000;
/// Events younger than this are kept beyond [`KEPT`].
const KEPT_FOR: Duration = Duration::from_secs(600);
/// Never more than this.
const KEPT_AT_MOST: usize = 10_000;
/// A client not heard of for so long is lost.
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(15);

/// The events of one agent and the session that may see them.
#[derive(Debug)]
pub(crate) struct Desk {
    /// Names the session; a take-over gives another.
    session: String,
    /// Number of the newest event.
    seq: i64,
    events: VecDeque<(Instant, pb::WatchSessionResponse)>,
    snapshot: pb::Snapshot,
    /// Number of the newest stream; older ones end.
    stream: u64,
    stream_open: bool,
    heard: Instant,
    lost: bool,
    /// Not heard yet since the daemon started.
    expected: bool,
    /// Wakes streams whenever something changed.
    changed: watch::Sender<()>,
}

/// What a stream does next.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// Send these, in order; the last one's `seq` is the cursor from then on.
    Send(Vec<pb::WatchSessionResponse>),
    /// Nothing yet.
    Wait,
    /// A later stream of this session was opened.
    Replaced,
    /// Another session took over.
    TakenOver,
}

impl Desk {
    /// `seq` is above that of every event of earlier runs: a cursor from before gets a snapshot.
    pub(crate) fn new(session: String, seq: i64, now: Instant) -> Self {
        Self {
            session,
            seq,
            events: VecDeque::new(),
            snapshot: pb::Snapshot::default(),
            stream: 0,
            stream_open: false,
            heard: now,
            lost: false,
            expected: false,
            changed: watch::Sender::new(()),
        }
    }

    /// One that another run of the daemon had; its client is expected back.
    pub(crate) fn resumed(session: String, seq: i64, now: Instant) -> Self {
        Self {
            expected: true,
            ..Self::new(session, seq, now)
        }
    }

    pub(crate) fn seq(&self) -> i64 {
        self.seq
    }

    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    pub(crate) fn snapshot(&self) -> &pb::Snapshot {
        &self.snapshot
    }

    /// Whether a client is there, or was until a moment ago.
    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        !self.lost && (self.stream_open || now.duration_since(self.heard) < LOST_AFTER)
    }

    /// Gives the desk to another session. Events and snapshot stay; streams of the old one end.
    pub(crate) fn take_over(&mut self, session: String, now: Instant) {
        self.session = session;
        self.expected = false;
        self.stream_open = false;
        self.heard = now;
        self.lost = false;
        self.changed.send_replace(());
    }

    /// Adds an event.
    pub(crate) fn push(&mut self, event: Event, at: WallTime, now: Instant) {
        self.seq += 1;
        apply(&mut self.snapshot, &event);
        self.events.push_back((now, response(self.seq, at, event)));
        while self.events.len() > KEPT
            && let Some((pushed, _)) = self.events.front()
            && (self.events.len() > KEPT_AT_MOST || now.duration_since(*pushed) > KEPT_FOR)
        {
            self.events.pop_front();
        }
        self.changed.send_replace(());
    }

    /// Keeps what the agent has typed about the call on the desk. False when it is about another one.
    pub(crate) fn keep_draft(&mut self, attempt: &str, draft: pb::Outcome) -> bool {
        let about = self
            .snapshot
            .call
            .as_ref()
            .is_some_and(|c| c.attempt_id == attempt);
        if about {
            self.snapshot.draft = Some(draft);
        }
        about
    }

    /// What was typed about this call, if it is the one on the desk.
    pub(crate) fn draft_about(&self, attempt: &str) -> Option<&pb::Outcome> {
        let call = self.snapshot.call.as_ref()?;
        let draft = self.snapshot.draft.as_ref()?;
        (call.attempt_id == attempt).then_some(draft)
    }

    /// What was typed about the call on the desk, to be offered when its time is over.
    pub(crate) fn open_draft(&self, at: WallTime) -> Option<pb::DraftOffered> {
        let call = self.snapshot.call.as_ref()?;
        Some(pb::DraftOffered {
            attempt_id: call.attempt_id.clone(),
            campaign_id: call.campaign_id,
            campaign_name: call.campaign_name.clone(),
            prospect_id: call.card.as_ref().map_or(0, |c| c.prospect_id),
            name: call.card.as_ref().map(name_of).unwrap_or_default(),
            ended_at: Some(stamp(at)),
            draft: Some(self.snapshot.draft.clone()?),
        })
    }

    /// Offers the drafts that rows have, and takes those back that they have no more. What is on the desk as a call is
    /// not offered.
    pub(crate) fn offer(&mut self, drafts: Vec<pb::DraftOffered>, at: WallTime, now: Instant) {
        let gone = self
            .snapshot
            .drafts
            .iter()
            .filter(|known| !drafts.iter().any(|d| d.attempt_id == known.attempt_id));
        let gone: Vec<String> = gone.map(|d| d.attempt_id.clone()).collect();
        for attempt_id in gone {
            self.push(Event::DraftGone(pb::DraftGone { attempt_id }), at, now);
        }
        for draft in drafts {
            let in_hand = self.snapshot.call.as_ref();
            let in_hand = in_hand.is_some_and(|c| c.attempt_id == draft.attempt_id);
            if !in_hand && !self.snapshot.drafts.contains(&draft) {
                self.push(Event::DraftOffered(draft), at, now);
            }
        }
    }

    /// Opens a stream: its number, and what wakes it.
    pub(crate) fn open_stream(&mut self, now: Instant) -> (u64, watch::Receiver<()>) {
        self.stream += 1;
        self.stream_open = true;
        self.heard = now;
        self.changed.send_replace(());
        (self.stream, self.changed.subscribe())
    }

    /// The stream of that number is gone.
    pub(crate) fn close_stream(&mut self, session: &str, stream: u64, now: Instant) {
        if self.session == session && self.stream == stream {
            self.stream_open = false;
            self.heard = now;
        }
    }

    /// A client was heard. True when it had been lost, or was expected back.
    pub(crate) fn hear(&mut self, now: Instant) -> bool {
        self.heard = now;
        let was_expected = std::mem::take(&mut self.expected);
        std::mem::take(&mut self.lost) || was_expected
    }

    /// Looks whether the client is lost. True once, when it has just become so.
    pub(crate) fn miss(&mut self, now: Instant) -> bool {
        let lost = !self.is_alive(now);
        lost && !std::mem::replace(&mut self.lost, true)
    }

    /// Since when nothing was heard of a client that is lost.
    pub(crate) fn lost_since(&self) -> Option<Instant> {
        self.lost.then_some(self.heard)
    }

    /// What a stream sends after the event `after`; `None`: whatever there is, so a snapshot.
    pub(crate) fn next(
        &self,
        session: &str,
        stream: u64,
        after: Option<i64>,
        at: WallTime,
    ) -> Next {
        if self.session != session {
            return Next::TakenOver;
        }
        if self.stream != stream {
            return Next::Replaced;
        }
        let oldest = self.events.front().map_or(self.seq + 1, |(_, e)| e.seq);
        match after {
            Some(after) if after == self.seq => Next::Wait,
            Some(after) if after < self.seq && after >= oldest - 1 => {
                // Sequence numbers have no gaps, so the position follows from the number.
                let skip = usize::try_from(after + 1 - oldest).unwrap_or(usize::MAX);
                Next::Send(
                    self.events
                        .iter()
                        .skip(skip)
                        .map(|(_, e)| e.clone())
                        .collect(),
                )
            }
            // Never seen, no longer kept, or from before a restart: begin anew.
            _ => Next::Send(vec![response(
                self.seq,
                at,
                Event::Snapshot(self.snapshot.clone()),
            )]),
        }
    }
}

fn name_of(card: &pb::Card) -> String {
    let name = Some(&card.name).filter(|n| !n.is_empty());
    name.unwrap_or(&card.external_id).clone()
}

pub(crate) fn response(seq: i64, at: WallTime, event: Event) -> pb::WatchSessionResponse {
    pb::WatchSessionResponse {
        seq,
        at: Some(stamp(at)),
        event: Some(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: WallTime = WallTime::from_unix_seconds(0);

    fn notice(n: usize) -> Event {
        Event::Notice(pb::Notice {
            kind: pb::NoticeKind::Text.into(),
            text: n.to_string(),
        })
    }

    fn desk(events: usize, now: Instant) -> (Desk, u64) {
        let mut desk = Desk::new("s".to_owned(), 0, now);
        let (stream, _) = desk.open_stream(now);
        for n in 0..events {
            desk.push(notice(n), AT, now);
        }
        (desk, stream)
    }

    fn seqs(next: Next) -> Vec<i64> {
        match next {
            Next::Send(events) => events.iter().map(|e| e.seq).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn is_snapshot(next: &Next) -> bool {
        matches!(next, Next::Send(events)
            if matches!(events.as_slice(), [pb::WatchSessionResponse { event: Some(Event::Snapshot(_)), .. }]))
    }

    #[test]
    fn a_stream_goes_on_after_its_cursor_and_misses_nothing() {
        let (desk, stream) = desk(10, Instant::now());
        assert_eq!(
            seqs(desk.next("s", stream, Some(4), AT)),
            [5, 6, 7, 8, 9, 10]
        );
        assert_eq!(desk.next("s", stream, Some(10), AT), Next::Wait);
    }

    #[test]
    fn a_cursor_older_than_the_ring_gets_a_snapshot_with_the_newest_number() {
        let now = Instant::now();
        let (mut desk, stream) = desk(KEPT + 10, now);
        assert_eq!(seqs(desk.next("s", stream, Some(1), AT)).len(), KEPT + 9);
        desk.push(notice(0), AT, now + KEPT_FOR + Duration::from_secs(1));
        let next = desk.next("s", stream, Some(1), AT);
        assert!(is_snapshot(&next), "{next:?}");
        assert_eq!(seqs(next), [desk.seq()]);
        assert_eq!(
            seqs(desk.next("s", stream, Some(desk.seq() - 1), AT)),
            [desk.seq()]
        );
    }

    #[test]
    fn a_ring_has_a_bound_however_young_its_events_are() {
        let (desk, stream) = desk(KEPT_AT_MOST + 5, Instant::now());
        assert!(is_snapshot(&desk.next("s", stream, Some(4), AT)));
        assert_eq!(
            seqs(desk.next("s", stream, Some(5), AT)).len(),
            KEPT_AT_MOST
        );
    }

    #[test]
    fn a_cursor_of_another_life_gets_a_snapshot() {
        let (desk, stream) = desk(3, Instant::now());
        for after in [None, Some(-7), Some(4), Some(i64::MAX)] {
            assert!(is_snapshot(&desk.next("s", stream, after, AT)), "{after:?}");
        }
    }

    #[test]
    fn a_second_stream_ends_the_first_and_a_take_over_ends_both() {
        let now = Instant::now();
        let (mut desk, first) = desk(1, now);
        let (second, _) = desk.open_stream(now);
        assert_eq!(desk.next("s", first, None, AT), Next::Replaced);
        assert!(is_snapshot(&desk.next("s", second, None, AT)));
        desk.take_over("t".to_owned(), now);
        assert_eq!(desk.next("s", second, None, AT), Next::TakenOver);
    }

    #[test]
    fn a_client_is_lost_once_fifteen_seconds_after_its_stream_ended_and_back_once() {
        let now = Instant::now();
        let (mut desk, stream) = desk(0, now);
        assert!(
            !desk.miss(now + Duration::from_secs(100)),
            "the stream is open"
        );
        desk.close_stream("s", stream, now);
        assert!(!desk.miss(now + LOST_AFTER - Duration::from_millis(1)));
        assert!(desk.miss(now + LOST_AFTER));
        assert!(!desk.miss(now + LOST_AFTER), "told already");
        assert!(desk.hear(now + LOST_AFTER));
        assert!(!desk.hear(now + LOST_AFTER));
    }

    #[test]
    fn a_draft_about_another_call_is_not_kept() {
        let now = Instant::now();
        let (mut desk, _) = desk(0, now);
        let pop = pb::ScreenPop {
            attempt_id: "a".to_owned(),
            ..Default::default()
        };
        desk.push(
            Event::CallConnected(pb::CallConnected {
                pop: Some(pop),
                draft: None,
            }),
            AT,
            now,
        );
        assert!(!desk.keep_draft("b", pb::Outcome::default()));
        assert!(desk.keep_draft("a", pb::Outcome::default()));
        assert!(desk.snapshot().draft.is_some());
    }
}
