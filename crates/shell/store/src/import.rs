//! Reading a file's rows into a list: all of them or, when something breaks, none.

use model::{E164, ListId, Money, WallTime, ZoneSet};
use sqlx::PgConnection;
use tokio::sync::mpsc;

use crate::campaign_list::{Filled, fill_queue};
use crate::convert::count;
use crate::db::no_time_limit;
use crate::import_record::{ImportRecord, keep_ranges};
use crate::refusal::{not_found, taken};
use crate::{Error, Store};

/// A person or firm as a file tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProspect {
    /// Row of the file, from 1 on.
    pub row: u64,
    /// The identifier column. Not empty; the first row of the same identifier wins.
    pub external_id: String,
    /// The name column.
    pub name: Option<String>,
    /// Where the person may be; empty: unknown, and never called.
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
    /// The numbers in file order, each once.
    pub phones: Vec<NewPhone>,
}

/// A number as a file tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPhone {
    /// The number.
    pub number: E164,
    /// As the file had it.
    pub raw: String,
    /// `mobile`, `home`, `work` or what the file says; may be empty.
    pub kind: String,
    /// Digits to dial after the answer.
    pub extension: Option<String>,
}

/// Something that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Row of the file, from 1 on.
    pub row: u64,
    /// In words.
    pub reason: String,
    /// What stood there.
    pub raw: String,
}

/// What comes out of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportRow {
    /// A prospect.
    Prospect(Box<NewProspect>),
    /// A row, or a cell of one, that could not be used.
    Reject(Reject),
    /// The file was read to its end. A channel that closes without it means that reading broke off.
    End {
        /// Rows of the file, without headings.
        rows: u64,
        /// Prospects for whom a zone was assumed.
        assumed: u64,
    },
}

/// The list that a file is read into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntoList<'a> {
    /// One that there is.
    Existing(ListId),
    /// One of this name, made with the import: when the import fails there is no list.
    New(&'a str),
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The import's key; its rejects are found by it.
    pub id: i32,
    /// The list.
    pub list: ListId,
    /// Rows of the file.
    pub rows: u64,
    /// Prospects made.
    pub accepted: u64,
    /// Rows whose identifier was there already.
    pub duplicates: u64,
    /// Rows and cells that could not be used.
    pub rejected: u64,
    /// Prospects for whom a zone was assumed.
    pub assumed: u64,
    /// What became of the prospects in campaigns that call the list.
    pub queued: Filled,
}

/// Sent to the server in pieces of this size (measured best: 64 kB).
const PIECE_BYTES: usize = 64 * 1024;

impl Store {
    /// Puts the rows of a file into a list, and into the queues of campaigns that call it, due from `at`
    /// on. One transaction: either everything is there or nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the list, [`Error::Conflict`] for a new one whose name is taken; [`Error::Invalid`]
    /// when `rows` closes before [`ImportRow::End`].
    pub async fn import(
        &self,
        into: IntoList<'_>,
        record: &ImportRecord,
        mut rows: mpsc::Receiver<ImportRow>,
        at: WallTime,
    ) -> Result<Imported, Error> {
        // Not `run_tx`: the rows can be read only once, so nothing could be repeated. Numbers are locked
        // in order, which leaves no deadlock to lose.
        let mut tx = self
            .api
            .begin()
            .await
            .map_err(|e| Error::from_sqlx("import", e))?;
        let mut imported = begin(&mut tx, into, record).await?;
        let list = imported.list;
        keep_ranges(&mut tx, imported.id, &record.ranges).await?;
        let rejects = copy(&mut tx, &mut imported, &mut rows).await?;
        keep_rejects(&mut tx, imported.id, rejects).await?;
        sort_out(&mut tx, list, &mut imported).await?;
        imported.queued = fill_queues(&mut tx, list, at).await?;
        finish(&mut tx, &imported).await?;
        tx.commit()
            .await
            .map_err(|e| Error::from_sqlx("import", e))?;
        Ok(imported)
    }
}

