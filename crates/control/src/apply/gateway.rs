//! Plans a gateway. Settings that the file does not mention stay as they are.

use domain::{GatewaySettings, validate};
use serde_json::{Map, Value, json};

use super::file;
use super::planner::Planner;
use super::state::State;
use super::step::{Difference, Gateway, Operation, Step, differences, mark};

impl Planner<'_> {
    pub(super) fn gateway(
        &mut self,
        path: &str,
        team: &file::Team,
        entry: &file::Gateway,
        state: &State,
    ) -> Option<Step> {
        let slug = &entry.slug;
        let mut fine = self.report.check(path, "slug", slug, validate::gateway_slug(&slug.value));
        self.once(format!("gateway {}/{}", team.slug.value, slug.value), path, "slug", slug);
        if let Some(name) = &entry.name {
            fine &= self.report.check(path, "name", name, validate::name(&name.value));
        }
        let old = state.gateways.iter().find(|row| row.slug == slug.value).cloned();
        let old_settings = old.as_ref().and_then(|row| store::gateway::settings(row).ok());
        let settings = self.settings(path, entry, old_settings.clone().unwrap_or_default())?;
        if !fine {
            return None;
        }
        let name = entry.name.as_ref().map(|name| name.value.trim().to_owned());
        let gateway = Gateway {
            name: name.or_else(|| Some(old.as_ref()?.name.clone())).unwrap_or_else(|| slug.value.clone()),
            enabled: entry.enabled.unwrap_or_else(|| old.as_ref().is_none_or(|row| row.enabled)),
            slug: slug.value.clone(),
            settings,
            old,
        };
        let differences = gateway_differences(&gateway, old_settings.as_ref());
        Some(Step {
            mark: mark(gateway.old.is_some(), !differences.is_empty()),
            what: format!("gateway {}", gateway.slug),
            differences,
            operation: Operation::Gateway(Box::new(gateway)),
        })
    }

    /// The settings with what the file says put over them, one by one, so that each error has its own line.
    fn settings(&mut self, path: &str, entry: &file::Gateway, base: GatewaySettings) -> Option<GatewaySettings> {
        let Ok(Value::Object(mut object)) = serde_json::to_value(&base) else { return None };
        let mut fine = true;
        for (field, value) in &entry.settings {
            let (line, place) = (value.referenced.line(), format!("{path}.settings.{field}"));
            let alone = Map::from_iter([(field.clone(), value.value.clone())]);
            if !object.contains_key(field) {
                self.report.add(line, place, "is not a setting");
                fine = false;
            } else if let Err(error) = serde_json::from_value::<GatewaySettings>(Value::Object(alone)) {
                self.report.add(line, place, error.to_string());
                fine = false;
            } else {
                object.insert(field.clone(), value.value.clone());
            }
        }
        let settings: GatewaySettings = serde_json::from_value(Value::Object(object)).ok()?;
        for error in settings.validate().err().unwrap_or_default() {
            let line = entry.settings.get(&error.field).map_or(entry.slug.referenced.line(), |at| at.referenced.line());
            self.report.add(line, format!("{path}.settings.{}", error.field), error.problem.to_string());
            fine = false;
        }
        fine.then_some(settings)
    }
}

fn gateway_differences(gateway: &Gateway, old_settings: Option<&GatewaySettings>) -> Vec<Difference> {
    let outside = |name: &str, enabled: bool| json!({ "name": name, "enabled": enabled });
    let old = gateway.old.as_ref().map(|row| outside(&row.name, row.enabled));
    let mut found = differences(old.as_ref(), &outside(&gateway.name, gateway.enabled));
    let new = serde_json::to_value(&gateway.settings).unwrap_or_default();
    let before = serde_json::to_value(old_settings.cloned().unwrap_or_default()).unwrap_or_default();
    found.extend(differences(Some(&before), &new).into_iter().map(|difference| Difference {
        field: format!("settings.{}", difference.field),
        // A new gateway has no old settings; what is shown is how it departs from the defaults.
        old: difference.old.filter(|_| gateway.old.is_some()),
        ..difference
    }));
    found
}
