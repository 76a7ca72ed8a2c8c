use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::future::join_all;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::fixture::{self, EAGER, PATIENCE as SETTLED, number};
use crate::spool::{Spool, SpoolOptions};
use crate::testing::db_test;
use crate::writer::LedgerWriter;

db_test! {
    async fn an_uncommitted_transaction_leaves_nothing(store: Store) {
        let tx = store.write_tx().await.expect("a transaction");
        tx.execute_unprepared("CREATE TABLE scratch (id bigint PRIMARY KEY)").await.expect("create");
        drop(tx);
        let gone = store.read().execute_unprepared("SELECT id FROM scratch").await;
        assert!(gone.is_err());
    }

    async fn migrating_twice_at_once_is_harmless(store: Store) {
        let (first, second) = tokio::join!(store.migrate(), store.migrate());
        first.and(second).expect("both pass");
    }
}

#[test]
fn a_reader_of_sqlite_cannot_write() {
    crate::testing::on_sqlite(|store: Store| async move {
        let refused = store.read().execute_unprepared("CREATE TABLE scratch (id bigint)").await;
        assert!(refused.is_err());
    });
}

#[test]
fn what_is_committed_after_sqlite_undid_a_transaction_by_itself_is_there() {
    crate::testing::on_sqlite(|store: Store| async move {
        fixture::execute(&store, "CREATE TABLE scratch (id bigint)").await;
        // As an I/O error or a full disk does.
        let undo =
            "CREATE TRIGGER undo BEFORE INSERT ON scratch WHEN NEW.id < 0 BEGIN SELECT RAISE(ROLLBACK, 'no'); END";
        fixture::execute(&store, undo).await;
        for wrong in ["INSERT INTO scratch VALUES (-1)", "INSERT INTO nowhere VALUES (1)"] {
            let tx = store.write_tx().await.expect("a transaction");
            tx.execute_unprepared(wrong).await.expect_err("refused");
        }
        for id in 1..=3 {
            fixture::execute(&store, &format!("INSERT INTO scratch VALUES ({id})")).await;
            assert_eq!(number(&store, "SELECT COUNT(*) FROM scratch").await, id, "others see it");
        }
    });
}

/// A writer that asks again the moment it has committed, as the ledger's does while it catches up.
async fn greedy(store: &Store, commits: &AtomicU64, stop: &AtomicBool) {
    let insert = "INSERT INTO scratch SELECT value FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 \
                  FROM n WHERE value < 4000) SELECT value FROM n)";
    while !stop.load(Ordering::Relaxed) {
        let tx = store.write_tx().await.expect("its turn");
        tx.execute_unprepared(insert).await.expect("inserted");
        tx.commit().await.expect("committed");
        commits.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn on_sqlite_a_busy_writer_keeps_nobody_from_writing() {
    crate::testing::on_sqlite(|store: Store| async move {
        store.read().query_all_raw(statement("SELECT 1")).await.expect("it reads");
        fixture::execute(&store, "CREATE TABLE scratch (id bigint)").await;
        let (commits, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (busy, counted, told) = (store.clone(), Arc::clone(&commits), Arc::clone(&stop));
        // On a thread with connections of its own, as the ledger writer.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let own = busy.reconnect().await.expect("connections of its own");
                greedy(&own, &counted, &told).await;
                own.close().await.expect("closed");
            });
        });
        while commits.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..20 {
            let before = commits.load(Ordering::Relaxed);
            let tx = store.write_tx().await.expect("its turn comes");
            let waited = commits.load(Ordering::Relaxed) - before;
            tx.commit().await.expect("committed");
            assert!(waited <= 2, "{waited} others were let past");
        }
        stop.store(true, Ordering::Relaxed);
        thread.join().expect("the busy writer ended well");
    });
}

#[test]
fn a_sqlite_file_belongs_to_one_server_by_whatever_name() {
    crate::testing::on_sqlite(|store: Store| async move {
        let claim = store.claim().await.expect("nobody has it");
        let again = store.reconnect().await.expect("other commands may open it");
        assert!(matches!(again.claim().await, Err(StoreError::InUse)));
        let row = store.read().query_one_raw(statement("SELECT file FROM pragma_database_list")).await.expect("read");
        let file: String = row.expect("a row").try_get_by_index(0).expect("a name");
        let alias = std::path::Path::new(&file).with_file_name("alias.db");
        std::os::unix::fs::symlink(&file, &alias).expect("linked");
        let other = Store::connect(&format!("sqlite://{}", alias.display())).await.expect("opens");
        assert!(matches!(other.claim().await, Err(StoreError::InUse)));
        drop(claim);
        other.claim().await.expect("it is free again");
    });
}

