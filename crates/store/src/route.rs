//! Queries on dynamic routes.

#[cfg(test)]
mod tests;
pub mod version;

use chrono::{DateTime, Utc};
use domain::{GatewayId, RouteId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder,
};

use crate::entity::route::{ActiveModel, Column, Entity, Model};
use crate::{StoreError, WriteTx};

/// The gateway's routes, by name.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(db: &impl ConnectionTrait, gateway: GatewayId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::GatewayId.eq(gateway.0)).order_by_asc(Column::Name).all(db).await?)
}

/// The routes of several gateways, in any order.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list_of(db: &impl ConnectionTrait, gateways: &[GatewayId]) -> Result<Vec<Model>, StoreError> {
    let ids = gateways.iter().map(|id| id.0);
    Ok(Entity::find().filter(Column::GatewayId.is_in(ids)).all(db).await?)
}

/// How many routes the gateway has.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn count(db: &impl ConnectionTrait, gateway: GatewayId) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::GatewayId.eq(gateway.0)).count(db).await?)
}

/// A route of the gateway.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find(db: &impl ConnectionTrait, gateway: GatewayId, id: RouteId) -> Result<Model, StoreError> {
    Entity::find_by_id(id.0).filter(Column::GatewayId.eq(gateway.0)).one(db).await?.ok_or(StoreError::NotFound)
}

/// A route of the gateway, by name.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find_by_name(db: &impl ConnectionTrait, gateway: GatewayId, name: &str) -> Result<Model, StoreError> {
    let named = Entity::find().filter(Column::GatewayId.eq(gateway.0)).filter(Column::Name.eq(name));
    named.one(db).await?.ok_or(StoreError::NotFound)
}

/// Adds a route without any version.
///
/// # Errors
/// [`StoreError::Conflict`] on `name`.
pub async fn create(
    tx: &WriteTx,
    gateway: GatewayId,
    name: &str,
    version: i64,
    now: DateTime<Utc>,
) -> Result<Model, StoreError> {
    let row = ActiveModel {
        gateway_id: Set(gateway.0),
        name: Set(name.to_owned()),
        newest: Set(0),
        deployed_id: Set(None),
        version: Set(version),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    row.insert(tx).await.map_err(|error| StoreError::unique(error, "name"))
}

/// Gives a route another name.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Conflict`] on `name`.
pub async fn rename(
    tx: &WriteTx,
    id: RouteId,
    name: &str,
    version: i64,
    now: DateTime<Utc>,
) -> Result<Model, StoreError> {
    let row = ActiveModel { name: Set(name.to_owned()), ..changed(id, version, now) };
    row.update(tx).await.map_err(|error| StoreError::unique(error, "name"))
}

/// Removes a route with its versions and deployments.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn delete(tx: &WriteTx, id: RouteId) -> Result<(), StoreError> {
    Entity::delete_by_id(id.0).exec(tx).await?;
    Ok(())
}

/// Removes all routes of a gateway.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn delete_of_gateway(tx: &WriteTx, gateway: GatewayId) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::GatewayId.eq(gateway.0)).exec(tx).await?;
    Ok(())
}

fn changed(id: RouteId, version: i64, now: DateTime<Utc>) -> ActiveModel {
    ActiveModel { id: Set(id.0), version: Set(version), updated_at: Set(now), ..Default::default() }
}
