//! Dynamic routes: their versions, which never change, and which one is deployed. What a route means is `crates/route`'s.

mod read;
mod run;

use domain::route::{MAX_COMMENT, MAX_ROUTES};
use domain::validate::{self, FieldError, Problem};
use domain::view::{DeploymentView, RouteElementsView, RouteVersionView, RouteView};
use domain::{GatewayId, RouteId};
use store::entity::{gateway, route};
use store::route::{self as rows, version};

use crate::change::Change;
use crate::gateway::missing;
use crate::{Control, ControlError, Grant, can};

pub(crate) use read::{Providers, RouteVersion, read};
pub(crate) use run::Run;

/// A route to create, with its first version.
#[derive(Clone, Debug)]
pub struct NewRoute {
    pub name: String,
    pub first: NewRouteVersion,
}

/// A version to save.
#[derive(Clone, Debug, Default)]
pub struct NewRouteVersion {
    /// JSON: a list of elements, or an object with one.
    pub elements: String,
    pub comment: String,
    /// The number of the version that it was made from, 0 for the first. Where the route has a newer one by now, somebody else's
    /// change would be undone, so nothing is written.
    pub made_from: i64,
}

/// A route with its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteDetail {
    pub route: RouteView,
    /// The newest first.
    pub versions: Vec<RouteVersionView>,
    /// The last first.
    pub deployments: Vec<DeploymentView>,
}

