//! Adds rows up in memory and the result to the tables.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::ledger::{AttemptRow, CacheStatus};
use domain::usage::UsageSource;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

use super::Resolution;
use super::histogram::{BUCKETS, bucket, percentile_ms};
use crate::bulk::{Insert, chunks, clean, figure, money};
use crate::{Backend, WriteTx};

/// Columns of sums.
const WIDTH: usize = 8 + 2 * BUCKETS;
const LATENCY: usize = 8;
const FIRST_BYTE: usize = LATENCY + BUCKETS;
const COST: usize = 6;
const UNPRICED: usize = 7;
/// The sums of figures that others claim: input tokens, output tokens, cost. Only these can become too large for a
/// column; what is counted here cannot.
pub(super) const CLAIMED: [usize; 3] = [4, 5, COST];
/// What a claimed sum may have reached either way before more is added, and the most that is added at once. Together
/// they fit a bigint. Beyond, a sum stays where it is: one that overflowed would stop the ledger of everybody.
const FULL: i64 = 7_000_000_000_000_000_000;
const MAX_ADDED: i64 = 2_000_000_000_000_000_000;
/// Where claimed sums are cut in two, so that adding up many rows fits a bigint as well.
const CUT: i64 = 1_000_000;
/// Longest provider or model name in a roll-up, in characters.
const MAX_NAME: usize = 128;

const KEY_COLUMNS: [&str; 6] = ["team_id", "at_s", "gateway_id", "provider", "model", "token_id"];

/// Names of the sums, in the order of [`Sums`].
pub(super) static SUM_COLUMNS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let plain =
        ["requests", "errors", "cache_hits", "attempts", "input_tokens", "output_tokens", "cost_nanos", "unpriced"];
    let bucket = |histogram: &str, index: usize| -> &'static str { format!("{histogram}_{index:02}").leak() };
    let latency = (0..BUCKETS).map(|index| bucket("latency", index));
    let first_byte = (0..BUCKETS).map(|index| bucket("first_byte", index));
    plain.into_iter().chain(latency).chain(first_byte).collect()
});

/// What of a row a roll-up counts, with figures as the database keeps them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted<'a> {
    pub(crate) at_ms: i64,
    pub(crate) team_id: Option<i64>,
    pub(crate) gateway_id: Option<i64>,
    pub(crate) token_id: Option<i64>,
    pub(crate) provider: Option<&'a str>,
    pub(crate) model: Option<&'a str>,
    pub(crate) attempt: u16,
    pub(crate) last: bool,
    pub(crate) status: u16,
    pub(crate) is_error: bool,
    pub(crate) is_hit: bool,
    pub(crate) has_usage: bool,
    pub(crate) input: i64,
    pub(crate) output: i64,
    pub(crate) cost: Option<i64>,
    pub(crate) duration_us: u64,
    pub(crate) first_byte_us: Option<u64>,
}

impl<'a> From<&'a AttemptRow> for Counted<'a> {
    fn from(row: &'a AttemptRow) -> Self {
        Self {
            at_ms: row.at_ms,
            team_id: row.team_id.map(|id| id.0),
            gateway_id: row.gateway_id.map(|id| id.0),
            token_id: row.token_id.map(|id| id.0),
            provider: row.provider.as_deref(),
            model: row.model.as_deref(),
            attempt: row.attempt,
            last: row.last,
            status: row.status,
            is_error: row.outcome.is_error(),
            is_hit: row.cache == CacheStatus::Hit,
            has_usage: row.usage_source != UsageSource::None,
            input: figure(row.usage.input),
            output: figure(row.usage.output),
            cost: row.cost.map(money),
            duration_us: row.duration_us,
            first_byte_us: row.first_byte_us,
        }
    }
}

/// What a roll-up row sums, in the order of its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums([i64; WIDTH]);

impl Default for Sums {
    fn default() -> Self {
        Self([0; WIDTH])
    }
}

