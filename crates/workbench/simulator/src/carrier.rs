//! The carrier and the phones: what becomes of an INVITE, drawn from the world's random numbers.

use std::time::Duration;

use engine::LegEvent;
use model::{Ended, LegEnd, LegId, SipStatus};

use crate::world::{Coming, World};

/// A leg as the far side knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Not answered yet.
    Alerting,
    /// Answered.
    Up,
}

impl World {
    /// Decides what becomes of a call to a person.
    pub(crate) fn person_called(&mut self, leg: LegId) {
        let set_up = self.between(300, 3_000);
        let ring = self.between(2_000, 30_000);
        if self.chance(self.scenario.answered) {
            self.later(
                set_up,
                Coming::Leg(LegEvent::Ringing {
                    leg,
                    early_media: false,
                }),
            );
            self.later(
                set_up + ring,
                Coming::Answer {
                    leg,
                    after_cancel: false,
                },
            );
            return;
        }
        let (status, q850, rings) = match self.draw(8) {
            0 => (486, Some(17), false),
            1 => (404, Some(1), false),
            2 => (503, None, false),
            3 => (480, Some(19), true),
            4 => (603, Some(21), true),
            5 => (500, None, false),
            // Rings until we give up.
            _ => {
                self.later(
                    set_up,
                    Coming::Leg(LegEvent::Ringing {
                        leg,
                        early_media: false,
                    }),
                );
                return;
            }
        };
        if rings {
            self.later(
                set_up,
                Coming::Leg(LegEvent::Ringing {
                    leg,
                    early_media: false,
                }),
            );
        }
        let at = if rings { set_up + ring } else { set_up };
        let end = LegEnd {
            status: Some(SipStatus(status)),
            q850,
            rang: rings,
            ..LegEnd::bare(Ended::Remote)
        };
        self.later(at, Coming::Over { leg, end });
    }

    /// Our CANCEL reaches the far side; one in twenty crosses an answer.
    pub(crate) fn cancelled(&mut self, leg: LegId) {
        if self.lines.get(&leg) != Some(&Line::Alerting) {
            return;
        }
        let delay = self.between(20, 200);
        if self.chance(0.05) {
            self.later(
                delay,
                Coming::Answer {
                    leg,
                    after_cancel: true,
                },
            );
        } else {
            let end = LegEnd {
                status: Some(SipStatus(487)),
                ..LegEnd::bare(Ended::Local)
            };
            self.later(delay, Coming::Over { leg, end });
        }
    }

    /// A person hears something: some press a key, some put the phone down.
    pub(crate) fn listens(&mut self, leg: LegId) {
        let after = self.between(100, 2_000);
        match self.draw(10) {
            0..=4 => self.later(after, Coming::Key { leg, digit: '1' }),
            5 => self.later(after, Coming::Key { leg, digit: '2' }),
            6 => self.later(after, Coming::Key { leg, digit: '9' }),
            7 => self.later(
                after,
                Coming::Over {
                    leg,
                    end: LegEnd::bare(Ended::Remote),
                },
            ),
            _ => {}
        }
    }

    pub(crate) fn hung_up(&mut self, leg: LegId) {
        match self.lines.get(&leg) {
            Some(Line::Up) => {
                let end = LegEnd::bare(Ended::Local);
                self.later(Duration::from_millis(5), Coming::Over { leg, end });
            }
            Some(Line::Alerting) => self.cancelled(leg),
            None => {}
        }
    }
}
