//! What is kept of the Responses API between requests. Written by the ledger writer, in the order in which it changed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, blob, boolean, text, text_null, uuid_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [responses(), conversations(), conversation_items()] {
            manager.create_table(table).await?;
        }
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}

/// Those with `bytes` in them give sums and the oldest without reading what is kept.
const INDEXES: [&str; 5] = [
    "CREATE INDEX responses_by_age ON responses (team_id, created_at_ms, bytes)",
    "CREATE INDEX responses_by_expiry ON responses (expires_at_ms)",
    "CREATE INDEX responses_by_owner ON responses (owner) WHERE owner IS NOT NULL",
    "CREATE INDEX conversations_by_expiry ON conversations (expires_at_ms)",
    "CREATE INDEX conversation_items_in_order ON conversation_items (team_id, conversation_id, position, bytes)",
];

fn responses() -> TableCreateStatement {
    Table::create()
        .table("responses")
        .col(big_integer("team_id"))
        .col(text("id"))
        .col(big_integer("gateway_id"))
        .col(text("provider"))
        .col(text_null("holder"))
        .col(text("status"))
        .col(boolean("background"))
        .col(uuid_null("owner"))
        .col(text_null("previous_id"))
        .col(text_null("conversation_id"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("expires_at_ms"))
        .col(blob("input"))
        .col(blob("response"))
        .col(big_integer("bytes"))
        .primary_key(Index::create().col("team_id").col("id"))
        .to_owned()
}

fn conversations() -> TableCreateStatement {
    Table::create()
        .table("conversations")
        .col(big_integer("team_id"))
        .col(text("id"))
        .col(big_integer("gateway_id"))
        .col(text("metadata"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("expires_at_ms"))
        .primary_key(Index::create().col("team_id").col("id"))
        .to_owned()
}

fn conversation_items() -> TableCreateStatement {
    Table::create()
        .table("conversation_items")
        .col(big_integer("team_id"))
        .col(text("conversation_id"))
        .col(text("id"))
        .col(big_integer("position"))
        .col(blob("item"))
        .col(big_integer("bytes"))
        .primary_key(Index::create().col("team_id").col("conversation_id").col("id"))
        .to_owned()
}
