//! Kept items.

use super::*;
use crate::chat::Refused;

fn text(body: &[u8]) -> String {
    String::from_utf8(body.to_vec()).expect("text")
}

#[test]
fn references_to_kept_state_are_found() {
    let body = r#"{"previous_response_id":"resp_1","conversation":{"id":"conv_1"},"store":false,"background":true,
        "input":[{"type":"item_reference","id":"rs_1"},{"id":"msg_1"},{"role":"user","content":"x","id":"msg_2"}]}"#;
    let found = state_refs(body.as_bytes());
    assert_eq!(found.previous_response_id.as_deref(), Some("resp_1"));
    assert_eq!(found.conversation.as_deref(), Some("conv_1"));
    assert_eq!(found.item_references, ["rs_1", "msg_1"]);
    assert_eq!((found.store, found.background), (Some(false), true));
    let named = state_refs(br#"{"conversation":"conv_2","input":"x"}"#);
    assert_eq!(named.conversation.as_deref(), Some("conv_2"));
    assert_eq!(state_refs(b"no request"), StateRefs::default());
}

#[test]
fn history_comes_before_what_is_new() {
    let body = br#"{"model":"m","previous_response_id":"resp_1","conversation":null,"input":"Go on","top_p":0.50}"#;
    let kept = [json(r#"{"id":"msg_1","role":"user","content":"Hi"}"#)];
    insta::assert_snapshot!(text(&with_history(body, &kept)), @r#"{"model":"m","top_p":0.50,"input":[{"id":"msg_1","role":"user","content":"Hi"},{"type":"message","role":"user","content":[{"type":"input_text","text":"Go on"}]}]}"#);
    assert_eq!(with_history(b"[]", &kept), b"[]");
    let request = read(&text(&with_history(body, &kept)));
    assert_eq!(request.messages.len(), 2);
}

#[test]
fn references_are_replaced_in_place() {
    let body = br#"{"model":"m","input":[{"role":"user","content":"a"},{"type":"item_reference","id":"fc_1"}]}"#;
    let find = |id: &str| (id == "fc_1").then(|| json(r#"{"type":"function_call","id":"fc_1"}"#));
    let found = resolve_references(body, find).expect("known");
    insta::assert_snapshot!(text(&found), @r#"{"model":"m","input":[{"role":"user","content":"a"},{"type":"function_call","id":"fc_1"}]}"#);
    let unknown = resolve_references(body, |_| None);
    assert_eq!(unknown, Err(Refused::field("input[1].id", "there is no item \"fc_1\"")));
}

#[test]
fn items_are_listed_with_ids_that_stay() {
    let body = br#"{"input":[{"role":"user","content":"Hi"},{"role":"assistant","id":"msg_1","content":"Yo"},
        {"type":"function_call_output","call_id":"c","output":"1"},7]}"#;
    let items = items_of(body);
    assert_eq!(items, items_of(body));
    let lines: Vec<&str> = items.iter().map(|item| item.as_str()).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
{"id":"msg_8fb6244a731045c240a05b56ac42be6a","type":"message","status":"completed","content":[{"type":"input_text","text":"Hi"}],"role":"user"}
{"id":"msg_1","type":"message","status":"completed","content":[{"type":"output_text","text":"Yo","annotations":[]}],"role":"assistant"}
{"id":"fco_d21ed8d274d4c55b309215b8f8dbbf83","type":"function_call_output","call_id":"c","output":"1"}
7
"#);
    assert_eq!(items_of(br#"{"input":"Hi"}"#).len(), 1);
}

#[test]
fn output_is_taken_from_responses_only() {
    assert_eq!(output_items(br#"{"output":[{"id":"a"},{"id":"b"}]}"#).len(), 2);
    assert!(output_items(b"{}").is_empty() && output_items(b"").is_empty());
}
