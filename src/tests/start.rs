//! What happens before the first request.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::harness::{Installation, client, text};

#[tokio::test]
async fn wrong_settings_stop_the_start_with_a_line_each() {
    let installation = Installation::new().await;
    let mut command = installation.command(&["serve"]);
    let output =
        command.env("WEIR_LISTEN", "nowhere").env("DATABASE_URL", "mysql://u:hunter2@h/d").output().await.unwrap();
    assert!(!output.status.success());
    let message = text(&output.stderr);
    assert_eq!(message.lines().count(), 2, "{message}");
    assert!(message.contains("WEIR_LISTEN") && message.contains("DATABASE_URL"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[tokio::test]
async fn a_second_start_on_the_same_data_refuses() {
    let installation = Installation::new().await;
    let first = installation.serve(&[]).await;
    let second = installation.run(&["serve"]).await;
    assert!(!second.status.success());
    let message = text(&second.stderr);
    assert!(message.contains("WEIR_DATA_DIR") && message.lines().count() == 1, "{message}");
    let health = client().get(first.url("/healthz")).send().await.unwrap();
    assert_eq!(health.status(), 200);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_burst_of_connections_waits_until_the_server_has_time() {
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse::<usize>().unwrap();
    let installation = Installation::new().await;
    let server = installation.serve(&[]).await;
    server.signal("-STOP").await;
    let mut waiting = Vec::new();
    for _ in 0..most.min(400) {
        waiting.push(
            tokio::time::timeout(Duration::from_millis(900), server.connect()).await.expect("a place in the queue"),
        );
    }
    server.signal("-CONT").await;
    let health = client().get(server.url("/healthz")).send().await.unwrap();
    assert_eq!(health.status(), 200);
}

#[tokio::test]
async fn a_second_server_on_the_same_sqlite_file_refuses() {
    let installation = Installation::new().await;
    let url = format!("sqlite://{}?mode=rwc", installation.directory.path().join("shared.db").display());
    let first = installation.serve(&[("DATABASE_URL", &url)]).await;
    let elsewhere = installation.directory.path().join("elsewhere");
    let mut second = installation.command(&["serve"]);
    let second = second.env("DATABASE_URL", &url).env("WEIR_DATA_DIR", &elsewhere).output().await.unwrap();
    assert!(!second.status.success());
    let message = text(&second.stderr);
    assert!(message.contains("DATABASE_URL") && message.contains("PostgreSQL"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    // Other commands work beside a server.
    let mut migrate = installation.command(&["migrate"]);
    assert!(migrate.env("DATABASE_URL", &url).output().await.unwrap().status.success());
    let health = client().get(first.url("/healthz")).send().await.unwrap();
    assert_eq!(health.status(), 200);
}

#[tokio::test]
async fn the_first_start_prints_a_set_up_link_and_keeps_the_key_private() {
    let installation = Installation::new().await;
    let mut server = installation.serve(&[]).await;
    let mut printed = String::new();
    while !printed.contains("/setup/") {
        printed.push_str(&server.lines.next_line().await.unwrap().expect("a set-up link"));
    }
    let data = installation.directory.path().join("data");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for private in ["master.key", "weir.db"] {
        assert_eq!(mode(&data.join(private)), 0o600, "{private}");
    }
}

#[tokio::test]
async fn another_master_key_is_refused_before_anything_is_served() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let mut command = installation.command(&["serve"]);
    let output = command.env("WEIR_MASTER_KEY", "07".repeat(32)).output().await.unwrap();
    assert!(!output.status.success());
    assert!(text(&output.stderr).to_lowercase().contains("master key"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn it_tells_when_it_is_ready() {
    let installation = Installation::new().await;
    let server = installation.serve(&[]).await;
    let ready = client().get(server.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    let said = ready.text().await.unwrap();
    let counts = r#""ledger_rows_waiting":0,"ledger_rows_lost":0,"ledger_refusals_lost":0"#;
    assert!(said.contains(r#""ready":true"#) && said.contains(counts), "{said}");
}

#[tokio::test]
async fn the_version_is_printed() {
    let installation = Installation::new().await;
    let output = installation.run(&["version"]).await;
    assert_eq!(text(&output.stdout), format!("weir {}\n", env!("CARGO_PKG_VERSION")));
}
