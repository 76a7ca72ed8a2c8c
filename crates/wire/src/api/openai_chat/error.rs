//! Errors that come inside of an answer whose head said 200, in all the shapes that providers give them.

use serde::Deserialize;

use crate::chat::{Json, StreamError};
use crate::usage::lenient;

/// What may tell of an error, on any level.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Report {
    error: Option<Json>,
    message: Option<Json>,
    detail: Option<Json>,
    code: Option<Json>,
    status: Option<Json>,
    status_code: Option<Json>,
    raw_status_code: Option<Json>,
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    error_type: Option<String>,
    choices: Option<Json>,
    object: Option<Json>,
}

/// The error that a whole answer, a chunk or an event is, whatever its status: an object with `error`, one that only has a message, or a list with one of these. None
/// where it is none.
pub fn read(document: &[u8]) -> Option<StreamError> {
    if document.trim_ascii_start().starts_with(b"[") {
        let list: Vec<Json> = serde_json::from_slice(document).ok()?;
        return read(list.first()?.as_str().as_bytes());
    }
    let outer: Report = serde_json::from_slice(document).ok()?;
    let is_error = outer.object.as_ref().is_some_and(|object| object.as_str() == "\"error\"");
    // A message that is an object begins a stream of Anthropic's.
    let is_text = |message: &Json| message.as_str().starts_with('"');
    let bare = outer.choices.is_none() && (outer.message.as_ref().is_some_and(is_text) || outer.detail.is_some());
    let Some(error) = &outer.error else { return (is_error || bare).then(|| outer.tell()) };
    let inner = match error.read::<Vec<Json>>() {
        Ok(list) => list.into_iter().next().unwrap_or_else(|| error.clone()),
        Err(_) => error.clone(),
    };
    if inner.is_object() {
        let inner: Report = inner.read().unwrap_or_default();
        return Some(Report { status: inner.status.or(outer.status), ..inner }.tell());
    }
    Some(Report { message: Some(inner), ..outer }.tell())
}

impl Report {
    fn tell(self) -> StreamError {
        let words = [&self.code, &self.status, &self.status_code, &self.raw_status_code];
        let numbers = words.into_iter().flatten().filter_map(|word| word.text().parse::<u16>().ok());
        let said = numbers.into_iter().find(|status| (400..600).contains(status));
        let code = self.code.as_ref().map(Json::text).filter(|code| code.parse::<f64>().is_err());
        let code = code.or(self.kind).or(self.error_type).filter(|code| !code.is_empty());
        let code = code.unwrap_or_else(|| "upstream_error".to_owned());
        let message = self.message.or(self.detail).as_ref().map(Json::text).filter(|message| !message.is_empty());
        StreamError {
            status: said.unwrap_or_else(|| status_of(&code)),
            message: message.unwrap_or_else(|| "The provider reported an error inside of its answer.".to_owned()),
            code,
        }
    }
}

fn status_of(code: &str) -> u16 {
    let code = code.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| code.contains(word));
    if says(&["rate_limit", "ratelimit", "quota", "resource_exhausted", "too_many"]) {
        429
    } else if says(&["overloaded", "unavailable", "capacity"]) {
        503
    } else if says(&["timeout", "timed_out", "deadline"]) {
        504
    } else if says(&["api_key", "authentication", "unauthenticated"]) {
        401
    } else if says(&["permission", "forbidden"]) {
        403
    } else if says(&["not_found"]) {
        404
    } else if says(&["invalid", "context_length", "content_filter", "tool_use_failed", "bad request"]) {
        400
    } else if says(&["server_error", "internal"]) {
        500
    } else {
        502
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_read() {
        for (document, status, code, message) in [
            (r#"{"error":{"message":"a","type":"server_error","param":null,"code":null}}"#, 500, "server_error", "a"),
            (r#"{"error":{"code":400,"message":"a"},"choices":[{"delta":{}}]}"#, 400, "upstream_error", "a"),
            (r#"{"code":"invalid-argument","error":"a"}"#, 400, "invalid-argument", "a"),
            (r#"{"error":"a","error_type":"overloaded"}"#, 503, "overloaded", "a"),
            (r#"[{"error":{"code":429,"message":"a","status":"RESOURCE_EXHAUSTED"}}]"#, 429, "upstream_error", "a"),
            (r#"{"object":"error","message":"a","type":"x","code":"1500","raw_status_code":400}"#, 400, "x", "a"),
            (r#"{"error":{"message":"a","code":"tool_use_failed","status_code":400}}"#, 400, "tool_use_failed", "a"),
            (r#"{"detail":[{"msg":"a"}]}"#, 502, "upstream_error", r#"[{"msg":"a"}]"#),
            (r#"{"error":["a"]}"#, 502, "upstream_error", "a"),
            (r#"{"error":{}}"#, 502, "upstream_error", "The provider reported an error inside of its answer."),
        ] {
            let wanted = StreamError { status, code: code.into(), message: message.into() };
            assert_eq!(read(document.as_bytes()), Some(wanted), "{document}");
        }
        assert_eq!(read(br#"{"choices":[],"error":null,"message":"x"}"#), None);
        assert_eq!(read(b"plain"), None);
        let begins =
            br#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[]}}"#;
        assert_eq!(read(begins), None, "Anthropic's first event");
    }
}
