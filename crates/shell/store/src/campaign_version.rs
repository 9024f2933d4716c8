//! Versions of what is configured of a campaign: who changed it when, and what held before.

use model::{CampaignId, ListId, WallTime};
use sqlx::PgConnection;

use crate::account::AccountId;
use crate::campaign::CampaignConfig;
use crate::convert::{Row, to_json, wall};
use crate::refusal::{not_found, taken};
use crate::{Error, Page, PageRequest, Store};

/// A configuration that held from an instant on.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignVersion {
    /// From 1 on.
    pub version: u32,
    /// What was configured.
    pub configured: Configured,
    /// What held before; `None` for the first version.
    pub before: Option<Configured>,
    /// Login of who changed it; `None` when the account is gone.
    pub changed_by: Option<String>,
    /// When.
    pub changed_at: WallTime,
}

/// What a version consists of.
#[derive(Clone, Debug, PartialEq)]
pub struct Configured {
    /// Everything but the lists.
    pub config: CampaignConfig,
    /// The lists called, sorted; `None` in versions from before they were kept.
    pub lists: Option<Vec<ListId>>,
}

impl Store {
    /// Versions of a campaign's configuration, newest first; the page goes on below the version it ends with.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the campaign.
    pub async fn campaign_versions(
        &self,
        id: CampaignId,
        page: PageRequest,
    ) -> Result<Page<CampaignVersion>, Error> {
        let below = match i32::try_from(page.after) {
            Ok(0) | Err(_) => i32::MAX,
            Ok(version) => version,
        };
        let rows = sqlx::query!(
            r#"SELECT v.version, v.config, v.lists, v.changed_at, a.login AS "login?",
                      b.config AS "before?", b.lists AS before_lists
               FROM campaign_version v
               LEFT JOIN account a ON a.id = v.changed_by
               LEFT JOIN campaign_version b ON b.campaign_id = v.campaign_id AND b.version = v.version - 1
               WHERE v.campaign_id = $1 AND v.version < $2 ORDER BY v.version DESC LIMIT $3"#,
            id.0,
            below,
            page.limit()
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("campaign_versions", e))?;
        // Every campaign has its first version.
        if rows.is_empty() && below == i32::MAX {
            return Err(not_found("campaign", id));
        }
        let versions = rows
            .into_iter()
            .map(|r| {
                let row = Row {
                    table: "campaign_version",
                    key: format!("{id}, {}", r.version),
                };
                let lists = |ids: Option<Vec<i32>>| Some(ids?.into_iter().map(ListId).collect());
                let before = match r.before {
                    Some(config) => Some(Configured {
                        config: row.json(config)?,
                        lists: lists(r.before_lists),
                    }),
                    None => None,
                };
                Ok(CampaignVersion {
                    version: row.unsigned(r.version)?,
                    configured: Configured {
                        config: row.json(r.config)?,
                        lists: lists(r.lists),
                    },
                    before,
                    changed_by: r.login,
                    changed_at: wall(r.changed_at),
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(page.page(versions, |v: &CampaignVersion| i64::from(v.version)))
    }
}

/// The campaign's next version: its lists have changed and nothing else.
pub(crate) async fn next_version(
    tx: &mut PgConnection,
    id: CampaignId,
    by: AccountId,
) -> Result<(), Error> {
    let version = sqlx::query_scalar!(
        "UPDATE campaign SET version = version + 1 WHERE id = $1 RETURNING version",
        id.0
    )
    .fetch_optional(&mut *tx)
    .await
    .map_err(|e| Error::from_sqlx("next_campaign_version", e))?
    .ok_or_else(|| not_found("campaign", id))?;
    let config = sqlx::query_scalar!(
        "SELECT config FROM campaign_version WHERE campaign_id = $1 AND version = $2",
        id.0,
        version - 1
    )
    .fetch_one(&mut *tx)
    .await
    .map_err(|e| Error::from_sqlx("next_campaign_version", e))?;
    let row = Row {
        table: "campaign_version",
        key: format!("{id}, {}", version - 1),
    };
    keep_version(tx, id, version, &row.json(config)?, by).await
}

/// The version as evidence, and its parts that other tables join.
pub(crate) async fn keep_version(
    tx: &mut PgConnection,
    id: CampaignId,
    version: i32,
    config: &CampaignConfig,
    by: AccountId,
) -> Result<(), Error> {
    let during = "keep_campaign_version";
    sqlx::query!(
        "INSERT INTO campaign_version (campaign_id, version, config, changed_by, lists)
         VALUES ($1, $2, $3, $4, ARRAY(SELECT list_id FROM campaign_list WHERE campaign_id = $1 ORDER BY 1))",
        id.0,
        version,
        to_json("campaign_version", config)?,
        by.0
    )
    .execute(&mut *tx)
    .await
    .map_err(|e| taken(during, "campaign", &config.name, e))?;
    for (position, disposition) in (0_i16..).zip(&config.dispositions) {
        sqlx::query!(
            "INSERT INTO disposition (campaign_id, version, code, position, label, kind, action, success)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            id.0,
            version,
            disposition.code.as_ref(),
            position,
            disposition.label.as_ref(),
            disposition.kind.as_str(),
            to_json("disposition", &disposition.action)?,
            disposition.success
        )
        .execute(&mut *tx)
        .await
        .map_err(|e| taken(during, "disposition", &disposition.code, e))?;
    }
    sqlx::query!("DELETE FROM campaign_group WHERE campaign_id = $1", id.0)
        .execute(&mut *tx)
        .await
        .map_err(|e| Error::from_sqlx(during, e))?;
    let groups: Vec<i32> = config.groups.iter().map(|g| g.0).collect();
    sqlx::query!(
        "INSERT INTO campaign_group (campaign_id, group_id) SELECT DISTINCT $1::integer, g FROM unnest($2::integer[]) g",
        id.0,
        &groups
    )
    .execute(&mut *tx)
    .await
    .map_err(|e| taken(during, "campaign", &config.name, e))?;
    Ok(())
}
