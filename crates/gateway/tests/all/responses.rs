//! Responses that later requests refer to.

use domain::GatewayId;
use domain::ledger::{Outcome, Surface};
use domain::state::ResponseStatus;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::*;

const RESPONSES: &str = "/v1/acme/main/compat/responses";
const CLAUDE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"thinking","thinking":"Rain?","signature":"c2ln"},{"type":"text","text":"It rains."},{"type":"tool_use","id":"toolu_1","name":"umbrella","input":{"size":2}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":90,"output_tokens":20}}"#;
const CLAUDE_STREAM: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"It rains.\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":20}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const GEMINI: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Sun."}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":15},"modelVersion":"gemini-2.5-flash"}"#;
const NATIVE: &str = r#"{"id":"resp_native","object":"response","created_at":1,"status":"completed","model":"gpt-5.2","output":[{"id":"rs_1","type":"reasoning","summary":[]},{"id":"msg_native","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Dry.","annotations":[]}]}],"usage":{"input_tokens":10,"output_tokens":5,"total_tokens":15}}"#;
const NATIVE_STREAM: &str = "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_streamed\",\"object\":\"response\",\"status\":\"in_progress\",\"model\":\"gpt-5.2\",\"output\":[]}}\n\nevent: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"delta\":\"Dry.\"}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":2,\"response\":{\"id\":\"resp_streamed\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"gpt-5.2\",\"output\":[{\"id\":\"msg_s\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Dry.\",\"annotations\":[]}]}],\"usage\":{\"input_tokens\":10,\"output_tokens\":5,\"total_tokens\":15}}}\n\n";
const QUEUED: &str = r#"{"id":"resp_native","object":"response","created_at":1,"status":"queued","background":true,"model":"gpt-5.2","output":[],"usage":null}"#;

/// Every provider says its piece.
fn answer(seen: &Seen) -> Answer {
    let streams = seen.body.contains("\"stream\":true");
    match (seen.target.as_str(), streams) {
        ("/v1/messages", true) => Answer::events(CLAUDE_STREAM),
        ("/v1/messages", false) => Answer::json(200, CLAUDE),
        ("/v1/responses", true) => Answer::events(NATIVE_STREAM),
        (target, _) if target.contains("/responses") => Answer::json(200, NATIVE),
        _ => Answer::json(200, GEMINI),
    }
}

async fn world() -> World {
    World::new(answer).await
}

fn ask(model: &str, rest: Value) -> String {
    let mut body = json!({ "model": model, "input": "Weather?" });
    body.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
    body.to_string()
}

fn claude(rest: Value) -> String {
    ask("anthropic/claude-sonnet-4-5", rest)
}

fn call(method: Method, path: &str) -> Request<Full<bytes::Bytes>> {
    let mut request = post(path, "");
    *request.method_mut() = method;
    request
}

fn get(path: &str) -> Request<Full<bytes::Bytes>> {
    call(Method::GET, path)
}

/// What a provider was sent last.
fn sent(world: &World) -> Value {
    let call = world.upstream.calls().pop().expect("a call");
    serde_json::from_str(&call.body).unwrap_or_else(|error| panic!("{error}: {}", call.body))
}

