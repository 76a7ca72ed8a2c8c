//! Gateways. A deleted one keeps its row, so that the log can still name it; its slug is free again.

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
                    .table("gateways")
                    .col(big_integer("id").primary_key().auto_increment())
                    .col(big_integer("team_id"))
                    .col(text("slug"))
                    .col(text("name"))
                    .col(boolean("enabled"))
                    .col(text("settings"))
                    .col(big_integer("cache_epoch"))
                    .col(big_integer("version"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(timestamp_with_time_zone_null("deleted_at"))
                    .foreign_key(ForeignKey::create().name("gateways_team").from("gateways", "team_id").to("teams", "id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("gateways_slug")
                    .table("gateways")
                    .col("team_id")
                    .col("slug")
                    .unique()
                    .and_where(Expr::col("deleted_at").is_null())
                    .to_owned(),
            )
            .await
    }
}
