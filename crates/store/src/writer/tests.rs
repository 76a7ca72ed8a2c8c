pub(super) mod ways;

use std::path::Path;

use domain::ledger::{AttemptRow, Payload};

use super::batch::{self, Prepared};
use super::direct::Direct;
use super::uses::Uses;
use super::*;
use crate::Backend;
use crate::fixture::{EAGER, PATIENCE, execute, number, row, write};
use crate::spool::{Spool, SpoolOptions};
use crate::testing::db_test;

const AT_MS: i64 = 1_763_800_000_000;
const COUNT: &str = "SELECT COUNT(*) FROM requests";
const COUNTED: &str = "SELECT CAST(SUM(requests) AS bigint) FROM rollup_minute";

fn open(dir: &Path) -> (SpoolAppender, SpoolReader) {
    let options = SpoolOptions { segment_bytes: 4_000, ..SpoolOptions::default() };
    Spool::open(dir, options).expect("the spool opens")
}

fn rows(count: u64) -> Vec<AttemptRow> {
    (0..count).map(|number| row(AT_MS, number, 1)).collect()
}

fn append(appender: &SpoolAppender, rows: &[AttemptRow]) {
    rows.iter().for_each(|row| appender.append(row, None).expect("stored"));
}

#[test]
fn a_writer_that_panics_has_no_pulse() {
    let shared = Arc::new(Shared::default());
    let (pulse, alive) = (WriterPulse(Arc::clone(&shared)), Alive(shared));
    assert!(pulse.is_alive());
    let thread = std::thread::spawn(move || {
        let _alive = alive;
        std::panic::resume_unwind(Box::new("as a bug would"));
    });
    assert!(thread.join().is_err());
    assert!(!pulse.is_alive());
}

