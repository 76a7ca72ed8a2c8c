//! The log's filter by provider gets an index like the others.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = "CREATE INDEX requests_by_provider ON requests (team_id, provider, request_id, attempt) WHERE logged";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }
}
