//! Reads a provider's stream.

use serde::Deserialize;
use serde_json::Value;

use super::answer::{Fault, Message, Received, Stop, StopDetails, fault};
use super::{OWN, citation};
use crate::api::Frames;
use crate::chat::{BlockKind, Event, Json, Signature, StreamError};
use crate::usage::anthropic::Report;
use crate::usage::number::lenient;

/// Most bytes of a server tool's input that are put together.
const MOST_INPUT: usize = 16 * 1024 * 1024;

/// One event of the stream, of any type.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Frame {
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    index: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    message: Option<Message>,
    #[serde(deserialize_with = "lenient")]
    content_block: Option<Json>,
    #[serde(deserialize_with = "lenient")]
    delta: Option<Delta>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
    #[serde(deserialize_with = "fault")]
    error: Option<Fault>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    #[serde(deserialize_with = "lenient")]
    text: Option<String>,
    #[serde(deserialize_with = "lenient")]
    thinking: Option<String>,
    #[serde(deserialize_with = "lenient")]
    signature: Option<String>,
    #[serde(deserialize_with = "lenient")]
    partial_json: Option<String>,
    #[serde(deserialize_with = "lenient")]
    citation: Option<Json>,
    /// The words of a compaction.
    #[serde(deserialize_with = "lenient")]
    content: Option<String>,
    #[serde(deserialize_with = "lenient")]
    stop_reason: Option<String>,
    #[serde(deserialize_with = "lenient")]
    stop_sequence: Option<String>,
    #[serde(deserialize_with = "lenient")]
    stop_details: Option<StopDetails>,
}

/// A block that has begun and not ended.
#[derive(Debug)]
struct Open {
    /// Its number in the provider's stream.
    index: u64,
    /// Its number in ours; that of a block that is handed out when it is complete is given then.
    block: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    Text,
    Thinking,
    /// The input that came with the start, most often `{}`: it counts unless pieces follow.
    ToolCall(Option<String>),
    /// A block that is handed out when it is complete, and the pieces of its input or content.
    Opaque {
        value: Json,
        input: String,
        content: String,
    },
    Complete,
}

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(in crate::api) struct Decoder {
    started: bool,
    open: Vec<Open>,
    blocks: u32,
    has_calls: bool,
    usage: Report,
    finished: bool,
    ended: bool,
}

impl Frames for Decoder {
    fn frame(&mut self, name: Option<&[u8]>, data: &[u8], out: &mut Vec<Event>) {
        if self.ended {
            return;
        }
        // What is no JSON object, such as `[DONE]`, says nothing.
        let Ok(frame) = serde_json::from_slice::<Frame>(data) else { return };
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        let kind = frame.kind.clone().or_else(|| name.map(str::to_owned)).unwrap_or_default();
        match kind.as_str() {
            "error" => self.fail(frame.error, out),
            _ if frame.error.is_some() => self.fail(frame.error, out),
            "ping" => out.push(Event::KeepAlive),
            "message_start" => self.message_start(frame, out),
            "content_block_start" => self.block_start(frame, out),
            "content_block_delta" => self.delta(frame, out),
            "content_block_stop" => self.block_stop(frame.index.unwrap_or_default(), out),
            "message_delta" => self.message_delta(frame, out),
            "message_stop" => {
                self.end_with(&Stop::default(), out);
                self.ended = true;
                out.push(Event::End);
            }
            _ => {}
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        if self.finished && !self.ended {
            self.ended = true;
            out.push(Event::End);
        }
    }

    fn held(&self) -> usize {
        let held = self.open.iter().map(|open| match &open.state {
            State::Opaque { value, input, content } => value.as_str().len() + input.len() + content.len(),
            _ => 0,
        });
        held.sum()
    }
}

impl Decoder {
    fn fail(&mut self, fault: Option<Fault>, out: &mut Vec<Event>) {
        let fault = fault.unwrap_or_default();
        let code = fault.kind.unwrap_or_else(|| "api_error".to_owned());
        let message = fault.message.unwrap_or_else(|| "The provider's stream ended with an error.".to_owned());
        self.ended = true;
        out.push(Event::Error(StreamError { status: status(&code), code, message }));
    }

    fn start(&mut self, message: Message, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            let (id, model) = (message.id.unwrap_or_default(), message.model.unwrap_or_default());
            out.push(Event::Start { id, model, created: None });
        }
    }

    fn message_start(&mut self, frame: Frame, out: &mut Vec<Event>) {
        let mut message = frame.message.unwrap_or_default();
        let usage = message.usage.take();
        self.start(message, out);
        self.count(usage, out);
    }

    fn count(&mut self, report: Option<Report>, out: &mut Vec<Event>) {
        let Some(report) = report else { return };
        self.usage.update(report);
        out.extend(self.usage.usage().map(Event::Usage));
    }

    fn block_start(&mut self, frame: Frame, out: &mut Vec<Event>) {
        self.start(Message::default(), out);
        let index = frame.index.unwrap_or_default();
        // A provider that leaves out the end of a block means it.
        self.block_stop(index, out);
        let Some(value) = frame.content_block else { return };
        let mut received: Received = value.read().unwrap_or_default();
        let block = self.blocks;
        let (kind, state) = match received.kind.as_deref() {
            Some("text") => (BlockKind::Text, State::Text),
            Some("thinking") => (BlockKind::Thinking, State::Thinking),
            Some("redacted_thinking") => {
                let data = Signature::read(&received.data.take().unwrap_or_default(), OWN);
                (BlockKind::Redacted { data }, State::Complete)
            }
            Some("tool_use") => {
                self.has_calls = true;
                let kind = BlockKind::ToolCall {
                    id: received.call_id(block as usize),
                    name: received.name.take().unwrap_or_default(),
                };
                (kind, State::ToolCall(Some(received.arguments())))
            }
            _ => {
                let state = State::Opaque { value, input: String::new(), content: String::new() };
                self.open.push(Open { index, block, state });
                return;
            }
        };
        self.blocks += 1;
        out.push(Event::BlockStart { block, choice: 0, kind });
        if matches!(state, State::Text | State::Thinking) {
            first_words(received, block, out);
        }
        self.open.push(Open { index, block, state });
    }

