use domain::Usage;

use super::*;
use crate::chat::{Answer, Asked, Choice, Citation, Finish, Signature};

fn asked() -> Asked {
    Asked { id: "0199".into(), model: "claude".into(), ..Asked::default() }
}

fn answer(content: impl IntoIterator<Item = Content>, finish: Finish) -> Answer {
    let parts = content.into_iter().map(Part::from).collect();
    Answer { choices: vec![Choice { index: 0, parts, finish, logprobs: None }], ..Answer::default() }
}

fn written(answer: &Answer) -> Value {
    serde_json::from_slice(&super::super::encode_answer(answer, &asked())).expect("JSON")
}

#[test]
fn an_answer_of_another_provider_is_written() {
    let page = Citation { url: Some("https://x".into()), title: Some("X".into()), ..Citation::default() };
    let mark = Signature { maker: Api::Gemini, value: "CiQ".into() };
    let call = Content::ToolCall {
        id: "functions.f:0".into(),
        name: "f".into(),
        arguments: String::new(),
        signature: Some(mark),
    };
    let parts = [
        Content::Thinking { text: "hm".into(), signature: None },
        Content::Text { text: "It rains.".into(), citations: vec![page] },
        Content::text(""),
        call,
        super::call("b", "g", r#"{"cut"#),
    ];
    let usage = Usage {
        input: 100,
        output: 20,
        cached_input: 60,
        cache_write: 5,
        cache_write_1h: 10,
        reasoning: 7,
        ..Usage::default()
    };
    let id = "chatcmpl-1".to_owned();
    let answer = Answer { id, usage: Some(usage), service_tier: Some("default".into()), ..answer(parts, Finish::Stop) };
    insta::assert_snapshot!(lines(&written(&answer)), @r#"
    id: "msg_chatcmpl-1"
    type: "message"
    role: "assistant"
    model: "claude"
    content: [{"type":"thinking","thinking":"hm","signature":""},{"type":"text","text":"It rains.","citations":[{"type":"web_search_result_location","cited_text":"","encrypted_index":"","title":"X","url":"https://x"}]},{"type":"thinking","thinking":"","signature":"gemini#CiQ"},{"type":"tool_use","id":"functions.f:0","name":"f","input":{}},{"type":"tool_use","id":"b","name":"g","input":{"_raw":"{\"cut"}}]
    stop_reason: "tool_use"
    stop_sequence: null
    usage: {"input_tokens":25,"cache_creation_input_tokens":15,"cache_read_input_tokens":60,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":10},"output_tokens":20,"output_tokens_details":{"thinking_tokens":7},"service_tier":"standard"}
    "#);
}

#[test]
fn ends_are_told_in_anthropics_words_and_back() {
    for (finish, reason) in [
        (Finish::Stop, "end_turn"),
        (Finish::StopSequence("END".into()), "stop_sequence"),
        (Finish::Length, "max_tokens"),
        (Finish::ContextFull, "model_context_window_exceeded"),
        (Finish::ToolCalls, "tool_use"),
        (Finish::Refusal, "refusal"),
        (Finish::Pause, "pause_turn"),
    ] {
        let body = written(&answer([Content::text("x")], finish.clone()));
        assert_eq!(body["stop_reason"], reason);
        let back = Api::Anthropic.decode_answer(body.to_string().as_bytes()).expect("an answer");
        assert_eq!(back.choices[0].finish, finish);
    }
    assert_eq!(written(&answer([], Finish::ContentFilter))["stop_reason"], "refusal");
    // Words that decline are words to Claude; only what the model would not say at all is a refusal.
    let declined = [Content::text("x"), Content::Refusal { text: "No.".into() }];
    assert_eq!(written(&answer(declined, Finish::Stop))["stop_reason"], "end_turn");
    assert_eq!(written(&answer([Content::Refusal { text: "No.".into() }], Finish::Refusal))["stop_reason"], "refusal");
    assert_eq!(written(&answer([], Finish::Other("odd".into())))["stop_reason"], "end_turn");
    assert_eq!(written(&answer([], Finish::StopSequence("END".into())))["stop_sequence"], "END");
}

#[test]
fn odd_answers_are_read() {
    let read = |body: Value| Api::Anthropic.decode_answer(body.to_string().as_bytes());
    let refused = read(
        json!({ "content": [], "stop_reason": "refusal", "stop_details": { "explanation": "No." }, "usage": null }),
    );
    let refused = refused.expect("an answer");
    assert_eq!(refused.choices[0].parts, [Part::from(Content::Refusal { text: "No.".into() })]);
    assert_eq!((refused.usage, &refused.choices[0].finish), (None, &Finish::Refusal));
    let odd = read(
        json!({ "content": [{ "type": "new" }, 5, { "type": "tool_use", "name": "f", "id": "" }], "stop_reason": "end_turn" }),
    );
    let odd = odd.expect("an answer");
    assert_eq!(odd.choices[0].finish, Finish::ToolCalls);
    assert_eq!(odd.choices[0].parts[2].content, call("toolu_2", "f", "{}"));
    let error = read(json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }));
    assert_eq!(error.expect_err("an error").message, "Overloaded");
    assert!(read(json!({ "id": "x" })).is_err());
}
