//! Server functions, one file per area. Each is a public `POST` endpoint below `/ui`: its first line obtains the
//! capability it needs. Arguments are texts, so that reading them cannot fail; `control` validates them.

pub mod connect;
#[cfg(feature = "ssr")]
pub(crate) mod fields;
pub mod gateways;
pub mod join;
pub mod members;
pub mod policies;
pub mod prices;
pub mod provider_keys;
pub mod routes;
pub mod session;
pub mod setup;
pub mod tokens;
