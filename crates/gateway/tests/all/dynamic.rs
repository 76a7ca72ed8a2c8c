//! Dynamic routes, from every API that callers speak.

use domain::config::RouteConfig;
use domain::ledger::{Cause, Outcome};
use domain::token::Restrictions;
use domain::{GatewayId, RouteId};
use serde_json::{Value, json};

use crate::world::*;

/// A world whose gateway has a route `r`; a provider is answered by the status that stands in the model's name.
async fn world(elements: Value) -> World {
    let mut world = World::new(|seen| {
        let named =
            serde_json::from_str::<Value>(&seen.body).ok().and_then(|body| body["model"].as_str().map(str::to_owned));
        let named = named.or_else(|| seen.target.split("/models/").nth(1)?.split(':').next().map(str::to_owned));
        let ends = |end: &str| named.as_ref().is_some_and(|model| model.ends_with(end));
        if ends("-long") {
            return Answer::json(400, r#"{"error":{"code":"context_length_exceeded"}}"#);
        }
        if ends("-policy") {
            return Answer::json(400, r#"{"error":{"code":"content_filter"}}"#);
        }
        let status = named.and_then(|model| model.rsplit('-').next()?.parse().ok());
        match status {
            Some(status) => Answer::json(status, r#"{"error":{"message":"no"}}"#),
            None if seen.target.contains("/own/") || seen.target.ends_with("/messages") => Answer::json(200, CLAUDE),
            None if seen.target.contains(":generateContent") => Answer::json(200, GEMINI),
            None => Answer::json(200, ANSWER),
        }
    })
    .await;
    deploy(&mut world, 1, elements);
    world
}

const CLAUDE: &str = r#"{"id":"m","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}"#;
const GEMINI: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5},"modelVersion":"gemini-2.5-flash"}"#;

fn deploy(world: &mut World, version: i64, elements: Value) {
    let route = RouteConfig { id: RouteId(1), name: "r".into(), version, elements: elements.to_string() };
    world.change(|config| config.teams[0].gateways[0].routes = vec![route]);
}

fn element(id: &str, kind: &str, properties: Value, outputs: &[(&str, &str)]) -> Value {
    let outputs: serde_json::Map<_, _> =
        outputs.iter().map(|(name, to)| ((*name).to_owned(), json!({ "elementId": to }))).collect();
    let mut element = json!({ "id": id, "type": kind, "outputs": outputs });
    if !properties.is_null() {
        element["properties"] = properties;
    }
    element
}

fn start(to: &str) -> Value {
    element("start", "start", Value::Null, &[("next", to)])
}

fn model(id: &str, provider: &str, name: &str, fallback: &str) -> Value {
    element(id, "model", json!({ "provider": provider, "model": name }), &[("success", "end"), ("fallback", fallback)])
}

fn end() -> Value {
    element("end", "end", Value::Null, &[])
}

const ASK: &str = r#"{"model":"dynamic/r","messages":[{"role":"user","content":"hi"}],"max_tokens":9}"#;

#[tokio::test]
async fn models_are_asked_until_one_has_an_answer_and_the_way_is_told() {
    let world = world(json!([
        start("plan"),
        element(
            "plan",
            "conditional",
            json!({ "condition": { "metadata.plan": { "$eq": "free" } } }),
            &[("true", "small"), ("false", "large")]
        ),
        model("small", "openai", "gpt-503", "other"),
        model("large", "openai", "gpt-4o", "end"),
        model("other", "anthropic", "claude", "end"),
        end()
    ]))
    .await;
    let read = world.send(and(post(CHAT, ASK), &[("cf-aig-metadata", r#"{"plan":"free"}"#)])).await;
    assert_eq!(read.status, 200, "{}", read.body);
    assert_eq!(read.json()["choices"][0]["message"]["content"], "hi");
    assert_eq!((read.header("cf-aig-provider"), read.header("cf-aig-model")), (Some("anthropic"), Some("claude")));
    assert_eq!(read.header("weir-route"), Some("r@1 start.next > plan.true > small.fallback > other"));
    let rows = world.rows();
    let seen: Vec<_> = rows.iter().map(|row| (row.attempt, row.last, row.outcome, row.provider.as_deref())).collect();
    assert_eq!(seen, [(1, false, Outcome::UpstreamError, Some("openai")), (2, true, Outcome::Ok, Some("anthropic"))]);
    let why: Vec<_> = rows.iter().map(|row| (row.cause, row.way.as_deref())).collect();
    let way = "r@1 start.next > plan.true > small";
    let whole = "r@1 start.next > plan.true > small.fallback > other";
    assert_eq!(why, [(Cause::First, Some(way)), (Cause::OtherTarget, Some(whole))]);
    assert!(rows.iter().all(|row| row.model_asked.as_deref() == Some("dynamic/r")));
    let read = world.chat(ASK).await;
    assert_eq!(read.header("weir-route"), Some("r@1 start.next > plan.false > large"));
}

/// Holds the token to these models and providers.
fn hold(world: &mut World, models: &[&str], providers: Option<&[&str]>) {
    let owned = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
    let (models, providers) = (Some(owned(models)), providers.map(owned));
    let restrictions = Restrictions { models, providers, ..Restrictions::default() };
    world.change(|config| config.teams[0].tokens[0].restrictions = restrictions);
}

#[tokio::test]
async fn a_stream_of_anthropics_is_an_answer_where_others_could_be_asked_too() {
    let events = concat!(
        "event: message_start\n",
        r#"data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"claude","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}"#,
        "\n\nevent: content_block_start\n",
        r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        "\n\nevent: content_block_delta\n",
        r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}"#,
        "\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#,
        "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    );
    let mut world = World::new(move |_| Answer::events(events)).await;
    deploy(
        &mut world,
        1,
        json!([start("a"), model("a", "anthropic", "claude", "b"), model("b", "openai", "gpt-4o", "end"), end()]),
    );
    for (path, body) in [(CHAT, ASK), ("/v1/acme/main/compat/messages", ASK)] {
        let read = world.send(post(path, &body.replace(r#""model""#, r#""stream":true,"model""#))).await;
        assert_eq!((read.status, read.header("cf-aig-provider")), (200, Some("anthropic")), "{path}: {}", read.body);
        assert!(read.body.contains("hi"), "{path}: {}", read.body);
    }
    assert!(world.rows().iter().all(|row| row.attempt == 1 && row.outcome == Outcome::Ok), "{:?}", world.rows());
}

#[tokio::test]
async fn a_token_may_be_held_to_routes() {
    let mut world = world(json!([
        start("a"),
        model("a", "openai", "gpt-503", "b"),
        model("b", "anthropic", "claude", "end"),
        end()
    ]))
    .await;
    for named in ["dynamic/r", "dynamic/*"] {
        hold(&mut world, &[named], None);
        let read = world.chat(ASK).await;
        assert_eq!((read.status, read.header("cf-aig-provider")), (200, Some("anthropic")), "{named}: {}", read.body);
        let direct = world.chat(&ASK.replace("dynamic/r", "openai/gpt-4o")).await;
        assert_eq!((direct.status, direct.code().as_str()), (403, "token_not_allowed"));
    }
    // Other routes lead it no further than its models go, and no route past its providers.
    for (models, providers) in [(&["dynamic/rest", "r", "dynamic"][..], None), (&["dynamic/r"], Some(&["groq"][..]))] {
        hold(&mut world, models, providers);
        let refused = world.chat(ASK).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "token_not_allowed"), "{models:?}");
    }
    hold(&mut world, &["claude"], None);
    assert_eq!(world.chat(ASK).await.header("cf-aig-provider"), Some("anthropic"));
}

#[tokio::test]
async fn why_a_model_fails_decides_who_is_asked_next() {
    let model = |name: &str, outputs: &[(&str, &str)]| {
        element(name, "model", json!({ "provider": "openai", "model": name }), outputs)
    };
    let route = |first: &str| {
        json!([
            start(first),
            model(first, &[("context_length", "long"), ("content_policy", "calm"), ("server_error", "twin")]),
            model("long", &[]),
            model("calm", &[]),
            model("twin", &[])
        ])
    };
    for (first, next) in [("gpt-long", "long"), ("gpt-policy", "calm"), ("gpt-503", "twin")] {
        let world = world(route(first)).await;
        let read = world.chat(ASK).await;
        assert_eq!((read.status, read.header("cf-aig-model")), (200, Some(next)), "{}", read.body);
        assert_eq!(world.rows().len(), 2);
    }
    // What has no output ends the walk with what the provider said.
    let world = world(route("gpt-401")).await;
    assert_eq!((world.chat(ASK).await.status, world.rows().len()), (401, 1));
}

#[tokio::test]
async fn a_route_is_asked_from_every_api_with_every_provider_the_teams_own_too() {
    for (provider, name) in [
        ("openai", "gpt-4o"),
        ("anthropic", "claude"),
        ("google-ai-studio", "gemini-2.5-flash"),
        ("custom-own", "claude"),
    ] {
        let world = world(json!([start("m"), model("m", provider, name, "end"), end()])).await;
        for (path, body) in [
            ("/v1/acme/main/compat/chat/completions", ASK.to_owned()),
            ("/v1/acme/main/compat/v1/messages", ASK.to_owned()),
            ("/v1/acme/main/compat/responses", json!({ "model": "dynamic/r", "input": "hi" }).to_string()),
            (
                "/v1/acme/main/compat/v1beta/models/dynamic/r:generateContent",
                json!({ "contents": [{ "parts": [{ "text": "hi" }] }] }).to_string(),
            ),
        ] {
            let native_responses = provider == "openai" && path.ends_with("responses");
            let read = world.send(post(path, &body)).await;
            assert!(read.status == 200 || native_responses, "{provider} {path}: {}", read.body);
            assert_eq!(read.header("cf-aig-model"), Some(name), "{provider} {path}");
        }
    }
}

#[tokio::test]
async fn a_limit_leads_elsewhere_and_counts_live_on_when_the_route_is_deployed_anew() {
    let elements = |amount: u64| {
        json!([
            start("rate"),
            element(
                "rate",
                "rate",
                json!({ "key": "metadata.user", "limit": amount, "limitType": "count", "window": 3600 }),
                &[("success", "a"), ("fallback", "b")]
            ),
            model("a", "openai", "gpt-4o", "end"),
            model("b", "anthropic", "claude", "end"),
            end()
        ])
    };
    let mut world = world(elements(2)).await;
    let by = async |world: &World, user: &str| {
        let metadata = json!({ "user": user }).to_string();
        let read = world.send(and(post(CHAT, ASK), &[("cf-aig-metadata", &metadata)])).await;
        read.header("cf-aig-provider").expect("a provider").to_owned()
    };
    assert_eq!(by(&world, "ann").await, "openai");
    assert_eq!(by(&world, "ann").await, "openai");
    assert_eq!(by(&world, "ann").await, "anthropic");
    assert_eq!(by(&world, "bob").await, "openai");
    deploy(&mut world, 2, elements(2));
    assert_eq!(by(&world, "ann").await, "anthropic", "the count is carried on");
    deploy(&mut world, 3, elements(5));
    assert_eq!(by(&world, "ann").await, "openai", "another limit counts anew");
}

#[tokio::test]
async fn a_budget_is_what_was_spent_and_a_route_that_leads_nowhere_says_so() {
    // Ten tokens in and five out of gpt-4o-mini.
    let world = world(json!([
        start("budget"),
        element(
            "budget",
            "budget",
            json!({ "limit": "0.000004", "limitType": "cost", "window": 3600 }),
            &[("success", "a")]
        ),
        model("a", "openai", "gpt-4o-mini", "end"),
        end()
    ]))
    .await;
    assert_eq!(world.chat(ASK).await.status, 200);
    let spent = world.row().cost.map(|cost| cost.0);
    assert_eq!(spent, Some(4_500), "more than there is, but nobody knew");
    let read = world.chat(ASK).await;
    assert_eq!((read.status, read.code().as_str()), (429, "budget_exceeded"));
    assert!(read.body.contains("budget"), "{}", read.body);
    assert_eq!(world.upstream.calls().len(), 1);
}

#[tokio::test]
async fn a_balance_asks_its_models_by_weight_and_each_once() {
    let world = world(json!([
        start("b"),
        element("b", "balance", json!({ "weights": { "one": 3, "two": 1 } }), &[("one", "one"), ("two", "two")]),
        element("one", "model", json!({ "provider": "openai", "model": "gpt-500" }), &[("success", "end")]),
        element("two", "model", json!({ "provider": "openai", "model": "gpt-503" }), &[("success", "end")]),
        end()
    ]))
    .await;
    for asked in 1..=10 {
        let read = world.chat(ASK).await;
        assert!(read.status == 500 || read.status == 503, "{}", read.body);
        assert_eq!(world.upstream.calls().len(), asked * 2, "no model twice");
    }
}

#[tokio::test]
async fn what_holds_for_a_model_holds_for_it_in_a_route() {
    let mut world = world(json!([
        start("a"),
        model("a", "openai", "gpt-4o", "b"),
        model("b", "anthropic", "claude", "end"),
        end()
    ]))
    .await;
    world.policies(&[r#"{"deny":true,"when":{"model":["gpt-4o"]}}"#, r#"{"limit":{"requests":1,"per":"day"}}"#]);
    assert_eq!(world.chat(ASK).await.header("cf-aig-provider"), Some("anthropic"), "a denial leads on");
    assert_eq!(world.chat(ASK).await.code(), "rate_limited");
    world.policies(&[]);
    world.change(|config| config.teams[0].tokens[0].restrictions.models = Some(vec!["anthropic/*".into()]));
    assert_eq!(world.chat(ASK).await.header("cf-aig-provider"), Some("anthropic"));
    world.change(|config| config.teams[0].tokens[0].restrictions.models = Some(vec!["mistral/*".into()]));
    assert_eq!(world.chat(ASK).await.code(), "token_not_allowed");
}

#[tokio::test]
async fn a_route_that_is_not_there_is_said_not_to_be() {
    let mut world = world(json!([start("a"), model("a", "openai", "gpt-4o", "end"), end()])).await;
    let unknown = ASK.replace("dynamic/r", "dynamic/x");
    let read = world.chat(&unknown).await;
    assert_eq!((read.status, read.code().as_str()), (404, "model_not_found"));
    assert!(read.body.contains("dynamic route `x`"), "{}", read.body);
    world.change(|config| config.teams[0].gateways[0].routes.clear());
    let read = world.chat(ASK).await;
    assert!(read.status == 404 && read.body.contains("no dynamic routes"), "{}", read.body);
    let elsewhere = world.send(and(post("/v1/acme/open/compat/chat/completions", ASK), &[])).await;
    assert_eq!(elsewhere.status, 404);
    assert_eq!(world.rows().last().and_then(|row| row.gateway_id), Some(GatewayId(12)));
}

#[tokio::test]
async fn shares_are_kept_by_their_key() {
    let world = world(json!([
        start("split"),
        element("split", "percentage", json!({ "key": "metadata.user" }), &[("30%", "a"), ("else", "b")]),
        model("a", "openai", "gpt-4o", "end"),
        model("b", "anthropic", "claude", "end"),
        end()
    ]))
    .await;
    let mut first = 0;
    for user in 0..60 {
        let metadata = json!({ "user": user }).to_string();
        let ask = || and(post(CHAT, ASK), &[("cf-aig-metadata", &metadata)]);
        let (one, two) = (world.send(ask()).await, world.send(ask()).await);
        assert_eq!(one.header("cf-aig-provider"), two.header("cf-aig-provider"));
        first += usize::from(one.header("cf-aig-provider") == Some("openai"));
    }
    assert!((6..=32).contains(&first), "{first} of 60");
}
