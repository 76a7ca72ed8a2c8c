//! The events of a stream, one function for each step.

use serde::Serialize;

use crate::api::openai_responses::open::{Part, Summary, Told};
use crate::chat::{Json, StreamError};
use crate::sse::one_line;

/// A part of an item: the item's id, its place in the output and the part's place in the item.
type PartAt<'a> = (&'a String, usize, usize);
/// An item: its id and its place in the output.
type ItemAt<'a> = (&'a String, usize);

/// Writes events and numbers them.
#[derive(Default)]
pub(super) struct Teller {
    sequence_number: u64,
    silent: bool,
}

#[derive(Serialize)]
struct Frame<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    sequence_number: u64,
    #[serde(flatten)]
    rest: &'a T,
}

/// An error as OpenAI documents it, and beside it as OpenAI sends it: SDKs look for one or the other.
#[derive(Serialize)]
struct Failure<'a> {
    code: &'a str,
    message: &'a str,
    param: Option<&'a str>,
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    code: &'a str,
    message: &'a str,
    param: Option<&'a str>,
}

impl Teller {
    pub(super) fn silent() -> Self {
        Self { silent: true, ..Self::default() }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }

    pub(super) fn send(&mut self, kind: &str, rest: &impl Serialize, out: &mut Vec<u8>) {
        if self.silent {
            return;
        }
        let frame = Json::of(&Frame { kind, sequence_number: self.sequence_number, rest });
        self.sequence_number += 1;
        for piece in ["event: ", kind, "\ndata: "] {
            out.extend_from_slice(piece.as_bytes());
        }
        let begin = out.len();
        out.extend_from_slice(frame.as_str().as_bytes());
        one_line(out, begin);
        out.extend_from_slice(b"\n\n");
    }

    pub(super) fn keep_alive(&self, out: &mut Vec<u8>) {
        if !self.silent {
            out.extend_from_slice(b": keep-alive\n\n");
        }
    }

    pub(super) fn item(&mut self, step: &str, place: usize, item: &Json, out: &mut Vec<u8>) {
        let told = Told { output_index: Some(place), item: Some(item), ..Told::default() };
        self.send(&format!("response.output_item.{step}"), &told, out);
    }

    pub(super) fn part_added(&mut self, at: PartAt<'_>, part: &Part, out: &mut Vec<u8>) {
        self.send("response.content_part.added", &Told { part: Some(part.empty()), ..at_part(at) }, out);
    }

    pub(super) fn words(&mut self, at: PartAt<'_>, part: &Part, delta: &str, out: &mut Vec<u8>) {
        let logprobs = (!part.refusal).then_some([].as_slice());
        self.send(&part.event("delta"), &Told { delta: Some(delta), logprobs, ..at_part(at) }, out);
    }

    pub(super) fn annotation(&mut self, at: PartAt<'_>, part: &mut Part, annotation: Json, out: &mut Vec<u8>) {
        let told =
            Told { annotation_index: Some(part.annotations.len()), annotation: Some(&annotation), ..at_part(at) };
        self.send("response.output_text.annotation.added", &told, out);
        part.annotations.push(annotation);
    }

    pub(super) fn part_done(&mut self, at: PartAt<'_>, part: &Part, out: &mut Vec<u8>) {
        let told = if part.refusal {
            Told { refusal: Some(&part.text), ..at_part(at) }
        } else {
            Told { text: Some(&part.text), logprobs: Some(&part.logprobs), ..at_part(at) }
        };
        self.send(&part.event("done"), &told, out);
        self.send("response.content_part.done", &Told { part: Some(part.whole()), ..at_part(at) }, out);
    }

    pub(super) fn thought(&mut self, at: ItemAt<'_>, first: bool, delta: &str, out: &mut Vec<u8>) {
        let told = || Told { summary_index: Some(0), ..at_item(at) };
        if first {
            let part = Some(Json::of(&Summary { text: "" }));
            self.send("response.reasoning_summary_part.added", &Told { part, ..told() }, out);
        }
        self.send("response.reasoning_summary_text.delta", &Told { delta: Some(delta), ..told() }, out);
    }

    pub(super) fn thought_done(&mut self, at: ItemAt<'_>, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        let told = || Told { summary_index: Some(0), ..at_item(at) };
        self.send("response.reasoning_summary_text.done", &Told { text: Some(text), ..told() }, out);
        let part = Some(Json::of(&Summary { text }));
        self.send("response.reasoning_summary_part.done", &Told { part, ..told() }, out);
    }

    pub(super) fn arguments(&mut self, at: ItemAt<'_>, delta: &str, out: &mut Vec<u8>) {
        self.send("response.function_call_arguments.delta", &Told { delta: Some(delta), ..at_item(at) }, out);
    }

    pub(super) fn call_done(&mut self, at: ItemAt<'_>, name: &str, text: &str, custom: bool, out: &mut Vec<u8>) {
        if custom {
            let kind = "response.custom_tool_call_input";
            self.send(&format!("{kind}.delta"), &Told { delta: Some(text), ..at_item(at) }, out);
            self.send(&format!("{kind}.done"), &Told { input: Some(text), ..at_item(at) }, out);
        } else {
            let told = Told { name: Some(name), arguments: Some(text), ..at_item(at) };
            self.send("response.function_call_arguments.done", &told, out);
        }
    }

    pub(super) fn error(&mut self, error: &StreamError, out: &mut Vec<u8>) {
        let StreamError { code, message, .. } = error;
        let inner = Inner { kind: code, code, message, param: None };
        self.send("error", &Failure { code, message, param: None, error: inner }, out);
    }
}

fn at_item<'a>((id, place): ItemAt<'a>) -> Told<'a> {
    Told { item_id: Some(id), output_index: Some(place), ..Told::default() }
}

fn at_part<'a>((id, place, part): PartAt<'a>) -> Told<'a> {
    Told { content_index: Some(part), ..at_item((id, place)) }
}
