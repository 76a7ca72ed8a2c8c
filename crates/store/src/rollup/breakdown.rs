//! What was spent, by any two of gateway, token, provider, model, user and day, from roll-ups only: the largest sums by name, and
//! what they leave as one.

use std::collections::HashMap;

use domain::view::{Breakdown, BreakdownRow, Dimension, DimensionValue, UnpricedModel};
use domain::{GatewayId, TeamId, TokenId};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

use super::Resolution;
use super::tally::Sums;
use crate::{Store, StoreError, names};

/// Most values of the first dimension; days have their own bound, the longest span.
const TOP_VALUES: u64 = 12;
/// Most days.
const MAX_DAYS: i64 = 400;
/// Most pairs.
const TOP_PAIRS: u64 = 200;
const DAY_S: i64 = 86_400;

/// Figures of a team from `from_ms` to `to_ms`, by one dimension and by two. The span is widened to whole steps of the roll-ups
/// that serve it: minutes for two days at most, hours for two months, days beyond and where users are told apart; 400 days at most.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn breakdown(
    store: &Store,
    team: TeamId,
    by: [Dimension; 2],
    from_ms: i64,
    to_ms: i64,
) -> Result<Breakdown, StoreError> {
    let now_s = chrono::Utc::now().timestamp();
    let span =
        if by.contains(&Dimension::User) { Span::of_days(from_ms, to_ms) } else { Span::choose(from_ms, to_ms, now_s) };
    let query = Query { store, team, span };
    let total = query.total().await?;
    let (values, rest_of_values) = query.by_first(by[0], total).await?;
    let (pairs, rest_of_pairs) = query.by_both(by, total).await?;
    let names = Names::find(store, by, &values, &pairs).await?;
    Ok(Breakdown {
        from_ms: span.from_s * 1_000,
        to_ms: span.to_s * 1_000,
        totals: total.totals(),
        values: values.into_iter().map(|(key, sums)| (names.value(by[0], key), sums.totals())).collect(),
        rest_of_values: rest_of_values.map(|sums| sums.totals()),
        pairs: pairs
            .into_iter()
            .map(|([first, second], sums)| BreakdownRow {
                first: names.value(by[0], first),
                second: names.value(by[1], second),
                totals: sums.totals(),
            })
            .collect(),
        rest_of_pairs: rest_of_pairs.map(|sums| sums.totals()),
    })
}

/// The models of a team with attempts whose cost is unknown, in a span as of [`breakdown`]: most attempts first, `most` at most.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn unpriced(
    store: &Store,
    team: TeamId,
    (from_ms, to_ms): (i64, i64),
    most: u32,
) -> Result<Vec<UnpricedModel>, StoreError> {
    let span = Span::choose(from_ms, to_ms, chrono::Utc::now().timestamp());
    let query = Query { store, team, span };
    let tail = format!(
        "AND unpriced > 0 GROUP BY 1, 2 ORDER BY SUM(CAST(unpriced AS double precision)) DESC, 1, 2 LIMIT {most}"
    );
    let rows = query.sums(span.resolution, "provider, model,", &tail).await?;
    let read = rows.iter().map(|row| {
        let attempts = Sums::read(row, 2, span.resolution)?.totals().unpriced;
        Ok(UnpricedModel { provider: row.try_get_by_index(0)?, model: row.try_get_by_index(1)?, attempts })
    });
    Ok(read.collect::<Result<_, DbErr>>()?)
}

/// A stretch of time in whole steps of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from_s: i64,
    to_s: i64,
    resolution: Resolution,
}

impl Span {
    /// Whole days.
    fn of_days(from_ms: i64, to_ms: i64) -> Self {
        Self::whole(Self::seconds(from_ms, to_ms), Resolution::Day)
    }

    /// The seconds of a span, at most so many days of them.
    fn seconds(from_ms: i64, to_ms: i64) -> (i64, i64) {
        let to_s = to_ms.div_euclid(1_000).saturating_add(i64::from(to_ms.rem_euclid(1_000) > 0));
        (from_ms.div_euclid(1_000).max(to_s.saturating_sub(MAX_DAYS * DAY_S)), to_s)
    }

