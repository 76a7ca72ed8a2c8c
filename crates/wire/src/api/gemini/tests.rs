//! Answers and streams, read and written.

use domain::Usage;
use proptest::prelude::*;

use super::*;
use crate::api::{Api, StreamDecoder, StreamEncoder};
use crate::chat::{
    Answer, Asked, Assembly, BlockKind, Choice, Citation, Content, Event, Finish, Json, Part, Signature, StreamError,
};

fn events(stream: &[u8], chunk: usize) -> Vec<Event> {
    let (mut decoder, mut out) = (StreamDecoder::new(Api::Gemini), Vec::new());
    stream.chunks(chunk.max(1)).for_each(|chunk| decoder.push(chunk, &mut out));
    decoder.finish(&mut out);
    out
}

fn stream(chunks: &[&str]) -> Vec<u8> {
    chunks.iter().flat_map(|chunk| format!("data: {chunk}\r\n\r\n").into_bytes()).collect()
}

fn candidate(parts: &str, rest: &str) -> String {
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{parts}],"role":"model"}},"index":0{rest}}}],"responseId":"r-1"}}"#
    )
}

fn asked() -> Asked {
    Asked { id: "abc".into(), model: "gemini-x".into(), ..Asked::default() }
}

fn written(events: Vec<Event>, mut encoder: StreamEncoder) -> String {
    let mut out = Vec::new();
    events.into_iter().for_each(|event| encoder.push(event, &mut out));
    String::from_utf8(out).expect("text").replace("\r\n", "\n")
}

