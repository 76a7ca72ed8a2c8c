//! Why an answer ended, in Gemini's words.

use serde_json::Value;

use crate::chat::Finish;

/// What Gemini's filters say.
const FILTERED: [&str; 10] = [
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
];

/// What it says when something went wrong.
const FAILED: [&str; 7] = [
    "OTHER",
    "IMAGE_OTHER",
    "NO_IMAGE",
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MALFORMED_RESPONSE",
];

/// The word; old servers send numbers.
pub(super) fn word(reason: &Value) -> Option<String> {
    const NUMBERED: [&str; 6] = ["FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER"];
    match reason {
        Value::String(word) if !word.is_empty() => Some(word.clone()),
        Value::Number(number) => {
            let number = usize::try_from(number.as_u64()?).ok()?;
            Some(NUMBERED.get(number).unwrap_or(&"OTHER").to_string())
        }
        _ => None,
    }
}

/// Reads the word. It is `STOP` also where tools are to be called.
pub(super) fn read(word: &str, has_calls: bool) -> Finish {
    match word {
        "STOP" if has_calls => Finish::ToolCalls,
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        word if FILTERED.contains(&word) => Finish::ContentFilter,
        word if FAILED.contains(&word) => Finish::Failed(word.to_owned()),
        word => Finish::Other(word.to_owned()),
    }
}

/// Whether the word is the same after it was read and written.
pub(super) fn survives(word: &str) -> bool {
    matches!(word, "STOP" | "MAX_TOKENS" | "SAFETY")
}

/// Writes the word that comes nearest.
pub(super) fn write(finish: &Finish) -> &str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::ToolCalls | Finish::Pause => "STOP",
        Finish::Length | Finish::ContextFull => "MAX_TOKENS",
        Finish::ContentFilter | Finish::Refusal => "SAFETY",
        Finish::Failed(word) if FAILED.contains(&word.as_str()) => word,
        Finish::Failed(_) | Finish::Other(_) => "OTHER",
    }
}
