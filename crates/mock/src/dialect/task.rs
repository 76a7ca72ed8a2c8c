//! The endpoints beside chat: OpenAI's pictures, sound, moderation, files and batches, and what Cohere, Jina, Voyage and Ollama
//! have instead of them or beside them.

mod form;
mod kept;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use serde_json::{Value, json};

use super::{Failure, Reply};
use crate::answer::{count_tokens, embedding, hash, pieces};
use crate::control::Control;
use form::Form;

/// When every answer was made.
const CREATED: u64 = 1_764_547_200;
/// Seconds that every recording has.
const SECONDS: u64 = 90;
/// Numbers of a vector when nothing says otherwise.
const DIMENSIONS: u64 = 16;

/// A request, read and answered.
#[derive(Debug)]
pub(crate) struct Task {
    pub model: String,
    /// What controls are looked for in.
    pub words: String,
    answer: Answer,
}

#[derive(Clone, Debug)]
enum Answer {
    Json(Value),
    Whole(&'static str, Bytes),
    Events(Vec<Bytes>),
}

impl Task {
    fn new(model: &str, words: &str, answer: Value) -> Self {
        Self { model: model.to_owned(), words: words.to_owned(), answer: Answer::Json(answer) }
    }

    pub fn reply(&self, control: &Control) -> Reply {
        match self.answer.clone() {
            Answer::Json(mut body) => {
                if control.no_usage
                    && let Some(members) = body.as_object_mut()
                {
                    members.retain(|name, _| !["usage", "meta", "prompt_eval_count"].contains(&name.as_str()));
                }
                Reply::Json(body)
            }
            Answer::Whole(content_type, body) => Reply::Whole { content_type, body },
            Answer::Events(events) => Reply::Events { content_type: "text/event-stream; charset=utf-8", events },
        }
    }
}

/// Reads a request; none where it is for another endpoint.
pub(super) fn route(parts: &Parts, body: &[u8]) -> Result<Option<Task>, Failure> {
    let path = parts.uri.path();
    if let Some(task) = kept::route(parts, body)? {
        return Ok(Some(task));
    }
    let json = || -> Result<Value, Failure> {
        serde_json::from_slice(body).map_err(|error| Failure::bad(format!("the body is not JSON: {error}")))
    };
    let ends = |end: &str| path.ends_with(end);
    Ok(Some(if ends("/images/generations") {
        let body = json()?;
        pictures(text(&body, "model")?, text(&body, "prompt")?, body["n"].as_u64().unwrap_or(1))
    } else if ends("/images/edits") || ends("/images/variations") {
        let form = Form::read(parts, body)?;
        form.file("image").or_else(|_| form.file("image[]"))?;
        let count = form.text("n").and_then(|n| n.parse().ok()).unwrap_or(1);
        pictures(form.needed("model")?, form.text("prompt").unwrap_or_default(), count)
    } else if ends("/audio/speech") {
        let body = json()?;
        let words = text(&body, "input")?;
        let sound = [&b"ID3\x04\0"[..], &hash(&[words]).to_be_bytes(), &[0xff, 0xfb]].concat();
        let answer = Answer::Whole("audio/mpeg", sound.into());
        Task { model: text(&body, "model")?.to_owned(), words: words.to_owned(), answer }
    } else if ends("/audio/transcriptions") || ends("/audio/translations") {
        recording(&Form::read(parts, body)?)?
    } else if ends("/moderations") {
        moderation(&json()?)
    } else if ends("/rerank") {
        ranking(&json()?, ends("/v2/rerank"))?
    } else if ends("/v2/embed") {
        cohere_vectors(&json()?)?
    } else if ends("/api/embed") {
        ollama_vectors(&json()?)?
    } else {
        return Ok(None);
    }))
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Failure> {
    body[name].as_str().ok_or_else(|| Failure::bad(format!("you must provide {name}")))
}

fn texts(body: &Value, name: &str) -> Result<Vec<String>, Failure> {
    let list = body[name].as_array().filter(|list| !list.is_empty());
    let texts = list.and_then(|list| list.iter().map(|one| Some(one.as_str()?.to_owned())).collect());
    texts.ok_or_else(|| Failure::bad(format!("{name} must be a list of texts")))
}

fn pictures(model: &str, prompt: &str, count: u64) -> Task {
    let picture = |number: u64| STANDARD.encode(format!("picture {number} of {prompt}"));
    let data: Vec<Value> = (1..=count.min(10)).map(|number| json!({ "b64_json": picture(number) })).collect();
    let mut answer = json!({ "created": CREATED, "data": data });
    if model.starts_with("gpt-image") {
        let words = count_tokens(prompt);
        answer["usage"] = json!({
            "input_tokens": words, "input_tokens_details": { "image_tokens": 0, "text_tokens": words },
            "output_tokens": 272, "total_tokens": 272 + words,
        });
    }
    Task::new(model, prompt, answer)
}

fn recording(form: &Form) -> Result<Task, Failure> {
    let model = form.needed("model")?;
    let (name, bytes) = form.file("file")?;
    let said = format!("{} bytes of {name}", bytes.len());
    let usage = if model.starts_with("gpt-4o") {
        json!({ "type": "tokens", "input_tokens": 54, "input_token_details": { "audio_tokens": 54, "text_tokens": 0 },
            "output_tokens": 16, "total_tokens": 70 })
    } else {
        json!({ "type": "duration", "seconds": SECONDS })
    };
    let answer = if form.text("stream") == Some("true") {
        let event = |body: Value| Bytes::from(format!("data: {body}\n\n"));
        let delta = |piece: String| event(json!({ "type": "transcript.text.delta", "delta": piece }));
        let mut events: Vec<Bytes> = pieces(&said).map(delta).collect();
        events.push(event(json!({ "type": "transcript.text.done", "text": said, "usage": usage })));
        Answer::Events(events)
    } else if form.text("response_format") == Some("text") {
        Answer::Whole("text/plain; charset=utf-8", format!("{said}\n").into())
    } else {
        Answer::Json(json!({ "text": said, "usage": usage }))
    };
    Ok(Task { model: model.to_owned(), words: form.text("prompt").unwrap_or_default().to_owned(), answer })
}

fn moderation(body: &Value) -> Task {
    let words = body["input"].as_str().map_or_else(|| body["input"].to_string(), str::to_owned);
    let flagged = words.contains("violence");
    let model = body["model"].as_str().unwrap_or("omni-moderation-latest");
    let result = json!({
        "flagged": flagged, "categories": { "violence": flagged },
        "category_scores": { "violence": if flagged { 0.9 } else { 0.1 } },
        "category_applied_input_types": { "violence": ["text"] },
    });
    Task::new(model, &words, json!({ "id": "modr-mock", "model": model, "results": [result] }))
}

/// Documents with more words of the question come first.
fn ranking(body: &Value, is_cohere: bool) -> Result<Task, Failure> {
    let (model, query) = (text(body, "model")?, text(body, "query")?);
    let documents = texts(body, "documents")?;
    let most = body["top_n"].as_u64().or(body["top_k"].as_u64()).unwrap_or(u64::MAX);
    let score = |document: &String| {
        let (found, all) = query
            .split_whitespace()
            .fold((0_u32, 0_u32), |(found, all), word| (found + u32::from(document.contains(word)), all + 1));
        f64::from(found) / f64::from(all.max(1))
    };
    let mut places: Vec<(usize, f64)> = documents.iter().map(score).enumerate().collect();
    places.sort_by(|(a, one), (b, other)| other.total_cmp(one).then(a.cmp(b)));
    places.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    let results: Vec<Value> =
        places.into_iter().map(|(index, score)| json!({ "index": index, "relevance_score": score })).collect();
    let tokens = count_tokens(query) + documents.iter().map(|document| count_tokens(document)).sum::<u64>();
    let id = format!("rank-{:016x}", hash(&[query]));
    let answer = if is_cohere {
        json!({ "id": id, "results": results, "meta": { "api_version": { "version": "2" }, "billed_units": { "search_units": 1 } } })
    } else if body["top_k"].is_null() {
        json!({ "model": model, "object": "list", "usage": { "total_tokens": tokens }, "results": results })
    } else {
        json!({ "object": "list", "data": results, "model": model, "usage": { "total_tokens": tokens } })
    };
    Ok(Task::new(model, query, answer))
}

fn vectors(texts: &[String], dimensions: u64) -> (Vec<Vec<f32>>, u64) {
    let dimensions = usize::try_from(dimensions.clamp(1, 4096)).unwrap_or(1);
    let tokens = texts.iter().map(|text| count_tokens(text)).sum();
    (texts.iter().map(|text| embedding(text, dimensions)).collect(), tokens)
}

fn cohere_vectors(body: &Value) -> Result<Task, Failure> {
    let texts = texts(body, "texts")?;
    text(body, "input_type")?;
    let (list, tokens) = vectors(&texts, body["output_dimension"].as_u64().unwrap_or(DIMENSIONS));
    let meta = json!({ "api_version": { "version": "2" }, "billed_units": { "input_tokens": tokens } });
    let answer = json!({ "id": "embed-mock", "texts": texts, "embeddings": { "float": list }, "meta": meta });
    Ok(Task::new(text(body, "model")?, &texts[0], answer))
}

fn ollama_vectors(body: &Value) -> Result<Task, Failure> {
    let texts = texts(body, "input")?;
    let model = text(body, "model")?;
    let (list, tokens) = vectors(&texts, body["dimensions"].as_u64().unwrap_or(DIMENSIONS));
    Ok(Task::new(model, &texts[0], json!({ "model": model, "embeddings": list, "prompt_eval_count": tokens })))
}
