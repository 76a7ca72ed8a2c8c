//! Gemini and Vertex AI.

use normal::{normal_answer, normal_request};
use serde_json::{Value, json};
use wire::api::gemini::count;
use wire::api::{Api, Quirks, StreamEncoder, Target};
use wire::chat::{Answer, Asked, Content, Event, Finish, Request, replay};
use wire_fuzz::pair::{assemble, events, in_order};

use crate::recordings::{self, Case, compared, documents};

#[path = "gemini/normal.rs"]
mod normal;

fn cases() -> Vec<Case> {
    let operations = ["generate_content", "stream_generate_content"];
    recordings::cases(|provider, operation| ["gemini", "vertex"].contains(&provider) && operations.contains(&operation))
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

/// What filters say, and what went wrong.
const FILTERED: [&str; 9] = [
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
];
const FAILED: [&str; 4] = ["OTHER", "NO_IMAGE", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"];

fn same_finish(finish: &Finish, plain: &Plain, name: &str) {
    let wanted = match plain.reason.as_deref() {
        None | Some("STOP") if !plain.calls.is_empty() => Finish::ToolCalls,
        None | Some("STOP") => Finish::Stop,
        Some("MAX_TOKENS") => Finish::Length,
        Some(word) if FILTERED.contains(&word) => Finish::ContentFilter,
        Some(word) if FAILED.contains(&word) => Finish::Failed(word.into()),
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
    let mut read = 0;
    for case in &cases() {
        let Some(body) = case.answer().cloned() else { continue };
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
        read += 1;
    }
    compared(read, 100, "answers");
}

#[test]
fn every_recorded_stream_is_read_as_a_plain_reading_does_in_any_chunking() {
    let mut read = 0;
    for case in &cases() {
        let Some(stream) = case.file("response.sse") else { continue };
        let documents = documents(&stream);
        let whole = events(Api::Gemini, stream.chunks(usize::MAX));
        for chunk in [1, 7, 1000] {
            assert_eq!(events(Api::Gemini, stream.chunks(chunk)), whole, "{} in {chunk}", case.name);
        }
        in_order(&whole);
        let ended = plain(&documents).reason.is_some();
        match assemble(whole.clone()) {
            Ok(answer) => compare(&answer, &documents, &case.name),
            Err(error) => {
                let failed = documents.iter().any(|document| document.get("error").is_some());
                assert!(failed || !ended, "{}: {error:?}", case.name);
            }
        }
        again(&whole, &case.name);
        read += 1;
    }
    compared(read, 60, "streams");
}

/// What is written for a caller reads as the same answer, as events and as a list.
fn again(told: &[Event], name: &str) {
    let Ok(answer) = assemble(told.to_vec()) else { return };
    let write = |mut encoder: StreamEncoder| {
        let mut out = Vec::new();
        told.iter().for_each(|event| encoder.push(event.clone(), &mut out));
        out
    };
    let asked = Asked::default();
    let stream = write(StreamEncoder::new(Api::Gemini, &asked).expect("a front"));
    let documents = documents(&stream);
    let again = assemble(events(Api::Gemini, stream.chunks(4096))).unwrap_or_else(|error| panic!("{name}: {error:?}"));
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
    let mut read = 0;
    for case in &cases() {
        let recorded = &case.request;
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
        read += 1;
    }
    compared(read, 150, "requests");
}

/// The recorded requests and answers of other operations.
fn others(places: &[(&str, &str)]) -> impl Iterator<Item = (String, Value, Value)> {
    let cases = recordings::cases(|provider, operation| places.contains(&(provider, operation)));
    let cases =
        cases.into_iter().map(|mut case| (case.name, case.request["body"].take(), case.response["body"].take()));
    cases.filter(|(_, request, answer)| request.is_object() && answer.is_object())
}

#[test]
fn every_recorded_count_is_read_and_asked_for_again() {
    let mut read = 0;
    for (name, request, answer) in others(&[("gemini", "count_tokens"), ("vertex", "count_tokens")]) {
        read += 1;
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
    compared(read, 5, "counts");
}

/// The encoder for callers who do not ask for events.
fn list_encoder(asked: &Asked) -> StreamEncoder {
    StreamEncoder::new(Api::Gemini, &Asked { list: true, ..asked.clone() }).expect("callers speak it")
}
