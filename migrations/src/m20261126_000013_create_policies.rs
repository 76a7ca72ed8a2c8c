//! Policies of a team, and who a request was made for. A policy has no meaning without its team, so it goes with it.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Most requests name no user: they are in no index by user.
const BY_USER: &str = "CREATE INDEX requests_by_user ON requests (team_id, user_name, request_id, attempt) \
                       WHERE logged AND user_name IS NOT NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut team = ForeignKey::create();
        team.name("policies_team").from("policies", "team_id").to("teams", "id").on_delete(ForeignKeyAction::Cascade);
        let policies = Table::create()
            .table("policies")
            .col(big_integer("id").primary_key().auto_increment())
            .col(big_integer("team_id"))
            .col(text("name"))
            .col(text("state"))
            .col(text("policy"))
            .col(big_integer("version"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .foreign_key(&mut team)
            .to_owned();
        manager.create_table(policies).await?;
        let name = Index::create().name("policies_name").table("policies").col("team_id").col("name").unique().to_owned();
        manager.create_index(name).await?;
        let user = Table::alter().table("requests").add_column(text_null("user_name")).to_owned();
        manager.alter_table(user).await?;
        manager.get_connection().execute_unprepared(BY_USER).await?;
        Ok(())
    }
}
