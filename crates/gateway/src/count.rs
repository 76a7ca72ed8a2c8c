//! How much of something may pass in a time: counts that are exact under concurrency, with room taken before and the truth
//! told after.
//!
//! A [`Shape`] says how time is cut and is shared by all groups of a policy; a [`Counter`] is the count of one group. The
//! limit itself is passed in, so that it may change (an increase for a while, another amount) without the count being lost.
//!
//! Time is passed in as milliseconds since 1970 and never read here. A counter's time does not run backwards: a moment
//! before the latest one it saw counts as that latest one, so threads that read the clock in one order and arrive in
//! another cannot open a second window. Only a clock set back by more than a window starts the count anew.
//!
//! Locks are held for a few dozen instructions and never across an await.

mod bucket;
mod calendar;
mod groups;
mod sliding;
mod span;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::policy::{Limit, Measure, Unit, Window};

use self::bucket::Bucket;
use self::calendar::Zone;
pub(crate) use self::calendar::zone_exists;
pub(crate) use self::groups::{GroupKey, Groups};
use self::sliding::Sliding;
use self::span::Span;

/// Parts of a sliding window that are told apart, for a policy with one count and for each group of many.
const TICKS: (u32, u32) = (4_096, 128);

/// How time is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Windows that begin at multiples of the interval.
    Fixed { interval_ms: i64 },
    /// The interval that ends now, in ticks: what passed counts for at most a tick too long.
    Sliding { interval_ms: i64, tick_ms: i64 },
    /// A bucket that `amount` flows into in an interval, and that holds `burst`.
    Bucket { interval_ms: i64, amount: u64, burst: u64 },
    /// Windows of the calendar.
    Calendar { unit: Unit, zone: Zone },
    /// All time.
    Ever,
    /// What is under way now.
    Gauge,
}

/// The count of one group.
#[derive(Debug)]
pub(crate) struct Counter(Mutex<State>);

#[derive(Debug)]
enum State {
    Span(Span),
    Sliding(Sliding),
    Bucket(Bucket),
    Gauge(u64),
}

/// Where in time something was counted: what turns out later is put right there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(i64);

/// Room that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub mark: Mark,
    /// What is left.
    pub left: u64,
    /// Milliseconds until some of what was used comes back; none where it never does by itself.
    pub reset_ms: Option<i64>,
}

/// There is not enough room; nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// What is used.
    pub used: u64,
    /// Milliseconds until there is enough, if nobody else takes it, at least 1; none where time alone does not bring it.
    pub free_in_ms: Option<i64>,
}

/// How full it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub used: u64,
    /// Milliseconds until some of it comes back; none where it never does by itself, or nothing is used.
    pub reset_ms: Option<i64>,
}

impl Shape {
    /// The shape of a policy's limit.
    pub(crate) fn of(limit: &Limit) -> Self {
        let ticks = if limit.group_by.is_empty() { TICKS.0 } else { TICKS.1 };
        if limit.measure == Measure::Concurrency {
            return Self::Gauge;
        }
        let ms = |seconds: u32| i64::from(seconds.max(1)) * 1_000;
        match &limit.window {
            Window::Fixed { seconds } => Self::Fixed { interval_ms: ms(*seconds) },
            Window::Sliding { seconds } => {
                let most = limit.amount.saturating_add(limit.extra.map_or(0, |extra| extra.amount));
                let exact = limit.measure == Measure::Requests && most <= ticks.into();
                Self::sliding(ms(*seconds), if exact { None } else { Some(ticks) })
            }
            Window::Bucket { seconds, burst } => {
                Self::Bucket { interval_ms: ms(*seconds), amount: limit.amount, burst: *burst }
            }
            Window::Calendar { unit, zone } => Self::Calendar { unit: *unit, zone: Zone::of(zone.as_deref()) },
            Window::Ever => Self::Ever,
        }
    }

    /// A sliding window, exact to the millisecond or in so many ticks.
    fn sliding(interval_ms: i64, ticks: Option<u32>) -> Self {
        let tick_ms = ticks.map_or(1, |ticks| interval_ms.div_euclid(ticks.into()) + 1);
        Self::Sliding { interval_ms, tick_ms }
    }

    /// A count of this shape with nothing in it.
    pub(crate) fn counter(&self) -> Counter {
        Counter(Mutex::new(match self {
            Self::Fixed { .. } | Self::Calendar { .. } | Self::Ever => State::Span(Span::default()),
            Self::Sliding { .. } => State::Sliding(Sliding::default()),
            Self::Bucket { .. } => State::Bucket(Bucket::default()),
            Self::Gauge => State::Gauge(0),
        }))
    }

