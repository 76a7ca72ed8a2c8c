//! Responses that later requests refer to, with the real database and spool behind them.

use serde_json::{Value, json};

use crate::harness::{Installation, Server, TOKEN, client};

async fn send(server: &Server, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request = client().request(method.parse().unwrap(), server.url(path)).bearer_auth(TOKEN);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

async fn ask(server: &Server, rest: Value) -> (u16, Value) {
    let mut body = json!({ "model": "anthropic/claude-sonnet-4-5", "input": "Hello" });
    body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    send(server, "POST", "/v1/responses", Some(body)).await
}

#[tokio::test]
async fn a_response_and_a_conversation_survive_kill_9() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let mut server = installation.serve(&[]).await;
    let (_, conversation) = send(&server, "POST", "/v1/conversations", Some(json!({ "metadata": { "a": "b" } }))).await;
    let (status, first) = ask(&server, json!({ "conversation": conversation["id"] })).await;
    assert_eq!(status, 200, "{first}");
    server.child.kill().await.unwrap();

    let server = installation.serve(&[]).await;
    let path = format!("/v1/responses/{}", first["id"].as_str().unwrap());
    // Right after the start the writer may not have carried it over.
    let mut found = send(&server, "GET", &path, None).await;
    for _ in 0..200 {
        if found.0 == 200 {
            break;
        }
        tokio::task::yield_now().await;
        found = send(&server, "GET", &path, None).await;
    }
    assert_eq!(found, (200, first.clone()));
    let (status, second) = ask(&server, json!({ "previous_response_id": first["id"], "input": "Go on" })).await;
    assert_eq!((status, &second["previous_response_id"]), (200, &first["id"]), "{second}");
    let items = format!("/v1/conversations/{}/items?order=asc", conversation["id"].as_str().unwrap());
    let (status, items) = send(&server, "GET", &items, None).await;
    assert_eq!((status, items["data"].as_array().map(Vec::len)), (200, Some(2)), "{items}");
    assert_eq!(items["data"][1]["role"], "assistant");

    let (status, deleted) = send(&server, "DELETE", &path, None).await;
    assert_eq!((status, &deleted["deleted"]), (200, &json!(true)));
    assert_eq!(send(&server, "GET", &path, None).await.0, 404);
}

#[tokio::test]
async fn what_a_killed_process_was_making_is_told_to_have_failed() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let mut server = installation.serve(&[]).await;
    let (_, begun) = ask(&server, json!({ "background": true, "input": "mock-silent" })).await;
    let path = format!("/v1/responses/{}", begun["id"].as_str().unwrap());
    assert_eq!(send(&server, "GET", &path, None).await.1["status"], "in_progress");
    server.child.kill().await.unwrap();

    let server = installation.serve(&[]).await;
    let mut found = (0, Value::Null);
    for _ in 0..200 {
        found = send(&server, "GET", &path, None).await;
        if found.0 == 200 && found.1["status"] != "in_progress" {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(
        (found.0, &found.1["status"], &found.1["error"]["code"]),
        (200, &json!("failed"), &json!("server_error"))
    );
    assert_eq!(send(&server, "DELETE", &path, None).await.0, 200);
    assert_eq!(send(&server, "GET", &path, None).await.0, 404);
}
