//! No route without a guard.

use ::app::api::join::Join;
use ::app::api::session::SignIn;
use ::app::api::setup::Claim;
use ::app::pages::join::LINK;
use leptos::server_fn::ServerFn;

use crate::harness::{Installation, client};

#[tokio::test]
async fn every_data_plane_route_refuses_without_a_token() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let server = installation.serve(&[]).await;
    assert!(!gateway::ROUTES.is_empty());
    for route in gateway::ROUTES {
        let path = route
            .pattern
            .replace("{team}", "acme")
            .replace("{gateway}", "main")
            .replace("{provider}", "openai")
            .replace("{rest}", "chat/completions")
            .replace("{model}", "openai/gpt-4o-mini")
            .replace("{id}", "resp_1")
            .replace("{item}", "msg_1");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            let request = client().request(method.parse().unwrap(), server.url(&path));
            let response = request.header("content-type", "application/json").body("{}").send().await.unwrap();
            assert_eq!(response.status(), 401, "{method} {path}");
            assert_eq!(response.headers()["content-type"], "application/json", "{method} {path}");
            let body = response.text().await.unwrap();
            assert_eq!(body.contains("missing_token"), method != "HEAD", "{method} {path}: {body}");
        }
        let asked = client().request(reqwest::Method::OPTIONS, server.url(&path));
        let asked = asked.header("origin", "https://example.com").header("access-control-request-method", "POST");
        let preflight = asked.header("access-control-request-headers", "authorization").send().await.unwrap();
        assert_eq!(preflight.status(), 401, "{path}");
        let allows = |name: &http::HeaderName| name.as_str().starts_with("access-control-");
        assert!(!preflight.headers().keys().any(allows), "{path}: no page in a browser may call it");
    }
    assert_eq!(client().post(server.url("/v1/nothing/here")).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn every_page_and_server_function_demands_a_session() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let server = installation.serve(&[]).await;
    for route in leptos_axum::generate_route_list(::app::App) {
        let path = route.path().to_owned();
        if path.starts_with("/sign-in") || path.starts_with("/setup") || path.starts_with(LINK) {
            continue;
        }
        let path = path.replace("{team}", "acme").replace(['{', '}', '*', ':'], "");
        let response = client().get(server.url(&path)).send().await.unwrap();
        assert_eq!(response.status(), 303, "{path}");
        assert!(response.headers()["location"].to_str().unwrap().starts_with("/sign-in"), "{path}");
    }
    let mut functions = 0;
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        if [SignIn::PATH, Claim::PATH, Join::PATH].contains(&path) {
            continue;
        }
        let foreign = client().request(method.clone(), server.url(path)).header("sec-fetch-site", "cross-site");
        assert_eq!(foreign.send().await.unwrap().status(), 403, "{path}");
        let own = client().request(method, server.url(path)).header("sec-fetch-site", "same-origin");
        assert_eq!(own.send().await.unwrap().status(), 401, "{path}");
        functions += 1;
    }
    assert!(functions > 10, "only {functions} server functions were found");
}
