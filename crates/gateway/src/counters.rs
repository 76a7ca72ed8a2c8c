//! What the data plane counts about itself, for the metrics page.

use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests that came in.
    pub requests: u64,
    /// Requests that the gateway refused itself.
    pub refused: u64,
    /// Refused requests that left no ledger row, because they named neither a known token nor an existing gateway.
    pub refused_unrecorded: u64,
    /// Requests answered from the cache.
    pub cache_hits: u64,
    /// Calls of an upstream, retries included.
    pub attempts: u64,
    /// Second attempts beside a first one, and those of them that answered.
    pub hedges: u64,
    pub hedges_won: u64,
    /// Requests that waited for their turn; one that waited for several things counts for each.
    pub queued: u64,
    /// Attempts that brought no usable answer.
    pub upstream_failures: u64,
    /// Requests whose client left before the end.
    pub clients_gone: u64,
    /// Requests that the gateway broke off because the server was stopping.
    pub interrupted: u64,
    /// Rows that the ledger did not take.
    pub ledger_failures: u64,
    /// Bodies that were not kept for log, cache or usage, because memory was short.
    pub captures_dropped: u64,
    /// Responses that were to be kept and were not: too long, or not to be written down.
    pub responses_lost: u64,
    /// Requests that ended in a fault of ours.
    pub panics: u64,
}

/// The live side of [`Counters`].
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub requests: AtomicU64,
    pub refused: AtomicU64,
    pub refused_unrecorded: AtomicU64,
    pub cache_hits: AtomicU64,
    pub attempts: AtomicU64,
    pub hedges: AtomicU64,
    pub hedges_won: AtomicU64,
    pub queued: AtomicU64,
    pub upstream_failures: AtomicU64,
    pub clients_gone: AtomicU64,
    pub interrupted: AtomicU64,
    pub ledger_failures: AtomicU64,
    pub captures_dropped: AtomicU64,
    pub responses_lost: AtomicU64,
    pub panics: AtomicU64,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Live {
    pub(crate) fn read(&self) -> Counters {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            requests: of(&self.requests),
            refused: of(&self.refused),
            refused_unrecorded: of(&self.refused_unrecorded),
            cache_hits: of(&self.cache_hits),
            attempts: of(&self.attempts),
            hedges: of(&self.hedges),
            hedges_won: of(&self.hedges_won),
            queued: of(&self.queued),
            upstream_failures: of(&self.upstream_failures),
            clients_gone: of(&self.clients_gone),
            interrupted: of(&self.interrupted),
            ledger_failures: of(&self.ledger_failures),
            captures_dropped: of(&self.captures_dropped),
            responses_lost: of(&self.responses_lost),
            panics: of(&self.panics),
        }
    }
}
