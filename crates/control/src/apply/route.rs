//! Plans the dynamic routes of a gateway. What the file says is what is deployed: where it differs, a new version is saved.

use std::collections::BTreeMap;

use domain::route::{MAX_ROUTES, Severity};
use domain::validate::{self, Problem};
use serde_json::{Map, Value};
use store::entity::route_version::Model;

use super::file;
use super::planner::Planner;
use super::state::State;
use super::step::{Difference, Mark, Operation, RoutePlan, Step, differences, mark};
use crate::route::{Providers, RouteVersion, comment_problem, read};

impl Planner<'_> {
    pub(super) fn routes(
        &mut self,
        path: &str,
        team: &file::Team,
        gateway: &file::Gateway,
        state: &State,
    ) -> Vec<Step> {
        let declared = team.custom_providers.iter().map(|custom| custom.slug.value.clone());
        let providers = Providers::new(declared.chain(state.custom_providers.iter().map(|row| row.slug.clone())));
        let mut steps = Vec::new();
        for (index, entry) in gateway.routes.iter().enumerate() {
            let path = format!("{path}.routes[{index}]");
            let key = format!("route {}/{}/{}", team.slug.value, gateway.slug.value, entry.name.value);
            self.once(key, &path, "name", &entry.name);
            steps.extend(self.route(&path, &gateway.slug.value, entry, &providers, state));
        }
        let created = steps.iter().filter(|step| step.mark == Mark::Create).count();
        let present = of_gateway(state, &gateway.slug.value).count();
        if created > 0 && present + created > MAX_ROUTES {
            let message = Problem::TooMany { max: MAX_ROUTES as u64 }.to_string();
            self.report.add(gateway.slug.referenced.line(), format!("{path}.routes"), message);
        }
        steps
    }

    fn route(
        &mut self,
        path: &str,
        gateway: &str,
        entry: &file::Route,
        providers: &Providers,
        state: &State,
    ) -> Option<Step> {
        let name = &entry.name;
        let mut fine = self.report.check(path, "name", name, validate::route_name(&name.value));
        if let Some(comment) = &entry.comment {
            let checked = comment_problem(&comment.value).map_or(Ok(()), Err);
            fine &= self.report.check(path, "comment", comment, checked);
        }
        let elements: Value = entry.elements.iter().map(|element| element.value.clone()).collect();
        let reading = read(&elements.to_string(), providers);
        for problem in reading.problems.iter().filter(|problem| problem.severity == Severity::Error) {
            fine = false;
            let at = entry.elements.iter().enumerate().position(|(at, element)| {
                element.value.get("id").and_then(Value::as_str) == Some(&problem.element)
                    || problem.element == format!("elements[{at}]")
            });
            let line = at.map_or(name.referenced.line(), |at| entry.elements[at].referenced.line());
            self.report.add(line, format!("{path}.elements"), problem.to_string());
        }
        let version = match RouteVersion::of(reading) {
            Ok(version) => version,
            Err(problem) => {
                self.report.add(name.referenced.line(), format!("{path}.elements"), problem.to_string());
                return None;
            }
        };
        fine.then(|| step(gateway, entry, version, state))
    }
}

fn of_gateway<'a>(state: &'a State, slug: &str) -> impl Iterator<Item = &'a store::entity::route::Model> {
    let gateway = state.gateways.iter().find(|row| row.slug == slug).map(|row| row.id);
    state.routes.iter().filter(move |row| Some(row.gateway_id) == gateway)
}

fn step(gateway: &str, entry: &file::Route, version: RouteVersion, state: &State) -> Step {
    let name = entry.name.value.clone();
    let old = of_gateway(state, gateway).find(|row| row.name == name).cloned();
    let row = |found: &dyn Fn(&Model) -> bool| state.route_versions.iter().find(|row| found(row)).cloned();
    let deployed = old.as_ref().and_then(|old| row(&|row| Some(row.id) == old.deployed_id));
    let newest = old.as_ref().and_then(|old| row(&|row| row.route_id == old.id && row.number == old.newest));
    let differs = deployed.as_ref().is_none_or(|deployed| deployed.elements != version.elements);
    let newest = newest.filter(|newest| newest.elements == version.elements);
    let before = deployed.as_ref().map(|row| by_id(&row.elements));
    let mut after = by_id(&version.elements);
    // With every element that there was, so that one that went away shows.
    for id in before.iter().flatten().map(|(id, _)| id) {
        after.entry(id.clone()).or_insert(Value::Null);
    }
    let object = |elements: BTreeMap<_, _>| Value::Object(elements.into_iter().collect::<Map<_, _>>());
    let mut shown = differences(before.map(object).as_ref(), &object(after));
    if differs && shown.is_empty() {
        shown.push(Difference::note("elements", "in another order"));
    }
    let (gateway, comment) = (gateway.to_owned(), entry.comment.as_ref());
    let comment = comment.map_or_else(String::new, |comment| comment.value.trim().to_owned());
    Step {
        mark: mark(old.is_some(), differs),
        what: format!("route {gateway}/{name}"),
        differences: if differs { shown } else { Vec::new() },
        operation: Operation::Route(Box::new(RoutePlan { old, gateway, name, newest, version, comment })),
    }
}

/// Elements by their ids, each without its own.
fn by_id(elements: &str) -> BTreeMap<String, Value> {
    let list: Vec<Map<String, Value>> = serde_json::from_str(elements).unwrap_or_default();
    list.into_iter()
        .filter_map(|mut element| {
            let Some(Value::String(id)) = element.shift_remove("id") else { return None };
            Some((id, Value::Object(element)))
        })
        .collect()
}
