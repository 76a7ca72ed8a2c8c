//! Whole requests.

use http::{Request, Response};

use crate::budget::{hold, hold_allocations};
use crate::policies::POLICIES;
use crate::world::{World, post};

const TIMES: usize = 100;
const CHAT: &str = "compat/chat/completions";
const NATIVE: &str = "openai/v1/chat/completions";

/// A kilobyte of chat that no other number makes.
fn question(model: &str, number: u32) -> String {
    let words = "please explain how a weir holds water and lets it pass evenly ".repeat(14);
    format!(
        r#"{{"model":"{model}","temperature":0.5,"max_tokens":512,"messages":[{{"role":"user","content":"{number:08} {words}"}}]}}"#
    )
}

/// Requests to `path`, each with another prompt.
fn different(path: &'static str, model: &'static str) -> impl FnMut() -> Request<http_body_util::Full<bytes::Bytes>> {
    let mut number = 0;
    move || {
        number += 1;
        post(path, &question(model, number))
    }
}

/// Looks whether an answer is whole and where it came from.
pub fn is<B>(cache: &'static str) -> impl Fn(&Response<B>) {
    move |answer| {
        let said = answer.headers().get("cf-aig-cache-status").map(|value| value.as_bytes());
        assert_eq!((answer.status().as_u16(), said), (200, Some(cache.as_bytes())));
    }
}

#[test]
fn a_chat_request_stays_within_its_allocations() {
    let world = World::new();
    let counted = world.count(TIMES, different(CHAT, "openai/gpt-4o-mini"), is("MISS"));
    hold_allocations("plain", &counted, TIMES as u64);
}

#[test]
fn a_chat_request_under_policies_stays_within_its_allocations() {
    let world = World::with(&POLICIES);
    let counted = world.count(TIMES, different(CHAT, "openai/gpt-4o-mini"), is("MISS"));
    hold_allocations("policies", &counted, TIMES as u64);
}

#[test]
fn a_native_request_stays_within_its_allocations() {
    let world = World::new();
    let counted = world.count(TIMES, different(NATIVE, "gpt-4o-mini"), is("MISS"));
    hold_allocations("native", &counted, TIMES as u64);
}

#[test]
fn a_cache_hit_stays_within_its_allocations() {
    let world = World::new();
    let again = question("openai/gpt-4o-mini", 0);
    world.count(1, || post(CHAT, &again), |_| ());
    let counted = world.count(TIMES, || post(CHAT, &again), is("HIT"));
    hold_allocations("hit", &counted, TIMES as u64);
}

#[test]
fn a_request_takes_little_room_while_it_waits() {
    let world = World::new();
    let future = world.start(post(CHAT, &question("openai/gpt-4o-mini", 0)));
    hold("future.request", size_of_val(&future) as u64);
}
