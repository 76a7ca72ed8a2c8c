//! Provider keys: credentials that only the data plane ever reads again.

use std::fmt;

use chrono::TimeDelta;
use domain::provider::Pooling;
use domain::validate::{self, FieldError, Problem};
use domain::view::{ConnectionTest, ProviderKeyView};
use domain::{ProviderKeyId, TeamId};
use serde_json::{Value, json};
use store::entity::provider_key::Model;
use store::provider_key as rows;

use crate::address::check_base_url;
use crate::change::{Change, Event, now};
use crate::connection_test::Target;
use crate::gateway::missing;
use crate::{Control, ControlError, Grant, can, credential};

/// Longest overlap of a rotation, in seconds: thirty days.
pub const MAX_OVERLAP_S: u32 = 2_592_000;

/// A credential to store.
#[derive(Clone)]
pub struct NewProviderKey {
    /// A provider's slug, or `custom-…` for one of the team's own.
    pub provider: String,
    /// `default` unless the caller names another.
    pub alias: String,
    /// The credential itself.
    pub secret: String,
    /// Replaces the provider's own address.
    pub base_url: Option<String>,
    /// How it stands among others with its alias.
    pub pooling: Pooling,
}

impl fmt::Debug for NewProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewProviderKey")
            .field("provider", &self.provider)
            .field("alias", &self.alias)
            .field("base_url", &self.base_url)
            .field("pooling", &self.pooling)
            .finish_non_exhaustive()
    }
}

