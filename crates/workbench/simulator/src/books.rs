//! The world's own books: a database in memory that is also the judge of what the engine does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::{
    Claim, ClaimRefused, FinishedAttempt, Launch, LaunchAnswer, Next, OutcomeRecord, QueueCounts,
    ReturnTo, ReturnedClaim, WorkKind,
};
use model::{
    AttemptId, CallResult, CampaignId, E164, LedgerClass, PastTry, PhoneId, ProspectId, WallTime,
};

/// The engine did what must never happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What.
    pub what: String,
    /// The seed that shows it again.
    pub seed: u64,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; seed {}", self.what, self.seed)
    }
}

impl std::error::Error for Violation {}

#[derive(Debug, Default)]
pub(crate) struct Books {
    entries: BTreeMap<(CampaignId, ProspectId), Entry>,
    pub(crate) attempts: BTreeMap<AttemptId, Attempt>,
    live: BTreeSet<E164>,
    next_lease: u64,
    pub(crate) ledger: BTreeMap<LedgerClass, u64>,
}

#[derive(Debug)]
struct Entry {
    claim: Claim,
    state: EntryState,
    at: WallTime,
    /// The newest attempt.
    newest: Option<AttemptId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EntryState {
    Due,
    Leased(u64),
    WithAgent,
    Held,
    Closed,
}

#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) launch: Launch,
    pub(crate) result: Option<CallResult>,
    pub(crate) outcome: bool,
    /// The outcome stands for words that the agent may still give.
    stands_in: bool,
    dialled: bool,
}

impl Attempt {
    fn is_open(&self) -> bool {
        self.result.is_none() || (self.result == Some(CallResult::ConnectedAgent) && !self.outcome)
    }
}

impl Books {
    pub(crate) fn add(&mut self, claim: Claim, at: WallTime) {
        let entry = Entry {
            claim,
            state: EntryState::Due,
            at,
            newest: None,
        };
        self.entries
            .insert((entry.claim.campaign, entry.claim.prospect), entry);
    }

    pub(crate) fn claim(
        &mut self,
        campaign: CampaignId,
        count: u32,
        now: WallTime,
    ) -> (Vec<Claim>, QueueCounts) {
        let mut due: Vec<ProspectId> = self
            .entries
            .iter()
            .filter(|((c, _), e)| {
                *c == campaign
                    && e.state == EntryState::Due
                    && e.at <= now
                    && e.claim.kind != WorkKind::PrivateCallback
            })
            .map(|((_, p), _)| *p)
            .collect();
        due.sort_by_key(|p| {
            self.entries
                .get(&(campaign, *p))
                .map(|e| (std::cmp::Reverse(e.claim.kind), e.at))
        });
        due.truncate(count as usize);
        let claims = due
            .into_iter()
            .filter_map(|p| self.lease(campaign, p))
            .collect();
        (claims, self.counts(campaign, now))
    }

    pub(crate) fn claim_one(
        &mut self,
        campaign: CampaignId,
        prospect: ProspectId,
    ) -> Result<Claim, ClaimRefused> {
        match self.entries.get(&(campaign, prospect)).map(|e| e.state) {
            None => Err(ClaimRefused::NotFound),
            Some(EntryState::Closed) => Err(ClaimRefused::Closed),
            Some(EntryState::Leased(_) | EntryState::WithAgent) => Err(ClaimRefused::Taken),
            Some(EntryState::Due | EntryState::Held) => {
                self.lease(campaign, prospect).ok_or(ClaimRefused::NotFound)
            }
        }
    }

    fn lease(&mut self, campaign: CampaignId, prospect: ProspectId) -> Option<Claim> {
        self.next_lease += 1;
        let entry = self.entries.get_mut(&(campaign, prospect))?;
        entry.state = EntryState::Leased(self.next_lease);
        let mut claim = entry.claim.clone();
        claim.lease = self.next_lease;
        for phone in &mut claim.phones {
            phone.live = self.live.contains(&phone.number);
        }
        Some(claim)
    }

