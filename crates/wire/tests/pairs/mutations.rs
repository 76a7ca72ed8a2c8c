//! Streams and requests that are almost right, through every pair: nothing panics, and callers' streams end properly.

use proptest::prelude::*;
use wire::api::{Api, Path, Quirks, Target};
use wire::eventstream::write_event;

use crate::recorded::{model, translation};
use crate::streams::{errors, translated};

/// A small stream of each API, with words, thoughts and a call.
fn seed(provider: Api) -> Vec<u8> {
    let sse = |events: &[&str]| events.iter().map(|data| format!("data: {data}\n\n")).collect::<String>().into_bytes();
    match provider {
        Api::OpenaiChat => sse(&[
            r#"{"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","reasoning_content":"hm"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"It é"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\":"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]},"finish_reason":"tool_calls"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
            "[DONE]",
        ]),
        Api::OpenaiResponses => sse(&[
            r#"{"type":"response.created","response":{"id":"resp_1","model":"m","status":"in_progress","output":[]}}"#,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"fc","call_id":"c","name":"f","arguments":""}}"#,
            r#"{"type":"response.function_call_arguments.delta","item_id":"fc","output_index":0,"delta":"{}"}"#,
            r#"{"type":"response.output_text.delta","item_id":"m","output_index":1,"content_index":0,"delta":"It é"}"#,
            r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","usage":{"input_tokens":1,"output_tokens":2}}}"#,
        ]),
        Api::Anthropic => sse(&[
            r#"{"type":"message_start","message":{"id":"msg_1","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"Eq"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"c","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":5}}"#,
            r#"{"type":"message_stop"}"#,
        ]),
        Api::Gemini => sse(&[
            r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"Eg=="}]}}],"modelVersion":"m"}"#,
            r#"{"candidates":[{"index":0,"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}"#,
        ]),
        Api::Cohere => sse(&[
            r#"{"type":"message-start","id":"1","delta":{"message":{"role":"assistant"}}}"#,
            r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"It é"}}}}"#,
            r#"{"type":"content-end","index":0}"#,
            r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":1,"output_tokens":2}}}}"#,
        ]),
        Api::Ollama => b"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"It\",\"thinking\":\"hm\"},\"done\":false}\n{\"model\":\"m\",\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{}}}]},\"done\":true,\"done_reason\":\"stop\"}\n".to_vec(),
        Api::Bedrock => {
            let mut out = Vec::new();
            for (name, payload) in [
                ("messageStart", r#"{"role":"assistant"}"#),
                ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"It"}}"#),
                ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
                ("messageStop", r#"{"stopReason":"end_turn"}"#),
                ("metadata", r#"{"usage":{"inputTokens":1,"outputTokens":2}}"#),
            ] {
                write_event(name, payload.as_bytes(), &mut out).expect("a frame");
            }
            out
        }
    }
}

const REQUEST: &str = r#"{"model":"m","max_tokens":9,"input":"Hi","contents":[{"role":"user","parts":[{"text":"Hi"},{"inlineData":{"mimeType":"image/png","data":"aGk="}}]}],
"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]},{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{}}],"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"x"}]}],
"tools":[{"type":"function","name":"f","function":{"name":"f","parameters":{"type":"object"}},"input_schema":{"type":"object"}}]}"#;

/// What is done to bytes: overwritten, cut out, repeated.
fn spoil(bytes: &mut Vec<u8>, spots: &[(prop::sample::Index, u8, u8)]) {
    for (place, kind, byte) in spots {
        if bytes.is_empty() {
            return;
        }
        let begin = place.index(bytes.len());
        let end = (begin + usize::from(*byte)).min(bytes.len());
        match kind % 4 {
            0 => bytes[begin] = *byte,
            1 => drop(bytes.drain(begin..end)),
            2 => {
                let again = bytes[begin..end].to_vec();
                bytes.splice(begin..begin, again);
            }
            _ => bytes[begin] = b"{}[]\",:0\n\\"[usize::from(*byte) % 10],
        }
    }
}

fn spots() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 0..6)
}

fn few() -> ProptestConfig {
    let config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases: 24, ..config } }
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn spoilt_streams_end_properly(spots in spots(), size in 1..300_usize) {
        for provider in Api::ALL {
            let mut bytes = seed(provider);
            spoil(&mut bytes, &spots);
            for front in Api::FRONTS {
                let way = translation(front, provider);
                let (out, complete) = translated(&way, &bytes, usize::MAX);
                prop_assert_eq!(&translated(&way, &bytes, size), &(out.clone(), complete));
                prop_assert_eq!(errors(&out), usize::from(!complete), "{}", String::from_utf8_lossy(&out));
                drop(way.answer(&bytes));
            }
        }
    }

    #[test]
    fn spoilt_requests_are_answered(spots in spots()) {
        let mut bytes = REQUEST.as_bytes().to_vec();
        spoil(&mut bytes, &spots);
        let quirks = Quirks::default();
        for front in Api::FRONTS {
            let Ok(request) = front.decode_request(&bytes, Path::default()) else { continue };
            for provider in Api::ALL {
                drop(provider.encode_request(&request, Target { model: model(provider), quirks: &quirks }));
            }
        }
    }
}
