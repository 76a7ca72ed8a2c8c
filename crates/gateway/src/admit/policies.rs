//! What the team's policies and the gateway's own rate limit say of a planned request.
//!
//! Denials and permissions are judged before the cache is asked: an answer that is denied is denied wherever it comes from. Limits are
//! asked after it, right before a provider is called: an answer from the cache costs nobody anything, so it does not count and is not
//! refused when a limit is used up.

use std::sync::Arc;

use domain::policy::Action;
use wire::price::{CustomCost, Named};

use crate::authenticate::Access;
use crate::clock::now_ms;
use crate::count::{Full, Group};
use crate::error::Refusal;
use crate::headers::limits::name_item;
use crate::plan::Plan;
use crate::policy::{Facts, Question, Short, Target, Wants, estimate, estimated_usage};
use crate::settle::{Settlement, uses_nothing};
use crate::snapshot::GatewayState;

/// A request that may not go on as it is.
#[derive(Debug)]
pub(crate) struct Stop {
    pub refusal: Refusal,
    /// What it may be instead.
    pub fallback: Option<Fallback>,
    /// What it may wait for.
    pub of: Option<Arc<Group>>,
}

/// Another model, and the policy that leads to it.
#[derive(Clone, Debug)]
pub(crate) struct Fallback {
    pub policy: String,
    /// `provider/model`.
    pub model: String,
}

impl From<Refusal> for Box<Stop> {
    fn from(refusal: Refusal) -> Self {
        Self::new(Stop { refusal, fallback: None, of: None })
    }
}

impl Stop {
    fn new(refusal: Refusal, policy: &str, action: &Action) -> Box<Self> {
        let fallback = match action {
            Action::Fallback(model) => Some(Fallback { policy: policy.to_owned(), model: model.clone() }),
            Action::Refuse | Action::Warn => None,
        };
        Box::new(Self { refusal, fallback, of: None })
    }
}

/// Whether a request may pass.
///
/// # Errors
/// `denied_by_policy`.
pub(crate) fn judge(
    settlement: &mut Settlement,
    access: &Access,
    gateway: Option<&GatewayState>,
    target: Target<'_>,
) -> Result<(), Box<Stop>> {
    let policies = &access.team.policies;
    if policies.judges_nothing() {
        return Ok(());
    }
    let facts = facts(settlement, access, gateway, target);
    let mut warnings = String::new();
    let verdict = policies.judge(&facts, |policy| name_item(&mut warnings, policy));
    let stop = verdict.map_err(|verdict| {
        let judge = verdict.judge();
        Stop::new(Refusal::denied_by_policy(verdict, target), &judge.name, &judge.action)
    });
    settlement.warnings = warnings;
    stop
}

/// Looks at the limits of a request that does not count, to tell its caller.
pub(crate) fn look(settlement: &mut Settlement, access: &Access, gateway: &GatewayState, target: Target<'_>) {
    if !is_limited(access, gateway) {
        return;
    }
    let facts = facts(settlement, access, Some(gateway), target);
    let mut held = access.team.policies.held(gateway.limit.as_ref(), access.own_limits(), &facts);
    held.look(facts.now_ms);
    settlement.held = held;
}

