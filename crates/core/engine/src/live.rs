//! A campaign at work: what it holds in memory besides its configuration.

use std::collections::VecDeque;

use compliance::LedgerCounts;
use model::Timestamp;
use pacing::{Decision, Pacer, PolicyName};

use crate::campaign::{CampaignSpec, CampaignState, Mode};
use crate::input::QueueCounts;
use crate::work::Claim;

#[derive(Debug)]
pub(crate) struct Campaign {
    pub(crate) spec: CampaignSpec,
    pub(crate) pacer: Pacer,
    /// Claimed, not launched. A claim that waits too long goes back.
    pub(crate) at_hand: VecDeque<AtHand>,
    pub(crate) claim_open: bool,
    pub(crate) next_claim_at: Timestamp,
    /// When missed callbacks are looked for next.
    pub(crate) next_missed_at: Timestamp,
    /// Claims that failed since the last one that did not.
    pub(crate) claims_failed: u32,
    pub(crate) queue: QueueCounts,
    /// The queue was asked at least once since the campaign was loaded.
    pub(crate) queue_known: bool,
    pub(crate) ledger: LedgerCounts,
    pub(crate) last_decision: Option<Decision>,
    pub(crate) counts: Counts,
}

#[derive(Debug)]
pub(crate) struct AtHand {
    pub(crate) claim: Claim,
    pub(crate) since: Timestamp,
}

/// Of this run of the daemon.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) launched: u64,
    pub(crate) answered: u64,
    pub(crate) connected: u64,
    pub(crate) delivered: u64,
    pub(crate) abandoned: u64,
}

impl Campaign {
    pub(crate) fn new(spec: CampaignSpec, now: Timestamp) -> Self {
        let pacer = Pacer::new(policy(&spec));
        Self {
            spec,
            pacer,
            at_hand: VecDeque::new(),
            claim_open: false,
            next_claim_at: now,
            next_missed_at: now,
            claims_failed: 0,
            queue: QueueCounts::default(),
            queue_known: false,
            ledger: LedgerCounts::default(),
            last_decision: None,
            counts: Counts::default(),
        }
    }

    pub(crate) fn configure(&mut self, spec: CampaignSpec, now: Timestamp) {
        self.pacer.set_policy(policy(&spec));
        self.spec = spec;
        self.next_claim_at = now;
        self.queue_known = false;
    }

    pub(crate) fn running(&self) -> bool {
        self.spec.state == CampaignState::Running
    }
}

/// The policy that a campaign works by: its own when predictive, else the one its mode implies.
fn policy(spec: &CampaignSpec) -> PolicyName {
    match spec.mode {
        Mode::Predictive => spec.policy,
        Mode::Progressive | Mode::Preview => PolicyName::Progressive,
        Mode::Notification => PolicyName::Lines,
    }
}
