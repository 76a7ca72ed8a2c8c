//! Writes a caller's stream: chunks as OpenAI's SDKs put them together.

use domain::Usage;
use domain::provider::Dialect;
use serde::Serialize;

use super::answer::{AnnotationOut, CallOut, FunctionOut, Style, UsageOut, answer_id, extra_content, finish_words};
use super::reasoning::Detail;
use crate::api::Api;
use crate::chat::{Asked, BlockKind, Event, Json, StreamError};
use crate::error::ErrorBody;
use crate::sse::one_line;

/// Longest reasoning that is kept to stand beside its signature, in bytes.
const MOST_KEPT: usize = 4 * 1024 * 1024;

/// Writes a stream, from its start.
pub(in crate::api) struct Encoder {
    include_usage: bool,
    style: Style,
    id: Box<str>,
    model: Box<str>,
    created: i64,
    choices: Vec<Progress>,
    blocks: Vec<Block>,
    usage: Option<Usage>,
}

/// How far a choice has come.
#[derive(Default)]
struct Progress {
    index: u32,
    calls: usize,
    thoughts: usize,
    declined: bool,
    /// Characters of text.
    said: u64,
}

/// An open block.
struct Block {
    number: u32,
    choice: u32,
    kind: Kind,
}

enum Kind {
    Text {
        /// Characters of the choice before this block.
        before: u64,
    },
    Refusal,
    Thinking {
        place: usize,
        text: String,
        mark: Option<crate::chat::Signature>,
    },
    Call {
        place: usize,
        custom: bool,
    },
    Other,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: &'a [ChoiceOut<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageOut>,
}

