//! A request's way through a route. The data plane asks for the [next](Walk::next) step, does it, tells how it went, and asks
//! again until the end. An element is met once, so every walk ends; a model that was tried is never tried again.

use std::borrow::Cow;

use domain::settings::RateTechnique;

use crate::bounds::MAX_ELEMENTS;
use crate::compile::{Does, Edge, Member, Model, Route};
use crate::condition::Place;
use crate::fact::{Fact, Facts};
use crate::fault::Fault;
use crate::find::{self, Spans};
use crate::graph::{Measure, Strategy};
use crate::path::{Path, Record};
use crate::split;

/// What is to be done next.
#[derive(Clone, Copy, Debug)]
pub enum Step<'r> {
    /// Call the model, then tell whether it [succeeded](Walk::succeeded) or [failed](Walk::failed).
    Model(ModelStep<'r>),
    /// See whether the limit has room and take it, then tell whether the request is [within](Walk::within) or
    /// [over](Walk::over) it.
    Limit(LimitStep<'r>),
    /// [Choose](Walk::chosen) a model.
    Balance(Candidates<'r>),
    /// There is nothing more to do.
    End(Ending<'r>),
}

/// A model to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelStep<'r> {
    /// The element's id.
    pub element: &'r str,
    /// The provider's slug.
    pub provider: &'r str,
    pub model: &'r str,
    /// Milliseconds to the answer's first byte; the gateway's own where there is none.
    pub timeout_ms: Option<u32>,
    /// Repetitions after a failure; the gateway's own where there is none.
    pub retries: Option<u8>,
}

/// A limit to ask. What has a count of its own in it is told by [`Walk::group`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitStep<'r> {
    /// The element's id: with the route's it names the limit.
    pub element: &'r str,
    pub measure: Measure,
    /// Length of the window, in seconds.
    pub window_s: u32,
    pub technique: RateTechnique,
    /// Whether there is a count for each value of a field, rather than one for all.
    pub keyed: bool,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending<'r> {
    /// A model answers.
    Answered,
    /// The last model failed.
    Failed,
    /// A limit has no room, and no model was tried since.
    Over {
        /// The limit's element.
        element: &'r str,
    },
    /// No model was met.
    NoModel,
}

/// The models that a balance may choose from: those that have not been tried.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'r> {
    /// The balance's id.
    pub element: &'r str,
    pub strategy: Strategy,
    route: &'r Route,
    members: &'r [Member],
    left: u32,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'r> {
    /// Its number, to be [chosen](Walk::chosen) by.
    pub index: usize,
    pub weight: u32,
    pub model: ModelStep<'r>,
}

impl<'r> Candidates<'r> {
    /// The models, in the order of the outputs.
    pub fn iter(&self) -> impl Iterator<Item = Candidate<'r>> + Clone + use<'r> {
        let (route, left) = (self.route, self.left);
        let members = self.members.iter().enumerate().filter(move |(index, _)| left & (1 << index) != 0);
        members.filter_map(move |(index, member)| {
            let model = model_step(route, member.edge.to)?;
            Some(Candidate { index, weight: member.weight, model })
        })
    }

