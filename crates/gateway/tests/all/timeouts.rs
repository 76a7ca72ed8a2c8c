//! Each timeout ends an attempt while its provider says nothing at all, whoever sets it.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use domain::GatewaySettings;
use domain::ledger::Outcome;
use http_body_util::BodyExt;
use tokio::sync::mpsc::Sender;

use crate::world::*;

const ASK: &str = r#"{"model":"openai/gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const FIRST: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";

type Feed = Sender<Result<Bytes, std::io::Error>>;

async fn fed() -> (World, Feed) {
    let (feed, answer) = Answer::stream();
    let answer = Mutex::new(Some(answer));
    (World::new(move |_| answer.lock().expect("free").take().unwrap_or(Answer::Silence)).await, feed)
}

async fn give(feed: &Feed, text: &str) {
    feed.send(Ok(Bytes::copy_from_slice(text.as_bytes()))).await.expect("somebody reads");
}

type Set = fn(&mut GatewaySettings);

/// The same bound by a header and by the gateway's settings.
fn bounds(header: &'static str, set: Set) -> [(Option<&'static str>, Set); 2] {
    [(Some(header), |_| {}), (None, set)]
}

fn ask(header: Option<&'static str>) -> http::Request<http_body_util::Full<Bytes>> {
    match header {
        Some(header) => and(post(CHAT, ASK), &[(header, "150")]),
        None => post(CHAT, ASK),
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_is_given_up() {
    for (header, set) in bounds("cf-aig-request-timeout", |settings| settings.request_timeout = Some(150)) {
        let mut world = World::new(|_| Answer::Silence).await;
        world.settings(set);
        let read = world.send(ask(header)).await;
        assert_eq!((read.status, read.code().as_str()), (504, "upstream_timeout"));
        assert_eq!(world.row().outcome, Outcome::UpstreamFailed);
    }
}

#[tokio::test]
async fn a_first_event_that_does_not_come_is_given_up_before_the_caller_has_a_head() {
    for (header, set) in bounds("weir-first-token-timeout", |settings| settings.first_token_timeout = Some(150)) {
        let (mut world, feed) = fed().await;
        world.settings(set);
        // That the provider is at work is no event.
        give(&feed, ": PROCESSING\n\n").await;
        let read = world.send(ask(header)).await;
        assert_eq!((read.status, read.code().as_str()), (504, "upstream_timeout"));
        assert_eq!(world.row().error_code.as_deref(), Some("upstream_timeout"));
        feed.closed().await;
    }
}

#[tokio::test]
async fn after_its_first_event_a_stream_has_the_usual_time() {
    let (world, feed) = fed().await;
    give(&feed, FIRST).await;
    let mut body = world.start(ask(Some("weir-first-token-timeout"))).await.into_body();
    body.frame().await.expect("a frame").expect("whole");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    give(&feed, "data: [DONE]\n\n").await;
    drop(feed);
    let rest = body.collect().await.expect("whole").to_bytes();
    assert_eq!(rest, "data: [DONE]\n\n");
    assert_eq!(world.row().outcome, Outcome::Ok);
}

#[tokio::test]
async fn silence_in_the_middle_is_given_up() {
    for (header, set) in bounds("weir-idle-timeout", |settings| settings.idle_timeout = Some(150)) {
        let (mut world, feed) = fed().await;
        world.settings(set);
        give(&feed, FIRST).await;
        let read = world.send(ask(header)).await;
        assert!(read.body.starts_with(FIRST) && read.body.contains("upstream_timeout"), "{}", read.body);
        assert_eq!(world.row().error_code.as_deref(), Some("upstream_timeout"));
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_given_up() {
    for (header, set) in bounds("weir-total-timeout", |settings| settings.total_timeout = Some(150)) {
        let (mut world, feed) = fed().await;
        world.settings(set);
        let drip = tokio::spawn(async move {
            while feed.send(Ok(Bytes::from_static(FIRST.as_bytes()))).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let read = world.send(ask(header)).await;
        assert!(read.body.contains("upstream_timeout"), "{}", read.body);
        drip.await.expect("the provider is let go");
    }
}
