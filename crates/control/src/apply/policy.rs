//! Plans a policy: its text form with a name and a state beside it. The parts that the file has replace all that the policy
//! did; with none it does what it did.

use std::collections::BTreeMap;

use domain::policy::{MAX_POLICIES, Policy, PolicyState};
use domain::validate::{self, Problem};
use serde_json::{Map, Value, json};
use serde_saphyr::Spanned;
use store::entity::policy::Model;

use super::file;
use super::planner::Planner;
use super::state::State;
use super::step::{Mark, Operation, PolicyPlan, Step, differences, mark};
use crate::policy::{Known, PARTS, check, read_parts};

/// What stands beside the parts of a policy.
const BESIDE: [&str; 2] = ["name", "state"];

impl Planner<'_> {
    pub(super) fn policies(&mut self, path: &str, team: &file::Team, state: &State) -> Vec<Step> {
        let mut steps = Vec::new();
        for (index, entry) in team.policies.iter().enumerate() {
            steps.extend(self.policy(&format!("{path}.policies[{index}]"), team, entry, state));
        }
        let created = steps.iter().filter(|step| step.mark == Mark::Create).count();
        let present = state.policies.iter().filter(|row| row.token_id.is_none()).count();
        if created > 0 && present + created > MAX_POLICIES {
            let message = Problem::TooMany { max: MAX_POLICIES as u64 }.to_string();
            self.report.add(team.slug.referenced.line(), format!("{path}.policies"), message);
        }
        steps
    }

    fn policy(&mut self, path: &str, team: &file::Team, entry: &file::Policy, state: &State) -> Option<Step> {
        let place = Place { path, entry };
        let name = self.name(&place)?;
        if !self.seen.insert(format!("policy {}/{name}", team.slug.value)) {
            place.report(self, "name", "appears twice in this file");
        }
        let old = state.policies.iter().find(|row| row.name == name).cloned();
        let present = old.as_ref().and_then(|row| store::policy::policy(row).ok());
        let wanted = self.state(&place, old.as_ref());
        let parts = parts(entry);
        let read = if parts.is_empty() && present.is_some() { Ok(present.clone()?) } else { read_parts(&parts) };
        let policy = match read {
            Ok(policy) => policy,
            Err(errors) => {
                errors.iter().for_each(|error| place.report(self, &error.field, &error.message));
                return None;
            }
        };
        let wrong = check(&policy, &known(team, state, present.as_ref()));
        wrong.iter().for_each(|error| place.report(self, &error.field, &error.problem.to_string()));
        let (state, true) = (wanted?, wrong.is_empty()) else { return None };
        Some(step(PolicyPlan { old, name, state, policy }))
    }

    fn name(&mut self, place: &Place<'_>) -> Option<String> {
        let text = place.entry.value.get("name").and_then(|name| name.value.as_str()).unwrap_or_default().trim();
        match validate::name(text) {
            Ok(()) => Some(text.to_owned()),
            Err(problem) => {
                place.report(self, "name", &problem.to_string());
                None
            }
        }
    }

    /// The state that the file says, or the one that is, or on.
    fn state(&mut self, place: &Place<'_>, old: Option<&Model>) -> Option<PolicyState> {
        let state = match place.entry.value.get("state").map(|state| &state.value) {
            None => return Some(old.map_or(PolicyState::On, store::policy::state)),
            // What YAML makes of `on` and `off`.
            Some(Value::Bool(true)) => Some(PolicyState::On),
            Some(Value::Bool(false)) => Some(PolicyState::Off),
            Some(value) => value.as_str().and_then(|text| text.parse().ok()),
        };
        if state.is_none() {
            place.report(self, "state", "must be draft, on or off");
        }
        state
    }
}

/// Where in the file an entry stands.
struct Place<'a> {
    path: &'a str,
    entry: &'a file::Policy,
}

impl Place<'_> {
    /// Notes what is wrong with a field, at the line of the part that it is in.
    fn report(&self, planner: &mut Planner<'_>, field: &str, message: &str) {
        let part = field.split(['.', '[']).next().unwrap_or_default();
        let line = self.entry.value.get(part).map_or(self.entry.referenced.line(), |value| value.referenced.line());
        let field = if field.is_empty() { self.path.to_owned() } else { format!("{}.{field}", self.path) };
        planner.report.add(line, field, message);
    }
}

/// The parts of the text form.
pub(super) fn parts(entry: &file::Policy) -> Map<String, Value> {
    let fields: &BTreeMap<String, Spanned<Value>> = &entry.value;
    let parts = fields.iter().filter(|(name, _)| !BESIDE.contains(&name.as_str()));
    parts.map(|(name, value)| (name.clone(), value.value.clone())).collect()
}

/// What is stored, what the file declares, and what the policy named before.
fn known(team: &file::Team, state: &State, present: Option<&Policy>) -> Known {
    let mut known = Known::default();
    known.gateways.extend(state.gateways.iter().map(|row| row.slug.clone()));
    known.gateways.extend(team.gateways.iter().map(|gateway| gateway.slug.value.clone()));
    known.tokens.extend(state.tokens.iter().map(|row| row.name.clone()));
    known.tokens.extend(team.tokens.iter().map(|token| token.name.value.trim().to_owned()));
    known.custom_providers.extend(state.custom_providers.iter().map(|row| row.slug.clone()));
    known.custom_providers.extend(team.custom_providers.iter().map(|custom| custom.slug.value.clone()));
    if let Some(present) = present {
        known.add(present);
    }
    known
}

fn step(policy: PolicyPlan) -> Step {
    let before = policy.old.as_ref().map(|row| {
        let text = store::policy::policy(row).ok().and_then(|policy| serde_json::to_value(policy).ok());
        shown(&row.state, text.or_else(|| serde_json::from_str(&row.policy).ok()).unwrap_or_default())
    });
    let after = shown(policy.state.as_str(), serde_json::to_value(&policy.policy).unwrap_or_default());
    let differences = differences(before.as_ref(), &after);
    Step {
        mark: mark(policy.old.is_some(), !differences.is_empty()),
        what: format!("policy {}", policy.name),
        differences,
        operation: Operation::Policy(Box::new(policy)),
    }
}

/// With every part, so that one that went away shows.
fn shown(state: &str, mut policy: Value) -> Value {
    let part = |name: &str| (name.to_owned(), policy.get_mut(name).map(Value::take).unwrap_or_default());
    let mut parts: Map<_, _> = PARTS.into_iter().map(part).collect();
    parts.insert("state".to_owned(), json!(state));
    Value::Object(parts)
}
