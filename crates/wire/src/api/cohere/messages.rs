//! Messages, as Cohere takes them. Documents stand beside them.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::json;

use crate::api::fit::{self, Called};
use crate::chat::{self, Content, Json, Losses, Names, Part, Role, Source};

/// Longest name of a tool, in bytes.
const LONGEST_NAME: usize = 64;

#[derive(Debug, Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum Message {
    System {
        content: String,
    },
    User {
        content: Words,
    },
    Assistant {
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<Words>,
        #[serde(skip_serializing_if = "String::is_empty")]
        tool_plan: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall>,
    },
    Tool {
        tool_call_id: String,
        content: String,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Words {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block {
    Text { text: String },
    Thinking { thinking: String },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Debug, Serialize)]
pub(super) struct ImageUrl {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ToolCall {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function,
}

#[derive(Debug, Serialize)]
struct Function {
    name: String,
    arguments: String,
}

/// Writes messages.
pub(super) struct Writer<'a> {
    called: Called<'a>,
    /// Whether the model reasons, and so may see reasoning.
    reasons: bool,
    pub(super) messages: Vec<Message>,
    pub(super) documents: Vec<Json>,
    pub(super) names: Names,
    pub(super) losses: Losses,
}

impl<'a> Writer<'a> {
    pub(super) fn new(messages: &'a [chat::Message], reasons: bool) -> Self {
        let (names, losses) = (Names::default(), Losses::default());
        let called = Called::of(messages);
        Self { called, reasons, messages: Vec::new(), documents: Vec::new(), names, losses }
    }

    /// Takes the caller's next message.
    pub(super) fn push(&mut self, at: usize, message: &chat::Message) {
        match message.role {
            Role::System | Role::Developer => {
                for (index, part) in message.parts.iter().enumerate() {
                    if !matches!(part.content, Content::Text { .. }) {
                        self.losses.grave(fit::place(at, index), "Cohere's instructions are text");
                    }
                }
                let content = fit::words(&message.parts);
                if !content.is_empty() {
                    self.messages.push(Message::System { content });
                }
            }
            Role::User => self.user(at, message),
            Role::Assistant => self.assistant(at, message),
        }
    }

    /// Results of tools come first, a message each.
    fn user(&mut self, at: usize, message: &chat::Message) {
        let mut blocks = Vec::new();
        for (index, part) in self.called.in_order(&message.parts) {
            let place = fit::place(at, index);
            let Content::ToolResult { call_id, content, is_error, .. } = &part.content else {
                blocks.extend(self.block(part, &place));
                continue;
            };
            let words = fit::result_words(content, *is_error);
            self.messages.push(Message::Tool { tool_call_id: call_id.clone(), content: words });
            // Tools answer in words; what they show goes behind.
            let shown = content.iter().filter(|part| !matches!(part.content, Content::Text { .. }));
            blocks.extend(shown.filter_map(|part| self.block(part, &place)));
        }
        if !blocks.is_empty() {
            self.messages.push(Message::User { content: words(blocks) });
        }
    }

    fn assistant(&mut self, at: usize, message: &chat::Message) {
        let mut tool_calls = Vec::new();
        let mut blocks = Vec::new();
        for (index, part) in message.parts.iter().enumerate() {
            match &part.content {
                Content::ToolCall { id, name, arguments, .. } => {
                    // What was cut short stays as it is.
                    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments }.to_owned();
                    let function = Function { name: self.name(name), arguments };
                    tool_calls.push(ToolCall { id: id.clone(), kind: "function", function });
                }
                Content::Thinking { text, .. } if self.reasons && !text.is_empty() => {
                    blocks.push(Block::Thinking { thinking: text.clone() });
                }
                Content::Thinking { .. } | Content::Redacted { .. } => {}
                _ => blocks.extend(self.block(part, &fit::place(at, index))),
            }
        }
        let mut tool_plan = String::new();
        if !tool_calls.is_empty() {
            // What is said before calls is their plan.
            tool_plan = fit::words(&message.parts);
            blocks.retain(|block| !matches!(block, Block::Text { .. }));
        }
        let content = (!blocks.is_empty()).then(|| words(blocks));
        if content.is_some() || !tool_calls.is_empty() {
            self.messages.push(Message::Assistant { content, tool_plan, tool_calls });
        }
    }

    fn block(&mut self, part: &Part, place: &str) -> Option<Block> {
        let refuse = |losses: &mut Losses, what: &str, why: &str| {
            losses.grave(format!("{place}.{what}"), why);
            None
        };
        match &part.content {
            Content::Text { text, .. } | Content::Refusal { text } => Some(Block::Text { text: text.clone() }),
            Content::Image { source, detail } => match source {
                Source::Base64 { media_type, data } => Some(image(format!("data:{media_type};base64,{data}"), detail)),
                Source::Url { url, .. } => Some(image(url.clone(), detail)),
                _ => refuse(&mut self.losses, "image_url", "Cohere takes bytes and addresses"),
            },
            Content::Document { source, name } => {
                let Some(text) = fit::document_words(source) else {
                    return refuse(&mut self.losses, "file", "Cohere takes documents as text only");
                };
                let title = name.as_deref().unwrap_or("Document");
                let id = format!("doc:{}", self.documents.len());
                self.documents.push(Json::of(&json!({ "id": id, "data": { "title": title, "text": text } })));
                None
            }
            Content::Audio { .. } => refuse(&mut self.losses, "input_audio", "Cohere takes no sound"),
            Content::Video { .. } => refuse(&mut self.losses, "video_url", "Cohere takes no films"),
            _ => None,
        }
    }

    /// The name of a tool, as Cohere takes it.
    pub(super) fn name(&mut self, name: &str) -> String {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let sent: Cow<'_, str> = self.names.send(name, LONGEST_NAME, allowed);
        sent.into_owned()
    }
}

fn image(url: String, detail: &Option<String>) -> Block {
    Block::ImageUrl { image_url: ImageUrl { url, detail: detail.clone() } }
}

/// A single text stands for itself.
fn words(mut blocks: Vec<Block>) -> Words {
    match blocks.as_mut_slice() {
        [Block::Text { text }] => Words::Text(std::mem::take(text)),
        _ => Words::Blocks(blocks),
    }
}
