//! Costs put right after the fact. A row of the ledger is never changed: a correction stands beside it, and the last one says what
//! its attempt cost. Roll-ups get the difference in the transaction that writes the corrections.

use std::collections::HashMap;

use domain::price::Formula;
use domain::usage::UsageSource;
use domain::view::Correction;
use domain::{Nanos, RequestId, TeamId, Usage};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::bulk::{Insert, chunks, clean, money};
use crate::entity::cost_correction::{Column as Corrected, Entity as Corrections, Model as Stored};
use crate::entity::request::{Column, Entity, Model};
use crate::request_log::{first_id, usage};
use crate::rollup::{Counted, Tally};
use crate::{Store, StoreError, priced};

#[cfg(test)]
mod tests;

/// What an attempt cost, as SQL over `requests`: after the last correction, where there is one.
pub(crate) const COST: &str = "COALESCE((SELECT c.cost_nanos FROM cost_corrections c WHERE c.request_id = requests.request_id \
                               AND c.attempt = requests.attempt ORDER BY c.number DESC LIMIT 1), requests.cost_nanos)";
/// Rows looked at in one transaction.
const PAGE: u64 = 500;

/// An attempt's key.
type Key = (Uuid, i32);

/// Which attempts are looked at: those of which it is known what was used.
#[derive(Clone, Debug)]
pub struct Scope {
    pub team: TeamId,
    /// When the requests came in, in milliseconds since 1970, the end exclusive.
    pub from_ms: i64,
    pub to_ms: i64,
    /// The provider's slug.
    pub provider: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
}

/// An attempt as the ledger has it, with what it costs after the last correction.
#[derive(Clone, Debug, PartialEq)]
pub struct Billed {
    pub request_id: RequestId,
    pub attempt: u16,
    pub at_ms: i64,
    pub provider: Option<String>,
    pub backend: Option<String>,
    /// The model that answered, or was called where the provider did not say.
    pub model: Option<String>,
    /// The model that was called, where another one answered.
    pub called: Option<String>,
    pub usage: Usage,
    pub cost: Option<Nanos>,
    pub formula: Formula,
}

/// Whether corrections are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is changed.
    DryRun,
    Write,
}

