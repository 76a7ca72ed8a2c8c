//! The blocks that turns and answers are made of, as they are written.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::json;

use super::extras::Extra;
use super::{OWN, citation};
use crate::chat::{CacheTtl, Citation, Json, Signature, Source};

/// A block: one that is made here, or one that passes as it came.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Block<'a> {
    /// Made here.
    Made(Box<Made<'a>>),
    /// As it came.
    Kept(Cow<'a, Json>),
}

/// The fields of all blocks, in the order Anthropic writes them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Made<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_use_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Vec<Block<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_error: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) citations: Vec<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<CacheControl>,
    #[serde(flatten, skip_serializing_if = "Extra::is_empty")]
    pub(super) extra: Extra<'a>,
}

/// A place up to which the prompt is kept.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct CacheControl {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

impl From<CacheTtl> for CacheControl {
    fn from(ttl: CacheTtl) -> Self {
        Self { kind: "ephemeral", ttl: (ttl == CacheTtl::Hour).then_some("1h") }
    }
}

impl<'a> From<Made<'a>> for Block<'a> {
    fn from(made: Made<'a>) -> Self {
        Self::Made(Box::new(made))
    }
}

impl<'a> Block<'a> {
    /// The kind of a block that was made here.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Made(made) => made.kind,
            Self::Kept(_) => "",
        }
    }

    /// Whether it is words, and those only white space, which Claude refuses but between its own words.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Made(made) => made.text.as_ref().is_some_and(|text| text.trim().is_empty()),
            Self::Kept(_) => false,
        }
    }

    /// Words.
    pub(super) fn text(text: impl Into<Cow<'a, str>>, citations: &[Citation]) -> Self {
        let citations = citations.iter().filter_map(citation::encode).collect();
        Made { kind: "text", text: Some(text.into()), citations, ..Made::default() }.into()
    }

    /// Reasoning.
    pub(super) fn thinking(text: &'a str, signature: impl Into<Cow<'a, str>>) -> Self {
        Made { kind: "thinking", thinking: Some(text), signature: Some(signature.into()), ..Made::default() }.into()
    }

    /// Reasoning that is encrypted.
    pub(super) fn redacted(data: &'a Signature) -> Self {
        Made { kind: "redacted_thinking", data: Some(data.write(OWN).into()), ..Made::default() }.into()
    }

    /// A call.
    pub(super) fn tool_use(id: impl Into<Cow<'a, str>>, name: impl Into<String>, input: Json) -> Self {
        let (id, name) = (Some(id.into()), Some(name.into()));
        Made { kind: "tool_use", id, name, input: Some(input), ..Made::default() }.into()
    }
}

/// Where a picture or document is.
pub(super) fn source(source: &Source) -> Json {
    Json::of(&match source {
        Source::Base64 { media_type, data } => json!({ "type": "base64", "media_type": media_type, "data": data }),
        Source::Text(text) => json!({ "type": "text", "media_type": "text/plain", "data": text }),
        Source::Url { url, .. } => json!({ "type": "url", "url": url }),
        Source::File(id) => json!({ "type": "file", "file_id": id }),
    })
}

/// The arguments of a call as an object. What was cut short is handed on as it is, under `_raw`.
pub(super) fn object(arguments: &str) -> Json {
    let trimmed = arguments.trim();
    if trimmed.is_empty() {
        return Json::of(&json!({}));
    }
    Json::parse(trimmed).ok().filter(Json::is_object).unwrap_or_else(|| Json::of(&json!({ "_raw": arguments })))
}

/// An id of a call as Claude takes it: `^[a-zA-Z0-9_-]+$`. The same for the same id, another for another.
pub(super) fn call_id(id: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !id.is_empty() && id.len() <= 128 && id.chars().all(plain) {
        return Cow::Borrowed(id);
    }
    // FNV-1a keeps apart what looks alike once cleaned.
    let hash =
        id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let clean: String = id.chars().take(64).map(|c| if plain(c) { c } else { '_' }).collect();
    Cow::Owned(format!("{clean}_{hash:016x}"))
}
