//! The way of a request, on one screen. Each stage is a file beside this one and hands a typed value to the next.

use std::sync::Arc;

use http::Response;
use http::request::Parts;
use wire::api::{Api, Path};
use wire::scan::Scan;

use crate::admit::policies::{self, Fallback, Stop};
use crate::admit::restrictions::{check_caller, check_fallbacks, check_model};
use crate::admit::{check_server, choose_gateway, note};
use crate::attempt::attempt;
use crate::authenticate::{Access, authenticate};
use crate::body::Body;
use crate::clock::now_ms;
use crate::error::{Refusal, respond};
use crate::fetch::fetch;
use crate::gateway::Shared;
use crate::headers::controls;
use crate::ingress::{Call, Door, Ingress, KeptCall, Place, disguises, split_key};
use crate::memory::Claim;
use crate::plan::{self, Plan, Question};
use crate::policy::Target;
use crate::relay::relay;
use crate::reuse::{self, Slot};
use crate::scan::{ClientBody, collect, scan_json, scan_native};
use crate::settle::Settlement;
use crate::snapshot::ProviderState;
use crate::state::{self, After, Served};
use crate::{limits, models, settle, tokens};

/// Answers a request, one way or the other.
pub(crate) async fn run(
    mut settlement: Box<Settlement>,
    ingress: Ingress<'_>,
    parts: &Parts,
    body: ClientBody<'_>,
) -> Response<Body> {
    match stages(&mut settlement, ingress, parts, body).await {
        Ok(Reached::Answer(answer)) => answer,
        Ok(Reached::Upstream(plan, _)) if plan.background => state::in_background(settlement, *plan),
        Ok(Reached::Upstream(mut plan, slot)) => match attempt(&mut settlement, &mut plan).await {
            Ok(answer) => relay(settlement, plan, slot, answer).await,
            Err(refusal) => respond(&mut settlement, &refusal),
        },
        Err(refusal) => respond(&mut settlement, &refusal),
    }
}

/// How far a request comes before a provider is called.
enum Reached {
    /// It needs no provider.
    Answer(Response<Body>),
    /// It is ready to be sent.
    Upstream(Box<Plan>, Option<Slot>),
}

