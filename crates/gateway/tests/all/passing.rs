//! Where caller and provider speak the same API, bytes pass as they are: all but the model's name and the credentials. Random
//! fields and events, at every door, in random pieces.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use domain::ledger::Outcome;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::world::*;

/// A way into the gateway, and what is said on it.
struct Door {
    path: &'static str,
    /// What stands in the request for the model, as it comes and as it goes on; none where the path names it.
    model: Option<(&'static str, &'static str)>,
    /// What makes the request one for a stream.
    stream: &'static str,
    credential: (&'static str, &'static str),
    /// Begin and end of the answer, and of a stream, between which anything may stand.
    answer: [&'static str; 2],
    events: [&'static str; 2],
}

const STREAM: &str = r#""stream":true"#;
const STREAM_WITH_USAGE: &str = r#""stream" : true,"stream_options":{"include_usage":true, "x":[1e-05]}"#;
const BEARER: (&str, &str) = ("authorization", "Bearer sk-stored-openai");
const X_API_KEY: (&str, &str) = ("x-api-key", "sk-stored-anthropic");
const GOOG_KEY: (&str, &str) = ("x-goog-api-key", "sk-stored-google-ai-studio");
const UNIFIED_GPT: Option<(&str, &str)> = Some(("openai/gpt-4o-mini", "gpt-4o-mini"));
const GPT: Option<(&str, &str)> = Some(("gpt-4o-mini", "gpt-4o-mini"));
const CHAT_ANSWER: [&str; 2] = [
    r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]"#,
    r#""usage":{"prompt_tokens":10,"completion_tokens":5}}"#,
];
const CHAT_EVENTS: [&str; 2] = [
    "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}\n\n",
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n",
];
const RESPONSES_ANSWER: [&str; 2] =
    [r#"{"object":"response","output":[],"status":"completed""#, r#""usage":{"input_tokens":10,"output_tokens":5}}"#];
const RESPONSES_EVENTS: [&str; 2] = [
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{}}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":10,\"output_tokens\":5}}}\n\n",
];
const MESSAGE: [&str; 2] =
    [r#"{"type":"message","content":[],"stop_reason":"end_turn""#, r#""usage":{"input_tokens":10,"output_tokens":5}}"#];
const MESSAGE_EVENTS: [&str; 2] = [
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,\"output_tokens\":1}}}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
];
const GEMINI: [&str; 2] = [
    r#"{"candidates":[{"finishReason":"STOP"}]"#,
    r#""usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5}}"#,
];
const GEMINI_EVENTS: [&str; 2] = [
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]}}]}\r\n\r\n",
    "data: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":5}}\r\n\r\n",
];

#[rustfmt::skip]
const DOORS: [Door; 10] = [
    Door { path: CHAT, model: UNIFIED_GPT, stream: STREAM_WITH_USAGE, credential: BEARER, answer: CHAT_ANSWER, events: CHAT_EVENTS },
    Door { path: "/v1/acme/main/openai/v1/chat/completions", model: GPT, stream: STREAM_WITH_USAGE, credential: BEARER, answer: CHAT_ANSWER, events: CHAT_EVENTS },
    Door { path: "/v1/acme/main/compat/responses", model: UNIFIED_GPT, stream: STREAM, credential: BEARER, answer: RESPONSES_ANSWER, events: RESPONSES_EVENTS },
    Door { path: "/v1/acme/main/openai/v1/responses", model: GPT, stream: STREAM, credential: BEARER, answer: RESPONSES_ANSWER, events: RESPONSES_EVENTS },
    Door { path: "/v1/acme/main/compat/v1/messages", model: Some(("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5")), stream: STREAM, credential: X_API_KEY, answer: MESSAGE, events: MESSAGE_EVENTS },
    Door { path: "/v1/acme/main/anthropic/v1/messages", model: Some(("claude-sonnet-4-5", "claude-sonnet-4-5")), stream: STREAM, credential: X_API_KEY, answer: MESSAGE, events: MESSAGE_EVENTS },
    Door { path: "/v1/acme/main/compat/v1beta/models/google-ai-studio/gemini-2.5-flash:streamGenerateContent?alt=sse", model: None, stream: "", credential: GOOG_KEY, answer: GEMINI, events: GEMINI_EVENTS },
    Door { path: "/v1/acme/main/compat/v1beta/models/google-ai-studio/gemini-2.5-flash:generateContent", model: None, stream: "", credential: GOOG_KEY, answer: GEMINI, events: GEMINI_EVENTS },
    Door { path: "/v1/acme/main/google-ai-studio/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", model: None, stream: "", credential: GOOG_KEY, answer: GEMINI, events: GEMINI_EVENTS },
    Door { path: "/v1/acme/main/google-ai-studio/v1beta/models/gemini-2.5-flash:generateContent", model: None, stream: "", credential: GOOG_KEY, answer: GEMINI, events: GEMINI_EVENTS },
];

