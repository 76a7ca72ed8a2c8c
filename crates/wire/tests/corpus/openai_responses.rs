//! OpenAI's Responses, at every provider that speaks the API.

use serde_json::{Map, Value, json};
use wire::api::{Api, Path, Quirks, StreamEncoder, Target};
use wire::chat::{Answer, Asked, Content, Finish, Message};
use wire_fuzz::pair::{assemble, events};

use crate::recordings::{self, Case, compared, documents};

const OWN: Api = Api::OpenaiResponses;

fn cases() -> Vec<Case> {
    recordings::operations(&["responses"])
}

fn body(case: &Case) -> Option<&Value> {
    case.request.get("body").filter(|body| body.is_object())
}

/// The whole answer, where it is one.
fn answer(case: &Case) -> Option<&Value> {
    case.answer().filter(|body| case.is_good() && body["output"].is_array())
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// What an answer says, by kinds.
#[derive(Debug, Default, PartialEq)]
struct Said {
    text: String,
    refusal: String,
    thoughts: Vec<String>,
    secrets: usize,
    calls: Vec<(String, String, String)>,
    citations: usize,
    others: usize,
    input: u64,
    output: u64,
    cached: u64,
    reasoning: u64,
}

fn plainly(response: &Value) -> Said {
    let usage = &response["usage"];
    let count = |place: &str| usage.pointer(place).and_then(Value::as_u64).unwrap_or(0);
    let mut said = Said {
        input: count("/input_tokens"),
        output: count("/output_tokens"),
        cached: count("/input_tokens_details/cached_tokens"),
        reasoning: count("/output_tokens_details/reasoning_tokens"),
        ..Said::default()
    };
    for item in list(response, "output") {
        match text(item, "type") {
            "message" => {
                for part in list(item, "content") {
                    said.text += text(part, "text");
                    said.refusal += text(part, "refusal");
                    said.citations += list(part, "annotations").count();
                }
            }
            "reasoning" => {
                let join = |name| list(item, name).map(|part| text(part, "text")).collect::<Vec<_>>().join("\n\n");
                let words = [join("content"), join("summary")].into_iter().find(|words| !words.is_empty());
                said.secrets += usize::from(item["encrypted_content"].is_string());
                said.thoughts.extend(words);
            }
            "function_call" | "custom_tool_call" => {
                let arguments = format!("{}{}", text(item, "arguments"), text(item, "input"));
                said.calls.push((text(item, "call_id").into(), text(item, "name").into(), arguments));
            }
            _ => said.others += 1,
        }
    }
    said
}

fn by_answer(answer: &Answer) -> Said {
    let usage = answer.usage.unwrap_or_default();
    let mut said = Said {
        input: usage.input,
        output: usage.output,
        cached: usage.cached_input,
        reasoning: usage.reasoning,
        ..Said::default()
    };
    for part in &answer.choices[0].parts {
        match &part.content {
            Content::Text { text, citations } => {
                said.text += text;
                said.citations += citations.len();
            }
            Content::Refusal { text } => said.refusal += text,
            Content::Thinking { text, signature } => {
                said.thoughts.push(text.clone());
                said.secrets += usize::from(signature.is_some());
            }
            Content::Redacted { .. } => said.secrets += 1,
            Content::ToolCall { id, name, arguments, .. } => {
                said.calls.push((id.clone(), name.clone(), arguments.clone()));
            }
            Content::Opaque { .. } => said.others += 1,
            other => panic!("{other:?}"),
        }
    }
    said
}

fn finish_of(response: &Value, said: &Said) -> Finish {
    match (text(response, "status"), text(&response["incomplete_details"], "reason")) {
        ("incomplete", "content_filter") => Finish::ContentFilter,
        ("incomplete", _) => Finish::Length,
        ("in_progress" | "queued", _) => Finish::Other(text(response, "status").into()),
        ("failed", _) => Finish::Failed(text(&response["error"], "code").into()),
        _ if !said.calls.is_empty() => Finish::ToolCalls,
        _ if !said.refusal.is_empty() && said.text.is_empty() => Finish::Refusal,
        _ => Finish::Stop,
    }
}

#[test]
fn whole_answers_are_read_as_a_plain_reading_does() {
    let mut seen = 0;
    for case in &cases() {
        let Some(response) = answer(case) else { continue };
        let answer = OWN.decode_answer(response.to_string().as_bytes()).expect(&case.name);
        let plain = plainly(response);
        assert_eq!(by_answer(&answer), plain, "{}", case.name);
        assert_eq!(answer.choices[0].finish, finish_of(response, &plain), "{}", case.name);
        assert_eq!(answer.id, text(response, "id"), "{}", case.name);
        seen += 1;
    }
    compared(seen, 60, "whole answers");
}

#[test]
fn streams_are_read_as_a_plain_reading_does_in_any_pieces() {
    let (mut seen, mut failed) = (0, 0);
    for case in cases() {
        let Some(bytes) = case.file("response.sse") else { continue };
        let whole = events(OWN, bytes.chunks(usize::MAX));
        for chunk in [1, 7, 1000] {
            assert_eq!(events(OWN, bytes.chunks(chunk)), whole, "{} in pieces of {chunk}", case.name);
        }
        let documents = documents(&bytes);
        let last = documents.iter().find(|d| matches!(text(d, "type"), "response.completed" | "response.incomplete"));
        let answer = assemble(whole);
        let Some(last) = last else {
            let error = answer.expect_err(&case.name);
            assert!(!error.message.is_empty(), "{}", case.name);
            failed += 1;
            continue;
        };
        let answer = answer.expect(&case.name);
        let mut plain = plainly(&last["response"]);
        if plain.calls.is_empty() && plain.text.is_empty() && plain.thoughts.is_empty() {
            let done = documents.iter().filter(|d| text(d, "type") == "response.output_item.done");
            let items: Vec<Value> = done.map(|d| d["item"].clone()).collect();
            let usage = last["response"]["usage"].clone();
            plain = plainly(&json!({ "output": items, "usage": usage }));
        }
        assert_eq!(by_answer(&answer), plain, "{}", case.name);
        assert_eq!(answer.choices[0].finish, finish_of(&last["response"], &plain), "{}", case.name);
        seen += 1;
    }
    compared(seen, 30, "streams");
    compared(failed, 1, "failed streams");
}

#[test]
fn streams_can_be_told_again() {
    for case in cases() {
        let Some(bytes) = case.file("response.sse") else { continue };
        let whole = events(OWN, bytes.chunks(usize::MAX));
        let mut encoder = StreamEncoder::new(OWN, &Asked::default()).expect("a front");
        let mut told = Vec::new();
        whole.iter().cloned().for_each(|event| encoder.push(event, &mut told));
        let documents = documents(&told);
        let numbers = documents.iter().map(|document| document["sequence_number"].as_u64().expect("a number"));
        assert!(numbers.eq(0..documents.len() as u64), "{}", case.name);
        let last = documents.last().expect("a last event");
        match assemble(whole) {
            Ok(answer) => {
                assert_eq!(plainly(&last["response"]), by_answer(&answer), "{}", case.name);
                let again = assemble(events(OWN, told.chunks(usize::MAX))).expect(&case.name);
                assert_eq!(by_answer(&again), by_answer(&answer), "{}", case.name);
                assert_eq!(again.choices[0].finish, answer.choices[0].finish, "{}", case.name);
                assert_eq!(again.choices[0].logprobs, answer.choices[0].logprobs, "{}", case.name);
            }
            Err(error) => {
                assert_eq!(text(last, "type"), "response.failed", "{}", case.name);
                assert_eq!(
                    assemble(events(OWN, told.chunks(usize::MAX))).map_err(|again| again.message),
                    Err(error.message)
                );
            }
        }
    }
}

/// A request in one of several spellings that mean the same.
fn normal(request: &Value) -> Value {
    let mut fields = request.as_object().cloned().unwrap_or_default();
    fields.retain(|name, value| {
        let usual = match name.as_str() {
            "background" | "stream" => value == &json!(false),
            "truncation" => value == &json!("disabled"),
            "tools" | "include" => value == &json!([]),
            "top_logprobs" => value == &json!(0),
            "instructions" => value == "",
            "text" => value["format"]["type"] == "text" && value.get("verbosity").is_none(),
            _ => false,
        };
        !(usual || value.is_null())
    });
    for unneeded in ["tool_choice", "parallel_tool_calls"] {
        if !fields.contains_key("tools") {
            fields.remove(unneeded);
        }
    }
    if let Some(Value::Object(text)) = fields.get_mut("text")
        && text.get("format").is_some_and(|format| format["type"] == "text")
    {
        text.remove("format");
    }
    if let Some(Value::Object(reasoning)) = fields.get_mut("reasoning") {
        reasoning.retain(|_, value| !value.is_null());
    }
    for tool in fields.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        if tool["type"] == "function" && tool["strict"].is_null() {
            tool["strict"] = json!(false);
        }
        let tool = tool.as_object_mut().expect("an object");
        tool.retain(|name, value| !(value.is_null() || name == "defer_loading"));
    }
    for name in ["temperature", "top_p"] {
        if let Some(number) = fields.get(name).and_then(Value::as_f64) {
            fields.insert(name.into(), json!(number));
        }
    }
    let mut items = match fields.remove("input") {
        Some(Value::String(text)) => vec![json!({ "role": "user", "content": text })],
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    if !fields.contains_key("instructions") && items.first().is_some_and(|item| item["role"] == "system") {
        let first = normal_item(&items.remove(0));
        fields.insert("instructions".into(), first[0]["text"].clone());
    }
    fields.insert("input".into(), items.iter().flat_map(normal_item).collect());
    // Whether the provider keeps it is for the gateway to say.
    fields.remove("store");
    if let Some(Value::Array(include)) = fields.get_mut("include") {
        include.retain(|name| name != "reasoning.encrypted_content");
    }
    fields.retain(|name, value| !(matches!(name.as_str(), "include" | "reasoning") && is_empty(value)));
    Value::Object(fields)
}

/// Empty texts are left out: other APIs refuse them.
fn without_empty(mut messages: Vec<Message>) -> Vec<Message> {
    for message in &mut messages {
        message.parts.retain(|part| part.content != Content::text(""));
    }
    messages.retain(|message| !message.parts.is_empty());
    messages
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty)
}

