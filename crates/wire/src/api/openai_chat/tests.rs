//! What is written and read, in full.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::api::{Api, Encoded, Path, Quirks, StreamDecoder, StreamEncoder, Target};
use crate::chat::{Answer, Asked, Assembly, BlockKind, Choice, Content, Event, Finish, Json, Part, Request, Signature};

mod requests;

const API: Api = Api::OpenaiChat;

fn decoded(body: &Value) -> Request {
    API.decode_request(body.to_string().as_bytes(), Path::default()).expect("a request")
}

fn encoded(body: &Value, model: &str, quirks: &Quirks) -> Encoded {
    API.encode_request(&decoded(body), Target { model, quirks }).expect("a body")
}

fn pretty(body: &[u8]) -> String {
    serde_json::to_string_pretty(&serde_json::from_slice::<Value>(body).expect("JSON")).expect("JSON")
}

fn events(stream: &str) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(API);
    let mut out = Vec::new();
    decoder.push(stream.as_bytes(), &mut out);
    decoder.finish(&mut out);
    out
}

fn chunks(deltas: &[Value]) -> String {
    deltas.iter().map(|delta| format!("data: {}\n\n", json!({ "id": "1", "model": "m", "choices": [delta] }))).collect()
}

fn answer_of(stream: &str) -> Answer {
    let mut assembly = Assembly::default();
    events(stream).into_iter().for_each(|event| assembly.push(event));
    assembly.finish().expect("an answer")
}

fn contents(answer: &Answer) -> Vec<Content> {
    answer.choices[0].parts.iter().map(|part| part.content.clone()).collect()
}

fn call(id: &str, name: &str, arguments: &str) -> Content {
    Content::ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), signature: None }
}

fn thoughtful() -> Answer {
    let mark = |maker, value: &str| Signature { maker, value: value.into() };
    let parts = [
        Content::Thinking { text: "hm".into(), signature: Some(mark(Api::Anthropic, "Eq")) },
        Content::Redacted { data: mark(Api::Anthropic, "Rd") },
        Content::text("It \"rains\"."),
        Content::ToolCall {
            id: "toolu_1".into(),
            name: "f".into(),
            arguments: "{\"a\":1}".into(),
            signature: Some(mark(Api::Gemini, "Ci")),
        },
        call("toolu_2", "g", "{}"),
    ];
    let usage = domain::Usage { input: 10, output: 7, cached_input: 3, reasoning: 2, ..domain::Usage::default() };
    let choice = Choice { index: 0, parts: parts.map(Part::from).to_vec(), finish: Finish::ToolCalls, logprobs: None };
    let (id, model) = ("msg_1".into(), "claude".into());
    Answer { id, model, created: Some(7), choices: vec![choice], usage: Some(usage), service_tier: None }
}

#[test]
fn an_answer_with_everything() {
    let written = super::encode_answer(&thoughtful(), &Asked::default());
    insta::assert_snapshot!(pretty(&written), @r#"
    {
      "id": "chatcmpl-msg_1",
      "object": "chat.completion",
      "created": 7,
      "model": "claude",
      "choices": [
        {
          "index": 0,
          "message": {
            "role": "assistant",
            "content": "It \"rains\".",
            "refusal": null,
            "reasoning_content": "hm",
            "reasoning_details": [
              {
                "type": "reasoning.text",
                "text": "hm",
                "signature": "anthropic#Eq",
                "format": "anthropic-claude-v1",
                "index": 0
              },
              {
                "type": "reasoning.encrypted",
                "data": "anthropic#Rd",
                "format": "anthropic-claude-v1",
                "index": 1
              }
            ],
            "tool_calls": [
              {
                "id": "toolu_1",
                "type": "function",
                "function": {
                  "name": "f",
                  "arguments": "{\"a\":1}"
                },
                "extra_content": {
                  "google": {
                    "thought_signature": "Ci"
                  }
                }
              },
              {
                "id": "toolu_2",
                "type": "function",
                "function": {
                  "name": "g",
                  "arguments": "{}"
                }
              }
            ],
            "annotations": []
          },
          "logprobs": null,
          "finish_reason": "tool_calls"
        }
      ],
      "usage": {
        "prompt_tokens": 10,
        "completion_tokens": 7,
        "total_tokens": 17,
        "prompt_tokens_details": {
          "cached_tokens": 3,
          "audio_tokens": 0
        },
        "completion_tokens_details": {
          "reasoning_tokens": 2,
          "audio_tokens": 0
        }
      }
    }
    "#);
    let back = super::decode_answer(&written).expect("an answer");
    assert_eq!(back.choices, thoughtful().choices);
    assert_eq!(back.usage, thoughtful().usage);
}

#[test]
fn a_stream_with_everything() {
    let asked = Asked { include_usage: true, ..Asked::default() };
    let mut encoder = StreamEncoder::new(API, &asked).expect("a front");
    let mut written = Vec::new();
    crate::chat::replay(thoughtful()).into_iter().for_each(|event| encoder.push(event, &mut written));
    let text = String::from_utf8(written).expect("text");
    insta::assert_snapshot!(text, @r#"
    data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}

    data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[{"index":0,"delta":{"reasoning_content":"hm"},"logprobs":null,"finish_reason":null}]}

    data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"anthropic#Eq","format":"anthropic-claude-v1","index":0}]},"logprobs":null,"finish_reason":null}]}

    data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"anthropic#Rd","format":"anthropic-claude-v1","index":1}]},"logprobs":null,"finish_reason":null}]}

    data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[{"index":0,"delta":{"content":"It \"rains\"."},"logprobs":null,"finish_reason":null}]}

    data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"toolu_1","type":"function","function":{"name":"f","arguments":""}}]},"logprobs":null,"finish_reason":null}]}

    data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":""},"extra_content":{"google":{"thought_signature":"Ci"}}}]},"logprobs":null,"finish_reason":null}]}

    data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]},"logprobs":null,"finish_reason":null}]}

    data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"toolu_2","type":"function","function":{"name":"g","arguments":""}}]},"logprobs":null,"finish_reason":null}]}

    data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]},"logprobs":null,"finish_reason":null}]}

    data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}]}

    data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":7,"total_tokens":17,"prompt_tokens_details":{"cached_tokens":3,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":0}}}

    data: [DONE]
    "#);
    let back = answer_of(&text);
    assert_eq!(back.choices, thoughtful().choices);
    assert_eq!(back.usage, thoughtful().usage);
}

