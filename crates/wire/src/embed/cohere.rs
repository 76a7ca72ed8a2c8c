//! Cohere's words for embeddings, at Cohere and at Bedrock.

use serde::{Deserialize, Serialize};

use super::{Purpose, Question, Vectors};
use crate::api::{Api, usage_of};
use crate::chat::{Json, Refused};

/// Writes a question. Cohere wants to know what the vectors are for; where nobody says, they are to be searched through.
pub(super) fn write_question(question: &Question, model: Option<&str>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<&'a str>,
        texts: &'a [String],
        input_type: &'static str,
        embedding_types: [&'static str; 1],
        #[serde(skip_serializing_if = "Option::is_none")]
        output_dimension: Option<u64>,
    }
    let input_type = match question.purpose {
        None | Some(Purpose::Document) => "search_document",
        Some(Purpose::Query) => "search_query",
        Some(Purpose::Classification) => "classification",
        Some(Purpose::Clustering | Purpose::Similarity) => "clustering",
    };
    let output_dimension = question.dimensions;
    let body = Body { model, texts: &question.texts, input_type, embedding_types: ["float"], output_dimension };
    Json::of(&body).into_bytes()
}

/// Vectors by type.
#[derive(Deserialize)]
struct Typed {
    float: Vec<Json>,
}

/// Reads an answer.
pub(super) fn read_answer(body: &[u8]) -> Result<Vectors, Refused> {
    #[derive(Deserialize)]
    struct Given {
        embeddings: Json,
    }
    let Given { embeddings } = serde_json::from_slice(body)?;
    let list = if embeddings.is_object() { embeddings.read::<Typed>()?.float } else { embeddings.read()? };
    Ok(Vectors { list, usage: usage_of(Api::Cohere, body), model: None })
}
