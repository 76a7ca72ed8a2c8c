//! Walks the corrections of a span: each begins where the one before it ended, and is what its formula makes.

use domain::RequestId;
use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;

use super::{Difference, Report};
use crate::request_log::first_id;
use crate::{StoreError, WriteTx, bulk, correction};

/// Corrections of a page.
const PAGE: usize = 5_000;

/// Checks the corrections of requests that came in within the span.
pub(super) async fn check(
    snapshot: &WriteTx,
    from_ms: i64,
    length_ms: i64,
    report: &mut Report,
) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT c.request_id, c.attempt, c.number, c.before_nanos, c.cost_nanos, c.cost_formula, r.cost_nanos \
         FROM cost_corrections c JOIN requests r ON r.request_id = c.request_id AND r.attempt = c.attempt \
         WHERE (c.request_id, c.attempt, c.number) > ($1, $2, $3) AND c.request_id < $4 \
         ORDER BY c.request_id, c.attempt, c.number LIMIT {PAGE}"
    );
    let end = first_id(from_ms + length_ms);
    let mut after = (first_id(from_ms), -1, 0);
    // The cost of an attempt before its next correction, and that one's number.
    let mut expected: Option<(Uuid, i32, i32, Option<i64>)> = None;
    loop {
        let values = [after.0.into(), after.1.into(), after.2.into(), end.into()];
        let page = snapshot
            .query_all_raw(Statement::from_sql_and_values(snapshot.get_database_backend(), &sql, values))
            .await?;
        for row in &page {
            let (id, attempt, number): (Uuid, i32, i32) =
                (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            let (before, cost): (Option<i64>, i64) = (row.try_get_by_index(3)?, row.try_get_by_index(4)?);
            let formula: String = row.try_get_by_index(5)?;
            let follows = match expected {
                Some((of, at, next, known)) if (of, at) == (id, attempt) => number == next && before == known,
                _ => number == 1 && before == row.try_get_by_index::<Option<i64>>(6)?,
            };
            let is_right =
                correction::formula(Some(&formula)).is_ok_and(|formula| bulk::money(formula.total()) == cost);
            report.corrections += 1;
            if !follows || !is_right {
                report.found(Difference::Correction { request_id: RequestId(id), attempt, number });
            }
            expected = Some((id, attempt, number + 1, Some(cost)));
            after = (id, attempt, number);
        }
        if page.len() < PAGE {
            return Ok(());
        }
    }
}