    fn delta(&mut self, frame: Frame, out: &mut Vec<Event>) {
        let (index, delta) = (frame.index.unwrap_or_default(), frame.delta.unwrap_or_default());
        self.begun(index, &delta, out);
        let Some(open) = self.open.iter_mut().rev().find(|open| open.index == index) else { return };
        let block = open.block;
        match &mut open.state {
            State::Text => {
                let text = delta.text.filter(|text| !text.is_empty());
                out.extend(text.map(|text| Event::Text { block, text }));
                let citation = delta.citation.map(citation::decode);
                out.extend(citation.map(|citation| Event::Citation { block, citation }));
            }
            State::Thinking => {
                let text = delta.thinking.filter(|text| !text.is_empty());
                out.extend(text.map(|text| Event::Text { block, text }));
                let mark = delta.signature.filter(|mark| !mark.is_empty()).map(|mark| Signature::read(&mark, OWN));
                out.extend(mark.map(|signature| Event::Signature { block, signature }));
            }
            State::ToolCall(whole) => {
                let Some(json) = delta.partial_json.filter(|json| !json.is_empty()) else { return };
                *whole = None;
                out.push(Event::Arguments { block, json });
            }
            State::Opaque { input, content, .. } => {
                let (piece, words) = (delta.partial_json.unwrap_or_default(), delta.content.unwrap_or_default());
                if input.len() + piece.len() + content.len() + words.len() <= MOST_INPUT {
                    input.push_str(&piece);
                    content.push_str(&words);
                }
            }
            State::Complete => {}
        }
    }

    /// A provider that leaves out the beginning of words means it.
    fn begun(&mut self, index: u64, delta: &Delta, out: &mut Vec<Event>) {
        let (kind, state) = match delta {
            Delta { text: Some(_), .. } => (BlockKind::Text, State::Text),
            Delta { thinking: Some(_), .. } => (BlockKind::Thinking, State::Thinking),
            _ => return,
        };
        if self.finished || self.open.iter().any(|open| open.index == index) {
            return;
        }
        self.start(Message::default(), out);
        let block = self.blocks;
        self.blocks += 1;
        out.push(Event::BlockStart { block, choice: 0, kind });
        self.open.push(Open { index, block, state });
    }

    fn block_stop(&mut self, index: u64, out: &mut Vec<Event>) {
        let Some(place) = self.open.iter().position(|open| open.index == index) else { return };
        let Open { mut block, state, .. } = self.open.remove(place);
        match state {
            State::ToolCall(Some(json)) => out.push(Event::Arguments { block, json }),
            State::Opaque { value, input, content } => {
                block = self.blocks;
                self.blocks += 1;
                let kind = BlockKind::Opaque { api: OWN, value: complete(value, &input, content) };
                out.push(Event::BlockStart { block, choice: 0, kind });
            }
            _ => {}
        }
        out.push(Event::BlockStop { block });
    }

    fn message_delta(&mut self, frame: Frame, out: &mut Vec<Event>) {
        self.start(Message::default(), out);
        let delta = frame.delta.unwrap_or_default();
        let stop = Stop { reason: delta.stop_reason, sequence: delta.stop_sequence, details: delta.stop_details };
        if stop.reason.is_some() {
            self.end_with(&stop, out);
        }
        self.count(frame.usage, out);
    }

    /// Stops what is open and says why the answer ended, once.
    fn end_with(&mut self, stop: &Stop, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        self.start(Message::default(), out);
        while let Some(index) = self.open.first().map(|open| open.index) {
            self.block_stop(index, out);
        }
        if let Some(text) = stop.explanation() {
            let block = self.blocks;
            self.blocks += 1;
            out.push(Event::BlockStart { block, choice: 0, kind: BlockKind::Refusal });
            out.push(Event::Text { block, text: text.to_owned() });
            out.push(Event::BlockStop { block });
        }
        out.push(Event::Finish { choice: 0, finish: stop.finish(self.has_calls) });
    }
}

/// What a block of words begins with, most often nothing.
fn first_words(received: Received, block: u32, out: &mut Vec<Event>) {
    let mark = received.mark();
    let words = received.text.or(received.thinking).filter(|text| !text.is_empty());
    out.extend(words.map(|text| Event::Text { block, text }));
    out.extend(mark.map(|signature| Event::Signature { block, signature }));
    let citations = received.citations.unwrap_or_default().into_iter();
    out.extend(citations.map(|original| Event::Citation { block, citation: citation::decode(original) }));
}

/// The block with the input or content that came in pieces.
fn complete(value: Json, input: &str, content: String) -> Json {
    let (Ok(Value::Object(mut block)), false) = (value.read(), input.is_empty() && content.is_empty()) else {
        return value;
    };
    if let Ok(input) = serde_json::from_str::<Value>(input) {
        block.insert("input".to_owned(), input);
    }
    if !content.is_empty() {
        block.insert("content".to_owned(), Value::String(content));
    }
    Json::of(&block)
}

fn status(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 500,
    }
}
