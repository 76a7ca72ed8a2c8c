use proptest::prelude::*;
use serde_json::{Value, json};

use crate::api::{Api, StreamDecoder};
use crate::chat::{Assembly, Content, Event, Finish, Signature, StreamError};
use crate::eventstream::{write_event, write_exception};

fn stream(events: &[(&str, Value)]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (name, payload) in events {
        write_event(name, payload.to_string().as_bytes(), &mut stream).expect("a frame");
    }
    stream
}

fn read(stream: &[u8], chunk: usize) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(Api::Bedrock);
    let mut events = Vec::new();
    stream.chunks(chunk).for_each(|bytes| decoder.push(bytes, &mut events));
    decoder.finish(&mut events);
    events
}

fn delta(at: u64, delta: Value) -> (&'static str, Value) {
    ("contentBlockDelta", json!({ "contentBlockIndex": at, "delta": delta, "p": "abc" }))
}

fn begin(at: u64, id: &str, kind: &str) -> (&'static str, Value) {
    let call = json!({ "toolUseId": id, "name": "f", "type": kind });
    ("contentBlockStart", json!({ "contentBlockIndex": at, "start": { "toolUse": call } }))
}

fn stop(at: u64) -> (&'static str, Value) {
    ("contentBlockStop", json!({ "contentBlockIndex": at }))
}

fn sample() -> Vec<(&'static str, Value)> {
    let usage = json!({ "inputTokens": 3, "outputTokens": 5, "totalTokens": 8, "cacheReadInputTokens": 2 });
    vec![
        ("messageStart", json!({ "role": "assistant" })),
        delta(0, json!({ "reasoningContent": { "text": "Hm" } })),
        delta(0, json!({ "reasoningContent": { "signature": "Eq" } })),
        delta(0, json!({ "reasoningContent": { "signature": "QB" } })),
        stop(0),
        delta(1, json!({ "reasoningContent": { "redactedContent": "cmVk" } })),
        stop(1),
        delta(2, json!({ "text": "" })),
        delta(2, json!({ "text": "It " })),
        delta(2, json!({ "text": "rains 🌧" })),
        delta(
            2,
            json!({ "citation": { "location": { "web": { "url": "https://a.example", "domain": "a.example" } } } }),
        ),
        stop(2),
        begin(3, "tooluse_1", "tool_use"),
        begin(4, "", "tool_use"),
        delta(3, json!({ "toolUse": { "input": "{\"a\"" } })),
        delta(3, json!({ "toolUse": { "input": ":1}" } })),
        stop(3),
        stop(4),
        begin(5, "s", "server_tool_use"),
        delta(5, json!({ "toolUse": { "input": "{\"code\":1}" } })),
        stop(5),
        ("contentBlockStart", json!({ "contentBlockIndex": 6, "start": { "toolResult": { "toolUseId": "s" } } })),
        delta(6, json!({ "toolResult": [{ "text": "2" }] })),
        stop(6),
        ("fromTheFuture", json!({ "what": 1 })),
        ("messageStop", json!({ "stopReason": "tool_use" })),
        ("metadata", json!({ "usage": usage, "metrics": {} })),
    ]
}

#[test]
fn a_stream_with_everything_in_it() {
    let events: Vec<_> = read(&stream(&sample()), 7).iter().map(|event| format!("{event:?}")).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    Start { id: "", model: "", created: None }
    BlockStart { block: 0, choice: 0, kind: Thinking }
    Text { block: 0, text: "Hm" }
    Signature { block: 0, signature: Signature { maker: Bedrock, value: "EqQB" } }
    BlockStop { block: 0 }
    BlockStart { block: 1, choice: 0, kind: Redacted { data: Signature { maker: Bedrock, value: "cmVk" } } }
    BlockStop { block: 1 }
    BlockStart { block: 2, choice: 0, kind: Text }
    Text { block: 2, text: "It " }
    Text { block: 2, text: "rains 🌧" }
    Citation { block: 2, citation: Citation { url: Some("https://a.example"), title: Some("a.example"), quote: None, span: None, original: Some((Bedrock, {"location":{"web":{"url":"https://a.example","domain":"a.example"}}})) } }
    BlockStop { block: 2 }
    BlockStart { block: 3, choice: 0, kind: ToolCall { id: "tooluse_1", name: "f" } }
    BlockStart { block: 4, choice: 0, kind: ToolCall { id: "call_4", name: "f" } }
    Arguments { block: 3, json: "{\"a\"" }
    Arguments { block: 3, json: ":1}" }
    BlockStop { block: 3 }
    Arguments { block: 4, json: "{}" }
    BlockStop { block: 4 }
    BlockStart { block: 5, choice: 0, kind: Opaque { api: Bedrock, value: {"toolUse":{"toolUseId":"s","name":"f","type":"server_tool_use","input":{"code":1}}} } }
    BlockStop { block: 5 }
    BlockStart { block: 6, choice: 0, kind: Opaque { api: Bedrock, value: {"toolResult":{"toolUseId":"s","content":[{"text":"2"}]}} } }
    BlockStop { block: 6 }
    Finish { choice: 0, finish: ToolCalls }
    Usage(Usage { input: 5, output: 5, cached_input: 2, cache_write: 0, cache_write_1h: 0, reasoning: 0, audio_input: 0, audio_output: 0, image_input: 0, audio_seconds: 0, characters: 0, images: 0, searches: 0, cache_write_12h: 0, explicit_cached: 0, cached_audio: 0, cached_image: 0, video_input: 0, citation: 0, image_output: 0, video_output: 0, web_searches: 0, file_searches: 0, pages: 0, annotated_pages: 0, images_read: 0, service_tier: Standard, zone: Anywhere, search_context: Untold })
    End
    "#);
}

