//! Checks the ledger: whether each row's cost is what its formula makes, each request has its attempts once and one last one,
//! and roll-ups are the sums of the rows. Day by day (UTC), each in one state of the database, so that a server may write
//! meanwhile; what is held of a day are its roll-ups and a page of rows.
//!
//! Rows that the log has forgotten leave their roll-ups; these are not compared.

mod corrections;
mod rows;
mod sums;
#[cfg(test)]
mod tests;

use std::fmt;

use chrono::{DateTime, NaiveDate, TimeDelta};
use domain::{Nanos, RequestId};
use sea_orm::{ConnectionTrait, Statement};
use serde::Serialize;
use uuid::Uuid;

use crate::retention::DAY_MS;
use crate::rollup::Resolution;
use crate::usage::Edges;
use crate::{Store, StoreError};

/// Most differences that a report lists; all are counted.
pub const MOST_LISTED: usize = 1_000;

/// Days to look at, UTC, both included. What is missing is where the ledger begins or ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

/// What was checked and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// First and last day; none where there is nothing.
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub rows: u64,
    pub requests: u64,
    /// Attempts of which nobody knows what they cost.
    pub unpriced: u64,
    /// Attempts that were under way when the server was killed.
    pub killed: u64,
    /// Costs that were put right after the fact.
    pub corrections: u64,
    /// What the rows cost together, after corrections.
    pub cost_nanos: i64,
    /// Roll-ups that were compared.
    pub rollups: u64,
    /// Roll-ups whose rows the log has forgotten.
    pub rollups_without_rows: u64,
    /// Records in `dead_letters`: their cost is in no figure.
    pub dead_letters: u64,
    pub differences: u64,
    /// The first [`MOST_LISTED`] of them.
    pub listed: Vec<Difference>,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    /// The cost is not what the formula makes. In nano-dollars.
    Cost { request_id: RequestId, attempt: i32, stored: Option<i64>, formula: Option<i64> },
    /// The formula cannot be read.
    Formula { request_id: RequestId, attempt: i32 },
    /// A correction is not what its formula makes, does not begin where the one before it ended, or one before it is missing. In
    /// nano-dollars.
    Correction { request_id: RequestId, attempt: i32, number: i32 },
    /// Two rows have one key.
    Twice { request_id: RequestId, attempt: i32 },
    /// The request has not exactly one last row, which is the last.
    Last { request_id: RequestId, last_rows: usize },
    /// Attempts of the request are missing.
    Gap { request_id: RequestId, attempts: Vec<i32> },
    /// A sum is not that of the rows.
    Sum { table: &'static str, key: SumKey, column: &'static str, stored: i64, rows: i64 },
}

/// Which sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SumKey {
    /// Seconds since 1970, when the step begins.
    pub at_s: i64,
    pub team_id: i64,
    /// 0 for none, as all ids here.
    pub gateway_id: i64,
    pub provider: String,
    pub model: String,
    pub token_id: i64,
    /// Empty in sums that do not tell users apart.
    pub user: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cost = |cost: &Option<i64>| cost.map_or_else(|| "unknown".to_owned(), |nanos| Nanos(nanos).to_string());
        match self {
            Self::Cost { request_id, attempt, stored, formula } => {
                write!(
                    f,
                    "request {request_id} attempt {attempt}: cost {}, its formula makes {}",
                    cost(stored),
                    cost(formula)
                )
            }
            Self::Formula { request_id, attempt } => {
                write!(f, "request {request_id} attempt {attempt}: the formula of its cost cannot be read")
            }
            Self::Correction { request_id, attempt, number } => write!(
                f,
                "request {request_id} attempt {attempt}: correction {number} is not what its formula makes, or does not follow the \
                 one before it"
            ),
            Self::Twice { request_id, attempt } => write!(f, "request {request_id} attempt {attempt}: is there twice"),
            Self::Last { request_id, last_rows } => {
                write!(f, "request {request_id}: its last attempt alone must be marked as last; {last_rows} are marked")
            }
            Self::Gap { request_id, attempts } => {
                write!(f, "request {request_id}: has the attempts {attempts:?}, so some are missing")
            }
            Self::Sum { table, key, column, stored, rows } => {
                let SumKey { at_s, team_id, gateway_id, provider, model, token_id, user } = key;
                let at = DateTime::from_timestamp(*at_s, 0).unwrap_or_default().format("%Y-%m-%d %H:%M");
                let user = if user.is_empty() { String::new() } else { format!(" user {user:?}") };
                write!(
                    f,
                    "{table} {at} team {team_id} gateway {gateway_id} provider {provider:?} model {model:?} token {token_id}{user}: \
                     {column} is {stored}, the rows make {rows}"
                )
            }
        }
    }
}

