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
//! millisecond where the limit is so low that there are few runs anyway, a fraction of the interval otherwise. Where there are
//! too many all the same, because more passed than the limit before it was one, the oldest run is put to the next. A run has 16
//! bytes, so the busiest window takes 64 KiB, that of a group 2 KiB, and an idle one nothing.

use std::collections::VecDeque;

use super::{Ask, Full, Mark, Taken, Ticks, Used};

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
    ticks: Ticks,
    now_ms: i64,
}

impl Default for Sliding {
    fn default() -> Self {
        Self { runs: VecDeque::new(), used: 0, latest_ms: i64::MIN }
    }
}

impl Sliding {
    pub(super) fn at(&mut self, ticks: Ticks, now_ms: i64) -> Now<'_> {
        if now_ms.saturating_add(ticks.interval_ms) < self.latest_ms {
            *self = Self::default();
        }
        self.latest_ms = self.latest_ms.max(now_ms);
        let over = |run: &&Run| ticks.leaves_at(run.tick) <= self.latest_ms;
        while let Some(run) = self.runs.front().filter(over) {
            self.used = self.used.saturating_sub(run.amount);
            self.runs.pop_front();
        }
        Now { log: self, ticks, now_ms }
    }

    pub(super) fn settle(&mut self, ticks: Ticks, mark: Mark, taken: u64, actual: u64) {
        if taken == actual || ticks.leaves_at(mark.0) <= self.latest_ms {
            return;
        }
        let index = self.runs.partition_point(|run| run.tick < mark.0);
        match self.runs.get_mut(index) {
            // Its own run, or the one that it was put to. What took nothing has none.
            Some(run) if run.tick == mark.0 || taken > 0 => {
                let before = run.amount;
                run.amount = before.saturating_sub(taken).saturating_add(actual);
                self.used = self.used.saturating_sub(before).saturating_add(run.amount);
                if run.amount == 0 {
                    self.runs.remove(index);
                }
            }
            _ if taken == 0 => self.count(ticks, mark.0, actual),
            _ => {}
        }
    }

    fn count(&mut self, ticks: Ticks, tick: i64, amount: u64) {
        let index = match self.runs.back() {
            Some(last) if last.tick >= tick => self.runs.partition_point(|run| run.tick < tick),
            _ => self.runs.len(),
        };
        match self.runs.get_mut(index) {
            Some(run) if run.tick == tick => run.amount = run.amount.saturating_add(amount),
            _ => self.runs.insert(index, Run { tick, amount }),
        }
        self.used = self.used.saturating_add(amount);
        if self.runs.len() > ticks.most
            && let Some(oldest) = self.runs.pop_front()
            && let Some(next) = self.runs.front_mut()
        {
            next.amount = next.amount.saturating_add(oldest.amount);
        }
    }
}

impl Now<'_> {
    pub(super) fn try_take(&mut self, ask: Ask) -> Result<Taken, Full> {
        let after = self.log.used.saturating_add(ask.amount);
        if ask.refuses(after) {
            let free_in_ms = if ask.amount > ask.limit { None } else { self.frees(after - ask.limit) };
            return Err(Full { left: ask.limit.saturating_sub(self.log.used), free_in_ms });
        }
        let tick = self.ticks.of(self.log.latest_ms);
        if ask.amount > 0 {
            self.log.count(self.ticks, tick, ask.amount);
        }
        Ok(Taken { mark: Mark(tick), left: ask.limit.saturating_sub(after), reset_ms: self.used().reset_ms })
    }

    pub(super) fn add(&mut self, amount: u64, at_ms: i64) {
        let tick = self.ticks.of(at_ms.min(self.log.latest_ms));
        if amount > 0 && self.ticks.leaves_at(tick) > self.log.latest_ms {
            self.log.count(self.ticks, tick, amount);
        }
    }

    pub(super) fn used(&self) -> Used {
        let reset_ms = self.log.runs.front().map(|run| self.leaves_in(run));
        Used { used: self.log.used, reset_ms }
    }

    /// Milliseconds until so much comes back.
    fn frees(&self, mut missing: u64) -> Option<i64> {
        for run in &self.log.runs {
            missing = missing.saturating_sub(run.amount);
            if missing == 0 {
                return Some(self.leaves_in(run));
            }
        }
        None
    }

    fn leaves_in(&self, run: &Run) -> i64 {
        (self.ticks.leaves_at(run.tick) - self.now_ms).max(1)
    }
}

impl Ticks {
    fn of(self, at_ms: i64) -> i64 {
        at_ms.div_euclid(self.tick_ms)
    }

    /// The moment from which a tick no longer counts: an interval after its last millisecond.
    fn leaves_at(self, tick: i64) -> i64 {
        tick.saturating_add(1).saturating_mul(self.tick_ms).saturating_sub(1).saturating_add(self.interval_ms)
    }
}

#[cfg(test)]
impl Sliding {
    /// How many runs are kept.
    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }
}