/// The parts of an item, each by itself: how they are gathered into messages does not matter.
fn normal_item(item: &Value) -> Vec<Value> {
    let mut item = item.clone();
    if !item["role"].is_string() || item.get("tools").is_some() {
        if text(&item, "type") == "reasoning" {
            return vec![json!({ "reasoning": plainly(&json!({ "output": [item.clone()] })).thoughts,
                                "secret": item["encrypted_content"] })];
        }
        if text(&item, "type").starts_with("function_call") {
            item = json!({ "type": item["type"], "call_id": item["call_id"], "name": item["name"],
                           "arguments": item["arguments"], "output": item["output"] });
        }
        return vec![item];
    }
    let role = item["role"].clone();
    let parts = match item["content"].take() {
        Value::String(text) => vec![json!({ "text": text })],
        Value::Array(parts) => parts,
        other => panic!("{other}"),
    };
    let part = |mut part: Value| {
        if part.get("text").is_some() {
            part.as_object_mut().expect("an object").remove("type");
            part.as_object_mut().expect("an object").remove("logprobs");
            if is_empty(&part["annotations"]) {
                part.as_object_mut().expect("an object").remove("annotations");
            }
        }
        part["role"] = role.clone();
        part
    };
    parts.into_iter().filter(|part| part["text"] != "").map(part).collect()
}