impl Control {
    /// The team's provider keys, by provider and alias; one that a rotation replaced is listed until its end.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_provider_keys(&self, grant: &Grant<can::View>) -> Result<Vec<ProviderKeyView>, ControlError> {
        let rows = rows::list(self.inner.store.read(), grant.team_id(), now()).await?;
        Ok(rows.into_iter().map(view).collect())
    }

    /// Stores a credential.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `provider`, `alias`, `secret`, `base_url` and the fields of [`Pooling`];
    /// [`ControlError::Conflict`] for a name that another key with the alias has.
    pub async fn create_provider_key(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        new: NewProviderKey,
    ) -> Result<ProviderKeyView, ControlError> {
        let mut new = new;
        new.secret = new.secret.trim().to_owned();
        let change = self.begin().await?;
        // Asked under the lock: a key must not outlive a provider that is deleted at the same time.
        let custom = store::custom_provider::list(change.tx(), grant.team_id()).await?;
        let provider = canonical_provider(&new.provider, custom.iter().map(|row| row.slug.as_str()));
        let base_url = new.base_url.as_deref().map(str::trim).filter(|url| !url.is_empty());
        let base_url = base_url.map(|url| check_base_url(url, self.inner.options.allow_private_upstreams)).transpose();
        let slug = provider.as_deref().unwrap_or_default();
        let secret = credential::check(slug, &new.secret, self.inner.options.allow_private_upstreams);
        let base_url = match (base_url, &secret) {
            (Ok(None), Ok(secret)) if credential::needs_address(slug, secret) => Err(Problem::Required),
            (other, _) => other,
        };
        let problems = [
            ("provider", provider.as_ref().err().cloned()),
            ("alias", validate::slug(&new.alias).err()),
            ("secret", secret.as_ref().err().cloned()),
            ("base_url", base_url.as_ref().err().cloned()),
        ];
        let mut errors: Vec<_> =
            problems.into_iter().filter_map(|(field, problem)| Some(FieldError::new(field, problem?))).collect();
        errors.extend(new.pooling.validate().err().into_iter().flatten());
        let (Ok(provider), Ok(base_url), true) = (provider, base_url, errors.is_empty()) else {
            return Err(ControlError::Invalid(errors));
        };
        let row = rows::NewProviderKey {
            team_id: grant.team_id(),
            provider: &provider,
            alias: &new.alias,
            base_url: base_url.as_deref(),
            enabled: true,
            pooling: &new.pooling,
            hint: credential::hint(&provider, &new.secret),
            created_at: change.now(),
            rotated_at: None,
        };
        let row = rows::create(change.tx(), &self.inner.sealer, row, &new.secret).await?;
        self.finish(change, grant, "provider_key.create", None, Some(row)).await
    }

    /// Changes how a credential stands among others with its alias.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for the fields of [`Pooling`]; [`ControlError::Conflict`] for a name that another key with the
    /// alias has; [`ControlError::NotFound`], also for one that was rotated already.
    pub async fn pool_provider_key(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: ProviderKeyId,
        pooling: Pooling,
    ) -> Result<ProviderKeyView, ControlError> {
        pooling.validate().map_err(ControlError::Invalid)?;
        let change = self.begin().await?;
        let old = find(&change, grant.team_id(), id).await?;
        let row = rows::update(change.tx(), id, old.base_url.as_deref(), old.enabled, &pooling).await?;
        self.finish(change, grant, "provider_key.update", Some(old), Some(row)).await
    }

    /// Puts a new credential in the place of one, which keeps working for `overlap_s` seconds. Answers the new row.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], also for one that was rotated already; [`ControlError::Invalid`] for `secret` and
    /// `overlap_s`.
    pub async fn rotate_provider_key(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: ProviderKeyId,
        secret: String,
        overlap_s: u32,
    ) -> Result<ProviderKeyView, ControlError> {
        let secret = secret.trim();
        if overlap_s > MAX_OVERLAP_S {
            let problem = Problem::OutOfRange { min: 0, max: MAX_OVERLAP_S.into() };
            return Err(ControlError::invalid("overlap_s", problem));
        }
        let change = self.begin().await?;
        let old = find(&change, grant.team_id(), id).await?;
        self.check_successor(&old, secret).map_err(|problem| ControlError::invalid("secret", problem))?;
        let row = rotate(self, &change, &old, secret, overlap_s).await?;
        self.finish(change, grant, "provider_key.rotate", Some(old), Some(row)).await
    }

    /// Turns a credential on or off. Turned off, it takes those that it replaced with it.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn set_provider_key_enabled(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: ProviderKeyId,
        enabled: bool,
    ) -> Result<ProviderKeyView, ControlError> {
        let change = self.begin().await?;
        let old = find_any(&change, grant.team_id(), id).await?;
        if old.enabled == enabled {
            return Ok(view(old));
        }
        let row = rows::update(change.tx(), id, old.base_url.as_deref(), enabled, &rows::pooling(&old)).await?;
        if !enabled {
            // Without this the key that a rotation replaced, perhaps because it leaked, would come back into use.
            rows::end_replaced(change.tx(), &old, change.now()).await?;
        }
        let action = if enabled { "provider_key.enable" } else { "provider_key.disable" };
        self.finish(change, grant, action, Some(old), Some(row)).await
    }

    /// Deletes a credential and those that it replaced; the sealed secret is erased, its name stays readable in the log.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn delete_provider_key(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: ProviderKeyId,
    ) -> Result<(), ControlError> {
        let change = self.begin().await?;
        let old = find_any(&change, grant.team_id(), id).await?;
        rows::delete(change.tx(), id, change.now()).await?;
        rows::end_replaced(change.tx(), &old, change.now()).await?;
        self.finish(change, grant, "provider_key.delete", Some(old), None).await.map(drop)
    }

    /// Asks the provider whether it takes the credential.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; everything the provider does is in the answer.
    pub async fn test_provider_key(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: ProviderKeyId,
    ) -> Result<ConnectionTest, ControlError> {
        let db = self.inner.store.read();
        let row = rows::find(db, grant.team_id(), id, now()).await.map_err(|error| missing(error, "provider key"))?;
        let secret = rows::open(&self.inner.sealer, &row).map_err(|error| {
            tracing::error!(provider_key.id = row.id, %error, "provider key does not open");
            ControlError::Unavailable
        })?;
        let custom = store::custom_provider::list(db, grant.team_id()).await?;
        let target = Target::of(&row, &custom, &secret).ok_or(ControlError::NotFound("provider"))?;
        Ok(self.inner.tester.run(&target).await)
    }

    fn check_successor(&self, old: &Model, secret: &str) -> Result<(), Problem> {
        let read = credential::check(&old.provider, secret, self.inner.options.allow_private_upstreams)?;
        let placed = old.base_url.is_some() || !credential::needs_address(&old.provider, &read);
        if placed { Ok(()) } else { Err(Problem::NoPlace) }
    }

    async fn finish(
        &self,
        change: Change,
        grant: &Grant<can::ManageProviderKeys>,
        action: &str,
        old: Option<Model>,
        new: Option<Model>,
    ) -> Result<ProviderKeyView, ControlError> {
        let row = new.as_ref().or(old.as_ref()).ok_or(ControlError::NotFound("provider key"))?;
        let event = Event {
            team: Some(grant.team_id()),
            action,
            target: target(row),
            before: old.as_ref().map(audited),
            after: new.as_ref().map(audited),
        };
        let seen = view(row.clone());
        change.record(grant.author(), event).await?;
        change.commit(self).await?;
        Ok(seen)
    }
}

