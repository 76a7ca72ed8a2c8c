//! A ledger and a cache tier in memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use domain::cache::{CacheEntry, CacheKey};
use domain::ledger::{AttemptRow, Payload};
use futures_util::future::BoxFuture;
use gateway::ports::{CacheTier, Intent, Ledger};

#[derive(Default)]
pub struct Memory {
    pub rows: Mutex<Vec<(AttemptRow, Option<Payload>)>>,
    pub full: AtomicBool,
    /// Attempts that began; those that ended leave a gap.
    pub intents: Mutex<Vec<Option<AttemptRow>>>,
    /// Whether beginning an attempt fails.
    pub takes_no_intents: AtomicBool,
    /// Whether asking it is a fault of the gateway's.
    pub faulty: AtomicBool,
}

impl Ledger for Memory {
    fn begin(&self, row: &AttemptRow) -> std::io::Result<Intent> {
        if self.takes_no_intents.load(Ordering::Acquire) {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let mut intents = self.intents.lock().expect("no test panics with it");
        intents.push(Some(row.clone()));
        Ok(Intent(u32::try_from(intents.len() - 1).expect("few")))
    }

    fn record(&self, row: &AttemptRow, payload: Option<&Payload>, intent: Option<Intent>) -> std::io::Result<()> {
        if let Some(Intent(number)) = intent {
            let begun = self.intents.lock().expect("no test panics with it")[number as usize].take();
            let begun = begun.expect("an intent ends once");
            assert_eq!((begun.request_id, begun.attempt), (row.request_id, row.attempt));
        }
        // As the spool does: what is kept of the bytes themselves keeps their place in the memory for bodies.
        let copied = |payload: &Payload| Payload {
            request: Bytes::copy_from_slice(&payload.request),
            response: Bytes::copy_from_slice(&payload.response),
            ..payload.clone()
        };
        self.rows.lock().expect("no test panics with it").push((row.clone(), payload.map(copied)));
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