#[tokio::test]
async fn a_response_is_continued_at_anthropic() {
    let world = world().await;
    let first = world.send(post(RESPONSES, &claude(json!({ "instructions": "Be brief." })))).await.json();
    let id = first["id"].as_str().expect("an id");
    assert_eq!(id, format!("resp_{}", world.row().request_id.0.simple()), "an id like no other");

    let output = json!([{ "type": "function_call_output", "call_id": "toolu_1", "output": "taken" }]);
    let again = json!({ "previous_response_id": id, "input": output });
    let second = world.send(post(RESPONSES, &claude(again))).await;
    assert_eq!((second.status, &second.json()["previous_response_id"]), (200, &json!(id)));
    let sent = sent(&world);
    assert!(sent.get("system").is_none(), "instructions are not carried over: {sent}");
    let messages = sent["messages"].as_array().expect("messages");
    assert_eq!(messages.len(), 3, "{sent}");
    assert_eq!(messages[0]["role"], "user");
    let said = messages[1]["content"].as_array().expect("parts");
    assert_eq!((&said[0]["type"], &said[0]["signature"]), (&json!("thinking"), &json!("c2ln")), "{sent}");
    assert_eq!(said.last().expect("a call")["id"], "toolu_1");
    assert_eq!(messages[2]["content"][0]["tool_use_id"], "toolu_1");

    // A third turn has the whole of it before it, whoever answers.
    let third = json!({ "previous_response_id": second.json()["id"], "input": "And now?" });
    world.send(post(RESPONSES, &ask("google-ai-studio/gemini-2.5-flash", third))).await;
    let sent = self::sent(&world).to_string();
    for words in ["Weather?", "It rains.", "taken", "And now?"] {
        assert!(sent.contains(words), "{words}: {sent}");
    }
    assert_eq!(world.kept.responses().len(), 3);
    assert!(world.rows().iter().all(|row| row.outcome == Outcome::Ok && row.surface == Surface::Responses));
}

#[tokio::test]
async fn a_stream_is_kept_before_its_last_event_leaves() {
    let world = world().await;
    let mut body = world.start(post(RESPONSES, &claude(json!({ "stream": true })))).await.into_body();
    let mut seen = String::new();
    while !seen.contains("response.completed") {
        let frame = http_body_util::BodyExt::frame(&mut body).await.expect("a frame").expect("whole");
        seen.push_str(std::str::from_utf8(&frame.into_data().expect("data")).expect("text"));
    }
    let kept = world.kept.response();
    assert_eq!(kept.status, ResponseStatus::Completed);
    let read = world.send(get(&format!("{RESPONSES}/{}", kept.id))).await.json();
    assert_eq!(read["output"][0]["content"][0]["text"], "It rains.");
    assert!(seen.contains(&kept.response), "what is kept is what was told");
}

#[tokio::test]
async fn what_is_kept_can_be_read_and_deleted() {
    let world = world().await;
    let items = json!([{ "role": "user", "content": "a" }, { "role": "user", "content": "b" }]);
    let made = world.send(post(RESPONSES, &claude(json!({ "input": items })))).await;
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    for path in [format!("{RESPONSES}/{id}"), format!("/v1/responses/{id}")] {
        let read = world.send(get(&path)).await;
        assert_eq!((read.status, read.json()), (200, made.json()), "{path}");
    }
    let row = world.rows().pop().expect("a row");
    assert_eq!((row.surface, row.attempt, row.status), (Surface::StoredResponses, 0, 200));
    assert_eq!((row.cost.map(|cost| cost.0), row.gateway_id), (Some(0), Some(GatewayId(11))));

    let list = world.send(get(&format!("/v1/responses/{id}/input_items?limit=1"))).await.json();
    assert_eq!((&list["object"], &list["has_more"]), (&json!("list"), &json!(true)));
    assert_eq!(list["data"][0]["content"][0]["text"], "b", "newest first");
    let after = list["last_id"].as_str().expect("an id");
    let rest = world.send(get(&format!("/v1/responses/{id}/input_items?after={after}"))).await.json();
    assert_eq!((rest["data"].as_array().map(Vec::len), &rest["has_more"]), (Some(1), &json!(false)));
    assert_eq!(world.send(get(&format!("/v1/responses/{id}/input_items?limit=x"))).await.code(), "invalid_request");

    assert_eq!(world.send(call(Method::POST, &format!("/v1/responses/{id}/cancel"))).await.code(), "invalid_request");
    let deleted = world.send(call(Method::DELETE, &format!("/v1/responses/{id}"))).await.json();
    assert_eq!(deleted, json!({ "id": id, "object": "response", "deleted": true }));
    let gone = world.send(get(&format!("/v1/responses/{id}"))).await;
    assert_eq!((gone.status, gone.code().as_str()), (404, "response_not_found"));
    let refused = world.send(post(RESPONSES, &claude(json!({ "previous_response_id": id })))).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "previous_response_not_found"));
    assert_eq!(refused.json()["error"]["param"], "previous_response_id");
    assert_eq!(world.upstream.calls().len(), 1);
}

