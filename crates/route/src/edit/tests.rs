//! Each step by itself, and that no sequence of them breaks what holds of every route.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Editor, NEW_TYPES, field};
use crate::tests::{element, end, model, start};
use crate::{Problem, Route, is_valid, read};

fn editor(elements: &Value) -> Editor {
    Editor::new(&elements.to_string()).expect("a list")
}

fn problems(editor: &Editor) -> Vec<Problem> {
    read(&editor.to_value().to_string(), &()).problems
}

/// `a.x>b`, for all outputs in their order.
fn ways(editor: &Editor) -> String {
    let all = editor.ids().into_iter().flat_map(|(id, _)| {
        editor.outputs(id).into_iter().map(move |(output, to)| format!("{id}.{output}>{to}")).collect::<Vec<_>>()
    });
    all.collect::<Vec<_>>().join(" ")
}

fn two_models() -> Value {
    json!([
        start("large"),
        model("large", "gpt-5", &[("success", "end"), ("fallback", "small")]),
        model("small", "gpt-5-nano", &[("success", "end")]),
        end(),
    ])
}

#[test]
fn what_is_inserted_before_takes_over_what_led_there() {
    let mut editor = editor(&two_models());
    assert_eq!(editor.insert_before("large", "rate").as_deref(), Some("rate"));
    assert_eq!(
        ways(&editor),
        "start.next>rate rate.success>large large.success>end large.fallback>small small.success>end"
    );
    assert_eq!(problems(&editor), []);
    assert_eq!(editor.insert_before("small", "model").as_deref(), Some("model"));
    assert!(ways(&editor).contains("large.fallback>model model.success>end model.fallback>small"), "{}", ways(&editor));
    // A new model's name is asked for at its place.
    let asked: Vec<_> = problems(&editor).into_iter().map(|problem| problem.to_string()).collect();
    assert_eq!(asked, ["model: properties.model is required"]);
    assert_eq!(editor.insert_before("start", "rate"), None);
    assert_eq!(editor.insert_before("nowhere", "rate"), None);
    assert_eq!(editor.insert_before("small", "nothing"), None);
}

#[test]
fn a_success_leads_to_an_end_and_a_choice_to_a_model() {
    let mut editor = editor(&two_models());
    assert_eq!(editor.insert_before("end", "rate"), None);
    assert_eq!(editor.insert_at("large", "success", "rate"), None);
    assert_eq!(editor.insert_at("large", "success", "end").as_deref(), Some("end-2"));
    assert!(ways(&editor).contains("large.success>end-2"));
    assert_eq!(editor.insert_before("large", "balance").as_deref(), Some("balance"));
    assert_eq!(editor.insert_at("balance", "b", "conditional"), None);
    assert_eq!(editor.insert_at("balance", "b", "model").as_deref(), Some("model"));
    assert_eq!(
        ways(&editor),
        "start.next>balance balance.a>large balance.fallback>small balance.b>model model.success>end large.success>end-2 \
         small.success>end"
    );
    editor.set_field("model", "model", "gpt-4o");
    assert_eq!(problems(&editor), []);
}

#[test]
fn a_balance_before_what_others_lead_to_chooses_a_new_model() {
    let elements = json!([
        start("plan"),
        element("plan", "conditional", json!({ "conditions": { "x": 1 } }), &[("true", "large"), ("false", "small")]),
        model("large", "gpt-5", &[("fallback", "small")]),
        model("small", "gpt-5-nano", &[]),
    ]);
    let mut editor = editor(&elements);
    editor.insert_at("large", "fallback", "balance").expect("inserted");
    assert!(
        ways(&editor).contains("large.fallback>balance balance.a>model balance.fallback>small"),
        "{}",
        ways(&editor)
    );
}

#[test]
fn what_led_to_a_removed_element_leads_on() {
    let elements = json!([
        start("plan"),
        element("plan", "conditional", json!({ "conditions": { "x": 1 } }), &[("true", "rate"), ("false", "small")]),
        element("rate", "rate", json!({ "limit": 1, "window": 60 }), &[("success", "large"), ("fallback", "small")]),
        model("large", "gpt-5", &[("success", "end"), ("fallback", "small")]),
        model("small", "gpt-5-nano", &[("success", "end")]),
        end(),
    ]);
    let mut editor = editor(&elements);
    assert_eq!(editor.remove("start"), None);
    assert_eq!(editor.remove("rate").as_deref(), Some("large"));
    assert!(ways(&editor).contains("plan.true>large"));
    assert_eq!(editor.remove("large").as_deref(), Some("small"));
    assert_eq!(ways(&editor), "start.next>plan plan.true>small plan.false>small small.success>end");
    editor.remove("plan");
    assert_eq!(ways(&editor), "start.next>small small.success>end");
    assert_eq!(problems(&editor), []);
    // Without a way on, what must lead somewhere leads to the end.
    editor.remove("small");
    assert_eq!(ways(&editor), "start.next>end");
    editor.remove("end");
    assert!(problems(&editor).iter().any(|problem| problem.place == "outputs.next"), "{:?}", problems(&editor));
}

