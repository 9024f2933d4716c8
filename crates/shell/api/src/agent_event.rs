//! The engine's events in the words of the contract, and the snapshot that they add up to.

use engine::{AgentEvent, AgentState, Callback, Card, PhoneFacts, ScreenPop};
use model::{Disposition, DispositionAction};
use proto::agent::v1 as pb;
use proto::agent::v1::watch_session_response::Event;

use crate::convert::stamp;

/// Drafts kept in a snapshot.
const DRAFTS: usize = 20;
/// Promises kept in a snapshot; an agent with more has other worries.
const REMINDERS: usize = 1_000;

pub(crate) fn event(event: &AgentEvent) -> Event {
    match event {
        AgentEvent::State {
            state,
            reason,
            since,
            pause_after_call,
            phone_up,
        } => Event::StateChanged(pb::StateChanged {
            state: state_to_proto(*state).into(),
            reason: reason.clone(),
            since: Some(stamp(*since)),
            pause_after_call: *pause_after_call,
            phone_up: *phone_up,
        }),
        AgentEvent::PreviewOffered { pop, until } => Event::PreviewOffered(pb::PreviewOffered {
            pop: Some(screen_pop(pop)),
            until: Some(stamp(*until)),
        }),
        AgentEvent::Dialling { pop } => Event::CallDialling(pb::CallDialling {
            pop: Some(screen_pop(pop)),
        }),
        AgentEvent::Connected { pop } => Event::CallConnected(pb::CallConnected {
            pop: Some(screen_pop(pop)),
            // Whoever has another agent's draft at hand puts it in.
            draft: None,
        }),
        AgentEvent::CallEnded {
            attempt,
            result,
            because,
        } => Event::CallEnded(pb::CallEnded {
            attempt_id: attempt.map(|a| a.to_string()).unwrap_or_default(),
            result: result.map(|r| r.as_str().to_owned()).unwrap_or_default(),
            because: because.clone(),
        }),
        AgentEvent::WrapUp { attempt, until } => Event::WrapUpStarted(pb::WrapUpStarted {
            attempt_id: attempt.to_string(),
            until: Some(stamp(*until)),
        }),
        AgentEvent::WrapUpEnding { attempt, until } => Event::WrapUpEnding(pb::WrapUpEnding {
            attempt_id: attempt.to_string(),
            until: Some(stamp(*until)),
        }),
        AgentEvent::WrapUpTimedOut { attempt } => Event::WrapUpTimedOut(pb::WrapUpTimedOut {
            attempt_id: attempt.to_string(),
        }),
        AgentEvent::OutcomeSaved { attempt } => Event::OutcomeSaved(pb::OutcomeSaved {
            attempt_id: attempt.to_string(),
        }),
        AgentEvent::ReminderDue { callback: due } => Event::ReminderDue(pb::ReminderDue {
            callback: Some(callback(due)),
        }),
        AgentEvent::ReminderGone { callback } => Event::ReminderGone(pb::ReminderGone {
            callback_id: callback.0,
        }),
        AgentEvent::Notice { text } => Event::Notice(pb::Notice {
            kind: pb::NoticeKind::Text.into(),
            text: text.clone(),
        }),
    }
}

pub(crate) const fn state_to_proto(state: AgentState) -> pb::AgentState {
    match state {
        AgentState::Offline => pb::AgentState::Offline,
        AgentState::NotReady => pb::AgentState::NotReady,
        AgentState::Ready => pb::AgentState::Ready,
        AgentState::Previewing => pb::AgentState::Previewing,
        AgentState::Dialling => pb::AgentState::Dialling,
        AgentState::Talking => pb::AgentState::Talking,
        AgentState::Holding => pb::AgentState::Holding,
        AgentState::WrapUp => pb::AgentState::WrapUp,
        AgentState::ConnectionLost => pb::AgentState::ConnectionLost,
    }
}

fn screen_pop(pop: &ScreenPop) -> pb::ScreenPop {
    pb::ScreenPop {
        campaign_id: pop.campaign.0,
        campaign_name: pop.campaign_name.clone(),
        seller: pop.seller.clone(),
        greeting: pop.greeting.clone(),
        prospect_id: pop.prospect.0,
        attempt_id: pop.attempt.map(|a| a.to_string()).unwrap_or_default(),
        phone_id: pop.phone.map(|p| p.0).unwrap_or_default(),
        card: Some(card(
            pop.prospect,
            &pop.card,
            pop.amount.clone(),
            pop.subject.clone(),
            &pop.phones,
        )),
        questionnaire_id: pop.questionnaire.map(|q| q.0).unwrap_or_default(),
        dispositions: pop.dispositions.iter().map(disposition).collect(),
    }
}

