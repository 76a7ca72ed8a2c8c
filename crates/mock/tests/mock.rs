//! The mock seen from outside: whole answers, streams, errors and faults in all three dialects.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use mock::{Body, Connection, Mock, Options};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

async fn post(mock: &Mock, path: &str, body: &Value, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_string()))).expect("a request");
    mock.handle(request, Connection::default()).await
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_str(&text(response).await).expect("JSON")
}

const OPENAI: [(&str, &str); 1] = [("authorization", "Bearer any")];
const ANTHROPIC: [(&str, &str); 2] = [("x-api-key", "any"), ("anthropic-version", "2023-06-01")];
const GEMINI: [(&str, &str); 1] = [("x-goog-api-key", "any")];

fn chat(extra: Value) -> Value {
    let mut body =
        json!({ "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": "How deep is the lake?" }] });
    for (name, value) in extra.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

fn data(stream: &str) -> Vec<&str> {
    stream.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
}

#[tokio::test]
async fn openai_answers_whole_and_streamed_with_the_same_text_and_usage() {
    let mock = Mock::new(&Options::default());
    let whole = json_of(post(&mock, "/v1/chat/completions", &chat(json!({})), &OPENAI).await).await;
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    assert_eq!(whole["usage"]["prompt_tokens"], 8);
    assert_eq!(whole["usage"]["total_tokens"], 32);
    let asked = chat(json!({ "stream": true, "stream_options": { "include_usage": true } }));
    let stream = text(post(&mock, "/v1/chat/completions", &asked, &OPENAI).await).await;
    let data = data(&stream);
    assert_eq!(data.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> =
        data[..data.len() - 1].iter().map(|chunk| serde_json::from_str(chunk).expect("JSON")).collect();
    let said: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(whole["choices"][0]["message"]["content"], said);
    assert_eq!(chunks.last().expect("chunks")["usage"], whole["usage"]);
    let quiet = text(post(&mock, "/v1/chat/completions", &chat(json!({ "stream": true })), &OPENAI).await).await;
    assert!(!quiet.contains("usage"), "{quiet}");
}

#[tokio::test]
async fn a_tool_is_called_once_and_its_result_is_answered() {
    let mock = Mock::new(&Options::default());
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let tools = json!([{ "type": "function", "function": { "name": "weather", "parameters": parameters } }]);
    let called = json_of(post(&mock, "/v1/chat/completions", &chat(json!({ "tools": tools })), &OPENAI).await).await;
    let call = &called["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(
        (&call["function"]["name"], &call["function"]["arguments"]),
        (&json!("weather"), &json!(r#"{"city":"Lyon"}"#))
    );
    let messages = json!([{ "role": "user", "content": "hot?" }, called["choices"][0]["message"],
        { "role": "tool", "tool_call_id": call["id"], "content": "20 degrees" }]);
    let next = chat(json!({ "tools": tools, "messages": messages }));
    let answered = json_of(post(&mock, "/v1/chat/completions", &next, &OPENAI).await).await;
    assert_eq!(answered["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn reasoning_is_shown_where_asked_for_and_its_signature_checked() {
    let mock = Mock::new(&Options::default());
    let ask = |messages: Value| {
        json!({ "model": "claude-sonnet-4-5", "max_tokens": 99, "thinking": { "type": "enabled", "budget_tokens": 1024 },
            "tools": [{ "name": "weather", "input_schema": { "properties": { "city": { "type": "string" } } } }],
            "messages": messages })
    };
    let asked = json!({ "role": "user", "content": "hot?" });
    let called = json_of(post(&mock, "/v1/messages", &ask(json!([asked])), &ANTHROPIC).await).await;
    assert_eq!(
        (&called["content"][0]["type"], &called["content"][1]["type"]),
        (&json!("thinking"), &json!("tool_use"))
    );
    let result = json!({ "role": "user", "content": [
        { "type": "tool_result", "tool_use_id": called["content"][1]["id"], "content": "yes" }] });
    let turn = |content: Value| ask(json!([asked, { "role": "assistant", "content": content }, result]));
    let proved = post(&mock, "/v1/messages", &turn(called["content"].clone()), &ANTHROPIC).await;
    assert_eq!(proved.status(), StatusCode::OK);
    let mut forged = called["content"].clone();
    forged[0]["signature"] = json!("EqQB");
    for content in [forged, json!([called["content"][1]])] {
        let refused = post(&mock, "/v1/messages", &turn(content), &ANTHROPIC).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    }

    let think = json!({ "reasoning_effort": "low" });
    let thought = json_of(post(&mock, "/v1/chat/completions", &chat(think), &OPENAI).await).await;
    assert_eq!(thought["choices"][0]["message"]["reasoning_content"], "Where is the water deep?");
    assert_eq!(thought["usage"]["completion_tokens_details"]["reasoning_tokens"], 5);

    let generate = "/v1beta/models/gemini-3-pro:generateContent";
    let contents = |turns: Value| {
        json!({ "contents": turns, "generationConfig": { "thinkingConfig": { "includeThoughts": true } },
            "tools": [{ "functionDeclarations": [{ "name": "weather", "parameters": {} }] }] })
    };
    let asked = json!({ "role": "user", "parts": [{ "text": "hot?" }] });
    let called = json_of(post(&mock, generate, &contents(json!([asked])), &GEMINI).await).await;
    let parts = &called["candidates"][0]["content"]["parts"];
    assert_eq!((&parts[0]["thought"], parts[1]["thoughtSignature"].is_string()), (&json!(true), true), "{parts}");
    let mut unsigned = parts[1].clone();
    unsigned.as_object_mut().expect("a part").remove("thoughtSignature");
    for (part, status) in [(parts[1].clone(), StatusCode::OK), (unsigned, StatusCode::BAD_REQUEST)] {
        let turns = json!([asked, { "role": "model", "parts": [part] },
            { "role": "user", "parts": [{ "functionResponse": { "name": "weather", "response": {} } }] }]);
        assert_eq!(post(&mock, generate, &contents(turns), &GEMINI).await.status(), status);
    }
}

#[tokio::test]
async fn a_text_fits_the_schema_that_is_asked_for() {
    let mock = Mock::new(&Options::default());
    let schema =
        json!({ "type": "object", "properties": { "city": { "type": "string" }, "days": { "type": "integer" } } });
    let wanted = r#"{"city":"Lyon","days":1}"#;
    let format = json!({ "type": "json_schema", "json_schema": { "name": "trip", "schema": schema } });
    let said =
        json_of(post(&mock, "/v1/chat/completions", &chat(json!({ "response_format": format })), &OPENAI).await).await;
    assert_eq!(said["choices"][0]["message"]["content"], wanted);
    let ask = json!({ "model": "claude-haiku-4-5", "max_tokens": 99, "messages": [{ "role": "user", "content": "Where?" }],
        "output_config": { "format": { "type": "json_schema", "schema": schema } } });
    let said = json_of(post(&mock, "/v1/messages", &ask, &ANTHROPIC).await).await;
    assert_eq!(said["content"][0]["text"], wanted);
    let ask = json!({ "contents": [{ "role": "user", "parts": [{ "text": "Where?" }] }],
        "generationConfig": { "responseJsonSchema": schema } });
    let said = json_of(post(&mock, "/v1beta/models/gemini-2.5-flash:generateContent", &ask, &GEMINI).await).await;
    assert_eq!(said["candidates"][0]["content"]["parts"][0]["text"], wanted);
}

#[tokio::test]
async fn anthropic_speaks_messages_streams_and_counts() {
    let mock = Mock::new(&Options::default());
    let ask = |stream: bool| {
        json!({ "model": "claude-haiku-4-5", "max_tokens": 99, "stream": stream,
        "messages": [{ "role": "user", "content": [{ "type": "text", "text": "How deep is the lake?" }] }] })
    };
    let whole = json_of(post(&mock, "/v1/messages", &ask(false), &ANTHROPIC).await).await;
    assert_eq!(whole["usage"]["input_tokens"], 8);
    let stream = text(post(&mock, "/v1/messages", &ask(true), &ANTHROPIC).await).await;
    assert!(stream.starts_with("event: message_start\n"), "{stream}");
    assert!(stream.contains("event: message_stop\n"), "{stream}");
    let said: String = data(&stream)
        .iter()
        .filter_map(|data| {
            serde_json::from_str::<Value>(data).expect("JSON")["delta"]["text"].as_str().map(str::to_owned)
        })
        .collect();
    assert_eq!(whole["content"][0]["text"], said);
    let counted = json_of(post(&mock, "/v1/messages/count_tokens", &ask(false), &ANTHROPIC).await).await;
    assert_eq!(counted, json!({ "input_tokens": 8 }));
}

#[tokio::test]
async fn gemini_generates_whole_as_events_and_as_one_array() {
    let mock = Mock::new(&Options::default());
    let ask = json!({ "contents": [{ "role": "user", "parts": [{ "text": "How deep is the lake?" }] }] });
    let base = "/v1beta/models/gemini-2.5-flash";
    let whole = json_of(post(&mock, &format!("{base}:generateContent"), &ask, &GEMINI).await).await;
    let said = whole["candidates"][0]["content"]["parts"][0]["text"].as_str().expect("text").to_owned();
    let join = |objects: &[Value]| -> String {
        objects.iter().filter_map(|object| object["candidates"][0]["content"]["parts"][0]["text"].as_str()).collect()
    };
    let stream = text(post(&mock, &format!("{base}:streamGenerateContent?alt=sse"), &ask, &GEMINI).await).await;
    let events: Vec<Value> = data(&stream).iter().map(|data| serde_json::from_str(data).expect("JSON")).collect();
    assert_eq!(join(&events), said);
    assert_eq!(events.last().expect("events")["usageMetadata"], whole["usageMetadata"]);
    let array = json_of(post(&mock, &format!("{base}:streamGenerateContent"), &ask, &GEMINI).await).await;
    assert_eq!(join(array.as_array().expect("an array")), said);
}

#[tokio::test]
async fn embeddings_come_as_numbers_and_as_base64() {
    let mock = Mock::new(&Options::default());
    let ask =
        |format: &str| json!({ "model": "text-embedding-3-small", "input": ["a", "b"], "encoding_format": format });
    let numbers = json_of(post(&mock, "/v1/embeddings", &ask("float"), &OPENAI).await).await;
    assert_eq!(numbers["data"][1]["embedding"].as_array().map(Vec::len), Some(16));
    let packed = json_of(post(&mock, "/v1/embeddings", &ask("base64"), &OPENAI).await).await;
    assert_eq!(packed["data"][0]["embedding"].as_str().map(str::len), Some(88));
    let gemini = json!({ "content": { "parts": [{ "text": "a" }] } });
    let one = json_of(post(&mock, "/v1beta/models/gemini-embedding-001:embedContent", &gemini, &GEMINI).await).await;
    assert_eq!(one["embedding"]["values"].as_array().map(Vec::len), Some(16));
}

#[tokio::test]
async fn without_a_key_every_dialect_refuses_in_its_own_words() {
    let mock = Mock::new(&Options::default());
    let openai = post(&mock, "/v1/chat/completions", &chat(json!({})), &[]).await;
    assert_eq!(openai.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(json_of(openai).await["error"]["code"], "invalid_api_key");
    let anthropic = post(&mock, "/v1/messages", &json!({}), &[]).await;
    assert_eq!(json_of(anthropic).await["error"]["type"], "authentication_error");
    let gemini = post(&mock, "/v1beta/models/m:generateContent", &json!({}), &[]).await;
    assert_eq!(json_of(gemini).await["error"]["status"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn errors_are_made_to_order() {
    let mock = Mock::new(&Options::default());
    let headers = [OPENAI[0], ("x-mock-status", "429"), ("x-mock-retry-after", "7")];
    let limited = post(&mock, "/v1/chat/completions", &chat(json!({})), &headers).await;
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(limited.headers()["retry-after"], "7");
    let by_model = post(&mock, "/v1/chat/completions", &chat(json!({ "model": "mock-status-503" })), &OPENAI).await;
    assert_eq!(by_model.status(), StatusCode::SERVICE_UNAVAILABLE);
    let flaky = chat(json!({ "messages": [{ "role": "user", "content": "[mock-fail-first-2 mock-key-x] hi" }] }));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(post(&mock, "/v1/chat/completions", &flaky, &OPENAI).await.status().as_u16());
    }
    assert_eq!(statuses, [503, 503, 200]);
    let bad =
        Request::post("/v1/chat/completions").header("authorization", "Bearer k").body(Full::new(Bytes::from("{")));
    let bad = mock.handle(bad.expect("a request"), Connection::default()).await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    let broken =
        text(post(&mock, "/v1/chat/completions", &chat(json!({ "model": "mock-malformed" })), &OPENAI).await).await;
    assert!(serde_json::from_str::<Value>(&broken).is_err(), "{broken}");
}

#[tokio::test(start_paused = true)]
async fn the_first_byte_and_the_pace_take_the_time_asked_for() {
    let mock = Mock::new(&Options::default());
    let start = Instant::now();
    let ask = chat(json!({ "model": "mock-ttft-300", "stream": true, "max_tokens": 3 }));
    let response = post(&mock, "/v1/chat/completions", &ask, &[OPENAI[0], ("x-mock-pace", "50")]).await;
    assert!((300..=302).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    text(response).await;
    // Role, three words, finish, [DONE]: five pauses between six events, each rounded up by the timer.
    assert!((550..=560).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn silence_is_kept() {
    let mock = Mock::new(&Options::default());
    let ask = chat(json!({ "model": "mock-silent" }));
    let silent = timeout(Duration::from_secs(3600), post(&mock, "/v1/chat/completions", &ask, &OPENAI)).await;
    assert!(silent.is_err());
    let ask = chat(json!({ "model": "mock-silent-after-2", "stream": true }));
    let mut body = post(&mock, "/v1/chat/completions", &ask, &OPENAI).await.into_body();
    assert!(body.frame().await.is_some() && body.frame().await.is_some());
    assert!(timeout(Duration::from_secs(3600), body.frame()).await.is_err());
}

#[tokio::test]
async fn streams_end_early_split_and_swell_as_told() {
    let mock = Mock::new(&Options::default());
    let ask = |model: &str| chat(json!({ "model": model, "stream": true, "max_tokens": 4 }));
    let open = text(post(&mock, "/v1/chat/completions", &ask("mock-no-terminal"), &OPENAI).await).await;
    assert!(!open.contains("[DONE]"), "{open}");
    let closed = post(&mock, "/v1/chat/completions", &ask("mock-close-after-2"), &OPENAI).await;
    assert!(closed.into_body().collect().await.is_err());
    let mut split = post(&mock, "/v1/chat/completions", &ask("mock-split-7"), &OPENAI).await.into_body();
    let first = split.frame().await.expect("a frame").expect("no fault").into_data().expect("data");
    assert_eq!(first.len(), 7);
    let huge = text(post(&mock, "/v1/chat/completions", &ask("mock-huge-line-100000"), &OPENAI).await).await;
    assert_eq!(huge.lines().next().map(str::len), Some(99_998));
}

async fn read_until_broken(address: std::net::SocketAddr, model: &str) -> (String, std::io::Result<usize>) {
    let mut socket = TcpStream::connect(address).await.expect("a connection");
    let body = chat(json!({ "model": model, "stream": true })).to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\nauthorization: Bearer k\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await.expect("a request sent");
    let mut all = Vec::new();
    let end = socket.read_to_end(&mut all).await;
    (String::from_utf8_lossy(&all).into_owned(), end)
}

#[tokio::test]
async fn connections_are_reset_before_and_within_an_answer() {
    let running = mock::start(Options::default()).await.expect("a port");
    let (seen, end) = read_until_broken(running.address(), "mock-reset").await;
    assert_eq!((seen.as_str(), end.map_err(|e| e.kind())), ("", Err(std::io::ErrorKind::ConnectionReset)));
    let (seen, end) = read_until_broken(running.address(), "mock-reset-after-3").await;
    assert_eq!(seen.matches("data: ").count(), 3, "{seen}");
    assert_eq!(end.map_err(|e| e.kind()), Err(std::io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn what_was_received_can_be_read_back() {
    let mock = Mock::new(&Options::default());
    post(&mock, "/v1/chat/completions", &chat(json!({})), &[OPENAI[0], ("x-extra", "yes")]).await;
    let get = |path: &str| Request::get(path).body(Full::new(Bytes::new())).expect("a request");
    let stats = json_of(mock.handle(get("/mock/stats"), Connection::default()).await).await;
    assert_eq!(stats, json!({ "total": 1, "paths": { "/v1/chat/completions": 1 } }));
    let last = json_of(mock.handle(get("/mock/requests?last=5"), Connection::default()).await).await;
    assert_eq!(last[0]["headers"][1], json!(["x-extra", "yes"]));
    assert!(last[0]["body"].as_str().expect("a body").contains("How deep"));
    let models = Request::get("/v1/models").header("authorization", "Bearer k").body(Full::new(Bytes::new()));
    let models = json_of(mock.handle(models.expect("a request"), Connection::default()).await).await;
    assert_eq!(models["object"], "list");
}
