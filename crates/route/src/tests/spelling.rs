//! Both of Cloudflare's spellings are read, and one is written.

use serde_json::{Value, json};

use super::{end, graph, model, start};
use crate::{Reading, read};

fn written(elements: &Value) -> Value {
    graph(elements).to_json()
}

#[test]
fn the_documentations_spelling_is_read_and_the_apis_is_written() {
    let documentation = json!({ "id": "r", "name": "support", "elements": [
        { "id": "start", "type": "start", "outputs": { "next": { "elementId": "plan" } } },
        { "id": "plan", "type": "conditional", "properties": { "condition": { "metadata.plan": { "$eq": "free" } } },
          "outputs": { "true": { "elementId": "rate" }, "false": { "elementId": "money" } } },
        { "id": "rate", "type": "rate_limit",
          "properties": { "limitType": "count", "key": "metadata.user_id", "limit": 100, "interval": 3600, "technique": "sliding" },
          "outputs": { "success": { "elementId": "m" } } },
        { "id": "money", "type": "rate_limit",
          "properties": { "limitType": "cost", "key": "metadata.team", "limit": 0.5, "interval": 86400, "technique": "fixed" },
          "outputs": { "success": { "elementId": "m" }, "fallback": { "elementId": "end" } } },
        { "id": "m", "type": "model", "properties": { "provider": "openai", "model": "gpt-x", "timeout": 1000, "retries": 2 },
          "outputs": { "success": { "elementId": "end" }, "fallback": { "elementId": "end" } } },
        { "id": "end", "type": "end", "outputs": {} }
    ] });
    let canonical = json!([
        { "id": "start", "type": "start", "outputs": { "next": { "elementId": "plan" } } },
        { "id": "plan", "type": "conditional", "properties": { "conditions": { "metadata.plan": { "$eq": "free" } } },
          "outputs": { "true": { "elementId": "rate" }, "false": { "elementId": "money" } } },
        { "id": "rate", "type": "rate",
          "properties": { "key": "metadata.user_id", "limit": 100, "window": 3600, "technique": "sliding" },
          "outputs": { "success": { "elementId": "m" } } },
        { "id": "money", "type": "budget",
          "properties": { "key": "metadata.team", "limit": "0.50", "window": 86400, "technique": "fixed" },
          "outputs": { "success": { "elementId": "m" }, "fallback": { "elementId": "end" } } },
        { "id": "m", "type": "model", "properties": { "provider": "openai", "model": "gpt-x", "timeout": 1000, "retries": 2 },
          "outputs": { "success": { "elementId": "end" }, "fallback": { "elementId": "end" } } },
        { "id": "end", "type": "end", "outputs": {} }
    ]);
    assert_eq!(written(&documentation).to_string(), canonical.to_string());
    assert_eq!(written(&canonical).to_string(), canonical.to_string());
}

#[test]
fn the_apis_spelling_is_read() {
    let limit = |kind: &str, properties: Value| {
        let outputs = json!({ "success": { "elementId": "m" } });
        json!([start("l"), { "id": "l", "type": kind, "properties": properties, "outputs": outputs }, model("m", "x", &[])])
    };
    let read = |kind: &str, properties| written(&limit(kind, properties))[1].to_string();
    let rate = r#"{"id":"l","type":"rate","properties":{"key":"metadata.u","limit":5,"window":60,"technique":"sliding"},"outputs":{"success":{"elementId":"m"}}}"#;
    assert_eq!(read("rate", json!({ "key": "metadata.u", "limit": 5.0, "limitType": "count", "window": 60 })), rate);
    let budget = rate.replace("rate", "budget").replace('5', "\"12.00\"");
    for properties in [
        ("rate", json!({ "key": "metadata.u", "limit": 12, "limitType": "cost", "window": 60 })),
        ("budget", json!({ "key": "metadata.u", "limit": "12", "window": 60.0 })),
        ("budget", json!({ "key": "metadata.u", "limit": 12.0, "limitType": "cost", "interval": 60 })),
    ] {
        assert_eq!(read(properties.0, properties.1), budget);
    }
}

#[test]
fn defaults_are_written_only_where_they_say_something() {
    let elements = json!([
        start("b"),
        { "id": "b", "type": "balance", "outputs": { "a": { "elementId": "m" } } },
        { "id": "m", "type": "model", "properties": { "provider": "openai", "model": "x", "timeout": 0 } },
        end()
    ]);
    let written = written(&elements);
    assert_eq!(written[1]["properties"].to_string(), r#"{"strategy":"weighted"}"#);
    assert_eq!(written[2]["properties"].to_string(), r#"{"provider":"openai","model":"x"}"#);
}

#[test]
fn what_cannot_be_read_is_kept_as_it_was_written() {
    let text = r#"[{"id":"start","type":"begin","outputs":{}}]"#;
    let Reading { graph, elements, problems, .. } = read(text, &());
    assert!(graph.is_none() && !problems.is_empty());
    assert_eq!(elements.expect("a list").to_string(), text);
    for bad in ["", "{", "7", r#"{"element":[]}"#, &"[".repeat(300_000)] {
        let Reading { graph, elements, problems, .. } = read(bad, &());
        assert!(graph.is_none() && elements.is_none() && problems.len() == 1, "{bad:.20}");
    }
}