fn disposition(disposition: &Disposition) -> pb::Disposition {
    pb::Disposition {
        code: disposition.code.clone().into_owned(),
        label: disposition.label.clone().into_owned(),
        kind: disposition.kind.as_str().to_owned(),
        needs_call_at: matches!(disposition.action, DispositionAction::CallBack { .. }),
    }
}

pub(crate) fn card(
    prospect: model::ProspectId,
    card: &Card,
    amount: Option<String>,
    subject: Option<String>,
    phones: &[PhoneFacts],
) -> pb::Card {
    pb::Card {
        prospect_id: prospect.0,
        external_id: card.external_id.clone(),
        name: card.name.clone().unwrap_or_default(),
        amount: amount.unwrap_or_default(),
        fields: card
            .fields
            .iter()
            .map(|(name, value)| pb::Field {
                name: name.clone(),
                value: value.clone(),
            })
            .collect(),
        phones: phones
            .iter()
            .map(|p| pb::Phone {
                phone_id: p.id.0,
                number: p.number.to_string(),
                kind: p.kind.clone(),
                extension: p.extension.clone().unwrap_or_default(),
                closed: p.closed,
                suppressed: p.suppressed,
            })
            .collect(),
        history: card
            .history
            .iter()
            .map(|entry| pb::CardEntry {
                at: Some(stamp(entry.at)),
                campaign_name: entry.campaign.clone(),
                result: entry.result.as_str().to_owned(),
                disposition: entry.disposition.clone().unwrap_or_default(),
                note: entry.note.clone().unwrap_or_default(),
                agent_name: entry.agent.clone().unwrap_or_default(),
                call_at: entry.call_at.map(stamp),
            })
            .collect(),
        promises: card
            .promises
            .iter()
            .map(|promise| pb::Promise {
                at: Some(stamp(promise.at)),
                campaign_name: promise.campaign.clone(),
                agent_name: promise.agent.clone().unwrap_or_default(),
                note: promise.note.clone(),
            })
            .collect(),
        subject: subject.unwrap_or_default(),
    }
}

pub(crate) fn callback(callback: &Callback) -> pb::Callback {
    pb::Callback {
        callback_id: callback.id.0,
        campaign_id: callback.campaign.0,
        prospect_id: callback.prospect.0,
        at: Some(stamp(callback.at)),
        phone_id: callback.phone.map(|p| p.0).unwrap_or_default(),
        name: callback.name.clone(),
        note: callback.note.clone(),
    }
}

/// Folds an event into the snapshot: a client that gets the snapshot knows what one that saw every event
/// knows.
pub(crate) fn apply(snapshot: &mut pb::Snapshot, event: &Event) {
    match event {
        Event::StateChanged(state) => {
            use pb::AgentState as S;
            match state.state() {
                S::Unspecified | S::Offline | S::NotReady | S::Ready => {
                    snapshot.preview = None;
                    end_call(snapshot);
                }
                S::Previewing | S::Dialling | S::WrapUp | S::ConnectionLost => {}
                S::Talking | S::Holding => snapshot.connected = true,
            }
            snapshot.state = Some(state.clone());
        }
        Event::PreviewOffered(offer) => snapshot.preview = Some(offer.clone()),
        Event::CallDialling(call) => {
            end_call(snapshot);
            snapshot.preview = None;
            snapshot.call = call.pop.clone();
        }
        Event::CallConnected(call) => {
            snapshot.preview = None;
            snapshot.call = call.pop.clone();
            snapshot.connected = true;
            // A talk that its agent comes back to keeps what was typed.
            if call.draft.is_some() {
                snapshot.draft.clone_from(&call.draft);
            }
        }
        Event::DraftOffered(offer) => {
            forget_draft(snapshot, &offer.attempt_id);
            snapshot.drafts.push(offer.clone());
            let latest =
                |d: &pb::DraftOffered| std::cmp::Reverse(d.ended_at.map(|t| (t.seconds, t.nanos)));
            snapshot.drafts.sort_by_key(latest);
            snapshot.drafts.truncate(DRAFTS);
        }
        Event::DraftGone(gone) => forget_draft(snapshot, &gone.attempt_id),
        Event::CallEnded(_) => snapshot.connected = false,
        Event::WrapUpStarted(wrap_up) => snapshot.wrap_up = Some(wrap_up.clone()),
        Event::WrapUpTimedOut(pb::WrapUpTimedOut { attempt_id })
        | Event::OutcomeSaved(pb::OutcomeSaved { attempt_id }) => {
            if matches!(event, Event::OutcomeSaved(_)) {
                forget_draft(snapshot, attempt_id);
            }
            // An outcome that was kept on disk while the database was away is saved during a later call.
            if snapshot
                .call
                .as_ref()
                .is_some_and(|c| c.attempt_id == *attempt_id)
            {
                end_call(snapshot);
            }
        }
        Event::ReminderDue(pb::ReminderDue {
            callback: Some(due),
        }) => {
            snapshot
                .reminders
                .retain(|c| c.callback_id != due.callback_id);
            snapshot.reminders.push(due.clone());
            snapshot
                .reminders
                .sort_by_key(|c| (c.at.map(|t| (t.seconds, t.nanos)), c.callback_id));
            snapshot.reminders.truncate(REMINDERS);
        }
        Event::ReminderGone(gone) => {
            snapshot
                .reminders
                .retain(|c| c.callback_id != gone.callback_id);
        }
        Event::ReminderDue(pb::ReminderDue { callback: None })
        | Event::WrapUpEnding(_)
        | Event::Notice(_)
        | Event::Snapshot(_)
        | Event::Heartbeat(_) => {}
    }
}

