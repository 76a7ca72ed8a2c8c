//! Kept items.

use super::*;
use crate::api::Api;
use crate::chat::{Asked, Refused};

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
    assert_eq!((found.items, named.items), (3, 1));
    assert_eq!(state_refs(b"no request"), StateRefs::default());
}

#[test]
fn history_comes_before_what_is_new() {
    let body = br#"{"model":"m","previous_response_id":"resp_1","conversation":null,"input":"Go on","top_p":0.50}"#;
    let kept = [json(r#"{"id":"msg_1","role":"user","content":"Hi"}"#)];
    insta::assert_snapshot!(text(&with_history(body, &kept, false)), @r#"{"model":"m","top_p":0.50,"input":[{"id":"msg_1","role":"user","content":"Hi"},{"type":"message","role":"user","content":[{"type":"input_text","text":"Go on"}]}]}"#);
    assert_eq!(with_history(b"[]", &kept, true), b"[]");
    let background = br#"{"input":"x","background":true,"conversation":"conv_1"}"#;
    assert!(text(&with_history(background, &[], true)).starts_with(r#"{"background":true,"input":"#));
    assert!(text(&with_history(background, &[], false)).starts_with(r#"{"input":"#));
    let request = read(&text(&with_history(body, &kept, false)));
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
fn items_are_listed_with_ids() {
    let body = br#"{"input":[{"role":"user","content":"Hi"},{"role":"assistant","id":"msg_1","content":"Yo"},
        {"type":"function_call_output","call_id":"c","output":"1"},7]}"#;
    let items = items_of(body, "1a2b");
    let lines: Vec<&str> = items.iter().map(|item| item.as_str()).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
{"id":"msg_1a2b_q0","type":"message","status":"completed","content":[{"type":"input_text","text":"Hi"}],"role":"user"}
{"id":"msg_1","type":"message","status":"completed","content":[{"type":"output_text","text":"Yo","annotations":[]}],"role":"assistant"}
{"id":"fco_1a2b_q2","type":"function_call_output","call_id":"c","output":"1"}
7
"#);
    assert_eq!(items_of(br#"{"input":"Hi"}"#, "1a2b").len(), 1);
    assert_eq!(id_of(&items[0]).as_deref(), Some("msg_1a2b_q0"));
    assert_eq!(response_of_item("msg_1a2b_q0").as_deref(), Some("resp_1a2b"));
    assert_eq!(response_of_item("msg"), None);
}

#[test]
fn an_id_is_as_long_as_a_database_takes() {
    let (longest, longer) = (&*"x".repeat(MOST_ITEM_ID), &*"x".repeat(MOST_ITEM_ID + 1));
    let item = |id: &str| format!(r#"{{"type":"message","role":"user","content":"x","id":"{id}"}}"#);
    let with = |list: &str, a: &str, b: &str| format!(r#"{{"{list}":[{},{}]}}"#, item(a), item(b)).into_bytes();
    let ids = |items: &[Json]| items.iter().filter_map(id_of).collect::<Vec<_>>();
    assert_eq!(state_refs(&with("input", longest, "a")).overlong_id, None);
    assert_eq!(state_refs(&with("input", "a", longer)).overlong_id, Some(1));
    assert_eq!(ids(&items_of(&with("input", longest, longer), "1a2b")), [longest, "msg_1a2b_q1"]);

    assert_eq!(ids(&described(&with("items", longest, "a"), "1a2b").expect("items").items), [longest, "a"]);
    let refused = described(&with("items", "a", longer), "1a2b").expect_err("too long");
    assert_eq!(refused.field.as_deref(), Some("items[1].id"));

    let answer = format!(r#"{{"output":[{},{},{{"type":"reasoning"}},7]}}"#, item("a"), item(longer));
    let kept = items_to_keep(answer.as_bytes(), "1a2b");
    assert_eq!(ids(&kept), ["a", "msg_1a2b_a1", "rs_1a2b_a2"]);
    assert_eq!(kept[0].as_str(), item("a"), "what can be found stays as it was said");
}

#[test]
fn items_for_another_account_have_neither_ids_nor_secrets() {
    let items = [
        r#"{"id":"msg_1","type":"message","role":"user","content":[]}"#,
        r#"{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"x"}"#,
        r#"{"id":"fc_1","type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#,
        r#"{"id":"ws_1","type":"web_search_call","status":"completed"}"#,
    ];
    let carried = portable(&items.map(json));
    assert_eq!(
        carried,
        [
            r#"{"type":"message","role":"user","content":[]}"#,
            r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#,
            r#"{"id":"ws_1","type":"web_search_call","status":"completed"}"#,
        ]
        .map(json)
    );
}

#[test]
fn a_stream_tells_its_response_in_its_first_and_last_events() {
    let event = |event: Option<&'static str>, data: &'static str| {
        crate::api::openai_responses::told(&crate::sse::Event {
            event: event.map(str::as_bytes),
            data: data.as_bytes(),
            span: 0..0,
        })
    };
    let whole = r#"{"type":"response.completed","response":{"id":"resp_1"},"sequence_number":7}"#;
    for name in [None, Some("response.completed")] {
        assert_eq!(event(name, whole), Some(json(r#"{"id":"resp_1"}"#)));
    }
    assert_eq!(event(Some("response.output_text.delta"), whole), None);
    assert_eq!(event(None, r#"{"type":"response.output_text.delta","delta":"x"}"#), None);
    assert_eq!(event(None, "[DONE]"), None);
}

#[test]
fn a_response_opens_and_ends() {
    let body = br#"{"model":"m","input":"x","background":true,"previous_response_id":"resp_0"}"#.as_slice();
    let asked = Asked { id: "1a2b".into(), created: 5, model: "m".into(), body: body.into(), ..Asked::default() };
    let open = opening(&asked);
    assert_eq!(
        head(open.as_str().as_bytes()),
        Some(Head { id: "resp_1a2b".into(), status: "in_progress".into(), created_at: Some(5), background: true })
    );
    let value: serde_json::Value = open.read().expect("JSON");
    assert_eq!((&value["background"], &value["previous_response_id"]), (&true.into(), &"resp_0".into()));
    let failed = ends_as(open.as_str(), "failed", Some(("server_error", "No.")));
    let value: serde_json::Value = serde_json::from_str(&failed).expect("JSON");
    assert_eq!((&value["status"], &value["error"]["message"]), (&"failed".into(), &"No.".into()));
    assert_eq!(head(b"{}"), None);
    let event = String::from_utf8(telling("response.failed", 3, "{\n\"id\":\"resp_1\"}")).expect("text");
    insta::assert_snapshot!(event, @r#"
    event: response.failed
    data: {"type":"response.failed","sequence_number":3,"response":{ "id":"resp_1"}}
    "#);
}

#[test]
fn an_id_of_our_own_stands() {
    let asked = Asked { id: "1a2b".into(), own_id: true, ..Asked::default() };
    let answer = Api::Anthropic.decode_answer(
        br#"{"id":"msg_9","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"x"}],"stop_reason":"end_turn"}"#,
    );
    let written = Api::OpenaiResponses.encode_answer(&answer.expect("an answer"), &asked).expect("written");
    assert_eq!(head(&written).map(|head| head.id).as_deref(), Some("resp_1a2b"));
    assert!(text(&written).contains("msg_1a2b_0"));
}

#[test]
fn output_is_taken_from_responses_only() {
    assert_eq!(output_items(br#"{"output":[{"id":"a"},{"id":"b"}]}"#).len(), 2);
    assert!(output_items(b"{}").is_empty() && output_items(b"").is_empty());
}
