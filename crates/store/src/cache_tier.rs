//! The response cache behind the one in memory: answers that outlive a restart.

use std::sync::Arc;

use domain::cache::{CacheEntry, CacheKey};
use domain::{GatewayId, TeamId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement, Value};

use crate::bulk::{Insert, chunks, clean};
use crate::entity::cache_entry::{self, Column, Entity};
use crate::{Store, StoreError};

/// Entries, and about how many bytes of them, deleted in one transaction: SQLite takes each of their pages in hand.
const RANGE: u64 = 64;
const RANGE_BYTES: i64 = 16 << 20;
/// What an entry takes beside its body, in bytes: key, texts, usage and its places in four indexes.
const OVERHEAD: u64 = 512;

/// Keys of the entries that are valid at `now_ms`, those that stay valid longest first, at most `limit`.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn load_keys(store: &Store, now_ms: i64, limit: u64) -> Result<Vec<CacheKey>, StoreError> {
    let keys = Entity::find()
        .select_only()
        .column(Column::Key)
        .filter(Column::ExpiresAtMs.gt(now_ms))
        .order_by_desc(Column::ExpiresAtMs)
        .limit(limit)
        .into_tuple::<Vec<u8>>()
        .all(store.read())
        .await?;
    Ok(keys.into_iter().filter_map(|key| key.try_into().ok()).collect())
}

/// The entry of a key, where there is one that is valid at `now_ms`.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer; [`StoreError::Other`] where the entry is damaged.
pub async fn load(store: &Store, key: &CacheKey, now_ms: i64) -> Result<Option<CacheEntry>, StoreError> {
    let found = Entity::find_by_id(key.to_vec()).filter(Column::ExpiresAtMs.gt(now_ms)).one(store.read()).await?;
    found.map(|model| entry(*key, model)).transpose()
}

/// Stores entries in one transaction; a newer answer replaces an older one under the same key.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer; nothing is stored then.
pub async fn save(store: &Store, entries: &[Arc<CacheEntry>]) -> Result<(), StoreError> {
    let insert = Insert {
        table: "cache_entries",
        columns: &[
            "key",
            "team_id",
            "gateway_id",
            "created_at_ms",
            "expires_at_ms",
            "status",
            "content_type",
            "streamed",
            "body",
            "provider",
            "model",
            "usage",
            "bytes",
        ],
        tail: "ON CONFLICT (key) DO UPDATE SET created_at_ms = excluded.created_at_ms, \
               expires_at_ms = excluded.expires_at_ms, status = excluded.status, content_type = excluded.content_type, \
               streamed = excluded.streamed, body = excluded.body, provider = excluded.provider, \
               model = excluded.model, usage = excluded.usage, bytes = excluded.bytes"
            .to_owned(),
    };
    let mut latest: Vec<&CacheEntry> = Vec::new();
    for entry in entries.iter().rev() {
        // PostgreSQL refuses a statement that changes one row twice.
        if latest.iter().all(|other| other.key != entry.key) {
            latest.push(entry);
        }
    }
    let rows = latest.into_iter().map(values).collect::<Result<Vec<_>, _>>()?;
    let tx = store.write_tx().await?;
    for chunk in chunks(&rows) {
        tx.execute_raw(insert.statement(store.backend(), chunk.concat())).await?;
    }
    Ok(tx.commit().await?)
}

/// Deletes what is no longer valid at `now_ms`; answers how many.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn purge_expired(store: &Store, now_ms: i64) -> Result<u64, StoreError> {
    purge(store, "expires_at_ms <= $1", now_ms).await
}

/// Deletes every entry of a gateway; answers how many.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn purge_gateway(store: &Store, gateway: GatewayId) -> Result<u64, StoreError> {
    purge(store, "gateway_id = $1", gateway.0).await
}

/// Deletes the oldest entries until the rest takes at most `most` bytes; answers how many. An answer that another
/// process writes meanwhile is left for the next call.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer; what was deleted until then stays deleted.
pub async fn trim(store: &Store, most: u64) -> Result<u64, StoreError> {
    let mut excess = total(store).await?.saturating_sub(i64::try_from(most).unwrap_or(i64::MAX));
    let mut trimmed = 0;
    while excess > 0 {
        let oldest = Entity::find()
            .select_only()
            .columns([Column::Key, Column::Bytes])
            .order_by_asc(Column::CreatedAtMs)
            .limit(RANGE)
            .into_tuple::<(Vec<u8>, i64)>()
            .all(store.read())
            .await?;
        let (mut keys, mut taken) = (Vec::new(), 0);
        for (key, bytes) in oldest {
            if taken >= excess.min(RANGE_BYTES) {
                break;
            }
            taken += bytes.max(1);
            keys.push(key);
        }
        if keys.is_empty() {
            break;
        }
        excess -= taken;
        let tx = store.write_tx().await?;
        trimmed += Entity::delete_many().filter(Column::Key.is_in(keys)).exec(&tx).await?.rows_affected;
        tx.commit().await?;
    }
    Ok(trimmed)
}

/// Bytes that an entry takes in the table, about.
#[must_use]
pub fn size(entry: &CacheEntry) -> u64 {
    OVERHEAD + entry.body.len() as u64
}

/// Bytes that all entries take.
async fn total(store: &Store) -> Result<i64, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(bytes), 0) AS bigint) FROM cache_entries";
    let row = store.read().query_one_raw(Statement::from_string(store.backend().into(), sql)).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
}

async fn purge(store: &Store, condition: &str, value: i64) -> Result<u64, StoreError> {
    let sql = format!(
        "DELETE FROM cache_entries WHERE key IN (SELECT key FROM cache_entries WHERE {condition} LIMIT {RANGE})"
    );
    let mut purged = 0;
    loop {
        let tx = store.write_tx().await?;
        let statement = Statement::from_sql_and_values(store.backend().into(), &sql, [Value::from(value)]);
        let deleted = tx.execute_raw(statement).await?.rows_affected();
        tx.commit().await?;
        purged += deleted;
        if deleted < RANGE {
            return Ok(purged);
        }
    }
}

fn values(entry: &CacheEntry) -> Result<Vec<Value>, StoreError> {
    let usage = serde_json::to_string(&entry.usage).map_err(|error| StoreError::Other(error.to_string()))?;
    Ok(vec![
        entry.key.to_vec().into(),
        entry.team_id.0.into(),
        entry.gateway_id.0.into(),
        entry.created_at_ms.into(),
        entry.expires_at_ms.into(),
        i32::from(entry.status).into(),
        clean(&entry.content_type).into(),
        entry.streamed.into(),
        entry.body.to_vec().into(),
        clean(&entry.provider).into(),
        entry.model.as_deref().map(clean).into(),
        usage.into(),
        i64::try_from(size(entry)).unwrap_or(i64::MAX).into(),
    ])
}

fn entry(key: CacheKey, model: cache_entry::Model) -> Result<CacheEntry, StoreError> {
    let damaged = |error: serde_json::Error| StoreError::Other(format!("cache entry: {error}"));
    Ok(CacheEntry {
        key,
        team_id: TeamId(model.team_id),
        gateway_id: GatewayId(model.gateway_id),
        created_at_ms: model.created_at_ms,
        expires_at_ms: model.expires_at_ms,
        status: u16::try_from(model.status).unwrap_or_default(),
        content_type: model.content_type,
        streamed: model.streamed,
        body: model.body.into(),
        provider: model.provider,
        model: model.model,
        usage: serde_json::from_str(&model.usage).map_err(damaged)?,
    })
}

#[cfg(test)]
mod tests;
