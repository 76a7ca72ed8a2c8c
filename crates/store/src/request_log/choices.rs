//! What the log's filters offer.

use domain::TeamId;
use domain::view::FilterChoices;
use sea_orm::{ConnectionTrait, Statement};

use crate::{Store, StoreError};

/// Most names of a kind.
const MAX_CHOICES: u32 = 200;
/// How far back a name must have been seen, in seconds: 90 days.
const SEEN_WITHIN_S: i64 = 90 * 86_400;

/// Providers and models that the team used of late, by name, from the daily roll-ups; bounded.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn filter_choices(store: &Store, team: TeamId) -> Result<FilterChoices, StoreError> {
    let since_s = chrono::Utc::now().timestamp() - SEEN_WITHIN_S;
    Ok(FilterChoices {
        providers: distinct(store, team, since_s, "provider").await?,
        models: distinct(store, team, since_s, "model").await?,
    })
}

async fn distinct(store: &Store, team: TeamId, since_s: i64, column: &str) -> Result<Vec<String>, StoreError> {
    let sql = format!(
        "SELECT DISTINCT {column} FROM rollup_day WHERE team_id = $1 AND at_s >= $2 AND {column} <> '' \
         ORDER BY {column} LIMIT {MAX_CHOICES}"
    );
    let statement = Statement::from_sql_and_values(store.backend().into(), sql, [team.0.into(), since_s.into()]);
    let rows = store.read().query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}
