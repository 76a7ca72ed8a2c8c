//! Streams under other names: as JSON, as text, as bytes, or without any. What they are shows in what they begin with.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use domain::ledger::Outcome;
use gateway::Options;
use gateway::body::Body;
use http::Response;
use http_body_util::BodyExt;
use tokio::sync::mpsc::Sender;
use wire::eventstream::write_event;

use crate::world::*;

const MESSAGES: &str = "/v1/acme/main/compat/v1/messages";
const NATIVE_MESSAGES: &str = "/v1/acme/main/anthropic/v1/messages";
const NATIVE_CHAT: &str = "/v1/acme/main/openai/v1/chat/completions";
const NATIVE_OLLAMA: &str = "/v1/acme/main/ollama/api/chat";
const LABELS: [&str; 5] =
    ["application/json", "text/plain; charset=utf-8", "application/x-ndjson", "application/octet-stream", ""];

const GPT: [&str; 2] = [
    "data: {\"id\":\"c1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Rain\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n",
];
const CLAUDE: [&str; 2] = [
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-sonnet-4-5\",\"usage\":{\"input_tokens\":10,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"Rain\"}}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
];
const LINES: [&str; 2] = [
    "{\"model\":\"m\",\"message\":{\"content\":\"Rain\"},\"done\":false}\n",
    "{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":10,\"eval_count\":5}\n",
];

type Feed = Sender<Result<Bytes, std::io::Error>>;