#[test]
fn a_call_in_pieces_becomes_whole() {
    let stream = stream(&[
        &candidate(r#"{"functionCall":{"name":"f","willContinue":true},"thoughtSignature":"Cg=="}"#, ""),
        &candidate(
            r#"{"functionCall":{"partialArgs":[{"jsonPath":"$.city","stringValue":"Ul"}],"willContinue":true}}"#,
            "",
        ),
        &candidate(
            r#"{"functionCall":{"partialArgs":[{"jsonPath":"$.city","stringValue":"m"}],"willContinue":true}}"#,
            "",
        ),
        &candidate(r#"{"functionCall":{}}"#, ""),
        &candidate(r#"{"functionCall":{"name":"g","args":{}}}"#, r#","finishReason":"STOP""#),
    ]);
    let events = events(&stream, 5);
    let calls: Vec<&BlockKind> = events
        .iter()
        .filter_map(|event| match event {
            Event::BlockStart { kind, .. } => Some(kind),
            _ => None,
        })
        .collect();
    let call = |id: &str, name: &str| BlockKind::ToolCall { id: id.into(), name: name.into() };
    assert_eq!(calls, [&call("call_r-1_0", "f"), &call("call_r-1_1", "g")]);
    assert!(events.contains(&Event::Arguments { block: 0, json: r#"{"city":"Ulm"}"#.into() }));
    assert!(events.contains(&Event::Finish { choice: 0, finish: Finish::ToolCalls }));
    assert_eq!(events.last(), Some(&Event::End));
}

#[test]
fn marks_and_sources_find_their_place() {
    let grounding = r#","finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example"}}],"groundingSupports":[{"segment":{"endIndex":4,"text":"Übe"},"groundingChunkIndices":[0]}]}"#;
    let stream = stream(&[
        &candidate(r#"{"text":"hm","thought":true}"#, ""),
        &candidate(r#"{"text":"Über"}"#, ""),
        &candidate(r#"{"text":"","thoughtSignature":"Cg=="}"#, grounding),
    ]);
    let citation = Citation { url: Some("https://a.example".into()), span: Some((0, 3)), ..Citation::default() };
    let signature = Signature { maker: Api::Gemini, value: "Cg==".into() };
    let events = events(&stream, usize::MAX);
    let place = |event: Event| events.iter().position(|found| *found == event).unwrap_or_else(|| panic!("{event:?}"));
    let cited = place(Event::Citation { block: 1, citation });
    assert!(cited < place(Event::BlockStop { block: 1 }));
    assert!(cited < place(Event::Signature { block: 2, signature }));
}

#[test]
fn a_stream_that_just_stops_is_cut_and_a_blocked_prompt_is_an_answer() {
    let cut = events(&stream(&[&candidate(r#"{"text":"a"}"#, "")]), 3);
    assert_eq!(cut.last(), Some(&Event::Error(StreamError::truncated())));
    assert!(cut.contains(&Event::BlockStop { block: 0 }));
    let blocked =
        r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}"#;
    let answer = decode_answer(blocked.as_bytes()).expect("an answer");
    assert_eq!((&answer.choices[0].finish, answer.usage.map(|usage| usage.input)), (&Finish::ContentFilter, Some(4)));
    insta::assert_snapshot!(String::from_utf8(encode_answer(&answer, &asked())).expect("text"), @r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":0,"totalTokenCount":4},"modelVersion":"gemini-x","responseId":"abc"}"#);
    assert_eq!(events(&stream(&[blocked]), 9).last(), Some(&Event::End));
}

#[test]
fn what_is_no_answer_is_refused() {
    for other in ["{}", "[]", "5", r#"{"choices":[]}"#, "<html>"] {
        assert!(decode_answer(other.as_bytes()).is_err(), "{other}");
    }
    assert!(decode_answer(br#"{"candidates":[],"usageMetadata":{"promptTokenCount":1}}"#).is_ok());
}

#[test]
fn errors_have_their_status() {
    let stream = stream(&[
        &candidate(r#"{"text":"a"}"#, ""),
        r#"{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}"#,
    ]);
    let error = StreamError { status: 429, code: "RESOURCE_EXHAUSTED".into(), message: "slow down".into() };
    assert_eq!(events(&stream, 7).last(), Some(&Event::Error(error.clone())));
    assert!(decode_answer(br#"[{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}]"#).is_err());
    let failed = vec![Event::Error(error)];
    insta::assert_snapshot!(written(failed.clone(), StreamEncoder::new(Api::Gemini, &asked()).expect("a front")), @r#"data: {"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}"#);
    insta::assert_snapshot!(written(failed, list_encoder(&asked())), @r#"[{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}]"#);
}

#[test]
fn an_answer_from_elsewhere_is_written_as_gemini_would() {
    let foreign = |value: &str| Some(Signature { maker: Api::Anthropic, value: value.into() });
    let citation = Citation {
        url: Some("https://a.example".into()),
        title: Some("A".into()),
        span: Some((3, 5)),
        ..Citation::default()
    };
    let parts = [
        Content::Thinking { text: "hm".into(), signature: foreign("Eq") },
        Content::Text { text: "Es regnet.".into(), citations: vec![citation] },
        Content::ToolCall { id: "toolu_1".into(), name: "f".into(), arguments: String::new(), signature: None },
    ];
    let choice = Choice { index: 0, parts: parts.map(Part::from).to_vec(), finish: Finish::ToolCalls, logprobs: None };
    let usage = Usage { input: 10, output: 7, reasoning: 2, cached_input: 3, ..Usage::default() };
    let answer = Answer { id: "msg_1".into(), choices: vec![choice], usage: Some(usage), ..Answer::default() };
    insta::assert_snapshot!(String::from_utf8(encode_answer(&answer, &asked())).expect("text"), @r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"YW50aHJvcGljI0Vx"},{"text":"Es regnet."},{"functionCall":{"id":"toolu_1","name":"f","args":{}}}]},"finishReason":"STOP","index":0,"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example","title":"A"}}],"groundingSupports":[{"segment":{"startIndex":3,"endIndex":5,"text":"re"},"groundingChunkIndices":[0]}]}}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":17,"cachedContentTokenCount":3,"thoughtsTokenCount":2},"modelVersion":"gemini-x","responseId":"msg_1"}"#);
    let back = decode_answer(&encode_answer(&answer, &asked())).expect("an answer");
    assert_eq!(back.usage, Some(usage));
    assert_eq!(back.choices[0].parts[0], answer.choices[0].parts[0]);
    let stream = crate::chat::replay(answer);
    insta::assert_snapshot!(written(stream, StreamEncoder::new(Api::Gemini, &asked()).expect("a front")), @r#"
    data: {"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true}]},"index":0}],"modelVersion":"gemini-x","responseId":"msg_1"}

    data: {"candidates":[{"content":{"role":"model","parts":[{"text":"","thought":true,"thoughtSignature":"YW50aHJvcGljI0Vx"}]},"index":0}],"modelVersion":"gemini-x","responseId":"msg_1"}

    data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Es regnet."}]},"index":0}],"modelVersion":"gemini-x","responseId":"msg_1"}

    data: {"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"id":"toolu_1","name":"f","args":{}}}]},"index":0}],"modelVersion":"gemini-x","responseId":"msg_1"}

    data: {"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"index":0,"finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example","title":"A"}}],"groundingSupports":[{"segment":{"startIndex":3,"endIndex":5,"text":"re"},"groundingChunkIndices":[0]}]}}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":17,"cachedContentTokenCount":3,"thoughtsTokenCount":2},"modelVersion":"gemini-x","responseId":"msg_1"}
    "#);
}

#[test]
fn calls_that_interleave_go_out_whole() {
    let start = |block, name: &str| Event::BlockStart {
        block,
        choice: 0,
        kind: BlockKind::ToolCall { id: format!("c{block}"), name: name.into() },
    };
    let piece = |block, json: &str| Event::Arguments { block, json: json.into() };
    let mixed = vec![
        start(0, "f"),
        start(1, "g"),
        piece(0, "{\"a\""),
        piece(1, "{}"),
        piece(0, ":1}"),
        Event::Finish { choice: 0, finish: Finish::ToolCalls },
        Event::KeepAlive,
        Event::Usage(Usage { input: 1, output: 2, ..Usage::default() }),
        Event::End,
    ];
    insta::assert_snapshot!(written(mixed, list_encoder(&asked())), @r#"
    [{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"id":"c0","name":"f","args":{"a":1}}}]},"index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3},"modelVersion":"gemini-x","responseId":"abc"},
    {"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"id":"c1","name":"g","args":{}}}]},"index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3},"modelVersion":"gemini-x","responseId":"abc"},
    {"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"index":0,"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3},"modelVersion":"gemini-x","responseId":"abc"}]
    "#);
}

#[test]
fn between_events_there_is_nothing_but_their_ends() {
    let said = |events| written(events, StreamEncoder::new(Api::Gemini, &asked()).expect("callers speak it"));
    let start = Event::BlockStart { block: 0, choice: 0, kind: BlockKind::Text };
    let text = Event::Text { block: 0, text: "x".into() };
    let quiet = said(vec![start.clone(), text.clone(), Event::End]);
    assert_eq!(said(vec![Event::KeepAlive, start, Event::KeepAlive, text, Event::KeepAlive, Event::End]), quiet);
}

#[test]
fn probabilities_come_with_the_words() {
    let result =
        r#","finishReason":"STOP","logprobsResult":{"chosenCandidates":[{"token":"a","logProbability":-0.5}]}"#;
    let answer = decode_answer(candidate(r#"{"text":"a"}"#, result).as_bytes()).expect("an answer");
    let wanted = r#"{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}],"refusal":null}"#;
    assert_eq!(answer.choices[0].logprobs, Some(Json::parse(wanted).expect("JSON")));
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn chunks_do_not_matter(
        parts in proptest::collection::vec((0..5u8, "[a-zé\"\\\\ 😀]{0,8}"), 0..12),
        ended in any::<bool>(),
        chunk in 1..50usize,
    ) {
        let mut chunks: Vec<String> = parts.iter().map(|(kind, text)| {
            let text = Json::of(text);
            let text = text.as_str();
            candidate(&match kind {
                0 => format!(r#"{{"text":{text}}}"#),
                1 => format!(r#"{{"text":{text},"thought":true}}"#),
                2 => format!(r#"{{"text":{text},"thoughtSignature":"Cg=="}}"#),
                3 => format!(r#"{{"functionCall":{{"name":"f","args":{{"x":{text}}}}}}}"#),
                _ => format!(r#"{{"executableCode":{{"code":{text}}}}}"#),
            }, "")
        }).collect();
        if ended {
            chunks.push(candidate("", r#","finishReason":"STOP""#));
        }
        let stream = stream(&chunks.iter().map(String::as_str).collect::<Vec<_>>());
        let whole = events(&stream, usize::MAX);
        prop_assert_eq!(&events(&stream, chunk), &whole);
        let said: String = parts.iter().filter(|(kind, _)| matches!(kind, 0 | 2)).map(|(_, text)| text.as_str()).collect();
        let mut assembly = Assembly::default();
        whole.into_iter().for_each(|event| assembly.push(event));
        let answer = assembly.finish();
        prop_assert_eq!(answer.is_ok(), ended);
        if let Ok(answer) = answer {
            let found: String = answer.choices[0].parts.iter().filter_map(|part| match &part.content {
                Content::Text { text, .. } => Some(text.as_str()),
                _ => None,
            }).collect();
            prop_assert_eq!(found, said);
        }
    }

    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\":,a-z0-9]{0,80}") {
        for data in [&bytes[..], text.as_bytes()] {
            drop(decode_answer(data));
            drop(decode_request(data, crate::api::Path { model: Some("m"), stream: None }));
            events(data, 3);
        }
    }
}

/// The encoder for callers who do not ask for events.
fn list_encoder(asked: &Asked) -> StreamEncoder {
    StreamEncoder::new(Api::Gemini, &Asked { list: true, ..asked.clone() }).expect("callers speak it")
}
