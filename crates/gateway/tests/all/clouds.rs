//! Amazon, Google Cloud and Azure: requests that are signed, tokens that are fetched, addresses of several forms.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::NaiveDateTime;
use domain::Secret;
use domain::config::ProviderKeyConfig;
use domain::ledger::Outcome;
use gateway::Options;
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use wire::auth::sigv4::{Credentials, Request, Scope, sign};

use crate::world::*;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const MODEL: &str = "us.anthropic.claude-3-7-sonnet-20250219-v1:0";
const CONVERSED: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15}}"#;

/// A world whose team has one more key.
async fn with_key(
    provider: &str,
    secret: &str,
    path: &str,
    script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
) -> World {
    let mut world = World::new(script).await;
    add_key(&mut world, provider, secret, path);
    world
}

fn add_key(world: &mut World, provider: &str, secret: &str, path: &str) {
    let base_url = Some(format!("{}{path}", world.upstream.url()));
    let secret = Secret::new(secret.to_owned());
    let key = ProviderKeyConfig { secret, base_url, ..key(90, provider, "") };
    world.change(|config| config.teams[0].provider_keys.push(key));
}

fn access_key() -> String {
    json!({ "AccessKeyId": ID, "SecretAccessKey": SECRET, "SessionToken": "TOKEN/+==", "Region": "us-west-2" })
        .to_string()
}

/// Recomputes the signature of what arrived.
fn assert_signed(seen: &Seen, region: &str) {
    let header =
        |name: &str| seen.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (host, kind) = (header("host"), header("content-type"));
    let mut headers = vec![("host", host.as_str())];
    headers.extend(Some(("content-type", kind.as_str())).filter(|(_, kind)| !kind.is_empty()));
    let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
    let request = Request { method: seen.method.as_str(), path, query, headers: &headers, body: seen.body.as_bytes() };
    let credentials = Credentials { access_key_id: ID, secret_access_key: SECRET, session_token: Some("TOKEN/+==") };
    let date = NaiveDateTime::parse_from_str(&header("x-amz-date"), "%Y%m%dT%H%M%SZ").expect("a date").and_utc();
    let wanted = sign(request, credentials, Scope { region, service: "bedrock" }, date);
    for (name, value) in wanted {
        assert_eq!(header(name), value, "{name} of {seen:?}");
    }
    assert!(!format!("{:?}", seen.headers).contains(SECRET));
}

