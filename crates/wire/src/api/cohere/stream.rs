//! Reads a stream. A text stays open until something else begins, since its citations may come behind its end.

use serde::Deserialize;

use super::answer::{Block, ToolCall, finish};
use super::citation::{Probable, citation, logprobs};
use super::usage::Report;
use crate::api::Frames;
use crate::chat::{BlockKind, Event, Json, StreamError};
use crate::usage::number::{Count, lenient};

/// Most calls that may be open at the same time.
const MOST_OPEN: usize = 64;

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(in crate::api) struct Decoder {
    id: String,
    started: bool,
    /// The number of the next block.
    next: u32,
    words: Option<Words>,
    open: Vec<Call>,
    calls: bool,
}

/// An open text or piece of reasoning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Words {
    /// Cohere's number; none for the plan.
    at: Option<u64>,
    thinking: bool,
    block: u32,
}

/// An open call.
#[derive(Debug)]
struct Call {
    at: u64,
    block: u32,
    /// Whether arguments came.
    said: bool,
}

/// Any event.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload {
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    id: Option<String>,
    index: Count,
    #[serde(deserialize_with = "lenient")]
    delta: Option<Delta>,
    #[serde(deserialize_with = "lenient")]
    logprobs: Option<Probable>,
    /// Of an error.
    #[serde(deserialize_with = "lenient")]
    message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    #[serde(deserialize_with = "lenient")]
    message: Option<Message>,
    #[serde(deserialize_with = "lenient")]
    finish_reason: Option<String>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
    #[serde(deserialize_with = "lenient")]
    error: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    #[serde(deserialize_with = "lenient")]
    content: Option<Block>,
    #[serde(deserialize_with = "lenient")]
    tool_plan: Option<String>,
    #[serde(deserialize_with = "lenient")]
    tool_calls: Option<ToolCall>,
    citations: Option<Json>,
}

impl Frames for Decoder {
    fn frame(&mut self, name: Option<&[u8]>, data: &[u8], out: &mut Vec<Event>) {
        // What is no JSON is the `[DONE]` behind some streams.
        let Ok(payload) = serde_json::from_slice::<Payload>(data) else { return };
        let name = name.map(String::from_utf8_lossy).unwrap_or_default();
        let kind = payload.kind.as_deref().unwrap_or(&name);
        if kind == "error" || (kind.is_empty() && payload.message.is_some()) {
            out.push(Event::Error(error(502, payload.message)));
            return;
        }
        self.start(payload.id, out);
        let at = payload.index.get();
        let delta = payload.delta.unwrap_or_default();
        let message = delta.message.unwrap_or_default();
        match kind {
            "content-start" | "content-delta" => {
                self.content(at, message.content.unwrap_or_default(), kind == "content-start", out);
                let logprobs = payload.logprobs.and_then(|piece| logprobs(&[piece]));
                out.extend(logprobs.map(|logprobs| Event::Logprobs { choice: 0, logprobs }));
            }
            "tool-plan-delta" => self.words(None, false, message.tool_plan.unwrap_or_default(), out),
            "tool-call-start" => self.call(at, message.tool_calls.unwrap_or_default(), out),
            "tool-call-delta" => self.arguments(at, message.tool_calls.unwrap_or_default(), out),
            "tool-call-end" => self.end_call(at, out),
            "citation-start" => self.cite(message.citations, out),
            "message-end" => self.end(delta.finish_reason.as_deref(), delta.usage, delta.error, out),
            _ => {}
        }
    }

    /// A stream that is complete has said so in `message-end`.
    fn finish(&mut self, out: &mut Vec<Event>) {
        self.close_all(out);
    }
}

