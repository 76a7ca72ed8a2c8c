//! What a page or a form can tell a person went wrong. Codes only: without JavaScript an error comes back through the
//! URL, and a crafted link must not be able to make a page say what somebody else wrote.

use domain::Permission;
use domain::validate::{FieldError, Problem};
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// The outcome of a server function that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AppError {
    /// Nobody is signed in, or the credentials are wrong.
    #[error("You are not signed in.")]
    Unauthenticated,
    /// The member's role does not allow it.
    #[error("Your role in this team does not allow this.")]
    Forbidden(Permission),
    /// There is no such thing, or not for this person.
    #[error("This does not exist, or not for you.")]
    NotFound,
    /// Values that were refused, each with its field.
    #[error("Nothing was saved: look at the marked fields.")]
    Invalid(Vec<FieldError>),
    /// Too many attempts.
    #[error("Too many attempts. Try again in {}.", wait(*.retry_after_s))]
    Throttled {
        /// Seconds until the next attempt is looked at.
        retry_after_s: u32,
    },
    /// The form was sent in a shape that no page of ours sends.
    #[error("The form could not be read. Reload the page and try again.")]
    Malformed,
    /// The database does not answer.
    #[error("Weir cannot reach its database. Nothing was changed; try again in a moment.")]
    Unavailable,
}

impl AppError {
    /// What is wrong with a field, where that is the error.
    #[must_use]
    pub fn problem(&self, field: &str) -> Option<Problem> {
        match self {
            Self::Invalid(errors) => {
                errors.iter().find(|error| error.field == field).map(|error| error.problem.clone())
            }
            _ => None,
        }
    }

    /// The HTTP status a page with this error has.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Unauthenticated => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound => 404,
            Self::Invalid(_) => 422,
            Self::Throttled { .. } => 429,
            Self::Malformed => 400,
            Self::Unavailable => 503,
        }
    }
}

/// Seconds in words that round up.
fn wait(seconds: u32) -> String {
    match seconds {
        0 | 1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_)
            | ServerFnErrorErr::Serialization(_) => Self::Malformed,
            _ => Self::Unavailable,
        }
    }
}

#[cfg(feature = "ssr")]
impl From<control::ControlError> for AppError {
    fn from(error: control::ControlError) -> Self {
        use control::ControlError;
        match error {
            ControlError::Unauthenticated => Self::Unauthenticated,
            ControlError::Forbidden(permission) => Self::Forbidden(permission),
            ControlError::NotFound(_) => Self::NotFound,
            ControlError::Invalid(errors) => Self::Invalid(errors),
            ControlError::Throttled { retry_after_s } => Self::Throttled { retry_after_s },
            ControlError::Conflict(error) => Self::Invalid(vec![error]),
            ControlError::Outdated => Self::Invalid(vec![FieldError::new("version", Problem::Outdated)]),
            ControlError::Unavailable => Self::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_url() {
        let error = AppError::Invalid(vec![FieldError::new("slug", Problem::TooLong { max: 64 })]);
        assert_eq!(AppError::de(error.ser()), error);
        assert_eq!(error.problem("slug"), Some(Problem::TooLong { max: 64 }));
        assert_eq!(error.problem("name"), None);
    }

    #[test]
    fn an_error_somebody_made_up_says_nothing_of_theirs() {
        let made_up = AppError::de(bytes("{\"call\":\"0800-FRAUD\"}"));
        assert_eq!(made_up, AppError::Malformed);
    }

    #[test]
    fn waiting_times_round_up() {
        assert_eq!(AppError::Throttled { retry_after_s: 91 }.to_string(), "Too many attempts. Try again in 2 minutes.");
    }

    fn bytes(text: &'static str) -> leptos::server_fn::Bytes {
        leptos::server_fn::Bytes::from_static(text.as_bytes())
    }
}
