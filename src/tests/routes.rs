//! No route without a guard.

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
            .replace("{rest}", "chat/completions");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let request = client().request(method.parse().unwrap(), server.url(&path));
            let response = request.header("content-type", "application/json").body("{}").send().await.unwrap();
            assert_eq!(response.status(), 401, "{method} {path}");
        }
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
        if path.starts_with("/sign-in") || path.starts_with("/setup") {
            continue;
        }
        let path = path.replace("{team}", "acme").replace(['{', '}', '*', ':'], "");
        let response = client().get(server.url(&path)).send().await.unwrap();
        assert_eq!(response.status(), 303, "{path}");
        assert!(response.headers()["location"].to_str().unwrap().starts_with("/sign-in"), "{path}");
    }
    for function in leptos::server_fn::axum::server_fn_paths() {
        let (path, method) = function;
        let response = client().request(method, server.url(path)).send().await.unwrap();
        let open = ["sign_in", "claim"].iter().any(|name| path.contains(name));
        assert!(open || response.status() == 401 || response.status() == 403, "{path}: {}", response.status());
    }
}
