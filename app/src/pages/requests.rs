//! The request log, and one request with everything that is known about it.

mod body;
mod cost;
mod curl;
mod detail;
mod filter;
mod list;
mod timing;

pub use detail::RequestPage;
pub use list::RequestsPage;
pub(super) use list::outcome;
