//! What is billed and not counted in tokens: seconds, characters, pictures, searches. Rows from before have none of it.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["image_input_tokens", "audio_seconds", "characters", "images", "searches"] {
            // SQLite takes one new column a statement.
            let count = ColumnDef::new(column).big_integer().not_null().default(0).to_owned();
            manager.alter_table(Table::alter().table("requests").add_column(count).to_owned()).await?;
        }
        Ok(())
    }
}
