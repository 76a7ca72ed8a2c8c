//! Runs a test on both databases. SQLite gets a file of its own, PostgreSQL a schema of its own in the database that
//! `TEST_POSTGRES_URL` names; the PostgreSQL cases are ignored unless asked for (`cargo nextest run --run-ignored all`).

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt;
use sea_orm::{ConnectionTrait, Database};

use crate::Store;

/// Declares a test that runs once on SQLite (`name::sqlite`) and once on PostgreSQL (`name::postgres`).
///
/// ```ignore
/// db_test! {
///     async fn a_team_is_found_by_its_slug(store: Store) { … }
/// }
/// ```
#[macro_export]
macro_rules! db_test {
    ($($(#[$meta:meta])* async fn $name:ident($store:ident: Store) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "a case may need nothing from around it")]
            use super::*;

            async fn case($store: $crate::Store) $body

            #[test]
            fn sqlite() {
                $crate::testing::on_sqlite(case);
            }

            #[test]
            #[ignore = "needs TEST_POSTGRES_URL"]
            fn postgres() {
                $crate::testing::on_postgres(case);
            }
        }
    )+};
}

pub use db_test;

/// Runs `case` on a fresh, migrated SQLite file.
///
/// # Panics
/// Where the case does, or where no database can be made.
pub fn on_sqlite<F: Future<Output = ()>>(case: impl FnOnce(Store) -> F) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite://{}?mode=rwc", dir.path().join("test.db").display());
    runtime().block_on(run(&url, case));
}

/// Runs `case` on a fresh, migrated PostgreSQL schema, which is dropped at the end.
///
/// # Panics
/// Where the case does, where `TEST_POSTGRES_URL` is missing, or where no schema can be made.
pub fn on_postgres<F: Future<Output = ()>>(case: impl FnOnce(Store) -> F) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let base = std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL names a database to test in");
    let schema = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let separator = if base.contains('?') { '&' } else { '?' };
    let url = format!("{base}{separator}options[search_path]={schema}");
    runtime().block_on(async {
        let admin = Database::connect(&base).await.expect("PostgreSQL answers");
        // A schema left behind by a killed run whose process id came round again.
        admin.execute_unprepared(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await.expect("drop");
        admin.execute_unprepared(&format!("CREATE SCHEMA {schema}")).await.expect("create");
        let outcome = AssertUnwindSafe(run(&url, case)).catch_unwind().await;
        admin.execute_unprepared(&format!("DROP SCHEMA {schema} CASCADE")).await.expect("drop");
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn run<F: Future<Output = ()>>(url: &str, case: impl FnOnce(Store) -> F) {
    let store = Store::connect(url).await.expect("the database opens");
    store.migrate().await.expect("the migrations apply");
    case(store.clone()).await;
    store.close().await.expect("the database closes");
}
