//! Queries on provider keys. The sealed secret is bound to the row's id, so a row is written in two steps.

use chrono::{DateTime, Utc};
use domain::provider::Pooling;
use domain::{ProviderKeyId, TeamId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
};

use crate::entity::provider_key::{ActiveModel, Column, Entity, Model};
use crate::secrets::{Place, SealError, Sealed, Sealer};
use crate::{StoreError, WriteTx};

/// A credential to add.
#[derive(Clone, Debug)]
pub struct NewProviderKey<'a> {
    pub team_id: TeamId,
    pub provider: &'a str,
    pub alias: &'a str,
    pub base_url: Option<&'a str>,
    pub enabled: bool,
    pub pooling: &'a Pooling,
    pub hint: String,
    pub created_at: DateTime<Utc>,
    pub rotated_at: Option<DateTime<Utc>>,
}

/// The team's keys that are not deleted and not past their end, by provider and alias, the successor of a rotation first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(db: &impl ConnectionTrait, team: TeamId, now: DateTime<Utc>) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::TeamId.eq(team.0))
        .filter(alive(now))
        .order_by_asc(Column::Provider)
        .order_by_asc(Column::Alias)
        .order_by_asc(Column::Name)
        .order_by_desc(Column::Id)
        .all(db)
        .await?)
}

/// A key of the team.
///
/// # Errors
/// [`StoreError::NotFound`], also for one that is past its end.
pub async fn find(
    db: &impl ConnectionTrait,
    team: TeamId,
    id: ProviderKeyId,
    now: DateTime<Utc>,
) -> Result<Model, StoreError> {
    Entity::find_by_id(id.0)
        .filter(Column::TeamId.eq(team.0))
        .filter(alive(now))
        .one(db)
        .await?
        .ok_or(StoreError::NotFound)
}

fn alive(now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Column::DeletedAt.is_null())
        .add(Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(now)))
}

/// Adds a key.
///
/// # Errors
/// [`StoreError::Conflict`] on `name`; [`StoreError::Other`] where it cannot be sealed.
pub async fn create(tx: &WriteTx, sealer: &Sealer, new: NewProviderKey<'_>, secret: &str) -> Result<Model, StoreError> {
    let row = ActiveModel {
        team_id: Set(new.team_id.0),
        provider: Set(new.provider.to_owned()),
        alias: Set(new.alias.to_owned()),
        sealed: Set(Vec::new()),
        key_version: Set(0),
        hint: Set(new.hint),
        base_url: Set(new.base_url.map(str::to_owned)),
        enabled: Set(new.enabled),
        name: Set(new.pooling.name.clone()),
        weight: Set(new.pooling.weight.into()),
        region: Set(new.pooling.region.clone()),
        requests_per_minute: Set(new.pooling.requests_per_minute.map(i64::from)),
        created_at: Set(new.created_at),
        rotated_at: Set(new.rotated_at),
        ..Default::default()
    };
    let row = row.insert(tx).await.map_err(|error| StoreError::unique(error, "name"))?;
    let sealed = sealer.seal(place(row.id), secret).map_err(|error| StoreError::Other(error.to_string()))?;
    let row = ActiveModel {
        id: Set(row.id),
        sealed: Set(sealed.bytes),
        key_version: Set(sealed.key_version),
        ..Default::default()
    };
    Ok(row.update(tx).await?)
}

/// The credential of a row.
///
/// # Errors
/// [`SealError::DoesNotOpen`].
pub fn open(sealer: &Sealer, row: &Model) -> Result<domain::Secret, SealError> {
    sealer.open(place(row.id), &Sealed { key_version: row.key_version, bytes: row.sealed.clone() })
}

/// Changes the address, whether the key is used, and how it stands among others.
///
/// # Errors
/// [`StoreError::NotFound`]; [`StoreError::Conflict`] on `name`.
pub async fn update(
    tx: &WriteTx,
    id: ProviderKeyId,
    base_url: Option<&str>,
    enabled: bool,
    pooling: &Pooling,
) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: Set(id.0),
        base_url: Set(base_url.map(str::to_owned)),
        enabled: Set(enabled),
        name: Set(pooling.name.clone()),
        weight: Set(pooling.weight.into()),
        region: Set(pooling.region.clone()),
        requests_per_minute: Set(pooling.requests_per_minute.map(i64::from)),
        ..Default::default()
    };
    row.update(tx).await.map_err(|error| StoreError::unique(error, "name"))
}

/// How a key stands among those with its alias.
#[must_use]
pub fn pooling(row: &Model) -> Pooling {
    Pooling {
        name: row.name.clone(),
        weight: u32::try_from(row.weight).unwrap_or_default(),
        region: row.region.clone(),
        requests_per_minute: row.requests_per_minute.and_then(|most| u32::try_from(most).ok()),
    }
}

/// Lets a key work until a moment; frees the alias for its successor.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn expire(tx: &WriteTx, id: ProviderKeyId, at: DateTime<Utc>) -> Result<(), StoreError> {
    ActiveModel { id: Set(id.0), expires_at: Set(Some(at)), ..Default::default() }.update(tx).await?;
    Ok(())
}

/// Ends the keys that a rotation replaced and that still work beside their successor.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn end_replaced(tx: &WriteTx, key: &Model, now: DateTime<Utc>) -> Result<(), StoreError> {
    Entity::update_many()
        .set(ActiveModel { expires_at: Set(Some(now)), ..Default::default() })
        .filter(Column::TeamId.eq(key.team_id))
        .filter(Column::Provider.eq(key.provider.as_str()))
        .filter(Column::Alias.eq(key.alias.as_str()))
        .filter(Column::Name.eq(key.name.as_str()))
        .filter(Column::Id.lt(key.id))
        .filter(Column::DeletedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    Ok(())
}

/// Marks a key deleted and erases the sealed secret.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(tx: &WriteTx, id: ProviderKeyId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let row = ActiveModel {
        id: Set(id.0),
        enabled: Set(false),
        sealed: Set(Vec::new()),
        deleted_at: Set(Some(now)),
        ..Default::default()
    };
    row.update(tx).await?;
    Ok(())
}

/// Erases the secrets of keys whose end has come.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn erase_expired(tx: &WriteTx, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let row = ActiveModel { sealed: Set(Vec::new()), deleted_at: Set(Some(now)), ..Default::default() };
    let done = Entity::update_many()
        .set(row)
        .filter(Column::DeletedAt.is_null())
        .filter(Column::ExpiresAt.lte(now))
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
}

fn place(row_id: i64) -> Place {
    Place { table: "provider_keys", row_id }
}
