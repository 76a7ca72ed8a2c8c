//! Connections: a pool to read from and, on SQLite, a single connection to write with.
//!
//! SQLite has one write lock and hands it over by polling: whoever asks again at once after a commit gets it every time, and
//! the others wait until they give up. So those that write in this process queue here first, in order of arrival.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Duration;

use migrations::Migrator;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, Statement, TransactionTrait};
use sea_orm_migration::MigratorTrait;
use sqlx::{Connection, PgPool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connection::{Reader, WriteTx, no_turn};
use crate::{Backend, StoreError};

/// Longest wait for a free connection, or for the turn to write.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time PostgreSQL spends on one statement.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long we wait for what PostgreSQL says, at most.
const PATIENCE: Patience = Patience { answer: Duration::from_secs(20), rest: Duration::from_secs(5) };
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
    durability: Durability,
    read: Reader,
    write: DatabaseConnection,
    /// On SQLite, whose turn it is to write; shared by every store of this process that came from one.
    turn: Option<Arc<Semaphore>>,
    patience: Patience,
}

/// Limits of our own on what a server far away takes.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// For a statement, a commit, a free connection included.
    pub(crate) answer: Duration,
    /// For a connection that comes back, perhaps from the middle of something, to come to rest.
    pub(crate) rest: Duration,
}

impl Patience {
    /// With an answer; SQLite is in this process and has limits of its own.
    fn with(self, backend: Backend) -> Option<Duration> {
        (backend == Backend::Postgres).then_some(self.answer)
    }
}

/// A database that belongs to one server as long as this lives; the operating system lets go of it when the process ends,
/// however it ends.
#[derive(Debug)]
pub struct Claim {
    _lock: Option<File>,
}

/// The URL may hold a password, so it is left out.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("backend", &self.inner.backend).finish_non_exhaustive()
    }
}

