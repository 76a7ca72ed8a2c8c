//! The only crate that knows SQL, SeaORM and which database runs: connections and transactions, one file of queries per
//! table, and the ledger's way from the data plane (spool) into the database (writer, roll-ups).

pub mod audit;
mod bulk;
pub mod cache_tier;
pub mod config;
mod connect;
mod connection;
pub mod correction;
pub mod custom_provider;
pub mod dead_letters;
mod dialect;
pub mod entity;
mod error;
#[cfg(any(test, feature = "testing"))]
pub mod fixture;
pub mod gateway;
pub mod invitation;
pub mod names;
mod pack;
pub mod policy;
pub mod price_book;
mod priced;
pub mod provider_key;
pub mod reconcile;
pub mod request_log;
pub mod retention;
pub mod rollup;
pub mod route;
pub mod secrets;
pub mod session;
pub mod spent;
pub mod spool;
pub mod state;
pub mod team;
pub mod team_price;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod token;
pub mod usage;
pub mod user;
pub mod verify;
pub mod writer;

pub use connect::{Claim, Durability, Store};
pub use connection::{Reader, WriteTx};
pub use dialect::Backend;
pub use error::StoreError;
