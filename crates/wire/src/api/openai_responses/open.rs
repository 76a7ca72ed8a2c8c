//! An item of the output while it is being written, and the events that tell of it.

use serde::Serialize;

use crate::chat::Json;

/// An item that is being written.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: String,
    pub(super) kind: Kind,
}

/// What it is.
#[derive(Debug)]
pub(super) enum Kind {
    /// Words to the caller: the parts that are done, and the one that is being written.
    Message { done: Vec<Json>, part: Part },
    /// Reasoning.
    Reasoning { text: String, secret: Option<String> },
    /// A call with JSON arguments, or of a tool that takes free text.
    Call { call: String, name: String, text: String, custom: bool, mark: Option<String> },
}

/// A part of a message.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) refusal: bool,
    pub(super) text: String,
    /// Characters of the text.
    pub(super) chars: u64,
    /// Those before the block that is being written.
    pub(super) offset: u64,
    pub(super) annotations: Vec<Json>,
    pub(super) logprobs: Vec<Json>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece<'a> {
    OutputText { annotations: &'a [Json], logprobs: &'a [Json], text: &'a str },
    Refusal { refusal: &'a str },
}

impl Part {
    /// The part as it is at its end.
    pub(super) fn whole(&self) -> Json {
        Json::of(&if self.refusal {
            Piece::Refusal { refusal: &self.text }
        } else {
            Piece::OutputText { annotations: &self.annotations, logprobs: &self.logprobs, text: &self.text }
        })
    }

    /// The part as it is at its start.
    pub(super) fn empty(&self) -> Json {
        Self { refusal: self.refusal, ..Self::default() }.whole()
    }

    /// What its events are called.
    pub(super) fn event(&self, step: &str) -> String {
        format!("response.{}.{step}", if self.refusal { "refusal" } else { "output_text" })
    }
}

/// A text of a summary.
#[derive(Serialize)]
#[serde(tag = "type", rename = "summary_text")]
pub(super) struct Summary<'a> {
    pub(super) text: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item<'a> {
    Message {
        id: &'a str,
        status: &'a str,
        role: &'static str,
        content: &'a [Json],
    },
    Reasoning {
        id: &'a str,
        summary: Vec<Summary<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<&'a str>,
    },
    FunctionCall {
        id: &'a str,
        status: &'a str,
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    CustomToolCall {
        id: &'a str,
        status: &'a str,
        call_id: &'a str,
        name: &'a str,
        input: &'a str,
    },
}

impl Open {
    /// The item with what is done of it.
    pub(super) fn item(&self, status: &str) -> Json {
        let id = self.id.as_str();
        Json::of(&match &self.kind {
            Kind::Message { done, .. } => Item::Message { id, status, role: "assistant", content: done },
            Kind::Reasoning { text, secret } => {
                let summary = Some(Summary { text }).filter(|summary| !summary.text.is_empty());
                let summary = summary.into_iter().collect();
                Item::Reasoning { id, summary, encrypted_content: secret.as_deref() }
            }
            Kind::Call { call, name, text, custom: false, .. } => {
                Item::FunctionCall { id, status, call_id: call, name, arguments: text }
            }
            Kind::Call { call, name, text, custom: true, .. } => {
                Item::CustomToolCall { id, status, call_id: call, name, input: text }
            }
        })
    }
}

/// What an event says of a place in the output.
#[derive(Default, Serialize)]
pub(super) struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<&'a [Json]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<&'a Json>,
}
