//! Chat completions, at every provider that speaks the API.

use serde_json::{Map, Value};
use wire::api::{Api, Path, Quirks, StreamEncoder, Target};
use wire::chat::{Answer, Asked, Content, Event, Finish, Request, Role};
use wire_fuzz::pair::{assemble, events};
use wire_fuzz::said::told;

use crate::recordings::{self, Case, compared, documents};

const API: Api = Api::OpenaiChat;

fn cases() -> Vec<Case> {
    recordings::operations(&["chat_completions"])
}

/// What an answer says, in one shape for both readings.
#[derive(Debug, Default, PartialEq)]
struct Said {
    text: String,
    refusal: String,
    reasoning: String,
    calls: Vec<(String, String)>,
    finish: String,
}

fn said_by(parts: &[wire::chat::Part], finish: &Finish) -> Said {
    let mut said = Said::default();
    for part in parts {
        match &part.content {
            Content::Text { text, .. } => said.text.push_str(text),
            Content::Refusal { text } => said.refusal.push_str(text),
            Content::Thinking { text, .. } => said.reasoning.push_str(text),
            Content::ToolCall { id, name, arguments, .. } => {
                assert!(!id.is_empty());
                said.calls.push((name.clone(), arguments.clone()));
            }
            _ => {}
        }
    }
    said.finish = match finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::Refusal => "stop",
        Finish::Length | Finish::ContextFull => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
        Finish::Failed(_) => "error",
        Finish::Other(_) | Finish::Pause => "stop",
    }
    .to_owned();
    said
}

/// The same read through `Value`, from the messages or deltas of choice 0.
fn said_plainly(choices: &[Value]) -> Said {
    let mut said = Said::default();
    let mut calls: Vec<(Value, String, String)> = Vec::new();
    let mut reason = String::new();
    for choice in choices {
        let message = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        add_content(&message["content"], &mut said);
        said.refusal.push_str(message["refusal"].as_str().unwrap_or_default());
        said.reasoning.push_str(&plain_reasoning(message));
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            add_call(call, &mut calls);
        }
        if message["function_call"]["name"].as_str().is_some_and(|name| !name.is_empty()) {
            add_call(&serde_json::json!({ "index": 0, "function": message["function_call"] }), &mut calls);
        }
        let given = choice["finish_reason"].as_str().unwrap_or_default();
        if !given.is_empty() {
            reason = given.to_owned();
        }
    }
    said.calls = calls.into_iter().map(|(_, name, arguments)| (name, arguments)).collect();
    said.finish = match reason.as_str() {
        "length" | "content_filter" | "error" => reason,
        "max_tokens" | "model_length" => "length".to_owned(),
        _ if !said.calls.is_empty() => "tool_calls".to_owned(),
        _ => "stop".to_owned(),
    };
    said
}

fn add_content(content: &Value, said: &mut Said) {
    said.text.push_str(content.as_str().unwrap_or_default());
    for part in content.as_array().into_iter().flatten() {
        said.text.push_str(part["text"].as_str().unwrap_or_default());
        for piece in part["thinking"].as_array().into_iter().flatten() {
            said.reasoning.push_str(piece["text"].as_str().unwrap_or_default());
        }
    }
}

fn plain_reasoning(message: &Value) -> String {
    let details = message["reasoning_details"].as_array().into_iter().flatten();
    let words = |detail: &Value| detail["text"].as_str().or(detail["summary"].as_str()).unwrap_or_default().to_owned();
    let detailed: String = details.map(words).collect();
    if !detailed.is_empty() {
        return detailed;
    }
    let plain = ["reasoning_content", "reasoning"].map(|name| message[name].as_str().unwrap_or_default());
    plain.into_iter().find(|words| !words.is_empty()).unwrap_or_default().to_owned()
}

fn add_call(call: &Value, calls: &mut Vec<(Value, String, String)>) {
    let function = if call["custom"]["name"].is_string() { &call["custom"] } else { &call["function"] };
    let name = function["name"].as_str().unwrap_or_default();
    let arguments = function["arguments"].as_str().or(function["input"].as_str()).unwrap_or_default();
    let index = call["index"].clone();
    let known = calls.iter_mut().rev().find(|(i, ..)| *i == index).filter(|_| !index.is_null() && name.is_empty());
    match known {
        Some((.., so_far)) => so_far.push_str(arguments),
        None => calls.push((index, name.to_owned(), arguments.to_owned())),
    }
}

