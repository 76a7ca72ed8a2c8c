//! Dynamic routes: what `dynamic/{name}` stands for. The walk itself is `crates/route`'s; here its steps are done: limits are asked,
//! one of several models is chosen, models are called one after the other, each with everything that holds for a request of its own.

mod facts;
mod limit;
mod state;

use std::sync::Arc;

use domain::Usage;
use domain::ledger::Cause;
use domain::settings::Balance;
use http::Response;
use memchr::memmem;
use route::{Candidates, Ending, Measure, ModelStep, Step, Strategy, Walk};
use tokio::time::{Duration, Instant};
use wire::price::{Named, Terms};
use wire::scan::scan;
use wire::task::Size;

use self::facts::Said;
pub(crate) use self::limit::Holds;
pub(crate) use self::state::RouteState;
use crate::ask::{Asked, Called, ask};
use crate::body::Body;
use crate::clock::now_ms;
use crate::error::Refusal;
use crate::failover::Failure;
use crate::pool::{Candidate, Rule, pick};
use crate::relay::Unanswered;
use crate::settle::{Led, Settlement};

/// What a route is asked as.
pub(crate) const PREFIX: &str = "dynamic/";
/// Longest way that is told, in bytes.
const LONGEST_WAY: usize = 512;

/// Instead of the model that a request names, the one that a step does.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// `provider/model`.
    pub model: String,
    pub timeout: Option<Duration>,
    /// Attempts in all.
    pub attempts: Option<u8>,
}

/// The route that a request asks for; none where it asks for a model.
///
/// # Errors
/// `model_not_found`: there is no such route.
pub(crate) fn asked_for(asked: &Asked<'_>) -> Result<Option<Arc<RouteState>>, Refusal> {
    let in_path = match asked.called {
        Called::Chat { path, .. } | Called::CountTokens { path, .. } => path.model,
        Called::Task(call) if !call.task.keeps() => call.model,
        _ => return Ok(None),
    };
    let named = match in_path {
        Some(model) => model.strip_prefix(PREFIX).map(str::to_owned),
        // Most requests name a model, and are not read twice to find that out.
        None if memmem::find(&asked.body, PREFIX.as_bytes()).is_none() => None,
        None => scan(&asked.body).ok().and_then(|scan| scan.model?.value.strip_prefix(PREFIX).map(str::to_owned)),
    };
    let Some(name) = named else { return Ok(None) };
    let route = asked.gateway.route(&name).ok_or_else(|| Refusal::unknown_dynamic_route(&name, &asked.gateway.slug))?;
    Ok(Some(route.clone()))
}

/// Walks a route until a model has an answer.
pub(crate) async fn walk(
    mut settlement: Box<Settlement>,
    asked: &mut Asked<'_>,
    state: &RouteState,
) -> Result<Response<Body>, Unanswered> {
    asked.access.by_route = asked.access.token.as_ref().is_some_and(|token| token.allows_route(&state.name));
    let mut walk = Walk::new(&state.route, asked.choice.random());
    let mut failure: Option<Box<Failure>> = None;
    loop {
        let said = Said::new(settlement.row.metadata.as_deref(), asked.headers, &asked.body);
        match walk.next(&said) {
            Step::Limit(limit) => {
                let group = walk.group(&said);
                let taken = state.take(&limit, group.as_deref(), now_ms());
                match taken {
                    Some(hold) => {
                        settlement.holds.push(hold);
                        walk.within();
                    }
                    None => walk.over(),
                }
            }
            Step::Balance(candidates) => walk.chosen(choose(asked, candidates)),
            Step::Model(step) => {
                if failure.take().is_some() {
                    settlement.move_on();
                    settlement.row.cause = Cause::OtherTarget;
                    asked.choice.begin_anew();
                }
                asked.target = Some(target(step));
                settlement.row.way = Some(way(state, &walk, step.element));
                settlement.led =
                    Some(Box::new(Led { provider: step.provider.to_owned(), model: step.model.to_owned() }));
                let unanswered = match Box::pin(ask(settlement, asked, true)).await {
                    Ok(answer) => return Ok(answer),
                    Err(unanswered) => unanswered,
                };
                settlement = unanswered.settlement;
                let Some(fault) = unanswered.failure.kind.of_the_target() else {
                    return Err(Unanswered { settlement, failure: unanswered.failure });
                };
                failure = Some(unanswered.failure);
                walk.failed(fault);
            }
            Step::End(ending) => {
                let failure = match (ending, failure) {
                    (Ending::Over { element }, _) => Failure::refused(over(state, element)),
                    (_, Some(failure)) => failure,
                    (_, None) => Failure::refused(Refusal::route_without_model(&state.name)),
                };
                return Err(Unanswered { settlement, failure });
            }
        }
    }
}

