//! The writer's own connection to a SQLite file, used on the writer's own thread.
//!
//! The pool's connections run on threads of their own: each statement is a message there and one back, and each value is
//! made twice. And an insert of many rows keeps a journal of its own, in a temporary file, to be undone alone; one of a
//! single row does not. So here each row is a statement, prepared once, that takes its values from where they are.
//!
//! Only what is usual goes this way: rows that are new, and whatever the database takes without a word. Anything else
//! is undone, and the batch goes the careful way (`batch.rs`), which knows what to do about it.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql, Transaction, TransactionBehavior};
use sea_orm::{DbBackend, Statement, Value};

use super::batch::{Prepared, save_position};
use super::rows::{BODIES, REQUESTS, Row};
use crate::bulk::Cell;
use crate::connect::Settings;
use crate::spool::SpoolId;
use crate::{Backend, Store, StoreError, state, token};

/// Statements that stay prepared: there are about ten that a batch may need, and those of kept state.
const PREPARED: usize = 32;

/// Memory for pages, in KiB: there is one in each index of the log for each team, token or model that is busy, and roll-ups
/// have as many.
const CACHE: &str = "-16000";

/// The connection, which is opened when it is needed.
pub(super) struct Direct {
    file: String,
    settings: Settings,
    connection: Option<Connection>,
}

impl Direct {
    /// Nothing where the store is no file of SQLite's.
    pub(super) async fn of(store: &Store) -> Result<Option<Self>, StoreError> {
        Ok(store.write_settings().await?.map(|(file, settings)| Self { file, settings, connection: None }))
    }

    /// Writes a batch in one transaction; the caller has the turn to write. Tells whether it did: otherwise nothing has
    /// changed, or what became of it is unknown, which the careful way finds out.
    pub(super) fn write(&mut self, spool: SpoolId, prepared: &Prepared) -> bool {
        if !prepared.unreadable.is_empty() {
            return false;
        }
        self.try_write(spool, prepared).unwrap_or_else(|error| {
            tracing::debug!(%error, "a batch goes the careful way");
            false
        })
    }

    fn try_write(&mut self, spool: SpoolId, prepared: &Prepared) -> rusqlite::Result<bool> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => open(&self.file, &self.settings)?,
        };
        let outcome = transact(&mut connection, spool, prepared);
        // One that could not be brought to rest would make each later transaction a part of one that nobody commits.
        if connection.is_autocommit() {
            self.connection = Some(connection);
        }
        outcome
    }
}

fn open(file: &str, settings: &Settings) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    for (name, value) in settings {
        connection.pragma_update(None, name, value)?;
    }
    connection.pragma_update(None, "cache_size", CACHE)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(connection)
}

/// Dropped before its commit, a transaction is rolled back.
fn transact(connection: &mut Connection, spool: SpoolId, prepared: &Prepared) -> rusqlite::Result<bool> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !insert_new(&tx, &prepared.rows)? {
        return Ok(false);
    }
    for (insert, rows) in prepared.tally.upserts() {
        if rows.is_empty() {
            continue;
        }
        let mut statement = tx.prepare_cached(&insert.of_one(Backend::Sqlite))?;
        for row in rows {
            run(&mut statement, row)?;
        }
    }
    for statement in token::use_statements(DbBackend::Sqlite, &prepared.used) {
        execute(&tx, &statement)?;
    }
    for change in &prepared.changes {
        apply(&tx, change)?;
    }
    execute(&tx, &save_position(Backend::Sqlite, spool, prepared.end))?;
    tx.commit()?;
    Ok(true)
}

/// As [`super::rows::insert_new`].
fn insert_new(tx: &Transaction<'_>, rows: &[Row]) -> rusqlite::Result<bool> {
    let mut requests = tx.prepare_cached(&REQUESTS.of_one(Backend::Sqlite))?;
    let mut bodies = tx.prepare_cached(&BODIES.of_one(Backend::Sqlite))?;
    for row in rows {
        if run(&mut requests, row.cells())? != 1 {
            return Ok(false);
        }
        if let Some(body) = row.body_cells() {
            run(&mut bodies, body)?;
        }
    }
    Ok(true)
}

/// As [`state::Prepared::apply`].
fn apply(tx: &Transaction<'_>, change: &state::Prepared) -> rusqlite::Result<()> {
    if let Some(guard) = &change.guard
        && execute(tx, guard)? == 0
    {
        return Ok(());
    }
    change.statements.iter().try_for_each(|statement| execute(tx, statement).map(drop))
}

/// Runs a statement with values in the order of its placeholders; answers how many rows it changed.
fn run(statement: &mut CachedStatement<'_>, values: impl IntoIterator<Item: ToSql>) -> rusqlite::Result<usize> {
    for (index, value) in (1..).zip(values) {
        statement.raw_bind_parameter(index, value)?;
    }
    statement.raw_execute()
}

/// Runs a statement made for the pool. Its placeholders are `?`, in order, or `$1`, by number: SQLite itself takes the latter
/// for names and counts them as they come.
fn execute(tx: &Transaction<'_>, statement: &Statement) -> rusqlite::Result<usize> {
    let mut prepared = tx.prepare_cached(&statement.sql)?;
    let values = statement.values.as_ref().map_or(&[][..], |values| &values.0);
    for index in 1..=prepared.parameter_count() {
        let number = prepared.parameter_name(index).and_then(|name| name.get(1..)?.parse().ok()).unwrap_or(index);
        let value = values.get(number - 1).ok_or(rusqlite::Error::InvalidParameterCount(number, values.len()))?;
        prepared.raw_bind_parameter(index, Owned(value))?;
    }
    prepared.raw_execute()
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Id(id) => ValueRef::Blob(id.as_bytes()),
            Self::Flag(flag) => ValueRef::Integer((*flag).into()),
            Self::Small(number) => ValueRef::Integer((*number).into()),
            Self::Number(number) => number.map_or(ValueRef::Null, ValueRef::Integer),
            Self::Text(text) => text.as_ref().map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A value made for the pool, as the pool would hand it to SQLite.
struct Owned<'a>(&'a Value);

impl ToSql for Owned<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Bool(flag) => flag.map_or(ValueRef::Null, |flag| ValueRef::Integer(flag.into())),
            Value::Int(number) => number.map_or(ValueRef::Null, |number| ValueRef::Integer(number.into())),
            Value::BigInt(number) => number.map_or(ValueRef::Null, ValueRef::Integer),
            Value::String(text) => text.as_ref().map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())),
            Value::Bytes(bytes) => bytes.as_ref().map_or(ValueRef::Null, |bytes| ValueRef::Blob(bytes)),
            Value::Uuid(id) => id.as_ref().map_or(ValueRef::Null, |id| ValueRef::Blob(id.as_bytes())),
            Value::ChronoDateTimeUtc(Some(at)) => {
                return Ok(at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false).into());
            }
            other => {
                return Err(rusqlite::Error::ToSqlConversionFailure(format!("{other:?} is not known here").into()));
            }
        }))
    }
}

#[cfg(test)]
mod tests;