/// What callers get says the same, but for what a caller's API has no place for.
fn same(mut answer: Answer, mut back: Answer, name: &str) {
    for answer in [&mut answer, &mut back] {
        answer.id.clear();
        answer.service_tier = None;
        // Chat completions has no place for these.
        if let Some(usage) = &mut answer.usage {
            *usage = told(*usage);
        }
        for choice in &mut answer.choices {
            if matches!(choice.finish, Finish::StopSequence(_)) {
                choice.finish = Finish::Stop;
            }
            if choice.finish == Finish::ContextFull {
                choice.finish = Finish::Length;
            }
        }
    }
    let said = |answer: &Answer| {
        let all = answer.choices.iter().map(|choice| (choice.index, said_by(&choice.parts, &choice.finish)));
        all.collect::<Vec<_>>()
    };
    let marks = |answer: &Answer| {
        let parts = answer.choices.iter().flat_map(|choice| &choice.parts);
        let marks = parts.filter_map(|part| match &part.content {
            Content::Thinking { signature, .. } | Content::ToolCall { signature, .. } => signature.clone(),
            Content::Redacted { data } => Some(data.clone()),
            _ => None,
        });
        marks.collect::<Vec<_>>()
    };
    assert_eq!(said(&answer), said(&back), "{name}");
    assert_eq!(marks(&answer), marks(&back), "{name}");
    assert_eq!(answer.usage, back.usage, "{name}");
    assert_eq!((&answer.model, answer.created), (&back.model, back.created), "{name}");
    for (one, other) in answer.choices.iter().zip(&back.choices) {
        assert_eq!(one.logprobs, other.logprobs, "{name}");
    }
}

#[test]
fn recorded_answers_say_what_a_plain_reading_says() {
    let mut read = 0;
    for case in &cases() {
        let body = &case.response["body"];
        let bytes = body.to_string();
        let answer = API.decode_answer(bytes.as_bytes());
        if !body["choices"].is_array() {
            assert!(answer.is_err() || !body.is_object(), "{}", case.name);
            continue;
        }
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        for (choice, plain) in answer.choices.iter().zip(body["choices"].as_array().expect("a list")) {
            let wanted = said_plainly(std::slice::from_ref(plain));
            assert_eq!(said_by(&choice.parts, &choice.finish), wanted, "{}", case.name);
        }
        assert_eq!(answer.choices.len(), body["choices"].as_array().map_or(0, Vec::len), "{}", case.name);
        let observed = wire::usage::from_body(domain::provider::Dialect::Openai, bytes.as_bytes());
        assert_eq!(answer.usage, observed.usage, "{}", case.name);
        let asked = Asked { include_usage: true, ..Asked::default() };
        let written = API.encode_answer(&answer, &asked).expect("a front");
        let back = API.decode_answer(&written).expect("an answer");
        same(answer, back, &case.name);
        read += 1;
    }
    compared(read, 200, "answers");
}

#[test]
fn recorded_streams_say_what_a_plain_reading_says() {
    let mut read = 0;
    for case in &cases() {
        let Some(stream) = case.file("response.sse") else { continue };
        let found = events(API, stream.chunks(7));
        for size in [1, 1000, usize::MAX] {
            assert_eq!(events(API, stream.chunks(size)), found, "{} in {size}", case.name);
        }
        let documents = documents(&stream);
        let answer = assemble(found.clone());
        let failed = documents.iter().any(|document| !document["error"].is_null());
        let ended = documents.iter().any(|document| {
            document["choices"].as_array().into_iter().flatten().any(|choice| choice["finish_reason"].is_string())
        });
        let done = stream.windows(6).any(|window| window == b"[DONE]");
        if failed || !ended && !done {
            assert!(answer.is_err(), "{}", case.name);
            continue;
        }
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        for choice in &answer.choices {
            let choices = documents.iter().flat_map(|document| document["choices"].as_array().into_iter().flatten());
            let own: Vec<Value> = choices
                .filter(|plain| plain["index"].as_u64().unwrap_or(0) == u64::from(choice.index))
                .cloned()
                .collect();
            assert_eq!(said_by(&choice.parts, &choice.finish), said_plainly(&own), "{}", case.name);
        }
        let mut watch = wire::usage::StreamWatch::new(domain::provider::Dialect::Openai);
        watch.push(&stream);
        assert_eq!(answer.usage, watch.finish().usage, "{}", case.name);
        written_again(found, answer, &case.name);
        read += 1;
    }
    compared(read, 180, "streams");
}

