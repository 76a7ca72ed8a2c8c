//! Providers' own endpoints: what their answers say, and what a token may ask there.

use bytes::Bytes;
use domain::ledger::Outcome;
use domain::price::Source;
use http::{Method, Request};
use http_body_util::Full;

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

fn call(method: Method, path: &str, body: &str) -> Request<Full<Bytes>> {
    let mut request = post(&format!("/v1/acme/main/{path}"), body);
    *request.method_mut() = method;
    request
}

/// A response of OpenAI's, of a second ago.
fn response(status: &str, background: bool, usage: &str) -> String {
    let created = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs() - 1;
    format!(
        r#"{{"id":"resp_1","object":"response","created_at":{created},"status":"{status}","background":{background},"model":"gpt-5.2","output":[],"usage":{usage}}}"#
    )
}

const USED: &str = r#"{"input_tokens":10,"output_tokens":5,"total_tokens":15}"#;

#[tokio::test]
async fn a_look_at_what_was_made_before_is_not_billed() {
    let whole = response("completed", false, USED);
    let completion = ANSWER;
    let world = World::new(move |seen| match seen.target.contains("/responses") {
        true => Answer::json(200, &whole),
        false => Answer::json(200, completion),
    })
    .await;
    world.send(call(Method::POST, "openai/v1/responses", r#"{"model":"gpt-5.2","input":"hi"}"#)).await;
    for path in ["openai/v1/responses/resp_1", "openai/v1/responses/resp_1", "openai/v1/chat/completions/c1"] {
        assert_eq!(world.send(call(Method::GET, path, "")).await.status, 200);
    }
    let used: Vec<_> = world.rows().iter().map(|row| (row.usage.output, row.cost.map(|cost| cost.0 > 0))).collect();
    assert_eq!(used, [(5, Some(true)), (0, Some(false)), (0, Some(false)), (0, Some(false))]);
}

#[tokio::test]
async fn a_run_at_a_providers_own_endpoint_is_billed_once() {
    let queued = response("queued", true, "null");
    let ended = queued.replace("\"queued\"", "\"completed\"").replace("\"usage\":null", &format!("\"usage\":{USED}"));
    let mut world = World::new(move |seen| match (seen.method == Method::POST, seen.number) {
        (true, _) | (_, 1) => Answer::json(200, &queued),
        _ => Answer::json(200, &ended),
    })
    .await;
    world.policies(&[r#"{"limit":{"tokens":1000000,"per":"day"}}"#]);
    let ask = r#"{"model":"gpt-5.2","input":"hi","background":true}"#;
    world.send(call(Method::POST, "openai/v1/responses", ask)).await;
    for _ in 0..4 {
        assert_eq!(world.send(call(Method::GET, "openai/v1/responses/resp_1", "")).await.status, 200);
    }
    assert_eq!(world.used(), [15], "what is told again counts once");
    // Another process bills the same row.
    world.gateway = world.replica();
    world.send(call(Method::GET, "openai/v1/responses/resp_1", "")).await;
    let (bills, others): (Vec<_>, Vec<_>) = world.rows().into_iter().partition(|row| row.usage.output > 0);
    assert_eq!(
        bills.iter().map(|row| (row.attempt, row.cost.is_some_and(|cost| cost.0 > 0))).collect::<Vec<_>>(),
        [(1, true), (1, true)]
    );
    assert_eq!(bills[0].request_id, bills[1].request_id, "the ledger takes the second for the first");
    assert!(others.iter().skip(1).all(|row| row.cost.map(|cost| cost.0) == Some(0)), "{others:#?}");
    let told: Vec<_> = others.iter().map(|row| row.cost_formula.source == Source::Apart).collect();
    assert_eq!(told, [false, false, true, true, true, true]);
}

#[tokio::test]
async fn a_run_is_one_whichever_door_it_is_heard_through() {
    let queued = response("queued", true, "null");
    let ended = queued.replace("\"queued\"", "\"completed\"").replace("\"usage\":null", &format!("\"usage\":{USED}"));
    let world =
        World::new(move |seen| Answer::json(200, if seen.method == Method::POST { &queued } else { &ended })).await;
    let ask = r#"{"model":"openai/gpt-5.2","input":"hi","background":true}"#;
    world.send(call(Method::POST, "compat/responses", ask)).await;
    let other = world.replica();
    let unified = call(Method::GET, "compat/responses/resp_1", "");
    crate::world::read(other.handle(unified, LOCALHOST).await).await;
    world.send(call(Method::GET, "openai/v1/responses/resp_1", "")).await;
    let keys: Vec<_> = world.rows().iter().filter(|row| row.usage.output > 0).map(|row| row.request_id).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_streamed_run_says_where_it_is_billed() {
    let ended = response("completed", true, USED);
    let world = World::new(move |_| {
        let event = format!("{{\"type\":\"response.completed\",\"response\":{ended}}}");
        Answer::events(&format!("event: response.completed\ndata: {event}\n\n"))
    })
    .await;
    let ask = r#"{"model":"gpt-5.2","input":"hi","background":true,"stream":true}"#;
    world.send(call(Method::POST, "openai/v1/responses", ask)).await;
    let rows = world.rows();
    assert_eq!(rows.iter().map(|row| (row.last, row.usage.output)).collect::<Vec<_>>(), [(false, 5), (true, 0)]);
    assert_eq!(
        (rows[1].cost, rows[1].cost_formula.lines.len(), rows[1].cost_formula.source),
        (Some(domain::Nanos::ZERO), 0, Source::Apart)
    );
}

#[tokio::test]
async fn a_token_for_certain_models_changes_nothing_at_a_provider() {
    let mut world = with_key("azure-openai", |_| Answer::json(200, "{}")).await;
    world.change(|config| {
        let models = ["openai/small", "google-ai-studio/small", "azure-openai/small"];
        config.teams[0].tokens[0].restrictions.models = Some(models.map(str::to_owned).to_vec());
    });
    for (method, path, allowed) in [
        (Method::GET, "openai/v1/models/ft:large", true),
        (Method::GET, "openai/v1/fine_tuning/jobs", true),
        (Method::DELETE, "openai/v1/models/ft:large", false),
        (Method::DELETE, "openai/v1/models/small", false),
        (Method::POST, "openai/v1/fine_tuning/jobs/1/cancel", false),
        (Method::PUT, "openai/v1/anything", false),
        (Method::DELETE, "openai/v1/responses", false),
        (Method::DELETE, "openai/v1/responses/resp_1", true),
        (Method::POST, "openai/v1/responses/resp_1/cancel", true),
        (Method::DELETE, "openai/v1/conversations/conv_1/items/msg_1", true),
        (Method::DELETE, "google-ai-studio/v1beta/models/small", false),
        (Method::DELETE, "google-ai-studio/v1beta/tunedModels/other", false),
        (Method::POST, "azure-openai/openai/deployments/small/chat/completions", true),
        (Method::DELETE, "azure-openai/openai/deployments/small", false),
    ] {
        let read = world.send(call(method.clone(), path, "")).await;
        assert_eq!(read.status == 200, allowed, "{method} {path}: {}", read.body);
        assert!(allowed || read.body.contains("may change or delete"), "{}", read.body);
    }
    let sent = world.upstream.calls().len();
    world.change(|config| config.teams[0].tokens[0].restrictions.models = None);
    assert_eq!(world.send(call(Method::DELETE, "openai/v1/models/ft:large", "")).await.status, 200);
    assert_eq!(world.upstream.calls().len(), sent + 1);
}
