//! What the log knows of it.

use domain::ledger::{CacheStatus, Outcome, Past, Spent, Surface};
use domain::{GatewayId, Nanos, TeamId, TokenId};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Edges, PAGE, Place};
use crate::correction::COST;
use crate::entity::request::{Column, Entity};
use crate::request_log::first_id;
use crate::{Store, StoreError};

/// A row's.
pub(super) type Key = (Uuid, i32);

/// How much later than its request an attempt may begin, in milliseconds.
const LATEST_ATTEMPT_MS: i64 = 2 * 3_600_000;

/// What is read of a row.
#[derive(FromQueryResult)]
struct Row {
    request_id: Uuid,
    attempt: i32,
    last: bool,
    at_ms: i64,
    gateway_id: Option<i64>,
    token_id: Option<i64>,
    surface: String,
    provider: Option<String>,
    model_asked: Option<String>,
    model: Option<String>,
    outcome: String,
    cache: String,
    input_tokens: i64,
    output_tokens: i64,
    cost_nanos: Option<i64>,
    metadata: Option<String>,
    user_name: Option<String>,
}

/// A page of rows, and where to go on.
pub(super) async fn page(
    store: &Store,
    team: TeamId,
    since_ms: i64,
    edges: &Edges,
    after: Option<Key>,
) -> Result<(Vec<Past>, Option<Place>), StoreError> {
    // An attempt that began behind an edge may be of a request that came in before it.
    let from_ms = Ord::max(since_ms, edges.earliest().saturating_sub(LATEST_ATTEMPT_MS));
    let mut select = Entity::find()
        .select_only()
        .columns([Column::RequestId, Column::Attempt, Column::Last, Column::AtMs, Column::GatewayId, Column::TokenId])
        .columns([Column::Surface, Column::Provider, Column::ModelAsked, Column::Model, Column::Outcome, Column::Cache])
        .columns([Column::InputTokens, Column::OutputTokens, Column::Metadata, Column::UserName])
        .column_as(Expr::cust(COST), Column::CostNanos)
        .filter(Column::TeamId.eq(team.0))
        .filter(Column::RequestId.gte(first_id(from_ms)))
        // The others called nobody.
        .filter(Column::Attempt.gt(0).or(Column::Surface.eq(Surface::CountTokens.as_str())))
        .order_by_asc(Column::RequestId)
        .order_by_asc(Column::Attempt)
        .limit(PAGE);
    if let Some((id, attempt)) = after {
        let key = Expr::tuple([Expr::col(Column::RequestId), Expr::col(Column::Attempt)]);
        select = select.filter(key.gt(Expr::tuple([Expr::value(id), Expr::value(attempt)])));
    }
    let rows = select.into_model::<Row>().all(store.read()).await?;
    let last = rows.last().map(|row| (row.request_id, row.attempt)).filter(|_| rows.len() as u64 == PAGE);
    let whole = rows.into_iter().filter(|row| row.at_ms >= edges.of(row.gateway_id));
    Ok((whole.map(Row::past).collect(), last.map(|key| Place::Log(Some(key)))))
}

impl Row {
    fn past(self) -> Past {
        let answered = self.outcome == Outcome::Ok.as_str() && self.cache != CacheStatus::Hit.as_str();
        let is_request = self.last && (self.attempt > 0 || answered);
        let count = |tokens: i64| u64::try_from(tokens).unwrap_or_default();
        // Room is taken when a request comes in, for all its attempts.
        let came_in = self.request_id.get_timestamp().map(|at| at.to_unix());
        let came_in_ms = came_in.and_then(|(seconds, nanos)| {
            i64::try_from(seconds).ok()?.checked_mul(1_000)?.checked_add(i64::from(nanos / 1_000_000))
        });
        let spent = Spent {
            at_ms: came_in_ms.unwrap_or(self.at_ms),
            gateway_id: self.gateway_id.map(GatewayId),
            token_id: self.token_id.map(TokenId),
            surface: self.surface,
            provider: self.provider,
            model: self.model,
            user: self.user_name,
            metadata: self.metadata,
            is_request,
            tokens: count(self.input_tokens).saturating_add(count(self.output_tokens)),
            cost: self.cost_nanos.map(Nanos),
        };
        Past { spent, model_asked: self.model_asked, requests: u64::from(is_request) }
    }
}
