//! Two attempts of one request at the same time: each has a settlement, and both are written down when both have ended.
//!
//! The row of a request's last attempt is the one with the highest number, and it tells what the client was told. So who has the
//! answer takes the other's place where that one's number is higher, together with what was written down before its call: the number of a row is
//! always that of its intent, and whatever a killed process leaves behind is complete.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ledger::AttemptRow;

use super::{Fares, Kept, Settlement, Stage, record};
use crate::counters::{count, count_outcome};
use crate::dynamic::Holds;
use crate::gateway::{InFlight, Shared};
use crate::policy::{Held, Used};
use crate::ports::Intent;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    First,
    Second,
}

/// What both know.
pub(crate) struct Race(Mutex<State>);

struct State {
    /// The number of the newest attempt.
    attempts: u16,
    /// How often the first side was called.
    calls: u16,
    /// Whether the second was called.
    is_hedged: bool,
    /// Whose answer the client gets.
    winner: Option<Side>,
    /// What is left of those that have ended.
    left: [Option<Left>; 2],
}

/// What is left of an attempt, or of several one after the other, to be written down.
pub(super) struct Left {
    pub shared: Arc<Shared>,
    pub is_recordable: bool,
    pub row: Option<(AttemptRow, Option<Kept>)>,
    pub intent: Option<Intent>,
    pub held: Held,
    pub used: Used,
    pub holds: Holds,
    pub moved_cost: u64,
    pub _in_flight: Option<InFlight>,
}

impl Race {
    pub(super) fn new(attempts: u16) -> Self {
        let state = State { attempts, calls: 0, is_hedged: false, winner: None, left: [const { None }; 2] };
        Self(Mutex::new(state))
    }

    /// The number of an attempt that is about to begin.
    pub(super) fn next(&self) -> u16 {
        self.lock().attempts + 1
    }

    /// The attempt with the next number begins.
    pub(super) fn begin(&self, side: Side) {
        let mut state = self.lock();
        state.attempts += 1;
        match side {
            Side::First => state.calls += 1,
            Side::Second => state.is_hedged = true,
        }
    }

    /// Whether the first attempt is under way, or was.
    pub(crate) fn has_begun(&self) -> bool {
        self.lock().calls > 0
    }

    /// Whether the first side was called more than once.
    pub(crate) fn has_repeated(&self) -> bool {
        self.lock().calls > 1
    }

    /// Whose answer the client gets, or whose failure. The other is to be dropped.
    pub(crate) fn decide(&self, winner: Side) {
        self.lock().winner = Some(winner);
    }

    /// Whether the client gets the other's answer.
    pub(super) fn is_lost_by(&self, side: Side) -> bool {
        self.lock().winner.is_some_and(|winner| winner != side)
    }

    /// Whether there are two.
    pub(super) fn is_hedged(&self) -> bool {
        self.lock().is_hedged
    }

