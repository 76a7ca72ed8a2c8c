//! The data plane: one pipeline from request to settled ledger row. It reads memory only, from a snapshot of the
//! configuration that is replaced as a whole, and knows neither SQL nor the dashboard.

pub mod body;
pub mod cache;
mod counters;
mod gateway;
pub mod limit;
mod options;
pub mod ports;
pub mod snapshot;
pub mod upstream;

pub use counters::Counters;
pub use gateway::{BuildError, Gateway};
pub use options::Options;
