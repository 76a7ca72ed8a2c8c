//! Stopping loses nothing.

use crate::harness::{Installation, Server, client};
use domain::TeamId;
use domain::ledger::Outcome;
use domain::view::AttemptDetail;
use store::Store;

/// What the ledger says of a request of the installation's only team.
async fn attempts(installation: &Installation, id: &str) -> Vec<AttemptDetail> {
    let path = installation.directory.path().join("data/weir.db");
    let store = Store::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let found = store::request_log::find_request(&store, TeamId(1), id.parse().unwrap(), false).await;
    found.unwrap().attempts
}

/// Starts a slow stream and returns once its first event is here.
async fn begin_stream(server: &Server) -> reqwest::Response {
    let mut response = server.chat("Please mock-pace-20 mock-tokens-40", true).await;
    assert_eq!(response.status(), 200);
    assert!(response.chunk().await.unwrap().is_some());
    response
}

#[tokio::test]
async fn a_running_stream_finishes_after_sigterm() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let mut server = installation.serve(&[]).await;
    let mut response = begin_stream(&server).await;
    let id = response.headers()["cf-aig-log-id"].to_str().unwrap().to_owned();
    server.terminate().await;
    let mut rest = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        rest.extend_from_slice(&chunk);
    }
    assert!(String::from_utf8(rest).unwrap().trim_end().ends_with("data: [DONE]"));
    assert!(server.child.wait().await.unwrap().success());
    let rows = attempts(&installation, &id).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].row.outcome, Outcome::Ok);
}

#[tokio::test]
async fn a_stream_that_outlives_the_limit_is_cut_and_written_down() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let mut server = installation.serve(&[("WEIR_SHUTDOWN_TIMEOUT", "0")]).await;
    let response = begin_stream(&server).await;
    let id = response.headers()["cf-aig-log-id"].to_str().unwrap().to_owned();
    server.terminate().await;
    assert!(server.child.wait().await.unwrap().success());
    let rows = attempts(&installation, &id).await;
    assert_eq!(rows.len(), 1);
    let row = &rows[0].row;
    assert_eq!((row.outcome, row.error_code.as_deref()), (Outcome::Interrupted, Some("shutting_down")));
}

#[tokio::test]
async fn a_stopping_server_can_be_asked_and_still_answers_for_the_grace() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let mut server = installation.serve_logged(&[("WEIR_DRAIN_GRACE", "3600")]).await;
    let mut stream = begin_stream(&server).await;
    server.terminate().await;
    server.logged("not ready any more").await;
    let ready = client().get(server.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    let why = ready.text().await.unwrap();
    assert!(why.contains(r#""ready":false,"draining":true"#), "{why}");
    assert_eq!(server.chat("Hello", false).await.status(), 200);
    // Another signal ends the grace.
    server.terminate().await;
    server.logged("the listener is closed").await;
    assert!(client().get(server.url("/healthz")).send().await.unwrap_err().is_connect());
    while stream.chunk().await.unwrap().is_some() {}
    assert!(server.child.wait().await.unwrap().success());
}

#[tokio::test]
async fn another_signal_cuts_what_still_runs() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let mut server = installation.serve_logged(&[("WEIR_SHUTDOWN_TIMEOUT", "3600")]).await;
    let mut response = server.chat("Please mock-pace-1000 mock-tokens-3600", true).await;
    assert!(response.chunk().await.unwrap().is_some());
    server.terminate().await;
    server.logged("the listener is closed").await;
    server.terminate().await;
    assert!(server.child.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_connection_that_never_asks_is_closed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let installation = Installation::new().await;
    let server = installation.serve(&[]).await;
    let mut silent = server.connect().await;
    silent.write_all(b"P").await.unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(std::time::Duration::from_secs(60), silent.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "still open after a minute");
}
