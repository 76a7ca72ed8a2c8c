//! Reads a provider's answer: a stream of whole response objects, each with new parts, or a single one.
//!
//! No marker ends the stream. It is complete where every candidate said why it ended, or the prompt was blocked.

mod candidate;

use domain::Usage;

use super::fields::Fields;
use super::{time, usage};
use crate::api::Frames;
use crate::chat::{Event, Finish, Json, StreamError};
use candidate::Candidate;

/// Most candidates of an answer; Gemini gives at most eight.
const MOST: usize = 128;

/// What an answer has at least one of.
const MEMBERS: [&str; 4] = ["candidates", "promptFeedback", "usageMetadata", "responseId"];

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(in crate::api) struct Decoder {
    started: bool,
    /// Whether there was anything that belongs into an answer.
    recognised: bool,
    candidates: Vec<Candidate>,
    shared: Shared,
    usage: Option<Usage>,
    /// The class of service, in Gemini's words.
    pub(super) service_tier: Option<String>,
}

/// What all candidates draw from.
#[derive(Debug, Default)]
struct Shared {
    /// The next block's number.
    block: u32,
    /// The answer's id.
    id: String,
    /// How many calls there were, in order to tell those apart that have no id.
    calls: usize,
}

impl Frames for Decoder {
    fn frame(&mut self, _name: Option<&[u8]>, data: &[u8], out: &mut Vec<Event>) {
        let text = String::from_utf8_lossy(data);
        match Json::parse(text.trim()) {
            Ok(json) => self.document(&json, out),
            Err(_) if text.trim().is_empty() || text.trim() == "[DONE]" => {}
            Err(error) => out.push(Event::Error(StreamError {
                status: 502,
                code: "upstream_invalid_response".to_owned(),
                message: format!("The provider sent what is no JSON: {error}"),
            })),
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        for candidate in &mut self.candidates {
            candidate.end(&mut self.shared, out);
        }
        let complete = !self.candidates.is_empty() && self.candidates.iter().all(Candidate::has_ended);
        if complete {
            self.finishes(out);
        }
        out.extend(self.usage.take().map(Event::Usage));
        if complete {
            out.push(Event::End);
        }
    }
}

impl Decoder {
    /// Reads a response object, or a list of them.
    pub(super) fn document(&mut self, json: &Json, out: &mut Vec<Event>) {
        if json.as_str().starts_with('[') {
            for chunk in json.read::<Vec<Json>>().unwrap_or_default() {
                self.chunk(&chunk, out);
            }
        } else {
            self.chunk(json, out);
        }
    }

    /// Whether what was read is an answer of this API.
    pub(super) fn is_answer(&self) -> bool {
        self.recognised
    }

    /// The end of an answer that is known to be whole, whether it says how it ended or not.
    pub(super) fn finish_whole(&mut self, out: &mut Vec<Event>) {
        if self.candidates.is_empty() {
            self.candidates.push(Candidate::new(0));
        }
        for candidate in &mut self.candidates {
            candidate.end(&mut self.shared, out);
        }
        self.finishes(out);
        out.extend(self.usage.take().map(Event::Usage));
        out.push(Event::End);
    }

    fn finishes(&self, out: &mut Vec<Event>) {
        out.extend(self.candidates.iter().map(|candidate| {
            let finish: Finish = candidate.finish();
            Event::Finish { choice: candidate.index(), finish }
        }));
    }

    fn chunk(&mut self, json: &Json, out: &mut Vec<Event>) {
        let mut fields = Fields::lenient(json);
        if let Some(error) = fields.raw("error") {
            out.push(Event::Error(failure(&error)));
            return;
        }
        self.recognised |= MEMBERS.iter().any(|name| fields.has(name));
        if !self.started {
            self.started = true;
            let id: String = fields.get("responseId").unwrap_or_default();
            let model = fields.get("modelVersion").unwrap_or_default();
            let created = fields.get::<String>("createTime").and_then(|text| time::seconds(&text));
            self.shared.id.clone_from(&id);
            out.push(Event::Start { id, model, created });
        }
        for json in fields.get::<Vec<Json>>("candidates").unwrap_or_default() {
            let mut fields = Fields::lenient(&json);
            let index = fields.get("index").unwrap_or(0);
            if let Some(candidate) = candidate(&mut self.candidates, index) {
                candidate.read(fields, &mut self.shared, out);
            }
        }
        if let Some(feedback) = fields.raw("promptFeedback") {
            self.feedback(&feedback);
        }
        if let Some(metadata) = fields.raw("usageMetadata") {
            self.usage = usage::read(&metadata).or(self.usage);
            self.service_tier = Fields::lenient(&metadata).get("serviceTier").or(self.service_tier.take());
        }
    }

    /// What filters think of the prompt. A blocked one has no candidates.
    fn feedback(&mut self, feedback: &Json) {
        let blocked = Fields::lenient(feedback).has("blockReason");
        if blocked {
            candidate(&mut self.candidates, 0).into_iter().for_each(|candidate| candidate.block());
        }
        self.candidates.iter_mut().take(1).for_each(|candidate| candidate.judge(feedback.clone()));
    }
}

fn candidate(all: &mut Vec<Candidate>, index: u32) -> Option<&mut Candidate> {
    match all.iter().position(|candidate| candidate.index() == index) {
        Some(place) => all.get_mut(place),
        None if all.len() < MOST => {
            all.push(Candidate::new(index));
            all.last_mut()
        }
        None => None,
    }
}

/// `{"code": 503, "message": "…", "status": "UNAVAILABLE"}`.
fn failure(error: &Json) -> StreamError {
    let mut fields = Fields::lenient(error);
    let words = error.read::<String>().ok();
    let code = fields.raw("code").and_then(|code| code.text().parse::<u16>().ok());
    StreamError {
        status: code.filter(|status| (400..600).contains(status)).unwrap_or(502),
        code: fields.get("status").unwrap_or_else(|| "upstream_error".to_owned()),
        message: fields
            .get("message")
            .or(words)
            .unwrap_or_else(|| "The provider failed without saying why.".to_owned()),
    }
}
