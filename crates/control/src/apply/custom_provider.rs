//! Plans a provider of the team's own.

use domain::provider::{AuthScheme, Dialect};
use domain::validate::{self, Problem};
use serde_json::{Value, json};

use super::file;
use super::planner::Planner;
use super::state::State;
use super::step::{CustomProvider, Operation, Step, differences, mark};
use crate::address::check_base_url;

impl Planner<'_> {
    pub(super) fn custom_provider(
        &mut self,
        path: &str,
        team: &file::Team,
        entry: &file::CustomProvider,
        state: &State,
    ) -> Option<Step> {
        let slug = &entry.slug;
        let mut fine = self.report.check(path, "slug", slug, validate::slug(&slug.value));
        self.once(format!("custom provider {}/{}", team.slug.value, slug.value), path, "slug", slug);
        if let Some(name) = &entry.name {
            fine &= self.report.check(path, "name", name, validate::name(&name.value));
        }
        let base_url = check_base_url(&entry.base_url.value, self.allow_private());
        fine &= self.report.check(path, "base_url", &entry.base_url, base_url.as_ref().map(drop).map_err(Clone::clone));
        let old = state.custom_providers.iter().find(|row| row.slug == slug.value).cloned();
        let dialect = self.dialect(path, entry, old.as_ref().map(store::custom_provider::dialect));
        let auth = self.auth(path, entry, old.as_ref().map(store::custom_provider::auth));
        let (Ok(base_url), Some(dialect), Some(auth), true) = (base_url, dialect, auth, fine) else { return None };
        let name = entry.name.as_ref().map(|name| name.value.trim().to_owned());
        let custom = CustomProvider {
            name: name.or_else(|| Some(old.as_ref()?.name.clone())).unwrap_or_else(|| slug.value.clone()),
            enabled: entry.enabled.unwrap_or_else(|| old.as_ref().is_none_or(|row| row.enabled)),
            slug: slug.value.clone(),
            base_url,
            dialect,
            auth,
            old,
        };
        let before = custom.old.as_ref().map(|row| {
            let (dialect, auth) = (store::custom_provider::dialect(row), store::custom_provider::auth(row));
            shown(&row.name, &row.base_url, dialect, auth, row.enabled)
        });
        let after = shown(&custom.name, &custom.base_url, custom.dialect, custom.auth, custom.enabled);
        let differences = differences(before.as_ref(), &after);
        Some(Step {
            mark: mark(custom.old.is_some(), !differences.is_empty()),
            what: format!("custom provider {}", custom.slug),
            differences,
            operation: Operation::CustomProvider(Box::new(custom)),
        })
    }

    fn dialect(&mut self, path: &str, entry: &file::CustomProvider, old: Option<Dialect>) -> Option<Dialect> {
        let Some(text) = &entry.dialect else { return Some(old.unwrap_or_default()) };
        let read = text.value.parse().map_err(|()| Problem::NotAChoice);
        self.report.check(path, "dialect", text, read.as_ref().map(drop).map_err(Clone::clone));
        read.ok()
    }

    fn auth(&mut self, path: &str, entry: &file::CustomProvider, old: Option<AuthScheme>) -> Option<AuthScheme> {
        let Some(text) = &entry.auth else { return Some(old.unwrap_or_default()) };
        let read = AuthScheme::header(&text.value).ok_or(Problem::NotAChoice);
        self.report.check(path, "auth", text, read.as_ref().map(drop).map_err(Clone::clone));
        read.ok()
    }
}

fn shown(name: &str, base_url: &str, dialect: Dialect, auth: AuthScheme, enabled: bool) -> Value {
    json!({ "name": name, "base_url": base_url, "dialect": dialect, "auth": auth, "enabled": enabled })
}
