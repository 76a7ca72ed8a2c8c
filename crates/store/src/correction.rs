//! Costs put right after the fact. A row of the ledger is never changed: a correction stands beside it, and the last one says what
//! its attempt cost. Roll-ups get the difference in the transaction that writes the corrections.

use std::collections::HashMap;
use std::time::Duration;

use domain::price::{Formula, Source};
use domain::usage::UsageSource;
use domain::view::Correction;
use domain::{GatewayId, Nanos, RequestId, TeamId, Usage};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement};
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
/// Rows looked at together.
const PAGE: u64 = 500;
/// How often a transaction that failed is tried again, and the first pause before that, which is also that between two of them.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(25);

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
    /// `quality/size` of the pictures that were asked for, where a price depended on it.
    pub pictures: Option<String>,
    /// Whose price it had when it ended.
    pub source: Source,
}

/// What came of an attempt that was priced again; `why` is whoever judges' own reason to leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priced<Why> {
    /// It costs the same.
    Same,
    /// It costs this now.
    Another(Nanos),
    /// Its cost stays as it is.
    Left(Why),
    /// What the row says of its cost or its usage cannot be read.
    Damaged,
}

/// Prices attempts again, in the order of their gateways and requests, and tells what came of each; nothing is changed.
///
/// # Errors
/// [`StoreError`].
pub async fn look<Why>(
    store: &Store,
    scope: &Scope,
    judge: &impl Fn(&Billed) -> Result<(Nanos, Formula), Why>,
    mut tell: impl FnMut(&Billed, Priced<Why>),
) -> Result<(), StoreError> {
    let mut walk = Walk::of(store, scope).await?;
    while let Some(page) = walk.next(store).await? {
        for (model, corrections) in &page {
            let (billed, verdict) = price(model, corrections, judge);
            tell(&billed, verdict.map_another());
        }
    }
    Ok(())
}

