//! The bound on what bodies take of memory.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use domain::ledger::Outcome;
use futures_util::FutureExt;
use futures_util::future::join_all;
use gateway::Options;
use http::Request;
use http_body::{Body, Frame, SizeHint};

use crate::world::*;

const STREAM: &str = r#"{"model":"openai/gpt-4o-mini","stream":true,"messages":[]}"#;

fn options(body_memory: usize) -> Options {
    Options { allow_private_upstreams: true, body_memory, ..Options::default() }
}

/// A question of about this many bytes.
fn question(bytes: usize) -> String {
    QUESTION.replace("hi", &"x".repeat(bytes))
}

#[tokio::test]
async fn of_many_large_requests_at_once_those_beyond_the_bound_are_refused() {
    const REQUESTS: usize = 24;
    let mut world = World::with_options(options(8 << 20), |_| Answer::json(200, ANSWER)).await;
    world.settings(|settings| settings.collect_log_payloads = true);
    let large = question(1 << 20);
    let answers = join_all((0..REQUESTS).map(|_| world.chat(&large))).await;
    let (passed, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|read| read.status == 200);
    // Six MiB are for requests; each needs one while it waits and two while its model's name is changed.
    assert!((3..=6).contains(&passed.len()), "{} passed", passed.len());
    for read in refused {
        assert_eq!((read.status, read.code().as_str(), read.header("retry-after")), (503, "overloaded", Some("1")));
    }
    assert_eq!((world.upstream.calls().len(), world.rows().len()), (passed.len(), REQUESTS));
    world.memory_is_free().await;
    assert_eq!(world.chat(&large).await.status, 200);
}

/// A body of which nothing comes but the announcement.
struct Promise(u64);

impl Body for Promise {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

#[tokio::test]
async fn a_body_without_room_is_refused_before_it_is_read_and_a_promise_takes_none() {
    let world = World::with_options(options(100_000), |_| Answer::json(200, ANSWER)).await;
    let promise = |bytes| {
        let (parts, _) = post(CHAT, "").into_parts();
        world.gateway.handle(Request::from_parts(parts, Promise(bytes)), LOCALHOST)
    };
    let read = read(promise(80_000).await).await;
    assert_eq!((read.status, read.code().as_str()), (503, "overloaded"));
    let mut promised: Vec<_> = (0..50).map(|_| Box::pin(promise(70_000))).collect();
    for handled in &mut promised {
        assert!(handled.now_or_never().is_none());
    }
    assert_eq!(world.gateway.body_memory_used(), 0);
    assert_eq!(world.chat(QUESTION).await.status, 200);
}

#[tokio::test]
async fn where_memory_is_short_the_log_does_without_bodies_and_never_without_rows() {
    let events = ANSWER_EVENTS.repeat(10) + LAST_EVENTS;
    let mut world = World::with_options(options(1_000), move |_| Answer::events(&events)).await;
    world.settings(|settings| settings.collect_log_payloads = true);
    let read = world.chat(STREAM).await;
    assert_eq!((read.status, read.broken, read.body.len() > 1_000), (200, false, true));
    let row = world.row();
    assert_eq!((row.outcome, row.usage.input, row.cost.is_some()), (Outcome::Ok, 10, true));
    assert_eq!(row.response_bytes, read.body.len() as u64);
    let payload = world.ledger.rows.lock().expect("free")[0].1.clone().expect("there is room for the request");
    assert_eq!((payload.request.as_ref(), payload.response_cut), (STREAM.as_bytes(), true));
    assert!(payload.response.is_empty());
    assert_eq!(world.gateway.counters().captures_dropped, 1);
    world.memory_is_free().await;
}

const ANSWER_EVENTS: &str =
    "data: {\"model\":\"gpt-4o-mini\",\"choices\":[{\"delta\":{\"content\":\"xxxxxxxxxxxxxxxxxxxxxxxxxx\"}}]}\n\n";
const LAST_EVENTS: &str = "data: {\"model\":\"gpt-4o-mini\",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
                           data: {\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}\n\n\
                           data: [DONE]\n\n";

#[tokio::test]
async fn an_answer_that_must_be_held_and_has_no_room_is_refused_and_not_counted_as_free() {
    let long = ANSWER.replace("hi", &"x".repeat(2_000));
    let world = World::with_options(options(1_000), move |_| Answer::json(200, &long)).await;
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.code().as_str(), read.header("retry-after")), (503, "overloaded", Some("1")));
    let row = world.row();
    assert_eq!((row.attempt, row.last, row.outcome, row.cost), (1, true, Outcome::UpstreamFailed, None));
    world.memory_is_free().await;
}

#[tokio::test]
async fn what_a_translation_needs_while_it_reads_counts() {
    let world = World::with_options(options(12 << 20), |_| Answer::json(200, ANSWER)).await;
    let values = |count: usize| format!(r#"{{"model":"anthropic/claude-sonnet-4-5","x":[{}0]}}"#, "0,".repeat(count));
    let read = world.chat(&values(100_000)).await;
    assert_eq!((read.status, read.code().as_str()), (503, "overloaded"));
    assert_eq!(world.chat(&values(1_000)).await.code(), "invalid_request", "it is read, and has no messages");
    world.memory_is_free().await;
}
