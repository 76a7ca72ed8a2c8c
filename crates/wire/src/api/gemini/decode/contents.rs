//! The conversation.

use std::collections::{HashMap, VecDeque};

use super::super::fields::{Fields, list};
use super::super::part::{self, Piece};
use super::super::signature;
use crate::api::Api;
use crate::chat::{Content, Json, Message, Part, Refused, Request, Role, Signature};

/// Reads `systemInstruction` and `contents`.
pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<(), Refused> {
    if let Some(system) = fields.raw("systemInstruction") {
        request.messages.extend(system_of(&system)?);
    }
    let Some(contents) = fields.raw("contents") else {
        return Err(Refused::field("contents", "contents is missing: a list of turns, each with role and parts."));
    };
    let mut calls = Calls::default();
    for (i, content) in list(&contents, "contents")?.iter().enumerate() {
        let message = message(content, &format!("contents[{i}]"), &mut calls)?;
        let is_result =
            |message: &Message| matches!(message.parts.first(), Some(Part { content: Content::ToolResult { .. }, .. }));
        match request.messages.last_mut() {
            // All answers to one turn of the model's stand together.
            Some(last) if last.role == Role::User && is_result(last) && is_result(&message) => {
                last.parts.extend(message.parts);
            }
            _ => request.messages.push(message),
        }
    }
    Ok(())
}

fn system_of(json: &Json) -> Result<Option<Message>, Refused> {
    const AT: &str = "systemInstruction";
    if let Ok(text) = json.read::<String>() {
        return Ok(Some(message_of(Role::System, vec![Content::text(text).into()])));
    }
    let mut fields = Fields::of(json, AT)?;
    let Some(parts) = fields.raw("parts") else { return Ok(None) };
    let mut out = Vec::new();
    for (i, json) in list(&parts, "systemInstruction.parts")?.iter().enumerate() {
        let at = format!("{AT}.parts[{i}]");
        let (Piece::Text { text, .. }, _) = part::read(json, &at)? else {
            return Err(Refused::field(at, "Instructions are text: give this part a text."));
        };
        out.push(Part::from(Content::text(text)));
    }
    Ok((!out.is_empty()).then(|| message_of(Role::System, out)))
}

fn message_of(role: Role, parts: Vec<Part>) -> Message {
    Message { role, name: None, parts }
}

fn message(json: &Json, at: &str, calls: &mut Calls) -> Result<Message, Refused> {
    if let Ok(text) = json.read::<String>() {
        return Ok(message_of(Role::User, vec![Content::text(text).into()]));
    }
    let mut fields = Fields::of(json, at)?;
    let role = match fields.take::<String>("role", at)?.as_deref() {
        None | Some("" | "user" | "function" | "tool") => Role::User,
        Some("model" | "assistant") => Role::Assistant,
        Some(other) => {
            let message = format!("{other:?} is no role: use user or model, and systemInstruction for instructions.");
            return Err(Refused::field(format!("{at}.role"), message));
        }
    };
    let mut parts = Vec::new();
    let raw = fields.raw("parts").map(|parts| list(&parts, &format!("{at}.parts"))).transpose()?.unwrap_or_default();
    for (i, json) in raw.into_iter().enumerate() {
        add(json, &format!("{at}.parts[{i}]"), calls, &mut parts)?;
    }
    Ok(message_of(role, parts))
}

/// Reads a part. A signature on words that are said, or on a picture, stands before them as reasoning without words.
fn add(json: Json, at: &str, calls: &mut Calls, out: &mut Vec<Part>) -> Result<(), Refused> {
    let (piece, mark) = part::read(&json, at)?;
    if let Some(data) = mark.as_ref().and_then(signature::redacted) {
        out.push(Content::Redacted { data }.into());
        return Ok(());
    }
    let content = match piece {
        Piece::Text { text, thought: true } => {
            think(text, mark, out);
            return Ok(());
        }
        Piece::Call { name, .. } if name.is_empty() => {
            return Err(Refused::field(format!("{at}.functionCall.name"), "A functionCall needs a name."));
        }
        Piece::Call { id, name, arguments, .. } => {
            let id = calls.made(id, &name);
            let arguments = arguments.map_or_else(|| "{}".to_owned(), |arguments| arguments.as_str().to_owned());
            Content::ToolCall { id, name, arguments, signature: mark }
        }
        Piece::Result { id, name, failed, content } => {
            let call_id = calls.answered(id, &name);
            let name = Some(name).filter(|name| !name.is_empty());
            Content::ToolResult { call_id, name, content, is_error: failed }
        }
        Piece::Other => Content::Opaque { api: Api::Gemini, value: json },
        Piece::Text { text, .. } => {
            let bare = text.is_empty() && mark.is_some();
            out.extend(mark.map(mark_before));
            if bare {
                return Ok(());
            }
            Content::text(text)
        }
        Piece::Media(media) => {
            out.extend(mark.map(mark_before));
            media
        }
    };
    out.push(content.into());
    Ok(())
}

fn mark_before(signature: Signature) -> Part {
    Content::Thinking { text: String::new(), signature: Some(signature) }.into()
}

/// Adds reasoning; its pieces belong together up to the one with the mark.
fn think(text: String, mark: Option<Signature>, out: &mut Vec<Part>) {
    match out.last_mut() {
        Some(Part { content: Content::Thinking { text: so_far, signature: signature @ None }, .. }) => {
            so_far.push_str(&text);
            *signature = mark;
        }
        _ => out.push(Content::Thinking { text, signature: mark }.into()),
    }
}

/// Calls that wait for their results. Most callers give no ids: results belong to calls of the same name, in order.
#[derive(Default)]
struct Calls {
    seen: usize,
    open: HashMap<String, VecDeque<String>>,
}

impl Calls {
    fn made(&mut self, id: Option<String>, name: &str) -> String {
        let id = id.unwrap_or_else(|| format!("call_{name}_{}", self.seen));
        self.seen += 1;
        self.open.entry(name.to_owned()).or_default().push_back(id.clone());
        id
    }

    fn answered(&mut self, id: Option<String>, name: &str) -> String {
        let waiting = self.open.get_mut(name);
        match id {
            Some(id) => {
                if let Some(place) = waiting.as_ref().and_then(|ids| ids.iter().take(64).position(|open| *open == id)) {
                    waiting.map(|ids| ids.remove(place));
                }
                id
            }
            None => waiting.and_then(VecDeque::pop_front).unwrap_or_else(|| format!("call_{name}_none")),
        }
    }
}