    /// The moment from which on what happened may still count, in milliseconds since 1970; none where nothing that is
    /// over does.
    pub(crate) fn counts_since(&self, now_ms: i64) -> Option<i64> {
        match self {
            Self::Sliding { interval_ms, tick_ms } => Some(now_ms - interval_ms - tick_ms),
            // A full bucket takes this long to run empty.
            Self::Bucket { interval_ms, amount, burst } => {
                let intervals = i64::try_from(burst / (*amount).max(1)).unwrap_or(i64::MAX).saturating_add(1);
                Some(now_ms.saturating_sub(interval_ms.saturating_mul(intervals)))
            }
            Self::Fixed { .. } | Self::Calendar { .. } | Self::Ever => Some(self.bounds(now_ms).0),
            Self::Gauge => None,
        }
    }

    /// Beginning and end of the window that a moment lies in, for shapes that have such windows.
    fn bounds(&self, now_ms: i64) -> (i64, i64) {
        match self {
            Self::Fixed { interval_ms } => {
                let start = now_ms.div_euclid(*interval_ms) * interval_ms;
                (start, start + interval_ms)
            }
            Self::Calendar { unit, zone } => zone.bounds(*unit, now_ms),
            Self::Ever | Self::Sliding { .. } | Self::Bucket { .. } | Self::Gauge => (i64::MIN, i64::MAX),
        }
    }
}

impl Counter {
    /// Takes `amount` of `limit`. What is nothing always passes.
    ///
    /// # Errors
    /// There is not enough room.
    pub(crate) fn try_take(&self, shape: &Shape, limit: u64, amount: u64, now_ms: i64) -> Result<Taken, Full> {
        let mut state = self.lock();
        match (&mut *state, shape) {
            (State::Sliding(sliding), Shape::Sliding { interval_ms, tick_ms }) => {
                sliding.at(*interval_ms, *tick_ms, now_ms).try_take(limit, amount)
            }
            (State::Bucket(bucket), Shape::Bucket { interval_ms, amount: base, burst }) => {
                let capacity = burst.saturating_add(limit.saturating_sub(*base));
                bucket.at(*interval_ms, limit, now_ms).try_take(capacity, amount)
            }
            (State::Gauge(used), _) => {
                let after = used.saturating_add(amount);
                if amount > 0 && after > limit {
                    return Err(Full { used: *used, free_in_ms: None });
                }
                *used = after;
                Ok(Taken { mark: Mark(0), left: limit.saturating_sub(after), reset_ms: None })
            }
            (State::Span(span), shape) => span.at(shape, now_ms).try_take(limit, amount, now_ms),
            // A counter is made by its shape and kept with it.
            (State::Sliding(_) | State::Bucket(_), _) => Err(Full { used: 0, free_in_ms: None }),
        }
    }

    /// Puts right what was taken: it was `actual` in truth. Where its window is over there is nothing to put right.
    pub(crate) fn settle(&self, shape: &Shape, mark: Mark, taken: u64, actual: u64) {
        match (&mut *self.lock(), shape) {
            (State::Span(span), _) => span.settle(mark, taken, actual),
            (State::Sliding(sliding), _) => sliding.settle(mark, taken, actual),
            (State::Bucket(bucket), Shape::Bucket { interval_ms, .. }) => bucket.settle(*interval_ms, taken, actual),
            (State::Gauge(used), _) => *used = used.saturating_sub(taken).saturating_add(actual),
            (State::Bucket(_), _) => {}
        }
    }

    /// Counts what passed already, whatever the limit. Moments may come in any order.
    pub(crate) fn add(&self, shape: &Shape, limit: u64, amount: u64, at_ms: i64, now_ms: i64) {
        match (&mut *self.lock(), shape) {
            (State::Span(span), shape) => span.add(shape, amount, at_ms, now_ms),
            (State::Sliding(sliding), Shape::Sliding { interval_ms, tick_ms }) => {
                sliding.at(*interval_ms, *tick_ms, now_ms).add(amount, at_ms);
            }
            (State::Bucket(bucket), Shape::Bucket { interval_ms, .. }) => {
                bucket.at(*interval_ms, limit, at_ms).add(amount);
            }
            (State::Sliding(_) | State::Bucket(_) | State::Gauge(_), _) => {}
        }
    }

    /// How full it is, without taking any.
    pub(crate) fn used(&self, shape: &Shape, limit: u64, now_ms: i64) -> Used {
        match (&mut *self.lock(), shape) {
            (State::Span(span), shape) => span.at(shape, now_ms).used(now_ms),
            (State::Sliding(sliding), Shape::Sliding { interval_ms, tick_ms }) => {
                sliding.at(*interval_ms, *tick_ms, now_ms).used()
            }
            (State::Bucket(bucket), Shape::Bucket { interval_ms, .. }) => bucket.at(*interval_ms, limit, now_ms).used(),
            (State::Gauge(used), _) => Used { used: *used, reset_ms: None },
            (State::Sliding(_) | State::Bucket(_), _) => Used { used: 0, reset_ms: None },
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing between the writes to a state can panic, so a poisoned lock is still right.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
