//! Streams, event by event.

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Full};

use crate::budget::{hold, hold_allocations};
use crate::requests::is;
use crate::world::{World, post};

const EVENTS: u64 = 200;
const EVENT: &[u8] = br#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1780000000,"model":"gpt-4o-mini-2024-07-18","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" water"},"logprobs":null,"finish_reason":null}]}

"#;
const USAGE: &[u8] = br#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1780000000,"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":{"prompt_tokens":200,"completion_tokens":200,"total_tokens":400}}

data: [DONE]

"#;

/// Asks for a stream of so many events.
fn question(events: u64) -> Request<Full<Bytes>> {
    let body = format!(
        r#"{{"model":"openai/gpt-4o-mini","stream":true,"messages":[{{"role":"user","content":"{events} times?"}}]}}"#
    );
    post("compat/chat/completions", &body)
}

/// Opens a stream that the cache does not know, counts what each event costs on its way, and ends the stream uncounted.
fn stream(world: &World, events: u64) -> AllocationInfo {
    let mut body = world.runtime.block_on(world.start(question(events))).into_body();
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

/// A stream that was given before is given again whole: what that takes does not depend on the number of its events.
#[test]
fn a_replayed_stream_stays_within_its_allocations() {
    const TIMES: usize = 100;
    let world = World::new();
    stream(&world, EVENTS);
    let counted = world.count(
        TIMES,
        || question(EVENTS),
        |answer| {
            is("HIT")(answer);
            assert_eq!(
                answer.headers().get(CONTENT_TYPE).map(|value| value.as_bytes()),
                Some(&b"text/event-stream"[..])
            );
        },
    );
    hold_allocations("hit-stream", &counted, TIMES as u64);
}

/// What the gateway keeps of a stream that waits for its next event, beside the connections: thousands may be open.
#[test]
fn an_open_stream_holds_no_more_than_its_bytes() {
    let world = World::new();
    stream(&world, 10);
    let mut body = None;
    let opened = measure(|| body = Some(world.runtime.block_on(world.start(question(EVENTS))).into_body()));
    let mut body = body.expect("an answer");
    world.provider.send(EVENT);
    let first = measure(|| drop(world.runtime.block_on(body.frame())));
    hold("bytes.open-stream", u64::try_from(opened.bytes_current + first.bytes_current).expect("more than nothing"));
    world.provider.send(USAGE);
    world.provider.send(b"");
    while let Some(frame) = world.runtime.block_on(body.frame()) {
        frame.expect("a whole stream");
    }
}
