//! Records that could not become rows of the ledger, whole, with the reason. What they cost is in no figure, so they are
//! told of as long as there are any; a person decides what becomes of them (`docs/DATABASE.md`). Nobody doing so, they
//! stay for a time and up to a size.

use sea_orm::{ConnectionTrait, Statement, Value};

use crate::{Store, StoreError};

/// Milliseconds a record is kept: 90 days.
pub(crate) const KEPT_MS: i64 = 90 * 86_400_000;
/// Most bytes of all records together; beyond it the oldest go.
const MOST_BYTES: i64 = 256 << 20;
/// What a record takes beside its bytes, about.
const OVERHEAD: usize = 512;
/// Rows deleted in one transaction.
const RANGE: u64 = 100;

/// Records there are, of all teams: most of them do not say whose they are.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn count(store: &Store) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM dead_letters";
    let row = store.read().query_one_raw(Statement::from_string(store.backend().into(), sql)).await?;
    let count: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
}

/// What a record counts towards the size of all.
pub(crate) fn size(record: &[u8]) -> i64 {
    i64::try_from(OVERHEAD + record.len()).unwrap_or(i64::MAX)
}

/// Deletes what is too old at `now_ms` and what is too much; answers how many.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer; what was deleted until then stays deleted.
pub(crate) async fn forget(store: &Store, now_ms: i64) -> Result<u64, StoreError> {
    let before_ms = now_ms.saturating_sub(KEPT_MS).max(newest_beyond(store, MOST_BYTES).await?.saturating_add(1));
    let sql = format!(
        "DELETE FROM dead_letters WHERE (spool_id, segment, at_byte) IN \
         (SELECT spool_id, segment, at_byte FROM dead_letters WHERE at_ms < $1 ORDER BY at_ms LIMIT {RANGE})"
    );
    let mut forgotten = 0;
    loop {
        let tx = store.write_tx().await?;
        let statement = Statement::from_sql_and_values(store.backend().into(), &sql, [Value::from(before_ms)]);
        let deleted = tx.execute_raw(statement).await?.rows_affected();
        tx.commit().await?;
        forgotten += deleted;
        if deleted < RANGE {
            return Ok(forgotten);
        }
    }
}

/// When the newest record was set aside that is one too many where `most` bytes are kept; before all time where none is.
async fn newest_beyond(store: &Store, most: i64) -> Result<i64, StoreError> {
    let sql = "SELECT MAX(at_ms) FROM (SELECT at_ms, SUM(bytes) OVER (ORDER BY at_ms DESC) AS newer FROM dead_letters) \
               AS sums WHERE newer > $1";
    let statement = Statement::from_sql_and_values(store.backend().into(), sql, [Value::from(most)]);
    let row = store.read().query_one_raw(statement).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.flatten().unwrap_or(i64::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{execute, number};
    use crate::testing::db_test;

    const NOW_MS: i64 = 1_763_800_000_000;

    async fn set_aside(store: &Store, number: i64, at_ms: i64, bytes: i64) {
        let spool = match store.backend() {
            crate::Backend::Sqlite => "x'00000000000000000000000000000001'",
            crate::Backend::Postgres => "'00000000-0000-0000-0000-000000000001'",
        };
        let sql = format!(
            "INSERT INTO dead_letters (spool_id, segment, at_byte, reason, at_ms, bytes) \
             VALUES ({spool}, 1, {number}, 'no', {at_ms}, {bytes})"
        );
        execute(store, &sql).await;
    }

    db_test! {
        async fn old_records_go_and_young_ones_stay(store: Store) {
            for number in 0..250 {
                set_aside(&store, number, NOW_MS - KEPT_MS - 1 - number, 600).await;
            }
            set_aside(&store, 1_000, NOW_MS - KEPT_MS, 600).await;
            set_aside(&store, 1_001, NOW_MS, 600).await;
            assert_eq!(count(&store).await.expect("counted"), 252);
            assert_eq!(forget(&store, NOW_MS).await.expect("forgotten"), 250);
            assert_eq!(forget(&store, NOW_MS).await.expect("forgotten"), 0);
            assert_eq!(count(&store).await.expect("counted"), 2);
        }

        async fn beyond_their_size_the_oldest_go(store: Store) {
            for number in 0..5 {
                set_aside(&store, number, NOW_MS - number, MOST_BYTES / 4).await;
            }
            assert_eq!(forget(&store, NOW_MS).await.expect("forgotten"), 1);
            assert_eq!(number(&store, "SELECT MAX(at_byte) FROM dead_letters").await, 3);
            assert_eq!(forget(&store, NOW_MS).await.expect("forgotten"), 0);
        }
    }
}
