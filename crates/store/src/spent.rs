//! What the ledger has of a team's requests, in the order in which they came: for counting again, or trying a policy on it.

use domain::ledger::Spent;
use domain::{GatewayId, Nanos, RequestId, TeamId, TokenId};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use crate::correction::COST;
use crate::request_log::first_id;
use crate::{Store, StoreError};

/// Most gateways looked at together; SQLite takes 500 parts in a statement.
pub const MAX_GATEWAYS: usize = 400;
/// Seconds of a day.
const DAY_S: i64 = 86_400;
/// What is read of a row, in the order of [`read`].
const COLUMNS: &str = "request_id, attempt, last, at_ms, gateway_id, token_id, surface, provider, model, user_name, metadata, \
                       input_tokens, output_tokens";

/// A row of the ledger: an attempt at a provider, or an answer from the cache, which is attempt 0 and spent nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub request_id: RequestId,
    pub attempt: u16,
    pub spent: Spent,
}

/// A span of time by when requests began, in milliseconds since 1970, the end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from_ms: i64,
    pub to_ms: i64,
}

/// The gateways, deleted ones included, that the team's requests of a span went through; at most one more than
/// [`MAX_GATEWAYS`].
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn gateways(store: &Store, team: TeamId, span: Span) -> Result<Vec<GatewayId>, StoreError> {
    let day = |ms: i64| ms.div_euclid(1_000 * DAY_S) * DAY_S;
    let sql = format!(
        "SELECT DISTINCT gateway_id FROM rollup_day WHERE team_id = $1 AND at_s >= $2 AND at_s <= $3 AND gateway_id <> 0 \
         ORDER BY gateway_id LIMIT {}",
        MAX_GATEWAYS + 1
    );
    // The roll-up counts when attempts began, which may be a day later than their request.
    let values: [Value; 3] = [team.0.into(), day(span.from_ms).into(), (day(span.to_ms) + DAY_S).into()];
    let rows = store.read().query_all_raw(Statement::from_sql_and_values(store.backend().into(), sql, values)).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0).map(GatewayId)).collect::<Result<_, _>>()?)
}

