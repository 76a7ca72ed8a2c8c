//! Conversations that responses belong to.

use domain::GatewayId;
use domain::ledger::{Outcome, Surface};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::*;

const CLAUDE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"It rains."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":90,"output_tokens":20}}"#;
const NATIVE: &str = r#"{"id":"resp_native","object":"response","created_at":1,"status":"completed","model":"gpt-5.2","output":[{"id":"msg_native","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Dry.","annotations":[]}]}],"usage":{"input_tokens":10,"output_tokens":5,"total_tokens":15}}"#;
const RESPONSES: &str = "/v1/acme/main/compat/responses";
const CONVERSATIONS: &str = "/v1/acme/main/compat/conversations";

async fn world() -> World {
    World::new(|seen| Answer::json(200, if seen.target == "/v1/messages" { CLAUDE } else { NATIVE })).await
}

fn call(method: Method, path: &str, body: &str) -> Request<Full<bytes::Bytes>> {
    let mut request = post(path, body);
    *request.method_mut() = method;
    request
}

async fn create(world: &World, body: Value) -> String {
    let made = world.send(post(CONVERSATIONS, &body.to_string())).await;
    assert_eq!((made.status, &made.json()["object"]), (200, &json!("conversation")), "{}", made.body);
    made.json()["id"].as_str().expect("an id").to_owned()
}

async fn texts(world: &World, id: &str) -> Vec<String> {
    let list = world.send(call(Method::GET, &format!("/v1/conversations/{id}/items?order=asc"), "")).await.json();
    let items = list["data"].as_array().expect("items").iter();
    items.map(|item| item["content"][0]["text"].as_str().expect("text").to_owned()).collect()
}

fn ask(model: &str, conversation: Value, input: &str) -> String {
    json!({ "model": model, "conversation": conversation, "input": input }).to_string()
}

#[tokio::test]
async fn a_conversation_goes_on_with_every_provider() {
    let world = world().await;
    let id = create(&world, json!({ "items": [{ "role": "system", "content": "Be brief." }] })).await;
    let first = world.send(post(RESPONSES, &ask("anthropic/claude-sonnet-4-5", json!(id), "Weather?"))).await;
    assert_eq!(first.json()["conversation"]["id"], json!(id), "{}", first.body);
    assert_eq!(texts(&world, &id).await, ["Be brief.", "Weather?", "It rains."]);
    let second = ask("openai/gpt-5.2", json!({ "id": id }), "And there?");
    assert_eq!(world.send(post(RESPONSES, &second)).await.status, 200);
    assert_eq!(texts(&world, &id).await.len(), 5);
    let sent: Value = serde_json::from_str(&world.upstream.calls()[1].body).expect("JSON");
    assert!(sent.get("conversation").is_none());
    assert_eq!(sent["input"].as_array().map(Vec::len), Some(4), "{sent}");

    // A response of it can be continued outside of it, with what came before.
    let rest = json!({ "model": "anthropic/claude-sonnet-4-5", "previous_response_id": "resp_native", "input": "So?" });
    assert_eq!(world.send(post(RESPONSES, &rest.to_string())).await.status, 200);
    let sent = &world.upstream.calls()[2].body;
    for words in ["Be brief.", "Weather?", "It rains.", "And there?", "Dry.", "So?"] {
        assert!(sent.contains(words), "{words}: {sent}");
    }
    assert_eq!(texts(&world, &id).await.len(), 5, "the conversation itself stays as it was");

    let refused = json!({ "model": "anthropic/claude-sonnet-4-5", "previous_response_id": "x", "conversation": id });
    let refused = world.send(post(RESPONSES, &refused.to_string())).await;
    assert_eq!(
        (refused.code().as_str(), &refused.json()["error"]["param"]),
        ("invalid_request", &json!("previous_response_id"))
    );
}

#[tokio::test]
async fn the_same_question_is_asked_anew_in_a_conversation_although_there_is_a_cache() {
    let mut world = world().await;
    world.settings(|settings| settings.cache_ttl = Some(600));
    let id = create(&world, json!({})).await;
    for _ in 0..2 {
        world.send(post(RESPONSES, &ask("anthropic/claude-sonnet-4-5", json!(id), "Weather?"))).await;
    }
    assert_eq!(world.upstream.calls().len(), 2);
    assert_eq!(texts(&world, &id).await.len(), 4);
}

