//! The row of a number: its lock, and the version of what is known of it.

use sqlx::PgConnection;

use crate::Error;

/// Moves the versions of these numbers on; a number without a row gets one. Locks in the order of the
/// numbers, so that two transactions never wait for each other.
pub(crate) async fn touch(tx: &mut PgConnection, numbers: &[String]) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO number (e164) SELECT DISTINCT n FROM unnest($1::text[]) n ORDER BY n
         ON CONFLICT (e164) DO UPDATE SET version = number.version + 1",
        numbers
    )
    .execute(tx)
    .await
    .map_err(|e| Error::from_sqlx("touch_numbers", e))?;
    Ok(())
}
