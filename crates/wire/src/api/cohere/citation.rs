//! Where words come from, and how probable they were.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Api;
use crate::chat::{Citation, Json};
use crate::usage::number::{Count, lenient};

/// A citation, as far as it is read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Cited {
    start: Count,
    end: Count,
    #[serde(deserialize_with = "lenient")]
    sources: Option<Vec<Source>>,
    /// Which of the message's contents it is about.
    pub(super) content_index: Count,
    /// `TEXT_CONTENT`, `THINKING_CONTENT` or `PLAN`.
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    #[serde(deserialize_with = "lenient")]
    document: Option<Document>,
    #[serde(deserialize_with = "lenient")]
    tool_output: Option<Document>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    #[serde(deserialize_with = "lenient")]
    url: Option<String>,
    #[serde(deserialize_with = "lenient")]
    title: Option<String>,
    #[serde(deserialize_with = "lenient")]
    text: Option<String>,
    #[serde(deserialize_with = "lenient")]
    content: Option<String>,
    #[serde(deserialize_with = "lenient")]
    snippet: Option<String>,
}

/// Reads a citation; the first of several sources is named, the original names them all.
pub(super) fn citation(original: Json) -> (Cited, Citation) {
    let mut cited: Cited = original.read().unwrap_or_default();
    let source = cited.sources.take().unwrap_or_default().into_iter().next().unwrap_or_default();
    let document = source.document.or(source.tool_output).unwrap_or_default();
    let citation = Citation {
        url: document.url,
        title: document.title,
        quote: document.text.or(document.content).or(document.snippet),
        span: cited.start.0.zip(cited.end.0),
        original: Some((Api::Cohere, original)),
    };
    (cited, citation)
}

/// A piece of text and the logarithms of its tokens' probabilities.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Probable {
    #[serde(deserialize_with = "lenient")]
    text: Option<String>,
    #[serde(deserialize_with = "lenient")]
    logprobs: Option<Vec<f64>>,
}

/// Probabilities in OpenAI's shape. Cohere may put several tokens into a piece; the sum is the piece's.
pub(super) fn logprobs(pieces: &[Probable]) -> Option<Json> {
    let content: Vec<Value> = pieces
        .iter()
        .filter_map(|piece| {
            let (text, logprobs) = (piece.text.as_ref()?, piece.logprobs.as_ref()?);
            let sum: f64 = logprobs.iter().sum();
            Some(json!({ "token": text, "logprob": sum, "bytes": text.as_bytes(), "top_logprobs": [] }))
        })
        .collect();
    (!content.is_empty()).then(|| Json::of(&json!({ "content": content, "refusal": null })))
}
