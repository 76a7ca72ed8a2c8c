//! Whether the elements make a route: each output leads somewhere, there is one start, no ring, nothing that is never
//! reached, and no model that was just tried.

pub(crate) mod outputs;
mod paths;

use std::collections::HashMap;

use crate::graph::{Kind, Output};
use crate::problem::Problem;

/// The providers and models there are.
pub trait Catalog {
    /// Whether there is such a provider, by its slug.
    fn has_provider(&self, slug: &str) -> bool;
    /// Whether the provider's model is known; where nobody can tell, it is.
    fn has_model(&self, provider: &str, model: &str) -> bool;
}

/// Knows everything.
impl Catalog for () {
    fn has_provider(&self, _: &str) -> bool {
        true
    }

    fn has_model(&self, _: &str, _: &str) -> bool {
        true
    }
}

/// An element as far as it could be read.
pub(crate) struct Node<'a> {
    pub(crate) id: &'a str,
    /// Nothing where it could not be read: then nothing is expected of it.
    pub(crate) kind: Option<&'a Kind>,
    pub(crate) outputs: &'a [Output],
    /// Whether all of it could be read.
    pub(crate) whole: bool,
}

impl Node<'_> {
    fn target(&self) -> Option<(&str, &str)> {
        match self.kind? {
            Kind::Model { provider, model, .. } => Some((provider, model)),
            _ => None,
        }
    }
}

/// Elements with their places by id, and what has been found wrong with them.
struct Checker<'a> {
    nodes: &'a [Node<'a>],
    places: HashMap<&'a str, usize>,
    problems: Vec<Problem>,
}

/// Everything that is wrong with the elements taken together.
pub(crate) fn check(nodes: &[Node<'_>], catalog: &dyn Catalog) -> Vec<Problem> {
    let mut checker = Checker { nodes, places: HashMap::new(), problems: Vec::new() };
    checker.ids();
    checker.starts();
    for node in nodes {
        checker.outputs(node);
        checker.models(node, catalog);
    }
    if checker.rings() && nodes.iter().all(|node| node.whole) {
        checker.reached();
        checker.repeated();
    }
    checker.problems
}

impl<'a> Checker<'a> {
    fn error(&mut self, element: &str, place: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::error(element, place, message));
    }

    fn warn(&mut self, element: &str, place: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::warning(element, place, message));
    }

    fn ids(&mut self) {
        let nodes = self.nodes;
        for (at, node) in nodes.iter().enumerate() {
            if self.places.contains_key(node.id) {
                self.error(node.id, "id", "is that of another element too");
            } else {
                self.places.insert(node.id, at);
            }
        }
    }

    fn starts(&mut self) {
        let nodes = self.nodes;
        let is_start = |node: &&Node<'_>| matches!(node.kind, Some(Kind::Start));
        let starts: Vec<_> = nodes.iter().filter(is_start).map(|node| node.id).collect();
        // What could not be read may be what is missing.
        let unread = nodes.iter().any(|node| node.kind.is_none());
        match starts[..] {
            [] if unread => (),
            [] => self.error("", "", "has no start: one element must be of the type start"),
            [_] => (),
            [first, ..] => {
                for other in &starts[1..] {
                    self.error(other, "", format!("is a second start; {first} is one already"));
                }
            }
        }
        if !unread && !nodes.iter().any(|node| node.target().is_some()) {
            self.error("", "", "has no model: one element must be of the type model");
        }
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    fn models(&mut self, node: &Node<'_>, catalog: &dyn Catalog) {
        let Some((provider, model)) = node.target() else { return };
        if !catalog.has_provider(provider) {
            let message = format!("names {provider}, which is no provider here");
            self.error(node.id, "properties.provider", message);
        } else if !catalog.has_model(provider, model) {
            let message =
                format!("names {model}, which is no model of {provider} that is known here; it may work all the same");
            self.warn(node.id, "properties.model", message);
        }
    }
}
