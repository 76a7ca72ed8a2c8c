//! Bedrock's InvokeModel: each maker's models have their own words.

use domain::Usage;
use serde::{Deserialize, Serialize};

use super::{Front, Question, Vectors, cohere};
use crate::api::segment;
use crate::chat::{Json, Losses, Refused};
use crate::usage::number::Count;

/// Where a question is asked, and the question.
pub(super) fn write_question(
    question: &Question,
    model: &str,
    front: Front,
    losses: &mut Losses,
) -> Result<(Option<String>, Vec<u8>), Refused> {
    // A model's name may begin with a region: `us.cohere.embed-v4:0`.
    let body = if model.contains("cohere.embed") {
        cohere::write_question(question, None)
    } else if model.contains("amazon.titan-embed-text") {
        titan(question, model, front, losses)?
    } else {
        let message = "Bedrock's embeddings are translated for `cohere.embed-…` and `amazon.titan-embed-text-…`; ask \
                       another model natively.";
        return Err(Refused::field("model", message));
    };
    Ok((Some(format!("model/{}/invoke", segment(model))), body))
}

fn titan(question: &Question, model: &str, front: Front, losses: &mut Losses) -> Result<Vec<u8>, Refused> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        input_text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        dimensions: Option<u64>,
    }
    let [input_text] = question.texts.as_slice() else { return Err(front.one_at_a_time(model)) };
    if question.purpose.is_some() {
        losses.harmless("input_type", "Titan has no counterpart");
    }
    Ok(Json::of(&Body { input_text, dimensions: question.dimensions }).into_bytes())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Titan {
    embedding: Option<Json>,
    #[serde(default)]
    input_text_token_count: Count,
}

/// Reads an answer of either maker.
pub(super) fn read_answer(body: &[u8]) -> Result<Vectors, Refused> {
    let titan: Titan = serde_json::from_slice(body)?;
    let Some(embedding) = titan.embedding else { return cohere::read_answer(body) };
    let usage = titan.input_text_token_count.0.map(|input| Usage { input, ..Usage::default() });
    Ok(Vectors { list: vec![embedding], usage, model: None })
}
