//! What is wrong with a route, said so that whoever wrote it finds the place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The route cannot be deployed.
    Error,
    /// The route works, but maybe not as it is meant.
    Warning,
}

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub severity: Severity,
    /// The element's id, or `elements[3]` where it has none; empty where the whole route is meant.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub element: String,
    /// `properties.limit`, `outputs.true`; empty where the whole element is meant.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// What follows the place in a sentence.
    pub message: String,
}

impl Problem {
    pub(crate) fn error(element: &str, place: impl Into<String>, message: impl Into<String>) -> Self {
        let (element, place) = (element.to_owned(), place.into());
        Self { severity: Severity::Error, element, place, message: message.into() }
    }

    pub(crate) fn warning(element: &str, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(element, place, message) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.element.is_empty() {
            write!(f, "{}: ", self.element)?;
        }
        if !self.place.is_empty() {
            write!(f, "{} ", self.place)?;
        }
        f.write_str(&self.message)
    }
}

/// Whether a route with these problems can be deployed.
#[must_use]
pub fn is_valid(problems: &[Problem]) -> bool {
    problems.iter().all(|problem| problem.severity == Severity::Warning)
}
