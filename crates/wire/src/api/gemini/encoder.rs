//! Writes a caller's stream: as events (`alt=sse`), or as one JSON list, which is what Gemini sends without `alt=sse`.

mod block;

use domain::Usage;

use super::answer::named;
use super::extras::Extras;
use super::members::Members;
use super::write::{Out, Written, content};
use super::{finish, grounding, logprobs, signature, usage};
use crate::api::Api;
use crate::chat::{Asked, BlockKind, Event, Finish, Json, Signature, StreamError};
use crate::sse::one_line;
use block::{Block, Spoken};

/// Most bytes of arguments that wait for the end of their calls.
const MOST_WAITING: usize = 16 * 1024 * 1024;

/// Writes a caller's stream.
pub(in crate::api) struct Encoder {
    id: String,
    model: String,
    /// Whether the stream is a list, and whether something stands in it.
    list: Option<bool>,
    blocks: Vec<Block>,
    waiting: usize,
    spoken: Vec<Spoken>,
    finishes: Vec<(u32, Finish)>,
    usage: Option<Usage>,
    over: bool,
}

impl Encoder {
    /// An encoder of events.
    pub(in crate::api) fn new(asked: &Asked) -> Self {
        Self {
            id: asked.id.clone(),
            model: asked.model.clone(),
            list: None,
            blocks: Vec::new(),
            waiting: 0,
            spoken: Vec::new(),
            finishes: Vec::new(),
            usage: None,
            over: false,
        }
    }

    /// An encoder of a list.
    pub(in crate::api) fn array(asked: &Asked) -> Self {
        Self { list: Some(false), ..Self::new(asked) }
    }

    pub(in crate::api) fn is_over(&self) -> bool {
        self.over
    }

    /// Bytes of calls that wait for their end, and of words that are kept for their citations.
    pub(in crate::api) fn held(&self) -> usize {
        self.waiting + self.spoken.iter().map(|spoken| spoken.said.len()).sum::<usize>()
    }