#[tokio::test]
async fn translated_questions_are_signed_anew_for_each_attempt() {
    let mut world = with_key("aws-bedrock", &access_key(), "", |seen| match seen.number {
        0 => Answer::json(503, r#"{"message":"busy"}"#),
        _ => Answer::json(200, CONVERSED),
    })
    .await;
    world.settings(|settings| {
        settings.retry_max_attempts = Some(2);
        settings.retry_delay = Some(1);
    });
    let ask = QUESTION.replace("openai/gpt-4o-mini", &format!("aws-bedrock/{MODEL}"));
    let read = world.chat(&ask).await;
    assert_eq!(read.json()["choices"][0]["message"]["content"], "hi", "{}", read.body);
    let calls = world.upstream.calls();
    assert_eq!(calls.len(), 2);
    for call in &calls {
        assert_eq!(call.target, "/model/us.anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse");
        assert_signed(call, "us-west-2");
    }
    let rows = world.rows();
    assert_eq!(rows.iter().map(|row| (row.attempt, row.status)).collect::<Vec<_>>(), [(1, 503), (2, 200)]);
    assert!(rows[1].provider_key_id.is_some() && rows[1].cost.is_some_and(|cost| cost.0 > 0), "{rows:#?}");
}

#[tokio::test]
async fn native_calls_are_signed_whatever_they_are() {
    let world = with_key("aws-bedrock", &access_key(), "", |_| Answer::json(200, "{}")).await;
    let native = "/v1/acme/main/aws-bedrock";
    let old = [("authorization", "Bearer x"), ("x-amz-date", "20200101T000000Z"), ("x-amz-content-sha256", "old")];
    for (method, path, body, target, region) in [
        (Method::POST, "/model/a%3A0/invoke", r#"{"inputText":"hi"}"#, "/model/a%3A0/invoke", "us-west-2"),
        (
            Method::POST,
            "/model/arn%3Aaws%3Abedrock%3Aus-west-2%3A1%3Ainference-profile%2Fx/invoke",
            "{}",
            "/model/arn%3Aaws%3Abedrock%3Aus-west-2%3A1%3Ainference-profile%2Fx/invoke",
            "us-west-2",
        ),
        (Method::POST, "/bedrock-runtime/eu-west-1/model/a/converse", "{}", "/model/a/converse", "eu-west-1"),
        (Method::GET, "/guardrails?b=2&a=x%2fy", "", "/guardrails?b=2&a=x%2fy", "us-west-2"),
        (Method::DELETE, "/async-invoke/1", "", "/async-invoke/1", "us-west-2"),
    ] {
        let mut request = with(&format!("{native}{path}"), body, &[("cf-aig-authorization", TOKEN)]);
        request = and(request, &old[1..]);
        *request.method_mut() = method;
        assert_eq!(world.send(request).await.status, 200, "{path}");
        let call = world.upstream.calls().pop().expect("a call");
        assert_eq!((call.target.as_str(), call.body.as_str()), (target, body));
        assert!(!call.headers.contains_key("x-amz-content-sha256"), "{call:?}");
        assert_signed(&call, region);
    }
    assert_eq!(world.rows()[0].model.as_deref(), Some("a:0"));
    assert_eq!(world.rows()[1].model.as_deref(), Some("arn:aws:bedrock:us-west-2:1:inference-profile/x"));
    for hidden in ["/model/..%2F..%2Fx/invoke", "/%6dodel/a/invoke"] {
        assert_eq!(world.send(post(&format!("{native}{hidden}"), "{}")).await.code(), "invalid_path", "{hidden}");
    }
}

#[tokio::test]
async fn a_token_for_certain_models_is_held_to_the_model_in_the_path() {
    let mut world = with_key("aws-bedrock", &access_key(), "", |_| Answer::json(200, "{}")).await;
    add_key(&mut world, "azure-openai", "k", "");
    world.change(|config| {
        config.teams[0].tokens[0].restrictions.models =
            Some(vec!["aws-bedrock/a:0".into(), "azure-openai/small".into()]);
    });
    let native = |path: &str| {
        let body = if path.starts_with("azure") { r#"{"model":"small"}"# } else { "{}" };
        post(&format!("/v1/acme/main/{path}"), body)
    };
    for (path, allowed) in [
        ("aws-bedrock/model/a%3A0/invoke", true),
        ("aws-bedrock/model/b/invoke", false),
        ("aws-bedrock/bedrock-runtime/eu-west-1/model/b/invoke", false),
        ("azure-openai/chat/completions", true),
        ("azure-openai/openai/deployments/small/chat/completions?api-version=1", true),
        ("azure-openai/openai/deployments/large/chat/completions?api-version=1", false),
        ("azure-openai/deployments/large/embeddings?api-version=1", false),
    ] {
        let read = world.send(native(path)).await;
        assert_eq!(read.status == 200, allowed, "{path}: {}", read.body);
        assert!(allowed || read.code() == "token_not_allowed");
    }
}

#[tokio::test]
async fn a_token_for_certain_models_manages_none() {
    let mut world = with_key("aws-bedrock", &access_key(), "", |_| Answer::json(200, "{}")).await;
    world.change(|config| config.teams[0].tokens[0].restrictions.models = Some(vec!["aws-bedrock/a:0".into()]));
    let call = |method: Method, path: &str, body: &str| {
        let mut request = post(&format!("/v1/acme/main/aws-bedrock/{path}"), body);
        *request.method_mut() = method;
        request
    };
    for (method, path, body) in [
        (Method::GET, "bedrock/us-west-2/foundation-models", ""),
        (Method::DELETE, "bedrock/eu-west-1/custom-models/b", ""),
        (
            Method::PATCH,
            "bedrock/us-west-2/provisioned-model-throughput/chat",
            r#"{"model":"a:0","desiredModelId":"b"}"#,
        ),
        (Method::GET, "bedrock/us-west-2/model/a%3A0/x", ""),
    ] {
        let read = world.send(call(method, path, body)).await;
        assert_eq!((read.status, read.code().as_str()), (403, "token_not_allowed"), "{path}");
        assert!(read.body.contains("manages any of them"), "{}", read.body);
    }
    assert!(world.upstream.calls().is_empty());
    assert_eq!(world.send(call(Method::POST, "model/a%3A0/invoke", "{}")).await.status, 200);
    world.change(|config| config.teams[0].tokens[0].restrictions.models = None);
    assert_eq!(world.send(call(Method::GET, "bedrock/us-west-2/foundation-models", "")).await.status, 200);
}

#[tokio::test]
async fn a_bedrock_api_key_travels_as_it_is_and_a_broken_access_key_says_so() {
    let mut world = with_key("aws-bedrock", "ABSKQmVkcm9ja0FQSUtleQ==", "", |_| Answer::json(200, CONVERSED)).await;
    let ask = QUESTION.replace("openai/gpt-4o-mini", "aws-bedrock/a");
    assert_eq!(world.chat(&ask).await.status, 200);
    assert_eq!(world.upstream.call().headers["authorization"], "Bearer ABSKQmVkcm9ja0FQSUtleQ==");
    world.change(|config| {
        let keys = &mut config.teams[0].provider_keys;
        keys.last_mut().expect("a key").secret = Secret::new("AKIA:nothing".into());
    });
    let read = world.chat(&ask).await;
    assert_eq!(read.code(), "missing_provider_key");
    let message = read.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("ACCESS_KEY_ID:SECRET_ACCESS_KEY") && !message.contains("nothing"), "{message}");
}

/// A service account whose tokens come from `url`.
fn account(url: &str) -> Value {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("its form");
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()));
    json!({
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": "k1",
        "private_key": pem,
        "client_email": "weir@my-project.iam.gserviceaccount.com",
        "token_uri": format!("{url}/token"),
    })
}

