//! How answers end: with the provider's last word, without it, without a body, or because the caller has gone.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use domain::ledger::Outcome;
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Sender;

use crate::world::*;

const MESSAGES: &str = "/v1/acme/main/compat/v1/messages";
const RESPONSES: &str = "/v1/acme/main/compat/responses";
const NATIVE_RESPONSES: &str = "/v1/acme/main/openai/v1/responses";
const STREAM: &str =
    r#"{"model":"openai/gpt-4o-mini","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const STREAM_WITH_USAGE: &str =
    r#"{"model":"openai/gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#;
const FIRST: &str =
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}\n\n";
const CREATED: &str =
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"model\":\"gpt-5\"}}\n\n";

type Feed = Sender<Result<Bytes, std::io::Error>>;

/// A world whose provider answers one call, by what the test feeds.
async fn fed(label: &'static str) -> (World, Feed) {
    let (feed, answer) = Answer::pieces(label);
    let answer = Mutex::new(Some(answer));
    let mut world = World::new(move |_| answer.lock().expect("free").take().expect("one call")).await;
    let url = world.upstream.url();
    world.change(|config| config.teams[0].provider_keys.push(key(90, "ollama", &url)));
    (world, feed)
}

async fn give(feed: &Feed, text: &str) {
    feed.send(Ok(Bytes::copy_from_slice(text.as_bytes()))).await.expect("somebody reads");
}

/// What a caller gets of a stream that the provider breaks off after these words.
async fn broken_off(label: &'static str, path: &str, ask: &str, said: &str) -> (Read, World) {
    let (world, feed) = fed(label).await;
    give(&feed, said).await;
    drop(feed);
    let read = world.send(post(path, ask)).await;
    let row = world.row();
    assert_eq!((row.outcome, row.error_code.as_deref()), (Outcome::UpstreamFailed, Some("upstream_reset")), "{path}");
    (read, world)
}

#[tokio::test]
async fn an_error_never_runs_into_an_event_that_broke_off() {
    for torn in ["data: {\"id\":\"c1\",\"cho", "event: x\n", "data: {}\r\n", ""] {
        let (read, _) = broken_off("text/event-stream", CHAT, STREAM_WITH_USAGE, &format!("{FIRST}{torn}")).await;
        let gap = if torn.is_empty() { "" } else { "\n\n" };
        let wanted = format!("{FIRST}{torn}{gap}data: {{\"error\":{{");
        assert!(read.body.starts_with(&wanted) && !read.broken, "{torn:?}: {}", read.body);
    }
    // What is looked at before it goes on need not go on at all.
    let (read, _) = broken_off("text/event-stream", CHAT, STREAM, &format!("{FIRST}data: {{\"id\":\"c1\",\"cho")).await;
    assert!(read.body.starts_with(&format!("{FIRST}data: {{\"error\":{{")), "{}", read.body);
}

