//! How keys and the hosts they are for fare: who rests after failures, who is tried again, who is quick and who is busy.
//!
//! Each key has a [`Health`], and so has each address of a provider, for each team apart: nobody's failures count against another
//! team. Both live longer than a configuration. What is known here only ever chooses among several: where there is one key at one
//! address, it is asked, however it fares, and where all rest, the one that rests for the shortest time yet is asked.
//!
//! # What opens the circuit
//! Of an address: five failures in a row, or half of at least twenty attempts within ten seconds. A failure is no connection, no
//! answer in time, an answer that breaks off, and the statuses 500, 502, 503, 504 and 529. Of a key: a refusal as unknown or unpaid
//! (401, 402), at once. Then it rests: five seconds at an address, a minute for a key, twice as long each time in a row, up to a
//! minute and a quarter of an hour. After that one request at a time tries it; a success ends it, a failure begins the next rest.
//! A key that is asked too often (429) rests as long as the provider says, up to five minutes, and five seconds where it says nothing;
//! that is no failure.

mod ring;
mod told;

use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use self::ring::Ring;
pub(crate) use self::told::Told;
use crate::queue::{Line, Room};

/// Failures in a row that open the circuit of an address.
const IN_A_ROW: u32 = 5;
/// Attempts within the ring's time below which their share of failures says nothing.
const ENOUGH: u32 = 20;
/// A key rests at least so long where it is asked too often and nobody says how long, and at most so long whatever is said.
const COOLDOWN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(5));
const MINUTE: Duration = Duration::from_mins(1);
/// A probe of which nobody hears the end is over after this time.
const PROBE_ENDS: Duration = Duration::from_secs(30);
/// Attempts beyond the first that are always allowed within the ring's time, ten a second, and the share of all requests that may be
/// made again beside them (as in Finagle).
const RETRY_FLOOR: u32 = 100;
const RETRY_SHARE: u32 = 5;
/// Of those, second attempts beside a first one: one a second, and one for so many first attempts.
const HEDGE_FLOOR: u32 = 10;
const HEDGE_SHARE: u32 = 10;

/// What a health is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// An address of a provider.
    Address,
    /// A key.
    Key,
}

/// Which attempt at a question it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nth {
    First,
    /// It repeats one that failed.
    Again,
    /// It goes out beside one that has not answered yet.
    Beside,
}

/// How an attempt ended, for the address or the key that it was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was answered, be it with a refusal of the question.
    Well,
    /// It failed.
    Badly,
    /// The key is not taken at all.
    Rejected,
    /// It is asked too often, and may be asked again after this time, where the provider says so.
    TooOften(Option<Duration>),
    /// Nobody waited for the end, or it says nothing of this one.
    Unknown,
}

/// Whether somebody may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// It may.
    Ready,
    /// It rested, and one request may try it.
    Probe,
    /// It rests until then.
    Resting(Instant),
}

/// What is known of a key or an address.
#[derive(Debug)]
pub(crate) struct Health {
    of: Of,
    state: Mutex<State>,
    busy: AtomicU32,
    /// Moving average of the time to an answer's beginning in microseconds; 0 where none has begun.
    latency_us: AtomicU64,
    /// The status of the last failure; 0 where there was no answer, or no failure.
    failed: AtomicU16,
    /// Who waits for room at an address.
    pub line: Line,
}

#[derive(Debug, Default)]
struct State {
    ring: Ring,
    in_a_row: u32,
    /// How often in a row it went to rest.
    rests: u32,
    /// The minute that runs, and the attempts in it.
    minute: Option<(Instant, u32)>,
    rest: Option<Rest>,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Instant,
    /// The circuit is open, and not only asked too often.
    is_open: bool,
    /// When the probe under way ends at last.
    probe_ends: Option<Instant>,
}

impl Health {
    pub(crate) fn new(of: Of) -> Self {
        Self {
            of,
            state: Mutex::default(),
            busy: AtomicU32::new(0),
            latency_us: AtomicU64::new(0),
            failed: AtomicU16::new(0),
            line: Line::default(),
        }
    }

    /// Whether it may be asked now.
    pub(crate) fn standing(&self, now: Instant) -> Standing {
        self.lock().standing(now)
    }