#[test]
fn an_error_ends_a_stream() {
    let mut encoder = StreamEncoder::new(API, &Asked::default()).expect("a front");
    let mut written = Vec::new();
    encoder.push(Event::KeepAlive, &mut written);
    encoder.push(Event::Error(crate::chat::StreamError::truncated()), &mut written);
    insta::assert_snapshot!(String::from_utf8(written).expect("text"), @r#"
    : keep-alive

    data: {"error":{"message":"The provider's stream ended before the answer was complete.","type":"server_error","param":null,"code":"upstream_reset"}}
    "#);
}

#[test]
fn parallel_calls_are_told_apart_however_they_are_numbered() {
    let calls = |list: Value| json!({ "index": 0, "delta": { "tool_calls": list } });
    let function = |name: &str, arguments: &str| json!({ "name": name, "arguments": arguments });
    let both = [call("a", "f", "{\"x\":1}"), call("b", "g", "{}")];
    let finish = json!({ "index": 0, "delta": {}, "finish_reason": "stop" });
    let numbered = [
        calls(json!([{ "index": 0, "id": "a", "function": function("f", "") }])),
        calls(json!([{ "index": 1, "id": "b", "function": function("g", "{") }])),
        calls(json!([{ "index": 0, "id": "", "function": { "arguments": "{\"x\":" } }])),
        calls(
            json!([{ "index": 1, "function": { "arguments": "}" } }, { "index": 0, "function": { "arguments": "1}" } }]),
        ),
        finish.clone(),
    ];
    let all_zero = [
        calls(json!([{ "index": 0, "id": "a", "function": function("f", "{\"x\":1}") }])),
        calls(json!([{ "index": 0, "id": "b", "function": function("g", "{}") }])),
        finish.clone(),
    ];
    let unnumbered = [
        calls(json!([{ "id": "a", "function": function("f", "{\"x\":") }])),
        calls(json!([{ "function": { "arguments": "1}" } }])),
        calls(json!([{ "id": "b", "function": { "name": "g", "arguments": {} } }])),
        finish.clone(),
    ];
    for stream in [&numbered[..], &all_zero, &unnumbered] {
        let answer = answer_of(&chunks(stream));
        assert_eq!(contents(&answer), both);
        assert_eq!(answer.choices[0].finish, Finish::ToolCalls);
    }
    let nameless = [
        calls(json!([{ "index": 0, "id": "", "function": function("f", "{\"x\":1}") }])),
        calls(json!([{ "index": 0, "id": "", "function": function("g", "{}") }])),
        finish,
    ];
    let ids: Vec<_> = contents(&answer_of(&chunks(&nameless)));
    assert_eq!(ids, [call("call_1_0", "f", "{\"x\":1}"), call("call_1_1", "g", "{}")]);
}

#[test]
fn reasons_to_finish_are_understood() {
    for (choice, finish) in [
        (json!({ "delta": {}, "finish_reason": "eos" }), Finish::Stop),
        (json!({ "delta": {}, "finish_reason": "" }), Finish::Stop),
        (json!({ "delta": {}, "finish_reason": "stop", "stop_reason": "END" }), Finish::StopSequence("END".into())),
        (json!({ "delta": {}, "finish_reason": "stop", "stop_reason": 128 }), Finish::Stop),
        (json!({ "delta": { "refusal": "no" }, "finish_reason": "stop" }), Finish::Refusal),
        (json!({ "delta": {}, "finish_reason": "model_length" }), Finish::ContextFull),
        (json!({ "delta": {}, "finish_reason": "error" }), Finish::Failed("error".into())),
        (json!({ "delta": {}, "finish_reason": "tired" }), Finish::Other("tired".into())),
        (json!({ "delta": {}, "finish_reason": "function_call" }), Finish::Stop),
    ] {
        assert_eq!(answer_of(&chunks(std::slice::from_ref(&choice))).choices[0].finish, finish, "{choice}");
    }
}

#[test]
fn a_stream_that_stops_is_no_answer() {
    let begun = chunks(&[json!({ "index": 0, "delta": { "content": "Hel" } })]);
    assert!(matches!(events(&begun).last(), Some(Event::Error(error)) if error.code == "upstream_reset"));
    assert_eq!(events(&format!("{begun}data: [DONE]\n\n")).last(), Some(&Event::End));
}

#[test]
fn usage_comes_last_and_counts_once() {
    let mut stream = String::from("data: {\"id\":\"\",\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[]}\n\n");
    for (words, tokens) in [("a", 1), ("b", 2)] {
        let choice = json!({ "delta": { "content": words }, "message": { "content": "ab" }, "finish_reason": "stop" });
        let usage = json!({ "prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": 5 + tokens });
        let chunk =
            json!({ "id": "x", "model": "m", "choices": [choice], "usage": usage, "citations": ["https://a.example"] });
        stream += &format!("data: {chunk}\r\n\r\n");
    }
    let answer = answer_of(&stream);
    assert_eq!(answer.usage.map(|usage| (usage.input, usage.output)), Some((5, 2)));
    assert_eq!((answer.id.as_str(), answer.model.as_str()), ("x", "m"));
    let Content::Text { text, citations } = &contents(&answer)[0] else { panic!("{answer:?}") };
    assert_eq!((text.as_str(), citations.len()), ("ab", 1));
}

#[test]
fn choices_may_come_mixed() {
    let delta = |index: u32, words: &str| json!({ "index": index, "delta": { "content": words } });
    let finish = |index: u32| json!({ "index": index, "delta": {}, "finish_reason": "stop" });
    let answer =
        answer_of(&chunks(&[delta(1, "b"), delta(0, "a"), delta(1, "B"), finish(1), delta(0, "A"), finish(0)]));
    let texts: Vec<_> = answer.choices.iter().map(|choice| choice.parts[0].content.clone()).collect();
    assert_eq!(texts, [Content::text("aA"), Content::text("bB")]);
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn cuts_change_nothing_and_nothing_panics(
        pieces in prop::collection::vec(prop::sample::select(vec![
            r#"{"id":"1","choices":[{"delta":{"content":"é\ud83d\ude00"}}]}"#,
            r#"{"choices":[{"index":1,"delta":{"reasoning":"r","reasoning_details":[{"type":"reasoning.text","text":"r","index":0}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":3,"function":{"arguments":"}"}}]},"finish_reason":"tool_calls"}]}"#,
            r#"{"choices":[{"delta":null,"message":7,"finish_reason":9}],"usage":{"prompt_tokens":1}}"#,
            r#"{"choices":7}"#, "[1]", "nothing", "[DONE]",
            r#"{"error":"late"}"#,
        ]), 0..12),
        size in 1_usize..40,
    ) {
        let stream: String = pieces.iter().map(|piece| format!("data: {piece}\n\n")).collect();
        let whole = events(&stream);
        let mut decoder = StreamDecoder::new(API);
        let mut cut = Vec::new();
        stream.as_bytes().chunks(size).for_each(|chunk| decoder.push(chunk, &mut cut));
        decoder.finish(&mut cut);
        prop_assert_eq!(&whole, &cut);
        prop_assert!(matches!(whole.last(), Some(Event::End | Event::Error(_))));
        let mut numbers: Vec<u32> = Vec::new();
        for event in &whole {
            if let Event::BlockStart { block, kind, .. } = event {
                prop_assert!(!numbers.contains(block));
                let nameless = matches!(kind, BlockKind::ToolCall { id, .. } if id.is_empty());
                prop_assert!(!nameless);
                numbers.push(*block);
            }
        }
    }

    #[test]
    fn arbitrary_bodies_never_panic(body in "\\PC*") {
        let _ = API.decode_request(body.as_bytes(), Path::default());
        let _ = API.decode_answer(body.as_bytes());
    }
}
