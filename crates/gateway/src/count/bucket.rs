//! A bucket that fills evenly: how much may pass at once is bounded apart from how much may pass in the long run.
//!
//! What was taken is kept as a debt that melts. It is counted in units × the interval's milliseconds, so that a millisecond
//! melts exactly the limit and nothing is rounded.

use super::{Full, Mark, Taken, Used};

/// What was taken and has not come back.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// Units × milliseconds of the interval.
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
        Now { bucket: self, interval_ms: u128::from(interval_ms.unsigned_abs()).max(1), limit }
    }

    pub(super) fn settle(&mut self, interval_ms: i64, taken: u64, actual: u64) {
        let interval_ms = u128::from(interval_ms.unsigned_abs()).max(1);
        self.debt = self.debt.saturating_sub(u128::from(taken) * interval_ms) + u128::from(actual) * interval_ms;
    }
}

impl Now<'_> {
    pub(super) fn try_take(&mut self, capacity: u64, amount: u64) -> Result<Taken, Full> {
        let room = u128::from(capacity) * self.interval_ms;
        let after = self.bucket.debt + u128::from(amount) * self.interval_ms;
        if amount > 0 && after > room {
            let free_in_ms = if amount > capacity { None } else { self.melts_in(after - room) };
            return Err(Full { used: self.used().used, free_in_ms });
        }
        self.bucket.debt = after;
        let left = u64::try_from(room.saturating_sub(after) / self.interval_ms).unwrap_or(u64::MAX);
        Ok(Taken { mark: Mark(0), left, reset_ms: self.used().reset_ms })
    }

    pub(super) fn add(&mut self, amount: u64) {
        self.bucket.debt += u128::from(amount) * self.interval_ms;
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