    /// An attempt begins. Dropping what comes back ends it.
    pub(crate) fn begin(self: &Arc<Self>, now: Instant, nth: Nth) -> Busy {
        let mut state = self.lock();
        let counts = state.ring.at(now);
        counts.attempts += 1;
        counts.repeated += u32::from(nth != Nth::First);
        counts.hedged += u32::from(nth == Nth::Beside);
        let minute = state.minute.take().filter(|(began, _)| now < *began + MINUTE).unwrap_or((now, 0));
        state.minute = Some((minute.0, minute.1.saturating_add(1)));
        let probes = state.standing(now) == Standing::Probe;
        if let Some(rest) = state.rest.as_mut().filter(|_| probes) {
            rest.probe_ends = Some(now + PROBE_ENDS);
        }
        drop(state);
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// When there may be more attempts again, where there were as many in this minute as there may be.
    pub(crate) fn is_used_up(&self, most: u32, now: Instant) -> Option<Instant> {
        let (began, attempts) = self.lock().minute?;
        let ends = began + MINUTE;
        (now < ends && attempts >= most).then_some(ends)
    }

    /// Whether there may be one more attempt beyond the first: repeated ones must stay few beside all others.
    pub(crate) fn may_repeat(&self, now: Instant) -> bool {
        self.retries_left(now) > 0
    }

    /// How many more attempts beyond the first there may be now.
    pub(crate) fn retries_left(&self, now: Instant) -> u32 {
        let sums = self.lock().ring.sums(now);
        let most = RETRY_FLOOR.saturating_add(sums.attempts.saturating_sub(sums.repeated) / RETRY_SHARE);
        most.saturating_sub(sums.repeated)
    }

    /// What the next failure is, to be said before it is told: the status of an answer, or 0 where there is none.
    pub(crate) fn failed_with(&self, status: u16) {
        self.failed.store(status, Ordering::Relaxed);
    }

    /// Whether there may be one more beside a first one: these have a budget of their own within that of [`Health::may_repeat`], so
    /// that one that has become slow is not asked twice as much.
    pub(crate) fn may_hedge(&self, now: Instant) -> bool {
        let sums = self.lock().ring.sums(now);
        let firsts = sums.attempts.saturating_sub(sums.repeated);
        sums.hedged < HEDGE_FLOOR.saturating_add(firsts / HEDGE_SHARE) && self.may_repeat(now)
    }

    /// An attempt ended so.
    pub(crate) fn end(&self, ended: Ended, now: Instant) {
        let mut state = self.lock();
        match ended {
            Ended::Well => state.succeed(now),
            Ended::Badly => state.fail(self.of, now),
            Ended::Rejected => state.open(self.of, now),
            Ended::TooOften(wished) => state.cool_down(wished.unwrap_or_default(), now),
            Ended::Unknown => {
                if let Some(rest) = &mut state.rest {
                    rest.probe_ends = None;
                }
            }
        }
    }

    /// An attempt was broken off after this time, before its answer began, because another one was heard. That opens the circuit of
    /// whom it was to try, and else says no more than how slow it is at least.
    pub(crate) fn lose(&self, after: Duration, now: Instant) {
        let mut state = self.lock();
        if state.rest.is_some_and(|rest| rest.is_open && now >= rest.until) {
            state.open(self.of, now);
        }
        drop(state);
        self.began(after);
    }

    /// An answer began after this time.
    pub(crate) fn began(&self, after: Duration) {
        let new = u64::try_from(after.as_micros()).unwrap_or(u64::MAX).max(1);
        let average = |old: u64| if old == 0 { new } else { old - old / 8 + new / 8 };
        // A lost update costs one sample.
        self.latency_us.store(average(self.latency_us.load(Ordering::Relaxed)), Ordering::Relaxed);
    }

    /// Average time to an answer's beginning in microseconds; 0 where nothing is known.
    pub(crate) fn latency_us(&self) -> u64 {
        self.latency_us.load(Ordering::Relaxed)
    }

    /// Attempts under way.
    pub(crate) fn busy(&self) -> u32 {
        self.busy.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room for Health {
    fn line(&self) -> &Line {
        &self.line
    }
}

/// An attempt under way.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Health>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
        self.0.line.give_turn();
    }
}

impl State {
    fn standing(&self, now: Instant) -> Standing {
        match self.rest {
            None => Standing::Ready,
            Some(rest) if now < rest.until => Standing::Resting(rest.until),
            Some(Rest { is_open: false, .. }) => Standing::Ready,
            Some(Rest { probe_ends: Some(ends), .. }) if now < ends => Standing::Resting(ends),
            Some(_) => Standing::Probe,
        }
    }

    fn succeed(&mut self, now: Instant) {
        self.in_a_row = 0;
        // One that was under way when the circuit opened does not close it.
        if self.rest.is_some_and(|rest| now >= rest.until) {
            self.rest = None;
            self.rests = 0;
        }
    }

    fn fail(&mut self, of: Of, now: Instant) {
        self.ring.at(now).failed += 1;
        self.in_a_row = self.in_a_row.saturating_add(1);
        let sums = self.ring.sums(now);
        let probed = self.rest.is_some_and(|rest| rest.is_open && now >= rest.until);
        let too_many = sums.attempts >= ENOUGH && sums.failed >= sums.attempts.div_ceil(2);
        let is_new = self.rest.is_none_or(|rest| now >= rest.until);
        if probed || (is_new && (self.in_a_row >= IN_A_ROW || too_many)) {
            self.open(of, now);
        }
    }

    fn open(&mut self, of: Of, now: Instant) {
        if self.rest.is_some_and(|rest| rest.is_open && now < rest.until) {
            return;
        }
        let (first, most) = match of {
            Of::Address => (Duration::from_secs(5), Duration::from_mins(1)),
            Of::Key => (Duration::from_mins(1), Duration::from_mins(15)),
        };
        let length = first.saturating_mul(1 << self.rests.min(16)).min(most);
        self.rests = self.rests.saturating_add(1);
        self.in_a_row = 0;
        self.ring = Ring::default();
        self.rest = Some(Rest { until: now + length, is_open: true, probe_ends: None });
    }

    fn cool_down(&mut self, wished: Duration, now: Instant) {
        self.in_a_row = 0;
        let (least, most) = COOLDOWN;
        let length = if wished.is_zero() { least } else { wished.min(most) };
        let until = now + length;
        if self.rest.is_none_or(|rest| !rest.is_open && rest.until < until || now >= rest.until) {
            self.rest = Some(Rest { until, is_open: false, probe_ends: None });
        }
    }
}

#[cfg(test)]
mod tests;
