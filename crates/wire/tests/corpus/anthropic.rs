//! Anthropic Messages, at Anthropic and at others who speak it.

use domain::Usage;
use serde_json::{Map, Value, json};
use wire::api::{Api, Path as UrlPath, Quirks, StreamEncoder, Target};
use wire::chat::{Answer, Asked, Content, Finish};
use wire_fuzz::pair::{assemble, events};
use wire_fuzz::said::told;

use crate::recordings::{self, Case, compared};

/// Where the API is spoken: provider and operation.
const PLACES: [(&str, &str); 7] = [
    ("anthropic", "messages"),
    ("anthropic", "count_tokens"),
    ("openrouter", "messages"),
    ("vertex", "anthropic_raw_predict"),
    ("vertex", "anthropic_stream_raw_predict"),
    ("bedrock", "invoke_model"),
    ("bedrock", "invoke_model_stream"),
];

fn cases() -> Vec<Case> {
    recordings::cases(|provider, operation| PLACES.contains(&(provider, operation)))
}

/// The request's body, where it is one of this API and was taken.
fn question(case: &Case) -> Option<&Value> {
    let body = case.question()?;
    let ours = (case.provider == "bedrock") == body["anthropic_version"].is_string() || case.provider == "vertex";
    Some(body).filter(|body| case.is_good() && ours && body["messages"].is_array())
}

/// A whole answer of this API.
fn answer(case: &Case) -> Option<&Value> {
    case.answer().filter(|body| body["type"] == "message" && body["content"].is_array())
}

/// The stream, as SSE whatever it was framed in.
fn stream(case: &Case) -> Option<Vec<u8>> {
    if let Some(stream) = case.file("response.sse") {
        return Some(stream);
    }
    let decoded = String::from_utf8(case.file("response.events.jsonl")?).expect("text");
    let frames = decoded.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let frames = frames.filter_map(|frame| match &frame["decoded_bytes"] {
        Value::String(text) => serde_json::from_str(text).ok(),
        other => Some(other.clone()),
    });
    let frames: Vec<Value> = frames.filter(|frame: &Value| frame["type"].is_string()).collect();
    let lines =
        frames.iter().map(|frame| format!("event: {}\ndata: {frame}\n\n", frame["type"].as_str().expect("a type")));
    Some(lines.collect::<String>().into_bytes()).filter(|bytes| !bytes.is_empty())
}

/// Where two values differ first, and how.
fn difference(ours: &Value, theirs: &Value, path: &str) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            let at = |name: &String| difference(&ours[name], &theirs[name], &format!("{path}.{name}"));
            names.into_iter().find_map(at)
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            (0..a.len()).find_map(|place| difference(&a[place], &b[place], &format!("{path}[{place}]")))
        }
        _ if ours == theirs => None,
        _ => {
            let short = |value: &Value| value.to_string().chars().take(300).collect::<String>();
            Some(format!("{path}: {} instead of {}", short(ours), short(theirs)))
        }
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// Usage read the slow way.
fn plain_usage(usage: &Value) -> Usage {
    let mut total = Usage { reasoning: number(&usage["output_tokens_details"]["thinking_tokens"]), ..Usage::default() };
    let iterations = usage["iterations"].as_array().into_iter().flatten();
    for part in std::iter::once(usage).chain(iterations.filter(|part| part["type"] == "compaction")) {
        let hour = number(&part["cache_creation"]["ephemeral_1h_input_tokens"]);
        let (read, written) = (number(&part["cache_read_input_tokens"]), number(&part["cache_creation_input_tokens"]));
        total.input += number(&part["input_tokens"]) + read + written;
        total.output += number(&part["output_tokens"]);
        total.cached_input += read;
        total.cache_write += written - hour;
        total.cache_write_1h += hour;
    }
    total
}

/// The message that a stream makes, put together the slow way.
fn plain_message(bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let mut message = json!({});
    let mut pieces: Map<String, Value> = Map::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("data:")) {
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
        let index = event["index"].as_u64().unwrap_or(0) as usize;
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                let blocks = message["content"].as_array_mut().expect("a list");
                assert_eq!(blocks.len(), index);
                blocks.push(event["content_block"].clone());
            }
            "content_block_delta" => {
                let block = &mut message["content"][index];
                for (from, to) in [("text", "text"), ("thinking", "thinking"), ("signature", "signature")] {
                    if let Some(more) = event["delta"][from].as_str() {
                        block[to] = json!(format!("{}{more}", block[to].as_str().unwrap_or_default()));
                    }
                }
                if !event["delta"]["citation"].is_null() {
                    if !block["citations"].is_array() {
                        block["citations"] = json!([]);
                    }
                    block["citations"].as_array_mut().expect("a list").push(event["delta"]["citation"].clone());
                }
                if let Some(more) = event["delta"]["partial_json"].as_str() {
                    let so_far = pieces.entry(index.to_string()).or_insert(json!(""));
                    *so_far = json!(format!("{}{more}", so_far.as_str().expect("text")));
                }
            }
            "message_delta" => {
                for (name, value) in event["delta"].as_object().into_iter().flatten() {
                    message[name.as_str()] = value.clone();
                }
                for (name, value) in event["usage"].as_object().into_iter().flatten().filter(|(_, v)| !v.is_null()) {
                    message["usage"][name.as_str()] = value.clone();
                }
            }
            _ => {}
        }
    }
    for (index, json) in pieces {
        let json = json.as_str().filter(|json| !json.is_empty()).unwrap_or("{}");
        let input = serde_json::from_str(json).unwrap_or_else(|_| json!({ "_raw": json }));
        message["content"][index.parse::<usize>().expect("a number")]["input"] = input;
    }
    message
}

