//! API tokens may be held to providers, endpoints and the addresses they are used from: JSON lists, none for no restriction.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in ["providers", "endpoints", "ip_ranges"] {
            manager
                .alter_table(Table::alter().table("api_tokens").add_column(text_null(column)).to_owned())
                .await?;
        }
        Ok(())
    }
}
