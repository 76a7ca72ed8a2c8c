//! Adds rows up in memory and the result to the tables.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::ledger::{AttemptRow, CacheStatus};
use domain::usage::UsageSource;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

use super::Resolution;
use super::histogram::{BUCKETS, bucket, percentile_ms};
use crate::bulk::{Cell, Insert, chunks, clean, figure, money};
use crate::{Backend, WriteTx};

/// Columns of sums: plain ones, then histograms.
const WIDTH: usize = PLAIN + 2 * BUCKETS;
const PLAIN: usize = 8;
const LATENCY: usize = PLAIN;
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

impl Resolution {
    /// Columns that tell rows apart.
    pub(crate) fn key_columns(self) -> impl Iterator<Item = &'static str> {
        KEY_COLUMNS.into_iter().chain((self == Self::UserDay).then_some("user_name"))
    }

    /// Columns of sums.
    pub(super) fn sum_columns(self) -> &'static [&'static str] {
        if self == Self::UserDay { &SUM_COLUMNS[..PLAIN] } else { &SUM_COLUMNS }
    }
}

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
    pub(crate) user: Option<&'a str>,
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
            user: row.user.as_deref(),
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

    /// Without histograms.
    pub(super) fn plain(&self) -> &[i64] {
        &self.0[..PLAIN]
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        for (sum, less) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_sub(less);
        }
    }

    /// The sums that differ, with their columns in a table: `(column, here, there)`. Sums that have stopped growing are not compared.
    pub(crate) fn differences<'a>(
        &'a self,
        other: &'a Self,
        resolution: Resolution,
    ) -> impl Iterator<Item = (&'static str, i64, i64)> + 'a {
        let all = resolution
            .sum_columns()
            .iter()
            .zip(self.0)
            .zip(other.0)
            .map(|((column, here), there)| (*column, here, there));
        all.filter(|(_, here, there)| here != there && here.abs().max(there.abs()) < FULL)
    }

    /// What selects the sums of one row, in the order that [`Sums::read_one`] expects.
    pub(crate) fn columns(resolution: Resolution) -> String {
        resolution.sum_columns().join(", ")
    }

    /// Reads the sums of one row from column `first` on.
    pub(crate) fn read_one(row: &QueryResult, first: usize, resolution: Resolution) -> Result<Self, DbErr> {
        let mut sums = Self::default();
        for (index, sum) in sums.0.iter_mut().enumerate().take(resolution.sum_columns().len()) {
            *sum = row.try_get_by_index(first + index)?;
        }
        Ok(sums)
    }

    /// What selects the sums of many rows, in the order that [`Sums::read`] expects. SQLite fails where a sum does not fit a
    /// bigint and PostgreSQL where it is cast to one, so claimed sums come in two parts. Both need the cast: PostgreSQL
    /// sums bigint to numeric.
    pub(super) fn selection(resolution: Resolution) -> String {
        let whole = resolution.sum_columns().iter().enumerate().map(|(index, column)| match CLAIMED.contains(&index) {
            true => format!("CAST(SUM({column} / {CUT}) AS bigint)"),
            false => format!("CAST(SUM({column}) AS bigint)"),
        });
        let rest = CLAIMED.iter().map(|index| format!("CAST(SUM({} % {CUT}) AS bigint)", SUM_COLUMNS[*index]));
        whole.chain(rest).collect::<Vec<_>>().join(", ")
    }

    /// Reads the sums of a [`Sums::selection`] that begins at column `first`.
    pub(super) fn read(row: &QueryResult, first: usize, resolution: Resolution) -> Result<Self, DbErr> {
        let number = |index: usize| Ok::<_, DbErr>(row.try_get_by_index::<Option<i64>>(first + index)?.unwrap_or(0));
        let mut sums = Self::default();
        let width = resolution.sum_columns().len();
        for (index, sum) in sums.0.iter_mut().enumerate().take(width) {
            *sum = number(index)?;
        }
        for (rest, index) in (width..).zip(CLAIMED) {
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
    /// Who was asked for; empty where that is not known, and in tables that do not tell it.
    pub(crate) user: String,
}

impl Key {
    /// Where a row counts; nowhere where no team can be charged with it, or it does not tell what the table is about.
    pub(crate) fn of(row: &Counted<'_>, resolution: Resolution) -> Option<Self> {
        Self::whole(row)?.at(resolution)
    }

    /// With all that a row tells, and its second.
    fn whole(row: &Counted<'_>) -> Option<Self> {
        Some(Self {
            team_id: row.team_id?,
            at_s: row.at_ms.div_euclid(1_000),
            gateway_id: row.gateway_id.unwrap_or(0),
            provider: name(row.provider),
            model: name(Some(model(row))),
            token_id: row.token_id.unwrap_or(0),
            user: name(row.user.filter(|_| is_answered(row))),
        })
    }

    /// The same with its minute, of which all tables are made.
    fn minute(row: &Counted<'_>) -> Option<Self> {
        let key = Self::whole(row)?;
        Some(Self { at_s: key.at_s - key.at_s.rem_euclid(Resolution::Minute.seconds()), ..key })
    }

    /// As a table has it.
    fn at(mut self, resolution: Resolution) -> Option<Self> {
        self.at_s -= self.at_s.rem_euclid(resolution.seconds());
        match resolution {
            Resolution::UserDay => (!self.user.is_empty()).then_some(self),
            Resolution::Minute | Resolution::Hour | Resolution::Day => Some(Self { user: String::new(), ..self }),
        }
    }

    /// In the order of the columns.
    fn cells(&self, resolution: Resolution) -> impl Iterator<Item = Cell<'static>> {
        let Self { team_id, at_s, gateway_id, provider, model, token_id, user } = self;
        let text = |text: &String| Cell::from(Cow::Owned(text.clone()));
        let all: [Cell<'static>; 6] =
            [(*team_id).into(), (*at_s).into(), (*gateway_id).into(), text(provider), text(model), (*token_id).into()];
        all.into_iter().chain((resolution == Resolution::UserDay).then(|| text(user)))
    }
}

/// Sums of a batch, by minute.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    minutes: BTreeMap<Key, Sums>,
}

impl Tally {
    /// What rows add up to.
    pub(crate) fn of<'r>(rows: impl IntoIterator<Item = &'r AttemptRow>) -> Self {
        let mut tally = Self::default();
        rows.into_iter().for_each(|row| tally.add(row));
        tally
    }

    /// Counts a row that was inserted just now.
    pub(crate) fn add(&mut self, row: &AttemptRow) {
        let row = Counted::from(row);
        let Some(key) = Key::minute(&row) else { return };
        self.minutes.entry(key).or_default().add(&Sums::of(&row));
    }

    /// Counts that a row's cost is another one than was counted.
    pub(crate) fn correct(&mut self, row: &Counted<'_>, before: Option<i64>, cost: i64) {
        let Some(key) = Key::minute(row) else { return };
        let mut sums = Sums::default();
        sums.0[COST] = cost.saturating_sub(before.unwrap_or(0));
        sums.0[UNPRICED] = -i64::from(before.is_none());
        self.minutes.entry(key).or_default().add(&sums);
    }

    /// Adds corrections to the tables of every resolution, as far as there are sums of that time still.
    pub(crate) async fn save_corrections(&self, backend: Backend, tx: &WriteTx) -> Result<(), DbErr> {
        for resolution in Resolution::ALL {
            let table = resolution.table();
            let is_it: Vec<_> =
                (3..).zip(resolution.key_columns()).map(|(at, name)| format!("{name} = ${at}")).collect();
            let sql = format!(
                "UPDATE {table} SET cost_nanos = {}, unpriced = unpriced + $2 WHERE {}",
                bounded("cost_nanos", "$1"),
                is_it.join(" AND ")
            );
            for (key, sums) in self.at(resolution) {
                let added = sums.0[COST].clamp(-MAX_ADDED, MAX_ADDED);
                let mut values: Vec<Value> = vec![added.into(), sums.0[UNPRICED].into()];
                values.extend(key.cells(resolution).map(Value::from));
                tx.execute_raw(Statement::from_sql_and_values(backend.into(), &sql, values)).await?;
            }
        }
        Ok(())
    }

    /// Adds the sums to the tables of every resolution.
    pub(crate) async fn save(&self, backend: Backend, tx: &WriteTx) -> Result<(), DbErr> {
        for (insert, rows) in self.upserts() {
            for chunk in chunks(&rows) {
                tx.execute_raw(insert.statement(backend, chunk.iter().flatten().cloned().map(Value::from).collect()))
                    .await?;
            }
        }
        Ok(())
    }

    /// What adds the sums, with the values of each row.
    pub(crate) fn upserts(&self) -> impl Iterator<Item = (&'static Insert, Vec<Vec<Cell<'static>>>)> {
        Resolution::ALL.into_iter().zip(&*UPSERTS).map(|(resolution, insert)| {
            (insert, self.at(resolution).iter().map(|(key, sums)| cells(key, sums, resolution)).collect())
        })
    }

    /// In key order, so that two writers on one PostgreSQL wait for each other instead of locking each other out.
    fn at(&self, resolution: Resolution) -> BTreeMap<Key, Sums> {
        let mut merged = BTreeMap::<Key, Sums>::new();
        for (key, sums) in &self.minutes {
            let Some(key) = key.clone().at(resolution) else { continue };
            merged.entry(key).or_default().add(sums);
        }
        merged
    }
}

