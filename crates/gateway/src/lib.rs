//! The data plane: one pipeline from request to settled ledger row. It reads memory only, from a snapshot of the
//! configuration that is replaced as a whole, and knows neither SQL nor the dashboard.

pub mod account;
mod admit;
mod answer;
mod attempt;
mod authenticate;
pub mod body;
pub mod cache;
mod client;
mod clock;
mod count;
mod counters;
mod error;
mod fetch;
mod gateway;
mod headers;
mod ingress;
mod limits;
mod memory;
mod models;
mod options;
mod pipeline;
mod plan;
mod policy;
pub mod ports;
mod relay;
mod reuse;
mod scan;
mod settle;
pub mod signer;
pub mod snapshot;
mod state;
mod sync;
mod tokens;
mod unpriced;
pub mod upstream;

pub use client::{Client, Country};
pub use counters::Counters;
pub use error::Code;
pub use gateway::{BuildError, Compiled, Gateway};
pub use ingress::{ROUTES, Route};
pub use options::Options;
pub use policy::{GroupUsage, PolicyUsage, trial};
pub use unpriced::Unpriced;
