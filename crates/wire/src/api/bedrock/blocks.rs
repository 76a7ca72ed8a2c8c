//! What messages to Bedrock are made of, as it is written.

use serde::Serialize;

use crate::chat::{CacheTtl, Json};

/// A message.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    pub(super) role: &'static str,
    pub(super) content: Vec<Block>,
}

/// A piece of a message, of the instructions or of a tool's result.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Block {
    Text(String),
    Json(Json),
    Image(Media),
    Audio(Media),
    Video(Media),
    Document(Document),
    ToolUse {
        tool_use_id: String,
        name: String,
        input: Json,
    },
    ToolResult {
        tool_use_id: String,
        content: Vec<Block>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<&'static str>,
    },
    ReasoningContent(Reasoning),
    CachePoint(CachePoint),
    /// A block that came from Bedrock and that only it knows.
    #[serde(untagged)]
    Own(Json),
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Media {
    pub(super) format: &'static str,
    pub(super) source: Place,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Document {
    pub(super) format: &'static str,
    pub(super) name: String,
    pub(super) source: Place,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Place {
    /// In Base64.
    Bytes(String),
    S3Location {
        uri: String,
    },
    Text(String),
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Reasoning {
    ReasoningText { text: String, signature: String },
    RedactedContent(String),
}

/// Says that the prompt up to here is worth caching.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct CachePoint {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

impl From<CacheTtl> for CachePoint {
    fn from(ttl: CacheTtl) -> Self {
        Self { kind: "default", ttl: (ttl == CacheTtl::Hour).then_some("1h") }
    }
}

impl Block {
    /// A text; none where it has no words, which Bedrock refuses.
    pub(super) fn text(text: &str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| Self::Text(text.to_owned()))
    }
}
