//! What statements are sent through. Each is given up after a time that is this side's own: where a network drops packets,
//! the database's limit never arrives, and TCP gives up after a quarter of an hour or never.

use std::time::Duration;

use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, RuntimeErr, Statement, TransactionOptions, TransactionTrait,
};
use tokio::sync::OwnedSemaphorePermit;

/// A pool or a transaction with bounded patience.
#[derive(Debug)]
pub struct Bounded<C> {
    inner: C,
    /// None where the database is in this process.
    patience: Option<Duration>,
    /// The place in the queue of those that write; see [`crate::Store::write_tx`].
    turn: Option<OwnedSemaphorePermit>,
}

/// Connections for statements that only read.
pub type Reader = Bounded<DatabaseConnection>;
/// An open write transaction; see [`crate::Store::write_tx`].
pub type WriteTx = Bounded<DatabaseTransaction>;

impl Reader {
    pub(crate) fn new(pool: DatabaseConnection, patience: Option<Duration>) -> Self {
        Self { inner: pool, patience, turn: None }
    }

    pub(crate) fn pool(&self) -> &DatabaseConnection {
        &self.inner
    }
}

impl WriteTx {
    /// Begins on `pool`, keeping `turn` until the end.
    pub(crate) async fn begin(
        pool: &DatabaseConnection,
        options: TransactionOptions,
        patience: Option<Duration>,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Result<Self, DbErr> {
        let inner = within(patience, pool.begin_with_options(options)).await?;
        Ok(Self { inner, patience, turn })
    }

    /// Makes it so.
    ///
    /// # Errors
    /// The database's; whether it was made so is unknown then.
    pub async fn commit(self) -> Result<(), DbErr> {
        within(self.patience, self.inner.commit()).await?;
        drop(self.turn);
        Ok(())
    }

    /// Undoes everything.
    ///
    /// # Errors
    /// The database's; nothing is committed all the same.
    pub async fn rollback(self) -> Result<(), DbErr> {
        within(self.patience, self.inner.rollback()).await?;
        drop(self.turn);
        Ok(())
    }

    /// A transaction within this one, which may fail alone.
    pub(crate) async fn savepoint(&self) -> Result<Self, DbErr> {
        let inner = within(self.patience, self.inner.begin_with_options(TransactionOptions::default())).await?;
        Ok(Self { inner, patience: self.patience, turn: None })
    }
}

#[async_trait::async_trait]
impl<C: ConnectionTrait + Send> ConnectionTrait for Bounded<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        within(self.patience, self.inner.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        within(self.patience, self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        within(self.patience, self.inner.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        within(self.patience, self.inner.query_all_raw(statement)).await
    }
}

/// Waits for an answer as long as patience lasts. What is given up leaves a connection in the middle of something; the
/// pool finds out when it gets it back (`connect.rs`).
pub(crate) async fn within<T>(
    patience: Option<Duration>,
    answer: impl Future<Output = Result<T, DbErr>>,
) -> Result<T, DbErr> {
    let Some(patience) = patience else { return answer.await };
    tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| {
        Err(DbErr::Conn(RuntimeErr::Internal(format!("no answer within {} ms", patience.as_millis()))))
    })
}

/// What a wait for the turn to write ends with.
pub(crate) fn no_turn() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}
