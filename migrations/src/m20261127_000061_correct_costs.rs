//! Costs put right after the fact, beside the rows of the ledger, which are never changed; and what of an attempt is needed for
//! that, or tells why it was made.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["cause", "called", "way"] {
            // SQLite takes one new column a statement.
            let text = ColumnDef::new(column).text().null().to_owned();
            manager.alter_table(Table::alter().table("requests").add_column(text).to_owned()).await?;
        }
        let key = ("request_id", "attempt");
        let mut row = ForeignKey::create();
        row.name("cost_corrections_row").from("cost_corrections", key).to("requests", key);
        // What is forgotten with its row was no more than a note to it.
        row.on_delete(ForeignKeyAction::Cascade);
        manager
            .create_table(
                Table::create()
                    .table("cost_corrections")
                    .col(uuid("request_id"))
                    .col(integer("attempt"))
                    .col(integer("number"))
                    .col(big_integer("made_at_ms"))
                    .col(big_integer_null("before_nanos"))
                    .col(big_integer("cost_nanos"))
                    .col(text("cost_formula"))
                    .primary_key(Index::create().col("request_id").col("attempt").col("number"))
                    .foreign_key(&mut row)
                    .to_owned(),
            )
            .await
    }
}
