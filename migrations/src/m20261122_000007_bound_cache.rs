//! What each cached answer takes, with an index that gives the sum and the oldest without reading the answers.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Both databases count a blob's bytes with `LENGTH` and know these spellings.
const STEPS: [&str; 3] = [
    "ALTER TABLE cache_entries ADD COLUMN bytes bigint NOT NULL DEFAULT 0",
    "UPDATE cache_entries SET bytes = 512 + LENGTH(body)",
    "CREATE INDEX cache_entries_by_age ON cache_entries (created_at_ms, bytes)",
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
