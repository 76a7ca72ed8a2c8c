//! A gateway that logs nothing counts all the same.

use crate::harness::{Installation, PASSWORD};

#[tokio::test]
async fn the_overview_shows_figures_and_the_connect_page_says_why_it_does_not_wait() {
    let installation = Installation::new().await;
    installation.apply_member("{ collect_logs: false }").await;
    let server = installation.serve(&[]).await;
    let ann = server.sign_in(PASSWORD).await.expect("signed in");
    let page = async |path: &str| server.get(path, Some(&ann)).await.text().await.unwrap();
    assert!(page("/acme").await.contains("Four steps to your first request"));
    assert_eq!(server.chat("Hello", false).await.status(), 200);
    let mut overview = page("/acme").await;
    while overview.contains("Four steps") {
        overview = page("/acme").await;
    }
    assert!(overview.contains("By model") && overview.contains("gpt-4o-mini"), "{overview}");
    let connect = page("/acme/gateways/main/connect").await;
    assert!(connect.contains("This gateway logs no requests"), "{connect}");
    assert!(!connect.contains("data-refresh") && !connect.contains("Waiting for the first request"), "{connect}");
}

#[tokio::test]
async fn the_connect_page_stops_asking_once_it_is_connected() {
    let installation = Installation::new().await;
    installation.apply_member("{}").await;
    let server = installation.serve(&[]).await;
    let ann = server.sign_in(PASSWORD).await.expect("signed in");
    let page = async || server.get("/acme/gateways/main/connect", Some(&ann)).await.text().await.unwrap();
    assert!(page().await.contains("data-refresh"));
    assert_eq!(server.chat("Hello", false).await.status(), 200);
    let mut connect = page().await;
    while !connect.contains("Connected. Latest request:") {
        connect = page().await;
    }
    assert!(!connect.contains("data-refresh"), "the page on the screen stops when this is gone");
}
