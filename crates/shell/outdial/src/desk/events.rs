//! What an event of the session changes.

use proto::agent::v1 as pb;
use proto::agent::v1::watch_session_response::Event;

use super::machine::{Desk, Link, Tone};
use super::mode::Mode;
use super::wish::Wish;

impl Desk {
    pub(super) fn apply(&mut self, event: Event) {
        match event {
            Event::Snapshot(snapshot) => self.is = snapshot,
            Event::StateChanged(state) => self.state_changed(state),
            Event::PreviewOffered(offer) => {
                self.is.preview = Some(offer);
                self.scroll = 0;
                self.wish(Wish::Bell);
                self.come_up();
            }
            Event::CallDialling(call) => {
                self.end_call();
                self.is.preview = None;
                self.is.call = call.pop;
                self.come_up();
            }
            Event::CallConnected(call) => {
                self.is.preview = None;
                self.is.call = call.pop;
                self.is.connected = true;
                self.is_ending = false;
                if call.draft.is_some() {
                    // Taken over from a colleague whose phone was lost: the card comes as it stands.
                    self.is.draft = call.draft;
                }
                self.wish(Wish::Bell);
            }
            Event::CallEnded(ended) => self.call_ended(&ended),
            Event::WrapUpStarted(wrap_up) => {
                self.is.wrap_up = Some(wrap_up);
                self.is_ending = false;
            }
            Event::WrapUpEnding(ending) => {
                self.is_ending = true;
                self.wish(Wish::Bell);
                self.is.wrap_up = Some(pb::WrapUpStarted {
                    attempt_id: ending.attempt_id,
                    until: ending.until,
                });
            }
            Event::WrapUpTimedOut(over) => {
                if self.is_of_call(&over.attempt_id) {
                    self.keep_left_over();
                    self.end_call();
                }
                let text = "the time for notes is over: no outcome was given, nothing was applied";
                self.say(Tone::Warning, text);
            }
            Event::OutcomeSaved(saved) => {
                self.is_saved(&saved.attempt_id);
                self.forget_draft(&saved.attempt_id);
                // One that was kept on disk while the database was away is saved during a later call.
                if self.is_of_call(&saved.attempt_id) {
                    self.end_call();
                }
            }
            Event::ReminderDue(due) => self.remind(due.callback),
            Event::ReminderGone(gone) => {
                let reminders = &mut self.is.reminders;
                reminders.retain(|c| c.callback_id != gone.callback_id);
            }
            Event::DraftOffered(offer) => self.draft_offered(offer),
            Event::DraftGone(gone) => self.forget_draft(&gone.attempt_id),
            Event::Notice(notice) => self.noticed(&notice),
            Event::Heartbeat(_) => {}
        }
    }

    fn draft_offered(&mut self, offer: pb::DraftOffered) {
        let text = format!(
            "what you typed about {} is kept: it was not applied",
            offer.name
        );
        self.forget_draft(&offer.attempt_id);
        self.is.drafts.push(offer);
        self.say(Tone::Warning, text);
    }

    fn forget_draft(&mut self, attempt: &str) {
        self.is.drafts.retain(|d| d.attempt_id != attempt);
    }

    fn state_changed(&mut self, state: pb::StateChanged) {
        use pb::AgentState as S;
        match state.state() {
            S::Unspecified | S::Offline | S::NotReady | S::Ready => {
                self.is.preview = None;
                self.end_call();
                if matches!(&self.mode, Mode::Numbers(n) if n.whom == super::mode::Whom::Offered) {
                    self.come_up();
                }
            }
            S::Talking | S::Holding => self.is.connected = true,
            S::Previewing | S::Dialling | S::WrapUp | S::ConnectionLost => {}
        }
        self.is.state = Some(state);
    }

    fn call_ended(&mut self, ended: &pb::CallEnded) {
        self.is.connected = false;
        let result = ended.result.replace('_', " ");
        let text = match (result.as_str(), ended.because.as_str()) {
            ("", "") => "the call is over".to_owned(),
            ("", because) => because.to_owned(),
            (result, "") => format!("the call is over: {result}"),
            (result, because) => format!("the call is over: {result} ({because})"),
        };
        self.say(Tone::Plain, text);
    }

    fn remind(&mut self, callback: Option<pb::Callback>) {
        let Some(due) = callback else { return };
        let text = format!("to be called now: {}", due.name);
        let reminders = &mut self.is.reminders;
        reminders.retain(|c| c.callback_id != due.callback_id);
        reminders.push(due);
        self.wish(Wish::Bell);
        self.say(Tone::Warning, text);
    }

    fn noticed(&mut self, notice: &pb::Notice) {
        match notice.kind() {
            pb::NoticeKind::TakenOver => {
                self.link = Link::TakenOver;
                self.come_up();
            }
            // The stream's end follows.
            pb::NoticeKind::SessionClosed => {}
            pb::NoticeKind::Unspecified | pb::NoticeKind::Text => {
                self.say(Tone::Plain, notice.text.clone());
            }
        }
    }

    fn is_of_call(&self, attempt: &str) -> bool {
        self.is
            .call
            .as_ref()
            .is_some_and(|c| c.attempt_id == attempt)
    }

    fn end_call(&mut self) {
        self.is.call = None;
        self.is.connected = false;
        self.is.wrap_up = None;
        self.is.draft = None;
        self.is_ending = false;
    }
}