#[test]
fn the_models_of_a_removed_balance_follow_one_another() {
    let weights = json!({ "weights": { "a": 3, "b": 1 } });
    let elements = json!([
        start("pool"),
        element("pool", "balance", weights, &[("a", "east"), ("b", "west"), ("fallback", "last")]),
        model("east", "x", &[]),
        model("west", "y", &[]),
        model("last", "z", &[]),
    ]);
    let mut editor = editor(&elements);
    let mut without_one = editor.clone();
    assert_eq!(editor.remove("pool").as_deref(), Some("east"));
    assert_eq!(ways(&editor), "start.next>east east.fallback>west west.fallback>last");
    assert_eq!(problems(&editor), []);
    without_one.remove("west");
    assert_eq!(ways(&without_one), "start.next>pool pool.a>east pool.fallback>last");
    assert_eq!(without_one.weight("pool", "b"), "");
    assert_eq!(problems(&without_one), []);
}

#[test]
fn either_spelling_and_what_is_unknown_stay_as_they_were_written() {
    let text = r#"{"id":"r1","name":"x","elements":[
        {"id":"s","type":"start","outputs":{"next":{"elementId":"c","note":"kept"}},"data":{"x":1}},
        {"id":"c","type":"conditional","properties":{"condition":{"metadata.plan":{"$regex":"^f","$options":"i"}}},
         "outputs":{"true":{"elementId":"l"},"false":{"elementId":"m"}}},
        {"id":"l","type":"rate_limit","properties":{"limitType":"count","limit":5,"interval":60,"technique":"fixed"},
         "outputs":{"success":{"elementId":"m"}}},
        {"id":"m","type":"model","properties":{"provider":"openai","model":"gpt-5"},"position":[1,2]}]}"#;
    let mut editor = Editor::new(text).expect("a route");
    assert!(editor.set_field("l", "window", "90") && editor.set_field("l", "limit", "7"));
    assert!(editor.set_field("c", "value", "^g"));
    assert!(editor.connect("s", "next", "l") && editor.rename("m", "large"));
    let mut expected: Value = serde_json::from_str(text).expect("JSON");
    let list = &mut expected["elements"];
    list[0]["outputs"]["next"]["elementId"] = json!("l");
    list[1]["properties"]["condition"]["metadata.plan"]["$regex"] = json!("^g");
    list[1]["outputs"]["false"]["elementId"] = json!("large");
    list[2]["properties"]["interval"] = json!(90);
    list[2]["properties"]["limit"] = json!(7);
    list[2]["outputs"]["success"]["elementId"] = json!("large");
    list[3]["id"] = json!("large");
    assert_eq!(editor.to_value().to_string(), expected.to_string());
}

#[test]
fn what_is_typed_wrongly_is_kept_and_named_at_its_place() {
    let mut editor = editor(&json!([
        start("l"),
        element("l", "rate", json!({ "limit": 1, "window": 60 }), &[("success", "c")]),
        element("c", "conditional", json!({ "conditions": { "x": 1 } }), &[("true", "m"), ("false", "m")]),
        model("m", "x", &[]),
    ]));
    editor.set_field("l", "limit", "many");
    editor.set_field("c", "conditions", "{ not yet");
    editor.set_field("m", "model", "");
    let element = |id: &str| editor.element(id).expect("there");
    assert_eq!(field(element("l"), "limit"), "many");
    assert_eq!(field(element("c"), "conditions"), "{ not yet");
    let places: Vec<_> = problems(&editor).into_iter().map(|problem| (problem.element, problem.place)).collect();
    for (id, place) in [("l", "properties.limit"), ("c", "properties.conditions"), ("m", "properties.model")] {
        assert!(places.iter().any(|(at, in_it)| at == id && in_it.starts_with(place)), "{id} {place}: {places:?}");
    }
}

