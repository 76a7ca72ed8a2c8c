//! Why a request body was refused.

use std::fmt;

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanErrorKind {
    /// The body is not a JSON object.
    NotAnObject,
    /// The body is not JSON.
    BadJson,
    /// Objects and lists are nested deeper than [`super::MAX_DEPTH`].
    TooDeep,
    /// A key the gateway reads is there twice, and the provider might read the other one.
    Duplicate(&'static str),
    /// A key the gateway reads is spelt with escapes.
    EscapedKey(&'static str),
    /// A key the gateway reads has a value of another type.
    WrongType(&'static str),
}

/// A body that cannot be passed on, and where it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ScanError {
    /// What is wrong.
    pub kind: ScanErrorKind,
    /// Bytes from the start of the body.
    pub offset: usize,
}

impl ScanError {
    /// The key the error is about, where it is about one.
    #[must_use]
    pub fn param(&self) -> Option<&'static str> {
        match self.kind {
            ScanErrorKind::Duplicate(key) | ScanErrorKind::EscapedKey(key) | ScanErrorKind::WrongType(key) => Some(key),
            ScanErrorKind::NotAnObject | ScanErrorKind::BadJson | ScanErrorKind::TooDeep => None,
        }
    }
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ScanErrorKind::NotAnObject => f.write_str("The request body must be a JSON object")?,
            ScanErrorKind::BadJson => f.write_str("The request body is not valid JSON")?,
            ScanErrorKind::TooDeep => {
                write!(f, "The request body is nested deeper than {} levels", super::MAX_DEPTH)?;
            }
            ScanErrorKind::Duplicate(key) => write!(f, "`{key}` is there twice")?,
            ScanErrorKind::EscapedKey(key) => write!(f, "The key `{key}` must be written without escapes")?,
            ScanErrorKind::WrongType(key) => write!(f, "`{key}` has a value of the wrong type")?,
        }
        write!(f, " (at byte {}).", self.offset)
    }
}
