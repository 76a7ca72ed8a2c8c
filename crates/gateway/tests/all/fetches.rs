//! Pictures and documents by address, for providers that fetch nothing.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Secret;
use domain::config::ProviderKeyConfig;
use domain::ledger::{CacheStatus, Outcome};
use gateway::Options;
use serde_json::{Value, json};

use crate::world::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand so on";
const CONVERSED: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"a cat"}]}},"stopReason":"end_turn","usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15}}"#;

fn picture() -> Answer {
    Answer::bytes("image/png", PNG)
}

/// A picture of that many bytes.
fn large(bytes: usize) -> Answer {
    let mut body = PNG.to_vec();
    body.resize(bytes, b'x');
    Answer::Whole { status: 200, headers: vec![("content-type", "image/png".to_owned())], body: body.into() }
}

/// A world with Bedrock, and a server with pictures beside it.
async fn world(allow_private_media: bool, web: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> (World, Upstream) {
    with_options(Options { allow_private_media, ..Options::default() }, web).await
}

async fn with_options(options: Options, web: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> (World, Upstream) {
    let options = Options { allow_private_upstreams: true, ..options };
    let mut world = World::with_options(options, |_| Answer::json(200, CONVERSED)).await;
    let base_url = Some(world.upstream.url());
    let key = ProviderKeyConfig { secret: Secret::new("ABSKkey".into()), base_url, ..key(90, "aws-bedrock", "") };
    world.change(|config| config.teams[0].provider_keys.push(key));
    (world, Upstream::start(web).await)
}

fn ask(urls: &[String]) -> String {
    let pictures = urls.iter().map(|url| json!({ "type": "image_url", "image_url": { "url": url } }));
    let content: Vec<Value> =
        [json!({ "type": "text", "text": "What is this?" })].into_iter().chain(pictures).collect();
    json!({ "model": "aws-bedrock/anthropic.claude-x", "messages": [{ "role": "user", "content": content }] })
        .to_string()
}

#[tokio::test]
async fn pictures_are_fetched_and_go_on_as_bytes() {
    let (world, web) = world(true, |seen| match seen.target.as_str() {
        "/moved" => Answer::json(302, "").header("location", "/cat.png?x=1"),
        _ => picture(),
    })
    .await;
    let urls = [format!("{}/cat.png#top", web.url()), format!("{}/moved", web.url())];
    let read = world.send(and(post(CHAT, &ask(&urls)), &[("cookie", "a=b"), ("x-private", "1")])).await;
    assert_eq!(read.json()["choices"][0]["message"]["content"], "a cat", "{}", read.body);
    let sent: Value = serde_json::from_str(&world.upstream.call().body).expect("JSON");
    for at in [1, 2] {
        let image = &sent["messages"][0]["content"][at]["image"];
        assert_eq!((&image["format"], &image["source"]["bytes"]), (&json!("png"), &json!(STANDARD.encode(PNG))));
    }
    let calls = web.calls();
    let mut targets: Vec<_> = calls.iter().map(|call| call.target.as_str()).collect();
    targets.sort_unstable();
    assert_eq!(targets, ["/cat.png", "/cat.png?x=1", "/moved"]);
    for call in &calls {
        let mut names: Vec<_> = call.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"], "nothing of the caller's goes along");
    }
    world.memory_is_free().await;
}

#[tokio::test]
async fn a_document_by_its_address_reaches_bedrock_from_every_api() {
    let (world, web) = world(true, |_| Answer::whole(200, "application/octet-stream", "%PDF-1.7 and so on")).await;
    let url = format!("{}/report.pdf", web.url());
    let claude = json!({
        "model": "aws-bedrock/anthropic.claude-x",
        "max_tokens": 9,
        "messages": [{ "role": "user", "content": [
            { "type": "document", "source": { "type": "url", "url": url } },
            { "type": "text", "text": "What does it say?" },
        ] }],
    });
    let response = json!({
        "model": "aws-bedrock/anthropic.claude-x",
        "input": [{ "role": "user", "content": [{ "type": "input_file", "file_url": url }] }],
    });
    for (path, ask) in [("/v1/acme/main/compat/v1/messages", claude), ("/v1/acme/main/compat/responses", response)] {
        let read = world.send(post(path, &ask.to_string())).await;
        assert_eq!(read.status, 200, "{}", read.body);
        let call = world.upstream.calls().pop().expect("a call");
        let encoded = STANDARD.encode("%PDF-1.7 and so on");
        assert!(call.body.contains(r#""format":"pdf""#) && call.body.contains(&encoded), "{}", call.body);
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_told_with_its_place() {
    let (world, web) = world(true, |seen| match seen.target.as_str() {
        "/page" => Answer::whole(200, "image/png", "<html>"),
        "/gone" => Answer::json(404, "{}"),
        "/loop" => Answer::json(302, "").header("location", "/loop"),
        "/file" => Answer::json(302, "").header("location", "file:///etc/passwd"),
        "/huge" => Answer::whole(200, "image/png", &"x".repeat((20 << 20) + 1)),
        "/packed" => picture().header("content-encoding", "gzip"),
        "/reset" => Answer::Reset,
        _ => picture(),
    })
    .await;
    for (path, reason) in [
        ("/page", "it is no PNG, JPEG, GIF or WebP picture"),
        ("/gone", "its server answers 404"),
        ("/loop", "redirected more than 3 times"),
        ("/file", "must begin with http:// or https://"),
        ("/huge", "longer than 20 MiB"),
        ("/packed", "comes compressed"),
        ("/reset", "cannot be reached"),
    ] {
        let read = world.chat(&ask(&[format!("{}/fine", web.url()), format!("{}{path}", web.url())])).await;
        assert_eq!((read.status, read.code().as_str()), (400, "fetch_failed"), "{path}: {}", read.body);
        let error = &read.json()["error"];
        assert!(error["message"].as_str().is_some_and(|message| message.contains(reason)), "{}", read.body);
        assert_eq!(error["param"], "messages[0].content[2].image_url");
    }
    for bad in ["http://user:secret@127.0.0.1/", "https://nowhere.invalid/x.png"] {
        let read = world.chat(&ask(&[bad.to_owned()])).await;
        assert_eq!(read.code(), "fetch_failed", "{}", read.body);
        assert!(!read.body.contains("secret"));
    }
    assert!(world.upstream.calls().is_empty());
    let rows = world.rows();
    assert!(rows.iter().all(|row| row.attempt == 0 && row.outcome == Outcome::Refused), "{rows:#?}");
    world.memory_is_free().await;
}

#[tokio::test]
async fn private_networks_stay_closed_even_where_providers_may_live_there() {
    let (world, web) = world(false, |_| picture()).await;
    for url in [
        web.url(),
        format!("http://localhost:{}/x", web.address.port()),
        "http://169.254.169.254/latest".into(),
        // Nobody learns which names there are inside.
        "http://nowhere.invalid/x.png".into(),
    ] {
        let read = world.chat(&ask(std::slice::from_ref(&url))).await;
        assert_eq!(read.code(), "fetch_failed", "{url}");
        assert_eq!(
            read.json()["error"]["message"],
            "The provider fetches nothing itself, so the gateway does, and what `messages[0].content[1].image_url` names \
             cannot be used: its address leads to no server on the public internet. Correct the address, or send the \
             bytes in Base64.",
        );
    }
    assert!(web.calls().is_empty() && world.upstream.calls().is_empty());
}

#[tokio::test]
async fn an_address_is_asked_once_for_all_of_its_places() {
    let (world, web) = world(true, |_| picture()).await;
    let cat = format!("{}/cat.png", web.url());
    let urls = [cat.clone(), format!("{}/dog.png", web.url()), format!("{cat}#left"), cat];
    assert_eq!(world.chat(&ask(&urls)).await.status, 200);
    let mut targets: Vec<_> = web.calls().into_iter().map(|call| call.target).collect();
    targets.sort_unstable();
    assert_eq!(targets, ["/cat.png", "/dog.png"]);
    let sent: Value = serde_json::from_str(&world.upstream.call().body).expect("JSON");
    for at in 1..=4 {
        assert_eq!(sent["messages"][0]["content"][at]["image"]["source"]["bytes"], STANDARD.encode(PNG), "{at}");
    }
    world.memory_is_free().await;
}

#[tokio::test]
async fn together_they_are_no_longer_than_a_body_may_be() {
    let options = Options { allow_private_media: true, max_body_bytes: 4 << 10, ..Options::default() };
    let (world, web) = with_options(options, |_| large(2_000)).await;
    let [one, other] = ["a", "b"].map(|name| format!("{}/{name}", web.url()));
    assert_eq!(world.chat(&ask(std::slice::from_ref(&one))).await.status, 200);
    for urls in [[one.clone(), other], [one.clone(), one]] {
        let read = world.chat(&ask(&urls)).await;
        assert_eq!((read.status, read.code().as_str()), (400, "fetch_failed"), "{}", read.body);
        assert!(read.body.contains("longer than 3072 bytes together"), "{}", read.body);
    }
    assert_eq!(world.upstream.calls().len(), 1);
    world.memory_is_free().await;
}

#[tokio::test]
async fn what_is_held_of_a_picture_is_claimed_as_often_as_it_is_held() {
    // The picture makes 133 KB of Base64, which the question, its writer and the body hold.
    for (body_memory, status) in [(600_000, 503), (800_000, 200)] {
        let options = Options { allow_private_media: true, body_memory, ..Options::default() };
        let (world, web) = with_options(options, |_| large(100_000)).await;
        let read = world.chat(&ask(&[format!("{}/cat.png", web.url())])).await;
        assert_eq!(read.status, status, "{}", read.body);
        world.memory_is_free().await;
    }
}

#[tokio::test]
async fn who_is_refused_has_nothing_fetched() {
    let (mut world, web) = world(true, |_| picture()).await;
    let question = ask(&[format!("{}/cat.png", web.url())]);
    assert_eq!(world.send(with(CHAT, &question, &[])).await.code(), "missing_token");
    world.change(|config| config.teams[0].tokens[0].restrictions.models = Some(vec!["openai/*".into()]));
    assert_eq!(world.chat(&question).await.code(), "token_not_allowed");
    world.change(|config| config.teams[0].tokens[0].restrictions.models = None);
    let many: Vec<_> = (0..21).map(|_| format!("{}/cat.png", web.url())).collect();
    let read = world.chat(&ask(&many)).await;
    assert_eq!(
        (read.code().as_str(), &read.json()["error"]["param"]),
        ("invalid_request", &json!("messages[0].content[21].image_url"))
    );
    let twice = question.replace("\"model\"", "\"n\":2,\"model\"");
    assert_eq!(world.chat(&twice).await.code(), "not_expressible");
    world.settings(|settings| {
        settings.rate_limiting_limit = Some(1);
        settings.rate_limiting_interval = Some(3_600);
    });
    assert_eq!(web.calls().len(), 0);
    assert_eq!(world.chat(&question).await.status, 200);
    assert_eq!(world.chat(&question).await.code(), "rate_limited");
    assert_eq!(web.calls().len(), 1);
}

#[tokio::test]
async fn a_kept_answer_needs_no_picture_and_a_provider_that_fetches_gets_the_address() {
    let (world, web) = world(true, |_| picture()).await;
    let question = ask(&[format!("{}/cat.png", web.url())]);
    let cached = |question: &str| and(post(CHAT, question), &[("cf-aig-cache-ttl", "60")]);
    for status in [CacheStatus::Miss, CacheStatus::Hit] {
        assert_eq!(world.send(cached(&question)).await.status, 200);
        assert_eq!(world.rows().last().map(|row| row.cache), Some(status));
    }
    assert_eq!((web.calls().len(), world.upstream.calls().len()), (1, 1));
    let claude = question.replace("aws-bedrock/anthropic.claude-x", "anthropic/claude-sonnet-4-5");
    world.chat(&claude).await;
    let call = world.upstream.calls().pop().expect("a call");
    assert!(call.body.contains(&format!("{}/cat.png", web.url())), "{}", call.body);
    assert_eq!(web.calls().len(), 1);
}

#[tokio::test]
async fn a_slow_picture_is_given_up_and_a_caller_who_leaves_gives_all_back() {
    let (world, web) = world(true, |_| Answer::Silence).await;
    let world = Arc::new(world);
    let question = ask(&[format!("{}/cat.png", web.url())]);
    let asking = tokio::spawn({
        let (world, question) = (world.clone(), question.clone());
        async move { world.chat(&question).await }
    });
    while web.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    asking.abort();
    assert!(asking.await.is_err());
    world.memory_is_free().await;
    tokio::time::pause();
    let read = world.chat(&question).await;
    assert_eq!(read.code(), "fetch_failed");
    assert!(read.body.contains("in time") || read.body.contains("longer than 20 seconds"), "{}", read.body);
}