impl Control {
    /// The gateway's routes, by name.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn list_routes(&self, grant: &Grant<can::View>, gateway: &str) -> Result<Vec<RouteView>, ControlError> {
        let db = self.inner.store.read();
        let gateway = self.gateway_of(grant, gateway).await?;
        let rows = rows::list(db, GatewayId(gateway.id)).await?;
        let deployed = version::deployed_numbers(db, &rows).await?;
        let number = |id| deployed.iter().find(|(route, _)| *route == id).map(|(_, number)| *number);
        Ok(rows.into_iter().map(|row| self.route_view(number(row.id), row)).collect())
    }

    /// A route with its history.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn find_route(
        &self,
        grant: &Grant<can::View>,
        gateway: &str,
        name: &str,
    ) -> Result<RouteDetail, ControlError> {
        let db = self.inner.store.read();
        let row = self.route_of(grant, gateway, name).await?;
        let id = RouteId(row.id);
        let versions = version::list(db, id).await?.into_iter().map(version_view).collect();
        let deployments = version::list_deployments(db, id).await?.into_iter();
        let deployments = deployments
            .map(|row| DeploymentView { number: row.number, author: row.author, created_at: row.created_at })
            .collect();
        let deployed = version::deployed(db, &row).await?.map(|version| version.number);
        Ok(RouteDetail { route: self.route_view(deployed, row), versions, deployments })
    }

    /// The elements of a version, and what was wrong with them when it was saved.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn find_route_elements(
        &self,
        grant: &Grant<can::View>,
        gateway: &str,
        name: &str,
        number: i64,
    ) -> Result<RouteElementsView, ControlError> {
        let route = self.route_of(grant, gateway, name).await?;
        let row = version::find(self.inner.store.read(), RouteId(route.id), number).await;
        let row = row.map_err(|error| missing(error, "version"))?;
        Ok(RouteElementsView { problems: version::problems(&row), elements: row.elements })
    }

    /// What is wrong with elements. Nothing is written. The elements are empty where they are no list.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn check_route(
        &self,
        grant: &Grant<can::View>,
        elements: &str,
    ) -> Result<RouteElementsView, ControlError> {
        let custom = store::custom_provider::list(self.inner.store.read(), grant.team_id()).await?;
        let reading = read(elements, &Providers::new(custom.into_iter().map(|row| row.slug)));
        let elements = reading.elements.map_or_else(String::new, |elements| elements.to_string());
        Ok(RouteElementsView { elements, problems: reading.problems })
    }

    /// Creates a route. It answers nothing until a version is deployed.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `name`, `comment` and `elements`; [`ControlError::Conflict`] for a taken name;
    /// [`ControlError::NotFound`].
    pub async fn create_route(
        &self,
        grant: &Grant<can::EditGateways>,
        gateway: &str,
        new: NewRoute,
    ) -> Result<RouteView, ControlError> {
        let change = self.begin().await?;
        let gateway = gateway_in(&change, grant, gateway).await?;
        let id = GatewayId(gateway.id);
        let mut errors: Vec<_> = name_errors(&new.name).into_iter().chain(comment_errors(&new.first)).collect();
        if rows::count(change.tx(), id).await? >= MAX_ROUTES as u64 {
            errors.push(FieldError::new("name", Problem::TooMany { max: MAX_ROUTES as u64 }));
        }
        let version = self.version_of(&change, grant, &new.first, &mut errors).await?;
        let (Some(version), true) = (version, errors.is_empty()) else { return Err(ControlError::Invalid(errors)) };
        let run = Run { change: &change, team: grant.team_id(), author: grant.author(), gateway: &gateway.slug };
        let row = run.create(id, &new.name).await?;
        let (row, _) = run.save(&row, &version, &new.first.comment).await?;
        change.commit(self).await?;
        Ok(self.route_view(None, row))
    }

    /// Saves a new version as a draft, valid or not; one that says what the newest says is not saved.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `comment`, and for `elements` that are no list or too long; [`ControlError::NotFound`];
    /// [`ControlError::Conflict`] for `made_from` where there is a newer version.
    pub async fn save_route(
        &self,
        grant: &Grant<can::EditGateways>,
        gateway: &str,
        id: RouteId,
        new: NewRouteVersion,
    ) -> Result<RouteView, ControlError> {
        let change = self.begin().await?;
        let (gateway, old) = route_in(&change, grant, gateway, id).await?;
        let mut errors: Vec<_> = comment_errors(&new).into_iter().collect();
        let version = self.version_of(&change, grant, &new, &mut errors).await?;
        let (Some(version), true) = (version, errors.is_empty()) else { return Err(ControlError::Invalid(errors)) };
        let deployed = version::deployed(change.tx(), &old).await?.map(|row| row.number);
        let newest = version::newest(change.tx(), &old).await?;
        if newest.is_some_and(|newest| newest.elements == version.elements) {
            return Ok(self.route_view(deployed, old));
        }
        if old.newest != new.made_from {
            return Err(ControlError::Conflict(FieldError::new("made_from", Problem::Outdated)));
        }
        let run = Run { change: &change, team: grant.team_id(), author: grant.author(), gateway: &gateway.slug };
        let (row, _) = run.save(&old, &version, &new.comment).await?;
        change.commit(self).await?;
        Ok(self.route_view(deployed, row))
    }

    /// Makes a version the one that answers; an older one rolls back. It is checked again: its providers may be gone.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a `number` that has errors; [`ControlError::NotFound`].
    pub async fn deploy_route(
        &self,
        grant: &Grant<can::EditGateways>,
        gateway: &str,
        id: RouteId,
        number: i64,
    ) -> Result<RouteView, ControlError> {
        let change = self.begin().await?;
        let (gateway, old) = route_in(&change, grant, gateway, id).await?;
        let target = version::find(change.tx(), id, number).await.map_err(|error| missing(error, "version"))?;
        if old.deployed_id == Some(target.id) {
            return Ok(self.route_view(Some(number), old));
        }
        let custom = store::custom_provider::list(change.tx(), grant.team_id()).await?;
        let reading = read(&target.elements, &Providers::new(custom.into_iter().map(|row| row.slug)));
        if !::route::is_valid(&reading.problems) {
            return Err(ControlError::invalid("number", Problem::NotDeployable));
        }
        let run = Run { change: &change, team: grant.team_id(), author: grant.author(), gateway: &gateway.slug };
        let row = run.deploy(&old, &target).await?;
        change.commit(self).await?;
        Ok(self.route_view(Some(number), row))
    }

    /// Gives a route another name. Callers must use it from then on.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `name`; [`ControlError::Conflict`] for a taken one; [`ControlError::NotFound`].
    pub async fn rename_route(
        &self,
        grant: &Grant<can::EditGateways>,
        gateway: &str,
        id: RouteId,
        name: &str,
    ) -> Result<RouteView, ControlError> {
        if let Some(error) = name_errors(name) {
            return Err(ControlError::Invalid(vec![error]));
        }
        let change = self.begin().await?;
        let (gateway, old) = route_in(&change, grant, gateway, id).await?;
        let deployed = version::deployed(change.tx(), &old).await?.map(|row| row.number);
        if old.name == name {
            return Ok(self.route_view(deployed, old));
        }
        let run = Run { change: &change, team: grant.team_id(), author: grant.author(), gateway: &gateway.slug };
        let row = run.rename(&old, name).await?;
        change.commit(self).await?;
        Ok(self.route_view(deployed, row))
    }

    /// Deletes a route with all its versions. `confirm` must repeat the name.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `confirm`; [`ControlError::NotFound`].
    pub async fn delete_route(
        &self,
        grant: &Grant<can::EditGateways>,
        gateway: &str,
        id: RouteId,
        confirm: &str,
    ) -> Result<(), ControlError> {
        let change = self.begin().await?;
        let (gateway, old) = route_in(&change, grant, gateway, id).await?;
        if confirm.trim() != old.name {
            return Err(ControlError::invalid("confirm", Problem::NotConfirmed));
        }
        let run = Run { change: &change, team: grant.team_id(), author: grant.author(), gateway: &gateway.slug };
        run.delete(&old).await?;
        change.commit(self).await
    }

    async fn gateway_of(&self, grant: &Grant<can::View>, slug: &str) -> Result<gateway::Model, ControlError> {
        let row = store::gateway::find_by_slug(self.inner.store.read(), grant.team_id(), slug).await;
        row.map_err(|error| missing(error, "gateway"))
    }

    async fn route_of(
        &self,
        grant: &Grant<can::View>,
        gateway: &str,
        name: &str,
    ) -> Result<route::Model, ControlError> {
        let gateway = self.gateway_of(grant, gateway).await?;
        let row = rows::find_by_name(self.inner.store.read(), GatewayId(gateway.id), name).await;
        row.map_err(|error| missing(error, "route"))
    }

    /// Reads the elements of a version to save, under the lock.
    async fn version_of(
        &self,
        change: &Change,
        grant: &Grant<can::EditGateways>,
        new: &NewRouteVersion,
        errors: &mut Vec<FieldError>,
    ) -> Result<Option<RouteVersion>, ControlError> {
        let custom = store::custom_provider::list(change.tx(), grant.team_id()).await?;
        let reading = read(&new.elements, &Providers::new(custom.into_iter().map(|row| row.slug)));
        let version = RouteVersion::of(reading);
        errors.extend(version.as_ref().err().map(|problem| FieldError::new("elements", problem.clone())));
        Ok(version.ok())
    }

    fn route_view(&self, deployed: Option<i64>, row: route::Model) -> RouteView {
        RouteView {
            id: RouteId(row.id),
            name: row.name,
            newest: row.newest,
            deployed,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
            live: row.version <= self.live_version(),
        }
    }
}