const GEMINI: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":15},"modelVersion":"gemini-2.5-flash"}"#;
const CLAUDE: &str = r#"{"id":"msg_vrtx_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":5}}"#;
const GENERATE: &str = "/v1/acme/main/compat/v1beta/models/google-vertex-ai/gemini-2.5-flash:generateContent";
const HELLO: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;

/// A Vertex AI whose tokens are numbered and hold `life` seconds.
async fn vertex(life: u64) -> World {
    let minted = AtomicUsize::new(0);
    let mut world = World::new(move |seen| match seen.target.as_str() {
        "/token" => {
            let number = minted.fetch_add(1, Ordering::SeqCst);
            Answer::json(200, &json!({ "access_token": format!("ya29.{number}"), "expires_in": life }).to_string())
        }
        target if target.contains("/publishers/anthropic/") => Answer::json(200, CLAUDE),
        target if target.contains("/endpoints/openapi/") => Answer::json(200, ANSWER),
        _ => Answer::json(200, GEMINI),
    })
    .await;
    let account = account(&world.upstream.url()).to_string();
    add_key(&mut world, "google-vertex-ai", &account, "");
    world
}

fn tokens(world: &World) -> Vec<String> {
    let calls = world.upstream.calls().into_iter().filter(|call| call.target != "/token");
    calls.map(|call| call.headers["authorization"].to_str().expect("text").to_owned()).collect()
}

fn fetches(world: &World) -> usize {
    world.upstream.calls().iter().filter(|call| call.target == "/token").count()
}

#[tokio::test]
async fn a_service_account_is_all_that_vertex_needs() {
    let world = vertex(3_600).await;
    let read = world.send(post(GENERATE, HELLO)).await;
    assert_eq!(read.status, 200, "{}", read.body);
    let calls = world.upstream.calls();
    assert_eq!(calls[0].headers["content-type"], "application/x-www-form-urlencoded");
    assert!(calls[0].body.starts_with("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=ey"));
    let place = "/v1/projects/my-project/locations/global/publishers/google/models/gemini-2.5-flash:generateContent";
    assert_eq!(calls[1].target, place);
    assert_eq!(tokens(&world), ["Bearer ya29.0"]);
    world.send(post("/v1/acme/main/google-vertex-ai/publishers/google/models/g:countTokens", HELLO)).await;
    let own = "v1/projects/other/locations/us-east5/publishers/google/models/g:generateContent";
    world.send(post(&format!("/v1/acme/main/google-vertex-ai/{own}"), HELLO)).await;
    assert_eq!(world.upstream.calls()[3].target, format!("/{own}"));
    assert_eq!((fetches(&world), tokens(&world).last().map(String::as_str)), (1, Some("Bearer ya29.0")));
    assert_eq!(world.rows()[0].usage.input, 10);
    assert!(!format!("{:?}", world.rows()).contains("ya29"));
}

