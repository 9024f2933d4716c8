//! A campaign is let dial, held and ended: the row first where it must be safe, the engine first where it must be quick.

use engine::{Answer, Ask, CampaignState};
use model::CampaignId;
use proto::supervisor::v1 as pb;
use store::Campaign;

use super::campaigns::shown;
use crate::bring::{Ready, not_ready};
use crate::identity::Identity;
use crate::shared::Shared;
use crate::{Error, FieldProblem};

/// Lets a campaign dial that is in the state `from`.
pub(super) async fn run(
    shared: &Shared,
    me: &Identity,
    id: CampaignId,
    from: CampaignState,
    done: &str,
) -> Result<pb::Campaign, Error> {
    let _one_by_one = shared.campaign_changes.lock().await;
    let campaign = shared.store.campaign(id).await?;
    let ready = match ready(shared, &campaign).await? {
        Ok(ready) if campaign.state == from => ready,
        other => {
            let mut problems = other.err().unwrap_or_default();
            if campaign.state != from {
                let text = format!(
                    "is {}; only one that is {} can be {done}",
                    campaign.state.as_str(),
                    from.as_str()
                );
                problems.insert(0, FieldProblem::new("state", "wrong_state", text));
            }
            return Err(not_ready(id, problems));
        }
    };
    let to = CampaignState::Running;
    let because = format!("{done} by {}", me.login);
    shared
        .store
        .set_campaign_state(id, &[from], to, &because, shared.clock.now())
        .await?;
    tracing::info!(campaign_id = id.0, by = me.login, "a campaign was {done}");
    ready.tell(&shared.engine, to)?;
    told(
        shared
            .engine
            .ask(Ask::SetCampaignState {
                campaign: id,
                state: to,
            })
            .await,
    )?;
    shown(shared, id).await
}

/// Keeps a campaign from dialling: at once, however long the database takes to keep it. Should that fail, it
/// stays paused until it is resumed, or the daemon starts again.
pub(super) async fn halt(
    shared: &Shared,
    me: &Identity,
    id: i32,
    from: &[CampaignState],
    to: CampaignState,
) -> Result<pb::Campaign, Error> {
    let id = CampaignId(id);
    let because = format!("{} by {}", to.as_str(), me.login);
    tell_state(shared, id, CampaignState::Paused).await?;
    let _one_by_one = shared.campaign_changes.lock().await;
    shared
        .store
        .set_campaign_state(id, from, to, &because, shared.clock.now())
        .await?;
    tracing::info!(
        campaign_id = id.0,
        by = me.login,
        "a campaign is {}",
        to.as_str()
    );
    tell_state(shared, id, to).await?;
    shown(shared, id).await
}

async fn tell_state(
    shared: &Shared,
    campaign: CampaignId,
    state: CampaignState,
) -> Result<(), Error> {
    use engine::Refused::{NoCampaign, NotRunning};
    let ask = Ask::SetCampaignState { campaign, state };
    match shared.engine.ask(ask).await {
        // One that never ran is not known to the engine, and one that has ended need not be held.
        Err(Error::Refused(NoCampaign(_) | NotRunning { .. })) => Ok(()),
        other => told(other),
    }
}

fn told(answer: Result<Answer, Error>) -> Result<(), Error> {
    match answer? {
        Answer::Done => Ok(()),
        other => Err(Error::Internal(format!("the engine answered {other:?}"))),
    }
}

/// What the engine must be told of a campaign, or everything that keeps it from working.
async fn ready(
    shared: &Shared,
    campaign: &Campaign,
) -> Result<Result<Ready, Vec<FieldProblem>>, Error> {
    Ready::of(
        &shared.store,
        &shared.catalogue,
        campaign,
        shared.clock.now(),
    )
    .await
}
