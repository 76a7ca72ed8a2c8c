//! A caller's API before a provider's.

use serde_json::Value;
use wire::api::{self, Api, Quirks, StreamDecoder, StreamEncoder, Target};
use wire::chat::{Answer, Asked, Assembly, Event, StreamError};
use wire::translate::{self, Translation};

/// A model of the kind that an API serves.
#[must_use]
pub fn model(api: Api) -> &'static str {
    match api {
        Api::OpenaiChat | Api::OpenaiResponses => "gpt-5",
        Api::Anthropic => "claude-sonnet-4-5",
        Api::Gemini => "gemini-2.5-pro",
        Api::Bedrock => "anthropic.claude-sonnet-4-5-20250929-v1:0",
        Api::Cohere => "command-a-reasoning-08-2025",
        Api::Ollama => "qwen3",
        Api::Replicate => "meta/meta-llama-3-70b-instruct",
    }
}

/// What the writer of an answer to `question` knows of it.
#[must_use]
pub fn asked(question: &str) -> Asked {
    Asked {
        id: "0123456789abcdef".to_owned(),
        created: 1,
        model: "m".to_owned(),
        include_usage: true,
        body: question.as_bytes().to_vec().into(),
        ..Asked::default()
    }
}

/// The way back of a plain question.
///
/// # Panics
/// Where a plain question is refused.
#[must_use]
pub fn translation(front: Api, provider: Api) -> Translation {
    let body = match front {
        Api::OpenaiResponses => r#"{"model":"m","input":"Hi"}"#,
        Api::Gemini => r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#,
        _ => {
            r#"{"model":"m","max_tokens":9,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hi"}]}"#
        }
    };
    let path = api::Path { model: Some("m"), stream: None };
    let quirks = Quirks::default();
    let target = Target { model: model(provider), quirks: &quirks };
    let translated = translate::request((front, provider), body.as_bytes(), path, target, asked(body));
    translated.expect("a question").translation
}

/// What the caller gets of a stream that comes in pieces, and whether it was complete.
///
/// # Panics
/// Where the caller's API is none, or the stream does not come to an end.
#[must_use]
pub fn translated<'a>(translation: &Translation, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, bool) {
    let mut stream = translation.stream().expect("a caller's API");
    let mut out = Vec::new();
    pieces.for_each(|piece| stream.push(piece, &mut out));
    let failed = stream.observed().error;
    let complete = stream.finish(&mut out) && !failed;
    assert!(stream.is_over());
    (out, complete)
}

/// The events of a stream that comes in pieces.
///
/// # Panics
/// Where the stream does not come to an end.
pub fn events<'a>(api: Api, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(api);
    let mut events = Vec::new();
    pieces.for_each(|piece| decoder.push(piece, &mut events));
    decoder.finish(&mut events);
    assert!(decoder.is_over());
    events
}

/// What events come to.
///
/// # Errors
/// The stream's own, or that it broke off.
pub fn assemble(events: impl IntoIterator<Item = Event>) -> Result<Answer, StreamError> {
    let mut assembly = Assembly::default();
    events.into_iter().for_each(|event| assembly.push(event));
    assembly.finish()
}

/// The answer that a stream comes to.
///
/// # Errors
/// As [`assemble`].
pub fn read(api: Api, stream: &[u8]) -> Result<Answer, StreamError> {
    assemble(events(api, std::iter::once(stream)))
}

/// Blocks begin once and with rising numbers, have their pieces while they are open, and are closed at the end; the last event, and
/// only that, is the end or an error.
///
/// # Panics
/// Where they do not.
pub fn in_order(events: &[Event]) {
    let (mut open, mut next) = (Vec::new(), 0);
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::BlockStart { block, .. } => {
                assert_eq!(*block, next, "numbers rise");
                next += 1;
                open.push(*block);
            }
            Event::Text { block, .. }
            | Event::Arguments { block, .. }
            | Event::Signature { block, .. }
            | Event::Citation { block, .. } => assert!(open.contains(block), "{event:?} in no open block"),
            Event::BlockStop { block } => {
                assert!(open.contains(block), "{event:?} of no open block");
                open.retain(|number| number != block);
            }
            Event::Finish { .. } => assert!(open.is_empty(), "blocks are closed before {event:?}"),
            _ => {}
        }
        let is_last = matches!(event, Event::End | Event::Error(_));
        assert_eq!(is_last, at + 1 == events.len(), "{event:?} at {at} of {}", events.len());
    }
}

/// Events as a caller's stream.
///
/// # Panics
/// Where callers do not speak the API.
#[must_use]
pub fn write(front: Api, events: impl IntoIterator<Item = Event>, asked: &Asked) -> Vec<u8> {
    let mut encoder = StreamEncoder::new(front, asked).expect("a caller's API");
    let mut out = Vec::new();
    events.into_iter().for_each(|event| encoder.push(event, &mut out));
    out
}

/// Whether the caller's stream is complete, or ends with an error, and only one.
///
/// # Errors
/// How it ends instead.
pub fn ends_properly(front: Api, out: &[u8], complete: bool) -> Result<(), String> {
    let (told, found) = (errors(out), read(front, out));
    match (complete, found) {
        (true, Ok(_)) if told == 0 => Ok(()),
        (false, Err(_)) if told == 1 => Ok(()),
        (_, found) => {
            let tail = String::from_utf8_lossy(&out[out.len().saturating_sub(500)..]).into_owned();
            Err(format!("complete: {complete}, {told} errors, {:?}: {tail}", found.err()))
        }
    }
}

/// How often a caller's stream says that it failed.
fn errors(stream: &[u8]) -> usize {
    let text = String::from_utf8_lossy(stream);
    let documents = text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    documents.filter(|document| document["error"].is_object() || document["type"] == "error").count()
}
