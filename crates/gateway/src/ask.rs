//! What is asked for, and whom: one target with one of its keys after the other, each planned, judged, looked up in the cache, counted
//! and called.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use domain::ProviderKeyId;
use domain::ledger::Cause;
use http::{HeaderMap, Method, Response};
use wire::api::{Api, Path};
use wire::scan::Scan;

use crate::admit::policies::{self, Fallback, Stop};
use crate::admit::restrictions::{check_fallbacks, check_model};
use crate::attempt::{Else, attempt};
use crate::authenticate::Access;
use crate::body::Body;
use crate::dynamic::Target;
use crate::error::Refusal;
use crate::failover::{Failure, Kind};
use crate::fetch::fetch;
use crate::gateway::Shared;
use crate::headers::controls::Controls;
use crate::health::Health;
use crate::hedge::{Delay, call_hedged};
use crate::ingress::{Call, KeptCall, Place};
use crate::memory::Claim;
use crate::plan::{self, Choice, Plan, Question, Timeouts};
use crate::policy;
use crate::queue;
use crate::relay::{Unanswered, relay};
use crate::reuse::{self, Slot};
use crate::scan::{scan_json, scan_native};
use crate::settle::{self, Settlement};
use crate::snapshot::{GatewayState, ProviderState};
use crate::state::{self, After};
use crate::tokens;

/// What somebody who may asks for.
pub(crate) struct Asked<'a> {
    pub access: Access,
    pub gateway: Arc<GatewayState>,
    pub controls: Controls,
    pub called: Called<'a>,
    pub place: Option<Place<'a>>,
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
    pub query: Option<Cow<'a, str>>,
    pub body: Bytes,
    pub now_ms: i64,
    pub choice: Choice,
    /// What a route leads to instead of what is named.
    pub target: Option<Target>,
}

/// What is called behind a door that is open.
pub(crate) enum Called<'a> {
    Chat {
        front: Api,
        path: Path<'a>,
    },
    CountTokens {
        front: Api,
        path: Path<'a>,
    },
    Task(Call<'a>),
    Models,
    Limits,
    Kept(KeptCall<'a>),
    /// Steps that are calls of their own.
    Universal,
    Native {
        provider: Arc<ProviderState>,
        rest: &'a str,
    },
}

impl Called<'_> {
    /// Whether another model may answer: at a provider's own endpoint, and where no model is named, there is none.
    fn takes_another_model(&self) -> bool {
        match self {
            Self::Chat { .. } | Self::CountTokens { .. } => true,
            Self::Task(call) => !call.task.keeps(),
            Self::Models | Self::Limits | Self::Kept(_) | Self::Native { .. } | Self::Universal => false,
        }
    }
}

/// How far a request comes before a provider is called.
enum Reached {
    /// It needs no provider.
    Answer(Response<Body>),
    /// It is ready to be sent.
    Upstream(Box<Plan>, Option<Slot>),
}

/// Asks one target, with one of its keys after the other where that may help; `others` is whether another target may be asked.
pub(crate) async fn ask(
    mut settlement: Box<Settlement>,
    asked: &mut Asked<'_>,
    others: bool,
) -> Result<Response<Body>, Unanswered> {
    if let Some(patience) = &mut settlement.patience {
        patience.has_others = others;
    }
    loop {
        let (plan, slot) = match reach(&mut settlement, asked).await {
            Ok(Reached::Answer(answer)) => return Ok(answer),
            Ok(Reached::Upstream(plan, _)) if plan.background => return Ok(state::in_background(settlement, *plan)),
            Ok(Reached::Upstream(plan, slot)) => (plan, slot),
            Err(refusal) => return Err(Unanswered { settlement, failure: Failure::refused(refusal) }),
        };
        let tried = Tried::of(&plan);
        let other = Else { target: others, key: plan.has_other_keys };
        let hedge = Delay::of(asked, &settlement, &plan);
        if !other.target && !other.key && hedge.is_none() {
            // Nobody will be asked with it again: it must not take its room for as long as the answer takes.
            asked.body = Bytes::new();
        }
        let (answered, tried) = match hedge {
            // Boxed: the others must not carry the room for it.
            Some(delay) => Box::pin(call_hedged(settlement, (plan, slot), (other, tried), asked, delay)).await,
            None => (call(settlement, plan, slot, other).await, tried),
        };
        match answered {
            Ok(answer) => return Ok(answer),
            Err(unanswered) if tried.is_some_and(|tried| tried.give_up(asked, unanswered.failure.kind)) => {
                settlement = unanswered.settlement;
            }
            Err(unanswered) => return Err(unanswered),
        }
        settlement.move_on();
        settlement.row.cause = Cause::OtherKey;
    }
}

