//! The audit chain, the configuration version and single values of the installation.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(audit_events()).await?;
        manager
            .create_index(
                Index::create().name("audit_events_by_team").table("audit_events").col("team_id").col("id").to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("config_version")
                    .col(big_integer("id").primary_key())
                    .col(big_integer("version"))
                    .to_owned(),
            )
            .await?;
        manager
            .execute(
                Query::insert().into_table("config_version").columns(["id", "version"]).values_panic([1.into(), 1.into()]).to_owned(),
            )
            .await?;
        manager
            .create_table(Table::create().table("meta").col(text("key").primary_key()).col(text("value")).to_owned())
            .await
    }
}

fn audit_events() -> TableCreateStatement {
    Table::create()
        .table("audit_events")
        .col(big_integer("id").primary_key().auto_increment())
        .col(big_integer("at_ms"))
        .col(big_integer_null("team_id"))
        .col(big_integer_null("user_id"))
        .col(text("actor"))
        .col(text("action"))
        .col(text("target"))
        .col(text_null("before"))
        .col(text_null("after"))
        .col(blob("previous"))
        .col(blob("digest"))
        .to_owned()
}
