//! What the data plane needs from outside: a place for its ledger rows, a second tier behind its cache, and what is kept of
//! the Responses API. The server implements them; the gateway knows neither files nor SQL.

use std::sync::Arc;

use domain::TeamId;
use domain::cache::{CacheEntry, CacheKey};
use domain::ledger::{AttemptRow, Payload};
use domain::state::{Conversation, ItemPage, KeptResponse, StateChange};
use futures_util::future::BoxFuture;
use uuid::Uuid;

/// All of them.
#[derive(Clone)]
pub struct Ports {
    pub ledger: Arc<dyn Ledger>,
    pub cache_tier: Arc<dyn CacheTier>,
    pub state: Arc<dyn State>,
}

/// An attempt that is under way, as the ledger numbers it.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an intent is ended by the row of its attempt"]
pub struct Intent(pub u32);

/// Takes the rows of the ledger.
pub trait Ledger: Send + Sync {
    /// Keeps a row as it is known before a provider is called, so that a process that is killed leaves a row for the call. It must
    /// be one `write`, as [`Ledger::record`].
    ///
    /// # Errors
    /// It could not be kept; nobody is called.
    fn begin(&self, row: &AttemptRow) -> std::io::Result<Intent>;

    /// Keeps a row so that it survives the process, and ends the intent it began with. Called before the last byte of an answer
    /// leaves, on the task that serves the client: it must be one `write`, never a wait for a database. What it keeps of a payload
    /// it copies: the bytes themselves have their place in the memory for bodies for as long as anybody holds them.
    ///
    /// # Errors
    /// The row could not be kept; the answer goes out all the same and the failure is counted.
    fn record(&self, row: &AttemptRow, payload: Option<&Payload>, intent: Option<Intent>) -> std::io::Result<()>;

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

/// What is kept cannot be read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("kept state cannot be read now")]
pub struct Unavailable;

/// What a look into kept state brings.
pub type Loaded<T> = BoxFuture<'static, Result<T, Unavailable>>;

/// Keeps responses and conversations, for this process and all others on the same data.
pub trait State: Send + Sync {
    /// Names this process in responses that it is making, the same after a restart.
    fn owner(&self) -> Uuid;

    /// Keeps a change so that it survives the process. As [`Ledger::record`] it must be one `write`; changes are applied in
    /// their order.
    ///
    /// # Errors
    /// The change could not be kept.
    fn record(&self, change: &StateChange) -> std::io::Result<()>;

    /// Waits until everything that this process recorded before the call can be loaded. Tells whether it can.
    fn caught_up(&self) -> BoxFuture<'static, bool>;

    /// A team's response, where there is one.
    fn load_response(&self, team: TeamId, id: String) -> Loaded<Option<KeptResponse>>;

    /// A team's conversation, where there is one.
    fn load_conversation(&self, team: TeamId, id: String) -> Loaded<Option<Conversation>>;

    /// The next items of a team's conversation, in their order: those behind the one with this position and id.
    fn load_items(&self, team: TeamId, conversation: String, after: Option<(i64, String)>) -> Loaded<ItemPage>;
}
