//! Reads a provider's stream. A whole answer is read as a stream of one chunk, so both obey the same rules.
//!
//! Reasons to finish are held until the stream ends: some servers give one and go on, others give it twice.

use super::calls::{Calls, Place};
use super::parts::{google_signature, thinking_words};
use super::reasoning::Detail;
use super::shape::{Annotation, Choice, Chunk, ContentPart, Message};
use super::words::Half;
use super::{LEFTOVERS, error};
use crate::api::{Api, Frames};
use crate::chat::{BlockKind, Citation, Event, Finish, Json, StreamError};

/// Most choices of an answer; more are not looked at.
const MOST_CHOICES: usize = 128;

/// Reads a stream, from its start.
#[derive(Debug, Default)]
pub(in crate::api) struct Decoder {
    id: String,
    model: String,
    created: Option<i64>,
    started: bool,
    next_block: u32,
    choices: Vec<Progress>,
    usage: Option<domain::Usage>,
    /// Sources that stand beside the answer, not in it.
    sources: Vec<Citation>,
}

/// How far a choice has come.
#[derive(Debug, Default)]
struct Progress {
    index: u32,
    open: Option<Open>,
    calls: Calls,
    refused: bool,
    /// Whether it has words that do not decline.
    said: bool,
    finish: Option<String>,
    stop_text: Option<String>,
    half: Half,
}

#[derive(Debug)]
struct Open {
    block: u32,
    kind: Kind,
}

#[derive(Debug, PartialEq)]
enum Kind {
    Text,
    Refusal,
    /// With what was said of it in `reasoning_details`.
    Thinking(Option<Detail>),
}

impl Frames for Decoder {
    fn frame(&mut self, name: Option<&[u8]>, data: &[u8], out: &mut Vec<Event>) {
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            self.end_whole(out);
        } else if name == Some(b"error") {
            self.fail(error::read(data).unwrap_or_else(StreamError::truncated), out);
        } else if let Ok(chunk) = serde_json::from_slice::<Chunk>(data) {
            self.chunk(chunk, data, out);
        } else if let Some(error) = error::read(data) {
            self.fail(error, out);
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        if self.choices.iter().any(|choice| choice.finish.is_some()) {
            self.end(out);
        } else {
            self.fail(StreamError::truncated(), out);
        }
    }
}

impl Decoder {
    pub(super) fn chunk(&mut self, chunk: Chunk, data: &[u8], out: &mut Vec<Event>) {
        for (kept, said) in [(&mut self.id, chunk.id), (&mut self.model, chunk.model)] {
            if kept.is_empty() {
                *kept = said.unwrap_or_default();
            }
        }
        self.created = self.created.or(chunk.created.map(|seconds| seconds as i64).filter(|seconds| *seconds > 0));
        if chunk.usage.is_some() || chunk.x_groq.is_some() {
            self.usage = crate::usage::of_openai(data).or(self.usage);
        }
        let no_choices = chunk.choices.is_none();
        if let Some(error) = (chunk.error.is_some() || no_choices).then_some(data).and_then(error::read) {
            return self.fail(error, out);
        }
        self.take_sources(chunk.search_results.unwrap_or_default(), chunk.citations.unwrap_or_default());
        for (position, choice) in chunk.choices.unwrap_or_default().into_iter().enumerate() {
            self.start(out);
            self.choice(choice, position, out);
        }
    }

