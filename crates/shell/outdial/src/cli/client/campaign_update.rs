//! A campaign changed while it runs, and the versions that such changes leave behind.

use anyhow::Context;
use clap::Args;
use proto::supervisor::v1::{
    Campaign, CampaignVersion, GetCampaignRequest, ListCampaignVersionsRequest,
    ListCampaignVersionsResponse, UpdateCampaignRequest,
};
use serde_json::{Map, Value, json};

use super::campaigns::{Campaigns, campaign_id, with_keys};
use super::changes::{self, Change, changes};
use super::connection::{Authorised, Refusal};
use super::document::to_json;
use super::written::{self, Written};
use super::{Shown, request_id};
use crate::cli::exit::{Exit, OrExit};

/// `outdial campaign update`
#[derive(Debug, Args)]
pub struct UpdateCampaign {
    /// Campaign, by name or key.
    campaign: String,
    /// What to change.
    #[command(flatten)]
    written: Written,
    /// Refuses unless the campaign is still at this version. Absent: the one that it has now.
    #[arg(long, value_name = "VERSION")]
    if_version: Option<i32>,
    /// Shows what would change, and changes nothing.
    #[arg(long)]
    dry_run: bool,
}

impl UpdateCampaign {
    /// Asks.
    pub async fn run(
        &self,
        campaigns: &mut Campaigns,
        channel: Authorised,
    ) -> anyhow::Result<Shown> {
        let object = self.written.object()?;
        let campaign_id = campaign_id(campaigns, &self.campaign).await?;
        let is = campaigns
            .get_campaign(GetCampaignRequest { campaign_id })
            .await
            .map_err(Refusal::from)?
            .into_inner()
            .campaign
            .unwrap_or_default();
        let before = to_json(&is)?;
        let object = with_keys(object, channel).await?;
        let (wanted, paths) = laid_over(&before, object)?;
        let request = UpdateCampaignRequest {
            campaign: Some(Campaign {
                version: self.if_version.unwrap_or(is.version),
                ..wanted
            }),
            update_mask: Some(prost_types::FieldMask { paths }),
            // A check is no request that is carried out once.
            request_id: String::new(),
            validate_only: true,
        };
        let checked = send(campaigns, request.clone()).await?;
        let planned = changes(&before, &to_json(&checked)?);
        if self.dry_run || planned.is_empty() {
            return shown(&is, &is, planned, self.dry_run);
        }
        let request = UpdateCampaignRequest {
            request_id: request_id()?,
            validate_only: false,
            ..request
        };
        let now = send(campaigns, request).await?;
        let mut changed = changes(&before, &to_json(&now)?);
        changed.retain(|c| c.field != "version");
        shown(&is, &now, changed, false)
    }
}

async fn send(
    campaigns: &mut Campaigns,
    request: UpdateCampaignRequest,
) -> anyhow::Result<Campaign> {
    let answer = campaigns.update_campaign(request).await;
    Ok(answer
        .map_err(Refusal::from)?
        .into_inner()
        .campaign
        .unwrap_or_default())
}

/// The campaign with the fields of `object` over it, and the names of those fields. A dotted name reaches into a
/// field and leaves the rest of it.
fn laid_over(is: &Value, object: Map<String, Value>) -> anyhow::Result<(Campaign, Vec<String>)> {
    let mut wanted = is.clone();
    let mut paths = Vec::new();
    for (name, value) in object {
        let mut place = &mut wanted;
        for part in name.split('.') {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            place = place
                .as_object_mut()
                .with_context(|| format!("\"{name}\" reaches into what has no fields"))
                .or_exit(Exit::Refused)?
                .entry(part)
                .or_insert(Value::Null);
        }
        *place = value;
        let field = name.split('.').next().unwrap_or_default().to_owned();
        if !paths.contains(&field) {
            paths.push(field);
        }
    }
    // An unknown name is told with the nearest right one.
    let Value::Object(wanted) = wanted else {
        anyhow::bail!("a campaign is no object");
    };
    Ok((written::message::<Campaign>(wanted)?, paths))
}