async fn begin(
    tx: &mut PgConnection,
    into: IntoList<'_>,
    record: &ImportRecord,
) -> Result<Imported, Error> {
    // A million rows take longer than any question of the API may.
    no_time_limit(tx).await?;
    let list = match into {
        IntoList::Existing(list) => list,
        IntoList::New(name) => {
            sqlx::query_scalar!("INSERT INTO list (name) VALUES ($1) RETURNING id", name)
                .fetch_one(&mut *tx)
                .await
                .map(ListId)
                .map_err(|e| taken("import", "list", name, e))?
        }
    };
    let done = sqlx::query!(
        "UPDATE list SET columns = columns || ARRAY(
             SELECT c FROM unnest($2::text[]) WITH ORDINALITY AS f(c, n) WHERE c <> ALL(columns) ORDER BY n)
         WHERE id = $1",
        list.0,
        &record.columns
    )
    .execute(&mut *tx)
    .await
    .map_err(|e| Error::from_sqlx("import", e))?;
    if done.rows_affected() == 0 {
        return Err(not_found("list", list));
    }
    let id = sqlx::query_scalar!(
        "INSERT INTO import (list_id, file, imported_by, assumed_zone, ranges_file) VALUES ($1, $2, $3, $4, $5)
         RETURNING id",
        list.0,
        record.file,
        record.by.map(|a| a.0),
        record.assumed_zone,
        record.ranges_file
    )
    .fetch_one(&mut *tx)
    .await
    .map_err(|e| Error::from_sqlx("import", e))?;
    Ok(Imported {
        id,
        list,
        rows: 0,
        accepted: 0,
        duplicates: 0,
        rejected: 0,
        assumed: 0,
        queued: Filled::default(),
    })
}

/// Sends the prospects to the stage and returns the rejects.
async fn copy(
    tx: &mut PgConnection,
    imported: &mut Imported,
    rows: &mut mpsc::Receiver<ImportRow>,
) -> Result<Vec<Reject>, Error> {
    let away = |e| Error::from_sqlx("import", e);
    let mut copy = tx
        .copy_in_raw(
            "COPY import_stage (import_id, row_no, external_id, name, zones, subject, amount_minor, currency,
                                language, consent, fields, phones) FROM STDIN",
        )
        .await
        .map_err(away)?;
    let mut rejects = Vec::new();
    let mut piece = String::with_capacity(PIECE_BYTES * 2);
    loop {
        match rows.recv().await {
            Some(ImportRow::Prospect(p)) => {
                stage_line(&mut piece, imported.id, &p);
                if piece.len() >= PIECE_BYTES {
                    copy.send(std::mem::take(&mut piece).into_bytes())
                        .await
                        .map_err(away)?;
                }
            }
            Some(ImportRow::Reject(r)) => rejects.push(r),
            Some(ImportRow::End { rows, assumed }) => {
                imported.rows = rows;
                imported.assumed = assumed;
                break;
            }
            None => {
                copy.abort("reading broke off").await.map_err(away)?;
                return Err(Error::Invalid {
                    what: "import",
                    why:
                        "the file was not read to its end, so nothing was imported; import it again"
                            .to_owned(),
                });
            }
        }
    }
    if !piece.is_empty() {
        copy.send(piece.into_bytes()).await.map_err(away)?;
    }
    copy.finish().await.map_err(away)?;
    Ok(rejects)
}

/// One line of COPY's text format (PostgreSQL manual, COPY, "Text Format").
fn stage_line(out: &mut String, import: i32, p: &NewProspect) {
    let mut value = |text: Option<&str>| {
        match text {
            None => out.push_str("\\N"),
            Some(text) => {
                for c in text.chars() {
                    match c {
                        '\\' => out.push_str("\\\\"),
                        '\n' => out.push_str("\\n"),
                        '\r' => out.push_str("\\r"),
                        '\t' => out.push_str("\\t"),
                        // Postgres text holds no NUL.
                        '\0' => {}
                        c => out.push(c),
                    }
                }
            }
        }
        out.push('\t');
    };
    let zones: Vec<_> = p.zones.names().collect();
    // NUL is no character of jsonb either.
    let clean = |text: &str| text.replace('\0', "");
    let fields: serde_json::Map<_, _> = p
        .fields
        .iter()
        .map(|(k, v)| (clean(k), clean(v).into()))
        .collect();
    let phones: Vec<_> = p
        .phones
        .iter()
        .map(|n| {
            serde_json::json!([
                n.number.to_string(),
                clean(&n.raw),
                clean(&n.kind),
                n.extension
            ])
        })
        .collect();
    value(Some(&import.to_string()));
    value(Some(&p.row.to_string()));
    value(Some(&p.external_id));
    value(p.name.as_deref());
    value(Some(&format!("{{{}}}", zones.join(","))));
    value(p.subject.as_deref());
    value(p.amount.map(|a| a.minor.to_string()).as_deref());
    value(p.amount.map(|a| a.currency.to_string()).as_deref());
    value(p.language.as_deref());
    value(Some(if p.consent { "t" } else { "f" }));
    value(Some(&serde_json::Value::Object(fields).to_string()));
    value(Some(&serde_json::Value::Array(phones).to_string()));
    // The last value ends with the line, not with a tab.
    out.pop();
    out.push('\n');
}

