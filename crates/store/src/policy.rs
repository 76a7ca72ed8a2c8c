//! Queries on policies.

use chrono::{DateTime, Utc};
use domain::policy::{Policy, PolicyState};
use domain::{PolicyId, TeamId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder,
};

use crate::entity::policy::{ActiveModel, Column, Entity, Model};
use crate::{StoreError, WriteTx};

/// What a policy is called and does, and the change that made it so.
#[derive(Clone, Debug)]
pub struct Definition<'a> {
    pub name: &'a str,
    pub state: PolicyState,
    pub policy: &'a Policy,
    /// The configuration version of this change.
    pub version: i64,
    pub now: DateTime<Utc>,
}

/// The team's policies, by name.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(db: &impl ConnectionTrait, team: TeamId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::TeamId.eq(team.0)).order_by_asc(Column::Name).all(db).await?)
}

/// How many policies the team has.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn count(db: &impl ConnectionTrait, team: TeamId) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::TeamId.eq(team.0)).count(db).await?)
}

/// A policy of the team.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find(db: &impl ConnectionTrait, team: TeamId, id: PolicyId) -> Result<Model, StoreError> {
    Entity::find_by_id(id.0).filter(Column::TeamId.eq(team.0)).one(db).await?.ok_or(StoreError::NotFound)
}

/// What the policy of a row does.
///
/// # Errors
/// [`StoreError::Other`] for a row that a newer program wrote.
pub fn policy(row: &Model) -> Result<Policy, StoreError> {
    serde_json::from_str(&row.policy).map_err(|error| StoreError::Other(format!("policy {}: {error}", row.id)))
}

/// The state of a row; one that a newer program wrote counts as on.
#[must_use]
pub fn state(row: &Model) -> PolicyState {
    row.state.parse().unwrap_or_default()
}

/// Adds a policy.
///
/// # Errors
/// [`StoreError::Conflict`] on `name`.
pub async fn create(tx: &WriteTx, team: TeamId, definition: &Definition<'_>) -> Result<Model, StoreError> {
    let row = ActiveModel { team_id: Set(team.0), created_at: Set(definition.now), ..defined(definition)? };
    row.insert(tx).await.map_err(|error| StoreError::unique(error, "name"))
}

/// Changes a policy.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Conflict`] on `name`.
pub async fn update(tx: &WriteTx, id: PolicyId, definition: &Definition<'_>) -> Result<Model, StoreError> {
    let row = ActiveModel { id: Set(id.0), ..defined(definition)? };
    row.update(tx).await.map_err(|error| StoreError::unique(error, "name"))
}

/// Puts a policy in or out of force and leaves the rest as it is, also where this program cannot read it.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn set_state(
    tx: &WriteTx,
    id: PolicyId,
    state: PolicyState,
    version: i64,
    now: DateTime<Utc>,
) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: Set(id.0),
        state: Set(state.as_str().to_owned()),
        version: Set(version),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(row.update(tx).await?)
}

/// Removes a policy.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn delete(tx: &WriteTx, id: PolicyId) -> Result<(), StoreError> {
    Entity::delete_by_id(id.0).exec(tx).await?;
    Ok(())
}

fn defined(definition: &Definition<'_>) -> Result<ActiveModel, StoreError> {
    let policy = serde_json::to_string(definition.policy).map_err(|error| StoreError::Other(error.to_string()))?;
    Ok(ActiveModel {
        name: Set(definition.name.to_owned()),
        state: Set(definition.state.as_str().to_owned()),
        policy: Set(policy),
        version: Set(definition.version),
        updated_at: Set(definition.now),
        ..Default::default()
    })
}
