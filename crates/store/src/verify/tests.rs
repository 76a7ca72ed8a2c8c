use domain::ledger::AttemptRow;
use domain::price::{CostLine, Formula, Kind, Per};
use domain::{Nanos, Rate};

use super::*;
use crate::Backend;
use crate::fixture::{create_gateway, execute, id, row, write};
use crate::testing::db_test;

/// Noon of yesterday, so that all grains are kept and no day is under way.
fn noon_ms() -> i64 {
    let now_ms = chrono::Utc::now().timestamp_millis();
    now_ms.div_euclid(DAY_MS) * DAY_MS - DAY_MS / 2
}

/// A row whose formula makes its cost: 12 units at $0.15 a million.
fn priced(number: u64, attempt: u16) -> AttemptRow {
    let line = CostLine { what: Kind::Input, units: 12, rate: Rate(150_000_000), per: Per::Million };
    let cost_formula = Formula { lines: vec![line], ..Formula::default() };
    AttemptRow { cost: Some(Nanos(1_800)), cost_formula, ..row(noon_ms(), number, attempt) }
}

/// Team 1, and a ledger without fault: three requests, one of which was tried twice.
async fn sound(store: &Store) {
    create_gateway(store, 1, 1, "main", "{}").await;
    let rows = [priced(1, 1), AttemptRow { last: false, ..priced(2, 1) }, priced(2, 2), priced(3, 1)];
    write(store, &rows, None).await;
}

async fn found(store: &Store) -> Vec<Difference> {
    let report = verify(store, Span::default()).await.expect("checked");
    assert_eq!(report.differences, report.listed.len() as u64);
    report.listed
}

fn uuid(store: &Store, number: u64) -> String {
    let id = id(noon_ms(), number).0;
    match store.backend() {
        Backend::Sqlite => format!("x'{}'", id.simple()),
        Backend::Postgres => format!("'{id}'"),
    }
}

/// The tables of which sums are found to be wrong, once each.
fn tables(differences: &[Difference]) -> Vec<&'static str> {
    let mut tables: Vec<_> = differences
        .iter()
        .filter_map(|difference| match difference {
            Difference::Sum { table, .. } => Some(*table),
            _ => None,
        })
        .collect();
    tables.sort_unstable();
    tables.dedup();
    tables
}

const ALL_TABLES: [&str; 3] = ["rollup_day", "rollup_hour", "rollup_minute"];

