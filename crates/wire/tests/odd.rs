//! Answers as servers might send them though nobody recorded one: missing fields, `null` where something belongs, numbers as
//! texts, single values for lists, kinds that are new. What is said is found all the same.

use wire::api::Api;
use wire::chat::{Answer, Content, Finish, StreamError};
use wire_fuzz::pair::read;

/// Words, reasoning, calls as `name(arguments)`, the reason to finish, tokens in and out.
fn told(answer: &Answer) -> String {
    let (mut text, mut thinking, mut calls) = (String::new(), String::new(), Vec::new());
    let Some(choice) = answer.choices.first() else { return "nothing".to_owned() };
    for part in &choice.parts {
        match &part.content {
            Content::Text { text: more, .. } | Content::Refusal { text: more } => text.push_str(more),
            Content::Thinking { text: more, .. } => thinking.push_str(more),
            Content::ToolCall { id, name, arguments, .. } => {
                assert!(!id.is_empty());
                calls.push(format!("{name}({arguments})"));
            }
            _ => {}
        }
    }
    let finish = match &choice.finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "calls",
        Finish::ContentFilter => "filter",
        Finish::Refusal => "refusal",
        Finish::Other(word) | Finish::Failed(word) => word,
        _ => "?",
    };
    let usage = answer.usage.map_or(String::new(), |usage| format!("{}+{}", usage.input, usage.output));
    [text.as_str(), &thinking, &calls.join(" "), finish, &usage].join("|")
}

