//! What must hold of any route and any text.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Request;
use crate::{Fault, Graph, Reading, Route, Step, Walk, is_valid, read};

const NAMES: [&str; 8] = ["start", "a", "b", "c", "d", "e", "f", "end"];

fn properties() -> impl Strategy<Value = (&'static str, Value)> {
    let condition = prop_oneof![
        Just(json!({ "metadata.plan": { "$eq": "free" } })),
        Just(json!({ "$or": [{ "body.n": { "$gt": 3 } }, { "headers.x": { "$exists": true } }] })),
        Just(json!({ "model": { "$regex": "^g" } })),
    ];
    let limit = (1u32..9, 1u32..99)
        .prop_map(|(limit, window)| json!({ "limit": limit, "window": window, "key": "metadata.plan" }));
    let model = (0u8..4).prop_map(|model| json!({ "provider": "p", "model": format!("m{model}"), "retries": model }));
    let strategy = proptest::sample::select(vec!["weighted", "latency", "busy", "cost"]);
    prop_oneof![
        1 => condition.prop_map(|condition| ("conditional", json!({ "conditions": condition }))),
        1 => Just(("percentage", json!({ "key": "metadata.plan" }))),
        1 => limit.clone().prop_map(|limit| ("rate", limit)),
        1 => limit.prop_map(|limit| ("budget", limit)),
        1 => strategy.prop_map(|strategy| ("balance", json!({ "strategy": strategy }))),
        3 => model.prop_map(|model| ("model", model)),
    ]
}

fn outputs(kind: &str) -> &'static [&'static str] {
    match kind {
        "conditional" => &["true", "false"],
        "percentage" => &["10%", "33.3%", "else"],
        "rate" | "budget" => &["success", "fallback"],
        "balance" => &["x", "y", "z", "fallback"],
        "model" => &["fallback"],
        _ => &["next"],
    }
}

/// Elements of which each leads to later ones, so that most are routes.
pub(crate) fn elements() -> impl Strategy<Value = Value> {
    let inner = proptest::collection::vec((properties(), proptest::collection::vec(1usize..7, 4)), 1..7);
    inner.prop_map(|inner| {
        let last = inner.len() + 1;
        let id = |at: usize| if at == last { "end" } else { NAMES[at] };
        let is_model = |at: usize| at < last && inner[at - 1].0.0 == "model";
        let chosen: HashSet<_> = inner
            .iter()
            .enumerate()
            .filter(|(_, ((kind, _), _))| *kind == "balance")
            .flat_map(|(at, (_, steps))| steps.iter().map(move |step| at + 1 + step))
            .collect();
        let mut list = vec![json!({ "id": "start", "type": "start", "outputs": { "next": { "elementId": id(1) } } })];
        for (at, ((kind, properties), steps)) in inner.iter().enumerate().map(|(at, element)| (at + 1, element)) {
            let to = |step: &usize| (at + step).min(last);
            let ways = outputs(kind).iter().zip(steps);
            let ways = ways.filter(|(name, step)| match *kind {
                "balance" => **name == "fallback" || is_model(to(step)),
                "model" => !chosen.contains(&at),
                _ => true,
            });
            let ways: serde_json::Map<_, _> =
                ways.map(|(name, step)| ((*name).to_owned(), json!({ "elementId": id(to(step)) }))).collect();
            list.push(json!({ "id": id(at), "type": kind, "properties": properties, "outputs": ways }));
        }
        list.push(json!({ "id": "end", "type": "end", "outputs": {} }));
        Value::Array(list)
    })
}

fn compiled(elements: &Value) -> Option<(Graph, Route)> {
    let Reading { graph, problems, .. } = read(&elements.to_string(), &());
    let graph = graph.filter(|_| is_valid(&problems))?;
    let route = Route::compile(&graph).expect("what is valid compiles");
    Some((graph, route))
}

