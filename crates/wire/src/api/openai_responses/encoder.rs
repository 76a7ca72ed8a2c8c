//! Writes a caller's stream, and keeps all of it for the last event, which repeats the whole response.

use std::collections::HashSet;

use domain::Usage;
use serde::Serialize;

use super::object::Object;
use super::open::{Kind, Open, Part};
use super::response::{Response, State};
use super::{call, content, echo, secret};
use crate::api::Api;
use crate::chat::{Asked, BlockKind, Citation, Event, Finish, Json, Sequence, Signature, StreamError};

mod tell;

use tell::Teller;

const OWN: Api = Api::OpenaiResponses;

/// Most bytes of an answer that are kept for its last event.
const MOST: usize = if cfg!(test) { 1024 * 1024 } else { 64 * 1024 * 1024 };

/// Most letters of a provider's id, which every event repeats.
const MOST_ID: usize = 128;

/// Writes a caller's stream.
pub(in crate::api) struct Encoder {
    order: Sequence,
    tell: Teller,
    asked: Asked,
    settings: Vec<(&'static str, Json)>,
    service_tier: String,
    custom: HashSet<String>,
    /// The id without its prefix; items are numbered behind it.
    base: String,
    model: String,
    created: i64,
    begun: bool,
    over: bool,
    output: Vec<Json>,
    open: Option<Open>,
    /// The id of the next item, where its maker gave it one that it must keep.
    own_id: Option<String>,
    kept: usize,
    /// Whether the running block belongs to a choice that is not told.
    skips: bool,
    refused: bool,
    /// Whether there are words that do not decline.
    said: bool,
    state: State,
    usage: Option<Usage>,
}

impl Encoder {
    pub(in crate::api) fn new(asked: &Asked) -> Self {
        let tools = Object::parse(&asked.body);
        Self {
            order: Sequence::default(),
            tell: Teller::default(),
            asked: asked.clone(),
            settings: echo::settings(asked),
            service_tier: echo::service_tier(None, asked),
            custom: tools.as_ref().map(|body| call::custom_tools(body.raw("tools"))).unwrap_or_default(),
            base: String::new(),
            model: String::new(),
            created: asked.created,
            begun: false,
            over: false,
            output: Vec::new(),
            open: None,
            own_id: None,
            kept: 0,
            skips: false,
            refused: false,
            said: false,
            state: State::InProgress,
            usage: None,
        }
    }

    /// An encoder that writes no events; for [`Encoder::into_response`].
    pub(super) fn silent(asked: &Asked, service_tier: Option<String>) -> Self {
        let service_tier = echo::service_tier(service_tier, asked);
        Self { tell: Teller::silent(), service_tier, ..Self::new(asked) }
    }

    /// The response before anything is known of it.
    pub(super) fn into_opening(mut self) -> Json {
        self.begin("", String::new(), None, &mut Vec::new());
        self.response()
    }

    /// The whole response as JSON.
    pub(super) fn into_response(self) -> Vec<u8> {
        self.response().as_str().as_bytes().to_vec()
    }

    pub(in crate::api) fn is_over(&self) -> bool {
        self.over
    }

    /// Bytes that are kept for the last event, or wait for their turn.
    pub(in crate::api) fn held(&self) -> usize {
        self.kept + self.order.held()
    }

    pub(in crate::api) fn push(&mut self, event: Event, out: &mut Vec<u8>) {
        let mut events = Vec::new();
        self.order.push(event, &mut events);
        for event in events {
            self.kept += size(&event);
            if self.kept > MOST && !matches!(event, Event::Error(_)) {
                self.event(Event::Error(too_large()), out);
            }
            self.event(event, out);
        }
    }

    fn event(&mut self, event: Event, out: &mut Vec<u8>) {
        match event {
            _ if self.over => {}
            Event::Start { id, model, created } => self.begin(&id, model, created, out),
            Event::KeepAlive => self.tell.keep_alive(out),
            event => {
                self.begin("", String::new(), None, out);
                self.answer(event, out);
            }
        }
    }

