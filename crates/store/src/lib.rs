//! The only crate that knows SQL, SeaORM and which database runs: connections and transactions, one file of queries per
//! table, and the ledger's way from the data plane (spool) into the database (writer, roll-ups).

mod connect;
mod dialect;
pub mod entity;
mod error;
pub mod secrets;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use connect::Store;
pub use dialect::Backend;
pub use error::StoreError;
/// An open write transaction; see [`Store::write_tx`].
pub use sea_orm::DatabaseTransaction as WriteTx;
