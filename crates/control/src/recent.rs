//! Who was authenticated in the last seconds: spares the database a query per page part. Revocation empties it at
//! once; a change made by another process shows with the configuration that it made, or after the entry's short life.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::view::Me;
use domain::{SessionId, UserId};
use tokio::time::Instant;

const LIFE: Duration = Duration::from_secs(5);
const CAPACITY: usize = 4_096;

/// A session found valid.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) me: Arc<Me>,
    pub(crate) session_id: SessionId,
    pub(crate) ends_at: DateTime<Utc>,
}

#[derive(Default)]
pub(crate) struct Recent {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Raised by every revocation, so that what was read before it is not remembered after it.
    generation: u64,
    entries: HashMap<[u8; 32], (Found, Instant)>,
}

impl Recent {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered, or the generation to remember an answer with.
    pub(crate) fn get(&self, digest: &[u8; 32]) -> Result<Found, u64> {
        let state = self.lock();
        match state.entries.get(digest) {
            Some((found, until)) if *until > Instant::now() => Ok(found.clone()),
            _ => Err(state.generation),
        }
    }

    pub(crate) fn put(&self, digest: [u8; 32], found: Found, generation: u64) {
        let mut state = self.lock();
        if state.generation != generation {
            return;
        }
        let now = Instant::now();
        if state.entries.len() >= CAPACITY {
            state.entries.retain(|_, (_, until)| *until > now);
        }
        if state.entries.len() < CAPACITY {
            state.entries.insert(digest, (found, now + LIFE));
        }
    }

    /// Forgets everything about a person.
    pub(crate) fn forget(&self, user: UserId) {
        let mut state = self.lock();
        state.generation += 1;
        state.entries.retain(|_, (found, _)| found.me.id != user);
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.generation += 1;
        state.entries.clear();
    }
}
