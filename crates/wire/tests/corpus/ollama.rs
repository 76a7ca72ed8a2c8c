//! Ollama's own chat.

use domain::Usage;
use serde_json::Value;
use wire::api::{Api, usage_of};

use crate::native::{Plain, list, number, read_stream, text};
use crate::recordings::{cases, compared};

/// A body is a stream of one line.
fn plain(lines: &[Value]) -> Plain {
    let mut plain = Plain::default();
    for line in lines {
        let message = &line["message"];
        plain.text += text(&message["content"]);
        plain.thinking += text(&message["thinking"]);
        for call in list(&message["tool_calls"]) {
            let function = &call["function"];
            let (id, name) = (text(&call["id"]).to_owned(), text(&function["name"]).to_owned());
            plain.calls.push((id, name, function["arguments"].clone()));
        }
        if line["done"] == true {
            let (input, output) = (number(&line["prompt_eval_count"]), number(&line["eval_count"]));
            plain.usage = Some(Usage { input, output, ..Usage::default() });
            let reason = text(&line["done_reason"]);
            plain.finish = match reason {
                "length" => "length".to_owned(),
                _ if !plain.calls.is_empty() => "calls".to_owned(),
                "" | "stop" => "stop".to_owned(),
                other => format!("Other({other:?})"),
            };
        }
    }
    plain
}

#[test]
fn every_recorded_answer_is_read_as_a_plain_reading_does() {
    let mut read = 0;
    for case in cases(|provider, operation| (provider, operation) == ("ollama", "native_chat")) {
        if !case.is_good() {
            continue;
        }
        read += 1;
        let (answer, lines) = if let Some(stream) = case.stream() {
            let lines = String::from_utf8_lossy(&stream);
            let lines = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>();
            (read_stream(Api::Ollama, &stream).unwrap_or_else(|error| panic!("{}: {error:?}", case.name)), lines)
        } else {
            let body = case.answer().expect("a body");
            let bytes = body.to_string();
            let answer = Api::Ollama.decode_answer(bytes.as_bytes()).expect("an answer");
            assert_eq!(usage_of(Api::Ollama, bytes.as_bytes()), answer.usage, "{}", case.name);
            (answer, vec![body.clone()])
        };
        assert_eq!(answer.model, text(&lines[0]["model"]));
        assert!(answer.created.is_some());
        let mut wanted = plain(&lines);
        let found = Plain::of(&answer);
        for (call, found) in wanted.calls.iter_mut().zip(&found.calls).filter(|(call, _)| call.0.is_empty()) {
            assert!(found.0.starts_with("call_"), "an id is made up");
            call.0.clone_from(&found.0);
        }
        assert_eq!(found, wanted, "{}", case.name);
    }
    compared(read, 18, "answers");
}
