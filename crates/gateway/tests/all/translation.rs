//! Callers of one API, providers of another: what goes out, what comes back, what is written down.

use domain::ledger::{CacheStatus, Outcome};
use serde_json::{Value, json};

use crate::world::*;

const MESSAGES: &str = "/v1/acme/main/compat/v1/messages";
const RESPONSES: &str = "/v1/acme/main/compat/responses";
const GENERATE: &str = "/v1/acme/main/compat/v1beta/models/openai/gpt-4o-mini:generateContent";
const GENERATE_STREAM: &str = "/v1/acme/main/compat/v1beta/models/openai/gpt-4o-mini:streamGenerateContent";

const CLAUDE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"It rains."},{"type":"tool_use","id":"toolu_1","name":"umbrella","input":{"size":2}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":90,"cache_read_input_tokens":10,"output_tokens":20}}"#;
const CLAUDE_STREAM: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"It rains.\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
const CLAUDE_END: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":20}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const GPT_STREAM: &str = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":null}]}\n\ndata: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const GPT_END: &str = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}\n\ndata: [DONE]\n\n";

fn ask_claude(stream: bool) -> String {
    json!({
        "model": "anthropic/claude-sonnet-4-5",
        "stream": stream,
        "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "Weather?" }],
    })
    .to_string()
}

fn ask_gpt(stream: bool) -> String {
    let messages = json!([{ "role": "user", "content": "Weather?" }]);
    json!({ "model": "openai/gpt-4o-mini", "max_tokens": 9, "stream": stream, "messages": messages }).to_string()
}

/// The data of each event.
fn events(body: &str) -> Vec<Value> {
    let lines = body.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).expect("JSON")).collect()
}

#[tokio::test]
async fn a_chat_completion_is_answered_by_anthropic() {
    let world = World::answering(200, CLAUDE).await;
    let read = world.send(and(post(CHAT, &ask_claude(false)), &[("openai-organization", "org")])).await;
    let answer = read.json();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["message"]["content"], "It rains.");
    assert_eq!(answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], r#"{"size":2}"#);
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!((&answer["usage"]["prompt_tokens"], &answer["usage"]["completion_tokens"]), (&json!(100), &json!(20)));
    assert_eq!(read.header("content-type"), Some("application/json"));

    let call = world.upstream.call();
    assert_eq!(call.target, "/v1/messages");
    assert_eq!(call.headers["x-api-key"], "sk-stored-anthropic");
    assert_eq!(call.headers["anthropic-version"], "2023-06-01");
    assert!(!call.headers.contains_key("openai-organization"));
    let sent: Value = serde_json::from_str(&call.body).expect("JSON");
    assert_eq!(sent["model"], "claude-sonnet-4-5");
    assert_eq!(sent["messages"][0]["role"], "user");
    assert!(sent["max_tokens"].is_u64() && sent.get("system").is_some(), "{sent}");

    let row = world.row();
    assert_eq!((row.usage.input, row.usage.cached_input, row.usage.output), (100, 10, 20));
    assert_eq!((row.provider.as_deref(), row.model.as_deref()), (Some("anthropic"), Some("claude-sonnet-4-5")));
    assert!(row.cost.is_some_and(|cost| cost.0 > 0));
}

#[tokio::test]
async fn a_stream_of_anthropics_becomes_one_of_chat_completions() {
    let world = World::new(|_| Answer::events(&format!("{CLAUDE_STREAM}{CLAUDE_END}"))).await;
    let read = world.chat(&ask_claude(true)).await;
    assert_eq!(read.header("content-type"), Some("text/event-stream"));
    assert!(read.body.ends_with("data: [DONE]\n\n"), "{}", read.body);
    let events = events(&read.body);
    let text: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "It rains.");
    assert!(events.iter().any(|event| event["choices"][0]["finish_reason"] == "stop"));
    assert!(!read.body.contains("prompt_tokens"), "nobody asked for usage: {}", read.body);
    let row = world.row();
    assert_eq!((row.usage.input, row.usage.output, row.outcome, row.streamed), (100, 20, Outcome::Ok, true));
}