/// Does the same and writes a correction for each attempt that costs something else, of which alone it tells. Each page is looked at
/// first, and what is to be corrected looked at again in a transaction of its own: who else writes waits for few rows only. Begun
/// anew after a failure it finds what is corrected already.
///
/// # Errors
/// [`StoreError`]; the pages before stay corrected.
pub async fn correct<Why>(
    store: &Store,
    scope: &Scope,
    judge: &impl Fn(&Billed) -> Result<(Nanos, Formula), Why>,
    mut tell: impl FnMut(&Billed, Nanos),
) -> Result<(), StoreError> {
    let mut walk = Walk::of(store, scope).await?;
    while let Some(page) = walk.next(store).await? {
        let changes = |(model, corrections): &&Page| matches!(price(model, corrections, judge).1, Verdict::Another(..));
        let keys: Vec<Key> = page.iter().filter(changes).map(|(model, _)| (model.request_id, model.attempt)).collect();
        if keys.is_empty() {
            continue;
        }
        let mut tries = 0;
        let written = loop {
            match correct_rows(store, &keys, judge).await {
                Ok(written) => break written,
                // Who else corrects or forgets these rows at this moment, or the ledger's writer, comes first.
                Err(error) if tries < TRIES => {
                    tracing::debug!(%error, "corrections are tried again");
                    tries += 1;
                    tokio::time::sleep(PAUSE * 2_u32.pow(tries)).await;
                }
                Err(error) => return Err(error),
            }
        };
        written.iter().for_each(|(billed, cost)| tell(billed, *cost));
        // Who waits for SQLite's one place to write gets it meanwhile.
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

async fn correct_rows<Why>(
    store: &Store,
    keys: &[Key],
    judge: &impl Fn(&Billed) -> Result<(Nanos, Formula), Why>,
) -> Result<Vec<(Billed, Nanos)>, StoreError> {
    let tx = store.write_tx().await?;
    let ids: Vec<Uuid> = keys.iter().map(|(id, _)| *id).collect();
    let models = Entity::find().filter(Column::RequestId.is_in(ids)).all(&tx).await?;
    let models = models.into_iter().filter(|model| keys.contains(&(model.request_id, model.attempt))).collect();
    let (mut rows, mut tally, mut written) = (Vec::new(), Tally::default(), Vec::new());
    for (model, corrections) in with_corrections(&tx, models).await? {
        let (billed, verdict) = price(&model, &corrections, judge);
        if let Verdict::Another(cost, formula) = verdict {
            let number = corrections.last().map_or(1, |last| last.number.saturating_add(1));
            let before = billed.cost.map(money);
            rows.push(values(&model, number, (before, cost.0), &formula));
            tally.correct(&counted(&model), before, cost.0);
            written.push((billed, cost));
        }
    }
    for chunk in chunks(&rows) {
        let values = chunk.iter().flatten().cloned().collect();
        tx.execute_raw(insert().statement(store.backend(), values)).await?;
    }
    tally.save_corrections(store.backend(), &tx).await?;
    tx.commit().await?;
    Ok(written)
}

enum Verdict<Why> {
    Same,
    Another(Nanos, Formula),
    Left(Why),
    Damaged,
}

impl<Why> Verdict<Why> {
    fn map_another(self) -> Priced<Why> {
        match self {
            Self::Same => Priced::Same,
            Self::Another(cost, _) => Priced::Another(cost),
            Self::Left(why) => Priced::Left(why),
            Self::Damaged => Priced::Damaged,
        }
    }
}

/// Judges an attempt; costs are compared as the database keeps them.
fn price<Why>(
    model: &Model,
    corrections: &[Stored],
    judge: &impl Fn(&Billed) -> Result<(Nanos, Formula), Why>,
) -> (Billed, Verdict<Why>) {
    let (billed, is_damaged) = billed(model, corrections);
    let verdict = match judge(&billed) {
        _ if is_damaged => Verdict::Damaged,
        Err(why) => Verdict::Left(why),
        Ok((cost, _)) if billed.cost.map(money) == Some(money(cost)) => Verdict::Same,
        Ok((cost, formula)) => Verdict::Another(Nanos(money(cost)), formula),
    };
    (billed, verdict)
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

/// Goes through the rows of a team, one gateway after the other: there is no index that has all of a team's rows.
struct Walk {
    scope: Scope,
    gateways: Vec<GatewayId>,
    after: Option<Key>,
}

/// A row with its corrections.
type Page = (Model, Vec<Stored>);

impl Walk {
    async fn of(store: &Store, scope: &Scope) -> Result<Self, StoreError> {
        let sql = "SELECT DISTINCT gateway_id FROM rollup_day WHERE team_id = $1 AND gateway_id <> 0 ORDER BY gateway_id DESC";
        let statement = Statement::from_sql_and_values(store.backend().into(), sql, [scope.team.0.into()]);
        let rows = store.read().query_all_raw(statement).await?;
        let gateways = rows.iter().map(|row| row.try_get_by_index(0).map(GatewayId)).collect::<Result<_, _>>()?;
        Ok(Self { scope: scope.clone(), gateways, after: None })
    }

    /// Some of the rows that are asked for, which may be none; nothing at the end. What is read at once is bounded, however few of
    /// it are asked for.
    async fn next(&mut self, store: &Store) -> Result<Option<Vec<Page>>, StoreError> {
        let Some(gateway) = self.gateways.last() else { return Ok(None) };
        let (from, to) = (first_id(self.scope.from_ms), first_id(self.scope.to_ms));
        let (id, attempt) = self.after.unwrap_or((from, -1));
        let key = Expr::tuple([Expr::col(Column::RequestId), Expr::col(Column::Attempt)]);
        let models = Entity::find()
            .filter(Column::GatewayId.eq(gateway.0))
            .filter(key.gt(Expr::tuple([Expr::value(id), Expr::value(attempt)])))
            .filter(Column::RequestId.lt(to))
            .order_by_asc(Column::RequestId)
            .order_by_asc(Column::Attempt)
            .limit(PAGE)
            .all(store.read())
            .await?;
        self.after = models.last().filter(|_| models.len() as u64 == PAGE).map(|last| (last.request_id, last.attempt));
        if self.after.is_none() {
            self.gateways.pop();
        }
        let models = models.into_iter().filter(|model| self.scope.has(model)).collect();
        Ok(Some(with_corrections(store.read(), models).await?))
    }
}

impl Scope {
    fn has(&self, model: &Model) -> bool {
        let is = |asked: &Option<String>, there: &Option<String>| asked.is_none() || asked == there;
        model.team_id == Some(self.team.0)
            && model.attempt > 0
            && model.usage_source != UsageSource::None.as_str()
            && is(&self.provider, &model.provider)
            && is(&self.model, &model.model)
    }
}

async fn with_corrections(db: &impl ConnectionTrait, models: Vec<Model>) -> Result<Vec<Page>, StoreError> {
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

/// The attempt, and whether something of it cannot be read.
fn billed(model: &Model, corrections: &[Stored]) -> (Billed, bool) {
    let formulas = std::iter::once(model.cost_formula.as_deref())
        .chain(corrections.iter().map(|one| Some(one.cost_formula.as_str())))
        .map(priced::read_formula)
        .collect::<Result<Vec<_>, _>>();
    let (usage, formulas) = (usage(model), formulas);
    let is_damaged = usage.is_err() || formulas.is_err();
    let formulas = formulas.unwrap_or_default();
    // What was asked for is told by the first formula, where a later one does not depend on it.
    let pictures = formulas.iter().find_map(|formula| formula.variant.clone());
    let billed = Billed {
        request_id: RequestId(model.request_id),
        attempt: u16::try_from(model.attempt).unwrap_or(u16::MAX),
        at_ms: model.at_ms,
        provider: model.provider.clone(),
        backend: model.backend.clone(),
        model: model.model.clone(),
        called: model.called.clone(),
        usage: usage.unwrap_or_default(),
        cost: corrections.last().map(|last| last.cost_nanos).or(model.cost_nanos).map(Nanos),
        pictures,
        source: formulas.first().map(|formula| formula.source).unwrap_or_default(),
    };
    (billed, is_damaged)
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
