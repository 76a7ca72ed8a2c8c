//! Writes messages as the items of a conversation.

use std::collections::HashSet;

use serde::Serialize;

use super::content::{self, Piece};
use super::{call, secret};
use crate::api::{Api, Target};
use crate::chat::{Content, Json, Losses, Message, Names, Part, Request, Role, ToolKind};

/// Most bytes of a tool's name.
const MOST_NAME: usize = 64;

/// The name to send for a tool.
pub(super) fn tool_name(names: &mut Names, name: &str) -> String {
    names.send(name, MOST_NAME, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).into_owned()
}

/// An item as it is written.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item<'a> {
    Message {
        role: &'static str,
        content: Words<'a>,
    },
    Reasoning {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        summary: Vec<Summary<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Thought<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<String>,
    },
    FunctionCall {
        call_id: &'a str,
        name: String,
        arguments: &'a str,
    },
    CustomToolCall {
        call_id: &'a str,
        name: String,
        input: &'a str,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: Words<'a>,
    },
    CustomToolCallOutput {
        call_id: &'a str,
        output: Words<'a>,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Words<'a> {
    Text(String),
    Parts(Vec<Piece<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "summary_text")]
struct Summary<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "reasoning_text")]
struct Thought<'a> {
    text: &'a str,
}

/// Writes items one behind the other.
pub(super) struct Writer<'w> {
    items: Vec<Json>,
    custom: HashSet<&'w str>,
    custom_calls: HashSet<String>,
    /// Whether reasoning without a mark is taken.
    open_reasoning: bool,
    no_developer: bool,
    breakpoints: bool,
    losses: &'w mut Losses,
    names: &'w mut Names,
}

impl<'w> Writer<'w> {
    pub(super) fn new(request: &'w Request, target: Target<'_>, losses: &'w mut Losses, names: &'w mut Names) -> Self {
        let custom = request.tools.iter().filter(|tool| matches!(tool.kind, ToolKind::Custom { .. }));
        Self {
            items: Vec::new(),
            custom: custom.map(|tool| tool.name.as_str()).collect(),
            custom_calls: HashSet::new(),
            open_reasoning: target.quirks.reasoning_field.is_some(),
            no_developer: target.quirks.no_developer,
            breakpoints: request.extra.iter().any(|(name, _)| name == "prompt_cache_options"),
            losses,
            names,
        }
    }

    pub(super) fn into_items(self) -> Vec<Json> {
        self.items
    }

    /// Writes the message with the number `i`.
    pub(super) fn message(&mut self, i: usize, message: &Message) {
        if message.role == Role::Assistant {
            self.said(i, &message.parts);
        } else {
            let role = match message.role {
                Role::System => "system",
                Role::Developer if self.no_developer => "system",
                Role::Developer => "developer",
                Role::User | Role::Assistant => "user",
            };
            self.heard(i, role, &message.parts);
        }
    }

    fn heard(&mut self, i: usize, role: &'static str, parts: &[Part]) {
        let mut pieces = Vec::new();
        for (j, part) in parts.iter().enumerate() {
            match &part.content {
                Content::ToolResult { call_id, content, is_error, .. } => {
                    self.words(role, &mut pieces);
                    self.result(call_id, content, *is_error);
                }
                Content::Opaque { api: Api::OpenaiResponses, value } => {
                    self.words(role, &mut pieces);
                    self.items.push(value.clone());
                }
                Content::Opaque { .. } | Content::Thinking { .. } | Content::Redacted { .. } => {}
                Content::Text { text, .. } if text.is_empty() && parts.len() > 1 => {}
                _ => match content::write(part, self.breakpoints) {
                    Some(piece) => pieces.push(piece),
                    None => self.lost(i, j),
                },
            }
        }
        self.words(role, &mut pieces);
    }

    fn lost(&mut self, i: usize, j: usize) {
        let field = format!("messages[{i}].content[{j}]");
        self.losses.grave(field, "OpenAI's Responses API does not take this kind of content here");
    }

    /// The words gathered so far, as a message.
    fn words(&mut self, role: &'static str, pieces: &mut Vec<Piece<'_>>) {
        if !pieces.is_empty() {
            let content = words(std::mem::take(pieces));
            self.items.push(Json::of(&Item::Message { role, content }));
        }
    }

