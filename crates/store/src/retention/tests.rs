use domain::GatewayId;
use domain::ledger::{AttemptRow, Payload};

use super::*;
use crate::fixture::{self, create_gateway, number, write};
use crate::testing::db_test;

const NOW_MS: i64 = 1_763_800_000_000;

fn rows_of(gateway: Option<i64>, days_ago: i64, first: u64, count: u64) -> Vec<AttemptRow> {
    (first..first + count)
        .map(|number| AttemptRow {
            gateway_id: gateway.map(GatewayId),
            logged: number % 2 == 0,
            ..fixture::row(NOW_MS - days_ago * DAY_MS, number, 1)
        })
        .collect()
}

db_test! {
    async fn each_gateway_forgets_after_its_own_time(store: Store) {
        create_gateway(&store, 1, 1, "short", r#"{"log_retention_days":1}"#).await;
        create_gateway(&store, 1, 2, "long", r#"{"log_retention_days":90}"#).await;
        let payload = Payload { request: b"x".as_slice().into(), ..Payload::default() };
        // More than one range of the first gateway is past its time.
        let old = [rows_of(Some(1), 2, 0, 1_100), rows_of(None, 31, 5_000, 3)].concat();
        let kept =
            [rows_of(Some(1), 0, 2_000, 20), rows_of(Some(2), 60, 3_000, 20), rows_of(None, 29, 4_000, 2)].concat();
        write(&store, &[old.clone(), kept.clone()].concat(), Some(&payload)).await;

        let swept = sweep(&store, NOW_MS).await.expect("swept");
        assert_eq!(swept.requests, old.len() as u64);
        for table in ["requests", "request_bodies"] {
            assert_eq!(number(&store, &format!("SELECT COUNT(*) FROM {table}")).await, kept.len() as i64, "{table}");
        }
        let requests = number(&store, "SELECT CAST(SUM(requests) AS bigint) FROM rollup_day").await;
        assert_eq!(requests, (old.len() + kept.len()) as i64, "days carry the money and stay");
        assert_eq!(sweep(&store, NOW_MS).await.expect("swept again"), Swept::default());
    }

    async fn fine_roll_ups_go_and_coarse_ones_stay(store: Store) {
        create_gateway(&store, 1, 1, "main", "{}").await;
        let rows = [rows_of(Some(1), 500, 0, 1), rows_of(Some(1), 30, 10, 1), rows_of(Some(1), 0, 20, 1)].concat();
        write(&store, &rows, None).await;
        assert_eq!(sweep(&store, NOW_MS).await.expect("swept").rollups, 3);
        for (table, left) in [("rollup_minute", 1), ("rollup_hour", 2), ("rollup_day", 3)] {
            assert_eq!(number(&store, &format!("SELECT COUNT(*) FROM {table}")).await, left, "{table}");
        }
    }

    async fn what_cannot_be_swept_keeps_nothing_else(store: Store) {
        create_gateway(&store, 1, 1, "main", "{}").await;
        write(&store, &rows_of(Some(1), 500, 0, 3), None).await;
        fixture::execute(&store, "ALTER TABLE cache_entries RENAME TO away").await;
        fixture::execute(&store, "ALTER TABLE rollup_minute RENAME TO gone").await;
        let error = sweep(&store, NOW_MS).await.expect_err("not all was possible");
        assert!(error.to_string().contains("cache_entries"), "the first failure is told: {error}");
        for table in ["requests", "rollup_hour"] {
            assert_eq!(number(&store, &format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
    }

    async fn settings_that_do_not_parse_delete_nothing(store: Store) {
        create_gateway(&store, 1, 1, "newer", r#"{"from_a_newer_release":1}"#).await;
        write(&store, &rows_of(Some(1), 4_000, 0, 1), None).await;
        assert_eq!(sweep(&store, NOW_MS).await.expect("swept").requests, 0);
    }
}