#[test]
fn requests_survive_the_way_there_and_back() {
    let (mut seen, mut refused) = (0, 0);
    for case in cases() {
        let Some(body) = body(&case) else { continue };
        if body["input"].is_null() && body["prompt"].is_null() {
            continue;
        }
        let decoded = OWN.decode_request(body.to_string().as_bytes(), Path::default());
        let state = ["previous_response_id", "conversation", "prompt"].iter().find(|name| !body[**name].is_null());
        if let Some(state) = state {
            assert_eq!(decoded.expect_err(&case.name).field.as_deref(), Some(*state), "{}", case.name);
            refused += 1;
            continue;
        }
        let request = decoded.expect(&case.name);
        let (quirks, model) =
            (Quirks { reasoning_field: Some("content".into()), ..Quirks::default() }, request.model.clone());
        let encoded = OWN.encode_request(&request, Target { model: &model, quirks: &quirks }).expect(&case.name);
        assert!(encoded.losses.all().is_empty(), "{}: {:?}", case.name, encoded.losses);
        let back: Value = serde_json::from_slice(&encoded.body).expect("JSON");
        if body["tool_choice"]["type"] != "allowed_tools" {
            assert_eq!(normal(&back), normal(body), "{}", case.name);
        }
        let again = OWN.decode_request(&encoded.body, Path::default()).expect(&case.name);
        assert_eq!(without_empty(again.messages), without_empty(request.messages), "{}", case.name);
        seen += 1;
    }
    compared(seen, 80, "requests");
    compared(refused, 1, "requests that need state");
}

#[test]
fn answers_survive_the_way_there_and_back() {
    for case in &cases() {
        let Some(response) = answer(case) else { continue };
        let answer = OWN.decode_answer(response.to_string().as_bytes()).expect(&case.name);
        let body = body(case).cloned().unwrap_or_default().to_string();
        let asked = Asked { id: "1".into(), body: body.into(), ..Asked::default() };
        let written = OWN.encode_answer(&answer, &asked).expect(&case.name);
        let back: Value = serde_json::from_slice(&written).expect("JSON");
        assert_eq!(plainly(&back), plainly(response), "{}", case.name);
        // A response that is not complete cannot be told of as such by an answer that is.
        if !matches!(answer.choices[0].finish, Finish::Other(_) | Finish::Failed(_)) {
            assert_eq!(OWN.decode_answer(&written).expect(&case.name).choices[0].finish, answer.choices[0].finish);
        }
    }
}
