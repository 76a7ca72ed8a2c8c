//! Dynamic routes: a graph of elements that says which model answers a request. It is read from JSON and checked
//! ([`read`]), compiled once ([`Route::compile`]) and walked for each request ([`Walk`]). Pure: no I/O, no clock, no
//! randomness of its own. What the elements are and how they are written stands in `docs/routes.md`.

mod bounds;
mod check;
mod compile;
mod condition;
pub mod edit;
mod fact;
mod fault;
mod field;
mod find;
mod graph;
mod json;
mod path;
mod problem;
mod read;
mod split;
#[cfg(test)]
mod tests;
mod trace;
mod walk;

pub use bounds::{MAX_BYTES, MAX_ELEMENTS, MAX_OUTPUTS};
pub use check::Catalog;
pub use compile::Route;
pub use fact::{Fact, Facts, SECRET_HEADERS};
pub use fault::Fault;
pub use field::Field;
pub use find::find;
pub use graph::{Element, Graph, Kind, Limit, Measure, Output, Strategy};
pub use path::{Path, Taken};
pub use problem::{Problem, Severity, is_valid};
pub use read::{Outline, Reading, read};
pub use split::{pick, spread};
pub use trace::{Asked, Sample, Trace, TraceStep, trace};
pub use walk::{Candidate, Candidates, Ending, LimitStep, ModelStep, Step, Walk};
