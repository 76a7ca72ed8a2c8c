//! Responses that are made in the background.

use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use domain::ledger::Outcome;
use domain::state::ResponseStatus;
use futures_util::FutureExt;
use gateway::{Gateway, Options};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use crate::world::*;

const RESPONSES: &str = "/v1/acme/main/compat/responses";
const BEGIN: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"It rains.\"}}\n\n";
const END: &str = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":20}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const CLAUDE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"It rains."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":90,"output_tokens":20}}"#;

type Feed = tokio::sync::mpsc::Sender<Result<Bytes, std::io::Error>>;

/// A world whose provider answers the first question when the test says so, with a stream or a plain answer.
async fn world(options: Options, stream: bool) -> (World, Feed) {
    let (feed, answer) = if stream { Answer::stream() } else { Answer::pieces("application/json") };
    let answer = Mutex::new(Some(answer));
    let options = Options { allow_private_upstreams: true, ..options };
    let script = move |_: &Seen| answer.lock().expect("free").take().unwrap_or_else(|| Answer::json(200, CLAUDE));
    (World::with_options(options, script).await, feed)
}

fn ask(rest: Value) -> Request<Full<Bytes>> {
    let mut body = json!({ "model": "anthropic/claude-sonnet-4-5", "input": "Weather?", "background": true });
    body.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
    post(RESPONSES, &body.to_string())
}

fn call(method: Method, path: &str) -> Request<Full<Bytes>> {
    let mut request = post(path, "");
    *request.method_mut() = method;
    request
}

/// What another process answers.
async fn at(other: &Gateway, method: Method, path: &str) -> Read {
    let peer = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    read(other.handle(call(method, path), peer).await).await
}

async fn get(world: &World, id: &str) -> Value {
    world.send(call(Method::GET, &format!("/v1/responses/{id}"))).await.json()
}

/// Lets the tasks run until the response has that status.
async fn until(world: &World, id: &str, status: &str) -> Value {
    let wait = async {
        loop {
            let found = get(world, id).await;
            if found["status"] == status {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect(status)
}

async fn begin(world: &World, rest: Value) -> String {
    let begun = world.send(ask(rest)).await;
    let object = begun.json();
    assert_eq!((begun.status, &object["status"], &object["background"]), (200, &json!("in_progress"), &json!(true)));
    object["id"].as_str().expect("an id").to_owned()
}

/// Lets the tasks run until the provider has been called.
async fn called(world: &World) {
    while world.upstream.calls().is_empty() {
        tokio::task::yield_now().await;
    }
}

/// The numbers of the events.
fn numbers(events: &str) -> Vec<u64> {
    let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
    let number = |data| serde_json::from_str::<Value>(data).expect("JSON")["sequence_number"].as_u64();
    data.map(|data| number(data).expect("a number")).collect()
}

#[tokio::test]
async fn it_is_made_while_its_caller_is_away() {
    let (world, feed) = world(Options::default(), false).await;
    let id = begin(&world, json!({})).await;
    assert_eq!(get(&world, &id).await["status"], "in_progress");
    assert_eq!(world.gateway.in_flight(), 1);
    let early = world.send(ask(json!({ "previous_response_id": id }))).await;
    assert_eq!(early.code(), "invalid_request", "it cannot be continued yet");
    feed.send(Ok(CLAUDE.into())).await.expect("room");
    drop(feed);
    let done = until(&world, &id, "completed").await;
    assert_eq!(done["output"][0]["content"][0]["text"], "It rains.");
    assert_eq!((&done["id"], &done["background"]), (&json!(id), &json!(true)));
    world.gateway.drained().await;
    let made: Vec<_> = world.rows().into_iter().filter(|row| row.attempt > 0).collect();
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].outcome, made[0].usage.output), (Outcome::Ok, 20));
    let sent: Value = serde_json::from_str(&world.upstream.call().body).expect("JSON");
    assert!(sent.get("background").is_none());
    let again = world.send(call(Method::POST, &format!("/v1/responses/{id}/cancel"))).await;
    assert_eq!(again.json(), done, "what is done stays done");
    let next = world.send(post(
        RESPONSES,
        &json!({ "model": "anthropic/claude-sonnet-4-5", "input": "x", "previous_response_id": id }).to_string(),
    ));
    assert_eq!(next.await.status, 200);
}