db_test! {
    async fn everything_appended_is_in_the_database_once_it_is_drained(store: Store) {
        let payload = Payload { request: b"{\"a\":1}".as_slice().into(), ..Payload::default() };
        write(&store, &rows(1_203), Some(&payload)).await;
        assert_eq!(number(&store, COUNT).await, 1_203);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM request_bodies").await, 1_203);
        for table in ["rollup_minute", "rollup_hour", "rollup_day"] {
            let sql = format!("SELECT CAST(SUM(requests) AS bigint) FROM {table}");
            assert_eq!(number(&store, &sql).await, 1_203, "{table}");
        }
    }

    async fn a_token_s_last_use_is_in_the_ledger_s_own_transaction(store: Store) {
        execute(&store, "INSERT INTO teams (id, slug, name, created_at) VALUES (1, 'acme', 'Acme', CURRENT_TIMESTAMP)").await;
        let tx = store.write_tx().await.expect("a transaction");
        let scope = crate::token::Scope { name: "app", restrictions: &Default::default(), expires_at: None };
        let now = chrono::DateTime::from_timestamp_millis(AT_MS).expect("a moment");
        let token = crate::token::create(&tx, domain::TeamId(1), [1; 32], "…".into(), &scope, now).await.expect("created");
        tx.commit().await.expect("committed");
        let row = AttemptRow { token_id: Some(domain::TokenId(token.id)), ..row(AT_MS + 7, 1, 1) };
        write(&store, &[row], None).await;
        let rows = crate::token::list(store.read(), domain::TeamId(1)).await.expect("listed");
        assert_eq!(rows[0].last_used_at.map(|at| at.timestamp_millis()), Some(AT_MS + 7));
    }

    async fn a_crash_after_any_commit_counts_nothing_twice(store: Store) {
        let dir = tempfile::tempdir().expect("a directory");
        let all = rows(60);
        for (crash, some) in all.chunks(10).enumerate() {
            let mut direct = Direct::of(&store).await.expect("a file or none");
            let (appender, mut reader) = open(dir.path());
            append(&appender, some);
            // A writer that dies right after its commit, before it deletes or remembers anything.
            let remembered = batch::position(&store, reader.id()).await.expect("a position");
            let from = reader.begin(remembered).expect("readable");
            let batch = reader.read(from, 1 + crash * 3).expect("readable");
            batch::write(&store, direct.as_mut(), reader.id(), &Prepared::new(store.backend(), batch, &Uses::default())).await.expect("written");
        }
        let (appender, reader) = open(dir.path());
        let writer = LedgerWriter::start(&store, reader, EAGER).expect("starts");
        assert!(writer.drained(PATIENCE).await);
        assert_eq!(appender.backlog_bytes(), 0);
        writer.stop().await;
        assert_eq!((number(&store, COUNT).await, number(&store, COUNTED).await), (60, 60));
    }

    async fn rows_read_again_after_the_position_was_lost_are_not_counted_again(store: Store) {
        let dir = tempfile::tempdir().expect("a directory");
        let (appender, mut reader) = open(dir.path());
        append(&appender, &rows(25));
        append(&appender, &rows(5));
        let from = reader.begin(None).expect("readable");
        let mut direct = Direct::of(&store).await.expect("a file or none");
        for _ in 0..3 {
            let mut at = from;
            loop {
                let batch = reader.read(at, 12).expect("readable");
                if batch.end == at {
                    break;
                }
                at = batch.end;
                batch::write(&store, direct.as_mut(), reader.id(), &Prepared::new(store.backend(), batch, &Uses::default())).await.expect("written");
            }
            execute(&store, "DELETE FROM spool_positions").await;
        }
        assert_eq!((number(&store, COUNT).await, number(&store, COUNTED).await), (25, 25));
    }

    async fn what_two_processes_write_under_one_key_is_counted_once(store: Store) {
        let first = AttemptRow { last: false, ..row(AT_MS, 7, 1) };
        let second = AttemptRow { path: "/v1/responses/resp_1".to_owned(), duration_us: 9, ..first.clone() };
        // Each has a spool of its own.
        write(&store, std::slice::from_ref(&first), None).await;
        write(&store, &[second], None).await;
        assert_eq!(number(&store, COUNT).await, 1);
        let cost = number(&store, "SELECT CAST(SUM(cost_nanos) AS bigint) FROM rollup_minute").await;
        assert_eq!(Some(cost), first.cost.map(|cost| cost.0));
    }

    async fn a_row_the_database_refuses_is_set_aside_alone(store: Store) {
        let refuse = match store.backend() {
            Backend::Sqlite => {
                "CREATE TRIGGER refuse BEFORE INSERT ON requests WHEN NEW.path = '/bad' BEGIN SELECT RAISE(ABORT, 'no'); END"
            }
            Backend::Postgres => "ALTER TABLE requests ADD CONSTRAINT refuse CHECK (path <> '/bad')",
        };
        execute(&store, refuse).await;
        let mut rows = rows(40);
        rows[13].path = "/bad".to_owned();
        write(&store, &rows, None).await;
        assert_eq!((number(&store, COUNT).await, number(&store, COUNTED).await), (39, 39));
        assert_eq!(number(&store, "SELECT COUNT(*) FROM dead_letters WHERE bytes = 512 + LENGTH(record) AND at_ms > 0").await, 1);
    }

    async fn a_record_nobody_understands_is_set_aside_alone(store: Store) {
        let dir = tempfile::tempdir().expect("a directory");
        let (appender, reader) = open(dir.path());
        append(&appender, &rows(1));
        appender.append_bytes(&[200, 1, 2, 3]).expect("stored");
        appender.append(&row(AT_MS, 9, 1), None).expect("stored");
        let writer = LedgerWriter::start(&store, reader, EAGER).expect("starts");
        assert!(writer.drained(PATIENCE).await);
        let status = writer.status();
        assert_eq!((status.rows_written, status.dead_letters), (2, 1));
        assert_eq!(number(&store, "SELECT COUNT(*) FROM dead_letters").await, 1);
    }

    async fn text_and_figures_no_database_takes_are_made_fit(store: Store) {
        let mut odd = row(AT_MS, 1, 1);
        odd.model = Some("gpt\0-4".to_owned());
        odd.usage.input = u64::MAX;
        odd.cost = Some(domain::Nanos(i64::MAX));
        let mut rows = vec![odd.clone(), odd];
        rows[1].attempt = 2;
        write(&store, &rows, None).await;
        assert_eq!(number(&store, COUNT).await, 2);
        assert_eq!(number(&store, "SELECT input_tokens FROM rollup_day").await, 2_000_000_000_000);
    }

    async fn nothing_is_lost_while_the_database_is_locked(store: Store) {
        let dir = tempfile::tempdir().expect("a directory");
        let (appender, reader) = open(dir.path());
        let lock = store.write_tx().await.expect("a transaction");
        if store.backend() == Backend::Postgres {
            use sea_orm::ConnectionTrait;
            lock.execute_unprepared("LOCK TABLE requests IN ACCESS EXCLUSIVE MODE").await.expect("locked");
        }
        let writer = LedgerWriter::start(&store, reader, EAGER).expect("starts");
        append(&appender, &rows(300));
        assert!(!writer.drained(Duration::from_millis(200)).await);
        lock.rollback().await.expect("rolled back");
        assert!(writer.drained(PATIENCE).await, "{:?}", writer.status());
        assert_eq!((number(&store, COUNT).await, number(&store, COUNTED).await), (300, 300));
    }

    async fn a_failing_database_is_tried_again_until_it_works(store: Store) {
        let dir = tempfile::tempdir().expect("a directory");
        let (appender, reader) = open(dir.path());
        execute(&store, "ALTER TABLE rollup_hour RENAME TO away").await;
        let writer = LedgerWriter::start(&store, reader, EAGER).expect("starts");
        append(&appender, &rows(30));
        while writer.status().last_error.is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(number(&store, COUNT).await, 0, "a batch is written whole or not at all");
        execute(&store, "ALTER TABLE away RENAME TO rollup_hour").await;
        assert!(writer.drained(PATIENCE).await);
        assert_eq!(writer.status().last_error, None);
        assert_eq!((number(&store, COUNT).await, number(&store, COUNTED).await), (30, 30));
    }

    async fn halting_leaves_the_rest_to_the_next_start(store: Store) {
        let dir = tempfile::tempdir().expect("a directory");
        let (appender, reader) = open(dir.path());
        append(&appender, &rows(3_000));
        let one_by_one = WriterOptions { batch_rows: 1, ..EAGER };
        let writer = LedgerWriter::start(&store, reader, one_by_one).expect("starts");
        let pulse = writer.pulse();
        writer.halt().await;
        pulse.ended().await;
        assert!(number(&store, COUNT).await < 3_000);
        drop(appender);
        let (_appender, reader) = open(dir.path());
        LedgerWriter::start(&store, reader, EAGER).expect("starts").stop().await;
        assert_eq!((number(&store, COUNT).await, number(&store, COUNTED).await), (3_000, 3_000));
    }

    async fn whoever_waits_for_rows_ends_the_writer_s_pause(store: Store) {
        let dir = tempfile::tempdir().expect("a directory");
        let (appender, reader) = open(dir.path());
        let slow = WriterOptions { pause: Duration::from_secs(3_600), ..EAGER };
        let writer = LedgerWriter::start(&store, reader, slow).expect("starts");
        for some in rows(30).chunks(10) {
            append(&appender, some);
            assert!(writer.drained(PATIENCE).await, "{:?}", writer.status());
        }
        assert_eq!(number(&store, COUNT).await, 30);
        writer.stop().await;
    }

    async fn kept_state_does_not_wait_for_the_pause_s_end(store: Store) {
        let dir = tempfile::tempdir().expect("a directory");
        let (appender, reader) = open(dir.path());
        let slow = WriterOptions { pause: Duration::from_secs(3_600), ..EAGER };
        let writer = LedgerWriter::start(&store, reader, slow).expect("starts");
        append(&appender, &rows(1));
        assert!(writer.drained(PATIENCE).await, "{:?}", writer.status());
        appender.append_state(&crate::fixture::state_changes()[0]).expect("stored");
        let kept = async { while number(&store, "SELECT COUNT(*) FROM responses").await < 1 { tokio::task::yield_now().await } };
        assert!(tokio::time::timeout(PATIENCE, kept).await.is_ok(), "{:?}", writer.status());
        writer.stop().await;
    }

    async fn a_backlog_is_written_without_a_pause(store: Store) {
        let dir = tempfile::tempdir().expect("a directory");
        let (appender, reader) = open(dir.path());
        append(&appender, &rows(450));
        let slow = WriterOptions { pause: Duration::from_secs(3_600), ..EAGER };
        let writer = LedgerWriter::start(&store, reader, slow).expect("starts");
        let all = async { while number(&store, COUNT).await < 450 { tokio::task::yield_now().await } };
        assert!(tokio::time::timeout(PATIENCE, all).await.is_ok(), "{:?}", writer.status());
        writer.stop().await;
    }

    async fn stopping_writes_what_is_there(store: Store) {
        let dir = tempfile::tempdir().expect("a directory");
        let (appender, reader) = open(dir.path());
        append(&appender, &rows(450));
        let writer = LedgerWriter::start(&store, reader, EAGER).expect("starts");
        let pulse = writer.pulse();
        assert!(pulse.is_alive());
        writer.stop().await;
        assert!(!pulse.is_alive());
        assert_eq!(number(&store, COUNT).await, 450);
        assert!(Spool::open(dir.path(), SpoolOptions::default()).is_err(), "the appender still holds the spool");
        drop(appender);
        Spool::open(dir.path(), SpoolOptions::default()).expect("nobody holds it");
    }
}
