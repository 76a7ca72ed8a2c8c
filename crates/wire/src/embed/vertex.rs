//! Vertex AI: `:predict` with instances, and for models since Gemini Embedding 2 `:embedContent` with one text.

use domain::Usage;
use serde::{Deserialize, Serialize};

use super::{Front, Question, Vectors};
use crate::api::{gemini, segment};
use crate::chat::{Json, Refused};
use crate::usage::number::Count;

/// How the names of the newer models begin.
const NEWER: &str = "gemini-embedding-2";

/// Where a question is asked, and the question.
pub(super) fn write_question(
    question: &Question,
    model: &str,
    front: Front,
) -> Result<(Option<String>, Vec<u8>), Refused> {
    #[derive(Serialize)]
    struct Body<'a> {
        instances: Vec<Instance<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        parameters: Option<Parameters>,
    }
    #[derive(Serialize)]
    struct Instance<'a> {
        content: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        task_type: Option<&'static str>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Parameters {
        output_dimensionality: u64,
    }
    // Vertex AI serves other makers' models too, and so theirs may be named with their maker.
    let model = model.strip_prefix("google/").unwrap_or(model);
    let path = |verb| Some(format!("publishers/google/models/{}:{verb}", segment(model)));
    if model.starts_with(NEWER) {
        let [text] = question.texts.as_slice() else { return Err(front.one_at_a_time(model)) };
        return Ok((path("embedContent"), gemini::embed::write_one(question, text, None)));
    }
    let task_type = question.purpose.map(gemini::embed::task_type);
    let instances = question.texts.iter().map(|content| Instance { content, task_type }).collect();
    let parameters = question.dimensions.map(|output_dimensionality| Parameters { output_dimensionality });
    Ok((path("predict"), Json::of(&Body { instances, parameters }).into_bytes()))
}

#[derive(Deserialize)]
struct Given {
    predictions: Option<Vec<Prediction>>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Prediction {
    embeddings: Vector,
}

#[derive(Deserialize)]
struct Vector {
    values: Json,
    statistics: Option<Statistics>,
}

#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    token_count: Count,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    billable_character_count: Count,
}

/// Reads an answer of either kind.
pub(super) fn read_answer(body: &[u8]) -> Result<Vectors, Refused> {
    let given: Given = serde_json::from_slice(body)?;
    let Some(predictions) = given.predictions else { return gemini::embed::read_answer(body) };
    let counts = predictions.iter().filter_map(|one| one.embeddings.statistics.as_ref()?.token_count.0);
    let (mut input, mut known) = (0_u64, false);
    for count in counts {
        (input, known) = (input.saturating_add(count), true);
    }
    let characters = given.metadata.map_or(0, |metadata| metadata.billable_character_count.get());
    let usage = known.then(|| Usage { input, characters, ..Usage::default() });
    let list = predictions.into_iter().map(|one| one.embeddings.values).collect();
    Ok(Vectors { list, usage, model: None })
}
