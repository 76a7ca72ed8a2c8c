//! OpenAI's words for embeddings: those of callers, and of the providers that copy them.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{Purpose, Question, Vectors, base64_of};
use crate::chat::{Json, Losses, Refused};

#[derive(Deserialize)]
struct Asked {
    input: Option<Json>,
    dimensions: Option<u64>,
    encoding_format: Option<String>,
    /// What several providers add to OpenAI's fields.
    input_type: Option<String>,
    #[serde(rename = "model")]
    _model: Option<IgnoredAny>,
    #[serde(flatten)]
    rest: BTreeMap<String, IgnoredAny>,
}

/// Reads a caller's question.
pub(super) fn read_question(body: &[u8]) -> Result<(Question, Losses), Refused> {
    let asked: Asked = serde_json::from_slice(body)?;
    let input = asked.input.ok_or_else(|| Refused::field("input", "`input` is missing: a text or a list of texts."))?;
    let texts = if input.as_str().starts_with('"') { input.read().map(|text| vec![text]) } else { input.read() };
    let texts = texts.map_err(|_| {
        Refused::field("input", "This provider embeds texts: send a text or a list of texts, not tokens.")
    })?;
    let base64 = match asked.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(Refused::field("encoding_format", "The encoding is `float` or `base64`.")),
    };
    let mut losses = Losses::default();
    let purpose = asked.input_type.as_deref().and_then(purpose);
    if asked.input_type.is_some() && purpose.is_none() {
        losses.harmless("input_type", "the provider knows no such purpose");
    }
    for field in asked.rest.into_keys() {
        losses.harmless(field, "the provider has no counterpart");
    }
    Ok((Question { texts, dimensions: asked.dimensions, base64, purpose }, losses))
}

/// The words of Cohere, Voyage, NVIDIA and others.
fn purpose(text: &str) -> Option<Purpose> {
    match text {
        "query" | "search_query" => Some(Purpose::Query),
        "document" | "passage" | "search_document" => Some(Purpose::Document),
        "classification" => Some(Purpose::Classification),
        "clustering" => Some(Purpose::Clustering),
        _ => None,
    }
}

/// Writes a question for a provider.
pub(super) fn write_question(question: &Question, model: &str, losses: &mut Losses) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        model: &'a str,
        input: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        dimensions: Option<u64>,
        encoding_format: &'static str,
    }
    if question.purpose.is_some() {
        losses.harmless("taskType", "OpenAI's embeddings have no counterpart");
    }
    let body = Body { model, input: &question.texts, dimensions: question.dimensions, encoding_format: "float" };
    Json::of(&body).into_bytes()
}

#[derive(Deserialize)]
struct Given {
    data: Vec<One>,
    model: Option<String>,
}

#[derive(Deserialize)]
struct One {
    index: Option<usize>,
    embedding: Json,
}

/// Reads a provider's answer.
pub(super) fn read_answer(body: &[u8]) -> Result<Vectors, Refused> {
    let given: Given = serde_json::from_slice(body)?;
    let mut numbered = Vec::with_capacity(given.data.len());
    for (place, one) in given.data.into_iter().enumerate() {
        if !one.embedding.as_str().starts_with('[') {
            return Err(Refused::field("data[].embedding", "An embedding is no list of numbers."));
        }
        numbered.push((one.index.unwrap_or(place), one.embedding));
    }
    numbered.sort_by_key(|(index, _)| *index);
    let list = numbered.into_iter().map(|(_, vector)| vector).collect();
    Ok(Vectors { list, usage: None, model: given.model })
}

/// Writes an answer for a caller.
pub(super) fn write_answer(vectors: &Vectors, model: &str, base64: bool, input: u64) -> Result<Vec<u8>, Refused> {
    #[derive(Serialize)]
    struct Body<'a> {
        object: &'static str,
        data: Vec<Vector>,
        model: &'a str,
        usage: Usage,
    }
    #[derive(Serialize)]
    struct Vector {
        object: &'static str,
        index: usize,
        embedding: Json,
    }
    #[derive(Serialize)]
    struct Usage {
        prompt_tokens: u64,
        total_tokens: u64,
    }
    let mut data = Vec::with_capacity(vectors.list.len());
    for (index, values) in vectors.list.iter().enumerate() {
        let embedding = if base64 { base64_of(values)? } else { values.clone() };
        data.push(Vector { object: "embedding", index, embedding });
    }
    let usage = Usage { prompt_tokens: input, total_tokens: input };
    Ok(Json::of(&Body { object: "list", data, model, usage }).into_bytes())
}
