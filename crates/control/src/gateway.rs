//! Gateways: what a team's applications call.

use domain::validate::{self, FieldError, Problem};
use domain::view::GatewayView;
use domain::{GatewayId, GatewaySettings};
use serde_json::{Value, json};
use store::entity::gateway::Model;
use store::gateway as rows;

use crate::change::{Change, Event};
use crate::{Control, ControlError, Grant, can};

/// A gateway to create.
#[derive(Clone, Debug)]
pub struct NewGateway {
    pub slug: String,
    pub name: String,
    pub settings: GatewaySettings,
}

/// What a gateway is to become; the slug stays, and so does whether it is on.
#[derive(Clone, Debug)]
pub struct GatewayChange {
    pub name: String,
    pub settings: GatewaySettings,
    /// The gateway's version that the change was made from. Where it has another by now, somebody else's change would be
    /// undone, so nothing is written.
    pub version: i64,
}

impl Control {
    /// The team's gateways, by slug.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_gateways(&self, grant: &Grant<can::View>) -> Result<Vec<GatewayView>, ControlError> {
        let rows = rows::list(self.inner.store.read(), grant.team_id()).await?;
        rows.into_iter().map(|row| self.gateway_view(row)).collect()
    }

    /// One gateway of the team.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn find_gateway(&self, grant: &Grant<can::View>, slug: &str) -> Result<GatewayView, ControlError> {
        let row = rows::find_by_slug(self.inner.store.read(), grant.team_id(), slug).await;
        self.gateway_view(row.map_err(|error| missing(error, "gateway"))?)
    }

    /// Creates a gateway.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `slug`, `name` and the settings' fields; [`ControlError::Conflict`] for a taken slug.
    pub async fn create_gateway(
        &self,
        grant: &Grant<can::EditGateways>,
        new: NewGateway,
    ) -> Result<GatewayView, ControlError> {
        let slug = validate::gateway_slug(&new.slug).err().map(|problem| FieldError::new("slug", problem));
        check(slug, &new.name, &new.settings)?;
        let change = self.begin().await?;
        let row = rows::create(
            change.tx(),
            rows::NewGateway {
                team_id: grant.team_id(),
                slug: &new.slug,
                name: new.name.trim(),
                enabled: true,
                settings: &new.settings,
                version: change.version(),
                now: change.now(),
            },
        )
        .await?;
        let event = Event {
            team: Some(grant.team_id()),
            action: "gateway.create",
            target: format!("gateway {}", row.slug),
            before: None,
            after: Some(audited(&row)),
        };
        change.record(grant.author(), event).await?;
        change.commit(self).await?;
        self.gateway_view(row)
    }

    /// Changes a gateway. Where `cache_invalidate_on_update` is set, its cached answers are forgotten.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`]; [`ControlError::Conflict`] for `version` where the gateway was
    /// changed meanwhile.
    pub async fn update_gateway(
        &self,
        grant: &Grant<can::EditGateways>,
        id: GatewayId,
        change: GatewayChange,
    ) -> Result<GatewayView, ControlError> {
        check(None, &change.name, &change.settings)?;
        let GatewayChange { name, settings, version } = change;
        let change = self.begin().await?;
        let old = rows::find(change.tx(), grant.team_id(), id).await.map_err(|error| missing(error, "gateway"))?;
        if old.name == name.trim() && rows::settings(&old)? == settings {
            return self.gateway_view(old);
        }
        if old.version != version {
            return Err(ControlError::Conflict(FieldError::new("version", Problem::Outdated)));
        }
        let enabled = old.enabled;
        self.write_gateway(change, grant, old, name.trim(), enabled, &settings).await
    }

    /// Turns a gateway on or off, whatever else is changed at the same time.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn set_gateway_enabled(
        &self,
        grant: &Grant<can::EditGateways>,
        id: GatewayId,
        enabled: bool,
    ) -> Result<GatewayView, ControlError> {
        let change = self.begin().await?;
        let old = rows::find(change.tx(), grant.team_id(), id).await.map_err(|error| missing(error, "gateway"))?;
        if old.enabled == enabled {
            return self.gateway_view(old);
        }
        let (name, settings) = (old.name.clone(), rows::settings(&old)?);
        self.write_gateway(change, grant, old, &name, enabled, &settings).await
    }

    async fn write_gateway(
        &self,
        change: Change,
        grant: &Grant<can::EditGateways>,
        old: Model,
        name: &str,
        enabled: bool,
        settings: &GatewaySettings,
    ) -> Result<GatewayView, ControlError> {
        let (version, now) = (change.version(), change.now());
        let cache_epoch = cache_epoch(&old, settings)?;
        let update = rows::GatewayUpdate { name, enabled, settings, cache_epoch, version, now };
        let row = rows::update(change.tx(), GatewayId(old.id), update).await?;
        let event = Event {
            team: Some(grant.team_id()),
            action: "gateway.update",
            target: format!("gateway {}", row.slug),
            before: Some(audited(&old)),
            after: Some(audited(&row)),
        };
        change.record(grant.author(), event).await?;
        change.commit(self).await?;
        self.gateway_view(row)
    }

    /// Deletes a gateway; its requests stay in the log. `confirm` must repeat the slug.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`] for `confirm`.
    pub async fn delete_gateway(
        &self,
        grant: &Grant<can::EditGateways>,
        id: GatewayId,
        confirm: &str,
    ) -> Result<(), ControlError> {
        let change = self.begin().await?;
        let old = rows::find(change.tx(), grant.team_id(), id).await.map_err(|error| missing(error, "gateway"))?;
        if confirm.trim() != old.slug {
            return Err(ControlError::invalid("confirm", Problem::NotConfirmed));
        }
        store::route::delete_of_gateway(change.tx(), id).await?;
        rows::delete(change.tx(), id, change.now()).await?;
        let event = Event {
            team: Some(grant.team_id()),
            action: "gateway.delete",
            target: format!("gateway {}", old.slug),
            before: Some(audited(&old)),
            after: None,
        };
        change.record(grant.author(), event).await?;
        change.commit(self).await
    }

    fn gateway_view(&self, row: Model) -> Result<GatewayView, ControlError> {
        Ok(GatewayView {
            id: GatewayId(row.id),
            settings: rows::settings(&row)?,
            slug: row.slug,
            name: row.name,
            enabled: row.enabled,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
            live: row.version <= self.live_version(),
        })
    }
}

/// Says what was not found.
pub(crate) fn missing(error: store::StoreError, what: &'static str) -> ControlError {
    match error {
        store::StoreError::NotFound => ControlError::NotFound(what),
        other => other.into(),
    }
}

/// The epoch of a gateway after a change: the next one where the change drops what is cached.
pub(crate) fn cache_epoch(old: &Model, settings: &GatewaySettings) -> Result<i64, ControlError> {
    let changed = rows::settings(old)? != *settings;
    Ok(old.cache_epoch + i64::from(changed && settings.cache_invalidate_on_update))
}

pub(crate) fn audited(row: &Model) -> Value {
    let settings = serde_json::from_str::<Value>(&row.settings).unwrap_or_default();
    json!({ "name": row.name, "enabled": row.enabled, "settings": settings })
}

fn check(slug: Option<FieldError>, name: &str, settings: &GatewaySettings) -> Result<(), ControlError> {
    let name = validate::name(name).err().map(|problem| FieldError::new("name", problem));
    let errors: Vec<_> = slug.into_iter().chain(name).chain(settings.validate().err().unwrap_or_default()).collect();
    if errors.is_empty() { Ok(()) } else { Err(ControlError::Invalid(errors)) }
}
