use domain::filter::StatusFilter;
use domain::ledger::{AttemptRow, Outcome, Payload};
use domain::usage::UsageSource;
use sea_orm::{ConnectionTrait, QueryTrait};

use super::*;
use crate::Backend;
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
            user: (number % 6 == 0).then(|| "ada".to_owned()),
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
        .filter(|row| filter.user.as_ref().is_none_or(|user| row.user.as_ref() == Some(user)))
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
        RequestFilter { user: Some("ada".to_owned()), ..all() },
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

/// Each figure another, so that none can stand in for another.
fn everything() -> domain::Usage {
    fixture::more(domain::Usage {
        input: 101,
        output: 102,
        cached_input: 3,
        cache_write: 4,
        cache_write_1h: 5,
        reasoning: 6,
        audio_input: 7,
        audio_output: 8,
        image_input: 9,
        audio_seconds: 10,
        characters: 11,
        images: 12,
        searches: 13,
        ..domain::Usage::default()
    })
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
            AttemptRow { attempt: 2, usage: everything(), cost_formula: fixture::formula(), user: Some("ada".to_owned()), backend: Some("novita".to_owned()), ..fixture::row(AT_MS, 1, 1) },
        ];
        let payload = Payload {
            request: "{\"text\":\"grüß\"}".repeat(500).into(),
            response: vec![b'o', 0xff].into(),
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
        assert_eq!((second.row.user.as_deref(), second.row.backend.as_deref()), (Some("ada"), Some("novita")));
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
            AttemptRow { model: model("invented"), status: 404, usage_source: UsageSource::None, ..fixture::row(now_ms, 4, 1) },
            AttemptRow { model: model("long ago"), ..fixture::row(now_ms - 100 * 86_400_000, 5, 1) },
        ];
        write(&store, &rows, None).await;
        let choices = filter_choices(&store, TeamId(1)).await.expect("choices");
        assert_eq!(choices.models, ["a", "b"]);
        assert_eq!(choices.providers, ["groq", "openai"]);
    }
}

/// The plan SQLite makes is the cheapest proof that a list reads no more than it shows, and sorts nothing.
#[test]
fn every_list_is_served_by_the_index_of_its_filter() {
    crate::testing::on_sqlite(|store| async move {
        for filter in filters() {
            for cursor in cursors() {
                let plan = plan(&store, "EXPLAIN QUERY PLAN", &filter, cursor).await;
                let index = format!("SEARCH requests USING INDEX {} (", index(&filter));
                assert!(plan.contains(&index), "{filter:?}: {plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
            }
        }
    });
}

/// The one that finds fewest rows beside those that are shown.
fn index(filter: &RequestFilter) -> &'static str {
    let failed = |status: StatusFilter| status.statuses().0 >= 400 || !status.outcomes().contains(&Outcome::Ok);
    match filter {
        _ if filter.status.is_some_and(failed) => "requests_not_ok",
        RequestFilter { user: Some(_), .. } => "requests_by_user",
        RequestFilter { model: Some(_), .. } => "requests_by_model",
        RequestFilter { provider: Some(_), .. } => "requests_by_provider",
        RequestFilter { token: Some(_), .. } => "requests_by_token",
        RequestFilter { gateway: Some(_), .. } => "requests_by_gateway",
        _ => "requests_by_team",
    }
}

fn cursors() -> [Option<Cursor>; 3] {
    let (id, attempt) = (fixture::id(AT_MS + 180_000, 1), 1);
    [None, Some(Cursor::Before(id, attempt)), Some(Cursor::After(id, attempt))]
}

/// How the database reads a page.
async fn plan(store: &Store, explain: &str, filter: &RequestFilter, cursor: Option<Cursor>) -> String {
    let mut statement = select(TeamId(1), filter, cursor, 50).build(store.backend().into());
    statement.sql = format!("{explain} {}", statement.sql);
    let rows = store.read().query_all_raw(statement).await.expect("a plan");
    let line = match store.backend() {
        Backend::Sqlite => "detail",
        Backend::Postgres => "QUERY PLAN",
    };
    rows.iter().map(|row| row.try_get::<String>("", line).expect("text") + "\n").collect()
}

mod at_volume {
    //! The log of a busy team: what each filter looks for is rare, and between the rows of others.

    use super::*;

    const ROWS: u32 = 200_000;

