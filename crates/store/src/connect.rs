//! Connections: a pool to read from and, on SQLite, a single connection to write with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use migrations::Migrator;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbErr, Statement,
    TransactionTrait,
};
use sea_orm_migration::MigratorTrait;

use crate::{Backend, StoreError};

/// Longest wait for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time PostgreSQL spends on one statement.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);
/// A connection idle for longer is checked before it is used again: the server may have closed it.
const CHECK_AFTER_IDLE: Duration = Duration::from_secs(30);
/// Key of the advisory lock that keeps two processes from migrating one schema at once; any fixed number will do.
const MIGRATION_LOCK: i32 = 0x7765_6972;

/// A database. Cheap to clone; every clone shares the same connections.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    url: String,
    backend: Backend,
    read: DatabaseConnection,
    write: DatabaseConnection,
}

/// The URL may hold a password, so it is left out.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("backend", &self.inner.backend).finish_non_exhaustive()
    }
}

/// What a pool is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    Write,
    Migrate,
}

impl Store {
    /// Opens `sqlite://path?mode=rwc` or `postgres://…`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where nothing answers, [`StoreError::Other`] where the URL is of neither kind.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let backend = match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Backend::Sqlite,
            Some("postgres" | "postgresql") => Backend::Postgres,
            _ => return Err(StoreError::Other("the URL must begin with sqlite: or postgres:".to_owned())),
        };
        // The writing side first: on SQLite it creates the file and turns on WAL, which a reader may not.
        let write = open(url, backend, Purpose::Write).await?;
        let read = match backend {
            Backend::Sqlite => open(url, backend, Purpose::Read).await?,
            Backend::Postgres => write.clone(),
        };
        Ok(Self { inner: Arc::new(Inner { url: url.to_owned(), backend, read, write }) })
    }

    /// The same database through connections of its own, for a thread with a runtime of its own: a pooled connection
    /// belongs to the runtime that opened it.
    ///
    /// # Errors
    /// As [`Store::connect`].
    pub async fn reconnect(&self) -> Result<Self, StoreError> {
        Self::connect(&self.inner.url).await
    }

    /// Applies the migrations that are missing; several processes may do so at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where nothing answers, [`StoreError::Other`] where a migration fails; it then left no trace.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let db = open(&self.inner.url, self.inner.backend, Purpose::Migrate).await?;
        let result = match self.inner.backend {
            Backend::Sqlite => Migrator::up(&db, None).await,
            Backend::Postgres => migrate_locked(&db).await,
        };
        db.close().await?;
        Ok(result?)
    }

    /// Connections for statements that only read; on SQLite they refuse to write.
    #[must_use]
    pub fn read(&self) -> &DatabaseConnection {
        &self.inner.read
    }

    /// Begins a transaction that may read and write. It holds SQLite's only write lock: do nothing slow inside.
    /// Dropped without `commit`, it is rolled back.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where no connection or lock is to be had in time.
    pub async fn write_tx(&self) -> Result<DatabaseTransaction, StoreError> {
        Ok(self.begin_write().await?)
    }

    /// As [`Store::write_tx`], with the database's own error.
    pub(crate) async fn begin_write(&self) -> Result<DatabaseTransaction, DbErr> {
        self.inner.write.begin_with_options(self.inner.backend.write_options()).await
    }

    /// Which database this is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.inner.backend
    }

    /// Whether the database answers at the moment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.inner.read.ping().await?)
    }

    /// Closes every connection; other clones stop working too.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where a connection does not end well.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.inner.write.clone().close().await?;
        Ok(self.inner.read.clone().close().await?)
    }
}

async fn open(url: &str, backend: Backend, purpose: Purpose) -> Result<DatabaseConnection, StoreError> {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).acquire_timeout(ACQUIRE_TIMEOUT).record_stmt_in_spans(false);
    match backend {
        Backend::Sqlite => {
            // No life limit: a connection closed last would checkpoint and delete the WAL again and again.
            options.max_connections(if purpose == Purpose::Read { 6 } else { 1 }).min_connections(1);
            options.map_sqlx_sqlite_opts(move |sqlite| {
                let sqlite = sqlite
                    .foreign_keys(true)
                    .pragma("busy_timeout", "5000")
                    .pragma("journal_mode", "WAL")
                    .pragma("synchronous", "NORMAL");
                if purpose == Purpose::Read { sqlite.pragma("query_only", "ON") } else { sqlite }
            });
        }
        Backend::Postgres => {
            options.max_connections(if purpose == Purpose::Migrate { 2 } else { 16 });
            options.test_before_acquire(false).test_before_acquire_if_idle_for(CHECK_AFTER_IDLE);
            options.set_application_name("weir");
            if purpose != Purpose::Migrate {
                options.statement_timeout(STATEMENT_TIMEOUT);
            }
        }
    }
    Ok(Database::connect(options).await?)
}

/// PostgreSQL's catalogue refuses two processes that create the same table at once. The lock lives as long as the
/// transaction that took it, so a process that dies lets go of it.
async fn migrate_locked(db: &DatabaseConnection) -> Result<(), sea_orm::DbErr> {
    let lock = db.begin_with_options(Backend::Postgres.write_options()).await?;
    lock.execute_raw(Statement::from_sql_and_values(
        lock.get_database_backend(),
        "SELECT pg_advisory_xact_lock($1, hashtext(current_schema()))",
        [MIGRATION_LOCK.into()],
    ))
    .await?;
    Migrator::up(db, None).await?;
    lock.commit().await
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait;

    use crate::{Store, StoreError, testing::db_test};

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

    #[tokio::test]
    async fn a_url_of_another_database_is_refused_without_repeating_it() {
        let error = Store::connect("mysql://root:hunter2@localhost/x").await.expect_err("refused");
        assert!(matches!(error, StoreError::Other(_)));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
