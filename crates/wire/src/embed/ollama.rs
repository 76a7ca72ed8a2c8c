//! Ollama's own `/api/embed`.

use serde::{Deserialize, Serialize};

use super::{Question, Vectors};
use crate::api::{Api, usage_of};
use crate::chat::{Json, Losses, Refused};

/// Writes a question.
pub(super) fn write_question(question: &Question, model: &str, losses: &mut Losses) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        model: &'a str,
        input: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        dimensions: Option<u64>,
    }
    if question.purpose.is_some() {
        losses.harmless("input_type", "Ollama has no counterpart");
    }
    Json::of(&Body { model, input: &question.texts, dimensions: question.dimensions }).into_bytes()
}

#[derive(Deserialize)]
struct Given {
    model: Option<String>,
    embeddings: Vec<Json>,
}

/// Reads an answer.
pub(super) fn read_answer(body: &[u8]) -> Result<Vectors, Refused> {
    let given: Given = serde_json::from_slice(body)?;
    Ok(Vectors { list: given.embeddings, usage: usage_of(Api::Ollama, body), model: given.model })
}