#[test]
#[ignore = "needs TEST_POSTGRES_URL"]
fn a_postgres_database_is_shared() {
    crate::testing::on_postgres(|store: Store| async move {
        let _claim = store.claim().await.expect("claimed");
        store.claim().await.expect("claimed too");
    });
}

fn statement(sql: &str) -> Statement {
    Statement::from_string(sea_orm::DbBackend::Sqlite, sql)
}

#[tokio::test]
async fn a_url_of_another_database_is_refused_without_repeating_it() {
    let error = Store::connect("mysql://root:hunter2@localhost/x").await.expect_err("refused");
    assert!(matches!(error, StoreError::Other(_)));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

/// A way to a database on which connections can fall silent: nothing passes any more, and nothing says so.
struct Network {
    url: String,
    /// Connections numbered lower are silent.
    silent: Arc<AtomicU64>,
    opened: Arc<AtomicU64>,
}

impl Network {
    async fn to(store: &Store) -> Self {
        let url = &store.inner.url;
        let begin = url.find('@').map_or_else(|| url.find("://").expect("a scheme") + 3, |at| at + 1);
        let end = url[begin..].find(['/', '?']).map_or(url.len(), |length| begin + length);
        let there = url[begin..end].to_owned();
        let there = if there.contains(':') { there } else { there + ":5432" };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = listener.local_addr().expect("an address");
        let url = format!("{}{here}{}", &url[..begin], &url[end..]);
        let network = Self { url, silent: Arc::default(), opened: Arc::default() };
        let (silent, opened) = (Arc::clone(&network.silent), Arc::clone(&network.opened));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let number = opened.fetch_add(1, Ordering::SeqCst);
                let far = TcpStream::connect(&there).await.expect("PostgreSQL answers");
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(pass(near_in, far_out, number, Arc::clone(&silent)));
                tokio::spawn(pass(far_in, near_out, number, Arc::clone(&silent)));
            }
        });
        network
    }

    /// As after a failover to another machine: what is connected hears nothing any more, new connections work.
    fn fall_silent(&self) {
        self.silent.store(self.opened.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    async fn open(&self) -> Store {
        let patience = Patience { answer: Duration::from_millis(300), rest: Duration::from_millis(50) };
        Store::open(&self.url, (Backend::Postgres, Durability::Process), None, patience).await.expect("it answers")
    }
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, number: u64, silent: Arc<AtomicU64>) {
    let mut bytes = vec![0; 4096];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        if number < silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

#[test]
#[ignore = "needs TEST_POSTGRES_URL"]
fn connections_that_fell_silent_are_replaced_by_new_ones() {
    crate::testing::on_postgres(|store: Store| async move {
        let network = Network::to(&store).await;
        let far = network.open().await;
        let ask = |sql: &'static str| {
            let statement = Statement::from_string(Backend::Postgres.into(), sql);
            far.read().query_all_raw(statement)
        };
        // As many connections as the pool may have.
        join_all((0..16).map(|_| ask("SELECT pg_sleep(0.05)")))
            .await
            .into_iter()
            .for_each(|slept| drop(slept.expect("slept")));
        assert_eq!(network.opened.load(Ordering::SeqCst), 16);
        network.fall_silent();
        let hung = tokio::time::timeout(Duration::from_secs(20), join_all((0..16).map(|_| ask("SELECT 1")))).await;
        // One that was on its way back to the pool has been replaced already.
        let lost = hung.expect("patience ends").into_iter().filter_map(Result::err).map(StoreError::from);
        lost.for_each(|error| assert!(error.is_transient(), "{error}"));
        let healed = async { while ask("SELECT 1").await.is_err() {} };
        tokio::time::timeout(Duration::from_secs(20), healed)
            .await
            .expect("the places of the silent ones are free again");
        far.close().await.expect("closed");
    });
}

#[test]
#[ignore = "needs TEST_POSTGRES_URL"]
fn the_ledger_writer_goes_on_after_its_connection_fell_silent() {
    crate::testing::on_postgres(|store: Store| async move {
        let network = Network::to(&store).await;
        let far = network.open().await;
        let directory = tempfile::tempdir().expect("a directory");
        let (appender, reader) = Spool::open(directory.path(), SpoolOptions::default()).expect("the spool opens");
        let writer = LedgerWriter::start(&far, reader, EAGER).expect("the writer starts");
        for round in 1..=3u64 {
            for row in 0..100 {
                appender.append(&fixture::row(1_763_800_000_000, round * 1_000 + row, 1), None).expect("stored");
            }
            assert!(writer.drained(SETTLED).await, "{:?}", writer.status());
            network.fall_silent();
        }
        writer.stop().await;
        for sql in ["SELECT COUNT(*) FROM requests", "SELECT CAST(SUM(requests) AS bigint) FROM rollup_day"] {
            assert_eq!(number(&store, sql).await, 300);
        }
    });
}
