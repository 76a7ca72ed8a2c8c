//! Who a request counts for behind a reverse proxy.

use crate::harness::{Installation, PASSWORD, client};

#[tokio::test]
async fn a_proxy_that_nobody_named_is_told_of_once() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let mut server = installation.serve_logged(&[]).await;
    for _ in 0..3 {
        let asked = client().get(server.url("/v1/models")).header("x-forwarded-for", "203.0.113.7");
        assert_eq!(asked.send().await.unwrap().status(), 401);
    }
    server.terminate().await;
    let log = server.log_to_its_end().await;
    let told: Vec<_> = log.iter().filter(|line| line.contains("WEIR_TRUSTED_PROXIES")).collect();
    assert!(told.len() == 1 && told[0].contains("127.0.0.1"), "{log:?}");
}

#[tokio::test]
async fn a_named_proxy_may_say_the_port_too() {
    let installation = Installation::new().await;
    installation.apply_member("{}").await;
    let server = installation.serve(&[("WEIR_TRUSTED_PROXIES", "127.0.0.1")]).await;
    let ann = server.sign_in(PASSWORD).await.expect("signed in");
    let signed_in = client().post(server.url("/ui/sign-in")).header("sec-fetch-site", "same-origin");
    let signed_in = signed_in.header("x-forwarded-for", "203.0.113.7:5678").header("accept", "text/html");
    let form = format!("email=ann%40example.com&password={PASSWORD}");
    let signed_in = signed_in.header("content-type", "application/x-www-form-urlencoded").body(form);
    assert_eq!(signed_in.send().await.unwrap().status(), 302);
    let account = server.get("/account", Some(&ann)).await.text().await.unwrap();
    assert!(account.contains("203.0.113.7") && account.contains("127.0.0.1"), "{account}");
}
