//! Writes the conversation.

use serde_json::{Map, Value, json};

use super::super::answer::{CallOut, extra_content, leftovers};
use super::super::model::Family;
use super::super::reasoning;
use super::{Writer, is_custom, parts};
use crate::api::Api;
use crate::chat::{Content, Format, Message, Part, Request, Role, Signature, Tool};

/// Longest id of a call that OpenAI takes, in bytes.
const LONGEST_ID: usize = 40;

impl Writer<'_> {
    pub(super) fn messages(&mut self, request: &Request) -> Vec<Value> {
        let mut out = Vec::with_capacity(request.messages.len() + 1);
        if let Format::JsonSchema { schema, .. } = &request.format
            && self.quirks.no_json_schema
        {
            let order =
                format!("Answer with nothing but a JSON object that fits this JSON schema:\n{}", schema.as_str());
            out.push(json!({ "role": self.role(Role::System), "content": order }));
        }
        for (place, message) in request.messages.iter().enumerate() {
            match message.role {
                Role::Assistant => out.push(self.assistant(message, place, &request.tools)),
                Role::User => self.user(message, place, &mut out),
                Role::System | Role::Developer => {
                    let content = self.content(&message.parts, place);
                    self.say(message, content, &mut out);
                }
            }
        }
        out
    }

    fn role(&self, role: Role) -> &'static str {
        match role {
            Role::System | Role::Developer if self.family == Family::Unguided => "user",
            Role::Developer if self.family.is_openai() && !self.quirks.no_developer => "developer",
            Role::System | Role::Developer => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }

    fn say(&mut self, message: &Message, content: Value, out: &mut Vec<Value>) {
        let mut fields = Map::new();
        fields.insert("role".into(), self.role(message.role).into());
        fields.insert("content".into(), content);
        self.finish(message, &mut fields);
        out.push(fields.into());
    }

    /// The speaker's name, and fields that this form does not know.
    fn finish(&mut self, message: &Message, fields: &mut Map<String, Value>) {
        if let Some(name) = &message.name {
            if self.quirks.refuses.iter().any(|refused| refused == "messages.name") {
                self.losses.harmless("messages.name", "the provider does not take it");
            } else {
                fields.insert("name".into(), name.as_str().into());
            }
        }
        for part in &message.parts {
            if let Content::Opaque { api: Api::OpenaiChat, value } = &part.content {
                fields.extend(leftovers(value));
            }
        }
    }

    /// Results of tools, each a message of its own, then what the person says.
    fn user(&mut self, message: &Message, place: usize, out: &mut Vec<Value>) {
        let is_result = |part: &&Part| matches!(part.content, Content::ToolResult { .. });
        let mut pictures = Vec::new();
        for part in message.parts.iter().filter(is_result) {
            self.result(part, place, &mut pictures, out);
        }
        let says = message.parts.iter().any(|part| !is_result(&part));
        if !says && pictures.is_empty() && !message.parts.is_empty() {
            return;
        }
        let content = self.content(&message.parts, place);
        let content = match (pictures.is_empty(), content) {
            (true, content) => content,
            (false, Value::Array(mut list)) => {
                pictures.append(&mut list);
                pictures.into()
            }
            (false, Value::String(text)) if text.is_empty() => pictures.into(),
            (false, text) => {
                pictures.push(json!({ "type": "text", "text": text }));
                pictures.into()
            }
        };
        self.say(message, content, out);
    }

    /// Pictures and files are told in the person's next words: as a tool's, nearly no provider takes them.
    fn result(&mut self, part: &Part, place: usize, pictures: &mut Vec<Value>, out: &mut Vec<Value>) {
        let Content::ToolResult { call_id, content, is_error, .. } = &part.content else { return };
        let mut list = Vec::new();
        for (number, part) in content.iter().enumerate() {
            let is_text = matches!(part.content, Content::Text { .. });
            let at = format!("messages[{place}].content[{number}]");
            let written = parts::part(part, &at, self.quirks, &mut self.losses);
            if is_text || self.quirks.images_in_results { &mut list } else { &mut *pictures }.extend(written);
        }
        if *is_error {
            match list.first_mut().and_then(|first| first.get_mut("text")) {
                Some(Value::String(text)) => text.insert_str(0, "Error: "),
                _ => list.insert(0, json!({ "type": "text", "text": "Error: the tool failed." })),
            }
        }
        let content = parts::simplest(list, self.quirks.joins_text);
        out.push(json!({ "role": "tool", "tool_call_id": self.call_id(call_id), "content": content }));
    }

    fn content(&mut self, all: &[Part], place: usize) -> Value {
        let mut list = Vec::with_capacity(all.len());
        for (number, part) in all.iter().enumerate() {
            let at = format!("messages[{place}].content[{number}]");
            list.extend(parts::part(part, &at, self.quirks, &mut self.losses));
        }
        parts::simplest(list, self.quirks.joins_text)
    }

    fn assistant(&mut self, message: &Message, place: usize, tools: &[Tool]) -> Value {
        let mut fields = Map::new();
        fields.insert("role".into(), "assistant".into());
        let mut content = self.content(&message.parts, place);
        let mut calls = Vec::new();
        for part in &message.parts {
            if let Content::ToolCall { id, name, arguments, signature } = &part.content {
                let custom = is_custom(tools, name);
                let arguments = if arguments.is_empty() && !custom { "{}" } else { arguments };
                let (id, name) = (self.call_id(id), self.name(name));
                let mark = signature.as_ref().filter(|_| self.model.contains("gemini"));
                let call = CallOut {
                    extra_content: mark.map(extra_content),
                    ..CallOut::new(Some(&id), Some(&name), arguments, custom)
                };
                calls.push(json!(call));
            }
        }
        if !calls.is_empty() && content.as_str().is_some_and(str::is_empty) {
            content = Value::Null;
        }
        fields.insert("content".into(), content);
        self.thoughts(message, &mut fields);
        if !calls.is_empty() {
            fields.insert("tool_calls".into(), calls.into());
        }
        self.finish(message, &mut fields);
        fields.into()
    }

    /// Reasoning, where the provider wants it back.
    fn thoughts(&self, message: &Message, fields: &mut Map<String, Value>) {
        let Some(field) = self.quirks.reasoning_field.as_deref().filter(|field| *field != "content") else { return };
        let contents = || message.parts.iter().map(|part| &part.content);
        if field == "reasoning_details" {
            let details = reasoning::details(contents().filter(|content| made_by(content, Api::OpenaiChat)));
            if !details.is_empty() {
                fields.insert(field.into(), json!(details));
                return;
            }
        }
        let words: String = contents()
            .filter_map(|content| match content {
                Content::Thinking { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        if !words.is_empty() {
            let field = if field == "reasoning_details" { "reasoning" } else { field };
            fields.insert(field.into(), words.into());
        }
    }

    /// The id as the provider takes it; a call and its result get the same.
    fn call_id(&self, id: &str) -> String {
        const SHORT: usize = 9;
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if self.quirks.short_call_ids {
            return if plain && id.len() == SHORT { id.to_owned() } else { mark(id)[..SHORT].to_owned() };
        }
        if self.family.is_openai() && id.len() > LONGEST_ID { format!("call_{}", mark(id)) } else { id.to_owned() }
    }
}

/// Whether a block of reasoning can go back to a maker.
fn made_by(content: &Content, maker: Api) -> bool {
    let made = |mark: &Signature| mark.maker == maker;
    match content {
        Content::Thinking { signature, .. } => signature.as_ref().is_some_and(made),
        Content::Redacted { data } => made(data),
        _ => false,
    }
}

/// Letters and digits that stand for an id: always the same, and different for different ids.
fn mark(id: &str) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut hash =
        id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut text = String::with_capacity(12);
    for _ in 0..12 {
        text.push(char::from(LETTERS[(hash % 36) as usize]));
        hash /= 36;
    }
    text
}