    /// Writes what an event means to the caller.
    pub(in crate::api) fn push(&mut self, event: Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start { id, model, .. } => {
                self.id = named(&id, &self.id).to_owned();
                self.model = named(&model, &self.model).to_owned();
            }
            Event::BlockStart { block, choice, kind } => self.begin(block, choice, kind, out),
            Event::Text { block, text } => self.text(block, &text, out),
            Event::Arguments { block, json } => self.arguments(block, &json, out),
            Event::Signature { block, signature } => self.sign(block, &signature, out),
            Event::Citation { block, citation } => {
                if let Some(block) = self.blocks.iter().rev().find(|open| open.number == block) {
                    let begin = block.begin;
                    spoken(&mut self.spoken, block.choice).cite(begin, citation);
                }
            }
            Event::Logprobs { choice, logprobs } => {
                if let Some(result) = logprobs::write(&logprobs) {
                    let mut candidate = self.candidate(choice, &[]);
                    candidate.raw("logprobsResult", result);
                    self.chunk(vec![candidate], None, out);
                }
            }
            Event::BlockStop { block } => self.stop(block, out),
            Event::Finish { choice, finish } => self.finishes.push((choice, finish)),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::KeepAlive => self.keep_alive(out),
            Event::Error(error) => self.fail(&error, out),
            Event::End => self.end(out),
        }
    }

    fn begin(&mut self, number: u32, choice: u32, kind: BlockKind, out: &mut Vec<u8>) {
        let begin = spoken(&mut self.spoken, choice).said.len();
        match &kind {
            BlockKind::Redacted { data } => {
                let part = Written::thought("").signed(Some(signature::write_redacted(data)));
                self.part(choice, part.into(), out);
            }
            BlockKind::Opaque { api: Api::Gemini, value } => match Extras::of(value) {
                Some(extras) => spoken(&mut self.spoken, choice).extras = extras,
                None => self.part(choice, Out::Raw(value.clone()), out),
            },
            _ => {}
        }
        self.blocks.push(Block {
            number,
            choice,
            kind,
            begin,
            arguments: String::new(),
            mark: None,
            has_text: false,
            done: false,
        });
    }

    fn text(&mut self, number: u32, text: &str, out: &mut Vec<u8>) {
        let Some(block) = self.blocks.iter_mut().rev().find(|block| block.number == number) else { return };
        if text.is_empty() {
            return;
        }
        block.has_text = true;
        let choice = block.choice;
        if matches!(block.kind, BlockKind::Thinking) {
            self.part(choice, Written::thought(text).into(), out);
        } else {
            spoken(&mut self.spoken, choice).say(text);
            self.part(choice, Written::text(text).into(), out);
        }
    }

    fn arguments(&mut self, number: u32, json: &str, out: &mut Vec<u8>) {
        self.waiting += json.len();
        if self.waiting > MOST_WAITING {
            let message = "The arguments of a call are longer than the gateway keeps.".to_owned();
            self.fail(&StreamError { status: 502, code: "upstream_too_large".to_owned(), message }, out);
            return;
        }
        if let Some(block) = self.blocks.iter_mut().rev().find(|block| block.number == number) {
            block.arguments.push_str(json);
        }
    }

    fn sign(&mut self, number: u32, mark: &Signature, out: &mut Vec<u8>) {
        let Some(block) = self.blocks.iter_mut().rev().find(|block| block.number == number) else { return };
        let (choice, field) = (block.choice, signature::write(mark));
        if matches!(block.kind, BlockKind::Thinking) {
            let thought = block.has_text || mark.maker != Api::Gemini;
            let part = if thought { Written::thought("") } else { Written::text("") };
            self.part(choice, part.signed(Some(field)).into(), out);
        } else {
            block.mark = Some(field);
        }
    }

    /// A call goes out whole, when it is complete and those that began before it are.
    fn stop(&mut self, number: u32, out: &mut Vec<u8>) {
        let Some(block) = self.blocks.iter_mut().rev().find(|block| block.number == number) else { return };
        block.done = true;
        while let Some(place) = self.next_done() {
            let block = self.blocks.remove(place);
            if let BlockKind::ToolCall { id, name } = &block.kind {
                self.waiting -= block.arguments.len();
                let call = Written::call(id, name, &block.arguments).signed(block.mark);
                self.part(block.choice, call.into(), out);
            }
        }
    }

    /// The first block that is done, unless it is a call and waits for another one.
    fn next_done(&self) -> Option<usize> {
        let mut calling = Vec::new();
        self.blocks.iter().position(|block| {
            let waits = block.is_call() && calling.contains(&block.choice);
            if block.is_call() && !waits {
                calling.push(block.choice);
            }
            block.done && !waits
        })
    }

    fn part(&mut self, choice: u32, part: Out, out: &mut Vec<u8>) {
        spoken(&mut self.spoken, choice).any = true;
        let candidate = self.candidate(choice, &[part]);
        self.chunk(vec![candidate], None, out);
    }

    fn candidate(&self, choice: u32, parts: &[Out]) -> Members {
        let mut candidate = Members::default();
        if !parts.is_empty() {
            candidate.put("content", &content("model", parts));
        }
        candidate.put("index", &choice);
        candidate
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        while let Some(block) = self.blocks.first() {
            self.stop(block.number, out);
        }
        let mut feedback = None;
        let mut candidates = Vec::new();
        for (choice, finish) in std::mem::take(&mut self.finishes) {
            let Spoken { said, citations, extras, any } = std::mem::take(spoken(&mut self.spoken, choice));
            let blocked = extras.is_blocked() && !any;
            feedback = feedback.or(extras.feedback);
            if blocked {
                continue;
            }
            let mut candidate = self.candidate(choice, &[Written::text("").into()]);
            candidate.put("finishReason", &finish::write(&finish));
            let own = extras.candidate.has("groundingMetadata") || extras.candidate.has("citationMetadata");
            candidate.some("groundingMetadata", grounding::write(&citations, &said).filter(|_| !own).as_ref());
            candidate.append(extras.candidate);
            candidates.push(candidate);
        }
        self.chunk(candidates, feedback, out);
        self.close(out);
    }

    fn chunk(&mut self, candidates: Vec<Members>, feedback: Option<Json>, out: &mut Vec<u8>) {
        let mut body = Members::default();
        if !candidates.is_empty() {
            body.put("candidates", &candidates);
        }
        body.some("promptFeedback", feedback.as_ref());
        body.some("usageMetadata", self.usage.as_ref().map(usage::write).as_ref());
        body.put("modelVersion", &self.model);
        body.put("responseId", &self.id);
        self.send(&body, out);
    }

    fn send(&mut self, body: &Members, out: &mut Vec<u8>) {
        out.extend_from_slice(match &mut self.list {
            None => b"data: ",
            Some(false) => b"[",
            Some(true) => b",\r\n",
        });
        self.list = self.list.map(|_| true);
        // Writing into memory does not fail, and neither do plain data.
        let begin = out.len();
        drop(serde_json::to_writer(&mut *out, body));
        if self.list.is_none() {
            one_line(out, begin);
            out.extend_from_slice(b"\r\n\r\n");
        }
    }

    fn fail(&mut self, error: &StreamError, out: &mut Vec<u8>) {
        let mut inner = Members::default();
        inner.put("code", &error.status);
        inner.put("message", &error.message);
        inner.put("status", &status(error.status));
        let mut body = Members::default();
        body.put("error", &inner);
        self.send(&body, out);
        self.close(out);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.list.is_some() {
            out.extend_from_slice(b"]");
        }
        self.over = true;
    }

    /// White space between the members of a list. Between events nothing may stand: Google's SDK for Python takes a comment for
    /// an answer, the one for JavaScript that LangChain uses gives up at an empty line. Gemini itself waits in silence.
    fn keep_alive(&self, out: &mut Vec<u8>) {
        if self.list.is_some() {
            out.push(b'\n');
        }
    }
}

fn spoken(all: &mut Vec<Spoken>, choice: u32) -> &mut Spoken {
    /// Gemini gives at most eight answers, OpenAI 128.
    const MOST: usize = 256;
    let place = usize::try_from(choice).unwrap_or(MOST).min(MOST);
    if all.len() <= place {
        all.resize_with(place + 1, Spoken::default);
    }
    &mut all[place]
}

/// Google's word for an HTTP status.
pub(super) fn status(status: u16) -> &'static str {
    match status {
        400 | 413 | 422 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        408 | 504 => "DEADLINE_EXCEEDED",
        502 | 503 | 529 => "UNAVAILABLE",
        _ => "INTERNAL",
    }
}