/// JSON as clients and providers write it, to the letter.
fn json() -> impl Strategy<Value = String> {
    let plain = prop_oneof![
        prop::sample::select(vec![
            "1e-05",
            "1.0",
            "-0",
            "12345678901234567890",
            "true",
            "null",
            "\"\\u00e9\\/\"",
            "{ }",
            "[\n]"
        ])
        .prop_map(str::to_owned),
        "[a-z😀é{}:, ]{0,12}".prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    plain.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|list| format!("[{}]", list.join(" , "))),
            prop::collection::vec(inner, 0..3).prop_map(|list| {
                let members = list.iter().enumerate().map(|(at, value)| format!("\"k{at}\" :{value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

/// Members that nobody knows.
fn unknown() -> impl Strategy<Value = String> {
    prop::collection::vec(json(), 0..4).prop_map(|values| {
        let members = values.iter().enumerate().map(|(at, value)| format!(" \"x_{at}\" : {value}"));
        members.collect::<Vec<_>>().join(",")
    })
}

/// Events that nobody knows, comments and empty lines.
fn events() -> impl Strategy<Value = String> {
    let event = prop_oneof![
        json().prop_map(|value| format!(
            "event: brand_new\ndata: {{\"type\":\"brand_new\",\"x\":{}}}\n\n",
            value.replace('\n', "")
        )),
        Just(": keep-alive\n\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("event: ping\r\ndata: {\"type\": \"ping\"}\r\n\r\n".to_owned()),
    ];
    prop::collection::vec(event, 0..6).prop_map(|events| events.concat())
}

fn object(parts: &[&str]) -> String {
    format!("{{{}}}", parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(","))
}

/// An answer in pieces, which are there at once.
fn pieces(content_type: &'static str, whole: &str, cuts: &[Index]) -> Answer {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).chain([0, whole.len()]).collect();
    places.sort_unstable();
    let (feed, answer) = Answer::pieces(content_type);
    for pair in places.windows(2) {
        let piece = Bytes::copy_from_slice(&whole.as_bytes()[pair[0]..pair[1]]);
        feed.try_send(Ok(piece)).expect("room");
    }
    answer
}

struct Said {
    request: String,
    answer: String,
    events: String,
    cuts: Vec<Index>,
}

async fn passes(door: &Door, stream: bool, said: &Said) {
    let given: Arc<Mutex<Option<Answer>>> = Arc::default();
    let script = given.clone();
    let world = World::new(move |_| script.lock().expect("free").take().expect("one call")).await;
    let stream = stream || door.path.contains(":stream");
    let [begin, end] = if stream { door.events } else { door.answer };
    let whole = if stream {
        format!("{begin}{}{end}", said.events)
    } else {
        [begin, &said.answer, end].join(",").replace(",,", ",")
    };
    let kind = if stream { "text/event-stream" } else { "application/json" };
    *given.lock().expect("free") = Some(pieces(kind, &whole, &said.cuts));

    let named = |model: &str| format!("\"model\" :  \"{model}\"");
    let model = door.model.map_or_else(Default::default, |(comes, goes)| (named(comes), named(goes)));
    let wish = if stream { door.stream } else { "" };
    let body = |model: &str| object(&[&said.request, model, wish, "\"messages\":[ ]"]);
    let request = and(post(door.path, &body(&model.0)), &[("x-own", "kept"), ("anthropic-beta", "new")]);
    let read = world.send(request).await;

    let place = format!("{} {stream}", door.path);
    assert_eq!((read.status, read.body.as_str(), read.broken), (200, whole.as_str(), false), "{place}");
    let call = world.upstream.call();
    assert_eq!(call.body, body(&model.1), "{place}");
    let (name, key) = door.credential;
    assert_eq!(
        (call.headers[name].as_bytes(), call.headers["x-own"].as_bytes()),
        (key.as_bytes(), &b"kept"[..]),
        "{place}"
    );
    assert!(call.headers.values().all(|value| !value.to_str().is_ok_and(|value| value.contains(TOKEN))), "{place}");
    let row = world.row();
    assert_eq!((row.outcome, row.usage.input, row.usage.output), (Outcome::Ok, 10, 5), "{place}");
}

fn few() -> ProptestConfig {
    let config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases: 12, ..config } }
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn the_same_api_on_both_sides_passes_byte_by_byte(
        request in unknown(),
        answer in unknown(),
        events in events(),
        cuts in prop::collection::vec(any::<Index>(), 0..40),
    ) {
        let said = Said { request, answer, events, cuts };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            for door in &DOORS {
                for stream in [false, true] {
                    if !(stream && door.stream.is_empty()) {
                        passes(door, stream, &said).await;
                    }
                }
            }
        });
    }
}
