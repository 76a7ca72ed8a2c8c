//! Plans a provider key. A changed credential replaces the stored one at once.

use domain::provider::Pooling;
use domain::validate::{self, Problem};
use serde_json::json;

use super::file;
use super::planner::Planner;
use super::state::State;
use super::step::{Difference, Operation, ProviderKey, Step, differences, mark};
use crate::address::check_base_url;
use crate::credential;
use crate::provider_key::canonical_provider;

/// The alias of a key that has none.
const DEFAULT_ALIAS: &str = "default";

impl Planner<'_> {
    pub(super) fn provider_key(
        &mut self,
        path: &str,
        team: &file::Team,
        entry: &file::ProviderKey,
        state: &State,
    ) -> Option<Step> {
        let declared = team.custom_providers.iter().map(|custom| custom.slug.value.as_str());
        let known = declared.chain(state.custom_providers.iter().map(|row| row.slug.as_str()));
        let provider = canonical_provider(&entry.provider.value, known);
        let mut fine =
            self.report.check(path, "provider", &entry.provider, provider.as_ref().map(drop).map_err(Clone::clone));
        if let Some(alias) = &entry.alias {
            fine &= self.report.check(path, "alias", alias, validate::slug(&alias.value));
        }
        let alias = entry.alias.as_ref().map_or(DEFAULT_ALIAS, |alias| &alias.value).to_owned();
        let base_url = match &entry.base_url {
            None => None,
            Some(text) => {
                let url = check_base_url(&text.value, self.allow_private());
                fine &= self.report.check(path, "base_url", text, url.as_ref().map(drop).map_err(Clone::clone));
                url.ok()
            }
        };
        let secret = self.secret(path, "key", &entry.key)?;
        let slug = provider.as_deref().unwrap_or_default();
        let read = credential::check(slug, secret.expose(), self.allow_private());
        fine &= self.report.check(path, "key", &entry.key, read.as_ref().map(drop).map_err(Clone::clone));
        let (Ok(provider), Ok(read), true) = (provider, read, fine) else { return None };
        let name = entry.name.as_ref().map_or_else(String::new, |name| name.value.clone());
        let named = format!("provider key {}/{provider}/{alias}/{name}", team.slug.value);
        self.once(named, path, "alias", entry.alias.as_ref().unwrap_or(&entry.provider));
        let is_it = |row: &&_| is_current(row, &provider, &alias, &name);
        let old = state.provider_keys.iter().find(is_it).cloned();
        let stored = old.as_ref().map(store::provider_key::pooling).unwrap_or_default();
        let pooling = Pooling {
            name,
            weight: entry.weight.as_ref().map_or(stored.weight, |weight| weight.value),
            region: entry.region.as_ref().map(|region| region.value.clone()).or(stored.region),
            requests_per_minute: entry
                .requests_per_minute
                .as_ref()
                .map(|most| most.value)
                .or(stored.requests_per_minute),
        };
        if let Err(errors) = pooling.validate() {
            for error in errors {
                self.report.check(path, &error.field, &entry.provider, Err(error.problem));
            }
            return None;
        }
        let base_url = base_url.or_else(|| old.as_ref()?.base_url.clone());
        if base_url.is_none() && credential::needs_address(&provider, &read) {
            self.report.check(path, "base_url", &entry.provider, Err(Problem::Required));
            return None;
        }
        let stored = old.as_ref().and_then(|row| store::provider_key::open(&self.control.inner.sealer, row).ok());
        let key = ProviderKey {
            rotate: stored.as_ref() != Some(&secret),
            base_url,
            enabled: entry.enabled.unwrap_or_else(|| old.as_ref().is_none_or(|row| row.enabled)),
            pooling,
            provider,
            alias,
            secret,
            old,
        };
        Some(step(key))
    }
}

/// A key that is not on its way out after a rotation.
fn is_current(row: &store::entity::provider_key::Model, provider: &str, alias: &str, name: &str) -> bool {
    row.provider == provider && row.alias == alias && row.name == name && row.expires_at.is_none()
}

fn step(key: ProviderKey) -> Step {
    let shown = |base_url: &Option<String>, enabled: bool, pooling: &Pooling| {
        json!({
            "base_url": base_url,
            "enabled": enabled,
            "weight": pooling.weight,
            "region": pooling.region,
            "requests_per_minute": pooling.requests_per_minute,
        })
    };
    let before = key.old.as_ref().map(|row| shown(&row.base_url, row.enabled, &store::provider_key::pooling(row)));
    let mut differences = differences(before.as_ref(), &shown(&key.base_url, key.enabled, &key.pooling));
    if key.rotate && key.old.is_some() {
        differences.insert(0, Difference::note("key", "replaced"));
    }
    Step {
        mark: mark(key.old.is_some(), !differences.is_empty()),
        what: if key.pooling.name.is_empty() {
            format!("provider key {}/{}", key.provider, key.alias)
        } else {
            format!("provider key {}/{}/{}", key.provider, key.alias, key.pooling.name)
        },
        differences,
        operation: Operation::ProviderKey(Box::new(key)),
    }
}
