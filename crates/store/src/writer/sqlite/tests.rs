use domain::ledger::AttemptRow;
use rusqlite::types::Value as Stored;

use super::*;
use crate::fixture::{execute, number, row};
use crate::testing::on_sqlite;
use crate::writer::tests::ways::{prepared, record, rows};

const AT_MS: i64 = 1_763_800_000_000;
const COUNT: &str = "SELECT COUNT(*) FROM requests";
const COUNTED: &str = "SELECT CAST(SUM(requests) AS bigint) FROM rollup_minute";

async fn direct(store: &Store) -> Direct {
    Direct::of(store).await.expect("connected").expect("a file")
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
            assert!(
                !direct.write(SpoolId::nil(), &prepared(Backend::Sqlite, [good(index), record(bad, None), good(900)])),
                "{how}"
            );
            assert_eq!(number(&store, COUNT).await, index as i64);
            assert!(direct.write(SpoolId::nil(), &rows(Backend::Sqlite, [index])), "{how}");
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
        assert!(!direct.write(SpoolId::nil(), &rows(Backend::Sqlite, 0..5)));
        other.execute_batch("COMMIT").expect("it is done");
        assert!(direct.write(SpoolId::nil(), &rows(Backend::Sqlite, 0..5)));
        assert_eq!((number(&store, COUNT).await, number(&store, COUNTED).await), (5, 5));
    });
}

#[test]
fn it_keeps_the_promises_of_the_pool_s_connection() {
    on_sqlite(|store: Store| async move {
        let (file, settings) = store.write_settings().await.expect("read").expect("a file");
        let connection = open(&file, &settings).expect("opens");
        let tx = store.write_tx().await.expect("a transaction");
        for pragma in ["foreign_keys", "busy_timeout", "journal_mode", "synchronous", "wal_autocheckpoint"] {
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