    fn whole((from_s, to_s): (i64, i64), resolution: Resolution) -> Self {
        let step = resolution.seconds();
        let from_s = from_s - from_s.rem_euclid(step);
        Self { from_s, to_s: (to_s + (-to_s).rem_euclid(step)).max(from_s + step), resolution }
    }

    fn choose(from_ms: i64, to_ms: i64, now_s: i64) -> Self {
        let (from_s, to_s) = Self::seconds(from_ms, to_ms);
        let length = to_s.saturating_sub(from_s);
        let serves = |resolution: &Resolution| {
            let longest = match resolution {
                Resolution::Minute => 2 * DAY_S,
                Resolution::Hour => 62 * DAY_S,
                Resolution::Day | Resolution::UserDay => i64::MAX,
            };
            let kept = resolution.kept_days().is_none_or(|days| from_s >= now_s.saturating_sub(days * DAY_S));
            length <= longest && kept
        };
        let resolution = Resolution::WHOLE.into_iter().find(serves).unwrap_or(Resolution::Day);
        Self::whole((from_s, to_s), resolution)
    }
}

/// What a roll-up has in a dimension.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
}

/// The expression of a dimension.
fn expression(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Gateway => "gateway_id",
        Dimension::Token => "token_id",
        Dimension::Provider => "provider",
        Dimension::Model => "model",
        Dimension::User => "user_name",
        Dimension::Day => "at_s - at_s % 86400",
    }
}

fn key(dimension: Dimension, row: &QueryResult, index: usize) -> Result<Key, DbErr> {
    Ok(match dimension {
        Dimension::Gateway | Dimension::Token | Dimension::Day => Key::Number(row.try_get_by_index(index)?),
        Dimension::Provider | Dimension::Model | Dimension::User => Key::Text(row.try_get_by_index(index)?),
    })
}

/// Largest first. In floating point, which has no bound that a sum could pass: it is for the order only.
const LARGEST_FIRST: &str = "SUM(CAST(cost_nanos AS double precision)) DESC, SUM(requests) DESC";

struct Query<'a> {
    store: &'a Store,
    team: TeamId,
    span: Span,
}

impl Query<'_> {
    async fn total(&self) -> Result<Sums, DbErr> {
        let resolution = self.span.resolution;
        let rows = self.sums(resolution, "", "").await?;
        rows.first().map_or(Ok(Sums::default()), |row| Sums::read(row, 0, resolution))
    }

    async fn by_first(&self, by: Dimension, total: Sums) -> Result<(Vec<(Key, Sums)>, Option<Sums>), DbErr> {
        let tail = match by {
            Dimension::Day => format!("GROUP BY 1 ORDER BY 1 LIMIT {}", MAX_DAYS + 1),
            _ => format!("GROUP BY 1 ORDER BY {LARGEST_FIRST}, 1 LIMIT {TOP_VALUES}"),
        };
        let table = self.table(&[by]);
        let rows = self.sums(table, &format!("{},", expression(by)), &tail).await?;
        let read = rows.iter().map(|row| Ok((key(by, row, 0)?, Sums::read(row, 1, table)?)));
        let found: Vec<_> = read.collect::<Result<_, DbErr>>()?;
        let rest = rest(total, found.iter().map(|(_, sums)| sums));
        Ok((found, rest))
    }

    async fn by_both(&self, by: [Dimension; 2], total: Sums) -> Result<(Vec<([Key; 2], Sums)>, Option<Sums>), DbErr> {
        let first = format!("{}, {},", expression(by[0]), expression(by[1]));
        let tail = format!("GROUP BY 1, 2 ORDER BY {LARGEST_FIRST}, 1, 2 LIMIT {TOP_PAIRS}");
        let table = self.table(&by);
        let rows = self.sums(table, &first, &tail).await?;
        let read = rows.iter().map(|row| Ok(([key(by[0], row, 0)?, key(by[1], row, 1)?], Sums::read(row, 2, table)?)));
        let found: Vec<_> = read.collect::<Result<_, DbErr>>()?;
        let rest = rest(total, found.iter().map(|(_, sums)| sums));
        Ok((found, rest))
    }

    /// The table that tells these apart: what does not say who was asked for is not in that of users, and is left as the rest.
    fn table(&self, by: &[Dimension]) -> Resolution {
        if by.contains(&Dimension::User) { Resolution::UserDay } else { self.span.resolution }
    }

    async fn sums(&self, table: Resolution, first: &str, tail: &str) -> Result<Vec<QueryResult>, DbErr> {
        let sql = format!(
            "SELECT {first} {} FROM {} WHERE team_id = $1 AND at_s >= $2 AND at_s < $3 {tail}",
            Sums::selection(table),
            table.table(),
        );
        let values: [Value; 3] = [self.team.0.into(), self.span.from_s.into(), self.span.to_s.into()];
        let statement = Statement::from_sql_and_values(self.store.backend().into(), sql, values);
        self.store.read().query_all_raw(statement).await
    }
}

