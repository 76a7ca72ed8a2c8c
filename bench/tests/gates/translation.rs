//! Translated requests and events, and what merely passes, without the gateway around them.

use allocation_counter::{AllocationInfo, measure};
use wire::api::Api;
use wire::rerank;

use crate::budget::hold;
use crate::work::{PAIRS, Passing, SIZES, ask, begin, pass, question};

/// What a second call allocates; the first may fill lazy statics.
fn second<T>(mut call: impl FnMut() -> T) -> AllocationInfo {
    drop(call());
    let mut kept = None;
    measure(|| kept = Some(call()))
}

fn pair(front: Api, provider: Api) -> String {
    format!("{}-{}", front.name(), provider.name())
}

#[test]
fn translated_requests_stay_within_their_allocations() {
    for (front, provider) in PAIRS {
        for (name, size) in SIZES {
            let body = question(front, size);
            let counted = second(|| ask((front, provider), &body));
            let name = format!("{}.{}", pair(front, provider), name.replace(' ', "-"));
            hold(&format!("allocations.request.{name}"), counted.count_total);
            if size == SIZES[2].1 {
                hold(&format!("bytes.request.{name}"), counted.bytes_total);
            }
        }
    }
}

#[test]
fn events_of_a_translated_stream_stay_within_their_allocations() {
    const EVENTS: u64 = 100;
    for (front, provider) in PAIRS {
        let (mut stream, event) = begin((front, provider));
        let mut out = Vec::with_capacity(16 * 1024);
        stream.push(event, &mut out);
        let counted = measure(|| {
            for _ in 0..EVENTS {
                out.clear();
                stream.push(event, &mut out);
            }
        });
        hold(&format!("allocations.100-events.{}", pair(front, provider)), counted.count_total);
    }
}

#[test]
fn a_ranking_that_may_pass_is_looked_at_without_a_list_of_its_documents() {
    let documents = vec![r#""a""#; 100_000].join(",");
    let body = format!(r#"{{"query":"q","documents":[{documents}]}}"#);
    let mut passes = false;
    let counted = measure(|| passes = rerank::Api::Cohere.takes(body.as_bytes()));
    assert!(passes);
    assert_eq!(counted.bytes_total, 0);
}

#[test]
fn what_passes_allocates_next_to_nothing() {
    let body = question(Api::OpenaiChat, SIZES[2].1);
    hold("allocations.pass.100-KB", second(|| pass(&body)).count_total);
    let mut passing = Passing::begin();
    let counted = measure(|| {
        for _ in 0..100 {
            passing.event();
        }
    });
    hold("allocations.pass.100-events", counted.count_total);
}
