//! A window that ends now, at every moment.
//!
//! # The promise
//! In no interval `[t, t + interval)`, wherever it starts, does more than the limit pass. Approximations do not keep it:
//! two counters with a weighted average (the usual "sliding window counter") guess how the last window was spread, GCRA
//! spaces requests out and allows a burst of twice the limit over an interval, and a ring of sub-windows forgets a whole
//! sub-window at once.
//!
//! # How, in bounded memory
//! What passed is kept as runs: a tick and how much fell into it, oldest first. A run leaves when its last possible moment
//! is an interval ago, so rounding can only refuse longer, never let more through. The shape chooses the tick: a
//! millisecond where the limit is so low that there are few runs anyway, a fraction of the interval otherwise. A run has 16
//! bytes, so the busiest window takes 64 KiB, that of a group 2 KiB, and an idle one nothing.

use std::collections::VecDeque;

use super::{Full, Mark, Taken, Used};

/// What passed in the interval until now.
#[derive(Debug)]
pub(super) struct Sliding {
    /// Oldest first; ticks rise strictly.
    runs: VecDeque<Run>,
    /// Sum of all runs.
    used: u64,
    /// The latest moment seen.
    latest_ms: i64,
}

#[derive(Debug)]
struct Run {
    tick: i64,
    amount: u64,
}

/// A window at a moment, with what is over taken out.
pub(super) struct Now<'a> {
    log: &'a mut Sliding,
    interval_ms: i64,
    tick_ms: i64,
    now_ms: i64,
}

impl Default for Sliding {
    fn default() -> Self {
        Self { runs: VecDeque::new(), used: 0, latest_ms: i64::MIN }
    }
}

impl Sliding {
    pub(super) fn at(&mut self, interval_ms: i64, tick_ms: i64, now_ms: i64) -> Now<'_> {
        if now_ms.saturating_add(interval_ms) < self.latest_ms {
            *self = Self::default();
        }
        self.latest_ms = self.latest_ms.max(now_ms);
        let mut now = Now { log: self, interval_ms, tick_ms, now_ms };
        now.forget();
        now
    }

    pub(super) fn settle(&mut self, mark: Mark, taken: u64, actual: u64) {
        let Ok(index) = self.runs.binary_search_by_key(&mark.0, |run| run.tick) else { return };
        let Some(run) = self.runs.get_mut(index) else { return };
        let before = run.amount;
        run.amount = before.saturating_sub(taken).saturating_add(actual);
        self.used = self.used.saturating_sub(before).saturating_add(run.amount);
        if run.amount == 0 {
            self.runs.remove(index);
        }
    }
}

impl Now<'_> {
    pub(super) fn try_take(&mut self, limit: u64, amount: u64) -> Result<Taken, Full> {
        let after = self.log.used.saturating_add(amount);
        if amount > 0 && after > limit {
            let free_in_ms = if amount > limit { None } else { self.frees(after - limit) };
            return Err(Full { used: self.log.used, free_in_ms });
        }
        let tick = self.log.latest_ms.div_euclid(self.tick_ms);
        if amount > 0 {
            self.count(tick, amount);
        }
        let reset_ms = self.log.runs.front().map(|run| self.leaves_at(run.tick) - self.now_ms);
        Ok(Taken { mark: Mark(tick), left: limit.saturating_sub(after), reset_ms })
    }

    pub(super) fn add(&mut self, amount: u64, at_ms: i64) {
        let tick = at_ms.min(self.log.latest_ms).div_euclid(self.tick_ms);
        if amount > 0 && self.leaves_at(tick) > self.log.latest_ms {
            self.count(tick, amount);
        }
    }

    pub(super) fn used(&self) -> Used {
        let reset_ms = self.log.runs.front().map(|run| (self.leaves_at(run.tick) - self.now_ms).max(1));
        Used { used: self.log.used, reset_ms }
    }

    fn count(&mut self, tick: i64, amount: u64) {
        let log = &mut *self.log;
        match log.runs.back_mut() {
            Some(run) if run.tick == tick => run.amount = run.amount.saturating_add(amount),
            Some(run) if run.tick > tick => match log.runs.binary_search_by_key(&tick, |run| run.tick) {
                Ok(index) => log.runs[index].amount = log.runs[index].amount.saturating_add(amount),
                Err(index) => log.runs.insert(index, Run { tick, amount }),
            },
            _ => log.runs.push_back(Run { tick, amount }),
        }
        log.used = log.used.saturating_add(amount);
    }

    fn forget(&mut self) {
        while let Some(run) = self.log.runs.front().filter(|run| self.leaves_at(run.tick) <= self.log.latest_ms) {
            self.log.used = self.log.used.saturating_sub(run.amount);
            self.log.runs.pop_front();
        }
    }

    /// Milliseconds until so much comes back.
    fn frees(&self, mut missing: u64) -> Option<i64> {
        for run in &self.log.runs {
            missing = missing.saturating_sub(run.amount);
            if missing == 0 {
                return Some((self.leaves_at(run.tick) - self.now_ms).max(1));
            }
        }
        None
    }

    /// The moment from which a tick no longer counts: an interval after its last millisecond.
    fn leaves_at(&self, tick: i64) -> i64 {
        (tick + 1) * self.tick_ms - 1 + self.interval_ms
    }
}

#[cfg(test)]
impl Sliding {
    /// How many runs are kept.
    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }
}
