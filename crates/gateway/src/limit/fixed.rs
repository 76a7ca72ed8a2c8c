//! Windows that start at multiples of the interval, each with a count of its own.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Full, Taken};

/// A fixed window: twice the limit can pass around the boundary of two windows, which is what the technique means.
#[derive(Debug)]
pub(super) struct Fixed {
    limit: u32,
    interval_ms: i64,
    count: Mutex<Count>,
}

#[derive(Debug)]
struct Count {
    /// Number of the window since 1970.
    window: i64,
    used: u32,
}

impl Fixed {
    pub(super) fn new(limit: u32, interval_ms: i64) -> Self {
        Self { limit, interval_ms, count: Mutex::new(Count { window: i64::MIN, used: 0 }) }
    }

    pub(super) fn try_take(&self, now_ms: i64) -> Result<Taken, Full> {
        let window = now_ms.div_euclid(self.interval_ms);
        let mut count = self.lock();
        // One window back is a late thread; further back is a clock that was set back.
        if window > count.window || window < count.window - 1 {
            *count = Count { window, used: 0 };
        }
        let ends_in_ms = (count.window + 1) * self.interval_ms - now_ms;
        if count.used >= self.limit {
            return Err(Full { free_in_ms: ends_in_ms });
        }
        count.used += 1;
        Ok(Taken { left: self.limit - count.used, reset_ms: ends_in_ms })
    }

    /// What is used, and when the window ends, in milliseconds.
    pub(super) fn peek(&self, now_ms: i64) -> (u32, i64) {
        let window = now_ms.div_euclid(self.interval_ms);
        let count = self.lock();
        let is_new = window > count.window || window < count.window - 1;
        let (window, used) = if is_new { (window, 0) } else { (count.window, count.used) };
        (used, (window + 1) * self.interval_ms - now_ms)
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        // The two fields are written together and nothing between can panic, so a poisoned lock is still right.
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