fn answers(api: Api, cases: &[(&str, &str)]) {
    for (body, wanted) in cases {
        let answer = api.decode_answer(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"));
        assert_eq!(told(&answer), *wanted, "{body}");
    }
}

/// The answer of a stream whose events have these documents.
fn sse(api: Api, documents: &[&str]) -> Result<String, StreamError> {
    let stream: String = documents.iter().map(|data| format!("data: {data}\n\n")).collect();
    read(api, stream.as_bytes()).map(|answer| told(&answer))
}

fn streams(api: Api, cases: &[(&[&str], &str)]) {
    for (documents, wanted) in cases {
        assert_eq!(sse(api, documents).as_deref(), Ok(*wanted), "{documents:?}");
    }
}

fn fails(api: Api, documents: &[&str], code: &str, message: &str) {
    let error = sse(api, documents).expect_err("an error");
    assert_eq!((error.code.as_str(), error.message.as_str()), (code, message), "{documents:?}");
}

#[test]
fn chat_completions() {
    let api = Api::OpenaiChat;
    answers(
        api,
        &[
            (r#"{"choices":[{"message":{"content":"a"}}]}"#, "a|||stop|"),
            (r#"{"choices":[null,{"message":{"content":"a","tool_calls":null},"finish_reason":null}]}"#, "a|||stop|"),
            (r#"{"choices":[{"message":{"content":{"type":"text","text":"a"}}}]}"#, "a|||stop|"),
            (
                r#"{"choices":[{"message":{"content":["a",{"type":"text","text":"b"},{"type":"new"},null]}}]}"#,
                "ab|||stop|",
            ),
            (
                r#"{"choices":[{"index":"0","message":{"content":"","tool_calls":[null,{"function":{"name":"f","arguments":{"a":1}}}]},"finish_reason":"stop"}]}"#,
                r#"||f({"a":1})|calls|"#,
            ),
            (
                r#"{"choices":[{"message":{"content":"a"},"finish_reason":"brand_new"}],"usage":{"prompt_tokens":"3","completion_tokens":4.0,"total_tokens":null}}"#,
                "a|||brand_new|3+4",
            ),
            (
                r#"{"choices":[{"message":{"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}},{"id":"c","function":{"name":"g","arguments":"{}"}}]}}]}"#,
                "||f({}) g({})|calls|",
            ),
            (r#"{"choices":[{"text":"a","finish_reason":"length"}],"usage":null,"error":null}"#, "a|||length|"),
            (r#"{"choices":[{"message":{"reasoning":"hm","content":null},"finish_reason":"stop"}]}"#, "|hm||stop|"),
            (
                r#"{"choices":[{"message":{"content":null,"function_call":{"name":"f","arguments":"{}"}}}]}"#,
                "||f({})|calls|",
            ),
        ],
    );
    streams(
        api,
        &[
            (&[r#"{"choices":[{"delta":{"content":"a"}}]}"#, "[DONE]"], "a|||stop|"),
            (&[r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#], "a|||stop|"),
            (&["{}", r#"{"choices":null}"#, r#"{"choices":[{"delta":null}]}"#, "[DONE]"], "|||stop|"),
            (
                &[
                    r#"{"choices":[],"prompt_filter_results":[]}"#,
                    r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
                    r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
                    r#"{"usage":null}"#,
                    "[DONE]",
                ],
                "a|||stop|3+4",
            ),
            (
                &[
                    r#"{"choices":[{"delta":{"tool_calls":[{"id":"","function":{"name":"f","arguments":""}},{"function":{"name":"g","arguments":"{}"}}]}}]}"#,
                    r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
                ],
                "||f() g({})|calls|",
            ),
            (
                &[
                    r#"{"choices":[{"delta":{"tool_calls":[{"id":"c","function":{"name":"f"}}]}}]}"#,
                    r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"a\":"}}]}}]}"#,
                    r#"{"choices":[{"delta":{"tool_calls":[{"id":"","type":null,"function":{"name":null,"arguments":"1}"}}]},"finish_reason":"stop"}]}"#,
                ],
                r#"||f({"a":1})|calls|"#,
            ),
        ],
    );
    fails(
        api,
        &[r#"{"choices":[{"delta":{"content":"a"}}]}"#],
        "upstream_reset",
        "The provider's stream ended before the answer was complete.",
    );
    fails(api, &[r#"{"error":"out of credits"}"#, "[DONE]"], "upstream_error", "out of credits");
    fails(api, &[r#"[{"error":{"message":"no","code":"429"}}]"#], "upstream_error", "no");
}

#[test]
fn responses() {
    let api = Api::OpenaiResponses;
    answers(
        api,
        &[
            (r#"{"output":[]}"#, "|||stop|"),
            (r#"{"output":[null,{"type":"message","content":"a"}],"usage":null}"#, "a|||stop|"),
            (r#"{"output":[{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"new"}]}]}"#, "a|||stop|"),
            (r#"{"output":[{"type":"function_call","name":"f","arguments":{"a":1}}]}"#, r#"||f({"a":1})|calls|"#),
            (r#"{"output":[{"type":"new_tool_call"}],"usage":{"input_tokens":"3","output_tokens":4}}"#, "|||stop|3+4"),
            (
                r#"{"output":[{"type":"reasoning","summary":null,"content":[{"text":"hm"}]}],"status":"incomplete","incomplete_details":null}"#,
                "|hm||length|",
            ),
        ],
    );
    streams(
        api,
        &[
            (
                &[
                    r#"{"type":"response.completed","response":{"output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}]}}"#,
                ],
                "a|||stop|",
            ),
            (
                &[
                    r#"{"type":"response.output_text.delta","delta":"a"}"#,
                    r#"{"type":"response.brand_new"}"#,
                    r#"{"type":"response.completed"}"#,
                ],
                "a|||stop|",
            ),
            (
                &[
                    r#"{"type":"response.output_item.done","output_index":"0","item":{"type":"function_call","name":"f","arguments":"{}"}}"#,
                    r#"{"type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":4}}}"#,
                    "[DONE]",
                ],
                "||f({})|calls|3+4",
            ),
        ],
    );
    fails(api, &[r#"{"type":"error","message":"no"}"#], "server_error", "no");
    fails(
        api,
        &[r#"{"type":"response.failed","response":{"error":null}}"#],
        "server_error",
        "The provider reported an error without a word about it.",
    );
    fails(api, &[r#"{"error":"no"}"#], "server_error", "no");
}

#[test]
fn messages() {
    let api = Api::Anthropic;
    answers(
        api,
        &[
            (r#"{"content":"a"}"#, "a|||stop|"),
            (
                r#"{"content":[null,{"type":"text","text":"a","citations":null}],"stop_reason":null,"usage":null}"#,
                "a|||stop|",
            ),
            (r#"{"content":null,"stop_reason":"refusal"}"#, "|||refusal|"),
            (
                r#"{"content":[{"type":"tool_use","name":"f","input":null},{"type":"tool_use","name":"g","input":"{\"a\":1}"}]}"#,
                r#"||f({}) g({"a":1})|calls|"#,
            ),
            (
                r#"{"content":[{"type":"new"},{"type":"text","text":"a"}],"stop_reason":"brand_new","usage":{"input_tokens":"3","output_tokens":4}}"#,
                "a|||brand_new|3+4",
            ),
        ],
    );
    streams(
        api,
        &[
            (
                &[
                    r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
                    r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}}"#,
                    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":3,"output_tokens":4}}"#,
                ],
                "a|hm||stop|3+4",
            ),
            (
                &[
                    r#"{"type":"message_start","message":{"usage":null}}"#,
                    r#"{"type":"content_block_start","content_block":{"type":"tool_use","name":"f","input":"{\"a\":1}"}}"#,
                    r#"{"type":"brand_new"}"#,
                    r#"{"type":"content_block_delta","delta":{"type":"new_delta"}}"#,
                    r#"{"type":"message_stop"}"#,
                ],
                r#"||f({"a":1})|calls|"#,
            ),
        ],
    );
    fails(api, &[r#"{"type":"error","error":"no"}"#], "api_error", "no");
    fails(api, &[r#"{"error":{"message":"no"}}"#], "api_error", "no");
}

#[test]
fn gemini() {
    let api = Api::Gemini;
    answers(
        api,
        &[
            (r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#, "a|||stop|"),
            (r#"{"candidates":[{"content":null,"finishReason":"MAX_TOKENS"}],"usageMetadata":null}"#, "|||length|"),
            (
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":null}},{"functionCall":{"name":"g","args":"{\"a\":1}"}}]},"finishReason":1}]}"#,
                r#"||f({}) g({"a":1})|calls|"#,
            ),
            (
                r#"{"candidates":[{"content":{"parts":[{"newPart":{}},{"text":"a","thought":null}]},"finishReason":"BRAND_NEW"}],"usageMetadata":{"promptTokenCount":3}}"#,
                "a|||BRAND_NEW|3+0",
            ),
            (r#"{"candidates":[],"usageMetadata":{"promptTokenCount":"3","candidatesTokenCount":4}}"#, "|||stop|3+4"),
        ],
    );
    streams(
        api,
        &[
            (
                &[
                    r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#,
                    r#"{"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4}}"#,
                ],
                "a|||stop|3+4",
            ),
            (
                &[
                    r#"[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},{"candidates":[{"finishReason":"STOP"}]}]"#,
                    "[DONE]",
                ],
                "a|||stop|",
            ),
            (&[r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#], "|||filter|"),
        ],
    );
    fails(
        api,
        &[r#"{"error":{"code":"429","message":"no","status":"RESOURCE_EXHAUSTED"}}"#],
        "RESOURCE_EXHAUSTED",
        "no",
    );
    fails(api, &[r#"{"error":"no"}"#], "upstream_error", "no");
    fails(
        api,
        &[r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#],
        "upstream_reset",
        "The provider's stream ended before the answer was complete.",
    );
}

#[test]
fn bedrock() {
    answers(
        Api::Bedrock,
        &[
            (r#"{"output":{"message":{"content":null}},"stopReason":null}"#, "|||stop|"),
            (
                r#"{"output":{"message":{"content":[null,{"text":"a"},{"newBlock":{}}]}},"usage":{"inputTokens":"3","outputTokens":4}}"#,
                "a|||stop|3+4",
            ),
            (
                r#"{"output":{"message":{"content":[{"toolUse":{"name":"f","input":null}},{"toolUse":{"name":"g","input":"{\"a\":1}"}}]}},"stopReason":"brand_new"}"#,
                r#"||f({}) g({"a":1})|calls|"#,
            ),
        ],
    );
}

#[test]
fn cohere() {
    let api = Api::Cohere;
    answers(
        api,
        &[
            (r#"{"message":{"content":"a"}}"#, "a|||stop|"),
            (
                r#"{"message":{"content":[null,{"type":"new"},{"text":"a"}],"tool_calls":null,"citations":null},"finish_reason":"BRAND_NEW","usage":{"billed_units":{"input_tokens":"3","output_tokens":4}}}"#,
                "a|||BRAND_NEW|3+4",
            ),
            (
                r#"{"message":{"tool_calls":[null,{"function":{"name":"f","arguments":{"a":1}}},{"function":{"name":"g","arguments":null}}]}}"#,
                r#"||f({"a":1}) g({})|calls|"#,
            ),
        ],
    );
    streams(
        api,
        &[
            (
                &[
                    r#"{"type":"content-delta","delta":{"message":{"content":{"text":"a"}}}}"#,
                    r#"{"type":"brand-new"}"#,
                    r#"{"type":"message-end"}"#,
                ],
                "a|||stop|",
            ),
            (
                &[
                    r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"function":{"name":"f","arguments":{"a":1}}}}}}"#,
                    r#"{"type":"message-end","delta":{"finish_reason":null,"usage":null}}"#,
                ],
                r#"||f({"a":1})|calls|"#,
            ),
        ],
    );
    fails(
        api,
        &[r#"{"type":"message-end","delta":{"finish_reason":"ERROR"}}"#],
        "upstream_error",
        "Cohere broke the answer off without saying why.",
    );
}

#[test]
fn ollama() {
    let api = Api::Ollama;
    answers(
        api,
        &[
            (r#"{"message":{"content":null}}"#, "|||stop|"),
            (
                r#"{"message":{"content":"a","tool_calls":[null]},"done_reason":"brand_new","prompt_eval_count":"3","eval_count":4}"#,
                "a|||brand_new|3+4",
            ),
            (
                r#"{"message":{"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}},{"function":{"name":"g","arguments":null}}]}}"#,
                r#"||f({"a":1}) g({})|calls|"#,
            ),
        ],
    );
    let lines = |lines: &str| read(api, lines.as_bytes()).map(|answer| told(&answer));
    assert_eq!(
        lines("\r\n{\"message\":{\"content\":\"a\"}}\r\n{\"new\":1}\n{\"done\":true}").as_deref(),
        Ok("a|||stop|")
    );
    let error = lines("{\"error\":{\"message\":\"no\",\"code\":5}}\n").expect_err("an error");
    assert_eq!(error.message, "no");
    assert_eq!(lines("{\"message\":{\"content\":\"a\"}}\n").expect_err("cut off").code, "upstream_reset");
}

#[test]
fn framing() {
    let one = r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#;
    for stream in [
        format!("data:{one}\n\ndata:[DONE]\n\n"),
        format!("\u{feff}data: {one}\r\n\r\ndata: [DONE]\r\n\r\n"),
        format!(": hello\n\n:\n\nretry: 5\nid: 1\nevent: message\ndata: {one}\n\n: PROCESSING\n\n"),
        format!("data: {one}\r\rdata: [DONE]"),
        format!("data: {}\ndata: {}\n\n", &one[..11], &one[11..]),
        format!("event: message\ndata: {one}"),
    ] {
        let found = read(Api::OpenaiChat, stream.as_bytes()).map(|answer| told(&answer));
        assert_eq!(found.as_deref(), Ok("a|||stop|"), "{stream}");
    }
}

#[test]
fn a_broken_character_takes_no_others_with_it() {
    let stream = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\xffb\"},\"finish_reason\":\"stop\"}]}\n\n";
    assert_eq!(read(Api::OpenaiChat, stream).map(|answer| told(&answer)).as_deref(), Ok("a\u{fffd}b|||stop|"));
    let body = b"\xef\xbb\xbf{\"content\":\"a\xffb\"}";
    assert_eq!(Api::Anthropic.decode_answer(body).map(|answer| told(&answer)).as_deref(), Ok("a\u{fffd}b|||stop|"));
}
