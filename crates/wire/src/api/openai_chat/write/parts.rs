//! Writes what messages are made of.

use serde_json::{Value, json};

use crate::api::{Api, Quirks};
use crate::chat::{CacheTtl, Content, Losses, Part, Source};

/// Anthropic's cache hint.
pub(super) fn cache_control(ttl: CacheTtl) -> Value {
    match ttl {
        CacheTtl::Short => json!({ "type": "ephemeral" }),
        CacheTtl::Hour => json!({ "type": "ephemeral", "ttl": "1h" }),
    }
}

/// A part of the content; none for what has its place elsewhere in the message, or nowhere. `at` names the part.
pub(super) fn part(part: &Part, at: &str, quirks: &Quirks, losses: &mut Losses) -> Option<Value> {
    let mut value = content(&part.content, at, quirks, losses)?;
    if let Some(hint) = part.cache.filter(|_| quirks.cache_control) {
        value["cache_control"] = cache_control(hint);
    }
    Some(value)
}

fn content(content: &Content, at: &str, quirks: &Quirks, losses: &mut Losses) -> Option<Value> {
    let lost = |losses: &mut Losses, why: &str| {
        losses.grave(at, why);
        None
    };
    match content {
        Content::Text { text, .. } if text.is_empty() => None,
        Content::Text { text, .. } => Some(json!({ "type": "text", "text": text })),
        Content::Refusal { text } => Some(json!({ "type": "refusal", "refusal": text })),
        Content::Image { source, detail } => match address(source) {
            Some(url) => {
                let mut image = json!({ "url": url });
                if let Some(detail) = detail {
                    image["detail"] = detail.as_str().into();
                }
                Some(json!({ "type": "image_url", "image_url": image }))
            }
            None => lost(losses, "chat completions take pictures as bytes or by a web address"),
        },
        Content::Document { source, name } => document(source, name.as_deref())
            .or_else(|| lost(losses, "chat completions take documents as bytes or as uploaded files")),
        Content::Audio { source } => {
            audio(source).or_else(|| lost(losses, "chat completions take sound as bytes only"))
        }
        Content::Video { source } => match address(source) {
            Some(url) => Some(json!({ "type": "video_url", "video_url": { "url": url } })),
            None => lost(losses, "chat completions take films as bytes or by a web address"),
        },
        Content::Thinking { text, .. } if quirks.reasoning_field.as_deref() == Some("content") => {
            let words = json!([{ "type": "text", "text": text }]);
            (!text.is_empty()).then(|| json!({ "type": "thinking", "thinking": words }))
        }
        Content::Opaque { api: Api::OpenaiChat, value } => {
            let value: Value = value.read().ok()?;
            value.get("type").is_some().then_some(value)
        }
        Content::Thinking { .. }
        | Content::Redacted { .. }
        | Content::ToolCall { .. }
        | Content::ToolResult { .. }
        | Content::Opaque { .. } => None,
    }
}

fn address(source: &Source) -> Option<String> {
    match source {
        Source::Base64 { media_type, data } => Some(format!("data:{media_type};base64,{data}")),
        Source::Url { url, .. } => Some(url.clone()),
        Source::Text(_) | Source::File(_) => None,
    }
}

fn document(source: &Source, name: Option<&str>) -> Option<Value> {
    let mut file = match source {
        Source::Text(text) => {
            let title = name.map(|name| format!("{name}\n\n")).unwrap_or_default();
            return Some(json!({ "type": "text", "text": format!("{title}{text}") }));
        }
        // OpenRouter and others take an address where OpenAI wants bytes.
        Source::Base64 { .. } | Source::Url { .. } => json!({ "file_data": address(source)? }),
        Source::File(id) => json!({ "file_id": id }),
    };
    if let Some(name) = name {
        file["filename"] = name.into();
    } else if matches!(source, Source::Base64 { .. }) {
        file["filename"] = "document.pdf".into();
    }
    Some(json!({ "type": "file", "file": file }))
}

fn audio(source: &Source) -> Option<Value> {
    let Source::Base64 { media_type, data } = source else { return None };
    let format = match media_type.rsplit('/').next()? {
        "mpeg" | "mp3" => "mp3",
        "wav" | "x-wav" | "wave" | "vnd.wave" => "wav",
        other => other,
    };
    Some(json!({ "type": "input_audio", "input_audio": { "data": data, "format": format } }))
}

/// A single text as a string, anything else as the list it is.
pub(super) fn simplest(list: Vec<Value>, join: bool) -> Value {
    let bare = |part: &Value| part["type"] == "text" && part.get("cache_control").is_none();
    if !list.iter().all(bare) || (list.len() > 1 && !join) {
        return list.into();
    }
    let texts: Vec<&str> = list.iter().filter_map(|part| part["text"].as_str()).collect();
    texts.join("\n\n").into()
}
