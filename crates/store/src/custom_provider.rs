//! Queries on the providers of a team's own.

use chrono::{DateTime, Utc};
use domain::provider::{AuthScheme, Dialect};
use domain::{CustomProviderId, TeamId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::entity::custom_provider::{ActiveModel, Column, Entity, Model};
use crate::{StoreError, WriteTx};

/// What a provider is, apart from its slug.
#[derive(Clone, Debug)]
pub struct Definition<'a> {
    pub name: &'a str,
    pub base_url: &'a str,
    pub dialect: Dialect,
    pub auth: AuthScheme,
    pub enabled: bool,
}

/// The team's providers, by slug.
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

/// A provider of the team.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find(db: &impl ConnectionTrait, team: TeamId, id: CustomProviderId) -> Result<Model, StoreError> {
    Entity::find_by_id(id.0)
        .filter(Column::TeamId.eq(team.0))
        .filter(Column::DeletedAt.is_null())
        .one(db)
        .await?
        .ok_or(StoreError::NotFound)
}

/// The dialect of a row; one that a newer program wrote counts as OpenAI's.
#[must_use]
pub fn dialect(row: &Model) -> Dialect {
    row.dialect.parse().unwrap_or_default()
}

/// The authentication of a row; one that a newer program wrote counts as bearer.
#[must_use]
pub fn auth(row: &Model) -> AuthScheme {
    AuthScheme::header(&row.auth).unwrap_or_default()
}

/// Adds a provider.
///
/// # Errors
/// [`StoreError::Conflict`] on `slug`.
pub async fn create(
    tx: &WriteTx,
    team: TeamId,
    slug: &str,
    definition: &Definition<'_>,
    now: DateTime<Utc>,
) -> Result<Model, StoreError> {
    let row =
        ActiveModel { team_id: Set(team.0), slug: Set(slug.to_owned()), created_at: Set(now), ..defined(definition) };
    row.insert(tx).await.map_err(|error| StoreError::unique(error, "slug"))
}

/// Changes a provider.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn update(tx: &WriteTx, id: CustomProviderId, definition: &Definition<'_>) -> Result<Model, StoreError> {
    Ok(ActiveModel { id: Set(id.0), ..defined(definition) }.update(tx).await?)
}

/// Marks a provider deleted; its slug is free again.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(tx: &WriteTx, id: CustomProviderId, now: DateTime<Utc>) -> Result<(), StoreError> {
    ActiveModel { id: Set(id.0), enabled: Set(false), deleted_at: Set(Some(now)), ..Default::default() }
        .update(tx)
        .await?;
    Ok(())
}

fn defined(definition: &Definition<'_>) -> ActiveModel {
    ActiveModel {
        name: Set(definition.name.to_owned()),
        base_url: Set(definition.base_url.to_owned()),
        dialect: Set(definition.dialect.as_str().to_owned()),
        auth: Set(definition.auth.as_str().to_owned()),
        enabled: Set(definition.enabled),
        ..Default::default()
    }
}