impl Decoder {
    fn start(&mut self, id: Option<String>, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            self.id = id.unwrap_or_default();
            out.push(Event::Start { id: self.id.clone(), model: String::new(), created: None });
        }
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn content(&mut self, at: u64, block: Block, starts: bool, out: &mut Vec<Event>) {
        if starts && self.words.is_some_and(|words| words.at == Some(at)) {
            self.close_words(out);
        }
        self.words(Some(at), true, block.thinking.unwrap_or_default(), out);
        self.words(Some(at), false, block.text.unwrap_or_default(), out);
    }

    /// More words; they begin a block where they belong to no open one.
    fn words(&mut self, at: Option<u64>, thinking: bool, text: String, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        let open = self.words.filter(|words| words.at == at && words.thinking == thinking);
        let words = open.unwrap_or_else(|| {
            self.close_words(out);
            let words = Words { at, thinking, block: self.number() };
            let kind = if thinking { BlockKind::Thinking } else { BlockKind::Text };
            out.push(Event::BlockStart { block: words.block, choice: 0, kind });
            self.words = Some(words);
            words
        });
        out.push(Event::Text { block: words.block, text });
    }

    fn close_words(&mut self, out: &mut Vec<Event>) {
        out.extend(self.words.take().map(|words| Event::BlockStop { block: words.block }));
    }

    fn close_all(&mut self, out: &mut Vec<Event>) {
        self.close_words(out);
        self.open.drain(..).for_each(|call| call.close(out));
    }

    fn call(&mut self, at: u64, call: ToolCall, out: &mut Vec<Event>) {
        self.close_words(out);
        self.end_call(at, out);
        if self.open.len() >= MOST_OPEN {
            self.open.remove(0).close(out);
        }
        self.calls = true;
        let block = self.number();
        let id = call.id(&self.id, block as usize);
        let name = call.function.as_ref().and_then(|function| function.name.clone()).unwrap_or_default();
        out.push(Event::BlockStart { block, choice: 0, kind: BlockKind::ToolCall { id, name } });
        self.open.push(Call { at, block, said: false });
        self.arguments(at, call, out);
    }

    fn arguments(&mut self, at: u64, call: ToolCall, out: &mut Vec<Event>) {
        let json = call.function.and_then(|function| function.arguments()).filter(|json| !json.is_empty());
        let open = self.open.iter_mut().find(|open| open.at == at);
        if let (Some(open), Some(json)) = (open, json) {
            open.said = true;
            out.push(Event::Arguments { block: open.block, json });
        }
    }

    fn end_call(&mut self, at: u64, out: &mut Vec<Event>) {
        if let Some(index) = self.open.iter().position(|open| open.at == at) {
            self.open.remove(index).close(out);
        }
    }

    fn cite(&self, original: Option<Json>, out: &mut Vec<Event>) {
        let Some(words) = self.words.filter(|words| !words.thinking) else { return };
        out.extend(original.map(|original| Event::Citation { block: words.block, citation: citation(original).1 }));
    }

    fn end(&mut self, reason: Option<&str>, usage: Option<Report>, fault: Option<String>, out: &mut Vec<Event>) {
        self.close_all(out);
        let usage = usage.and_then(|report| report.usage()).map(Event::Usage);
        if fault.is_some() || matches!(reason, Some("ERROR" | "TIMEOUT")) {
            out.extend(usage);
            out.push(Event::Error(error(if reason == Some("TIMEOUT") { 504 } else { 502 }, fault)));
            return;
        }
        out.push(Event::Finish { choice: 0, finish: finish(reason, self.calls) });
        out.extend(usage);
        out.push(Event::End);
    }
}

impl Call {
    fn close(self, out: &mut Vec<Event>) {
        if !self.said {
            out.push(Event::Arguments { block: self.block, json: "{}".to_owned() });
        }
        out.push(Event::BlockStop { block: self.block });
    }
}

fn error(status: u16, message: Option<String>) -> StreamError {
    let message = message.unwrap_or_else(|| "Cohere broke the answer off without saying why.".to_owned());
    StreamError { status, code: "upstream_error".to_owned(), message }
}
