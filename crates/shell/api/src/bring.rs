//! Bringing a campaign before the engine: what it works by, and the abandon ledger of its present period.

use compliance::{LedgerCounts, Period};
use engine::{CampaignSpec, CampaignState, Input, Mode, StoreFact};
use model::{CampaignId, WallTime};
use store::{Campaign, Store};

use crate::campaign_spec::warnings;
use crate::{Catalogue, EngineHandle, Error, Existing, FieldProblem, campaign_spec};

/// Tells the engine a campaign as its row is now, then its ledger recounted from rows. The daemon does this
/// for every running and paused campaign at its start, the services at each start, resume and change, so that
/// the engine never paces by a ledger of an earlier period.
///
/// # Errors
/// [`Error::NotReady`] with everything that keeps it from working, and nothing is told: the daemon logs it and
/// goes on with the next. [`Error::NotFound`]; [`Error::EngineBusy`] and [`Error::EngineGone`]; as the database.
pub async fn bring_campaign(
    store: &Store,
    catalogue: &Catalogue,
    engine: &EngineHandle,
    campaign: CampaignId,
    at: WallTime,
) -> Result<(), Error> {
    let campaign = store.campaign(campaign).await?;
    match Ready::of(store, catalogue, &campaign, at).await? {
        Ok(ready) => ready.tell(engine, campaign.state),
        Err(problems) => Err(not_ready(campaign.id, problems)),
    }
}

/// A campaign with everything the engine must be told of it, read before its row changes: what may fail has
/// been done when the change is committed.
pub(crate) struct Ready {
    spec: CampaignSpec,
    ledger: LedgerCounts,
}

impl Ready {
    /// Or everything that keeps the campaign from working.
    pub(crate) async fn of(
        store: &Store,
        catalogue: &Catalogue,
        campaign: &Campaign,
        at: WallTime,
    ) -> Result<Result<Self, Vec<FieldProblem>>, Error> {
        let (spec, _) = read_spec(store, catalogue, campaign, at).await?;
        let spec = match spec {
            Ok(spec) => spec,
            Err(problems) => return Ok(Err(problems)),
        };
        let period = spec.rules.abandon().period;
        let ledger = present_ledger(store, spec.id, period, at).await?;
        Ok(Ok(Self { spec, ledger }))
    }

    pub(crate) fn tell(self, engine: &EngineHandle, state: CampaignState) -> Result<(), Error> {
        let Self { mut spec, ledger } = self;
        spec.state = state;
        let campaign = spec.id;
        engine.tell(Input::Campaign(Box::new(spec)))?;
        // After the campaign: the engine keeps no ledger of one that it does not know.
        engine.tell(Input::Store(StoreFact::Ledger {
            campaign,
            counts: ledger,
        }))
    }
}

/// Turns a row into what the engine works by, with what a supervisor should know besides.
pub(crate) async fn read_spec(
    store: &Store,
    catalogue: &Catalogue,
    campaign: &Campaign,
    at: WallTime,
) -> Result<(Result<CampaignSpec, Vec<FieldProblem>>, Vec<String>), Error> {
    let groups = store.agent_groups().await?;
    let trunk_groups = store.trunk_groups().await?;
    let trunks = store.trunks().await?;
    // Amounts are spoken by announcements alone.
    let currencies = match campaign.config.mode {
        Mode::Notification => store.currencies(campaign.id).await?,
        Mode::Predictive | Mode::Progressive | Mode::Preview => Vec::new(),
    };
    let existing = Existing {
        catalogue,
        groups: &groups,
        trunk_groups: &trunk_groups,
        trunks: &trunks,
        currencies: &currencies,
        at,
    };
    let spec = campaign_spec(campaign, &existing);
    let warnings = spec
        .as_ref()
        .map(|spec| warnings(spec, &existing))
        .unwrap_or_default();
    Ok((spec, warnings))
}

/// Tells the engine the ledger of the stretch in which `at` lies, recounted from rows: for the instant at which
/// one stretch ends and the next begins.
///
/// # Errors
/// [`Error::EngineBusy`] and [`Error::EngineGone`]; as the database.
pub async fn recount_ledger(
    store: &Store,
    engine: &EngineHandle,
    campaign: CampaignId,
    period: Period,
    at: WallTime,
) -> Result<(), Error> {
    let counts = present_ledger(store, campaign, period, at).await?;
    engine.tell(Input::Store(StoreFact::Ledger { campaign, counts }))
}

/// The ledger of the stretch in which `at` lies; empty before the first call.
pub(crate) async fn present_ledger(
    store: &Store,
    campaign: CampaignId,
    period: Period,
    at: WallTime,
) -> Result<LedgerCounts, Error> {
    let Some(first_call) = store.first_launch(campaign).await? else {
        return Ok(LedgerCounts::default());
    };
    let span = period.around(first_call, at);
    Ok(store
        .ledger_counts(campaign, Some(span.from), span.to)
        .await?)
}

pub(crate) fn not_ready(id: CampaignId, problems: Vec<FieldProblem>) -> Error {
    Error::NotReady {
        subject: format!("campaign {id}"),
        problems,
    }
}
