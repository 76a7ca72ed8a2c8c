use domain::Nanos;
use domain::ledger::{AttemptRow, CacheStatus, Cause, Outcome, Payload, Surface};
use domain::state::StateChange;
use domain::usage::UsageSource;
use rusqlite::types::Value as Stored;

use super::*;
use crate::fixture::{self, execute, number, row};
use crate::spool::{Batch, Entry, Position, Record, RecordError};
use crate::testing::on_sqlite;
use crate::writer::batch::write_carefully;
use crate::writer::uses::Uses;

const AT_MS: i64 = 1_763_800_000_000;
const COUNT: &str = "SELECT COUNT(*) FROM requests";
const COUNTED: &str = "SELECT CAST(SUM(requests) AS bigint) FROM rollup_minute";

fn prepared(records: impl IntoIterator<Item = Record>) -> Prepared {
    prepared_with(records.into_iter().map(Ok))
}

fn prepared_with(records: impl IntoIterator<Item = Result<Record, (RecordError, Vec<u8>)>>) -> Prepared {
    let entry = |(offset, record)| Entry { at: Position { segment: 1, offset }, record };
    let entries: Vec<_> = (10..).zip(records).map(entry).collect();
    let end = Position { segment: 1, offset: 10 + entries.len() as u64 };
    Prepared::new(Backend::Sqlite, Batch { entries, end, full: false, damaged_bytes: 0 }, &Uses::default())
}

fn rows(numbers: impl IntoIterator<Item = u64>) -> Prepared {
    prepared(numbers.into_iter().map(|number| record(row(AT_MS, number, 1), None)))
}

fn record(row: AttemptRow, payload: Option<Payload>) -> Record {
    Record::Row(Box::new(row), payload)
}

async fn direct(store: &Store) -> Direct {
    Direct::of(store).await.expect("connected").expect("a file")
}

/// A row with something in each field, one with as little as there can be, and one with what no database takes.
fn odd_rows() -> Vec<AttemptRow> {
    let text = |text: &str| Some(text.to_owned());
    let full = AttemptRow {
        last: false,
        surface: Surface::Responses,
        backend: text("azure"),
        status: 503,
        outcome: Outcome::UpstreamError,
        error_code: text("overloaded"),
        cache: CacheStatus::Miss,
        streamed: true,
        usage: fixture::more(domain::Usage {
            cache_write: 1,
            cache_write_1h: 2,
            reasoning: 3,
            audio_input: 4,
            audio_output: 5,
            image_input: 6,
            audio_seconds: 7,
            characters: 8,
            images: 9,
            searches: 10,
            ..row(0, 1, 1).usage
        }),
        cost_formula: fixture::formula(),
        event_id: text("event"),
        user: text("grace"),
        cause: Cause::Hedge,
        called: text("gpt-4o"),
        way: text("route:1"),
        ..row(AT_MS, 1, 1)
    };
    let bare = AttemptRow {
        team_id: None,
        gateway_id: None,
        token_id: None,
        provider_key_id: None,
        provider: None,
        model_asked: None,
        model: None,
        usage: domain::Usage::default(),
        usage_source: UsageSource::None,
        cost: None,
        cost_formula: domain::price::Formula::default(),
        first_byte_us: None,
        metadata: None,
        user_agent: None,
        logged: false,
        ..row(AT_MS, 2, 0)
    };
    let wild = AttemptRow {
        path: "/a\0b".to_owned(),
        model: text("gpt\0-4 \u{1f980}"),
        duration_us: u64::MAX,
        cost: Some(Nanos(i64::MIN)),
        ..row(AT_MS, 3, u16::MAX)
    };
    vec![full.clone(), AttemptRow { attempt: 2, last: true, token_id: Some(domain::TokenId(1)), ..full }, bare, wild]
}

