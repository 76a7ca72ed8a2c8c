//! Queries on teams and their members.

use chrono::{DateTime, Utc};
use domain::{Role, TeamId, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::OnConflict,
};

use crate::entity::{membership, team};
use crate::{StoreError, WriteTx};

/// Most members a list shows.
const LIST_LIMIT: u64 = 1_000;

/// A team.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find(db: &impl ConnectionTrait, id: TeamId) -> Result<team::Model, StoreError> {
    team::Entity::find_by_id(id.0).one(db).await?.ok_or(StoreError::NotFound)
}

/// The team with a slug.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn find_by_slug(db: &impl ConnectionTrait, slug: &str) -> Result<Option<team::Model>, StoreError> {
    Ok(team::Entity::find().filter(team::Column::Slug.eq(slug)).one(db).await?)
}

/// Every team, in the order in which they were made.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(db: &impl ConnectionTrait) -> Result<Vec<team::Model>, StoreError> {
    Ok(team::Entity::find().order_by_asc(team::Column::Id).all(db).await?)
}

/// Adds a team.
///
/// # Errors
/// [`StoreError::Conflict`] on `slug`.
pub async fn create(tx: &WriteTx, slug: &str, name: &str, now: DateTime<Utc>) -> Result<team::Model, StoreError> {
    let row = team::ActiveModel {
        slug: Set(slug.to_owned()),
        name: Set(name.to_owned()),
        created_at: Set(now),
        ..Default::default()
    };
    row.insert(tx).await.map_err(|error| StoreError::unique(error, "slug"))
}

/// Renames a team.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn rename(tx: &WriteTx, id: TeamId, name: &str) -> Result<(), StoreError> {
    team::ActiveModel { id: Set(id.0), name: Set(name.to_owned()), ..Default::default() }.update(tx).await?;
    Ok(())
}

/// The teams of a person, by name, with the person's role.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list_of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<(team::Model, Role)>, StoreError> {
    let memberships = membership::Entity::find().filter(membership::Column::UserId.eq(user.0)).all(db).await?;
    let teams = team::Entity::find()
        .filter(team::Column::Id.is_in(memberships.iter().map(|membership| membership.team_id)))
        .order_by_asc(team::Column::Name)
        .all(db)
        .await?;
    let role = |id| memberships.iter().find(|membership| membership.team_id == id)?.role.parse().ok();
    Ok(teams.into_iter().filter_map(|team| role(team.id).map(|role| (team, role))).collect())
}

/// The members of a team, in the order they joined.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list_memberships(db: &impl ConnectionTrait, team: TeamId) -> Result<Vec<membership::Model>, StoreError> {
    Ok(membership::Entity::find()
        .filter(membership::Column::TeamId.eq(team.0))
        .order_by_asc(membership::Column::CreatedAt)
        .order_by_asc(membership::Column::UserId)
        .limit(LIST_LIMIT)
        .all(db)
        .await?)
}

/// A person's membership of a team, if there is one.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn find_membership(
    db: &impl ConnectionTrait,
    team: TeamId,
    user: UserId,
) -> Result<Option<membership::Model>, StoreError> {
    Ok(membership::Entity::find_by_id((team.0, user.0)).one(db).await?)
}

/// How many members a team has.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn count_members(db: &impl ConnectionTrait, team: TeamId) -> Result<u64, StoreError> {
    Ok(membership::Entity::find().filter(membership::Column::TeamId.eq(team.0)).count(db).await?)
}

/// Ends a membership.
///
/// # Errors
/// [`StoreError::NotFound`]; [`StoreError::Conflict`] on `role` where it would leave the team without an owner.
pub async fn remove_member(tx: &WriteTx, team: TeamId, user: UserId) -> Result<(), StoreError> {
    let gone = membership::Entity::delete_by_id((team.0, user.0)).exec(tx).await?;
    if gone.rows_affected == 0 {
        return Err(StoreError::NotFound);
    }
    if owners(tx, team).await? == 0 {
        return Err(StoreError::Conflict("role"));
    }
    Ok(())
}

/// Makes a person a member, or gives a member another role.
///
/// # Errors
/// [`StoreError::Conflict`] on `role` where it would leave the team without an owner.
pub async fn set_member(
    tx: &WriteTx,
    team: TeamId,
    user: UserId,
    role: Role,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    use membership::{ActiveModel, Column, Entity};
    let row = ActiveModel {
        team_id: Set(team.0),
        user_id: Set(user.0),
        role: Set(role.as_str().to_owned()),
        created_at: Set(now),
    };
    let replace = OnConflict::columns([Column::TeamId, Column::UserId]).update_column(Column::Role).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
    if role != Role::Owner && owners(tx, team).await? == 0 {
        return Err(StoreError::Conflict("role"));
    }
    Ok(())
}

/// How many owners a team has.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn owners(db: &impl ConnectionTrait, team: TeamId) -> Result<u64, StoreError> {
    use membership::{Column, Entity};
    Ok(Entity::find().filter(Column::TeamId.eq(team.0)).filter(Column::Role.eq(Role::Owner.as_str())).count(db).await?)
}
