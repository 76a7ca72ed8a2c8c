//! People, their sessions, teams and who belongs to them.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(users()).await?;
        manager.create_table(sessions()).await?;
        manager.create_table(teams()).await?;
        manager.create_table(memberships()).await?;
        manager
            .create_index(Index::create().name("sessions_by_user").table("sessions").col("user_id").to_owned())
            .await?;
        manager
            .create_index(Index::create().name("memberships_by_user").table("memberships").col("user_id").to_owned())
            .await
    }
}

fn users() -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(big_integer("id").primary_key().auto_increment())
        .col(text_uniq("email"))
        .col(text("name"))
        .col(text("password_hash"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn sessions() -> TableCreateStatement {
    Table::create()
        .table("sessions")
        .col(big_integer("id").primary_key().auto_increment())
        .col(big_integer("user_id"))
        .col(blob_uniq("digest"))
        .col(text("ip"))
        .col(text("user_agent"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("last_seen_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .foreign_key(
            ForeignKey::create()
                .name("sessions_user")
                .from("sessions", "user_id")
                .to("users", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn teams() -> TableCreateStatement {
    Table::create()
        .table("teams")
        .col(big_integer("id").primary_key().auto_increment())
        .col(text_uniq("slug"))
        .col(text("name"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn memberships() -> TableCreateStatement {
    Table::create()
        .table("memberships")
        .col(big_integer("team_id"))
        .col(big_integer("user_id"))
        .col(text("role"))
        .col(timestamp_with_time_zone("created_at"))
        .primary_key(Index::create().col("team_id").col("user_id"))
        .foreign_key(ForeignKey::create().name("memberships_team").from("memberships", "team_id").to("teams", "id"))
        .foreign_key(
            ForeignKey::create()
                .name("memberships_user")
                .from("memberships", "user_id")
                .to("users", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
