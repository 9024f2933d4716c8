//! Campaigns between the database and the engine: brought before it at the start, their ends written.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use api::{Catalogue, EngineHandle};
use compliance::Rules;
use engine::{CampaignState, Input, StoreFact};
use model::{CampaignId, WallTime, ZoneSet};
use store::{Opening, OpeningsOf, PageRequest, Store};
use tokio::sync::{mpsc, watch};

use super::outlets::CampaignEnded;
use crate::clock::Clock;

/// The rules of the campaigns in work, for the queue: which zone sets may be called now.
#[derive(Clone, Debug, Default)]
pub struct Openings(Arc<RwLock<BTreeMap<CampaignId, Rules>>>);

impl Openings {
    /// A campaign's rules as they are now.
    pub fn set(&self, campaign: CampaignId, rules: Rules) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(campaign, rules);
    }

    /// What the queue asks.
    pub fn judge(&self) -> OpeningsOf {
        let openings = self.clone();
        Arc::new(move |campaign, zones, at| openings.opening(campaign, zones, at))
    }

    /// Closed for a campaign whose rules are not known.
    fn opening(&self, campaign: CampaignId, zones: &ZoneSet, at: WallTime) -> Opening {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(rules) = known.get(&campaign) else {
            return Opening::Never;
        };
        let window = rules.window(zones, at);
        match (window.open, window.next) {
            (true, _) => Opening::Open,
            (false, Some(next)) => Opening::At(next),
            (false, None) => Opening::Never,
        }
    }
}

/// Brings every campaign before the engine that runs or is paused. One that cannot be worked any more (a
/// profile that is gone, a voice that is missing) is logged with all that is wrong, and does not stop the rest.
///
/// # Errors
/// When the database does not answer, or the engine has ended.
pub async fn load_all(
    store: &Store,
    catalogue: &Catalogue,
    engine: &EngineHandle,
    clock: Clock,
) -> anyhow::Result<()> {
    let mut page = PageRequest::FIRST;
    loop {
        let campaigns = store.campaigns(page).await?;
        for campaign in &campaigns.items {
            if matches!(
                campaign.state,
                CampaignState::Running | CampaignState::Paused
            ) {
                load(store, catalogue, engine, clock.now().wall, campaign).await?;
            }
        }
        match campaigns.next {
            Some(after) => page.after = after,
            None => return Ok(()),
        }
    }
}

async fn load(
    store: &Store,
    catalogue: &Catalogue,
    engine: &EngineHandle,
    at: WallTime,
    campaign: &store::Campaign,
) -> anyhow::Result<()> {
    let id = campaign.id;
    let groups = store.agent_groups().await?;
    let trunk_groups = store.trunk_groups().await?;
    let trunks = store.trunks().await?;
    let existing = api::Existing {
        catalogue,
        groups: &groups,
        trunk_groups: &trunk_groups,
        trunks: &trunks,
        currencies: &[],
        at,
    };
    let spec = match api::campaign_spec(campaign, &existing) {
        Ok(spec) => spec,
        Err(problems) => {
            for problem in problems {
                tracing::error!(
                    campaign_id = %id,
                    field = problem.field,
                    "a campaign cannot be worked: {}", problem.description
                );
            }
            return Ok(());
        }
    };
    let period = spec.rules.abandon().period;
    let first = store.first_launch(id).await?.unwrap_or(at);
    let span = period.around(first, at);
    let counts = store.ledger_counts(id, Some(span.from), span.to).await?;
    tracing::info!(campaign_id = %id, state = spec.state.as_str(), "campaign loaded");
    engine.tell(Input::Campaign(Box::new(spec)))?;
    engine.tell(Input::Store(StoreFact::Ledger {
        campaign: id,
        counts,
    }))?;
    Ok(())
}

/// Writes the ends that campaigns come to by themselves.
///
/// # Errors
/// None; an end that cannot be written is logged, and comes again at the next start.
pub async fn write_ends(
    store: Store,
    clock: Clock,
    mut ended: mpsc::UnboundedReceiver<CampaignEnded>,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    loop {
        let end = tokio::select! {
            end = ended.recv() => end,
            () = super::stopped(&mut stop) => None,
        };
        let Some(end) = end else { return Ok(()) };
        let CampaignEnded {
            campaign,
            state,
            because,
        } = end;
        let from = [CampaignState::Running, CampaignState::Paused];
        let written = store.set_campaign_state(campaign, &from, state, &because, clock.now().wall);
        match written.await {
            Ok(()) => {
                tracing::debug!(campaign_id = %campaign, because, "wrote the end of a campaign")
            }
            Err(error) => {
                tracing::error!(campaign_id = %campaign, %error, "the end of a campaign could not be written");
            }
        }
    }
}
