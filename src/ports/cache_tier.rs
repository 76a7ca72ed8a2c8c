//! The response cache in the database, behind the one in memory. It is never waited for: what it cannot take in at once is
//! not kept, what it cannot give at once is a miss.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::cache::{CacheEntry, CacheKey};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use gateway::ports;
use quick_cache::sync::Cache;
use store::{Store, cache_tier};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Answers known to be in the database, so that a miss costs no query.
const MAX_KNOWN: usize = 200_000;
/// Answers waiting to be written, and what they may take of memory in KiB; more are not kept beyond memory.
const MAX_WAITING: usize = 256;
const MAX_WAITING_KIB: usize = 32 << 10;
/// How long the writer rests after a transaction, for each answer in it and at least: what is kept for a restart must not cost
/// the requests of today. Under more than a thousand new answers a second, some stay in memory only.
const REST_EACH: Duration = Duration::from_millis(1);
const REST: Duration = Duration::from_millis(20);
/// Answers read at once: when the database hangs, what waits for it must not pile up.
const MAX_LOADS: usize = 32;
/// The part of the bound that is made free at once, so that the whole is not looked at for each answer. No transaction writes
/// more than that, and no single larger answer is kept.
const SLACK_PART: u64 = 16;

/// The cache in the database. Which keys it holds is known in memory.
pub struct CacheTier {
    store: Store,
    known: Known,
    limit: u64,
    loads: Arc<Semaphore>,
    room: Arc<Semaphore>,
    waiting: mpsc::Sender<Waiting>,
    runtime: Handle,
}

/// An answer to be written, and the room it takes until it is.
type Waiting = (Arc<CacheEntry>, OwnedSemaphorePermit);

impl CacheTier {
    /// Learns which answers there are and starts the task that writes new ones on the given runtime and keeps all of them
    /// within `limit` bytes.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn open(store: Store, limit: u64, runtime: Handle) -> Result<Self, store::StoreError> {
        let known = Known::default();
        known.add(cache_tier::load_keys(&store, now_ms(), MAX_KNOWN as u64).await?);
        let (waiting, entries) = mpsc::channel(MAX_WAITING);
        runtime.spawn(Writer { store: store.clone(), known: known.clone(), limit }.run(entries));
        let (loads, room) = (Arc::new(Semaphore::new(MAX_LOADS)), Arc::new(Semaphore::new(MAX_WAITING_KIB)));
        Ok(Self { store, known, limit, loads, room, waiting, runtime })
    }
}

impl ports::CacheTier for CacheTier {
    fn holds(&self, key: &CacheKey) -> bool {
        self.known.0.contains_key(key)
    }

    fn load(&self, key: CacheKey) -> BoxFuture<'static, Option<CacheEntry>> {
        let Ok(place) = Arc::clone(&self.loads).try_acquire_owned() else { return async { None }.boxed() };
        let (store, known) = (self.store.clone(), self.known.clone());
        let query = self.runtime.spawn(async move {
            let found = cache_tier::load(&store, &key, now_ms()).await;
            if matches!(found, Ok(None)) {
                // It expired, was purged or trimmed, perhaps by another process.
                known.0.remove(&key);
            }
            drop(place);
            found
        });
        // A cache that cannot be read is a miss.
        async move { query.await.ok()?.ok()? }.boxed()
    }

    fn save(&self, entry: Arc<CacheEntry>) {
        let size = cache_tier::size(&entry);
        if size > self.limit / SLACK_PART {
            return;
        }
        // No room means a slow database: the answer stays in memory only.
        let kib = u32::try_from(size.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(kib) {
            let _ = self.waiting.try_send((entry, room));
        }
    }
}

/// Writes new answers and deletes old ones.
struct Writer {
    store: Store,
    known: Known,
    limit: u64,
}

impl Writer {
    async fn run(self, mut entries: mpsc::Receiver<Waiting>) {
        // The bound may be lower than at the last start.
        let mut free = self.make_room(self.limit / SLACK_PART).await.unwrap_or_default();
        let mut batch = Vec::with_capacity(MAX_WAITING);
        while entries.recv_many(&mut batch, MAX_WAITING).await > 0 {
            let rest = REST.max(REST_EACH * u32::try_from(batch.len()).unwrap_or(u32::MAX));
            let (answers, room): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
            for part in parts(&answers, self.limit / SLACK_PART) {
                if let Err(error) = self.write(part, &mut free).await {
                    tracing::warn!(%error, answers = part.len(), "cached answers stay in memory only");
                }
            }
            drop((answers, room));
            tokio::time::sleep(rest).await;
        }
    }

    /// Writes answers where the bound has room for them, which old ones make.
    async fn write(&self, answers: &[Arc<CacheEntry>], free: &mut u64) -> Result<(), store::StoreError> {
        let size = size(answers);
        if *free < size {
            *free = self.make_room(self.limit / SLACK_PART).await?;
        }
        *free = free.saturating_sub(size);
        cache_tier::save(&self.store, answers).await?;
        self.known.add(answers.iter().map(|entry| entry.key));
        Ok(())
    }

    /// Deletes the oldest answers so far that `bytes` more fit; answers how many do.
    async fn make_room(&self, bytes: u64) -> Result<u64, store::StoreError> {
        cache_tier::trim(&self.store, self.limit.saturating_sub(bytes)).await?;
        Ok(bytes)
    }
}

/// Cuts answers into parts of at most `most` bytes; a larger answer, of which there is none, would be a part of its own.
fn parts(answers: &[Arc<CacheEntry>], most: u64) -> impl Iterator<Item = &[Arc<CacheEntry>]> {
    let mut taken = 0;
    answers.chunk_by(move |before, next| {
        taken += cache_tier::size(before);
        let fits = taken + cache_tier::size(next) <= most;
        if !fits {
            taken = 0;
        }
        fits
    })
}

