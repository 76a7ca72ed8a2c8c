//! The request log: what the ledger shows of a team's requests, newest first, page by page.

mod choices;
mod detail;
mod row;

use domain::filter::{Cursor, Page, RequestFilter, StatusFilter};
use domain::ledger::Outcome;
use domain::view::RequestRow;
use domain::{GatewayId, RequestId, TeamId, TokenId};
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

pub use choices::filter_choices;
pub use detail::find_request;
pub(crate) use row::usage;

use crate::entity::request;
use crate::{Store, StoreError, correction, names};

/// Most rows of a page.
pub const MAX_PAGE: u32 = 200;
/// How much later than its request's id an attempt may begin: retries and slow upstreams lie between. Milliseconds.
const LATEST_ATTEMPT_MS: i64 = 2 * 3_600_000;
/// How much earlier the clock may have stood when the row was made than when the id was. Milliseconds.
const CLOCK_SLACK_MS: i64 = 60_000;

/// A page of the team's log. Without a cursor, or where nothing is newer than an `After` cursor, the newest page.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn list_requests(
    store: &Store,
    team: TeamId,
    filter: &RequestFilter,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<RequestRow>, StoreError> {
    let limit = limit.clamp(1, MAX_PAGE);
    let mut cursor = cursor;
    let mut models = select(team, filter, cursor, limit).all(store.read()).await?;
    if models.is_empty() && matches!(cursor, Some(Cursor::After(..))) {
        cursor = None;
        models = select(team, filter, None, limit).all(store.read()).await?;
    }
    let more = models.len() > limit as usize;
    models.truncate(limit as usize);
    let backwards = matches!(cursor, Some(Cursor::After(..)));
    if backwards {
        models.reverse();
    }
    let rows = rows(store, models).await?;
    let place = |row: &RequestRow| (row.request_id, row.attempt);
    let (first, last) = (rows.first().map(place), rows.last().map(place));
    let older = last.filter(|_| backwards || more).map(|(id, attempt)| Cursor::Before(id, attempt));
    let newer = first.filter(|_| if backwards { more } else { cursor.is_some() });
    Ok(Page { older, newer: newer.map(|(id, attempt)| Cursor::After(id, attempt)), rows })
}

/// One row more than asked for, to see whether there are more.
fn select(team: TeamId, filter: &RequestFilter, cursor: Option<Cursor>, limit: u32) -> Select<request::Entity> {
    let order = if matches!(cursor, Some(Cursor::After(..))) { Order::Asc } else { Order::Desc };
    let mut select = request::Entity::find()
        .filter(request::Column::TeamId.eq(team.0))
        // In the spelling of the partial indexes; a bound value would not match them.
        .filter(Expr::cust("logged"))
        .order_by(request::Column::RequestId, order.clone())
        .order_by(request::Column::Attempt, order)
        .limit(u64::from(limit) + 1);
    for condition in conditions(filter) {
        select = select.filter(condition);
    }
    match cursor {
        Some(Cursor::Before(id, attempt)) => select.filter(key().lt(place(id, attempt))),
        Some(Cursor::After(id, attempt)) => select.filter(key().gt(place(id, attempt))),
        None => select,
    }
}

fn key() -> SimpleExpr {
    Expr::tuple([Expr::col(request::Column::RequestId), Expr::col(request::Column::Attempt)])
}

fn place(id: RequestId, attempt: u16) -> SimpleExpr {
    Expr::tuple([Expr::value(id.0), Expr::value(i32::from(attempt))])
}

fn conditions(filter: &RequestFilter) -> Vec<SimpleExpr> {
    use request::Column;
    let mut all = Vec::new();
    all.extend(filter.gateway.map(|id| Column::GatewayId.eq(id.0)));
    all.extend(filter.token.map(|id| Column::TokenId.eq(id.0)));
    all.extend(filter.user.as_ref().map(|user| Column::UserName.eq(user)));
    all.extend(filter.provider.as_ref().map(|provider| Column::Provider.eq(provider)));
    all.extend(filter.model.as_ref().map(|model| Column::Model.eq(model)));
    all.extend(filter.status.iter().flat_map(|status| ended(*status)));
    // The index knows the time of the id, the row that of the attempt: the first narrows, the second decides. PostgreSQL does
    // not know that both say nearly the same and would expect next to no rows, read hours of the log and sort them; what it
    // knows nothing about it takes for common, and walks the index.
    if let Some(from_ms) = filter.from_ms {
        all.push(Column::RequestId.gte(first_id(from_ms.saturating_sub(LATEST_ATTEMPT_MS))));
        all.push(Expr::cust("(at_ms + 0)").gte(from_ms));
    }
    if let Some(to_ms) = filter.to_ms {
        all.push(Column::RequestId.lt(first_id(to_ms.saturating_add(CLOCK_SLACK_MS))));
        all.push(Expr::cust("(at_ms - 0)").lt(to_ms));
    }
    all
}

/// How a request ended.
fn ended(status: StatusFilter) -> Vec<SimpleExpr> {
    use request::Column;
    let ((low, high), outcomes) = (status.statuses(), status.outcomes());
    let mut all = vec![Column::Status.between(i32::from(low), i32::from(high))];
    if outcomes.len() < Outcome::ALL.len() {
        all.push(Column::Outcome.is_in(outcomes.iter().map(|outcome| outcome.as_str())));
    }
    if low >= 400 || !outcomes.contains(&Outcome::Ok) {
        // In the spelling of the partial index.
        all.push(Expr::cust("(outcome <> 'ok' OR status >= 400)"));
    }
    all
}

/// The lowest UUIDv7 of a moment.
pub(crate) fn first_id(at_ms: i64) -> Uuid {
    let millis = at_ms.clamp(0, (1 << 48) - 1);
    Uuid::from_u128(u128::from(millis.unsigned_abs()) << 80)
}

/// Rows with the names of their gateways and tokens.
async fn rows(store: &Store, models: Vec<request::Model>) -> Result<Vec<RequestRow>, StoreError> {
    let gateways = names::gateways(store, models.iter().filter_map(|model| model.gateway_id.map(GatewayId))).await?;
    let tokens = names::tokens(store, models.iter().filter_map(|model| model.token_id.map(TokenId))).await?;
    let costs = correction::last_costs(store.read(), models.iter().map(|model| model.request_id)).await?;
    models
        .into_iter()
        .map(|model| {
            let corrected = costs.get(&(model.request_id, model.attempt)).copied();
            let gateway = model.gateway_id.and_then(|id| gateways.get(&GatewayId(id)).cloned());
            let token = model.token_id.and_then(|id| tokens.get(&TokenId(id)).cloned());
            row::view(model, corrected, gateway, token)
        })
        .collect()
}

#[cfg(test)]
mod tests;
