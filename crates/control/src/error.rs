//! Why something was not done. Codes and field names only; causes are logged where they are met and never shown.

use domain::Permission;
use domain::validate::{FieldError, Problem};
use store::StoreError;

/// What a caller can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Nobody is signed in, or the credentials are wrong.
    #[error("not signed in")]
    Unauthenticated,
    /// The member's role does not allow it.
    #[error("the role does not allow {0:?}")]
    Forbidden(Permission),
    /// There is no such thing, or not for this person.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Values that cannot be taken, each with its field.
    #[error("{}", list(.0))]
    Invalid(Vec<FieldError>),
    /// Too many attempts.
    #[error("too many attempts; try again in {retry_after_s} s")]
    Throttled {
        /// Seconds until the next attempt is looked at.
        retry_after_s: u32,
    },
    /// Somebody was faster, or has it already.
    #[error("{0}")]
    Conflict(FieldError),
    /// The configuration is another by now than the one that was looked at.
    #[error("the configuration was changed meanwhile and nothing was written; run it again")]
    Outdated,
    /// The database does not answer; the cause is in the log.
    #[error("the database is not available")]
    Unavailable,
}

/// Why the control plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data was sealed with another master key.
    #[error(
        "the master key does not fit this database: stored provider keys were sealed with another one; \
         restore the key file or WEIR_MASTER_KEY that was used before"
    )]
    WrongMasterKey,
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ControlError {
    /// One refused field.
    pub fn invalid(field: &str, problem: Problem) -> Self {
        Self::Invalid(vec![FieldError::new(field, problem)])
    }

    /// A value that is unique and taken.
    pub fn taken(field: &str) -> Self {
        Self::Conflict(FieldError::new(field, Problem::Taken))
    }
}

impl From<StoreError> for ControlError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound("row"),
            StoreError::Conflict(field) => Self::taken(field),
            other => {
                tracing::error!(error = %other, "database failure");
                Self::Unavailable
            }
        }
    }
}

fn list(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
