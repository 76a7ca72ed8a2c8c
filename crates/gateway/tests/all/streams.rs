//! Streams: untouched, paced by the provider, cancelled by the client.

use bytes::Bytes;
use domain::ledger::Outcome;
use domain::usage::UsageSource;
use gateway::Options;
use http_body_util::BodyExt;
use std::sync::Mutex;
use std::time::Duration;

use crate::world::*;

const ASK: &str = r#"{"model":"openai/gpt-4o-mini","stream":true,"messages":[]}"#;
const FIRST: &str = "data: {\"id\":\"c1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}],\"usage\":null}\n\n";
const STOP: &str = "data: {\"id\":\"c1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
const USAGE: &str = "data: {\"id\":\"c1\",\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// A world whose provider's only answer is a stream that the test feeds.
async fn fed(options: Options) -> (World, tokio::sync::mpsc::Sender<Result<Bytes, std::io::Error>>) {
    let (feed, answer) = Answer::stream();
    (once(options, answer).await, feed)
}

/// A world whose provider answers one call.
async fn once(options: Options, answer: Answer) -> World {
    let answer = Mutex::new(Some(answer));
    let options = Options { allow_private_upstreams: true, ..options };
    let script = move |_: &Seen| answer.lock().expect("free").take().expect("one call");
    World::with_options(options, script).await
}

async fn give(feed: &tokio::sync::mpsc::Sender<Result<Bytes, std::io::Error>>, text: &str) {
    feed.send(Ok(Bytes::copy_from_slice(text.as_bytes()))).await.expect("somebody reads");
}

