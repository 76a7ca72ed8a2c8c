//! Errors of providers. On a surface that fronts many providers, an error that is not in the caller's shape is put into
//! it: the status stays, what the provider said becomes the message, and the original is carried inside.

use domain::provider::Dialect;
use serde_json::{Map, Value, json};

use super::{anthropic_kind, gemini_status, openai_kind};

/// Longest original that is carried along, in bytes.
const MOST: usize = 16 * 1024;

/// What a provider's error says, in whatever shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamError {
    /// The sentence for people; empty where there is none.
    pub message: String,
    /// The provider's code, or the type where it has none.
    pub code: Option<String>,
    /// The field at fault.
    pub param: Option<String>,
}

/// The error in the shape of `dialect`; none where it has that shape already and must not be touched.
#[must_use]
pub fn in_shape_of(dialect: Dialect, status: u16, provider: &str, body: &[u8]) -> Option<String> {
    let original = serde_json::from_slice::<Value>(body).ok();
    if original.as_ref().is_some_and(|error| has_shape(dialect, error)) {
        return None;
    }
    let mut error = original.as_ref().map(read).unwrap_or_default();
    if error.message.is_empty() {
        error.message = format!("{provider} answered with status {status} and no message.");
    }
    let carried = original.filter(|_| body.len() <= MOST).unwrap_or_else(|| text(body).into());
    Some(render(dialect, status, &error, provider, &carried))
}

fn text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text[..text.floor_char_boundary(MOST)].to_owned()
}

fn has_shape(dialect: Dialect, error: &Value) -> bool {
    let inner = &error["error"];
    match dialect {
        // SDKs read message, type, param and code.
        Dialect::Openai => inner["message"].is_string() && !inner["status"].is_string() && error["type"] != "error",
        Dialect::Anthropic => error["type"] == "error" && inner["type"].is_string() && inner["message"].is_string(),
        Dialect::Gemini => inner["message"].is_string() && inner["status"].is_string() && inner["code"].is_number(),
    }
}

/// Reads an error of any shape seen so far: an object, a string, a list; below `error`, `errors`, `detail` or at the top.
#[must_use]
pub fn read(document: &Value) -> UpstreamError {
    match document {
        Value::String(message) => UpstreamError { message: message.clone(), ..UpstreamError::default() },
        Value::Array(list) => list.first().map(read).unwrap_or_default(),
        Value::Object(fields) => read_object(fields),
        _ => UpstreamError::default(),
    }
}

fn read_object(fields: &Map<String, Value>) -> UpstreamError {
    let own = UpstreamError {
        message: ["message", "msg", "Message"].iter().find_map(|name| word(fields.get(*name)?)).unwrap_or_default(),
        code: ["code", "status", "type", "__type", "error_type"].iter().find_map(|name| word(fields.get(*name)?)),
        param: fields.get("param").and_then(word).or_else(|| fields.get("loc").map(place)),
    };
    let inner = ["error", "errors", "detail", "message"]
        .iter()
        .filter_map(|name| fields.get(*name))
        .find(|inner| inner.is_object() || inner.is_array() || inner.is_string());
    match inner {
        Some(inner) if own.message.is_empty() => {
            let found = read(inner);
            UpstreamError { code: found.code.or(own.code), param: found.param.or(own.param), message: found.message }
        }
        _ => own,
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// FastAPI's place of a fault: `["body", "messages", 0]`.
fn place(location: &Value) -> String {
    let parts = location.as_array().into_iter().flatten().filter_map(word);
    parts.filter(|part| part != "body").collect::<Vec<_>>().join(".")
}

fn render(dialect: Dialect, status: u16, error: &UpstreamError, provider: &str, original: &Value) -> String {
    let UpstreamError { message, code, param } = error;
    let shaped = match dialect {
        Dialect::Openai => json!({ "error": {
            "message": message, "type": openai_kind(status), "param": param, "code": code,
            "provider": provider, "original": original,
        }}),
        Dialect::Anthropic => json!({ "type": "error", "error": {
            "type": anthropic_kind(status), "message": message, "code": code,
            "provider": provider, "original": original,
        }}),
        Dialect::Gemini => json!({ "error": {
            "code": status, "message": message, "status": gemini_status(status),
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": code.as_deref().unwrap_or("PROVIDER_ERROR"), "domain": provider,
                "metadata": { "original": original.to_string() },
            }],
        }}),
    };
    shaped.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> (String, Option<String>, Option<String>) {
        let error = read(&serde_json::from_str(body).expect("JSON"));
        (error.message, error.code, error.param)
    }

    #[test]
    fn errors_of_every_shape_are_understood() {
        let cases = [
            (r#"{"object":"error","message":"Bad","type":"t","param":"x","code":"1"}"#, Some("1"), Some("x")),
            (
                r#"{"code":"Client specified an invalid argument","error":"Bad"}"#,
                Some("Client specified an invalid argument"),
                None,
            ),
            (
                r#"{"detail":[{"type":"missing","loc":["body","messages",0],"msg":"Bad"}]}"#,
                Some("missing"),
                Some("messages.0"),
            ),
            (r#"{"detail":"Bad"}"#, None, None),
            (r#"[{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}]"#, Some("400"), None),
            (r#"{"success":false,"errors":[{"code":5007,"message":"Bad"}]}"#, Some("5007"), None),
            (r#"{"message":"Bad","__type":"ValidationException"}"#, Some("ValidationException"), None),
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"Bad"}}"#, Some("overloaded_error"), None),
            (r#""Bad""#, None, None),
        ];
        for (body, code, param) in cases {
            let wanted = ("Bad".to_owned(), code.map(str::to_owned), param.map(str::to_owned));
            assert_eq!(said(body), wanted, "{body}");
        }
    }

    #[test]
    fn an_error_in_the_callers_shape_is_not_touched() {
        let openai = r#"{"error":{"message":"Bad","type":"x","param":null,"code":null}}"#;
        let anthropic = r#"{"type":"error","error":{"type":"x","message":"Bad"}}"#;
        let gemini = r#"{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}"#;
        for (own, body) in [(Dialect::Openai, openai), (Dialect::Anthropic, anthropic), (Dialect::Gemini, gemini)] {
            for dialect in Dialect::ALL {
                let shaped = in_shape_of(dialect, 400, "p", body.as_bytes());
                assert_eq!(shaped.is_none(), dialect == own, "{dialect} {body}");
                if let Some(shaped) = shaped {
                    assert!(in_shape_of(dialect, 400, "p", shaped.as_bytes()).is_none(), "{shaped}");
                    assert!(shaped.contains("\"message\":\"Bad\""), "{shaped}");
                }
            }
        }
    }

    #[test]
    fn a_page_becomes_an_error_that_carries_it() {
        let shaped = in_shape_of(Dialect::Openai, 502, "groq", b"<html>nginx</html>").expect("another shape");
        insta::assert_snapshot!(shaped, @r#"{"error":{"message":"groq answered with status 502 and no message.","type":"server_error","param":null,"code":null,"provider":"groq","original":"<html>nginx</html>"}}"#);
        assert!(in_shape_of(Dialect::Anthropic, 500, "p", b"").is_some());
    }
}
