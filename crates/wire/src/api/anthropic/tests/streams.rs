use domain::Usage;
use proptest::prelude::*;

use super::*;
use crate::api::{StreamDecoder, StreamEncoder};
use crate::chat::{Asked, Assembly, BlockKind, Event, Finish, Signature, StreamError};

const STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude\",\"content\":[],\"usage\":{\"input_tokens\":9,\"output_tokens\":1,\"cache_read_input_tokens\":5}}}\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm ä\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"Eq\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"q\\\":1}\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":2}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":20}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

fn read(bytes: &[u8], ends: &[usize]) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(Api::Anthropic);
    let mut events = Vec::new();
    let mut begin = 0;
    for end in ends.iter().copied().chain([bytes.len()]) {
        decoder.push(&bytes[begin..end], &mut events);
        begin = end;
    }
    decoder.finish(&mut events);
    events
}

fn write(events: impl IntoIterator<Item = Event>) -> String {
    let asked = Asked { id: "0199".into(), model: "claude".into(), ..Asked::default() };
    let mut encoder = StreamEncoder::new(Api::Anthropic, &asked).expect("a front");
    let mut out = Vec::new();
    events.into_iter().for_each(|event| encoder.push(event, &mut out));
    String::from_utf8(out).expect("text")
}

fn start(block: u32, kind: BlockKind) -> Event {
    Event::BlockStart { block, choice: 0, kind }
}

fn tool(block: u32, id: &str) -> Event {
    start(block, BlockKind::ToolCall { id: id.into(), name: "f".into() })
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn pieces_do_not_matter(mut ends in prop::collection::vec(0..STREAM.len(), 0..40)) {
        ends.sort_unstable();
        prop_assert_eq!(read(STREAM.as_bytes(), &ends), read(STREAM.as_bytes(), &[]));
    }

    #[test]
    fn nothing_makes_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), frame in "\\PC{0,80}") {
        read(&bytes, &[]);
        read(format!("data: {{\"type\":\"content_block_start\",\"index\":{frame}}}\n\n").as_bytes(), &[]);
    }
}

#[test]
fn a_stream_is_read() {
    let mut assembly = Assembly::default();
    read(STREAM.as_bytes(), &[]).into_iter().for_each(|event| assembly.push(event));
    let answer = assembly.finish().expect("an answer");
    assert_eq!(answer.usage, Some(Usage { input: 14, output: 20, cached_input: 5, ..Usage::default() }));
    insta::assert_debug_snapshot!(answer.choices, @r#"
    [
        Choice {
            index: 0,
            parts: [
                Part {
                    content: Thinking {
                        text: "hm ä",
                        signature: Some(
                            Signature {
                                maker: Anthropic,
                                value: "Eq",
                            },
                        ),
                    },
                    cache: None,
                },
                Part {
                    content: Opaque {
                        api: Anthropic,
                        value: {"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}},
                    },
                    cache: None,
                },
                Part {
                    content: ToolCall {
                        id: "t",
                        name: "f",
                        arguments: "{}",
                        signature: None,
                    },
                    cache: None,
                },
            ],
            finish: ToolCalls,
            logprobs: None,
        },
    ]
    "#);
}

#[test]
fn a_native_stream_is_written_as_it_came() {
    insta::assert_snapshot!(write(read(STREAM.as_bytes(), &[])), @r#"
    event: message_start
    data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":0}}}

    event: ping
    data: {"type":"ping"}

    event: content_block_start
    data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

    event: content_block_delta
    data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm ä"}}

    event: content_block_delta
    data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"Eq"}}

    event: content_block_stop
    data: {"type":"content_block_stop","index":0}

    event: content_block_start
    data: {"type":"content_block_start","index":1,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}}}

    event: content_block_stop
    data: {"type":"content_block_stop","index":1}

    event: content_block_start
    data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}

    event: content_block_delta
    data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{}"}}

    event: content_block_stop
    data: {"type":"content_block_stop","index":2}

    event: message_delta
    data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":20}}

    event: message_stop
    data: {"type":"message_stop"}
    "#);
}

#[test]
fn parallel_calls_late_usage_and_empty_texts_are_put_right() {
    let json = |block, json: &str| Event::Arguments { block, json: json.into() };
    let mark = Signature { maker: Api::Gemini, value: "CiQ".into() };
    let events = [
        Event::Start { id: "chatcmpl-1".into(), model: "gpt".into(), created: Some(1) },
        start(0, BlockKind::Text),
        Event::Text { block: 0, text: String::new() },
        tool(1, "a"),
        Event::Signature { block: 1, signature: mark },
        json(1, "{\"x\":"),
        tool(2, "b"),
        json(2, "{}"),
        json(1, "1}"),
        Event::BlockStop { block: 1 },
        Event::BlockStop { block: 2 },
        Event::BlockStop { block: 0 },
        Event::Finish { choice: 0, finish: Finish::ToolCalls },
        Event::Usage(Usage { input: 30, output: 4, cached_input: 10, ..Usage::default() }),
        Event::End,
    ];
    insta::assert_snapshot!(write(events), @r#"
    event: message_start
    data: {"type":"message_start","message":{"id":"msg_chatcmpl-1","type":"message","role":"assistant","model":"gpt","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":0}}}

    event: content_block_start
    data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

    event: content_block_delta
    data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"gemini#CiQ"}}

    event: content_block_stop
    data: {"type":"content_block_stop","index":0}

    event: content_block_start
    data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}

    event: content_block_delta
    data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"x\":"}}

    event: content_block_delta
    data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}

    event: content_block_stop
    data: {"type":"content_block_stop","index":1}

    event: content_block_start
    data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"b","name":"f","input":{}}}

    event: content_block_delta
    data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{}"}}

    event: content_block_stop
    data: {"type":"content_block_stop","index":2}

    event: message_delta
    data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":20,"cache_creation_input_tokens":0,"cache_read_input_tokens":10,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":4}}

    event: message_stop
    data: {"type":"message_stop"}
    "#);
}

#[test]
fn errors_and_breaks_are_told() {
    let error = StreamError { status: 529, code: "overloaded_error".into(), message: "Overloaded".into() };
    let events = read(b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n", &[]);
    assert_eq!(events, [Event::Error(error.clone())]);
    insta::assert_snapshot!(write([Event::Error(error)]), @r#"
    event: error
    data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded","code":"overloaded_error"}}
    "#);
    let cut = &STREAM[..STREAM.find("event: message_delta").expect("a place")];
    assert_eq!(read(cut.as_bytes(), &[]).last(), Some(&Event::Error(StreamError::truncated())));
    // Who says why it ended has ended, also without the last event.
    let end = &STREAM[..STREAM.find("event: message_stop").expect("a place")];
    assert_eq!(read(end.as_bytes(), &[]).last(), Some(&Event::End));
}
