//! Queries on the versions of dynamic routes and on their deployments.

use chrono::{DateTime, Utc};
use domain::RouteId;
use domain::route::{MAX_VERSIONS, RouteProblem};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::changed;
use crate::entity::route::{ActiveModel as RouteChange, Model as Route};
use crate::entity::route_deployment as deployment;
use crate::entity::route_version::{ActiveModel, Column, Entity, Model};
use crate::{StoreError, WriteTx};

/// A version to add.
#[derive(Clone, Copy, Debug)]
pub struct NewVersion<'a> {
    /// JSON on one line.
    pub elements: &'a str,
    pub problems: &'a [RouteProblem],
    pub author: &'a str,
    pub comment: &'a str,
    /// The configuration version of this change.
    pub version: i64,
    pub now: DateTime<Utc>,
}

/// A version without its elements.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Summary {
    pub number: i64,
    pub valid: bool,
    pub author: String,
    pub comment: String,
    pub created_at: DateTime<Utc>,
}

/// The versions of a route, the newest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(db: &impl ConnectionTrait, route: RouteId) -> Result<Vec<Summary>, StoreError> {
    let columns = [Column::Number, Column::Valid, Column::Author, Column::Comment, Column::CreatedAt];
    let versions = Entity::find().select_only().columns(columns).filter(Column::RouteId.eq(route.0));
    Ok(versions.order_by_desc(Column::Number).into_model().all(db).await?)
}

/// A version of a route.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find(db: &impl ConnectionTrait, route: RouteId, number: i64) -> Result<Model, StoreError> {
    let version = Entity::find().filter(Column::RouteId.eq(route.0)).filter(Column::Number.eq(number));
    version.one(db).await?.ok_or(StoreError::NotFound)
}

/// The newest and the deployed versions of routes, in any order.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list_current(db: &impl ConnectionTrait, routes: &[Route]) -> Result<Vec<Model>, StoreError> {
    let mut rows = Vec::with_capacity(routes.len());
    for route in routes {
        rows.extend(newest(db, route).await?);
        rows.extend(deployed(db, route).await?.filter(|row| row.number != route.newest));
    }
    Ok(rows)
}

/// The newest version of a route.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn newest(db: &impl ConnectionTrait, route: &Route) -> Result<Option<Model>, StoreError> {
    let newest = Entity::find().filter(Column::RouteId.eq(route.id)).filter(Column::Number.eq(route.newest));
    Ok(newest.one(db).await?)
}

/// The version of a route that is deployed.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn deployed(db: &impl ConnectionTrait, route: &Route) -> Result<Option<Model>, StoreError> {
    match route.deployed_id {
        Some(id) => Ok(Entity::find_by_id(id).one(db).await?),
        None => Ok(None),
    }
}

/// The numbers of the deployed versions of routes, by the routes' ids.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn deployed_numbers(db: &impl ConnectionTrait, routes: &[Route]) -> Result<Vec<(i64, i64)>, StoreError> {
    let ids = routes.iter().filter_map(|route| route.deployed_id);
    let numbers =
        Entity::find().select_only().column(Column::RouteId).column(Column::Number).filter(Column::Id.is_in(ids));
    Ok(numbers.into_tuple().all(db).await?)
}

/// What was wrong with a version when it was saved; nothing where a newer program wrote it.
#[must_use]
pub fn problems(row: &Model) -> Vec<RouteProblem> {
    serde_json::from_str(&row.problems).unwrap_or_default()
}

/// Adds a version, which is the route's newest then. The oldest that is not deployed goes, where there are too many.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn create(tx: &WriteTx, route: &Route, new: NewVersion<'_>) -> Result<(Route, Model), StoreError> {
    let problems = serde_json::to_string(new.problems).map_err(|error| StoreError::Other(error.to_string()))?;
    let number = route.newest + 1;
    let row = ActiveModel {
        route_id: Set(route.id),
        number: Set(number),
        elements: Set(new.elements.to_owned()),
        valid: Set(RouteProblem::are_warnings(new.problems)),
        problems: Set(problems),
        author: Set(new.author.to_owned()),
        comment: Set(new.comment.to_owned()),
        created_at: Set(new.now),
        ..Default::default()
    };
    let row = row.insert(tx).await?;
    let changed = RouteChange { newest: Set(number), ..changed(RouteId(route.id), new.version, new.now) };
    let route = changed.update(tx).await?;
    prune_versions(tx, &route).await?;
    Ok((route, row))
}

async fn prune_versions(tx: &WriteTx, route: &Route) -> Result<(), StoreError> {
    let not_deployed = Entity::find().select_only().column(Column::Id).filter(Column::RouteId.eq(route.id));
    let not_deployed = not_deployed.filter(Column::Id.ne(route.deployed_id.unwrap_or_default()));
    let keep = MAX_VERSIONS - usize::from(route.deployed_id.is_some());
    let newest: Vec<i64> =
        not_deployed.order_by_desc(Column::Number).limit(keep as u64 + 1).into_tuple().all(tx).await?;
    // One is added at a time, so one at most is too many.
    if let Some(id) = newest.get(keep) {
        Entity::delete_by_id(*id).exec(tx).await?;
    }
    Ok(())
}

/// Makes a version the one that is live, and notes since when.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn deploy(
    tx: &WriteTx,
    target: &Model,
    author: &str,
    version: i64,
    now: DateTime<Utc>,
) -> Result<Route, StoreError> {
    let row = deployment::ActiveModel {
        route_id: Set(target.route_id),
        number: Set(target.number),
        author: Set(author.to_owned()),
        created_at: Set(now),
        ..Default::default()
    };
    row.insert(tx).await?;
    let kept = list_deployments(tx, RouteId(target.route_id)).await?;
    if let Some(oldest) = kept.last().filter(|_| kept.len() >= MAX_VERSIONS) {
        let older = deployment::Entity::delete_many().filter(deployment::Column::RouteId.eq(target.route_id));
        older.filter(deployment::Column::Id.lt(oldest.id)).exec(tx).await?;
    }
    let changed = changed(RouteId(target.route_id), version, now);
    Ok(RouteChange { deployed_id: Set(Some(target.id)), ..changed }.update(tx).await?)
}

/// The deployments of a route, the last first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list_deployments(db: &impl ConnectionTrait, route: RouteId) -> Result<Vec<deployment::Model>, StoreError> {
    use deployment::Column;
    let of_route = deployment::Entity::find().filter(Column::RouteId.eq(route.0));
    Ok(of_route.order_by_desc(Column::Id).limit(MAX_VERSIONS as u64).all(db).await?)
}
