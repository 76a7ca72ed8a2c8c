//! Reads recorded Gemini and Vertex traffic and compares what is found with a slow and plain reading of the same bytes.
//! `WEIR_WIRE_CORPUS` names the directory of recordings.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use wire::api::{Api, Quirks, StreamDecoder, StreamEncoder, Target};
use wire::chat::{Answer, Asked, Assembly, Content, Event, Finish, Request, replay};

struct Case {
    name: String,
    folder: PathBuf,
}

fn cases() -> Option<Vec<Case>> {
    let Some(corpus) = std::env::var_os("WEIR_WIRE_CORPUS") else {
        eprintln!("\n*** SKIPPED: WEIR_WIRE_CORPUS names no directory of recorded traffic ***\n");
        return None;
    };
    let mut found = Vec::new();
    for provider in ["gemini", "vertex"] {
        for operation in ["generate_content", "stream_generate_content"] {
            for entry in fs::read_dir(Path::new(&corpus).join(provider).join(operation)).expect("a folder") {
                let folder = entry.expect("an entry").path();
                let name = format!("{provider}/{operation}/{}", folder.file_name().expect("a name").display());
                found.push(Case { name, folder });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() > 200, "only {} cases in {}", found.len(), corpus.display());
    Some(found)
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

fn response(case: &Case) -> Option<Value> {
    let response = read_json(&case.folder.join("response.json"));
    response.get("body").filter(|body| body.is_object() || body.is_array()).cloned()
}

/// The data of each event, found line by line.
fn documents(stream: &str) -> Vec<Value> {
    let lines = stream.lines().filter_map(|line| line.strip_prefix("data:"));
    lines.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect()
}

/// What all documents of an answer say of the first candidate.
#[derive(Debug, Default, PartialEq)]
struct Plain {
    said: String,
    thought: String,
    calls: Vec<(String, Value)>,
    signatures: Vec<String>,
    reason: Option<String>,
    output: Option<(u64, u64)>,
}

fn plain(documents: &[Value]) -> Plain {
    let mut plain = Plain::default();
    for document in documents {
        let candidates = document["candidates"].as_array();
        let first = candidates.into_iter().flatten().find(|candidate| candidate["index"].as_u64().unwrap_or(0) == 0);
        for part in first.and_then(|first| first["content"]["parts"].as_array()).into_iter().flatten() {
            let known = part["text"].is_string() || part["functionCall"].is_object() || part["inlineData"].is_object();
            let words = part["text"].as_str().unwrap_or_default();
            if part["thought"] == true {
                plain.thought.push_str(words)
            } else {
                plain.said.push_str(words)
            }
            if let Some(call) = part.get("functionCall") {
                plain.calls.push((
                    call["name"].as_str().expect("a name").into(),
                    call.get("args").cloned().unwrap_or(json!({})),
                ));
            }
            plain.signatures.extend(part["thoughtSignature"].as_str().filter(|_| known).map(str::to_owned));
        }
        let reason = first.map_or(&Value::Null, |first| &first["finishReason"]);
        match reason {
            Value::String(word) => plain.reason = Some(word.clone()),
            Value::Number(_) => plain.reason = Some("STOP".into()),
            _ => {}
        }
        if document["promptFeedback"]["blockReason"].is_string() {
            plain.reason = Some("SAFETY".into());
        }
        let usage = &document["usageMetadata"];
        if let Some(prompt) = usage["promptTokenCount"].as_u64() {
            let number = |name: &str| usage[name].as_u64().unwrap_or(0);
            plain.output = Some((
                prompt + number("toolUsePromptTokenCount"),
                number("candidatesTokenCount") + number("thoughtsTokenCount"),
            ));
        }
    }
    plain
}

fn found(answer: &Answer) -> Plain {
    let mut found = Plain::default();
    let Some(choice) = answer.choices.iter().find(|choice| choice.index == 0) else { return found };
    for part in &choice.parts {
        let mark = match &part.content {
            Content::Text { text, .. } => {
                found.said.push_str(text);
                &None
            }
            Content::Thinking { text, signature } => {
                found.thought.push_str(text);
                signature
            }
            Content::ToolCall { id, name, arguments, signature } => {
                assert!(!id.is_empty());
                found.calls.push((name.clone(), serde_json::from_str(arguments).expect("arguments")));
                signature
            }
            Content::Opaque { value, .. } => {
                let value: Value = value.read().expect("JSON");
                let mark = value["inlineData"].is_object().then(|| value["thoughtSignature"].as_str()).flatten();
                found.signatures.extend(mark.map(str::to_owned));
                &None
            }
            _ => &None,
        };
        found.signatures.extend(mark.iter().map(|mark| mark.value.clone()));
    }
    found.output = answer.usage.map(|usage| (usage.input, usage.output));
    found
}

fn same_finish(finish: &Finish, plain: &Plain, name: &str) {
    let wanted = match plain.reason.as_deref() {
        None | Some("STOP") if !plain.calls.is_empty() => Finish::ToolCalls,
        None | Some("STOP") => Finish::Stop,
        Some("MAX_TOKENS") => Finish::Length,
        Some("SAFETY" | "RECITATION" | "MODEL_ARMOR") => Finish::ContentFilter,
        Some("UNEXPECTED_TOOL_CALL") => Finish::Failed("UNEXPECTED_TOOL_CALL".into()),
        Some(other) => Finish::Other(other.into()),
    };
    assert_eq!(*finish, wanted, "{name}");
}

fn compare(answer: &Answer, documents: &[Value], name: &str) {
    let wanted = plain(documents);
    let mut read = found(answer);
    same_finish(&answer.choices[0].finish, &wanted, name);
    read.reason.clone_from(&wanted.reason);
    assert_eq!(read, wanted, "{name}");
}

#[test]
fn every_recorded_answer_is_read_as_a_plain_reading_does_and_written_as_it_was() {
    let Some(cases) = cases() else { return };
    let mut compared = 0;
    for case in &cases {
        let Some(body) = response(case) else { continue };
        let documents = body.as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
        let decoded = Api::Gemini.decode_answer(body.to_string().as_bytes());
        if documents.iter().any(|document| document.get("error").is_some()) {
            assert!(decoded.is_err(), "{}", case.name);
            continue;
        }
        let answer = decoded.unwrap_or_else(|refused| panic!("{}: {refused}", case.name));
        compare(&answer, &documents, &case.name);
        let complete = !body["candidates"][0].is_null() || body["promptFeedback"]["blockReason"].is_string();
        if body.is_object() && complete {
            let written = Api::Gemini.encode_answer(&answer, &Asked::default()).expect("a front");
            assert_eq!(
                normal_answer(serde_json::from_slice(&written).expect("JSON")),
                normal_answer(body),
                "{}",
                case.name
            );
        }
        compared += 1;
    }
    eprintln!("{compared} answers compared");
    assert!(compared > 100);
}

/// An answer without what the common form leaves out knowingly: when it was made, how Google splits its counts.
fn normal_answer(mut body: Value) -> Value {
    let members = body.as_object_mut().expect("an object");
    members.retain(|name, _| ["candidates", "promptFeedback", "usageMetadata"].contains(&name.as_str()));
    if let Some(usage) = members.get_mut("usageMetadata").and_then(Value::as_object_mut) {
        let prompt = usage.get("promptTokenCount").and_then(Value::as_u64).unwrap_or(0)
            + usage.get("toolUsePromptTokenCount").and_then(Value::as_u64).unwrap_or(0);
        usage.insert("promptTokenCount".into(), prompt.into());
        let kept = [
            "promptTokenCount",
            "candidatesTokenCount",
            "thoughtsTokenCount",
            "cachedContentTokenCount",
            "totalTokenCount",
        ];
        usage.retain(|name, count| kept.contains(&name.as_str()) && *count != 0);
    }
    members.retain(|name, value| name != "usageMetadata" || value.as_object().is_some_and(|usage| !usage.is_empty()));
    for candidate in members.get_mut("candidates").and_then(Value::as_array_mut).into_iter().flatten() {
        let candidate = candidate.as_object_mut().expect("a candidate");
        candidate.entry("index").or_insert(0.into());
        if !candidate.get("finishReason").is_some_and(Value::is_string) {
            candidate.insert("finishReason".into(), "STOP".into());
        }
        let content = candidate.entry("content").or_insert(json!({}));
        let parts = content.get_mut("parts").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
        *content = Value::Array(normal_parts(parts));
    }
    body
}

/// Parts without what means nothing: empty texts, ids that were made up, borders between pieces of reasoning or of words.
fn normal_parts(parts: Vec<Value>) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for mut part in parts {
        if let Some(call) = part.get_mut("functionCall").and_then(Value::as_object_mut) {
            call.remove("id");
            call.entry("args").or_insert(json!({}));
        }
        if let Some(result) = part.get_mut("functionResponse").and_then(Value::as_object_mut) {
            result.remove("id");
        }
        let members = part.as_object_mut().expect("a part");
        members
            .retain(|name, value| (name != "thought" || *value != false) && (name != "parts" || *value != json!([])));
        let bare = |part: &Value| part["text"].is_string() && part.get("thoughtSignature").is_none();
        if part["text"] == "" && part.get("thoughtSignature").is_none() {
            continue;
        }
        match out.last_mut() {
            Some(last)
                if bare(last)
                    && part["text"].is_string()
                    && part["text"] != ""
                    && last["thought"] == part["thought"]
                    && bare(&part) =>
            {
                let text = format!("{}{}", last["text"].as_str().unwrap_or(""), part["text"].as_str().unwrap_or(""));
                last["text"] = text.into();
            }
            _ => out.push(part),
        }
    }
    out
}

fn events(stream: &[u8], chunk: usize) -> Vec<Event> {
    let (mut decoder, mut out) = (StreamDecoder::new(Api::Gemini), Vec::new());
    stream.chunks(chunk).for_each(|chunk| decoder.push(chunk, &mut out));
    decoder.finish(&mut out);
    out
}

fn assemble(events: Vec<Event>) -> Result<Answer, wire::chat::StreamError> {
    let mut assembly = Assembly::default();
    events.into_iter().for_each(|event| assembly.push(event));
    assembly.finish()
}

#[test]
fn every_recorded_stream_is_read_as_a_plain_reading_does_in_any_chunking() {
    let Some(cases) = cases() else { return };
    let mut compared = 0;
    for case in &cases {
        let Ok(stream) = fs::read(case.folder.join("response.sse")) else { continue };
        let documents = documents(&String::from_utf8_lossy(&stream));
        let whole = events(&stream, usize::MAX);
        for chunk in [1, 7, 1000] {
            assert_eq!(events(&stream, chunk), whole, "{} in {chunk}", case.name);
        }
        in_order(&whole, &case.name);
        let ended = plain(&documents).reason.is_some();
        match assemble(whole.clone()) {
            Ok(answer) => compare(&answer, &documents, &case.name),
            Err(error) => {
                let failed = documents.iter().any(|document| document.get("error").is_some());
                assert!(failed || !ended, "{}: {error:?}", case.name);
            }
        }
        again(&whole, &case.name);
        compared += 1;
    }
    eprintln!("{compared} streams compared");
    assert!(compared > 60);
}

/// Blocks begin once, have their deltas while they are open, and stop.
fn in_order(events: &[Event], name: &str) {
    let (mut open, mut next) = (Vec::new(), 0);
    for event in events {
        match event {
            Event::BlockStart { block, .. } => {
                assert_eq!(*block, next, "{name}");
                next += 1;
                open.push(*block);
            }
            Event::Text { block, .. }
            | Event::Arguments { block, .. }
            | Event::Signature { block, .. }
            | Event::Citation { block, .. } => assert!(open.contains(block), "{name}: {event:?}"),
            Event::BlockStop { block } => open.retain(|number| number != block),
            Event::Finish { .. } | Event::End => assert!(open.is_empty(), "{name}"),
            _ => {}
        }
    }
}

/// What is written for a caller reads as the same answer, as events and as a list.
fn again(events: &[Event], name: &str) {
    let Ok(answer) = assemble(events.to_vec()) else { return };
    let write = |mut encoder: StreamEncoder| {
        let mut out = Vec::new();
        events.iter().for_each(|event| encoder.push(event.clone(), &mut out));
        out
    };
    let asked = Asked::default();
    let stream = write(StreamEncoder::new(Api::Gemini, &asked).expect("a front"));
    let documents = documents(&String::from_utf8(stream.clone()).expect("text"));
    let again = assemble(self::events(&stream, 4096)).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert_eq!(found(&again), found(&answer), "{name}");
    assert_eq!(again.choices[0].finish, answer.choices[0].finish, "{name}");
    let list = write(StreamEncoder::gemini_list(&asked));
    assert_eq!(serde_json::from_slice::<Vec<Value>>(&list).expect("a list"), documents, "{name}");
    let merged = Api::Gemini.decode_answer(&list).expect("an answer");
    assert_eq!(found(&merged).said, found(&answer).said, "{name}");
    assert_eq!(assemble(replay(merged.clone())).map(|answer| answer.usage), Ok(merged.usage), "{name}");
}

fn model(path: &str) -> &str {
    let model = path.rsplit_once("models/").map_or("gemini-2.5-flash", |(_, rest)| rest);
    model.split(':').next().unwrap_or(model)
}

fn decode(body: &Value, model: &str) -> Result<Request, wire::chat::Refused> {
    let path = wire::api::Path { model: Some(model), stream: Some(false) };
    Api::Gemini.decode_request(body.to_string().as_bytes(), path)
}

#[test]
fn every_recorded_request_comes_through_without_loss() {
    let Some(cases) = cases() else { return };
    let mut compared = 0;
    for case in &cases {
        let recorded = read_json(&case.folder.join("request.json"));
        let Some(body) = recorded.get("body").filter(|body| body.is_object()) else { continue };
        if body.get("contents").is_none() {
            continue;
        }
        let model = model(recorded["path"].as_str().expect("a path"));
        let request = decode(body, model).unwrap_or_else(|refused| panic!("{}: {refused}", case.name));
        let quirks = Quirks::default();
        let encoded = Api::Gemini.encode_request(&request, Target { model, quirks: &quirks });
        let encoded = encoded.unwrap_or_else(|refused| panic!("{}: {refused}", case.name));
        assert_eq!(encoded.losses.all(), [], "{}", case.name);
        let written: Value = serde_json::from_slice(&encoded.body).expect("JSON");
        assert_eq!(normal_request(&written), normal_request(body), "{}", case.name);
        let sorted = |mut request: Request| {
            request.tools.sort_by(|a, b| a.name.cmp(&b.name));
            request.tools
        };
        assert_eq!(sorted(decode(&written, model).expect("a request")), sorted(request), "{}", case.name);
        compared += 1;
    }
    eprintln!("{compared} requests compared");
    assert!(compared > 150);
}

/// Names in camel case, except those inside of schemas, arguments and results.
fn camel(value: &Value) -> Value {
    const CLOSED: [&str; 6] =
        ["args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"];
    match value {
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| {
                let mut words = name.split('_');
                let mut out = words.next().unwrap_or_default().to_owned();
                words.for_each(|word| out.push_str(&(word[..1].to_uppercase() + &word[1..])));
                let value = if CLOSED.contains(&out.as_str()) { value.clone() } else { camel(value) };
                (out, value)
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(list) => list.iter().map(camel).collect(),
        other => other.clone(),
    }
}

fn as_list(value: Option<Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
    }
}

/// A request without what means nothing: borders between turns of one side, the grouping of tools, the spelling of types.
fn normal_request(body: &Value) -> Value {
    let mut body = camel(body);
    let members = body.as_object_mut().expect("an object");
    members.remove("model");
    let mut turns: Vec<(bool, Vec<Value>)> = Vec::new();
    for mut turn in as_list(members.remove("contents")) {
        let is_model = turn["role"] == "model";
        let parts = as_list(turn.get_mut("parts").map(Value::take));
        match turns.last_mut() {
            Some(last) if last.0 == is_model => last.1.extend(parts),
            _ => turns.push((is_model, parts)),
        }
    }
    for (_, parts) in &mut turns {
        *parts = normal_parts(std::mem::take(parts));
        for part in parts.iter_mut() {
            let members = part.as_object_mut().expect("a part");
            // Stands in for the signature of a call that another model made.
            members.retain(|name, value| name != "thoughtSignature" || *value != "skip_thought_signature_validator");
        }
    }
    members.insert(
        "contents".into(),
        turns.into_iter().filter(|(_, parts)| !parts.is_empty()).map(|(_, parts)| Value::Array(parts)).collect(),
    );
    if let Some(mut system) = members.remove("systemInstruction") {
        let parts = as_list(system.get_mut("parts").map(Value::take));
        members.insert("systemInstruction".into(), Value::Array(normal_parts(parts)));
    }
    let tools = as_list(members.remove("tools"));
    let mut flat: Vec<Value> = Vec::new();
    for (name, value) in tools.iter().filter_map(Value::as_object).flatten() {
        match name.as_str() {
            "functionDeclarations" => {
                flat.splice(0..0, as_list(Some(value.clone())).into_iter().map(declaration)).for_each(drop)
            }
            _ => flat.push(json!({name.as_str(): value})),
        }
    }
    members.insert("tools".into(), Value::Array(flat));
    config(members);
    members.retain(|_, value| !matches!(value, Value::Array(list) if list.is_empty()) && *value != json!({}));
    body
}

fn declaration(mut declaration: Value) -> Value {
    let members = declaration.as_object_mut().expect("a declaration");
    let schema = members.remove("parametersJsonSchema").or(members.remove("parameters"));
    members.insert("schema".into(), schema.map_or(Value::Null, lower));
    declaration
}

fn config(members: &mut Map<String, Value>) {
    if let Some(config) = members.get_mut("generationConfig").and_then(Value::as_object_mut) {
        let schema = config.remove("responseJsonSchema").or(config.remove("responseSchema"));
        config.insert("schema".into(), schema.map_or(Value::Null, lower));
        config.retain(|_, value| !value.is_null() && *value != json!({}) && *value != json!([]));
        if config.get("responseMimeType").is_some_and(|word| word == "text/plain") {
            config.remove("responseMimeType");
        }
        for number in
            ["temperature", "topP", "topK"].iter().filter_map(|name| config.remove_entry(*name)).collect::<Vec<_>>()
        {
            config.insert(number.0, number.1.as_f64().into());
        }
        if let Some(level) = config.get_mut("thinkingConfig").and_then(|thinking| thinking.get_mut("thinkingLevel")) {
            *level = level.as_str().unwrap_or_default().to_lowercase().into();
        }
    }
    if members.get("toolConfig").is_some_and(|config| config == &json!({"functionCallingConfig": {}})) {
        members.remove("toolConfig");
    }
}

/// A schema with its types in lower case and without the mark of its order.
fn lower(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(members) => {
            members.retain(|name, _| name != "propertyOrdering");
            for (name, value) in members.iter_mut() {
                *value = match value.take() {
                    Value::String(word) if name == "type" => word.to_lowercase().into(),
                    other => lower(other),
                };
            }
            if members.get("nullable") == Some(&Value::Bool(true)) {
                members.remove("nullable");
                let word = members["type"].take();
                members.insert("type".into(), json!([word, "null"]));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| *value = lower(value.take())),
        _ => {}
    }
    schema
}