/// The route with its version, its elements and the outputs at which they were left, and where it leads now.
fn way(state: &RouteState, walk: &Walk<'_>, element: &str) -> String {
    let (begin, end) = (format!("{}@{} ", state.name, state.version), format!(" > {element}"));
    let path = walk.path().to_text(LONGEST_WAY.saturating_sub(begin.len() + end.len()));
    if path.is_empty() { begin + element } else { begin + &path + &end }
}

fn target(step: ModelStep<'_>) -> Target {
    Target {
        model: format!("{}/{}", step.provider, step.model),
        timeout: step.timeout_ms.map(|ms| Duration::from_millis(ms.into())),
        attempts: step.retries.map(|retries| retries.saturating_add(1)),
    }
}

fn over(state: &RouteState, element: &str) -> Refusal {
    let free_in_ms = state.free_in_ms(element, now_ms());
    match state.measure(element) {
        Some(Measure::Cost(_)) => Refusal::route_budget_used_up(&state.name, element, free_in_ms),
        _ => Refusal::route_limit_used_up(&state.name, element, free_in_ms),
    }
}

/// The number of the model that a balance chooses, by how the keys and addresses fare that it would be asked with.
fn choose(asked: &Asked<'_>, candidates: Candidates<'_>) -> usize {
    let (now, team) = (Instant::now(), &asked.access.team);
    let all: Vec<_> = candidates.iter().collect();
    let weighed: Vec<_> = all
        .iter()
        .map(|one| {
            let slug = team.provider(one.model.provider).map_or(one.model.provider, |provider| &provider.slug);
            let alias = asked.controls.byok_alias.as_deref().unwrap_or(crate::plan::DEFAULT_ALIAS);
            let keys = team.keys(slug, alias).filter(|key| key.target(asked.now_ms).is_ok());
            let best = keys.map(|key| key.candidate(now)).min_by_key(|key| (key.standing, key.latency_us, key.busy));
            let id = one.index as u64;
            match best {
                Some(best) => Candidate { id, weight: one.weight, ..best },
                None => Candidate::new(id, one.weight, [None, None], now),
            }
        })
        .collect();
    let place = match candidates.strategy {
        Strategy::Cost => cheapest(asked, &all).or_else(|| pick(&weighed, rule(asked, Balance::Weighted))),
        Strategy::Weighted => pick(&weighed, rule(asked, Balance::Weighted)),
        Strategy::Latency => pick(&weighed, rule(asked, Balance::Latency)),
        Strategy::Busy => pick(&weighed, rule(asked, Balance::Busy)),
    };
    place.and_then(|place| all.get(place)).map_or(0, |one| one.index)
}

fn rule(asked: &Asked<'_>, balance: Balance) -> Rule {
    let affinity = asked.gateway.settings.affinity.then(|| asked.choice.affinity(&asked.body)).flatten();
    Rule { balance, affinity, random: asked.choice.random() }
}

/// The place of the model that costs least for this question and an answer of the same length; those without a price come last.
fn cheapest(asked: &Asked<'_>, all: &[route::Candidate<'_>]) -> Option<usize> {
    /// A token for every four bytes.
    const BYTES_A_TOKEN: u64 = 4;
    let team = &asked.access.team;
    let tokens = asked.body.len() as u64 / BYTES_A_TOKEN;
    let usage = Usage { input: tokens, output: tokens, ..Usage::default() };
    let price = |one: &route::Candidate<'_>| {
        let provider = team.provider(one.model.provider)?;
        let named =
            Named { provider: &provider.slug, book: provider.book, answered: None, asked: Some(one.model.model) };
        let terms = Terms { at_ms: asked.now_ms, pictures: &Size::default(), backend: None };
        Some(team.prices.find(&named, asked.now_ms)?.cost(&usage, &terms)?.total)
    };
    let priced = all.iter().enumerate().filter_map(|(place, one)| Some((price(one)?, place)));
    priced.min().map(|(_, place)| place)
}
