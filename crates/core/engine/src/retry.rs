//! What follows a result: the next number, a later try, or the end.

use std::collections::BTreeMap;
use std::time::Duration;

use compliance::Rules;
use model::{CallResult, PastTry, PhoneId, SipStatus, WallTime};
use serde::{Deserialize, Serialize};

use crate::work::{Claim, ClosedState, Next, NumberMark, PhoneFacts, WorkKind};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// What follows one result on one number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryRule {
    /// Delays before the first, second, … further try of the same number. After the last one the number
    /// is closed; empty: closed at once.
    pub after_s: Vec<u64>,
    /// The prospect's next number is tried at once, when there is one that this hunt has not tried.
    #[serde(default)]
    pub hunt: bool,
    /// The number is only dialled again with an agent reserved for it.
    #[serde(default)]
    pub reserved_agent: bool,
}

/// What follows each result, and how often at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryTable {
    /// By result; a result without a row has the standard one.
    pub rules: BTreeMap<CallResult, RetryRule>,
    /// Tries of one number in this campaign.
    pub tries_per_phone: u32,
    /// Tries of one prospect in this campaign.
    pub tries_per_prospect: u32,
    /// Tries of one prospect within 24 hours.
    pub tries_per_day: u32,
    /// Before a prospect whose agent gave no outcome is tried again.
    pub no_outcome_after_s: u64,
}

impl Default for RetryTable {
    fn default() -> Self {
        Self {
            rules: BTreeMap::new(),
            tries_per_phone: 6,
            tries_per_prospect: 10,
            tries_per_day: 3,
            no_outcome_after_s: HOUR.as_secs(),
        }
    }
}

/// What follows a result, before dates and numbers are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The same number again.
    SamePhone {
        after: Duration,
        reserved_agent: bool,
    },
    /// The prospect's next number at once; this one again after the delay.
    NextPhone { this_after: Option<Duration> },
    /// This number is done; the next one at once.
    ClosePhone,
    /// The prospect is done.
    Close(ClosedState),
    /// Back to the queue, nothing burnt.
    BackToQueue { after: Duration },
    /// The agent decides.
    AwaitOutcome,
}

/// What an attempt says of its number beyond the result.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signals {
    pub(crate) status: Option<SipStatus>,
    pub(crate) q850: Option<u8>,
    pub(crate) rang: bool,
    pub(crate) machine_message_is_success: bool,
    /// The person said by a key that the number does not lead to the prospect.
    pub(crate) wrong_person: bool,
}

/// The standard delays. Product defaults: no norm stands behind them.
fn standard(result: CallResult) -> RetryRule {
    use CallResult as R;
    let rule = |after: &[Duration], hunt, reserved_agent| RetryRule {
        after_s: after.iter().map(Duration::as_secs).collect(),
        hunt,
        reserved_agent,
    };
    match result {
        R::Busy => rule(&[MINUTE * 5, MINUTE * 15, HOUR], true, false),
        R::NoAnswer => rule(&[HOUR * 3, HOUR * 3], true, false),
        R::Rejected => rule(&[DAY, DAY], true, false),
        R::NoRingback | R::DroppedWhileRinging => rule(&[MINUTE * 30; 4], false, false),
        R::SubscriberAbsent => rule(&[HOUR * 2, HOUR * 6, DAY], true, false),
        R::NotInService | R::OperatorIntercept | R::Barred => rule(&[DAY], true, false),
        R::InvalidNumber => rule(&[DAY], true, false),
        R::Incompatible => rule(&[MINUTE * 30], false, false),
        R::NetworkCongestion => rule(
            &[MINUTE * 2, MINUTE * 5, MINUTE * 15, HOUR, DAY],
            false,
            false,
        ),
        R::TrunkFailure | R::SipUnsupported | R::SipUnauthorized | R::SipInvalid => rule(
            &[MINUTE, MINUTE * 2, MINUTE * 5, MINUTE * 30, HOUR, DAY],
            false,
            false,
        ),
        R::DialError | R::DialStopped | R::ReturnedUndialled | R::PreviewTimedOut => {
            rule(&[MINUTE; 64], false, false)
        }
        R::InternalError | R::ControllerLost | R::NoMedia => rule(&[HOUR; 4], false, true),
        R::AbandonedNoAgent | R::AbandonedWithMessage | R::AbandonedAgentNoPickup => {
            rule(&[DAY * 3; 2], false, true)
        }
        R::CallerHungUpEarly | R::DeadAir => rule(&[HOUR * 4; 3], false, true),
        R::AnsweringMachine | R::NetworkVoicemail => rule(&[HOUR * 6, HOUR * 6], true, false),
        R::MachineMessageLeft => rule(&[DAY * 2], false, false),
        R::MessagePartial => rule(&[DAY], false, false),
        R::PreviewSkipped | R::CallbackAgentUnavailable | R::ComplianceBlocked => {
            rule(&[Duration::ZERO; 64], false, false)
        }
        R::FaxModem
        | R::NumberChanged
        | R::BlockedAsUnwanted
        | R::DoNotCall
        | R::ConnectedAgent
        | R::MessageDelivered
        | R::PreviewClosed => rule(&[], false, false),
    }
}