#[tokio::test]
async fn usage_is_asked_for_and_hidden_from_a_client_that_did_not_ask() {
    let whole = format!("{FIRST}{STOP}{USAGE}{DONE}");
    let world = World::new(move |_| Answer::events(&whole)).await;
    let read = world.chat(ASK).await;
    assert_eq!(read.body, format!("{FIRST}{STOP}{DONE}"));
    assert_eq!(read.header("content-type"), Some("text/event-stream"));
    assert!(world.upstream.call().body.contains(r#""stream_options":{"include_usage":true}"#));
    let row = world.row();
    assert_eq!((row.usage.input, row.usage.output, row.cost.map(|cost| cost.0)), (10, 5, Some(4_500)));
    assert_eq!((row.outcome, row.streamed), (Outcome::Ok, true));
}

#[tokio::test]
async fn a_client_that_asked_for_usage_gets_every_byte() {
    let whole = format!("{FIRST}{STOP}{USAGE}{DONE}");
    let expected = whole.clone();
    let world = World::new(move |_| Answer::events(&whole)).await;
    let ask = r#"{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true}}"#;
    let read = world.send(post("/v1/acme/main/openai/v1/chat/completions", ask)).await;
    assert_eq!(read.body, expected);
    assert_eq!(world.upstream.call().body, ask);
    assert_eq!(world.row().usage.output, 5);
}

#[tokio::test]
async fn native_streams_pass_untouched_and_report_usage() {
    let anthropic = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4-5\",\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":20}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let gemini = "data: {\"candidates\":[{\"content\":{}}],\"modelVersion\":\"gemini-2.5-flash\"}\r\n\r\ndata: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":100,\"candidatesTokenCount\":20},\"modelVersion\":\"gemini-2.5-flash\"}\r\n\r\n";
    for (path, stream) in [
        ("/v1/acme/main/anthropic/v1/messages", anthropic),
        ("/v1/acme/main/google-ai-studio/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", gemini),
    ] {
        let world = World::new(move |_| Answer::events(stream)).await;
        let read = world.send(post(path, r#"{"model":"claude-sonnet-4-5","stream":true}"#)).await;
        assert_eq!(read.body, stream);
        let row = world.row();
        assert_eq!((row.usage.input, row.usage.output, row.outcome), (100, 20, Outcome::Ok), "{path}");
        assert!(row.cost.is_some(), "{path}");
    }
}

#[tokio::test]
async fn each_event_is_there_before_the_next_one_is_sent() {
    let (world, feed) = fed(Options::default()).await;
    let mut body = world.start(post(CHAT, ASK)).await.into_body();
    for event in [FIRST, STOP] {
        give(&feed, event).await;
        let frame = body.frame().await.expect("a frame").expect("whole").into_data().expect("data");
        assert_eq!(frame, event);
        assert!(world.rows().is_empty());
    }
    assert_eq!(world.gateway.in_flight(), 1);
}

#[tokio::test]
async fn the_row_is_there_before_the_last_event_is() {
    let (world, feed) = fed(Options::default()).await;
    let mut body = world.start(post(CHAT, ASK)).await.into_body();
    give(&feed, FIRST).await;
    body.frame().await.expect("a frame").expect("whole");
    give(&feed, &format!("{STOP}{USAGE}{DONE}")).await;
    // The provider has not closed the connection, but this is all there is to say.
    while let Some(Ok(frame)) = body.frame().await {
        if frame.data_ref().is_some_and(|data| data.ends_with(DONE.as_bytes())) {
            break;
        }
    }
    assert_eq!((world.row().outcome, world.row().usage.output), (Outcome::Ok, 5));
    drop(body);
    assert_eq!(world.row().outcome, Outcome::Ok);
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_call_and_is_settled_once() {
    let (world, feed) = fed(Options::default()).await;
    let mut body = world.start(post(CHAT, ASK)).await.into_body();
    give(&feed, FIRST).await;
    body.frame().await.expect("a frame").expect("whole");
    drop(body);
    feed.closed().await;
    let row = world.row();
    assert_eq!((row.outcome, row.status, row.last, row.attempt), (Outcome::ClientGone, 200, true, 1));
    assert_eq!((row.cost, row.response_bytes), (None, FIRST.len() as u64));
    assert_eq!(world.gateway.counters().clients_gone, 1);
    tokio::time::timeout(Duration::from_secs(5), world.gateway.drained()).await.expect("nothing is in flight");
}

#[tokio::test]
async fn a_stream_that_the_server_cuts_is_not_laid_at_the_clients_door() {
    let (world, feed) = fed(Options::default()).await;
    let mut body = world.start(post(CHAT, ASK)).await.into_body();
    give(&feed, FIRST).await;
    body.frame().await.expect("a frame").expect("whole");
    world.gateway.cut();
    drop(body);
    let row = world.row();
    assert_eq!((row.outcome, row.status, row.last, row.attempt), (Outcome::Interrupted, 200, true, 1));
    assert_eq!((row.error_code.as_deref(), row.cost), (Some("shutting_down"), None));
}

#[tokio::test]
async fn a_reset_in_mid_stream_becomes_an_event_of_the_dialect() {
    for (path, start) in [
        (CHAT, "data: {\"error\":{"),
        ("/v1/acme/main/anthropic/v1/messages", "event: error\ndata: {\"type\":\"error\""),
    ] {
        let (world, feed) = fed(Options::default()).await;
        let body = ASK.to_owned();
        let mut answer = world.start(post(path, &body)).await;
        give(&feed, FIRST).await;
        answer.body_mut().frame().await.expect("a frame").expect("whole");
        feed.send(Err(std::io::Error::other("reset by script"))).await.expect("somebody reads");
        let read = read(answer).await;
        assert!(read.body.starts_with(start) && read.body.contains("upstream_reset"), "{}", read.body);
        assert!(read.body.ends_with("\n\n") && !read.broken);
        let row = world.row();
        assert_eq!(
            (row.outcome, row.status, row.error_code.as_deref()),
            (Outcome::UpstreamFailed, 200, Some("upstream_reset"))
        );
    }
}

#[tokio::test]
async fn a_stream_that_ends_without_its_last_word_was_cut_short() {
    let (world, feed) = fed(Options::default()).await;
    let answer = world.start(post(CHAT, ASK)).await;
    give(&feed, FIRST).await;
    drop(feed);
    let read = read(answer).await;
    assert!(read.body.starts_with(FIRST) && read.body.contains("upstream_reset"), "{}", read.body);
    assert_eq!(world.row().outcome, Outcome::UpstreamFailed);
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_given_up() {
    let (world, feed) = fed(Options { idle_timeout: Duration::from_secs(300), ..Options::default() }).await;
    let mut answer = world.start(post(CHAT, ASK)).await;
    give(&feed, FIRST).await;
    answer.body_mut().frame().await.expect("a frame").expect("whole");
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let read = read(answer).await;
    assert!(read.body.contains("upstream_timeout"), "{}", read.body);
    assert!(began.elapsed() >= Duration::from_secs(299), "{:?}", began.elapsed());
    assert_eq!(world.row().error_code.as_deref(), Some("upstream_timeout"));
    feed.closed().await;
}

#[tokio::test]
async fn a_stream_may_not_go_on_for_ever() {
    let options = Options { total_timeout: Duration::from_secs(10), ..Options::default() };
    let (world, feed) = fed(options).await;
    let mut answer = world.start(post(CHAT, ASK)).await;
    give(&feed, FIRST).await;
    answer.body_mut().frame().await.expect("a frame").expect("whole");
    tokio::time::pause();
    let read = read(answer).await;
    assert!(read.body.contains("upstream_timeout"), "{}", read.body);
    assert!(world.row().duration_us <= 11_000_000 + 1_000_000);
}

#[tokio::test]
async fn a_plain_answer_that_breaks_off_is_cut() {
    let (feed, answer) = Answer::pieces("application/json");
    let answer = Mutex::new(Some(answer));
    let world = World::new(move |_| answer.lock().expect("free").take().expect("one call")).await;
    let mut response = world.start(post("/v1/acme/main/openai/v1/files", "{}")).await;
    give(&feed, "{\"data\":[").await;
    response.body_mut().frame().await.expect("a frame").expect("whole");
    feed.send(Err(std::io::Error::other("reset by script"))).await.expect("somebody reads");
    let read = read(response).await;
    assert!(read.broken && read.body.is_empty(), "{read:?}");
    assert_eq!(world.row().outcome, Outcome::UpstreamFailed);
}

#[tokio::test]
async fn a_compressed_stream_is_not_held_back() {
    let (feed, answer) = Answer::stream();
    let world = once(Options::default(), answer.header("content-encoding", "gzip")).await;
    let mut body = world.start(post(CHAT, ASK)).await.into_body();
    give(&feed, "not to be read").await;
    let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.expect("it passes at once");
    assert_eq!(frame.expect("a frame").expect("whole").into_data().expect("data"), "not to be read");
}

#[tokio::test]
async fn a_last_word_in_two_pieces_is_a_last_word() {
    let (world, feed) = fed(Options::default()).await;
    let mut body = world.start(post(CHAT, ASK)).await.into_body();
    give(&feed, &format!("{FIRST}{STOP}{USAGE}data: [DO")).await;
    body.frame().await.expect("a frame").expect("whole");
    give(&feed, "NE]\n\n").await;
    while world.rows().is_empty() {
        body.frame().await.expect("a frame").expect("whole");
    }
    drop(body);
    assert_eq!((world.row().outcome, world.row().usage.output), (Outcome::Ok, 5));
}

#[tokio::test]
async fn a_property_of_a_tool_does_not_make_it_another_apis_stream() {
    let stream = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"model\":\"gpt-5\",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"properties\":{\"candidates\":{\"type\":\"array\"}}}}]}}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"model\":\"gpt-5\",\"usage\":{\"input_tokens\":10,\"output_tokens\":5}}}\n\n";
    let world = World::new(move |_| Answer::events(stream)).await;
    let read = world
        .send(post("/v1/acme/main/compat/responses", r#"{"model":"openai/gpt-5","stream":true,"input":"hi"}"#))
        .await;
    assert_eq!(read.body, stream);
    let row = world.row();
    assert_eq!((row.usage.input, row.usage.output, row.outcome), (10, 5, Outcome::Ok));
}

#[tokio::test]
async fn what_a_broken_stream_of_anthropics_cost_is_an_estimate() {
    let text = "It rains. ".repeat(40);
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4-5\",\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\n";
    let piece = format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
    );
    let (world, feed) = fed(Options::default()).await;
    let mut body = world
        .start(post("/v1/acme/main/compat/v1/messages", r#"{"model":"anthropic/claude-sonnet-4-5","stream":true}"#))
        .await;
    for piece in [start, &piece] {
        give(&feed, piece).await;
        body.body_mut().frame().await.expect("a frame").expect("whole");
    }
    drop(body);
    let row = world.row();
    assert_eq!((row.outcome, row.usage_source), (Outcome::ClientGone, UsageSource::Estimated));
    assert_eq!((row.usage.input, row.usage.output), (100, 100));
    // 100 tokens for 3 dollars a million, 100 for 15.
    assert_eq!(row.cost.map(|cost| cost.0), Some(1_800_000));
}

#[tokio::test]
async fn a_stream_of_nothing_was_cut_short() {
    let world = World::new(|_| Answer::whole(200, "text/event-stream", "")).await;
    let read = world.chat(ASK).await;
    assert!(read.body.contains("upstream_reset"), "{}", read.body);
    assert_eq!(world.row().outcome, Outcome::UpstreamFailed);
}

#[tokio::test]
async fn a_provider_that_talks_on_after_its_last_word_is_left() {
    let (world, feed) = fed(Options::default()).await;
    let mut body = world.start(post(CHAT, ASK)).await.into_body();
    give(&feed, &format!("{FIRST}{STOP}{USAGE}{DONE}")).await;
    while world.rows().is_empty() {
        body.frame().await.expect("a frame").expect("whole");
    }
    tokio::time::pause();
    let talk = async {
        while feed.send(Ok(Bytes::from_static(b": still here\n\n"))).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let hear = async { while let Some(Ok(_)) = body.frame().await {} };
    let ended = tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(talk, hear) }).await;
    assert!(ended.is_ok(), "it goes on for ever");
    assert_eq!(world.row().outcome, Outcome::Ok);
}
