//! Reads a stream. Text and reasoning begin with their first piece; only tools have a start of their own. What a tool of
//! Bedrock's own does is gathered and handed out whole.

mod block;

use serde::Deserialize;

use self::block::{Kind, Open};
use super::answer::{Additional, finish};
use super::usage::Report;
use crate::api::Frames;
use crate::chat::{Event, Json, StreamError};
use crate::usage::number::{Count, lenient};

/// Most blocks that may be open at the same time; one is usual.
const MOST_OPEN: usize = 64;
/// Most bytes of one gathered block.
const MOST_HELD: usize = 16 * 1024 * 1024;

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(in crate::api) struct Decoder {
    /// The number of the next block.
    next: u32,
    open: Vec<Open>,
    calls: bool,
    started: bool,
    finished: bool,
    /// Whether usage came, which is the last event.
    measured: bool,
}

/// The payload of any event.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Payload {
    content_block_index: Count,
    start: Option<Json>,
    #[serde(deserialize_with = "lenient")]
    delta: Option<Delta>,
    #[serde(deserialize_with = "lenient")]
    stop_reason: Option<String>,
    #[serde(deserialize_with = "lenient")]
    additional_model_response_fields: Option<Additional>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
    #[serde(alias = "Message", deserialize_with = "lenient")]
    message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Delta {
    #[serde(deserialize_with = "lenient")]
    text: Option<String>,
    #[serde(deserialize_with = "lenient")]
    tool_use: Option<Input>,
    #[serde(deserialize_with = "lenient")]
    tool_result: Option<Vec<Json>>,
    #[serde(deserialize_with = "lenient")]
    reasoning_content: Option<Reasoning>,
    citation: Option<Json>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input {
    /// A piece of a text; where it is an object, the whole.
    input: Option<Json>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Reasoning {
    #[serde(deserialize_with = "lenient")]
    text: Option<String>,
    #[serde(deserialize_with = "lenient")]
    signature: Option<String>,
    #[serde(deserialize_with = "lenient")]
    redacted_content: Option<String>,
}

impl Frames for Decoder {
    fn frame(&mut self, name: Option<&[u8]>, data: &[u8], out: &mut Vec<Event>) {
        let name = name.map(String::from_utf8_lossy).unwrap_or_default();
        let payload: Payload = serde_json::from_slice(data).unwrap_or_default();
        if let Some(code) = name.strip_prefix("exception:").or(name.strip_prefix("error:")) {
            out.push(Event::Error(error(code, payload.message)));
            return;
        }
        self.start(out);
        let at = payload.content_block_index.get();
        match &*name {
            "contentBlockStart" => self.begin(at, payload.start.as_ref(), out),
            "contentBlockDelta" => self.delta(at, payload.delta.unwrap_or_default(), out),
            "contentBlockStop" => self.stop(at, out),
            "messageStop" => {
                let sequence = payload.additional_model_response_fields.and_then(|fields| fields.stop_sequence);
                self.finish_with(payload.stop_reason.as_deref(), sequence, out);
            }
            "metadata" => {
                out.extend(payload.usage.and_then(|report| report.usage()).map(Event::Usage));
                self.measured = true;
            }
            _ => {}
        }
        if self.finished && self.measured {
            out.push(Event::End);
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        self.close_all(out);
        if self.finished && !self.measured {
            out.push(Event::End);
        }
    }

    fn held(&self) -> usize {
        self.open.iter().map(Open::held).sum()
    }
}

impl Decoder {
    /// Bedrock names neither the answer nor its model.
    fn start(&mut self, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            out.push(Event::Start { id: String::new(), model: String::new(), created: None });
        }
    }

    fn begin(&mut self, at: u64, start: Option<&Json>, out: &mut Vec<Event>) {
        let Some(kind) = start.and_then(|start| Kind::of_start(start, self.next)) else { return };
        self.stop(at, out);
        self.calls |= matches!(kind, Kind::Call { .. });
        self.open(at, kind, out);
    }

    fn delta(&mut self, at: u64, delta: Delta, out: &mut Vec<Event>) {
        if let Some(text) = delta.text.filter(|text| !text.is_empty()) {
            let block = self.block(at, Kind::Text, out).block;
            out.push(Event::Text { block, text });
        }
        if let Some(original) = delta.citation {
            let block = self.block(at, Kind::Text, out).block;
            out.push(Event::Citation { block, citation: super::answer::citation(original) });
        }
        if let Some(reasoning) = delta.reasoning_content {
            self.reasoning(at, reasoning, out);
        }
        let Some(open) = self.open.iter_mut().find(|open| open.at == at) else { return };
        if let Some(input) = delta.tool_use.and_then(|call| call.input) {
            open.input(input.text(), out);
        }
        if let (Kind::Held(held), Some(result)) = (&mut open.kind, delta.tool_result) {
            result.iter().for_each(|piece| held.result(piece));
        }
    }

    fn reasoning(&mut self, at: u64, reasoning: Reasoning, out: &mut Vec<Event>) {
        if let Some(value) = reasoning.redacted_content {
            self.stop(at, out);
            let block = self.number();
            block::redacted(block, value, out);
        }
        let thinking = || Kind::Thinking { signature: String::new() };
        if let Some(text) = reasoning.text.filter(|text| !text.is_empty()) {
            let block = self.block(at, thinking(), out).block;
            out.push(Event::Text { block, text });
        }
        if let Some(piece) = reasoning.signature
            && let Kind::Thinking { signature } = &mut self.block(at, thinking(), out).kind
            && signature.len() + piece.len() <= MOST_HELD
        {
            signature.push_str(&piece);
        }
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    /// The open block at this place, if it is of that kind; else it is stopped and a new one begins.
    fn block(&mut self, at: u64, kind: Kind, out: &mut Vec<Event>) -> &mut Open {
        let found = self.open.iter().position(|open| open.at == at && open.kind.is_like(&kind));
        let index = found.unwrap_or_else(|| {
            self.stop(at, out);
            self.open(at, kind, out)
        });
        &mut self.open[index]
    }

    fn open(&mut self, at: u64, kind: Kind, out: &mut Vec<Event>) -> usize {
        if self.open.len() >= MOST_OPEN {
            self.open.remove(0).close(&mut self.next, out);
        }
        // What is handed out when it is complete is numbered then.
        let block = if matches!(kind, Kind::Held(_)) { self.next } else { self.number() };
        let open = Open { at, block, kind };
        open.start(out);
        self.open.push(open);
        self.open.len() - 1
    }

    fn stop(&mut self, at: u64, out: &mut Vec<Event>) {
        if let Some(index) = self.open.iter().position(|open| open.at == at) {
            self.open.remove(index).close(&mut self.next, out);
        }
    }

    fn close_all(&mut self, out: &mut Vec<Event>) {
        self.open.drain(..).for_each(|open| open.close(&mut self.next, out));
    }

    fn finish_with(&mut self, reason: Option<&str>, sequence: Option<String>, out: &mut Vec<Event>) {
        self.close_all(out);
        if !self.finished {
            self.finished = true;
            out.push(Event::Finish { choice: 0, finish: finish(reason, sequence, self.calls) });
        }
    }
}

/// What an exception means.
fn error(code: &str, message: Option<String>) -> StreamError {
    let status = match code {
        "validationException" => 400,
        "accessDeniedException" => 403,
        "resourceNotFoundException" => 404,
        "modelTimeoutException" => 408,
        "throttlingException" => 429,
        "internalServerException" => 500,
        "serviceUnavailableException" | "modelNotReadyException" => 503,
        // A fault of the model (`modelStreamErrorException`, 424 in Amazon's list), and what is new.
        _ => 502,
    };
    let message = message.unwrap_or_else(|| "Bedrock broke the answer off without saying why.".to_owned());
    StreamError { status, code: code.to_owned(), message }
}