#[test]
fn exceptions_end_the_stream_with_their_status() {
    for (code, status) in [
        ("throttlingException", 429),
        ("modelStreamErrorException", 502),
        ("validationException", 400),
        ("newException", 502),
    ] {
        let mut bytes = stream(&sample()[..10]);
        write_exception(code, br#"{"message":"Too many."}"#, &mut bytes).expect("a frame");
        bytes.extend(stream(&sample()[10..]));
        let wanted = StreamError { status, code: code.to_owned(), message: "Too many.".to_owned() };
        assert_eq!(read(&bytes, 100).last(), Some(&Event::Error(wanted)));
    }
}

#[test]
fn a_stream_that_stops_is_complete_only_if_it_said_so() {
    let all = sample();
    let upto = |events: usize| read(&stream(&all[..events]), 50).pop();
    assert_eq!(upto(all.len() - 2), Some(Event::Error(StreamError::truncated())));
    assert_eq!(upto(all.len() - 1), Some(Event::End));
    assert_eq!(read(b"", 1), [Event::Error(StreamError::truncated())]);
    let noise = read(b"HTTP/1.1 502 Bad Gateway and more", 5);
    assert!(matches!(noise.as_slice(), [Event::Error(error)] if error.status == 502), "{noise:?}");
}

#[test]
fn reasons_to_stop_are_told_apart() {
    let finish = |stop: Value| {
        let events = read(&stream(&[("messageStop", stop), ("metadata", json!({}))]), 1000);
        events.into_iter().find_map(|event| if let Event::Finish { finish, .. } = event { Some(finish) } else { None })
    };
    let sequence =
        json!({ "stopReason": "stop_sequence", "additionalModelResponseFields": { "stop_sequence": "END" } });
    assert_eq!(finish(sequence), Some(Finish::StopSequence("END".into())));
    assert_eq!(finish(json!({ "stopReason": "guardrail_intervened" })), Some(Finish::ContentFilter));
    assert_eq!(finish(json!({ "stopReason": "made_up" })), Some(Finish::Other("made_up".into())));
    assert_eq!(finish(json!({ "stopReason": "tool_use" })), Some(Finish::Stop));
}

#[test]
fn a_whole_answer_keeps_blocks_and_marks() {
    let body = br#"{"output":{"message":{"role":"assistant","content":[
        {"reasoningContent":{"reasoningText":{"text":"Hm","signature":"EqQB"}}},
        {"text":"Hi"},
        {"toolUse":{"toolUseId":"","name":"f","input":{"n":1.0, "z":[]}}},
        {"fromTheFuture":{"a":1}}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":2}}"#;
    let answer = Api::Bedrock.decode_answer(body).expect("an answer");
    let [choice] = answer.choices.as_slice() else { panic!("one") };
    assert_eq!(choice.finish, Finish::ToolCalls);
    let mark = Signature { maker: Api::Bedrock, value: "EqQB".into() };
    assert_eq!(choice.parts[0].content, Content::Thinking { text: "Hm".into(), signature: Some(mark) });
    let call = Content::ToolCall {
        id: "call_2".into(),
        name: "f".into(),
        arguments: r#"{"n":1.0, "z":[]}"#.into(),
        signature: None,
    };
    assert_eq!(choice.parts[2].content, call);
    assert!(matches!(choice.parts[3].content, Content::Opaque { api: Api::Bedrock, .. }));
    assert!(Api::Bedrock.decode_answer(br#"{"message":"no"}"#).is_err());
    assert!(Api::Bedrock.decode_answer(b"<html>").is_err());
}

fn any_event() -> impl Strategy<Value = (&'static str, Value)> {
    let at = 0_u64..3;
    prop_oneof![
        (at.clone(), ".{0,8}").prop_map(|(at, text)| delta(at, json!({ "text": text }))),
        (at.clone(), ".{0,8}").prop_map(|(at, text)| delta(at, json!({ "reasoningContent": { "text": text } }))),
        (at.clone(), ".{0,8}").prop_map(|(at, text)| delta(at, json!({ "reasoningContent": { "signature": text } }))),
        (at.clone(), ".{0,8}").prop_map(|(at, text)| delta(at, json!({ "toolUse": { "input": text } }))),
        at.clone().prop_map(|at| delta(at, json!({ "toolResult": [1], "citation": {} }))),
        (at.clone(), prop_oneof!["tool_use", "server_tool_use"]).prop_map(|(at, kind)| begin(at, "", &kind)),
        at.prop_map(stop),
        Just(("messageStop", json!({ "stopReason": "end_turn" }))),
        Just(("contentBlockDelta", json!([1, null]))),
    ]
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn any_events_in_any_pieces_make_one_answer(events in prop::collection::vec(any_event(), 0..30), chunk in 1_usize..60) {
        let mut all = events;
        all.push(("messageStop", json!({})));
        all.push(("metadata", json!({})));
        let bytes = stream(&all);
        let whole = read(&bytes, usize::MAX);
        prop_assert_eq!(&read(&bytes, chunk), &whole);
        let mut assembly = Assembly::default();
        whole.into_iter().for_each(|event| assembly.push(event));
        prop_assert!(assembly.finish().is_ok());
    }
}
