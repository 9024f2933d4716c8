//! Campaigns between the database and the engine: brought before it at the start, their ends written.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use api::{Catalogue, EngineHandle};
use compliance::{Period, Rules};
use engine::CampaignState;
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

    /// Over which time the abandon ledger of each campaign is counted.
    fn periods(&self) -> Vec<(CampaignId, Period)> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let period = |(id, rules): (&CampaignId, &Rules)| (*id, rules.abandon().period);
        known.iter().map(period).collect()
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
        for campaign in campaigns.items {
            let (id, state) = (campaign.id, campaign.state);
            if !matches!(state, CampaignState::Running | CampaignState::Paused) {
                continue;
            }
            match api::bring_campaign(store, catalogue, engine, id, clock.now().wall).await {
                Ok(()) => {
                    tracing::info!(campaign_id = %id, state = state.as_str(), "campaign loaded")
                }
                Err(error @ api::Error::NotReady { .. }) => {
                    tracing::error!(campaign_id = %id, "a campaign cannot be worked: {error}");
                }
                Err(error) => return Err(error.into()),
            }
        }
        match campaigns.next {
            Some(after) => page.after = after,
            None => return Ok(()),
        }
    }
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

/// Between looks whether a ledger's period has ended.
const LOOK_AT_PERIODS: Duration = Duration::from_secs(20);

/// Recounts each abandon ledger when its period ends: a campaign that runs on must not be paced by the last
/// month's calls.
///
/// # Errors
/// None; what fails is logged, and tried again.
pub async fn turn_ledgers(
    store: Store,
    engine: EngineHandle,
    openings: Openings,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut ends = BTreeMap::new();
    let mut look = tokio::time::interval(LOOK_AT_PERIODS);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = super::stopped(&mut stop) => return Ok(()),
        }
        let at = clock.now().wall;
        for (campaign, period) in openings.periods() {
            let looked = turn_ledger(&store, &engine, (campaign, period), at, &mut ends).await;
            if let Err(error) = looked {
                tracing::warn!(campaign_id = %campaign, "the abandon ledger could not be recounted: {error:#}");
            }
        }
    }
}

async fn turn_ledger(
    store: &Store,
    engine: &EngineHandle,
    (campaign, period): (CampaignId, Period),
    at: WallTime,
    ends: &mut BTreeMap<CampaignId, WallTime>,
) -> anyhow::Result<()> {
    match ends.get(&campaign) {
        Some(end) if at < *end => return Ok(()),
        Some(_) => {
            api::recount_ledger(store, engine, campaign, period, at).await?;
            tracing::info!(campaign_id = %campaign, "a new period of the abandon ledger begins");
        }
        None => {}
    }
    // Before the first call there is no period to end.
    if let Some(first_call) = store.first_launch(campaign).await?
        && let Some(end) = period.around(first_call, at).to
    {
        ends.insert(campaign, end);
    }
    Ok(())
}
