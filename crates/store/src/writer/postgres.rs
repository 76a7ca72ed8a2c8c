//! The writer's own connection to PostgreSQL, and a batch as PostgreSQL takes it best: the rows by `COPY`, which it stores while
//! the next are sent, and what adds up to roll-ups with an array for each column instead of a placeholder for each value.
//! SeaORM knows no `COPY`, and its arrays know no null, so these go to the driver as they are.
//!
//! As on SQLite (`sqlite.rs`), only what is usual goes this way: the rows are new, and the database takes them without a word.
//! Anything else is undone and goes the careful way (`batch.rs`).

use std::borrow::Cow;
use std::time::Duration;

use sea_orm::{DbBackend, DbErr, RuntimeErr, Statement, Value};
use sqlx::postgres::{PgArguments, PgConnection, PgPool};
use sqlx::{Arguments, AssertSqlSafe, Connection, Executor};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::batch::{Prepared, save_position};
use super::rows::{BODIES, REQUESTS, Row};
use crate::bulk::{Cell, Insert, copy};
use crate::connect::Patience;
use crate::connection::within;
use crate::error::is_cancelled;
use crate::spool::SpoolId;
use crate::{Backend, Store, StoreError, state, token};

/// Bytes of rows that are sent in one go.
const PIECE: usize = 128 << 10;

/// Longest use of one connection: an operator who moves the database elsewhere need not restart us.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// A statement's longest time in the server: over a slow way most of it goes into receiving a batch.
const STATEMENT: Duration = Duration::from_secs(120);
const STATEMENT_TIMEOUT: &str = "SET statement_timeout = '120s'";

/// The connection, which is opened when it is needed. It is none of the pool's: one that is left in the middle of a `COPY` could not
/// be used for anything else, and is closed.
#[derive(Default)]
pub(super) struct Direct {
    pub(super) open: Option<Open>,
}

pub(super) struct Open {
    pub(super) connection: PgConnection,
    since: Instant,
}

impl Direct {
    /// Nothing where the store is not PostgreSQL's.
    pub(super) fn of(store: &Store) -> Option<Self> {
        store.postgres().map(|_| Self::default())
    }

    /// Writes a batch in one transaction. Tells whether it did: otherwise nothing has changed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the database cannot be reached, or not at the moment; what became of the batch is unknown.
    pub(super) async fn write(
        &mut self,
        store: &Store,
        spool: SpoolId,
        prepared: &Prepared,
    ) -> Result<bool, StoreError> {
        let Some((pool, patience)) = store.postgres().filter(|_| prepared.unreadable.is_empty()) else {
            return Ok(false);
        };
        let written = async {
            let mut open = self.begin(pool, patience).await?;
            transact(&mut open.connection, patience.answer, spool, prepared).await?;
            Ok::<_, DbErr>(open)
        };
        match written.await {
            Ok(open) => {
                self.open = Some(open);
                Ok(true)
            }
            // To receive it took the server too long; the careful way sends less at a time.
            Err(error) if is_cancelled(&error) => Ok(false),
            Err(error) => match StoreError::from(error) {
                error if error.is_transient() => Err(error),
                error => {
                    tracing::debug!(%error, "a batch goes the careful way");
                    Ok(false)
                }
            },
        }
    }

    /// Begins a transaction on the connection that is there, or on a new one where that does not answer: what lies between, or the
    /// server itself, may have closed it.
    async fn begin(&mut self, pool: &PgPool, patience: Patience) -> Result<Open, DbErr> {
        if let Some(mut open) = self.open.take() {
            if open.since.elapsed() < LIFE && run(&mut open.connection, "BEGIN", patience.rest).await.is_ok() {
                return Ok(open);
            }
            close(open, patience.rest).await;
        }
        let pooled = within(Some(patience.answer), async { pool.acquire().await.map_err(failed) }).await?;
        let mut open = Open { connection: pooled.detach(), since: Instant::now() };
        run(&mut open.connection, STATEMENT_TIMEOUT, patience.answer).await?;
        run(&mut open.connection, "BEGIN", patience.answer).await?;
        Ok(open)
    }

