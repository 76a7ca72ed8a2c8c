//! Queries on invitations. One is found by the digest of its link's secret, and a team has at most one for an address.

use chrono::{DateTime, Utc};
use domain::{InvitationId, Role, TeamId, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder,
};

use crate::entity::invitation::{ActiveModel, Column, Entity, Model};
use crate::{StoreError, WriteTx};

/// An invitation to write down.
#[derive(Clone, Debug)]
pub struct NewInvitation<'a> {
    pub team_id: TeamId,
    /// In lower case.
    pub email: &'a str,
    pub role: Role,
    /// SHA-256 of the link's secret.
    pub digest: [u8; 32],
    pub invited_by: UserId,
    pub now: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Adds an invitation.
///
/// # Errors
/// [`StoreError::Conflict`] on `email`.
pub async fn create(tx: &WriteTx, new: NewInvitation<'_>) -> Result<Model, StoreError> {
    let row = ActiveModel {
        team_id: Set(new.team_id.0),
        email: Set(new.email.to_owned()),
        role: Set(new.role.as_str().to_owned()),
        digest: Set(new.digest.to_vec()),
        invited_by: Set(new.invited_by.0),
        created_at: Set(new.now),
        expires_at: Set(new.expires_at),
        ..Default::default()
    };
    row.insert(tx).await.map_err(|error| StoreError::unique(error, "email"))
}

/// The invitation with a digest, unless it has ended.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn find_live(
    db: &impl ConnectionTrait,
    digest: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Digest.eq(digest.to_vec())).filter(Column::ExpiresAt.gt(now)).one(db).await?)
}

/// The team's invitations that have not ended, the latest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list_live(db: &impl ConnectionTrait, team: TeamId, now: DateTime<Utc>) -> Result<Vec<Model>, StoreError> {
    let live = Entity::find().filter(Column::TeamId.eq(team.0)).filter(Column::ExpiresAt.gt(now));
    Ok(live.order_by_desc(Column::Id).all(db).await?)
}

/// How many invitations a team has, ended ones included.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn count(db: &impl ConnectionTrait, team: TeamId) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::TeamId.eq(team.0)).count(db).await?)
}

/// An invitation of the team.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find(db: &impl ConnectionTrait, team: TeamId, id: InvitationId) -> Result<Model, StoreError> {
    Entity::find_by_id(id.0).filter(Column::TeamId.eq(team.0)).one(db).await?.ok_or(StoreError::NotFound)
}

/// The team's invitation of an address, ended or not.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn find_of(db: &impl ConnectionTrait, team: TeamId, email: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::TeamId.eq(team.0)).filter(Column::Email.eq(email)).one(db).await?)
}

/// Removes an invitation; answers whether it was there.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn delete(tx: &WriteTx, id: InvitationId) -> Result<bool, StoreError> {
    Ok(Entity::delete_by_id(id.0).exec(tx).await?.rows_affected > 0)
}

/// Removes invitations that have ended.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn delete_expired(tx: &WriteTx, now: DateTime<Utc>) -> Result<u64, StoreError> {
    Ok(Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(tx).await?.rows_affected)
}
