//! What is wrong with a route, said so that whoever wrote it finds the place.

pub use domain::route::{RouteProblem as Problem, Severity};

/// Whether a route with these problems can be deployed.
#[must_use]
pub fn is_valid(problems: &[Problem]) -> bool {
    Problem::are_warnings(problems)
}