#[tokio::test]
async fn nobody_else_reads_it() {
    let mut world = world().await;
    let id = world.send(post(RESPONSES, &claude(json!({})))).await.json()["id"].as_str().expect("an id").to_owned();
    let url = world.upstream.url();
    world.change(|config| {
        config.teams.push(team(2, "other", "weir_token-of-other", &url));
        let mut narrow = token_config(12, "weir_narrow");
        narrow.restrictions.gateways = Some(vec![GatewayId(12)]);
        config.teams[0].tokens.push(narrow);
    });
    let question = claude(json!({ "previous_response_id": id }));
    for (token, gateway) in [("weir_token-of-other", "/v1/other/main"), ("weir_narrow", "/v1/acme/open")] {
        let token = format!("Bearer {token}");
        let headers = [("authorization", token.as_str())];
        for (method, path) in [
            (Method::GET, format!("/v1/responses/{id}")),
            (Method::DELETE, format!("/v1/responses/{id}")),
            (Method::GET, format!("{gateway}/compat/responses/{id}")),
            (Method::POST, format!("{gateway}/compat/responses/{id}/cancel")),
            (Method::GET, format!("{gateway}/compat/responses/{id}/input_items")),
        ] {
            let mut request = with(&path, "", &headers);
            *request.method_mut() = method.clone();
            let read = world.send(request).await;
            assert_eq!((read.status, read.code().as_str()), (404, "response_not_found"), "{method} {path}");
        }
        let read = world.send(with(&format!("{gateway}/compat/responses"), &question, &headers)).await;
        assert_eq!(read.code(), "previous_response_not_found", "{gateway}");
    }
    // Nobody's token sees what came through its own gateway only.
    let open = "/v1/acme/open/compat/responses";
    assert_eq!(world.send(with(open, &question, &[])).await.code(), "previous_response_not_found");
    let own = world.send(with(open, &claude(json!({})), &[])).await.json()["id"].as_str().expect("an id").to_owned();
    let read = world.send({
        let mut request = with(&format!("{open}/{own}"), "", &[]);
        *request.method_mut() = Method::GET;
        request
    });
    assert_eq!(read.await.status, 200);
    assert_eq!(world.send(get(&format!("/v1/responses/{id}"))).await.status, 200, "its own team does");
}

#[tokio::test]
async fn bytes_pass_untouched_to_the_provider_that_holds_it() {
    let world = world().await;
    let first = world.send(post(RESPONSES, &ask("openai/gpt-5.2", json!({})))).await;
    assert_eq!(first.body, NATIVE);
    let question = r#"{"model":"gpt-5.2",  "input":"x","previous_response_id":"resp_native","future":1.50}"#;
    assert_eq!(world.send(post(RESPONSES, question)).await.status, 200);
    assert_eq!(world.upstream.calls()[1].body, question);
    // One that nobody here knows may be the provider's all the same.
    let unknown = question.replace("resp_native", "resp_elsewhere");
    assert_eq!(world.send(post(RESPONSES, &unknown)).await.status, 200);
    assert_eq!(world.upstream.calls()[2].body, unknown);
}

