//! No endpoint leads past what a token is held to, and each refusal says what it is.

use bytes::Bytes;
use domain::GatewayId;
use domain::ledger::Surface;
use domain::token::Restrictions;
use http::{Method, Request};
use http_body_util::Full;

use crate::doors::{self, walk};
use crate::world::*;

fn held(world: &mut World, restrictions: Restrictions) {
    world.change(|config| config.teams[0].tokens[0].restrictions = restrictions);
}

fn texts(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(ToString::to_string).collect())
}

fn get(path: &str) -> Request<Full<Bytes>> {
    let mut request = post(path, "");
    *request.method_mut() = Method::GET;
    request
}

/// Whether what is asked is answered from what is kept here, or from the price book.
fn is_local(surface: Surface) -> bool {
    matches!(surface, Surface::Models | Surface::Limits | Surface::Conversations | Surface::StoredResponses)
}

fn assert_refused(read: &Read, words: &str, place: &str) {
    assert_eq!((read.status, read.code().as_str()), (403, "token_not_allowed"), "{place}: {}", read.body);
    assert!(read.body.contains(words), "{place}: {words} is not in {}", read.body);
}

#[tokio::test]
async fn a_token_calls_no_endpoint_but_its_own() {
    // A step of the universal endpoint needs its own door too; `universal.rs` shows that.
    for own in Surface::ALL.into_iter().filter(|own| *own != Surface::Universal) {
        let (mut world, names) = doors::world().await;
        let mut calls = world.upstream.calls().len();
        held(&mut world, Restrictions { endpoints: Some(vec![own]), ..Restrictions::default() });
        let seen = world.upstream.seen.clone();
        let mut passed = 0;
        walk(&world, &names, |route, method, path, read| {
            let now = seen.lock().expect("free").len();
            if route.surface == own {
                assert!(read.status < 400, "{method} {path}: {}", read.body);
                passed += 1;
            } else {
                assert_refused(read, &format!("may not use the endpoint `{}`", route.surface.as_str()), path);
                assert_eq!(now, calls, "{method} {path} called a provider");
            }
            calls = now;
        })
        .await;
        assert!(passed > 0, "{own:?}");
    }
}

#[tokio::test]
async fn a_token_calls_no_provider_but_its_own() {
    let (mut world, names) = doors::world().await;
    let calls = world.upstream.calls().len();
    held(&mut world, Restrictions { providers: texts(&["mistral"]), ..Restrictions::default() });
    walk(&world, &names, |route, method, path, read| {
        if is_local(route.surface) && read.status < 400 {
            return;
        }
        assert_refused(read, "may not use the provider", &format!("{method} {path}"));
    })
    .await;
    assert_eq!(world.upstream.calls().len(), calls, "nobody was called");
    let models = world.send(get("/v1/models")).await.json();
    assert_eq!(models["data"], serde_json::json!([]));
    let (mut world, names) = doors::world().await;
    let own = texts(&["openai", "anthropic", "google-ai-studio", "cohere"]);
    held(&mut world, Restrictions { providers: own, ..Restrictions::default() });
    walk(&world, &names, |_, method, path, read| assert!(read.status < 400, "{method} {path}: {}", read.body)).await;
}

#[tokio::test]
async fn a_token_works_from_its_addresses_only() {
    let (mut world, names) = doors::world().await;
    let calls = world.upstream.calls().len();
    held(&mut world, Restrictions { ip_ranges: texts(&["10.0.0.0/8", "::1"]), ..Restrictions::default() });
    walk(&world, &names, |_, method, path, read| {
        assert_refused(read, "may not be used from the address 127.0.0.1", &format!("{method} {path}"));
    })
    .await;
    assert_eq!(world.upstream.calls().len(), calls, "nobody was called");
    held(&mut world, Restrictions { ip_ranges: texts(&["10.0.0.0/8", "127.0.0.0/8"]), ..Restrictions::default() });
    walk(&world, &names, |_, method, path, read| assert!(read.status < 400, "{method} {path}: {}", read.body)).await;
}

#[tokio::test]
async fn a_token_asks_for_no_model_but_its_own() {
    let (mut world, names) = doors::world().await;
    let calls = world.upstream.seen.clone();
    let mut before = world.upstream.calls().len();
    held(&mut world, Restrictions { models: texts(&["mistral/*"]), ..Restrictions::default() });
    walk(&world, &names, |route, method, path, read| {
        let now = calls.lock().expect("free").len();
        let called = std::mem::replace(&mut before, now) < now;
        // What names no model and carries nothing that could, may be looked at; the walk brings no body to files and batches.
        let carries_nothing = matches!(route.surface, Surface::Files | Surface::Batches) || *method != Method::POST;
        if (is_local(route.surface) || carries_nothing) && read.status < 400 {
            return;
        }
        assert!(!called, "{method} {path} called a provider");
        assert_refused(read, "This API token", &format!("{method} {path}"));
    })
    .await;
}