impl Sums {
    /// What one row adds.
    pub(crate) fn of(row: &Counted<'_>) -> Self {
        let mut sums = [0; WIDTH];
        if row.last {
            sums[0] = 1;
            sums[1] = i64::from(row.is_error);
            sums[2] = i64::from(row.is_hit);
            sums[LATENCY + bucket(row.duration_us)] = 1;
            if let Some(first_byte_us) = row.first_byte_us {
                sums[FIRST_BYTE + bucket(first_byte_us)] = 1;
            }
        }
        let upstream = row.attempt > 0;
        sums[3] = i64::from(upstream);
        sums[4] = row.input;
        sums[5] = row.output;
        sums[COST] = row.cost.unwrap_or(0);
        sums[UNPRICED] = i64::from(upstream && row.cost.is_none());
        Self(sums)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        for (sum, less) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_sub(less);
        }
    }

    /// The sums that differ, with their columns: `(column, here, there)`. Sums that have stopped growing are not compared.
    pub(crate) fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'static str, i64, i64)> + 'a {
        let all = SUM_COLUMNS.iter().zip(self.0).zip(other.0).map(|((column, here), there)| (*column, here, there));
        all.filter(|(_, here, there)| here != there && here.abs().max(there.abs()) < FULL)
    }

    /// What selects the sums of one row, in the order that [`Sums::read_one`] expects.
    pub(crate) fn columns() -> String {
        SUM_COLUMNS.join(", ")
    }

    /// Reads the sums of one row from column `first` on.
    pub(crate) fn read_one(row: &QueryResult, first: usize) -> Result<Self, DbErr> {
        let mut sums = Self::default();
        for (index, sum) in sums.0.iter_mut().enumerate() {
            *sum = row.try_get_by_index(first + index)?;
        }
        Ok(sums)
    }

    /// What selects the sums of many rows, in the order that [`Sums::read`] expects. SQLite fails where a sum does not fit a
    /// bigint and PostgreSQL where it is cast to one, so claimed sums come in two parts. Both need the cast: PostgreSQL
    /// sums bigint to numeric.
    pub(super) fn selection() -> String {
        let whole = SUM_COLUMNS.iter().enumerate().map(|(index, column)| match CLAIMED.contains(&index) {
            true => format!("CAST(SUM({column} / {CUT}) AS bigint)"),
            false => format!("CAST(SUM({column}) AS bigint)"),
        });
        let rest = CLAIMED.iter().map(|index| format!("CAST(SUM({} % {CUT}) AS bigint)", SUM_COLUMNS[*index]));
        whole.chain(rest).collect::<Vec<_>>().join(", ")
    }

    /// Reads the sums of a [`Sums::selection`] that begins at column `first`.
    pub(super) fn read(row: &QueryResult, first: usize) -> Result<Self, DbErr> {
        let number = |index: usize| Ok::<_, DbErr>(row.try_get_by_index::<Option<i64>>(first + index)?.unwrap_or(0));
        let mut sums = Self::default();
        for (index, sum) in sums.0.iter_mut().enumerate() {
            *sum = number(index)?;
        }
        for (rest, index) in (WIDTH..).zip(CLAIMED) {
            sums.0[index] = sums.0[index].saturating_mul(CUT).saturating_add(number(rest)?);
        }
        Ok(sums)
    }

    pub(super) fn totals(&self) -> domain::view::Totals {
        let count = |index: usize| u64::try_from(self.0[index]).unwrap_or(0);
        let (latency, first_byte) = (&self.0[LATENCY..FIRST_BYTE], &self.0[FIRST_BYTE..]);
        domain::view::Totals {
            requests: count(0),
            errors: count(1),
            cache_hits: count(2),
            input_tokens: count(4),
            output_tokens: count(5),
            cost: domain::Nanos(self.0[6]),
            unpriced: count(7),
            latency_p50_ms: percentile_ms(latency, 50),
            latency_p95_ms: percentile_ms(latency, 95),
            first_byte_p50_ms: percentile_ms(first_byte, 50),
            first_byte_p95_ms: percentile_ms(first_byte, 95),
        }
    }
}

/// The dimensions of a roll-up row and the start of its step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) team_id: i64,
    pub(crate) at_s: i64,
    pub(crate) gateway_id: i64,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) token_id: i64,
}

impl Key {
    /// Where a row counts; nowhere where no team can be charged with it.
    pub(crate) fn of(row: &Counted<'_>, resolution: Resolution) -> Option<Self> {
        Some(Self {
            team_id: row.team_id?,
            at_s: floor(row.at_ms.div_euclid(1_000), resolution),
            gateway_id: row.gateway_id.unwrap_or(0),
            provider: name(row.provider),
            model: name(Some(model(row))),
            token_id: row.token_id.unwrap_or(0),
        })
    }
}

impl Key {
    /// In the order of the columns.
    fn values(&self) -> [Value; 6] {
        let Self { team_id, at_s, gateway_id, provider, model, token_id } = self;
        [
            (*team_id).into(),
            (*at_s).into(),
            (*gateway_id).into(),
            provider.as_str().into(),
            model.as_str().into(),
            (*token_id).into(),
        ]
    }
}

/// Sums of a batch, by minute.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    minutes: BTreeMap<Key, Sums>,
}

impl Tally {
    /// Counts a row that was inserted just now.
    pub(crate) fn add(&mut self, row: &AttemptRow) {
        let row = Counted::from(row);
        let Some(key) = Key::of(&row, Resolution::Minute) else { return };
        self.minutes.entry(key).or_default().add(&Sums::of(&row));
    }

