//! Walks a route for a request that nobody sends, and tells the way. It is the walk of the data plane; what that one learns from
//! the world is assumed here: limits have room unless it is said otherwise, and models fail one after the other, so that all
//! are seen that might be asked.

use serde_json::{Map, Value};

use crate::compile::Route;
use crate::fact::{Fact, Facts, SECRET_HEADERS};
use crate::fault::Fault;
use crate::graph::Strategy;
use crate::walk::{Ending, Step, Walk};

/// A request that is made up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// What `cf-aig-metadata` says.
    pub metadata: Map<String, Value>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; JSON where it has fields.
    pub body: String,
}

impl Facts for Sample {
    fn metadata(&self, key: &str) -> Option<Fact<'_>> {
        self.metadata.get(key).map(Fact::of_metadata)
    }

    fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known == name && !SECRET_HEADERS.contains(&name));
        header.map(|(_, value)| value.as_str())
    }

    fn body(&self) -> &[u8] {
        self.body.as_bytes()
    }
}

/// The way of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// In the order they are met. From the first [`Asked::Model`] on, they are met only where the models before fail.
    pub steps: Vec<TraceStep>,
    /// Whether it ends without any model because a limit has no room: the limit's element.
    pub refused_by: Option<String>,
}

/// An element that is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceStep {
    /// The element's id.
    pub element: String,
    /// The output at which it is left; nothing where the way ends.
    pub output: Option<String>,
    pub asked: Asked,
}

/// What is asked where an element is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The request itself, or chance.
    Nothing,
    /// A limit that was assumed to have room.
    Within,
    /// A limit that was assumed to have none.
    Over,
    /// A balance, which may choose any of these models (elements and weights). The first is followed here, by chance where the
    /// weights say so.
    Balance { strategy: Strategy, among: Vec<(String, u32)> },
    /// A model.
    Model { provider: String, model: String },
    /// A model that was asked before, and is passed over.
    Passed,
}

/// Walks a route. `draw` is a random number, by which chance decides; `is_over` says which limits have no room, and `fault` why models
/// fail.
#[must_use]
pub fn trace(route: &Route, facts: &dyn Facts, draw: u64, is_over: &dyn Fn(&str) -> bool, fault: Fault) -> Trace {
    let mut walk = Walk::new(route, draw);
    // What was asked, by the step of the way that it is told at.
    let mut asked: Vec<(usize, Asked)> = Vec::new();
    let ending = loop {
        let step = walk.next(facts);
        let at = walk.path().steps().count();
        match step {
            Step::Limit(limit) if is_over(limit.element) => {
                asked.push((at, Asked::Over));
                walk.over();
            }
            Step::Limit(_) => {
                asked.push((at, Asked::Within));
                walk.within();
            }
            Step::Balance(candidates) => {
                let all = candidates.iter();
                let among = all.map(|one| (one.model.element.to_owned(), one.weight)).collect();
                let by_weight =
                    (candidates.strategy == Strategy::Weighted).then(|| candidates.weighted(draw, |_| true));
                let chosen = by_weight.flatten().or_else(|| candidates.iter().next());
                asked.push((at, Asked::Balance { strategy: candidates.strategy, among }));
                walk.chosen(chosen.map_or(0, |chosen| chosen.index));
            }
            Step::Model(model) => {
                let (provider, model) = (model.provider.to_owned(), model.model.to_owned());
                asked.push((at, Asked::Model { provider, model }));
                walk.failed(fault);
            }
            Step::End(ending) => break ending,
        }
    };
    let path = walk.path();
    let steps = path.steps().zip(path.passed()).enumerate().map(|(at, ((element, output), passed))| {
        let found = asked.iter().find(|(place, _)| *place == at).map(|(_, asked)| asked.clone());
        let asked = if passed { Asked::Passed } else { found.unwrap_or(Asked::Nothing) };
        TraceStep { element: element.to_owned(), output: output.map(str::to_owned), asked }
    });
    let refused_by = match ending {
        Ending::Over { element } => Some(element.to_owned()),
        _ => None,
    };
    Trace { steps: steps.collect(), refused_by }
}
