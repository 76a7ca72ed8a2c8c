//! A window that ends now, at every moment.
//!
//! # The promise
//! In no interval `[t, t + interval)`, wherever it starts, do more than `limit` requests pass. Approximations do not
//! keep it: two counters with a weighted average (the usual "sliding window counter") guess how the last window's
//! requests were spread, GCRA spaces requests out and allows a burst of twice the limit over an interval, and a ring of
//! sub-windows forgets a whole sub-window at once.
//!
//! # How, in bounded memory
//! The moments of what passed are kept as runs: a tick and how many requests fell into it, oldest first. A run leaves
//! when its last possible moment is an interval ago, so rounding can only refuse longer, never let more through.
//! * Up to [`RUNS`] requests per interval a tick is a millisecond: the window is exact to the clock's resolution, and
//!   there are never more runs than `limit`.
//! * Above that a tick is the 4,096th part of the interval (21 s for a day): a request counts for at most that much
//!   longer than the interval. Never more than 4,097 runs exist: 64 KiB for the busiest limiter, none for an idle one.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Full, Taken};

/// Runs kept, and the limit up to which each request has a millisecond of its own.
const RUNS: i64 = 4_096;

/// A sliding window.
#[derive(Debug)]
pub(super) struct Sliding {
    limit: u32,
    interval_ms: i64,
    tick_ms: i64,
    log: Mutex<Log>,
}

#[derive(Debug)]
struct Log {
    /// Oldest first; ticks rise strictly and no run is empty.
    runs: VecDeque<Run>,
    /// Sum of all runs.
    used: u32,
    /// The latest moment seen.
    latest_ms: i64,
}

#[derive(Debug)]
struct Run {
    tick: i64,
    count: u32,
}

impl Sliding {
    pub(super) fn new(limit: u32, interval_ms: i64) -> Self {
        let tick_ms = if i64::from(limit) <= RUNS { 1 } else { interval_ms.div_euclid(RUNS) + 1 };
        let log = Log { runs: VecDeque::new(), used: 0, latest_ms: i64::MIN };
        Self { limit, interval_ms, tick_ms, log: Mutex::new(log) }
    }

    pub(super) fn try_take(&self, now_ms: i64) -> Result<Taken, Full> {
        let mut log = self.lock();
        if now_ms.saturating_add(self.interval_ms) < log.latest_ms {
            *log = Log { runs: VecDeque::new(), used: 0, latest_ms: now_ms };
        }
        log.latest_ms = log.latest_ms.max(now_ms);
        let latest_ms = log.latest_ms;
        while let Some(run) = log.runs.front().filter(|run| self.leaves_at(run.tick) <= latest_ms) {
            log.used -= run.count;
            log.runs.pop_front();
        }
        if log.used >= self.limit {
            let free_at = log.runs.front().map_or(latest_ms, |run| self.leaves_at(run.tick));
            return Err(Full { free_in_ms: free_at - now_ms });
        }
        let tick = latest_ms.div_euclid(self.tick_ms);
        match log.runs.back_mut() {
            Some(run) if run.tick == tick => run.count += 1,
            _ => log.runs.push_back(Run { tick, count: 1 }),
        }
        log.used += 1;
        let oldest = log.runs.front().map_or(tick, |run| run.tick);
        Ok(Taken { left: self.limit - log.used, reset_ms: self.leaves_at(oldest) - now_ms })
    }

    /// What is used, and when some of it comes back, in milliseconds.
    pub(super) fn peek(&self, now_ms: i64) -> (u32, i64) {
        let log = self.lock();
        if now_ms.saturating_add(self.interval_ms) < log.latest_ms {
            return (0, 0);
        }
        let latest_ms = log.latest_ms.max(now_ms);
        let gone = log.runs.iter().take_while(|run| self.leaves_at(run.tick) <= latest_ms);
        let (runs, count) = gone.fold((0, 0), |(runs, count), run| (runs + 1, count + run.count));
        let reset_ms = log.runs.get(runs).map_or(0, |run| self.leaves_at(run.tick) - now_ms);
        (log.used - count, reset_ms)
    }

    /// The moment from which a tick's requests no longer count: an interval after its last millisecond.
    fn leaves_at(&self, tick: i64) -> i64 {
        (tick + 1) * self.tick_ms - 1 + self.interval_ms
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        // Nothing between the writes to the fields can panic, so a poisoned lock is still right.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Sliding {
    /// How many runs are kept.
    pub(super) fn runs(&self) -> usize {
        self.lock().runs.len()
    }
}
