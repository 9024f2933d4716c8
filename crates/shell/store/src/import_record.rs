//! What is remembered of an import besides its prospects: who chose what, the user's number ranges, the rejects.

use model::{ListId, WallTime};
use sqlx::PgConnection;

use crate::campaign_list::Filled;
use crate::convert::{count, wall};
use crate::import::{Imported, Reject};
use crate::{AccountId, Error, Page, PageRequest, Store};

/// What is kept of a file besides its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportRecord {
    /// Name of the file.
    pub file: String,
    /// Names of the extra columns, in file order.
    pub columns: Vec<String>,
    /// Who imports it and makes its choices.
    pub by: Option<AccountId>,
    /// The zone assumed for people who may be in several, as in the tz database.
    pub assumed_zone: Option<String>,
    /// The user's file of number ranges, and what stood in it.
    pub ranges_file: Option<String>,
    /// Its rows, by row.
    pub ranges: Vec<KeptRange>,
}

/// A row of the user's number ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRange {
    /// Row of its file, from 1 on; each once.
    pub row: u64,
    /// Digits of E.164 that its numbers begin with, else their first and last.
    pub numbers: Result<u64, (u64, u64)>,
    /// Zone, region or city as it stood there.
    pub place: String,
}

/// An import as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastImport {
    /// Key and counts; what became of its prospects is not kept.
    pub imported: Imported,
    /// Name of the file.
    pub file: String,
    /// When it began.
    pub at: WallTime,
    /// Login of who imported it; `None` when it was not kept or the account is gone.
    pub by: Option<String>,
    /// The zone that was assumed.
    pub assumed_zone: Option<String>,
    /// The user's file of number ranges.
    pub ranges_file: Option<String>,
    /// Rows in it.
    pub ranges: u64,
}

impl Store {
    /// What was read into a list, by key.
    ///
    /// # Errors
    /// As the database.
    pub async fn imports(
        &self,
        list: ListId,
        page: PageRequest,
    ) -> Result<Page<PastImport>, Error> {
        let rows = sqlx::query!(
            r#"SELECT i.id, i.file, i.rows, i.accepted, i.duplicates, i.rejected, i.started_at, i.assumed_zone,
                      i.assumed, i.ranges_file, a.login AS "login?",
                      (SELECT count(*) FROM import_range r WHERE r.import_id = i.id) AS "ranges!"
               FROM import i LEFT JOIN account a ON a.id = i.imported_by
               WHERE i.list_id = $1 AND i.id > $2 ORDER BY i.id LIMIT $3"#,
            list.0,
            i32::try_from(page.after).unwrap_or(i32::MAX),
            page.limit()
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("imports", e))?;
        let imports = rows
            .into_iter()
            .map(|r| PastImport {
                imported: Imported {
                    id: r.id,
                    list,
                    rows: count(r.rows),
                    accepted: count(r.accepted),
                    duplicates: count(r.duplicates),
                    rejected: count(r.rejected),
                    assumed: count(r.assumed),
                    queued: Filled::default(),
                },
                file: r.file,
                at: wall(r.started_at),
                by: r.login,
                assumed_zone: r.assumed_zone,
                ranges_file: r.ranges_file,
                ranges: count(r.ranges),
            })
            .collect();
        Ok(page.page(imports, |i: &PastImport| i64::from(i.imported.id)))
    }

    /// What an import could not use, in order of the rows; at most `limit` from the row `after` on.
    ///
    /// # Errors
    /// As the database.
    pub async fn import_rejects(
        &self,
        import: i32,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Reject>, Error> {
        let rows = sqlx::query!(
            "SELECT row_no, reason, raw FROM import_reject WHERE import_id = $1 AND row_no > $2
             ORDER BY row_no, part LIMIT $3",
            import,
            i64::try_from(after).unwrap_or(i64::MAX),
            i64::from(limit)
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("import_rejects", e))?;
        Ok(rows
            .into_iter()
            .map(|r| Reject {
                row: count(r.row_no),
                reason: r.reason,
                raw: r.raw,
            })
            .collect())
    }
}

pub(crate) async fn keep_ranges(
    tx: &mut PgConnection,
    import: i32,
    ranges: &[KeptRange],
) -> Result<(), Error> {
    if ranges.is_empty() {
        return Ok(());
    }
    // Digits of E.164 are at most 15, which fit.
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let rows: Vec<i64> = ranges.iter().map(|r| number(r.row)).collect();
    let prefixes: Vec<Option<i64>> = ranges.iter().map(|r| r.numbers.ok().map(number)).collect();
    let span = |r: &KeptRange| r.numbers.err();
    let firsts: Vec<Option<i64>> = ranges
        .iter()
        .map(|r| span(r).map(|s| number(s.0)))
        .collect();
    let lasts: Vec<Option<i64>> = ranges
        .iter()
        .map(|r| span(r).map(|s| number(s.1)))
        .collect();
    let places: Vec<String> = ranges.iter().map(|r| r.place.replace('\0', "")).collect();
    sqlx::query!(
        "INSERT INTO import_range (import_id, row_no, prefix, first, last, place)
         SELECT $1::integer, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])",
        import,
        &rows,
        &prefixes as &[Option<i64>],
        &firsts as &[Option<i64>],
        &lasts as &[Option<i64>],
        &places
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("import_ranges", e))?;
    Ok(())
}