db_test! {
    async fn a_sound_ledger_has_no_differences(store: Store) {
        assert_eq!(verify(&store, Span::default()).await.expect("checked"), Report::default(), "an empty one");
        sound(&store).await;
        let report = verify(&store, Span::default()).await.expect("checked");
        assert_eq!((report.differences, report.rows, report.requests, report.cost_nanos), (0, 4, 3, 7_200));
        assert_eq!((report.rollups, report.rollups_without_rows), (3, 0));
    }

    async fn only_the_days_asked_for_are_checked(store: Store) {
        sound(&store).await;
        execute(&store, "UPDATE requests SET cost_nanos = 7").await;
        let noon = DateTime::from_timestamp_millis(noon_ms()).expect("a time").date_naive();
        let after = Span { from: noon.succ_opt(), to: None };
        assert_eq!(verify(&store, after).await.expect("checked").rows, 0);
        let before = Span { from: None, to: noon.pred_opt() };
        assert_eq!(verify(&store, before).await.expect("checked").rows, 0);
        let on = Span { from: Some(noon), to: Some(noon) };
        assert!(verify(&store, on).await.expect("checked").differences > 0);
    }

    async fn a_cost_that_its_formula_does_not_make_is_found(store: Store) {
        sound(&store).await;
        execute(&store, &format!("UPDATE requests SET cost_nanos = 1801 WHERE request_id = {}", uuid(&store, 1))).await;
        let found = found(&store).await;
        let wrong = Difference::Cost { request_id: id(noon_ms(), 1), attempt: 1, stored: Some(1_801), formula: Some(1_800) };
        assert_eq!(found[0], wrong);
        // The sums say what the row said before.
        assert_eq!(tables(&found), ALL_TABLES);
        execute(&store, &format!("UPDATE requests SET cost_nanos = 1800, cost_formula = '[' WHERE request_id = {}", uuid(&store, 1))).await;
        assert_eq!(self::found(&store).await, [Difference::Formula { request_id: id(noon_ms(), 1), attempt: 1 }]);
    }

    async fn a_cost_without_a_formula_is_found(store: Store) {
        sound(&store).await;
        execute(&store, &format!("UPDATE requests SET cost_formula = NULL WHERE request_id = {}", uuid(&store, 3))).await;
        let wrong = Difference::Cost { request_id: id(noon_ms(), 3), attempt: 1, stored: Some(1_800), formula: None };
        assert_eq!(found(&store).await, [wrong]);
    }

    async fn a_wrong_roll_up_of_any_grain_is_found(store: Store) {
        sound(&store).await;
        for table in ALL_TABLES {
            execute(&store, &format!("UPDATE {table} SET output_tokens = output_tokens + 1")).await;
            let found = found(&store).await;
            assert_eq!((found.len(), tables(&found)), (1, vec![table]));
            assert!(matches!(found[0], Difference::Sum { column: "output_tokens", stored: 137, rows: 136, .. }), "{found:?}");
            execute(&store, &format!("UPDATE {table} SET output_tokens = output_tokens - 1")).await;
        }
        execute(&store, "DELETE FROM rollup_hour").await;
        assert_eq!(tables(&found(&store).await), ["rollup_hour"], "one that is missing");
    }

    async fn a_row_that_is_gone_is_found(store: Store) {
        sound(&store).await;
        execute(&store, &format!("DELETE FROM requests WHERE request_id = {}", uuid(&store, 1))).await;
        assert_eq!(tables(&found(&store).await), ALL_TABLES);
    }

    async fn an_attempt_that_is_gone_is_found(store: Store) {
        sound(&store).await;
        execute(&store, &format!("DELETE FROM requests WHERE request_id = {} AND attempt = 1", uuid(&store, 2))).await;
        assert!(found(&store).await.contains(&Difference::Gap { request_id: id(noon_ms(), 2), attempts: vec![2] }));
    }

    async fn a_request_with_no_last_row_or_with_two_is_found(store: Store) {
        sound(&store).await;
        let request_id = id(noon_ms(), 2);
        for (change, last_rows) in [("last = false", 0), ("last = true", 2)] {
            execute(&store, &format!("UPDATE requests SET {change} WHERE request_id = {}", uuid(&store, 2))).await;
            assert!(found(&store).await.contains(&Difference::Last { request_id, last_rows }), "{change}");
        }
    }

    async fn a_key_that_is_there_twice_is_found(store: Store) {
        sound(&store).await;
        let steps: &[&str] = match store.backend() {
            Backend::Sqlite => &[
                "CREATE TABLE notes AS SELECT * FROM cost_corrections",
                "DROP TABLE cost_corrections",
                "ALTER TABLE notes RENAME TO cost_corrections",
                "CREATE TABLE copy AS SELECT * FROM requests",
                "DROP TABLE requests",
                "ALTER TABLE copy RENAME TO requests",
            ],
            Backend::Postgres => &["ALTER TABLE requests DROP CONSTRAINT requests_pkey CASCADE"],
        };
        for step in steps {
            execute(&store, step).await;
        }
        let one = uuid(&store, 1);
        execute(&store, &format!("INSERT INTO requests SELECT * FROM requests WHERE request_id = {one}")).await;
        let found = found(&store).await;
        assert!(found.contains(&Difference::Twice { request_id: id(noon_ms(), 1), attempt: 1 }), "{found:?}");
        assert_eq!(tables(&found), ALL_TABLES, "the row is counted once");
    }

    async fn what_the_log_has_forgotten_is_not_missed(store: Store) {
        create_gateway(&store, 1, 1, "main", r#"{"log_retention_days":2}"#).await;
        let old = AttemptRow { request_id: id(noon_ms() - 3 * DAY_MS, 9), at_ms: noon_ms() - 3 * DAY_MS, ..priced(9, 1) };
        write(&store, &[old, priced(1, 1)], None).await;
        crate::retention::sweep(&store, chrono::Utc::now().timestamp_millis()).await.expect("swept");
        let report = verify(&store, Span::default()).await.expect("checked");
        assert_eq!(report.listed, []);
        assert!(report.rollups_without_rows > 0, "{report:?}");
    }

    async fn rows_are_walked_over_many_pages(store: Store) {
        create_gateway(&store, 1, 1, "main", "{}").await;
        let mut rows: Vec<_> = (0..6_000).map(|number| priced(number, 1)).collect();
        // One request lies across the edge of a page.
        rows[4_999].last = false;
        rows.push(priced(4_999, 2));
        write(&store, &rows, None).await;
        let report = verify(&store, Span::default()).await.expect("checked");
        assert_eq!((report.listed.as_slice(), report.rows, report.requests), (&[][..], 6_001, 6_000));
    }
}
