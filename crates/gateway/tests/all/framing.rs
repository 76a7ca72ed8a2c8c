//! Streams as networks and providers deliver them, translated and not: the caller gets a proper stream or a proper error, and the
//! ledger gets the truth.

use std::time::Duration;

use bytes::Bytes;
use domain::ledger::{AttemptRow, Outcome};
use gateway::Options;
use http_body_util::BodyExt;

use crate::world::*;

const MESSAGES: &str = "/v1/acme/main/compat/v1/messages";
const RESPONSES: &str = "/v1/acme/main/compat/responses";
const GENERATE: &str = "/v1/acme/main/compat/v1beta/models/openai/gpt-4o-mini:streamGenerateContent?alt=sse";
const GPT: &str = r#"{"model":"openai/gpt-4o-mini","max_tokens":9,"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}],"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
const CLAUDE: &str =
    r#"{"model":"anthropic/claude-sonnet-4-5","stream":true,"messages":[{"role":"user","content":"hi"}],"input":"hi"}"#;

/// A provider's stream: its first event, its last ones, and one that says that it failed.
struct Stream {
    ask: &'static str,
    first: &'static str,
    last: &'static str,
    error: &'static str,
}

const OF_GPT: Stream = Stream {
    ask: GPT,
    first: "data: {\"id\":\"c1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"It é\"},\"finish_reason\":null}]}\n\n",
    last: "data: {\"id\":\"c1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"id\":\"c1\",\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}\n\ndata: [DONE]\n\n",
    error: "data: {\"error\":{\"message\":\"melted\",\"type\":\"server_error\",\"code\":null}}\n\n",
};
const OF_CLAUDE: Stream = Stream {
    ask: CLAUDE,
    first: "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-sonnet-4-5\",\"usage\":{\"input_tokens\":10,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"It é\"}}\n\n",
    last: "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    error: "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"melted\"}}\n\n",
};

/// Callers of other APIs than the provider's, and what their streams end with: well, and with an error.
const CALLERS: [(&str, &Stream, &str, &str); 4] = [
    (MESSAGES, &OF_GPT, "event: message_stop", "event: error\n"),
    (GENERATE, &OF_GPT, "\"finishReason\":\"STOP\"", "\"error\":{\"code\":"),
    (RESPONSES, &OF_CLAUDE, "event: response.completed", "event: response.failed"),
    (CHAT, &OF_CLAUDE, "data: [DONE]", "data: {\"error\":{"),
];

/// What a caller gets for a stream that comes in pieces, and what is written down.
async fn told(path: &str, ask: &str, pieces: Vec<Bytes>) -> (String, AttemptRow) {
    told_with(Options::default(), path, ask, pieces).await
}

async fn told_with(options: Options, path: &str, ask: &str, pieces: Vec<Bytes>) -> (String, AttemptRow) {
    let (feed, answer) = Answer::stream();
    let answer = std::sync::Mutex::new(Some(answer));
    let options = Options { allow_private_upstreams: true, ..options };
    let world = World::with_options(options, move |_| answer.lock().expect("free").take().expect("one call")).await;
    let feeding = tokio::spawn(async move {
        for piece in pieces {
            // Whoever has heard enough hangs up.
            if feed.send(Ok(piece)).await.is_err() {
                return;
            }
        }
    });
    let read = world.send(post(path, ask)).await;
    feeding.abort();
    assert!(!read.broken);
    world.memory_is_free().await;
    (read.body, world.row())
}

fn bytes(text: &str, size: usize) -> Vec<Bytes> {
    text.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect()
}

#[tokio::test]
async fn a_translated_stream_is_the_same_in_any_pieces() {
    for (path, Stream { ask, first, last, .. }, end, _) in CALLERS {
        let whole = format!("{first}{last}");
        let (wanted, row) = told(path, ask, bytes(&whole, whole.len())).await;
        assert!(wanted.contains("It é") && wanted.contains(end), "{wanted}");
        assert_eq!((row.outcome, row.usage.input, row.usage.output), (Outcome::Ok, 10, 5));
        for size in [1, 7] {
            let (found, row) = told(path, ask, bytes(&whole, size)).await;
            assert_eq!(found.len(), wanted.len(), "{path} in {size}");
            assert_eq!((row.outcome, row.usage.output), (Outcome::Ok, 5));
        }
    }
}

#[tokio::test]
async fn comments_and_other_line_breaks_mean_nothing() {
    let odd = |Stream { first, last, .. }: &Stream| {
        format!("\u{feff}: PROCESSING\n\n{first}:\n\nretry: 5\n\nevent: brand_new\ndata: {{}}\n\n{last}")
            .replace('\n', "\r\n")
    };
    for (path, stream, end, error) in CALLERS {
        let (found, row) = told(path, stream.ask, bytes(&odd(stream), 50)).await;
        assert!(found.contains(end) && !found.contains(error), "{found}");
        assert_eq!((row.outcome, row.usage.output), (Outcome::Ok, 5));
    }
    let odd = odd(&OF_GPT);
    let (found, row) = told(CHAT, GPT, bytes(&odd, 50)).await;
    assert_eq!((found.as_str(), row.outcome, row.usage.output), (odd.as_str(), Outcome::Ok, 5));
}

