//! Gemini's words for embeddings: `:embedContent` for one text and `:batchEmbedContents` for many.

use domain::Usage;
use serde::Serialize;

use super::fields::{Fields, list};
use super::part::{self, Piece};
use crate::chat::{Json, Losses, Refused};
use crate::embed::{Purpose, Question, Vectors};
use crate::scan::Members;
use crate::splice::Edit;

/// Reads a caller's question of either kind.
pub(crate) fn read_question(body: &[u8]) -> Result<(Question, Losses), Refused> {
    let mut fields: Fields = serde_json::from_slice(body)?;
    let requests: Option<Vec<Fields>> = fields.take("requests", "")?;
    let batch = requests.is_some();
    let (mut question, mut losses) = (Question::default(), Losses::default());
    for (i, mut request) in requests.unwrap_or_else(|| vec![fields]).into_iter().enumerate() {
        let at = if batch { format!("requests[{i}]") } else { String::new() };
        let field = |name: &str| if batch { format!("{at}.{name}") } else { name.to_owned() };
        question.texts.push(text_of(&mut request, &field("content"))?);
        let mut config = request.get::<Fields>("embedContentConfig").unwrap_or_default();
        let length = request.take("outputDimensionality", &at)?;
        let length = length.or_else(|| config.get("outputDimensionality"));
        let task = request.take::<String>("taskType", &at)?.or_else(|| config.get("taskType"));
        let purpose = task.as_deref().and_then(purpose);
        if task.is_some() && purpose.is_none() {
            losses.harmless("taskType", "the provider knows no such purpose");
        }
        if request.has("title") {
            losses.harmless("title", "the provider has no counterpart");
        }
        if i == 0 {
            (question.dimensions, question.purpose) = (length, purpose);
        } else if question.dimensions != length {
            let message = "All texts of one request get vectors of one length here.";
            return Err(Refused::field("requests[].outputDimensionality", message));
        } else if question.purpose != purpose {
            losses.grave("requests[].taskType", "all texts of one request have one purpose here");
        }
    }
    Ok((question, losses))
}

fn text_of(request: &mut Fields, at: &str) -> Result<String, Refused> {
    let Some(content) = request.raw("content") else {
        return Err(Refused::field(at, "`content` is missing: the parts to embed."));
    };
    let parts = Fields::of(&content, at)?.raw("parts").map(|parts| list(&parts, at)).transpose()?.unwrap_or_default();
    let mut out = String::new();
    for (i, json) in parts.iter().enumerate() {
        let at = format!("{at}.parts[{i}]");
        match part::read(json, &at)? {
            (Piece::Text { text, .. }, _) => out.push_str(&text),
            _ => return Err(Refused::field(at, "This model embeds text only.")),
        }
    }
    Ok(out)
}

fn purpose(task: &str) -> Option<Purpose> {
    match task {
        "RETRIEVAL_QUERY" | "QUESTION_ANSWERING" | "FACT_VERIFICATION" | "CODE_RETRIEVAL_QUERY" => Some(Purpose::Query),
        "RETRIEVAL_DOCUMENT" => Some(Purpose::Document),
        "CLASSIFICATION" => Some(Purpose::Classification),
        "CLUSTERING" => Some(Purpose::Clustering),
        "SEMANTIC_SIMILARITY" => Some(Purpose::Similarity),
        _ => None,
    }
}

/// Google's word for a purpose.
pub(crate) fn task_type(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Query => "RETRIEVAL_QUERY",
        Purpose::Document => "RETRIEVAL_DOCUMENT",
        Purpose::Classification => "CLASSIFICATION",
        Purpose::Clustering => "CLUSTERING",
        Purpose::Similarity => "SEMANTIC_SIMILARITY",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u64>,
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Text<'a>; 1],
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

fn one<'a>(question: &Question, text: &'a str, model: Option<&str>) -> One<'a> {
    One {
        model: model.map(|model| format!("models/{model}")),
        content: Content { parts: [Text { text }] },
        task_type: question.purpose.map(task_type),
        output_dimensionality: question.dimensions,
    }
}

/// Writes `:batchEmbedContents`.
pub(crate) fn write_question(question: &Question, model: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Batch<'a> {
        requests: Vec<One<'a>>,
    }
    let requests = question.texts.iter().map(|text| one(question, text, Some(model))).collect();
    Json::of(&Batch { requests }).into_bytes()
}

