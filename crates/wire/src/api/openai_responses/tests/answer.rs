//! Whole answers.

use super::*;
use crate::chat::{Answer, Choice, Citation, Content, Finish, Part, Signature};

fn answer(contents: Vec<Content>, finish: Finish) -> Answer {
    let parts = contents.into_iter().map(Part::from).collect();
    Answer {
        id: "msg_01".into(),
        model: "claude".into(),
        created: Some(1_700_000_001),
        choices: vec![Choice { index: 0, parts, finish, logprobs: None }],
        usage: Some(domain::Usage {
            input: 10,
            output: 7,
            cached_input: 3,
            cache_write: 1,
            cache_write_1h: 1,
            reasoning: 2,
            ..domain::Usage::default()
        }),
        service_tier: None,
    }
}

fn value(answer: &Answer, asked: &Asked) -> serde_json::Value {
    serde_json::from_slice(&encode_answer(answer, asked)).expect("JSON")
}

#[test]
fn an_answer_repeats_the_question_and_puts_items_in_order() {
    let asked = asked(
        r#"{"model":"x","input":"y","temperature":0.2,"tools":[{"type":"function","name":"f","parameters":null,"strict":false}],
            "reasoning":{"effort":"low"},"text":{"verbosity":"low"},"metadata":{"a":"b"},"store":false}"#,
    );
    let citation =
        |span| Citation { url: Some("https://a.example".into()), title: Some("A".into()), span, ..Citation::default() };
    let contents = vec![
        Content::Thinking {
            text: "hm".into(),
            signature: Some(Signature { maker: Api::Anthropic, value: "EqQB".into() }),
        },
        Content::Text { text: "Grüße ".into(), citations: Vec::new() },
        Content::Text { text: "A says".into(), citations: vec![citation(Some((0, 1)))] },
        Content::ToolCall { id: "toolu_1".into(), name: "f".into(), arguments: String::new(), signature: None },
    ];
    insta::assert_snapshot!(pretty(&encode_answer(&answer(contents, Finish::ToolCalls), &asked)), @r#"
{
  "id": "resp_01",
  "object": "response",
  "created_at": 1700000001,
  "status": "completed",
  "error": null,
  "incomplete_details": null,
  "model": "claude",
  "output": [
    {
      "type": "reasoning",
      "id": "rs_01_0",
      "summary": [
        {
          "type": "summary_text",
          "text": "hm"
        }
      ],
      "encrypted_content": "anthropic#EqQB"
    },
    {
      "type": "message",
      "id": "msg_01_1",
      "status": "completed",
      "role": "assistant",
      "content": [
        {
          "type": "output_text",
          "annotations": [
            {
              "type": "url_citation",
              "start_index": 6,
              "end_index": 7,
              "url": "https://a.example",
              "title": "A"
            }
          ],
          "logprobs": [],
          "text": "Grüße A says"
        }
      ]
    },
    {
      "type": "function_call",
      "id": "fc_01_2",
      "status": "completed",
      "call_id": "toolu_1",
      "name": "f",
      "arguments": "{}"
    }
  ],
  "background": false,
  "instructions": null,
  "max_output_tokens": null,
  "max_tool_calls": null,
  "metadata": {
    "a": "b"
  },
  "parallel_tool_calls": true,
  "previous_response_id": null,
  "prompt_cache_key": null,
  "safety_identifier": null,
  "store": false,
  "temperature": 0.2,
  "tool_choice": "auto",
  "tools": [
    {
      "type": "function",
      "name": "f",
      "parameters": null,
      "strict": false
    }
  ],
  "top_logprobs": 0,
  "top_p": 1.0,
  "truncation": "disabled",
  "text": {
    "format": {
      "type": "text"
    },
    "verbosity": "low"
  },
  "reasoning": {
    "effort": "low",
    "summary": null
  },
  "service_tier": "default",
  "usage": {
    "input_tokens": 10,
    "input_tokens_details": {
      "cached_tokens": 3,
      "cache_write_tokens": 2
    },
    "output_tokens": 7,
    "output_tokens_details": {
      "reasoning_tokens": 2
    },
    "total_tokens": 17
  }
}
"#);
}

