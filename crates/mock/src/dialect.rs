//! The three APIs, and what there is beside chat: which one a request speaks, its key, its routes, its errors.

mod anthropic;
mod gemini;
mod openai;
mod task;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::answer::Prompt;
use crate::control::Control;

/// The API a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Openai,
    Anthropic,
    Gemini,
}

/// An error to be told in the dialect's shape.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub status: StatusCode,
    pub message: String,
}

impl Failure {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

/// What a request asks for, read and checked.
#[derive(Debug)]
pub(crate) enum Route {
    Generate(Dialect, Prompt),
    /// Gemini without `alt=sse` streams one JSON array.
    GenerateArray(Prompt),
    CountTokens(Dialect, Prompt),
    OpenaiEmbeddings(openai::Embeddings),
    GeminiEmbeddings(gemini::Embeddings),
    Models(Dialect, Option<String>),
    Task(task::Task),
}

/// An answer before it is paced.
#[derive(Debug)]
pub(crate) enum Reply {
    Json(Value),
    Whole { content_type: &'static str, body: Bytes },
    Events { content_type: &'static str, events: Vec<Bytes> },
}

impl Dialect {
    /// The API a request means, by its path first and its headers where two share a path.
    pub fn of(parts: &Parts) -> Self {
        let path = parts.uri.path();
        let openai = path.contains("/openai/") || path.ends_with("/chat/completions") || path.ends_with("/embeddings");
        if openai {
            Self::Openai
        } else if path.contains("/messages") {
            Self::Anthropic
        } else if path.starts_with("/v1beta") || path.contains(':') {
            Self::Gemini
        } else if parts.headers.contains_key("anthropic-version") {
            Self::Anthropic
        } else if parts.headers.contains_key("x-goog-api-key") {
            Self::Gemini
        } else {
            Self::Openai
        }
    }

    /// Whether the request carries a key where this API takes one.
    pub fn has_key(self, parts: &Parts) -> bool {
        let header = |name: &str| parts.headers.get(name).is_some_and(|value| !value.is_empty());
        let bearer = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|key| !key.trim().is_empty());
        match self {
            Self::Openai => bearer || header("api-key"),
            Self::Anthropic => bearer || header("x-api-key"),
            Self::Gemini => {
                let query = parts.uri.query().unwrap_or_default();
                bearer
                    || header("x-goog-api-key")
                    || query.split('&').any(|pair| pair.len() > 4 && pair.starts_with("key="))
            }
        }
    }

    /// Reads the request.
    pub fn route(self, parts: &Parts, body: &[u8]) -> Result<Route, Failure> {
        if self == Self::Openai
            && let Some(task) = task::route(parts, body)?
        {
            return Ok(Route::Task(task));
        }
        if parts.method == Method::GET {
            return self.models(parts.uri.path());
        }
        if parts.method != Method::POST {
            return Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "use POST"));
        }
        let body =
            || serde_json::from_slice(body).map_err(|error| Failure::bad(format!("the body is not JSON: {error}")));
        match self {
            Self::Openai => openai::route(parts.uri.path(), body),
            Self::Anthropic => anthropic::route(parts.uri.path(), body),
            Self::Gemini => gemini::route(parts.uri.path(), parts.uri.query().unwrap_or_default(), body),
        }
    }

    fn models(self, path: &str) -> Result<Route, Failure> {
        match path.split_once("/models") {
            Some((_, "" | "/")) => Ok(Route::Models(self, None)),
            Some((_, model)) if model.starts_with('/') => Ok(Route::Models(self, Some(model[1..].to_owned()))),
            _ => Err(not_found(path)),
        }
    }

    /// The error in this API's shape.
    pub fn error(self, error: &Failure) -> Value {
        match self {
            Self::Openai => openai::error(error),
            Self::Anthropic => anthropic::error(error),
            Self::Gemini => gemini::error(error),
        }
    }
}

impl Route {
    /// The model and the text in which controls are looked for.
    pub fn texts(&self) -> (&str, &str) {
        match self {
            Self::Generate(_, prompt) | Self::GenerateArray(prompt) | Self::CountTokens(_, prompt) => {
                (&prompt.model, &prompt.last_user)
            }
            Self::OpenaiEmbeddings(wanted) => (&wanted.model, wanted.texts.first().map_or("", String::as_str)),
            Self::GeminiEmbeddings(wanted) => (&wanted.model, wanted.texts.first().map_or("", String::as_str)),
            Self::Models(_, model) => (model.as_deref().unwrap_or_default(), ""),
            Self::Task(task) => (&task.model, &task.words),
        }
    }

    /// The answer.
    pub fn reply(&self, control: &Control) -> Reply {
        let generate = |dialect: Dialect, prompt: &Prompt| {
            let answer = prompt.answer(control);
            match (dialect, prompt.stream) {
                (Dialect::Openai, true) => sse(openai::events(&answer, prompt.include_usage)),
                (Dialect::Openai, false) => Reply::Json(openai::whole(&answer)),
                (Dialect::Anthropic, true) => sse(anthropic::events(&answer)),
                (Dialect::Anthropic, false) => Reply::Json(anthropic::whole(&answer)),
                (Dialect::Gemini, true) => sse(gemini::events(&answer)),
                (Dialect::Gemini, false) => Reply::Json(gemini::whole(&answer)),
            }
        };
        match self {
            Self::Generate(dialect, prompt) => generate(*dialect, prompt),
            Self::GenerateArray(prompt) => {
                Reply::Events { content_type: "application/json", events: gemini::array(&prompt.answer(control)) }
            }
            Self::CountTokens(Dialect::Gemini, prompt) => {
                Reply::Json(serde_json::json!({ "totalTokens": prompt.input_tokens() }))
            }
            Self::CountTokens(_, prompt) => Reply::Json(serde_json::json!({ "input_tokens": prompt.input_tokens() })),
            Self::OpenaiEmbeddings(wanted) => Reply::Json(wanted.reply(control)),
            Self::GeminiEmbeddings(wanted) => Reply::Json(wanted.reply()),
            Self::Models(dialect, model) => Reply::Json(match dialect {
                Dialect::Openai => openai::models(model.as_deref()),
                Dialect::Anthropic => anthropic::models(model.as_deref()),
                Dialect::Gemini => gemini::models(model.as_deref()),
            }),
            Self::Task(task) => task.reply(control),
        }
    }
}

fn sse(events: Vec<Bytes>) -> Reply {
    Reply::Events { content_type: "text/event-stream; charset=utf-8", events }
}

fn not_found(path: &str) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, format!("the mock has nothing at {path}"))
}

fn as_u32(value: &Value) -> Option<u32> {
    value.as_u64().map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// A comment line of this many bytes: legal in an event stream, and longer than a parser should accept.
pub(crate) fn huge_line(bytes: usize) -> Bytes {
    let mut line = vec![b'x'; bytes.max(4)];
    line[..2].copy_from_slice(b": ");
    let end = line.len() - 2;
    line[end..].copy_from_slice(b"\n\n");
    line.into()
}
