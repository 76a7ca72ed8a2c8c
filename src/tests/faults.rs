//! What a disk and a database do to the ledger, with the real server: no row that was acknowledged is lost, `/readyz` and the
//! overview say what is wrong, and everything goes on without hands once it is not.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Installation, PASSWORD, Server};
use crate::postgres::Postgres;

/// Asks so often, each time with success.
async fn answered(server: &Server, times: u64) {
    for number in 0..times {
        let answer = server.chat(&format!("Question {number}"), number % 3 == 0).await;
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
    }
}

async fn count(installation: &Installation, name: &str) -> u64 {
    installation.verify().await[name].as_u64().unwrap()
}

/// How long a fault lasts: as long as it takes to be noticed, or as `WEIR_FAULT_SECONDS` says.
async fn last() {
    let seconds = std::env::var("WEIR_FAULT_SECONDS").ok().map_or(0, |seconds| seconds.parse().unwrap());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn is_stalled(readiness: &Value) -> bool {
    readiness["ledger_stalled"] == true
}

#[tokio::test]
async fn rows_wait_while_the_database_is_locked() {
    let installation = Installation::new().await;
    installation.apply_member("{}").await;
    let server = installation.serve(&[]).await;
    let ann = server.sign_in(PASSWORD).await.expect("signed in");
    answered(&server, 1).await;
    server.until_caught_up().await;
    let store = installation.store().await;
    let lock = store.write_tx().await.unwrap();
    answered(&server, 20).await;
    let readiness = server.until(is_stalled).await;
    assert_eq!((&readiness["ready"], &readiness["ledger"]), (&Value::from(true), &Value::from(true)), "{readiness}");
    assert!(readiness["ledger_backlog_bytes"].as_u64() > Some(0), "{readiness}");
    let page = server.get("/acme", Some(&ann)).await.text().await.unwrap();
    assert!(page.contains("The database takes no rows at the moment"), "{page}");
    last().await;
    answered(&server, 1).await;
    lock.rollback().await.unwrap();
    let readiness = server.until_caught_up().await;
    assert!(!is_stalled(&readiness), "{readiness}");
    assert_eq!(count(&installation, "rows").await, 22);
    let page = server.get("/acme", Some(&ann)).await.text().await.unwrap();
    assert!(!page.contains("The database takes no rows"), "{page}");
}

#[tokio::test]
async fn a_server_whose_disk_was_full_goes_on_by_itself() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let server = installation.serve_limited(Stdio::null()).await;
    answered(&server, 5).await;
    let mut running = server.chat("Please mock-pace-20 mock-tokens-40", true).await;
    assert!(running.chunk().await.unwrap().is_some());
    server.limit_files(Some(0));
    while running.chunk().await.unwrap().is_some() {}
    let readiness = server.until(|readiness| readiness["ledger"] == false).await;
    assert_eq!((&readiness["ready"], &readiness["ledger_rows_waiting"]), (&Value::from(false), &Value::from(1)));
    assert_eq!(server.chat("Hello", false).await.status(), 503);
    last().await;
    server.limit_files(None);
    server.until_caught_up().await;
    answered(&server, 5).await;
    let readiness = server.until_caught_up().await;
    assert_eq!((&readiness["ledger_rows_waiting"], &readiness["ledger_rows_lost"]), (&Value::from(0), &Value::from(0)));
    // What was answered, and the refusal.
    assert_eq!(count(&installation, "rows").await, 12);
    assert_eq!(count(&installation, "killed").await, 0);
}

#[tokio::test]
async fn a_row_that_waits_for_a_full_disk_when_the_server_is_killed_is_told_of() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let mut server = installation.serve_limited(Stdio::null()).await;
    let mut running = server.chat("Please mock-pace-20 mock-tokens-40", true).await;
    assert!(running.chunk().await.unwrap().is_some());
    server.limit_files(Some(0));
    while running.chunk().await.unwrap().is_some() {}
    server.until(|readiness| readiness["ledger_rows_waiting"] == 1).await;
    server.child.kill().await.unwrap();
    let server = installation.serve(&[]).await;
    server.until_caught_up().await;
    assert_eq!((count(&installation, "rows").await, count(&installation, "killed").await), (1, 1));
}