    fn counts(&self, campaign: CampaignId, now: WallTime) -> QueueCounts {
        let mut counts = QueueCounts::default();
        for entry in self
            .entries
            .iter()
            .filter(|((c, _), _)| *c == campaign)
            .map(|(_, e)| e)
        {
            match entry.state {
                EntryState::Due if entry.at <= now => counts.due += 1,
                EntryState::Due => {
                    counts.later += 1;
                    counts.next_at = Some(counts.next_at.map_or(entry.at, |n| n.min(entry.at)));
                }
                EntryState::Leased(_) | EntryState::WithAgent => counts.in_hand += 1,
                EntryState::Held => counts.held += 1,
                EntryState::Closed => counts.closed += 1,
            }
        }
        counts
    }

    pub(crate) fn give_back(&mut self, back: ReturnedClaim) -> Result<(), String> {
        let Some(entry) = self.entries.get_mut(&(back.campaign, back.prospect)) else {
            return Err(format!(
                "prospect {} came back that is in no queue",
                back.prospect
            ));
        };
        if entry.state != EntryState::Leased(back.lease) {
            return Err(format!(
                "prospect {} came back under a lease that is not its own",
                back.prospect
            ));
        }
        entry.state = EntryState::Due;
        match back.to {
            ReturnTo::Unchanged => {}
            ReturnTo::Held {
                until: Some(until), ..
            } => entry.at = until,
            ReturnTo::Held { until: None, .. } => entry.state = EntryState::Held,
            ReturnTo::Closed { .. } => entry.state = EntryState::Closed,
            ReturnTo::Decided { next, .. } => follow(entry, next),
        }
        Ok(())
    }

