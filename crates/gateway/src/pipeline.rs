//! The way of a request, on one screen. Each stage is a file beside this one and hands a typed value to the next.

use std::sync::Arc;

use http::Response;
use http::request::Parts;
use wire::api::{Api, Path};

use crate::admit::{check_fallbacks, check_model, check_server, choose_gateway, look_at_limit, note, take_from_limit};
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
use crate::relay::relay;
use crate::reuse::{self, Slot};
use crate::scan::{ClientBody, collect, scan_json, scan_native};
use crate::settle::Settlement;
use crate::snapshot::ProviderState;
use crate::state::{self, After, Served};
use crate::{models, settle, tokens};

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
    if let Called::Kept(call) = called {
        let served = Box::pin(state::serve(settlement, &access, (ingress, call), parts, query.as_deref(), body));
        return Ok(match served.await? {
            Served::Answer(answer) => Reached::Answer(answer),
            Served::Plan(plan) => Reached::Upstream(plan, None),
        });
    }
    if matches!(called, Called::Models) {
        if ingress.place.is_some() {
            settlement.row.gateway_id = Some(choose_gateway(&access, ingress.place, &parts.headers)?.id);
        }
        return Ok(Reached::Answer(models::answer(settlement, &access, now_ms)));
    }
    let mut controls = controls::read(&parts.headers)?;
    let gateway = choose_gateway(&access, ingress.place, &parts.headers)?;
    settlement.row.gateway_id = Some(gateway.id);
    note(settlement, &gateway.settings, &mut controls);
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
    let plan = match called {
        Called::Native { provider, rest } => plan_native(settlement, &request, &provider, rest, query.as_deref())?,
        Called::Chat { front, path } => {
            plan_chat(settlement, &request, ingress.place, (front, path), query.as_deref()).await?
        }
        Called::CountTokens { front, path } => match plan_count(settlement, &request, front, path)? {
            Counting::Provider(plan) => *plan,
            Counting::Estimate(_room) => {
                take_from_limit(settlement, &gateway)?;
                return Ok(Reached::Answer(tokens::answer(settlement, front, path, &body)?));
            }
        },
        Called::Task(call) => plan::task(settlement, &request, call, query.as_deref())?,
        Called::Models | Called::Kept(_) => return Ok(Reached::Answer(models::answer(settlement, &access, now_ms))),
    };
    look_up(settlement, &request, plan).await
}

/// Answers from the cache, or counts the request and lets it through to the provider.
async fn look_up(settlement: &mut Settlement, request: &plan::Request<'_>, mut plan: Plan) -> Result<Reached, Refusal> {
    settle::note_plan(settlement, &plan);
    let slot = reuse::slot(settlement, request, &plan);
    if let Some(slot) = slot {
        let shared = settlement.shared().clone();
        if let Some(entry) = shared.cache.get(&slot.key, request.now_ms).await {
            look_at_limit(settlement, request.gateway);
            return Ok(Reached::Answer(reuse::replay(settlement, &entry)));
        }
    }
    take_from_limit(settlement, request.gateway)?;
    fetch(settlement, &mut plan).await?;
    Ok(Reached::Upstream(Box::new(plan), slot))
}

/// What is called behind a door that is open.
enum Called<'a> {
    Chat { front: Api, path: Path<'a> },
    CountTokens { front: Api, path: Path<'a> },
    Task(Call<'a>),
    Models,
    Kept(KeptCall<'a>),
    Native { provider: Arc<ProviderState>, rest: &'a str },
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
) -> Result<Plan, Refusal> {
    let scan = scan_json(request.headers, request.body)?;
    let named = path.model.or(scan.model.as_ref().map(|text| text.value.as_ref()));
    let asked = named.filter(|model| !model.is_empty()).ok_or_else(Refusal::model_required)?;
    let id = settlement.id().0.simple().to_string();
    let question = Question { front, path, scan: &scan, query, asked, id: &id, said: request.body };
    settlement.row.model_asked = Some(settle::bounded(asked));
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

/// Who counts the tokens of a question.
enum Counting {
    Provider(Box<Plan>),
    /// The gateway, in the room that reading the question takes.
    Estimate(Claim),
}

fn plan_count(
    settlement: &mut Settlement,
    request: &plan::Request<'_>,
    front: Api,
    path: Path<'_>,
) -> Result<Counting, Refusal> {
    let scan = scan_json(request.headers, request.body)?;
    let named = path.model.or(scan.model.as_ref().map(|text| text.value.as_ref()));
    let asked = named.filter(|model| !model.is_empty()).ok_or_else(Refusal::model_required)?;
    settlement.row.model_asked = Some(settle::bounded(asked));
    let (provider, model) = plan::resolve(request.access, front, asked, request.now_ms)?;
    settlement.row.provider = Some(provider.slug.clone());
    check_model(request.access, &provider.slug, Some(model), true)?;
    if provider.speaks(front, model) {
        Ok(Counting::Provider(Box::new(plan::count(request, &provider, model, front, &scan)?)))
    } else {
        Ok(Counting::Estimate(plan::room_to_read(request, &scan)?))
    }
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
    plan::native(request, provider, rest, query, scan.as_ref(), named)
}