#[tokio::test]
async fn conversations_and_items_come_change_and_go() {
    let world = world().await;
    let id = create(&world, json!({ "metadata": { "a": "b" } })).await;
    let path = format!("/v1/conversations/{id}");
    let read = world.send(call(Method::GET, &path, "")).await.json();
    assert_eq!((&read["metadata"], &read["id"]), (&json!({ "a": "b" }), &json!(id)));
    assert!(read["created_at"].as_i64().is_some_and(|at| at > 1_700_000_000));
    let changed = world.send(post(&path, r#"{"metadata":{"c":"d"}}"#)).await.json();
    assert_eq!(changed["metadata"], json!({ "c": "d" }));

    let items =
        json!({ "items": [{ "role": "user", "content": "a" }, { "type": "message", "role": "user", "content": "b" }] });
    let added = world.send(post(&format!("{path}/items"), &items.to_string())).await.json();
    assert_eq!((&added["object"], added["data"].as_array().map(Vec::len)), (&json!("list"), Some(2)));
    let first = added["first_id"].as_str().expect("an id");
    let item = world.send(call(Method::GET, &format!("{path}/items/{first}"), "")).await.json();
    assert_eq!((&item["id"], &item["content"][0]["text"]), (&json!(first), &json!("a")));
    let again = json!({ "items": [item] });
    assert_eq!(world.send(post(&format!("{path}/items"), &again.to_string())).await.code(), "invalid_request");

    let left = world.send(call(Method::DELETE, &format!("{path}/items/{first}"), "")).await.json();
    assert_eq!(left["object"], "conversation");
    assert_eq!(texts(&world, &id).await, ["b"]);
    let gone = world.send(call(Method::GET, &format!("{path}/items/{first}"), "")).await;
    assert_eq!((gone.status, gone.code().as_str()), (404, "item_not_found"));

    let ended = world.send(call(Method::DELETE, &path, "")).await.json();
    assert_eq!(ended, json!({ "id": id, "object": "conversation.deleted", "deleted": true }));
    for (method, path) in [(Method::GET, path.clone()), (Method::GET, format!("{path}/items"))] {
        let gone = world.send(call(method, &path, "")).await;
        assert_eq!((gone.status, gone.code().as_str()), (404, "conversation_not_found"));
    }
    let refused = world.send(post(RESPONSES, &ask("anthropic/claude-sonnet-4-5", json!(id), "x"))).await;
    assert_eq!((refused.status, refused.code().as_str()), (404, "conversation_not_found"));
    assert!(world.upstream.calls().is_empty());
    let rows = world.rows();
    assert!(rows.iter().filter(|row| row.surface == Surface::Conversations).count() >= 9);
    assert!(rows.iter().all(|row| row.attempt == 0 && row.gateway_id.is_some() || row.outcome == Outcome::Refused));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let mut world = world().await;
    let id = create(&world, json!({})).await;
    for (path, body, field) in [
        (CONVERSATIONS.to_owned(), r#"{"metadata":7}"#.to_owned(), "metadata"),
        (CONVERSATIONS.to_owned(), r#"{"items":7}"#.to_owned(), "items"),
        (CONVERSATIONS.to_owned(), r#"{"items":[7]}"#.to_owned(), "items[0]"),
        (CONVERSATIONS.to_owned(), json!({ "metadata": { "a": "x".repeat(20_000) } }).to_string(), "metadata"),
        (format!("/v1/conversations/{id}"), "{}".to_owned(), "metadata"),
        (format!("/v1/conversations/{id}/items"), "{}".to_owned(), "items"),
    ] {
        let read = world.send(post(&path, &body)).await;
        assert_eq!((read.status, read.code().as_str()), (400, "invalid_request"), "{body}");
        assert_eq!(read.json()["error"]["param"], field, "{body}");
    }
    assert_eq!(world.send(post(CONVERSATIONS, "{broken")).await.code(), "invalid_json");
    let many = format!(r#"{{"items":[{}{{}}]}}"#, "{},".repeat(200_000));
    assert_eq!(world.send(post(CONVERSATIONS, &many)).await.code(), "invalid_request");
    assert_eq!(world.send(post("/v1/conversations", "{}")).await.code(), "gateway_required");
    let wrong = world.send(call(Method::PUT, CONVERSATIONS, "")).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
    world.settings(|settings| settings.response_ttl_days = 0);
    assert_eq!(world.send(post(CONVERSATIONS, "{}")).await.code(), "state_disabled");
}

#[tokio::test]
async fn a_conversation_does_not_begin_longer_than_it_may_grow() {
    let world = world().await;
    let items = |count: usize| json!({ "items": vec![json!({ "role": "user", "content": "a" }); count] }).to_string();
    let refused = world.send(post(CONVERSATIONS, &items(5_001))).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_request"));
    assert!(refused.body.contains("items"), "{}", refused.body);
    let made = world.send(post(CONVERSATIONS, &items(5_000))).await;
    assert_eq!(made.status, 200);
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let add = format!("/v1/conversations/{id}/items");
    assert_eq!(world.send(post(&add, &items(5_000))).await.status, 200);
    assert_eq!(world.send(post(&add, &items(1))).await.json()["error"]["param"], "items");

    // A question would go without what was said last, or its answer would be forgotten: neither is what its caller means.
    let question = ask("anthropic/claude-sonnet-4-5", json!(id), "Weather?");
    let refused = world.send(post(RESPONSES, &question)).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_request"));
    assert_eq!(refused.json()["error"]["param"], "conversation");
    assert!(refused.body.contains("10000"), "{}", refused.body);
    assert!(world.upstream.calls().is_empty());

    let last = world.send(call(Method::GET, &format!("{add}?limit=1"), "")).await.json()["last_id"].clone();
    let last = last.as_str().expect("an id");
    assert_eq!(world.send(call(Method::DELETE, &format!("{add}/{last}"), "")).await.status, 200);
    assert_eq!(world.send(post(RESPONSES, &question)).await.status, 200);
    let newest = world.send(call(Method::GET, &format!("{add}?limit=1"), "")).await.json();
    assert_eq!(newest["data"][0]["content"][0]["text"], "It rains.", "the newest is there, however many there are");
    assert_eq!(world.send(post(RESPONSES, &question)).await.json()["error"]["param"], "conversation");
}

#[tokio::test]
async fn a_conversation_itself_is_found_without_its_items() {
    let world = world().await;
    let id = create(&world, json!({ "items": [{ "role": "user", "content": "a" }] })).await;
    let path = format!("/v1/conversations/{id}");
    let pages = || world.kept.pages.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(world.send(call(Method::GET, &path, "")).await.status, 200);
    assert_eq!(world.send(post(&path, r#"{"metadata":{"a":"b"}}"#)).await.status, 200);
    assert_eq!(pages(), 0);
    assert_eq!(texts(&world, &id).await, ["a"]);
    assert_eq!(pages(), 1);
    assert_eq!(world.send(call(Method::DELETE, &path, "")).await.status, 200);
    assert_eq!(pages(), 1);
}

#[tokio::test]
async fn what_is_read_of_a_conversation_has_its_place_in_the_memory_for_bodies() {
    let options =
        gateway::Options { allow_private_upstreams: true, body_memory: 1 << 20, ..gateway::Options::default() };
    let world = World::with_options(options, |_| Answer::json(200, NATIVE)).await;
    let id = create(&world, json!({})).await;
    let path = format!("/v1/conversations/{id}/items");
    let items = json!({ "items": [{ "role": "user", "content": "x".repeat(200_000) }] }).to_string();
    for _ in 0..3 {
        assert_eq!(world.send(post(&path, &items)).await.status, 200);
        world.memory_is_free().await;
    }
    let newest = world.send(call(Method::GET, &format!("{path}?limit=1"), "")).await;
    assert_eq!((newest.status, &newest.json()["has_more"]), (200, &json!(true)));
    world.memory_is_free().await;
    // To add to it is to look whether it has room.
    assert_eq!(world.send(post(&path, &items)).await.code(), "overloaded");
    let question = ask("openai/gpt-5.2", json!(id), "So?");
    assert_eq!(world.send(post(RESPONSES, &question)).await.code(), "overloaded");
    assert!(world.upstream.calls().is_empty());
    world.memory_is_free().await;
}

#[tokio::test]
async fn what_is_deleted_stays_deleted() {
    let world = world().await;
    let id = create(&world, json!({})).await;
    let (other, path) = (world.replica(), format!("/v1/conversations/{id}"));
    let peer = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    let ended = crate::world::read(other.handle(call(Method::DELETE, &path, ""), peer).await).await;
    assert_eq!(ended.json()["deleted"], true);
    // This process has it in its memory still.
    world.send(post(&path, r#"{"metadata":{"c":"d"}}"#)).await;
    let gone = crate::world::read(world.replica().handle(call(Method::GET, &path, ""), peer).await).await;
    assert_eq!(gone.code(), "conversation_not_found");
}

#[tokio::test]
async fn what_adds_to_conversations_counts_against_the_rate_limit() {
    let mut world = world().await;
    world.settings(|settings| {
        settings.rate_limiting_limit = Some(3);
        settings.rate_limiting_interval = Some(86_400);
    });
    let id = create(&world, json!({})).await;
    let path = format!("/v1/conversations/{id}");
    let items = r#"{"items":[{"role":"user","content":"a"}]}"#;
    assert_eq!(world.send(post(&format!("{path}/items"), items)).await.status, 200);
    let last = world.send(post(&path, r#"{"metadata":{}}"#)).await;
    assert!(last.header("ratelimit").is_some_and(|limit| limit.starts_with("\"default\";r=0;")), "{:?}", last.headers);
    for (path, body) in [(CONVERSATIONS, "{}"), (&*format!("{path}/items"), items), (&*path, r#"{"metadata":{}}"#)] {
        let refused = world.send(post(path, body)).await;
        assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"), "{path}");
    }
    assert_eq!(texts(&world, &id).await, ["a"], "to look and to delete is free");
    assert_eq!(world.send(call(Method::DELETE, &path, "")).await.status, 200);
}

#[tokio::test]
async fn an_id_that_no_database_takes_is_refused_or_replaced() {
    let long = "x".repeat(600);
    let answer = NATIVE.replace("msg_native", &long);
    let world = World::new(move |_| Answer::json(200, &answer)).await;
    let id = create(&world, json!({})).await;
    let item = json!([{ "role": "user", "content": "a" }, { "role": "user", "content": "b", "id": long }]);
    let items = json!({ "items": item }).to_string();
    for path in [CONVERSATIONS.to_owned(), format!("/v1/conversations/{id}/items")] {
        let refused = world.send(post(&path, &items)).await;
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("items[1].id")), "{path}");
        assert!(refused.body.contains("512"), "{}", refused.body);
    }
    for model in ["openai/gpt-5.2", "anthropic/claude-sonnet-4-5"] {
        let question = json!({ "model": model, "conversation": id, "input": item });
        let refused = world.send(post(RESPONSES, &question.to_string())).await;
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("input[1].id")), "{model}");
    }
    assert!(world.upstream.calls().is_empty());
    assert_eq!(world.send(post(RESPONSES, &ask("openai/gpt-5.2", json!(id), "So?"))).await.status, 200);
    assert_eq!(texts(&world, &id).await, ["So?", "Dry."]);
    let newest = world.send(call(Method::GET, &format!("/v1/conversations/{id}/items?limit=1"), "")).await.json();
    assert_eq!(newest["last_id"], "msg_native_a0");
}

#[tokio::test]
async fn a_token_sees_only_what_came_through_its_gateways() {
    let mut world = world().await;
    world.change(|config| {
        let mut narrow = token_config(12, "weir_narrow");
        narrow.restrictions.gateways = Some(vec![GatewayId(12)]);
        config.teams[0].tokens.push(narrow);
    });
    let narrow = [("authorization", "Bearer weir_narrow")];
    let id = create(&world, json!({ "items": [{ "role": "user", "content": "A secret." }] })).await;
    let path = format!("/v1/conversations/{id}");
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::POST, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::GET, format!("{path}/items")),
        (Method::POST, format!("{path}/items")),
        (Method::GET, format!("{path}/items/msg_1")),
        (Method::DELETE, format!("{path}/items/msg_1")),
    ] {
        let mut request = with(&path, "{}", &narrow);
        *request.method_mut() = method.clone();
        assert_eq!(world.send(request).await.code(), "conversation_not_found", "{method} {path}");
    }
    let open = "/v1/acme/open/compat/responses";
    let question = ask("anthropic/claude-sonnet-4-5", json!(id), "x");
    assert_eq!(world.send(with(open, &question, &narrow)).await.code(), "conversation_not_found");
    // Nor does it come before a response that may be seen.
    let made = world.send(post(open, &question)).await.json();
    let calls = world.upstream.calls().len();
    let rest = json!({ "model": "anthropic/claude-sonnet-4-5", "previous_response_id": made["id"], "input": "So?" })
        .to_string();
    assert_eq!(world.send(with(open, &rest, &narrow)).await.code(), "previous_response_not_found");
    assert_eq!(world.upstream.calls().len(), calls);
    assert_eq!(world.send(post(open, &rest)).await.status, 200);
    assert!(world.upstream.calls().pop().expect("a call").body.contains("A secret."));
}

#[tokio::test]
async fn another_team_sees_none_of_it() {
    let mut world = world().await;
    let id = create(&world, json!({ "items": [{ "role": "user", "content": "a" }] })).await;
    let url = world.upstream.url();
    world.change(|config| config.teams.push(team(2, "other", "weir_token-of-other", &url)));
    for (method, path) in [
        (Method::GET, format!("/v1/conversations/{id}")),
        (Method::POST, format!("/v1/conversations/{id}")),
        (Method::DELETE, format!("/v1/conversations/{id}")),
        (Method::GET, format!("/v1/conversations/{id}/items")),
        (Method::POST, format!("/v1/conversations/{id}/items")),
        (Method::DELETE, format!("/v1/conversations/{id}/items/msg_1")),
    ] {
        let mut request = with(&path, "{}", &[("authorization", "Bearer weir_token-of-other")]);
        *request.method_mut() = method.clone();
        assert_eq!(world.send(request).await.code(), "conversation_not_found", "{method} {path}");
    }
    assert_eq!(texts(&world, &id).await, ["a"]);
}