    fn start(&mut self, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            out.push(Event::Start { id: self.id.clone(), model: self.model.clone(), created: self.created });
        }
    }

    fn take_sources(&mut self, results: Vec<super::shape::Source>, urls: Vec<String>) {
        let citation = |url: Option<String>, title| Citation { url, title, ..Citation::default() };
        if !results.is_empty() {
            self.sources = results.into_iter().map(|source| citation(source.url, source.title)).collect();
        } else if self.sources.is_empty() {
            self.sources = urls.into_iter().map(|url| citation(Some(url), None)).collect();
        }
    }

    fn choice(&mut self, choice: Choice, position: usize, out: &mut Vec<Event>) {
        let index = choice.index.unwrap_or(position as u32);
        let Some(at) = self.progress(index) else { return };
        let whole = choice.message.filter(|_| choice.delta.is_none()).map(numbered);
        let text = choice.text.filter(|_| choice.delta.is_none() && whole.is_none());
        if let Some(message) = choice.delta.or(whole) {
            self.message(at, message, out);
        }
        self.words(at, Kind::Text, text.as_deref().unwrap_or_default(), out);
        if let Some(logprobs) = choice.logprobs.filter(Json::is_object) {
            out.push(Event::Logprobs { choice: index, logprobs });
        }
        let progress = &mut self.choices[at];
        progress.stop_text = choice.stop_reason.or(progress.stop_text.take());
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty() || progress.finish.is_none()) {
            progress.finish = Some(reason);
        }
    }

    fn progress(&mut self, index: u32) -> Option<usize> {
        let known = self.choices.iter().position(|choice| choice.index == index);
        if known.is_none() && self.choices.len() < MOST_CHOICES {
            self.choices.push(Progress { index, ..Progress::default() });
            return Some(self.choices.len() - 1);
        }
        known
    }

    fn message(&mut self, at: usize, message: Message, out: &mut Vec<Event>) {
        self.reasoning(at, &message, out);
        if let Some(content) = &message.content {
            self.content(at, content, out);
        }
        self.words(at, Kind::Refusal, message.refusal.as_deref().unwrap_or_default(), out);
        self.annotations(at, message.annotations.unwrap_or_default(), out);
        for (field, value) in [("audio", message.audio), ("images", message.images)] {
            if let Some(value) = value.filter(|value| value.as_str().len() > 2) {
                self.leftover(at, field, &value, out);
            }
        }
        let calls = message.tool_calls.unwrap_or_default();
        for (position, call) in calls.into_iter().enumerate() {
            self.call(at, call, position, out);
        }
        if let Some(function) = message.function_call {
            let says = function.name.as_deref().is_some_and(|name| !name.is_empty());
            if says || !self.choices[at].calls.is_empty() {
                let call = super::shape::Call { function: Some(function), index: Some(0), ..Default::default() };
                self.call(at, call, 0, out);
            }
        }
    }

    fn call(&mut self, at: usize, call: super::shape::Call, position: usize, out: &mut Vec<Event>) {
        self.close(at, out);
        let progress = &mut self.choices[at];
        let mut place = Place { choice: progress.index, next_block: &mut self.next_block, answer: &self.id };
        progress.calls.push(call, position, &mut place, out);
    }

    /// `reasoning_details` says more than the plain words beside it, unless all it has is encrypted.
    fn reasoning(&mut self, at: usize, message: &Message, out: &mut Vec<Event>) {
        let details = message.reasoning_details.as_deref().unwrap_or_default();
        let plain = [&message.reasoning_content, &message.reasoning].into_iter().flatten();
        let plain = plain.map(String::as_str).find(|words| !words.is_empty()).unwrap_or_default();
        if details.iter().all(|detail| detail.words().is_empty()) {
            self.words(at, Kind::Thinking(None), plain, out);
        }
        for detail in details {
            self.detail(at, detail, out);
        }
        if let Some(signature) = message.extra_content.as_ref().and_then(google_signature) {
            let block = self.open(at, Kind::Thinking(None), out);
            out.push(Event::Signature { block, signature });
            self.close(at, out);
        }
    }

    fn detail(&mut self, at: usize, detail: &Detail, out: &mut Vec<Event>) {
        if let Some(data) = detail.mark().filter(|_| detail.is_encrypted()) {
            self.close(at, out);
            let block = self.block(at, BlockKind::Redacted { data }, out);
            return out.push(Event::BlockStop { block });
        }
        let bare = detail.bare();
        let block = match self.choices[at].open.as_mut() {
            // Behind plain words, a block tells what belongs to them, and may repeat them.
            Some(Open { kind: Kind::Thinking(said @ None), .. }) => {
                *said = Some(bare);
                return self.close(at, out);
            }
            Some(Open { kind: Kind::Thinking(Some(said)), block }) if said.goes_on_with(&bare) => {
                said.absorb(bare);
                *block
            }
            _ => {
                self.close(at, out);
                self.open(at, Kind::Thinking(Some(bare)), out)
            }
        };
        if !detail.words().is_empty() {
            out.push(Event::Text { block, text: detail.words().to_owned() });
        }
    }

    fn content(&mut self, at: usize, content: &Json, out: &mut Vec<Event>) {
        if let Some(text) = self.choices[at].half.read(content) {
            return self.words(at, Kind::Text, &text, out);
        }
        // One part, or a list of parts or of words.
        let parts = content.read::<Vec<Json>>().unwrap_or_else(|_| vec![content.clone()]);
        for part in parts {
            if let Ok(words) = part.read::<String>() {
                self.words(at, Kind::Text, &words, out);
                continue;
            }
            let Ok(part) = part.read::<ContentPart>() else { continue };
            if let Some(thinking) = &part.thinking {
                self.words(at, Kind::Thinking(None), &thinking_words(thinking), out);
            } else if let Some(refusal) = &part.refusal {
                self.words(at, Kind::Refusal, refusal, out);
            } else if part.kind.as_deref().is_none_or(|kind| kind.ends_with("text")) {
                self.words(at, Kind::Text, part.text.as_deref().unwrap_or_default(), out);
            }
        }
    }

    fn words(&mut self, at: usize, kind: Kind, text: &str, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        self.choices[at].refused |= kind == Kind::Refusal;
        self.choices[at].said |= kind == Kind::Text;
        let block = self.open(at, kind, out);
        out.push(Event::Text { block, text: text.to_owned() });
    }

    fn annotations(&mut self, at: usize, annotations: Vec<Annotation>, out: &mut Vec<Event>) {
        let Some(Open { block, kind: Kind::Text }) = self.choices[at].open else { return };
        for found in annotations.into_iter().filter_map(|annotation| annotation.url_citation) {
            let span = found.start_index.zip(found.end_index).filter(|(start, end)| start < end);
            let citation = Citation { url: found.url, title: found.title, quote: found.content, span, original: None };
            out.push(Event::Citation { block, citation });
        }
    }

    fn leftover(&mut self, at: usize, field: &str, value: &Json, out: &mut Vec<Event>) {
        self.close(at, out);
        let value = Json::of(&serde_json::json!({ LEFTOVERS: { field: value } }));
        let block = self.block(at, BlockKind::Opaque { api: Api::OpenaiChat, value }, out);
        out.push(Event::BlockStop { block });
    }

    /// The open block of a kind, begun where another is open. Plain words do not go on with what `reasoning_details` began: they
    /// come before the entry that is theirs.
    fn open(&mut self, at: usize, kind: Kind, out: &mut Vec<Event>) -> u32 {
        if let Some(open) = &self.choices[at].open
            && std::mem::discriminant(&open.kind) == std::mem::discriminant(&kind)
            && !matches!((&open.kind, &kind), (Kind::Thinking(a), Kind::Thinking(b)) if a.is_some() || b.is_some())
        {
            return open.block;
        }
        self.close(at, out);
        self.choices[at].calls.stop_complete(out);
        let name = match &kind {
            Kind::Text => BlockKind::Text,
            Kind::Refusal => BlockKind::Refusal,
            Kind::Thinking(_) => BlockKind::Thinking,
        };
        let block = self.block(at, name, out);
        self.choices[at].open = Some(Open { block, kind });
        block
    }

    fn block(&mut self, at: usize, kind: BlockKind, out: &mut Vec<Event>) -> u32 {
        let block = self.next_block;
        self.next_block += 1;
        out.push(Event::BlockStart { block, choice: self.choices[at].index, kind });
        block
    }

    fn close(&mut self, at: usize, out: &mut Vec<Event>) {
        let Some(Open { block, kind }) = self.choices[at].open.take() else { return };
        if let Kind::Thinking(Some(said)) = &kind {
            out.extend(said.mark().map(|signature| Event::Signature { block, signature }));
        }
        out.push(Event::BlockStop { block });
    }

    /// The provider said that all was said. Where that is nothing, it is the answer.
    pub(super) fn end_whole(&mut self, out: &mut Vec<Event>) {
        if self.choices.is_empty() {
            self.progress(0);
        }
        self.end(out);
    }

    /// All was said.
    fn end(&mut self, out: &mut Vec<Event>) {
        self.start(out);
        self.choices.sort_by_key(|choice| choice.index);
        for at in 0..self.choices.len() {
            if let Some(Open { block, kind: Kind::Text }) = self.choices[at].open {
                let sources = self.sources.drain(..);
                out.extend(sources.map(|citation| Event::Citation { block, citation }));
            }
            self.close(at, out);
            let progress = &mut self.choices[at];
            let mut place = Place { choice: progress.index, next_block: &mut self.next_block, answer: &self.id };
            progress.calls.stop(&mut place, out);
        }
        out.extend(self.choices.iter().map(|choice| Event::Finish { choice: choice.index, finish: choice.why() }));
        out.extend(self.usage.map(Event::Usage));
        out.push(Event::End);
    }

    fn fail(&mut self, error: StreamError, out: &mut Vec<Event>) {
        out.extend(self.usage.map(Event::Usage));
        out.push(Event::Error(error));
    }
}

/// In a whole message every entry is a call of its own, be it with the id of another.
fn numbered(mut message: Message) -> Message {
    for (place, call) in message.tool_calls.iter_mut().flatten().enumerate() {
        call.index.get_or_insert(place as u64);
    }
    message
}

impl Progress {
    /// Why the choice ended. Many say `stop` whatever the reason, so its content has the first word.
    fn why(&self) -> Finish {
        let word = self.finish.as_deref().unwrap_or_default();
        match word {
            "length" | "max_tokens" => Finish::Length,
            "model_length" => Finish::ContextFull,
            "content_filter" => Finish::ContentFilter,
            "error" => Finish::Failed(word.to_owned()),
            _ if !self.calls.is_empty() => Finish::ToolCalls,
            _ if self.refused && !self.said => Finish::Refusal,
            "" | "stop" | "eos" | "eos_token" | "end_turn" | "tool_calls" | "function_call" => {
                self.stop_text.clone().map_or(Finish::Stop, Finish::StopSequence)
            }
            "stop_sequence" => self.stop_text.clone().map_or(Finish::Stop, Finish::StopSequence),
            other => Finish::Other(other.to_owned()),
        }
    }
}