#[tokio::test]
async fn anthropics_sdk_is_answered_by_openai() {
    let world = World::new(|seen| match seen.body.contains("\"stream\":true") {
        true => Answer::events(&format!("{GPT_STREAM}{GPT_END}")),
        false => Answer::json(200, ANSWER),
    })
    .await;
    let plain = world.send(post(MESSAGES, &ask_gpt(false))).await.json();
    assert_eq!((&plain["type"], &plain["content"][0]["text"]), (&json!("message"), &json!("hi")));
    assert_eq!((&plain["stop_reason"], &plain["usage"]["input_tokens"]), (&json!("end_turn"), &json!(10)));

    let stream = world.send(post(MESSAGES, &ask_gpt(true))).await;
    let kinds: Vec<_> = events(&stream.body).iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds.first(), Some(&json!("message_start")));
    assert_eq!(kinds.last(), Some(&json!("message_stop")));
    assert!(world.upstream.calls()[1].body.contains("include_usage"), "{}", world.upstream.calls()[1].body);
    let row = world.rows().remove(1);
    assert_eq!((row.usage.input, row.usage.output, row.outcome), (10, 5, Outcome::Ok));
}

#[tokio::test]
async fn geminis_sdk_is_answered_by_openai() {
    let world = World::new(|seen| match seen.body.contains("\"stream\":true") {
        true => Answer::events(&format!("{GPT_STREAM}{GPT_END}")),
        false => Answer::json(200, ANSWER),
    })
    .await;
    let ask = r#"{"contents":[{"role":"user","parts":[{"text":"Weather?"}]}]}"#;
    let plain = world.send(post(GENERATE, ask)).await.json();
    assert_eq!(plain["candidates"][0]["content"]["parts"][0]["text"], "hi");
    assert_eq!(plain["usageMetadata"]["promptTokenCount"], 10);

    let stream = world.send(post(&format!("{GENERATE_STREAM}?alt=sse"), ask)).await;
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    assert!(events(&stream.body).iter().any(|event| event["candidates"][0]["finishReason"] == "STOP"));

    let list = world.send(post(GENERATE_STREAM, ask)).await;
    assert_eq!(list.header("content-type"), Some("application/json"));
    assert!(list.json().as_array().is_some_and(|list| !list.is_empty()), "{}", list.body);
}

#[tokio::test]
async fn responses_are_answered_by_anthropic() {
    let world = World::new(|seen| match seen.body.contains("\"stream\":true") {
        true => Answer::events(&format!("{CLAUDE_STREAM}{CLAUDE_END}")),
        false => Answer::json(200, CLAUDE),
    })
    .await;
    let ask = |stream: bool| json!({ "model": "anthropic/claude-sonnet-4-5", "input": "Weather?", "stream": stream });
    let plain = world.send(post(RESPONSES, &ask(false).to_string())).await.json();
    assert_eq!((&plain["object"], &plain["status"]), (&json!("response"), &json!("completed")));
    assert_eq!(plain["output"][0]["content"][0]["text"], "It rains.");
    let stream = world.send(post(RESPONSES, &ask(true).to_string())).await;
    let last = events(&stream.body).pop().expect("events");
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["usage"]["output_tokens"], 20);
}

#[tokio::test]
async fn the_same_api_on_both_sides_changes_the_models_name_only() {
    let world = World::answering(200, CLAUDE).await;
    let ask = "{ \"model\": \"anthropic/claude-sonnet-4-5\",\"max_tokens\" : 9, \"unknown\":1e-05, \"messages\":[] }";
    let read = world.send(and(post(MESSAGES, ask), &[("anthropic-beta", "new")])).await;
    assert_eq!(read.body, CLAUDE);
    let call = world.upstream.call();
    assert_eq!(call.body, ask.replace("anthropic/claude", "claude"));
    assert_eq!(call.headers["anthropic-beta"], "new");
    assert_eq!(world.row().usage.output, 20);
}