/// Calls the provider and passes its answer on.
pub(crate) async fn call(
    mut settlement: Box<Settlement>,
    mut plan: Box<Plan>,
    slot: Option<Slot>,
    other: Else,
) -> Result<Response<Body>, Unanswered> {
    match attempt(&mut settlement, &mut plan, other).await {
        Ok(answer) => relay(settlement, plan, slot, answer, other.target || other.key).await,
        Err(failure) => Err(Unanswered { settlement, failure }),
    }
}

/// The key and the address that were tried.
pub(crate) struct Tried {
    provider: String,
    key: ProviderKeyId,
    /// Where there are keys for others.
    address: Option<Arc<Health>>,
}

impl Tried {
    /// Nothing where there is no other.
    pub(crate) fn of(plan: &Plan) -> Option<Box<Self>> {
        let key = plan.key.filter(|_| plan.has_other_keys)?;
        let address = plan.healths.address.clone().filter(|_| plan.has_other_addresses);
        Some(Box::new(Self { provider: plan.provider.clone(), key, address }))
    }

    /// Turns to another key, at another address where there is one, beside which this one is still at work.
    pub(crate) fn turn_away(&self, asked: &mut Asked<'_>) {
        match &self.address {
            Some(address) => asked.choice.give_up_address(&asked.access.team, &self.provider, address),
            None => asked.choice.give_up(self.key),
        }
    }

    /// Turns to another key, where one may have an answer.
    fn give_up(&self, asked: &mut Asked<'_>, kind: Kind) -> bool {
        match &self.address {
            _ if kind.is_the_keys() => asked.choice.give_up(self.key),
            Some(address) if kind.may_be_the_addresses() => {
                asked.choice.give_up_address(&asked.access.team, &self.provider, address);
            }
            _ => return false,
        }
        true
    }
}

impl Asked<'_> {
    fn request<'a>(&'a self, shared: &'a Shared) -> plan::Request<'a> {
        plan::Request {
            access: &self.access,
            gateway: &self.gateway,
            controls: &self.controls,
            method: self.method,
            headers: self.headers,
            body: &self.body,
            memory: &shared.memory,
            now_ms: self.now_ms,
            choice: &self.choice,
            timeouts: Timeouts::of(&shared.options),
        }
    }
}

/// Plans a second attempt beside a request's first, and takes room for it out of all limits; nothing where that cannot be, or where
/// it may not go to whom it is planned for. What the first knows already is not looked up again.
pub(crate) async fn plan_beside(
    settlement: &mut Settlement,
    asked: &Asked<'_>,
    may_go: impl Fn(&Plan) -> bool,
) -> Option<(Box<Plan>, Option<Slot>)> {
    let shared: Arc<Shared> = settlement.shared().clone();
    let request = asked.request(&shared);
    let (called, query) = ((&asked.called, asked.place), asked.query.as_deref());
    let model = asked.target.as_ref().map(|target| target.model.as_str());
    let Ok(Planned::Provider(mut plan)) = make_plan(settlement, &request, called, query, model).await else {
        return None;
    };
    if plan.unfinished.is_some() || !may_go(&plan) {
        return None;
    }
    plan.timeouts.head = asked.target.as_ref().and_then(|target| target.timeout).unwrap_or(plan.timeouts.head);
    settle::note_plan(settlement, &plan);
    policies::judge(settlement, &asked.access, Some(&asked.gateway), plan.target()).ok()?;
    let slot = reuse::slot(settlement, &request, &plan);
    policies::take_beside(settlement, &asked.access, &asked.gateway, &plan).ok()?;
    Some((plan, slot))
}