    /// One of those that pass `usable`, by weight, from an even number; where none does, or all have the weight 0, nothing.
    pub fn weighted(&self, number: u64, usable: impl Fn(&Candidate<'r>) -> bool + Clone) -> Option<Candidate<'r>> {
        let usable = self.iter().filter(usable);
        let at = split::pick(usable.clone().map(|candidate| candidate.weight), number)?;
        usable.into_iter().nth(at)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    At(u16),
    Asking(u16),
    Choosing(u16),
    Trying(u16),
    Ended,
}

/// A request's way through a route.
#[derive(Debug)]
pub struct Walk<'r> {
    route: &'r Route,
    state: State,
    /// What chance decides by.
    draw: u64,
    /// The models that were tried, by their numbers.
    tried: [u64; MAX_ELEMENTS.div_ceil(64)],
    /// The balance that chooses, or chose the model that is tried, and which of its models it chooses among.
    balance: Option<(u16, u32)>,
    ending: Ending<'r>,
    record: Record,
    /// Where the fields of the body stand, once one was asked for.
    spans: Option<Box<Spans>>,
}

impl<'r> Walk<'r> {
    /// Begins a walk. `draw` is a random number, by which shares without a key are decided.
    #[must_use]
    pub fn new(route: &'r Route, draw: u64) -> Self {
        Self {
            route,
            state: State::At(route.start),
            draw,
            tried: [0; _],
            balance: None,
            ending: Ending::NoModel,
            record: Record::default(),
            spans: None,
        }
    }

    /// What is to be done next; the same as before while nobody has told how that went.
    pub fn next(&mut self, facts: &(impl Facts + ?Sized)) -> Step<'r> {
        loop {
            let at = match self.state {
                State::At(at) => at,
                State::Asking(at) => return self.limit(at),
                State::Choosing(at) => return self.choice(at),
                State::Trying(at) => return model_step(self.route, at).map_or(Step::End(self.ending), Step::Model),
                State::Ended => return Step::End(self.ending),
            };
            match &self.route.nodes[usize::from(at)].does {
                Does::Next(edge) => self.go(at, Some(*edge)),
                Does::Condition { holds, yes, no } => {
                    let holds = holds.holds(&mut |place| self.fact(facts, place));
                    self.go(at, Some(if holds { *yes } else { *no }));
                }
                Does::Split { key, shares, rest } => {
                    let point = self.point(facts, at, key.as_ref());
                    let share = shares.iter().find(|(end, _)| point < *end).map(|(_, edge)| *edge);
                    self.go(at, share.or(*rest));
                }
                Does::Limit { .. } => self.state = State::Asking(at),
                Does::Balance { members, fallback, .. } => self.balance(at, members, *fallback),
                Does::Model { model, fallback, .. } => {
                    if self.try_once(model.target) {
                        self.state = State::Trying(at);
                    } else {
                        self.record.passed(at, *fallback);
                        self.after(*fallback);
                    }
                }
                Does::End => self.go(at, None),
            }
        }
    }

    /// The model answers.
    pub fn succeeded(&mut self) {
        let State::Trying(at) = self.state else { return };
        let Does::Model { success, .. } = &self.route.nodes[usize::from(at)].does else { return };
        self.ending = Ending::Answered;
        self.balance = None;
        self.go(at, *success);
    }

    /// The model does not answer, and why.
    pub fn failed(&mut self, fault: Fault) {
        let State::Trying(at) = self.state else { return };
        let Does::Model { fallback, faults, .. } = &self.route.nodes[usize::from(at)].does else { return };
        let own = faults.iter().find(|(of, _)| *of == fault).map(|(_, edge)| *edge);
        let edge = own.or(*fallback);
        self.ending = Ending::Failed;
        self.record.left(at, edge);
        self.after(edge);
    }

    /// The limit has room.
    pub fn within(&mut self) {
        let State::Asking(at) = self.state else { return };
        if let Does::Limit { within, .. } = &self.route.nodes[usize::from(at)].does {
            self.go(at, Some(*within));
        }
    }

    /// The limit has no room.
    pub fn over(&mut self) {
        let State::Asking(at) = self.state else { return };
        let node = &self.route.nodes[usize::from(at)];
        if let Does::Limit { over, .. } = &node.does {
            self.ending = Ending::Over { element: &node.id };
            self.go(at, *over);
        }
    }

    /// A model of a balance was chosen by its [number](Candidate::index); a number that is none of them chooses the first.
    pub fn chosen(&mut self, index: usize) {
        let (State::Choosing(at), Some((_, left))) = (self.state, self.balance) else { return };
        let is_left = index < 32 && left & (1 << index) != 0;
        // Some are left, else there would be nothing to choose.
        let index = if is_left { index } else { left.trailing_zeros() as usize };
        if let Does::Balance { members, .. } = &self.route.nodes[usize::from(at)].does {
            self.choose(at, members, index);
        }
    }

    /// Which count of the limit that is asked the request belongs to; nothing where it has no value of the limit's key, or the
    /// limit has none. Requests without a value share one count.
    pub fn group<'f>(&mut self, facts: &'f (impl Facts + ?Sized)) -> Option<Cow<'f, str>> {
        let State::Asking(at) = self.state else { return None };
        let Does::Limit { key, .. } = &self.route.nodes[usize::from(at)].does else { return None };
        self.fact(facts, key.as_ref()?)?.into_group()
    }

    /// The way so far.
    #[must_use]
    pub fn path(&self) -> Path<'_> {
        Path { route: self.route, record: &self.record }
    }

    fn limit(&self, at: u16) -> Step<'r> {
        let node = &self.route.nodes[usize::from(at)];
        let Does::Limit { limit, key, .. } = &node.does else { return Step::End(self.ending) };
        Step::Limit(LimitStep {
            element: &node.id,
            measure: limit.measure,
            window_s: limit.window_s,
            technique: limit.technique,
            keyed: key.is_some(),
        })
    }

    fn choice(&self, at: u16) -> Step<'r> {
        let node = &self.route.nodes[usize::from(at)];
        let (Does::Balance { strategy, members, .. }, Some((_, left))) = (&node.does, self.balance) else {
            return Step::End(self.ending);
        };
        Step::Balance(Candidates { element: &node.id, strategy: *strategy, route: self.route, members, left })
    }

    /// Leaves what has been tried out; where one is left, nobody has to choose.
    fn balance(&mut self, at: u16, members: &'r [Member], fallback: Option<Edge>) {
        let untried = members.iter().enumerate().filter(|(_, member)| !self.was_tried(member.edge.to));
        let left = untried.fold(0u32, |left, (index, _)| left | 1 << index);
        self.balance = Some((at, left));
        match left.count_ones() {
            0 => {
                self.balance = None;
                self.go(at, fallback);
            }
            1 => self.choose(at, members, left.trailing_zeros() as usize),
            _ => self.state = State::Choosing(at),
        }
    }

    fn choose(&mut self, at: u16, members: &[Member], index: usize) {
        self.record.left(at, Some(members[index].edge));
        self.state = State::At(members[index].edge.to);
    }

    /// Goes on after a model that failed: with the balance that chose it, else at its own output.
    fn after(&mut self, fallback: Option<Edge>) {
        self.state = match (self.balance, fallback) {
            (Some((balance, _)), _) => State::At(balance),
            (None, Some(edge)) => State::At(edge.to),
            (None, None) => State::Ended,
        };
    }

    fn go(&mut self, from: u16, edge: Option<Edge>) {
        self.record.left(from, edge);
        self.state = edge.map_or(State::Ended, |edge| State::At(edge.to));
    }

    /// Notes that a model is tried; answers whether it is for the first time.
    fn try_once(&mut self, target: u16) -> bool {
        let (word, bit) = (&mut self.tried[usize::from(target) / 64], 1 << (target % 64));
        let first = *word & bit == 0;
        *word |= bit;
        first
    }

    fn was_tried(&self, element: u16) -> bool {
        match &self.route.nodes[usize::from(element)].does {
            Does::Model { model, .. } => self.tried[usize::from(model.target) / 64] & (1 << (model.target % 64)) != 0,
            _ => false,
        }
    }

    /// The point of a split that a request falls on: by the key's value, where there is one, else by chance, anew at each split.
    fn point(&mut self, facts: &(impl Facts + ?Sized), at: u16, key: Option<&Place>) -> u16 {
        let id = &self.route.nodes[usize::from(at)].id;
        let value = key.and_then(|key| self.fact(facts, key)).and_then(Fact::into_group);
        split::point(match value {
            Some(value) => split::spread(id, &value),
            None => split::mix(self.draw ^ split::spread(id, "")),
        })
    }

    fn fact<'f>(&mut self, facts: &'f (impl Facts + ?Sized), place: &Place) -> Option<Fact<'f>> {
        match place {
            Place::Metadata(key) => facts.metadata(key),
            Place::Header(name) => facts.header(name).map(|text| Fact::Loose(text.into())),
            Place::Body(index) => {
                let (body, fields) = (facts.body(), &self.route.fields);
                let spans = self.spans.get_or_insert_with(|| Box::new(find::locate(body, fields)));
                find::fact(body, *spans.get(*index)?)
            }
        }
    }
}

fn model_step(route: &Route, at: u16) -> Option<ModelStep<'_>> {
    let node = &route.nodes[usize::from(at)];
    let Does::Model { model, .. } = &node.does else { return None };
    let Model { provider, model, timeout_ms, retries, .. } = &**model;
    Some(ModelStep { element: &node.id, provider, model, timeout_ms: *timeout_ms, retries: *retries })
}
