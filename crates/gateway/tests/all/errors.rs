//! Every refusal, with its status, in the dialect of the caller.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use domain::ledger::Outcome;
use gateway::Options;
use http::{Method, Request};
use http_body_util::Full;

use crate::world::*;

const NATIVE: [(&str, &str); 3] = [
    ("/v1/acme/main/openai/v1/chat/completions", "openai"),
    ("/v1/acme/main/anthropic/v1/messages", "anthropic"),
    ("/v1/acme/main/google-ai-studio/v1beta/models/g:generateContent", "gemini"),
];

/// Whether an error has the shape that the SDKs of a dialect read.
fn assert_shape(read: &Read, dialect: &str) {
    let json = read.json();
    let fine = match dialect {
        "anthropic" => json["type"] == "error" && json["error"]["type"].is_string() && json["request_id"].is_string(),
        "gemini" => json["error"]["code"] == read.status && json["error"]["status"].is_string(),
        _ => json["error"]["type"].is_string() && json["error"]["code"].is_string(),
    };
    assert!(fine && json["error"]["message"].is_string(), "{dialect}: {}", read.body);
    assert_eq!(read.header("content-type"), Some("application/json"));
    assert!(read.header("cf-aig-log-id").is_some());
}

/// Sends the same request through the door of each dialect and expects the same refusal.
async fn refused(world: &World, make: impl Fn(&str) -> Request<Full<Bytes>>, status: u16, code: &str) {
    for (path, dialect) in NATIVE {
        let before = world.rows().len();
        let read = world.send(make(path)).await;
        assert_eq!((read.status, read.code().as_str()), (status, code), "{path}");
        assert_shape(&read, dialect);
        let rows = world.rows();
        let row = rows[before..].last().unwrap_or_else(|| panic!("{code} leaves a row"));
        assert_eq!((row.status, row.error_code.as_deref(), row.last), (status, Some(code), true), "{path}");
        assert_eq!(rows.len(), before + 1);
    }
}

