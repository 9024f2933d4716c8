//! A person's record, loaded when it is not on a screen already.

use model::{CampaignId, ProspectId};
use proto::agent::v1 as pb;

use crate::Error;
use crate::convert::stamp;
use crate::shared::Shared;

/// Lines of a record's history.
const HISTORY: u32 = 20;

pub(super) async fn load(
    shared: &Shared,
    campaign: CampaignId,
    prospect: ProspectId,
) -> Result<pb::Card, Error> {
    let person = shared.store.prospect(prospect).await?;
    let campaign = shared.store.campaign(campaign).await?;
    let mut phones = Vec::with_capacity(person.phones.len());
    for phone in &person.phones {
        let forbids = shared
            .store
            .suppressions_of(phone.number, &campaign.config.seller)
            .await?;
        phones.push(pb::Phone {
            phone_id: phone.id.0,
            number: phone.number.to_string(),
            kind: phone.kind.clone(),
            extension: phone.extension.clone().unwrap_or_default(),
            closed: false,
            suppressed: !forbids.is_empty(),
        });
    }
    let page = store::AttemptPage {
        before: None,
        size: HISTORY,
    };
    let tried = shared
        .store
        .attempts(campaign.id, Some(prospect), page)
        .await?;
    let history = tried
        .into_iter()
        .map(|attempt| pb::CardEntry {
            at: Some(stamp(attempt.launched_at)),
            campaign_name: campaign.config.name.clone(),
            result: attempt
                .result
                .map(|r| r.as_str().to_owned())
                .unwrap_or_default(),
            disposition: attempt.disposition.unwrap_or_default(),
            note: attempt.note.unwrap_or_default(),
            agent_name: attempt.agent_name.unwrap_or_default(),
        })
        .collect();
    Ok(pb::Card {
        prospect_id: prospect.0,
        external_id: person.external_id,
        name: person.name.unwrap_or_default(),
        amount: person.amount.map(|a| a.to_string()).unwrap_or_default(),
        fields: person
            .fields
            .into_iter()
            .map(|(name, value)| pb::Field { name, value })
            .collect(),
        phones,
        history,
    })
}
