//! Counting the tokens of a request: `:countTokens`.

use serde::Serialize;

use super::fields::Fields;
use super::members::Members;
use crate::api::{Path, Target};
use crate::chat::{Json, Refused, Request};

/// Whom a count is asked of: they want the question in different shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Takes the whole request in `generateContentRequest`.
    AiStudio,
    /// Takes the request's members as they are.
    Vertex,
}

/// Reads a caller's question: a whole request in `generateContentRequest`, or its members as they are.
///
/// # Errors
/// When it is no request of this API.
pub fn decode_request(body: &[u8], path: Path<'_>) -> Result<Request, Refused> {
    let mut fields: Fields = serde_json::from_slice(body)?;
    match fields.raw("generateContentRequest") {
        Some(whole) => super::decode_request(whole.as_str().as_bytes(), path),
        None => super::decode_request(body, path),
    }
}

/// Writes the question for a provider.
///
/// # Errors
/// As for a request that is to be answered.
pub fn encode_request(request: &Request, target: Target<'_>, host: Host) -> Result<Vec<u8>, Refused> {
    let body = super::encode_request(request, target)?.body;
    if host == Host::Vertex {
        return Ok(body);
    }
    let mut whole = Members::default();
    whole.put("model", &format!("models/{}", target.model));
    let members: Fields = serde_json::from_slice(&body)?;
    members.rest().into_iter().for_each(|(name, value)| whole.raw(&name, value));
    let mut question = Members::default();
    question.put("generateContentRequest", &whole);
    Ok(serde_json::to_vec(&question)?)
}

/// Reads the count.
///
/// # Errors
/// When the answer has none.
pub fn decode_answer(body: &[u8]) -> Result<u64, Refused> {
    let json: Json = serde_json::from_slice(body)?;
    let count = Fields::lenient(&json).get("totalTokens");
    count.ok_or_else(|| Refused::field("totalTokens", "The answer has no number of tokens."))
}

/// Writes the count for a caller.
#[must_use]
pub fn encode_answer(tokens: u64) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Count {
        total_tokens: u64,
    }
    serde_json::to_vec(&Count { total_tokens: tokens }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Quirks;

    #[test]
    fn both_shapes_of_the_question_are_read_and_written() {
        let path = Path { model: Some("gemini-2.5-flash"), stream: None };
        let plain = br#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#;
        let whole = br#"{"generateContentRequest":{"model":"models/gemini-2.5-flash","contents":[{"role":"user","parts":[{"text":"Hi"}]}]}}"#;
        let request = decode_request(plain, path).expect("a request");
        assert_eq!(decode_request(whole, path).expect("a request"), request);
        let quirks = Quirks::default();
        let target = Target { model: "gemini-2.5-flash", quirks: &quirks };
        let written = |host| String::from_utf8(encode_request(&request, target, host).expect("a body")).expect("text");
        assert_eq!(written(Host::Vertex).as_bytes(), plain);
        assert_eq!(written(Host::AiStudio).as_bytes(), whole);
    }

    #[test]
    fn counts_go_both_ways() {
        assert_eq!(decode_answer(&encode_answer(12)), Ok(12));
        assert!(decode_answer(b"{}").is_err());
    }
}
