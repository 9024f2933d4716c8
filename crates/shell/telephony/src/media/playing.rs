//! One play on one leg.

use std::time::Duration;

use engine::LegEvent;
use media::{Playhead, Timeline};
use model::{LegId, PlayId};

/// A play under way. Its clock is what is sent: while the far end holds us it stands still.
#[derive(Debug)]
pub(super) struct Playing {
    play: PlayId,
    pub(super) head: Playhead,
}

impl Playing {
    pub(super) const fn new(play: PlayId, timeline: Timeline, repeat: bool) -> Self {
        Self {
            play,
            head: Playhead::new(timeline, repeat),
        }
    }

    /// The report of its end.
    pub(super) fn ended(&self, leg: LegId, whole: bool) -> LegEvent {
        played(leg, self.play, self.head.heard(), whole)
    }
}

/// The report of a play's end.
pub(super) const fn played(leg: LegId, play: PlayId, heard: Duration, whole: bool) -> LegEvent {
    LegEvent::Played {
        leg,
        play,
        heard,
        whole,
    }
}
