//! Dynamic routes of a gateway, their versions and which of them went live when. Versions never change.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut gateway = ForeignKey::create();
        gateway.name("routes_gateway").from("routes", "gateway_id").to("gateways", "id");
        let routes = Table::create()
            .table("routes")
            .col(big_integer("id").primary_key().auto_increment())
            .col(big_integer("gateway_id"))
            .col(text("name"))
            .col(big_integer("newest"))
            .col(big_integer_null("deployed_id"))
            .col(big_integer("version"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .foreign_key(&mut gateway)
            .to_owned();
        manager.create_table(routes).await?;
        unique(manager, "routes_name", "routes", ["gateway_id", "name"]).await?;
        let versions = Table::create()
            .table("route_versions")
            .col(big_integer("id").primary_key().auto_increment())
            .col(big_integer("route_id"))
            .col(big_integer("number"))
            .col(text("elements"))
            .col(boolean("valid"))
            .col(text("problems"))
            .col(text("author"))
            .col(text("comment"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut of_route("route_versions"))
            .to_owned();
        manager.create_table(versions).await?;
        unique(manager, "route_versions_number", "route_versions", ["route_id", "number"]).await?;
        let deployments = Table::create()
            .table("route_deployments")
            .col(big_integer("id").primary_key().auto_increment())
            .col(big_integer("route_id"))
            .col(big_integer("number"))
            .col(text("author"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut of_route("route_deployments"))
            .to_owned();
        manager.create_table(deployments).await?;
        unique(manager, "route_deployments_route", "route_deployments", ["route_id", "id"]).await
    }
}

fn of_route(table: &'static str) -> ForeignKeyCreateStatement {
    let mut route = ForeignKey::create();
    let route = route.name(format!("{table}_route")).from(table, "route_id").to("routes", "id");
    route.on_delete(ForeignKeyAction::Cascade).to_owned()
}

async fn unique(manager: &SchemaManager<'_>, name: &str, table: &'static str, columns: [&'static str; 2]) -> Result<(), DbErr> {
    let index = Index::create().name(name).table(table).col(columns[0]).col(columns[1]).unique().to_owned();
    manager.create_index(index).await
}