/// At most `limit` rows of the span after a place in it, in order. Rows of refused requests are left out.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn page(
    store: &Store,
    gateways: &[GatewayId],
    span: Span,
    after: Option<(RequestId, u16)>,
    limit: u32,
) -> Result<Vec<Row>, StoreError> {
    if gateways.is_empty() {
        return Ok(Vec::new());
    }
    let (id, attempt) = after.map_or((first_id(span.from_ms), -1), |(RequestId(id), attempt)| (id, i32::from(attempt)));
    let values: [Value; 3] = [id.into(), attempt.into(), first_id(span.to_ms).into()];
    let statement = Statement::from_sql_and_values(store.backend().into(), sql(gateways, limit), values);
    let rows = store.read().query_all_raw(statement).await?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// A part for each gateway, which the index by gateway gives in order, and the database merges: there is no index that has
/// all of a team's rows in order, and one more would cost every row that is written.
fn sql(gateways: &[GatewayId], limit: u32) -> String {
    let part = |gateway: &GatewayId| {
        format!(
            "SELECT {COLUMNS}, {COST} FROM requests WHERE gateway_id = {gateway} AND (request_id, attempt) > ($1, $2) \
             AND request_id < $3 AND (attempt > 0 OR cache = 'hit')"
        )
    };
    let parts: Vec<_> = gateways.iter().take(MAX_GATEWAYS).map(part).collect();
    format!("{} ORDER BY request_id, attempt LIMIT {limit}", parts.join(" UNION ALL "))
}

fn read(row: &QueryResult) -> Result<Row, DbErr> {
    let attempt = u16::try_from(row.try_get_by_index::<i32>(1)?).unwrap_or(u16::MAX);
    let last: bool = row.try_get_by_index(2)?;
    let tokens = |index| row.try_get_by_index::<i64>(index).map(|count| u64::try_from(count).unwrap_or(0));
    let spent = Spent {
        at_ms: row.try_get_by_index(3)?,
        gateway_id: row.try_get_by_index::<Option<i64>>(4)?.map(GatewayId),
        token_id: row.try_get_by_index::<Option<i64>>(5)?.map(TokenId),
        surface: row.try_get_by_index(6)?,
        provider: row.try_get_by_index(7)?,
        model: row.try_get_by_index(8)?,
        user: row.try_get_by_index(9)?,
        metadata: row.try_get_by_index(10)?,
        is_request: last && attempt > 0,
        tokens: tokens(11)?.saturating_add(tokens(12)?),
        cost: row.try_get_by_index::<Option<i64>>(13)?.map(Nanos),
    };
    Ok(Row { request_id: RequestId(row.try_get_by_index::<Uuid>(0)?), attempt, spent })
}

#[cfg(test)]
mod tests {
    use domain::ledger::{AttemptRow, CacheStatus};

    use super::*;
    use crate::Backend;
    use crate::fixture::{self, write};
    use crate::testing::db_test;

    const AT_MS: i64 = 1_763_800_000_000;

    fn row(number: u64, attempt: u16, gateway: i64) -> AttemptRow {
        let at_ms = AT_MS + i64::try_from(number).expect("small") * 1_000;
        AttemptRow { gateway_id: Some(GatewayId(gateway)), ..fixture::row(at_ms, number, attempt) }
    }

    /// Through three gateways in turn, one of them another team's; every fourth from the cache, every fifth refused, every
    /// seventh at the second attempt, and every second kept out of the log.
    fn traffic() -> Vec<AttemptRow> {
        let mut rows = Vec::new();
        for number in 0..90_u64 {
            let gateway = 1 + i64::try_from(number % 3).expect("small");
            let logged = number % 2 == 0;
            let base = AttemptRow {
                team_id: Some(TeamId(if gateway == 3 { 2 } else { 1 })),
                logged,
                ..row(number, 1, gateway)
            };
            match number {
                n if n % 4 == 0 => {
                    rows.push(AttemptRow { attempt: 0, cache: CacheStatus::Hit, cost: Some(Nanos(0)), ..base })
                }
                n if n % 5 == 0 => rows.push(AttemptRow { attempt: 0, ..base }),
                n if n % 7 == 0 => {
                    rows.push(AttemptRow { last: false, cost: None, ..base.clone() });
                    rows.push(AttemptRow { attempt: 2, user: Some("ada".to_owned()), ..base });
                }
                _ => rows.push(base),
            }
        }
        rows
    }

    db_test! {
        async fn the_rows_of_a_team_come_in_order_page_by_page(store: Store) {
            let rows = traffic();
            write(&store, &rows, None).await;
            let span = Span { from_ms: AT_MS + 10_000, to_ms: AT_MS + 80_000 };
            let of_team = gateways(&store, TeamId(1), span).await.expect("gateways");
            assert_eq!(of_team, [GatewayId(1), GatewayId(2)]);
            let mut expected: Vec<_> = rows
                .iter()
                .filter(|row| row.team_id == Some(TeamId(1)) && (row.attempt > 0 || row.cache == CacheStatus::Hit))
                .filter(|row| (span.from_ms..span.to_ms).contains(&row.at_ms))
                .map(|row| (row.request_id, row.attempt, row.cost, row.last && row.attempt > 0))
                .collect();
            expected.sort_unstable();
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = page(&store, &of_team, span, after, 7).await.expect("a page");
                let Some(last) = page.last() else { break };
                after = Some((last.request_id, last.attempt));
                found.extend(page);
            }
            let told: Vec<_> =
                found.iter().map(|row| (row.request_id, row.attempt, row.spent.cost, row.spent.is_request)).collect();
            assert_eq!(told, expected);
            let second = found.iter().find(|row| row.attempt == 2).expect("a second attempt");
            assert_eq!((second.spent.user.as_deref(), second.spent.tokens), (Some("ada"), 46));
            assert_eq!(second.spent.metadata.as_deref(), Some(r#"{"user":"ada"}"#));
            assert!(super::page(&store, &[], span, None, 7).await.expect("nothing").is_empty());
        }
    }

    #[test]
    fn nothing_is_sorted_and_no_row_of_another_gateway_is_read() {
        crate::testing::on_sqlite(|store| async move {
            let values: [Value; 3] = [first_id(AT_MS).into(), (-1).into(), first_id(AT_MS + 90_000).into()];
            let sql = format!("EXPLAIN QUERY PLAN {}", sql(&[GatewayId(1), GatewayId(2)], 50));
            let statement = Statement::from_sql_and_values(Backend::Sqlite.into(), sql, values);
            let rows = store.read().query_all_raw(statement).await.expect("a plan");
            let plan: String =
                rows.iter().map(|row| row.try_get::<String>("", "detail").expect("text") + "\n").collect();
            assert_eq!(plan.matches("USING INDEX requests_by_gateway (gateway_id=?").count(), 2, "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        });
    }
}
