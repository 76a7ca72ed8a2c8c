//! Writes a caller's stream.
//!
//! Anthropic's blocks come one behind the other, and its last figures before the end. So blocks are put in order, a block
//! begins only when there is something in it, and the end waits for the last word on usage.

use domain::Usage;
use domain::provider::Dialect;
use serde::Serialize;
use serde_json::json;

use super::answer::{Ending, id};
use super::blocks::Block;
use super::{OWN, citation, usage};
use crate::chat::{Asked, BlockKind, Event, Finish, Json, Sequence, Signature, StreamError};
use crate::error::{ErrorBody, event};
use crate::sse::one_line;

/// Writes a caller's stream.
pub(in crate::api) struct Encoder {
    sequence: Sequence,
    ordered: Vec<Event>,
    state: Box<Writer>,
}

#[derive(Default)]
struct Writer {
    asked: Asked,
    /// Id and model, until the stream begins.
    start: Option<(String, String)>,
    begun: bool,
    /// The block that is open.
    open: Option<Open>,
    /// The next block's number.
    index: u32,
    usage: Option<Usage>,
    finish: Option<Finish>,
    has_calls: bool,
    over: bool,
}

/// A block of the event stream.
struct Open {
    block: u32,
    kind: BlockKind,
    /// Whether the caller has been told of it.
    told: bool,
}

impl Encoder {
    /// An encoder at the start of a stream.
    pub(in crate::api) fn new(asked: &Asked) -> Self {
        let state = Box::new(Writer { asked: asked.clone(), ..Writer::default() });
        Self { sequence: Sequence::default(), ordered: Vec::new(), state }
    }

    pub(in crate::api) fn is_over(&self) -> bool {
        self.state.over
    }

    /// Bytes that wait for their turn.
    pub(in crate::api) fn held(&self) -> usize {
        self.sequence.held()
    }

    /// Writes what an event means to the caller.
    pub(in crate::api) fn push(&mut self, event: Event, out: &mut Vec<u8>) {
        let mut ordered = std::mem::take(&mut self.ordered);
        self.sequence.push(event, &mut ordered);
        for event in ordered.drain(..) {
            self.state.write(event, out);
        }
        self.ordered = ordered;
    }
}