async fn keep_rejects(
    tx: &mut PgConnection,
    import: i32,
    rejects: Vec<Reject>,
) -> Result<(), Error> {
    let rows: Vec<i64> = rejects
        .iter()
        .map(|r| i64::try_from(r.row).unwrap_or(i64::MAX))
        .collect();
    let (reasons, raws): (Vec<_>, Vec<_>) = rejects
        .into_iter()
        .map(|r| (r.reason.replace('\0', ""), r.raw.replace('\0', "")))
        .unzip();
    sqlx::query!(
        "INSERT INTO import_reject (import_id, row_no, part, reason, raw)
         SELECT $1::integer, row_no, row_number() OVER (PARTITION BY row_no ORDER BY n), reason, raw
         FROM unnest($2::bigint[], $3::text[], $4::text[]) WITH ORDINALITY AS r(row_no, reason, raw, n)",
        import,
        &rows,
        &reasons,
        &raws
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("import_rejects", e))?;
    Ok(())
}

/// From the stage to the tables.
async fn sort_out(
    tx: &mut PgConnection,
    list: ListId,
    imported: &mut Imported,
) -> Result<(), Error> {
    let failed = |e| Error::from_sqlx("import_sort_out", e);
    let id = imported.id;
    imported.rejected = count(
        sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!" FROM import_reject WHERE import_id = $1"#,
            id
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(failed)?,
    );
    sqlx::query!(
        "INSERT INTO zone_set (zones) SELECT DISTINCT zones FROM import_stage WHERE import_id = $1
         ON CONFLICT DO NOTHING",
        id
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    let done = sqlx::query!(
        "INSERT INTO prospect (list_id, external_id, name, zone_set_id, subject, amount_minor, currency,
                               language, consent, fields, import_id, row_no)
         SELECT DISTINCT ON (s.external_id) $2::integer, s.external_id, s.name, z.id, s.subject, s.amount_minor,
                s.currency, s.language, s.consent, s.fields, s.import_id, s.row_no
         FROM import_stage s JOIN zone_set z ON z.zones = s.zones
         WHERE s.import_id = $1 ORDER BY s.external_id, s.row_no
         ON CONFLICT (list_id, external_id) DO NOTHING",
        id,
        list.0
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    imported.accepted = done.rows_affected();
    let done = sqlx::query!(
        "INSERT INTO import_reject (import_id, row_no, part, reason, raw)
         SELECT $1::integer, s.row_no, 0,
                CASE WHEN p.import_id = $1 THEN 'the identifier stands in row ' || p.row_no || ' already'
                     ELSE 'the identifier stands in the list already' END, s.external_id
         FROM import_stage s JOIN prospect p ON p.list_id = $2 AND p.external_id = s.external_id
         WHERE s.import_id = $1 AND (p.import_id, p.row_no) IS DISTINCT FROM (s.import_id, s.row_no)",
        id,
        list.0
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    imported.duplicates = done.rows_affected();
    sqlx::query!(
        "INSERT INTO number (e164)
         SELECT DISTINCT ph ->> 0 FROM import_stage s, jsonb_array_elements(s.phones) ph
         WHERE s.import_id = $1 ORDER BY 1 ON CONFLICT DO NOTHING",
        id
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    sqlx::query!(
        "INSERT INTO phone (prospect_id, position, number, raw, kind, extension)
         SELECT p.id, ph.n - 1, ph.v ->> 0, ph.v ->> 1, ph.v ->> 2, ph.v ->> 3
         FROM import_stage s
         JOIN prospect p ON p.list_id = $2 AND p.external_id = s.external_id
                        AND p.import_id = s.import_id AND p.row_no = s.row_no
         CROSS JOIN LATERAL jsonb_array_elements(s.phones) WITH ORDINALITY AS ph(v, n)
         WHERE s.import_id = $1
         ON CONFLICT DO NOTHING",
        id,
        list.0
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    sqlx::query!("DELETE FROM import_stage WHERE import_id = $1", id)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Campaigns that call the list already get the new prospects.
async fn fill_queues(tx: &mut PgConnection, list: ListId, at: WallTime) -> Result<Filled, Error> {
    let campaigns = sqlx::query_scalar!(
        "SELECT campaign_id FROM campaign_list WHERE list_id = $1 ORDER BY 1",
        list.0
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(|e| Error::from_sqlx("import_fill_queues", e))?;
    let mut sum = Filled::default();
    for campaign in campaigns {
        let filled = fill_queue(tx, model::CampaignId(campaign), list, at).await?;
        sum.due += filled.due;
        sum.held += filled.held;
        sum.suppressed += filled.suppressed;
        sum.unusable += filled.unusable;
    }
    Ok(sum)
}

async fn finish(tx: &mut PgConnection, imported: &Imported) -> Result<(), Error> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    sqlx::query!(
        "UPDATE import SET rows = $2, accepted = $3, duplicates = $4, rejected = $5, assumed = $6, finished_at = now()
         WHERE id = $1",
        imported.id,
        number(imported.rows),
        number(imported.accepted),
        number(imported.duplicates),
        number(imported.rejected),
        number(imported.assumed)
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("import", e))?;
    Ok(())
}
