//! The dashboard: Leptos pages rendered on the server, their server functions, and the few islands that run in the
//! browser.
//!
//! Only islands, what they show, and the stubs of server functions compile for WebAssembly; pages, components and layout
//! exist on the server alone, so they call `control` directly and no list of theirs needs a public endpoint.

pub mod api;
pub mod charts;
#[cfg(feature = "ssr")]
pub mod components;
pub mod error;
pub mod islands;
#[cfg(feature = "ssr")]
pub mod layout;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod routes;
#[cfg(feature = "ssr")]
pub mod server;

pub use error::AppError;
#[cfg(feature = "ssr")]
pub use layout::shell;
#[cfg(feature = "ssr")]
pub use routes::App;
