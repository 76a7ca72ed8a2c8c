//! `weir migrate` and `weir user`.

use store::Store;

use crate::harness::{Installation, PASSWORD, text};

#[tokio::test]
async fn migrate_makes_the_schema_and_finds_it_made() {
    let installation = Installation::new().await;
    for _ in 0..2 {
        let output = installation.run(&["migrate"]).await;
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("up to date"), "{}", text(&output.stdout));
    }
    let path = installation.directory.path().join("data/weir.db");
    let store = Store::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    assert_eq!(store::config::version(&store).await.unwrap(), 1);
}

#[tokio::test]
async fn a_reset_password_replaces_the_old_one_while_the_server_runs() {
    let installation = Installation::new().await;
    installation.apply_member("{}").await;
    let server = installation.serve(&[]).await;
    assert!(server.sign_in(PASSWORD).await.is_some());
    let output = installation.run(&["user", "reset-password", "ann@example.com"]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    let password = said.lines().nth(1).expect("the new password in a line of its own");
    assert_eq!(server.sign_in(PASSWORD).await, None);
    assert!(server.sign_in(password).await.is_some());
    let unknown = installation.run(&["user", "reset-password", "nobody@example.com"]).await;
    assert!(!unknown.status.success());
    assert_eq!(text(&unknown.stderr).lines().count(), 1, "{}", text(&unknown.stderr));
}
