use domain::ledger::{AttemptRow, CacheStatus, Outcome, Surface};
use domain::{GatewayId, Nanos, TeamId, TokenId};

use super::*;
use crate::fixture::{create_gateway, execute, row, write};
use crate::retention;
use crate::testing::db_test;

fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// Everything from a moment on, and how many pages it took.
async fn all(store: &Store, team: i64, since_ms: i64) -> (Vec<Past>, usize) {
    let (mut past, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = spent_since(store, TeamId(team), since_ms, after).await.expect("a page");
        past.extend(page.past);
        pages += 1;
        after = match page.next {
            Some(next) => Some(next),
            None => return (past, pages),
        };
    }
}

fn sum(past: &[Past]) -> (u64, u64, i64) {
    past.iter().fold((0, 0, 0), |(requests, tokens, cost), past| {
        let spent = &past.spent;
        (requests + past.requests, tokens + spent.tokens, cost + spent.cost.map_or(0, |cost| cost.0))
    })
}

db_test! {
    async fn every_attempt_of_the_team_counts_and_every_request_once(store: Store) {
        let at = now_ms() - 60_000;
        let failed = AttemptRow { last: false, cost: None, ..row(at, 1, 1) };
        let rows = [
            row(at - 1, 0, 1),
            failed,
            // What is tried again begins later and belongs to the same moment.
            AttemptRow { at_ms: at + 5_000, request_id: row(at, 1, 1).request_id, ..row(at, 1, 2) },
            AttemptRow { team_id: Some(TeamId(2)), ..row(at, 2, 1) },
            AttemptRow { outcome: Outcome::Refused, ..row(at, 3, 0) },
            AttemptRow { cache: CacheStatus::Hit, ..row(at, 4, 0) },
            AttemptRow { surface: Surface::CountTokens, cost: Some(Nanos(0)), ..row(at, 5, 0) },
            AttemptRow { surface: Surface::CountTokens, outcome: Outcome::Refused, ..row(at, 6, 0) },
            AttemptRow { logged: false, gateway_id: None, ..row(at, 7, 1) },
        ];
        write(&store, &rows, None).await;
        let (past, _) = all(&store, 1, at).await;
        let told: Vec<_> = past.iter().map(|past| (past.spent.at_ms, past.requests, past.spent.cost.map(|cost| cost.0))).collect();
        assert_eq!(
            told,
            [(at, 0, None), (at, 1, Some(22_200)), (at, 1, Some(0)), (at, 0, Some(22_200)), (at, 1, Some(22_200))]
        );
        let spent = &past[1].spent;
        assert_eq!((spent.tokens, spent.is_request, spent.token_id), (46, true, Some(TokenId(3))));
        assert_eq!((spent.surface.as_str(), spent.provider.as_deref()), ("chat_completions", Some("openai")));
        assert_eq!((spent.model.as_deref(), past[1].model_asked.as_deref()), (Some("gpt-4o-mini"), Some("openai/gpt-4o-mini")));
        assert_eq!(spent.metadata.as_deref(), Some(r#"{"user":"ada"}"#));
    }

    async fn pages_leave_nothing_out_and_count_nothing_twice(store: Store) {
        let at = now_ms() - 3_600_000;
        let rows: Vec<_> = (0..PAGE + 10).map(|number| row(at + number as i64 / 3, number, 1)).collect();
        write(&store, &rows, None).await;
        let (past, pages) = all(&store, 1, at).await;
        assert_eq!((past.len() as u64, pages), (PAGE + 10, 2));
        assert!(past.is_sorted_by_key(|past| past.spent.at_ms));
        assert_eq!(sum(&past), (PAGE + 10, 46 * (PAGE + 10), 22_200 * (PAGE as i64 + 10)));
    }

    async fn what_the_log_has_forgotten_is_read_from_roll_ups(store: Store) {
        let now = now_ms();
        create_gateway(&store, 1, 1, "short", r#"{"log_retention_days":1}"#).await;
        create_gateway(&store, 1, 2, "long", r#"{"log_retention_days":90}"#).await;
        create_gateway(&store, 1, 3, "longest", r#"{"log_retention_days":3650}"#).await;
        let mut rows = Vec::new();
        // One every five hours for fifty days, on each gateway, and some of more than a year ago.
        for (number, hours) in (0..50 * 24).step_by(5).chain([500 * 24, 500 * 24 + 30]).enumerate() {
            for gateway in [1, 2, 3] {
                let number = number as u64 * 3 + gateway;
                let gateway_id = Some(GatewayId(gateway as i64));
                rows.push(AttemptRow { gateway_id, ..row(now - hours * 3_600_000 - 7, number, 1) });
            }
        }
        write(&store, &rows, None).await;
        let since = now - 700 * DAY_MS;
        let before = sum(&all(&store, 1, since).await.0);
        assert_eq!(before, (rows.len() as u64, 46 * rows.len() as u64, 22_200 * rows.len() as i64));
        retention::sweep(&store, now).await.expect("it forgets");
        let (past, _) = all(&store, 1, since).await;
        assert_eq!(sum(&past), before);
        // The other gateway's log is whole for ninety days.
        let whole = past.iter().filter(|past| past.spent.gateway_id == Some(GatewayId(2)) && past.spent.is_request).count();
        assert_eq!(whole, 50 * 24 / 5);
        // By the hour, what is asked for is met to an hour.
        let (past, _) = all(&store, 1, now - 20 * DAY_MS).await;
        let expected = rows.iter().filter(|row| row.at_ms >= now - 20 * DAY_MS).count() as u64;
        assert!((expected..=expected + 3).contains(&sum(&past).0), "{} {expected}", sum(&past).0);
    }

    async fn of_a_retention_that_cannot_be_read_the_log_decides(store: Store) {
        create_gateway(&store, 1, 1, "main", "{}").await;
        execute(&store, "UPDATE gateways SET settings = 'no settings'").await;
        let at = now_ms() - 1_000;
        write(&store, &[row(at, 1, 1)], None).await;
        assert_eq!(all(&store, 1, at).await.0.len(), 1);
    }
}
