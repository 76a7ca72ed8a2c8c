//! What a request changes is undone in the answer.

use serde_json::{Value, json};

use super::*;
use crate::api::Quirks;

fn ask(front: Api, provider: Api, body: &Value) -> Translated {
    let quirks = Quirks::default();
    let target = Target { model: "claude-sonnet-4-5", quirks: &quirks };
    let body = body.to_string();
    let asked = Asked { id: "1".into(), body: body.clone().into_bytes().into(), ..Asked::default() };
    request((front, provider), body.as_bytes(), Path::default(), target, asked).expect("a question")
}

fn shell() -> Translated {
    let tools = json!([{ "type": "custom", "name": "sh.run" }]);
    let call = json!({ "type": "custom_tool_call", "call_id": "c1", "name": "sh.run", "input": "ls \"a\"" });
    let result = json!({ "type": "custom_tool_call_output", "call_id": "c1", "output": "a" });
    let input = json!([{ "role": "user", "content": "Hi" }, call, result]);
    ask(Api::OpenaiResponses, Api::Anthropic, &json!({ "model": "m", "input": input, "tools": tools }))
}

fn event(kind: &str, mut data: Value) -> String {
    data["type"] = kind.into();
    format!("event: {kind}\ndata: {data}\n\n")
}

/// A stream of Claude's with one call, whose arguments come in two pieces.
fn stream(name: &str, pieces: [&str; 2]) -> String {
    let message =
        json!({ "id": "msg_1", "model": "m", "content": [], "usage": { "input_tokens": 1, "output_tokens": 1 } });
    let call = json!({ "type": "tool_use", "id": "c2", "name": name, "input": {} });
    let piece = |text| json!({ "index": 0, "delta": { "type": "input_json_delta", "partial_json": text } });
    let end = json!({ "delta": { "stop_reason": "tool_use" }, "usage": { "output_tokens": 5 } });
    [
        event("message_start", json!({ "message": message })),
        event("content_block_start", json!({ "index": 0, "content_block": call })),
        event("content_block_delta", piece(pieces[0])),
        event("content_block_delta", piece(pieces[1])),
        event("content_block_stop", json!({ "index": 0 })),
        event("message_delta", end),
        event("message_stop", json!({})),
    ]
    .concat()
}

#[test]
fn free_text_goes_in_an_object_and_comes_back_as_text() {
    let translated = shell();
    let body: Value = serde_json::from_slice(&translated.body).expect("JSON");
    let name = body["tools"][0]["name"].as_str().expect("a name").to_owned();
    assert_ne!(name, "sh.run", "Claude's names have no dots");
    assert_eq!(body["tools"][0]["input_schema"]["properties"]["input"]["type"], "string");
    assert_eq!(body["messages"][1]["content"][0]["input"], json!({ "input": "ls \"a\"" }));
    let events = stream(&name, [r#"{"input":"l"#, r#"s\n"}"#]);
    let mut running = translated.translation.stream().expect("a caller's API");
    let mut out = Vec::new();
    running.push(events.as_bytes(), &mut out);
    assert!(running.finish(&mut out));
    let (whole, _) = translated.translation.stream_as_answer(events.as_bytes()).expect("an answer");
    for bytes in [out, whole] {
        let text = String::from_utf8(bytes).expect("text");
        assert!(text.contains(r#""name":"sh.run","input":"ls\n""#), "{text}");
    }
}

#[test]
fn an_answer_in_a_made_up_tool_is_text() {
    let tool = json!({ "type": "function", "function": { "name": "f", "parameters": { "type": "object" } } });
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi" }], "tools": [tool],
        "response_format": { "type": "json_object" } });
    let translated = ask(Api::OpenaiChat, Api::Anthropic, &body);
    let sent: Value = serde_json::from_slice(&translated.body).expect("JSON");
    let made_up = sent["tools"][1]["name"].as_str().expect("a name");
    let events = stream(made_up, [r#"{"a""#, ":1}"]);
    let (answer, _) = translated.translation.stream_as_answer(events.as_bytes()).expect("an answer");
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!(answer["choices"][0]["message"]["content"], r#"{"a":1}"#);
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[test]
fn what_a_model_lays_out_over_lines_is_one_line_to_the_caller() {
    let translated = ask(
        Api::OpenaiChat,
        Api::Anthropic,
        &json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi" }] }),
    );
    let translation = Translation { front: Api::Gemini, ..translated.translation };
    let mut running = translation.stream().expect("a caller's API");
    let mut out = Vec::new();
    running.push(stream("f", ["{\n", "\"a\": 1\r\n}"]).as_bytes(), &mut out);
    assert!(running.finish(&mut out));
    let text = String::from_utf8(out).expect("text");
    let call = text.lines().find_map(|line| line.strip_prefix("data: ").filter(|data| data.contains("functionCall")));
    let call: Value = serde_json::from_str(call.expect("a call")).expect("JSON");
    assert_eq!(call["candidates"][0]["content"]["parts"][0]["functionCall"]["args"], json!({ "a": 1 }));
}

#[test]
fn an_answer_that_cannot_be_held_ends_with_an_error_that_is_known() {
    let translated = shell();
    let body: Value = serde_json::from_slice(&translated.body).expect("JSON");
    let name = body["tools"][0]["name"].as_str().expect("a name");
    let long = "x".repeat(800);
    let events = stream(name, [&format!("{{\"input\":\"{long}"), &format!("{long}\"}}")]);
    let mut running = translated.translation.stream().expect("a caller's API");
    let (begin, end) = events.split_at(events.rfind("event: content_block_stop").expect("an event"));
    let mut out = Vec::new();
    running.push(begin.as_bytes(), &mut out);
    assert!(running.is_over() && running.observed().error);
    let told = out.len();
    running.push(end.as_bytes(), &mut out);
    running.finish(&mut out);
    assert_eq!(out.len(), told, "nothing follows");
    let text = String::from_utf8(out).expect("text");
    assert_eq!(text.matches("event: error\n").count(), 1, "{text}");
    assert!(text.contains("upstream_too_large") && text.contains("event: response.failed"), "{text}");
}

#[test]
fn what_a_stream_holds_is_counted_and_given_back() {
    let translated = shell();
    let body: Value = serde_json::from_slice(&translated.body).expect("JSON");
    let name = body["tools"][0]["name"].as_str().expect("a name");
    let events = stream(name, [r#"{"input":"#, "\"abc\"}"]);
    let chat = Translation { front: Api::OpenaiChat, ..translated.translation };
    let mut running = chat.stream().expect("a caller's API");
    let (begin, end) = events.split_at(events.rfind("event: content_block_stop").expect("an event") + 9);
    let mut out = Vec::new();
    assert_eq!(running.held(), 0);
    running.push(begin.as_bytes(), &mut out);
    // The text of the call, and the first bytes of an event.
    assert_eq!(running.held(), "{\"input\":\"abc\"}".len() + 9);
    running.push(end.as_bytes(), &mut out);
    assert_eq!(running.held(), 0);
}
