//! Lists and the people in them.

use model::{CampaignId, E164, ListId, Money, PhoneId, ProspectId, WallTime, ZoneSet};

use crate::convert::{Row, count, stamp, wall};
use crate::refusal::{not_found, taken};
use crate::{Error, Page, PageRequest, Store};

/// An imported list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The key.
    pub id: ListId,
    /// Unique.
    pub name: String,
    /// Names of the extra columns, in file order.
    pub columns: Vec<String>,
    /// No longer offered for campaigns.
    pub archived: bool,
    /// How many prospects stand in it.
    pub prospects: u64,
    /// When it was made.
    pub created_at: WallTime,
}

/// A person or firm of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// The key.
    pub id: ProspectId,
    /// The list.
    pub list: ListId,
    /// The identifier column.
    pub external_id: String,
    /// The name column.
    pub name: Option<String>,
    /// Where the person may be.
    pub zones: ZoneSet,
    /// The debt, contract or matter.
    pub subject: Option<String>,
    /// The amount column.
    pub amount: Option<Money>,
    /// BCP 47 tag of the language column.
    pub language: Option<String>,
    /// Whether the list carries the person's consent.
    pub consent: bool,
    /// Every further column, in file order.
    pub fields: Vec<(String, String)>,
    /// The numbers, in file order.
    pub phones: Vec<Phone>,
}

/// One number of a prospect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// The key.
    pub id: PhoneId,
    /// The number.
    pub number: E164,
    /// As the file had it.
    pub raw: String,
    /// `mobile`, `home`, `work` or what the file says; may be empty.
    pub kind: String,
    /// Digits to dial after the answer.
    pub extension: Option<String>,
}

/// Prospects of one zone set, by when they are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneCount {
    /// The zone set; empty when nothing is known.
    pub zones: ZoneSet,
    /// Due at the instant asked for.
    pub due: u64,
    /// Due after it, but before the second instant.
    pub soon: u64,
    /// Due later.
    pub later: u64,
}

/// Prospects that will not be called as things stand, by reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeverCount {
    /// In words.
    pub reason: String,
    /// How many.
    pub prospects: u64,
}

impl Store {
    /// Makes an empty list.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken.
    pub async fn create_list(&self, name: &str) -> Result<ListId, Error> {
        sqlx::query_scalar!("INSERT INTO list (name) VALUES ($1) RETURNING id", name)
            .fetch_one(&self.api)
            .await
            .map(ListId)
            .map_err(|e| taken("create_list", "list", name, e))
    }

    /// Renames or archives a list; `None` leaves the value.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] when the name is taken.
    pub async fn update_list(
        &self,
        id: ListId,
        name: Option<&str>,
        archived: Option<bool>,
    ) -> Result<(), Error> {
        let done = sqlx::query!(
            "UPDATE list SET name = coalesce($2, name), archived = coalesce($3, archived) WHERE id = $1",
            id.0,
            name,
            archived
        )
        .execute(&self.api)
        .await
        .map_err(|e| taken("update_list", "list", name.unwrap_or_default(), e))?;
        crate::refusal::found(done.rows_affected(), "list", id)
    }

    /// Lists by key.
    ///
    /// # Errors
    /// As the database.
    pub async fn lists(&self, page: PageRequest) -> Result<Page<List>, Error> {
        let rows = sqlx::query!(
            r#"SELECT l.id, l.name, l.columns, l.archived, l.created_at,
                      (SELECT count(*) FROM prospect p WHERE p.list_id = l.id) AS "prospects!"
               FROM list l WHERE l.id > $1 ORDER BY l.id LIMIT $2"#,
            i32::try_from(page.after).unwrap_or(i32::MAX),
            page.limit()
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("lists", e))?;
        let lists = rows
            .into_iter()
            .map(|r| List {
                id: ListId(r.id),
                name: r.name,
                columns: r.columns,
                archived: r.archived,
                prospects: count(r.prospects),
                created_at: wall(r.created_at),
            })
            .collect();
        Ok(page.page(lists, |l: &List| i64::from(l.id.0)))
    }

    /// The people of a list, by key.
    ///
    /// # Errors
    /// As the database.
    pub async fn prospects(
        &self,
        list: ListId,
        page: PageRequest,
    ) -> Result<Page<Prospect>, Error> {
        let ids = sqlx::query_scalar!(
            "SELECT id FROM prospect WHERE list_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            list.0,
            page.after,
            page.limit()
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("prospects", e))?;
        let prospects = self.prospects_by_id(&ids).await?;
        Ok(page.page(prospects, |p| p.id.0))
    }