fn odd_records() -> Vec<Record> {
    let payload = Payload {
        request: b"{\"a\":1}".to_vec(),
        response: vec![0, 255, 7],
        request_content_type: Some("application/json".to_owned()),
        response_cut: true,
        ..Payload::default()
    };
    let payloads = [Some(payload), None, Some(Payload::default()), None];
    let rows = odd_rows().into_iter().zip(payloads).map(|(row, payload)| record(row, payload));
    let stays = |change: &StateChange| {
        use StateChange::{EndConversation, Forget, RemoveItem};
        !matches!(change, Forget { .. } | EndConversation { .. } | RemoveItem { .. })
    };
    let changes = fixture::state_changes().into_iter().chain(fixture::state_changes().into_iter().filter(stays));
    rows.chain(changes.map(|change| Record::State(Box::new(change)))).collect()
}

/// All that is in the tables which the writer fills, with the types it has there.
async fn contents(store: &Store) -> Vec<(String, Vec<Vec<Stored>>)> {
    let (file, settings) = store.write_settings().await.expect("read").expect("a file");
    let connection = open(&file, &settings).expect("opens");
    let tables = [
        "requests",
        "request_bodies",
        "rollup_minute",
        "rollup_hour",
        "rollup_day",
        "rollup_user_day",
        "spool_positions",
        "api_tokens",
        "responses",
        "conversations",
        "conversation_items",
    ];
    let all = |table: &str| {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3")).expect("a table");
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|column| row.get(column)).collect());
        rows.expect("it runs").collect::<Result<_, _>>().expect("rows")
    };
    tables.into_iter().map(|table| (table.to_owned(), all(table))).collect()
}

async fn create_token(store: &Store) {
    execute(
        store,
        "INSERT INTO teams (id, slug, name, created_at) VALUES (1, 'acme', 'Acme', '2026-01-01T00:00:00+00:00')",
    )
    .await;
    let tx = store.write_tx().await.expect("a transaction");
    let scope = token::Scope { name: "app", restrictions: &Default::default(), expires_at: None };
    let now = chrono::DateTime::from_timestamp_millis(AT_MS - 1).expect("a moment");
    let token = token::create(&tx, domain::TeamId(1), [1; 32], "…".into(), &scope, now).await.expect("created");
    assert_eq!(token.id, 1);
    tx.commit().await.expect("committed");
}

#[test]
fn what_is_stored_is_the_same_either_way() {
    on_sqlite(|first: Store| async move {
        create_token(&first).await;
        assert!(direct(&first).await.write(SpoolId::nil(), &prepared(odd_records())));
        let first = contents(&first).await;
        for (table, rows) in &first {
            assert!(!rows.is_empty(), "{table}");
        }
        let other = std::thread::spawn(|| {
            on_sqlite(|second: Store| async move {
                create_token(&second).await;
                let written = write_carefully(&second, SpoolId::nil(), &prepared(odd_records())).await;
                assert_eq!(written.expect("written").rows, 4);
                assert_eq!(first, contents(&second).await);
            });
        });
        other.join().expect("the same");
    });
}

#[test]
fn rows_that_are_there_in_part_leave_no_trace() {
    on_sqlite(|store: Store| async move {
        let mut direct = direct(&store).await;
        assert!(direct.write(SpoolId::nil(), &rows(0..20)));
        let before = contents(&store).await;
        for again in [rows(19..40), rows([50, 51, 50]), rows([60, 19])] {
            assert!(!direct.write(SpoolId::nil(), &again));
            assert_eq!(contents(&store).await, before);
        }
        write_carefully(&store, SpoolId::nil(), &rows(10..40)).await.expect("written");
        assert!(direct.write(SpoolId::nil(), &rows(40..45)), "it goes on");
        assert_eq!((number(&store, COUNT).await, number(&store, COUNTED).await), (45, 45));
    });
}

