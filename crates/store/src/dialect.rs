//! The few places where SQLite and PostgreSQL differ. Nothing else in the crate asks which of the two runs.

use sea_orm::{AccessMode, DbBackend, IsolationLevel, TransactionOptions};

/// Which database runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// One file, one process, one writer at a time.
    Sqlite,
    /// A server, shared by any number of processes.
    Postgres,
}

impl From<Backend> for DbBackend {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::Sqlite,
            Backend::Postgres => Self::Postgres,
        }
    }
}

impl Backend {
    /// Appends the placeholder of value `number`, counted from 1, in statements of many values. SQLite knows `$1` too, but
    /// takes it for a name and looks names up one by one: 20,000 of them cost 100 times the insert itself.
    pub(crate) fn push_placeholder(self, sql: &mut String, number: usize) {
        match self {
            Self::Sqlite => sql.push('?'),
            Self::Postgres => {
                sql.push('$');
                sql.push_str(&number.to_string());
            }
        }
    }

    /// How a transaction begins that reads one state of the database. SQLite's read no other.
    pub(crate) fn snapshot_options(self) -> TransactionOptions {
        match self {
            Self::Sqlite => TransactionOptions::default(),
            Self::Postgres => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            },
        }
    }

    /// How a transaction that writes must begin. A SQLite transaction that reads first and writes later fails with
    /// "database is locked" whenever another one wrote in between; IMMEDIATE takes the write lock at the start.
    pub(crate) fn write_options(self) -> TransactionOptions {
        match self {
            Self::Sqlite => TransactionOptions {
                sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            },
            Self::Postgres => TransactionOptions::default(),
        }
    }
}
