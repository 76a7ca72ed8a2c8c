//! A token may have another secret than at first: the one before, until when it works, and when it was last used.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            timestamp_with_time_zone_null("rotated_at"),
            blob_null("previous_digest"),
            text_null("previous_hint"),
            timestamp_with_time_zone_null("previous_until"),
            timestamp_with_time_zone_null("previous_used_at"),
        ];
        // SQLite adds one column a statement.
        for column in columns {
            manager.alter_table(Table::alter().table("api_tokens").add_column(column).to_owned()).await?;
        }
        manager
            .create_index(
                Index::create()
                    .name("api_tokens_previous_digest")
                    .table("api_tokens")
                    .col("previous_digest")
                    .unique()
                    .to_owned(),
            )
            .await
    }
}