impl RetryTable {
    /// The row of a result: the campaign's own, else the standard one.
    pub fn rule(&self, result: CallResult) -> RetryRule {
        self.rules
            .get(&result)
            .cloned()
            .unwrap_or_else(|| standard(result))
    }

    /// What follows `result` when the same result was had `earlier` times on this number, with
    /// `phones_left` further numbers that this hunt has not tried.
    pub(crate) fn step(
        &self,
        result: CallResult,
        earlier: usize,
        phones_left: usize,
        signals: &Signals,
    ) -> Step {
        use CallResult as R;
        if result == R::ConnectedAgent {
            return Step::AwaitOutcome;
        }
        let success = result == R::MessageDelivered && !signals.wrong_person
            || (result == R::MachineMessageLeft && signals.machine_message_is_success);
        if success {
            return Step::Close(ClosedState::Success);
        }
        if result == R::PreviewClosed {
            return Step::Close(ClosedState::Done);
        }
        if signals.wrong_person || mark(result, signals) == Some(NumberMark::Invalid) {
            return Step::ClosePhone;
        }
        let undialled = matches!(
            result,
            R::DialError
                | R::DialStopped
                | R::ReturnedUndialled
                | R::PreviewTimedOut
                | R::PreviewSkipped
        );
        if undialled && !signals.rang && !self.rules.contains_key(&result) {
            let after = standard(result).after_s.first().copied().unwrap_or(0);
            return Step::BackToQueue {
                after: Duration::from_secs(after),
            };
        }
        let rule = self.rule(result);
        let Some(delay) = rule.after_s.get(earlier).copied().map(Duration::from_secs) else {
            return Step::ClosePhone;
        };
        // A call that rang is not repeated within half an hour, whatever the technical cause was.
        let technical = matches!(
            result,
            R::NetworkCongestion | R::TrunkFailure | R::DialStopped
        );
        let delay = if technical && signals.rang {
            delay.max(MINUTE * 30)
        } else {
            delay
        };
        if rule.hunt && phones_left > 0 {
            Step::NextPhone {
                this_after: Some(delay),
            }
        } else {
            Step::SamePhone {
                after: delay,
                reserved_agent: rule.reserved_agent,
            }
        }
    }

