//! Whether the process is alive, and whether it should get traffic. Answered on the data plane's runtime from what is known,
//! so that neither a database that hangs nor crowded pages make a supervisor believe that the process is dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use store::Store;
use store::spool::SpoolAppender;

use crate::app::App;

/// How often the database is asked whether it answers, and how long it may take.
const ASK_EVERY: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Whether the database answered when it was last asked. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DatabasePulse(Arc<AtomicBool>);

impl Default for DatabasePulse {
    /// The server has just opened it.
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl DatabasePulse {
    /// Whether it did.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Asks for ever; runs on the dashboard's runtime.
pub async fn watch_database(store: Store, pulse: DatabasePulse) {
    let mut tick = tokio::time::interval(ASK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let answered = tokio::time::timeout(ANSWER_WITHIN, store.ping()).await;
        pulse.0.store(matches!(answered, Ok(Ok(()))), Ordering::Relaxed);
    }
}

/// Names of the spool's segments in which something was damaged, until somebody takes them away. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Damage(Arc<ArcSwap<Vec<String>>>);

impl Damage {
    /// The names, in order.
    #[must_use]
    pub fn segments(&self) -> Arc<Vec<String>> {
        self.0.load_full()
    }
}

/// Looks for ever; runs on the dashboard's runtime.
pub async fn watch_spool(spool: SpoolAppender, damage: Damage) {
    let mut tick = tokio::time::interval(ASK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match spool.damaged_segments() {
            Ok(names) if names != *damage.0.load_full() => damage.0.store(Arc::new(names)),
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the spool's directory cannot be read"),
        }
    }
}

/// `GET /healthz`: the process answers.
pub async fn live() -> &'static str {
    "ok\n"
}

/// What `/readyz` says.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    draining: bool,
    /// Whether what was spent before the start is not known yet.
    starting: bool,
    /// Whether the database answered a moment ago.
    database: bool,
    /// Whether the spool takes rows.
    ledger: bool,
    /// Whether the thread lives that carries rows from the spool into the database.
    ledger_writer: bool,
    /// Whether the database refused the last transaction of rows; they wait in the spool, and it is tried again.
    ledger_stalled: bool,
    config_version: i64,
    in_flight: usize,
    ledger_backlog_bytes: u64,
    /// Rows that are in memory only, because the spool takes none.
    ledger_rows_waiting: usize,
    /// Rows of calls, and of refusals, for which there was no room there since the start.
    ledger_rows_lost: u64,
    ledger_refusals_lost: u64,
    /// Files of the spool in which something was damaged: what could be read is in the ledger, the rest is in them.
    ledger_damaged_segments: Arc<Vec<String>>,
    /// Bytes that could not be read since the start.
    ledger_damaged_bytes: u64,
    /// Calls since the start whose use was counted and has no price, and how many models they were of, up to 501.
    unpriced_calls: u64,
    unpriced_models: usize,
    /// The day of the price book in force, and what keeps an imported one out of force.
    price_book: chrono::NaiveDate,
    price_book_problem: Option<String>,
}

/// `GET /readyz`: 200 while the server should get traffic, 503 otherwise; the fields tell why.
pub async fn ready(State(app): State<App>) -> Response {
    let draining = app.draining.has_begun();
    let starting = app.gateway.is_suspended();
    let database = app.database.is_there();
    let ledger = app.ledger.ready();
    let ledger_writer = app.ledger_writer.is_alive();
    let unpriced = app.gateway.unpriced();
    let book = app.gateway.price_book();
    let readiness = Readiness {
        // The data plane needs memory and the spool only; a database that is away delays the log, not the traffic. A
        // writer that is dead does not come back: the server is stopping then, see `commands/serve.rs`.
        ready: !draining && !starting && ledger && ledger_writer,
        draining,
        starting,
        database,
        ledger,
        ledger_writer,
        ledger_stalled: app.ledger_writer.is_stalled(),
        config_version: app.gateway.version(),
        in_flight: app.gateway.in_flight(),
        ledger_backlog_bytes: app.ledger.backlog_bytes(),
        ledger_rows_waiting: app.ledger.waiting(),
        ledger_rows_lost: app.ledger.rows_lost(),
        ledger_refusals_lost: app.ledger.refusals_lost(),
        ledger_damaged_segments: app.ledger_damage.segments(),
        ledger_damaged_bytes: app.ledger_writer.damaged_bytes(),
        unpriced_calls: unpriced.iter().map(|model| model.attempts).sum(),
        unpriced_models: unpriced.len(),
        price_book: book.book().as_of(),
        price_book_problem: book.problem().map(ToString::to_string),
    };
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}
