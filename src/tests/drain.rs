//! Stopping loses nothing.

use std::process::Stdio;

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

/// There, one thread does everything for requests (`commands::serve`).
#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_processor_answers_many_and_finishes_what_runs() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let mut server = installation.serve_on_one_processor().await;
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.child.id().unwrap())).unwrap();
    let names: Vec<_> = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap()).collect();
    assert!(names.iter().all(|name| !name.starts_with("data-plane")), "{names:?}");
    let mut stream = begin_stream(&server).await;
    for response in futures_util::future::join_all((0..20).map(|_| server.chat("Hello", false))).await {
        assert_eq!(response.status(), 200);
    }
    assert_eq!(server.get("/sign-in", None).await.status(), 200);
    server.terminate().await;
    while stream.chunk().await.unwrap().is_some() {}
    assert!(server.child.wait().await.unwrap().success());
    assert_eq!(installation.verify().await["rows"], 21);
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

/// A server whose disk filled while a request was running: its row waits in memory, and then that of a refusal. Answers the
/// request's id too.
async fn serve_until_the_disk_is_full(installation: &Installation) -> (Server, String) {
    installation.apply_team("{}").await;
    let mut server = installation.serve_limited(Stdio::piped()).await;
    let mut stream = begin_stream(&server).await;
    let id = stream.headers()["cf-aig-log-id"].to_str().unwrap().to_owned();
    let segments = installation.segments();
    server.limit_files(Some(0));
    while stream.chunk().await.unwrap().is_some() {}
    server.logged("the spool cannot be written").await;
    let refused = server.chat("Hello", false).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.text().await.unwrap().contains("ledger_unavailable"));
    let ready = client().get(server.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.unwrap().contains(r#""ledger":false,"ledger_writer":true"#));
    assert!(installation.segments() <= segments, "failing leaves nothing behind");
    (server, id)
}

#[tokio::test]
async fn rows_that_wait_for_a_full_disk_are_written_when_it_has_room() {
    let installation = Installation::new().await;
    let (mut server, id) = serve_until_the_disk_is_full(&installation).await;
    server.terminate().await;
    server.logged("the spool cannot be written; waiting until it can").await;
    server.limit_files(None);
    server.logged("the spool takes rows again").await;
    assert!(server.child.wait().await.unwrap().success());
    assert_eq!(attempts(&installation, &id).await[0].row.outcome, Outcome::Ok);
}

#[tokio::test]
async fn a_log_on_the_full_disk_makes_it_no_worse() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let log = std::fs::File::create(installation.directory.path().join("server.log")).unwrap();
    let mut server = installation.serve_limited(log.into()).await;
    let mut stream = begin_stream(&server).await;
    let id = stream.headers()["cf-aig-log-id"].to_str().unwrap().to_owned();
    server.limit_files(Some(0));
    while stream.chunk().await.unwrap().is_some() {}
    assert_eq!(server.chat("Hello", false).await.status(), 503);
    server.limit_files(None);
    server.terminate().await;
    assert!(server.child.wait().await.unwrap().success());
    assert_eq!(attempts(&installation, &id).await[0].row.outcome, Outcome::Ok);
}

#[tokio::test]
async fn rows_that_a_full_disk_costs_are_told_of() {
    let installation = Installation::new().await;
    let (mut server, _) = serve_until_the_disk_is_full(&installation).await;
    server.terminate().await;
    server.logged("the spool cannot be written; waiting until it can").await;
    // Another signal ends the wait, as its time would.
    server.terminate().await;
    server.logged("rows of the ledger are lost (2)").await;
    assert!(!server.child.wait().await.unwrap().success());
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