/// The limits that a question at an endpoint would be under, as full as they are. Those of certain models show where a model is
/// named only.
///
/// # Errors
/// `denied_by_policy`.
pub(crate) fn show(
    settlement: &mut Settlement,
    access: &Access,
    gateway: &GatewayState,
    (target, endpoint): (Target<'_>, &str),
) -> Result<(), Box<Stop>> {
    judge(settlement, access, Some(gateway), Target::Nobody)?;
    let facts = Facts { endpoint, ..facts(settlement, access, Some(gateway), target) };
    let mut held = access.team.policies.held(gateway.limit.as_ref(), access.own_limits(), &facts);
    held.look(facts.now_ms);
    settlement.held = held;
    Ok(())
}

/// Takes room for a request out of all its limits. One without a plan uses nothing.
///
/// # Errors
/// `rate_limited`, `budget_exceeded`, `price_unknown`.
pub(crate) fn take(
    settlement: &mut Settlement,
    access: &Access,
    gateway: &GatewayState,
    (target, plan): (Target<'_>, Option<&Plan>),
) -> Result<(), Box<Stop>> {
    take_for(settlement, access, gateway, (target, plan), (1, None))
}

/// The same for a request that waited, and has its `turn` to try.
///
/// # Errors
/// As [`take`].
pub(crate) fn take_in_turn(
    settlement: &mut Settlement,
    access: &Access,
    gateway: &GatewayState,
    (target, plan): (Target<'_>, &Plan),
    turn: &Arc<Group>,
) -> Result<(), Box<Stop>> {
    take_for(settlement, access, gateway, (target, Some(plan)), (1, Some(turn)))
}

/// Takes room for a second attempt beside a request's first: the request itself has room already.
///
/// # Errors
/// As [`take`].
pub(crate) fn take_beside(
    settlement: &mut Settlement,
    access: &Access,
    gateway: &GatewayState,
    plan: &Plan,
) -> Result<(), Box<Stop>> {
    take_for(settlement, access, gateway, (plan.target(), Some(plan)), (0, None))
}

fn take_for(
    settlement: &mut Settlement,
    access: &Access,
    gateway: &GatewayState,
    (target, plan): (Target<'_>, Option<&Plan>),
    (requests, turn): (u64, Option<&Arc<Group>>),
) -> Result<(), Box<Stop>> {
    if !is_limited(access, gateway) {
        return Ok(());
    }
    let facts = facts(settlement, access, Some(gateway), target);
    let now_ms = facts.now_ms;
    let mut held = access.team.policies.held(gateway.limit.as_ref(), access.own_limits(), &facts);
    let wants = match plan.filter(|_| held.needs_estimate() && !uses_nothing(&settlement.row)) {
        Some(plan) => {
            let question = question(plan, settlement.pricing.custom.as_deref(), now_ms);
            let (wants, usage) = (estimate(&question), estimated_usage(&question));
            settlement.estimate = Some(Box::new(usage));
            wants
        }
        None => Wants::NOTHING,
    };
    let may_wait = requests > 0 && plan.is_some() && settlement.may_wait();
    // Nobody who comes overtakes those who wait. Whoever has a turn anywhere tries what is really there: two that wait for one another's
    // limits would else hand their turns to and fro.
    let comes = may_wait && turn.is_none();
    let taken = match held.places().iter().position(|place| comes && place.is_waited_for()) {
        Some(index) => Err((index, Short::Full(Full { left: 0, free_in_ms: None }, requests))),
        None => held.take(&Wants { requests, ..wants }, now_ms),
    };
    if taken.is_err() {
        held.look(now_ms);
    }
    settlement.held = held;
    taken.map_err(|(index, short)| {
        let Some(place) = settlement.held.places().get(index) else { return Refusal::internal().into() };
        let limit = &place.limit;
        match short {
            Short::Full(full, amount) => {
                let mut stop = Stop::new(Refusal::over_limit(place, full, amount), &limit.name, &limit.action);
                stop.of = (may_wait && place.may_be_waited_for()).then(|| place.group().clone());
                stop
            }
            Short::NoPrice => Refusal::price_unknown(limit, target).into(),
        }
    })
}

/// Whether anything may limit a request.
fn is_limited(access: &Access, gateway: &GatewayState) -> bool {
    gateway.limit.is_some() || !access.own_limits().is_empty() || !access.team.policies.limits().is_empty()
}

fn question<'a>(plan: &'a Plan, custom: Option<&'a CustomCost>, now_ms: i64) -> Question<'a> {
    let named = Named { provider: &plan.provider, book: plan.book, answered: None, asked: plan.model.as_deref() };
    Question {
        task: plan.task,
        asks: plan.asks,
        body: &plan.body,
        count: plan.measure.count.as_deref(),
        pictures: &plan.measure.pictures,
        zone: plan.measure.zone,
        price: plan.prices.find(&named, now_ms),
        custom,
        now_ms,
    }
}

fn facts<'a>(
    settlement: &'a Settlement,
    access: &'a Access,
    gateway: Option<&'a GatewayState>,
    target: Target<'a>,
) -> Facts<'a> {
    let row = &settlement.row;
    Facts {
        gateway: gateway.map(|gateway| (gateway.id, gateway.slug.as_str())),
        token: access.token.as_ref().map(|token| (token.id, token.name.as_str())),
        user: row.user.as_deref(),
        target,
        endpoint: row.surface.as_str(),
        address: Some(settlement.client.address),
        country: settlement.client.country,
        metadata: access.team.policies.metadata(row.metadata.as_deref()),
        now_ms: now_ms(),
    }
}
