//! What is said of routes that are wrong.

use serde_json::{Value, json};

use super::{element, end, model, start};
use crate::{Catalog, is_valid, read};

fn told(elements: &Value) -> Vec<String> {
    read(&elements.to_string(), &()).problems.iter().map(ToString::to_string).collect()
}

fn balance(properties: Value, outputs: &[(&str, &str)]) -> Value {
    element("b", "balance", properties, outputs)
}

#[test]
fn everything_is_told_at_once_with_its_element() {
    let elements = json!({ "name": "x", "colour": 1, "elements": [
        { "id": "start", "type": "start", "outputs": { "next": { "elementId": "gone" } } },
        { "id": "start2", "type": "start", "outputs": {} },
        { "id": "c", "type": "conditional", "properties": {}, "outputs": { "true": { "elementId": "m" }, "maybe": { "elementId": "m" } } },
        { "id": "m", "type": "model", "properties": { "provider": 1, "modle": "x" }, "outputs": {}, "note": "" },
        { "id": "m", "type": "mode" },
        { "type": "end" },
        7,
        { "id": "l", "type": "rate", "properties": { "limitType": "tokens", "limit": 0.5, "technique": "log", "window": 0, "key": "metadata" },
          "outputs": { "success": "m" } },
        { "id": "g", "type": "budget", "properties": { "limit": "1e3", "window": 1, "interval": 1 }, "outputs": [] }
    ] });
    assert_eq!(
        told(&elements),
        [
            "`colour` is not part of a route",
            "start: outputs.next leads to gone, which does not exist",
            "start2: is a second start; start is one already",
            "start2: outputs.next is missing: requests that come here could not go on",
            "c: properties.conditions is required, as {\"metadata.plan\": {\"$eq\": \"free\"}}",
            "m: `note` is not part of an element, which has id, type, properties and outputs",
            "m: properties.`modle` is not a property of this type, which has provider, model, timeout, retries",
            "m: properties.provider must be a text of 1 to 256 bytes",
            "m: properties.model is required",
            "m: type must be start, conditional, percentage, rate, budget, balance, model or end",
            "m: id is that of another element too",
            "elements[5]: id must be a text of 1 to 256 bytes that can be seen",
            "elements[6]: must be an object",
            "l: properties.key needs a name behind metadata, as metadata.name",
            "l: properties.limitType must be count or cost",
            "l: properties.window must be a whole number between 1 and 31622400",
            "l: properties.technique must be sliding or fixed",
            "l: outputs.success must be {\"elementId\": \"…\"} and nothing else",
            "g: properties.limit must be an amount of dollars with at most 9 decimals, as \"0.50\"",
            "g: properties.interval is the same as window; one of them is enough",
            "g: outputs must be an object, as {\"next\": {\"elementId\": \"…\"}}",
        ]
    );
}

#[test]
fn a_route_needs_a_start_and_a_model() {
    assert_eq!(
        told(&json!([end()])),
        ["has no start: one element must be of the type start", "has no model: one element must be of the type model"]
    );
    assert_eq!(told(&json!([])), ["must have between 1 and 200 elements"]);
    let many: Vec<_> = (0..201).map(|at| element(&format!("e{at}"), "end", json!({}), &[])).collect();
    assert_eq!(told(&json!(many)), ["must have between 1 and 200 elements"]);
}

#[test]
fn a_ring_is_named() {
    let elements = json!([
        start("a"),
        model("a", "x", &[("fallback", "b")]),
        model("b", "y", &[("fallback", "c")]),
        model("c", "z", &[("fallback", "a")]),
    ]);
    assert_eq!(told(&elements), ["a: is in a ring, which would never end: a → b → c → a"]);
    let same = json!([start("a"), model("a", "x", &[("fallback", "b")]), model("b", "x", &[("fallback", "a")])]);
    assert_eq!(told(&same), ["a: is in a ring, which would never end: a → b → a"], "and nothing that follows from it");
    let own = json!([start("a"), model("a", "x", &[("fallback", "a")])]);
    assert_eq!(told(&own), ["a: is in a ring, which would never end: a → a"]);
    let back = json!([start("a"), model("a", "x", &[("fallback", "start")])]);
    assert!(
        told(&back).contains(&"a: outputs.fallback leads to start, the start, where only requests come in".to_owned())
    );
}

#[test]
fn elements_off_the_way_are_warned_of() {
    let condition = json!({ "conditions": { "metadata.a": 1 } });
    let elements = json!([
        start("c"),
        element("c", "conditional", condition, &[("true", "m"), ("false", "end")]),
        model("m", "x", &[("success", "end")]),
        model("n", "y", &[("success", "end")]),
        end(),
    ]);
    let reading = read(&elements.to_string(), &());
    assert!(is_valid(&reading.problems));
    assert_eq!(
        told(&elements),
        [
            "n: is never reached: no output leads here from the start",
            "end: can be reached before any model is asked; such requests get an error"
        ]
    );
}

