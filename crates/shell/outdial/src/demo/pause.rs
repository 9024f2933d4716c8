//! One campaign is paused and resumed; the carrier's log says what that did.

use std::time::{Duration, Instant};

use serde::Serialize;
use testkit::Call;

use super::report::rounded;

/// A launch that was committed before the pause may still leave; none does later than this.
const GRACE: Duration = Duration::from_secs(1);

/// When a campaign was paused and resumed.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    /// The daemon had answered that it is paused.
    pub from: Instant,
    /// The daemon had answered that it goes on.
    pub to: Instant,
}

/// A call of the campaign as the carrier saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moments {
    /// The INVITE.
    pub invited_at: Instant,
    /// The CANCEL.
    pub cancelled_at: Option<Instant>,
    /// The answer.
    pub answered_at: Option<Instant>,
    /// The end.
    pub ended_at: Option<Instant>,
}

impl From<&Call> for Moments {
    fn from(call: &Call) -> Self {
        Self {
            invited_at: call.invited_at,
            cancelled_at: call.cancelled_at,
            answered_at: call.answered_at,
            ended_at: call.ended_at,
        }
    }
}

/// What the carrier saw of the pause.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PauseSeen {
    /// Which campaign.
    pub campaign: &'static str,
    /// How long it was paused.
    pub seconds: f64,
    /// INVITEs later than a second after it. Must be none.
    pub late_invites: u64,
    /// Calls that had not been answered.
    pub unanswered: u64,
    /// Of them, those that were taken back.
    pub cancelled: u64,
    /// Of them, those that were answered while it was paused.
    pub answered: u64,
    /// Calls that were answered before.
    pub talks: u64,
    /// How long the last of them went on. Absent: there were none.
    pub last_talk_s: Option<f64>,
    /// From the end of the pause to the next INVITE. Absent: none came.
    pub resumed_after_ms: Option<u64>,
}

impl Pause {
    /// Reads the campaign's calls.
    pub fn seen(&self, campaign: &'static str, calls: &[Moments]) -> PauseSeen {
        let mut seen = PauseSeen {
            campaign,
            seconds: rounded(self.to - self.from),
            ..PauseSeen::default()
        };
        let paused = |at: Instant| at > self.from && at < self.to;
        for call in calls {
            let invited = call.invited_at;
            seen.late_invites += u64::from(invited > self.from + GRACE && invited < self.to);
            let over = call.ended_at.is_some_and(|at| at <= self.from);
            if invited > self.from || over {
                continue;
            }
            if call.answered_at.is_some_and(|at| at <= self.from) {
                seen.talks += 1;
                let length = call.ended_at.unwrap_or(self.to) - self.from;
                let longest = seen.last_talk_s.unwrap_or_default();
                seen.last_talk_s = Some(longest.max(rounded(length)));
            } else {
                seen.unanswered += 1;
                seen.cancelled += u64::from(call.cancelled_at.is_some_and(paused));
                seen.answered += u64::from(call.answered_at.is_some_and(paused));
            }
        }
        let after = calls
            .iter()
            .map(|c| c.invited_at)
            .filter(|at| *at >= self.to);
        let after = after.min().map(|at| (at - self.to).as_millis());
        seen.resumed_after_ms = after.and_then(|ms| u64::try_from(ms).ok());
        seen
    }
}

impl PauseSeen {
    /// In words.
    pub fn text(&self) -> String {
        let went_on = match self.resumed_after_ms {
            Some(ms) => format!("the next call began {ms} ms after resuming"),
            None => "no call began after it".to_owned(),
        };
        let Self {
            campaign,
            seconds,
            late_invites,
            unanswered,
            cancelled,
            answered,
            talks,
            ..
        } = self;
        let talked_on = match self.last_talk_s {
            Some(last) => format!(", the last of them for another {last:.1} s"),
            None => String::new(),
        };
        format!(
            "{campaign} paused for {seconds:.1} s: {late_invites} calls began later than a second after it; of \
             {unanswered} that rang {cancelled} were taken back and {answered} answered; {talks} people talked \
             on{talked_on}; {went_on}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of each moment; paused from 10 to 15.
    fn call(invited: u64, answered: Option<u64>, ended: Option<u64>) -> [Option<u64>; 3] {
        [Some(invited), answered, ended]
    }

    fn seen(calls: &[[Option<u64>; 3]]) -> PauseSeen {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let pause = Pause {
            from: at(10),
            to: at(15),
        };
        let calls: Vec<_> = calls
            .iter()
            .map(|[invited, answered, ended]| Moments {
                invited_at: at(invited.unwrap()),
                cancelled_at: None,
                answered_at: answered.map(at),
                ended_at: ended.map(at),
            })
            .collect();
        pause.seen("sales", &calls)
    }

    #[test]
    fn calls_around_a_pause_are_told_apart() {
        let seen = seen(&[
            call(1, Some(2), Some(9)),   // was over
            call(5, Some(8), Some(14)),  // talks on
            call(5, Some(8), Some(10)),  // over when it began
            call(8, Some(12), Some(20)), // answered meanwhile
            call(9, None, Some(13)),     // rang on
            call(16, None, None),        // the next one
        ]);
        assert_eq!((seen.talks, seen.last_talk_s), (1, Some(4.0)));
        assert_eq!((seen.unanswered, seen.answered, seen.cancelled), (2, 1, 0));
        assert_eq!((seen.late_invites, seen.resumed_after_ms), (0, Some(1_000)));
    }

    #[test]
    fn a_call_that_begins_in_the_pause_is_late_and_one_that_was_on_its_way_is_not() {
        let seen = seen(&[
            call(11, None, None),
            call(12, None, None),
            call(14, None, None),
        ]);
        assert_eq!((seen.late_invites, seen.unanswered), (2, 0));
        assert_eq!(seen.resumed_after_ms, None);
        assert!(
            seen.text().contains("2 calls began later"),
            "{}",
            seen.text()
        );
    }
}