    /// One has ended. Once all that have begun have, they are written down.
    pub(super) fn leave(&self, side: Side, left: Left) {
        let mut state = self.lock();
        state.left[side as usize] = Some(left);
        if state.left[Side::First as usize].is_none()
            || (state.is_hedged && state.left[Side::Second as usize].is_none())
        {
            return;
        }
        let (left, winner) = (std::mem::take(&mut state.left), state.winner);
        drop(state);
        write(left, winner);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes down what both left, and puts right what they took of limits.
fn write(left: [Option<Left>; 2], winner: Option<Side>) {
    let mut all: Vec<Left> = left.into_iter().flatten().collect();
    if let [first, second] = &mut all[..] {
        let number = |left: &Left| left.row.as_ref().map_or(0, |(row, _)| row.attempt);
        let first_is_last = match winner {
            Some(winner) => winner == Side::First,
            // The client left: neither has an answer.
            None => number(first) > number(second),
        };
        if first_is_last {
            std::mem::swap(first, second);
        }
        if number(first) > number(second)
            && let (Some((early, _)), Some((last, _))) = (&mut first.row, &mut second.row)
        {
            std::mem::swap(&mut early.attempt, &mut last.attempt);
            std::mem::swap(&mut first.intent, &mut second.intent);
        }
    }
    let cost = all.iter().fold(0, |sum: u64, left| sum.saturating_add(left.used.cost));
    let last = all.iter().rposition(|left| left.row.is_some());
    for (index, left) in all.iter_mut().enumerate() {
        if let Some((mut row, payload)) = left.row.take() {
            row.last = Some(index) == last;
            if row.last {
                count_outcome(&left.shared.counters.requests_ended, row.outcome);
            }
            let payload = payload.as_ref().map(|(payload, _)| payload);
            record(&left.shared, left.is_recordable, &row, payload, left.intent.take());
        }
    }
    for left in &mut all {
        left.held.settle(&left.used);
        left.holds.settle(left.moved_cost.saturating_add(cost));
    }
}

impl Settlement {
    /// A settlement for a second attempt beside the one that is about to begin, and what both know of each other. It writes nothing down
    /// before it has begun an attempt.
    pub(crate) fn fork(&mut self) -> (Box<Self>, Arc<Race>) {
        let race = Arc::new(Race::new(self.row.attempt));
        self.race = Some((race.clone(), Side::First));
        let spare = Box::new(Self {
            shared: self.shared.clone(),
            in_flight: None,
            started: self.started,
            attempt_started: self.attempt_started,
            waited: self.waited,
            dialect: self.dialect,
            row: self.row.clone(),
            recordable: self.recordable,
            keep_payload: self.keep_payload,
            request: self.request.clone(),
            request_content_type: self.request_content_type.clone(),
            pricing: self.pricing.clone(),
            dropped: String::new(),
            client: self.client,
            patience: None,
            held: Held::default(),
            used: Used::default(),
            warnings: self.warnings.clone(),
            fallback: None,
            estimate: None,
            fares: Fares::default(),
            step: self.step,
            holds: Holds::default(),
            moved_cost: 0,
            led: self.led.clone(),
            upstream: self.upstream,
            is_billed_apart: false,
            intent: None,
            pending: None,
            race: Some((race.clone(), Side::Second)),
            stage: Stage::Closed,
        });
        (spare, race)
    }

    /// Whether there were two attempts at once already, or may have been.
    pub(crate) fn has_raced(&self) -> bool {
        self.race.is_some()
    }

    /// Whether this is the second attempt beside a first.
    pub(crate) fn is_hedge(&self) -> bool {
        matches!(self.race, Some((_, Side::Second)))
    }

    /// Whose answer it is, where there are two attempts.
    pub(crate) fn hedged(&self) -> Option<&'static str> {
        let (race, side) = self.race.as_ref()?;
        race.is_hedged().then_some(match side {
            Side::First => "first",
            Side::Second => "second",
        })
    }

    /// Whether the other of two attempts has the answer.
    pub(super) fn is_lost(&self) -> bool {
        self.race.as_ref().is_some_and(|(race, side)| race.is_lost_by(*side))
    }

    /// The attempt with the number in the row begins.
    pub(super) fn note_begin(&self) {
        if let Some((race, side)) = &self.race {
            race.begin(*side);
            if *side == Side::Second {
                count(&self.shared.counters.hedges);
            }
        }
    }

    /// What is left to be written down.
    pub(super) fn left(&mut self) -> Left {
        Left {
            shared: self.shared.clone(),
            is_recordable: self.recordable,
            row: self.pending.take(),
            intent: self.intent.take(),
            held: std::mem::take(&mut self.held),
            used: std::mem::take(&mut self.used),
            holds: std::mem::take(&mut self.holds),
            moved_cost: self.moved_cost,
            _in_flight: self.in_flight.take(),
        }
    }
}
