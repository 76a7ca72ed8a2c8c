//! Whether the process is alive, and whether it should get traffic.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;

/// `GET /healthz`: the process answers.
pub async fn live() -> &'static str {
    "ok\n"
}

/// What `/readyz` says.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    draining: bool,
    database: bool,
    /// Whether the spool takes rows.
    ledger: bool,
    /// Whether the thread lives that carries rows from the spool into the database.
    ledger_writer: bool,
    config_version: i64,
    in_flight: usize,
    ledger_backlog_bytes: u64,
}

/// `GET /readyz`: 200 while the server should get traffic, 503 otherwise; the fields tell why.
pub async fn ready(State(app): State<App>) -> Response {
    let draining = app.draining.has_begun();
    let database = app.store.ping().await.is_ok();
    let ledger = app.ledger.ready();
    let ledger_writer = app.ledger_writer.is_alive();
    let readiness = Readiness {
        // The data plane needs memory and the spool only; a database that is away delays the log, not the traffic. A
        // writer that is dead does not come back: the server is stopping then, see `commands/serve.rs`.
        ready: !draining && ledger && ledger_writer,
        draining,
        database,
        ledger,
        ledger_writer,
        config_version: app.gateway.version(),
        in_flight: app.gateway.in_flight(),
        ledger_backlog_bytes: app.ledger.backlog_bytes(),
    };
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}
