//! The limits in routes: they lead a request elsewhere, so what is counted is what passed. Money counts once it was spent; requests that
//! are under way at the same time may together go beyond, by what they cost.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use domain::policy;
use domain::settings::RateTechnique;
use route::{Limit, LimitStep, Measure};

use crate::count::{Ask, Full, Group, GroupKey, Groups, Mark, Shape};

/// The counts of an element.
#[derive(Debug)]
pub(crate) struct Counts {
    limit: Limit,
    shape: Shape,
    one: Arc<Group>,
    many: Groups,
    seeds: [RandomState; 2],
}

/// Room that a request took, to be put right when it ends.
#[derive(Debug)]
pub(crate) struct Hold {
    counts: Arc<Counts>,
    group: Arc<Group>,
    taken: Option<Mark>,
}

/// All that a request took.
#[derive(Debug, Default)]
pub(crate) struct Holds(Vec<Hold>);

impl Counts {
    pub(super) fn new(limit: &Limit) -> Self {
        let seconds = limit.window_s;
        let window = match limit.technique {
            RateTechnique::Fixed => policy::Window::Fixed { seconds },
            RateTechnique::Sliding => policy::Window::Sliding { seconds },
        };
        let (measure, amount) = match limit.measure {
            Measure::Requests(most) => (policy::Measure::Requests, most),
            Measure::Cost(most) => (policy::Measure::Cost, u64::try_from(most.0).unwrap_or_default()),
        };
        let group_by = limit.key.iter().map(|_| policy::Field::User).collect();
        let shape = Shape::of(&policy::Limit { measure, amount, window, group_by, warn_at: None, extra: None });
        let one = Arc::new(Group::new(shape.counter(), Box::default()));
        Self { many: Groups::new(&shape), limit: limit.clone(), shape, one, seeds: Default::default() }
    }

    /// Whether it counts the same as another.
    pub(super) fn is_of(&self, limit: &Limit) -> bool {
        self.limit == *limit
    }

    pub(super) fn measure(&self) -> Measure {
        self.limit.measure
    }

    fn amount(&self) -> u64 {
        match self.limit.measure {
            Measure::Requests(most) => most,
            Measure::Cost(most) => u64::try_from(most.0).unwrap_or_default(),
        }
    }

    fn group(&self, step: &LimitStep<'_>, value: Option<&str>, now_ms: i64) -> Arc<Group> {
        if !step.keyed {
            return self.one.clone();
        }
        let key: GroupKey = self.seeds.each_ref().map(|seed| seed.hash_one(value));
        let labels = || Box::from([value.map(Box::from)]);
        self.many.find(key, labels, &self.shape, self.amount(), now_ms)
    }

    /// Takes room for a request; none where there is none.
    pub(super) fn take(self: &Arc<Self>, step: &LimitStep<'_>, value: Option<&str>, now_ms: i64) -> Option<Hold> {
        let group = self.group(step, value, now_ms);
        let ask = Ask { limit: self.amount(), amount: 1, now_ms, anyway: false };
        let taken = group.counter.lock().try_take(&self.shape, ask).ok()?;
        Some(Hold { counts: self.clone(), group, taken: Some(taken.mark) })
    }

    /// Milliseconds until there is room for a request without a value of the key; none where time alone does not bring it.
    pub(super) fn free_in_ms(&self, now_ms: i64) -> Option<i64> {
        let ask = Ask { limit: self.amount(), amount: 1, now_ms, anyway: false };
        let mut count = self.one.counter.lock();
        match count.try_take(&self.shape, ask) {
            Ok(taken) => {
                count.settle(&self.shape, self.amount(), taken.mark, 1, 0);
                None
            }
            Err(Full { free_in_ms, .. }) => free_in_ms,
        }
    }
}

impl Hold {
    /// Puts right what was taken, now that it is known what the request cost.
    fn settle(&mut self, cost: u64) {
        let Some(mark) = self.taken.take() else { return };
        let actual = match self.counts.limit.measure {
            Measure::Requests(_) => 1,
            Measure::Cost(_) => cost,
        };
        self.group.counter.lock().settle(&self.counts.shape, self.counts.amount(), mark, 1, actual);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.settle(0);
    }
}

impl Holds {
    pub(crate) fn push(&mut self, hold: Hold) {
        self.0.push(hold);
    }

    /// Puts right what was taken; `cost` is in nano-dollars.
    pub(crate) fn settle(&mut self, cost: u64) {
        self.0.drain(..).for_each(|mut hold| hold.settle(cost));
    }
}