fn forget_draft(snapshot: &mut pb::Snapshot, attempt: &str) {
    snapshot.drafts.retain(|d| d.attempt_id != attempt);
}

fn end_call(snapshot: &mut pb::Snapshot) {
    snapshot.call = None;
    snapshot.connected = false;
    snapshot.wrap_up = None;
    snapshot.draft = None;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(state: pb::AgentState) -> Event {
        Event::StateChanged(pb::StateChanged {
            state: state.into(),
            ..Default::default()
        })
    }

    fn connected(attempt: &str) -> Event {
        Event::CallConnected(pb::CallConnected {
            pop: Some(pb::ScreenPop {
                attempt_id: attempt.to_owned(),
                ..Default::default()
            }),
            draft: None,
        })
    }

    fn folded(events: impl IntoIterator<Item = Event>) -> pb::Snapshot {
        let mut snapshot = pb::Snapshot::default();
        for event in events {
            apply(&mut snapshot, &event);
        }
        snapshot
    }

    #[test]
    fn a_call_stays_in_the_snapshot_from_the_answer_to_the_end_of_its_wrap_up() {
        let wrap_up = Event::WrapUpStarted(pb::WrapUpStarted {
            attempt_id: "a".to_owned(),
            until: None,
        });
        let talking = [connected("a"), state(pb::AgentState::Talking)];
        assert!(folded(talking.clone()).connected);
        let ended = [Event::CallEnded(pb::CallEnded::default()), wrap_up];
        let in_wrap_up = folded(talking.clone().into_iter().chain(ended.clone()));
        assert!(!in_wrap_up.connected && in_wrap_up.call.is_some() && in_wrap_up.wrap_up.is_some());
        let saved = Event::OutcomeSaved(pb::OutcomeSaved {
            attempt_id: "a".to_owned(),
        });
        let done = folded(talking.into_iter().chain(ended).chain([saved]));
        assert!(done.call.is_none() && done.wrap_up.is_none());
    }

    #[test]
    fn an_outcome_saved_late_does_not_end_the_next_call() {
        let saved = Event::OutcomeSaved(pb::OutcomeSaved {
            attempt_id: "a".to_owned(),
        });
        assert!(folded([connected("b"), saved]).call.is_some());
    }

    #[test]
    fn reminders_are_sorted_and_leave_when_they_are_gone() {
        let due = |id, seconds| {
            Event::ReminderDue(pb::ReminderDue {
                callback: Some(pb::Callback {
                    callback_id: id,
                    at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
                    ..Default::default()
                }),
            })
        };
        let gone = Event::ReminderGone(pb::ReminderGone { callback_id: 2 });
        let ids = |s: pb::Snapshot| {
            s.reminders
                .iter()
                .map(|c| c.callback_id)
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(folded([due(1, 30), due(2, 20), due(1, 10)])), [1, 2]);
        assert_eq!(ids(folded([due(1, 30), due(2, 20), gone])), [1]);
    }
}