    /// What follows for the prospect after `result` on `phone` at `now`: clipped into the rules' window,
    /// within the limits of tries.
    #[expect(
        clippy::too_many_arguments,
        reason = "the facts of one decision; a struct of them would be built at each call"
    )]
    pub(crate) fn next(
        &self,
        result: CallResult,
        counts_as_try: bool,
        claim: &Claim,
        phone: PhoneId,
        now: WallTime,
        rules: &Rules,
        signals: &Signals,
    ) -> Next {
        let tries_now = claim.tries + u32::from(counts_as_try);
        let mut on = claim.phones.iter().skip_while(|p| p.id != phone);
        let Some(this) = on.next() else {
            return closed(
                ClosedState::Exhausted,
                None,
                "its number is no longer in the list",
            );
        };
        let here = |t: &&PastTry| t.campaign == claim.campaign;
        let earlier = this
            .history
            .iter()
            .filter(here)
            .filter(|t| t.result == Some(result))
            .count();
        let mut left = on.filter(|p| p.may_be_tried());
        let step = self.step(result, earlier, left.clone().count(), signals);

        let phone_tries = this
            .history
            .iter()
            .filter(here)
            .filter(|t| counts(t))
            .count()
            + usize::from(counts_as_try);
        let phone_used_up = phone_tries >= self.tries_per_phone as usize;
        let close_this = step == Step::ClosePhone
            || (phone_used_up && !matches!(step, Step::AwaitOutcome | Step::Close(_)));
        let close_phone = close_this.then_some(phone);

        match step {
            Step::AwaitOutcome => return Next::AwaitsOutcome,
            Step::Close(state) => return closed(state, None, result.as_str()),
            Step::BackToQueue { after } => {
                return due(
                    self.clip(now + after, claim, rules),
                    Some(phone),
                    claim.kind,
                    None,
                    result.as_str(),
                );
            }
            Step::SamePhone { .. } | Step::NextPhone { .. } | Step::ClosePhone => {}
        }
        if tries_now >= self.tries_per_prospect {
            return closed(
                ClosedState::Exhausted,
                close_phone,
                "all tries of the prospect are used",
            );
        }
        let day_full = self.day_full(claim, now, counts_as_try);
        if (close_this || !matches!(step, Step::SamePhone { .. }))
            && let Some(next) = left.next()
        {
            let at = day_full.unwrap_or(now);
            let because = format!("{result}, next number");
            return due(
                self.clip(at, claim, rules),
                Some(next.id),
                WorkKind::Hunt,
                close_phone,
                &because,
            );
        }
        // The hunt is over: sleep until the earliest number may be tried again.
        let own = match step {
            Step::SamePhone {
                after,
                reserved_agent,
            } => Some((after, reserved_agent)),
            Step::NextPhone { this_after } => this_after.map(|after| (after, false)),
            Step::ClosePhone | Step::Close(_) | Step::BackToQueue { .. } | Step::AwaitOutcome => {
                None
            }
        };
        let own = own
            .filter(|_| !close_this)
            .map(|(after, reserved)| (now + after, phone, reserved));
        let others = claim
            .phones
            .iter()
            .filter(|p| p.id != phone && p.may_be_tried())
            .map(|p| {
                let (at, reserved) = self.ready_again(p, claim, now);
                (at, p.id, reserved)
            });
        let earliest = own.into_iter().chain(others).min_by_key(|(at, ..)| *at);
        match earliest {
            Some((at, phone, reserved)) => {
                let at = day_full.map_or(at, |day| at.max(day));
                let kind = if reserved {
                    WorkKind::ReservedAgent
                } else {
                    WorkKind::Retry
                };
                due(
                    self.clip(at, claim, rules),
                    Some(phone),
                    kind,
                    close_phone,
                    result.as_str(),
                )
            }
            None => closed(
                ClosedState::Exhausted,
                close_phone,
                "no number is left to try",
            ),
        }
    }

    /// When a number that was tried earlier may be tried again.
    fn ready_again(&self, phone: &PhoneFacts, claim: &Claim, now: WallTime) -> (WallTime, bool) {
        let mine = || {
            phone
                .history
                .iter()
                .filter(|t| t.campaign == claim.campaign)
        };
        let Some(last) = mine().next_back() else {
            return (now, false);
        };
        let Some(result) = last.result else {
            return (last.at + HOUR, true);
        };
        let rule = self.rule(result);
        let had = mine().filter(|t| t.result == Some(result)).count();
        let delay = rule
            .after_s
            .get(had.saturating_sub(1))
            .or(rule.after_s.last())
            .copied()
            .unwrap_or(DAY.as_secs());
        (
            (last.at + Duration::from_secs(delay)).max(now),
            rule.reserved_agent,
        )
    }

    /// When the prospect may be tried again, if this 24 hours' tries are used up.
    fn day_full(&self, claim: &Claim, now: WallTime, one_more: bool) -> Option<WallTime> {
        let since = now - DAY;
        let tries = claim
            .phones
            .iter()
            .flat_map(|p| &p.history)
            .filter(|t| t.campaign == claim.campaign);
        let mut today: Vec<WallTime> = tries
            .filter(|t| counts(t) && t.at > since)
            .map(|t| t.at)
            .collect();
        if one_more {
            today.push(now);
        }
        today.sort_unstable();
        let limit = self.tries_per_day.max(1) as usize;
        let full = today.len().checked_sub(limit)?;
        today
            .get(full)
            .map(|oldest_that_counts| *oldest_that_counts + DAY)
    }

    fn clip(&self, at: WallTime, claim: &Claim, rules: &Rules) -> WallTime {
        rules.window(&claim.zones, at).next.unwrap_or(at)
    }
}

fn counts(t: &PastTry) -> bool {
    t.result.is_none_or(CallResult::counts_as_try)
}

fn due(
    at: WallTime,
    phone: Option<PhoneId>,
    kind: WorkKind,
    close_phone: Option<PhoneId>,
    because: &str,
) -> Next {
    // A fresh prospect that was tried, or handed back, is fresh no more once it has waited.
    Next::Due {
        at,
        phone,
        kind,
        close_phone,
        because: because.to_owned(),
    }
}

fn closed(state: ClosedState, close_phone: Option<PhoneId>, because: &str) -> Next {
    Next::Closed {
        state,
        close_phone,
        because: because.to_owned(),
    }
}

impl PhoneFacts {
    /// Neither closed nor suppressed.
    pub fn may_be_tried(&self) -> bool {
        !self.closed && !self.suppressed
    }
}

/// The mark that a result leaves on a number, if any.
pub(crate) fn mark(result: CallResult, signals: &Signals) -> Option<NumberMark> {
    // Status and cause agree: confirmed. One of them alone only makes it suspect.
    let confirmed = matches!(signals.status, Some(SipStatus(404 | 604))) && signals.q850 == Some(1);
    if signals.wrong_person {
        Some(NumberMark::Reassigned)
    } else if result == CallResult::InvalidNumber && confirmed {
        Some(NumberMark::Invalid)
    } else if matches!(result, CallResult::InvalidNumber | CallResult::NotInService) {
        Some(NumberMark::Suspected)
    } else if result == CallResult::NumberChanged {
        Some(NumberMark::Old)
    } else if result == CallResult::FaxModem {
        Some(NumberMark::Fax)
    } else {
        None
    }
}

/// Whether the number is put on the suppression list by the network's word (RFC 8197: 607 is the person's wish).
pub(crate) fn suppresses(result: CallResult, signals: &Signals) -> bool {
    result == CallResult::BlockedAsUnwanted && signals.status == Some(SipStatus(607))
}
