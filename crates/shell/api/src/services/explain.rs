//! Why nothing, or not more, is being dialled.

use engine::{Answer, Ask};
use model::CampaignId;
use proto::supervisor::v1 as pb;

use super::{board, campaigns::spec_of};
use crate::Error;
use crate::convert::{count, small, stamp};
use crate::shared::Shared;

pub(super) async fn explain(
    shared: &Shared,
    id: CampaignId,
) -> Result<pb::ExplainCampaignResponse, Error> {
    match shared.engine.ask(Ask::Explain { campaign: id }).await {
        Ok(Answer::Explained(told)) => Ok(pb::ExplainCampaignResponse {
            state: board::state(told.state).into(),
            summary: told.summary,
            gates: told
                .gates
                .into_iter()
                .map(|gate| pb::Gate {
                    name: gate.name,
                    text: gate.text,
                    count: count(gate.count),
                    until: gate.until.map(stamp),
                })
                .collect(),
            queue: Some(board::queue(&told.queue)),
            in_flight: small(told.in_flight),
            agents_ready: small(told.agents_ready),
            agents_signed_in: small(told.agents_signed_in),
        }),
        Ok(other) => Err(Error::Internal(format!("the engine answered {other:?}"))),
        // The engine knows what runs. Of another, the row says why it does not.
        Err(Error::Refused(engine::Refused::NoCampaign(_))) => explain_row(shared, id).await,
        Err(error) => Err(error),
    }
}

async fn explain_row(
    shared: &Shared,
    id: CampaignId,
) -> Result<pb::ExplainCampaignResponse, Error> {
    let campaign = shared.store.campaign(id).await?;
    let (spec, _) = spec_of(shared, &campaign).await?;
    let problems = spec.err().unwrap_or_default();
    let because = match campaign.state_because.as_str() {
        "" => String::new(),
        text => format!(" ({text})"),
    };
    let state = campaign.state;
    Ok(pb::ExplainCampaignResponse {
        state: board::state(state).into(),
        summary: format!(
            "nothing is dialled: the campaign is {}{because}",
            state.as_str()
        ),
        gates: std::iter::once(pb::Gate {
            name: state.as_str().to_owned(),
            text: format!("the campaign is {}{because}", state.as_str()),
            ..Default::default()
        })
        .chain(problems.into_iter().map(|p| pb::Gate {
            name: p.reason.to_owned(),
            text: format!("{}: {}", p.field, p.description),
            ..Default::default()
        }))
        .collect(),
        ..Default::default()
    })
}
