//! An answer that broke off has the status it began with, so the index of what went wrong looks at the outcome too.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Queries repeat the condition in this spelling; another would not match the index.
const STEPS: [&str; 2] = [
    "CREATE INDEX requests_not_ok ON requests (team_id, request_id, attempt) \
     WHERE logged AND (outcome <> 'ok' OR status >= 400)",
    "DROP INDEX requests_failed",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for step in STEPS {
            manager.get_connection().execute_unprepared(step).await?;
        }
        Ok(())
    }
}
