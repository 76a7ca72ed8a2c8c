//! A route's elements as they are meant, and their canonical JSON.

use domain::Nanos;
use domain::settings::RateTechnique;
use serde_json::{Map, Value, json};

use crate::field::Field;

/// The elements of a route, in the order they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    pub elements: Vec<Element>,
}

/// An element.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    pub id: String,
    pub kind: Kind,
    pub outputs: Vec<Output>,
}

/// A way out of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub name: String,
    /// The id of the element it leads to.
    pub to: String,
}

/// What an element does.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Where a request comes in.
    Start,
    /// Goes on at `true` or `false`.
    Conditional {
        /// As it is written; `Route::compile` reads it.
        conditions: Value,
    },
    /// Goes on at one of the shares, or at `else`.
    Percentage {
        /// Requests with the same value fall into the same share. Without one chance decides.
        key: Option<Field>,
    },
    /// Goes on at `success` while there is room, else at `fallback`.
    Limit(Limit),
    /// One of several models.
    Balance {
        strategy: Strategy,
        /// By the outputs' names; those without have 1.
        weights: Vec<(String, u32)>,
    },
    /// Calls a model; goes on at `success`, or at the output for why it does not answer, or at `fallback`.
    Model {
        /// The provider's slug.
        provider: String,
        model: String,
        /// Milliseconds to the answer's first byte; the gateway's own where there is none.
        timeout_ms: Option<u32>,
        /// Repetitions after a failure; the gateway's own where there is none.
        retries: Option<u8>,
    },
    /// The end.
    End,
}

/// How much may pass in which time.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// What has a count of its own; nothing: one count for all.
    pub key: Option<Field>,
    pub measure: Measure,
    /// Length of the window, in seconds.
    pub window_s: u32,
    pub technique: RateTechnique,
}

/// What is counted, and how much of it may pass in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Requests: an element of the type `rate`.
    Requests(u64),
    /// Money: an element of the type `budget`.
    Cost(Nanos),
}

/// How a balance chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// By chance, in proportion to the weights.
    #[default]
    Weighted,
    /// The one that begins to answer soonest.
    Latency,
    /// The one with the fewest requests under way.
    Busy,
    /// The cheapest.
    Cost,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Self; 4] = [Self::Weighted, Self::Latency, Self::Busy, Self::Cost];

    /// The name, as written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Weighted => "weighted",
            Self::Latency => "latency",
            Self::Busy => "busy",
            Self::Cost => "cost",
        }
    }
}

impl Kind {
    /// The type, as written.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Conditional { .. } => "conditional",
            Self::Percentage { .. } => "percentage",
            Self::Limit(Limit { measure: Measure::Requests(_), .. }) => "rate",
            Self::Limit(Limit { measure: Measure::Cost(_), .. }) => "budget",
            Self::Balance { .. } => "balance",
            Self::Model { .. } => "model",
            Self::End => "end",
        }
    }

    fn properties(&self) -> Value {
        match self {
            Self::Start | Self::End => json!({}),
            Self::Conditional { conditions } => json!({ "conditions": conditions }),
            Self::Percentage { key } => optional([("key", key.as_ref().map(|key| json!(key.to_string())))]),
            Self::Limit(limit) => limit.properties(),
            Self::Balance { strategy, weights } => {
                let weights: Map<_, _> = weights.iter().map(|(name, weight)| (name.clone(), json!(weight))).collect();
                let weights = (!weights.is_empty()).then_some(Value::Object(weights));
                optional([("strategy", Some(json!(strategy.as_str()))), ("weights", weights)])
            }
            Self::Model { provider, model, timeout_ms, retries } => optional([
                ("provider", Some(json!(provider))),
                ("model", Some(json!(model))),
                ("timeout", timeout_ms.map(Value::from)),
                ("retries", retries.map(Value::from)),
            ]),
        }
    }
}

impl Limit {
    fn properties(&self) -> Value {
        let limit = match self.measure {
            Measure::Requests(count) => json!(count),
            Measure::Cost(cost) => json!(cost.to_string().replace('$', "")),
        };
        optional([
            ("key", self.key.as_ref().map(|key| json!(key.to_string()))),
            ("limit", Some(limit)),
            ("window", Some(json!(self.window_s))),
            ("technique", Some(json!(self.technique))),
        ])
    }
}

impl Graph {
    /// The canonical JSON of the elements, a list.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.elements.iter().map(Element::to_json).collect()
    }
}

impl Element {
    fn to_json(&self) -> Value {
        let outputs = self.outputs.iter().map(|output| (output.name.clone(), json!({ "elementId": output.to })));
        let properties = Some(self.kind.properties()).filter(|properties| *properties != json!({}));
        optional([
            ("id", Some(json!(self.id))),
            ("type", Some(json!(self.kind.type_name()))),
            ("properties", properties),
            ("outputs", Some(Value::Object(outputs.collect()))),
        ])
    }
}

fn optional<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    Value::Object(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}
