//! A ledger and a cache tier in memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use domain::cache::{CacheEntry, CacheKey};
use domain::ledger::{AttemptRow, Payload};
use futures_util::future::BoxFuture;
use gateway::ports::{CacheTier, Ledger};

#[derive(Default)]
pub struct Memory {
    pub rows: Mutex<Vec<(AttemptRow, Option<Payload>)>>,
    pub full: AtomicBool,
    /// Whether asking it is a fault of the gateway's.
    pub faulty: AtomicBool,
}

impl Ledger for Memory {
    fn record(&self, row: &AttemptRow, payload: Option<&Payload>) -> std::io::Result<()> {
        self.rows.lock().expect("no test panics with it").push((row.clone(), payload.cloned()));
        Ok(())
    }

    fn ready(&self) -> bool {
        assert!(!self.faulty.load(Ordering::Acquire), "a fault by script");
        !self.full.load(Ordering::Acquire)
    }
}

pub struct NoTier;

impl CacheTier for NoTier {
    fn holds(&self, _: &CacheKey) -> bool {
        false
    }

    fn load(&self, _: CacheKey) -> BoxFuture<'static, Option<CacheEntry>> {
        Box::pin(async { None })
    }

    fn save(&self, _: Arc<CacheEntry>) {}
}
