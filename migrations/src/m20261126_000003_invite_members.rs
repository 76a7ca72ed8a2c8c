//! Invitations to teams, by the digest of their link's secret.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(invitations()).await?;
        manager
            .create_index(
                Index::create()
                    .name("invitations_to")
                    .table("invitations")
                    .col("team_id")
                    .col("email")
                    .unique()
                    .to_owned(),
            )
            .await
    }
}

fn invitations() -> TableCreateStatement {
    Table::create()
        .table("invitations")
        .col(big_integer("id").primary_key().auto_increment())
        .col(big_integer("team_id"))
        .col(text("email"))
        .col(text("role"))
        .col(blob_uniq("digest"))
        .col(big_integer("invited_by"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .foreign_key(ForeignKey::create().name("invitations_team").from("invitations", "team_id").to("teams", "id"))
        .foreign_key(
            ForeignKey::create()
                .name("invitations_inviter")
                .from("invitations", "invited_by")
                .to("users", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
