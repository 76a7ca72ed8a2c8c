use domain::filter::StatusFilter;
use domain::ledger::{AttemptRow, Outcome, Payload};
use domain::{GatewayId, TokenId};
use sea_orm::{ConnectionTrait, QueryTrait, Statement};

use super::*;
use crate::fixture::{self, create_gateway, write};
use crate::testing::db_test;

const AT_MS: i64 = 1_763_800_000_000;

const ENDS: [(u16, Outcome); 8] = [
    (200, Outcome::Ok),
    (200, Outcome::UpstreamFailed),
    (429, Outcome::Refused),
    (500, Outcome::UpstreamError),
    (200, Outcome::Interrupted),
    (404, Outcome::UpstreamError),
    (200, Outcome::ClientGone),
    (499, Outcome::ClientGone),
];

/// 120 requests in 12 minutes, every fifth with a failed first attempt; some of another team, some not logged.
fn traffic() -> Vec<AttemptRow> {
    let mut rows = Vec::new();
    for number in 0..120u64 {
        let base = fixture::row(AT_MS + i64::try_from(number).expect("small") * 6_000, number, 1);
        let (status, outcome) = ENDS[usize::try_from(number).expect("small") % ENDS.len()];
        let row = AttemptRow {
            team_id: Some(TeamId(if number % 7 == 0 { 2 } else { 1 })),
            gateway_id: Some(GatewayId(1 + i64::from(number % 2 == 0))),
            token_id: Some(TokenId(1 + i64::from(number % 3 == 0))),
            provider: Some(if number % 4 == 0 { "anthropic" } else { "openai" }.to_owned()),
            model: Some(format!("model-{}", number % 5)),
            status,
            outcome,
            logged: number % 11 != 0,
            ..base
        };
        if number % 5 == 0 {
            rows.push(AttemptRow { last: false, status: 503, outcome: Outcome::UpstreamError, ..row.clone() });
            rows.push(AttemptRow { attempt: 2, at_ms: row.at_ms + 900, ..row });
        } else {
            rows.push(row);
        }
    }
    rows
}

/// Keys of the rows a filter lets through, newest first.
fn expected(rows: &[AttemptRow], filter: &RequestFilter) -> Vec<(RequestId, u16)> {
    let mut keys: Vec<_> = rows
        .iter()
        .filter(|row| row.team_id == Some(TeamId(1)) && row.logged)
        .filter(|row| filter.gateway.is_none_or(|id| row.gateway_id == Some(id)))
        .filter(|row| filter.token.is_none_or(|id| row.token_id == Some(id)))
        .filter(|row| filter.provider.as_ref().is_none_or(|provider| row.provider.as_ref() == Some(provider)))
        .filter(|row| filter.model.as_ref().is_none_or(|model| row.model.as_ref() == Some(model)))
        .filter(|row| filter.status.is_none_or(|status| status.admits(row.status, row.outcome)))
        .filter(|row| filter.from_ms.is_none_or(|from| row.at_ms >= from))
        .filter(|row| filter.to_ms.is_none_or(|to| row.at_ms < to))
        .map(|row| (row.request_id, row.attempt))
        .collect();
    keys.sort_unstable_by(|one, other| other.cmp(one));
    keys
}

fn filters() -> Vec<RequestFilter> {
    let all = RequestFilter::default;
    vec![
        all(),
        RequestFilter { gateway: Some(GatewayId(2)), ..all() },
        RequestFilter { token: Some(TokenId(2)), ..all() },
        RequestFilter { provider: Some("anthropic".to_owned()), ..all() },
        RequestFilter { model: Some("model-3".to_owned()), ..all() },
        RequestFilter { status: Some(StatusFilter::Error), ..all() },
        RequestFilter { status: Some(StatusFilter::Success), ..all() },
        RequestFilter { status: Some(StatusFilter::Exactly(429)), ..all() },
        RequestFilter { status: Some(StatusFilter::Exactly(200)), ..all() },
        RequestFilter { status: Some(StatusFilter::Broken), ..all() },
        RequestFilter { status: Some(StatusFilter::Cancelled), ..all() },
        RequestFilter { status: Some(StatusFilter::ClientError), ..all() },
        RequestFilter { from_ms: Some(AT_MS + 60_900), to_ms: Some(AT_MS + 300_000), ..all() },
        RequestFilter {
            status: Some(StatusFilter::ServerError),
            token: Some(TokenId(1)),
            from_ms: Some(AT_MS),
            ..all()
        },
        RequestFilter { model: Some("no such".to_owned()), ..all() },
    ]
}

fn keys(page: &Page<RequestRow>) -> Vec<(RequestId, u16)> {
    page.rows.iter().map(|row| (row.request_id, row.attempt)).collect()
}

