//! What is done to routes, each with its audit event, within a change.

use domain::{GatewayId, RouteId, TeamId};
use serde_json::{Value, json};
use store::entity::{route, route_version};
use store::route::{self as rows, version};

use super::RouteVersion;
use crate::ControlError;
use crate::actor::Author;
use crate::change::{Change, Event};

/// Whose routes are changed by whom.
pub(crate) struct Run<'a> {
    pub(crate) change: &'a Change,
    pub(crate) team: TeamId,
    pub(crate) author: &'a Author,
    /// The gateway's slug.
    pub(crate) gateway: &'a str,
}

impl Run<'_> {
    pub(crate) async fn create(&self, gateway: GatewayId, name: &str) -> Result<route::Model, ControlError> {
        let row = rows::create(self.change.tx(), gateway, name, self.change.version(), self.change.now()).await?;
        self.record("route.create", &row, None, Some(json!({ "name": name }))).await?;
        Ok(row)
    }

    pub(crate) async fn save(
        &self,
        old: &route::Model,
        new: &RouteVersion,
        comment: &str,
    ) -> Result<(route::Model, route_version::Model), ControlError> {
        let new = version::NewVersion {
            elements: &new.elements,
            problems: &new.problems,
            author: &self.author.name,
            comment: comment.trim(),
            version: self.change.version(),
            now: self.change.now(),
        };
        let (row, saved) = version::create(self.change.tx(), old, new).await?;
        let before = (old.newest > 0).then(|| json!({ "newest": old.newest }));
        let after = json!({ "newest": row.newest, "valid": saved.valid, "comment": saved.comment });
        self.record("route.save", &row, before, Some(after)).await?;
        Ok((row, saved))
    }

    /// The event has the elements that answer from now on: versions do not stay for good.
    pub(crate) async fn deploy(
        &self,
        old: &route::Model,
        target: &route_version::Model,
    ) -> Result<route::Model, ControlError> {
        let before = version::deployed(self.change.tx(), old).await?.map(|row| json!({ "deployed": row.number }));
        let (version, now) = (self.change.version(), self.change.now());
        let row = version::deploy(self.change.tx(), target, &self.author.name, version, now).await?;
        let elements: Value = serde_json::from_str(&target.elements).unwrap_or_default();
        let after = json!({ "deployed": target.number, "elements": elements });
        self.record("route.deploy", &row, before, Some(after)).await?;
        Ok(row)
    }

    pub(crate) async fn rename(&self, old: &route::Model, name: &str) -> Result<route::Model, ControlError> {
        let (version, now) = (self.change.version(), self.change.now());
        let row = rows::rename(self.change.tx(), RouteId(old.id), name, version, now).await?;
        let named = |name: &str| Some(json!({ "name": name }));
        self.record("route.rename", &row, named(&old.name), named(name)).await?;
        Ok(row)
    }

    pub(crate) async fn delete(&self, old: &route::Model) -> Result<(), ControlError> {
        let deployed = version::deployed(self.change.tx(), old).await?.map(|row| row.number);
        rows::delete(self.change.tx(), RouteId(old.id)).await?;
        let before = json!({ "name": old.name, "newest": old.newest, "deployed": deployed });
        self.record("route.delete", old, Some(before), None).await
    }

    async fn record(
        &self,
        action: &str,
        row: &route::Model,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Result<(), ControlError> {
        let target = format!("route {}/{}", self.gateway, row.name);
        let event = Event { team: Some(self.team), action, target, before, after };
        self.change.record(self.author, event).await
    }
}