/// What the common form does not hold of an answer, and what may be written in two ways.
fn normal_answer(mut message: Value) -> Value {
    let refusal = message["stop_details"]["explanation"].clone();
    let usage = plain_usage(&message["usage"]);
    let object = message.as_object_mut().expect("an object");
    object.retain(|name, _| {
        matches!(name.as_str(), "id" | "type" | "role" | "model" | "content" | "stop_reason" | "stop_sequence")
    });
    object.insert("usage".to_owned(), serde_json::to_value(usage).expect("JSON"));
    let content = message["content"].as_array_mut().expect("a list");
    if let Some(words) = refusal.as_str() {
        content.push(json!({ "type": "text", "text": words }));
    }
    content.retain(|block| block["type"] != "text" || block["text"] != "");
    for block in content {
        let known = matches!(block["type"].as_str(), Some("text" | "tool_use"));
        let object = block.as_object_mut().expect("an object");
        if known {
            object.remove("caller");
            object.retain(|name, value| name != "citations" || value.as_array().is_some_and(|list| !list.is_empty()));
        }
    }
    message
}

fn asked() -> Asked {
    Asked { id: "1".to_owned(), model: "m".to_owned(), ..Asked::default() }
}

/// Compares the parts that every caller sees with the plain reading.
fn compare(name: &str, answer: &Answer, message: &Value) {
    let blocks = message["content"].as_array().expect("a list");
    let words = |kind: &str, field: &str| {
        let blocks = blocks.iter().filter(|block| block["type"] == kind);
        blocks.map(|block| block[field].as_str().unwrap_or_default()).collect::<String>()
    };
    let (mut text, mut thoughts, mut calls) = (String::new(), String::new(), Vec::new());
    for part in &answer.choices[0].parts {
        match &part.content {
            Content::Text { text: more, .. } => text.push_str(more),
            Content::Thinking { text: more, .. } => thoughts.push_str(more),
            Content::ToolCall { id, name, arguments, .. } => {
                calls.push(json!([id, name, serde_json::from_str::<Value>(arguments).unwrap_or_default()]));
            }
            _ => {}
        }
    }
    assert_eq!(text, words("text", "text"), "{name}");
    assert_eq!(thoughts, words("thinking", "thinking"), "{name}");
    let plain_calls = blocks.iter().filter(|block| block["type"] == "tool_use");
    for (ours, plain) in calls.iter().zip(plain_calls.clone()) {
        let input = if plain["input"]["_raw"].is_string() { &Value::Null } else { &plain["input"] };
        assert_eq!((&ours[0], &ours[1], &ours[2]), (&plain["id"], &plain["name"], input), "{name}");
    }
    assert_eq!(calls.len(), plain_calls.count(), "{name}");
    let finish = match message["stop_reason"].as_str() {
        Some("end_turn") => Finish::Stop,
        Some("tool_use") => Finish::ToolCalls,
        Some("max_tokens") => Finish::Length,
        Some("refusal") => Finish::Refusal,
        Some("pause_turn") => Finish::Pause,
        Some("stop_sequence") => Finish::StopSequence(message["stop_sequence"].as_str().unwrap_or_default().to_owned()),
        Some("model_context_window_exceeded") => Finish::ContextFull,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(answer.choices[0].finish, finish, "{name}");
    assert_eq!(answer.usage.map(told), Some(plain_usage(&message["usage"])), "{name}");
    assert_eq!(json!(answer.id), message["id"], "{name}");
    assert_eq!(json!(answer.model), message["model"], "{name}");
}

#[test]
fn whole_answers_are_read_and_written_again_without_loss() {
    let mut seen = 0;
    for case in &cases() {
        let Some(message) = answer(case) else { continue };
        if message["stop_reason"].is_null() {
            continue;
        }
        seen += 1;
        let bytes = message.to_string();
        let answer = Api::Anthropic.decode_answer(bytes.as_bytes()).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        compare(&case.name, &answer, message);
        let again = Api::Anthropic.encode_answer(&answer, &asked()).expect("a front");
        let mut again = normal_answer(serde_json::from_slice(&again).expect("JSON"));
        let mut wanted = normal_answer(message.clone());
        // Only some ids in the recordings begin as Anthropic's do.
        (again["id"], wanted["id"]) = (Value::Null, Value::Null);
        assert_eq!(again, wanted, "{}", case.name);
    }
    compared(seen, 60, "answers");
}

#[test]
fn streams_are_read_alike_in_any_pieces_and_written_again_without_loss() {
    let mut seen = 0;
    for case in &cases() {
        let Some(bytes) = stream(case) else { continue };
        let whole = events(Api::Anthropic, bytes.chunks(usize::MAX));
        for chunk in [1, 7, 1000] {
            assert_eq!(events(Api::Anthropic, bytes.chunks(chunk)), whole, "{} in pieces of {chunk}", case.name);
        }
        let message = plain_message(&bytes);
        let Ok(answer) = assemble(whole.clone()) else {
            let complete = !message["stop_reason"].is_null();
            assert!(!complete, "{}: {:?}", case.name, whole.last());
            continue;
        };
        seen += 1;
        compare(&case.name, &answer, &message);
        let mut encoder = StreamEncoder::new(Api::Anthropic, &asked()).expect("a front");
        let mut written = Vec::new();
        whole.into_iter().for_each(|event| encoder.push(event, &mut written));
        let (mut again, mut wanted) = (normal_answer(plain_message(&written)), normal_answer(message));
        (again["id"], wanted["id"]) = (Value::Null, Value::Null);
        assert_eq!(again, wanted, "{}", case.name);
    }
    compared(seen, 70, "streams");
}

/// Forms of a request that mean the same.
fn normal_request(mut request: Value) -> Value {
    let object = request.as_object_mut().expect("an object");
    object.retain(|name, value| !(name == "stream" && *value == json!(false) || name == "model" || value.is_null()));
    for name in ["tools", "stop_sequences", "system"] {
        object.retain(|field, value| field != name || *value != json!([]) && *value != json!(""));
    }
    if let Some(format) = object.remove("output_format") {
        object.entry("output_config").or_insert_with(|| json!({}))["format"] = format;
    }
    normal_value(&mut request);
    for tool in request["tools"].as_array_mut().into_iter().flatten() {
        let object = tool.as_object_mut().expect("an object");
        object.retain(|name, value| !(name == "type" && *value == "custom"));
    }
    for message in request["messages"].as_array_mut().expect("a list") {
        listed(&mut message["content"]);
    }
    let last_call = request.pointer("/messages/1/content/1/id").cloned();
    if let Some(result) = request.pointer_mut("/messages/2/content/0/tool_use_id")
        && *result == "toolu_01DYJo37oETVsCdLTTcCWcdq"
    {
        // A recording whose result answers a call of another conversation; there is only one call it can be for.
        *result = last_call.expect("a call");
    }
    if !request["system"].is_null() {
        listed(&mut request["system"]);
    }
    request
}

fn listed(content: &mut Value) {
    if let Value::String(text) = content {
        *content = json!([{ "type": "text", "text": text }]);
    }
    for block in content.as_array_mut().into_iter().flatten() {
        if block["type"] == "tool_result" {
            if !block["content"].is_null() {
                listed(&mut block["content"]);
            }
            let object = block.as_object_mut().expect("an object");
            object.retain(|name, value| !(name == "is_error" && *value == json!(false)));
            object.retain(|name, value| !(name == "content" && (value.is_null() || *value == json!([]))));
        }
    }
}

/// Five minutes are the cache's usual lifetime; whole floats are whole numbers.
fn normal_value(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.get("type").is_some_and(|kind| kind == "ephemeral") {
                object.retain(|name, value| !(name == "ttl" && *value == "5m"));
            }
            if object.get("type").is_some_and(|kind| kind == "text") {
                object.retain(|name, value| !(name == "citations" && (value.is_null() || *value == json!([]))));
            }
            object.values_mut().for_each(normal_value);
        }
        Value::Array(list) => list.iter_mut().for_each(normal_value),
        Value::Number(number) => {
            if let Some(float) = number.as_f64() {
                *value = json!(float);
            }
        }
        _ => {}
    }
}

#[test]
fn requests_are_read_and_written_again_without_loss() {
    let (mut seen, mut faults) = (0, Vec::new());
    for case in &cases() {
        let Some(body) = question(case) else { continue };
        seen += 1;
        let request = Api::Anthropic
            .decode_request(body.to_string().as_bytes(), UrlPath::default())
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let quirks = Quirks::default();
        let target = Target { model: case.model(), quirks: &quirks };
        let encoded = Api::Anthropic.encode_request(&request, target).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let (mut written, mut wanted) =
            (normal_request(serde_json::from_slice(&encoded.body).expect("JSON")), normal_request(body.clone()));
        if wanted["max_tokens"].is_null() {
            written.as_object_mut().expect("an object").remove("max_tokens");
        }
        for body in [&mut wanted, &mut written] {
            body.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        }
        faults.extend(
            difference(&written, &wanted, "").map(|fault| format!("{} {fault} {:?}", case.name, encoded.losses)),
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    compared(seen, 120, "requests");
}