fn shown(was: &Campaign, is: &Campaign, changed: Vec<Change>, dry: bool) -> anyhow::Result<Shown> {
    let head = format!("campaign {} \"{}\"", is.campaign_id, is.name);
    let text = match (changed.is_empty(), dry) {
        (true, _) => format!("{head}: nothing to change\n"),
        (false, true) => format!("{head} would change:\n{}", changes::text(&changed)),
        (false, false) => format!(
            "{head}: version {} → {}\n{}",
            was.version,
            is.version,
            changes::text(&changed)
        ),
    };
    let value = json!({
        "campaign_id": is.campaign_id, "version": is.version, "changes": changed, "dry_run": dry,
        "campaign": to_json(is)?,
    });
    Ok(Shown {
        value,
        text,
        exit: None,
    })
}

/// Every version of a campaign.
///
/// # Errors
/// When the daemon refuses.
pub async fn versions(campaigns: &mut Campaigns, named: &str) -> anyhow::Result<Shown> {
    let mut request = ListCampaignVersionsRequest {
        campaign_id: campaign_id(campaigns, named).await?,
        page_size: 1_000,
        page_token: String::new(),
    };
    let mut all = ListCampaignVersionsResponse::default();
    loop {
        let page = campaigns
            .list_campaign_versions(request.clone())
            .await
            .map_err(Refusal::from)?
            .into_inner();
        all.versions.extend(page.versions);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let mut text = String::new();
    let mut value = to_json(&all)?;
    let shown = value["versions"].as_array_mut().into_iter().flatten();
    for (version, shown) in all.versions.iter().zip(shown) {
        let changed = changed(version, shown);
        let by = match version.changed_by.as_str() {
            "" => "somebody whose account is gone",
            login => login,
        };
        let at = shown["changed_at"].as_str().unwrap_or_default();
        text.push_str(&format!("version {} by {by} at {at}\n", version.version));
        text.push_str(&match version.before {
            Some(_) => changes::text(&changed),
            None => "  made\n".to_owned(),
        });
        shown["changes"] = serde_json::to_value(changed)?;
    }
    Ok(Shown {
        value,
        text,
        exit: None,
    })
}

/// What a version changed, field by field.
fn changed(version: &CampaignVersion, shown: &Value) -> Vec<Change> {
    let pick = |campaign: &Value| {
        let of = |name: &String| (name.clone(), campaign[name.as_str()].clone());
        Value::Object(version.changed_fields.iter().map(of).collect())
    };
    changes(&pick(&shown["before"]), &pick(&shown["campaign"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(object: Value) -> anyhow::Result<(Campaign, Vec<String>)> {
        let is: Campaign = super::super::document::from_json(json!({
            "name": "spring", "ring_limit": "25s",
            "retry": {"tries_per_day": 3, "tries_per_phone": 6}
        }))?;
        let Value::Object(object) = object else {
            panic!("no object")
        };
        laid_over(&to_json(&is)?, object)
    }

    #[test]
    fn a_dotted_name_leaves_the_rest_of_its_field() {
        let (wanted, paths) = over(json!({"retry.tries_per_day": 5, "ring_limit": "30s"})).unwrap();
        let retry = wanted.retry.unwrap();
        assert_eq!((retry.tries_per_day, retry.tries_per_phone), (5, 6));
        assert_eq!(wanted.ring_limit.unwrap().seconds, 30);
        assert_eq!(wanted.name, "spring");
        assert_eq!(paths, ["retry", "ring_limit"]);
    }

    #[test]
    fn a_field_without_dots_is_replaced_as_a_whole() {
        let (wanted, _) = over(json!({"retry": {"tries_per_day": 5}})).unwrap();
        assert_eq!(wanted.retry.unwrap().tries_per_phone, 0);
    }

    #[test]
    fn a_wrong_name_is_told_with_the_right_one() {
        let error = over(json!({"ring_limt": "30s"})).unwrap_err().to_string();
        assert!(error.contains("did you mean ring_limit?"), "{error}");
        let error = over(json!({"name.x": 1})).unwrap_err().to_string();
        assert!(error.contains("name.x"), "{error}");
    }
}
