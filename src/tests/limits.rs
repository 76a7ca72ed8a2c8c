//! Limits over the life of a server: what was spent before counts.

use crate::harness::{Installation, Server, client};

/// Asks, and asks again while the server does not know yet what was spent.
async fn ask(server: &Server) -> (u16, Option<String>) {
    for _ in 0..2_000 {
        let answer = server.chat("Hello", false).await;
        let status = answer.status().as_u16();
        let budget = answer.headers().get("ratelimit").map(|value| value.to_str().unwrap().to_owned());
        let body: serde_json::Value = answer.json().await.unwrap();
        if body["error"]["code"] != "starting" {
            return (status, budget);
        }
        assert_eq!(status, 503);
        tokio::task::yield_now().await;
    }
    panic!("the server never finds out");
}

#[tokio::test]
async fn what_was_spent_counts_after_kill_9() {
    let installation = Installation::new().await;
    let limit = "{ rate_limiting_limit: 3, rate_limiting_interval: 86400, rate_limiting_technique: sliding }";
    installation.apply_team(limit).await;
    let mut server = installation.serve(&[]).await;
    for left in [2, 1] {
        let (status, told) = ask(&server).await;
        let told = told.expect("a limit");
        assert!(status == 200 && told.starts_with(&format!("\"default\";r={left};")), "{status} {told}");
    }
    server.child.kill().await.unwrap();

    let server = installation.serve(&[]).await;
    let (status, told) = ask(&server).await;
    assert!(
        status == 200 && told.as_deref().is_some_and(|told| told.starts_with("\"default\";r=0;")),
        "{status} {told:?}"
    );
    assert_eq!(ask(&server).await.0, 429);
    let ready = client().get(server.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    assert!(ready.text().await.unwrap().contains(r#""starting":false"#));
}

#[tokio::test]
async fn a_limit_that_is_switched_on_counts_what_passed_in_its_window() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let server = installation.serve(&[]).await;
    for _ in 0..2 {
        assert_eq!(ask(&server).await, (200, None));
    }
    let before = version(&server).await;
    installation.apply_team("{ rate_limiting_limit: 3, rate_limiting_interval: 3600 }").await;
    // The running server learns of it within a second.
    while version(&server).await == before {
        tokio::task::yield_now().await;
    }
    let (status, told) = ask(&server).await;
    assert!(
        status == 200 && told.as_deref().is_some_and(|told| told.starts_with("\"default\";r=0;")),
        "{status} {told:?}"
    );
    assert_eq!(ask(&server).await.0, 429);
}

/// The version of the configuration in force.
async fn version(server: &Server) -> i64 {
    let ready = client().get(server.url("/readyz")).send().await.unwrap();
    let ready: serde_json::Value = ready.json().await.unwrap();
    ready["config_version"].as_i64().expect("a version")
}