#[test]
fn most_made_up_elements_are_routes() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let made = (0..400).filter(|_| {
        let tree = elements().new_tree(&mut runner).expect("elements");
        compiled(&proptest::strategy::ValueTree::current(&tree)).is_some()
    });
    let made = made.count();
    assert!(made > 150, "{made} of 400");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn a_walk_ends_and_tries_no_model_twice(elements in elements(), draw in any::<u64>(), outcomes in any::<u64>(), plan in "free|paid") {
        let Some((graph, route)) = compiled(&elements) else { return Ok(()) };
        let request = Request { metadata: json!({ "plan": plan }), body: r#"{"n":4,"model":"g"}"#.into(), ..Request::default() };
        let mut walk = Walk::new(&route, draw);
        let (mut tried, mut seen) = (HashSet::new(), HashSet::new());
        for step in 0.. {
            prop_assert!(step < route.longest_walk());
            let outcome = outcomes >> (step % 64) & 1 == 1;
            match walk.next(&request) {
                Step::Model(model) => {
                    prop_assert!(tried.insert((model.provider, model.model)), "{elements}");
                    prop_assert!(seen.insert(model.element));
                    if outcome && step > 3 { walk.succeeded() } else { walk.failed(Fault::ServerError) }
                }
                Step::Limit(limit) => {
                    prop_assert!(seen.insert(limit.element));
                    if outcome { walk.within() } else { walk.over() }
                }
                Step::Balance(candidates) => {
                    prop_assert!(candidates.iter().count() > 1);
                    for candidate in candidates.iter() {
                        prop_assert!(!tried.contains(&(candidate.model.provider, candidate.model.model)));
                    }
                    let last = candidates.iter().last().map_or(0, |candidate| candidate.index);
                    walk.chosen(if outcome { last } else { 0 });
                }
                Step::End(_) => break,
            }
        }
        let path: Vec<_> = walk.path().steps().collect();
        prop_assert_eq!(path[0].0, "start");
        prop_assert!(path.len() <= 2 * graph.elements.len());
    }

    #[test]
    fn what_is_written_is_read_as_the_same(elements in elements()) {
        let Some(graph) = read(&elements.to_string(), &()).graph else { return Ok(()) };
        let written = graph.to_json();
        let again = read(&written.to_string(), &()).graph.expect("elements");
        prop_assert_eq!(again.to_json().to_string(), written.to_string());
        prop_assert_eq!(again, graph);
    }

    #[test]
    fn no_text_panics(text in r#"[\[\]{}":,$a-z0-9% .]{0,200}"#) {
        let _ = read(&text, &());
    }

    #[test]
    fn no_json_panics(value in json_of_words()) {
        let reading = read(&value.to_string(), &());
        if let Some(graph) = reading.graph {
            let _ = Route::compile(&graph);
        }
        prop_assert!(!reading.problems.is_empty() || reading.elements.is_some());
    }
}

/// JSON of the words that routes are written with.
fn json_of_words() -> impl Strategy<Value = Value> {
    let words = vec![
        "id",
        "type",
        "properties",
        "outputs",
        "elementId",
        "start",
        "end",
        "model",
        "balance",
        "rate",
        "percentage",
        "conditional",
        "conditions",
        "provider",
        "next",
        "success",
        "fallback",
        "10%",
        "else",
        "key",
        "limit",
        "window",
        "weights",
        "metadata.a",
        "$eq",
        "$in",
        "$or",
        "$not",
        "$regex",
        "a",
        "",
    ];
    let word = || proptest::sample::select(words.clone());
    let leaf = prop_oneof![
        word().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null)
    ];
    let words = words.clone();
    let tree = leaf.prop_recursive(6, 60, 6, move |inner| {
        let members = proptest::collection::vec((proptest::sample::select(words.clone()), inner.clone()), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(Value::Array),
            members.prop_map(|members| Value::Object(
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    });
    proptest::collection::vec(tree, 0..5).prop_map(Value::Array)
}