    fn result(&mut self, call_id: &str, content: &[Part], is_error: bool) {
        let pieces = content.iter().filter_map(|part| content::write(part, false)).collect();
        let mut output = words(pieces);
        if is_error {
            match &mut output {
                Words::Text(text) => text.insert_str(0, "Error: "),
                Words::Parts(pieces) => {
                    pieces.insert(0, Piece::InputText { text: "Error:", prompt_cache_breakpoint: None });
                }
            }
        }
        let call = call::id(call_id);
        self.items.push(if self.custom_calls.contains(call_id) {
            Json::of(&Item::CustomToolCallOutput { call_id: &call, output })
        } else {
            Json::of(&Item::FunctionCallOutput { call_id: &call, output })
        });
    }

    fn said(&mut self, i: usize, parts: &[Part]) {
        let mut pieces = Vec::new();
        // Reasoning without something that follows it is refused.
        let mut thoughts = Vec::new();
        for (j, part) in parts.iter().enumerate() {
            let is_words = matches!(part.content, Content::Text { .. } | Content::Refusal { .. });
            if !is_words {
                self.words("assistant", &mut pieces);
            }
            match &part.content {
                Content::Thinking { .. } | Content::Redacted { .. } => thoughts.extend(self.reasoning(&part.content)),
                Content::Text { text, .. } if text.is_empty() => {}
                Content::Text { .. } | Content::Refusal { .. } => {
                    self.items.append(&mut thoughts);
                    pieces.extend(content::write_said(part));
                }
                Content::ToolCall { id, name, arguments, .. } => {
                    self.items.append(&mut thoughts);
                    self.call(id, name, arguments);
                }
                Content::Opaque { api: Api::OpenaiResponses, value } => {
                    self.items.append(&mut thoughts);
                    self.items.push(value.clone());
                }
                Content::Opaque { .. } => {}
                // The model's own pictures are taken from the user only.
                Content::Image { .. } | Content::Document { .. } => {
                    let mut shown: Vec<Piece<'_>> = content::write(part, false).into_iter().collect();
                    self.words("user", &mut shown);
                }
                _ => self.lost(i, j),
            }
        }
        self.words("assistant", &mut pieces);
    }

    fn call(&mut self, id: &str, name: &str, arguments: &str) {
        let call_id = call::id(id);
        let custom = self.custom.contains(name);
        let name = tool_name(self.names, name);
        self.items.push(if custom {
            self.custom_calls.insert(id.to_owned());
            Json::of(&Item::CustomToolCall { call_id: &call_id, name, input: arguments })
        } else {
            let arguments = if arguments.is_empty() { "{}" } else { arguments };
            Json::of(&Item::FunctionCall { call_id: &call_id, name, arguments })
        });
    }

    /// Reasoning goes back to who made it, or to one who takes everybody's.
    fn reasoning(&self, content: &Content) -> Option<Json> {
        let (text, mark) = match content {
            Content::Thinking { text, signature } => (text.as_str(), signature.as_ref()),
            Content::Redacted { data } => ("", Some(data)),
            _ => return None,
        };
        let ours = mark.filter(|mark| mark.maker == Api::OpenaiResponses).map(secret::write);
        let (mut summary, mut content) = (Vec::new(), Vec::new());
        match (&ours, text.is_empty()) {
            (_, true) => {}
            (Some(_), false) => summary.push(Summary { text }),
            (None, false) if self.open_reasoning => content.push(Thought { text }),
            (None, false) => return None,
        }
        if ours.is_none() && content.is_empty() {
            return None;
        }
        let (id, encrypted_content) = ours.map_or((None, None), |(id, secret)| (id, Some(secret)));
        Some(Json::of(&Item::Reasoning { id, summary, content, encrypted_content }))
    }
}

/// One text is written as such, which every provider takes.
fn words(mut pieces: Vec<Piece<'_>>) -> Words<'_> {
    match pieces.as_mut_slice() {
        [] => Words::Text(String::new()),
        [Piece::InputText { text, prompt_cache_breakpoint: None }] => Words::Text((*text).to_owned()),
        [Piece::OutputText { text, annotations }] if annotations.is_empty() => Words::Text((*text).to_owned()),
        _ => Words::Parts(pieces),
    }
}
