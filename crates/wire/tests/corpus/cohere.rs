//! Cohere's chat.

use domain::Usage;
use serde_json::Value;
use wire::api::{Api, usage_of};

use crate::native::{Plain, list, number, read_stream, text};
use crate::recordings::{cases, compared};

fn usage(usage: &Value) -> Option<Usage> {
    Some(Usage {
        input: number(&usage["billed_units"]["input_tokens"]),
        output: number(&usage["billed_units"]["output_tokens"]),
        reasoning: number(&usage["tokens"]["reasoning_tokens"]),
        ..Usage::default()
    })
}

fn finish(reason: &Value) -> String {
    match text(reason) {
        "MAX_TOKENS" => "length",
        "TOOL_CALL" => "calls",
        "STOP_SEQUENCE" => "stop sequence ",
        "ERROR_LIMIT" => "ContextFull",
        "ERROR_TOXIC" => "filter",
        "COMPLETE" => "stop",
        other => panic!("{other}"),
    }
    .to_owned()
}

fn read(arguments: &str) -> Value {
    serde_json::from_str(if arguments.is_empty() { "{}" } else { arguments }).unwrap_or(Value::Null)
}

fn plain(body: &Value) -> Plain {
    let message = &body["message"];
    let mut plain = Plain {
        text: text(&message["tool_plan"]).to_owned(),
        usage: usage(&body["usage"]),
        finish: finish(&body["finish_reason"]),
        citations: list(&message["citations"]).count(),
        ..Plain::default()
    };
    for block in list(&message["content"]) {
        plain.text += text(&block["text"]);
        plain.thinking += text(&block["thinking"]);
    }
    for call in list(&message["tool_calls"]) {
        let function = &call["function"];
        let (id, name) = (text(&call["id"]).to_owned(), text(&function["name"]).to_owned());
        plain.calls.push((id, name, read(text(&function["arguments"]))));
    }
    plain
}

fn plain_stream(stream: &str) -> Plain {
    let mut plain = Plain::default();
    let mut calls: Vec<(String, String, String)> = Vec::new();
    for data in stream.lines().filter_map(|line| line.strip_prefix("data:")) {
        let Ok(event) = serde_json::from_str::<Value>(data) else { continue };
        let delta = &event["delta"];
        let message = &delta["message"];
        let call = &message["tool_calls"];
        plain.text += text(&message["content"]["text"]);
        plain.text += text(&message["tool_plan"]);
        plain.thinking += text(&message["content"]["thinking"]);
        match text(&event["type"]) {
            "tool-call-start" => {
                let (id, name) = (text(&call["id"]), text(&call["function"]["name"]));
                calls.push((id.to_owned(), name.to_owned(), text(&call["function"]["arguments"]).to_owned()));
            }
            "tool-call-delta" => calls.last_mut().expect("a call").2 += text(&call["function"]["arguments"]),
            "citation-start" => plain.citations += 1,
            "message-end" => {
                plain.finish = finish(&delta["finish_reason"]);
                plain.usage = usage(&delta["usage"]);
            }
            _ => {}
        }
    }
    plain.calls = calls.into_iter().map(|(id, name, arguments)| (id, name, read(&arguments))).collect();
    plain
}

#[test]
fn every_recorded_answer_is_read_as_a_plain_reading_does() {
    let (mut answers, mut streams) = (0, 0);
    for case in cases(|provider, operation| (provider, operation) == ("cohere", "chat_v2")) {
        if let Some(stream) = case.stream() {
            let answer = read_stream(Api::Cohere, &stream).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
            assert_eq!(Plain::of(&answer), plain_stream(&String::from_utf8_lossy(&stream)), "{}", case.name);
            assert!(!answer.id.is_empty());
            streams += 1;
        }
        let Some(body) = case.answer() else { continue };
        let bytes = body.to_string();
        let answer = Api::Cohere.decode_answer(bytes.as_bytes());
        if !case.is_good() {
            assert!(answer.is_err(), "{}", case.name);
            continue;
        }
        let (answer, wanted) = (answer.expect("an answer"), plain(body));
        assert_eq!(usage_of(Api::Cohere, bytes.as_bytes()), wanted.usage, "{}", case.name);
        assert_eq!(Plain::of(&answer), wanted, "{}", case.name);
        assert_eq!(answer.id, text(&body["id"]));
        answers += 1;
    }
    compared(answers, 16, "answers");
    compared(streams, 16, "streams");
}