    /// Says goodbye to the server.
    pub(super) async fn close(self, store: &Store) {
        if let (Some(open), Some((_, patience))) = (self.open, store.postgres()) {
            close(open, patience.rest).await;
        }
    }
}

/// One that does not end well ends with the process or the server's keep-alive.
async fn close(open: Open, rest: Duration) {
    let _ = timeout(rest, open.connection.close()).await;
}

async fn run(connection: &mut PgConnection, sql: &'static str, patience: Duration) -> Result<(), DbErr> {
    within(Some(patience), async { connection.execute(sql).await.map(drop).map_err(failed) }).await
}

/// Writes what is in a batch and commits. Where that fails, the transaction ends with its connection.
async fn transact(
    connection: &mut PgConnection,
    patience: Duration,
    spool: SpoolId,
    prepared: &Prepared,
) -> Result<(), DbErr> {
    let mut transaction = Transaction { connection, patience };
    transaction.copy(&REQUESTS, prepared.rows.iter().map(Row::cells)).await?;
    transaction.copy(&BODIES, prepared.rows.iter().filter_map(Row::body_cells)).await?;
    for (insert, rows) in prepared.tally.upserts() {
        transaction.insert(insert, rows).await?;
    }
    for statement in token::use_statements(DbBackend::Postgres, &prepared.used) {
        transaction.execute(&statement).await?;
    }
    for change in &prepared.changes {
        transaction.apply(change).await?;
    }
    transaction.execute(&save_position(Backend::Postgres, spool, prepared.end)).await?;
    run(transaction.connection, "COMMIT", patience).await
}

struct Transaction<'c> {
    connection: &'c mut PgConnection,
    patience: Duration,
}

impl Transaction<'_> {
    /// Stores new rows, where there are any.
    async fn copy<'r, const N: usize>(
        &mut self,
        insert: &Insert,
        rows: impl Iterator<Item = [Cell<'r>; N]>,
    ) -> Result<(), DbErr> {
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let sql = insert.of_copy();
        let begun = self.connection.copy_in_raw(&sql);
        let mut sending = within(Some(self.patience), async { begun.await.map_err(failed) }).await?;
        let mut piece = Vec::with_capacity(PIECE + PIECE / 4);
        copy::begin(&mut piece);
        for row in rows {
            if !copy::row(&mut piece, row.into_iter()) {
                return Err(DbErr::Custom("a value is too long".to_owned()));
            }
            if piece.len() >= PIECE {
                within(Some(self.patience), async { sending.send(&*piece).await.map(drop).map_err(failed) }).await?;
                piece.clear();
            }
        }
        copy::end(&mut piece);
        within(Some(self.patience), async { sending.send(&*piece).await.map(drop).map_err(failed) }).await?;
        within(Some(STATEMENT), async { sending.finish().await.map(drop).map_err(failed) }).await
    }

    /// Inserts rows or adds to those that are there.
    async fn insert<'r, R>(&mut self, insert: &Insert, rows: impl IntoIterator<Item = R>) -> Result<(), DbErr>
    where
        R: IntoIterator<Item = Cell<'r>>,
    {
        let mut rows = rows.into_iter();
        let Some(first) = rows.next() else { return Ok(()) };
        let mut columns: Vec<_> = first.into_iter().map(Column::of).collect();
        for row in rows {
            columns.iter_mut().zip(row).try_for_each(|(column, cell)| column.push(cell)).map_err(failed)?;
        }
        let sql = insert.of_arrays(columns.iter().map(Column::kind));
        let mut arguments = PgArguments::default();
        columns.into_iter().try_for_each(|column| column.bind(&mut arguments)).map_err(failed)?;
        self.run(sql, arguments).await.map(drop)
    }

    /// As [`state::Prepared::apply`].
    async fn apply(&mut self, change: &state::Prepared) -> Result<(), DbErr> {
        if let Some(guard) = &change.guard
            && self.execute(guard).await? == 0
        {
            return Ok(());
        }
        for statement in &change.statements {
            self.execute(statement).await?;
        }
        Ok(())
    }

    /// Runs a statement made for SeaORM.
    async fn execute(&mut self, statement: &Statement) -> Result<u64, DbErr> {
        let mut arguments = PgArguments::default();
        let values = statement.values.as_ref().map_or(&[][..], |values| &values.0);
        values.iter().try_for_each(|value| bind(value, &mut arguments)).map_err(failed)?;
        self.run(statement.sql.clone(), arguments).await
    }

    async fn run(&mut self, sql: String, arguments: PgArguments) -> Result<u64, DbErr> {
        let run = sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *self.connection);
        within(Some(self.patience), async { run.await.map_err(failed) }).await.map(|done| done.rows_affected())
    }
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