    /// One person.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn prospect(&self, id: ProspectId) -> Result<Prospect, Error> {
        self.prospects_by_id(&[id.0])
            .await?
            .pop()
            .ok_or_else(|| not_found("prospect", id))
    }

    /// People of one list whose identifier is the given one, or who have the given number; by key.
    ///
    /// # Errors
    /// As the database.
    pub async fn find_prospects(
        &self,
        external_id_or_number: &str,
    ) -> Result<Vec<Prospect>, Error> {
        let ids = sqlx::query_scalar!(
            r#"SELECT id AS "id!" FROM (
                   SELECT id FROM prospect WHERE external_id = $1
                   UNION SELECT prospect_id FROM phone WHERE number = $1) found
               ORDER BY 1 LIMIT 100"#,
            external_id_or_number
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("find_prospects", e))?;
        self.prospects_by_id(&ids).await
    }

    async fn prospects_by_id(&self, ids: &[i64]) -> Result<Vec<Prospect>, Error> {
        let during = "prospects";
        let rows = sqlx::query!(
            "SELECT p.id, p.list_id, p.external_id, p.name, z.zones, p.subject, p.amount_minor, p.currency,
                    p.language, p.consent, p.fields, l.columns
             FROM prospect p JOIN zone_set z ON z.id = p.zone_set_id JOIN list l ON l.id = p.list_id
             WHERE p.id = ANY($1) ORDER BY p.id",
            ids
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx(during, e))?;
        let phones = sqlx::query!(
            "SELECT id, prospect_id, number, raw, kind, extension FROM phone
             WHERE prospect_id = ANY($1) ORDER BY prospect_id, position",
            ids
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx(during, e))?;
        let mut phones = phones.into_iter().peekable();
        rows.into_iter()
            .map(|r| {
                let row = Row {
                    table: "prospect",
                    key: r.id,
                };
                let mut own = Vec::new();
                while let Some(p) = phones.next_if(|p| p.prospect_id == r.id) {
                    own.push(Phone {
                        id: PhoneId(p.id),
                        number: Row {
                            table: "phone",
                            key: p.id,
                        }
                        .number(&p.number)?,
                        raw: p.raw,
                        kind: p.kind,
                        extension: p.extension,
                    });
                }
                Ok(Prospect {
                    id: ProspectId(r.id),
                    list: ListId(r.list_id),
                    external_id: r.external_id,
                    name: r.name,
                    zones: row.zones(&r.zones)?,
                    subject: r.subject,
                    amount: row.money(r.amount_minor, r.currency.as_deref())?,
                    language: r.language,
                    consent: r.consent,
                    fields: in_file_order(row.json(r.fields)?, &r.columns),
                    phones: own,
                })
            })
            .collect()
    }

    /// Prospects of a campaign that wait to be called, per zone set: due at `at`, due before `soon`, due
    /// later. Whether a zone set is open then is the caller's to say.
    ///
    /// # Errors
    /// As the database.
    pub async fn zone_counts(
        &self,
        campaign: CampaignId,
        at: WallTime,
        soon: WallTime,
    ) -> Result<Vec<ZoneCount>, Error> {
        let rows = sqlx::query!(
            r#"SELECT z.id, z.zones, n.due AS "due!", n.soon AS "soon!", n.later AS "later!"
               FROM (SELECT zone_set_id,
                            count(*) FILTER (WHERE next_attempt_at <= $2) AS due,
                            count(*) FILTER (WHERE next_attempt_at > $2 AND next_attempt_at < $3) AS soon,
                            count(*) FILTER (WHERE next_attempt_at > $2 AND next_attempt_at >= $3) AS later
                     FROM queue WHERE campaign_id = $1 AND state = 0 GROUP BY 1) n
               JOIN zone_set z ON z.id = n.zone_set_id ORDER BY z.id"#,
            campaign.0,
            stamp(at),
            stamp(soon)
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("zone_counts", e))?;
        rows.into_iter()
            .map(|r| {
                Ok(ZoneCount {
                    zones: Row {
                        table: "zone_set",
                        key: r.id,
                    }
                    .zones(&r.zones)?,
                    due: count(r.due),
                    soon: count(r.soon),
                    later: count(r.later),
                })
            })
            .collect()
    }

    /// Prospects of a campaign that are held until facts change, or closed, by reason; most first.
    ///
    /// # Errors
    /// As the database.
    pub async fn never_counts(&self, campaign: CampaignId) -> Result<Vec<NeverCount>, Error> {
        let rows = sqlx::query!(
            r#"SELECT coalesce(held_by, nullif(because, ''), closed_as, '') AS "reason!", count(*) AS "prospects!"
               FROM queue WHERE campaign_id = $1 AND state IN (4, 5) GROUP BY 1 ORDER BY 2 DESC, 1"#,
            campaign.0
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("never_counts", e))?;
        Ok(rows
            .into_iter()
            .map(|r| NeverCount {
                reason: r.reason,
                prospects: count(r.prospects),
            })
            .collect())
    }
}

/// jsonb forgets the order of its keys; the list's columns keep it.
pub(crate) fn in_file_order(
    mut fields: std::collections::BTreeMap<String, String>,
    columns: &[String],
) -> Vec<(String, String)> {
    let mut ordered: Vec<_> = columns
        .iter()
        .filter_map(|c| fields.remove_entry(c))
        .collect();
    ordered.extend(fields);
    ordered
}
