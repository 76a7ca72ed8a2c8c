//! Bedrock Converse.

use domain::Usage;
use serde_json::Value;
use wire::api::{Api, usage_of};

use crate::native::{Plain, list, number, read_stream, text};
use crate::recordings::{cases, compared};

fn usage(usage: &Value) -> Option<Usage> {
    let (read, written) = (number(&usage["cacheReadInputTokens"]), number(&usage["cacheWriteInputTokens"]));
    let found = Usage {
        input: number(&usage["inputTokens"]) + read + written,
        output: number(&usage["outputTokens"]),
        cached_input: read,
        cache_write: written,
        ..Usage::default()
    };
    assert_eq!(found.input + found.output, number(&usage["totalTokens"]));
    Some(found)
}

fn finish(reason: &Value, plain: &Plain) -> String {
    match text(reason) {
        "max_tokens" => "length",
        "model_context_window_exceeded" => "ContextFull",
        "guardrail_intervened" | "content_filtered" => "filter",
        "refusal" => "Refusal",
        _ if !plain.calls.is_empty() => "calls",
        "stop_sequence" => "stop sequence ",
        "end_turn" | "tool_use" => "stop",
        other => panic!("{other}"),
    }
    .to_owned()
}

fn call(plain: &mut Plain, call: &Value, input: Value) {
    if call["type"] != "server_tool_use" {
        plain.calls.push((text(&call["toolUseId"]).to_owned(), text(&call["name"]).to_owned(), input));
    }
}

fn plain(body: &Value) -> Plain {
    let mut plain = Plain { usage: usage(&body["usage"]), ..Plain::default() };
    for block in list(&body["output"]["message"]["content"]) {
        plain.text += text(&block["text"]);
        for words in list(&block["citationsContent"]["content"]) {
            plain.text += text(&words["text"]);
        }
        plain.citations += list(&block["citationsContent"]["citations"]).count();
        let reasoning = &block["reasoningContent"];
        plain.thinking += text(&reasoning["reasoningText"]["text"]);
        let marks = [&reasoning["reasoningText"]["signature"], &reasoning["redactedContent"]];
        plain.signatures.extend(marks.into_iter().filter_map(Value::as_str).map(str::to_owned));
        if block["toolUse"].is_object() {
            call(&mut plain, &block["toolUse"], block["toolUse"]["input"].clone());
        }
    }
    plain.finish = finish(&body["stopReason"], &plain);
    plain
}

/// The events of a stream, from the readable copy beside it.
fn plain_stream(lines: &str) -> Plain {
    let mut plain = Plain::default();
    let mut reason = Value::Null;
    let mut inputs: Vec<(Value, String)> = Vec::new();
    for line in lines.lines() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let payload = &event["payload"];
        let delta = &payload["delta"];
        plain.text += text(&delta["text"]);
        plain.citations += usize::from(delta["citation"].is_object());
        let reasoning = &delta["reasoningContent"];
        plain.thinking += text(&reasoning["text"]);
        let marks = [&reasoning["signature"], &reasoning["redactedContent"]];
        plain.signatures.extend(marks.into_iter().filter_map(Value::as_str).map(str::to_owned));
        if payload["start"]["toolUse"].is_object() {
            inputs.push((payload["start"]["toolUse"].clone(), String::new()));
        }
        if let (Some((_, input)), Some(piece)) = (inputs.last_mut(), delta["toolUse"]["input"].as_str()) {
            *input += piece;
        }
        if payload["stopReason"].is_string() {
            reason = payload["stopReason"].clone();
        }
        if payload["usage"].is_object() {
            plain.usage = usage(&payload["usage"]);
        }
    }
    for (start, input) in inputs {
        let input = if input.is_empty() { "{}" } else { &input };
        call(&mut plain, &start, serde_json::from_str(input).unwrap_or(Value::Null));
    }
    plain.finish = finish(&reason, &plain);
    plain
}

#[test]
fn every_recorded_answer_is_read_as_a_plain_reading_does() {
    let mut read = 0;
    for case in cases(|provider, operation| (provider, operation) == ("bedrock", "converse")) {
        let Some(body) = case.answer() else { continue };
        let bytes = body.to_string();
        let answer = Api::Bedrock.decode_answer(bytes.as_bytes());
        if !case.is_good() {
            assert!(answer.is_err(), "{}", case.name);
            continue;
        }
        let wanted = plain(body);
        assert_eq!(usage_of(Api::Bedrock, bytes.as_bytes()), wanted.usage, "{}", case.name);
        assert_eq!(Plain::of(&answer.expect("an answer")), wanted, "{}", case.name);
        read += 1;
    }
    compared(read, 48, "answers");
}

#[test]
fn every_recorded_stream_is_read_as_a_plain_reading_does() {
    let mut read = 0;
    for case in cases(|provider, operation| (provider, operation) == ("bedrock", "converse_stream")) {
        let Some(stream) = case.stream() else { continue };
        let lines = case.file("response.events.jsonl").and_then(|lines| String::from_utf8(lines).ok()).expect("a file");
        let answer = read_stream(Api::Bedrock, &stream).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        assert_eq!(Plain::of(&answer), plain_stream(&lines), "{}", case.name);
        read += 1;
    }
    compared(read, 30, "streams");
}
