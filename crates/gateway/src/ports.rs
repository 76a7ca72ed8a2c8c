//! What the data plane needs from outside: a place for its ledger rows and a second tier behind its cache. The server
//! implements both; the gateway knows neither files nor SQL.

use std::sync::Arc;

use domain::cache::{CacheEntry, CacheKey};
use domain::ledger::{AttemptRow, Payload};
use futures_util::future::BoxFuture;

/// Takes the rows of the ledger.
pub trait Ledger: Send + Sync {
    /// Keeps a row so that it survives the process. Called before the last byte of an answer leaves, on the task that
    /// serves the client: it must be one `write`, never a wait for a database.
    ///
    /// # Errors
    /// The row could not be kept; the answer goes out all the same and the failure is counted.
    fn record(&self, row: &AttemptRow, payload: Option<&Payload>) -> std::io::Result<()>;

    /// Whether a row could be kept now. While it is not, no upstream is called.
    fn ready(&self) -> bool;
}

/// A larger, slower cache behind the one in memory.
pub trait CacheTier: Send + Sync {
    /// Whether it may hold the key; cheap, asked on every miss in memory.
    fn holds(&self, key: &CacheKey) -> bool;

    /// The entry, where it is there and can be read.
    fn load(&self, key: CacheKey) -> BoxFuture<'static, Option<CacheEntry>>;

    /// Takes an entry to keep, in its own time.
    fn save(&self, entry: Arc<CacheEntry>);
}