#[test]
fn shares_add_up_to_the_whole() {
    let split = |outputs: &[(&str, &str)]| {
        told(&json!([start("p"), element("p", "percentage", json!({}), outputs), model("m", "x", &[])]))
    };
    assert_eq!(split(&[("10%", "m"), ("0.5% new", "m"), ("else", "m")]), [""; 0]);
    assert_eq!(split(&[("50%", "m"), ("50% b", "m")]), [""; 0]);
    assert_eq!(split(&[("60%", "m"), ("40.5%", "m")]), ["p: outputs add up to 100.50%, which is more than 100%"]);
    assert_eq!(split(&[("60%", "m")]), ["p: outputs.else is missing: 40% of the requests could not go on"]);
    assert_eq!(split(&[("100%", "m"), ("else", "m")]), ["p: outputs.else is never taken: the shares add up to 100%"]);
    assert!(split(&[("ten", "m"), ("else", "m")])[0].contains("must be else, or a share"));
}

#[test]
fn a_model_that_was_just_tried_is_warned_of() {
    let twice = json!([
        start("a"),
        model("a", "x", &[("fallback", "b")]),
        model("b", "y", &[("fallback", "c")]),
        model("c", "x", &[])
    ]);
    assert_eq!(
        told(&twice),
        ["c: calls the same model as a, which may have failed by then; it is passed over in that case"]
    );
    let listed_first = json!([start("a"), model("c", "x", &[]), model("a", "x", &[("fallback", "c")])]);
    assert_eq!(
        told(&listed_first),
        ["c: calls the same model as a, which may have failed by then; it is passed over in that case"]
    );
    let condition = json!({ "conditions": { "metadata.a": 1 } });
    let apart = json!([
        start("q"),
        element("q", "conditional", condition, &[("true", "a"), ("false", "c")]),
        model("a", "x", &[]),
        model("c", "x", &[])
    ]);
    assert_eq!(told(&apart), [""; 0]);
    let balanced = json!([
        start("b"),
        balance(json!({}), &[("1", "x"), ("2", "y"), ("fallback", "z")]),
        model("x", "a", &[]),
        model("y", "a", &[]),
        model("z", "a", &[])
    ]);
    assert_eq!(
        told(&balanced),
        [
            "y: calls the same model as x, which may have failed by then; it is passed over in that case",
            "z: calls the same model as x, which may have failed by then; it is passed over in that case"
        ]
    );
}

#[test]
fn a_balance_chooses_among_models() {
    let wrong = json!([
        start("b"),
        balance(json!({ "strategy": "random", "weights": { "1": -1 } }), &[("1", "m"), ("2", "end"), ("3", "n")]),
        model("m", "x", &[("fallback", "end")]),
        model("n", "y", &[("success", "m")]),
        end()
    ]);
    assert_eq!(
        told(&wrong),
        [
            "b: properties.strategy must be weighted, latency, busy or cost",
            "b: properties.weights.1 must be a whole number between 0 and 1000",
            "n: outputs.success leads to m; after a success there is only an end",
        ]
    );
    let wrong = json!([
        start("b"),
        balance(json!({ "strategy": "latency", "weights": { "1": 0, "4": 1 } }), &[("1", "m"), ("2", "end")]),
        model("m", "x", &[("fallback", "end"), ("timeout", "end")]),
        end()
    ]);
    assert_eq!(
        told(&wrong),
        [
            "b: outputs.2 leads to end, which is no model; a balance chooses among models",
            "b: properties.weights.4 is the weight of no output",
            "m: outputs.fallback is not for a model that a balance chooses: the balance goes on with the next one, then at its own",
            "m: outputs.timeout is not for a model that a balance chooses: the balance goes on with the next one, then at its own"
        ]
    );
    assert_eq!(told(&json!([start("b"), balance(json!({}), &[("fallback", "m")]), model("m", "x", &[])])).len(), 1);
    let zero = json!([start("b"), balance(json!({ "weights": { "1": 0 } }), &[("1", "m")]), model("m", "x", &[])]);
    assert_eq!(told(&zero), ["b: properties.weights are all 0: nothing could be chosen"]);
}

struct Shop;

impl Catalog for Shop {
    fn has_provider(&self, slug: &str) -> bool {
        ["openai", "custom-mine"].contains(&slug)
    }

    fn has_model(&self, provider: &str, model: &str) -> bool {
        provider == "custom-mine" || model == "gpt"
    }
}

#[test]
fn an_unknown_provider_is_an_error_and_an_unknown_model_a_warning() {
    let route = |provider: &str, model: &str| {
        let properties = json!({ "provider": provider, "model": model });
        let elements = json!([start("m"), element("m", "model", properties, &[])]);
        let problems = read(&elements.to_string(), &Shop).problems;
        (is_valid(&problems), problems.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(route("openai", "gpt"), (true, vec![]));
    assert_eq!(route("custom-mine", "anything"), (true, vec![]));
    assert_eq!(
        route("opnai", "gpt"),
        (false, vec!["m: properties.provider names opnai, which is no provider here".into()])
    );
    let (valid, told) = route("openai", "gtp");
    assert!(valid && told[0].starts_with("m: properties.model names gtp, which is no model of openai"), "{told:?}");
}
