//! What the documentation shows can be read.

use serde_json::{Value, json};

use super::{end, model, start};
use crate::{is_valid, read};

const DOCS: &str = include_str!("../../../../docs/routes.md");

fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let begin = format!("```{language}\n");
    DOCS.match_indices(&begin).map(|(at, _)| at + begin.len()).collect::<Vec<_>>().into_iter().map(|at| {
        let block = &DOCS[at..];
        &block[..block.find("```").expect("an end")]
    })
}

#[test]
fn every_example_can_be_read() {
    let (mut routes, mut elements, mut conditions) = (0, 0, 0);
    for block in blocks("json") {
        let value: Value = serde_json::from_str(block).expect(block);
        let (text, whole) = match &value {
            Value::Array(_) => (block.to_owned(), true),
            Value::Object(members) if members.contains_key("type") => (format!("[{block}]"), false),
            condition => {
                conditions += 1;
                let outputs = json!({ "true": { "elementId": "m" }, "false": { "elementId": "m" } });
                let conditional = json!({ "id": "c", "type": "conditional", "properties": { "conditions": condition }, "outputs": outputs });
                (json!([start("c"), conditional, model("m", "x", &[("success", "end")]), end()]).to_string(), true)
            }
        };
        let reading = read(&text, &());
        assert!(reading.graph.is_some(), "{block}: {:?}", reading.problems);
        if whole {
            assert!(is_valid(&reading.problems), "{block}: {:?}", reading.problems);
        }
        routes += usize::from(value.is_array());
        elements += usize::from(!whole);
    }
    assert_eq!((routes, elements, conditions), (1, 8, 2));
}