#[derive(Default, Serialize)]
struct ChoiceOut<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Option<&'a Json>,
    finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    native_finish_reason: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_details: Option<[Detail; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallOut<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<[AnnotationOut<'a>; 1]>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    leftovers: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Encoder {
    pub(in crate::api) fn new(asked: &Asked) -> Self {
        Self {
            include_usage: asked.include_usage,
            style: Style::of(asked),
            id: answer_id("", &asked.id).into(),
            model: asked.model.as_str().into(),
            created: asked.created,
            choices: Vec::new(),
            blocks: Vec::new(),
            usage: None,
        }
    }

    /// Bytes of reasoning that are kept to stand beside their signatures.
    pub(in crate::api) fn held(&self) -> usize {
        let kept = self.blocks.iter().map(|block| match &block.kind {
            Kind::Thinking { text, .. } => text.len(),
            _ => 0,
        });
        kept.sum()
    }

    pub(in crate::api) fn push(&mut self, event: Event, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, model, created } => self.start(&id, model, created, out),
            Event::BlockStart { block, choice, kind } => self.begin(block, choice, kind, out),
            Event::Text { block, text } => self.words(block, &text, out),
            Event::Arguments { block, json } => self.arguments(block, &json, out),
            Event::Signature { block, signature } => self.signature(block, signature, out),
            Event::Citation { block, citation } => {
                let Some(Block { choice, kind: Kind::Text { before }, .. }) = self.block(block) else { return };
                let (choice, before) = (*choice, *before);
                if let Some(annotation) = AnnotationOut::of(&citation, before) {
                    self.delta(choice, Delta { annotations: Some([annotation]), ..Delta::default() }, out);
                }
            }
            Event::Logprobs { choice: index, logprobs } => {
                let delta = Delta { content: Some(""), ..Delta::default() };
                self.choice(ChoiceOut { index, delta, logprobs: Some(&logprobs), ..ChoiceOut::default() }, out);
            }
            Event::BlockStop { block } => self.stop(block, out),
            Event::Finish { choice, finish } => {
                self.speak(choice, out);
                let progress = self.progress(choice);
                let only_declines = progress.declined && progress.said == 0;
                let (word, native_finish_reason) = finish_words(&finish, &self.style, only_declines);
                let finish_reason = Some(word);
                let choice = ChoiceOut { index: choice, finish_reason, native_finish_reason, ..ChoiceOut::default() };
                self.choice(choice, out);
            }
            Event::Usage(usage) => self.usage = Some(usage),
            Event::KeepAlive => out.extend_from_slice(b": keep-alive\n\n"),
            Event::Error(error) => fail(&error, out),
            Event::End => self.end(out),
        }
    }

    fn start(&mut self, id: &str, model: String, created: Option<i64>, out: &mut Vec<u8>) {
        if !id.is_empty() {
            self.id = answer_id(id, "").into();
        }
        if !model.is_empty() {
            self.model = model.into();
        }
        self.created = created.unwrap_or(self.created);
        self.speak(0, out);
    }

    /// The first chunk of a choice says whose words follow.
    fn speak(&mut self, choice: u32, out: &mut Vec<u8>) {
        if self.choices.iter().any(|known| known.index == choice) {
            return;
        }
        self.choices.push(Progress { index: choice, ..Progress::default() });
        self.delta(choice, Delta { role: Some("assistant"), content: Some(""), ..Delta::default() }, out);
    }

    fn progress(&mut self, choice: u32) -> &mut Progress {
        let known = self.choices.iter().position(|known| known.index == choice);
        let at = known.unwrap_or_else(|| {
            self.choices.push(Progress { index: choice, ..Progress::default() });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }

    fn block(&mut self, number: u32) -> Option<&mut Block> {
        self.blocks.iter_mut().rev().find(|block| block.number == number)
    }

    fn begin(&mut self, number: u32, choice: u32, kind: BlockKind, out: &mut Vec<u8>) {
        self.speak(choice, out);
        let progress = self.progress(choice);
        let kind = match kind {
            BlockKind::Text => Kind::Text { before: progress.said },
            BlockKind::Refusal => {
                progress.declined = true;
                Kind::Refusal
            }
            BlockKind::Thinking => {
                progress.thoughts += 1;
                Kind::Thinking { place: progress.thoughts - 1, text: String::new(), mark: None }
            }
            BlockKind::Redacted { data } => {
                progress.thoughts += 1;
                let detail = Detail::redacted(&data, progress.thoughts - 1);
                self.delta(choice, Delta { reasoning_details: Some([detail]), ..Delta::default() }, out);
                Kind::Other
            }
            BlockKind::ToolCall { id, name } => self.begin_call(choice, &id, &name, out),
            BlockKind::Opaque { api: Api::OpenaiChat, value } => {
                let leftovers = Some(super::answer::leftovers(&value)).filter(|fields| !fields.is_empty());
                if leftovers.is_some() {
                    self.delta(choice, Delta { leftovers, ..Delta::default() }, out);
                }
                Kind::Other
            }
            BlockKind::Opaque { .. } => Kind::Other,
        };
        self.blocks.push(Block { number, choice, kind });
    }

    fn begin_call(&mut self, choice: u32, id: &str, name: &str, out: &mut Vec<u8>) -> Kind {
        let custom = self.style.is_custom(name);
        let progress = self.progress(choice);
        let place = progress.calls;
        progress.calls += 1;
        if !self.style.functions {
            let call = CallOut { index: Some(place), ..CallOut::new(Some(id), Some(name), "", custom) };
            self.delta(choice, Delta { tool_calls: Some([call]), ..Delta::default() }, out);
        } else if place == 0 {
            let function_call = Some(FunctionOut { name: Some(name), arguments: "" });
            self.delta(choice, Delta { function_call, ..Delta::default() }, out);
        }
        Kind::Call { place, custom }
    }

    fn words(&mut self, number: u32, words: &str, out: &mut Vec<u8>) {
        let Some(block) = self.block(number) else { return };
        let choice = block.choice;
        let mut delta = Delta::default();
        let mut characters = 0;
        match &mut block.kind {
            Kind::Text { .. } => {
                delta.content = Some(words);
                characters = words.chars().count() as u64;
            }
            Kind::Refusal => delta.refusal = Some(words),
            Kind::Thinking { text, .. } => {
                if text.len() + words.len() <= MOST_KEPT {
                    text.push_str(words);
                }
                delta.reasoning_content = Some(words);
            }
            Kind::Call { .. } | Kind::Other => return,
        }
        self.progress(choice).said += characters;
        self.delta(choice, delta, out);
    }

    fn arguments(&mut self, number: u32, json: &str, out: &mut Vec<u8>) {
        let Some(Block { choice, kind: Kind::Call { place, custom }, .. }) = self.block(number) else { return };
        let (choice, place, custom) = (*choice, *place, *custom);
        if !self.style.functions {
            let call = CallOut { index: Some(place), ..CallOut::new(None, None, json, custom) };
            self.delta(choice, Delta { tool_calls: Some([call]), ..Delta::default() }, out);
        } else if place == 0 {
            let function_call = Some(FunctionOut { name: None, arguments: json });
            self.delta(choice, Delta { function_call, ..Delta::default() }, out);
        }
    }

    fn signature(&mut self, number: u32, signature: crate::chat::Signature, out: &mut Vec<u8>) {
        let functions = self.style.functions;
        let Some(block) = self.block(number) else { return };
        let choice = block.choice;
        match &mut block.kind {
            Kind::Thinking { mark, .. } => *mark = Some(signature),
            Kind::Call { place, custom } if !functions => {
                let call = CallOut {
                    index: Some(*place),
                    extra_content: Some(extra_content(&signature)),
                    ..CallOut::new(None, None, "", *custom)
                };
                self.delta(choice, Delta { tool_calls: Some([call]), ..Delta::default() }, out);
            }
            _ => {}
        }
    }

    /// A block of reasoning with a signature is repeated in one piece, as callers have to send it back.
    fn stop(&mut self, number: u32, out: &mut Vec<u8>) {
        let Some(at) = self.blocks.iter().rposition(|block| block.number == number) else { return };
        let block = self.blocks.swap_remove(at);
        if let Kind::Thinking { place, text, mark: Some(mark) } = block.kind {
            let detail = Detail::thinking(&text, Some(&mark), place);
            self.delta(block.choice, Delta { reasoning_details: Some([detail]), ..Delta::default() }, out);
        }
    }

    fn delta(&self, index: u32, delta: Delta<'_>, out: &mut Vec<u8>) {
        self.choice(ChoiceOut { index, delta, ..ChoiceOut::default() }, out);
    }

    fn choice(&self, choice: ChoiceOut<'_>, out: &mut Vec<u8>) {
        self.chunk(&[choice], None, out);
    }

    fn chunk(&self, choices: &[ChoiceOut<'_>], usage: Option<UsageOut>, out: &mut Vec<u8>) {
        let object = "chat.completion.chunk";
        let chunk = Chunk { id: &self.id, object, created: self.created, model: &self.model, choices, usage };
        out.extend_from_slice(b"data: ");
        let begin = out.len();
        out.extend_from_slice(Json::of(&chunk).as_str().as_bytes());
        one_line(out, begin);
        out.extend_from_slice(b"\n\n");
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            self.chunk(&[], Some(usage.into()), out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

fn fail(error: &StreamError, out: &mut Vec<u8>) {
    let StreamError { status, code, message } = error;
    let body = ErrorBody { status: *status, code, message, param: None, request_id: None };
    out.extend_from_slice(&crate::error::event(Dialect::Openai, &body));
}
