//! Walks the rows of a span by their key, a page at a time and each request whole.

use domain::RequestId;
use domain::ledger::{CacheStatus, KILLED, Outcome};
use domain::usage::UsageSource;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};
use uuid::Uuid;

use super::{Difference, Report};
use crate::bulk;
use crate::correction::COST;
use crate::priced;
use crate::request_log::first_id;
use crate::rollup::Counted;
use crate::{StoreError, WriteTx};

/// Rows of a page; far more than attempts of a request.
const PAGE: usize = 5_000;
/// How much later than its request an attempt may begin, and how much earlier the clock may have stood then. Milliseconds.
const LATEST_ATTEMPT_MS: i64 = 2 * 3_600_000;
const CLOCK_SLACK_MS: i64 = 60_000;

const COLUMNS: &str = "request_id, attempt, last, at_ms, team_id, gateway_id, token_id, provider, model, status, outcome, \
                       cache, usage_source, input_tokens, output_tokens, cost_nanos, cost_formula, duration_us, \
                       first_byte_us, request_bytes, error_code, user_name";

/// What is read of a row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    request_id: Uuid,
    attempt: i32,
    last: bool,
    at_ms: i64,
    team_id: Option<i64>,
    gateway_id: Option<i64>,
    token_id: Option<i64>,
    provider: Option<String>,
    model: Option<String>,
    status: i32,
    outcome: String,
    cache: String,
    usage_source: String,
    input: i64,
    output: i64,
    cost: Option<i64>,
    formula: Option<String>,
    duration_us: i64,
    first_byte_us: Option<i64>,
    request_bytes: i64,
    error_code: Option<String>,
    user: Option<String>,
    /// After the last correction.
    corrected: Option<i64>,
}

