//! Streams, both ways.

use proptest::prelude::*;

use super::*;
use crate::api::StreamDecoder;
use crate::chat::{Assembly, BlockKind, Content, Finish, Signature, StreamError};

fn start(block: u32, kind: BlockKind) -> Event {
    Event::BlockStart { block, choice: 0, kind }
}

fn call(id: &str, name: &str) -> BlockKind {
    BlockKind::ToolCall { id: id.into(), name: name.into() }
}

fn text(block: u32, text: &str) -> Event {
    Event::Text { block, text: text.into() }
}

fn arguments(block: u32, json: &str) -> Event {
    Event::Arguments { block, json: json.into() }
}

fn stop(block: u32) -> Event {
    Event::BlockStop { block }
}

fn finish(finish: Finish) -> Event {
    Event::Finish { choice: 0, finish }
}

fn begin() -> Event {
    Event::Start { id: "chatcmpl-1".into(), model: "m".into(), created: Some(1) }
}

/// The data of a stream, without the response in its first events.
fn data(stream: &str) -> String {
    let lines = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let short = |line: &str| match line.find(",\"response\":") {
        Some(place) if !line.contains("response.completed") => format!("{}...", &line[..place]),
        _ => line.to_owned(),
    };
    lines.map(short).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_stream_tells_every_step_and_then_all() {
    let signature = Signature { maker: Api::Anthropic, value: "EqQB".into() };
    let usage = domain::Usage { input: 3, output: 9, ..domain::Usage::default() };
    let events = [
        begin(),
        start(0, BlockKind::Thinking),
        text(0, "hm"),
        Event::Signature { block: 0, signature },
        stop(0),
        start(1, BlockKind::Text),
        text(1, "He"),
        text(1, "y"),
        stop(1),
        start(2, call("c1", "f")),
        arguments(2, "{\"a\""),
        start(3, call("c2", "g")),
        arguments(3, "{}"),
        arguments(2, ":1}"),
        stop(2),
        stop(3),
        finish(Finish::ToolCalls),
        Event::Usage(usage),
        Event::End,
    ];
    insta::assert_snapshot!(data(&told(&asked("{}"), events)), @r#"
{"type":"response.created","sequence_number":0...
{"type":"response.in_progress","sequence_number":1...
{"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"type":"reasoning","id":"rs_1_0","summary":[]}}
{"type":"response.reasoning_summary_part.added","sequence_number":3,"item_id":"rs_1_0","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}
{"type":"response.reasoning_summary_text.delta","sequence_number":4,"item_id":"rs_1_0","output_index":0,"summary_index":0,"delta":"hm"}
{"type":"response.reasoning_summary_text.done","sequence_number":5,"item_id":"rs_1_0","output_index":0,"summary_index":0,"text":"hm"}
{"type":"response.reasoning_summary_part.done","sequence_number":6,"item_id":"rs_1_0","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"hm"}}
{"type":"response.output_item.done","sequence_number":7,"output_index":0,"item":{"type":"reasoning","id":"rs_1_0","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"anthropic#EqQB"}}
{"type":"response.output_item.added","sequence_number":8,"output_index":1,"item":{"type":"message","id":"msg_1_1","status":"in_progress","role":"assistant","content":[]}}
{"type":"response.content_part.added","sequence_number":9,"item_id":"msg_1_1","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}}
{"type":"response.output_text.delta","sequence_number":10,"item_id":"msg_1_1","output_index":1,"content_index":0,"delta":"He","logprobs":[]}
{"type":"response.output_text.delta","sequence_number":11,"item_id":"msg_1_1","output_index":1,"content_index":0,"delta":"y","logprobs":[]}
{"type":"response.output_text.done","sequence_number":12,"item_id":"msg_1_1","output_index":1,"content_index":0,"text":"Hey","logprobs":[]}
{"type":"response.content_part.done","sequence_number":13,"item_id":"msg_1_1","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":"Hey"}}
{"type":"response.output_item.done","sequence_number":14,"output_index":1,"item":{"type":"message","id":"msg_1_1","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"Hey"}]}}
{"type":"response.output_item.added","sequence_number":15,"output_index":2,"item":{"type":"function_call","id":"fc_1_2","status":"in_progress","call_id":"c1","name":"f","arguments":""}}
{"type":"response.function_call_arguments.delta","sequence_number":16,"item_id":"fc_1_2","output_index":2,"delta":"{\"a\""}
{"type":"response.function_call_arguments.delta","sequence_number":17,"item_id":"fc_1_2","output_index":2,"delta":":1}"}
{"type":"response.function_call_arguments.done","sequence_number":18,"item_id":"fc_1_2","output_index":2,"name":"f","arguments":"{\"a\":1}"}
{"type":"response.output_item.done","sequence_number":19,"output_index":2,"item":{"type":"function_call","id":"fc_1_2","status":"completed","call_id":"c1","name":"f","arguments":"{\"a\":1}"}}
{"type":"response.output_item.added","sequence_number":20,"output_index":3,"item":{"type":"function_call","id":"fc_1_3","status":"in_progress","call_id":"c2","name":"g","arguments":""}}
{"type":"response.function_call_arguments.delta","sequence_number":21,"item_id":"fc_1_3","output_index":3,"delta":"{}"}
{"type":"response.function_call_arguments.done","sequence_number":22,"item_id":"fc_1_3","output_index":3,"name":"g","arguments":"{}"}
{"type":"response.output_item.done","sequence_number":23,"output_index":3,"item":{"type":"function_call","id":"fc_1_3","status":"completed","call_id":"c2","name":"g","arguments":"{}"}}
{"type":"response.completed","sequence_number":24,"response":{"id":"resp_1","object":"response","created_at":1,"status":"completed","error":null,"incomplete_details":null,"model":"m","output":[{"type":"reasoning","id":"rs_1_0","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"anthropic#EqQB"},{"type":"message","id":"msg_1_1","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"Hey"}]},{"type":"function_call","id":"fc_1_2","status":"completed","call_id":"c1","name":"f","arguments":"{\"a\":1}"},{"type":"function_call","id":"fc_1_3","status":"completed","call_id":"c2","name":"g","arguments":"{}"}],"background":false,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"metadata":{},"parallel_tool_calls":true,"previous_response_id":null,"prompt_cache_key":null,"safety_identifier":null,"store":true,"temperature":1.0,"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","text":{"format":{"type":"text"}},"reasoning":{"effort":null,"summary":null},"service_tier":"default","usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":12}}}
"#);
}

#[test]
fn a_mark_on_a_call_stands_beside_it() {
    let signature = Signature { maker: Api::Gemini, value: "CiQB".into() };
    let events = [
        begin(),
        start(0, call("c1", "f")),
        arguments(0, "{}"),
        Event::Signature { block: 0, signature },
        stop(0),
        finish(Finish::ToolCalls),
        Event::End,
    ];
    let stream = told(&asked("{}"), events);
    assert!(stream.contains(r#""encrypted_content":"gemini#c1#CiQB""#), "{stream}");
}

#[test]
fn a_failure_is_told_twice_after_what_was_open() {
    let events =
        [begin(), start(0, BlockKind::Text), text(0, "par"), Event::Error(StreamError::truncated()), Event::End];
    insta::assert_snapshot!(data(&told(&asked("{}"), events)), @r#"
{"type":"response.created","sequence_number":0...
{"type":"response.in_progress","sequence_number":1...
{"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"type":"message","id":"msg_1_0","status":"in_progress","role":"assistant","content":[]}}
{"type":"response.content_part.added","sequence_number":3,"item_id":"msg_1_0","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}}
{"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1_0","output_index":0,"content_index":0,"delta":"par","logprobs":[]}
{"type":"response.output_text.done","sequence_number":5,"item_id":"msg_1_0","output_index":0,"content_index":0,"text":"par","logprobs":[]}
{"type":"response.content_part.done","sequence_number":6,"item_id":"msg_1_0","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":"par"}}
{"type":"response.output_item.done","sequence_number":7,"output_index":0,"item":{"type":"message","id":"msg_1_0","status":"incomplete","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"par"}]}}
{"type":"error","sequence_number":8,"code":"upstream_reset","message":"The provider's stream ended before the answer was complete.","param":null,"error":{"type":"upstream_reset","code":"upstream_reset","message":"The provider's stream ended before the answer was complete.","param":null}}
{"type":"response.failed","sequence_number":9...
"#);
}

#[test]
fn a_stream_without_a_start_or_an_end_of_its_own_is_whole() {
    let stream = told(&asked("{}"), [Event::KeepAlive, start(0, BlockKind::Text), text(0, "x"), Event::End]);
    assert!(stream.starts_with(": keep-alive\n\nevent: response.created\n"), "{stream}");
    assert!(stream.contains(r#""id":"resp_0199""#), "{stream}");
    assert!(stream.contains("event: response.completed\n"), "{stream}");
}

fn decode(stream: &[u8], chunk: usize) -> Vec<Event> {
    let (mut decoder, mut events) = (StreamDecoder::new(OWN), Vec::new());
    stream.chunks(chunk).for_each(|piece| decoder.push(piece, &mut events));
    decoder.finish(&mut events);
    events
}

/// Kinds of content of a stream's answer, with their words.
fn heard(stream: &str) -> Result<(Vec<String>, Finish), StreamError> {
    let mut assembly = Assembly::default();
    decode(stream.as_bytes(), stream.len().max(1)).into_iter().for_each(|event| assembly.push(event));
    let choice = assembly.finish()?.choices.remove(0);
    let word = |content: Content| match content {
        Content::Text { text, citations } => format!("text {text} {}", citations.len()),
        Content::Refusal { text } => format!("refusal {text}"),
        Content::Thinking { text, signature } => format!("thinking {text} {}", signature.is_some()),
        Content::ToolCall { id, name, arguments, .. } => format!("call {id} {name} {arguments}"),
        other => format!("{other:?}").split(' ').next().unwrap_or_default().to_owned(),
    };
    Ok((choice.parts.into_iter().map(|part| word(part.content)).collect(), choice.finish))
}

#[test]
fn servers_that_leave_events_out_are_read() {
    let whole = r#"data:{"type":"response.completed","response":{"id":"r","status":"completed","output":[
        {"type":"reasoning","content":[{"type":"reasoning_text","text":"hm"}],"encrypted_content":"gA"},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"x","annotations":[{"type":"url_citation"}]}]},
        {"type":"custom_tool_call","call_id":"c","name":"sh","input":"ls"}]}}"#;
    let wanted = vec!["thinking hm true".to_owned(), "text x 1".to_owned(), "call c sh ls".to_owned()];
    let whole = whole.replace('\n', "");
    assert_eq!(heard(&format!("{whole}\n\ndata: [DONE]\n\n")), Ok((wanted.clone(), Finish::ToolCalls)));

    let done = r#"data: {"type":"response.reasoning_text.delta","delta":"h","output_index":0}

data: {"type":"response.reasoning_text.delta","delta":"m","output_index":0}

data: {"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","summary":[],"encrypted_content":"gA"}}

data: {"type":"response.output_text.done","output_index":1,"text":"x"}

data: {"type":"response.new_event","output_index":1,"delta":{"odd":true}}

data: {"type":"response.output_text.annotation.added","output_index":1,"annotation":{"type":"url_citation"}}

data: {"type":"response.output_item.done","output_index":2,"item":{"type":"custom_tool_call","call_id":"c","name":"sh","input":"ls"}}

"#;
    assert_eq!(heard(&format!("{done}{whole}\n\n")), Ok((wanted, Finish::ToolCalls)));
}

#[test]
fn items_are_told_apart_by_their_ids_where_they_have_no_place() {
    let stream = r#"data: {"type":"response.output_item.added","item":{"type":"message","id":"a"}}

data: {"type":"response.output_text.delta","item_id":"a","delta":"x"}

data: {"type":"response.output_item.added","item":{"type":"function_call","id":"b","call_id":"c","name":"f"}}

data: {"type":"response.function_call_arguments.delta","item_id":"b","delta":"{}"}

data: {"type":"response.completed","response":{"output":[{"type":"message","id":"a","content":[{"type":"output_text","text":"x"}]}]}}

"#;
    let wanted = ["text x 0", "call c f {}"].map(str::to_owned).to_vec();
    assert_eq!(heard(stream), Ok((wanted, Finish::ToolCalls)));
}

#[test]
fn one_answer_is_told_where_there_are_several() {
    let other = Event::BlockStart { block: 1, choice: 1, kind: BlockKind::Text };
    let events = [begin(), start(0, BlockKind::Text), text(0, "x"), stop(0), other, text(1, "y"), stop(1)];
    let ends = [finish(Finish::Stop), Event::Finish { choice: 1, finish: Finish::Length }, Event::End];
    let stream = told(&asked("{}"), events.into_iter().chain(ends));
    assert_eq!(heard(&stream), Ok((vec!["text x 0".to_owned()], Finish::Stop)));
}

#[test]
fn nothing_is_said_twice() {
    let events = [
        begin(),
        start(0, BlockKind::Thinking),
        text(0, "hm"),
        stop(0),
        start(1, BlockKind::Text),
        text(1, "x"),
        stop(1),
        start(2, BlockKind::Refusal),
        text(2, "no"),
        stop(2),
        start(3, call("c", "f")),
        arguments(3, "{}"),
        stop(3),
        finish(Finish::ToolCalls),
        Event::End,
    ];
    let wanted = ["thinking hm false", "text x 0", "refusal no", "call c f {}"].map(str::to_owned).to_vec();
    assert_eq!(heard(&told(&asked("{}"), events)), Ok((wanted, Finish::ToolCalls)));
}

#[test]
fn failures_have_the_status_of_their_code() {
    let failure = |line: &str| heard(line).map_err(|error| (error.status, error.code)).expect_err(line);
    let quota =
        r#"data: {"type":"error","error":{"type":"insufficient_quota","code":"insufficient_quota","message":"x"}}"#;
    assert_eq!(failure(quota), (429, "insufficient_quota".into()));
    let flat = r#"data: {"type":"error","code":"rate_limit_exceeded","message":"x"}"#;
    assert_eq!(failure(flat), (429, "rate_limit_exceeded".into()));
    let failed = r#"data: {"type":"response.failed","response":{"error":{"code":"server_error","message":"x"}}}"#;
    assert_eq!(failure(failed), (500, "server_error".into()));
    let bare = r#"data: {"error":{"message":"x","code":503}}"#;
    assert_eq!(failure(bare), (503, "503".into()));
    let cut = r#"data: {"type":"response.output_text.delta","delta":"x"}"#;
    assert_eq!(failure(cut), (502, "upstream_reset".into()));
    assert_eq!(failure("data: [DONE]"), (502, "upstream_reset".into()));
}

#[test]
fn an_answer_too_long_to_repeat_ends_with_an_error() {
    let piece = "x".repeat(16 * 1024);
    let pieces = (0..70).map(|_| text(0, &piece));
    let events = [begin(), start(0, BlockKind::Text)].into_iter().chain(pieces).chain([Event::End]);
    let mut encoder = Encoder::new(&asked("{}"));
    let (mut out, mut last) = (Vec::new(), Vec::new());
    for event in events {
        out.clear();
        encoder.push(event, &mut out);
        if !out.is_empty() {
            last.clone_from(&out);
        }
    }
    assert!(String::from_utf8_lossy(&last).contains("upstream_too_large"));
}

/// Events of a plausible stream, with any words.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let block = (0..5_u8, "\\PC{0,12}", any::<bool>());
    prop::collection::vec(block, 0..6).prop_map(|blocks| {
        let mut events = vec![begin()];
        for (block, (kind, words, stops)) in (0..).zip(blocks) {
            let (kind, more) = match kind {
                0 => (BlockKind::Thinking, text(block, &words)),
                1 => (BlockKind::Refusal, text(block, &words)),
                2 => (call(&format!("c{block}"), "f"), arguments(block, &words)),
                3 => (call(&format!("c{block}"), "sh"), arguments(block, &words)),
                _ => (BlockKind::Text, text(block, &words)),
            };
            events.extend([start(block, kind), more]);
            events.extend(stops.then(|| stop(block)));
        }
        events.extend([finish(Finish::Stop), Event::End]);
        events
    })
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn what_is_told_is_heard_in_any_pieces(events in events(), chunk in 1..200_usize) {
        let stream = told(&asked(r#"{"tools":[{"type":"custom","name":"sh"}]}"#), events);
        let whole = decode(stream.as_bytes(), stream.len());
        prop_assert_eq!(whole.last(), Some(&Event::End));
        prop_assert_eq!(decode(stream.as_bytes(), chunk), whole);
    }

    #[test]
    fn no_input_makes_it_panic(frames in prop::collection::vec("\\PC{0,40}", 0..8)) {
        let kinds = ["response.output_item.added", "response.output_item.done", "response.completed", "response.created"];
        for (frame, kind) in frames.iter().zip(kinds.iter().cycle()) {
            let stream = format!("data: {{\"type\":\"{kind}\",\"item\":{frame},\"response\":{frame}}}\n\ndata: {frame}\n\n");
            decode(stream.as_bytes(), stream.len());
            let _ = decode_answer(frame.as_bytes());
            let _ = decode_request(frame.as_bytes());
            let _ = items_of(frame.as_bytes(), "x");
        }
    }
}