fn ask(model: &str) -> String {
    format!(r#"{{"model":"{model}","max_tokens":9,"stream":true,"messages":[{{"role":"user","content":"hi"}}]}}"#)
}

/// A world whose provider answers one call, with a stream of this name that the test feeds.
async fn fed(label: &'static str) -> (World, Feed) {
    let (feed, answer) = Answer::pieces(label);
    let answer = match answer {
        Answer::Pieces { status, pieces, .. } if label.is_empty() => {
            Answer::Pieces { status, headers: Vec::new(), pieces }
        }
        labelled => labelled,
    };
    let answer = Mutex::new(Some(answer));
    let mut world = World::new(move |_| answer.lock().expect("free").take().expect("one call")).await;
    let url = world.upstream.url();
    world.change(|config| {
        for (id, provider) in (90..).zip(["ollama", "aws-bedrock"]) {
            config.teams[0].provider_keys.push(key(id, provider, &url));
        }
    });
    (world, feed)
}

async fn give(feed: &Feed, bytes: &[u8]) {
    feed.send(Ok(Bytes::copy_from_slice(bytes))).await.expect("somebody reads");
}

/// What a caller has of a stream before the provider goes on with it.
async fn first(answer: &mut Response<Body>) -> String {
    let frame = tokio::time::timeout(Duration::from_secs(20), answer.body_mut().frame()).await;
    let frame = frame.expect("it is not held").expect("a frame").expect("whole");
    String::from_utf8(frame.into_data().expect("data").to_vec()).expect("text")
}

/// Feeds the beginning, waits for what the caller has of it, and feeds the rest.
async fn in_two(label: &'static str, path: &str, model: &str, [begin, rest]: [&[u8]; 2]) -> (String, Read, World) {
    let (world, feed) = fed(label).await;
    give(&feed, begin).await;
    let mut answer = world.start(post(path, &ask(model))).await;
    let begun = first(&mut answer).await;
    give(&feed, rest).await;
    drop(feed);
    let read = read(answer).await;
    (begun, read, world)
}

#[tokio::test]
async fn where_both_speak_the_same_api_bytes_pass_as_they_come() {
    let doors = [
        (CHAT, "openai/gpt-4o-mini", GPT),
        (NATIVE_CHAT, "gpt-4o-mini", GPT),
        (MESSAGES, "anthropic/claude-sonnet-4-5", CLAUDE),
        (NATIVE_MESSAGES, "claude-sonnet-4-5", CLAUDE),
        (NATIVE_OLLAMA, "m", LINES),
    ];
    for label in LABELS {
        for (path, model, stream) in doors {
            let place = format!("{path} {label}");
            let (begun, read, world) = in_two(label, path, model, stream.map(str::as_bytes)).await;
            assert_eq!((begun.as_str(), read.body.as_str(), read.broken), (stream[0], stream[1], false), "{place}");
            assert_eq!(read.header("content-type"), Some(label).filter(|label| !label.is_empty()), "{place}");
            let row = world.row();
            assert_eq!((row.outcome, row.usage.input, row.usage.output), (Outcome::Ok, 10, 5), "{place}");
            assert!(row.streamed, "{place}");
        }
    }
}

#[tokio::test]
async fn json_passes_too_where_a_stream_was_asked_for() {
    for label in LABELS {
        for (path, model) in [(CHAT, "openai/gpt-4o-mini"), (NATIVE_CHAT, "gpt-4o-mini")] {
            let whole = ANSWER.split_at(40);
            for pieces in [["{\"a\":1}\n", "{\"a\":2}\n"], ["[{\"a\":1}", ",{\"a\":2}]"], [whole.0, whole.1]] {
                let (begun, read, world) = in_two(label, path, model, pieces.map(str::as_bytes)).await;
                assert_eq!((begun.as_str(), read.body.as_str()), (pieces[0], pieces[1]), "{path} {label}");
                assert_eq!((read.broken, world.row().outcome), (false, Outcome::Ok), "{path} {label}");
                let counted = if pieces[0] == whole.0 { 5 } else { 0 };
                assert_eq!(world.row().usage.output, counted, "{path} {label}");
            }
        }
    }
}

#[tokio::test]
async fn json_that_breaks_off_is_cut() {
    let (begun, read, world) =
        in_two("application/json", CHAT, "openai/gpt-4o-mini", [b"{\"a\":1}\n", b"{\"a\":"]).await;
    assert_eq!((begun.as_str(), read.body.as_str(), read.broken), ("{\"a\":1}\n", "{\"a\":", true));
    let row = world.row();
    assert_eq!((row.outcome, row.error_code.as_deref()), (Outcome::UpstreamFailed, Some("upstream_reset")));
}

#[tokio::test]
async fn a_page_or_nothing_in_the_place_of_a_stream_is_refused() {
    for (label, page) in [("text/html", "<html>"), ("application/json", "oops"), ("text/plain", " \n"), ("", "")] {
        for (path, model) in [(CHAT, "openai/gpt-4o-mini"), (MESSAGES, "openai/gpt-4o-mini")] {
            let (world, feed) = fed(label).await;
            give(&feed, page.as_bytes()).await;
            drop(feed);
            let read = world.send(post(path, &ask(model))).await;
            assert_eq!((read.status, read.code().as_str()), (502, "upstream_invalid"), "{path} {page}");
            assert_eq!(world.row().outcome, Outcome::UpstreamFailed);
        }
    }
}

#[tokio::test]
async fn a_stream_is_translated_whatever_it_is_called() {
    let frame = |kind: &str, payload: &str| {
        let mut out = Vec::new();
        write_event(kind, payload.as_bytes(), &mut out).expect("a frame");
        out
    };
    let begin = [
        frame("messageStart", r#"{"role":"assistant"}"#),
        frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Rain"}}"#),
    ];
    let rest = [
        frame("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        frame("messageStop", r#"{"stopReason":"end_turn"}"#),
        frame("metadata", r#"{"usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15}}"#),
    ];
    let (begin, rest) = (begin.concat(), rest.concat());
    let ways: [(&str, &str, [&[u8]; 2], &str); 5] = [
        (MESSAGES, "openai/gpt-4o-mini", GPT.map(str::as_bytes), "event: message_stop"),
        (CHAT, "anthropic/claude-sonnet-4-5", CLAUDE.map(str::as_bytes), "data: [DONE]"),
        (CHAT, "ollama/m", LINES.map(str::as_bytes), "data: [DONE]"),
        (MESSAGES, "ollama/m", LINES.map(str::as_bytes), "event: message_stop"),
        (MESSAGES, "aws-bedrock/m", [&begin, &rest], "event: message_stop"),
    ];
    for label in LABELS.into_iter().chain(["text/event-stream"]) {
        for (path, model, stream, end) in ways {
            let place = format!("{path} {model} {label}");
            let (begun, read, world) = in_two(label, path, model, stream).await;
            assert!(format!("{begun}{}", read.body).contains("Rain") && read.body.contains(end), "{place}: {read:?}");
            assert_eq!(read.header("content-type"), Some("text/event-stream"), "{place}");
            let row = world.row();
            assert_eq!((row.outcome, row.usage.input, row.usage.output), (Outcome::Ok, 10, 5), "{place}");
            assert!(row.streamed, "{place}");
        }
    }
}

#[tokio::test]
async fn a_byte_at_a_time_is_enough() {
    for (path, model, stream, end) in [
        (CHAT, "openai/gpt-4o-mini", GPT, "data: [DONE]\n\n"),
        (MESSAGES, "openai/gpt-4o-mini", GPT, "event: message_stop"),
        (CHAT, "ollama/m", LINES, "data: [DONE]\n\n"),
    ] {
        let (world, feed) = fed("text/plain").await;
        let feeding = tokio::spawn(async move {
            for byte in stream.concat().into_bytes() {
                if feed.send(Ok(vec![byte].into())).await.is_err() {
                    return;
                }
            }
        });
        let read = world.send(post(path, &ask(model))).await;
        feeding.abort();
        assert!(read.body.contains(end) && read.body.contains("Rain"), "{path} {model}: {}", read.body);
        assert_eq!((world.row().outcome, world.row().usage.output), (Outcome::Ok, 5), "{path} {model}");
    }
}

#[tokio::test]
async fn a_stream_for_which_nobody_asked_is_put_together_whatever_it_is_called() {
    for (label, model, stream) in [
        ("application/json", "anthropic/claude-sonnet-4-5", CLAUDE),
        ("text/plain", "anthropic/claude-sonnet-4-5", CLAUDE),
        ("application/json", "ollama/m", LINES),
    ] {
        let (world, feed) = fed(label).await;
        give(&feed, stream.concat().as_bytes()).await;
        drop(feed);
        let plain = ask(model).replace("\"stream\":true", "\"stream\":false");
        let read = world.chat(&plain).await;
        assert_eq!(read.json()["choices"][0]["message"]["content"], "Rain", "{label} {}", read.body);
        assert_eq!((world.row().outcome, world.row().usage.output), (Outcome::Ok, 5));
    }
}

#[tokio::test]
async fn a_provider_that_falls_silent_before_it_shows_what_it_sends_is_given_up() {
    let options =
        Options { allow_private_upstreams: true, idle_timeout: Duration::from_secs(60), ..Options::default() };
    let (feed, answer) = Answer::pieces("text/plain");
    let answer = Mutex::new(Some(answer));
    let world = World::with_options(options, move |_| answer.lock().expect("free").take().expect("one call")).await;
    give(&feed, b"\n").await;
    let asked = world.start(post(CHAT, &ask("openai/gpt-4o-mini")));
    tokio::pin!(asked);
    while world.upstream.calls().is_empty() {
        tokio::select! { biased; _ = &mut asked => panic!("nothing to say yet"), () = tokio::task::yield_now() => {} }
    }
    tokio::time::pause();
    let read = read(asked.await).await;
    assert_eq!((read.status, read.code().as_str()), (504, "upstream_timeout"));
    assert_eq!(world.row().error_code.as_deref(), Some("upstream_timeout"));
    feed.closed().await;
}
