//! Queries on people.

use chrono::{DateTime, Utc};
use domain::UserId;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
};

use crate::entity::user::{ActiveModel, Column, Entity, Model};
use crate::{StoreError, WriteTx};

/// Whether anybody has an account.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn any(db: &impl ConnectionTrait) -> Result<bool, StoreError> {
    let first: Option<i64> = Entity::find().select_only().column(Column::Id).limit(1).into_tuple().one(db).await?;
    Ok(first.is_some())
}

/// The person with an e-mail address in lower case.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn find_by_email(db: &impl ConnectionTrait, email: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Email.eq(email)).one(db).await?)
}

/// A person.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find(db: &impl ConnectionTrait, id: UserId) -> Result<Model, StoreError> {
    Entity::find_by_id(id.0).one(db).await?.ok_or(StoreError::NotFound)
}

/// Several people, in no order.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(db: &impl ConnectionTrait, ids: impl IntoIterator<Item = i64>) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Id.is_in(ids)).all(db).await?)
}

/// Adds a person; the address is in lower case.
///
/// # Errors
/// [`StoreError::Conflict`] on `email`.
pub async fn create(
    tx: &WriteTx,
    email: &str,
    name: &str,
    password_hash: String,
    now: DateTime<Utc>,
) -> Result<Model, StoreError> {
    let row = ActiveModel {
        email: Set(email.to_owned()),
        name: Set(name.to_owned()),
        password_hash: Set(password_hash),
        created_at: Set(now),
        ..Default::default()
    };
    row.insert(tx).await.map_err(|error| StoreError::unique(error, "email"))
}

/// Sets a person's password.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn set_password(tx: &WriteTx, id: UserId, password_hash: String) -> Result<(), StoreError> {
    let row = ActiveModel { id: Set(id.0), password_hash: Set(password_hash), ..Default::default() };
    row.update(tx).await?;
    Ok(())
}