    pub(crate) fn record(&mut self, launch: Launch) -> Result<(AttemptId, LaunchAnswer), String> {
        let id = launch.attempt;
        if self.attempts.contains_key(&id) {
            return Err(format!("attempt {id} was launched twice"));
        }
        let key = (launch.campaign, launch.prospect);
        let leased = self.entries.get(&key).map(|e| e.state);
        if leased != Some(EntryState::Leased(launch.lease)) {
            return Err(format!(
                "attempt {id} was launched without the lease of its prospect"
            ));
        }
        if !self.live.insert(launch.number) {
            return Ok((id, LaunchAnswer::NumberLive));
        }
        self.attempts.insert(
            id,
            Attempt {
                launch,
                result: None,
                outcome: false,
                stands_in: false,
                dialled: false,
            },
        );
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.newest = Some(id);
        }
        Ok((id, LaunchAnswer::Recorded))
    }

    /// An INVITE leaves.
    pub(crate) fn dialled(&mut self, id: AttemptId, to: E164) -> Result<&Launch, String> {
        let Some(attempt) = self.attempts.get_mut(&id) else {
            return Err(format!("attempt {id} was dialled and never recorded"));
        };
        if attempt.result.is_some() {
            return Err(format!("attempt {id} was dialled after its end"));
        }
        if attempt.launch.number != to {
            return Err(format!(
                "attempt {id} was dialled to another number than recorded"
            ));
        }
        attempt.dialled = true;
        Ok(&attempt.launch)
    }

    pub(crate) fn finish(&mut self, end: &FinishedAttempt, now: WallTime) -> Result<(), String> {
        let id = end.attempt;
        let Some(attempt) = self.attempts.get_mut(&id) else {
            return Err(format!("attempt {id} ended and never began"));
        };
        if let Some(before) = attempt.result.replace(end.result) {
            return Err(format!(
                "attempt {id} ended twice, as {before} and as {}",
                end.result
            ));
        }
        let answered = end.times.answered_at.is_some();
        if answered != end.result.answered() {
            return Err(format!(
                "attempt {id} ended as {} with answered = {answered}",
                end.result
            ));
        }
        let accounted =
            end.result == CallResult::ConnectedAgent || end.message || end.ledger.is_some();
        if answered && !accounted {
            return Err(format!(
                "attempt {id} was answered and is accounted for nowhere"
            ));
        }
        if end.result == CallResult::ReturnedUndialled && attempt.dialled {
            return Err(format!("attempt {id} is called undialled and was dialled"));
        }
        if let Some(class) = end.ledger {
            *self.ledger.entry(class).or_default() += 1;
        }
        self.live.remove(&end.number);
        let tried = PastTry {
            at: end.times.dialled_at.unwrap_or(now),
            number: end.number,
            campaign: end.campaign,
            seller: attempt.launch.seller.clone(),
            subject: None,
            result: Some(end.result),
            rang: end.rang,
            talked: end.talked,
            message: end.message,
            refused: false,
        };
        let has_outcome = attempt.outcome;
        let Some(entry) = self.entries.get_mut(&(end.campaign, end.prospect)) else {
            return Ok(());
        };
        for phone in entry.claim.phones.iter_mut().filter(|p| p.id == end.phone) {
            phone.history.push(tried.clone());
            phone.suppressed |= end.suppress;
        }
        entry.claim.tries += u32::from(end.counts_as_try);
        if !has_outcome {
            follow(entry, end.next.clone());
        }
        Ok(())
    }

    pub(crate) fn outcome(&mut self, record: &OutcomeRecord) -> Result<(), String> {
        let id = record.attempt;
        let Some(attempt) = self.attempts.get_mut(&id) else {
            return Err(format!("an outcome came for attempt {id} that never began"));
        };
        if attempt.result.is_none() {
            return Err(format!("an outcome came for attempt {id} before its end"));
        }
        if std::mem::replace(&mut attempt.outcome, true) && !attempt.stands_in {
            return Err(format!("two outcomes came for attempt {id}"));
        }
        attempt.stands_in = record.outcome.disposition == engine::AGENT_LOST;
        // Words that come late move nobody who is in other hands by now.
        let is_free =
            |e: &&mut Entry| e.newest == Some(id) && !matches!(e.state, EntryState::Leased(_));
        let entry = self.entries.get_mut(&(record.campaign, record.prospect));
        if let Some(entry) = entry.filter(is_free) {
            follow(entry, record.next.clone());
        }
        Ok(())
    }

    /// The first attempt without a result, or talk without an outcome, in words.
    pub(crate) fn first_unfinished(&self) -> String {
        let open = self.attempts.values().find(|a| a.is_open());
        format!("{open:?}")
    }

    /// Attempts without a result, and talks without an outcome.
    pub(crate) fn unfinished(&self) -> usize {
        self.attempts.values().filter(|a| a.is_open()).count()
    }

    pub(crate) fn count(&self, result: CallResult) -> u64 {
        self.attempts
            .values()
            .filter(|a| a.result == Some(result))
            .count() as u64
    }

    pub(crate) fn any_prospect(&self, nth: usize) -> Option<(CampaignId, ProspectId)> {
        self.entries
            .keys()
            .nth(nth % self.entries.len().max(1))
            .copied()
    }

    /// A lease that no attempt uses is free again after a while, as the database's clock does it.
    pub(crate) fn leases_of(&self, campaign: CampaignId) -> usize {
        let leased = |e: &&Entry| matches!(e.state, EntryState::Leased(_));
        self.entries
            .iter()
            .filter(|((c, _), _)| *c == campaign)
            .map(|(_, e)| e)
            .filter(leased)
            .count()
    }
}

fn follow(entry: &mut Entry, next: Next) {
    let close = |entry: &mut Entry, phone: Option<PhoneId>| {
        for facts in entry
            .claim
            .phones
            .iter_mut()
            .filter(|p| Some(p.id) == phone)
        {
            facts.closed = true;
        }
    };
    match next {
        Next::AwaitsOutcome => entry.state = EntryState::WithAgent,
        Next::Due {
            at,
            phone,
            kind,
            close_phone,
            ..
        } => {
            entry.state = EntryState::Due;
            entry.at = at;
            entry.claim.kind = kind;
            entry.claim.next_phone = phone;
            close(entry, close_phone);
        }
        Next::Closed { close_phone, .. } => {
            entry.state = EntryState::Closed;
            close(entry, close_phone);
        }
    }
}

/// So long a commit takes.
pub(crate) const COMMIT: Duration = Duration::from_millis(8);
