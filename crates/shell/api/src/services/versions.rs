//! What was configured of a campaign, by whom and since when.

use model::CampaignId;
use proto::supervisor::v1 as pb;
use store::{CampaignVersion, Configured};

use crate::Error;
use crate::campaign_config::{differences, show_config};
use crate::convert::{next_page, page, small, stamp};
use crate::shared::Shared;

pub(super) async fn versions(
    shared: &Shared,
    asked: pb::ListCampaignVersionsRequest,
) -> Result<pb::ListCampaignVersionsResponse, Error> {
    let id = CampaignId(asked.campaign_id);
    let page = page(asked.page_size, &asked.page_token)?;
    let found = shared.store.campaign_versions(id, page).await?;
    Ok(pb::ListCampaignVersionsResponse {
        versions: found
            .items
            .into_iter()
            .map(|version| shown(id, version))
            .collect::<Result<_, Error>>()?,
        next_page_token: next_page(found.next),
    })
}

fn shown(id: CampaignId, is: CampaignVersion) -> Result<pb::CampaignVersion, Error> {
    let campaign = pb::Campaign {
        version: small(is.version),
        ..configured(id, &is.configured)?
    };
    let (changed_fields, before) = match &is.before {
        Some(before) => {
            let mut before = configured(id, before)?;
            if is.before.as_ref().is_some_and(|b| b.lists.is_none()) {
                // They were not kept, which is not a change.
                before.list_ids.clone_from(&campaign.list_ids);
            }
            let (names, were) = differences(before, &campaign);
            (names, Some(were))
        }
        None => (Vec::new(), None),
    };
    Ok(pb::CampaignVersion {
        version: small(is.version),
        changed_by: is.changed_by.unwrap_or_default(),
        changed_at: Some(stamp(is.changed_at)),
        campaign: Some(campaign),
        changed_fields,
        before,
    })
}

fn configured(id: CampaignId, is: &Configured) -> Result<pb::Campaign, Error> {
    let lists = is.lists.iter().flatten();
    Ok(pb::Campaign {
        list_ids: lists.map(|l| l.0).collect(),
        ..show_config(id, &is.config)?
    })
}
