//! What can go wrong in the store, in the few kinds a caller can act on.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// Why a store operation failed. Messages come from the database driver and hold no row values of secrets.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The row is not there, or is another team's.
    #[error("not found")]
    NotFound,
    /// A unique value is taken; names the field or the rule.
    #[error("{0} is already taken")]
    Conflict(&'static str),
    /// Another server has the SQLite file.
    #[error("the database is in use by another server; a SQLite file belongs to one, several can share a PostgreSQL")]
    InUse,
    /// The database cannot be reached or is locked; trying again later may help.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Anything else: a defect, a damaged row, a schema that does not fit.
    #[error("database error: {0}")]
    Other(String),
}

impl StoreError {
    /// Turns a violated unique index into [`StoreError::Conflict`] on `what`, anything else as [`From`] does.
    pub fn unique(error: DbErr, what: &'static str) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Self::Conflict(what),
            _ => error.into(),
        }
    }

    /// Whether trying the same again later may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated => Self::NotFound,
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable(error.to_string()),
            DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))
                if is_transient(cause) =>
            {
                Self::Unavailable(error.to_string())
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

/// Errors of the connection or of the moment, as opposed to errors of the statement.
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_transient_code(&code)),
        _ => false,
    }
}

/// SQLite codes carry the kind in the low byte (busy, locked, I/O, full, cannot open); PostgreSQL codes in the class
/// (connection, rollback, resources, operator intervention, system).
fn is_transient_code(code: &str) -> bool {
    match (code.len(), code.parse::<u32>()) {
        (5, _) => ["08", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class)),
        (_, Ok(number)) => matches!(number & 0xff, 5 | 6 | 10 | 13 | 14),
        _ => false,
    }
}

/// Whether PostgreSQL ended a statement that took it too long.
pub(crate) fn is_cancelled(error: &DbErr) -> bool {
    let DbErr::Exec(RuntimeErr::SqlxError(cause)) = error else { return false };
    matches!(&**cause, sqlx::Error::Database(cause) if cause.code().is_some_and(|code| code == "57014"))
}

/// Whether the database refused a statement for the values in it, so that trying again cannot help: a broken rule, a
/// value too long, of a wrong type or in a wrong encoding.
pub(crate) fn is_fault_of_row(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) = error else {
        return false;
    };
    let sqlx::Error::Database(cause) = &**cause else { return false };
    cause.code().is_some_and(|code| match (code.len(), code.parse::<u32>()) {
        (5, _) => ["22", "23", "54"].iter().any(|class| code.starts_with(class)),
        (_, Ok(number)) => matches!(number & 0xff, 18..=20),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_or_stopping_database_is_transient_and_a_broken_rule_is_not() {
        for code in ["5", "6", "261", "517", "778", "13", "57P01", "40001", "08006", "53300"] {
            assert!(is_transient_code(code), "{code}");
        }
        for code in ["19", "2067", "1555", "23505", "22021", "42P01"] {
            assert!(!is_transient_code(code), "{code}");
        }
    }
}
