//! The counts of a policy that groups: one for each value, in bounded memory.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::{Counter, Shape};
use crate::queue::{Line, Room};
use crate::sync::{Mutex, MutexGuard};

/// Most groups of a policy that have a count of their own.
const MAX_GROUPS: usize = 50_000;
/// Parts that are locked apart, a power of two.
const SHARDS: usize = 16;
/// How often idle counts are looked for where there is no room, in milliseconds.
const SWEEP_EVERY_MS: i64 = 1_000;

/// What a group is known by: a digest of its values, so that it is short whatever they are.
pub(crate) type GroupKey = [u64; 2];
/// The values of a group, for people; none where a request has none.
pub(crate) type Labels = Box<[Option<Box<str>>]>;

/// A group and its count.
#[derive(Debug)]
pub(crate) struct Group {
    pub counter: Counter,
    pub labels: Labels,
    /// Who waits for room, where a limit is one of concurrency.
    pub line: Line,
}

impl Group {
    pub(crate) fn new(counter: Counter, labels: Labels) -> Self {
        Self { counter, labels, line: Line::default() }
    }
}

impl Room for Group {
    fn line(&self) -> &Line {
        &self.line
    }
}

/// The counts of a policy's groups. Where there are too many, those that come late share one count: their limit holds for
/// all of them together. One of them that gets a count of its own later, since others have become idle, begins anew.
#[derive(Debug)]
pub(crate) struct Groups {
    shards: [Mutex<Shard>; SHARDS],
    /// Most groups of a shard.
    most: usize,
    others: Arc<Group>,
}

#[derive(Debug, Default)]
struct Shard {
    groups: HashMap<GroupKey, Arc<Group>>,
    /// When idle counts were last looked for, in milliseconds since 1970.
    swept_ms: i64,
}

impl Groups {
    pub(crate) fn new(shape: &Shape) -> Self {
        Self::of_at_most(MAX_GROUPS, shape)
    }

    pub(crate) fn of_at_most(groups: usize, shape: &Shape) -> Self {
        let others = Group::new(shape.counter(), Box::default());
        Self { shards: Default::default(), most: groups / SHARDS, others: Arc::new(others) }
    }

    /// The group of a key; `labels` makes its values where it is new.
    pub(crate) fn find(
        &self,
        key: GroupKey,
        labels: impl FnOnce() -> Labels,
        shape: &Shape,
        limit: u64,
        now_ms: i64,
    ) -> Arc<Group> {
        let mut shard = lock(&self.shards[shard_of(key)]);
        if let Some(group) = shard.groups.get(&key) {
            return group.clone();
        }
        if shard.groups.len() >= self.most && !shard.sweep(self.most, shape, limit, now_ms) {
            return self.others.clone();
        }
        let group = Arc::new(Group::new(shape.counter(), labels()));
        shard.groups.insert(key, group.clone());
        group
    }

    /// All groups, those that share a count last and as one without values.
    pub(crate) fn all(&self) -> Vec<Arc<Group>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(lock(shard).groups.values().cloned());
        }
        all.push(self.others.clone());
        all
    }
}

fn shard_of(key: GroupKey) -> usize {
    usize::try_from(key[0] % SHARDS as u64).unwrap_or_default()
}

impl Shard {
    /// Drops the counts that nobody holds and that have nothing in them: they can be made again. Tells whether there is room now.
    fn sweep(&mut self, most: usize, shape: &Shape, limit: u64, now_ms: i64) -> bool {
        if (now_ms - self.swept_ms).abs() < SWEEP_EVERY_MS {
            return false;
        }
        self.swept_ms = now_ms;
        // A count is handed out under this lock only, so one that nobody else holds now cannot come into use meanwhile.
        self.groups.retain(|_, group| {
            Arc::strong_count(group) > 1 || group.counter.lock().used(shape, limit, now_ms).used > 0
        });
        self.groups.len() < most
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