#[tokio::test]
async fn a_stream_of_lines_ends_with_a_line_that_says_so() {
    let line = "{\"model\":\"m\",\"message\":{\"content\":\"hi\"},\"done\":false}\n";
    for torn in ["", "{\"model\":\"m\",\"mess"] {
        let said = format!("{line}{torn}");
        let (read, _) =
            broken_off("application/x-ndjson", "/v1/acme/main/ollama/api/chat", r#"{"model":"m"}"#, &said).await;
        assert!(!read.broken && read.body.starts_with(&said), "{read:?}");
        let last = read.body.lines().last().expect("a line");
        let last: serde_json::Value = serde_json::from_str(last).expect("JSON");
        assert!(last["error"].as_str().is_some_and(|error| error.contains("closed the connection")), "{last}");
    }
}

#[tokio::test]
async fn a_stream_of_responses_ends_with_an_event_of_its_kind() {
    let ask = r#"{"model":"openai/gpt-5","stream":true,"input":"hi"}"#;
    for (path, ask) in [(RESPONSES, ask), (NATIVE_RESPONSES, &ask.replace("openai/", ""))] {
        let (read, _) = broken_off("text/event-stream", path, ask, CREATED).await;
        let last = read.body.strip_prefix(CREATED).expect("what came before");
        let last = last.strip_prefix("event: error\ndata: ").unwrap_or_else(|| panic!("{last}"));
        let last: serde_json::Value = serde_json::from_str(last.trim_end()).expect("JSON");
        assert_eq!((&last["type"], &last["code"]), (&"error".into(), &"upstream_reset".into()), "{path}");
        assert_eq!(last["error"]["code"], "upstream_reset", "OpenAI's SDKs look here");
    }
}

#[tokio::test]
async fn a_response_that_tells_no_figures_is_complete_all_the_same() {
    let completed =
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":null}}\n\n";
    let whole = format!("{CREATED}{completed}");
    for path in [RESPONSES, NATIVE_RESPONSES] {
        let given = whole.clone();
        let world = World::new(move |_| Answer::events(&given)).await;
        let read = world.send(post(path, r#"{"model":"gpt-5","stream":true,"input":"hi"}"#)).await;
        assert_eq!((read.body.as_str(), world.row().outcome), (whole.as_str(), Outcome::Ok), "{path}");
    }
}

/// Waits until something is so, while a request runs that must not be answered yet.
async fn until(asked: impl Future + Unpin, so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    let waiting = tokio::time::timeout(Duration::from_secs(20), waiting);
    tokio::select! { biased; _ = asked => panic!("it is answered"), waited = waiting => waited.expect("it becomes so") }
}

#[tokio::test]
async fn a_caller_who_leaves_while_an_answer_is_held_ends_the_call() {
    const PIECE: usize = 100_000;
    let begun = format!("{{\"x\":\"{}", "x".repeat(PIECE));
    for (path, ask) in [(CHAT, QUESTION), (MESSAGES, STREAM), (MESSAGES, &STREAM.replace("true", "false"))] {
        let (world, feed) = fed("application/json").await;
        give(&feed, &begun).await;
        let mut asked = Box::pin(world.start(post(path, ask)));
        until(&mut asked, || world.gateway.body_memory_used() > PIECE).await;
        drop(asked);
        tokio::time::timeout(Duration::from_secs(20), feed.closed()).await.expect("nobody reads on");
        let row = world.row();
        assert_eq!((row.outcome, row.status, row.cost), (Outcome::ClientGone, 499, None), "{path}");
        world.memory_is_free().await;
    }
}

#[tokio::test]
async fn a_caller_who_leaves_before_an_answer_shows_what_it_is_ends_the_call() {
    let (world, feed) = fed("text/plain").await;
    give(&feed, "\n").await;
    let mut asked = Box::pin(world.start(post(CHAT, STREAM)));
    until(&mut asked, || !world.upstream.calls().is_empty()).await;
    drop(asked);
    tokio::time::timeout(Duration::from_secs(20), feed.closed()).await.expect("nobody reads on");
    assert_eq!((world.row().outcome, world.row().cost), (Outcome::ClientGone, None));
}

#[tokio::test]
async fn a_caller_who_leaves_a_stream_ends_the_call() {
    for (label, path, ask) in [
        ("text/event-stream", MESSAGES, STREAM),
        ("text/plain", MESSAGES, STREAM),
        ("text/plain", CHAT, STREAM),
        ("text/event-stream", "/v1/acme/main/openai/v1/chat/completions", STREAM),
        ("application/octet-stream", "/v1/acme/main/openai/v1/audio/speech", "{}"),
    ] {
        let (world, feed) = fed(label).await;
        give(&feed, FIRST).await;
        let mut answer = world.start(post(path, ask)).await;
        answer.body_mut().frame().await.expect("a frame").expect("whole");
        drop(answer);
        tokio::time::timeout(Duration::from_secs(20), feed.closed()).await.expect("nobody reads on");
        let row = world.row();
        assert_eq!((row.outcome, row.status, row.cost), (Outcome::ClientGone, 200, None), "{path} {label}");
    }
}

#[tokio::test]
async fn what_comes_compressed_although_it_must_not_passes_and_its_cost_is_unknown() {
    const PACKED: &[u8] = b"\x1f\x8b\x08 not to be read";
    for (path, ask) in [
        ("/v1/acme/main/openai/v1/chat/completions", QUESTION),
        ("/v1/acme/main/openai/v1/chat/completions", STREAM),
        ("/v1/acme/main/anthropic/v1/messages", QUESTION),
        (CHAT, QUESTION),
    ] {
        let world = World::new(|_| Answer::bytes("application/json", PACKED).header("content-encoding", "gzip")).await;
        let request = and(post(path, ask), &[("accept-encoding", "gzip, br")]);
        let answer = world.start(request).await;
        assert_eq!((answer.status().as_u16(), &answer.headers()["content-encoding"]), (200, &"gzip".parse().unwrap()));
        let body = answer.into_body().collect().await.expect("whole").to_bytes();
        assert_eq!(body, PACKED, "{path}");
        assert_eq!(world.upstream.call().headers["accept-encoding"], "identity");
        assert_eq!((world.row().outcome, world.row().cost), (Outcome::Ok, None), "{path}");
    }
    let world = World::new(|_| Answer::bytes("application/json", PACKED).header("content-encoding", "br")).await;
    let read = world.send(post(MESSAGES, STREAM)).await;
    assert_eq!((read.status, read.code().as_str()), (502, "upstream_invalid"));
    assert_eq!(world.row().cost, None);
}

/// The gateway behind a connection, as clients see it.
async fn listen(world: &World) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let gateway = world.gateway.clone();
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let gateway = gateway.clone();
            let service = service_fn(move |request| {
                let gateway = gateway.clone();
                async move { Ok::<_, std::convert::Infallible>(gateway.handle(request, peer.ip()).await) }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

/// Head and body of an answer, as they stand on the wire.
async fn exchange(address: SocketAddr, method: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: weir\r\nauthorization: Bearer {TOKEN}\r\nte: trailers\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_lowercase(), body.to_owned())
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let world = World::new(|seen| match (seen.method.as_str(), seen.target.as_str()) {
        ("HEAD", "/v1/stream") => Answer::whole(200, "text/event-stream", "data: {}\n\n"),
        ("HEAD", _) => Answer::json(200, r#"{"data":[]}"#).header("x-request-id", "r1"),
        (_, "/v1/changed") => Answer::whole(304, "application/json", "").header("etag", "\"1\""),
        _ => Answer::Whole { status: 204, headers: Vec::new(), body: Bytes::new() },
    })
    .await;
    let address = listen(&world).await;
    for (method, path, status, wanted) in [
        ("HEAD", "models", "200 ok", "content-length: 11"),
        ("HEAD", "stream", "200 ok", "content-length: 10"),
        ("DELETE", "files/1", "204 no content", ""),
        ("POST", "chat/completions", "204 no content", ""),
        ("GET", "changed", "304 not modified", "etag: \"1\""),
    ] {
        let (head, body) = exchange(address, method, &format!("/v1/acme/main/openai/v1/{path}")).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")) && head.contains(wanted), "{method} {path}: {head}");
        let framed =
            head.contains("transfer-encoding") || (status.starts_with("204") && head.contains("content-length"));
        assert!(body.is_empty() && !framed, "{method} {path}: {head} {body}");
    }
    assert!(world.rows().iter().all(|row| row.outcome == Outcome::Ok && row.last), "{:#?}", world.rows());
    assert_eq!(world.rows().len(), 5);
}

#[tokio::test]
async fn trailers_end_an_answer_and_go_no_further() {
    const ANSWERED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\nb\r\n{\"data\":[]}\r\n0\r\nx-sum: 1\r\n\r\n";
    let raw = Upstream::raw(ANSWERED).await;
    let mut world = World::answering(200, "{}").await;
    world.change(|config| config.teams[0].provider_keys.iter_mut().for_each(|key| key.base_url = Some(raw.url())));
    let address = listen(&world).await;
    let (head, body) = exchange(address, "GET", "/v1/acme/main/openai/v1/models").await;
    assert!(head.starts_with("http/1.1 200 ok") && !head.contains("trailer"), "{head}");
    assert_eq!(body, "B\r\n{\"data\":[]}\r\n0\r\n\r\n");
    assert_eq!(world.row().outcome, Outcome::Ok);
}
