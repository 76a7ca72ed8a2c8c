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

#[tokio::test]
async fn a_tokens_own_limit_and_restriction_hold_and_are_lifted_in_a_running_server() {
    let installation = Installation::new().await;
    let team =
        |held: &str| installation.team("{}").replace("gateways: [main] }", &format!("gateways: [main]{held} }}"));
    let apply = async |held: &str, words: &str| {
        let output = installation.apply(&team(held), &[]).await;
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains(words), "{}", text(&output.stdout));
        let again = installation.apply(&team(held), &[]).await;
        assert!(text(&again.stdout).contains(" 0 to change"), "{}", text(&again.stdout));
    };
    apply(", limits: { requests_per_minute: 1, cost_per_day: \"2.50\" }", "limits.cost_per_day: $2.50").await;
    let server = installation.serve(&[]).await;
    let mut version = server.until_caught_up().await["config_version"].clone();
    let mut applied = async |held: &str, words: &str| {
        apply(held, words).await;
        version = server.until(|now| now["config_version"] != version).await["config_version"].clone();
    };
    assert_eq!(server.chat("Hello", false).await.status(), 200);
    let refused = server.chat("Hello", false).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.text().await.unwrap().contains("app: requests a minute"));

    applied(", limits: {}", "limits.requests_per_minute: 1 → none").await;
    assert_eq!(server.chat("Hello", false).await.status(), 200);

    applied(", models: [\"anthropic/*\"]", "models: none → [\"anthropic/*\"]").await;
    assert_eq!(server.chat("Hello", false).await.status(), 403);
    apply("", "= token app").await;
    assert_eq!(server.chat("Hello", false).await.status(), 403, "what is left out stays");
    applied(", models: null", "models: [\"anthropic/*\"] → none").await;
    assert_eq!(server.chat("Hello", false).await.status(), 200);
}

#[tokio::test]
async fn a_limit_that_is_none_is_told_by_its_line_and_field() {
    let installation = Installation::new().await;
    let file =
        installation.team("{}").replace("gateways: [main] }", "gateways: [main], limits: { cost_per_day: 0.5 } }");
    let output = installation.apply(&file, &[]).await;
    assert!(!output.status.success());
    let message = text(&output.stderr);
    assert!(
        message.contains("team.yaml:11: teams[0].tokens[0].limits.cost_per_day: must be whole dollars"),
        "{message}"
    );
}
