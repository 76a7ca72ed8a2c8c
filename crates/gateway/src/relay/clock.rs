//! Time limits of a running answer: how long it may be silent, and how long it may take.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::plan::Timeouts;
use crate::settle::Settlement;

/// Longest time in which a caller hears nothing although the provider speaks. Proxies and SDKs give up at half a minute or
/// later.
const QUIET: Duration = Duration::from_secs(10);

/// One timer for both limits, set anew only when it fires, so that a piece of an answer costs no timer.
pub(super) struct Clock {
    timer: Pin<Box<Sleep>>,
    idle: Duration,
    last: Instant,
    /// When the caller last got something.
    told: Instant,
    end: Instant,
}

impl Clock {
    /// Starts now, for the answer to the running attempt.
    pub(super) fn of(settlement: &Settlement, timeouts: &Timeouts) -> Self {
        Self::start(timeouts.idle, settlement.attempt_started() + timeouts.total)
    }

    /// The same to a stream's first event.
    pub(super) fn to_first(settlement: &Settlement, timeouts: &Timeouts) -> Self {
        let whole = timeouts.first_token.map_or(timeouts.total, |first| first.min(timeouts.total));
        let idle = if timeouts.first_token.is_some() { whole } else { timeouts.idle };
        Self::start(idle, settlement.attempt_started() + whole)
    }

    /// `end` is the last moment.
    fn start(idle: Duration, end: Instant) -> Self {
        let last = Instant::now();
        Self { timer: Box::pin(sleep_until((last + idle).min(end))), idle, last, told: last, end }
    }

    /// Something came.
    pub(super) fn touch(&mut self) {
        self.last = Instant::now();
    }

    /// What came last went on to the caller, or something instead of it.
    pub(super) fn tell(&mut self) {
        self.told = self.last;
    }

    /// Whether pieces came for a good while and nothing of them went on.
    pub(super) fn is_quiet(&self) -> bool {
        self.last - self.told >= QUIET
    }

    /// Whether the answer has taken all of its time, by the last that came.
    pub(super) fn is_over(&self) -> bool {
        self.last >= self.end
    }

    /// Allows no more time than this from now on, whatever comes. Later calls give no more.
    pub(super) fn hurry(&mut self, most: Duration) {
        self.touch();
        self.end = self.end.min(self.last + most);
        let next = self.next();
        self.timer.as_mut().reset(next);
    }

    /// When to give up, if nothing comes.
    pub(super) fn next(&self) -> Instant {
        (self.last + self.idle).min(self.end)
    }

    /// Ready when it is time to give up.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let next = self.next();
            if Instant::now() >= next {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(next);
        }
        Poll::Pending
    }
}