#[tokio::test]
async fn a_conversation_moves_between_providers() {
    let mut world = world().await;
    let native = world.send(post(RESPONSES, &ask("openai/gpt-5.2", json!({ "stream": true })))).await;
    assert_eq!(native.body, NATIVE_STREAM);
    let next = json!({ "previous_response_id": "resp_streamed", "input": "And there?" });
    let moved = world.send(post(RESPONSES, &claude(next))).await;
    assert_eq!(moved.status, 200, "{}", moved.body);
    let sent = self::sent(&world);
    assert_eq!(sent["messages"][1]["content"][0]["text"], "Dry.");

    // Back at OpenAI, which does not know what Anthropic said.
    let back = json!({ "previous_response_id": moved.json()["id"], "input": "Thanks", "background": true });
    assert_eq!(world.send(post(RESPONSES, &ask("openai/gpt-5.2", back))).await.status, 200);
    let sent = self::sent(&world);
    assert!(sent.get("previous_response_id").is_none());
    assert_eq!(sent["background"], true, "that is its own business");
    let items = sent["input"].as_array().expect("items");
    assert!(items.iter().all(|item| item["type"] != "reasoning" && item.get("id").is_none()), "{sent}");
    assert_eq!(items.last().expect("one")["content"][0]["text"], "Thanks");

    // Of several keys the one that knows it is asked, however many others there are.
    let url = world.upstream.url();
    world.change(|config| config.teams[0].provider_keys.extend((95..99).map(|id| key(id, "openai", &url))));
    let next = ask("openai/gpt-5.2", json!({ "previous_response_id": "resp_streamed", "input": "Still?" }));
    for _ in 0..4 {
        assert_eq!(world.send(post(RESPONSES, &next)).await.status, 200);
        assert_eq!(self::sent(&world)["previous_response_id"], "resp_streamed");
    }
    // Another does not know it.
    world.change(|config| {
        config.teams[0].provider_keys.retain(|key| key.provider != "openai");
        config.teams[0].provider_keys.push(key(99, "openai", &url));
    });
    assert_eq!(world.send(post(RESPONSES, &next)).await.status, 200);
    assert!(self::sent(&world).get("previous_response_id").is_none());
}

#[tokio::test]
async fn a_token_that_may_not_see_a_response_cannot_have_it_continued_where_it_is_held() {
    let mut world = world().await;
    world.send(post(RESPONSES, &ask("openai/gpt-5.2", json!({})))).await;
    world.change(|config| config.teams[0].tokens[0].restrictions.gateways = Some(vec![GatewayId(12)]));
    let question = ask("openai/gpt-5.2", json!({ "previous_response_id": "resp_native" }));
    let read = world.send(post("/v1/acme/open/compat/responses", &question)).await;
    assert_eq!(read.code(), "previous_response_not_found");
    assert_eq!(world.upstream.calls().len(), 1);
}

#[tokio::test]
async fn what_is_not_to_be_kept_is_not() {
    let mut world = world().await;
    for body in [claude(json!({ "store": false })), ask("openai/gpt-5.2", json!({ "store": false }))] {
        assert_eq!(world.send(post(RESPONSES, &body)).await.status, 200);
    }
    assert!(world.kept.responses().is_empty());
    // The log is another matter: without its bodies the state is as it was.
    world.settings(|settings| settings.collect_log_payloads = false);
    let id = world.send(post(RESPONSES, &claude(json!({})))).await.json()["id"].clone();
    assert_eq!(world.send(post(RESPONSES, &claude(json!({ "previous_response_id": id })))).await.status, 200);
    assert!(world.ledger.rows.lock().expect("free")[2].1.is_none());

    world.settings(|settings| settings.response_ttl_days = 0);
    let before = world.kept.responses().len();
    assert_eq!(world.send(post(RESPONSES, &claude(json!({})))).await.status, 200);
    assert_eq!(world.kept.responses().len(), before);
    let refused = world.send(post(RESPONSES, &claude(json!({ "previous_response_id": id })))).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "state_disabled"));
    let refused = world.send(post(RESPONSES, &claude(json!({ "background": true })))).await;
    assert_eq!(refused.code(), "invalid_request");
    let native = ask("openai/gpt-5.2", json!({ "previous_response_id": "resp_native" }));
    assert_eq!(world.send(post(RESPONSES, &native)).await.status, 200, "that is the provider's to say");
}

#[tokio::test]
async fn time_and_size_end_it() {
    let options =
        gateway::Options { allow_private_upstreams: true, largest_response: 4_000, ..gateway::Options::default() };
    let world = World::with_options(options, answer).await;
    let id = world.send(post(RESPONSES, &claude(json!({})))).await.json()["id"].clone();
    let kept = world.kept.response();
    assert_eq!(kept.expires_at_ms - kept.created_at_ms, 30 * 86_400_000);
    world.kept.change(|kept| kept.expires_at_ms = 1);
    let other = world.replica();
    let read = crate::world::read(other.handle(get(&format!("/v1/responses/{}", kept.id)), peer()).await).await;
    assert_eq!(read.code(), "response_not_found");
    let long = claude(json!({ "input": "x".repeat(5_000) }));
    let lost = world.send(post(RESPONSES, &long)).await;
    assert_eq!(lost.status, 200);
    assert_eq!(world.gateway.counters().responses_lost, 1);
    let next = claude(json!({ "previous_response_id": lost.json()["id"] }));
    assert_eq!(world.send(post(RESPONSES, &next)).await.code(), "previous_response_not_found");
    assert!(id.is_string());
}

