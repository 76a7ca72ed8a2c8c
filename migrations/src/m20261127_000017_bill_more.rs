//! What is billed beside the counts that have columns, and who answered behind a broker. Rows from before have none of it.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["usage_more", "backend"] {
            // SQLite takes one new column a statement.
            let text = ColumnDef::new(column).text().null().to_owned();
            manager.alter_table(Table::alter().table("requests").add_column(text).to_owned()).await?;
        }
        Ok(())
    }
}