#[test]
fn a_condition_that_is_one_comparison_is_read_and_written_in_parts() {
    let mut editor = editor(&json!([element("c", "conditional", json!({ "conditions": {} }), &[])]));
    for (operator, typed, meant, shown) in [
        ("$eq", "free", json!("free"), "free"),
        ("$eq", "\"5\"", json!("5"), "\"5\""),
        ("$gt", "1000", json!(1000), "1000"),
        ("$ne", "true", json!(true), "true"),
        ("$in", "a, b, 3", json!(["a", "b", 3]), "a, b, 3"),
        ("$nin", r#"["a,b"]"#, json!(["a,b"]), r#"["a,b"]"#),
        ("$regex", "^g.*5$", json!("^g.*5$"), "^g.*5$"),
        ("$exists", "false", json!(false), "false"),
    ] {
        assert!(editor.set_condition("c", "body.x", operator, typed));
        let element = editor.element("c").expect("there");
        assert_eq!(element["properties"]["conditions"], json!({ "body.x": { operator: meant } }));
        let read = ["subject", "operator", "value"].map(|name| field(element, name));
        assert_eq!(read, ["body.x", operator, shown]);
    }
    for many in [json!({ "a": 1, "b": 2 }), json!({ "a": { "$gt": 1, "$lt": 3 } }), json!({ "$or": [{ "a": 1 }] })] {
        editor.set_field("c", "conditions", &many.to_string());
        assert!(!super::is_simple(editor.element("c").expect("there")), "{many}");
    }
}

#[test]
fn names_are_not_taken_twice() {
    let mut editor = editor(&json!([
        start("a"),
        element("a", "percentage", json!({}), &[("10%", "m"), ("else", "n")]),
        model("m", "x", &[]),
        model("n", "y", &[]),
    ]));
    assert!(!editor.rename("m", "n") && !editor.rename("m", " ") && !editor.rename_output("a", "10%", "else"));
    assert!(editor.rename_output("a", "10%", "20%"));
    assert_eq!(ways(&editor), "start.next>a a.20%>m a.else>n");
    assert!(!editor.connect("a", "else", "nowhere"));
    assert_eq!(editor.insert_before("m", "model").as_deref(), Some("model"));
    assert_eq!(editor.insert_before("m", "model").as_deref(), Some("model-2"));
}

#[test]
fn there_is_room_for_so_many() {
    let mut list = vec![start("m0")];
    list.extend((0..crate::MAX_ELEMENTS - 1).map(|n| model(&format!("m{n}"), "x", &[])));
    let mut editor = editor(&Value::Array(list));
    assert_eq!(editor.insert_before("m0", "rate"), None);
    assert!(Editor::new("{}").is_err() && Editor::new("[").is_err() && Editor::new(r#"{"elements":[]}"#).is_ok());
}

/// A step, its element and the other by numbers.
#[derive(Clone, Debug)]
struct Edit {
    step: u8,
    at: usize,
    other: usize,
    kind: &'static str,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let kinds = proptest::sample::select(NEW_TYPES.to_vec());
    let edit =
        (0u8..9, 0usize..40, 0usize..40, kinds).prop_map(|(step, at, other, kind)| Edit { step, at, other, kind });
    proptest::collection::vec(edit, 1..24)
}

fn apply(editor: &mut Editor, edit: &Edit) {
    let ids: Vec<String> = editor.ids().into_iter().map(|(id, _)| id.to_owned()).collect();
    if ids.is_empty() {
        return;
    }
    let (id, other) = (&ids[edit.at % ids.len()], &ids[edit.other % ids.len()]);
    let outputs: Vec<String> = editor.outputs(id).into_iter().map(|(name, _)| name.to_owned()).collect();
    let output = outputs.get(edit.other % outputs.len().max(1)).map_or("fallback", String::as_str);
    match edit.step {
        0 | 1 => drop(editor.insert_before(id, edit.kind)),
        2 => drop(editor.insert_at(id, output, edit.kind)),
        3 => drop(editor.remove(id)),
        4 => drop(editor.connect(id, output, other)),
        5 => drop(editor.disconnect(id, output)),
        6 => drop(editor.rename(id, &format!("{id}x"))),
        7 => drop(editor.rename_output(id, output, "5%")),
        _ => drop(editor.set_field(id, ["model", "limit", "key", "value"][edit.other % 4], "7")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_sequence_of_edits_breaks_a_route(elements in crate::tests::random::elements(), edits in edits()) {
        let mut editor = editor(&elements);
        for edit in &edits {
            apply(&mut editor, edit);
            let text = editor.to_value().to_string();
            let again = Editor::new(&text);
            prop_assert_eq!(again.as_ref(), Ok(&editor), "reads back");
            let ids: Vec<_> = editor.ids().into_iter().map(|(id, _)| id).collect();
            prop_assert_eq!(ids.len(), ids.iter().collect::<HashSet<_>>().len());
            for id in &ids {
                for (output, to) in editor.outputs(id) {
                    prop_assert!(ids.contains(&to), "after {edit:?}: {id}.{output} leads to {to}: {text}");
                }
            }
            let reading = read(&text, &());
            prop_assert_eq!(reading.outline.len(), ids.len());
            if let Some(graph) = reading.graph.filter(|_| is_valid(&reading.problems)) {
                prop_assert!(Route::compile(&graph).is_ok());
            }
        }
    }

    #[test]
    fn what_a_step_does_not_mean_stays(elements in crate::tests::random::elements(), at in 1usize..7, text in "[a-z0-9]{1,8}") {
        let mut editor = editor(&elements);
        let before = editor.clone();
        let ids: Vec<String> = editor.ids().into_iter().map(|(id, _)| id.to_owned()).collect();
        let Some(id) = ids.get(at) else { return Ok(()) };
        editor.set_field(id, "key", &text);
        for other in ids.iter().filter(|other| *other != id) {
            prop_assert_eq!(editor.element(other), before.element(other));
        }
        prop_assert_eq!(editor.outputs(id), before.outputs(id));
    }
}
