//! `weir apply`, on its own and against a running server.

use crate::harness::{Installation, TOKEN, client, text};

#[tokio::test]
async fn a_dry_run_changes_nothing_and_a_second_run_finds_nothing_to_do() {
    let installation = Installation::new().await;
    let team = installation.team("{ cache_ttl: 60 }");
    let dry = installation.apply(&team, &["--dry-run"]).await;
    assert!(dry.status.success(), "{}", text(&dry.stderr));
    let first = installation.apply(&team, &[]).await;
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert!(text(&first.stdout).contains("+ "), "{}", text(&first.stdout));
    let second = installation.apply(&team, &[]).await;
    assert!(second.status.success());
    assert!(!text(&second.stdout).contains("+ ") && !text(&second.stdout).contains("~ "), "{}", text(&second.stdout));
    for output in [&dry, &first, &second] {
        assert!(!text(&output.stdout).contains("sk-provider-secret") && !text(&output.stdout).contains(TOKEN));
    }
}

#[tokio::test]
async fn an_error_names_file_line_and_field_and_nothing_is_written() {
    let installation = Installation::new().await;
    let output = installation.apply(&installation.team("{ cache_ttl: 5 }"), &[]).await;
    assert!(!output.status.success());
    let message = text(&output.stderr);
    assert!(message.contains("team.yaml:5") && message.contains("cache_ttl"), "{message}");
    let plan = installation.apply(&installation.team("{}"), &["--dry-run"]).await;
    assert!(text(&plan.stdout).contains("acme"), "the team must still be new: {}", text(&plan.stdout));
}

#[tokio::test]
async fn a_running_server_takes_over_what_is_applied() {
    let installation = Installation::new().await;
    let mut server = installation.serve_logged(&[]).await;
    assert_eq!(server.chat("Hello", false).await.status(), 401);
    installation.apply_team("{}").await;
    server.logged("configuration reloaded").await;
    assert_eq!(server.chat("Hello", false).await.status(), 200);
}

#[tokio::test]
async fn native_paths_of_every_dialect_work_with_stored_keys() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let server = installation.serve(&[]).await;
    let message = r#"{"model":"claude-haiku-4-5","max_tokens":20,"messages":[{"role":"user","content":"Hi"}]}"#;
    let gemini = r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#;
    let chat = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hi"}]}"#;
    for (path, body) in [
        ("/v1/acme/main/openai/chat/completions", chat),
        ("/v1/acme/main/openai/v1/chat/completions", chat),
        ("/v1/acme/main/anthropic/v1/messages", message),
        ("/v1/acme/main/google-ai-studio/v1beta/models/gemini-2.5-flash:generateContent", gemini),
    ] {
        let request = client().post(server.url(path)).header("x-api-key", TOKEN);
        let response = request.header("content-type", "application/json").body(body).send().await.unwrap();
        let status = response.status();
        assert_eq!(status, 200, "{path}: {}", response.text().await.unwrap());
    }
}
