//! Messages to people: the notification campaign's call, and the words for those whom no agent could take.
//!
//! A notification says first who calls. When it carries a gate, nothing personal is said until a key
//! confirms that the right person listens. The opt-out key works at any time and ends the call at once.

use std::time::Duration;

use announce::{Facts, Message, Segment, Spoken};
use model::{AttemptId, PlayId};

use crate::call::{MessageStage, PersonSaid, State};
use crate::classify::MessagePart;
use crate::engine::Engine;
use crate::leg::{LegCommand, Sound};
use crate::timers::Timer;
use crate::work::Claim;

/// Before the first word, so that it is not lost while the path opens.
const PRE_ROLL: Duration = Duration::from_millis(200);

impl Engine {
    /// The person of a notification answered.
    pub(crate) fn start_message(&mut self, attempt: AttemptId) {
        let Some((message, claim)) = self.message_of(attempt) else {
            self.fault(attempt);
            return;
        };
        let Some(mut sounds) = render(&message, &message.identification, claim) else {
            self.fault(attempt);
            return;
        };
        sounds.insert(0, Sound::Silence { length: PRE_ROLL });
        self.play_to_person(attempt, MessageStage::Identification, sounds);
    }

    fn message_of(&self, attempt: AttemptId) -> Option<(Message, &Claim)> {
        let call = self.calls.get(&attempt)?;
        let message = self.campaigns.get(&call.campaign)?.spec.message.clone()?;
        Some((message, &call.claim))
    }

    /// Our own fault, in the middle of a call: the person is released, the attempt says so.
    fn fault(&mut self, attempt: AttemptId) {
        if let Some(call) = self.calls.get_mut(&attempt) {
            call.own_fault = true;
        }
        self.release(attempt);
    }

    pub(crate) fn play_to_person(
        &mut self,
        attempt: AttemptId,
        part: MessageStage,
        sounds: Vec<Sound>,
    ) {
        let play = self.new_play();
        let wall = self.now.wall;
        let Some(call) = self.calls.get_mut(&attempt) else {
            return;
        };
        let trunk = call.state.trunk();
        let Some(leg) = call.state.leg() else { return };
        call.times.message_at.get_or_insert(wall);
        let answered = call.answered_mut();
        if answered.message == MessagePart::None {
            answered.message = MessagePart::Started;
        }
        call.state = State::Message {
            leg,
            trunk,
            play,
            part,
        };
        self.timers.cancel(Timer::Attempt(attempt));
        self.leg(LegCommand::Play {
            leg,
            play,
            sounds,
            repeat: false,
        });
    }

    /// A play on a person's leg ended.
    pub(crate) fn message_played(
        &mut self,
        attempt: AttemptId,
        played: PlayId,
        heard: Duration,
        whole: bool,
    ) {
        let Some(call) = self.calls.get_mut(&attempt) else {
            return;
        };
        call.heard += heard;
        let State::Message { play, part, .. } = call.state else {
            return;
        };
        // A play that was replaced by the next one ends after it began.
        if play != played || !whole {
            return;
        }
        match part {
            MessageStage::Identification => self.identified(attempt),
            MessageStage::Body => {
                call.answered_mut().message = MessagePart::Delivered;
                self.play_stage(attempt, MessageStage::Goodbye);
            }
            // The gate's timer runs; the prompt is not repeated by itself.
            MessageStage::Gate => {}
            MessageStage::Goodbye | MessageStage::Abandoned => self.release(attempt),
        }
    }

    fn identified(&mut self, attempt: AttemptId) {
        let gate = self
            .message_of(attempt)
            .and_then(|(message, _)| message.gate);
        let Some(gate) = gate else {
            self.play_stage(attempt, MessageStage::Body);
            return;
        };
        self.play_stage(attempt, MessageStage::Gate);
        let at = self.after(gate.wait);
        self.timers.set(Timer::Attempt(attempt), at);
    }

    fn play_stage(&mut self, attempt: AttemptId, part: MessageStage) {
        let Some((message, claim)) = self.message_of(attempt) else {
            self.fault(attempt);
            return;
        };
        let no_segments = Vec::new();
        let segments = match part {
            MessageStage::Identification => &message.identification,
            MessageStage::Gate => message.gate.as_ref().map_or(&no_segments, |g| &g.prompt),
            MessageStage::Body => &message.body,
            MessageStage::Goodbye => &message.goodbye,
            MessageStage::Abandoned => &no_segments,
        };
        match render(&message, segments, claim) {
            Some(sounds) if sounds.is_empty() => self.release(attempt),
            Some(sounds) => self.play_to_person(attempt, part, sounds),
            None => self.fault(attempt),
        }
    }

    /// Nobody said that the right person listens: nothing personal is said.
    pub(crate) fn gate_timed_out(&mut self, attempt: AttemptId) {
        self.play_stage(attempt, MessageStage::Goodbye);
    }

    pub(crate) fn key_pressed(&mut self, attempt: AttemptId, digit: char) {
        let Some(call) = self.calls.get(&attempt) else {
            return;
        };
        let State::Message { part, .. } = call.state else {
            return;
        };
        let Some((message, _)) = self.message_of(attempt) else {
            return;
        };
        let keys = message.keys;
        if digit == keys.opt_out {
            self.person_said(attempt, PersonSaid::NeverAgain);
            return;
        }
        match part {
            MessageStage::Gate if digit == keys.confirm => {
                self.play_stage(attempt, MessageStage::Body)
            }
            MessageStage::Gate if digit == keys.wrong_person => {
                self.person_said(attempt, PersonSaid::WrongPerson)
            }
            MessageStage::Body | MessageStage::Goodbye if digit == keys.repeat => {
                self.play_stage(attempt, MessageStage::Body);
            }
            // Who calls is said to its end; a key pressed early says nothing.
            MessageStage::Identification
            | MessageStage::Gate
            | MessageStage::Body
            | MessageStage::Goodbye
            | MessageStage::Abandoned => {}
        }
    }

    fn person_said(&mut self, attempt: AttemptId, said: PersonSaid) {
        if let Some(call) = self.calls.get_mut(&attempt) {
            call.said = said;
        }
        self.release(attempt);
    }
}

/// The sounds of segments for one prospect; `None` when a fact it speaks of is missing, which
/// [`may_be_told`] keeps from being dialled.
fn render(message: &Message, segments: &[Segment], claim: &Claim) -> Option<Vec<Sound>> {
    let spoken = message.speak(segments, &facts(claim)).ok()?;
    let sound = |spoken| match spoken {
        Spoken::Prompts(ids) => Sound::Prompts {
            voice: message.voice.clone(),
            ids,
        },
        Spoken::Recording(name) => Sound::Recording { name },
        Spoken::Silence(length) => Sound::Silence { length },
    };
    Some(spoken.into_iter().map(sound).collect())
}

/// Whether every part of a message can be said to this prospect: nobody is called to hear a sentence with
/// a hole in it.
///
/// # Errors
/// What is missing, in words.
pub(crate) fn may_be_told(message: &Message, claim: &Claim) -> Result<(), String> {
    let gate = message.gate.iter().flat_map(|g| &g.prompt);
    let all: Vec<Segment> = message
        .identification
        .iter()
        .chain(gate)
        .chain(&message.body)
        .chain(&message.goodbye)
        .cloned()
        .collect();
    message
        .speak(&all, &facts(claim))
        .map(drop)
        .map_err(|e| e.to_string())
}

fn facts(claim: &Claim) -> Facts<'_> {
    Facts {
        amount: claim.amount,
        fields: &claim.card.fields,
    }
}