/// What a transaction that was committed outlives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process. SQLite may lose the last transactions when power fails.
    #[default]
    Process,
    /// A power failure too.
    Power,
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
        Self::connect_with(url, Durability::default()).await
    }

    /// The same, with what a commit promises. PostgreSQL promises what its own settings say.
    ///
    /// # Errors
    /// As [`Store::connect`].
    pub async fn connect_with(url: &str, durability: Durability) -> Result<Self, StoreError> {
        let backend = match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Backend::Sqlite,
            Some("postgres" | "postgresql") => Backend::Postgres,
            _ => return Err(StoreError::Other("the URL must begin with sqlite: or postgres:".to_owned())),
        };
        let turn = (backend == Backend::Sqlite).then(|| Arc::new(Semaphore::new(1)));
        Self::open(url, (backend, durability), turn, PATIENCE).await
    }

    async fn open(
        url: &str,
        (backend, durability): (Backend, Durability),
        turn: Option<Arc<Semaphore>>,
        patience: Patience,
    ) -> Result<Self, StoreError> {
        let kind = (backend, durability);
        // The writing side first: on SQLite it creates the file and turns on WAL, which a reader may not.
        let write = open(url, kind, Purpose::Write, patience).await?;
        let read = match backend {
            Backend::Sqlite => open(url, kind, Purpose::Read, patience).await?,
            Backend::Postgres => write.clone(),
        };
        let read = Reader::new(read, patience.with(backend));
        Ok(Self { inner: Arc::new(Inner { url: url.to_owned(), backend, durability, read, write, turn, patience }) })
    }

    /// The same database through connections of its own, for a thread with a runtime of its own: a pooled connection
    /// belongs to the runtime that opened it. Both queue for their turn to write in one line.
    ///
    /// # Errors
    /// As [`Store::connect`].
    pub async fn reconnect(&self) -> Result<Self, StoreError> {
        let Inner { url, backend, durability, turn, patience, .. } = &*self.inner;
        Self::open(url, (*backend, *durability), turn.clone(), *patience).await
    }

    /// Applies the migrations that are missing; several processes may do so at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where nothing answers, [`StoreError::Other`] where a migration fails; it then left no trace.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let Inner { url, backend, durability, patience, .. } = &*self.inner;
        let db = open(url, (*backend, *durability), Purpose::Migrate, *patience).await?;
        let result = match self.inner.backend {
            Backend::Sqlite => Migrator::up(&db, None).await,
            Backend::Postgres => migrate_locked(&db).await,
        };
        db.close().await?;
        Ok(result?)
    }

    /// Takes a SQLite file for this process, as a server must: two would not know of each other's changes and cached keys, and
    /// would keep each other from writing. Other commands work beside it. A PostgreSQL database may be shared.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another server has it, [`StoreError::Other`] where the lock beside it cannot be made.
    pub async fn claim(&self) -> Result<Claim, StoreError> {
        let Some(file) = self.file().await? else { return Ok(Claim { _lock: None }) };
        let path = format!("{file}.lock");
        let failed = |error: std::io::Error| StoreError::Other(format!("{path}: {error}"));
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Claim { _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// SQLite's file; none in memory and on PostgreSQL.
    async fn file(&self) -> Result<Option<String>, StoreError> {
        if self.inner.backend == Backend::Postgres {
            return Ok(None);
        }
        let files = self.read().query_all_raw(Statement::from_string(
            self.inner.backend.into(),
            "SELECT file FROM pragma_database_list WHERE name = 'main'",
        ));
        let file: Option<String> = files.await?.first().map(|row| row.try_get_by_index(0)).transpose()?;
        Ok(file.filter(|file| !file.is_empty()))
    }

    /// SQLite's file and the settings of a connection that writes to it; none in memory, on PostgreSQL, and where the URL asks for
    /// a file to be opened in a way of its own.
    pub(crate) async fn write_settings(&self) -> Result<Option<(String, Settings)>, StoreError> {
        let Inner { url, durability, .. } = &*self.inner;
        let usual = url.split_once('?').is_none_or(|(_, query)| query.split('&').all(|pair| pair.starts_with("mode=")));
        let file = if usual { self.file().await? } else { None };
        Ok(file.map(|file| (file, settings(*durability))))
    }

    /// PostgreSQL's pool, and how long its answers may take; nothing on SQLite.
    pub(crate) fn postgres(&self) -> Option<(&PgPool, Patience)> {
        let Inner { backend, write, patience, .. } = &*self.inner;
        (*backend == Backend::Postgres).then(|| (write.get_postgres_connection_pool(), *patience))
    }

    /// Connections for statements that only read; on SQLite they refuse to write.
    #[must_use]
    pub fn read(&self) -> &Reader {
        &self.inner.read
    }

    /// Begins a transaction that sees the database as it is at its first statement, whatever others commit meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where no connection is to be had in time.
    pub async fn snapshot(&self) -> Result<WriteTx, StoreError> {
        let Inner { backend, read, patience, .. } = &*self.inner;
        Ok(WriteTx::begin(read.pool(), backend.snapshot_options(), patience.with(*backend), None).await?)
    }

    /// Begins a transaction that may read and write. It holds SQLite's only write lock: do nothing slow inside.
    /// Dropped without `commit`, it is rolled back.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where no connection or lock is to be had in time.
    pub async fn write_tx(&self) -> Result<WriteTx, StoreError> {
        Ok(self.begin_write().await?)
    }

    /// As [`Store::write_tx`], with the database's own error.
    pub(crate) async fn begin_write(&self) -> Result<WriteTx, DbErr> {
        let Inner { backend, write, patience, .. } = &*self.inner;
        let turn = self.turn().await?;
        WriteTx::begin(write, backend.write_options(), patience.with(*backend), turn).await
    }

    /// Waits until it is our turn to write, where there is a line.
    pub(crate) async fn turn(&self) -> Result<Option<OwnedSemaphorePermit>, DbErr> {
        let Some(turn) = &self.inner.turn else { return Ok(None) };
        let turn = tokio::time::timeout(ACQUIRE_TIMEOUT, Arc::clone(turn).acquire_owned()).await;
        // The line is never closed, so an error is a wait that took too long.
        turn.ok().and_then(Result::ok).map(Some).ok_or_else(no_turn)
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
        Ok(self.inner.read.pool().ping().await?)
    }

    /// Closes every connection; other clones stop working too. One to PostgreSQL that says nothing any more is not waited
    /// for: what was committed is there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where a connection does not end well.
    pub async fn close(&self) -> Result<(), StoreError> {
        let close = async {
            self.inner.write.clone().close().await?;
            Ok::<_, StoreError>(self.inner.read.pool().clone().close().await?)
        };
        match self.inner.backend {
            Backend::Sqlite => close.await,
            Backend::Postgres => tokio::time::timeout(self.inner.patience.rest, close).await.unwrap_or(Ok(())),
        }
    }
}

/// What a connection to SQLite is set to: names and values of pragmas, in order.
pub(crate) type Settings = [(&'static str, &'static str); 5];

fn settings(durability: Durability) -> Settings {
    let synchronous = if durability == Durability::Power { "FULL" } else { "NORMAL" };
    [
        ("foreign_keys", "ON"),
        ("busy_timeout", "5000"),
        ("journal_mode", "WAL"),
        ("synchronous", synchronous),
        // Pages: 16 MB instead of 4, so that the many pages that change again and again are copied less often.
        ("wal_autocheckpoint", "4000"),
    ]
}

async fn open(
    url: &str,
    (backend, durability): (Backend, Durability),
    purpose: Purpose,
    patience: Patience,
) -> Result<DatabaseConnection, StoreError> {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).acquire_timeout(ACQUIRE_TIMEOUT).record_stmt_in_spans(false);
    match backend {
        Backend::Sqlite => {
            // No life limit: a connection closed last would checkpoint and delete the WAL again and again.
            options.max_connections(if purpose == Purpose::Read { 6 } else { 1 }).min_connections(1);
            options
                .map_sqlx_sqlite_pool_opts(|pool| pool.after_release(|connection, _| Box::pin(is_at_rest(connection))));
            options.map_sqlx_sqlite_opts(move |sqlite| {
                let sqlite =
                    settings(durability).into_iter().fold(sqlite, |sqlite, (name, value)| sqlite.pragma(name, value));
                if purpose == Purpose::Read { sqlite.pragma("query_only", "ON") } else { sqlite }
            });
        }
        Backend::Postgres => {
            options.max_connections(if purpose == Purpose::Migrate { 2 } else { 16 });
            options.test_before_acquire(false).test_before_acquire_if_idle_for(CHECK_AFTER_IDLE);
            options.set_application_name("weir");
            // Where nothing comes back, the pool would wait for ever before it lets the connection's place be taken.
            options.map_sqlx_postgres_pool_opts(move |pool| {
                pool.after_release(move |connection, _| {
                    let rested = tokio::time::timeout(patience.rest, is_at_rest(connection));
                    Box::pin(async move { rested.await.unwrap_or(Err(sqlx::Error::PoolTimedOut)) })
                })
            });
            if purpose != Purpose::Migrate {
                options.statement_timeout(STATEMENT_TIMEOUT);
            }
        }
    }
    Ok(Database::connect(options).await?)
}

/// Whether a connection that comes back may be used again. After some failures, a full disk among them, SQLite undoes the
/// transaction by itself; sqlx does not notice, cannot roll it back, and makes each later transaction a part of one that
/// nobody commits. Whatever was written there would look written and be gone with the connection.
async fn is_at_rest(connection: &mut impl Connection) -> Result<bool, sqlx::Error> {
    // After what is queued, such as a rollback.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
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
mod tests;
