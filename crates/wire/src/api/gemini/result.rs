//! Arguments and results of tools as the objects that Gemini wants.

use serde_json::{Value, json};

use crate::chat::Json;

/// A text as a JSON object, where it is one.
fn object(text: &str) -> Option<Json> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    Json::parse(text).ok().filter(Json::is_object)
}

/// The arguments of a call. Those that were cut short, or never were an object, go along as `_raw`.
pub(super) fn arguments(text: &str) -> Json {
    if text.trim().is_empty() {
        return Json::of(&json!({}));
    }
    object(text).unwrap_or_else(|| Json::of(&json!({"_raw": text})))
}

/// The result of a call: an object as it is, everything else as `result`, a failure as `error`.
pub(super) fn wrap(text: &str, failed: bool) -> Json {
    if failed {
        return match object(text) {
            Some(object) => member("error", &object),
            None => Json::of(&json!({"error": text})),
        };
    }
    let list = || Json::parse(text).ok().filter(|_| text.trim_start().starts_with('['));
    match (object(text), list()) {
        (Some(object), _) => object,
        (None, Some(list)) => member("result", &list),
        (None, None) => Json::of(&json!({"result": Value::from(text)})),
    }
}

fn member(name: &str, value: &Json) -> Json {
    Json::parse(format!("{{\"{name}\":{}}}", value.as_str())).unwrap_or_else(|_| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_always_an_object() {
        assert_eq!(arguments("").as_str(), "{}");
        assert_eq!(arguments(r#" {"big": 12345678901234567890123} "#).as_str(), r#"{"big": 12345678901234567890123}"#);
        assert_eq!(arguments(r#"{"city":"Ber"#).as_str(), r#"{"_raw":"{\"city\":\"Ber"}"#);
        assert_eq!(arguments("[1]").as_str(), r#"{"_raw":"[1]"}"#);
    }

    #[test]
    fn results_are_always_an_object() {
        assert_eq!(wrap("sunny", false).as_str(), r#"{"result":"sunny"}"#);
        assert_eq!(wrap("5", false).as_str(), r#"{"result":"5"}"#);
        assert_eq!(wrap("[1,2]", false).as_str(), r#"{"result":[1,2]}"#);
        assert_eq!(wrap(r#"{"a":1}"#, false).as_str(), r#"{"a":1}"#);
        assert_eq!(wrap("no", true).as_str(), r#"{"error":"no"}"#);
        assert_eq!(wrap(r#"{"a":1}"#, true).as_str(), r#"{"error":{"a":1}}"#);
    }
}