#[tokio::test]
async fn what_cannot_be_expressed_is_named() {
    let world = World::answering(200, CLAUDE).await;
    let ask = r#"{"model":"anthropic/claude-sonnet-4-5","seed":7,"messages":[{"role":"user","content":"hi"}]}"#;
    let read = world.chat(ask).await;
    assert_eq!((read.status, read.header("weir-dropped")), (200, Some("seed")));
    let strict = world.send(and(post(CHAT, ask), &[("weir-strict", "true")])).await;
    assert_eq!((strict.status, strict.code().as_str()), (400, "not_expressible"));
    assert_eq!(strict.json()["error"]["param"], "seed");
    let several = ask.replace("\"seed\":7", "\"n\":2");
    assert_eq!(world.chat(&several).await.code(), "not_expressible");
    assert_eq!(world.upstream.calls().len(), 1);
}

#[tokio::test]
async fn a_gateway_can_be_strict_and_a_caller_decides_otherwise() {
    let mut world = World::answering(200, CLAUDE).await;
    let ask = r#"{"model":"anthropic/claude-sonnet-4-5","seed":7,"messages":[{"role":"user","content":"hi"}]}"#;
    world.settings(|settings| settings.strict_translation = true);
    let strict = world.chat(ask).await;
    assert_eq!((strict.status, strict.code().as_str()), (400, "not_expressible"));
    assert_eq!(strict.json()["error"]["param"], "seed");
    assert_eq!(world.row().outcome, Outcome::Refused);
    let lenient = world.send(and(post(CHAT, ask), &[("weir-strict", "false")])).await;
    assert_eq!((lenient.status, lenient.header("weir-dropped")), (200, Some("seed")));
    // Where nothing is lost there is nothing to refuse.
    assert_eq!(world.chat(&ask_claude(false)).await.status, 200);
    world.settings(|settings| settings.strict_translation = false);
    assert_eq!(world.chat(ask).await.status, 200);
}

#[tokio::test]
async fn a_providers_error_takes_the_callers_shape_and_keeps_its_status() {
    let said = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let length = said.len().to_string();
    let world =
        World::new(move |_| Answer::json(529, said).header("retry-after", "9").header("content-length", &length)).await;
    let read = world.chat(&ask_claude(false)).await;
    assert_eq!((read.status, read.header("retry-after")), (529, Some("9")));
    assert_eq!(read.header("content-length"), None, "its own length, not the provider's");
    let error = &read.json()["error"];
    assert_eq!(error["message"], "Overloaded");
    assert_eq!(error["original"], serde_json::from_str::<Value>(said).expect("JSON"));
    assert_eq!(world.row().outcome, Outcome::UpstreamError);
    let native = world.send(post("/v1/acme/main/anthropic/v1/messages", "{}")).await;
    assert_eq!(native.body, said);
}

#[tokio::test]
async fn a_stream_that_stops_short_ends_with_an_error_in_the_callers_api() {
    let world = World::new(|_| Answer::events(CLAUDE_STREAM)).await;
    let read = world.chat(&ask_claude(true)).await;
    let last = events(&read.body).pop().expect("events");
    assert_eq!(last["error"]["code"], "upstream_reset", "{}", read.body);
    let row = world.row();
    assert_eq!((row.outcome, row.error_code.as_deref()), (Outcome::UpstreamFailed, Some("upstream_reset")));

    let world = World::new(|_| Answer::events(GPT_STREAM.split_inclusive("\n\n").next().expect("an event"))).await;
    let read = world.send(post(MESSAGES, &ask_gpt(true))).await;
    assert!(read.body.contains("event: error\n"), "{}", read.body);
    assert!(!read.body.contains("message_stop"), "{}", read.body);
}

