//! The engine's effects, handed to whoever carries them out. Nothing here waits.

use api::{Desks, EngineHandle};
use engine::{
    AgentEvent, Answer, CampaignState, ClaimRefused, Input, LegCommand, Refused, RequestId,
    StoreFact, StoreWish,
};
use model::{AgentId, CampaignId};
use store::StoreHandle;
use telephony::ShardHandle;
use tokio::sync::{mpsc, oneshot};

use crate::driver::{Inbox, Outlets};

/// A campaign that ended by itself, to be written.
#[derive(Clone, Debug)]
pub struct CampaignEnded {
    /// Which.
    pub campaign: CampaignId,
    /// How.
    pub state: CampaignState,
    /// In words.
    pub because: String,
}

/// All outlets of the daemon.
pub struct DaemonOutlets {
    /// Legs.
    pub shard: ShardHandle,
    /// Rows.
    pub store: StoreHandle,
    /// What agents see.
    pub desks: Desks,
    /// Who waits for answers.
    pub requests: EngineHandle,
    /// Ends of campaigns.
    pub ended: mpsc::UnboundedSender<CampaignEnded>,
    /// Told once, when no call is left.
    pub drained: Option<oneshot::Sender<()>>,
    /// For wishes that were not taken.
    pub inbox: Inbox,
}

impl Outlets for DaemonOutlets {
    fn leg(&mut self, command: LegCommand) {
        if let Err(error) = self.shard.leg(command) {
            tracing::error!(%error, "a wish about a leg was not taken");
        }
    }

    fn store(&mut self, wish: StoreWish) {
        // A wish that is not taken is answered as if the database were away: nobody waits for ever.
        let unanswered = match &wish {
            StoreWish::RecordLaunches(launches) => Some(StoreFact::LaunchesFailed(
                launches.iter().map(|l| l.attempt).collect(),
            )),
            StoreWish::ClaimOne { agent, .. } => Some(StoreFact::ClaimedOne {
                agent: *agent,
                claim: Err(ClaimRefused::StoreLost),
            }),
            StoreWish::Claim { campaign, .. } => Some(StoreFact::ClaimFailed {
                campaign: *campaign,
            }),
            _ => None,
        };
        if let Err(error) = self.store.send(wish) {
            tracing::error!(%error, "the database's queue did not take a wish");
            if let Some(fact) = unanswered {
                self.inbox.late(Input::Store(fact));
            }
        }
    }

    fn agent(&mut self, agent: AgentId, event: AgentEvent) {
        self.desks.deliver(agent, &event);
    }

    fn reply(&mut self, request: RequestId, answer: Result<Answer, Refused>) {
        if !self.requests.answer(request, answer) {
            tracing::debug!(request = request.0, "whoever asked has gone");
        }
    }

    fn campaign_ended(&mut self, campaign: CampaignId, state: CampaignState, because: String) {
        let ended = CampaignEnded {
            campaign,
            state,
            because,
        };
        if self.ended.send(ended).is_err() {
            tracing::warn!(campaign_id = %campaign, "the end of a campaign is written at the next start");
        }
    }

    fn drained(&mut self) {
        if let Some(drained) = self.drained.take()
            && drained.send(()).is_err()
        {
            tracing::debug!("nobody waits for the end of the calls");
        }
    }
}