/// What the sums that are shown leave of all; nothing where they are all.
fn rest<'a>(mut total: Sums, shown: impl Iterator<Item = &'a Sums>) -> Option<Sums> {
    shown.for_each(|sums| total.subtract(sums));
    // Users have no histograms.
    (total.plain() != Sums::default().plain()).then_some(total)
}

/// Names of the gateways and tokens that are shown.
#[derive(Default)]
struct Names {
    gateways: HashMap<GatewayId, String>,
    tokens: HashMap<TokenId, String>,
}

impl Names {
    async fn find(
        store: &Store,
        by: [Dimension; 2],
        values: &[(Key, Sums)],
        pairs: &[([Key; 2], Sums)],
    ) -> Result<Self, StoreError> {
        let firsts = values.iter().map(|(key, _)| (by[0], key));
        let both = pairs.iter().flat_map(|([first, second], _)| [(by[0], first), (by[1], second)]);
        let keys: Vec<_> = firsts.chain(both).collect();
        let ids = |wanted: Dimension| {
            let of_kind = keys.iter().filter(move |(dimension, _)| *dimension == wanted);
            of_kind.filter_map(|(_, key)| if let Key::Number(id) = key { Some(*id) } else { None })
        };
        Ok(Self {
            gateways: names::gateways(store, ids(Dimension::Gateway).map(GatewayId)).await?,
            tokens: names::tokens(store, ids(Dimension::Token).map(TokenId)).await?,
        })
    }

    fn value(&self, dimension: Dimension, key: Key) -> DimensionValue {
        let name = match (&key, dimension) {
            (Key::Text(text), _) => Some(text.clone()),
            (Key::Number(id), Dimension::Gateway) => self.gateways.get(&GatewayId(*id)).cloned(),
            (Key::Number(id), Dimension::Token) => self.tokens.get(&TokenId(*id)).cloned(),
            (Key::Number(_), _) => None,
        };
        let id = if let Key::Number(id) = key { id } else { 0 };
        DimensionValue { id, name: name.unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_800_000_000;

    fn chosen(from_s: i64, to_s: i64) -> (i64, i64, Resolution) {
        let span = Span::choose(from_s * 1_000, to_s * 1_000 - 1, NOW_S);
        (span.from_s, span.to_s, span.resolution)
    }

    #[test]
    fn a_span_is_served_by_the_finest_table_that_is_kept_and_small_enough() {
        let hours = |hours: i64| NOW_S - hours * 3_600;
        assert_eq!(chosen(hours(1) + 30, NOW_S), (hours(1), NOW_S, Resolution::Minute));
        assert_eq!(chosen(hours(72), NOW_S).2, Resolution::Hour);
        assert_eq!(chosen(hours(200), hours(199)).2, Resolution::Hour, "minutes are gone by then");
        assert_eq!(chosen(hours(24 * 90), NOW_S).2, Resolution::Day);
        let (from_s, to_s, _) = chosen(0, NOW_S);
        assert!(to_s - from_s <= (MAX_DAYS + 2) * DAY_S && to_s >= NOW_S);
        assert_eq!((from_s % DAY_S, to_s % DAY_S), (0, 0));
    }
}
