//! Prices of a team's own. They have no meaning without their team, so they go with it.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut team = ForeignKey::create();
        team.name("team_prices_team")
            .from("team_prices", "team_id")
            .to("teams", "id")
            .on_delete(ForeignKeyAction::Cascade);
        let prices = Table::create()
            .table("team_prices")
            .col(big_integer("id").primary_key().auto_increment())
            .col(big_integer("team_id"))
            .col(text("provider"))
            .col(text("model"))
            .col(text("text"))
            .col(big_integer("version"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .foreign_key(&mut team)
            .to_owned();
        manager.create_table(prices).await?;
        let mut model = Index::create();
        model.name("team_prices_model").table("team_prices").col("team_id").col("provider").col("model");
        manager.create_index(model.to_owned()).await
    }
}
