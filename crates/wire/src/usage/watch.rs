//! Watches a running stream.

use std::ops::Range;
use std::sync::LazyLock;

use domain::provider::Dialect;
use memchr::memmem::Finder;

use super::invoke::InvokeWatch;
use super::own::OwnWatch;
use super::{Observed, anthropic, gemini, openai};
use crate::scan::{Member, Members};
use crate::sse::{Event, Splitter};

/// Reads usage, model and end out of a stream's bytes, at whatever boundaries they arrive.
#[derive(Debug)]
pub struct StreamWatch(Kind);

#[derive(Debug)]
enum Kind {
    Events(Box<Events>),
    Invoke(InvokeWatch),
    Own(OwnWatch),
}

/// A stream of an API that callers speak.
#[derive(Debug)]
struct Events {
    splitter: Splitter,
    watcher: Watcher,
}

#[derive(Debug)]
struct Watcher {
    dialect: Dialect,
    /// Whether an event was seen, by which a provider shows which API it serves.
    begun: bool,
    observed: Observed,
    anthropic: anthropic::Running,
    /// The last event with usage: of Gemini's each has some, but only the last counts.
    last: Vec<u8>,
}

macro_rules! needle {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new($text));
    };
}
needle!(USAGE, "\"usage\"");
needle!(MODEL, "\"model\"");
needle!(ERROR, "\"error\"");
needle!(FINISH_REASON, "\"finish_reason\"");
needle!(GEMINI_FINISH_REASON, "\"finishReason\"");
needle!(USAGE_METADATA, "\"usageMetadata\"");
needle!(WEB_SEARCH_QUERIES, "\"webSearchQueries\"");
needle!(MESSAGE_STOP, "\"message_stop\"");

/// Whether `json` holds the key with a value that is not `null`. Quotes inside of texts are escaped, so what is found is
/// a key or a whole text; a whole text counts as found too: better one look too many.
pub(super) fn has(json: &[u8], key: &Finder<'_>) -> bool {
    key.find_iter(json).any(|place| {
        let rest = json[place + key.needle().len()..].trim_ascii_start();
        match rest.strip_prefix(b":") {
            Some(value) => !value.trim_ascii_start().starts_with(b"null"),
            None => true,
        }
    })
}

/// Whether the key has a text that is not empty.
fn has_text(json: &[u8], key: &Finder<'_>) -> bool {
    key.find_iter(json).any(|place| {
        let rest = json[place + key.needle().len()..].trim_ascii_start();
        let value = rest.strip_prefix(b":").unwrap_or_default().trim_ascii_start();
        value.starts_with(b"\"") && !value.starts_with(b"\"\"")
    })
}

pub(super) fn has_usage(json: &[u8]) -> bool {
    has(json, &USAGE)
}

impl StreamWatch {
    /// A watch over a stream in the shape of `dialect`. A provider that serves another API is recognised by its first
    /// event.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        let watcher = Watcher {
            dialect,
            begun: false,
            observed: Observed::default(),
            anthropic: anthropic::Running::default(),
            last: Vec::new(),
        };
        Self(Kind::Events(Box::new(Events { splitter: Splitter::new(), watcher })))
    }

    pub(super) fn invoke(watch: InvokeWatch) -> Self {
        Self(Kind::Invoke(watch))
    }

    pub(super) fn own(watch: OwnWatch) -> Self {
        Self(Kind::Own(watch))
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Kind::Events(events) => {
                let Events { splitter, watcher } = &mut **events;
                // An event too long to look at is no reason to stop: usage comes in a small one.
                let _ = splitter.push(bytes, |event| watcher.take(&event));
            }
            Kind::Invoke(watch) => watch.push(bytes),
            Kind::Own(watch) => watch.push(bytes),
        }
    }

    /// What is known so far of the end of the stream; usage may still be missing.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.so_far().finished
    }

    /// Whether the stream's last event has come, however it was cut into pieces. A stream of Gemini's has none.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.so_far().ended
    }

    fn so_far(&self) -> &Observed {
        match &self.0 {
            Kind::Events(events) => &events.watcher.observed,
            Kind::Invoke(watch) => watch.observed(),
            Kind::Own(watch) => watch.observed(),
        }
    }

    /// What the stream said, at its end or where it broke off.
    #[must_use]
    pub fn finish(self) -> Observed {
        match self.0 {
            Kind::Events(events) => {
                let Events { mut splitter, mut watcher } = *events;
                splitter.finish(|event| watcher.take(&event));
                watcher.finish()
            }
            Kind::Invoke(watch) => watch.finish(),
            Kind::Own(watch) => watch.finish(),
        }
    }
}

