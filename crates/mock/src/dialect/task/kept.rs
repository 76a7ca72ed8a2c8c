//! Files and batches. Nothing is kept: a file's name is in its id, and a batch that is looked at is done.

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::form::Form;
use super::{Answer, CREATED, Failure, Task, text};
use crate::answer::hash;

/// Reads a request; none where it is for another endpoint.
pub(super) fn route(parts: &Parts, body: &[u8]) -> Result<Option<Task>, Failure> {
    let path = parts.uri.path();
    let below = |kind: &str| path.find(kind).map(|place| path[place + kind.len()..].trim_start_matches('/'));
    let answer = match (below("/files"), below("/batches")) {
        (Some(rest), _) => files(parts, rest, body)?,
        (None, Some(rest)) => Answer::Json(batches(parts, rest, body)?),
        (None, None) => return Ok(None),
    };
    Ok(Some(Task { model: String::new(), words: String::new(), answer }))
}

fn file(id: &str, bytes: usize, name: &str, purpose: &str) -> Value {
    json!({ "id": id, "object": "file", "bytes": bytes, "created_at": CREATED, "filename": name, "purpose": purpose,
        "status": "processed" })
}

fn files(parts: &Parts, rest: &str, body: &[u8]) -> Result<Answer, Failure> {
    let known = |id: &str| file(id, 7, "known.jsonl", "batch");
    Ok(Answer::Json(match (&parts.method, rest.split_once('/').map_or((rest, ""), |(id, what)| (id, what))) {
        (&Method::POST, ("", "")) => {
            let form = Form::read(parts, body)?;
            let (name, content) = form.file("file")?;
            let id = format!("file-{:016x}", hash(&[name]));
            file(&id, content.len(), name, form.needed("purpose")?)
        }
        (&Method::GET, ("", "")) => json!({ "object": "list", "data": [known("file-1")], "has_more": false }),
        (&Method::GET, (id, "")) => known(id),
        (&Method::GET, (_, "content")) => {
            return Ok(Answer::Whole("application/octet-stream", "{\"custom_id\":\"1\"}\n".into()));
        }
        (&Method::DELETE, (id, "")) => json!({ "id": id, "object": "file", "deleted": true }),
        _ => return Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "files take GET, POST and DELETE")),
    }))
}

fn batches(parts: &Parts, rest: &str, body: &[u8]) -> Result<Value, Failure> {
    let batch = |id: &str, status: &str, used: u64| {
        json!({ "id": id, "object": "batch", "endpoint": "/v1/chat/completions", "model": "gpt-4o-mini",
            "input_file_id": "file-1", "completion_window": "24h", "status": status, "created_at": CREATED,
            "request_counts": { "total": 1, "completed": 1, "failed": 0 },
            "usage": { "input_tokens": used, "output_tokens": used, "total_tokens": 2 * used } })
    };
    match (&parts.method, rest.split_once('/').map_or((rest, ""), |(id, what)| (id, what))) {
        (&Method::POST, ("", "")) => {
            let body: Value = serde_json::from_slice(body).map_err(|error| Failure::bad(error.to_string()))?;
            Ok(batch(&format!("batch_{:016x}", hash(&[text(&body, "input_file_id")?])), "validating", 0))
        }
        (&Method::GET, ("", "")) => {
            Ok(json!({ "object": "list", "data": [batch("batch_1", "completed", 100)], "has_more": false }))
        }
        (&Method::GET, (id, "")) => Ok(batch(id, "completed", 100)),
        (&Method::POST, (id, "cancel")) => Ok(batch(id, "cancelling", 0)),
        _ => Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "batches take GET and POST")),
    }
}
