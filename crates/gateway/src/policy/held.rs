//! The room that a request has taken in its limits: all of it or none, and put right when the request ends.

use std::sync::Arc;

use domain::ledger::AttemptRow;
use domain::policy::{Action, Measure, Unknown};

use super::limit::LimitState;
use crate::count::{Ask, Full, Group, Mark};

/// What a request may use, at most, as far as is known before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wants {
    /// 0 for a second attempt beside the first: the request itself counts once.
    pub requests: u64,
    pub tokens: u64,
    /// Nano-dollars; nothing where the price is unknown.
    pub cost: Option<u64>,
}

/// What a request used in truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    pub requests: u64,
    pub tokens: u64,
    /// Nano-dollars.
    pub cost: u64,
    /// Whether an attempt broke off before its tokens were told: then what was taken for it stays taken.
    pub broke_off: bool,
}

impl Used {
    /// Adds what a row of the ledger says.
    pub(crate) fn add(&mut self, row: &AttemptRow) {
        self.tokens = self.tokens.saturating_add(row.usage.input.saturating_add(row.usage.output));
        self.cost = self.cost.saturating_add(row.cost.map_or(0, |cost| u64::try_from(cost.0).unwrap_or(0)));
    }
}

/// A limit that a request is under.
#[derive(Debug)]
pub(crate) struct Place {
    pub limit: Arc<LimitState>,
    group: Arc<Group>,
    /// How much the limit is at this moment.
    pub amount: u64,
    /// How much of it is left behind this request.
    pub left: u64,
    pub reset_ms: Option<i64>,
    taken: Option<(Mark, u64)>,
}

/// The limits that a request is under, with what it has taken of them. Dropping it gives back what is not settled.
#[derive(Debug, Default)]
pub(crate) struct Held(Vec<Place>);

/// Why a limit did not let a request in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// There is not enough room for so much.
    Full(Full, u64),
    /// Its price is not known.
    NoPrice,
}

impl Wants {
    /// A request that costs nothing and has no tokens.
    pub(crate) const NOTHING: Self = Self { requests: 1, tokens: 0, cost: Some(0) };

    fn of(&self, measure: Measure) -> Option<u64> {
        match measure {
            Measure::Requests | Measure::Concurrency => Some(self.requests),
            Measure::Tokens => Some(self.tokens),
            Measure::Cost => self.cost,
        }
    }
}

impl Used {
    fn of(&self, measure: Measure, taken: u64) -> u64 {
        match measure {
            Measure::Requests => self.requests,
            Measure::Concurrency => 0,
            Measure::Tokens if self.broke_off => self.tokens.max(taken),
            Measure::Cost if self.broke_off => self.cost.max(taken),
            Measure::Tokens => self.tokens,
            Measure::Cost => self.cost,
        }
    }
}

impl Place {
    pub(super) fn new(limit: &Arc<LimitState>, group: Arc<Group>, now_ms: i64) -> Self {
        let amount = limit.limit.amount_at(now_ms);
        Self { limit: limit.clone(), group, amount, left: amount, reset_ms: None, taken: None }
    }

    /// How much is used.
    pub(crate) fn used(&self) -> u64 {
        self.amount.saturating_sub(self.left)
    }

    /// Whether there was not enough room for so much, when it was looked at.
    pub(super) fn lacks(&self, wants: &Wants) -> bool {
        wants.of(self.limit.limit.measure).is_some_and(|amount| amount > self.left)
    }

    /// Whether one may wait for room in it, for that another request ends.
    pub(crate) fn may_be_waited_for(&self) -> bool {
        self.limit.limit.measure == Measure::Concurrency && self.limit.action == Action::Refuse
    }

    /// Whether somebody waits for room in it.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.may_be_waited_for() && self.group.line.is_waited_in()
    }

    pub(crate) fn group(&self) -> &Arc<Group> {
        &self.group
    }

    fn look(&mut self, now_ms: i64) {
        let used = self.group.counter.lock().used(&self.limit.counts.shape, self.amount, now_ms);
        (self.left, self.reset_ms) = (self.amount.saturating_sub(used.used), used.reset_ms);
    }

    fn settle(&mut self, used: &Used) {
        let Some((mark, taken)) = self.taken.take() else { return };
        let actual = used.of(self.limit.limit.measure, taken);
        self.group.counter.lock().settle(&self.limit.counts.shape, self.amount, mark, taken, actual);
        self.group.line.give_turn();
    }
}

impl Held {
    /// The limits of a request, of which nothing is taken yet, in the order of their ids.
    pub(super) fn new(places: Vec<Place>) -> Self {
        Self(places)
    }

    pub(crate) fn places(&self) -> &[Place] {
        &self.0
    }

    /// Whether one of them counts what must be estimated.
    pub(crate) fn needs_estimate(&self) -> bool {
        self.0.iter().any(|place| matches!(place.limit.limit.measure, Measure::Tokens | Measure::Cost))
    }

    /// Sees how full they are, without taking anything.
    pub(crate) fn look(&mut self, now_ms: i64) {
        self.0.iter_mut().for_each(|place| place.look(now_ms));
    }

    /// Takes what a request may use out of all of them.
    ///
    /// # Errors
    /// Which limit has no room for it, and why; then nothing is taken.
    pub(crate) fn take(&mut self, wants: &Wants, now_ms: i64) -> Result<(), (usize, Short)> {
        take_all(&mut self.0, wants, now_ms, 0)
    }

    /// Puts right what was taken.
    pub(crate) fn settle(&mut self, used: &Used) {
        self.0.iter_mut().for_each(|place| place.settle(used));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.settle(&Used::default());
    }
}

/// Locks one count after the other, and lets go of none before all have room: so nobody sees room as taken that is given
/// back a moment later. Everybody locks in the order of ids, so nobody waits for somebody who waits.
fn take_all(places: &mut [Place], wants: &Wants, now_ms: i64, index: usize) -> Result<(), (usize, Short)> {
    let Some((place, rest)) = places.split_first_mut() else { return Ok(()) };
    let Place { limit, group, amount: most, left, reset_ms, taken } = place;
    let amount = match wants.of(limit.limit.measure) {
        Some(amount) => amount,
        None if limit.unknown == Unknown::Refuse => return Err((index, Short::NoPrice)),
        None => 0,
    };
    let shape = &limit.counts.shape;
    let mut count = group.counter.lock();
    let ask = Ask { limit: *most, amount, now_ms, anyway: limit.action == Action::Warn };
    let room = count.try_take(shape, ask).map_err(|full| (index, Short::Full(full, amount)))?;
    if let Err(short) = take_all(rest, wants, now_ms, index + 1) {
        count.settle(shape, *most, room.mark, amount, 0);
        return Err(short);
    }
    (*left, *reset_ms, *taken) = (room.left, room.reset_ms, Some((room.mark, amount)));
    Ok(())
}