#[test]
fn what_sqlite_refuses_leaves_no_trace_and_the_next_batch_is_written() {
    on_sqlite(|store: Store| async move {
        for how in ["ABORT", "FAIL", "ROLLBACK"] {
            let trigger = format!(
                "CREATE TRIGGER refuse_{how} BEFORE INSERT ON requests WHEN NEW.path = '/{how}' \
                 BEGIN SELECT RAISE({how}, 'no'); END"
            );
            execute(&store, &trigger).await;
        }
        let mut direct = direct(&store).await;
        for (index, how) in (0..).zip(["ABORT", "FAIL", "ROLLBACK"]) {
            let bad = AttemptRow { path: format!("/{how}"), ..row(AT_MS, 1_000, 1) };
            let good = |number| record(row(AT_MS, number, 1), None);
            assert!(!direct.write(SpoolId::nil(), &prepared([good(index), record(bad, None), good(900)])), "{how}");
            assert_eq!(number(&store, COUNT).await, index as i64);
            assert!(direct.write(SpoolId::nil(), &rows([index])), "{how}");
            assert_eq!(
                (number(&store, COUNT).await, number(&store, COUNTED).await),
                (index as i64 + 1, index as i64 + 1)
            );
        }
    });
}

#[test]
fn while_another_program_writes_nothing_is_written_and_afterwards_it_is() {
    on_sqlite(|store: Store| async move {
        let (file, mut settings) = store.write_settings().await.expect("read").expect("a file");
        settings[1] = ("busy_timeout", "1");
        let other = open(&file, &settings).expect("opens");
        let mut direct = Direct { file, settings, connection: None };
        other.execute_batch("BEGIN IMMEDIATE").expect("it writes");
        assert!(!direct.write(SpoolId::nil(), &rows(0..5)));
        other.execute_batch("COMMIT").expect("it is done");
        assert!(direct.write(SpoolId::nil(), &rows(0..5)));
        assert_eq!((number(&store, COUNT).await, number(&store, COUNTED).await), (5, 5));
    });
}

#[test]
fn a_record_that_is_not_understood_goes_the_careful_way() {
    on_sqlite(|store: Store| async move {
        let broken = Err((RecordError::Version(200), vec![200]));
        let batch = prepared_with([Ok(record(row(AT_MS, 1, 1), None)), broken]);
        assert!(!direct(&store).await.write(SpoolId::nil(), &batch));
        assert_eq!(number(&store, COUNT).await, 0);
    });
}

#[test]
fn it_keeps_the_promises_of_the_pool_s_connection() {
    on_sqlite(|store: Store| async move {
        let (file, settings) = store.write_settings().await.expect("read").expect("a file");
        let connection = open(&file, &settings).expect("opens");
        let tx = store.write_tx().await.expect("a transaction");
        for pragma in ["foreign_keys", "busy_timeout", "journal_mode", "synchronous"] {
            let own: Stored = connection.pragma_query_value(None, pragma, |row| row.get(0)).expect("a value");
            let statement = Statement::from_string(DbBackend::Sqlite, format!("PRAGMA {pragma}"));
            let pooled = sea_orm::ConnectionTrait::query_one_raw(&tx, statement).await.expect("read").expect("a value");
            let pooled = match own {
                Stored::Integer(_) => Stored::Integer(pooled.try_get_by_index(0).expect("a number")),
                _ => Stored::Text(pooled.try_get_by_index(0).expect("a text")),
            };
            assert_eq!(own, pooled, "{pragma}");
        }
    });
}

#[test]
fn memory_and_files_opened_in_a_way_of_their_own_have_no_second_connection() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("a.db").display().to_string();
        for (url, expected) in [
            ("sqlite::memory:".to_owned(), false),
            (format!("sqlite://{file}?mode=rwc"), true),
            (format!("sqlite://{file}"), true),
            (format!("sqlite://{file}?mode=rw&cache=shared"), false),
        ] {
            let store = Store::connect(&url).await.expect("opens");
            assert_eq!(Direct::of(&store).await.expect("asked").is_some(), expected, "{url}");
            store.close().await.expect("closed");
        }
    });
}