/// Hands every row whose attempt began in the span to `count`, and checks the requests that came in within it where there is a
/// report to write to.
pub(super) async fn scan(
    snapshot: &WriteTx,
    from_ms: i64,
    length_ms: i64,
    mut report: Option<&mut Report>,
    mut count: impl FnMut(&Counted<'_>),
) -> Result<(), StoreError> {
    let to_ms = from_ms + length_ms;
    let (first, end) = (first_id(from_ms), first_id(to_ms));
    let mut after = first_id(from_ms - LATEST_ATTEMPT_MS);
    let beyond = first_id(to_ms + CLOCK_SLACK_MS);
    let mut inclusive = true;
    loop {
        let mut page = page(snapshot, (after, inclusive), beyond).await?;
        let is_full = page.len() == PAGE;
        if is_full {
            // The last request may go on behind the page.
            let unfinished = page.last().map(|row| row.request_id);
            page.retain(|row| Some(row.request_id) != unfinished);
        }
        for request in page.chunk_by(|one, other| one.request_id == other.request_id) {
            if let Some(report) = report.as_deref_mut()
                && (first..end).contains(&request[0].request_id)
            {
                check(request, report);
            }
            for row in request.iter().filter(|row| (from_ms..to_ms).contains(&row.at_ms)) {
                count(&row.counted());
            }
        }
        match page.last() {
            Some(last) if is_full => (after, inclusive) = (last.request_id, false),
            _ if is_full => return Err(StoreError::Other("a request has thousands of attempts".to_owned())),
            _ => return Ok(()),
        }
    }
}

async fn page(snapshot: &WriteTx, (after, inclusive): (Uuid, bool), beyond: Uuid) -> Result<Vec<Row>, StoreError> {
    let from = if inclusive { ">=" } else { ">" };
    let sql = format!(
        "SELECT {COLUMNS}, {COST} FROM requests WHERE request_id {from} $1 AND request_id < $2 ORDER BY request_id, attempt LIMIT {PAGE}"
    );
    let statement = Statement::from_sql_and_values(snapshot.get_database_backend(), sql, [after.into(), beyond.into()]);
    let rows = snapshot.query_all_raw(statement).await?;
    Ok(rows.iter().map(Row::read).collect::<Result<_, _>>()?)
}

/// Checks the rows of one request.
fn check(request: &[Row], report: &mut Report) {
    report.requests += 1;
    report.rows += request.len() as u64;
    let request_id = RequestId(request[0].request_id);
    for row in request {
        report.unpriced += u64::from(row.attempt > 0 && row.corrected.is_none());
        report.killed += u64::from(row.error_code.as_deref() == Some(KILLED));
        report.cost_nanos = report.cost_nanos.saturating_add(row.corrected.unwrap_or(0));
        if let Some(difference) = row.cost_differs() {
            report.found(difference);
        }
    }
    let mut attempts: Vec<_> = request.iter().map(|row| row.attempt).collect();
    for pair in attempts.windows(2).filter(|pair| pair[0] == pair[1]) {
        report.found(Difference::Twice { request_id, attempt: pair[0] });
    }
    attempts.dedup();
    let alone = attempts == [0];
    if !alone && (1..).zip(&attempts).any(|(expected, attempt)| expected != *attempt) {
        report.found(Difference::Gap { request_id, attempts });
    }
    let last_rows = request.iter().filter(|row| row.last).count();
    let is_run = request.len() == 1 && request[0].is_run();
    let ends_once = last_rows == 1 && request.last().is_some_and(|row| row.last);
    if !is_run && !ends_once {
        report.found(Difference::Last { request_id, last_rows });
    }
}

impl Row {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            request_id: row.try_get_by_index(0)?,
            attempt: row.try_get_by_index(1)?,
            last: row.try_get_by_index(2)?,
            at_ms: row.try_get_by_index(3)?,
            team_id: row.try_get_by_index(4)?,
            gateway_id: row.try_get_by_index(5)?,
            token_id: row.try_get_by_index(6)?,
            provider: row.try_get_by_index(7)?,
            model: row.try_get_by_index(8)?,
            status: row.try_get_by_index(9)?,
            outcome: row.try_get_by_index(10)?,
            cache: row.try_get_by_index(11)?,
            usage_source: row.try_get_by_index(12)?,
            input: row.try_get_by_index(13)?,
            output: row.try_get_by_index(14)?,
            cost: row.try_get_by_index(15)?,
            formula: row.try_get_by_index(16)?,
            duration_us: row.try_get_by_index(17)?,
            first_byte_us: row.try_get_by_index(18)?,
            request_bytes: row.try_get_by_index(19)?,
            error_code: row.try_get_by_index(20)?,
            user: row.try_get_by_index(21)?,
            corrected: row.try_get_by_index(22)?,
        })
    }

    fn counted(&self) -> Counted<'_> {
        let is_error = Outcome::ALL.iter().any(|outcome| outcome.is_error() && outcome.as_str() == self.outcome);
        Counted {
            at_ms: self.at_ms,
            team_id: self.team_id,
            gateway_id: self.gateway_id,
            token_id: self.token_id,
            provider: self.provider.as_deref(),
            model: self.model.as_deref(),
            user: self.user.as_deref(),
            attempt: u16::try_from(self.attempt).unwrap_or(u16::MAX),
            last: self.last,
            status: u16::try_from(self.status).unwrap_or_default(),
            is_error,
            is_hit: self.cache == CacheStatus::Hit.as_str(),
            has_usage: self.usage_source != UsageSource::None.as_str(),
            input: self.input,
            output: self.output,
            cost: self.corrected,
            duration_us: u64::try_from(self.duration_us).unwrap_or_default(),
            first_byte_us: self.first_byte_us.map(|us| u64::try_from(us).unwrap_or_default()),
        }
    }

    fn cost_differs(&self) -> Option<Difference> {
        let (request_id, attempt) = (RequestId(self.request_id), self.attempt);
        let formula = match self.formula.as_deref().map(|text| priced::read_formula(Some(text))) {
            Some(Ok(formula)) => Some(bulk::money(formula.total())),
            Some(Err(_)) => return Some(Difference::Formula { request_id, attempt }),
            None => None,
        };
        let is_right = match (self.cost, formula) {
            (cost, Some(formula)) => cost == Some(formula),
            // What is known to be free, and what is not known, needs none.
            (cost, None) => matches!(cost, None | Some(0)),
        };
        (!is_right).then_some(Difference::Cost { request_id, attempt, stored: self.cost, formula })
    }

    /// Whether it bills what a provider made in the background, beside the rows of the requests that asked for it: such a row
    /// has a request id of its own and is nobody's last.
    fn is_run(&self) -> bool {
        self.attempt == 1 && !self.last && self.outcome == Outcome::Ok.as_str() && self.request_bytes == 0
    }
}
