//! A policy may be a token's own limit.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let token = Table::alter().table("policies").add_column(big_integer_null("token_id")).to_owned();
        manager.alter_table(token).await?;
        let by_token = Index::create().name("policies_token").table("policies").col("token_id").to_owned();
        manager.create_index(by_token).await
    }
}
