//! What passes natively in the words of APIs that only providers speak: Bedrock's models by InvokeModel, each in words of its own,
//! and Converse.

use domain::provider::Dialect;
use serde_json::Value;
use wire::api::Api;
use wire::usage::{AmazonCounts, Observed, Words};

use crate::recordings::{Case, cases, compared};

fn words(case: &Case) -> Words {
    let path = case.request["path"].as_str().unwrap_or_default().trim_start_matches('/');
    Words::of(Api::Bedrock, Dialect::Openai, path)
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Input with the cache, and output.
fn totals(observed: &Observed) -> Option<(u64, u64)> {
    observed.usage.map(|usage| (usage.input, usage.output))
}

fn watch(words: Words, stream: &[u8], chunk: usize) -> (Observed, bool) {
    let mut watch = words.watch();
    stream.chunks(chunk).for_each(|chunk| watch.push(chunk));
    let ended = watch.ended();
    (watch.finish(), ended)
}

#[test]
fn every_models_own_answer_has_amazons_counts() {
    let mut with_usage = 0;
    for case in cases(|provider, operation| provider == "bedrock" && operation == "invoke_model") {
        let Some(body) = case.answer().filter(|_| case.is_good()) else { continue };
        let headers = &case.response["headers"];
        let counts = AmazonCounts::read(|name| headers[name].as_str());
        let body = body.to_string();
        let observed = words(&case).read(counts, body.as_bytes());
        let count = |name: &str| number(&headers[format!("x-amzn-bedrock-{name}-token-count")]);
        if let Some(input) = count("input") {
            let cached = count("cache-read-input").unwrap_or(0) + count("cache-write-input").unwrap_or(0);
            assert_eq!(totals(&observed), Some((input + cached, count("output").unwrap_or(0))), "{}", case.name);
            with_usage += 1;
        }
        assert!(observed.finished && observed.model.is_none(), "{}", case.name);
        // The headers are not the only ones to know: most models say it themselves.
        let own = words(&case).read(AmazonCounts::default(), body.as_bytes());
        assert!(own.usage.is_none() || count("input").is_none() || own.usage == observed.usage, "{}", case.name);
    }
    compared(with_usage, 12, "answers of InvokeModel");
}

#[test]
fn every_models_own_stream_has_amazons_counts_in_any_chunking() {
    let mut streams = 0;
    for case in cases(|provider, operation| provider == "bedrock" && operation == "invoke_model_stream") {
        let (Some(stream), Some(events)) = (case.stream(), case.file("response.events.jsonl")) else { continue };
        let events = String::from_utf8(events).expect("text");
        let last: Value = serde_json::from_str(events.lines().last().expect("an event")).expect("JSON");
        let last = &last["decoded_bytes"];
        let metrics = &last["amazon-bedrock-invocationMetrics"];
        let count = |name: &str| number(&metrics[name]).unwrap_or(0);
        let input = count("inputTokenCount") + count("cacheReadInputTokenCount") + count("cacheWriteInputTokenCount");
        // Where a guardrail stepped in, the model's own words are all there is.
        let own = |name: &str| last[name].as_f64().unwrap_or_default() as u64;
        let wanted = match metrics.is_object() {
            true => (input, count("outputTokenCount")),
            false => (own("inputTextTokenCount"), own("totalOutputTextTokenCount")),
        };
        let (observed, ended) = watch(words(&case), &stream, 16 * 1024);
        assert_eq!(totals(&observed), Some(wanted), "{}", case.name);
        assert!(ended == metrics.is_object() && observed.finished && !observed.error, "{}", case.name);
        for chunk in [1, 13, 1000] {
            assert_eq!(watch(words(&case), &stream, chunk).0, observed, "{} in {chunk}", case.name);
        }
        let (cut, ended) = watch(words(&case), &stream[..stream.len() - 1], 1000);
        assert!(!ended && !cut.finished, "{} without its end", case.name);
        streams += 1;
    }
    compared(streams, 15, "streams of InvokeModel");
}

#[test]
fn every_stream_of_converse_is_watched_as_it_passes() {
    let mut streams = 0;
    for case in cases(|provider, operation| provider == "bedrock" && operation == "converse_stream") {
        let (Some(stream), Some(events)) = (case.stream(), case.file("response.events.jsonl")) else { continue };
        let events = String::from_utf8(events).expect("text");
        let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let Some(usage) = events.iter().find_map(|event| event["payload"].get("usage")) else { continue };
        let total = number(&usage["totalTokens"]).expect("a total");
        let (observed, ended) = watch(words(&case), &stream, 1000);
        let found = observed.usage.expect("usage");
        assert_eq!(found.input + found.output, total, "{}", case.name);
        assert!(ended && observed.finished && !observed.error, "{}", case.name);
        assert_eq!(watch(words(&case), &stream, 1).0, observed, "{}", case.name);
        streams += 1;
    }
    compared(streams, 20, "streams of Converse");
}
