//! Streams, event by event.

use allocation_counter::{AllocationInfo, measure};
use http_body_util::BodyExt;

use crate::budget::hold_allocations;
use crate::world::{World, post};

const EVENTS: u64 = 200;
const EVENT: &[u8] = br#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1780000000,"model":"gpt-4o-mini-2024-07-18","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" water"},"logprobs":null,"finish_reason":null}]}

"#;
const USAGE: &[u8] = br#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1780000000,"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":{"prompt_tokens":200,"completion_tokens":200,"total_tokens":400}}

data: [DONE]

"#;

/// Opens a stream that the cache does not know, counts what each event costs on its way, and ends the stream uncounted.
fn stream(world: &World, events: u64) -> AllocationInfo {
    let question = format!(
        r#"{{"model":"openai/gpt-4o-mini","stream":true,"messages":[{{"role":"user","content":"{events} times?"}}]}}"#
    );
    let mut body = world.runtime.block_on(world.start(post("compat/chat/completions", &question))).into_body();
    let mut counted = AllocationInfo::default();
    for _ in 0..events {
        world.provider.send(EVENT);
        let mut frame = None;
        counted += measure(|| frame = Some(world.runtime.block_on(body.frame())));
        let data = frame.flatten().expect("a frame").expect("it goes on").into_data().expect("data");
        assert_eq!(data, EVENT);
    }
    world.provider.send(USAGE);
    world.provider.send(b"");
    while let Some(frame) = world.runtime.block_on(body.frame()) {
        frame.expect("a whole stream");
    }
    counted
}

#[test]
fn events_of_a_stream_stay_within_their_allocations() {
    let world = World::new();
    stream(&world, 10);
    let counted = stream(&world, EVENTS);
    hold_allocations("100-events", &counted, EVENTS / 100);
}
