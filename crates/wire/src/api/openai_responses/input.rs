//! Reads the items of a conversation into messages.

use serde_json::value::RawValue;

use super::content;
use super::object::Object;
use super::secret::{self, Secret};
use crate::api::Api;
use crate::chat::{Content, Json, Message, Part, Refused, Role, Signature};

/// Reads a text or a list of items, and adds its messages.
pub(super) fn read(input: &RawValue, messages: &mut Vec<Message>) -> Result<(), Refused> {
    if let Ok(text) = serde_json::from_str::<String>(input.get()) {
        messages.push(message(Role::User, vec![Part::from(Content::text(text))]));
        return Ok(());
    }
    let wrong = |_| Refused::field("input", "must be a text or a list of items");
    let items: Vec<&RawValue> = serde_json::from_str(input.get()).map_err(wrong)?;
    let mut turns = Turns { messages, marks: Vec::new() };
    for (i, raw) in items.into_iter().enumerate() {
        turns.item(raw, &format!("input[{i}]"))?;
    }
    turns.mark_calls();
    Ok(())
}

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role, name: None, parts }
}

/// Gathers items into messages.
struct Turns<'m> {
    messages: &'m mut Vec<Message>,
    /// Marks of calls that stood in items of their own.
    marks: Vec<(String, Signature)>,
}

impl Turns<'_> {
    fn item(&mut self, raw: &RawValue, place: &str) -> Result<(), Refused> {
        let item = Object::of(raw).ok_or_else(|| Refused::field(place, "must be an object"))?;
        let kind: Option<String> = item.field_at(place, "type", "a text")?;
        match kind.as_deref() {
            Some("message") => self.message(&item, place),
            None if item.raw("role").is_some() => self.message(&item, place),
            Some("item_reference") | None => {
                let message = "refers to a stored item that is not at hand; send the item itself";
                Err(Refused::field(place, message))
            }
            Some("function_call") => self.call(&item, "arguments", place),
            Some("custom_tool_call") => self.call(&item, "input", place),
            Some("function_call_output" | "custom_tool_call_output") => self.result(&item, place),
            Some("reasoning") => {
                self.reasoning(&item);
                Ok(())
            }
            Some(kind) => {
                let theirs = kind.ends_with("_output") || kind.ends_with("_response") || item.raw("role").is_some();
                let opaque = Part::from(Content::Opaque { api: Api::OpenaiResponses, value: Json::of(raw) });
                if theirs {
                    self.result_part(opaque)
                } else {
                    self.said(opaque)
                }
                Ok(())
            }
        }
    }

    fn message(&mut self, item: &Object<'_>, place: &str) -> Result<(), Refused> {
        let role: String = item.needed(place, "role", "user, assistant, system or developer")?;
        let parts = parts(item, "content", place)?;
        let role = match role.as_str() {
            "user" => Role::User,
            "system" => Role::System,
            "developer" => Role::Developer,
            "assistant" => {
                parts.into_iter().for_each(|part| self.said(part));
                return Ok(());
            }
            other => {
                let message = format!("{other:?} is no role; use user, assistant, system or developer");
                return Err(Refused::field(format!("{place}.role"), message));
            }
        };
        self.messages.push(message(role, parts));
        Ok(())
    }

    fn call(&mut self, item: &Object<'_>, arguments: &str, place: &str) -> Result<(), Refused> {
        let id = item.needed(place, "call_id", "the id of the call")?;
        let name = item.needed(place, "name", "the name of a tool")?;
        let arguments = item.needed(place, arguments, "a text")?;
        self.said(Part::from(Content::ToolCall { id, name, arguments, signature: None }));
        Ok(())
    }

    fn result(&mut self, item: &Object<'_>, place: &str) -> Result<(), Refused> {
        let call_id = item.needed(place, "call_id", "the id of the call it answers")?;
        let content = parts(item, "output", place)?;
        self.result_part(Part::from(Content::ToolResult { call_id, name: None, content, is_error: false }));
        Ok(())
    }

    fn reasoning(&mut self, item: &Object<'_>) {
        let text = words(item);
        let secret = item.get::<String>("encrypted_content").map(|text| secret::read(&item.text("id"), &text));
        match secret {
            Some(Secret::Call(call, mark)) => self.marks.push((call, mark)),
            Some(Secret::Reasoning(data)) if text.is_empty() => self.said(Part::from(Content::Redacted { data })),
            Some(Secret::Reasoning(data)) => {
                self.said(Part::from(Content::Thinking { text, signature: Some(data) }));
            }
            None if text.is_empty() => {}
            None => self.said(Part::from(Content::Thinking { text, signature: None })),
        }
    }

    /// What the model said belongs to its running turn.
    fn said(&mut self, part: Part) {
        match self.messages.last_mut() {
            Some(last) if last.role == Role::Assistant => last.parts.push(part),
            _ => self.messages.push(message(Role::Assistant, vec![part])),
        }
    }

    /// The results of a turn stand in one message.
    fn result_part(&mut self, part: Part) {
        let is_result = |part: &Part| matches!(part.content, Content::ToolResult { .. } | Content::Opaque { .. });
        match self.messages.last_mut() {
            Some(last) if last.role == Role::User && last.parts.first().is_some_and(is_result) => last.parts.push(part),
            _ => self.messages.push(message(Role::User, vec![part])),
        }
    }

    fn mark_calls(&mut self) {
        let marks: std::collections::HashMap<String, Signature> = self.marks.drain(..).collect();
        if marks.is_empty() {
            return;
        }
        for part in self.messages.iter_mut().flat_map(|message| &mut message.parts) {
            if let Content::ToolCall { id, signature, .. } = &mut part.content {
                *signature = marks.get(id).cloned();
            }
        }
    }
}

/// A text or a list of parts.
fn parts(item: &Object<'_>, name: &str, place: &str) -> Result<Vec<Part>, Refused> {
    let place = format!("{place}.{name}");
    let raw =
        item.raw(name).ok_or_else(|| Refused::field(&place, "is missing; it must be a text or a list of parts"))?;
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        return Ok(vec![Part::from(Content::text(text))]);
    }
    let wrong = |_| Refused::field(&place, "must be a text or a list of parts");
    let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(wrong)?;
    let part = |(i, raw)| {
        let place = format!("{place}[{i}]");
        let part = Object::of(raw).ok_or_else(|| Refused::field(&place, "must be an object"))?;
        content::read(&part, &place)
    };
    list.into_iter().enumerate().map(part).collect()
}

/// The words of a reasoning item: the text itself where it is given, else its summary.
pub(super) fn words(item: &Object<'_>) -> String {
    let join = |name| item.objects(name).iter().map(|part| part.text("text")).collect::<Vec<_>>().join("\n\n");
    let text = join("content");
    if text.is_empty() { join("summary") } else { text }
}