db_test! {
    async fn paging_walks_every_row_once_both_ways(store: Store) {
        let rows = traffic();
        write(&store, &rows, None).await;
        for (filter, limit) in filters().into_iter().zip([7, 10, 1, 3, 200, 5, 13, 2, 9, 1, 5].into_iter().cycle()) {
            let expected = expected(&rows, &filter);
            let list = async |cursor| list_requests(&store, TeamId(1), &filter, cursor, limit).await.expect("a page");
            let mut page = list(None).await;
            assert_eq!(page.newer, None, "nothing is newer than the newest");
            let mut down = keys(&page);
            while let Some(older) = page.older {
                page = list(Some(older)).await;
                down.extend(keys(&page));
            }
            assert_eq!(down, expected, "{filter:?}");
            let mut up = keys(&page);
            while let Some(newer) = page.newer {
                page = list(Some(newer)).await;
                up.splice(0..0, keys(&page));
            }
            assert_eq!(up, expected, "{filter:?}");
        }
    }

    async fn nothing_newer_shows_the_newest_page(store: Store) {
        let rows = traffic();
        write(&store, &rows, None).await;
        let newest = expected(&rows, &RequestFilter::default())[0];
        let after = Some(Cursor::After(newest.0, newest.1));
        let page = list_requests(&store, TeamId(1), &RequestFilter::default(), after, 4).await.expect("a page");
        assert_eq!(keys(&page)[0], newest);
        assert!(page.older.is_some() && page.newer.is_none());
    }

    async fn a_request_is_shown_with_every_attempt_names_and_bodies(store: Store) {
        create_gateway(&store, 1, 1, "main", "{}").await;
        let rows = [
            AttemptRow { last: false, status: 503, ..fixture::row(AT_MS, 1, 1) },
            AttemptRow { attempt: 2, ..fixture::row(AT_MS, 1, 1) },
        ];
        let payload = Payload {
            request: "{\"text\":\"grüß\"}".repeat(500).into_bytes(),
            response: vec![b'o', 0xff],
            request_content_type: Some("application/json".to_owned()),
            response_cut: true,
            ..Payload::default()
        };
        write(&store, &rows, Some(&payload)).await;
        let id = rows[0].request_id;
        let detail = find_request(&store, TeamId(1), id, true).await.expect("found");
        assert_eq!(detail.attempts.len(), 2);
        let second = &detail.attempts[1];
        assert_eq!((second.row.gateway.as_deref(), second.row.status), (Some("main"), 200));
        assert_eq!((&second.cost_formula, second.row.usage), (&rows[1].cost_formula, rows[1].usage));
        assert_eq!((second.row.surface, second.row.outcome), (rows[1].surface, rows[1].outcome));
        let shown = second.payload.as_ref().expect("bodies");
        assert_eq!(shown.request.as_bytes(), payload.request);
        assert_eq!((shown.response.as_str(), shown.response_cut), ("o\u{fffd}", true));

        let bare = find_request(&store, TeamId(1), id, false).await.expect("found");
        assert!(bare.attempts.iter().all(|attempt| attempt.payload.is_none()));
        let foreign = find_request(&store, TeamId(2), id, true).await;
        assert!(matches!(foreign, Err(StoreError::NotFound)));
    }

    async fn a_request_kept_out_of_the_log_is_not_found(store: Store) {
        let row = AttemptRow { logged: false, ..fixture::row(AT_MS, 1, 1) };
        write(&store, std::slice::from_ref(&row), None).await;
        assert!(matches!(find_request(&store, TeamId(1), row.request_id, true).await, Err(StoreError::NotFound)));
    }

    async fn filters_offer_what_the_team_used_of_late(store: Store) {
        let now_ms = chrono::Utc::now().timestamp_millis();
        let model = |name: &str| Some(name.to_owned());
        let rows = [
            AttemptRow { model: model("b"), ..fixture::row(now_ms, 1, 1) },
            AttemptRow { model: model("a"), provider: model("groq"), ..fixture::row(now_ms, 2, 1) },
            AttemptRow { model: model("theirs"), team_id: Some(TeamId(2)), ..fixture::row(now_ms, 3, 1) },
            AttemptRow { model: model("invented"), status: 404, ..fixture::row(now_ms, 4, 1) },
            AttemptRow { model: model("long ago"), ..fixture::row(now_ms - 100 * 86_400_000, 5, 1) },
        ];
        write(&store, &rows, None).await;
        let choices = filter_choices(&store, TeamId(1)).await.expect("choices");
        assert_eq!(choices.models, ["a", "b"]);
        assert_eq!(choices.providers, ["groq", "openai"]);
    }
}

/// The plan SQLite makes is the cheapest proof that a list does not read the whole table or sort it.
#[test]
fn every_list_is_served_by_an_index_in_its_order() {
    crate::testing::on_sqlite(|store| async move {
        let after = Cursor::After(fixture::id(AT_MS, 1), 1);
        for filter in filters() {
            for cursor in [None, Some(Cursor::Before(fixture::id(AT_MS, 1), 1)), Some(after)] {
                let mut statement = select(TeamId(1), &filter, cursor, 50).build(store.backend().into());
                statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
                let plan = plan(&store, statement).await;
                assert!(plan.contains("SEARCH requests USING INDEX"), "{filter:?}: {plan}");
                if filter.status == Some(StatusFilter::Error) {
                    assert!(plan.contains("requests_not_ok"), "{filter:?}: {plan}");
                }
                assert!(!plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
            }
        }
    });
}

async fn plan(store: &Store, statement: Statement) -> String {
    let rows = store.read().query_all_raw(statement).await.expect("a plan");
    rows.iter().map(|row| row.try_get::<String>("", "detail").expect("text") + "\n").collect()
}