/// The values of one column.
enum Column<'a> {
    Ids(Vec<Uuid>),
    Flags(Vec<bool>),
    Small(Vec<i32>),
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<Cow<'a, str>>>),
    Bytes(Vec<&'a [u8]>),
}

impl<'a> Column<'a> {
    fn of(first: Cell<'a>) -> Self {
        match first {
            Cell::Id(id) => Self::Ids(vec![id]),
            Cell::Flag(flag) => Self::Flags(vec![flag]),
            Cell::Small(number) => Self::Small(vec![number]),
            Cell::Number(number) => Self::Numbers(vec![number]),
            Cell::Text(text) => Self::Texts(vec![text]),
            Cell::Bytes(bytes) => Self::Bytes(vec![bytes]),
        }
    }

    fn push(&mut self, cell: Cell<'a>) -> Result<(), sqlx::Error> {
        match (self, cell) {
            (Self::Ids(ids), Cell::Id(id)) => ids.push(id),
            (Self::Flags(flags), Cell::Flag(flag)) => flags.push(flag),
            (Self::Small(numbers), Cell::Small(number)) => numbers.push(number),
            (Self::Numbers(numbers), Cell::Number(number)) => numbers.push(number),
            (Self::Texts(texts), Cell::Text(text)) => texts.push(text),
            (Self::Bytes(all), Cell::Bytes(bytes)) => all.push(bytes),
            (_, cell) => {
                return Err(sqlx::Error::Encode(format!("{cell:?} is of another type than its column").into()));
            }
        }
        Ok(())
    }

    /// The type of a value, as PostgreSQL names it.
    fn kind(&self) -> &'static str {
        match self {
            Self::Ids(_) => "uuid",
            Self::Flags(_) => "boolean",
            Self::Small(_) => "integer",
            Self::Numbers(_) => "bigint",
            Self::Texts(_) => "text",
            Self::Bytes(_) => "bytea",
        }
    }

    fn bind(self, arguments: &mut PgArguments) -> Result<(), sqlx::Error> {
        let bound = match self {
            Self::Ids(ids) => arguments.add(ids),
            Self::Flags(flags) => arguments.add(flags),
            Self::Small(numbers) => arguments.add(numbers),
            Self::Numbers(numbers) => arguments.add(numbers),
            Self::Texts(texts) => arguments.add(texts),
            Self::Bytes(all) => arguments.add(all),
        };
        bound.map_err(sqlx::Error::Encode)
    }
}

/// A value made for SeaORM, as SeaORM would hand it over.
fn bind(value: &Value, arguments: &mut PgArguments) -> Result<(), sqlx::Error> {
    let bound = match value {
        Value::Bool(flag) => arguments.add(flag),
        Value::Int(number) => arguments.add(number),
        Value::BigInt(number) => arguments.add(number),
        Value::String(text) => arguments.add(text),
        Value::Bytes(bytes) => arguments.add(bytes),
        Value::Uuid(id) => arguments.add(id),
        Value::ChronoDateTimeUtc(at) => arguments.add(at),
        other => Err(format!("{other:?} is not known here").into()),
    };
    bound.map_err(sqlx::Error::Encode)
}
