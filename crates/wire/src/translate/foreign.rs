//! Finds what a conversation has from providers of other APIs, where it would go to a provider of the caller's own API as it
//! is: marks that are for their makers only, and ids of calls that Anthropic does not take.
//!
//! A look at the bytes, without reading the body: its cost is a search for a few keys. To find too much does no harm, since the
//! conversation is then read and written anew, in the same API.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::api::{Api, gemini};

macro_rules! key {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(concat!("\"", $text, "\"")));
    };
}
key!(SIGNATURE, "signature");
key!(DATA, "data");
key!(TOOL_USE_ID, "tool_use_id");
key!(ENCRYPTED_CONTENT, "encrypted_content");
key!(THOUGHT_SIGNATURE, "thoughtSignature");
key!(THOUGHT_SIGNATURE_OF_OLD, "thought_signature");

/// Whether a conversation in `front`'s words holds what only a provider of another API understands.
#[must_use]
pub fn has_foreign_marks(front: Api, body: &[u8]) -> bool {
    match front {
        Api::Anthropic => {
            any(body, &SIGNATURE, |mark| mark.is_empty() || is_foreign(mark))
                || any(body, &DATA, is_foreign)
                || any(body, &TOOL_USE_ID, |id| !id.iter().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(b)))
        }
        // A mark is `maker#value`, and one byte is looked for faster than two keys.
        Api::OpenaiChat | Api::OpenaiResponses if memchr::memchr(b'#', body).is_none() => false,
        Api::OpenaiChat => any(body, &SIGNATURE, is_foreign) || any(body, &DATA, is_foreign),
        Api::OpenaiResponses => any(body, &ENCRYPTED_CONTENT, is_foreign),
        Api::Gemini => any(body, &THOUGHT_SIGNATURE, is_wrapped) || any(body, &THOUGHT_SIGNATURE_OF_OLD, is_wrapped),
        Api::Bedrock | Api::Cohere | Api::Ollama | Api::Replicate => false,
    }
}

/// Whether a text that is the value of the key is `wanted`.
fn any(body: &[u8], key: &Finder<'_>, wanted: impl Fn(&[u8]) -> bool) -> bool {
    key.find_iter(body).any(|place| {
        let rest = body[place + key.needle().len()..].trim_ascii_start();
        let value = rest.strip_prefix(b":").and_then(|rest| rest.trim_ascii_start().strip_prefix(b"\""));
        value.is_some_and(|value| wanted(&value[..memchr::memchr(b'"', value).unwrap_or(value.len())]))
    })
}

/// `maker#value`.
fn is_foreign(mark: &[u8]) -> bool {
    let after = |api: Api| mark.strip_prefix(api.name().as_bytes());
    Api::ALL.into_iter().any(|api| after(api).is_some_and(|rest| rest.starts_with(b"#")))
}

/// The same in Base64. The longest name of a maker lies within its first bytes.
fn is_wrapped(mark: &[u8]) -> bool {
    const HEAD: usize = 24;
    let head = std::str::from_utf8(&mark[..mark.len().min(HEAD)]).unwrap_or_default();
    gemini::read_mark(head).maker != Api::Gemini
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(front: Api, body: &str) -> bool {
        has_foreign_marks(front, body.as_bytes())
    }

    #[test]
    fn marks_of_other_makers_are_found_and_others_are_not() {
        for (front, body, wanted) in [
            (Api::Anthropic, r#"{"type":"thinking","thinking":"x","signature":"gemini#Ci"}"#, true),
            (Api::Anthropic, r#"{"type":"thinking","thinking":"x","signature" : ""}"#, true),
            (Api::Anthropic, r#"{"type":"redacted_thinking","data":"openai_responses#rs_1:gA"}"#, true),
            (Api::Anthropic, r#"{"type":"tool_result","tool_use_id":"functions.f:0"}"#, true),
            (Api::Anthropic, r#"{"type":"tool_result","tool_use_id":"toolu_01-a"}"#, false),
            (
                Api::Anthropic,
                r#"{"signature":"EqQB#gemini","data":"iVBORw0","text":"\"signature\":\"gemini#x\""}"#,
                false,
            ),
            (Api::OpenaiChat, r#"{"reasoning_details":[{"signature":"anthropic#Eq"}]}"#, true),
            (Api::OpenaiChat, r#"{"reasoning_details":[{"signature":"Eq","data":"gA"}]}"#, false),
            (Api::OpenaiResponses, r#"{"type":"reasoning","encrypted_content":"anthropic#Eq"}"#, true),
            (Api::OpenaiResponses, r#"{"type":"reasoning","encrypted_content":"gAAA"}"#, false),
            // `anthropic#Eq` and `openai_responses#rs_1:gAAA`.
            (Api::Gemini, r#"{"thoughtSignature":"YW50aHJvcGljI0Vx"}"#, true),
            (Api::Gemini, r#"{"thoughtSignature":"b3BlbmFpX3Jlc3BvbnNlcyNyc18xOmdBQUE="}"#, true),
            (Api::Gemini, r#"{"thoughtSignature":"CiQBEi0K"}"#, false),
        ] {
            assert_eq!(found(front, body), wanted, "{body}");
        }
    }
}