    /// An event of the answer that has begun. The API gives one answer only, so other choices are left out.
    fn answer(&mut self, event: Event, out: &mut Vec<u8>) {
        match event {
            Event::BlockStart { choice: 1.., .. } => self.skips = true,
            Event::BlockStop { .. } if self.skips => self.skips = false,
            Event::BlockStart { kind, .. } => self.start(kind, out),
            Event::BlockStop { .. } if !matches!(&self.open, Some(Open { kind: Kind::Message { .. }, .. })) => {
                self.close("completed", out);
            }
            Event::Logprobs { choice: 0, logprobs } => self.logprobs(&logprobs),
            Event::Finish { choice: 0, finish } => self.finish(&finish, out),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Error(error) => self.fail(&error, out),
            Event::End => self.end(out),
            _ if self.skips => {}
            Event::Text { text, .. } => self.words(&text, out),
            Event::Arguments { json, .. } => self.arguments(&json, out),
            Event::Signature { signature, .. } => self.sign(&signature),
            Event::Citation { citation, .. } => self.cite(&citation, out),
            _ => {}
        }
    }

    fn cite(&mut self, citation: &Citation, out: &mut Vec<u8>) {
        let place = self.output.len();
        let Some(Open { id, kind: Kind::Message { done, part } }) = &mut self.open else { return };
        if let Some(annotation) = content::annotation(citation, part.offset) {
            self.tell.annotation((id, place, done.len()), part, annotation, out);
        }
    }

    fn begin(&mut self, id: &str, model: String, created: Option<i64>, out: &mut Vec<u8>) {
        if self.begun {
            return;
        }
        self.begun = true;
        let id = if id.is_empty() || self.asked.own_id { &self.asked.id } else { id };
        let id = ["resp_", "chatcmpl-", "msg_", "gen-"].iter().find_map(|prefix| id.strip_prefix(prefix)).unwrap_or(id);
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
        self.base = id.chars().take(MOST_ID).map(plain).collect();
        self.model = if model.is_empty() { self.asked.model.clone() } else { model };
        self.created = created.unwrap_or(self.asked.created);
        for kind in ["response.created", "response.in_progress"] {
            self.tell_response(kind, out);
        }
    }

    fn response(&self) -> Json {
        Json::of(&Response {
            id: &format!("resp_{}", self.base),
            created: self.created,
            model: &self.model,
            state: &self.state,
            output: &self.output,
            settings: &self.settings,
            service_tier: &self.service_tier,
            usage: self.usage,
        })
    }

    fn tell_response(&mut self, kind: &str, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Holder<'a> {
            response: &'a Json,
        }
        if !self.tell.is_silent() {
            let response = self.response();
            self.tell.send(kind, &Holder { response: &response }, out);
        }
    }

    fn start(&mut self, kind: BlockKind, out: &mut Vec<u8>) {
        match kind {
            BlockKind::Text => self.start_part(false, out),
            BlockKind::Refusal => {
                self.refused = true;
                self.start_part(true, out);
            }
            BlockKind::Thinking => self.open("rs", Kind::Reasoning { text: String::new(), secret: None }, out),
            BlockKind::Redacted { data } => {
                let (own_id, written) = secret::write(&data);
                self.own_id = own_id.map(str::to_owned);
                self.open("rs", Kind::Reasoning { text: String::new(), secret: Some(written) }, out);
            }
            BlockKind::ToolCall { id, name } => {
                let custom = self.custom.contains(&name);
                let prefix = if custom { "ctc" } else { "fc" };
                self.open(prefix, Kind::Call { call: id, name, text: String::new(), custom, mark: None }, out);
            }
            BlockKind::Opaque { api: OWN, value } => {
                self.close("completed", out);
                let place = self.output.len();
                self.tell.item("added", place, &value, out);
                self.tell.item("done", place, &value, out);
                self.output.push(value);
            }
            BlockKind::Opaque { .. } => self.close("completed", out),
        }
    }

    /// Texts that follow each other are one text here, as callers expect; a refusal is a part of its own.
    fn start_part(&mut self, refusal: bool, out: &mut Vec<u8>) {
        if !matches!(&self.open, Some(Open { kind: Kind::Message { .. }, .. })) {
            self.open("msg", Kind::Message { done: Vec::new(), part: Part { refusal, ..Part::default() } }, out);
            return;
        }
        let Some(Open { id, kind: Kind::Message { done, part } }) = &mut self.open else { return };
        if part.refusal == refusal {
            part.offset = part.chars;
            return;
        }
        self.tell.part_done((id, self.output.len(), done.len()), part, out);
        done.push(part.whole());
        *part = Part { refusal, ..Part::default() };
        self.tell.part_added((id, self.output.len(), done.len()), part, out);
    }

