//! Reads recorded answers of providers and compares what is found with a slow and plain reading of the same bytes.
//! `WEIR_WIRE_CORPUS` names the directory of recordings.

use std::fs;
use std::path::{Path, PathBuf};

use domain::Usage;
use domain::provider::Dialect;
use serde_json::Value;
use wire::usage::{HideUsage, Observed, StreamWatch, from_body};

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

struct Case {
    name: String,
    folder: PathBuf,
    dialect: Dialect,
    meta: Value,
}

fn cases() -> Option<Vec<Case>> {
    let Some(corpus) = std::env::var_os("WEIR_WIRE_CORPUS") else {
        eprintln!("\n*** SKIPPED: WEIR_WIRE_CORPUS names no directory of recorded traffic ***\n");
        return None;
    };
    let mut found = Vec::new();
    for provider in PROVIDERS {
        for (operation, dialect) in OPERATIONS {
            let Ok(entries) = fs::read_dir(Path::new(&corpus).join(provider).join(operation)) else { continue };
            for entry in entries {
                let folder = entry.expect("an entry").path();
                let name = format!("{provider}/{operation}/{}", folder.file_name().expect("a name").display());
                let meta = read_json(&folder.join("meta.json"));
                found.push(Case { name, folder, dialect, meta });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() > 300, "only {} cases in {}", found.len(), corpus.display());
    Some(found)
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// What one document says, read through `Value`.
fn plain_openai(document: &Value, so_far: Option<Usage>) -> Option<Usage> {
    let places = ["/usage", "/response/usage", "/x_groq/usage"];
    let usage = places.iter().filter_map(|place| document.pointer(place)).find(|usage| usage.is_object());
    let Some(usage) = usage else { return so_far };
    let first = |names: &[&str]| names.iter().map(|name| number(&usage[name])).find(|count| *count > 0).unwrap_or(0);
    let at = |places: &[&str]| {
        let counts = places.iter().filter_map(|place| usage.pointer(place)).map(number);
        counts.max().unwrap_or(0)
    };
    let known = ["prompt_tokens", "input_tokens", "total_tokens"].iter().any(|name| usage[name].is_number());
    if !known {
        return so_far;
    }
    let input = first(&["prompt_tokens", "input_tokens"]);
    let output = first(&["completion_tokens", "output_tokens"]);
    let reasoning = at(&["/completion_tokens_details/reasoning_tokens", "/output_tokens_details/reasoning_tokens"]);
    let outside = number(&usage["total_tokens"]) == input + output + reasoning;
    Some(Usage {
        input,
        output: if outside { output + reasoning } else { output },
        cached_input: at(&[
            "/prompt_tokens_details/cached_tokens",
            "/input_tokens_details/cached_tokens",
            "/prompt_cache_hit_tokens",
            "/num_cached_tokens",
        ]),
        cache_write: at(&["/prompt_tokens_details/cache_write_tokens", "/input_tokens_details/cache_write_tokens"]),
        cache_write_1h: 0,
        reasoning,
        audio_input: at(&["/prompt_tokens_details/audio_tokens", "/input_token_details/audio_tokens"]),
        audio_output: at(&["/completion_tokens_details/audio_tokens"]),
    })
}

/// The figures of Anthropic's documents, the later ones laid over the earlier.
fn plain_anthropic(documents: &[Value]) -> Option<Usage> {
    let mut merged = serde_json::Map::new();
    for document in documents {
        for usage in [&document["usage"], &document["message"]["usage"]] {
            let figures = usage.as_object().into_iter().flatten().filter(|(_, figure)| !figure.is_null());
            merged.extend(figures.map(|(name, figure)| (name.clone(), figure.clone())));
        }
    }
    if merged.is_empty() {
        return None;
    }
    let merged = Value::Object(merged);
    let mut parts = vec![&merged];
    let iterations = merged["iterations"].as_array().into_iter().flatten();
    parts.extend(iterations.filter(|part| part["type"] == "compaction"));
    let mut usage = Usage::default();
    for part in parts {
        let (read, written) = (number(&part["cache_read_input_tokens"]), number(&part["cache_creation_input_tokens"]));
        let hour = number(&part["cache_creation"]["ephemeral_1h_input_tokens"]);
        usage.input += number(&part["input_tokens"]) + read + written;
        usage.output += number(&part["output_tokens"]);
        usage.cached_input += read;
        usage.cache_write += written - hour;
        usage.cache_write_1h += hour;
    }
    usage.reasoning = number(&merged["output_tokens_details"]["thinking_tokens"]);
    Some(usage)
}

fn plain_gemini(documents: &[Value]) -> Option<Usage> {
    let usage = documents.iter().rev().map(|document| &document["usageMetadata"]).find(|usage| usage.is_object())?;
    let audio = |details: &str| {
        let parts = usage[details].as_array().into_iter().flatten();
        parts.filter(|part| part["modality"] == "AUDIO").map(|part| number(&part["tokenCount"])).sum()
    };
    let found = Usage {
        input: number(&usage["promptTokenCount"]) + number(&usage["toolUsePromptTokenCount"]),
        output: number(&usage["candidatesTokenCount"]) + number(&usage["thoughtsTokenCount"]),
        cached_input: number(&usage["cachedContentTokenCount"]),
        reasoning: number(&usage["thoughtsTokenCount"]),
        audio_input: audio("promptTokensDetails"),
        audio_output: audio("candidatesTokensDetails"),
        ..Usage::default()
    };
    assert_eq!(found.input + found.output, number(&usage["totalTokenCount"]), "the parts of Gemini's total");
    Some(found)
}

fn plain(dialect: Dialect, documents: &[Value]) -> Option<Usage> {
    match dialect {
        Dialect::Openai => documents.iter().fold(None, |so_far, document| plain_openai(document, so_far)),
        Dialect::Anthropic => plain_anthropic(documents),
        Dialect::Gemini => plain_gemini(documents),
    }
}

/// The data of each event, found line by line.
fn documents(stream: &str) -> Vec<Value> {
    let lines = stream.lines().filter_map(|line| line.strip_prefix("data:"));
    lines.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect()
}

fn watch(dialect: Dialect, stream: &[u8], chunk: usize) -> Observed {
    let mut watch = StreamWatch::new(dialect);
    stream.chunks(chunk).for_each(|chunk| watch.push(chunk));
    watch.finish()
}

#[test]
fn every_recorded_body_is_read_as_a_plain_reading_does() {
    let Some(cases) = cases() else { return };
    let (mut compared, mut with_usage) = (0, 0);
    for case in cases {
        let response = read_json(&case.folder.join("response.json"));
        let Some(body) = response.get("body").filter(|body| !body.is_null()) else { continue };
        let documents = body.as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
        let text = body.to_string();
        let observed = from_body(case.dialect, text.as_bytes());
        let wanted = plain(case.dialect, &documents);
        assert_eq!(observed.usage, wanted, "{}", case.name);
        assert!(observed.finished, "{}", case.name);
        let failed = documents.iter().any(|document| document.get("error").is_some_and(|error| !error.is_null()));
        assert_eq!(observed.error, failed, "{}", case.name);
        let model = documents.iter().find_map(|body| body.get("model").or(body.get("modelVersion"))?.as_str());
        assert_eq!(observed.model.as_deref(), model.filter(|model| !model.is_empty()), "{}", case.name);
        compared += 1;
        with_usage += usize::from(wanted.is_some());
    }
    eprintln!("{compared} bodies compared, {with_usage} with usage");
    assert!(with_usage > 250);
}

#[test]
fn every_recorded_stream_is_read_as_a_plain_reading_does_in_any_chunking() {
    let Some(cases) = cases() else { return };
    let (mut compared, mut with_usage) = (0, 0);
    for case in cases {
        let Ok(stream) = fs::read(case.folder.join("response.sse")) else { continue };
        let documents = documents(&String::from_utf8_lossy(&stream));
        let observed = watch(case.dialect, &stream, 16 * 1024);
        let wanted = plain(case.dialect, &documents);
        assert_eq!(observed.usage, wanted, "{}", case.name);
        for chunk in [1, 13, 1000] {
            assert_eq!(watch(case.dialect, &stream, chunk), observed, "{} in {chunk}", case.name);
        }
        let features = case.meta["features"].as_array().into_iter().flatten();
        let cut = features.into_iter().any(|feature| feature == "no_terminal_event");
        if !cut && !observed.error && case.meta["status"] == 200 {
            assert!(observed.finished, "{}", case.name);
        }
        compared += 1;
        with_usage += usize::from(wanted.is_some());
    }
    eprintln!("{compared} streams compared, {with_usage} with usage");
    assert!(with_usage > 200);
}

#[test]
fn hiding_usage_takes_nothing_else_out_of_a_recorded_stream() {
    let Some(cases) = cases() else { return };
    let mut hidden = 0;
    for case in cases.iter().filter(|case| case.dialect == Dialect::Openai) {
        let Ok(stream) = fs::read(case.folder.join("response.sse")) else { continue };
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
    assert!(hidden > 40, "{hidden}");
}
