//! Plans a price of the team's own: the fields of a row of a price book. A row is known by provider, model and when it begins.

use std::collections::BTreeSet;

use domain::validate::Problem;
use serde_json::{Map, Value};
use store::entity::team_price::Model;

use super::file;
use super::planner::Planner;
use super::state::State;
use super::step::{Mark, Operation, PricePlan, Step, differences, mark};
use crate::PriceText;
use crate::provider_key::canonical_provider;
use crate::team_price::MAX_PRICES;

impl Planner<'_> {
    pub(super) fn prices(&mut self, path: &str, team: &file::Team, state: &State) -> Vec<Step> {
        let mut steps = Vec::new();
        for (index, entry) in team.prices.iter().enumerate() {
            steps.extend(self.price(&format!("{path}.prices[{index}]"), team, entry, state));
        }
        let created = steps.iter().filter(|step| step.mark == Mark::Create).count();
        if created > 0 && state.prices.len() + created > MAX_PRICES {
            let message = Problem::TooMany { max: MAX_PRICES as u64 }.to_string();
            self.report.add(team.slug.referenced.line(), format!("{path}.prices"), message);
        }
        steps
    }

    fn price(&mut self, path: &str, team: &file::Team, entry: &file::Price, state: &State) -> Option<Step> {
        let fields: Map<_, _> = entry.value.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect();
        let price = match PriceText::of(&Value::Object(fields)) {
            Ok(price) => price,
            Err(error) => {
                self.refuse_price(path, entry, &error.field, &error.message);
                return None;
            }
        };
        let stored = state.custom_providers.iter().map(|row| row.slug.as_str());
        let declared = team.custom_providers.iter().map(|custom| custom.slug.value.as_str());
        let price = match canonical_provider(price.provider(), stored.chain(declared)) {
            Ok(slug) => price.of_provider(slug),
            Err(problem) => {
                self.refuse_price(path, entry, "provider", &problem.to_string());
                return None;
            }
        };
        let (provider, model, from_ms) = (price.provider(), price.model(), price.row().from_ms);
        if !self.seen.insert(format!("price {}/{provider}/{model}/{from_ms:?}", team.slug.value)) {
            let message = "has another price in this file that begins at the same moment";
            self.refuse_price(path, entry, "model", message);
            return None;
        }
        let mut same_model = state.prices.iter().filter(|row| row.provider == provider && row.model == model);
        let old = same_model.find(|row| price.begins_with(&row.text)).cloned();
        Some(step(PricePlan { old, price }))
    }

    /// Notes what is wrong with a field, at the line of the member that it is in.
    fn refuse_price(&mut self, path: &str, entry: &file::Price, field: &str, message: &str) {
        let member = field.split(['.', '[']).next().unwrap_or_default();
        let line = entry.value.get(member).map_or(entry.referenced.line(), |value| value.referenced.line());
        let field = if field.is_empty() { path.to_owned() } else { format!("{path}.{field}") };
        self.report.add(line, field, message);
    }
}

fn step(plan: PricePlan) -> Step {
    let before = plan.old.as_ref().map(stored);
    let mut after: Map<String, Value> = serde_json::from_str(plan.price.text()).unwrap_or_default();
    // With every member that there was, so that one that went away shows.
    let gone: BTreeSet<_> =
        before.iter().flat_map(Map::keys).filter(|name| !after.contains_key(*name)).cloned().collect();
    after.extend(gone.into_iter().map(|name| (name, Value::Null)));
    let mut differences = differences(before.map(Value::Object).as_ref(), &Value::Object(after));
    differences.retain(|difference| !["provider", "model"].contains(&difference.field.as_str()));
    Step {
        mark: mark(plan.old.is_some(), !differences.is_empty()),
        what: format!("price {}/{}", plan.price.provider(), plan.price.model()),
        differences,
        operation: Operation::Price(Box::new(plan)),
    }
}

fn stored(row: &Model) -> Map<String, Value> {
    serde_json::from_str(&row.text).unwrap_or_default()
}
