//! What the process log says, and what it never does.

use crate::harness::{Installation, PASSWORD, TOKEN, client};

#[tokio::test]
async fn a_log_for_machines_is_one_object_a_line() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let mut server = installation.serve_logged(&[("WEIR_LOG_FORMAT", "json")]).await;
    assert_eq!(server.chat("Hello", false).await.status(), 200);
    server.terminate().await;
    let log = server.log_to_its_end().await;
    assert!(!log.is_empty());
    for line in &log {
        let object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(object["level"].is_string() && object["timestamp"].is_string(), "{line}");
        assert!(object["fields"]["message"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn at_no_level_it_says_a_secret() {
    let installation = Installation::new().await;
    installation.apply_member("{}").await;
    let mut server = installation.serve_logged(&[("WEIR_LOG", "trace")]).await;
    let log = server.log_in_background();
    assert_eq!(server.chat("Hello hippopotamus", false).await.status(), 200);
    assert!(!server.chat("Hello hippopotamus", true).await.text().await.unwrap().is_empty());
    let query = server.url(&format!("/v1/acme/main/openai/models?key={TOKEN}"));
    client().get(query).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(server.sign_in("a-wrong-password").await, None);
    let cookie = server.sign_in(PASSWORD).await.expect("signed in");
    client().get(server.url("/")).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(server.get("/account/join/an-invitations-secret", None).await.status(), 410);
    server.terminate().await;
    assert!(server.child.wait().await.unwrap().success());
    let log = log.await.unwrap();
    assert!(log.iter().any(|line| line.contains("DEBUG")), "{log:#?}");
    let session = cookie.split_once('=').unwrap().1;
    for secret in
        [TOKEN, "sk-provider-secret", PASSWORD, "a-wrong-password", session, "hippopotamus", "an-invitations-secret"]
    {
        let telling = log.iter().find(|line| line.contains(secret));
        assert_eq!(telling, None, "{secret}");
    }
}
