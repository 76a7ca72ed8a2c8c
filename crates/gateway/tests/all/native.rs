//! Providers' own endpoints: what their answers say, and what a token may ask there.

use domain::ledger::Outcome;

use crate::world::*;

/// A world with a key for one more provider.
async fn with_key(provider: &str, script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> World {
    let mut world = World::new(script).await;
    let url = world.upstream.url();
    world.change(|config| config.teams[0].provider_keys.push(key(19, provider, &url)));
    world
}

#[tokio::test]
async fn a_model_in_the_path_and_another_in_the_body_are_none() {
    let mut world = with_key("azure-openai", |_| Answer::json(200, ANSWER)).await;
    world
        .change(|config| config.teams[0].tokens[0].restrictions.models = Some(vec!["azure-openai/gpt-4o-mini".into()]));
    let ask = |path: &str, body: &str| {
        let path = format!("/v1/acme/main/azure-openai/openai/deployments/{path}/chat/completions?api-version=1");
        post(&path, body)
    };
    for (path, body, wanted) in [
        ("gpt-4o-mini", r#"{"messages":[]}"#, 200),
        ("gpt-4o-mini", r#"{"model":"gpt-4o-mini","messages":[]}"#, 200),
        ("gpt-5", r#"{"model":"gpt-4o-mini","messages":[]}"#, 403),
        ("gpt-4o-mini", r#"{"model":"gpt-5","messages":[]}"#, 403),
    ] {
        assert_eq!(world.send(ask(path, body)).await.status, wanted, "{path} {body}");
    }
}

#[tokio::test]
async fn a_model_that_the_endpoint_does_not_read_opens_nothing() {
    for (provider, path, wanted) in [
        ("replicate", "v1/predictions", 403),
        ("replicate", "v1/models/somebody/large/predictions", 403),
        ("aws-bedrock", "async-invoke", 403),
        ("azure-openai", "openai//deployments/large/chat/completions", 403),
        ("azure-openai", "openai/Deployments/large/chat/completions", 403),
        ("cohere", "v2/chat", 200),
        ("openai", "v1/chat/completions", 200),
        ("openai", "v1/embeddings", 200),
        ("ollama", "api/generate", 200),
    ] {
        let mut world = with_key(provider, |_| Answer::json(200, ANSWER)).await;
        world.change(|config| config.teams[0].tokens[0].restrictions.models = Some(vec![format!("{provider}/small")]));
        let read = world.send(post(&format!("/v1/acme/main/{provider}/{path}"), r#"{"model":"small"}"#)).await;
        assert_eq!(read.status, wanted, "{provider} {path} {}", read.body);
    }
}

#[tokio::test]
async fn cohere_and_ollama_say_what_they_consumed() {
    let cohere = r#"{"id":"1","message":{"role":"assistant","content":[]},"usage":{"billed_units":{"input_tokens":10,"output_tokens":5},"tokens":{"input_tokens":90,"output_tokens":5}}}"#;
    let ended = "event: message-start\ndata: {\"type\":\"message-start\"}\n\nevent: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"billed_units\":{\"input_tokens\":10,\"output_tokens\":5}}}}\n\n";
    let ollama = r#"{"model":"qwen3","message":{"role":"assistant","content":"hi"},"done":true,"prompt_eval_count":10,"eval_count":5}"#;
    let lines = "{\"model\":\"qwen3\",\"message\":{\"content\":\"h\"},\"done\":false}\n{\"model\":\"qwen3\",\"message\":{\"content\":\"\"},\"done\":true,\"prompt_eval_count\":10,\"eval_count\":5}\n";
    for (provider, path, kind, body) in [
        ("cohere", "v2/chat", "application/json", cohere),
        ("cohere", "v2/chat", "text/event-stream", ended),
        ("ollama", "api/chat", "application/json; charset=utf-8", ollama),
        ("ollama", "api/chat", "application/x-ndjson", lines),
    ] {
        let world = with_key(provider, move |_| Answer::whole(200, kind, body)).await;
        let read = world.send(post(&format!("/v1/acme/main/{provider}/{path}"), r#"{"model":"m"}"#)).await;
        assert_eq!((read.status, read.body.as_str()), (200, body));
        let row = world.row();
        assert_eq!((row.usage.input, row.usage.output, row.outcome), (10, 5, Outcome::Ok), "{provider} {kind}");
        assert_eq!(row.streamed, !kind.starts_with("application/json"), "{provider} {kind}");
    }
}

#[tokio::test]
async fn completions_of_old_report_their_usage_too() {
    let stream = "data: {\"id\":\"c1\",\"object\":\"text_completion\",\"choices\":[{\"text\":\"hi\",\"index\":0,\"finish_reason\":\"stop\"}]}\n\n";
    let usage = "data: {\"id\":\"c1\",\"object\":\"text_completion\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\n";
    let world = World::new(move |_| Answer::events(&format!("{stream}{usage}data: [DONE]\n\n"))).await;
    let ask = r#"{"model":"gpt-3.5-turbo-instruct","stream":true,"prompt":"hi"}"#;
    let read = world.send(post("/v1/acme/main/openai/v1/completions", ask)).await;
    assert_eq!(read.body, format!("{stream}data: [DONE]\n\n"));
    assert!(world.upstream.call().body.contains(r#""include_usage":true"#));
    assert_eq!(world.row().usage.output, 5);
}

#[tokio::test]
async fn a_place_elsewhere_is_kept_back() {
    for (place, wanted) in
        [("https://elsewhere.example/x", None), ("//elsewhere.example/x", None), ("/v1/files/1", Some("/v1/files/1"))]
    {
        let world = World::new(move |_| Answer::json(303, "{}").header("location", place)).await;
        let read = world.send(post("/v1/acme/main/openai/v1/files", "{}")).await;
        assert_eq!((read.status, read.header("location")), (303, wanted));
    }
}