/// A server that was killed with ten rows in its spool that are not in the database, and the segment they are in.
async fn killed_with_rows(installation: &Installation) -> PathBuf {
    installation.apply_member("{}").await;
    let mut server = installation.serve(&[]).await;
    answered(&server, 1).await;
    server.until_caught_up().await;
    let store = installation.store().await;
    let lock = store.write_tx().await.unwrap();
    answered(&server, 10).await;
    server.child.kill().await.unwrap();
    lock.rollback().await.unwrap();
    let spool = installation.directory.path().join("data/spool");
    let entries = std::fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().path());
    let segments = entries.filter(|path| path.extension().is_some_and(|name| name == "segment"));
    segments.max_by_key(|path| path.metadata().unwrap().len()).unwrap()
}

/// The next start: it tells of the damage, to supervisors and to people, until somebody takes the file away.
async fn tells_of_damage(installation: &Installation, segment: PathBuf) {
    let server = installation.serve(&[]).await;
    let readiness = server.until_caught_up().await;
    assert!(readiness["ledger_damaged_bytes"].as_u64() > Some(0), "{readiness}");
    let kept = segment.with_extension("damaged");
    let name = kept.file_name().unwrap().to_str().unwrap();
    let is_named = |readiness: &Value| readiness["ledger_damaged_segments"] == Value::from(vec![name]);
    server.until(is_named).await;
    let ann = server.sign_in(PASSWORD).await.expect("signed in");
    let page = server.get("/acme", Some(&ann)).await.text().await.unwrap();
    assert!(page.contains(name) && page.contains("were damaged on the disk"), "{page}");
    answered(&server, 1).await;
    std::fs::remove_file(kept).unwrap();
    server.until(|readiness| readiness["ledger_damaged_segments"] == Value::Array(vec![])).await;
    server.until_caught_up().await;
}

#[tokio::test]
async fn a_flipped_bit_costs_its_row_alone_and_is_told_of() {
    let installation = Installation::new().await;
    let segment = killed_with_rows(&installation).await;
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&segment, bytes).unwrap();
    tells_of_damage(&installation, segment).await;
    assert_eq!(count(&installation, "rows").await, 11);
}

#[tokio::test]
async fn a_segment_that_lost_its_end_is_told_of_and_so_are_its_attempts() {
    let installation = Installation::new().await;
    let segment = killed_with_rows(&installation).await;
    let file = std::fs::OpenOptions::new().write(true).open(&segment).unwrap();
    file.set_len(file.metadata().unwrap().len() - 10).unwrap();
    tells_of_damage(&installation, segment).await;
    assert_eq!((count(&installation, "rows").await, count(&installation, "killed").await), (12, 1));
}

#[tokio::test]
#[ignore = "needs PostgreSQL's programs"]
async fn rows_wait_while_postgresql_is_started_again() {
    let postgres = Postgres::start().await;
    let mut installation = Installation::new().await;
    installation.database_url = Some(postgres.url());
    installation.apply_team("{}").await;
    let server = installation.serve(&[]).await;
    answered(&server, 5).await;
    postgres.stop().await;
    answered(&server, 5).await;
    let readiness = server.until(|readiness| readiness["database"] == false && is_stalled(readiness)).await;
    assert_eq!((&readiness["ready"], &readiness["ledger"]), (&Value::from(true), &Value::from(true)), "{readiness}");
    last().await;
    postgres.start_again().await;
    answered(&server, 5).await;
    let readiness =
        server.until(|readiness| readiness["database"] == true && readiness["ledger_backlog_bytes"] == 0).await;
    assert!(!is_stalled(&readiness), "{readiness}");
    assert_eq!((count(&installation, "rows").await, count(&installation, "killed").await), (15, 0));
}

#[tokio::test]
async fn in_strict_mode_rows_are_written_as_ever() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let mut server = installation.serve(&[("WEIR_LEDGER_SYNC", "true")]).await;
    let asked: Vec<_> = (0..4).map(|_| answered(&server, 5)).collect();
    futures_util::future::join_all(asked).await;
    server.child.kill().await.unwrap();
    let server = installation.serve(&[("WEIR_LEDGER_SYNC", "true")]).await;
    server.until_caught_up().await;
    assert_eq!((count(&installation, "rows").await, count(&installation, "killed").await), (20, 0));
}
