//! What was consumed, by every family's rules.

use domain::provider::Dialect;
use serde_json::Value;
use wire::usage::{HideUsage, Observed, StreamWatch, from_body};
use wire_fuzz::reference;

use crate::recordings::{self, Case, compared, documents};

/// Operations that are compared, and the shape of their answers.
const OPERATIONS: [(&str, Dialect); 8] = [
    ("chat_completions", Dialect::Openai),
    ("completions", Dialect::Openai),
    ("embeddings", Dialect::Openai),
    ("responses", Dialect::Openai),
    ("audio_transcriptions", Dialect::Openai),
    ("messages", Dialect::Anthropic),
    ("generate_content", Dialect::Gemini),
    ("stream_generate_content", Dialect::Gemini),
];

/// Providers whose words for usage are compared: those of which it is known that they keep to their family's rules.
const PROVIDERS: [&str; 14] = [
    "openai",
    "azure_openai",
    "anthropic",
    "gemini",
    "gemini_openai_compat",
    "mistral",
    "groq",
    "deepseek",
    "xai",
    "openrouter",
    "perplexity",
    "cerebras",
    "together",
    "fireworks",
];

fn cases() -> Vec<(Dialect, Case)> {
    let known = |operation: &str| OPERATIONS.into_iter().find(|(name, _)| *name == operation);
    let found = recordings::cases(|provider, operation| PROVIDERS.contains(&provider) && known(operation).is_some());
    let dialect = |case: Case| known(&case.operation).map(|(_, dialect)| (dialect, case));
    found.into_iter().filter_map(dialect).collect()
}

fn watch(dialect: Dialect, stream: &[u8], chunk: usize) -> Observed {
    let mut watch = StreamWatch::new(dialect);
    stream.chunks(chunk).for_each(|chunk| watch.push(chunk));
    watch.finish()
}

#[test]
fn every_recorded_body_is_read_as_a_plain_reading_does() {
    let mut with_usage = 0;
    for (dialect, case) in cases() {
        let Some(body) = case.response.get("body").filter(|body| !body.is_null()) else { continue };
        let documents = body.as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
        let text = body.to_string();
        let observed = from_body(dialect, text.as_bytes());
        let wanted = reference::usage(dialect, &documents);
        assert_eq!(observed.usage, wanted, "{}", case.name);
        assert!(observed.finished, "{}", case.name);
        let failed = documents.iter().any(|document| document.get("error").is_some_and(|error| !error.is_null()));
        assert_eq!(observed.error, failed, "{}", case.name);
        let model = documents.iter().find_map(|body| body.get("model").or(body.get("modelVersion"))?.as_str());
        assert_eq!(observed.model.as_deref(), model.filter(|model| !model.is_empty()), "{}", case.name);
        with_usage += usize::from(wanted.is_some());
    }
    compared(with_usage, 250, "bodies with usage");
}

#[test]
fn every_recorded_stream_is_read_as_a_plain_reading_does_in_any_chunking() {
    let mut with_usage = 0;
    for (dialect, case) in cases() {
        let Some(stream) = case.file("response.sse") else { continue };
        let documents = documents(&stream);
        let observed = watch(dialect, &stream, 16 * 1024);
        let wanted = reference::usage(dialect, &documents);
        assert_eq!(observed.usage, wanted, "{}", case.name);
        for chunk in [1, 13, 1000] {
            assert_eq!(watch(dialect, &stream, chunk), observed, "{} in {chunk}", case.name);
        }
        if !case.has_feature("no_terminal_event") && !observed.error && case.is_good() {
            assert!(observed.finished, "{}", case.name);
        }
        with_usage += usize::from(wanted.is_some());
    }
    compared(with_usage, 200, "streams with usage");
}

#[test]
fn hiding_usage_takes_nothing_else_out_of_a_recorded_stream() {
    let mut hidden = 0;
    for (_, case) in cases().into_iter().filter(|(dialect, _)| *dialect == Dialect::Openai) {
        let Some(stream) = case.file("response.sse") else { continue };
        let Ok(text) = std::str::from_utf8(&stream) else { continue };
        let event = |event: &&str| {
            let data =
                event.trim_start().strip_prefix("data:").and_then(|data| serde_json::from_str::<Value>(data).ok());
            let usage_only = data
                .is_some_and(|data| data["choices"].as_array().is_some_and(Vec::is_empty) && data["usage"].is_object());
            !usage_only
        };
        let end = if text.contains("\r\n\r\n") { "\r\n\r\n" } else { "\n\n" };
        let wanted: String = text.split_inclusive(end).filter(event).collect();
        for chunk in [7, 4096] {
            let mut hide = HideUsage::new();
            let mut out: Vec<u8> = Vec::new();
            for chunk in stream.chunks(chunk) {
                hide.push(bytes::Bytes::copy_from_slice(chunk)).for_each(|bytes| out.extend_from_slice(&bytes));
            }
            out.extend(hide.finish().unwrap_or_default());
            assert_eq!(String::from_utf8_lossy(&out), wanted, "{}", case.name);
        }
        hidden += usize::from(wanted.len() < text.len());
    }
    compared(hidden, 40, "streams with hidden usage");
}
