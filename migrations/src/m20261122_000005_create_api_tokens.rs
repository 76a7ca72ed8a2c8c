//! API tokens, by the digest of their secret. A revoked one keeps its row; its name is free again.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("api_tokens")
                    .col(big_integer("id").primary_key().auto_increment())
                    .col(big_integer("team_id"))
                    .col(text("name"))
                    .col(blob_uniq("digest"))
                    .col(text("hint"))
                    .col(text_null("gateways"))
                    .col(text_null("models"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("expires_at"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .col(timestamp_with_time_zone_null("last_used_at"))
                    .foreign_key(
                        ForeignKey::create().name("api_tokens_team").from("api_tokens", "team_id").to("teams", "id"),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("api_tokens_name")
                    .table("api_tokens")
                    .col("team_id")
                    .col("name")
                    .unique()
                    .and_where(Expr::col("revoked_at").is_null())
                    .to_owned(),
            )
            .await
    }
}
