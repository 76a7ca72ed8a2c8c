//! What the running server is made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use axum::extract::FromRef;
use control::Control;
use domain::Secret;
use gateway::Gateway;
use leptos::config::LeptosOptions;
use store::spool::SpoolAppender;
use store::writer::WriterPulse;

use crate::health::{Damage, DatabasePulse};

/// The parts that request handlers need; cheap to clone.
#[derive(Clone)]
pub struct App {
    pub gateway: Gateway,
    pub control: Control,
    pub database: DatabasePulse,
    pub ledger: SpoolAppender,
    pub ledger_writer: WriterPulse,
    pub ledger_damage: Damage,
    pub leptos: LeptosOptions,
    pub draining: Draining,
    pub started: SystemTime,
    /// Who may read the metrics; nobody without it.
    pub metrics_token: Option<Secret>,
}

impl FromRef<App> for LeptosOptions {
    fn from_ref(app: &App) -> Self {
        app.leptos.clone()
    }
}

/// Set once the server has been told to stop.
#[derive(Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on the server reports that it is not ready.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the server is stopping.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Leptos' options: where the page finds its assets.
#[must_use]
pub fn leptos_options() -> LeptosOptions {
    LeptosOptions::builder().output_name("weir").site_root("target/site").site_pkg_dir("pkg").build()
}
