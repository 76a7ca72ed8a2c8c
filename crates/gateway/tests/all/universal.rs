//! Steps that are tried in their order.

use domain::ledger::{Cause, Outcome, Surface};
use domain::token::Restrictions;
use serde_json::{Value, json};

use crate::world::*;

const UNIVERSAL: &str = "/v1/acme/main";

fn step(provider: &str, endpoint: &str, query: Value) -> Value {
    json!({ "provider": provider, "endpoint": endpoint, "query": query })
}

fn question(model: &str) -> Value {
    json!({ "model": model, "max_tokens": 9, "messages": [{ "role": "user", "content": "hi" }] })
}

/// A world whose providers answer by what is asked of them: a model is called by the status it has.
async fn world() -> World {
    World::new(|seen| {
        match serde_json::from_str::<Value>(&seen.body).ok().and_then(|body| body["model"].as_str()?.parse().ok()) {
            Some(0) => Answer::Reset,
            Some(1) => Answer::whole(200, "text/html", "<html>"),
            Some(status) => Answer::json(status, r#"{"error":{"message":"no"}}"#),
            None => Answer::json(200, ANSWER),
        }
    })
    .await
}

async fn send(world: &World, steps: &[Value]) -> Read {
    world.send(post(UNIVERSAL, &Value::from(steps).to_string())).await
}

#[tokio::test]
async fn the_first_step_with_an_answer_answers_and_each_attempt_has_its_row() {
    let world = world().await;
    let steps = [
        // The reset comes first: on a connection that was used before, it would be taken for a stale one.
        step("openai", "v1/chat/completions", question("0")),
        step("openai", "chat/completions", question("503")),
        step("anthropic", "v1/messages", question("400")),
        step("compat", "chat/completions", question("openai/1")),
        step("compat", "chat/completions", question("openai/gpt-4o-mini")),
        step("openai", "chat/completions", question("gpt-4o")),
    ];
    let read = send(&world, &steps).await;
    assert_eq!((read.status, read.header("cf-aig-step"), read.body.as_str()), (200, Some("4"), ANSWER));
    let rows = world.rows();
    let seen: Vec<_> = rows.iter().map(|row| (row.attempt, row.last, row.status, row.outcome, row.surface)).collect();
    let (failed, error) = (Outcome::UpstreamFailed, Outcome::UpstreamError);
    let (native, chat) = (Surface::Native, Surface::ChatCompletions);
    assert_eq!(
        seen,
        [
            (1, false, 502, failed, native),
            (2, false, 503, error, native),
            (3, false, 400, error, native),
            (4, false, 502, failed, chat),
            (5, true, 200, Outcome::Ok, chat),
        ]
    );
    assert!(rows.iter().all(|row| row.request_id == rows[0].request_id));
    let causes: Vec<_> = rows.iter().map(|row| row.cause).collect();
    assert!(causes[0] == Cause::First && causes[1..].iter().all(|cause| *cause == Cause::OtherTarget), "{causes:?}");
    let providers: Vec<_> = rows.iter().filter_map(|row| row.provider.as_deref()).collect();
    assert_eq!(providers, ["openai", "openai", "anthropic", "openai", "openai"]);
    assert_eq!(rows[0].path, "/v1/acme/main/openai/v1/chat/completions");
    assert_eq!(world.upstream.calls().len(), 5, "the last step was not needed");
    assert_eq!(world.upstream.calls()[2].headers["x-api-key"], "sk-stored-anthropic");
}

#[tokio::test]
async fn where_no_step_has_an_answer_the_last_failure_is_told() {
    let world = world().await;
    let steps =
        [step("openai", "chat/completions", question("500")), step("openai", "chat/completions", question("429"))];
    let read = send(&world, &steps).await;
    assert_eq!((read.status, read.header("cf-aig-step")), (429, Some("1")));
    assert_eq!(read.body, r#"{"error":{"message":"no"}}"#, "untouched");
    // A step that cannot be called is passed over, and told where it is the last.
    let steps =
        [step("mistral", "v1/chat/completions", question("x")), step("openai", "chat/completions", question("x"))];
    assert_eq!(send(&world, &steps).await.header("cf-aig-step"), Some("1"));
    let steps = [step("openai", "chat/completions", question("500")), step("nobody", "chat", question("x"))];
    let read = send(&world, &steps).await;
    assert_eq!((read.status, read.code().as_str()), (404, "unknown_provider"));
    let rows = world.rows();
    let last = rows.last().expect("a row");
    assert_eq!((last.attempt, last.last, last.status), (1, true, 500), "the attempt's row is the request's");
}

#[tokio::test]
async fn a_step_brings_headers_keys_and_config_of_its_own() {
    let mut world = world().await;
    world.settings(|settings| settings.cache_ttl = Some(300));
    let mut own = step("openai", "chat/completions?a=b", question("503"));
    own["headers"] = json!({ "Authorization": "Bearer sk-mine", "X-Own": "1", "cf-aig-authorization": "Bearer other" });
    own["config"] = json!({ "requestTimeout": 1000, "maxAttempts": 3, "retryDelay": 0, "backoff": "constant" });
    let mut old = step("anthropic", "v1/messages", question("x"));
    old["authorization"] = json!("Bearer sk-old");
    let body = json!([own, old]).to_string();
    let read = world.send(and(post(UNIVERSAL, &body), &[("x-whole", "2")])).await;
    assert_eq!(
        (read.status, read.header("cf-aig-step"), read.header("cf-aig-cache-status")),
        (200, Some("1"), Some("MISS"))
    );
    let calls = world.upstream.calls();
    assert_eq!(calls.len(), 4, "three attempts at the first step");
    for call in &calls[..3] {
        for (name, value) in [("authorization", "Bearer sk-mine"), ("x-own", "1"), ("x-whole", "2")] {
            assert_eq!(call.headers[name], value);
        }
        assert_eq!(call.target, "/v1/chat/completions?a=b");
    }
    assert_eq!(calls[3].headers["authorization"], "Bearer sk-old");
    assert!(!calls[3].headers.contains_key("x-own"));
    assert_eq!(calls[3].body, question("x").to_string(), "untouched");
    let again = world.send(post(UNIVERSAL, &json!([old]).to_string())).await;
    assert_eq!(again.header("cf-aig-cache-status"), Some("HIT"));
}

#[tokio::test]
async fn a_list_that_is_none_is_refused_by_the_name_of_the_field() {
    let world = world().await;
    let step = |change: Value| {
        let mut step = step("openai", "chat/completions", question("x"));
        for (name, value) in change.as_object().expect("an object") {
            step[name] = value.clone();
        }
        Value::from(vec![step])
    };
    for (body, words) in [
        (json!({}), "list of steps"),
        (json!([]), "1 to 32 steps"),
        (json!([{ "provider": "openai" }]), "endpoint"),
        (step(json!({ "provider": "a/b" })), "[0].provider"),
        (step(json!({ "endpoint": "" })), "[0].endpoint"),
        (step(json!({ "query": [] })), "[0].query"),
        (step(json!({ "headers": { "a b": "" } })), "[0].headers"),
        (step(json!({ "config": { "maxAttempts": 6 } })), "[0].config.maxAttempts"),
        (step(json!({ "config": { "timeout": 6 } })), "timeout"),
    ] {
        let read = world.send(post(UNIVERSAL, &body.to_string())).await;
        assert_eq!(read.status, 400, "{body}: {}", read.body);
        assert!(read.body.contains(words), "{words}: {}", read.body);
    }
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn no_step_leads_past_what_a_token_is_held_to() {
    let mut world = world().await;
    let steps =
        [step("anthropic", "v1/messages", question("x")), step("compat", "chat/completions", question("openai/x"))];
    let restrict = |restrictions: Restrictions| {
        move |config: &mut domain::config::Config| config.teams[0].tokens[0].restrictions = restrictions
    };
    world.change(restrict(Restrictions {
        endpoints: Some(vec![Surface::Universal, Surface::ChatCompletions]),
        ..Restrictions::default()
    }));
    assert_eq!(send(&world, &steps).await.header("cf-aig-step"), Some("1"));
    assert_eq!(send(&world, &steps[..1]).await.code(), "token_not_allowed");
    world.change(restrict(Restrictions { models: Some(vec!["openai/*".into()]), ..Restrictions::default() }));
    assert_eq!(send(&world, &steps).await.header("cf-aig-step"), Some("1"));
    for (provider, endpoint) in
        [("openai", "v1/batches"), ("compat", "v1/responses/resp_1/cancel"), ("compat", "v1/models")]
    {
        let read = send(&world, &[step(provider, endpoint, question("x"))]).await;
        assert!(read.status == 403 || read.status == 404, "{provider}/{endpoint}: {}", read.body);
    }
    assert_eq!(world.upstream.calls().len(), 2);
}

#[tokio::test]
async fn a_limit_that_refuses_a_step_leads_to_the_next_and_a_request_counts_once() {
    let mut world = world().await;
    world.policies(&[
        r#"{"when":{"provider":["openai"]},"limit":{"requests":0,"per":"day"}}"#,
        r#"{"limit":{"requests":10,"per":"day"}}"#,
    ]);
    let steps = [
        step("openai", "chat/completions", question("x")),
        step("anthropic", "v1/messages", question("500")),
        step("anthropic", "v1/messages", question("y")),
    ];
    assert_eq!(send(&world, &steps).await.header("cf-aig-step"), Some("2"));
    assert_eq!(world.used()[1], 1);
}