/// Hands the attempts to `judge` in their order, page by page, and corrects those for which it has another cost. Each page is a
/// transaction of its own; begun anew it finds what an earlier run has corrected already.
///
/// # Errors
/// [`StoreError`]; the pages before stay corrected.
pub async fn correct(
    store: &Store,
    scope: &Scope,
    mode: Mode,
    mut judge: impl FnMut(&Billed) -> Option<(Nanos, Formula)>,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let last = match mode {
            Mode::DryRun => {
                let page = page(store.read(), scope, after).await?;
                for (model, corrections) in &page {
                    judge(&billed(model, corrections)?);
                }
                end_of(&page)
            }
            Mode::Write => {
                let tx = store.write_tx().await?;
                let page = page(&tx, scope, after).await?;
                let (mut rows, mut tally) = (Vec::new(), Tally::default());
                for (model, corrections) in &page {
                    let billed = billed(model, corrections)?;
                    let Some((cost, formula)) = judge(&billed) else { continue };
                    let (before, cost) = (billed.cost.map(money), money(cost));
                    if before != Some(cost) {
                        let number = corrections.last().map_or(1, |last| last.number.saturating_add(1));
                        rows.push(values(model, number, (before, cost), &formula));
                        tally.correct(&counted(model), before, cost);
                    }
                }
                for chunk in chunks(&rows) {
                    let values = chunk.iter().flatten().cloned().collect();
                    tx.execute_raw(insert().statement(store.backend(), values)).await?;
                }
                tally.save_corrections(store.backend(), &tx).await?;
                tx.commit().await?;
                end_of(&page)
            }
        };
        match last {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

/// The last costs of those of the attempts that have a correction.
pub(crate) async fn last_costs(
    db: &impl ConnectionTrait,
    requests: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Key, i64>, StoreError> {
    // In their order, so that the last one stays.
    let all = of_requests(db, requests).await?;
    Ok(all.into_iter().map(|one| ((one.request_id, one.attempt), one.cost_nanos)).collect())
}

/// The corrections of a request, by attempt, in order.
pub(crate) async fn of_request(
    db: &impl ConnectionTrait,
    request: RequestId,
) -> Result<HashMap<i32, Vec<Correction>>, StoreError> {
    let mut by_attempt = HashMap::<i32, Vec<Correction>>::new();
    for one in of_requests(db, [request.0]).await? {
        by_attempt.entry(one.attempt).or_default().push(Correction {
            made_at_ms: one.made_at_ms,
            before: one.before_nanos.map(Nanos),
            cost: Nanos(one.cost_nanos),
            formula: formula(Some(&one.cost_formula))?,
        });
    }
    Ok(by_attempt)
}

async fn of_requests(
    db: &impl ConnectionTrait,
    requests: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Stored>, StoreError> {
    let of_requests = Corrections::find().filter(Corrected::RequestId.is_in(requests));
    Ok(of_requests
        .order_by_asc(Corrected::RequestId)
        .order_by_asc(Corrected::Attempt)
        .order_by_asc(Corrected::Number)
        .all(db)
        .await?)
}

async fn page(
    db: &impl ConnectionTrait,
    scope: &Scope,
    after: Option<Key>,
) -> Result<Vec<(Model, Vec<Stored>)>, StoreError> {
    let mut select = Entity::find()
        .filter(Column::TeamId.eq(scope.team.0))
        .filter(Column::RequestId.gte(first_id(scope.from_ms)))
        .filter(Column::RequestId.lt(first_id(scope.to_ms)))
        .filter(Column::Attempt.gt(0))
        .filter(Column::UsageSource.ne(UsageSource::None.as_str()))
        .order_by_asc(Column::RequestId)
        .order_by_asc(Column::Attempt)
        .limit(PAGE);
    if let Some(provider) = &scope.provider {
        select = select.filter(Column::Provider.eq(provider));
    }
    if let Some(model) = &scope.model {
        select = select.filter(Column::Model.eq(model));
    }
    if let Some((id, attempt)) = after {
        let key = Expr::tuple([Expr::col(Column::RequestId), Expr::col(Column::Attempt)]);
        select = select.filter(key.gt(Expr::tuple([Expr::value(id), Expr::value(attempt)])));
    }
    let models = select.all(db).await?;
    let mut by_key = HashMap::<Key, Vec<Stored>>::new();
    for one in of_requests(db, models.iter().map(|model| model.request_id)).await? {
        by_key.entry((one.request_id, one.attempt)).or_default().push(one);
    }
    let with = |model: Model| {
        let corrections = by_key.remove(&(model.request_id, model.attempt)).unwrap_or_default();
        (model, corrections)
    };
    Ok(models.into_iter().map(with).collect())
}

/// Where a page ends that another may follow.
fn end_of(page: &[(Model, Vec<Stored>)]) -> Option<Key> {
    page.last().filter(|_| page.len() as u64 == PAGE).map(|(model, _)| (model.request_id, model.attempt))
}

fn billed(model: &Model, corrections: &[Stored]) -> Result<Billed, StoreError> {
    let last = corrections.last();
    let json = last.map(|last| last.cost_formula.as_str()).or(model.cost_formula.as_deref());
    Ok(Billed {
        request_id: RequestId(model.request_id),
        attempt: u16::try_from(model.attempt).unwrap_or(u16::MAX),
        at_ms: model.at_ms,
        provider: model.provider.clone(),
        backend: model.backend.clone(),
        model: model.model.clone(),
        called: model.called.clone(),
        usage: usage(model)?,
        cost: last.map(|last| last.cost_nanos).or(model.cost_nanos).map(Nanos),
        formula: formula(json)?,
    })
}

pub(crate) fn formula(json: Option<&str>) -> Result<Formula, StoreError> {
    priced::read_formula(json).map_err(|error| StoreError::Other(format!("cost formula: {error}")))
}

fn counted(model: &Model) -> Counted<'_> {
    Counted {
        at_ms: model.at_ms,
        team_id: model.team_id,
        gateway_id: model.gateway_id,
        token_id: model.token_id,
        provider: model.provider.as_deref(),
        model: model.model.as_deref(),
        user: model.user_name.as_deref(),
        attempt: u16::try_from(model.attempt).unwrap_or(u16::MAX),
        status: u16::try_from(model.status).unwrap_or_default(),
        has_usage: true,
        ..Counted::default()
    }
}

fn insert() -> Insert {
    Insert {
        table: "cost_corrections",
        columns: &["request_id", "attempt", "number", "made_at_ms", "before_nanos", "cost_nanos", "cost_formula"],
        tail: String::new(),
    }
}

fn values(model: &Model, number: i32, (before, cost): (Option<i64>, i64), formula: &Formula) -> [sea_orm::Value; 7] {
    let now_ms = chrono::Utc::now().timestamp_millis();
    let formula = priced::formula(formula).map(|json| clean(&json)).unwrap_or_else(|| "{}".to_owned());
    [
        model.request_id.into(),
        model.attempt.into(),
        number.into(),
        now_ms.into(),
        before.into(),
        cost.into(),
        formula.into(),
    ]
}