#[tokio::test]
async fn a_translated_answer_is_cached_for_its_own_api_only() {
    let mut world = World::new(|seen| match seen.body.contains("\"stream\":true") {
        true => Answer::events(&format!("{CLAUDE_STREAM}{CLAUDE_END}")),
        false => Answer::json(200, CLAUDE),
    })
    .await;
    world.settings(|settings| settings.cache_ttl = Some(60));
    let both = json!({
        "model": "anthropic/claude-sonnet-4-5", "input": "x", "stream": true,
        "messages": [{ "role": "user", "content": "hi" }],
    });
    let both = both.to_string();
    let first = world.chat(&both).await;
    let again = world.chat(&both).await;
    assert_eq!((again.header("cf-aig-cache-status"), &again.body), (Some("HIT"), &first.body));
    let other = world.send(post(RESPONSES, &both)).await;
    assert_eq!(other.header("cf-aig-cache-status"), Some("MISS"));
    assert!(other.body.contains("response.completed"), "{}", other.body);
    let caches: Vec<_> = world.rows().iter().map(|row| row.cache).collect();
    assert_eq!(caches, [CacheStatus::Miss, CacheStatus::Hit, CacheStatus::Miss]);
}

#[tokio::test]
async fn a_provider_that_will_not_stream_or_only_streams_is_no_obstacle() {
    let world = World::answering(200, CLAUDE).await;
    let read = world.chat(&ask_claude(true)).await;
    assert_eq!(read.header("content-type"), Some("text/event-stream"));
    assert!(read.body.contains("It rains.") && read.body.ends_with("data: [DONE]\n\n"), "{}", read.body);
    assert_eq!(world.row().usage.output, 20);

    let world = World::new(|_| Answer::events(&format!("{CLAUDE_STREAM}{CLAUDE_END}"))).await;
    let read = world.chat(&ask_claude(false)).await;
    assert_eq!(read.json()["choices"][0]["message"]["content"], "It rains.");
    assert_eq!(world.row().usage.output, 20);
}

#[tokio::test]
async fn an_answer_in_no_known_shape_is_an_error() {
    for body in ["<html>", "{\"a\":1", "[]"] {
        let world = World::answering(200, body).await;
        let read = world.chat(&ask_claude(false)).await;
        assert_eq!((read.status, read.code().as_str()), (502, "upstream_invalid"), "{body}");
        assert_eq!(world.row().outcome, Outcome::UpstreamFailed);
    }
}

