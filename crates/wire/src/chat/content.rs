//! What messages are made of.

use super::{Json, Signature};
use crate::api::Api;

/// A piece of a message, in its place among the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub content: Content,
    /// Whether the prompt up to here is worth caching, and for how long.
    pub cache: Option<CacheTtl>,
}

impl From<Content> for Part {
    fn from(content: Content) -> Self {
        Self { content, cache: None }
    }
}

/// How long a prompt is kept by the provider's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheTtl {
    /// The provider's short lifetime.
    Short,
    /// One hour.
    Hour,
}

/// The content of a [`Part`].
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Words.
    Text {
        /// The words.
        text: String,
        /// Where they come from.
        citations: Vec<Citation>,
    },
    /// A picture.
    Image {
        /// Where it is.
        source: Source,
        /// How closely to look, in OpenAI's words: `low`, `high`, `auto`.
        detail: Option<String>,
    },
    /// A document, such as a PDF.
    Document {
        /// Where it is.
        source: Source,
        /// File name or title.
        name: Option<String>,
    },
    /// Sound.
    Audio {
        /// Where it is.
        source: Source,
    },
    /// A film.
    Video {
        /// Where it is.
        source: Source,
    },
    /// Reasoning, as the provider shows it.
    Thinking {
        /// The words; empty where only the signature is given away.
        text: String,
        /// The provider's mark, wanted back with the next turn.
        signature: Option<Signature>,
    },
    /// Reasoning that the provider gives away encrypted only.
    Redacted {
        /// The secret, and who can read it.
        data: Signature,
    },
    /// A call of a tool that the caller runs.
    ToolCall {
        /// Names the call; never empty, decoders make one up where the provider gave none.
        id: String,
        /// The tool.
        name: String,
        /// JSON text of an object, or for a custom tool free text. May be cut short where the answer was.
        arguments: String,
        /// Gemini's mark on the call.
        signature: Option<Signature>,
    },
    /// What a tool of the caller's answered.
    ToolResult {
        /// The call it answers.
        call_id: String,
        /// The tool, where the dialect says so.
        name: Option<String>,
        /// The answer: text, pictures, documents.
        content: Vec<Part>,
        /// Whether the tool failed.
        is_error: bool,
    },
    /// Words that decline to answer.
    Refusal {
        /// The words.
        text: String,
    },
    /// What only one API knows: server tools and their results. Kept for that API, left out for others.
    Opaque {
        /// Whose it is.
        api: Api,
        /// The block, as it came.
        value: Json,
    },
}

impl Content {
    /// Plain words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), citations: Vec::new() }
    }
}

/// Where the bytes of a picture, a document or a recording are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Here.
    Base64 {
        /// `image/png` and the like.
        media_type: String,
        /// Standard Base64.
        data: String,
    },
    /// Plain text, as documents may be.
    Text(String),
    /// Somewhere else.
    Url {
        /// The address.
        url: String,
        /// The media type, where it is known.
        media_type: Option<String>,
    },
    /// Uploaded before, to the provider that gave this id.
    File(String),
}

/// Where words come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Citation {
    /// The address of a page.
    pub url: Option<String>,
    /// The title of a page or document.
    pub title: Option<String>,
    /// What the source says.
    pub quote: Option<String>,
    /// The cited words of the answer, as places in its text, counted in characters.
    pub span: Option<(u64, u64)>,
    /// The citation in the words of the API it came from, for that API.
    pub original: Option<(Api, Json)>,
}