#[tokio::test]
async fn claude_and_others_are_asked_at_vertex_in_their_own_words() {
    let world = vertex(3_600).await;
    let chat = json!({ "model": "google-vertex-ai/claude-sonnet-4-5@20250929", "messages": [{ "role": "user", "content": "hi" }] });
    let read = world.chat(&chat.to_string()).await;
    assert_eq!(read.json()["choices"][0]["message"]["content"], "hi", "{}", read.body);
    let at = "/v1/projects/my-project/locations/global/publishers/anthropic/models";
    let call = world.upstream.calls().pop().expect("a call");
    assert_eq!(call.target, format!("{at}/claude-sonnet-4-5@20250929:rawPredict"));
    let sent: Value = serde_json::from_str(&call.body).expect("JSON");
    assert_eq!(sent["anthropic_version"], "vertex-2023-10-16");
    assert!(sent.get("model").is_none(), "{sent}");

    let messages = "/v1/acme/main/compat/v1/messages";
    let ask = r#"{"model":"google-vertex-ai/anthropic/claude-sonnet-4-5@20250929","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}],"unknown":1.0}"#;
    assert_eq!(world.send(post(messages, ask)).await.status, 200);
    let call = world.upstream.calls().pop().expect("a call");
    assert_eq!(call.target, format!("{at}/claude-sonnet-4-5@20250929:streamRawPredict"));
    let wanted = ask.replace(
        r#""model":"google-vertex-ai/anthropic/claude-sonnet-4-5@20250929""#,
        r#""anthropic_version":"vertex-2023-10-16""#,
    );
    assert_eq!(call.body, wanted, "nothing but the model has changed");

    assert_eq!(world.send(post(&format!("{messages}/count_tokens"), ask)).await.status, 200);
    let call = world.upstream.calls().pop().expect("a call");
    assert_eq!(call.target, format!("{at}/count-tokens:rawPredict"));
    assert!(call.body.contains(r#""anthropic_version":"vertex-2023-10-16","model":"claude-sonnet-4-5@20250929""#));

    let llama = chat.to_string().replace("claude-sonnet-4-5@20250929", "meta/llama-4-maverick-17b-128e-instruct-maas");
    assert_eq!(world.chat(&llama).await.status, 200);
    let call = world.upstream.calls().pop().expect("a call");
    assert_eq!(call.target, "/v1/projects/my-project/locations/global/endpoints/openapi/chat/completions");
    assert!(call.body.contains(r#""model":"meta/llama-4-maverick-17b-128e-instruct-maas""#), "{}", call.body);
    let costs: Vec<_> = world.rows().iter().map(|row| (row.usage.input, row.model.clone())).collect();
    assert!(costs.iter().all(|(input, _)| *input == 10), "{costs:?}");
}

#[tokio::test]
async fn many_first_requests_wait_for_one_token() {
    let (feed, answer) = Answer::pieces("application/json");
    let answer = std::sync::Mutex::new(Some(answer));
    let mut world = World::new(move |seen| match seen.target.as_str() {
        "/token" => answer.lock().expect("no test panics with it").take().unwrap_or(Answer::Reset),
        _ => Answer::json(200, GEMINI),
    })
    .await;
    let account = account(&world.upstream.url()).to_string();
    add_key(&mut world, "google-vertex-ai", &account, "");
    let world = Arc::new(world);
    let ask = |world: Arc<World>| tokio::spawn(async move { world.send(post(GENERATE, HELLO)).await.status });
    // The first one leaves; those that came after it must not notice.
    let first = ask(world.clone());
    let others: Vec<_> = (0..20).map(|_| ask(world.clone())).collect();
    while fetches(&world) == 0 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert_eq!(tokens(&world).len(), 0);
    feed.send(Ok(r#"{"access_token":"ya29.one","expires_in":3600}"#.into())).await.expect("somebody listens");
    drop(feed);
    for other in others {
        assert_eq!(other.await.expect("no panic"), 200);
    }
    assert_eq!((fetches(&world), tokens(&world).len()), (1, 20));
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_kept_over_a_reload() {
    let mut world = vertex(100).await;
    tokio::time::pause();
    let ask = async |world: &World| assert_eq!(world.send(post(GENERATE, HELLO)).await.status, 200);
    ask(&world).await;
    world.change(|_| {});
    ask(&world).await;
    assert_eq!(fetches(&world), 1, "a reload keeps the token");
    // A quarter of its life is left: this request goes on with the old one, and the new one is fetched beside it.
    tokio::time::advance(Duration::from_secs(76)).await;
    ask(&world).await;
    while fetches(&world) < 2 {
        tokio::task::yield_now().await;
    }
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    ask(&world).await;
    assert_eq!(tokens(&world)[..3], ["Bearer ya29.0", "Bearer ya29.0", "Bearer ya29.0"]);
    tokio::time::advance(Duration::from_secs(200)).await;
    ask(&world).await;
    assert!(tokens(&world).last().is_some_and(|token| token != "Bearer ya29.0"), "{:?}", tokens(&world));
}

#[tokio::test]
async fn a_token_that_vertex_refuses_is_fetched_anew_for_the_next_request() {
    let minted = AtomicUsize::new(0);
    let mut world = World::new(move |seen| match seen.target.as_str() {
        "/token" => {
            let number = minted.fetch_add(1, Ordering::SeqCst);
            Answer::json(200, &json!({ "access_token": format!("ya29.{number}"), "expires_in": 3600 }).to_string())
        }
        _ if seen.headers["authorization"] == "Bearer ya29.0" => Answer::json(401, r#"{"error":{"code":401}}"#),
        _ => Answer::json(200, GEMINI),
    })
    .await;
    let account = account(&world.upstream.url()).to_string();
    add_key(&mut world, "google-vertex-ai", &account, "");
    assert_eq!(world.send(post(GENERATE, HELLO)).await.status, 401);
    assert_eq!(world.send(post(GENERATE, HELLO)).await.status, 200);
}

#[tokio::test]
async fn a_provider_that_refuses_every_token_does_not_have_one_fetched_for_each_request() {
    let minted = AtomicUsize::new(0);
    let mut world = World::new(move |seen| match seen.target.as_str() {
        "/token" => {
            let number = minted.fetch_add(1, Ordering::SeqCst);
            Answer::json(200, &json!({ "access_token": format!("ya29.{number}"), "expires_in": 3600 }).to_string())
        }
        _ => Answer::json(401, r#"{"error":{"code":401}}"#),
    })
    .await;
    let account = account(&world.upstream.url()).to_string();
    add_key(&mut world, "google-vertex-ai", &account, "");
    for _ in 0..8 {
        assert_eq!(world.send(post(GENERATE, HELLO)).await.status, 401);
    }
    assert_eq!(fetches(&world), 2, "one more than the first, in case that the token was the fault");
    assert_eq!(tokens(&world)[1..], ["Bearer ya29.1"; 7]);
}

#[tokio::test]
async fn without_a_token_nobody_is_called_and_the_endpoint_is_left_alone_for_a_while() {
    let refused = r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#;
    let mut world = World::answering(400, refused).await;
    let account = account(&world.upstream.url()).to_string();
    add_key(&mut world, "google-vertex-ai", &account, "");
    for _ in 0..3 {
        let read = world.send(post(GENERATE, HELLO)).await;
        assert_eq!((read.status, read.code().as_str()), (502, "provider_token_failed"));
        assert!(read.body.contains("invalid_grant: Invalid JWT Signature."), "{}", read.body);
    }
    assert_eq!((fetches(&world), world.upstream.calls().len()), (1, 1));
    let rows = world.rows();
    assert!(
        rows.iter().all(|row| row.attempt == 0 && row.outcome == Outcome::Refused && row.cost.is_some()),
        "{rows:#?}"
    );
}

#[tokio::test]
async fn a_token_endpoint_on_a_private_network_is_not_called() {
    let upstream = Upstream::start(|_| Answer::json(200, r#"{"access_token":"x"}"#)).await;
    let mut world = World::with_options(Options::default(), |_| Answer::Reset).await;
    for (uri, reason) in [
        (format!("{}/token", upstream.url()), "not an https:// address"),
        (format!("https://{}/token", upstream.address), "not a public address"),
    ] {
        let mut account = account("");
        account["token_uri"] = json!(uri);
        add_key(&mut world, "google-vertex-ai", &account.to_string(), "");
        let read = world.send(post(GENERATE, HELLO)).await;
        assert_eq!(read.code(), "provider_token_failed", "{}", read.body);
        assert!(read.body.contains(reason), "{}", read.body);
        world.change(|config| drop(config.teams[0].provider_keys.pop()));
    }
    assert!(upstream.calls().is_empty());
}

#[tokio::test]
async fn azure_is_called_in_the_form_of_its_address() {
    for (base, key, target, header) in [
        ("", "k1", "/openai/v1/chat/completions", ("api-key", "k1")),
        ("/openai/v1", "eyJ0.eyJh.c2ln", "/openai/v1/chat/completions", ("authorization", "Bearer eyJ0.eyJh.c2ln")),
        (
            "/openai/deployments?api-version=2024-06-01",
            "k1",
            "/openai/deployments/my-gpt/chat/completions?api-version=2024-06-01",
            ("api-key", "k1"),
        ),
        (
            "/openai/deployments/one?api-version=2024-06-01",
            "k1",
            "/openai/deployments/one/chat/completions?api-version=2024-06-01",
            ("api-key", "k1"),
        ),
        (
            "/models?api-version=2024-05-01-preview",
            "k1",
            "/models/chat/completions?api-version=2024-05-01-preview",
            ("api-key", "k1"),
        ),
    ] {
        let world = with_key("azure-openai", key, base, |_| Answer::json(200, ANSWER)).await;
        let read = world.chat(&QUESTION.replace("openai/gpt-4o-mini", "azure-openai/my-gpt")).await;
        assert_eq!(read.status, 200, "{}", read.body);
        let call = world.upstream.call();
        assert_eq!(call.target, target);
        assert_eq!(call.headers[header.0], header.1);
        assert!(call.body.contains(r#""model":"my-gpt""#), "{}", call.body);
        assert_eq!(call.headers.contains_key("api-key"), header.0 == "api-key");
    }
}

#[tokio::test]
async fn azure_is_asked_by_responses_where_it_has_them() {
    const RESPONSES: &str = "/v1/acme/main/compat/responses";
    const WHOLE: &str = r#"{"id":"resp_az","object":"response","created_at":1,"status":"completed","model":"gpt-5","output":[{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Dry.","annotations":[]}]}],"usage":{"input_tokens":10,"output_tokens":5,"total_tokens":15},"later":1.50}"#;
    let ask = r#"{"model":"azure-openai/my-gpt",  "input":"hi","future":1.50,"top_logprobs":2,"stream":false}"#;
    for (base, target) in
        [("", "/openai/v1/responses"), ("/openai/v1?api-version=preview", "/openai/v1/responses?api-version=preview")]
    {
        let world = with_key("azure-openai", "k1", base, |seen| match seen.body.contains("\"stream\":true") {
            true => Answer::events(&format!(
                "event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{WHOLE}}}\n\n"
            )),
            false => Answer::json(200, WHOLE),
        })
        .await;
        let read = world.send(post(RESPONSES, ask)).await;
        assert_eq!((read.status, read.body.as_str()), (200, WHOLE));
        let sent = world.upstream.call();
        assert_eq!((sent.target.as_str(), &sent.headers["api-key"]), (target, &"k1".parse().expect("a value")));
        assert_eq!(sent.body, ask.replace("azure-openai/", ""));
        let row = world.row();
        assert_eq!((row.usage.input, row.usage.output, row.model.as_deref()), (10, 5, Some("gpt-5")));
        // A stream passes as it is too, and what Azure holds is continued and deleted there.
        let again = ask.replace("false", "true").replace("\"hi\"", r#""so?","previous_response_id":"resp_az""#);
        assert!(world.send(post(RESPONSES, &again)).await.body.starts_with("event: response.completed\n"));
        assert_eq!(world.upstream.calls()[1].body, again.replace("azure-openai/", ""));
        let mut delete = post("/v1/responses/resp_az", "");
        *delete.method_mut() = Method::DELETE;
        assert_eq!(world.send(delete).await.status, 200);
        let call = world.upstream.calls().pop().expect("a call");
        let below = target.replacen("responses", "responses/resp_az", 1);
        assert_eq!((call.method, call.target), (Method::DELETE, below));
    }
    // The older addresses have chat completions only.
    let world = with_key("azure-openai", "k1", "?api-version=2024-06-01", |_| Answer::json(200, ANSWER)).await;
    let read = world.send(post(RESPONSES, r#"{"model":"azure-openai/my-gpt","input":"hi"}"#)).await;
    assert_eq!(read.json()["output"][0]["content"][0]["text"], "hi", "{}", read.body);
    let target = world.upstream.call().target;
    assert_eq!(target, "/openai/deployments/my-gpt/chat/completions?api-version=2024-06-01");
}

#[tokio::test]
async fn native_calls_of_azure_keep_their_own_version() {
    let world = with_key("azure-openai", "k1", "?api-version=2024-06-01", |_| Answer::json(200, ANSWER)).await;
    for (path, target) in [
        (
            "deployments/d/chat/completions?api-version=2025-01-01",
            "/openai/deployments/d/chat/completions?api-version=2025-01-01",
        ),
        ("openai/deployments/d/images/generations", "/openai/deployments/d/images/generations?api-version=2024-06-01"),
        ("openai/v1/responses?x=1", "/openai/v1/responses?x=1&api-version=2024-06-01"),
        ("models", "/openai/models?api-version=2024-06-01"),
    ] {
        world.send(post(&format!("/v1/acme/main/azure-openai/{path}"), QUESTION)).await;
        let call = world.upstream.calls().pop().expect("a call");
        assert_eq!((call.target.as_str(), &call.headers["api-key"]), (target, &"k1".parse().expect("a value")));
    }
}

#[tokio::test]
async fn replicate_is_asked_by_predictions_until_they_are_done() {
    const PREDICTED: &str = r#"{"id":"p1","model":"meta/llama","status":"succeeded","output":["It ","rains."],"metrics":{"input_token_count":7,"output_token_count":3}}"#;
    let mut world = with_key("replicate", "r8", "", |seen| match (seen.method.as_str(), seen.number % 4) {
        ("POST", _) => Answer::json(201, r#"{"id":"p1","status":"starting","output":null}"#),
        (_, 1) => Answer::json(200, r#"{"id":"p1","status":"processing","output":["It "]}"#),
        (_, 2) => Answer::json(429, r#"{"detail":"slowly"}"#),
        _ => Answer::json(200, PREDICTED),
    })
    .await;
    world.settings(|settings| settings.retry_delay = Some(1));
    let ask = QUESTION.replace("openai/gpt-4o-mini", "replicate/meta/llama");
    let read = world.chat(&ask).await;
    assert_eq!(read.status, 200, "{}", read.body);
    assert_eq!(read.json()["choices"][0]["message"]["content"], "It rains.");
    let calls = world.upstream.calls();
    let seen: Vec<_> = calls.iter().map(|call| (call.method.as_str(), call.target.as_str())).collect();
    let (create, look) = (("POST", "/v1/predictions"), ("GET", "/v1/predictions/p1"));
    assert_eq!(seen, [create, look, look, look]);
    assert!(calls.iter().all(|call| call.headers["authorization"] == "Bearer r8"));
    assert_eq!(calls[0].headers["prefer"], "wait=60");
    assert_eq!(calls[0].body, r#"{"version":"meta/llama","input":{"prompt":"hi"}}"#);
    assert!(calls[1].body.is_empty() && !calls[1].headers.contains_key("prefer"));
    let row = world.row();
    assert_eq!((row.attempt, row.status, row.outcome), (1, 200, Outcome::Ok));
    assert_eq!((row.usage.input, row.usage.output, row.model.as_deref()), (7, 3, Some("meta/llama")));
    // A stream is made of the whole, in any caller's words.
    let ask =
        r#"{"model":"replicate/meta/llama","max_tokens":5,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let stream = world.send(post("/v1/acme/main/compat/v1/messages", ask)).await;
    assert!(stream.body.contains("It rains.") && stream.body.contains("message_stop"), "{}", stream.body);
    // What its models cannot do is refused before anybody is asked.
    let tools = ask.replace("\"stream\":true", r#""tools":[{"name":"f","input_schema":{"type":"object"}}]"#);
    let before = world.upstream.calls().len();
    assert_eq!(world.send(post("/v1/acme/main/compat/v1/messages", &tools)).await.status, 400);
    assert_eq!(world.upstream.calls().len(), before);
}

#[tokio::test]
async fn a_prediction_that_fails_or_is_never_done_is_an_error() {
    let options =
        Options { allow_private_upstreams: true, total_timeout: Duration::from_millis(60), ..Options::default() };
    for (body, status, code) in [
        (r#"{"id":"p1","status":"processing"}"#, 504, "upstream_timeout"),
        (r#"{"id":"p1","status":"failed","error":"CUDA out of memory"}"#, 502, "upstream_error"),
    ] {
        let mut world = World::with_options(options.clone(), move |_| Answer::json(201, body)).await;
        add_key(&mut world, "replicate", "r8", "");
        world.settings(|settings| settings.retry_delay = Some(1));
        let read = world.chat(&QUESTION.replace("openai/gpt-4o-mini", "replicate/meta/llama")).await;
        assert_eq!((read.status, read.code().as_str()), (status, code), "{}", read.body);
        assert_ne!(world.row().outcome, Outcome::Ok);
    }
}

#[tokio::test]
async fn providers_that_do_not_chat_are_called_by_their_own_apis() {
    for (provider, path, header) in [
        ("deepgram", "v1/listen?model=nova-3", ("authorization", "Token sk-1")),
        ("elevenlabs", "v1/text-to-speech/voice", ("xi-api-key", "sk-1")),
        ("cartesia", "tts/bytes", ("x-api-key", "sk-1")),
        ("fal", "fal-ai/flux/dev", ("authorization", "Key sk-1")),
        ("ideogram", "v1/ideogram-v3/generate", ("api-key", "sk-1")),
        ("parallel", "v1beta/search", ("x-api-key", "sk-1")),
        ("voyage", "v1/embeddings", ("authorization", "Bearer sk-1")),
    ] {
        let world = with_key(provider, "sk-1", "", |_| Answer::json(200, "{}")).await;
        // Their SDKs send the gateway's token where they would send the key.
        let (name, value) = (header.0, header.1.replace("sk-1", TOKEN));
        let read = world.send(with(&format!("/v1/acme/main/{provider}/{path}"), "{}", &[(name, &value)])).await;
        assert_eq!(read.status, 200, "{provider}: {}", read.body);
        let call = world.upstream.call();
        assert_eq!(call.headers[header.0], header.1, "{provider}");
        assert!(call.target.ends_with(path) && !format!("{call:?}").contains(TOKEN), "{call:?}");
        if provider != "parallel" {
            let read = world.chat(&QUESTION.replace("openai/", &format!("{provider}/"))).await;
            assert_eq!(read.code(), "model_not_found", "{provider}");
            assert!(read.body.contains("answers no chats"), "{}", read.body);
        }
    }
}

/// A stream of Bedrock's InvokeModel: Claude's events in Amazon's frames.
fn invoked(events: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for event in events {
        let payload = json!({ "bytes": STANDARD.encode(event), "p": "abc" }).to_string();
        wire::eventstream::write_event("chunk", payload.as_bytes(), &mut out).expect("short");
    }
    out
}

const CLAUDE_EVENTS: [&str; 3] = [
    r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"claude-3-7-sonnet-20250219","content":[],"usage":{"input_tokens":90,"cache_read_input_tokens":10,"output_tokens":1}}}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":20}}"#,
    r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":90,"outputTokenCount":20,"cacheReadInputTokenCount":10,"invocationLatency":5}}"#,
];
const STREAM_PATH: &str =
    "/v1/acme/main/aws-bedrock/model/us.anthropic.claude-3-7-sonnet-20250219-v1%3A0/invoke-with-response-stream";

/// Has a provider send `stream` in pieces and, once all of it has come through, stop in the given way.
async fn invoke(stream: &[u8], end: Option<std::io::Error>) -> (World, Vec<u8>, bool) {
    let (feed, answer) = Answer::pieces("application/vnd.amazon.eventstream");
    let answer = std::sync::Mutex::new(Some(answer));
    let script = move |_: &Seen| answer.lock().expect("no test panics with it").take().unwrap_or(Answer::Reset);
    let world = with_key("aws-bedrock", &access_key(), "", script).await;
    let response = world.start(post(STREAM_PATH, r#"{"anthropic_version":"bedrock-2023-05-31","messages":[]}"#)).await;
    assert_eq!(response.headers()["content-type"], "application/vnd.amazon.eventstream");
    let mut body = response.into_body();
    let (mut all, mut broken) = (Vec::new(), false);
    for piece in stream.chunks(97) {
        feed.send(Ok(piece.to_vec().into())).await.expect("somebody listens");
        all.extend_from_slice(&body.frame().await.expect("a piece").expect("sound").into_data().expect("data"));
    }
    if let Some(error) = end {
        feed.send(Err(error)).await.expect("somebody listens");
    }
    drop(feed);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => all.extend_from_slice(&frame.into_data().expect("data")),
            Err(_) => broken = true,
        }
    }
    (world, all, broken)
}

#[tokio::test]
async fn a_models_own_stream_passes_byte_for_byte_and_is_billed() {
    let stream = invoked(&CLAUDE_EVENTS);
    let (world, all, broken) = invoke(&stream, None).await;
    assert!(all == stream && !broken, "the bytes are the provider's");
    let row = world.row();
    assert_eq!((row.usage.input, row.usage.cached_input, row.usage.output), (100, 10, 20));
    assert_eq!((row.outcome, row.streamed, row.model.as_deref()), (Outcome::Ok, true, Some(MODEL)));
    assert!(row.cost.is_some_and(|cost| cost.0 > 0), "{row:#?}");
}

#[tokio::test]
async fn a_stream_of_frames_that_breaks_off_ends_with_an_exception() {
    let part = invoked(&CLAUDE_EVENTS[..2]);
    for end in [None, Some(std::io::Error::other("reset"))] {
        let (world, all, broken) = invoke(&part, end).await;
        assert!(all.starts_with(&part) && all.len() > part.len() && !broken);
        let mut frames = Vec::new();
        let mut splitter = wire::eventstream::FrameSplitter::new();
        splitter.push(&all, |name, _| frames.push(String::from_utf8_lossy(name).into_owned())).expect("sound frames");
        assert_eq!(frames.last().map(String::as_str), Some("exception:modelStreamErrorException"));
        let row = world.row();
        assert_eq!((row.outcome, row.error_code.as_deref()), (Outcome::UpstreamFailed, Some("upstream_reset")));
        assert_eq!((row.usage.input, row.usage.output), (100, 20), "what was used until then is billed");
    }
}

#[tokio::test]
async fn counts_in_headers_are_billed_where_the_body_has_none() {
    let script = |_: &Seen| {
        Answer::json(200, r#"{"outputs":[{"text":"hi","stop_reason":"stop"}]}"#)
            .header("x-amzn-bedrock-input-token-count", "12")
            .header("x-amzn-bedrock-output-token-count", "3")
    };
    let world = with_key("aws-bedrock", &access_key(), "", script).await;
    let path = "/v1/acme/main/aws-bedrock/model/mistral.mistral-7b-instruct-v0%3A2/invoke";
    assert_eq!(world.send(post(path, r#"{"prompt":"hi"}"#)).await.status, 200);
    assert_eq!((world.row().usage.input, world.row().usage.output), (12, 3));
    let converse = path.replace("/invoke", "/converse");
    let world = with_key("aws-bedrock", &access_key(), "", |_| Answer::json(200, CONVERSED)).await;
    assert_eq!(world.send(post(&converse, "{}")).await.status, 200);
    assert_eq!((world.row().usage.input, world.row().usage.output), (10, 5));
}
