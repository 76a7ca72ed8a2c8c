//! What the ledger has of a day, summed up as providers do: by model and key.

use domain::ledger::Outcome;
use domain::usage::UsageSource;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};

use crate::correction::COST;
use crate::request_log::first_id;
use crate::retention::DAY_MS;
use crate::{Store, StoreError};

/// How much later than its request an attempt may begin, and how much earlier the clock may have stood then. Milliseconds.
const LATEST_ATTEMPT_MS: i64 = 2 * 3_600_000;
const CLOCK_SLACK_MS: i64 = 60_000;

/// The attempts of a day at one provider, for one model, with one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub provider: String,
    pub model: String,
    /// Nothing where callers brought a key of their own.
    pub key_id: Option<i64>,
    /// Attempts that the provider served, or may have.
    pub requests: u64,
    pub input: u64,
    pub output: u64,
    /// Of those whose cost is known, in nano-dollars.
    pub cost: i64,
    /// How many have no known cost.
    pub unpriced: u64,
    /// How many have usage that was estimated.
    pub estimated: u64,
    /// How many ended before the provider told what they used: clients left, connections broke.
    pub untold: u64,
    /// How many were cut off by a server that stopped, or were under way when it was killed.
    pub interrupted: u64,
    /// How many began on this day and ended on the next.
    pub over_midnight: u64,
}

/// A key's name: its team and its alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName {
    pub id: i64,
    pub team: String,
    pub alias: String,
}

/// What was used on a day, by days since 1970 (UTC), at one provider or at all. Only attempts that may be billed.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn used(store: &Store, day: i64, provider: Option<&str>) -> Result<Vec<Used>, StoreError> {
    let (from_ms, to_ms) = (day * DAY_MS, (day + 1) * DAY_MS);
    let count = |what: &str| format!("CAST(SUM(CASE WHEN {what} THEN 1 ELSE 0 END) AS bigint)");
    let sum = |what: &str| format!("CAST(COALESCE(SUM({what}), 0) AS bigint)");
    let (none, estimated) = (UsageSource::None.as_str(), UsageSource::Estimated.as_str());
    let columns = [
        "COALESCE(provider, '')".to_owned(),
        "COALESCE(model, '')".to_owned(),
        "provider_key_id".to_owned(),
        "COUNT(*)".to_owned(),
        sum("input_tokens"),
        sum("output_tokens"),
        sum(COST),
        count(&format!("{COST} IS NULL")),
        count(&format!("usage_source = '{estimated}'")),
        count(&format!(
            "usage_source = '{none}' AND cost_nanos IS NULL AND outcome <> '{}'",
            Outcome::Interrupted.as_str()
        )),
        count(&format!("outcome = '{}'", Outcome::Interrupted.as_str())),
        count("at_ms + duration_us / 1000 >= $4"),
    ];
    // What the provider refused, or was never reached with, it does not bill.
    let sql = format!(
        "SELECT {} FROM requests WHERE request_id >= $1 AND request_id < $2 AND at_ms >= $3 AND at_ms < $4 AND attempt > 0 \
         AND (usage_source <> '{none}' OR cost_nanos IS NULL OR status < 400) AND provider = COALESCE($5, provider) \
         GROUP BY provider, model, provider_key_id ORDER BY provider, model, provider_key_id",
        columns.join(", ")
    );
    let values = [
        first_id(from_ms - LATEST_ATTEMPT_MS).into(),
        first_id(to_ms + CLOCK_SLACK_MS).into(),
        from_ms.into(),
        to_ms.into(),
        provider.map(str::to_owned).into(),
    ];
    let rows = store.read().query_all_raw(Statement::from_sql_and_values(store.backend().into(), sql, values)).await?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// The names of all keys there ever were.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn key_names(store: &Store) -> Result<Vec<KeyName>, StoreError> {
    let sql = "SELECT k.id, t.slug, k.alias FROM provider_keys k JOIN teams t ON t.id = k.team_id ORDER BY k.id";
    let rows = store.read().query_all_raw(Statement::from_string(store.backend().into(), sql)).await?;
    let name = |row: &QueryResult| {
        Ok(KeyName { id: row.try_get_by_index(0)?, team: row.try_get_by_index(1)?, alias: row.try_get_by_index(2)? })
    };
    Ok(rows.iter().map(name).collect::<Result<_, DbErr>>()?)
}