#[tokio::test]
async fn tokens_are_counted_by_the_provider_or_estimated() {
    let world = World::answering(200, r#"{"input_tokens":14}"#).await;
    let count = "/v1/acme/main/compat/v1/messages/count_tokens";
    let ask = ask_claude(false);
    let read = world.send(post(count, &ask)).await;
    assert_eq!((read.body.as_str(), read.header("weir-estimated")), (r#"{"input_tokens":14}"#, None));
    assert_eq!(world.upstream.call().target, "/v1/messages/count_tokens");
    let estimated = world.send(post(count, &ask_gpt(false).replace("\"max_tokens\":9,", ""))).await;
    assert_eq!(estimated.header("weir-estimated"), Some("true"), "{}", estimated.body);
    assert!(estimated.json()["input_tokens"].as_u64().is_some_and(|tokens| (3..20).contains(&tokens)));
    assert_eq!(world.upstream.calls().len(), 1);
    // No provider charges for counting, and the gateway does not either.
    assert!(world.rows().iter().all(|row| row.cost == Some(domain::Nanos::ZERO)), "{:#?}", world.rows());
}

#[tokio::test]
async fn a_whole_request_of_geminis_is_counted_for_every_provider() {
    let world = World::answering(200, "{}").await;
    let contents = r#"{"contents":[{"role":"user","parts":[{"text":"How is the weather?"}]}]}"#;
    let whole =
        contents.replacen('{', r#"{"model":"models/x","systemInstruction":{"parts":[{"text":"Be brief."}]},"#, 1);
    let count = GENERATE.replace("generateContent", "countTokens");
    let mut counts = Vec::new();
    for body in [contents.to_owned(), format!(r#"{{"generateContentRequest":{whole}}}"#)] {
        let read = world.send(post(&count, &body)).await;
        assert_eq!((read.status, read.header("weir-estimated")), (200, Some("true")), "{}", read.body);
        counts.push(read.json()["totalTokens"].as_u64().expect("a count"));
    }
    assert!(counts[0] > 4 && counts[1] > counts[0], "{counts:?}");
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn a_models_name_cannot_leave_its_place_in_the_path() {
    let world = World::answering(200, "{}").await;
    let ask = json!({ "model": "google-ai-studio/../../files?a=b", "messages": [{ "role": "user", "content": "hi" }] });
    world.chat(&ask.to_string()).await;
    assert_eq!(world.upstream.call().target, "/v1beta/models/..%2F..%2Ffiles%3Fa%3Db:generateContent");
}

#[tokio::test]
async fn a_token_for_certain_models_is_held_to_them_at_every_door() {
    let mut world = World::answering(200, CLAUDE).await;
    world.change(|config| config.teams[0].tokens[0].restrictions.models = Some(vec!["openai/gpt-4o*".into()]));
    let claude = ask_claude(false);
    let generate = GENERATE.replace("openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5");
    let count = generate.replace("generateContent", "countTokens");
    let counted = "/v1/acme/main/compat/v1/messages/count_tokens";
    let contents = r#"{"model":"openai/gpt-4o-mini","contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
    let doors = [(CHAT, &*claude), (MESSAGES, &claude), (counted, &claude), (&generate, contents), (&count, contents)];
    for (door, body) in doors {
        let read = world.send(post(door, body)).await;
        assert_eq!((read.status, read.code().as_str()), (403, "token_not_allowed"), "{door}");
    }
    let responses = json!({ "model": "anthropic/claude-sonnet-4-5", "input": "hi" }).to_string();
    assert_eq!(world.send(post(RESPONSES, &responses)).await.code(), "token_not_allowed");
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn the_cache_knows_models_and_apis_apart() {
    let mut world = World::answering(200, ANSWER).await;
    world.settings(|settings| settings.cache_ttl = Some(60));
    let ask = r#"{"contents":[{"role":"user","parts":[{"text":"Weather?"}]}]}"#;
    let status = |read: &Read| read.header("cf-aig-cache-status").map(str::to_owned);
    let other = GENERATE.replace("gpt-4o-mini", "gpt-4o");
    for (door, wanted) in [(GENERATE, "MISS"), (GENERATE, "HIT"), (&other, "MISS")] {
        assert_eq!(status(&world.send(post(door, ask)).await).as_deref(), Some(wanted), "{door}");
    }
    let keyed = [("cf-aig-cache-key", "mine")];
    for (door, body, wanted) in
        [(CHAT, ask_gpt(false), "MISS"), (CHAT, ask_gpt(false), "HIT"), (MESSAGES, ask_gpt(false), "MISS")]
    {
        let read = world.send(and(post(door, &body), &keyed)).await;
        assert_eq!(status(&read).as_deref(), Some(wanted), "{door}");
    }
}

#[tokio::test]
async fn an_error_that_only_the_translation_recognises_is_an_error() {
    let first = GPT_STREAM.split_inclusive("\n\n").next().expect("an event");
    let failed = format!("{first}data: {{\"object\":\"error\",\"message\":\"Bad\"}}\n\ndata: [DONE]\n\n");
    let mut world = World::new(move |_| Answer::whole(200, "text/event-stream", &failed)).await;
    world.settings(|settings| settings.cache_ttl = Some(60));
    for _ in 0..2 {
        let read = world.send(post(MESSAGES, &ask_gpt(true))).await;
        assert_eq!(read.body.matches("event: error").count(), 1, "{}", read.body);
        assert_eq!(read.header("cf-aig-cache-status"), Some("MISS"));
    }
    assert!(world.rows().iter().all(|row| row.outcome == Outcome::UpstreamFailed), "{:#?}", world.rows());
}

#[tokio::test]
async fn a_callers_own_key_reaches_a_provider_of_another_api_in_its_header() {
    let world = World::answering(200, CLAUDE).await;
    let headers =
        [("cf-aig-authorization", format!("Bearer {TOKEN}")), ("authorization", "Bearer sk-ant-own".to_owned())];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let read = world.send(with(CHAT, &ask_claude(false), &headers)).await;
    assert_eq!(read.status, 200, "{}", read.body);
    let call = world.upstream.call();
    assert_eq!(call.headers["x-api-key"], "sk-ant-own");
    assert!(!call.headers.contains_key("authorization"));
}

#[tokio::test]
async fn an_error_inside_of_a_good_status_keeps_its_meaning() {
    let said = r#"{"error":{"code":429,"message":"Slow down"}}"#;
    for stream in [false, true] {
        let world = World::answering(200, said).await;
        let read = world.send(post(MESSAGES, &ask_gpt(stream))).await;
        assert_eq!((read.status, read.header("content-type")), (429, Some("application/json")));
        let error = read.json()["error"].clone();
        assert_eq!((&error["type"], &error["message"]), (&json!("rate_limit_error"), &json!("Slow down")));
        let row = world.row();
        assert_eq!((row.status, row.outcome, row.cost.map(|cost| cost.0)), (429, Outcome::UpstreamError, Some(0)));
    }
    let world = World::answering(200, said).await;
    let same = world.chat(&ask_gpt(false)).await;
    assert_eq!((same.status, same.body.as_str()), (200, said));
    assert_eq!(world.row().outcome, Outcome::UpstreamFailed);
}

#[tokio::test]
async fn a_stream_for_nobody_that_fails_says_why() {
    let failed = format!(
        "{CLAUDE_STREAM}event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}}}\n\n"
    );
    let world = World::new(move |_| Answer::events(&failed)).await;
    let read = world.chat(&ask_claude(false)).await;
    assert_eq!((read.status, read.json()["error"]["message"].as_str()), (529, Some("Overloaded")));
    let row = world.row();
    assert_eq!((row.outcome, row.cost), (Outcome::UpstreamFailed, None));
}

#[tokio::test]
async fn a_question_of_too_many_values_is_not_translated() {
    let world = World::answering(200, CLAUDE).await;
    let many = format!(r#"{{"model":"anthropic/claude-sonnet-4-5","messages":[{}0]}}"#, "0,".repeat(200_000));
    for door in [CHAT, "/v1/acme/main/compat/v1/messages/count_tokens"] {
        let many = many.replace("anthropic/claude", if door == CHAT { "anthropic/claude" } else { "openai/gpt" });
        let read = world.send(post(door, &many)).await;
        assert_eq!((read.status, read.code().as_str()), (400, "invalid_request"), "{}", read.body);
        assert!(read.body.contains("200002 JSON values"), "{}", read.body);
    }
    assert!(world.upstream.calls().is_empty());
    let same = world.chat(&many.replace("anthropic/claude-sonnet-4-5", "openai/gpt-4o-mini")).await;
    assert_eq!(same.status, 200, "bytes that pass as they are need no bound of their own");
}

#[tokio::test]
async fn whether_a_call_may_be_made_is_known_before_the_question_is_read() {
    let mut world = World::answering(200, CLAUDE).await;
    world.change(|config| config.teams[0].custom_providers[0].enabled = false);
    let read = world.chat(r#"{"model":"custom-own/x","messages":"no list"}"#).await;
    assert_eq!(read.code(), "provider_disabled");
}

#[tokio::test]
async fn what_few_ask_for_reaches_gemini_and_comes_back() {
    const TWO: &str = r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Sun."}]},"finishReason":"STOP","logprobsResult":{"chosenCandidates":[{"token":"Sun.","logProbability":-0.25}],"topCandidates":[{"candidates":[{"token":"Sun.","logProbability":-0.25}]}]}},{"index":1,"content":{"role":"model","parts":[{"text":"Rain."}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":15}}"#;
    let world = World::answering(200, TWO).await;
    let ask = json!({
        "model": "google-ai-studio/gemini-2.5-pro", "n": 2, "seed": 4242, "logprobs": true, "top_logprobs": 3,
        "service_tier": "flex", "stop": ["END"],
        "messages": [{ "role": "user", "content": [
            { "type": "text", "text": "Look and listen" },
            { "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0=" } },
            { "type": "input_audio", "input_audio": { "data": "UklGRg==", "format": "wav" } },
        ] }],
    });
    let read = world.chat(&ask.to_string()).await;
    let sent: Value = serde_json::from_str(&world.upstream.call().body).expect("JSON");
    let config = &sent["generationConfig"];
    assert_eq!(
        (&config["candidateCount"], &config["seed"], &config["responseLogprobs"], &config["logprobs"]),
        (&json!(2), &json!(4242), &json!(true), &json!(3)),
        "{sent}"
    );
    assert_eq!(config["stopSequences"], json!(["END"]));
    assert!(sent.to_string().contains("flex"), "{sent}");
    let parts = sent["contents"][0]["parts"].as_array().expect("parts");
    let kinds: Vec<_> = parts.iter().map(|part| &part["inlineData"]["mimeType"]).collect();
    assert_eq!(kinds[1..], [&json!("application/pdf"), &json!("audio/wav")]);
    let answer = read.json();
    assert_eq!(answer["choices"].as_array().map(Vec::len), Some(2), "{answer}");
    assert_eq!(answer["choices"][0]["logprobs"]["content"][0]["logprob"], -0.25);
    assert_eq!(answer["choices"][1]["message"]["content"], "Rain.");
}

#[tokio::test]
async fn sources_cache_hints_and_what_claude_declines_come_through() {
    const CITED: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"It rains.","citations":[{"type":"web_search_result_location","url":"https://x.example","title":"X","cited_text":"rain","encrypted_index":"e"}]}],"stop_reason":"refusal","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":3,"service_tier":"priority"}}"#;
    let world = World::answering(200, CITED).await;
    let ask = json!({ "model": "anthropic/claude-sonnet-4-5", "messages": [{ "role": "user", "content": [
        { "type": "text", "text": "Weather?", "cache_control": { "type": "ephemeral" } },
    ] }] });
    let answer = world.chat(&ask.to_string()).await.json();
    let sent: Value = serde_json::from_str(&world.upstream.call().body).expect("JSON");
    assert_eq!(sent["messages"][0]["content"][0]["cache_control"]["type"], "ephemeral", "{sent}");
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["annotations"][0]["url_citation"]["url"], "https://x.example", "{answer}");
    assert_eq!((&choice["finish_reason"], &answer["service_tier"]), (&json!("content_filter"), &json!("priority")));
}

#[tokio::test]
async fn a_refusal_of_openais_is_told_to_claudes_callers_and_words_beside_it_are_an_ordinary_end() {
    let ask = r#"{"model":"openai/gpt-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    for (said, stop, words) in [
        (r#""content":null,"refusal":"No.""#, "refusal", json!(["No."])),
        (r#""content":"Well.","refusal":"No.""#, "end_turn", json!(["Well.", "No."])),
    ] {
        let answer = format!(
            r#"{{"id":"c","object":"chat.completion","model":"gpt-5","choices":[{{"index":0,"message":{{"role":"assistant",{said}}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":9,"completion_tokens":3}},"service_tier":"priority"}}"#
        );
        let chunks = format!(
            "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{{said}}}}}]}}\n\ndata: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n"
        );
        let world = World::new(move |seen| match seen.body.contains("\"stream\":true") {
            true => Answer::events(&chunks),
            false => Answer::json(200, &answer),
        })
        .await;
        let whole = world.send(post("/v1/acme/main/compat/v1/messages", ask)).await.json();
        assert_eq!(
            (&whole["stop_reason"], &whole["usage"]["service_tier"]),
            (&json!(stop), &json!("priority")),
            "{whole}"
        );
        let told: Vec<_> =
            whole["content"].as_array().expect("blocks").iter().map(|block| block["text"].clone()).collect();
        assert_eq!(json!(told), words);
        let streamed = ask.replace("\"max_tokens\":9", "\"max_tokens\":9,\"stream\":true");
        let stream = world.send(post("/v1/acme/main/compat/v1/messages", &streamed)).await.body;
        assert!(stream.contains(&format!("\"stop_reason\":\"{stop}\"")), "{stream}");
    }
}
