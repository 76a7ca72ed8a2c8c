//! What the data plane counts about itself, for the metrics page.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::ledger::Outcome;

use crate::error::Code;

/// How many outcomes there are.
const OUTCOMES: usize = Outcome::ALL.len();

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
    /// Requests that are over, by how their last attempt ended, in the order of [`Outcome::ALL`].
    pub requests_ended: [u64; OUTCOMES],
    /// Calls of an upstream that are over, by how they ended, in that order.
    pub attempts_ended: [u64; OUTCOMES],
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
    pub requests_ended: [AtomicU64; OUTCOMES],
    pub attempts_ended: [AtomicU64; OUTCOMES],
    pub refusals: Refusals,
}

/// What the gateway itself said no with.
#[derive(Debug)]
pub(crate) struct Refusals([AtomicU64; Code::ALL.len()]);

impl Default for Refusals {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; Code::ALL.len()])
    }
}

impl Refusals {
    pub(crate) fn count(&self, code: Code) {
        self.0.get(code as usize).into_iter().for_each(count);
    }

    pub(crate) fn of(&self, code: Code) -> u64 {
        self.0.get(code as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}

/// Adds one to what is counted of an outcome.
pub(crate) fn count_outcome(counters: &[AtomicU64; OUTCOMES], outcome: Outcome) {
    counters.get(outcome as usize).into_iter().for_each(count);
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
            requests_ended: self.requests_ended.each_ref().map(of),
            attempts_ended: self.attempts_ended.each_ref().map(of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_and_each_code_has_a_counter_of_its_own() {
        let live = Live::default();
        for (times, outcome) in (1..).zip(Outcome::ALL) {
            (0..times).for_each(|_| count_outcome(&live.attempts_ended, outcome));
        }
        assert_eq!((live.read().attempts_ended, live.read().requests_ended), ([1, 2, 3, 4, 5, 6], [0; 6]));
        for (times, code) in (1..).zip(Code::ALL) {
            (0..times).for_each(|_| live.refusals.count(*code));
        }
        for (times, code) in (1..).zip(Code::ALL) {
            assert_eq!(live.refusals.of(*code), times, "{code:?}");
        }
    }
}