    /// Counts that a row's cost is another one than was counted.
    pub(crate) fn correct(&mut self, row: &Counted<'_>, before: Option<i64>, cost: i64) {
        let Some(key) = Key::of(row, Resolution::Minute) else { return };
        let mut sums = Sums::default();
        sums.0[COST] = cost.saturating_sub(before.unwrap_or(0));
        sums.0[UNPRICED] = -i64::from(before.is_none());
        self.minutes.entry(key).or_default().add(&sums);
    }

    /// Adds corrections to the tables of every resolution, as far as there are sums of that time still.
    pub(crate) async fn save_corrections(&self, backend: Backend, tx: &WriteTx) -> Result<(), DbErr> {
        for resolution in Resolution::ALL {
            let table = resolution.table();
            let sql = format!(
                "UPDATE {table} SET cost_nanos = {}, unpriced = unpriced + $2 WHERE team_id = $3 AND at_s = $4 \
                 AND gateway_id = $5 AND provider = $6 AND model = $7 AND token_id = $8",
                bounded("cost_nanos", "$1")
            );
            for (key, sums) in self.at(resolution) {
                let added = sums.0[COST].clamp(-MAX_ADDED, MAX_ADDED);
                let mut values: Vec<Value> = vec![added.into(), sums.0[UNPRICED].into()];
                values.extend(key.values());
                tx.execute_raw(Statement::from_sql_and_values(backend.into(), &sql, values)).await?;
            }
        }
        Ok(())
    }

    /// Adds the sums to the tables of every resolution.
    pub(crate) async fn save(&self, backend: Backend, tx: &WriteTx) -> Result<(), DbErr> {
        for (resolution, insert) in Resolution::ALL.into_iter().zip(&*UPSERTS) {
            let rows: Vec<_> = self.at(resolution).into_iter().collect();
            for chunk in chunks(&rows) {
                let values = chunk.iter().flat_map(|(key, sums)| values(key, sums)).collect();
                tx.execute_raw(insert.statement(backend, values)).await?;
            }
        }
        Ok(())
    }

    /// In key order, so that two writers on one PostgreSQL wait for each other instead of locking each other out.
    fn at(&self, resolution: Resolution) -> BTreeMap<Key, Sums> {
        let mut merged = BTreeMap::<Key, Sums>::new();
        for (key, sums) in &self.minutes {
            let key = Key { at_s: floor(key.at_s, resolution), ..key.clone() };
            merged.entry(key).or_default().add(sums);
        }
        merged
    }
}

/// The model a row counts for. As long as nobody has answered for it, the model is whatever the caller made up, and would
/// be a row of its own for good: a request that was refused, here or by its provider, counts for none.
fn model<'a>(row: &Counted<'a>) -> &'a str {
    let answered = row.attempt > 0 && (row.status < 400 || row.has_usage);
    row.model.filter(|_| answered || row.is_hit).unwrap_or_default()
}

fn name(name: Option<&str>) -> String {
    clean(&name.unwrap_or_default().chars().take(MAX_NAME).collect::<String>())
}

fn floor(at_s: i64, resolution: Resolution) -> i64 {
    at_s - at_s.rem_euclid(resolution.seconds())
}

fn values(key: &Key, sums: &Sums) -> Vec<Value> {
    let mut values: Vec<Value> = Vec::with_capacity(KEY_COLUMNS.len() + WIDTH);
    values.extend(key.values());
    // The others are counts of one batch.
    values.extend(sums.0.iter().map(|sum| Value::from((*sum).clamp(-MAX_ADDED, MAX_ADDED))));
    values
}

static UPSERTS: LazyLock<[Insert; 3]> = LazyLock::new(|| Resolution::ALL.map(|resolution| upsert(resolution.table())));
static COLUMNS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| KEY_COLUMNS.into_iter().chain(SUM_COLUMNS.iter().copied()).collect());

/// Adds to one column.
fn add(table: &str, index: usize, column: &str) -> String {
    let (old, new) = (format!("{table}.{column}"), format!("excluded.{column}"));
    if !CLAIMED.contains(&index) {
        return format!("{column} = {old} + {new}");
    }
    format!("{column} = {}", bounded(&old, &new))
}

/// A claimed sum with what is added to it, as long as it may grow.
fn bounded(old: &str, new: &str) -> String {
    format!("CASE WHEN {old} >= {FULL} OR {old} <= -{FULL} THEN {old} ELSE {old} + {new} END")
}

fn upsert(table: &'static str) -> Insert {
    let sums: Vec<_> = SUM_COLUMNS.iter().enumerate().map(|(index, column)| add(table, index, column)).collect();
    let tail = format!("ON CONFLICT ({}) DO UPDATE SET {}", KEY_COLUMNS.join(", "), sums.join(", "));
    Insert { table, columns: &COLUMNS, tail }
}
