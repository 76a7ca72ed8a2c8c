//! Queries on gateways.

use chrono::{DateTime, Utc};
use domain::{GatewayId, GatewaySettings, TeamId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::entity::gateway::{ActiveModel, Column, Entity, Model};
use crate::{StoreError, WriteTx};

/// A gateway to add.
#[derive(Clone, Debug)]
pub struct NewGateway<'a> {
    pub team_id: TeamId,
    pub slug: &'a str,
    pub name: &'a str,
    pub enabled: bool,
    pub settings: &'a GatewaySettings,
    /// The configuration version of this change.
    pub version: i64,
    pub now: DateTime<Utc>,
}

/// What a gateway becomes.
#[derive(Clone, Debug)]
pub struct GatewayUpdate<'a> {
    pub name: &'a str,
    pub enabled: bool,
    pub settings: &'a GatewaySettings,
    pub cache_epoch: i64,
    /// The configuration version of this change.
    pub version: i64,
    pub now: DateTime<Utc>,
}

/// The team's gateways, by slug.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(db: &impl ConnectionTrait, team: TeamId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::TeamId.eq(team.0))
        .filter(Column::DeletedAt.is_null())
        .order_by_asc(Column::Slug)
        .all(db)
        .await?)
}

/// A gateway of the team.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find(db: &impl ConnectionTrait, team: TeamId, id: GatewayId) -> Result<Model, StoreError> {
    Entity::find_by_id(id.0)
        .filter(Column::TeamId.eq(team.0))
        .filter(Column::DeletedAt.is_null())
        .one(db)
        .await?
        .ok_or(StoreError::NotFound)
}

/// A gateway of the team, by slug.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find_by_slug(db: &impl ConnectionTrait, team: TeamId, slug: &str) -> Result<Model, StoreError> {
    Entity::find()
        .filter(Column::TeamId.eq(team.0))
        .filter(Column::Slug.eq(slug))
        .filter(Column::DeletedAt.is_null())
        .one(db)
        .await?
        .ok_or(StoreError::NotFound)
}

/// The settings of a row.
///
/// # Errors
/// [`StoreError::Other`] for a row that a newer program wrote.
pub fn settings(row: &Model) -> Result<GatewaySettings, StoreError> {
    serde_json::from_str(&row.settings)
        .map_err(|error| StoreError::Other(format!("settings of gateway {}: {error}", row.id)))
}

/// Adds a gateway.
///
/// # Errors
/// [`StoreError::Conflict`] on `slug`.
pub async fn create(tx: &WriteTx, new: NewGateway<'_>) -> Result<Model, StoreError> {
    let row = ActiveModel {
        team_id: Set(new.team_id.0),
        slug: Set(new.slug.to_owned()),
        name: Set(new.name.to_owned()),
        enabled: Set(new.enabled),
        settings: Set(json(new.settings)?),
        cache_epoch: Set(0),
        version: Set(new.version),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        ..Default::default()
    };
    row.insert(tx).await.map_err(|error| StoreError::unique(error, "slug"))
}

/// Changes a gateway.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn update(tx: &WriteTx, id: GatewayId, update: GatewayUpdate<'_>) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: Set(id.0),
        name: Set(update.name.to_owned()),
        enabled: Set(update.enabled),
        settings: Set(json(update.settings)?),
        cache_epoch: Set(update.cache_epoch),
        version: Set(update.version),
        updated_at: Set(update.now),
        ..Default::default()
    };
    Ok(row.update(tx).await?)
}

/// Marks a gateway deleted; its name stays readable in the log and its slug is free again.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(tx: &WriteTx, id: GatewayId, now: DateTime<Utc>) -> Result<(), StoreError> {
    ActiveModel { id: Set(id.0), enabled: Set(false), deleted_at: Set(Some(now)), ..Default::default() }
        .update(tx)
        .await?;
    Ok(())
}

fn json(settings: &GatewaySettings) -> Result<String, StoreError> {
    serde_json::to_string(settings).map_err(|error| StoreError::Other(error.to_string()))
}