/// Writes `:embedContent` for one text of a question.
pub(crate) fn write_one(question: &Question, text: &str, model: Option<&str>) -> Vec<u8> {
    Json::of(&one(question, text, model)).into_bytes()
}

/// Reads an answer of either kind.
pub(crate) fn read_answer(body: &[u8]) -> Result<Vectors, Refused> {
    let mut fields: Fields = serde_json::from_slice(body)?;
    let single = fields.raw("embedding").map(|one| vec![one]);
    let vectors = single.or_else(|| fields.get("embeddings"));
    let vectors: Vec<Json> = vectors.ok_or_else(|| Refused::field("embeddings", "The answer has no embeddings."))?;
    let mut list = Vec::with_capacity(vectors.len());
    for vector in &vectors {
        let values = Fields::lenient(vector).raw("values");
        list.push(values.ok_or_else(|| Refused::field("embeddings[].values", "An embedding has no values."))?);
    }
    let input = fields.get::<Fields>("usageMetadata").and_then(|mut usage| usage.get("promptTokenCount"));
    let usage = input.map(|input| Usage { input, ..Usage::default() });
    Ok(Vectors { list, usage, model: None })
}

/// Writes an answer: that of `:batchEmbedContents` for a `batch`, else that of `:embedContent`, with the tokens where they
/// are known.
pub(crate) fn write_answer(vectors: Vec<Json>, batch: bool, input: Option<u64>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Vector {
        values: Json,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Usage {
        prompt_token_count: u64,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        #[serde(skip_serializing_if = "Option::is_none")]
        embeddings: Option<Vec<Vector>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        embedding: Option<Vector>,
        #[serde(skip_serializing_if = "Option::is_none")]
        usage_metadata: Option<Usage>,
    }
    let mut vectors = vectors.into_iter().map(|values| Vector { values });
    let embedding = if batch { None } else { vectors.next() };
    let embeddings = batch.then(|| vectors.collect());
    let usage_metadata = input.map(|prompt_token_count| Usage { prompt_token_count });
    Json::of(&Answer { embeddings, embedding, usage_metadata }).into_bytes()
}

/// The edits that put a model in the place of those that the body of a question names beside the URL: Google takes no other
/// than the URL's. A body that is no JSON object has no edits.
#[must_use]
pub fn replace_models(body: &[u8], model: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    replace(body, 0, model, &mut edits);
    let requests = Members::of(body).filter(|member| member.is(body, "requests"));
    for requests in requests {
        let list = &body[requests.value.clone()];
        let Ok(items) = serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(list) else { continue };
        for item in items {
            // The items borrow from the body, so their place in it is known.
            let place = item.get().as_ptr().addr() - body.as_ptr().addr();
            replace(item.get().as_bytes(), place, model, &mut edits);
        }
    }
    edits
}

fn replace(object: &[u8], place: usize, model: &str, edits: &mut Vec<Edit>) {
    let quoted = || serde_json::Value::from(format!("models/{model}")).to_string();
    for member in Members::of(object).filter(|member| member.is(object, "model")) {
        let old = &object[member.value.clone()];
        if old != quoted().as_bytes() {
            let range = place + member.value.start..place + member.value.end;
            edits.push(Edit { range, text: quoted() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::splice::splice;

    #[test]
    fn the_models_of_a_body_are_those_of_its_url() {
        let replaced = |body: &'static str| {
            let edits = replace_models(body.as_bytes(), "e");
            String::from_utf8(splice(&body.into(), &edits).to_vec()).expect("text")
        };
        assert_eq!(
            replaced(r#"{ "requests":[{"model":"models/google/e","x":[1.0]}, {"a":1},{"model":"models/e"}] }"#),
            r#"{ "requests":[{"model":"models/e","x":[1.0]}, {"a":1},{"model":"models/e"}] }"#
        );
        assert_eq!(
            replaced(r#"{"model":"a","content":{"model":"b"}}"#),
            r#"{"model":"models/e","content":{"model":"b"}}"#
        );
        assert_eq!(replaced("[1]"), "[1]");
        assert_eq!(replaced(r#"{"requests":{"model":"a"}}"#), r#"{"requests":{"model":"a"}}"#);
    }
}
