//! Dynamic routes, as far as every plane knows them: bounds and what can be wrong. What a route does is `crates/route`'s.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Most routes of a gateway.
pub const MAX_ROUTES: usize = 100;
/// Most versions of a route that are kept; beyond, the oldest goes that is not deployed.
pub const MAX_VERSIONS: usize = 200;
/// Longest JSON of a version's elements, in bytes.
pub const MAX_ELEMENTS_TEXT: usize = 65_536;
/// Longest comment on a version, in characters.
pub const MAX_COMMENT: usize = 200;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The route cannot be deployed.
    Error,
    /// The route works, but maybe not as it is meant.
    Warning,
}

/// Something that is wrong with a route, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteProblem {
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

impl RouteProblem {
    /// Something for which the route cannot be deployed.
    pub fn error(element: &str, place: impl Into<String>, message: impl Into<String>) -> Self {
        let (element, place) = (element.to_owned(), place.into());
        Self { severity: Severity::Error, element, place, message: message.into() }
    }

    /// Something that may not be meant.
    pub fn warning(element: &str, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(element, place, message) }
    }

    /// Whether a route with these problems can be deployed.
    #[must_use]
    pub fn are_warnings(problems: &[Self]) -> bool {
        problems.iter().all(|problem| problem.severity == Severity::Warning)
    }
}

impl fmt::Display for RouteProblem {
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