    fn open(&mut self, prefix: &str, kind: Kind, out: &mut Vec<u8>) {
        self.close("completed", out);
        let place = self.output.len();
        let id = self.own_id.take().unwrap_or_else(|| format!("{prefix}_{}_{place}", self.base));
        let open = Open { id, kind };
        self.tell.item("added", place, &open.item("in_progress"), out);
        if let Kind::Message { part, .. } = &open.kind {
            self.tell.part_added((&open.id, place, 0), part, out);
        }
        self.open = Some(open);
    }

    fn words(&mut self, more: &str, out: &mut Vec<u8>) {
        let place = self.output.len();
        match &mut self.open {
            _ if more.is_empty() => {}
            Some(Open { id, kind: Kind::Message { done, part } }) => {
                self.said |= !part.refusal;
                part.text.push_str(more);
                part.chars += more.chars().count() as u64;
                self.tell.words((id, place, done.len()), part, more, out);
            }
            Some(Open { id, kind: Kind::Reasoning { text, .. } }) => {
                self.tell.thought((id, place), text.is_empty(), more, out);
                text.push_str(more);
            }
            _ => {}
        }
    }

    fn arguments(&mut self, more: &str, out: &mut Vec<u8>) {
        if let Some(Open { id, kind: Kind::Call { text, custom, .. } }) = &mut self.open {
            text.push_str(more);
            // Free text may have to be unwrapped, so it is told when it is complete.
            if !*custom && !more.is_empty() {
                self.tell.arguments((id, self.output.len()), more, out);
            }
        }
    }

    fn sign(&mut self, signature: &Signature) {
        match &mut self.open {
            // The item's id has been told already, so the maker's own stays with its secret.
            Some(Open { kind: Kind::Reasoning { secret, .. }, .. }) => *secret = Some(signature.write(OWN)),
            Some(Open { kind: Kind::Call { call, mark, .. }, .. }) => {
                *mark = Some(secret::write_of_call(call, signature));
            }
            _ => {}
        }
    }

    fn logprobs(&mut self, logprobs: &Json) {
        let Some(Open { kind: Kind::Message { part, .. }, .. }) = &mut self.open else { return };
        let lists = Object::parse(logprobs.as_str().as_bytes()).unwrap_or_default();
        part.logprobs.extend(lists.list("content").into_iter().map(Json::of));
    }

    /// Ends the item that is being written.
    fn close(&mut self, status: &str, out: &mut Vec<u8>) {
        let Some(mut open) = self.open.take() else { return };
        let place = self.output.len();
        let mut carried = None;
        match &mut open.kind {
            Kind::Message { done, part } => {
                self.tell.part_done((&open.id, place, done.len()), part, out);
                done.push(part.whole());
            }
            Kind::Reasoning { text, .. } => self.tell.thought_done((&open.id, place), text, out),
            Kind::Call { name, text, custom, mark, .. } => {
                if !*custom && text.is_empty() {
                    "{}".clone_into(text);
                    self.tell.arguments((&open.id, place), text, out);
                }
                self.tell.call_done((&open.id, place), name, text, *custom, out);
                carried = mark.take();
            }
        }
        let item = open.item(status);
        self.tell.item("done", place, &item, out);
        self.output.push(item);
        if carried.is_some() {
            self.open("rs", Kind::Reasoning { text: String::new(), secret: carried }, out);
            self.close(status, out);
        }
    }

    fn finish(&mut self, finish: &Finish, out: &mut Vec<u8>) {
        let state = State::of(finish, self.refused && !self.said);
        let status = if state == State::Completed { "completed" } else { "incomplete" };
        self.close(status, out);
        self.state = state;
    }

    fn fail(&mut self, error: &StreamError, out: &mut Vec<u8>) {
        self.close("incomplete", out);
        self.tell.error(error, out);
        self.state = State::of_error(error);
        self.end(out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.close("completed", out);
        if self.state == State::InProgress {
            self.state = State::Completed;
        }
        self.over = true;
        self.tell_response(self.state.event(), out);
    }
}

fn size(event: &Event) -> usize {
    const EACH: usize = 64;
    match event {
        Event::Text { text, .. } => text.len(),
        Event::Arguments { json, .. } => json.len(),
        Event::Logprobs { logprobs, .. } => logprobs.as_str().len(),
        Event::BlockStart { kind: BlockKind::Opaque { value, .. }, .. } => value.as_str().len(),
        Event::BlockStart { .. } | Event::Citation { .. } | Event::Signature { .. } => EACH,
        _ => 0,
    }
}

fn too_large() -> StreamError {
    StreamError {
        status: 502,
        code: "upstream_too_large".to_owned(),
        message: "The provider's answer is longer than the gateway can repeat in its last event.".to_owned(),
    }
}