#[tokio::test]
async fn its_stream_is_heard_again_from_any_event_on() {
    let (world, feed) = world(Options::default(), true).await;
    let mut live = world.start(ask(json!({ "stream": true }))).await.into_body();
    feed.send(Ok(BEGIN.into())).await.expect("room");
    let mut heard = String::new();
    while !heard.contains("It rains.") {
        let frame = live.frame().await.expect("an event").expect("whole").into_data().expect("data");
        heard.push_str(std::str::from_utf8(&frame).expect("text"));
    }
    drop(live);
    let id = world.kept.response().id;
    let path = format!("/v1/responses/{id}?stream=true");
    let follower = world.start(call(Method::GET, &format!("{path}&starting_after=1"))).await;
    feed.send(Ok(END.into())).await.expect("room");
    drop(feed);
    let rest = read(follower).await;
    assert_eq!(rest.header("content-type"), Some("text/event-stream"));
    let numbers = numbers(&rest.body);
    assert_eq!(numbers, (2..2 + numbers.len() as u64).collect::<Vec<_>>());
    assert!(rest.body.contains("response.completed"), "{}", rest.body);
    until(&world, &id, "completed").await;
    let whole = world.send(call(Method::GET, &path)).await;
    assert!(whole.body.starts_with(&heard) && whole.body.ends_with(&rest.body), "{}", whole.body);
    assert_eq!(world.send(call(Method::GET, &format!("{path}&starting_after=x"))).await.code(), "invalid_request");
    assert_eq!(world.rows().iter().filter(|row| row.attempt > 0).count(), 1);
}

