//! Answers given again to identical requests: memory first, the tier behind it where that may know more.
//!
//! An entry is found by its key alone, and the key (see [`key()`]) contains the team, so no team can reach another's
//! answers whatever it sends. Bounded by bytes; an answer above a thirty-second part of the memory is not kept, so that
//! one large answer cannot push out hundreds of small ones.

mod key;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use domain::GatewayId;
use domain::cache::{CacheEntry, CacheKey};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

pub use self::key::{KeyParts, key};
use crate::ports::CacheTier;

/// What an entry weighs beside its texts and its body, in bytes: the struct, its allocations, the table's slot.
const OVERHEAD: u64 = 512;
/// The part of the memory that one entry may take.
const LARGEST_PART: u64 = 32;
/// Fixed, so that a shard always has room for several of the largest entries.
const SHARDS: usize = 8;
/// How long the tier may take: longer than a database that is well, shorter than anybody minds.
const TIER_PATIENCE: Duration = Duration::from_millis(200);
/// What the tables are sized for; they grow beyond it.
const EXPECTED_ENTRY: u64 = 8 << 10;

/// A cache of whole answers, keyed by everything that makes two requests the same.
pub struct ExactCache {
    memory: Cache<CacheKey, Arc<CacheEntry>, Bytes>,
    largest: u64,
    tier: Arc<dyn CacheTier>,
}

impl ExactCache {
    /// A cache of at most `bytes` of memory with a tier behind it.
    #[must_use]
    pub fn new(bytes: u64, tier: Arc<dyn CacheTier>) -> Self {
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(usize::try_from(bytes / EXPECTED_ENTRY).unwrap_or(usize::MAX).max(SHARDS))
            .weight_capacity(bytes)
            .build()
            .expect("both required options are set");
        let memory = Cache::with_options(options, Bytes, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { memory, largest: bytes / LARGEST_PART, tier }
    }

    /// The answer kept for a key, unless it has expired. What the tier behind has is moved into memory.
    pub async fn get(&self, key: &CacheKey, now_ms: i64) -> Option<Arc<CacheEntry>> {
        if let Some(entry) = self.memory.get(key) {
            if entry.expires_at_ms > now_ms {
                return Some(entry);
            }
            // Only if it is still the expired one: another task may have put a fresh answer there meanwhile.
            self.memory.remove_if(key, |kept| kept.expires_at_ms <= now_ms);
        }
        if !self.tier.holds(key) {
            return None;
        }
        // The tier is outside the process: what it returns is checked, not believed.
        let loaded = tokio::time::timeout(TIER_PATIENCE, self.tier.load(*key)).await.ok().flatten();
        let entry = loaded.filter(|entry| entry.key == *key && entry.expires_at_ms > now_ms)?;
        let entry = Arc::new(entry);
        if weight(&entry) <= self.largest {
            self.memory.insert(*key, entry.clone());
        }
        Some(entry)
    }

    /// Keeps an answer, here and in the tier behind. One that is too large is not kept.
    pub fn put(&self, entry: Arc<CacheEntry>) {
        if weight(&entry) > self.largest {
            return;
        }
        self.memory.insert(entry.key, entry.clone());
        self.tier.save(entry);
    }

    /// The longest body that is kept, in bytes: there is no need to collect a longer one.
    #[must_use]
    pub fn largest_body(&self) -> usize {
        usize::try_from(self.largest.saturating_sub(OVERHEAD)).unwrap_or(usize::MAX)
    }

    /// Drops what memory holds of a gateway. Its raised epoch, part of every key, hides the rest.
    pub fn forget(&self, gateway: GatewayId) {
        self.memory.retain(|_, entry| entry.gateway_id != gateway);
    }

    /// Bytes in use, as the bound counts them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.memory.weight()
    }
}

impl std::fmt::Debug for ExactCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExactCache").field("entries", &self.memory.len()).field("bytes", &self.bytes()).finish()
    }
}

/// Weighs entries by what they hold.
#[derive(Clone)]
struct Bytes;

impl Weighter<CacheKey, Arc<CacheEntry>> for Bytes {
    fn weight(&self, _key: &CacheKey, entry: &Arc<CacheEntry>) -> u64 {
        weight(entry)
    }
}

fn weight(entry: &CacheEntry) -> u64 {
    let texts = entry.content_type.len() + entry.provider.len() + entry.model.as_ref().map_or(0, String::len);
    OVERHEAD + (entry.body.len() + texts) as u64
}
