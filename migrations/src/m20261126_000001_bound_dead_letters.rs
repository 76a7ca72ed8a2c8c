//! Gives records that were set aside an age and a size, so that they can be forgotten.

use std::time::{SystemTime, UNIX_EPOCH};

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        // What is there already counts as of today: nobody was told before that it would go.
        let date = format!("UPDATE dead_letters SET at_ms = {now_ms}, bytes = 512 + COALESCE(LENGTH(record), 0)");
        for step in [
            "ALTER TABLE dead_letters ADD COLUMN at_ms bigint NOT NULL DEFAULT 0",
            "ALTER TABLE dead_letters ADD COLUMN bytes bigint NOT NULL DEFAULT 0",
            date.as_str(),
            "CREATE INDEX dead_letters_by_age ON dead_letters (at_ms, bytes)",
        ] {
            manager.get_connection().execute_unprepared(step).await?;
        }
        Ok(())
    }
}
