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
//! Locks are held for a few dozen instructions and never across an await. Who needs several counts at once locks them in one
//! order everywhere.

mod bucket;
mod calendar;
mod groups;
mod sliding;
mod span;
#[cfg(test)]
mod tests;

use std::sync::PoisonError;

use domain::policy::{Limit, Measure, Unit, Window};

use self::bucket::Bucket;
pub(crate) use self::calendar::Zone;
pub(crate) use self::groups::{Group, GroupKey, Groups, Labels};
use self::sliding::Sliding;
use self::span::Span;
use crate::sync::{Mutex, MutexGuard};

/// Parts of a sliding window that are told apart, for a policy with one count and for each group of many.
const TICKS: (u32, u32) = (4_096, 128);

/// How time is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Windows that begin at multiples of the interval.
    Fixed { interval_ms: i64 },
    /// The interval that ends now.
    Sliding(Ticks),
    /// A bucket that `amount` flows into in an interval, and that holds `burst`.
    Bucket { interval_ms: i64, amount: u64, burst: u64 },
    /// Windows of the calendar.
    Calendar { unit: Unit, zone: Zone },
    /// All time.
    Ever,
    /// What is under way now.
    Gauge,
}

/// A sliding interval in ticks: what passed counts for at most a tick too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticks {
    interval_ms: i64,
    tick_ms: i64,
    /// Most runs that are told apart; older ones are put together.
    most: usize,
}

/// The count of one group.
#[derive(Debug)]
pub(crate) struct Counter(Mutex<State>);

/// A count that nobody else looks at meanwhile.
#[derive(Debug)]
pub(crate) struct Locked<'a>(MutexGuard<'a, State>);

#[derive(Debug)]
enum State {
    Span(Span),
    Sliding(Sliding),
    Bucket(Bucket),
    Gauge(u64),
}

/// Room that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub limit: u64,
    pub amount: u64,
    pub now_ms: i64,
    /// Whether it is taken even where there is none.
    pub anyway: bool,
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
    /// What is left, which is not enough.
    pub left: u64,
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

impl Ask {
    /// Whether so much may not be in use.
    fn refuses(&self, after: u64) -> bool {
        self.amount > 0 && after > self.limit && !self.anyway
    }
}

impl Shape {
    /// The shape of a policy's limit.
    pub(crate) fn of(limit: &Limit) -> Self {
        if limit.measure == Measure::Concurrency {
            return Self::Gauge;
        }
        let ms = |seconds: u32| i64::from(seconds.max(1)) * 1_000;
        match &limit.window {
            Window::Fixed { seconds } => Self::Fixed { interval_ms: ms(*seconds) },
            Window::Sliding { seconds } => {
                let ticks = if limit.group_by.is_empty() { TICKS.0 } else { TICKS.1 };
                let most = limit.amount.saturating_add(limit.extra.map_or(0, |extra| extra.amount));
                let exact = limit.measure == Measure::Requests && most <= ticks.into();
                Self::Sliding(Ticks::new(ms(*seconds), ticks, exact))
            }
            Window::Bucket { seconds, burst } => {
                Self::Bucket { interval_ms: ms(*seconds), amount: limit.amount, burst: *burst }
            }
            Window::Calendar { unit, zone } => Self::Calendar { unit: *unit, zone: Zone::of(zone.as_deref()) },
            Window::Ever => Self::Ever,
        }
    }

    /// A count of this shape with nothing in it.
    pub(crate) fn counter(&self) -> Counter {
        Counter(Mutex::new(match self {
            Self::Fixed { .. } | Self::Calendar { .. } | Self::Ever => State::Span(Span::default()),
            Self::Sliding(_) => State::Sliding(Sliding::default()),
            Self::Bucket { .. } => State::Bucket(Bucket::default()),
            Self::Gauge => State::Gauge(0),
        }))
    }

    /// The moment from which on what happened may still count, in milliseconds since 1970; none where nothing that is
    /// over does.
    pub(crate) fn counts_since(&self, now_ms: i64) -> Option<i64> {
        match self {
            Self::Sliding(ticks) => Some(now_ms - ticks.interval_ms - ticks.tick_ms),
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
            Self::Ever | Self::Sliding(_) | Self::Bucket { .. } | Self::Gauge => (i64::MIN, i64::MAX),
        }
    }
}