fn body(path: &str) -> Request<Full<Bytes>> {
    post(path, r#"{"model":"m","messages":[]}"#)
}

#[tokio::test]
async fn a_body_that_claims_to_be_two_things_is_refused() {
    let world = World::answering(200, ANSWER).await;
    let twice = |path: &str| {
        let mut request = body(path);
        let form = "multipart/form-data; boundary=b1".parse().expect("a header value");
        request.headers_mut().append("content-type", form);
        request
    };
    refused(&world, twice, 400, "invalid_header").await;
    for (path, dialect) in [
        ("/v1/chat/completions", "openai"),
        ("/v1/messages", "anthropic"),
        ("/v1beta/models/openai/m:generateContent", "gemini"),
        ("/v1/audio/transcriptions", "openai"),
        ("/v1/embeddings", "openai"),
    ] {
        let read = world.send(and(twice(path), &[("cf-aig-gateway-id", "main")])).await;
        assert_eq!((read.status, read.code().as_str()), (400, "invalid_header"), "{path}: {}", read.body);
        assert_shape(&read, dialect);
    }
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn tokens_that_are_not_good_are_refused() {
    let mut world = World::answering(200, ANSWER).await;
    refused(&world, |path| with(path, "{}", &[]), 401, "missing_token").await;
    refused(&world, |path| with(path, "{}", &[("x-api-key", "sk-something")]), 401, "invalid_token").await;
    refused(&world, |path| and(body(path), &[("cf-aig-authorization", "Bearer wrong")]), 401, "invalid_token").await;
    world.change(|config| config.teams[0].tokens[0].expires_at = DateTime::from_timestamp(1, 0));
    refused(&world, body, 401, "expired_token").await;
    world.change(|config| config.teams[0].tokens[0].revoked = true);
    refused(&world, body, 401, "revoked_token").await;
    assert_eq!(world.send(with(CHAT, "{}", &[])).await.header("www-authenticate"), Some("Bearer"));
    assert!(world.rows().iter().all(|row| row.attempt == 0 && row.outcome == Outcome::Refused));
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn a_scanner_leaves_no_rows() {
    let world = World::answering(200, ANSWER).await;
    for path in ["/v1/chat/completions", "/v1/admin", "/v1/acme/nothing/openai/x", "/v1/nobody/main/openai/x"] {
        assert_eq!(world.send(with(path, "{}", &[("x-api-key", "guess")])).await.status, 401);
    }
    assert!(world.rows().is_empty());
    let counters = world.gateway.counters();
    assert_eq!((counters.requests, counters.refused, counters.refused_unrecorded), (4, 4, 4));
}

#[tokio::test]
async fn names_that_do_not_exist_are_refused() {
    let mut world = World::answering(200, ANSWER).await;
    let at = |from: &'static str, to: &'static str| move |path: &str| body(&path.replace(from, to));
    refused(&world, at("/acme/", "/other/"), 404, "unknown_team").await;
    refused(&world, at("/main/", "/nothing/"), 404, "unknown_gateway").await;
    for (path, code) in [
        ("/v1/nothing", "unknown_route"),
        ("/v1/acme/main/compat/nothing", "unknown_route"),
        ("/v1/acme/main/openai/../../etc", "unknown_route"),
        ("/v1/acme/main/nobody/v1/x", "unknown_provider"),
        ("/v1/acme/main/custom-none/v1/x", "unknown_provider"),
    ] {
        let read = world.send(body(path)).await;
        assert_eq!((read.status, read.code().as_str()), (404, code), "{path}");
    }
    world.change(|config| config.teams[0].gateways[0].enabled = false);
    refused(&world, body, 403, "gateway_disabled").await;
}

#[tokio::test]
async fn what_a_token_may_not_use_is_refused_on_every_door() {
    let mut world = World::answering(200, ANSWER).await;
    world.change(|config| config.teams[0].tokens[0].restrictions.gateways = Some(vec![domain::GatewayId(12)]));
    refused(&world, body, 403, "token_not_allowed").await;
    world.change(|config| {
        config.teams[0].tokens[0].restrictions.gateways = None;
        config.teams[0].tokens[0].restrictions.models = Some(vec!["openai/gpt-4o-mini".into(), "claude-*".into()]);
    });
    refused(&world, body, 403, "token_not_allowed").await;
    assert_eq!(world.chat(QUESTION).await.status, 200);
    assert_eq!(world.chat(r#"{"model":"gpt-4o-mini"}"#).await.status, 200);
    assert_eq!(world.chat(r#"{"model":"openai/gpt-4o"}"#).await.code(), "token_not_allowed");
    let claude = r#"{"model":"claude-sonnet-4-5"}"#;
    assert_eq!(world.send(post(NATIVE[1].0, claude)).await.status, 200);
    // The path decides at Gemini, whatever the body says.
    assert_eq!(world.send(post(NATIVE[2].0, claude)).await.code(), "token_not_allowed");
    // A body that hides its model could name any.
    let mut form = post("/v1/acme/main/openai/v1/audio/speech", "--x--");
    form.headers_mut().insert("content-type", "multipart/form-data; boundary=x".parse().expect("a value"));
    assert_eq!(world.send(form).await.code(), "token_not_allowed");
    let mut list = post("/v1/acme/main/openai/v1/models", "");
    *list.method_mut() = Method::GET;
    assert_eq!(world.send(list).await.status, 200);
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    let options = Options { max_body_bytes: 100, allow_private_upstreams: true, ..Options::default() };
    let world = World::with_options(options, |_| Answer::json(200, ANSWER)).await;
    refused(&world, |path| post(path, &"x".repeat(101)), 413, "body_too_large").await;
    refused(&world, |path| post(path, "{\"model\":"), 400, "invalid_json").await;
    refused(&world, |path| post(path, r#"{"model":"a","model":"b"}"#), 400, "invalid_json").await;
    refused(&world, |path| post(path, "not json"), 400, "invalid_json").await;
    let mut text = post(CHAT, QUESTION);
    text.headers_mut().insert("content-type", "text/plain".parse().expect("a value"));
    let read = world.send(text).await;
    assert_eq!((read.status, read.code().as_str()), (415, "unsupported_content_type"));
    for (body, code) in [
        ("{}", "model_required"),
        (r#"{"model":""}"#, "model_required"),
        (r#"{"model":7}"#, "invalid_json"),
        (r#"{"model":"custom-none/x"}"#, "unknown_provider"),
        (r#"{"model":"groq/x"}"#, "missing_provider_key"),
        (r#"{"model":"openai/"}"#, "model_not_found"),
        (r#"{"model":"google-ai-studio/gemini-2.5-flash","messages":7}"#, "invalid_request"),
        ("", "invalid_json"),
    ] {
        let read = world.chat(body).await;
        assert_eq!(read.code(), code, "{body}");
        assert_shape(&read, "openai");
    }
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn another_method_is_told_the_right_one() {
    let world = World::answering(200, ANSWER).await;
    for (path, method, allow) in [(CHAT, Method::GET, "POST"), ("/v1/models", Method::POST, "GET")] {
        let mut request = post(path, QUESTION);
        *request.method_mut() = method;
        let read = world.send(request).await;
        assert_eq!((read.status, read.code().as_str()), (405, "method_not_allowed"));
        assert_eq!(read.header("allow"), Some(allow));
    }
}

#[tokio::test]
async fn headers_out_of_bounds_are_refused_by_name() {
    let world = World::answering(200, ANSWER).await;
    refused(&world, |path| and(body(path), &[("cf-aig-cache-ttl", "5")]), 400, "invalid_header").await;
    let read = world.send(and(body(CHAT), &[("cf-aig-metadata", "[1]")])).await;
    assert_eq!(read.json()["error"]["param"], "cf-aig-metadata");
}

#[tokio::test]
async fn keys_that_cannot_be_used_are_refused() {
    let mut world = World::answering(200, ANSWER).await;
    world.change(|config| {
        for key in &mut config.teams[0].provider_keys {
            key.enabled = false;
        }
    });
    refused(&world, body, 400, "missing_provider_key").await;
    assert!(world.send(body(NATIVE[0].0)).await.body.contains("disabled"));
    world.change(|config| config.teams[0].custom_providers[0].enabled = false);
    let read = world.send(body("/v1/acme/main/custom-own/v1/messages")).await;
    assert_eq!((read.status, read.code().as_str()), (403, "provider_disabled"));
    assert_shape(&read, "anthropic");
}

#[tokio::test]
async fn a_server_that_cannot_take_the_request_says_so() {
    let world = World::answering(200, ANSWER).await;
    world.ledger.full.store(true, Ordering::Release);
    refused(&world, body, 503, "ledger_unavailable").await;
    world.ledger.full.store(false, Ordering::Release);
    world.gateway.close();
    refused(&world, body, 503, "shutting_down").await;
    let options = Options { body_memory: 8, ..Options::default() };
    let crowded = World::with_options(options, |_| Answer::json(200, ANSWER)).await;
    refused(&crowded, body, 503, "overloaded").await;
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn a_fault_of_ours_is_an_answer_and_a_row_too() {
    let world = World::answering(200, ANSWER).await;
    world.ledger.faulty.store(true, Ordering::Release);
    refused(&world, body, 500, "internal_error").await;
    assert_eq!((world.gateway.counters().panics, world.gateway.in_flight()), (3, 0));
}

#[tokio::test]
async fn a_private_address_is_refused_unless_allowed() {
    let world = World::with_options(Options::default(), |_| Answer::json(200, ANSWER)).await;
    refused(&world, body, 502, "upstream_forbidden_address").await;
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn a_provider_that_hangs_up_or_talks_nonsense_is_named() {
    let world = World::new(|_| Answer::Reset).await;
    refused(&world, body, 502, "upstream_reset").await;
    let raw = Upstream::raw(b"HELO this is no HTTP\r\n\r\n").await;
    let mut world = World::answering(200, ANSWER).await;
    world.change(|config| {
        for key in &mut config.teams[0].provider_keys {
            key.base_url = Some(raw.url());
        }
    });
    refused(&world, body, 502, "upstream_invalid").await;
}

#[tokio::test]
async fn a_page_in_the_place_of_a_completion_is_refused() {
    for (content_type, page) in
        [("text/html", "<html>"), ("application/json", "{\"choices\":["), ("application/json", "")]
    {
        let world = World::new(move |_| Answer::whole(200, content_type, page)).await;
        let read = world.chat(QUESTION).await;
        assert_eq!((read.status, read.code().as_str()), (502, "upstream_invalid"), "{page}");
        let row = world.row();
        assert_eq!((row.attempt, row.status, row.outcome), (1, 502, Outcome::UpstreamFailed));
    }
}

#[tokio::test]
async fn a_completion_that_breaks_off_is_refused() {
    let (feed, answer) = Answer::pieces("application/json");
    let answer = std::sync::Mutex::new(Some(answer));
    let world = World::new(move |_| answer.lock().expect("free").take().expect("one call")).await;
    feed.send(Ok(Bytes::from_static(b"{\"choices\""))).await.expect("room");
    feed.send(Err(std::io::Error::other("reset by script"))).await.expect("room");
    assert_eq!(world.chat(QUESTION).await.code(), "upstream_reset");
    assert_eq!(world.row().attempt, 1);
}

#[tokio::test]
async fn a_silent_provider_is_given_up_when_the_caller_says() {
    let world = World::new(|_| Answer::Silence).await;
    let make = |path: &str| and(body(path), &[("cf-aig-request-timeout", "100")]);
    refused(&world, make, 504, "upstream_timeout").await;
    assert!(world.rows().iter().all(|row| row.attempt == 1 && row.outcome == Outcome::UpstreamFailed));
    assert!(world.rows().iter().all(|row| row.cost.is_none()), "nobody knows what it did meanwhile");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_given_up() {
    let world = World::answering(200, ANSWER).await;
    let (parts, _) = post(CHAT, "").into_parts();
    let never = http_body_util::StreamBody::new(futures_util::stream::pending::<Result<_, std::io::Error>>());
    let request: Request<
        http_body_util::StreamBody<futures_util::stream::Pending<Result<http_body::Frame<Bytes>, _>>>,
    > = Request::from_parts(parts, never);
    let handled = world.gateway.handle(request, LOCALHOST);
    let read = read(tokio::time::timeout(Duration::from_secs(600), handled).await.expect("it gives up")).await;
    assert_eq!((read.status, read.code().as_str()), (408, "request_timeout"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let world = World::answering(200, ANSWER).await;
    let (parts, _) = post(CHAT, "").into_parts();
    let pieces = [Ok(http_body::Frame::data(Bytes::from_static(b"{"))), Err(std::io::Error::other("gone"))];
    let broken = http_body_util::StreamBody::new(futures_util::stream::iter(pieces));
    let answer = world.gateway.handle(Request::from_parts(parts, broken), LOCALHOST).await;
    assert_eq!(read(answer).await.code(), "invalid_body");
}

#[tokio::test]
async fn no_detour_leads_around_a_tokens_models() {
    let mut world = World::answering(200, ANSWER).await;
    world.change(|config| {
        config.teams[0].tokens[0].restrictions.models = Some(vec!["gpt-4o-mini".into(), "claude-*".into()])
    });
    let claude = r#"{"model":"claude-sonnet-4-5"}"#;
    for path in [
        "v1beta/%6dodels/gemini-pro:generateContent",
        "v1beta/x%2f..%2fmodels/gemini-pro:generateContent",
        "v1beta/x/%2e%2E/models/gemini-pro:generateContent",
    ] {
        let read = world.send(post(&format!("/v1/acme/main/google-ai-studio/{path}"), claude)).await;
        assert_eq!((read.status, read.code().as_str()), (400, "invalid_path"), "{path}");
    }
    let tuned = "/v1/acme/main/google-ai-studio/v1beta/tunedModels/x:generateContent";
    assert_eq!(world.send(post(tuned, claude)).await.code(), "token_not_allowed");
    let several = r#"{"model":"gpt-4o-mini","models":["gpt-5"]}"#;
    for path in [CHAT, NATIVE[0].0] {
        assert_eq!(world.send(post(path, several)).await.code(), "token_not_allowed", "{path}");
    }
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn the_list_of_models_belongs_to_a_gateway_that_may_be_used() {
    let mut world = World::answering(200, ANSWER).await;
    let get = |gateway: &str| {
        let mut request = post(&format!("/v1/acme/{gateway}/compat/models"), "");
        *request.method_mut() = Method::GET;
        request
    };
    assert_eq!(world.send(get("main")).await.status, 200);
    assert_eq!(world.send(get("nothing")).await.code(), "unknown_gateway");
    world.change(|config| config.teams[0].gateways[0].enabled = false);
    assert_eq!(world.send(get("main")).await.code(), "gateway_disabled");
    world.change(|config| config.teams[0].tokens[0].restrictions.gateways = Some(vec![domain::GatewayId(12)]));
    assert_eq!(world.send(get("main")).await.code(), "token_not_allowed");
}
