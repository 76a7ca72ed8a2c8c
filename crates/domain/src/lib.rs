//! Plain types shared by every plane, compiled to WebAssembly too: ids, money, settings, roles, ledger rows and
//! what the dashboard shows. No I/O, no clock, no randomness.

pub mod address;
pub mod cache;
pub mod config;
pub mod filter;
pub mod health;
pub mod ids;
pub mod ledger;
pub mod money;
pub mod policy;
pub mod price;
pub mod provider;
pub mod role;
pub mod route;
pub mod secret;
pub mod settings;
pub mod state;
pub mod token;
pub mod usage;
pub mod validate;
pub mod view;

pub use ids::*;
pub use money::{Nanos, Rate};
pub use role::{Permission, Role};
pub use secret::Secret;
pub use settings::GatewaySettings;
pub use usage::Usage;
