//! What the data plane is handed from outside: the ledger's spool and the cache's second tier. The gateway knows the traits
//! only; the store knows nothing of the gateway.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use domain::cache::{CacheEntry, CacheKey};
use domain::ledger::{AttemptRow, Payload};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use gateway::ports;
use store::spool::SpoolAppender;
use store::{Store, cache_tier};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Writes ledger rows into the spool.
pub struct Ledger(pub SpoolAppender);

impl ports::Ledger for Ledger {
    fn record(&self, row: &AttemptRow, payload: Option<&Payload>) -> io::Result<()> {
        self.0.append(row, payload)
    }

    fn ready(&self) -> bool {
        self.0.ready()
    }
}

/// Answers known to be in the database, so that a miss costs no query.
const MAX_KNOWN: u64 = 200_000;
/// Answers waiting to be written, of 2 MiB at most each; more are not kept beyond memory.
const MAX_WAITING: usize = 64;
/// Answers written in one transaction.
const BATCH: usize = 64;

/// The cache in the database. Which keys it holds is known in memory.
pub struct CacheTier {
    store: Store,
    known: Arc<Mutex<HashSet<CacheKey>>>,
    waiting: mpsc::Sender<Arc<CacheEntry>>,
    runtime: Handle,
}

impl CacheTier {
    /// Learns which answers there are and starts the task that writes new ones on the given runtime.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn open(store: Store, runtime: Handle) -> Result<Self, store::StoreError> {
        let known = cache_tier::load_keys(&store, now_ms(), MAX_KNOWN).await?.into_iter().collect();
        let known = Arc::new(Mutex::new(known));
        let (waiting, entries) = mpsc::channel(MAX_WAITING);
        runtime.spawn(write(store.clone(), Arc::clone(&known), entries));
        Ok(Self { store, known, waiting, runtime })
    }
}

impl ports::CacheTier for CacheTier {
    fn holds(&self, key: &CacheKey) -> bool {
        lock(&self.known).contains(key)
    }

    fn load(&self, key: CacheKey) -> BoxFuture<'static, Option<CacheEntry>> {
        let (store, known) = (self.store.clone(), Arc::clone(&self.known));
        let query = self.runtime.spawn(async move {
            let found = cache_tier::load(&store, &key, now_ms()).await;
            if matches!(found, Ok(None)) {
                // It expired or was purged, perhaps by another process.
                lock(&known).remove(&key);
            }
            found
        });
        // A cache that cannot be read is a miss.
        async move { query.await.ok()?.ok()? }.boxed()
    }

    fn save(&self, entry: Arc<CacheEntry>) {
        // A full queue means a slow database: the answer stays in memory only.
        let _ = self.waiting.try_send(entry);
    }
}

async fn write(store: Store, known: Arc<Mutex<HashSet<CacheKey>>>, mut entries: mpsc::Receiver<Arc<CacheEntry>>) {
    let mut batch = Vec::with_capacity(BATCH);
    while entries.recv_many(&mut batch, BATCH).await > 0 {
        match cache_tier::save(&store, &batch).await {
            Ok(()) => remember(&known, &batch),
            Err(error) => tracing::warn!(%error, answers = batch.len(), "cached answers stay in memory only"),
        }
        batch.clear();
    }
}

fn remember(known: &Mutex<HashSet<CacheKey>>, batch: &[Arc<CacheEntry>]) {
    let mut known = lock(known);
    for entry in batch {
        // A full table forgets an arbitrary key: that answer is asked for again, nothing worse.
        if known.len() as u64 >= MAX_KNOWN
            && let Some(forgotten) = known.iter().next().copied()
        {
            known.remove(&forgotten);
        }
        known.insert(entry.key);
    }
}

fn lock(known: &Mutex<HashSet<CacheKey>>) -> std::sync::MutexGuard<'_, HashSet<CacheKey>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
