//! Plans a team and all that is declared in it.

use domain::{TeamId, validate};

use super::file;
use super::planner::Planner;
use super::state::State;
use super::step::{Difference, Operation, Step, TeamPlan, mark};

impl Planner<'_> {
    pub(super) fn team(&mut self, path: &str, entry: &file::Team, state: &State) -> TeamPlan {
        let slug = &entry.slug;
        self.report.check(path, "slug", slug, validate::team_slug(&slug.value));
        self.once(format!("team {}", slug.value), path, "slug", slug);
        let mut steps = vec![self.team_step(path, entry, state)];
        for (index, custom) in entry.custom_providers.iter().enumerate() {
            steps.extend(self.custom_provider(&format!("{path}.custom_providers[{index}]"), entry, custom, state));
        }
        for (index, gateway) in entry.gateways.iter().enumerate() {
            let path = format!("{path}.gateways[{index}]");
            steps.extend(self.gateway(&path, entry, gateway, state));
            steps.extend(self.routes(&path, entry, gateway, state));
        }
        for (index, key) in entry.provider_keys.iter().enumerate() {
            steps.extend(self.provider_key(&format!("{path}.provider_keys[{index}]"), entry, key, state));
        }
        for (index, token) in entry.tokens.iter().enumerate() {
            steps.extend(self.token(&format!("{path}.tokens[{index}]"), entry, token, state));
        }
        steps.extend(self.policies(path, entry, state));
        steps.extend(self.prices(path, entry, state));
        steps.extend(self.members(path, entry, state));
        TeamPlan { slug: slug.value.clone(), id: state.team.as_ref().map(|team| TeamId(team.id)), steps }
    }

    fn team_step(&mut self, path: &str, entry: &file::Team, state: &State) -> Step {
        if let Some(name) = &entry.name {
            self.report.check(path, "name", name, validate::name(&name.value));
        }
        let old_name = state.team.as_ref().map(|team| team.name.clone());
        let name = match &entry.name {
            Some(name) => name.value.trim().to_owned(),
            None => old_name.clone().unwrap_or_else(|| entry.slug.value.clone()),
        };
        let differs = old_name.as_ref() != Some(&name);
        let difference = || Difference { field: "name".to_owned(), old: old_name.clone(), new: name.clone() };
        Step {
            mark: mark(old_name.is_some(), differs),
            what: format!("team {}", entry.slug.value),
            differences: if differs { vec![difference()] } else { Vec::new() },
            operation: Operation::Team { name, old_name },
        }
    }
}
