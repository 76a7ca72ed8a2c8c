//! Writing the parts of a content, the same in requests and in answers.

use serde::Serialize;

use super::members::Members;
use super::result;
use crate::api::Api;
use crate::chat::{Content, Json, Signature, Source};

/// Places whose media types Gemini knows itself.
const OWN: [&str; 3] = ["://generativelanguage.googleapis.com/", ".youtube.com/", "://youtu.be/"];

/// A part as it is written.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Call>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_response: Option<Response>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_data: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<File>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_resolution: Option<Resolution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Call {
    id: String,
    name: String,
    args: Json,
}

#[derive(Clone, Debug, Serialize)]
struct Response {
    id: String,
    name: String,
    response: Json,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Written>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    mime_type: String,
    data: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
    file_uri: String,
}

#[derive(Clone, Debug, Serialize)]
struct Resolution {
    level: &'static str,
}

impl Written {
    /// Words.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// Reasoning.
    pub(super) fn thought(text: impl Into<String>) -> Self {
        Self { thought: true, ..Self::text(text) }
    }

    /// A call of a tool.
    pub(super) fn call(id: &str, name: &str, arguments: &str) -> Self {
        let call = Call { id: id.to_owned(), name: name.to_owned(), args: result::arguments(arguments) };
        Self { function_call: Some(call), ..Self::default() }
    }

    /// A tool's answer, with the media it holds.
    pub(super) fn response(id: &str, name: &str, response: Json, parts: Vec<Self>) -> Self {
        let response = Response { id: id.to_owned(), name: name.to_owned(), response, parts };
        Self { function_response: Some(response), ..Self::default() }
    }

    /// The same with a mark of the model's.
    pub(super) fn signed(self, mark: Option<String>) -> Self {
        Self { thought_signature: mark, ..self }
    }

    /// Whether it is a call.
    pub(super) fn is_call(&self) -> bool {
        self.function_call.is_some()
    }

    /// Whether it is a call without a mark.
    pub(super) fn is_unsigned_call(&self) -> bool {
        self.function_call.is_some() && self.thought_signature.is_none()
    }

    /// A picture, sound, film or document; none where its bytes are in a file of another provider's, whose id is handed back.
    pub(super) fn media(content: &Content, third_generation: bool) -> Result<Option<Self>, String> {
        let (source, kind, detail) = match content {
            Content::Image { source, detail } => (source, "image/jpeg", detail.as_deref()),
            Content::Document { source, .. } => (source, "application/pdf", None),
            Content::Audio { source } => (source, "audio/mpeg", None),
            Content::Video { source } => (source, "video/mp4", None),
            _ => return Ok(None),
        };
        let level = match detail {
            Some("low") => Some("MEDIA_RESOLUTION_LOW"),
            Some("high" | "original") => Some("MEDIA_RESOLUTION_HIGH"),
            _ => None,
        };
        let media_resolution = level.filter(|_| third_generation).map(|level| Resolution { level });
        Ok(Some(Self { media_resolution, ..Self::source(source, kind)? }))
    }

    fn source(source: &Source, kind: &str) -> Result<Self, String> {
        let file = |mime_type, file_uri| Self { file_data: Some(File { mime_type, file_uri }), ..Self::default() };
        Ok(match source {
            Source::Text(text) => Self::text(text.as_str()),
            Source::Base64 { media_type, data } => {
                let mime_type = if media_type.is_empty() { kind } else { media_type }.to_owned();
                Self { inline_data: Some(Blob { mime_type, data: data.clone() }), ..Self::default() }
            }
            Source::Url { url, media_type } => {
                let own = OWN.iter().any(|host| url.contains(host));
                let guess = || if own { None } else { Some(guess(url).unwrap_or(kind).to_owned()) };
                file(media_type.clone().or_else(guess), url.clone())
            }
            Source::File(id) if id.starts_with("files/") => {
                file(None, format!("https://generativelanguage.googleapis.com/v1beta/{id}"))
            }
            Source::File(id) => return Err(id.clone()),
        })
    }
}

/// The media type that the end of an address tells.
fn guess(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "pdf" => "application/pdf",
        "txt" | "md" => "text/plain",
        "csv" => "text/csv",
        "html" => "text/html",
        "json" => "application/json",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        _ => return None,
    })
}

/// A part, or one that was carried along unread.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Out {
    /// Written here.
    Part(Box<Written>),
    /// As it came.
    Raw(Json),
}

impl From<Written> for Out {
    fn from(written: Written) -> Self {
        Self::Part(Box::new(written))
    }
}

/// Writes the turns of a model. A mark without words belongs to what follows it, or to an empty text.
#[derive(Debug, Default)]
pub(super) struct ModelTurn {
    parts: Vec<Out>,
    pending: Option<String>,
}

impl ModelTurn {
    /// Adds what is said.
    pub(super) fn text(&mut self, text: &str) {
        if !text.is_empty() {
            let mark = self.pending.take();
            self.parts.push(Written::text(text).signed(mark).into());
        }
    }

    /// Adds a call, under its own mark or the one before it.
    pub(super) fn call(&mut self, call: Written, mark: Option<String>) {
        let mark = mark.or_else(|| self.pending.take());
        self.parts.push(call.signed(mark).into());
    }

    /// Adds a picture or the like.
    pub(super) fn media(&mut self, media: Written) {
        let mark = self.pending.take();
        self.parts.push(media.signed(mark).into());
    }

    /// Adds what only Gemini knows.
    pub(super) fn raw(&mut self, part: Json) {
        self.settle();
        self.parts.push(Out::Raw(part));
    }

    /// Adds reasoning under `mark`.
    pub(super) fn thought(&mut self, text: &str, mark: Option<String>) {
        if text.is_empty() {
            if mark.is_some() {
                self.settle();
                self.pending = mark;
            }
        } else {
            self.parts.push(Written::thought(text).signed(mark).into());
        }
    }

    /// Adds reasoning that shows nothing but its mark.
    pub(super) fn bare_thought(&mut self, mark: String) {
        self.parts.push(Written::thought("").signed(Some(mark)).into());
    }

    fn settle(&mut self) {
        if let Some(mark) = self.pending.take() {
            self.parts.push(Written::text("").signed(Some(mark)).into());
        }
    }

    /// The parts.
    pub(super) fn finish(mut self) -> Vec<Out> {
        self.settle();
        self.parts
    }
}

/// The mark as Gemini takes it: its own.
pub(super) fn mark_for_provider(signature: Option<&Signature>) -> Option<String> {
    signature.and_then(|signature| signature.for_provider(Api::Gemini)).map(str::to_owned)
}

/// `{"role": …, "parts": […]}`.
pub(super) fn content(role: &str, parts: &[Out]) -> Members {
    let mut content = Members::default();
    content.put("role", &role);
    content.put("parts", &parts);
    content
}