#[tokio::test]
async fn an_error_inside_of_a_stream_reaches_everybody_in_their_own_words() {
    for (path, Stream { ask, first, error: failure, .. }, end, error) in CALLERS {
        let (found, row) = told(path, ask, bytes(&format!("{first}{failure}"), 33)).await;
        assert!(found.contains("melted") && !found.contains(end), "{found}");
        assert_eq!(found.matches(error).count(), 1, "{found}");
        assert_eq!((row.outcome, row.status), (Outcome::UpstreamFailed, 200));
        // What went in has to be paid, where it is known.
        assert_eq!(row.cost.is_some(), row.usage.input > 0, "{row:?}");
    }
    let failed = format!("{}{}", OF_GPT.first, OF_GPT.error);
    let (found, row) = told(CHAT, GPT, bytes(&failed, 33)).await;
    assert_eq!((found.as_str(), row.outcome), (failed.as_str(), Outcome::UpstreamFailed));
}

#[tokio::test]
async fn a_stream_that_is_cut_off_ends_with_an_error_for_everybody() {
    for (path, Stream { ask, first, last, .. }, end, error) in CALLERS {
        for cut in [0, 20, first.len(), first.len() + 20] {
            let (found, row) = told(path, ask, bytes(&format!("{first}{last}")[..cut], 64)).await;
            assert!(!found.contains(end), "{path} cut at {cut}: {found}");
            assert_eq!(found.matches(error).count(), 1, "{path} cut at {cut}: {found}");
            assert_eq!((row.outcome, row.error_code.as_deref()), (Outcome::UpstreamFailed, Some("upstream_reset")));
        }
    }
}

#[tokio::test]
async fn a_giant_line_passes_where_it_need_not_be_read_and_is_an_error_where_it_must() {
    let Stream { first, last, .. } = OF_GPT;
    let giant = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "x".repeat(17 << 20));
    let stream = || bytes(&format!("{first}{giant}{last}"), 1 << 20);
    let (found, row) = told(CHAT, GPT, stream()).await;
    assert_eq!((found.len(), row.outcome, row.usage.output), (first.len() + giant.len() + last.len(), Outcome::Ok, 5));
    let (found, row) = told(MESSAGES, GPT, stream()).await;
    assert!(found.len() < 10_000 && found.contains("event: error\n"), "{} bytes", found.len());
    assert_eq!(row.outcome, Outcome::UpstreamFailed);
}

/// A piece of one of several calls. Arguments of a second call wait until the first one is complete.
fn call(index: usize, arguments: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},\"id\":\"c{index}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{arguments}\"}}}}]}}}}]}}\n\n"
    )
}

#[tokio::test]
async fn what_a_translation_holds_counts_and_where_there_is_no_room_the_stream_ends() {
    let pieces: String = (0..40).map(|_| call(1, &"x".repeat(1_000))).collect();
    let whole = format!("{}{pieces}{}", call(0, "{"), OF_GPT.last);
    for (body_memory, outcome) in [(1 << 20, Outcome::Ok), (30_000, Outcome::UpstreamFailed)] {
        let options = Options { body_memory, ..Options::default() };
        let (found, row) = told_with(options, MESSAGES, GPT, bytes(&whole, 1_000)).await;
        assert_eq!(row.outcome, outcome);
        let wanted = if outcome == Outcome::Ok { "event: message_stop" } else { "overloaded" };
        assert!(found.contains(wanted), "{found}");
    }
}

#[tokio::test]
async fn a_caller_for_whom_everything_is_held_hears_that_the_provider_is_there() {
    const LIST: &str = "/v1/acme/main/compat/v1beta/models/groq/m:streamGenerateContent";
    let comment = ": keep-alive\n\n";
    for (path, sign, end) in [
        (MESSAGES, "event: ping\ndata: {\"type\":\"ping\"}\n\n", "event: message_stop"),
        (RESPONSES, comment, "event: response.completed"),
        (LIST, "\n", "\"finishReason\":\"STOP\""),
    ] {
        let (feed, answer) = Answer::stream();
        let answer = std::sync::Mutex::new(Some(answer));
        let mut world = World::new(move |_| answer.lock().expect("free").take().expect("one call")).await;
        let url = world.upstream.url();
        world.change(|config| config.teams[0].provider_keys.push(key(90, "groq", &url)));
        let ask = GPT.replace("openai/gpt-4o-mini", "groq/m").replacen('{', r#"{"input":"hi","#, 1);
        let give = async |text: String| feed.send(Ok(Bytes::from(text))).await.expect("somebody reads");

        give(format!("{}{}", OF_GPT.first, call(0, "{"))).await;
        let mut answer = world.start(post(path, &ask)).await;
        let mut heard = String::new();
        while !heard.contains(if path == LIST { "It é" } else { "\"{\"" }) {
            heard.push_str(&frame(&mut answer).await);
        }
        for _ in 0..3 {
            // Nothing of this goes on; a caller hears of it, but not of every piece.
            give(call(1, "{")).await;
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(11)).await;
            tokio::time::resume();
            give(call(1, " ")).await;
            assert_eq!(frame(&mut answer).await, sign, "{path}");
        }
        give(format!("{}{}", call(0, "}"), OF_GPT.last)).await;
        drop(feed);
        let read = read(answer).await;
        assert!(read.body.contains(end), "{}", read.body);
        assert_eq!((world.row().outcome, world.row().usage.output), (Outcome::Ok, 5), "{path}");
    }
}

/// What goes to the caller next.
async fn frame(answer: &mut http::Response<gateway::body::Body>) -> String {
    let frame = answer.body_mut().frame().await.expect("a frame").expect("whole");
    String::from_utf8(frame.into_data().expect("data").to_vec()).expect("text")
}