/// Plans a request, asks the team's policies and the cache, and counts it.
async fn reach(settlement: &mut Settlement, asked: &Asked<'_>) -> Result<Reached, Refusal> {
    let shared: Arc<Shared> = settlement.shared().clone();
    let request = asked.request(&shared);
    let (called, query) = (&asked.called, asked.query.as_deref());
    let mut instead: Option<Fallback> = None;
    loop {
        let model = instead.as_ref().map(|fallback| fallback.model.as_str());
        let model = model.or(asked.target.as_ref().map(|target| target.model.as_str()));
        let mut planned = make_plan(settlement, &request, (called, asked.place), query, model).await?;
        if let (Planned::Provider(plan), Some(target)) = (&mut planned, &asked.target) {
            plan.timeouts.head = target.timeout.unwrap_or(plan.timeouts.head);
            plan.retry.max_attempts = target.attempts.unwrap_or(plan.retry.max_attempts);
        }
        match look_up(settlement, &request, planned).await {
            Ok(reached) => return Ok(reached),
            Err(stop) => match stop.fallback.filter(|_| instead.is_none() && called.takes_another_model()) {
                Some(fallback) => {
                    settlement.fallback = Some(fallback.policy.clone());
                    instead = Some(fallback);
                }
                None => return Err(stop.refusal),
            },
        }
    }
}

/// What is to be done for a request.
enum Planned<'a> {
    Provider(Box<Plan>),
    /// The tokens of a question are estimated, in the room that reading it takes.
    Estimate {
        front: Api,
        path: Path<'a>,
        provider: Arc<ProviderState>,
        model: String,
        _room: Claim,
    },
}

/// Plans what is called; `instead` is the model that a policy leads to.
async fn make_plan<'a>(
    settlement: &mut Settlement,
    request: &plan::Request<'_>,
    (called, place): (&Called<'a>, Option<Place<'_>>),
    query: Option<&str>,
    instead: Option<&str>,
) -> Result<Planned<'a>, Refusal> {
    Ok(Planned::Provider(Box::new(match *called {
        Called::Native { ref provider, rest } => plan_native(settlement, request, provider, rest, query)?,
        Called::Chat { front, path } => plan_chat(settlement, request, place, (front, path), query, instead).await?,
        Called::CountTokens { front, path } => return plan_count(settlement, request, front, path, instead),
        Called::Task(call) => plan::task(settlement, request, call, query, instead)?,
        // They are answered before anything is planned.
        Called::Models | Called::Limits | Called::Kept(_) | Called::Universal => return Err(Refusal::internal()),
    })))
}

/// Asks the team's policies, answers from the cache, or counts the request and lets it through to the provider.
async fn look_up(
    settlement: &mut Settlement,
    request: &plan::Request<'_>,
    planned: Planned<'_>,
) -> Result<Reached, Box<Stop>> {
    let (access, gateway) = (request.access, request.gateway);
    let mut plan = match planned {
        Planned::Provider(plan) => plan,
        Planned::Estimate { front, path, provider, model, _room } => {
            settle::note_user_of_metadata(settlement);
            let target = policy::Target::Model(&provider.slug, &model);
            policies::judge(settlement, access, Some(gateway), target)?;
            policies::take(settlement, access, gateway, (target, None))?;
            return Ok(Reached::Answer(tokens::answer(settlement, front, path, request.body)?));
        }
    };
    settle::note_plan(settlement, &plan);
    policies::judge(settlement, access, Some(gateway), plan.target())?;
    let slot = reuse::slot(settlement, request, &plan);
    if let Some(slot) = slot {
        let shared = settlement.shared().clone();
        if let Some(entry) = shared.cache.get(&slot.key, request.now_ms).await {
            policies::look(settlement, access, gateway, plan.target());
            return Ok(Reached::Answer(reuse::replay(settlement, &entry)));
        }
    }
    if let Err(stop) = policies::take(settlement, access, gateway, (plan.target(), Some(&plan))) {
        if stop.of.is_none() {
            return Err(stop);
        }
        Box::pin(queue::for_limits(settlement, access, gateway, &plan, stop)).await?;
    }
    fetch(settlement, &mut plan).await?;
    Ok(Reached::Upstream(plan, slot))
}