#[test]
fn endings_are_told() {
    let end = |finish, contents| {
        let value = value(&answer(contents, finish), &asked("{}"));
        let message = value["output"][0]["status"].as_str().unwrap_or("-");
        format!("{} {} {message}", value["status"], value["incomplete_details"]["reason"])
    };
    let text = || vec![Content::text("x")];
    assert_eq!(end(Finish::Stop, text()), r#""completed" null completed"#);
    assert_eq!(end(Finish::StopSequence("x".into()), text()), r#""completed" null completed"#);
    assert_eq!(end(Finish::Pause, text()), r#""completed" null completed"#);
    assert_eq!(end(Finish::Length, text()), r#""incomplete" "max_output_tokens" incomplete"#);
    assert_eq!(end(Finish::ContentFilter, text()), r#""incomplete" "content_filter" incomplete"#);
    assert_eq!(end(Finish::Refusal, Vec::new()), r#""incomplete" "content_filter" -"#);
    let refusal = vec![Content::Refusal { text: "no".into() }];
    assert_eq!(end(Finish::Refusal, refusal), r#""completed" null completed"#);
    let both = vec![Content::text("x"), Content::Refusal { text: "no".into() }];
    assert_eq!(end(Finish::Refusal, both), r#""incomplete" "content_filter" incomplete"#);
    assert_eq!(end(Finish::Failed("x".into()), text()), r#""failed" null incomplete"#);
}

#[test]
fn classes_of_service_are_words_that_sdks_know() {
    let tier = |given: Option<&str>, body: &str| {
        let answer = Answer { service_tier: given.map(str::to_owned), ..answer(Vec::new(), Finish::Stop) };
        value(&answer, &asked(body))["service_tier"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(tier(Some("priority"), "{}"), "priority");
    assert_eq!(tier(Some("on_demand"), "{}"), "default");
    assert_eq!(tier(None, r#"{"service_tier":"flex"}"#), "flex");
    assert_eq!(tier(None, r#"{"service_tier":"auto"}"#), "default");
}

#[test]
fn endings_are_computed_from_the_content() {
    let finish = |status: &str, output: &str| {
        let body = format!(r#"{{"id":"r","status":{status},"output":[{output}]}}"#);
        decode_answer(body.as_bytes()).expect("an answer").choices.remove(0).finish
    };
    let call = r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#;
    let refusal = r#"{"type":"message","role":"assistant","content":[{"type":"refusal","refusal":"no"}]}"#;
    assert_eq!(finish("null", ""), Finish::Stop);
    assert_eq!(finish("\"completed\"", call), Finish::ToolCalls);
    assert_eq!(finish("\"completed\"", refusal), Finish::Refusal);
    assert_eq!(finish("\"incomplete\"", call), Finish::Length);
    assert_eq!(finish(r#""incomplete","incomplete_details":{"reason":"content_filter"}"#, ""), Finish::ContentFilter);
    assert_eq!(finish(r#""incomplete","incomplete_details":{"reason":"tired"}"#, ""), Finish::Other("tired".into()));
    assert_eq!(
        finish(r#""failed","error":{"code":"server_error","message":"x"}"#, ""),
        Finish::Failed("server_error".into())
    );
}

#[test]
fn odd_answers_are_read_or_refused_but_never_panic() {
    let odd = r#"{"output":[null,7,{},{"type":"message","content":null},{"type":"message","content":[{"type":"new"}]},
        {"type":"reasoning","summary":"x"},{"type":"function_call","call_id":"","id":"fc_1","name":null},
        {"type":"new_call","x":1}],"usage":"none","created_at":1.5,"id":7}"#;
    let answer = decode_answer(odd.as_bytes()).expect("an answer");
    let parts = &answer.choices[0].parts;
    assert!(matches!(&parts[1].content, Content::ToolCall { id, .. } if id == "fc_1"), "{parts:?}");
    assert!(matches!(&parts[2].content, Content::Opaque { .. }), "{parts:?}");
    for body in ["", "[]", "{}", "<html>", r#"{"output":null,"error":{"message":"down"}}"#] {
        assert!(decode_answer(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn a_custom_tool_gets_its_free_text() {
    let asked = asked(r#"{"tools":[{"type":"custom","name":"sh"}]}"#);
    let call = |arguments: &str| Content::ToolCall {
        id: "c".into(),
        name: "sh".into(),
        arguments: arguments.into(),
        signature: None,
    };
    // The text is the tool's, also where it looks like an object that holds one.
    for arguments in [r#"{"input":"ls"}"#, "ls"] {
        let value = value(&answer(vec![call(arguments)], Finish::ToolCalls), &asked);
        assert_eq!(value["output"][0]["type"], "custom_tool_call");
        assert_eq!(value["output"][0]["input"], arguments);
    }
}