fn peer() -> std::net::IpAddr {
    std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)
}

#[tokio::test]
async fn another_process_goes_on_with_it() {
    let world = world().await;
    let id = world.send(post(RESPONSES, &claude(json!({})))).await.json()["id"].clone();
    let other = world.replica();
    let next = claude(json!({ "previous_response_id": id, "input": "More" }));
    let read = crate::world::read(other.handle(post(RESPONSES, &next), peer()).await).await;
    assert_eq!(read.status, 200, "{}", read.body);
    assert_eq!(sent(&world)["messages"].as_array().map(Vec::len), Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_fails_is_told_apart_from_nothing() {
    let world = world().await;
    let id = world.send(post(RESPONSES, &claude(json!({})))).await.json()["id"].as_str().expect("an id").to_owned();
    world.kept.broken.store(true, std::sync::atomic::Ordering::Release);
    // Memory knows what was just said.
    assert_eq!(world.send(get(&format!("/v1/responses/{id}"))).await.status, 200);
    let read = world.send(get("/v1/responses/resp_other")).await;
    assert_eq!((read.status, read.code().as_str()), (503, "state_unavailable"));
    assert!(read.header("retry-after").is_some());
    // An answer is given although it cannot be kept.
    assert_eq!(world.send(post(RESPONSES, &claude(json!({})))).await.status, 200);
    assert_eq!(world.gateway.counters().responses_lost, 1);
}

#[tokio::test]
async fn items_are_named_instead_of_sent() {
    let world = world().await;
    let first = world.send(post(RESPONSES, &claude(json!({})))).await.json();
    let item = first["output"].as_array().expect("items").iter().find(|item| item["type"] == "message").expect("one");
    let input = json!([
        { "role": "user", "content": "Weather?" },
        { "type": "item_reference", "id": item["id"] },
        { "role": "user", "content": "Sure?" },
    ]);
    assert_eq!(world.send(post(RESPONSES, &claude(json!({ "input": input })))).await.status, 200);
    assert_eq!(sent(&world)["messages"][1]["content"][0]["text"], "It rains.");
    let input = json!([{ "type": "item_reference", "id": "msg_unknown_1" }]);
    let refused = world.send(post(RESPONSES, &claude(json!({ "input": input })))).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_request"));
}

#[tokio::test]
async fn references_are_bounded_in_number_and_in_what_they_stand_for() {
    let world = world().await;
    let long = "a word ".repeat(300_000);
    let input = json!([{ "role": "user", "content": long }]);
    let first = world.send(post(RESPONSES, &claude(json!({ "input": input })))).await.json();
    let items = format!("/v1/responses/{}/input_items", first["id"].as_str().expect("an id"));
    let item = world.send(get(&items)).await.json()["data"][0]["id"].clone();
    for (times, status, code) in [(1, 200, ""), (20, 413, "body_too_large"), (1_001, 400, "invalid_request")] {
        let input = vec![json!({ "type": "item_reference", "id": item }); times];
        let read = world.send(post(RESPONSES, &claude(json!({ "input": input })))).await;
        assert_eq!(read.status, status, "{times} {}", read.body);
        assert!(status == 200 || read.code() == code, "{times} {}", read.body);
    }
}

#[tokio::test]
async fn a_response_in_the_background_of_openai_is_asked_for_and_billed_once() {
    let world = World::new(|seen| match (seen.method.as_str(), seen.number) {
        ("POST", 0) | (_, 1) => Answer::json(200, QUEUED),
        ("DELETE", _) => Answer::json(200, r#"{"id":"resp_native","object":"response","deleted":true}"#),
        _ => Answer::json(200, NATIVE),
    })
    .await;
    let queued = world.send(post(RESPONSES, &ask("openai/gpt-5.2", json!({ "background": true })))).await;
    assert_eq!((queued.body.as_str(), world.kept.response().status), (QUEUED, ResponseStatus::Queued));
    for (number, status) in ["queued", "completed", "completed", "completed"].into_iter().enumerate() {
        let read = world.send(get("/v1/responses/resp_native?include[]=reasoning.encrypted_content")).await;
        assert_eq!((&read.json()["status"], number), (&json!(status), number));
    }
    let calls = world.upstream.calls();
    assert_eq!(calls.len(), 3, "the end is kept here");
    assert_eq!(calls[1].target, "/v1/responses/resp_native?include[]=reasoning.encrypted_content");
    assert_eq!(calls[1].headers["authorization"], "Bearer sk-stored-openai");
    let billed: Vec<_> = world.rows().iter().filter(|row| row.usage.output > 0).map(|row| row.attempt).collect();
    assert_eq!(billed, [1]);
    let costs: Vec<_> = world.rows().iter().map(|row| row.cost.map(|cost| cost.0 > 0)).collect();
    assert_eq!(costs[1..], [Some(false), Some(true), Some(false), Some(false), Some(false)]);
    // What the provider holds goes there too.
    let deleted = world.send(call(Method::DELETE, "/v1/responses/resp_native")).await;
    assert_eq!(deleted.status, 200);
    assert_eq!(world.upstream.calls()[3].method, Method::DELETE);
    assert!(world.kept.responses().is_empty());
}

#[tokio::test]
async fn the_end_of_a_run_is_billed_once_however_many_hear_it() {
    let world = World::new(|seen| Answer::json(200, if seen.method == Method::POST { QUEUED } else { NATIVE })).await;
    world.send(post(RESPONSES, &ask("openai/gpt-5.2", json!({ "background": true })))).await;
    let began_at_ms = world.kept.response().created_at_ms;
    // Neither knows of the other when it asks.
    world.kept.fall_behind();
    for process in [world.replica(), world.restarted()] {
        let told = crate::world::read(process.handle(get("/v1/responses/resp_native"), peer()).await).await;
        assert_eq!(told.body, NATIVE);
    }
    let (bills, others): (Vec<_>, Vec<_>) = world.rows().into_iter().partition(|row| row.usage.output > 0);
    let keys: Vec<_> = bills.iter().map(|row| (row.request_id, row.attempt, row.last, row.at_ms)).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1], "the ledger takes the second for the first");
    assert_eq!((keys[0].2, keys[0].3), (false, began_at_ms));
    assert!(bills.iter().all(|row| row.cost.is_some_and(|cost| cost.0 > 0) && row.gateway_id == Some(GatewayId(11))));
    let looks: Vec<_> = others.iter().skip(1).map(|row| row.cost.map(|cost| cost.0)).collect();
    assert_eq!(looks, [Some(0), Some(0)]);
}

#[tokio::test]
async fn a_stream_in_the_background_and_a_look_at_it_bill_the_same_run() {
    let (feed, stream) = Answer::stream();
    let stream = std::sync::Mutex::new(Some(stream));
    let world = World::new(move |seen| match seen.method == Method::POST {
        true => stream.lock().expect("free").take().expect("one call"),
        false => Answer::json(200, &NATIVE.replace("resp_native", "resp_streamed")),
    })
    .await;
    let question = ask("openai/gpt-5.2", json!({ "background": true, "stream": true }));
    let mut live = world.start(post(RESPONSES, &question)).await.into_body();
    let (first, rest) = NATIVE_STREAM.split_at(NATIVE_STREAM.find("event: response.output_text").expect("there"));
    feed.send(Ok(first.into())).await.expect("room");
    assert!(http_body_util::BodyExt::frame(&mut live).await.is_some());
    assert_eq!(world.kept.response().status, ResponseStatus::InProgress);
    let other = world.replica();
    world.kept.fall_behind();
    let looked = crate::world::read(other.handle(get("/v1/responses/resp_streamed"), peer()).await).await;
    assert_eq!(looked.status, 200, "{}", looked.body);
    feed.send(Ok(rest.to_owned().into())).await.expect("room");
    drop(feed);
    while http_body_util::BodyExt::frame(&mut live).await.is_some() {}
    let rows = world.rows();
    let bills: Vec<_> =
        rows.iter().filter(|row| row.usage.output > 0).map(|row| (row.request_id, row.attempt)).collect();
    assert_eq!(bills.len(), 2);
    assert_eq!(bills[0], bills[1]);
    assert!(rows.iter().filter(|row| row.last).all(|row| row.cost.map(|cost| cost.0) == Some(0)), "{rows:#?}");
    // Heard once more, it costs nothing.
    world.kept.catch_up();
    assert_eq!(world.kept.response().status, ResponseStatus::Completed);
    let before = world.rows().len();
    world.send(get("/v1/responses/resp_streamed?stream=true")).await;
    let again = world.rows().split_off(before);
    assert_eq!(
        again.iter().map(|row| (row.usage.output, row.cost.map(|cost| cost.0))).collect::<Vec<_>>(),
        [(0, Some(0))]
    );
}

#[tokio::test]
async fn a_run_that_a_provider_makes_goes_into_its_conversation() {
    let world = World::new(|seen| Answer::json(200, if seen.method == Method::POST { QUEUED } else { NATIVE })).await;
    let made = world.send(post("/v1/acme/main/compat/conversations", "{}")).await.json();
    let id = made["id"].as_str().expect("an id");
    world.send(post(RESPONSES, &ask("openai/gpt-5.2", json!({ "background": true, "conversation": id })))).await;
    let items = async || world.send(get(&format!("/v1/conversations/{id}/items?order=asc"))).await.json();
    assert_eq!(items().await["data"], json!([]));
    world.send(get("/v1/responses/resp_native")).await;
    let items = items().await;
    assert_eq!(items["data"].as_array().map(Vec::len), Some(3), "{items}");
    assert_eq!(items["data"][2]["content"][0]["text"], "Dry.");
}

#[tokio::test]
async fn what_is_found_for_a_question_has_its_place_in_the_memory_for_bodies() {
    let options =
        gateway::Options { allow_private_upstreams: true, body_memory: 1 << 20, ..gateway::Options::default() };
    let mut world = World::with_options(options, answer).await;
    let url = world.upstream.url();
    for (length, status) in [(180_000_i64, 200), (300_000, 503)] {
        let long = json!([{ "role": "user", "content": "x".repeat(length as usize) }]);
        let first = world.send(post(RESPONSES, &ask("openai/gpt-5.2", json!({ "input": long })))).await;
        assert_eq!(first.status, 200, "{}", first.body);
        world.memory_is_free().await;
        // Under another key the provider does not know what it said before.
        world.change(|config| {
            config.teams[0].provider_keys.retain(|key| key.provider != "openai");
            config.teams[0].provider_keys.push(key(length, "openai", &url));
        });
        let calls = world.upstream.calls().len();
        let next = json!({ "previous_response_id": "resp_native", "input": "Go on" });
        let next = world.send(post(RESPONSES, &ask("openai/gpt-5.2", next))).await;
        assert_eq!(next.status, status, "{}", next.body);
        assert_eq!(world.upstream.calls().len() - calls, usize::from(status == 200));
        assert!(status == 200 || next.code() == "overloaded");
        world.memory_is_free().await;
        world.send(call(Method::DELETE, "/v1/responses/resp_native")).await;
    }
}

#[tokio::test]
async fn a_stream_that_nobody_hears_to_its_end_is_not_kept() {
    let (feed, stream) = Answer::stream();
    let stream = std::sync::Mutex::new(Some(stream));
    let world = World::new(move |_| stream.lock().expect("free").take().expect("one call")).await;
    let begin = CLAUDE_STREAM.split_inclusive("\n\n").take(3).collect::<String>();
    feed.send(Ok(begin.into())).await.expect("room");
    let mut body = world.start(post(RESPONSES, &claude(json!({ "stream": true })))).await.into_body();
    assert!(http_body_util::BodyExt::frame(&mut body).await.is_some());
    drop(body);
    assert!(world.kept.responses().is_empty());
    assert_eq!(world.row().outcome, Outcome::ClientGone);
}
