//! The short ways into the databases, beside the careful one.

use domain::Nanos;
use domain::ledger::{AttemptRow, CacheStatus, Cause, Outcome, Payload, Surface};
use domain::state::StateChange;
use domain::usage::UsageSource;
use sea_orm::{ConnectionTrait, Statement};

use super::{AT_MS, COUNT, COUNTED};
use crate::fixture::{self, execute, number, row};
use crate::spool::{Batch, Entry, Position, Record, RecordError, SpoolId};
use crate::testing::{db_test, on_postgres, on_sqlite};
use crate::writer::batch::{Prepared, write_carefully};
use crate::writer::direct::Direct;
use crate::writer::uses::Uses;
use crate::{Backend, Store, StoreError, token};

/// The short way into a store.
struct Way<'s> {
    store: &'s Store,
    direct: Direct,
}

impl<'s> Way<'s> {
    async fn into(store: &'s Store) -> Self {
        Self { store, direct: Direct::of(store).await.expect("connected").expect("a way") }
    }

    async fn write(&mut self, prepared: &Prepared) -> bool {
        self.direct.write(self.store, SpoolId::nil(), prepared).await.expect("it answers")
    }

    async fn write_rows(&mut self, numbers: impl IntoIterator<Item = u64>) -> bool {
        let rows = rows(self.store.backend(), numbers);
        self.write(&rows).await
    }
}

pub(in crate::writer) fn prepared(backend: Backend, records: impl IntoIterator<Item = Record>) -> Prepared {
    prepared_with(backend, records.into_iter().map(Ok))
}

fn prepared_with(
    backend: Backend,
    records: impl IntoIterator<Item = Result<Record, (RecordError, Vec<u8>)>>,
) -> Prepared {
    let entry = |(offset, record)| Entry { at: Position { segment: 1, offset }, record };
    let entries: Vec<_> = (10..).zip(records).map(entry).collect();
    let end = Position { segment: 1, offset: 10 + entries.len() as u64 };
    Prepared::new(backend, Batch { entries, end, full: false, damaged_bytes: 0 }, &Uses::default())
}

pub(in crate::writer) fn rows(backend: Backend, numbers: impl IntoIterator<Item = u64>) -> Prepared {
    prepared(backend, numbers.into_iter().map(|number| record(row(AT_MS, number, 1), None)))
}