/// Every door to batches: a body sent there, alone or as a step.
fn batch(door: &str, body: &str) -> Request<Full<Bytes>> {
    if door == "step" {
        let step = format!(r#"[{{"provider":"compat","endpoint":"batches","query":{body}}}]"#);
        return post("/v1/acme/main", &step);
    }
    and(post(door, body), &[("cf-aig-gateway-id", "main")])
}

const BATCH_DOORS: [&str; 4] =
    ["/v1/batches", "/v1/acme/main/compat/batches", "/v1/acme/main/compat/v1/batches", "step"];

#[tokio::test]
async fn a_batch_asks_no_endpoint_but_the_tokens_own() {
    let mut world = World::answering(200, r#"{"id":"batch_1","object":"batch","status":"validating"}"#).await;
    let endpoints = vec![Surface::Batches, Surface::Universal, Surface::Embeddings];
    held(&mut world, Restrictions { endpoints: Some(endpoints), ..Restrictions::default() });
    for door in BATCH_DOORS {
        for (body, words) in [
            (
                r#"{"input_file_id":"f","endpoint":"/v1/chat/completions"}"#,
                "may not use the endpoint `chat_completions`",
            ),
            (r#"{"input_file_id":"f","endpoint":"/v1/images/generations"}"#, "may not use the endpoint `images`"),
            (r#"{"input_file_id":"f","endpoint":"/v1/completions"}"#, "`/v1/completions` is none of them"),
            (r#"{"input_file_id":"f","endpoint":null}"#, "does not say which one it asks"),
            (r#"{"input_file_id":"f"}"#, "does not say which one it asks"),
        ] {
            let read = world.send(batch(door, body)).await;
            assert_refused(&read, words, door);
            assert_eq!(read.json()["error"]["param"], "endpoint", "{door}: {}", read.body);
        }
        for twice in [
            r#"{"endpoint":"/v1/embeddings","endpoint":"/v1/responses"}"#,
            r#"{"endpoint":"/v1/embeddings","end\u0070oint":"/v1/responses"}"#,
        ] {
            let read = world.send(batch(door, twice)).await;
            assert_eq!(read.code(), "invalid_json", "{door}: {}", read.body);
        }
        assert_eq!(world.upstream.calls().len(), 0, "{door} called a provider");
    }
    let hidden = and(batch("/v1/batches", r#"{"endpoint":"/v1/embeddings"}"#), &[("content-type", "text/plain")]);
    assert_eq!(world.send(hidden).await.code(), "unsupported_content_type");
    assert_eq!(world.upstream.calls().len(), 0);
    for (number, door) in (1..).zip(BATCH_DOORS) {
        let body = r#"{"input_file_id":"f","endpoint":"/v1/embeddings"}"#;
        let read = world.send(batch(door, body)).await;
        assert_eq!(read.status, 200, "{door}: {}", read.body);
        let calls = world.upstream.calls();
        assert_eq!((calls.len(), calls.last().map(|call| call.body.as_str())), (number, Some(body)), "untouched");
    }
    assert_eq!(world.send(batch("/v1/batches/batch_1/cancel", "{}")).await.status, 200);
    // A provider's own API is an endpoint of its own, whatever is asked there.
    let native = "/v1/acme/main/openai/v1/batches";
    assert_refused(&world.send(post(native, "{}")).await, "may not use the endpoint `native`", native);
    // Where nothing is restricted the body is nobody's business.
    held(&mut world, Restrictions::default());
    assert_eq!(world.send(batch("/v1/batches", r#"{"endpoint":"/v1/completions"}"#)).await.status, 200);
}

#[tokio::test]
async fn a_token_that_is_held_to_models_makes_no_batch() {
    let mut world = World::answering(200, "{}").await;
    held(&mut world, Restrictions { models: texts(&["openai/*"]), ..Restrictions::default() });
    let body = r#"{"input_file_id":"f","endpoint":"/v1/chat/completions","model":"gpt-4o"}"#;
    for door in BATCH_DOORS {
        let read = world.send(batch(door, body)).await;
        assert_refused(&read, "stand in its file (`input_file_id`)", door);
        assert_eq!(read.json()["error"]["param"], "input_file_id", "{door}: {}", read.body);
    }
    let native = "/v1/acme/main/openai/v1/batches";
    assert_refused(&world.send(post(native, r#"{"input_file_id":"f"}"#)).await, "restricted to certain models", native);
    assert_eq!(world.upstream.calls().len(), 0, "nobody was called");
}

#[tokio::test]
async fn a_token_sees_no_gateway_but_its_own() {
    let (mut world, names) = doors::world().await;
    let calls = world.upstream.calls().len();
    held(&mut world, Restrictions { gateways: Some(vec![GatewayId(12)]), ..Restrictions::default() });
    walk(&world, &names, |route, method, path, read| {
        let hidden = is_local(route.surface) && read.status == 404;
        let of_no_gateway = path == "/v1/models" || path == "/v1/conversations" && *method == Method::POST;
        if !hidden && !of_no_gateway {
            assert_refused(read, "may not use the gateway", &format!("{method} {path}"));
        }
    })
    .await;
    assert_eq!(world.upstream.calls().len(), calls, "nobody was called");
}

#[tokio::test]
async fn what_is_cached_is_no_way_around() {
    let mut world = World::answering(200, ANSWER).await;
    world.settings(|settings| settings.cache_ttl = Some(60));
    assert_eq!(world.chat(QUESTION).await.status, 200);
    assert_eq!(world.chat(QUESTION).await.header("cf-aig-cache-status"), Some("HIT"));
    for restrictions in [
        Restrictions { providers: texts(&["anthropic"]), ..Restrictions::default() },
        Restrictions { endpoints: Some(vec![Surface::Messages]), ..Restrictions::default() },
        Restrictions { ip_ranges: texts(&["10.0.0.0/8"]), ..Restrictions::default() },
        Restrictions { models: texts(&["openai/gpt-4o"]), ..Restrictions::default() },
    ] {
        held(&mut world, restrictions);
        assert_refused(&world.chat(QUESTION).await, "This API token may not", "cached");
    }
}

#[tokio::test]
async fn a_bare_model_is_asked_of_a_provider_that_the_token_may_use() {
    let mut world = World::answering(200, ANSWER).await;
    let url = world.upstream.url();
    world.change(|config| config.teams[0].provider_keys.push(key(100, "openrouter", &url)));
    let bare = |model: &str| format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]}}"#);
    let asked = async |world: &World, model: &str| {
        let read = world.chat(&bare(model)).await;
        // Whether it was let through, whatever the provider made of it, and to whom.
        (read.status != 403, world.rows().last().and_then(|row| row.provider.clone()).unwrap_or_default())
    };
    assert_eq!(asked(&world, "gpt-4o-mini").await, (true, "openai".to_owned()));
    held(&mut world, Restrictions { providers: texts(&["anthropic", "openrouter"]), ..Restrictions::default() });
    assert_eq!(asked(&world, "gpt-4o-mini").await, (false, "openai".to_owned()), "openrouter sells it by another name");
    assert_eq!(asked(&world, "claude-sonnet-4-5").await, (true, "anthropic".to_owned()));
    // Files name no model: OpenAI's would be meant, where the token could use it.
    assert_refused(&world.send(get("/v1/acme/main/compat/files")).await, "may not use the provider `openai`", "files");
}

#[tokio::test]
async fn the_list_of_models_has_what_some_endpoint_takes() {
    let mut world = World::answering(200, ANSWER).await;
    let list = async |world: &World| {
        let json = world.send(get("/v1/models")).await.json();
        let ids = json["data"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|model| model["id"].as_str().expect("an id").to_owned());
        ids.collect::<Vec<_>>()
    };
    let all = list(&world).await;
    let has = |list: &[String], id: &str| list.iter().any(|known| known == id);
    for id in ["openai/gpt-4o-mini", "openai/text-embedding-3-small", "openai/whisper-1", "anthropic/claude-sonnet-4-5"]
    {
        assert!(has(&all, id), "{id}");
    }
    let endpoints = |list: &[Surface]| Restrictions {
        endpoints: Some([&[Surface::Models], list].concat()),
        ..Restrictions::default()
    };
    held(&mut world, endpoints(&[]));
    assert_eq!(list(&world).await, [""; 0]);
    held(&mut world, endpoints(&[Surface::Embeddings]));
    let embeddings = list(&world).await;
    assert!(has(&embeddings, "openai/text-embedding-3-small") && !has(&embeddings, "openai/gpt-4o-mini"));
    held(&mut world, endpoints(&[Surface::Messages, Surface::Translations]));
    let messages = list(&world).await;
    assert!(has(&messages, "openai/gpt-4o-mini") && has(&messages, "openai/whisper-1"));
    assert!(!has(&messages, "openai/text-embedding-3-small"));
    held(&mut world, endpoints(&[Surface::Native]));
    assert_eq!(list(&world).await, all);
    held(&mut world, Restrictions { providers: texts(&["anthropic"]), ..Restrictions::default() });
    let own = list(&world).await;
    assert!(!own.is_empty() && own.iter().all(|id| id.starts_with("anthropic/")));
}
