//! A bucket that fills evenly: how much may pass at once is bounded apart from how much may pass in the long run.
//!
//! What was taken is kept as a debt that melts. It is counted in units × the interval's milliseconds, so that a millisecond
//! melts exactly the limit and nothing is rounded.

use super::{Ask, Full, Mark, Taken, Used};

/// What was taken and has not come back.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// Units × milliseconds of the interval. Amounts and intervals of 64 bits each fit a product, and the sum stays where it is
    /// instead of overflowing.
    debt: u128,
    /// When it was that, in milliseconds since 1970.
    at_ms: i64,
}

/// A bucket at a moment.
pub(super) struct Now<'a> {
    bucket: &'a mut Bucket,
    interval_ms: u128,
    /// Units that come back in an interval.
    limit: u64,
}

impl Bucket {
    /// Lets time pass, of which `limit` units come back in an interval.
    pub(super) fn at(&mut self, interval_ms: i64, limit: u64, now_ms: i64) -> Now<'_> {
        let passed = now_ms.saturating_sub(self.at_ms);
        if passed > 0 {
            self.debt = self.debt.saturating_sub(u128::from(passed.unsigned_abs()) * u128::from(limit));
            self.at_ms = now_ms;
        } else if passed < -interval_ms {
            // The clock was set back: what is owed melts from here on.
            self.at_ms = now_ms;
        }
        Now { bucket: self, interval_ms: length(interval_ms), limit }
    }

    /// What was taken too much comes back as far as it has not melted since; the rest would be what others took.
    pub(super) fn settle(&mut self, interval_ms: i64, limit: u64, mark: Mark, taken: u64, actual: u64) {
        let of = |amount: u64| u128::from(amount) * length(interval_ms);
        if actual >= taken {
            self.debt = self.debt.saturating_add(of(actual - taken));
            return;
        }
        let passed = u128::from(self.at_ms.saturating_sub(mark.0).max(0).unsigned_abs());
        let there = of(taken).saturating_sub(passed * u128::from(limit));
        self.debt = self.debt.saturating_sub(of(taken - actual).min(there));
    }

    /// Counts what passed at a moment. One before the latest has nothing to melt in and counts in full.
    pub(super) fn add(&mut self, interval_ms: i64, limit: u64, amount: u64, at_ms: i64) {
        if at_ms > self.at_ms {
            self.at(interval_ms, limit, at_ms);
        }
        self.debt = self.debt.saturating_add(u128::from(amount) * length(interval_ms));
    }
}

impl Now<'_> {
    pub(super) fn try_take(&mut self, capacity: u64, ask: Ask) -> Result<Taken, Full> {
        let room = u128::from(capacity) * self.interval_ms;
        let after = self.bucket.debt.saturating_add(u128::from(ask.amount) * self.interval_ms);
        let left = |debt: u128| u64::try_from(room.saturating_sub(debt) / self.interval_ms).unwrap_or(u64::MAX);
        if ask.amount > 0 && after > room && !ask.anyway {
            let free_in_ms = if ask.amount > capacity { None } else { self.melts_in(after - room) };
            return Err(Full { left: left(self.bucket.debt), free_in_ms });
        }
        let left = left(after);
        self.bucket.debt = after;
        Ok(Taken { mark: Mark(self.bucket.at_ms), left, reset_ms: self.used().reset_ms })
    }

    /// The time it tells is until the bucket is full again.
    pub(super) fn used(&self) -> Used {
        let used = u64::try_from(self.bucket.debt.div_ceil(self.interval_ms)).unwrap_or(u64::MAX);
        Used { used, reset_ms: self.melts_in(self.bucket.debt).filter(|_| used > 0) }
    }

    /// Milliseconds until so much has melted.
    fn melts_in(&self, debt: u128) -> Option<i64> {
        let per_ms = u128::from(self.limit);
        (per_ms > 0).then(|| i64::try_from(debt.div_ceil(per_ms)).unwrap_or(i64::MAX).max(1))
    }
}

fn length(interval_ms: i64) -> u128 {
    u128::from(interval_ms.unsigned_abs()).max(1)
}
