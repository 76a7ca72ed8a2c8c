//! A route that is deployed, compiled, with the counts of its limits.

use std::collections::HashMap;
use std::sync::Arc;

use domain::RouteId;
use domain::config::RouteConfig;
use route::{Kind, LimitStep, Measure, Route, read};

use super::limit::{Counts, Hold};

/// A route.
#[derive(Debug)]
pub struct RouteState {
    pub id: RouteId,
    pub name: String,
    /// The number of the version that is deployed.
    pub version: i64,
    pub(crate) route: Route,
    /// By the ids of their elements.
    limits: HashMap<String, Arc<Counts>>,
}

impl RouteState {
    /// Compiles it; counts of the limits that stayed as they were are carried on.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub(crate) fn build(config: &RouteConfig, before: Option<&Self>) -> Result<Self, String> {
        let reading = read(&config.elements, &());
        let first = |problems: &[route::Problem]| problems.first().map(ToString::to_string).unwrap_or_default();
        let graph = reading.graph.as_ref().ok_or_else(|| first(&reading.problems))?;
        let route = Route::compile(graph).map_err(|problems| first(&problems))?;
        let mut limits = HashMap::new();
        for element in &graph.elements {
            if let Kind::Limit(limit) = &element.kind {
                let kept = before.and_then(|before| before.limits.get(&element.id)).filter(|kept| kept.is_of(limit));
                let counts = kept.cloned().unwrap_or_else(|| Arc::new(Counts::new(limit)));
                limits.insert(element.id.clone(), counts);
            }
        }
        Ok(Self { id: config.id, name: config.name.clone(), version: config.version, route, limits })
    }

    /// Takes room out of a limit; none where there is none.
    pub(super) fn take(&self, step: &LimitStep<'_>, value: Option<&str>, now_ms: i64) -> Option<Hold> {
        self.limits.get(step.element)?.take(step, value, now_ms)
    }

    pub(super) fn measure(&self, element: &str) -> Option<Measure> {
        self.limits.get(element).map(|counts| counts.measure())
    }

    pub(super) fn free_in_ms(&self, element: &str, now_ms: i64) -> Option<i64> {
        self.limits.get(element)?.free_in_ms(now_ms)
    }
}