async fn plan_chat(
    settlement: &mut Settlement,
    request: &plan::Request<'_>,
    place: Option<Place<'_>>,
    (front, path): (Api, Path<'_>),
    query: Option<&str>,
    instead: Option<&str>,
) -> Result<Plan, Refusal> {
    let scan = scan_json(request.headers, request.body)?;
    let asked = asked(settlement, path, &scan, instead)?;
    let id = settlement.id().0.simple().to_string();
    let question = Question { front, path, scan: &scan, query, asked, id: &id, said: request.body };
    settlement.row.streamed = question.stream();
    let (provider, model) = plan::resolve(request.access, front, asked, request.now_ms)?;
    settlement.row.provider = Some(provider.slug.clone());
    check_model(request.access, &provider.slug, Some(model), true)?;
    check_fallbacks(request.access, &scan)?;
    if front != Api::OpenaiResponses {
        return plan::chat(request, &provider, model, &question);
    }
    let shared = settlement.shared().clone();
    let room = plan::room_to_read(request, &scan)?;
    let turn = Box::pin(state::turn(&shared, request, place, (&provider, model))).await?;
    drop(room);
    let mut plan = match &turn.body {
        None => plan::chat(request, &provider, model, &question)?,
        Some(body) => {
            let scan = scan_json(request.headers, body)?;
            let question = Question { scan: &scan, ..question };
            plan::chat(&plan::Request { body, ..*request }, &provider, model, &question)?
        }
    };
    plan.background = turn.background;
    plan.after = turn.draft.map(After::Keep);
    Ok(plan)
}

/// The model that is asked for, noted with whom it is asked for; `instead` is the one that a policy leads to.
fn asked<'a>(
    settlement: &mut Settlement,
    path: Path<'a>,
    scan: &'a Scan<'_>,
    instead: Option<&'a str>,
) -> Result<&'a str, Refusal> {
    let named = path.model.or(scan.model.as_ref().map(|text| text.value.as_ref()));
    let named = named.filter(|model| !model.is_empty()).ok_or_else(Refusal::model_required)?;
    settlement.row.model_asked = Some(settle::bounded(named));
    settle::note_user(settlement, scan);
    Ok(instead.unwrap_or(named))
}

fn plan_count<'a>(
    settlement: &mut Settlement,
    request: &plan::Request<'_>,
    front: Api,
    path: Path<'a>,
    instead: Option<&str>,
) -> Result<Planned<'a>, Refusal> {
    let scan = scan_json(request.headers, request.body)?;
    let asked = asked(settlement, path, &scan, instead)?;
    let (provider, model) = plan::resolve(request.access, front, asked, request.now_ms)?;
    settlement.row.provider = Some(provider.slug.clone());
    check_model(request.access, &provider.slug, Some(model), true)?;
    if provider.speaks(front, model) {
        return Ok(Planned::Provider(Box::new(plan::count(request, &provider, model, front, &scan)?)));
    }
    let (_, served) = provider.served(model);
    let (model, _room) = (served.to_owned(), plan::room_to_read(request, &scan)?);
    Ok(Planned::Estimate { front, path, provider, model, _room })
}

fn plan_native(
    settlement: &mut Settlement,
    request: &plan::Request<'_>,
    provider: &ProviderState,
    rest: &str,
    query: Option<&str>,
) -> Result<Plan, Refusal> {
    let scan = scan_native(request.method, request.headers, request.body)?;
    if plan::keeps(request.method, rest) {
        request.choice.keep();
    }
    let named = plan::native_model(request, provider, rest, scan.as_ref());
    settlement.row.model_asked = named.as_ref().map(|named| settle::bounded(&named.model));
    if let Some(scan) = &scan {
        settle::note_user(settlement, scan);
    }
    plan::native(request, provider, rest, query, scan.as_ref(), named)
}