fn read(row: &QueryResult) -> Result<Used, DbErr> {
    let count = |index: usize| row.try_get_by_index::<i64>(index).map(|count| u64::try_from(count).unwrap_or_default());
    Ok(Used {
        provider: row.try_get_by_index(0)?,
        model: row.try_get_by_index(1)?,
        key_id: row.try_get_by_index(2)?,
        requests: count(3)?,
        input: count(4)?,
        output: count(5)?,
        cost: row.try_get_by_index(6)?,
        unpriced: count(7)?,
        estimated: count(8)?,
        untold: count(9)?,
        interrupted: count(10)?,
        over_midnight: count(11)?,
    })
}

#[cfg(test)]
mod tests {
    use domain::ledger::AttemptRow;
    use domain::{Nanos, ProviderKeyId, Usage};

    use super::*;
    use crate::fixture::{create_gateway, execute, id, row, write};
    use crate::testing::db_test;

    /// 2025-11-22.
    const DAY: i64 = 20_414;
    const NOON_MS: i64 = DAY * DAY_MS + DAY_MS / 2;

    fn at(at_ms: i64, number: u64) -> AttemptRow {
        AttemptRow { request_id: id(at_ms, number), ..row(at_ms, number, 1) }
    }

    db_test! {
        async fn a_day_is_summed_up_by_model_and_key(store: Store) {
            let quiet = |number| AttemptRow {
                usage: Usage::default(), usage_source: UsageSource::None, cost: None, ..at(NOON_MS, number)
            };
            let rows = [
                at(NOON_MS, 1),
                AttemptRow { usage_source: UsageSource::Estimated, duration_us: 1_000, ..at((DAY + 1) * DAY_MS - 1, 2) },
                AttemptRow { outcome: Outcome::Interrupted, status: 503, ..quiet(3) },
                AttemptRow { outcome: Outcome::ClientGone, status: 499, ..quiet(4) },
                AttemptRow { provider_key_id: None, ..at(NOON_MS, 5) },
                AttemptRow { provider_key_id: Some(ProviderKeyId(5)), provider: Some("groq".into()), ..at(NOON_MS, 6) },
                // What was refused, what came from the cache and other days are not there.
                AttemptRow { outcome: Outcome::UpstreamError, status: 429, cost: Some(Nanos::ZERO), ..quiet(7) },
                AttemptRow { attempt: 0, ..at(NOON_MS, 8) },
                at(DAY * DAY_MS - 1, 9),
                at((DAY + 1) * DAY_MS, 10),
            ];
            write(&store, &rows, None).await;
            let expected = Used {
                provider: "openai".into(),
                model: "gpt-4o-mini".into(),
                key_id: Some(4),
                requests: 4,
                input: 24,
                output: 68,
                cost: 44_400,
                unpriced: 2,
                estimated: 1,
                untold: 1,
                interrupted: 1,
                over_midnight: 1,
            };
            let mut found = used(&store, DAY, Some("openai")).await.expect("read");
            found.sort_by_key(|used| used.key_id.is_none());
            assert_eq!(found.len(), 2);
            assert_eq!(found[0], expected);
            assert_eq!((found[1].key_id, found[1].requests), (None, 1));
            assert_eq!(used(&store, DAY, None).await.expect("read").len(), 3);
        }

        async fn keys_have_the_names_of_their_teams(store: Store) {
            create_gateway(&store, 1, 1, "main", "{}").await;
            let (sealed, now) = match store.backend() {
                crate::Backend::Sqlite => ("x'00'", "'2026-01-01T00:00:00+00:00'"),
                crate::Backend::Postgres => ("'\\x00'", "'2026-01-01T00:00:00+00:00'"),
            };
            let insert = format!(
                "INSERT INTO provider_keys (id, team_id, provider, alias, sealed, key_version, hint, enabled, created_at) \
                 VALUES (4, 1, 'openai', 'default', {sealed}, 1, '', true, {now})"
            );
            execute(&store, &insert).await;
            let expected = KeyName { id: 4, team: "team-1".into(), alias: "default".into() };
            assert_eq!(key_names(&store).await.expect("read"), [expected]);
        }
    }
}
