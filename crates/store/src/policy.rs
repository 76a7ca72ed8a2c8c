//! Queries on policies.

use chrono::{DateTime, Utc};
use domain::policy::{Policy, PolicyState};
use domain::{PolicyId, TeamId, TokenId};
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
    /// The token whose own limit it is.
    pub owner: Option<TokenId>,
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

/// The own limits of a token.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list_own(db: &impl ConnectionTrait, token: TokenId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::TokenId.eq(token.0)).order_by_asc(Column::Id).all(db).await?)
}

/// Whether the team has a policy of that name.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn has_name(db: &impl ConnectionTrait, team: TeamId, name: &str) -> Result<bool, StoreError> {
    Ok(Entity::find().filter(Column::TeamId.eq(team.0)).filter(Column::Name.eq(name)).count(db).await? > 0)
}

/// How many policies the team has, without the own limits of its tokens.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn count(db: &impl ConnectionTrait, team: TeamId) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::TeamId.eq(team.0)).filter(Column::TokenId.is_null()).count(db).await?)
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
        token_id: Set(definition.owner.map(|token| token.0)),
        state: Set(definition.state.as_str().to_owned()),
        policy: Set(policy),
        version: Set(definition.version),
        updated_at: Set(definition.now),
        ..Default::default()
    })
}
