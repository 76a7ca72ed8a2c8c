//! Queries on sessions. A session is found by the digest of what its cookie names.

use chrono::{DateTime, Utc};
use domain::{SessionId, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::entity::session::{ActiveModel, Column, Entity, Model};
use crate::{StoreError, WriteTx};

/// Most sessions a person sees at once.
const LIST_LIMIT: u64 = 200;

/// A session to open.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub user_id: UserId,
    /// SHA-256 of what the cookie names.
    pub digest: [u8; 32],
    pub ip: String,
    pub user_agent: String,
    pub now: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Opens a session.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn create(tx: &WriteTx, new: NewSession) -> Result<Model, StoreError> {
    let row = ActiveModel {
        user_id: Set(new.user_id.0),
        digest: Set(new.digest.to_vec()),
        ip: Set(new.ip),
        user_agent: Set(new.user_agent),
        created_at: Set(new.now),
        last_seen_at: Set(new.now),
        expires_at: Set(new.expires_at),
        ..Default::default()
    };
    Ok(row.insert(tx).await?)
}

/// The live session with a digest.
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

/// A person's live sessions, the latest seen first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(db: &impl ConnectionTrait, user: UserId, now: DateTime<Utc>) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::UserId.eq(user.0))
        .filter(Column::ExpiresAt.gt(now))
        .order_by_desc(Column::LastSeenAt)
        .order_by_desc(Column::Id)
        .limit(LIST_LIMIT)
        .all(db)
        .await?)
}

/// Notes that a session is in use.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn touch(tx: &WriteTx, id: SessionId, now: DateTime<Utc>) -> Result<(), StoreError> {
    Entity::update_many().filter(Column::Id.eq(id.0)).col_expr(Column::LastSeenAt, now.into()).exec(tx).await?;
    Ok(())
}

/// Ends one of a person's sessions; answers whether there was one.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn delete(tx: &WriteTx, user: UserId, id: SessionId) -> Result<bool, StoreError> {
    let gone = Entity::delete_many().filter(Column::Id.eq(id.0)).filter(Column::UserId.eq(user.0)).exec(tx).await?;
    Ok(gone.rows_affected > 0)
}

/// Ends a person's sessions, but for one.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn delete_all(tx: &WriteTx, user: UserId, except: Option<SessionId>) -> Result<u64, StoreError> {
    let mut query = Entity::delete_many().filter(Column::UserId.eq(user.0));
    if let Some(kept) = except {
        query = query.filter(Column::Id.ne(kept.0));
    }
    Ok(query.exec(tx).await?.rows_affected)
}

/// Removes sessions that are over.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn delete_expired(tx: &WriteTx, now: DateTime<Utc>) -> Result<u64, StoreError> {
    Ok(Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(tx).await?.rows_affected)
}
