//! The counts of a policy that groups: one for each value, in bounded memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Counter, Shape};

/// Most groups of a policy that have a count of their own.
pub(crate) const MAX_GROUPS: usize = 50_000;
/// Parts that are locked apart, a power of two.
const SHARDS: usize = 16;

/// How often idle counts are looked for where there is no room, in milliseconds.
const SWEEP_EVERY_MS: i64 = 1_000;

/// What a group is known by: a digest of its values, so that it is short whatever they are.
pub(crate) type GroupKey = [u8; 16];

/// The counts of a policy's groups. Where there are too many, those that come late share one count: their limit holds for
/// all of them together, so nothing passes that should not.
#[derive(Debug)]
pub(crate) struct Groups {
    shards: [Mutex<Shard>; SHARDS],
    others: Arc<Counter>,
}

#[derive(Debug, Default)]
struct Shard {
    counters: HashMap<GroupKey, Arc<Counter>>,
    /// When idle counts were last looked for, in milliseconds since 1970.
    swept_ms: i64,
}

impl Groups {
    pub(crate) fn new(shape: &Shape) -> Self {
        Self { shards: Default::default(), others: Arc::new(shape.counter()) }
    }

    /// The count of a group.
    pub(crate) fn counter(&self, key: &GroupKey, shape: &Shape, limit: u64, now_ms: i64) -> Arc<Counter> {
        let mut shard = self.shard(key);
        if let Some(counter) = shard.counters.get(key) {
            return counter.clone();
        }
        if shard.counters.len() >= MAX_GROUPS / SHARDS && !shard.sweep(shape, limit, now_ms) {
            return self.others.clone();
        }
        let counter = Arc::new(shape.counter());
        shard.counters.insert(*key, counter.clone());
        counter
    }

    /// How many groups have a count of their own.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).counters.len()).sum()
    }

    fn shard(&self, key: &GroupKey) -> MutexGuard<'_, Shard> {
        lock(&self.shards[usize::from(key[0]) % SHARDS])
    }
}

impl Shard {
    /// Drops the counts that nobody holds and that have nothing in them: they can be made again. Tells whether there is room now.
    fn sweep(&mut self, shape: &Shape, limit: u64, now_ms: i64) -> bool {
        if (now_ms - self.swept_ms).abs() < SWEEP_EVERY_MS {
            return false;
        }
        self.swept_ms = now_ms;
        self.counters.retain(|_, counter| {
            Arc::strong_count(counter) > 1 || counter.used(shape, limit, now_ms).used > 0
        });
        self.counters.len() < MAX_GROUPS / SHARDS
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