/// The model a row counts for. As long as nobody has answered for it, the model is whatever the caller made up, and would
/// be a row of its own for good: a request that was refused, here or by its provider, counts for none.
fn model<'a>(row: &Counted<'a>) -> &'a str {
    row.model.filter(|_| is_answered(row)).unwrap_or_default()
}

/// Whether somebody has answered, be it the cache. The same holds for whom was asked for: callers make that up too.
fn is_answered(row: &Counted<'_>) -> bool {
    row.is_hit || (row.attempt > 0 && (row.status < 400 || row.has_usage))
}

fn name(name: Option<&str>) -> String {
    clean(&name.unwrap_or_default().chars().take(MAX_NAME).collect::<String>())
}

fn cells(key: &Key, sums: &Sums, resolution: Resolution) -> Vec<Cell<'static>> {
    // The others than those that are claimed are counts of one batch.
    let sums = sums.0.iter().take(resolution.sum_columns().len());
    key.cells(resolution).chain(sums.map(|sum| Cell::from((*sum).clamp(-MAX_ADDED, MAX_ADDED)))).collect()
}

static UPSERTS: LazyLock<[Insert; 4]> = LazyLock::new(|| Resolution::ALL.map(upsert));

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

fn upsert(resolution: Resolution) -> Insert {
    let (table, sums) = (resolution.table(), resolution.sum_columns());
    let keys: Vec<_> = resolution.key_columns().collect();
    let added: Vec<_> = sums.iter().enumerate().map(|(index, column)| add(table, index, column)).collect();
    let tail = format!("ON CONFLICT ({}) DO UPDATE SET {}", keys.join(", "), added.join(", "));
    let columns = keys.into_iter().chain(sums.iter().copied()).collect::<Vec<_>>().leak();
    Insert { table, columns, tail }
}
