//! Forgetting: log rows past their gateway's retention, fine roll-ups past their use, cache entries and kept responses that
//! have expired, records set aside that nobody looked after. In small ranges, each a transaction of its own, so that the ledger
//! writer never waits long for SQLite's write lock.

use domain::GatewaySettings;
use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect, Statement, Value};
use uuid::Uuid;

use crate::entity::{gateway, team};
use crate::request_log::first_id;
use crate::rollup::Resolution;
use crate::{Store, StoreError, cache_tier, dead_letters, state};

/// Rows deleted in one transaction.
const RANGE: u64 = 500;
/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// What a sweep deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Ledger rows, with their bodies.
    pub requests: u64,
    /// Roll-ups by minute and hour.
    pub rollups: u64,
    /// Cache entries.
    pub cache_entries: u64,
    /// Kept responses and conversations.
    pub kept_state: u64,
    /// Records that had been set aside.
    pub dead_letters: u64,
}

/// Deletes what is past its time at `now_ms`. Roll-ups by day, which carry the money, stay for good. Rows of a deleted
/// gateway keep its retention; rows of no gateway have the default one. What fails keeps nothing else from being deleted.
///
/// # Errors
/// The first failure, such as [`StoreError::Unavailable`]; what was deleted stays deleted.
pub async fn sweep(store: &Store, now_ms: i64) -> Result<Swept, StoreError> {
    let mut failures = Failures(Ok(()));
    let swept = Swept {
        cache_entries: failures.pass(cache_tier::purge_expired(store, now_ms).await),
        kept_state: failures.pass(state::purge_expired(store, now_ms).await),
        requests: sweep_requests(store, now_ms, &mut failures).await,
        rollups: sweep_rollups(store, now_ms, &mut failures).await,
        dead_letters: failures.pass(dead_letters::forget(store, now_ms).await),
    };
    failures.0.map(|()| swept)
}

/// The first failure, where there was one.
struct Failures(Result<(), StoreError>);

impl Failures {
    /// What a part of the sweep deleted, as far as is known.
    fn pass(&mut self, part: Result<u64, StoreError>) -> u64 {
        match part {
            Ok(deleted) => deleted,
            Err(error) => {
                if self.0.is_ok() {
                    self.0 = Err(error);
                }
                0
            }
        }
    }
}

async fn sweep_requests(store: &Store, now_ms: i64, failures: &mut Failures) -> u64 {
    let retentions = match retentions(store).await {
        Ok(retentions) => retentions,
        Err(error) => return failures.pass(Err(error)),
    };
    let mut swept = 0;
    for (gateway, days) in retentions {
        let before = first_id(now_ms.saturating_sub(i64::from(days) * DAY_MS));
        swept += failures.pass(forget_requests(store, gateway, before).await);
    }
    swept
}

async fn sweep_rollups(store: &Store, now_ms: i64, failures: &mut Failures) -> u64 {
    let mut swept = 0;
    for resolution in Resolution::ALL {
        if let Some(days) = resolution.kept_days() {
            let before_s = now_ms.saturating_sub(days * DAY_MS).div_euclid(1_000);
            swept += failures.pass(forget_rollups(store, resolution, before_s).await);
        }
    }
    swept
}

/// Days by gateway; the last entry is for rows without one.
pub(crate) async fn retentions(store: &Store) -> Result<Vec<(Option<i64>, u16)>, StoreError> {
    let default = GatewaySettings::default().log_retention_days;
    let gateways = gateway::Entity::find()
        .select_only()
        .column(gateway::Column::Id)
        .column(gateway::Column::Settings)
        .into_tuple::<(i64, String)>()
        .all(store.read())
        .await?;
    let mut retentions = Vec::with_capacity(gateways.len() + 1);
    for (id, settings) in gateways {
        match serde_json::from_str::<GatewaySettings>(&settings) {
            Ok(settings) => retentions.push((Some(id), settings.log_retention_days)),
            // Deleting by a guess would be worse than keeping too long.
            Err(error) => tracing::warn!(gateway.id = id, error = %error, "settings do not parse; nothing is deleted"),
        }
    }
    retentions.push((None, default));
    Ok(retentions)
}

async fn forget_requests(store: &Store, gateway: Option<i64>, before: Uuid) -> Result<u64, StoreError> {
    let of_gateway = if gateway.is_some() { "gateway_id = $2" } else { "gateway_id IS NULL" };
    let range = format!(
        "SELECT request_id, attempt FROM requests WHERE request_id < $1 AND {of_gateway} \
         ORDER BY request_id, attempt LIMIT {RANGE}"
    );
    let values: Vec<Value> = std::iter::once(before.into()).chain(gateway.map(Value::from)).collect();
    let delete = ["request_bodies", "requests"]
        .map(|table| format!("DELETE FROM {table} WHERE (request_id, attempt) IN ({range})"));
    let mut forgotten = 0;
    loop {
        let tx = store.write_tx().await?;
        let mut deleted = 0;
        for sql in &delete {
            let statement = Statement::from_sql_and_values(store.backend().into(), sql, values.clone());
            deleted = tx.execute_raw(statement).await?.rows_affected();
        }
        tx.commit().await?;
        forgotten += deleted;
        if deleted < RANGE {
            return Ok(forgotten);
        }
    }
}

async fn forget_rollups(store: &Store, resolution: Resolution, before_s: i64) -> Result<u64, StoreError> {
    let (table, mut forgotten) = (resolution.table(), 0);
    let key = resolution.key_columns().collect::<Vec<_>>().join(", ");
    let teams =
        team::Entity::find().select_only().column(team::Column::Id).into_tuple::<i64>().all(store.read()).await?;
    let sql = format!(
        "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE team_id = $1 AND at_s < $2 \
         ORDER BY at_s LIMIT {RANGE})"
    );
    for team in teams {
        loop {
            let values: [Value; 2] = [team.into(), before_s.into()];
            let tx = store.write_tx().await?;
            let statement = Statement::from_sql_and_values(store.backend().into(), &sql, values);
            let deleted = tx.execute_raw(statement).await?.rows_affected();
            tx.commit().await?;
            forgotten += deleted;
            if deleted < RANGE {
                break;
            }
        }
    }
    Ok(forgotten)
}

#[cfg(test)]
mod tests;
