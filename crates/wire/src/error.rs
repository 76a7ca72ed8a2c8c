//! Errors of the gateway in the shape that an SDK of each dialect reads, as a body and as an event of a running stream.

use bytes::Bytes;
use domain::provider::Dialect;
use serde::Serialize;
use serde_json::json;

mod upstream;

pub use upstream::{UpstreamError, in_shape_of, read};

/// What went wrong, before it takes a dialect's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorBody<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The gateway's stable code.
    pub code: &'a str,
    /// A sentence for people.
    pub message: &'a str,
    /// The field of the request that is at fault.
    pub param: Option<&'a str>,
    /// The request's id, to find it in the log.
    pub request_id: Option<&'a str>,
}

/// The error as a JSON body.
#[must_use]
pub fn body(dialect: Dialect, error: &ErrorBody<'_>) -> String {
    match dialect {
        Dialect::Openai => openai(error),
        Dialect::Anthropic => anthropic(error),
        Dialect::Gemini => gemini(error),
    }
}

/// The error as an event inside a stream that is already running. It is the last event the client sees.
#[must_use]
pub fn event(dialect: Dialect, error: &ErrorBody<'_>) -> Bytes {
    let body = body(dialect, error);
    match dialect {
        Dialect::Openai => format!("data: {body}\n\n"),
        Dialect::Anthropic => format!("event: error\ndata: {body}\n\n"),
        Dialect::Gemini => format!("data: {body}\r\n\r\n"),
    }
    .into()
}

/// The same in a stream of responses, whose events have a type. OpenAI's SDKs look for `error` there too.
#[must_use]
pub fn event_of_responses(error: &ErrorBody<'_>) -> Bytes {
    #[derive(Serialize)]
    struct Told<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        code: &'a str,
        message: &'a str,
        param: Option<&'a str>,
        #[serde(flatten)]
        same: OpenaiError<'a>,
    }
    let ErrorBody { code, message, param, .. } = *error;
    let told = Told { kind: "error", code, message, param, same: OpenaiError::of(error) };
    format!("event: error\ndata: {}\n\n", render(&told)).into()
}

#[derive(Serialize)]
struct OpenaiError<'a> {
    error: OpenaiDetail<'a>,
}

#[derive(Serialize)]
struct OpenaiDetail<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

fn openai_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        408 | 504 => "timeout_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

impl<'a> OpenaiError<'a> {
    fn of(error: &ErrorBody<'a>) -> Self {
        let kind = openai_kind(error.status);
        let ErrorBody { code, message, param, request_id, .. } = *error;
        Self { error: OpenaiDetail { message, kind, param, code, request_id } }
    }
}

fn openai(error: &ErrorBody<'_>) -> String {
    render(&OpenaiError::of(error))
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: AnthropicDetail<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct AnthropicDetail<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
    code: &'a str,
}

fn anthropic_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn anthropic(error: &ErrorBody<'_>) -> String {
    let kind = anthropic_kind(error.status);
    let ErrorBody { code, message, request_id, .. } = *error;
    render(&AnthropicError { kind: "error", error: AnthropicDetail { kind, message, code }, request_id })
}

#[derive(Serialize)]
struct GeminiError<'a> {
    error: GeminiDetail<'a>,
}

#[derive(Serialize)]
struct GeminiDetail<'a> {
    code: u16,
    message: &'a str,
    status: &'static str,
    details: Vec<serde_json::Value>,
}

fn gemini_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

fn gemini(error: &ErrorBody<'_>) -> String {
    let status = gemini_status(error.status);
    let info = "type.googleapis.com/google.rpc.ErrorInfo";
    let mut details = vec![json!({ "@type": info, "reason": error.code, "domain": "weir" })];
    if let Some(param) = error.param {
        let kind = "type.googleapis.com/google.rpc.BadRequest";
        let violation = json!({ "field": param, "description": error.message });
        details.push(json!({ "@type": kind, "fieldViolations": [violation] }));
    }
    if let Some(id) = error.request_id {
        details.push(json!({ "@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": id }));
    }
    render(&GeminiError { error: GeminiDetail { code: error.status, message: error.message, status, details } })
}

fn render(error: &impl Serialize) -> String {
    serde_json::to_string(error).expect("plain structs of strings and numbers always serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERROR: ErrorBody<'_> = ErrorBody {
        status: 429,
        code: "rate_limited",
        message: "Slow \"down\".",
        param: None,
        request_id: Some("0199"),
    };

    #[test]
    fn each_dialect_reads_its_own_shape() {
        insta::assert_snapshot!(body(Dialect::Openai, &ERROR), @r#"{"error":{"message":"Slow \"down\".","type":"rate_limit_error","param":null,"code":"rate_limited","request_id":"0199"}}"#);
        insta::assert_snapshot!(body(Dialect::Anthropic, &ERROR), @r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow \"down\".","code":"rate_limited"},"request_id":"0199"}"#);
        insta::assert_snapshot!(body(Dialect::Gemini, &ERROR), @r#"{"error":{"code":429,"message":"Slow \"down\".","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"rate_limited","domain":"weir"},{"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"0199"}]}}"#);
    }

    #[test]
    fn an_error_inside_a_stream_of_responses_has_its_type() {
        insta::assert_snapshot!(std::str::from_utf8(&event_of_responses(&ERROR)).expect("text"), @r#"
        event: error
        data: {"type":"error","code":"rate_limited","message":"Slow \"down\".","param":null,"error":{"message":"Slow \"down\".","type":"rate_limit_error","param":null,"code":"rate_limited","request_id":"0199"}}
        "#);
    }

    #[test]
    fn an_error_inside_a_stream_is_one_event_on_one_line() {
        let error = ErrorBody { message: "two\nlines", ..ERROR };
        for dialect in Dialect::ALL {
            let event = event(dialect, &error);
            let text = std::str::from_utf8(&event).expect("text");
            assert_eq!(text.lines().filter(|line| line.starts_with("data: {")).count(), 1, "{text}");
            assert!(text.lines().last().is_some_and(str::is_empty), "{text}");
        }
    }
}
