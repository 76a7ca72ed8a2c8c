//! Reads recorded Gemini and Vertex traffic and compares what is found with a slow and plain reading of the same bytes.
//! `WEIR_WIRE_CORPUS` names the directory of recordings.

use std::fs;
use std::path::{Path, PathBuf};

use normal::{normal_answer, normal_request};
use serde_json::{Value, json};
use wire::api::gemini::{count, embed};
use wire::api::{Api, Quirks, StreamDecoder, StreamEncoder, Target};
use wire::chat::{Answer, Asked, Assembly, Content, Event, Finish, Request, replay};

#[path = "gemini/normal.rs"]
mod normal;

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
    usage: Option<(u64, u64)>,
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
        plain.usage = usage(&document["usageMetadata"]).or(plain.usage);
    }
    plain
}

/// Tokens in and out.
fn usage(usage: &Value) -> Option<(u64, u64)> {
    let prompt = usage["promptTokenCount"].as_u64()?;
    let number = |name: &str| usage[name].as_u64().unwrap_or(0);
    let output = number("candidatesTokenCount") + number("thoughtsTokenCount");
    Some((prompt + number("toolUsePromptTokenCount"), output))
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
    found.usage = answer.usage.map(|usage| (usage.input, usage.output));
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
        if !documents.iter().any(|document| document.get("candidates").or(document.get("promptFeedback")).is_some())
            && decoded.is_err()
        {
            // Something else altogether, which upstream tests show to their parsers.
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
    let list = write(list_encoder(&asked));
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

/// The recorded requests and answers of other operations: name, request, answer.
fn others(operations: &[&str]) -> Option<Vec<(String, Value, Value)>> {
    let Some(corpus) = std::env::var_os("WEIR_WIRE_CORPUS") else {
        eprintln!("\n*** SKIPPED: WEIR_WIRE_CORPUS names no directory of recorded traffic ***\n");
        return None;
    };
    let mut found = Vec::new();
    for operation in operations {
        for entry in fs::read_dir(Path::new(&corpus).join(operation)).expect("a folder") {
            let folder = entry.expect("an entry").path();
            let body = |name: &str| read_json(&folder.join(name))["body"].take();
            let (request, answer) = (body("request.json"), body("response.json"));
            if request.is_object() && answer.is_object() {
                found.push((folder.display().to_string(), request, answer));
            }
        }
    }
    Some(found)
}

#[test]
fn every_recorded_count_is_read_and_asked_for_again() {
    let Some(cases) = others(&["gemini/count_tokens", "vertex/count_tokens"]) else { return };
    assert!(cases.len() >= 5);
    for (name, request, answer) in cases {
        let path = wire::api::Path { model: Some("gemini-3.5-flash"), stream: None };
        let read = count::decode_request(request.to_string().as_bytes(), path).expect("a request");
        let quirks = Quirks::default();
        let target = Target { model: "gemini-3.5-flash", quirks: &quirks };
        let whole = request.get("generateContentRequest").is_some();
        let host = if whole { count::Host::AiStudio } else { count::Host::Vertex };
        let written = count::encode_request(&read, target, host).expect("a question");
        let written: Value = serde_json::from_slice(&written).expect("JSON");
        let inner = |body: &Value| normal_request(body.get("generateContentRequest").unwrap_or(body));
        assert_eq!(inner(&written), inner(&request), "{name}");
        let tokens = count::decode_answer(answer.to_string().as_bytes()).expect("a count");
        assert_eq!(Some(tokens), answer["totalTokens"].as_u64(), "{name}");
    }
}

#[test]
fn every_recorded_embedding_goes_to_openai_and_back() {
    let Some(cases) = others(&["gemini/batch_embed_contents", "vertex/embed_content"]) else { return };
    let mut compared = 0;
    for (name, request, answer) in cases {
        let batch = request.get("requests").is_some();
        let question = embed::request_to_openai(request.to_string().as_bytes(), "e");
        if request.to_string().contains("inline_data") {
            assert!(question.is_err(), "{name}");
        } else {
            let (question, _) = question.expect("a question");
            let question: Value = serde_json::from_slice(&question).expect("JSON");
            let wanted = request["requests"].as_array().map_or(1, Vec::len);
            assert_eq!(question["input"].as_array().map(Vec::len), Some(wanted), "{name}");
        }
        let text = answer.to_string();
        let openai = embed::answer_to_openai(text.as_bytes(), "e", embed::Encoding::Float, 1).expect("an answer");
        let back = embed::answer_from_openai(&openai, batch).expect("an answer");
        let back: Value = serde_json::from_slice(&back).expect("JSON");
        for member in ["embedding", "embeddings"] {
            assert_eq!(back.get(member), answer.get(member), "{name}");
        }
        compared += 1;
    }
    assert!(compared >= 5);
}

/// The encoder for callers who do not ask for events.
fn list_encoder(asked: &Asked) -> StreamEncoder {
    StreamEncoder::new(Api::Gemini, &Asked { list: true, ..asked.clone() }).expect("callers speak it")
}