impl Report {
    fn found(&mut self, difference: Difference) {
        self.differences += 1;
        if self.listed.len() < MOST_LISTED {
            self.listed.push(difference);
        }
    }
}

/// Checks these days.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn verify(store: &Store, span: Span) -> Result<Report, StoreError> {
    let mut report = Report { dead_letters: crate::dead_letters::count(store).await?, ..Report::default() };
    let Some((first, last)) = days(store, span).await? else { return Ok(report) };
    (report.from, report.to) = (Some(first), Some(last));
    let teams = teams(store).await?;
    for day in first.iter_days().take_while(|day| *day <= last) {
        let from_s = day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
        check_day(store, &teams, from_s, &mut report).await?;
    }
    Ok(report)
}

async fn check_day(store: &Store, teams: &[i64], from_s: i64, report: &mut Report) -> Result<(), StoreError> {
    let (day_s, edges) = (DAY_MS / 1_000, Edges::now(store).await?);
    let snapshot = store.snapshot().await?;
    let mut sums = sums::Sums::new(&[Resolution::Hour, Resolution::Day, Resolution::UserDay], from_s, from_s + day_s);
    rows::scan(&snapshot, from_s * 1_000, day_s * 1_000, Some(&mut *report), |row| sums.add(row)).await?;
    sums.compare(&snapshot, teams, &edges, report).await?;
    corrections::check(&snapshot, from_s * 1_000, day_s * 1_000, report).await?;
    snapshot.rollback().await?;
    // Minutes are many, so they are held by the hour.
    for hour_s in (from_s..from_s + day_s).step_by(3_600).filter(|hour_s| sums::is_kept(Resolution::Minute, *hour_s)) {
        let snapshot = store.snapshot().await?;
        let mut sums = sums::Sums::new(&[Resolution::Minute], hour_s, hour_s + 3_600);
        rows::scan(&snapshot, hour_s * 1_000, 3_600_000, None, |row| sums.add(row)).await?;
        sums.compare(&snapshot, teams, &edges, report).await?;
        snapshot.rollback().await?;
    }
    Ok(())
}

/// The first and the last day of the ledger within the span; nothing where it has none.
async fn days(store: &Store, span: Span) -> Result<Option<(NaiveDate, NaiveDate)>, StoreError> {
    let days = store.read().query_one_raw(plain(store, "SELECT MIN(at_s), MAX(at_s) FROM rollup_day")).await?;
    let at_s = |index: usize| days.as_ref().map(|row| row.try_get_by_index::<Option<i64>>(index)).transpose();
    let (first_s, last_s) = (at_s(0)?.flatten(), at_s(1)?.flatten());
    // By key, because not every database takes the least of its uuids.
    let by_key = async |order: &str| {
        let sql = format!("SELECT request_id FROM requests ORDER BY request_id {order} LIMIT 1");
        let row = store.read().query_one_raw(plain(store, &sql)).await?;
        let id: Option<Uuid> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        Ok::<_, StoreError>(id.and_then(|id| id.get_timestamp()).and_then(|at| i64::try_from(at.to_unix().0).ok()))
    };
    let date = |at_s: i64| DateTime::from_timestamp(at_s, 0).map(|at| at.date_naive());
    let first = first_s.into_iter().chain(by_key("ASC").await?).min().and_then(date);
    let last = last_s.into_iter().chain(by_key("DESC").await?).max().and_then(date);
    let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
    // An attempt may begin on the day after its request.
    let last = last.checked_add_signed(TimeDelta::days(1)).unwrap_or(last);
    let (first, last) = (span.from.unwrap_or(first).max(first), span.to.unwrap_or(last).min(last));
    Ok((first <= last).then_some((first, last)))
}

/// Every team with a figure.
async fn teams(store: &Store) -> Result<Vec<i64>, StoreError> {
    let mut teams = std::collections::BTreeSet::new();
    for sql in ["SELECT DISTINCT team_id FROM rollup_day", "SELECT id FROM teams"] {
        for row in store.read().query_all_raw(plain(store, sql)).await? {
            teams.insert(row.try_get_by_index::<i64>(0)?);
        }
    }
    Ok(teams.into_iter().collect())
}

fn plain(store: &Store, sql: &str) -> Statement {
    Statement::from_string(store.backend().into(), sql)
}