fn size(answers: &[Arc<CacheEntry>]) -> u64 {
    answers.iter().map(|entry| cache_tier::size(entry)).sum()
}

/// The keys of answers that are in the database. A full table forgets keys that were not asked for: such an answer is asked
/// of a provider again, nothing worse.
#[derive(Clone)]
struct Known(Arc<Cache<CacheKey, ()>>);

impl Default for Known {
    fn default() -> Self {
        Self(Arc::new(Cache::new(MAX_KNOWN)))
    }
}

impl Known {
    fn add(&self, keys: impl IntoIterator<Item = CacheKey>) {
        keys.into_iter().for_each(|key| self.0.insert(key, ()));
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::{GatewayId, TeamId, Usage};
    use gateway::ports::CacheTier as _;

    use super::*;

    const LIMIT: u64 = 160 << 10;

    fn entry(number: u8) -> Arc<CacheEntry> {
        Arc::new(CacheEntry {
            key: [number; 32],
            team_id: TeamId(1),
            gateway_id: GatewayId(1),
            created_at_ms: i64::from(number),
            expires_at_ms: i64::MAX,
            status: 200,
            content_type: "application/json".to_owned(),
            streamed: false,
            body: Bytes::from(vec![7; 8 << 10]),
            provider: "openai".to_owned(),
            model: None,
            usage: Usage::default(),
        })
    }

    #[tokio::test]
    async fn however_much_is_saved_the_table_keeps_its_bound_and_the_newest() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}?mode=rwc", directory.path().join("test.db").display());
        let store = Store::connect(&url).await.expect("the database opens");
        store.migrate().await.expect("the migrations apply");
        let tier = CacheTier::open(store.clone(), LIMIT, Handle::current()).await.expect("open");
        for number in 1..=60 {
            tier.save(entry(number));
            written(&tier, number).await;
        }
        let large = CacheEntry { body: Bytes::from(vec![7; 16 << 10]), ..CacheEntry::clone(&entry(61)) };
        tier.save(Arc::new(large));
        // What was saved before it has been written or refused by then.
        tier.save(entry(62));
        written(&tier, 62).await;
        let kept = kept_within_the_bound(&store).await;
        assert!(kept.contains(&[62; 32]) && kept.contains(&[60; 32]));
        assert!(!kept.contains(&[1; 32]) && !kept.contains(&[61; 32]));
    }

    #[tokio::test]
    async fn many_at_once_keep_the_bound_too() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}?mode=rwc", directory.path().join("test.db").display());
        let store = Store::connect(&url).await.expect("the database opens");
        store.migrate().await.expect("the migrations apply");
        let tier = CacheTier::open(store.clone(), LIMIT, Handle::current()).await.expect("open");
        // Together more than three times the bound, and nothing waits between them: one batch.
        (1..=60).for_each(|number| tier.save(entry(number)));
        written(&tier, 60).await;
        assert!(kept_within_the_bound(&store).await.contains(&[60; 32]));
    }

    /// Waits until that answer is in the database.
    async fn written(tier: &CacheTier, number: u8) {
        let held = async {
            while !tier.holds(&[number; 32]) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), held).await.expect("the answer is never written");
    }

    async fn kept_within_the_bound(store: &Store) -> Vec<CacheKey> {
        let kept = cache_tier::load_keys(store, 0, 1_000).await.expect("keys");
        let taken = kept.len() as u64 * cache_tier::size(&entry(1));
        assert!((LIMIT / 2..=LIMIT).contains(&taken), "{taken}");
        kept
    }

    #[tokio::test]
    async fn what_was_trimmed_is_a_miss_and_then_forgotten() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}?mode=rwc", directory.path().join("test.db").display());
        let store = Store::connect(&url).await.expect("the database opens");
        store.migrate().await.expect("the migrations apply");
        cache_tier::save(&store, &[entry(1), entry(2)]).await.expect("saved");
        let tier = CacheTier::open(store.clone(), LIMIT, Handle::current()).await.expect("open");
        assert_eq!(tier.load([2; 32]).await.as_ref(), Some(&*entry(2)));
        cache_tier::trim(&store, cache_tier::size(&entry(1))).await.expect("trimmed");
        assert!(tier.holds(&[1; 32]));
        assert_eq!(tier.load([1; 32]).await, None);
        assert!(!tier.holds(&[1; 32]) && tier.holds(&[2; 32]));
    }

    #[tokio::test]
    async fn what_would_pile_up_is_a_miss_or_stays_in_memory() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}?mode=rwc", directory.path().join("test.db").display());
        let store = Store::connect(&url).await.expect("the database opens");
        store.migrate().await.expect("the migrations apply");
        cache_tier::save(&store, &[entry(1)]).await.expect("saved");
        let tier = CacheTier::open(store.clone(), LIMIT, Handle::current()).await.expect("open");
        let busy = tier.loads.acquire_many(MAX_LOADS as u32).await.expect("open");
        assert_eq!(tier.load([1; 32]).await, None);
        assert!(tier.holds(&[1; 32]));
        drop(busy);
        assert!(tier.load([1; 32]).await.is_some());
        // The writer cannot run meanwhile: nothing here waits.
        let before = tier.room.available_permits();
        (1..=100).for_each(|number| tier.save(entry(number)));
        assert_eq!(before - tier.room.available_permits(), 100 * 9);
        assert_eq!(tier.waiting.capacity(), MAX_WAITING - 100);
    }
}
