//! The demo's secrets: well known on this machine, made up where others can reach it.

use std::path::Path;
use std::process::Output;

use tokio::process::Command;

use crate::harness::text;

/// What `script/server --demo` would use; password and one token.
async fn secrets(listen: &str, data: &Path) -> Output {
    secrets_after("true", listen, data).await
}

/// The same after something has been done in the shell.
async fn secrets_after(before: &str, listen: &str, data: &Path) -> Output {
    let script =
        format!(r#". script/common && {before} && . script/demo-secrets && echo "$DEMO_PASSWORD $DEMO_WEB_TOKEN""#);
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).current_dir(env!("CARGO_MANIFEST_DIR"));
    bash.env_remove("DEMO_PASSWORD").env_remove("DATABASE_URL");
    bash.env("WEIR_LISTEN", listen).env("WEIR_DATA_DIR", data).output().await.unwrap()
}

#[tokio::test]
async fn a_demo_that_others_can_reach_has_secrets_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let data = |name: &str| directory.path().join(name);
    for listen in ["127.0.0.1:8787", "[::1]:8787"] {
        let known = text(&secrets(listen, &data("here")).await.stdout);
        assert_eq!(known, "a heron under the weir weir_demo_web_app_token\n", "{listen}");
    }
    let mut seen = Vec::new();
    for (name, listen) in [("a", "0.0.0.0:8787"), ("b", "[::]:8787"), ("c", "192.0.2.1:80")] {
        let own = text(&secrets(listen, &data(name)).await.stdout);
        assert!(own.len() > 60 && !own.contains("heron") && !own.contains("web_app"), "{listen}: {own}");
        assert_eq!(text(&secrets("127.0.0.1:8787", &data(name)).await.stdout), own, "they stay with their data");
        assert!(!seen.contains(&own));
        seen.push(own);
    }
}

#[tokio::test]
async fn a_demo_with_the_known_password_is_not_shown_to_others() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("weir.db"), "").unwrap();
    let refused = secrets("0.0.0.0:8787", directory.path()).await;
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("WEIR_DATA_DIR"), "{}", text(&refused.stderr));
}

#[tokio::test]
async fn without_randomness_there_is_no_demo() {
    let directory = tempfile::tempdir().unwrap();
    let refused = secrets_after("od() { return 1; }", "0.0.0.0:8787", directory.path()).await;
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("/dev/urandom"), "{}", text(&refused.stderr));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_database_that_the_settings_file_names_may_hold_the_known_password() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("weir.toml"), "database_url = \"postgres://h/d\"\n").unwrap();
    let there = format!("cd {}/ && cp -r $ROOT/script .", directory.path().display());
    let refused = secrets_after(&there, "0.0.0.0:8787", &directory.path().join("data")).await;
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("weir.toml"), "{}", text(&refused.stderr));
}