impl Ticks {
    /// So many ticks, or an interval that is exact to the millisecond, for which so many runs are enough.
    fn new(interval_ms: i64, ticks: u32, exact: bool) -> Self {
        let tick_ms = if exact { 1 } else { interval_ms.div_euclid(ticks.into()) + 1 };
        // The first and the last tick of an interval are counted in part.
        Self { interval_ms, tick_ms, most: ticks as usize + 2 }
    }
}

impl Counter {
    /// The count, for as long as it is held. Nobody may wait for anything but further counts meanwhile.
    pub(crate) fn lock(&self) -> Locked<'_> {
        // Nothing between the writes to a state can panic, so a poisoned lock is still right.
        Locked(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// A counter is made by its shape and kept with it, so the arms below for a state of another shape are never reached.
impl Locked<'_> {
    /// Takes room. What is nothing always passes.
    ///
    /// # Errors
    /// There is not enough.
    pub(crate) fn try_take(&mut self, shape: &Shape, ask: Ask) -> Result<Taken, Full> {
        match (&mut *self.0, shape) {
            (State::Sliding(sliding), Shape::Sliding(ticks)) => sliding.at(*ticks, ask.now_ms).try_take(ask),
            (State::Bucket(bucket), Shape::Bucket { interval_ms, amount, burst }) => {
                // What is allowed beyond the usual amount may come at once.
                let capacity = burst.saturating_add(ask.limit.saturating_sub(*amount));
                bucket.at(*interval_ms, ask.limit, ask.now_ms).try_take(capacity, ask)
            }
            (State::Gauge(used), _) => {
                let after = used.saturating_add(ask.amount);
                if ask.refuses(after) {
                    return Err(Full { left: ask.limit.saturating_sub(*used), free_in_ms: None });
                }
                *used = after;
                Ok(Taken { mark: Mark(0), left: ask.limit.saturating_sub(after), reset_ms: None })
            }
            (State::Span(span), shape) => span.at(shape, ask.now_ms).try_take(ask),
            (State::Sliding(_) | State::Bucket(_), _) => Err(Full { left: 0, free_in_ms: None }),
        }
    }

    /// Puts right what was taken: it was `actual` in truth. Where its window is over there is nothing to put right.
    pub(crate) fn settle(&mut self, shape: &Shape, limit: u64, mark: Mark, taken: u64, actual: u64) {
        match (&mut *self.0, shape) {
            (State::Span(span), _) => span.settle(mark, taken, actual),
            (State::Sliding(sliding), Shape::Sliding(ticks)) => sliding.settle(*ticks, mark, taken, actual),
            (State::Bucket(bucket), Shape::Bucket { interval_ms, .. }) => {
                bucket.settle(*interval_ms, limit, mark, taken, actual);
            }
            (State::Gauge(used), _) => *used = used.saturating_sub(taken).saturating_add(actual),
            (State::Sliding(_) | State::Bucket(_), _) => {}
        }
    }

    /// Counts what passed already, whatever the limit. Moments may come in any order; a bucket is exact only where they
    /// come in theirs, and refuses longer otherwise.
    pub(crate) fn add(&mut self, shape: &Shape, limit: u64, amount: u64, at_ms: i64, now_ms: i64) {
        match (&mut *self.0, shape) {
            (State::Span(span), shape) => span.at(shape, now_ms).add(amount, at_ms),
            (State::Sliding(sliding), Shape::Sliding(ticks)) => sliding.at(*ticks, now_ms).add(amount, at_ms),
            (State::Bucket(bucket), Shape::Bucket { interval_ms, .. }) => {
                bucket.add(*interval_ms, limit, amount, at_ms.min(now_ms));
            }
            (State::Sliding(_) | State::Bucket(_) | State::Gauge(_), _) => {}
        }
    }

    /// How full it is, without taking any.
    pub(crate) fn used(&mut self, shape: &Shape, limit: u64, now_ms: i64) -> Used {
        match (&mut *self.0, shape) {
            (State::Span(span), shape) => span.at(shape, now_ms).used(now_ms),
            (State::Sliding(sliding), Shape::Sliding(ticks)) => sliding.at(*ticks, now_ms).used(),
            (State::Bucket(bucket), Shape::Bucket { interval_ms, .. }) => bucket.at(*interval_ms, limit, now_ms).used(),
            (State::Gauge(used), _) => Used { used: *used, reset_ms: None },
            (State::Sliding(_) | State::Bucket(_), _) => Used { used: 0, reset_ms: None },
        }
    }
}
