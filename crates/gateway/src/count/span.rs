//! Windows with a beginning and an end, each with a count of its own. Twice the limit can pass around the boundary of two,
//! which is what such windows mean.

use super::{Ask, Full, Mark, Shape, Taken, Used};

/// The count of the window that time has come to.
#[derive(Debug)]
pub(super) struct Span {
    /// Milliseconds since 1970; nothing was counted yet where it ends as it starts.
    start_ms: i64,
    end_ms: i64,
    used: u64,
}

impl Default for Span {
    fn default() -> Self {
        Self { start_ms: i64::MIN, end_ms: i64::MIN, used: 0 }
    }
}

impl Span {
    /// Opens the window of a moment, where that is another one.
    pub(super) fn at(&mut self, shape: &Shape, now_ms: i64) -> &mut Self {
        let length = self.end_ms.saturating_sub(self.start_ms);
        // A window back is a late thread; further back is a clock that was set back.
        let set_back = now_ms < self.start_ms.saturating_sub(length);
        if (now_ms >= self.end_ms && self.end_ms != i64::MAX) || set_back {
            let (start_ms, end_ms) = shape.bounds(now_ms);
            *self = Self { start_ms, end_ms, used: 0 };
        }
        self
    }

    pub(super) fn try_take(&mut self, ask: Ask) -> Result<Taken, Full> {
        let after = self.used.saturating_add(ask.amount);
        if ask.refuses(after) {
            let free_in_ms = self.ends_in(ask.now_ms).filter(|_| ask.amount <= ask.limit);
            return Err(Full { left: ask.limit.saturating_sub(self.used), free_in_ms });
        }
        self.used = after;
        let left = ask.limit.saturating_sub(after);
        Ok(Taken { mark: Mark(self.start_ms), left, reset_ms: self.ends_in(ask.now_ms) })
    }

    pub(super) fn settle(&mut self, mark: Mark, taken: u64, actual: u64) {
        if mark.0 == self.start_ms {
            self.used = self.used.saturating_sub(taken).saturating_add(actual);
        }
    }

    pub(super) fn add(&mut self, amount: u64, at_ms: i64) {
        if (self.start_ms..self.end_ms).contains(&at_ms) {
            self.used = self.used.saturating_add(amount);
        }
    }

    pub(super) fn used(&self, now_ms: i64) -> Used {
        Used { used: self.used, reset_ms: self.ends_in(now_ms).filter(|_| self.used > 0) }
    }

    fn ends_in(&self, now_ms: i64) -> Option<i64> {
        (self.end_ms != i64::MAX).then(|| (self.end_ms - now_ms).max(1))
    }
}
