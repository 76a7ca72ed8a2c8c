//! Provider credentials (sealed) and providers of a team's own. A deleted key keeps its row without the secret.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(provider_keys()).await?;
        manager
            .create_index(
                Index::create()
                    .name("provider_keys_alias")
                    .table("provider_keys")
                    .col("team_id")
                    .col("provider")
                    .col("alias")
                    .unique()
                    // A key that is on its way out after a rotation shares the alias with its successor.
                    .and_where(Expr::col("deleted_at").is_null())
                    .and_where(Expr::col("expires_at").is_null())
                    .to_owned(),
            )
            .await?;
        manager.create_table(custom_providers()).await?;
        manager
            .create_index(
                Index::create()
                    .name("custom_providers_slug")
                    .table("custom_providers")
                    .col("team_id")
                    .col("slug")
                    .unique()
                    .and_where(Expr::col("deleted_at").is_null())
                    .to_owned(),
            )
            .await
    }
}

fn provider_keys() -> TableCreateStatement {
    Table::create()
        .table("provider_keys")
        .col(big_integer("id").primary_key().auto_increment())
        .col(big_integer("team_id"))
        .col(text("provider"))
        .col(text("alias"))
        .col(blob("sealed"))
        .col(big_integer("key_version"))
        .col(text("hint"))
        .col(text_null("base_url"))
        .col(boolean("enabled"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("rotated_at"))
        .col(timestamp_with_time_zone_null("expires_at"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        .foreign_key(ForeignKey::create().name("provider_keys_team").from("provider_keys", "team_id").to("teams", "id"))
        .to_owned()
}

fn custom_providers() -> TableCreateStatement {
    Table::create()
        .table("custom_providers")
        .col(big_integer("id").primary_key().auto_increment())
        .col(big_integer("team_id"))
        .col(text("slug"))
        .col(text("name"))
        .col(text("base_url"))
        .col(text("dialect"))
        .col(text("auth"))
        .col(boolean("enabled"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        .foreign_key(
            ForeignKey::create().name("custom_providers_team").from("custom_providers", "team_id").to("teams", "id"),
        )
        .to_owned()
}
