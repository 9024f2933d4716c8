//! In which currencies a campaign's amounts are.

use model::{CampaignId, Currency};

use crate::convert::Row;
use crate::{Error, Store};

impl Store {
    /// Every currency of the amounts in a campaign's lists, sorted; none when no list carries amounts.
    ///
    /// # Errors
    /// As the database.
    pub async fn currencies(&self, campaign: CampaignId) -> Result<Vec<Currency>, Error> {
        // A list has one or two currencies in a million rows: each probe of the index jumps to the next.
        let names = sqlx::query_scalar!(
            r#"WITH RECURSIVE jump (list_id, currency) AS (
                   SELECT l.list_id, (SELECT min(p.currency) FROM prospect p WHERE p.list_id = l.list_id)
                   FROM campaign_list l WHERE l.campaign_id = $1
                   UNION ALL
                   SELECT j.list_id, (SELECT min(p.currency) FROM prospect p
                                      WHERE p.list_id = j.list_id AND p.currency > j.currency)
                   FROM jump j WHERE j.currency IS NOT NULL)
               SELECT DISTINCT currency AS "currency!" FROM jump WHERE currency IS NOT NULL ORDER BY 1"#,
            campaign.0
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("currencies", e))?;
        let row = Row {
            table: "prospect",
            key: campaign,
        };
        let currency = |name: String| name.parse().map_err(|e| row.impossible(e));
        names.into_iter().map(currency).collect()
    }
}