pub(in crate::writer) fn record(row: AttemptRow, payload: Option<Payload>) -> Record {
    Record::Row(Box::new(row), payload)
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
        request: b"{\"a\":1}".as_slice().into(),
        response: vec![0, 255, 7].into(),
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

/// All that is in the tables which the writer fills, as the database tells it.
async fn contents(store: &Store) -> Vec<(&'static str, Vec<String>)> {
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
    let mut contents = Vec::new();
    for table in tables {
        let row = match store.backend() {
            Backend::Postgres => "CAST(t AS text)".to_owned(),
            // With its type, which is the value's own.
            Backend::Sqlite => {
                let sql = format!(
                    "SELECT group_concat('typeof(' || name || ') || quote(' || name || ')', ' || ') FROM pragma_table_info('{table}')"
                );
                text(store, &sql).await.remove(0)
            }
        };
        contents.push((table, text(store, &format!("SELECT {row} FROM {table} AS t ORDER BY 1")).await));
    }
    contents
}

async fn text(store: &Store, sql: &str) -> Vec<String> {
    let rows = store.read().query_all_raw(Statement::from_string(store.backend().into(), sql)).await.expect("it runs");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
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

/// Refuses rows with the path `/bad`.
async fn refuse(store: &Store) {
    let sql = match store.backend() {
        Backend::Sqlite => {
            "CREATE TRIGGER refuse BEFORE INSERT ON requests WHEN NEW.path = '/bad' BEGIN SELECT RAISE(ABORT, 'no'); END"
        }
        Backend::Postgres => "ALTER TABLE requests ADD CONSTRAINT refuse CHECK (path <> '/bad')",
    };
    execute(store, sql).await;
}

db_test! {
    async fn what_is_stored_is_the_same_either_way(store: Store) {
        create_token(&store).await;
        let backend = store.backend();
        assert!(Way::into(&store).await.write(&prepared(backend, odd_records())).await);
        let contents_here = contents(&store).await;
        for (table, rows) in &contents_here {
            assert!(!rows.is_empty(), "{table}");
        }
        let carefully = move |other: Store| async move {
            create_token(&other).await;
            let written = write_carefully(&other, SpoolId::nil(), &prepared(backend, odd_records())).await;
            assert_eq!(written.expect("written").rows, 4);
            for (here, there) in contents_here.iter().zip(contents(&other).await) {
                assert_eq!(*here, there);
            }
        };
        let other = std::thread::spawn(move || match backend {
            Backend::Sqlite => on_sqlite(carefully),
            Backend::Postgres => on_postgres(carefully),
        });
        other.join().expect("the same");
    }

    async fn rows_that_are_there_in_part_leave_no_trace(store: Store) {
        let mut way = Way::into(&store).await;
        assert!(way.write_rows(0..20).await);
        let before = contents(&store).await;
        for again in [(19..40).collect(), vec![50, 51, 50], vec![60, 19]] {
            assert!(!way.write_rows(again).await);
            assert_eq!(contents(&store).await, before);
        }
        write_carefully(&store, SpoolId::nil(), &rows(store.backend(), 10..40)).await.expect("written");
        assert!(way.write_rows(40..45).await, "it goes on");
        assert_eq!((number(&store, COUNT).await, number(&store, COUNTED).await), (45, 45));
    }

    async fn a_row_that_is_refused_leaves_no_trace_and_the_next_batch_is_written(store: Store) {
        refuse(&store).await;
        let mut way = Way::into(&store).await;
        let bad = record(AttemptRow { path: "/bad".to_owned(), ..row(AT_MS, 1_000, 1) }, None);
        let good = |number| record(row(AT_MS, number, 1), None);
        assert!(!way.write(&prepared(store.backend(), [good(1), bad, good(2)])).await);
        assert_eq!(number(&store, COUNT).await, 0);
        assert!(way.write_rows([1]).await);
        assert_eq!((number(&store, COUNT).await, number(&store, COUNTED).await), (1, 1));
    }

    async fn a_record_that_is_not_understood_goes_the_careful_way(store: Store) {
        let broken = Err((RecordError::Version(200), vec![200]));
        let batch = prepared_with(store.backend(), [Ok(record(row(AT_MS, 1, 1), None)), broken]);
        assert!(!Way::into(&store).await.write(&batch).await);
        assert_eq!(number(&store, COUNT).await, 0);
    }
}

#[test]
#[ignore = "needs TEST_POSTGRES_URL"]
fn a_database_that_is_away_is_not_asked_a_second_time() {
    on_postgres(|store: Store| async move {
        let other = store.reconnect().await.expect("it answers");
        other.close().await.expect("closed");
        let mut direct = Direct::of(&other).await.expect("known").expect("a way");
        let written = direct.write(&other, SpoolId::nil(), &rows(Backend::Postgres, 0..5)).await;
        assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
    });
}

#[test]
#[ignore = "needs TEST_POSTGRES_URL"]
fn a_connection_that_was_closed_meanwhile_is_replaced_without_a_word() {
    on_postgres(|store: Store| async move {
        let mut way = Way::into(&store).await;
        assert!(way.write_rows(0..3).await);
        let Direct::Postgres(direct) = &mut way.direct else { panic!("another database") };
        let open = direct.open.as_mut().expect("kept");
        let pid = sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()").fetch_one(&mut open.connection);
        let pid = pid.await.expect("a number");
        assert_eq!(text(&store, &format!("SELECT CAST(pg_terminate_backend({pid}) AS text)")).await, ["true"]);
        assert!(way.write_rows(3..5).await);
        assert_eq!(number(&store, COUNT).await, 5);
    });
}

#[test]
#[ignore = "needs TEST_POSTGRES_URL"]
fn a_batch_that_takes_the_server_too_long_goes_the_careful_way() {
    on_postgres(|store: Store| async move {
        let mut way = Way::into(&store).await;
        assert!(way.write_rows(0..3).await);
        let Direct::Postgres(direct) = &mut way.direct else { panic!("another database") };
        let open = direct.open.as_mut().expect("kept");
        sqlx::query("SET statement_timeout = 1").execute(&mut open.connection).await.expect("set");
        assert!(!way.write_rows(3..20_000).await);
        assert_eq!(number(&store, COUNT).await, 3);
        assert!(way.write_rows(3..5).await);
        assert_eq!(number(&store, COUNT).await, 5);
    });
}
