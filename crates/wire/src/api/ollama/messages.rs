//! Messages, as Ollama takes them: words in one text, pictures beside it.

use serde::Serialize;

use crate::api::fit::{self, Called};
use crate::chat::{Content, Json, Losses, Message, Part, Role, Source};

#[derive(Debug, Default, Serialize)]
pub(super) struct Said {
    role: &'static str,
    content: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    thinking: String,
    /// Base64, without anything around it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
    /// The tool that answers; how Ollama knows what a result belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
}

#[derive(Debug, Serialize)]
struct ToolCall {
    id: String,
    function: Function,
}

#[derive(Debug, Serialize)]
struct Function {
    name: String,
    arguments: Json,
}

/// Writes messages.
pub(super) struct Writer<'a> {
    called: Called<'a>,
    pub(super) messages: Vec<Said>,
    pub(super) losses: Losses,
}

impl<'a> Writer<'a> {
    pub(super) fn new(messages: &'a [Message]) -> Self {
        Self { called: Called::of(messages), messages: Vec::new(), losses: Losses::default() }
    }

    /// Takes the caller's next message. Results of tools come first, a message each.
    pub(super) fn push(&mut self, at: usize, message: &Message) {
        let role = match message.role {
            Role::System | Role::Developer => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let mut said = Said { role, ..Said::default() };
        let mut is_result = false;
        for (index, part) in self.called.in_order(&message.parts) {
            let place = fit::place(at, index);
            if let Content::ToolResult { call_id, name, content, is_error } = &part.content {
                is_result = true;
                let tool_name = name.as_deref().or(self.called.name(call_id)).map(str::to_owned);
                let content_words = fit::result_words(content, *is_error);
                let tool_call_id = Some(call_id.clone());
                self.messages.push(Said {
                    role: "tool",
                    content: content_words,
                    tool_name,
                    tool_call_id,
                    ..Said::default()
                });
                // Tools answer in words; what they show goes behind.
                let shown = content.iter().filter(|part| !matches!(part.content, Content::Text { .. }));
                shown.for_each(|part| self.part(part, &place, &mut said));
            } else {
                self.part(part, &place, &mut said);
            }
        }
        let says_nothing = said.content.is_empty() && said.images.is_empty();
        if !(is_result && says_nothing) {
            self.messages.push(said);
        }
    }

    fn part(&mut self, part: &Part, place: &str, said: &mut Said) {
        let refuse = |losses: &mut Losses, what: &str, why: &str| losses.grave(format!("{place}.{what}"), why);
        match &part.content {
            Content::Text { text, .. } | Content::Refusal { text } => add(text, &mut said.content),
            Content::Thinking { text, .. } => add(text, &mut said.thinking),
            Content::ToolCall { id, name, arguments, .. } => {
                let arguments = fit::arguments(arguments);
                let function = Function { name: name.clone(), arguments };
                said.tool_calls.push(ToolCall { id: id.clone(), function });
            }
            Content::Image { source: Source::Base64 { data, .. }, .. } => said.images.push(data.clone()),
            Content::Image { .. } => {
                refuse(&mut self.losses, "image_url", "Ollama fetches nothing from the web; send the bytes in Base64");
            }
            Content::Document { source, name } => match fit::document_words(source) {
                Some(text) => {
                    add(&name.as_ref().map_or_else(String::new, |name| format!("{name}:")), &mut said.content);
                    add(&text, &mut said.content);
                }
                None => refuse(&mut self.losses, "file", "Ollama takes documents as text only"),
            },
            Content::Audio { .. } => refuse(&mut self.losses, "input_audio", "Ollama takes no sound"),
            Content::Video { .. } => refuse(&mut self.losses, "video_url", "Ollama takes no films"),
            Content::Opaque { .. } => self.losses.harmless(place, "a block that only the API it came from knows"),
            Content::Redacted { .. } | Content::ToolResult { .. } => {}
        }
    }
}

/// Adds words on a line of their own.
fn add(words: &str, to: &mut String) {
    if !to.is_empty() && !words.is_empty() {
        to.push('\n');
    }
    to.push_str(words);
}