impl Writer {
    fn write(&mut self, event: Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            // Both wait for what follows: the figures are at their best then.
            Event::Start { id, model, .. } => self.start = Some((id, model)),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Finish { choice: 0, finish } => self.finish = Some(finish),
            Event::Finish { .. } | Event::Logprobs { .. } => {}
            Event::KeepAlive => {
                self.begin(out);
                emit("ping", &json!({ "type": "ping" }), out);
            }
            Event::BlockStart { block, choice: 0, kind } => {
                self.begin(out);
                self.block_start(block, kind, out);
            }
            Event::BlockStart { .. } => {}
            Event::Text { block, text } if !text.is_empty() => self.text(block, &text, out),
            Event::Arguments { block, json } if !json.is_empty() => {
                let delta = json!({ "type": "input_json_delta", "partial_json": json });
                self.delta(block, &delta, out);
            }
            Event::Text { .. } | Event::Arguments { .. } => {}
            Event::Signature { block, signature } => self.signature(block, &signature, out),
            Event::Citation { block, citation } => {
                if let Some(citation) = citation::encode(&citation) {
                    self.delta(block, &CitationDelta { kind: "citations_delta", citation }, out);
                }
            }
            Event::BlockStop { block } => self.block_stop(block, out),
            Event::Error(error) => self.fail(&error, out),
            Event::End => self.end(out),
        }
    }

    fn fail(&mut self, error: &StreamError, out: &mut Vec<u8>) {
        self.over = true;
        let StreamError { status, code, message } = error;
        let body = ErrorBody { status: *status, code, message, param: None, request_id: None };
        out.extend_from_slice(&event(Dialect::Anthropic, &body));
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let (given, model) = self.start.take().unwrap_or_default();
        let model = if model.is_empty() { &self.asked.model } else { &model };
        // What the answer will consume is not known yet; `message_delta` has the last word.
        let usage = Usage { output: 0, reasoning: 0, ..self.usage.unwrap_or_default() };
        let message = MessageStart {
            id: id(&given, &self.asked),
            kind: "message",
            role: "assistant",
            model,
            content: [],
            stop_reason: None,
            stop_sequence: None,
            usage: usage.into(),
        };
        emit("message_start", &Framed { kind: "message_start", message }, out);
    }

    fn block_start(&mut self, block: u32, kind: BlockKind, out: &mut Vec<u8>) {
        self.has_calls |= matches!(kind, BlockKind::ToolCall { .. });
        match &kind {
            BlockKind::Redacted { data } => self.whole(&Block::redacted(data), out),
            BlockKind::Opaque { api: OWN, value } => self.whole(value, out),
            _ => {}
        }
        self.open = Some(Open { block, kind, told: false });
    }

    /// A block that is complete with its start.
    fn whole(&mut self, content_block: &impl Serialize, out: &mut Vec<u8>) {
        let index = self.index;
        emit("content_block_start", &BlockStart { kind: "content_block_start", index, content_block }, out);
        self.stop(out);
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        emit("content_block_stop", &json!({ "type": "content_block_stop", "index": self.index }), out);
        self.index += 1;
    }

    /// Tells the caller of the open block, once. False where `block` is not open or not to be told of.
    fn tell(&mut self, block: u32, out: &mut Vec<u8>) -> bool {
        let index = self.index;
        let Some(open) = self.open.as_mut().filter(|open| open.block == block) else { return false };
        let content_block = match &open.kind {
            BlockKind::Text | BlockKind::Refusal => Block::text("", &[]),
            BlockKind::Thinking => Block::thinking("", ""),
            BlockKind::ToolCall { id, name } => Block::tool_use(id.as_str(), name.as_str(), Json::of(&json!({}))),
            BlockKind::Redacted { .. } | BlockKind::Opaque { .. } => return false,
        };
        if !std::mem::replace(&mut open.told, true) {
            let start = BlockStart { kind: "content_block_start", index, content_block: &content_block };
            emit("content_block_start", &start, out);
        }
        true
    }

    fn delta(&mut self, block: u32, delta: &impl Serialize, out: &mut Vec<u8>) {
        if self.tell(block, out) {
            let delta = BlockDelta { kind: "content_block_delta", index: self.index, delta };
            emit("content_block_delta", &delta, out);
        }
    }

    fn text(&mut self, block: u32, text: &str, out: &mut Vec<u8>) {
        let thinks = self.open.as_ref().is_some_and(|open| open.kind == BlockKind::Thinking);
        if thinks {
            self.delta(block, &json!({ "type": "thinking_delta", "thinking": text }), out);
        } else {
            self.delta(block, &json!({ "type": "text_delta", "text": text }), out);
        }
    }

    fn signature(&mut self, block: u32, mark: &Signature, out: &mut Vec<u8>) {
        let signature = mark.write(OWN);
        match self.open.as_ref().filter(|open| open.block == block) {
            Some(Open { kind: BlockKind::Thinking, .. }) => {
                self.delta(block, &json!({ "type": "signature_delta", "signature": signature }), out);
            }
            // A mark on a call goes as empty reasoning before it.
            Some(Open { kind: BlockKind::ToolCall { .. }, told: false, .. }) => {
                let index = self.index;
                let content_block = &Block::thinking("", "");
                emit("content_block_start", &BlockStart { kind: "content_block_start", index, content_block }, out);
                let delta = &json!({ "type": "signature_delta", "signature": signature });
                emit("content_block_delta", &BlockDelta { kind: "content_block_delta", index, delta }, out);
                self.stop(out);
            }
            _ => {}
        }
    }

    fn block_stop(&mut self, block: u32, out: &mut Vec<u8>) {
        let is_call = |open: &Open| open.block == block && matches!(open.kind, BlockKind::ToolCall { .. });
        if self.open.as_ref().is_some_and(is_call) {
            // A call without arguments is a call all the same.
            self.tell(block, out);
        }
        if let Some(open) = self.open.take_if(|open| open.block == block)
            && open.told
        {
            self.stop(out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        self.over = true;
        let finish = self.finish.take().unwrap_or(Finish::Stop);
        let delta = Ending::of(&finish, self.has_calls);
        let usage = usage::Report::from(self.usage.unwrap_or_default());
        emit("message_delta", &MessageDelta { kind: "message_delta", delta, usage }, out);
        emit("message_stop", &json!({ "type": "message_stop" }), out);
    }
}

#[derive(Serialize)]
struct Framed<M> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: M,
}

#[derive(Serialize)]
struct MessageStart<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: [(); 0],
    stop_reason: Option<()>,
    stop_sequence: Option<()>,
    usage: usage::Report<'a>,
}

#[derive(Serialize)]
struct BlockStart<'b, B> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u32,
    content_block: &'b B,
}

#[derive(Serialize)]
struct BlockDelta<'b, D> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u32,
    delta: &'b D,
}

#[derive(Serialize)]
struct CitationDelta {
    #[serde(rename = "type")]
    kind: &'static str,
    citation: Json,
}

#[derive(Serialize)]
struct MessageDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: Ending<'a>,
    usage: usage::Report<'a>,
}

fn emit(name: &str, data: &impl Serialize, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("event: {name}\ndata: ").as_bytes());
    let begin = out.len();
    out.extend_from_slice(Json::of(data).as_str().as_bytes());
    one_line(out, begin);
    out.extend_from_slice(b"\n\n");
}
