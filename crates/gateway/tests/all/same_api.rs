//! Callers and providers of the same API: what passes, and what must not.

use domain::ledger::Outcome;
use serde_json::{Value, json};

use crate::world::*;

const MESSAGES: &str = "/v1/acme/main/compat/v1/messages";
const RESPONSES: &str = "/v1/acme/main/compat/responses";
const GENERATE: &str = "/v1/acme/main/compat/v1beta/models/google-ai-studio/gemini-2.5-flash:streamGenerateContent";
const CLAUDE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"It rains."}],"stop_reason":"end_turn","stop_sequence":null,"new_field":1,"usage":{"input_tokens":90,"output_tokens":20}}"#;
/// `anthropic#Eq` in Base64.
const WRAPPED: &str = "YW50aHJvcGljI0Vx";

fn sent(world: &World) -> Value {
    serde_json::from_str(&world.upstream.call().body).expect("JSON")
}

#[tokio::test]
async fn what_another_provider_left_in_a_conversation_does_not_reach_anthropic() {
    let world = World::answering(200, CLAUDE).await;
    let ask = json!({ "model": "anthropic/claude-sonnet-4-5", "max_tokens": 2000, "messages": [
        { "role": "user", "content": "Weather?" },
        { "role": "assistant", "content": [
            { "type": "thinking", "thinking": "hm", "signature": "gemini#CiQB" },
            { "type": "tool_use", "id": "functions.rain:0", "name": "rain", "input": {} },
        ] },
        { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "functions.rain:0", "content": "yes" }] },
    ] });
    let read = world.send(and(post(MESSAGES, &ask.to_string()), &[("anthropic-beta", "new")])).await;
    assert_eq!((read.status, read.body.as_str()), (200, CLAUDE), "the answer passes as it is");
    let call = world.upstream.call();
    assert_eq!(call.headers["anthropic-beta"], "new");
    assert!(!call.body.contains("gemini#"), "{}", call.body);
    let sent = sent(&world);
    let id = sent["messages"][1]["content"].as_array().and_then(|all| all.last()).map(|call| call["id"].clone());
    let id = id.expect("a call");
    assert!(
        id.as_str().is_some_and(|id| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')),
        "{id}"
    );
    assert_eq!(sent["messages"][2]["content"][0]["tool_use_id"], id);
    assert_eq!(world.row().usage.output, 20);
}

#[tokio::test]
async fn nor_openais_responses_or_gemini() {
    let body = r#"{"id":"resp_1","object":"response","status":"completed","model":"gpt-5","output":[],"usage":{"input_tokens":1,"output_tokens":2}}"#;
    let world = World::answering(200, body).await;
    let ask = json!({ "model": "openai/gpt-5", "input": [
        { "role": "user", "content": "Weather?" },
        { "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "anthropic#EqQB" },
        { "role": "assistant", "content": [{ "type": "output_text", "text": "Rain." }] },
        { "role": "user", "content": "Sure?" },
    ] });
    let read = world.send(post(RESPONSES, &ask.to_string())).await;
    assert_eq!((read.status, read.body.as_str()), (200, body));
    assert!(!world.upstream.call().body.contains("anthropic#"), "{}", world.upstream.call().body);

    let chunk = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":3}}\r\n\r\n";
    let world = World::new(move |_| Answer::events(chunk)).await;
    let ask = json!({ "contents": [
        { "role": "user", "parts": [{ "text": "Weather?" }] },
        { "role": "model", "parts": [{ "text": "Rain.", "thoughtSignature": WRAPPED }] },
        { "role": "user", "parts": [{ "text": "Sure?" }] },
    ] });
    let read = world.send(post(&format!("{GENERATE}?alt=sse"), &ask.to_string())).await;
    assert_eq!((read.status, read.body.as_str()), (200, chunk));
    let call = world.upstream.call();
    assert_eq!(call.target, "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    assert!(!call.body.contains(WRAPPED), "{}", call.body);
    assert_eq!((world.row().usage.output, world.row().outcome), (3, Outcome::Ok));
}

#[tokio::test]
async fn marks_that_are_a_providers_own_pass_as_they_are() {
    let world = World::answering(200, CLAUDE).await;
    let ask = r#"{ "model":"anthropic/claude-sonnet-4-5","messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"EqQB"}]}] }"#;
    world.send(post(MESSAGES, ask)).await;
    assert_eq!(world.upstream.call().body, ask.replace("anthropic/claude", "claude"));
}

/// A world with a key for a provider that does not take everything.
async fn mistral() -> World {
    let mut world = World::answering(200, ANSWER).await;
    let url = world.upstream.url();
    world.change(|config| config.teams[0].provider_keys.push(key(19, "mistral", &url)));
    world
}

#[tokio::test]
async fn what_is_cut_out_is_named_and_a_strict_caller_is_refused() {
    let world = mistral().await;
    let ask = r#"{"model":"mistral/mistral-small","user":"u","messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"hi"}]}"#;
    let read = world.chat(ask).await;
    assert_eq!((read.status, read.header("weir-dropped")), (200, Some("user")), "{}", read.body);
    let sent = sent(&world);
    assert_eq!((sent.get("user"), &sent["messages"][0]["role"]), (None, &json!("system")));
    let strict = world.send(and(post(CHAT, ask), &[("weir-strict", "true")])).await;
    assert_eq!((strict.status, strict.code().as_str()), (400, "not_expressible"));
    assert_eq!(strict.json()["error"]["param"], "user");
    assert_eq!(world.upstream.calls().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_no_answer() {
    let world = World::new(|_| Answer::json(307, "{}").header("location", "https://elsewhere.example/v1")).await;
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.code().as_str(), read.header("location")), (502, "upstream_invalid", None));
    assert_eq!(world.row().outcome, Outcome::UpstreamFailed);
}

#[tokio::test]
async fn a_stream_under_another_name_is_a_stream() {
    let stream = "data: {\"id\":\"c1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}\n\ndata: {\"id\":\"c1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";
    for (door, end) in
        [(CHAT, "data: [DONE]\n\n"), (MESSAGES, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")]
    {
        let world = World::new(move |_| Answer::whole(200, "text/plain", stream)).await;
        let ask = r#"{"model":"openai/gpt-4o-mini","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
        let read = world.send(post(door, ask)).await;
        assert!(read.status == 200 && read.body.ends_with(end), "{} {}", read.status, read.body);
        assert_eq!((world.row().usage.output, world.row().outcome), (5, Outcome::Ok), "{door}");
    }
}
