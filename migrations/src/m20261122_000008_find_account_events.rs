//! Finds the events of an account.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // For a while migration 6 made this index, so some databases have it already.
        let index = Index::create()
            .name("audit_events_by_user")
            .table("audit_events")
            .col("user_id")
            .col("team_id")
            .col("id")
            .if_not_exists()
            .to_owned();
        manager.create_index(index).await
    }
}