#[tokio::test]
async fn a_cancelled_one_ends_upstream_and_is_billed_once() {
    let (world, feed) = world(Options::default(), true).await;
    let mut live = world.start(ask(json!({ "stream": true }))).await.into_body();
    feed.send(Ok(BEGIN.into())).await.expect("room");
    let mut heard = String::new();
    while !heard.contains("It rains.") {
        let frame = live.frame().await.expect("an event").expect("whole").into_data().expect("data");
        heard.push_str(std::str::from_utf8(&frame).expect("text"));
    }
    let id = world.kept.response().id;
    let path = format!("/v1/responses/{id}/cancel");
    let cancelled = world.send(call(Method::POST, &path)).await.json();
    assert_eq!((&cancelled["status"], &cancelled["id"]), (&json!("cancelled"), &json!(id)));
    world.gateway.drained().await;
    feed.closed().await;
    let made: Vec<_> = world.rows().into_iter().filter(|row| row.attempt > 0).collect();
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].outcome, made[0].usage.input), (Outcome::ClientGone, 100));
    assert!(live.frame().await.is_none(), "whoever listens is told that it is over");
    assert_eq!(get(&world, &id).await["status"], "cancelled");
    assert_eq!(world.send(call(Method::POST, &path)).await.json()["status"], "cancelled");
    assert_eq!(world.kept.response().status, ResponseStatus::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn another_process_cancels_it_too() {
    let (world, feed) = world(Options::default(), true).await;
    let id = begin(&world, json!({})).await;
    feed.send(Ok(BEGIN.into())).await.expect("room");
    let other = world.replica();
    let path = format!("/v1/responses/{id}");
    assert_eq!(at(&other, Method::GET, &path).await.json()["status"], "in_progress");
    let told = at(&other, Method::POST, &format!("{path}/cancel")).await.json();
    assert_eq!(told["status"], "cancelled");
    feed.closed().await;
    world.gateway.drained().await;
    assert_eq!(world.rows().into_iter().filter(|row| row.attempt > 0).count(), 1);
    assert_eq!(get(&world, &id).await["status"], "cancelled", "whoever made it knows");
}

#[tokio::test(start_paused = true)]
async fn what_another_process_deletes_is_not_made_any_further() {
    let (world, feed) = world(Options::default(), true).await;
    let id = begin(&world, json!({})).await;
    feed.send(Ok(BEGIN.into())).await.expect("room");
    let path = format!("/v1/responses/{id}");
    assert_eq!(at(&world.replica(), Method::DELETE, &path).await.json()["deleted"], true);
    feed.closed().await;
    world.gateway.drained().await;
    let made: Vec<_> = world.rows().into_iter().filter(|row| row.attempt > 0).collect();
    assert_eq!(made.len(), 1, "what came of it is billed");
    assert!(world.kept.responses().is_empty());
    assert_eq!(world.send(call(Method::GET, &path)).await.code(), "response_not_found");
}

#[tokio::test]
async fn what_another_process_deleted_stays_deleted_when_it_ends() {
    let (world, feed) = world(Options::default(), false).await;
    let id = begin(&world, json!({})).await;
    called(&world).await;
    let (other, path) = (world.replica(), format!("/v1/responses/{id}"));
    assert_eq!(at(&other, Method::DELETE, &path).await.json()["deleted"], true);
    feed.send(Ok(CLAUDE.into())).await.expect("room");
    drop(feed);
    world.gateway.drained().await;
    assert!(world.kept.responses().is_empty());
    assert_eq!(at(&other, Method::GET, &path).await.code(), "response_not_found");
}

#[tokio::test]
async fn it_is_not_taken_for_deleted_while_its_beginning_is_on_its_way() {
    let (world, feed) = world(Options::default(), false).await;
    world.kept.fall_behind();
    let id = begin(&world, json!({})).await;
    called(&world).await;
    tokio::time::pause();
    for _ in 0..6 {
        tokio::time::advance(Duration::from_secs(6)).await;
    }
    tokio::time::resume();
    assert_eq!(get(&world, &id).await["status"], "in_progress");
    feed.send(Ok(CLAUDE.into())).await.expect("room");
    drop(feed);
    world.gateway.drained().await;
    world.kept.catch_up();
    assert_eq!(world.kept.response().status, ResponseStatus::Completed);
}

#[tokio::test]
async fn a_look_that_crosses_its_end_tells_the_end() {
    // Memory that holds nothing: each look goes to the database.
    let (world, feed) = world(Options { state_bytes: 64, ..Options::default() }, false).await;
    let id = begin(&world, json!({})).await;
    world.kept.hold(true);
    let mut look = pin!(get(&world, &id));
    assert!(look.as_mut().now_or_never().is_none(), "it has found a response that is being made");
    feed.send(Ok(CLAUDE.into())).await.expect("room");
    drop(feed);
    while world.gateway.in_flight() > 1 {
        tokio::task::yield_now().await;
    }
    world.kept.hold(false);
    assert_eq!(look.await["status"], "completed");
}

#[tokio::test]
async fn its_end_may_be_on_its_way_into_the_database() {
    let (world, feed) = world(Options { state_bytes: 64, ..Options::default() }, false).await;
    let id = begin(&world, json!({})).await;
    world.kept.fall_behind();
    feed.send(Ok(CLAUDE.into())).await.expect("room");
    drop(feed);
    world.gateway.drained().await;
    assert_eq!(get(&world, &id).await["status"], "in_progress", "nobody can tell yet");
    world.kept.catch_up();
    assert_eq!(get(&world, &id).await["status"], "completed");
}

#[tokio::test]
async fn a_provider_that_fails_fails_the_response() {
    let world =
        World::answering(529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Busy."}}"#).await;
    let id = begin(&world, json!({})).await;
    let failed = until(&world, &id, "failed").await;
    assert_eq!(failed["error"]["message"], "Busy.");
    world.gateway.drained().await;
    let live = world.send(ask(json!({ "stream": true }))).await;
    assert!(live.body.contains("event: response.failed") && live.body.contains("Busy."), "{}", live.body);
    assert_eq!(numbers(&live.body), [0]);
    assert!(world.kept.responses().iter().all(|kept| kept.status == ResponseStatus::Failed));
}

#[tokio::test]
async fn a_stopping_server_interrupts_it() {
    let (world, feed) = world(Options::default(), false).await;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let gateway = world.gateway.clone();
    let peer = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    let begun =
        runtime.spawn(async move { read(gateway.handle(ask(json!({})), peer).await).await }).await.expect("begun");
    let id = begun.json()["id"].as_str().expect("an id").to_owned();
    called(&world).await;
    world.gateway.cut();
    tokio::task::spawn_blocking(move || runtime.shutdown_timeout(std::time::Duration::from_secs(5)))
        .await
        .expect("stopped");
    let kept = world.kept.response();
    assert_eq!((kept.status, &kept.id), (ResponseStatus::Failed, &id));
    let row = world.row();
    assert_eq!((row.outcome, row.error_code.as_deref()), (Outcome::Interrupted, Some("shutting_down")));
    drop(feed);
}

#[tokio::test]
async fn what_a_process_left_behind_is_told_to_have_failed() {
    let (world, _feed) = world(Options::default(), false).await;
    let id = begin(&world, json!({})).await;
    let path = format!("/v1/responses/{id}");
    let look = async |world: &World| at(&world.replica(), Method::GET, &path).await.json();
    assert_eq!(look(&world).await["status"], "in_progress");
    // The process itself, started again, knows that it is not making it, once it has read all that it wrote.
    let again = world.restarted();
    world.kept.fall_behind();
    assert_eq!(at(&again, Method::GET, &path).await.json()["status"], "in_progress");
    world.kept.catch_up();
    assert_eq!(at(&again, Method::GET, &path).await.json()["status"], "failed");
    world.kept.change(|kept| kept.created_at_ms -= 24 * 3_600_000);
    assert_eq!(look(&world).await["status"], "failed", "nobody works on it for a day");
    world.kept.change(|kept| kept.status = ResponseStatus::Interrupted);
    let interrupted = look(&world).await;
    assert_eq!((&interrupted["status"], &interrupted["error"]["code"]), (&json!("failed"), &json!("server_error")));
}

#[tokio::test]
async fn so_many_are_made_at_once_and_no_more() {
    let (world, feed) = world(Options { max_background: 1, ..Options::default() }, false).await;
    let id = begin(&world, json!({})).await;
    let refused = world.send(ask(json!({}))).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_background"));
    assert!(refused.header("retry-after").is_some());
    called(&world).await;
    let deleted = world.send(call(Method::DELETE, &format!("/v1/responses/{id}"))).await;
    assert_eq!(deleted.json()["deleted"], true);
    feed.closed().await;
    assert!(world.kept.responses().is_empty());
    let id = begin(&world, json!({})).await;
    until(&world, &id, "completed").await;
    assert_eq!(world.send(ask(json!({ "store": false }))).await.code(), "invalid_request");
}
