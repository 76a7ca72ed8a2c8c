//! A route as it is walked: elements by number, outputs resolved, conditions compiled.

use std::collections::HashMap;

use crate::bounds::{MAX_ELEMENTS, MAX_OUTPUTS};
use crate::check::{
    self, Node as Checked,
    outputs::{ELSE, FALLBACK},
};
use crate::condition::{self, BodyFields, Expr, Place};
use crate::fault::Fault;
use crate::find::Parts;
use crate::graph::{Element, Graph, Kind, Limit, Strategy};
use crate::problem::{Problem, is_valid};
use crate::split;

/// A compiled route. It does not change, and many requests walk it at once.
#[derive(Debug)]
pub struct Route {
    pub(crate) nodes: Box<[Node]>,
    pub(crate) start: u16,
    /// The fields of the body that it looks at.
    pub(crate) fields: Box<[Parts]>,
}

/// An element.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: Box<str>,
    pub(crate) does: Does,
    /// Names of the outputs, by number.
    pub(crate) outputs: Box<[Box<str>]>,
}

/// An output by its number, and the element it leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) output: u8,
    pub(crate) to: u16,
}

#[derive(Debug)]
pub(crate) enum Does {
    /// Goes on: a start.
    Next(Edge),
    Condition {
        holds: Expr,
        yes: Edge,
        no: Edge,
    },
    /// Each share by where it ends; what is beyond the last goes to `rest`.
    Split {
        key: Option<Place>,
        shares: Box<[(u16, Edge)]>,
        rest: Option<Edge>,
    },
    Limit {
        limit: Box<Limit>,
        key: Option<Place>,
        within: Edge,
        over: Option<Edge>,
    },
    Balance {
        strategy: Strategy,
        members: Box<[Member]>,
        fallback: Option<Edge>,
    },
    Model {
        model: Box<Model>,
        success: Option<Edge>,
        fallback: Option<Edge>,
        /// Where it goes on instead of at the fallback, by why it does not answer.
        faults: Box<[(Fault, Edge)]>,
    },
    End,
}

/// A model that a balance may choose.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) edge: Edge,
    pub(crate) weight: u32,
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) provider: Box<str>,
    pub(crate) model: Box<str>,
    pub(crate) timeout_ms: Option<u32>,
    pub(crate) retries: Option<u8>,
    /// The same number for elements that call the same model.
    pub(crate) target: u16,
}

impl Route {
    /// Reads and compiles the JSON of elements, as it is stored. Whether its providers exist is not looked at.
    ///
    /// # Errors
    /// Why it is not valid, and its warnings.
    pub fn parse(elements: &str) -> Result<Self, Vec<Problem>> {
        let reading = crate::read(elements, &());
        reading.graph.as_ref().map_or(Err(reading.problems), Self::compile)
    }

    /// Compiles a route. Whether its providers exist is not looked at.
    ///
    /// # Errors
    /// Why it is not valid, and its warnings.
    pub fn compile(graph: &Graph) -> Result<Self, Vec<Problem>> {
        let nodes: Vec<_> = graph.elements.iter().map(checked).collect();
        let mut problems = check::check(&nodes, &());
        if nodes.len() > MAX_ELEMENTS || nodes.iter().any(|node| node.outputs.len() > MAX_OUTPUTS) {
            problems.push(Problem::error("", "", "has too many elements or outputs"));
        }
        if !is_valid(&problems) {
            return Err(problems);
        }
        let places = graph.elements.iter().zip(0..).map(|(element, at)| (element.id.as_str(), at)).collect();
        let mut compiler = Compiler { places, targets: HashMap::new(), fields: BodyFields::default(), problems };
        let nodes: Option<Box<[_]>> = graph.elements.iter().map(|element| compiler.node(element)).collect();
        let start = graph.elements.iter().zip(0..).find(|(element, _)| matches!(element.kind, Kind::Start));
        match (nodes, start) {
            (Some(nodes), Some((_, start))) if is_valid(&compiler.problems) => {
                Ok(Self { nodes, start, fields: compiler.fields.paths.into() })
            }
            _ => Err(compiler.problems),
        }
    }

    /// The providers and models it may call, each as often as an element calls it.
    pub fn models(&self) -> impl Iterator<Item = (&str, &str)> {
        self.nodes.iter().filter_map(|node| match &node.does {
            Does::Model { model, .. } => Some((&*model.provider, &*model.model)),
            _ => None,
        })
    }

