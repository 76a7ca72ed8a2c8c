//! What roll-ups know of it.

use domain::ledger::{Past, Spent};
use domain::{GatewayId, Nanos, TeamId, TokenId};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

use super::{Edges, PAGE, Place};
use crate::rollup::Resolution;
use crate::{Store, StoreError};

/// What tells the roll-ups of a team apart, in the order of the tables' key.
#[derive(Clone, Debug)]
pub(super) struct SumsKey {
    at_s: i64,
    gateway_id: i64,
    provider: String,
    model: String,
    token_id: i64,
}

/// A page of roll-ups, and where to go on.
pub(super) async fn page(
    store: &Store,
    team: TeamId,
    since_ms: i64,
    edges: &Edges,
    (resolution, after): (Resolution, Option<SumsKey>),
) -> Result<(Vec<Past>, Option<Place>), StoreError> {
    let (from_ms, to_ms) = match resolution {
        Resolution::Day | Resolution::UserDay => (since_ms, edges.hours),
        Resolution::Hour | Resolution::Minute => (since_ms.max(edges.hours), edges.latest()),
    };
    let step_ms = resolution.seconds() * 1_000;
    let mut sql = format!(
        "SELECT at_s, gateway_id, provider, model, token_id, requests, cache_hits, attempts, input_tokens, output_tokens, \
         cost_nanos FROM {} WHERE team_id = $1 AND at_s >= $2 AND at_s < $3",
        resolution.table()
    );
    // The step that the first moment lies in counts as a whole.
    let first_s = from_ms.div_euclid(step_ms).saturating_mul(resolution.seconds()).max(0);
    let mut values: Vec<Value> = vec![team.0.into(), first_s.into(), to_ms.div_euclid(1_000).into()];
    if let Some(key) = after {
        sql.push_str(" AND (at_s, gateway_id, provider, model, token_id) > ($4, $5, $6, $7, $8)");
        values.extend([key.at_s.into(), key.gateway_id.into(), key.provider.into(), key.model.into()]);
        values.push(key.token_id.into());
    }
    sql.push_str(&format!(" ORDER BY at_s, gateway_id, provider, model, token_id LIMIT {PAGE}"));
    let statement = Statement::from_sql_and_values(store.backend().into(), sql, values);
    let rows = store.read().query_all_raw(statement).await?;
    let mut past = Vec::with_capacity(rows.len());
    let mut last = None;
    for row in &rows {
        let (key, sums) = read(row, step_ms)?;
        let forgotten = key.at_s * 1_000 < edges.of(Some(key.gateway_id));
        past.extend(forgotten.then_some(sums));
        last = Some(key);
    }
    let next = match (last.filter(|_| rows.len() as u64 == PAGE), resolution) {
        (Some(last), resolution) => Place::Sums(resolution, Some(last)),
        (None, Resolution::Day) => Place::Sums(Resolution::Hour, None),
        (None, _) => Place::Log(None),
    };
    Ok((past, Some(next)))
}

fn read(row: &QueryResult, step_ms: i64) -> Result<(SumsKey, Past), DbErr> {
    let number = |index: usize| row.try_get_by_index::<i64>(index);
    let count = |index: usize| Ok::<_, DbErr>(u64::try_from(number(index)?).unwrap_or_default());
    let text = |index: usize| row.try_get_by_index::<String>(index);
    let key =
        SumsKey { at_s: number(0)?, gateway_id: number(1)?, provider: text(2)?, model: text(3)?, token_id: number(4)? };
    let (requests, hits, attempts) = (count(5)?, count(6)?, count(7)?);
    let spent = Spent {
        at_ms: key.at_s * 1_000 + step_ms - 1,
        gateway_id: Some(GatewayId(key.gateway_id)).filter(|id| id.0 != 0),
        token_id: Some(TokenId(key.token_id)).filter(|id| id.0 != 0),
        surface: String::new(),
        provider: Some(key.provider.clone()).filter(|name| !name.is_empty()),
        model: Some(key.model.clone()).filter(|name| !name.is_empty()),
        user: None,
        metadata: None,
        is_request: false,
        tokens: count(8)?.saturating_add(count(9)?),
        cost: Some(Nanos(number(10)?)),
    };
    // Refused ones are among the requests, and attempts that were made again among the attempts.
    let requests = requests.saturating_sub(hits).min(attempts);
    Ok((key, Past { spent, model_asked: None, requests }))
}