fn written_again(found: Vec<Event>, answer: Answer, name: &str) {
    let asked = Asked { id: "0".into(), include_usage: true, ..Asked::default() };
    let mut encoder = StreamEncoder::new(API, &asked).expect("a front");
    let mut written = Vec::new();
    found.into_iter().for_each(|event| encoder.push(event, &mut written));
    for document in documents(&written) {
        assert_eq!(document["object"], "chat.completion.chunk");
        assert!(document["id"].as_str().is_some_and(|id| id.starts_with("chatcmpl-")), "{name}");
        assert!(document["created"].is_i64() && document["model"].is_string(), "{name}");
    }
    let mut back = assemble(events(API, written.chunks(1000))).expect("an answer");
    // A stream always says when; SDKs need it.
    back.created = back.created.or(answer.created);
    same(answer, back, name);
}

/// The roles and marks that depend on the target are put aside.
fn plain(mut request: Request) -> Request {
    for message in &mut request.messages {
        if message.role == Role::Developer {
            message.role = Role::System;
        }
        for part in &mut message.parts {
            if let Content::ToolCall { arguments, .. } = &mut part.content
                && arguments.is_empty()
            {
                "{}".clone_into(arguments);
            }
        }
    }
    request.include_usage = request.stream;
    request
}

fn quirks_for(body: &Value) -> Quirks {
    let text = body["messages"].to_string();
    let fields = ["reasoning_details", "reasoning_content", "reasoning"];
    let field = fields.into_iter().find(|field| text.contains(&format!("\"{field}\":")));
    let field = if text.contains("\"thinking\":[") { Some("content") } else { field };
    let asks = ["reasoning", "thinking", "enable_thinking"].into_iter().find(|name| !body[*name].is_null());
    Quirks {
        reasoning_field: field.map(str::to_owned),
        reasoning_request: asks.map(str::to_owned),
        custom_tools: true,
        cache_control: true,
        images_in_results: true,
        ..Quirks::default()
    }
}

#[test]
fn recorded_requests_come_back_whole() {
    let mut read = 0;
    for case in &cases() {
        let Some(body) = case.question() else { continue };
        if !body["messages"].is_array() || !body["model"].is_string() {
            continue;
        }
        let decoded = API.decode_request(body.to_string().as_bytes(), Path::default());
        let decoded = match decoded {
            Ok(decoded) => decoded,
            Err(_) if !case.is_good() => continue,
            Err(error) => panic!("{}: {error}", case.name),
        };
        // A name that takes every field, as most providers do.
        let quirks = quirks_for(body);
        let encoded = API.encode_request(&decoded, Target { model: "m-gemini", quirks: &quirks }).expect("a request");
        assert_eq!(encoded.losses.all(), [], "{}", case.name);
        let back = API.decode_request(&encoded.body, Path::default()).expect("a request");
        let model = decoded.model.clone();
        assert_eq!(plain(Request { model, ..back }), plain(decoded), "{}", case.name);
        let written: Map<String, Value> = serde_json::from_slice(&encoded.body).expect("an object");
        for (name, value) in body.as_object().expect("an object").iter().filter(|(_, value)| !value.is_null()) {
            compare_field(name, value, &written, &case.name);
        }
        read += 1;
    }
    compared(read, 350, "requests");
}

/// Fields that are written in another way are compared by what they mean, above.
fn compare_field(name: &str, value: &Value, written: &Map<String, Value>, case: &str) {
    const ELSEWHERE: [&str; 13] = [
        "model",
        "messages",
        "stream",
        "stream_options",
        "stop",
        "tools",
        "tool_choice",
        "functions",
        "function_call",
        "max_completion_tokens",
        "reasoning",
        "thinking",
        "response_format",
    ];
    if ELSEWHERE.contains(&name) || (written.get("tools").is_none() && name == "parallel_tool_calls") {
        return;
    }
    match (value.as_f64(), written.get(name)) {
        (Some(number), Some(other)) => assert_eq!(Some(number), other.as_f64(), "{case}: {name}"),
        (_, other) => assert_eq!(Some(value), other, "{case}: {name}"),
    }
}
