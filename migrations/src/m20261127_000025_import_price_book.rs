//! The price book that was imported, in a single row. Bytes, so that one that is damaged can still be read, and told.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let book = Table::create()
            .table("price_book")
            .col(big_integer("id").primary_key())
            .col(big_integer("version"))
            .col(blob("text"))
            .col(blob("sum"))
            .col(text_null("signature"))
            .col(boolean("pinned"))
            .col(timestamp_with_time_zone("imported_at"))
            .to_owned();
        manager.create_table(book).await
    }
}
