//! Providers of a team's own, called `custom-{slug}`.

use domain::provider::{AuthScheme, Dialect};
use domain::validate::{self, FieldError};
use domain::view::CustomProviderView;
use domain::{CustomProviderId, ProviderKeyId};
use serde_json::{Value, json};
use store::custom_provider as rows;
use store::entity::custom_provider::Model;

use crate::address::check_base_url;
use crate::change::{Change, Event};
use crate::gateway::missing;
use crate::{Control, ControlError, Grant, can, provider_key, team_price};

/// A provider to add.
#[derive(Clone, Debug)]
pub struct NewCustomProvider {
    pub slug: String,
    pub name: String,
    pub base_url: String,
    pub dialect: Dialect,
    pub auth: AuthScheme,
}

impl Control {
    /// The team's own providers, by slug.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_custom_providers(
        &self,
        grant: &Grant<can::View>,
    ) -> Result<Vec<CustomProviderView>, ControlError> {
        Ok(rows::list(self.inner.store.read(), grant.team_id()).await?.into_iter().map(view).collect())
    }

    /// Adds a provider.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `slug`, `name`, `base_url`; [`ControlError::Conflict`] for a taken slug.
    pub async fn create_custom_provider(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        new: NewCustomProvider,
    ) -> Result<CustomProviderView, ControlError> {
        let base_url = check_base_url(&new.base_url, self.inner.options.allow_private_upstreams);
        let problems = [
            ("slug", validate::slug(&new.slug).err()),
            ("name", validate::name(&new.name).err()),
            ("base_url", base_url.as_ref().err().cloned()),
        ];
        let errors: Vec<_> =
            problems.into_iter().filter_map(|(field, problem)| Some(FieldError::new(field, problem?))).collect();
        let (Ok(base_url), true) = (base_url, errors.is_empty()) else { return Err(ControlError::Invalid(errors)) };
        let change = self.begin().await?;
        let definition = rows::Definition {
            name: new.name.trim(),
            base_url: &base_url,
            dialect: new.dialect,
            auth: new.auth,
            enabled: true,
        };
        let row = rows::create(change.tx(), grant.team_id(), &new.slug, &definition, change.now()).await?;
        self.finish_custom(change, grant, "custom_provider.create", None, Some(&row)).await?;
        Ok(view(row))
    }

    /// Turns a provider on or off.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn set_custom_provider_enabled(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: CustomProviderId,
        enabled: bool,
    ) -> Result<CustomProviderView, ControlError> {
        let change = self.begin().await?;
        let old = find(&change, grant, id).await?;
        if old.enabled == enabled {
            return Ok(view(old));
        }
        let definition = rows::Definition { enabled, ..definition(&old) };
        let row = rows::update(change.tx(), id, &definition).await?;
        let action = if enabled { "custom_provider.enable" } else { "custom_provider.disable" };
        self.finish_custom(change, grant, action, Some(&old), Some(&row)).await?;
        Ok(view(row))
    }

    /// Deletes a provider, its prices and its keys: kept, they would be sent to whatever address takes the slug next.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn delete_custom_provider(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: CustomProviderId,
    ) -> Result<(), ControlError> {
        let change = self.begin().await?;
        let old = find(&change, grant, id).await?;
        let slug = format!("custom-{}", old.slug);
        let keys = store::provider_key::list(change.tx(), grant.team_id(), change.now()).await?;
        for key in keys.iter().filter(|key| key.provider == slug) {
            store::provider_key::delete(change.tx(), ProviderKeyId(key.id), change.now()).await?;
            let event = Event {
                team: Some(grant.team_id()),
                action: "provider_key.delete",
                target: provider_key::target(key),
                before: Some(provider_key::audited(key)),
                after: None,
            };
            change.record(grant.author(), event).await?;
        }
        team_price::delete_of_provider(&change, grant.team_id(), grant.author(), &slug).await?;
        rows::delete(change.tx(), id, change.now()).await?;
        self.finish_custom(change, grant, "custom_provider.delete", Some(&old), None).await
    }

    async fn finish_custom(
        &self,
        change: Change,
        grant: &Grant<can::ManageProviderKeys>,
        action: &str,
        old: Option<&Model>,
        new: Option<&Model>,
    ) -> Result<(), ControlError> {
        let slug = new.or(old).map_or("", |row| row.slug.as_str());
        let event = Event {
            team: Some(grant.team_id()),
            action,
            target: format!("custom provider {slug}"),
            before: old.map(audited),
            after: new.map(audited),
        };
        change.record(grant.author(), event).await?;
        change.commit(self).await
    }
}

async fn find(
    change: &Change,
    grant: &Grant<can::ManageProviderKeys>,
    id: CustomProviderId,
) -> Result<Model, ControlError> {
    rows::find(change.tx(), grant.team_id(), id).await.map_err(|error| missing(error, "custom provider"))
}

fn definition(row: &Model) -> rows::Definition<'_> {
    rows::Definition {
        name: &row.name,
        base_url: &row.base_url,
        dialect: rows::dialect(row),
        auth: rows::auth(row),
        enabled: row.enabled,
    }
}

pub(crate) fn audited(row: &Model) -> Value {
    json!({
        "name": row.name, "base_url": row.base_url, "dialect": row.dialect, "auth": row.auth, "enabled": row.enabled,
    })
}

fn view(row: Model) -> CustomProviderView {
    CustomProviderView {
        id: CustomProviderId(row.id),
        dialect: rows::dialect(&row),
        auth: rows::auth(&row),
        slug: row.slug,
        name: row.name,
        base_url: row.base_url,
        enabled: row.enabled,
        created_at: row.created_at,
    }
}
