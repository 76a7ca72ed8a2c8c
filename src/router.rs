//! The whole route table.

use ::app as dashboard;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{any, get};
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::app::App;
use crate::{assets, health, metrics};

/// Whether a path belongs to the data plane.
#[must_use]
pub fn is_data_plane(path: &str) -> bool {
    ["/v1", "/v1beta", "/v2"]
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Whether a path is of those who supervise the process.
#[must_use]
pub fn is_operation(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics")
}

/// What supervisors ask.
pub fn operations(app: App) -> Router {
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::scrape))
        .with_state(app)
}

/// Builds the one router that the program and the tests use.
pub fn build_server(app: App) -> Router {
    let operations = operations(app.clone());
    // The listener sends these to the gateway without passing here; the routes serve tests and keep the table whole.
    let data_plane = Router::new()
        .route("/v1", any(proxy))
        .route("/v1/{*path}", any(proxy))
        .route("/v1beta", any(proxy))
        .route("/v1beta/{*path}", any(proxy))
        .route("/v2", any(proxy))
        .route("/v2/{*path}", any(proxy));
    let mut files = Router::new().route("/pkg/{*path}", get(assets::package));
    for name in assets::root_files() {
        let path = format!("/{name}");
        files = files.route(&path.clone(), get(move |headers: HeaderMap| async move { assets::root(&path, &headers) }));
    }
    data_plane.merge(files).merge(pages(&app)).with_state(app).merge(operations)
}

/// The dashboard: every page and server function behind the layer that demands a session.
fn pages(app: &App) -> Router<App> {
    let control = app.control.clone();
    let options = app.leptos.clone();
    let context = {
        let control = control.clone();
        move || provide_context(control.clone())
    };
    let shell = {
        let options = options.clone();
        move || dashboard::shell(options.clone())
    };
    Router::new()
        .leptos_routes_with_context(app, generate_route_list(dashboard::App), context.clone(), shell.clone())
        .fallback(leptos_axum::render_app_async_with_context(context, shell))
        .layer(dashboard::server::layer(control))
}

async fn proxy(State(app): State<App>, request: Request) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
    app.gateway.handle(request, peer).await.map(Body::new)
}