    async fn fill(store: &Store) {
        let millis = format!("({AT_MS} - {ROWS} * 500 + n * 1000)");
        let (id, series) = match store.backend() {
            Backend::Sqlite => (
                format!("unhex(printf('%012x70008000%012x', {millis}, n))"),
                format!(
                    "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {ROWS}) SELECT n FROM s)"
                ),
            ),
            Backend::Postgres => (
                format!("CAST(lpad(to_hex({millis}), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0') AS uuid)"),
                format!("(SELECT CAST(generate_series(1, {ROWS}) AS bigint) AS n)"),
            ),
        };
        let rare =
            |every: u32, rare: &str, common: &str| format!("CASE WHEN n % {every} = 3 THEN {rare} ELSE {common} END");
        let values = [
            ("request_id", id),
            ("attempt", "1".to_owned()),
            ("last", "true".to_owned()),
            ("at_ms", millis),
            ("team_id", rare(4, "2", "1")),
            ("gateway_id", rare(1_009, "2", "1")),
            ("token_id", rare(1_013, "2", "1")),
            ("provider", rare(1_019, "'anthropic'", "'openai'")),
            ("model", rare(1_021, "'model-3'", "'model-0'")),
            ("user_name", rare(1_051, "'ada'", "NULL")),
            ("status", "CASE WHEN n % 1031 = 3 THEN 500 WHEN n % 1033 = 3 THEN 429 ELSE 200 END".to_owned()),
            (
                "outcome",
                "CASE WHEN n % 1031 = 3 THEN 'upstream_error' WHEN n % 1033 = 3 THEN 'refused' \
                 WHEN n % 1039 = 3 THEN 'interrupted' WHEN n % 1049 = 3 THEN 'client_gone' ELSE 'ok' END"
                    .to_owned(),
            ),
            ("logged", rare(11, "false", "true")),
            ("surface", "'chat_completions'".to_owned()),
            ("method", "'POST'".to_owned()),
            ("path", "'/v1/chat/completions'".to_owned()),
            ("cache", "'off'".to_owned()),
            ("streamed", "false".to_owned()),
            ("usage_source", "'reported'".to_owned()),
        ];
        let figures = [
            "input_tokens",
            "output_tokens",
            "cached_input_tokens",
            "cache_write_tokens",
            "cache_write_1h_tokens",
            "reasoning_tokens",
            "audio_input_tokens",
            "audio_output_tokens",
            "duration_us",
            "gateway_us",
            "request_bytes",
            "response_bytes",
        ];
        let columns: Vec<_> = values.iter().map(|(column, _)| *column).chain(figures).collect();
        let values: Vec<_> = values.iter().map(|(_, value)| value.as_str()).chain(figures.map(|_| "7")).collect();
        let sql =
            format!("INSERT INTO requests ({}) SELECT {} FROM {series} AS series", columns.join(","), values.join(","));
        fixture::execute(store, &sql).await;
    }

    /// Rows that were read, for nothing or not, by the most laborious step of a query that PostgreSQL has run.
    fn rows_read(plan: &str) -> u64 {
        let number = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().ok();
        let steps = ["actual rows=", "Rows Removed by Filter: ", "Rows Removed by Index Recheck: "];
        steps.iter().flat_map(|step| plan.split(step).skip(1)).filter_map(number).max().expect("a plan that was run")
    }

    db_test! {
        async fn a_page_of_any_filter_reads_little_more_than_it_shows(store: Store) {
            fill(&store).await;
            // The figures that plans are made from: PostgreSQL collects them by itself, SQLite where somebody asks.
            fixture::execute(&store, "ANALYZE requests").await;
            for filter in filters() {
                for cursor in cursors() {
                    match store.backend() {
                        Backend::Sqlite => {
                            let plan = plan(&store, "EXPLAIN QUERY PLAN", &filter, cursor).await;
                            assert!(plan.contains("SEARCH requests USING INDEX requests_"), "{filter:?}: {plan}");
                            assert!(!plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
                        }
                        Backend::Postgres => {
                            let plan = plan(&store, "EXPLAIN (ANALYZE, TIMING OFF)", &filter, cursor).await;
                            assert!(rows_read(&plan) < 2_000, "{filter:?}: {plan}");
                        }
                    }
                }
                let page = list_requests(&store, TeamId(1), &filter, None, 50).await.expect("a page");
                let full = filter.model.as_deref() != Some("no such");
                assert!(page.rows.len() == 50 || !full, "{filter:?}");
            }
        }
    }
}
