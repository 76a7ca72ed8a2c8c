//! How many requests may pass in an interval: one counter per gateway, exact under concurrency.
//!
//! Time is passed in as milliseconds since 1970 and never read here. A limiter's time does not run backwards: a moment
//! before the latest one it saw counts as that latest one, so threads that read the clock in one order and arrive in
//! another cannot open a second window. Only a clock set back by more than an interval starts the count anew.
//!
//! Locks are held for a few dozen instructions and never across an await.

mod fixed;
mod sliding;
#[cfg(test)]
mod tests;

use domain::settings::RateTechnique;

use self::fixed::Fixed;
use self::sliding::Sliding;

/// A rate limit with its count.
#[derive(Debug)]
pub struct Limiter {
    limit: u32,
    interval_s: u32,
    technique: RateTechnique,
    window: Window,
}

#[derive(Debug)]
enum Window {
    Fixed(Fixed),
    Sliding(Sliding),
}

/// A request that may pass, and what is left after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Requests allowed in each interval.
    pub limit: u32,
    /// How many more may pass now.
    pub remaining: u32,
    /// Seconds until some of what was used comes back, rounded up.
    pub reset_s: u32,
}

/// How much room there is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Requests allowed in each interval.
    pub limit: u32,
    /// How many may pass now.
    pub remaining: u32,
    /// Seconds until some of what was used comes back, rounded up.
    pub reset_s: u32,
}

/// A request that may not pass now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit of {limit} requests is used up; the next may pass in {retry_after_ms} ms")]
pub struct Exceeded {
    /// Milliseconds until a request may pass, if nobody else takes the place; at least 1.
    pub retry_after_ms: u64,
    /// Requests allowed in each interval.
    pub limit: u32,
    /// How many more may pass now: none.
    pub remaining: u32,
    /// Seconds until some of what was used comes back, rounded up.
    pub reset_s: u32,
}

impl Limiter {
    /// Allows `limit` requests in each `interval_s` seconds. An interval of 0 is taken as one second.
    #[must_use]
    pub fn new(limit: u32, interval_s: u32, technique: RateTechnique) -> Self {
        let interval_s = interval_s.max(1);
        let interval_ms = i64::from(interval_s) * 1_000;
        let window = match technique {
            RateTechnique::Fixed => Window::Fixed(Fixed::new(limit, interval_ms)),
            RateTechnique::Sliding => Window::Sliding(Sliding::new(limit, interval_ms)),
        };
        Self { limit, interval_s, technique, window }
    }

    /// Whether it was made with these figures, so that its count stays meaningful over a reload.
    #[must_use]
    pub fn is_like(&self, limit: u32, interval_s: u32, technique: RateTechnique) -> bool {
        (self.limit, self.interval_s, self.technique) == (limit, interval_s.max(1), technique)
    }

    /// Counts a request, unless the limit is used up.
    ///
    /// # Errors
    /// The limit is used up; nothing was counted.
    pub fn try_take(&self, now_ms: i64) -> Result<Remaining, Exceeded> {
        let taken = match &self.window {
            Window::Fixed(window) => window.try_take(now_ms),
            Window::Sliding(window) => window.try_take(now_ms),
        };
        match taken {
            Ok(Taken { left, reset_ms }) => {
                Ok(Remaining { limit: self.limit, remaining: left, reset_s: seconds(reset_ms) })
            }
            Err(Full { free_in_ms }) => {
                let free_in_ms = free_in_ms.max(1);
                Err(Exceeded {
                    retry_after_ms: free_in_ms.unsigned_abs(),
                    limit: self.limit,
                    remaining: 0,
                    reset_s: seconds(free_in_ms),
                })
            }
        }
    }

    /// How much room there is, without taking any.
    pub fn peek(&self, now_ms: i64) -> Room {
        let (used, reset_ms) = match &self.window {
            Window::Fixed(window) => window.peek(now_ms),
            Window::Sliding(window) => window.peek(now_ms),
        };
        Room { limit: self.limit, remaining: self.limit.saturating_sub(used), reset_s: seconds(reset_ms) }
    }
}

/// What a window says when it counted a request.
struct Taken {
    left: u32,
    reset_ms: i64,
}

/// What a window says when it is full.
struct Full {
    free_in_ms: i64,
}

/// Whole seconds, rounded up.
fn seconds(ms: i64) -> u32 {
    u32::try_from(ms.max(0).saturating_add(999) / 1_000).unwrap_or(u32::MAX)
}
