//! The figures of the overview page, from roll-ups only.

use std::collections::BTreeMap;

use domain::view::{Bucket, Overview, Totals};
use domain::{GatewayId, TeamId};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

use super::Resolution;
use super::tally::Sums;
use crate::{Store, StoreError};

/// Most steps of a chart.
const MAX_STEPS: i64 = 120;
/// Models listed by name.
const TOP_MODELS: u64 = 8;
/// Steps to choose from, in seconds.
const STEPS_S: [i64; 9] = [60, 300, 900, 3_600, 7_200, 21_600, 86_400, 604_800, 2_592_000];

/// Figures of a team, or of one of its gateways, from `from_ms` to `to_ms`; both are widened to whole steps, of which
/// there are at most about 120. Finer roll-ups than are still kept are replaced by the next coarser ones.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn overview(
    store: &Store,
    team: TeamId,
    gateway: Option<GatewayId>,
    from_ms: i64,
    to_ms: i64,
) -> Result<Overview, StoreError> {
    let now_s = chrono::Utc::now().timestamp();
    let span = Span::choose(from_ms, to_ms, now_s);
    Ok(Query { store, team, gateway, resolution: span.resolution }.overview(&span).await?)
}

/// A stretch of time in whole steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from_s: i64,
    pub(super) to_s: i64,
    pub(super) step_s: i64,
    pub(super) resolution: Resolution,
}

impl Span {
    pub(super) fn choose(from_ms: i64, to_ms: i64, now_s: i64) -> Self {
        let from_s = from_ms.div_euclid(1_000);
        let to_s = to_ms.div_euclid(1_000).saturating_add(i64::from(to_ms.rem_euclid(1_000) > 0)).max(from_s + 1);
        let length = to_s.saturating_sub(from_s);
        // The span before is shown too, so its roll-ups must still be there.
        let oldest = from_s.saturating_sub(length);
        let kept = |resolution: &Resolution| {
            resolution.kept_days().is_none_or(|days| oldest >= now_s.saturating_sub(days * Resolution::Day.seconds()))
        };
        let finest = Resolution::WHOLE.into_iter().find(kept).unwrap_or(Resolution::Day);
        let fits = |step: &i64| *step >= finest.seconds() && length / *step <= MAX_STEPS;
        let step_s = STEPS_S.into_iter().find(fits).unwrap_or_else(|| whole_days(length / MAX_STEPS));
        let coarsest = |resolution: &Resolution| step_s % resolution.seconds() == 0;
        let resolution = Resolution::WHOLE.into_iter().rev().find(coarsest).unwrap_or(finest);
        let from_s = from_s - from_s.rem_euclid(step_s);
        let to_s = to_s + (-to_s).rem_euclid(step_s);
        Self { from_s, to_s, step_s, resolution }
    }

    fn before(&self) -> Self {
        Self { from_s: self.from_s - (self.to_s - self.from_s), to_s: self.from_s, ..*self }
    }
}

fn whole_days(seconds: i64) -> i64 {
    (seconds / 86_400 + 1) * 86_400
}

struct Query<'a> {
    store: &'a Store,
    team: TeamId,
    gateway: Option<GatewayId>,
    resolution: Resolution,
}

impl Query<'_> {
    async fn overview(&self, span: &Span) -> Result<Overview, DbErr> {
        let steps = self.steps(span).await?;
        let mut total = Sums::default();
        steps.values().for_each(|sums| total.add(sums));
        let buckets = (span.from_s..span.to_s)
            .step_by(usize::try_from(span.step_s).unwrap_or(usize::MAX))
            .map(|at_s| Bucket {
                at_ms: at_s * 1_000,
                totals: steps.get(&at_s).map_or_else(Totals::default, Sums::totals),
            })
            .collect();
        Ok(Overview {
            totals: total.totals(),
            previous: self.total(&span.before()).await?.totals(),
            buckets,
            step_s: u32::try_from(span.step_s).unwrap_or(u32::MAX),
            by_model: self.by_model(span, total).await?,
        })
    }

    async fn steps(&self, span: &Span) -> Result<BTreeMap<i64, Sums>, DbErr> {
        let rows = self.sums("at_s - at_s % $4", span, Some(span.step_s), "GROUP BY 1").await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, Sums::read(row, 1, self.resolution)?))).collect()
    }

    async fn total(&self, span: &Span) -> Result<Sums, DbErr> {
        let rows = self.sums("0", span, None, "").await?;
        rows.first().map_or(Ok(Sums::default()), |row| Sums::read(row, 1, self.resolution))
    }

    /// The dearest models; what they leave of `rest` comes last, without a name.
    async fn by_model(&self, span: &Span, mut rest: Sums) -> Result<Vec<(String, Totals)>, DbErr> {
        // In floating point, which has no bound that a sum could pass: it is for the order only.
        let tail = format!(
            "AND model <> '' GROUP BY model ORDER BY SUM(CAST(cost_nanos AS double precision)) DESC, \
             SUM(requests) DESC, model LIMIT {TOP_MODELS}"
        );
        let mut models = Vec::new();
        for row in self.sums("model", span, None, &tail).await? {
            let sums = Sums::read(&row, 1, self.resolution)?;
            rest.subtract(&sums);
            models.push((row.try_get_by_index(0)?, sums.totals()));
        }
        if rest != Sums::default() {
            models.push((String::new(), rest.totals()));
        }
        Ok(models)
    }

    /// Sums of a span; `$4` in `first` and `tail` is `extra`.
    async fn sums(&self, first: &str, span: &Span, extra: Option<i64>, tail: &str) -> Result<Vec<QueryResult>, DbErr> {
        let mut values: Vec<Value> = vec![self.team.0.into(), span.from_s.into(), span.to_s.into()];
        values.extend(extra.map(Value::from));
        let gateway = self.gateway.map_or_else(String::new, |gateway| {
            values.push(gateway.0.into());
            format!("AND gateway_id = ${}", values.len())
        });
        let sql = format!(
            "SELECT {first}, {} FROM {} WHERE team_id = $1 AND at_s >= $2 AND at_s < $3 {gateway} {tail}",
            Sums::selection(self.resolution),
            self.resolution.table(),
        );
        let statement = Statement::from_sql_and_values(self.store.backend().into(), sql, values);
        self.store.read().query_all_raw(statement).await
    }
}
