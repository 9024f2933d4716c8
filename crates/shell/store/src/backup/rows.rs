//! How many rows each table has.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::Error;

/// Of every table of ours, as the connection's transaction sees them.
pub(super) async fn count(connection: &mut PgConnection) -> Result<BTreeMap<String, i64>, Error> {
    let failed = |e| Error::from_sqlx("count_rows", e);
    let tables = sqlx::query!(
        r#"SELECT c.relname AS "table!", format('SELECT count(*) FROM public.%I', c.relname) AS "question!"
           FROM pg_class c
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           ORDER BY c.relname"#
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    let mut rows = BTreeMap::new();
    for table in tables {
        // The database itself quoted the name.
        let counted = sqlx::query(AssertSqlSafe(table.question))
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        rows.insert(table.table, counted.try_get(0).map_err(failed)?);
    }
    Ok(rows)
}