impl Watcher {
    fn take(&mut self, event: &Event<'_>) {
        if !self.begun {
            self.begun = true;
            self.dialect = recognise(event).unwrap_or(self.dialect);
        }
        if event.event == Some(b"error") {
            self.observed.error = true;
        }
        match self.dialect {
            Dialect::Openai => self.take_openai(event),
            Dialect::Anthropic => self.take_anthropic(event),
            Dialect::Gemini => self.take_gemini(event.data),
        }
    }

    fn take_openai(&mut self, event: &Event<'_>) {
        let data = event.data;
        if data.trim_ascii() == b"[DONE]" {
            self.observed.finished = true;
            self.observed.ended = true;
            return;
        }
        let observed = &mut self.observed;
        // A tool's words may have such a key too, but not where the answer has its choices.
        observed.finished = observed.finished || (has_text(data, &FINISH_REASON) && has_choices(data));
        let names_model = observed.model.is_none() && MODEL.find(data).is_some();
        // Not everybody who copies the API counts, so the last event may lack figures.
        let is_last = event.event.is_some_and(openai::is_last);
        if names_model || is_last || has_usage(data) || has(data, &ERROR) {
            openai::take(data, observed);
        }
    }

    fn take_anthropic(&mut self, event: &Event<'_>) {
        match event.event {
            Some(b"content_block_delta") => return self.anthropic.piece(event.data),
            Some(b"ping") => return,
            _ => {}
        }
        let data = event.data;
        if has_usage(data) || has(data, &ERROR) || MESSAGE_STOP.find(data).is_some() {
            anthropic::take(data, &mut self.anthropic, &mut self.observed);
            self.observed.ended = self.observed.finished;
        }
    }

    fn take_gemini(&mut self, data: &[u8]) {
        let must_be_read = self.observed.model.is_none() || has(data, &ERROR) || has(data, &WEB_SEARCH_QUERIES);
        if must_be_read {
            self.take_last();
            gemini::take(data, &mut self.observed);
        } else if USAGE_METADATA.find(data).is_some() {
            self.last.clear();
            self.last.extend_from_slice(data);
        }
        if !self.observed.finished && has_text(data, &GEMINI_FINISH_REASON) {
            // The arguments of a call may have such a key too.
            gemini::take(data, &mut self.observed);
        }
    }

    fn take_last(&mut self) {
        if !self.last.is_empty() {
            gemini::take(&self.last, &mut self.observed);
            self.last.clear();
        }
    }

    fn finish(mut self) -> Observed {
        if self.dialect == Dialect::Gemini {
            self.take_last();
        }
        if self.dialect == Dialect::Anthropic {
            self.anthropic.estimate(&mut self.observed);
        }
        self.observed.ended |= self.dialect == Dialect::Gemini && self.observed.finished;
        self.observed
    }
}

fn has_choices(data: &[u8]) -> bool {
    Members::of(data).any(|member| member.is(data, "choices"))
}

/// The family that an event belongs to, by the members of the event itself: deeper down are the caller's own words, such
/// as a tool's property that is called `candidates`. None where they do not tell.
fn recognise(event: &Event<'_>) -> Option<Dialect> {
    if event.event == Some(b"message_start") {
        return Some(Dialect::Anthropic);
    }
    let text = |range: Range<usize>| event.data.get(range).unwrap_or_default();
    Members::of(event.data).find_map(|Member { key, value }| match (text(key), text(value)) {
        (b"\"type\"", b"\"message_start\"") => Some(Dialect::Anthropic),
        (b"\"type\"", kind) if kind.starts_with(b"\"response.") => Some(Dialect::Openai),
        (b"\"choices\"", _) => Some(Dialect::Openai),
        (b"\"candidates\"" | b"\"usageMetadata\"", _) => Some(Dialect::Gemini),
        _ => None,
    })
}
