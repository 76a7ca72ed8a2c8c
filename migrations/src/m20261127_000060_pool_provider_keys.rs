//! Several keys of a provider may share an alias and with it the requests: each has a name then, a weight, maybe a region and a limit.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in [
            text("name").default("").to_owned(),
            big_integer("weight").default(1).to_owned(),
            text_null("region"),
            big_integer_null("requests_per_minute"),
        ] {
            manager.alter_table(Table::alter().table("provider_keys").add_column(column).to_owned()).await?;
        }
        manager.drop_index(Index::drop().name("provider_keys_alias").table("provider_keys").to_owned()).await?;
        manager
            .create_index(
                Index::create()
                    .name("provider_keys_name")
                    .table("provider_keys")
                    .col("team_id")
                    .col("provider")
                    .col("alias")
                    .col("name")
                    .unique()
                    // A key that is on its way out after a rotation shares the name with its successor.
                    .and_where(Expr::col("deleted_at").is_null())
                    .and_where(Expr::col("expires_at").is_null())
                    .to_owned(),
            )
            .await
    }
}