/// Writes the successor of a key. The old one works on for a while, or is gone where the overlap is 0.
pub(crate) async fn rotate(
    control: &Control,
    change: &Change,
    old: &Model,
    secret: &str,
    overlap_s: u32,
) -> Result<Model, ControlError> {
    let (id, now) = (ProviderKeyId(old.id), change.now());
    if overlap_s == 0 {
        rows::delete(change.tx(), id, now).await?;
    } else {
        rows::expire(change.tx(), id, now + TimeDelta::seconds(overlap_s.into())).await?;
    }
    let row = rows::NewProviderKey {
        team_id: TeamId(old.team_id),
        provider: &old.provider,
        alias: &old.alias,
        base_url: old.base_url.as_deref(),
        enabled: old.enabled,
        pooling: &rows::pooling(old),
        hint: credential::hint(&old.provider, secret),
        created_at: old.created_at,
        rotated_at: Some(now),
    };
    Ok(rows::create(change.tx(), &control.inner.sealer, row, secret).await?)
}

async fn find_any(change: &Change, team: TeamId, id: ProviderKeyId) -> Result<Model, ControlError> {
    rows::find(change.tx(), team, id, change.now()).await.map_err(|error| missing(error, "provider key"))
}

/// A key that is not on its way out already.
async fn find(change: &Change, team: TeamId, id: ProviderKeyId) -> Result<Model, ControlError> {
    let row = find_any(change, team, id).await?;
    if row.expires_at.is_some() { Err(ControlError::NotFound("provider key")) } else { Ok(row) }
}

/// The slug a provider is stored under: aliases are resolved, the team's own must exist.
///
/// # Errors
/// [`Problem::Unknown`], [`Problem::Required`].
pub(crate) fn canonical_provider<'a>(text: &str, mut custom: impl Iterator<Item = &'a str>) -> Result<String, Problem> {
    if text.is_empty() {
        return Err(Problem::Required);
    }
    match text.strip_prefix("custom-") {
        Some(slug) if custom.any(|known| known == slug) => Ok(text.to_owned()),
        Some(_) => Err(Problem::Unknown),
        None => wire::providers::find(text).map(|provider| provider.slug.clone()).ok_or(Problem::Unknown),
    }
}

pub(crate) fn target(row: &Model) -> String {
    let name = if row.name.is_empty() { String::new() } else { format!("/{}", row.name) };
    format!("provider key {}/{}{name}", row.provider, row.alias)
}

pub(crate) fn audited(row: &Model) -> Value {
    json!({
        "id": row.id,
        "hint": row.hint,
        "base_url": row.base_url,
        "enabled": row.enabled,
        "name": row.name,
        "weight": row.weight,
        "region": row.region,
        "requests_per_minute": row.requests_per_minute,
    })
}

fn view(row: Model) -> ProviderKeyView {
    ProviderKeyView {
        pooling: rows::pooling(&row),
        id: ProviderKeyId(row.id),
        provider: row.provider,
        alias: row.alias,
        hint: row.hint,
        base_url: row.base_url,
        enabled: row.enabled,
        created_at: row.created_at,
        rotated_at: row.rotated_at,
        expires_at: row.expires_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_of_providers_are_resolved_and_unknown_ones_refused() {
        assert_eq!(canonical_provider("xai", [].into_iter()).as_deref(), Ok("grok"));
        assert_eq!(canonical_provider("custom-mine", ["mine"].into_iter()).as_deref(), Ok("custom-mine"));
        for bad in ["nobody", "custom-other", "custom-"] {
            assert_eq!(canonical_provider(bad, ["mine"].into_iter()), Err(Problem::Unknown), "{bad}");
        }
    }
}