async fn gateway_in(
    change: &Change,
    grant: &Grant<can::EditGateways>,
    slug: &str,
) -> Result<gateway::Model, ControlError> {
    let row = store::gateway::find_by_slug(change.tx(), grant.team_id(), slug).await;
    row.map_err(|error| missing(error, "gateway"))
}

async fn route_in(
    change: &Change,
    grant: &Grant<can::EditGateways>,
    gateway: &str,
    id: RouteId,
) -> Result<(gateway::Model, route::Model), ControlError> {
    let gateway = gateway_in(change, grant, gateway).await?;
    let row = rows::find(change.tx(), GatewayId(gateway.id), id).await.map_err(|error| missing(error, "route"))?;
    Ok((gateway, row))
}

fn name_errors(name: &str) -> Option<FieldError> {
    validate::route_name(name).err().map(|problem| FieldError::new("name", problem))
}

fn comment_errors(new: &NewRouteVersion) -> Option<FieldError> {
    comment_problem(&new.comment).map(|problem| FieldError::new("comment", problem))
}

/// What is wrong with a comment on a version.
pub(crate) fn comment_problem(comment: &str) -> Option<Problem> {
    if comment.chars().count() > MAX_COMMENT {
        Some(Problem::TooLong { max: MAX_COMMENT as u64 })
    } else if comment.chars().any(char::is_control) {
        Some(Problem::HiddenCharacters)
    } else {
        None
    }
}

fn version_view(row: version::Summary) -> RouteVersionView {
    let version::Summary { number, valid, author, comment, created_at } = row;
    RouteVersionView { number, valid, author, comment, created_at }
}