async fn stages(
    settlement: &mut Settlement,
    ingress: Ingress<'_>,
    parts: &Parts,
    body: ClientBody<'_>,
) -> Result<Reached, Refusal> {
    let now_ms = now_ms();
    let shared: Arc<Shared> = settlement.shared().clone();
    let snapshot = shared.snapshot.load_full();
    let (query, key) = split_key(&parts.uri);

    let access = authenticate(settlement, &snapshot, &ingress, &parts.headers, key.as_deref(), now_ms)?;
    let called = open(settlement, &ingress, parts, &access)?;
    check_caller(settlement, &access)?;
    if let Called::Kept(call) = called {
        let served = Box::pin(state::serve(settlement, &access, (ingress, call), parts, query.as_deref(), body));
        return Ok(match served.await? {
            Served::Answer(answer) => Reached::Answer(answer),
            Served::Plan(plan) => Reached::Upstream(plan, None),
        });
    }
    if matches!(called, Called::Models) {
        let place = ingress.place.map(|_| choose_gateway(&access, ingress.place, &parts.headers)).transpose()?;
        settlement.row.gateway_id = place.as_ref().map(|gateway| gateway.id);
        policies::judge(settlement, &access, place.as_deref(), Target::Nobody).map_err(|stop| stop.refusal)?;
        return Ok(Reached::Answer(models::answer(settlement, &access, now_ms)));
    }
    let mut controls = controls::read(&parts.headers)?;
    let gateway = choose_gateway(&access, ingress.place, &parts.headers)?;
    settlement.row.gateway_id = Some(gateway.id);
    note(settlement, &gateway.settings, &mut controls);
    if matches!(called, Called::Limits) {
        return Ok(Reached::Answer(limits::answer(settlement, &access, &gateway, query.as_deref())?));
    }
    check_server(settlement)?;

    let waiting = tokio::time::Instant::now();
    let body = collect(body, &shared.options, &shared.memory).await?;
    settlement.waited = waiting.elapsed();
    settle::note_request(settlement, &parts.headers, &body);

    let request = plan::Request {
        access: &access,
        gateway: &gateway,
        controls: &controls,
        method: &parts.method,
        headers: &parts.headers,
        body: &body,
        memory: &shared.memory,
        now_ms,
        first_byte_timeout: shared.options.first_byte_timeout,
    };
    let mut instead: Option<Fallback> = None;
    loop {
        let model = instead.as_ref().map(|fallback| fallback.model.as_str());
        let planned = make_plan(settlement, &request, (&called, ingress.place), query.as_deref(), model).await?;
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
        Called::Models | Called::Limits | Called::Kept(_) => return Err(Refusal::internal()),
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
            let target = Target::Model(&provider.slug, &model);
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
    policies::take(settlement, access, gateway, (plan.target(), Some(&plan)))?;
    fetch(settlement, &mut plan).await?;
    Ok(Reached::Upstream(plan, slot))
}

/// What is called behind a door that is open.
enum Called<'a> {
    Chat { front: Api, path: Path<'a> },
    CountTokens { front: Api, path: Path<'a> },
    Task(Call<'a>),
    Models,
    Limits,
    Kept(KeptCall<'a>),
    Native { provider: Arc<ProviderState>, rest: &'a str },
}

impl Called<'_> {
    /// Whether another model may answer: at a provider's own endpoint, and where no model is named, there is none.
    fn takes_another_model(&self) -> bool {
        match self {
            Self::Chat { .. } | Self::CountTokens { .. } => true,
            Self::Task(call) => !call.task.keeps(),
            Self::Models | Self::Limits | Self::Kept(_) | Self::Native { .. } => false,
        }
    }
}

/// Whether there is such a door, and it takes the method. Told only to those who authenticated.
fn open<'a>(
    settlement: &mut Settlement,
    ingress: &Ingress<'a>,
    parts: &Parts,
    access: &Access,
) -> Result<Called<'a>, Refusal> {
    if let Some(allow) = ingress.allow {
        return Err(Refusal::method_not_allowed(allow));
    }
    let (provider, rest) = match ingress.door {
        Door::Chat { front, path } => return Ok(Called::Chat { front, path }),
        Door::CountTokens { front, path } => return Ok(Called::CountTokens { front, path }),
        Door::Task(call) if disguises(call.rest) => return Err(Refusal::invalid_path()),
        Door::Task(call) => return Ok(Called::Task(call)),
        Door::Models => return Ok(Called::Models),
        Door::Limits => return Ok(Called::Limits),
        Door::Kept(call) => return Ok(Called::Kept(call)),
        Door::Unknown => return Err(Refusal::unknown_route(parts.uri.path())),
        Door::Native { provider, rest } => (provider, rest),
    };
    let known = access.team.provider(provider);
    let slug = known.map_or(provider, |known| &known.slug);
    if disguises(&wire::providers::plain_part(slug, rest)) {
        return Err(Refusal::invalid_path());
    }
    let provider = known.ok_or_else(|| Refusal::unknown_provider(provider))?;
    // A provider of the team's own may speak another dialect than its path shows.
    settlement.dialect = crate::ingress::dialect(provider.dialect, rest);
    settlement.row.provider = Some(provider.slug.clone());
    Ok(Called::Native { provider: provider.clone(), rest })
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
    let named = plan::native_model(request, provider, rest, scan.as_ref());
    settlement.row.model_asked = named.as_ref().map(|named| settle::bounded(&named.model));
    if let Some(scan) = &scan {
        settle::note_user(settlement, scan);
    }
    plan::native(request, provider, rest, query, scan.as_ref(), named)
}
