//! A team's oldest conversations are found without looking at all of them: where many make room, they go a few at a time.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = "CREATE INDEX conversations_by_age ON conversations (team_id, expires_at_ms)";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }
}