    /// The steps that a walk has at most.
    #[must_use]
    pub fn longest_walk(&self) -> usize {
        // An element is met once, but for a balance, which is asked anew for each of its models.
        2 * self.nodes.len() + 1
    }
}

fn checked(element: &Element) -> Checked<'_> {
    Checked { id: &element.id, kind: Some(&element.kind), outputs: &element.outputs, whole: true }
}

struct Compiler<'a> {
    places: HashMap<&'a str, u16>,
    targets: HashMap<(&'a str, &'a str), u16>,
    fields: BodyFields,
    problems: Vec<Problem>,
}

impl<'a> Compiler<'a> {
    fn node(&mut self, element: &'a Element) -> Option<Node> {
        let does = self.does(element)?;
        let outputs = element.outputs.iter().map(|output| output.name.as_str().into()).collect();
        Some(Node { id: element.id.as_str().into(), does, outputs })
    }

    fn does(&mut self, element: &'a Element) -> Option<Does> {
        Some(match &element.kind {
            Kind::Start => Does::Next(self.edge(element, "next")?),
            Kind::End => Does::End,
            Kind::Conditional { conditions } => Does::Condition {
                holds: self.condition(element, conditions)?,
                yes: self.edge(element, "true")?,
                no: self.edge(element, "false")?,
            },
            Kind::Percentage { key } => {
                let key = key.as_ref().and_then(|key| self.fields.place(key));
                Does::Split { key, shares: self.shares(element)?, rest: self.edge(element, ELSE) }
            }
            Kind::Limit(limit) => Does::Limit {
                key: limit.key.as_ref().and_then(|key| self.fields.place(key)),
                limit: Box::new(limit.clone()),
                within: self.edge(element, "success")?,
                over: self.edge(element, FALLBACK),
            },
            Kind::Balance { strategy, weights } => Does::Balance {
                strategy: *strategy,
                members: self.members(element, weights)?,
                fallback: self.edge(element, FALLBACK),
            },
            Kind::Model { provider, model, timeout_ms, retries } => {
                let next = u16::try_from(self.targets.len()).ok()?;
                let target = *self.targets.entry((provider, model)).or_insert(next);
                let (provider, model) = (provider.as_str().into(), model.as_str().into());
                Does::Model {
                    model: Box::new(Model { provider, model, timeout_ms: *timeout_ms, retries: *retries, target }),
                    success: self.edge(element, "success"),
                    fallback: self.edge(element, FALLBACK),
                    faults: self.faults(element)?,
                }
            }
        })
    }

    fn condition(&mut self, element: &Element, conditions: &serde_json::Value) -> Option<Expr> {
        match condition::compile(conditions, "properties.conditions", &mut self.fields) {
            Ok(expr) => Some(expr),
            Err(faults) => {
                let problems = faults.into_iter().map(|(place, message)| Problem::error(&element.id, place, message));
                self.problems.extend(problems);
                None
            }
        }
    }

    fn edge(&self, element: &Element, name: &str) -> Option<Edge> {
        let at = element.outputs.iter().position(|output| output.name == name)?;
        self.edge_at(element, at)
    }

    fn edge_at(&self, element: &Element, at: usize) -> Option<Edge> {
        Some(Edge { output: u8::try_from(at).ok()?, to: *self.places.get(element.outputs[at].to.as_str())? })
    }

    fn faults(&self, element: &Element) -> Option<Box<[(Fault, Edge)]>> {
        let outputs = element.outputs.iter().enumerate();
        let faults = outputs.filter_map(|(at, output)| Some((at, Fault::parse(&output.name)?)));
        faults.map(|(at, fault)| Some((fault, self.edge_at(element, at)?))).collect()
    }

    fn shares(&self, element: &Element) -> Option<Box<[(u16, Edge)]>> {
        let mut end = 0;
        let mut shares = Vec::new();
        for (at, output) in element.outputs.iter().enumerate().filter(|(_, output)| output.name != ELSE) {
            end += split::share(&output.name)?;
            shares.push((end, self.edge_at(element, at)?));
        }
        Some(shares.into())
    }

    fn members(&self, element: &Element, weights: &[(String, u32)]) -> Option<Box<[Member]>> {
        let outputs = element.outputs.iter().enumerate().filter(|(_, output)| output.name != FALLBACK);
        let member = |(at, output): (usize, &crate::graph::Output)| {
            let weight = weights.iter().find(|(name, _)| *name == output.name).map_or(1, |(_, weight)| *weight);
            Some(Member { edge: self.edge_at(element, at)?, weight })
        };
        outputs.map(member).collect()
    }
}
