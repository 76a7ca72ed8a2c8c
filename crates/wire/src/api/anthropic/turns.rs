//! Reads the turns of a caller's conversation.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{Fields, read};
use super::request::cache;
use super::{OWN, citation};
use crate::api::Api;
use crate::chat::{Content, Json, Message, Part, Refused, Role, Signature, Source};

type Extra = Vec<(String, Json)>;

/// How deep blocks may lie in blocks: a document's text in a document in a tool's result.
const DEEPEST: usize = 3;

/// The system prompt, as the first message, and the turns behind it.
pub(super) fn decode(
    system: Option<&RawValue>,
    messages: Vec<&RawValue>,
    extra: &mut Extra,
) -> Result<Vec<Message>, Refused> {
    let mut turns = Vec::with_capacity(messages.len() + 1);
    if let Some(system) = system {
        let parts = content(system, "system", 0, extra)?;
        if !parts.is_empty() {
            turns.push(Message { role: Role::System, name: None, parts });
        }
    }
    for (index, raw) in messages.into_iter().enumerate() {
        let path = format!("messages[{index}]");
        let mut fields = Fields::read(raw, path.as_str())?;
        let role: String = fields.need("role")?;
        let role = match role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => {
                let sentence = format!("`{role}` is none of `user`, `assistant` and `system`.");
                return Err(Refused::field(format!("{path}.role"), sentence));
            }
        };
        let place = fields.at("content");
        let mut parts = content(fields.need("content")?, &place, 0, extra)?;
        if role == Role::Assistant {
            give_marks_back(&mut parts);
        }
        fields.rest(extra);
        turns.push(Message { role, name: None, parts });
    }
    Ok(turns)
}

/// Reads a text or a list of blocks.
fn content(raw: &RawValue, path: &str, depth: usize, extra: &mut Extra) -> Result<Vec<Part>, Refused> {
    if raw.get().starts_with('"') {
        return Ok(vec![Part::from(Content::text(read::<String>(raw, path)?))]);
    }
    if depth > DEEPEST {
        return Err(Refused::field(path, "Blocks lie too deep in other blocks here."));
    }
    let blocks: Vec<&RawValue> = read(raw, path)?;
    blocks.into_iter().enumerate().map(|(index, raw)| block(raw, &format!("{path}[{index}]"), depth, extra)).collect()
}

fn block(raw: &RawValue, path: &str, depth: usize, extra: &mut Extra) -> Result<Part, Refused> {
    let mut fields = Fields::read(raw, path)?;
    let kind: String = fields.need("type")?;
    let cache = cache(&mut fields)?;
    let content = match kind.as_str() {
        "text" => {
            let citations: Vec<Json> = fields.take("citations")?.unwrap_or_default();
            let citations = citations.into_iter().map(citation::decode).collect();
            Content::Text { text: fields.need("text")?, citations }
        }
        "image" => Content::Image { source: source(&mut fields, depth, extra)?, detail: None },
        "document" => Content::Document { source: source(&mut fields, depth, extra)?, name: fields.take("title")? },
        "thinking" => {
            let signature: Option<String> = fields.take("signature")?;
            let signature = signature.filter(|text| !text.is_empty()).map(|text| Signature::read(&text, OWN));
            Content::Thinking { text: fields.take("thinking")?.unwrap_or_default(), signature }
        }
        "redacted_thinking" => Content::Redacted { data: Signature::read(&fields.need::<String>("data")?, OWN) },
        "tool_use" => tool_use(&mut fields)?,
        "tool_result" => return tool_result(fields, cache, depth, extra),
        "search_result" => {
            let found = search_result(&mut fields)?;
            extra.push((format!("{path}.search_result"), Json::of(&raw)));
            return Ok(Part { content: found, cache });
        }
        _ => return Ok(Part::from(Content::Opaque { api: OWN, value: Json::of(&raw) })),
    };
    fields.rest(extra);
    Ok(Part { content, cache })
}

fn tool_use(fields: &mut Fields<'_>) -> Result<Content, Refused> {
    let id: String = fields.need("id")?;
    let input: &RawValue = fields.need("input")?;
    if id.is_empty() {
        return Err(Refused::field(fields.at("id"), "The id of a call must not be empty."));
    }
    Ok(Content::ToolCall { id, name: fields.need("name")?, arguments: input.get().to_owned(), signature: None })
}

fn tool_result(
    mut fields: Fields<'_>,
    cache: Option<crate::chat::CacheTtl>,
    depth: usize,
    extra: &mut Extra,
) -> Result<Part, Refused> {
    let call_id = fields.need("tool_use_id")?;
    let is_error = fields.take("is_error")?.unwrap_or_default();
    let place = fields.at("content");
    let answer: Option<&RawValue> = fields.take("content")?;
    let content = answer.map_or(Ok(Vec::new()), |raw| content(raw, &place, depth + 1, extra))?;
    fields.rest(extra);
    Ok(Part { content: Content::ToolResult { call_id, name: None, content, is_error }, cache })
}

/// A result of the caller's own search: other APIs get its words as a document.
fn search_result(fields: &mut Fields<'_>) -> Result<Content, Refused> {
    #[derive(Deserialize)]
    struct Words {
        text: String,
    }
    let words: Vec<Words> = fields.need("content")?;
    let text = words.into_iter().map(|words| words.text).collect::<Vec<_>>().join("\n");
    Ok(Content::Document { source: Source::Text(text), name: fields.take("title")? })
}

fn source(fields: &mut Fields<'_>, depth: usize, extra: &mut Extra) -> Result<Source, Refused> {
    let path = fields.at("source");
    let raw: &RawValue = fields.need("source")?;
    let mut source = Fields::read(raw, path.as_str())?;
    let kind: String = source.need("type")?;
    Ok(match kind.as_str() {
        "base64" => Source::Base64 { media_type: source.need("media_type")?, data: source.need("data")? },
        "url" => Source::Url { url: source.need("url")?, media_type: None },
        "file" => Source::File(source.need("file_id")?),
        "text" => Source::Text(source.need("data")?),
        "content" => {
            // What is in it counts as words only; Claude gets it as it came.
            let words = content(source.need("content")?, &source.at("content"), depth + 1, &mut Vec::new())?;
            extra.push((path, Json::of(&raw)));
            let texts = words.into_iter().filter_map(|part| match part.content {
                Content::Text { text, .. } => Some(text),
                _ => None,
            });
            Source::Text(texts.collect::<Vec<_>>().join("\n"))
        }
        _ => {
            let sentence = format!("`{kind}` is none of `base64`, `url`, `file`, `text` and `content`.");
            return Err(Refused::field(format!("{path}.type"), sentence));
        }
    })
}

/// Gemini's mark on a call came to this caller as empty reasoning before the call; here it goes back onto it.
fn give_marks_back(parts: &mut Vec<Part>) {
    let is_mark = |part: &Part| {
        matches!(&part.content, Content::Thinking { text, signature: Some(mark) }
            if text.is_empty() && mark.maker == Api::Gemini)
    };
    if !parts.iter().any(is_mark) {
        return;
    }
    let mut held: Option<Part> = None;
    let mut given = Vec::with_capacity(parts.len());
    for mut part in parts.drain(..) {
        if is_mark(&part) {
            given.extend(held.replace(part));
            continue;
        }
        let mark = held.take();
        match (&mut part.content, mark) {
            (
                Content::ToolCall { signature, .. },
                Some(Part { content: Content::Thinking { signature: mark, .. }, .. }),
            ) => {
                *signature = mark;
            }
            (_, mark) => given.extend(mark),
        }
        given.push(part);
    }
    given.extend(held);
    *parts = given;
}
