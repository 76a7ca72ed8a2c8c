//! One of the answers.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value};

use super::super::extras::Extras;
use super::super::fields::Fields;
use super::super::grounding::{self, Said};
use super::super::part::{self, Piece};
use super::super::{finish, logprobs};
use super::Shared;
use crate::api::Api;
use crate::chat::{BlockKind, Citation, Event, Finish, Json, Signature, StreamError};

/// How much of what is said is kept, in bytes, in order to find the words that are cited.
const MOST_SAID: usize = 256 * 1024;

/// Most bytes of the arguments of a call that comes in pieces.
const MOST_ARGUMENTS: usize = 16 << 20;

/// A candidate so far.
#[derive(Debug)]
pub(super) struct Candidate {
    index: u32,
    open: Option<Open>,
    said: String,
    call: Option<PartialCall>,
    has_calls: bool,
    reason: Option<String>,
    extras: Extras,
}

/// The block that is open.
#[derive(Clone, Copy, Debug)]
struct Open {
    block: u32,
    thought: bool,
    /// Where it begins in all that is said.
    begin: usize,
}

/// A call whose arguments come in pieces.
#[derive(Debug)]
struct PartialCall {
    id: Option<String>,
    name: String,
    arguments: Map<String, Value>,
    mark: Option<Signature>,
    /// What its pieces took.
    bytes: usize,
}

fn too_large() -> StreamError {
    StreamError {
        status: 502,
        code: "upstream_too_large".to_owned(),
        message: "The provider calls a tool with more than the gateway can put together.".to_owned(),
    }
}

impl Candidate {
    /// One that has not begun.
    pub(super) fn new(index: u32) -> Self {
        Self {
            index,
            open: None,
            said: String::new(),
            call: None,
            has_calls: false,
            reason: None,
            extras: Extras::default(),
        }
    }

    /// Its number.
    pub(super) fn index(&self) -> u32 {
        self.index
    }

    /// Whether it said why it ended.
    pub(super) fn has_ended(&self) -> bool {
        self.reason.is_some()
    }

    /// Why it ended.
    pub(super) fn finish(&self) -> Finish {
        finish::read(self.reason.as_deref().unwrap_or("STOP"), self.has_calls)
    }

    /// The prompt was blocked.
    pub(super) fn block(&mut self) {
        self.reason = Some("SAFETY".to_owned());
    }

    /// What filters think of the prompt.
    pub(super) fn judge(&mut self, feedback: Json) {
        self.extras.feedback = Some(feedback);
    }

    /// Reads what a chunk says of it.
    pub(super) fn read(&mut self, mut fields: Fields, shared: &mut Shared, out: &mut Vec<Event>) {
        let mut parts = fields.get::<Fields>("content").and_then(|mut content| content.get::<Vec<Json>>("parts"));
        // A mark behind everything comes after the citations, which belong to the text before it.
        let last = parts.as_mut().and_then(|parts| parts.pop_if(|part| is_bare_mark(part)));
        for part in parts.unwrap_or_default() {
            self.part(part, shared, out);
        }
        if let Some(logprobs) = fields.raw("logprobsResult").and_then(|result| logprobs::read(&result)) {
            out.push(Event::Logprobs { choice: self.index, logprobs });
        }
        if let Some(reason) = fields.get::<Value>("finishReason").and_then(|reason| finish::word(&reason)) {
            if !finish::survives(&reason) {
                self.extras.put("finishReason", Json::of(&reason));
            }
            self.reason = Some(reason);
        }
        self.metadata(fields, out);
        if let Some(last) = last {
            self.part(last, shared, out);
        }
    }

    fn metadata(&mut self, fields: Fields, out: &mut Vec<Event>) {
        for (name, value) in fields.rest() {
            let open = self.open.filter(|open| !open.thought);
            if let Some(Open { block, begin, .. }) = open {
                let said = Said { all: &self.said, begin };
                let citations: Vec<Citation> = match name.as_str() {
                    "groundingMetadata" => grounding::read(&value, said),
                    "citationMetadata" => grounding::recited(&value, said),
                    _ => Vec::new(),
                };
                out.extend(citations.into_iter().map(|citation| Event::Citation { block, citation }));
            }
            self.extras.put(&name, value);
        }
    }

    fn part(&mut self, json: Json, shared: &mut Shared, out: &mut Vec<Event>) {
        match part::read(&json, "") {
            Ok((Piece::Text { text, thought }, mark)) => self.text(text, thought, mark, shared, out),
            Ok((Piece::Call { id, name, arguments, pieces }, mark)) => {
                if name.is_empty() || pieces.more || !pieces.is_empty() {
                    if !name.is_empty() {
                        self.close(shared, out);
                        let arguments = arguments.and_then(|arguments| arguments.read().ok()).unwrap_or_default();
                        self.call = Some(PartialCall { id, name, arguments, mark, bytes: 0 });
                    }
                    let more = pieces.more;
                    if let Some(call) = &mut self.call {
                        call.bytes = call.bytes.saturating_add(pieces.size());
                        if call.bytes > MOST_ARGUMENTS {
                            return out.push(Event::Error(too_large()));
                        }
                        pieces.add_to(&mut call.arguments);
                    }
                    if !more {
                        self.close(shared, out);
                    }
                } else {
                    let arguments = arguments.map_or_else(|| "{}".to_owned(), |json| json.as_str().to_owned());
                    self.close(shared, out);
                    self.whole_call(id, name, (arguments, mark), shared, out);
                }
            }
            _ => self.opaque(json, shared, out),
        }
    }

    fn text(
        &mut self,
        text: String,
        thought: bool,
        mark: Option<Signature>,
        shared: &mut Shared,
        out: &mut Vec<Event>,
    ) {
        if let Some(signature) = mark {
            // Reasoning ends with its mark; the mark on words stands before them, as reasoning without words.
            let block = if thought { self.opened(true, shared, out) } else { self.fresh(true, shared, out) };
            if thought && !text.is_empty() {
                out.push(Event::Text { block, text: text.clone() });
            }
            out.push(Event::Signature { block, signature });
            self.stop(out);
            if thought {
                return;
            }
        }
        if text.is_empty() {
            return;
        }
        let block = self.opened(thought, shared, out);
        if !thought && self.said.len() + text.len() <= MOST_SAID {
            self.said.push_str(&text);
        }
        out.push(Event::Text { block, text });
    }

    fn whole_call(
        &mut self,
        id: Option<String>,
        name: String,
        (json, mark): (String, Option<Signature>),
        shared: &mut Shared,
        out: &mut Vec<Event>,
    ) {
        self.has_calls = true;
        let id = id.unwrap_or_else(|| made_up(shared, &name, &json));
        shared.calls += 1;
        let block = self.start(BlockKind::ToolCall { id, name }, shared, out);
        out.extend(mark.map(|signature| Event::Signature { block, signature }));
        out.push(Event::Arguments { block, json });
        out.push(Event::BlockStop { block });
    }

    fn opaque(&mut self, value: Json, shared: &mut Shared, out: &mut Vec<Event>) {
        self.close(shared, out);
        let block = self.start(BlockKind::Opaque { api: Api::Gemini, value }, shared, out);
        out.push(Event::BlockStop { block });
    }

    fn start(&self, kind: BlockKind, shared: &mut Shared, out: &mut Vec<Event>) -> u32 {
        let block = shared.block;
        shared.block += 1;
        out.push(Event::BlockStart { block, choice: self.index, kind });
        block
    }

    /// The open block of this kind.
    fn opened(&mut self, thought: bool, shared: &mut Shared, out: &mut Vec<Event>) -> u32 {
        match self.open {
            Some(open) if open.thought == thought => open.block,
            _ => self.fresh(thought, shared, out),
        }
    }

    fn fresh(&mut self, thought: bool, shared: &mut Shared, out: &mut Vec<Event>) -> u32 {
        self.close(shared, out);
        let block = self.start(if thought { BlockKind::Thinking } else { BlockKind::Text }, shared, out);
        self.open = Some(Open { block, thought, begin: self.said.len() });
        block
    }

    fn stop(&mut self, out: &mut Vec<Event>) {
        out.extend(self.open.take().map(|open| Event::BlockStop { block: open.block }));
    }

    /// Stops what is open.
    pub(super) fn close(&mut self, shared: &mut Shared, out: &mut Vec<Event>) {
        self.stop(out);
        if let Some(PartialCall { id, name, arguments, mark, .. }) = self.call.take() {
            self.whole_call(id, name, (Value::Object(arguments).to_string(), mark), shared, out);
        }
    }

    /// Hands out what only Gemini knows of the whole candidate; it is over.
    pub(super) fn end(&mut self, shared: &mut Shared, out: &mut Vec<Event>) {
        self.close(shared, out);
        if let Some(value) = std::mem::take(&mut self.extras).into_json() {
            self.opaque(value, shared, out);
        }
    }
}

fn is_bare_mark(part: &Json) -> bool {
    matches!(part::read(part, ""), Ok((Piece::Text { text, thought: false }, Some(_))) if text.is_empty())
}

/// An id for a call without one: another one for each call of a conversation, the same whenever the same answer is read.
fn made_up(shared: &Shared, name: &str, arguments: &str) -> String {
    const MOST: usize = 40;
    let clean = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut base: String = shared.id.chars().filter(clean).take(MOST).collect();
    if base.is_empty() {
        let mut hasher = DefaultHasher::new();
        (name, arguments).hash(&mut hasher);
        base = format!("{:016x}", hasher.finish());
    }
    format!("call_{base}_{}", shared.calls)
}
