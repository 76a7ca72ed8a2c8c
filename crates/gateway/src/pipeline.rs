//! The way of a request, on one screen. Each stage is a file beside this one and hands a typed value to the next.

use std::sync::Arc;

use http::request::Parts;
use http::{Response, Uri};

use crate::admit::policies;
use crate::admit::restrictions::check_caller;
use crate::admit::{check_in_flight, check_server, choose_gateway, note};
use crate::ask::{Asked, Called, ask, call};
use crate::attempt::Else;
use crate::authenticate::{Access, authenticate};
use crate::body::Body;
use crate::clock::now_ms;
use crate::error::{Refusal, respond};
use crate::gateway::Shared;
use crate::headers::controls;
use crate::ingress::{Door, Ingress, disguises, split_key};
use crate::plan::{Choice, Plan};
use crate::policy::Target;
use crate::queue::{self, Patience};
use crate::relay::Unanswered;
use crate::scan::{ClientBody, collect};
use crate::settle::Settlement;
use crate::state::{self, Served};
use crate::universal::universal;
use crate::{dynamic, limits, models, settle};

/// Answers a request, one way or the other.
pub(crate) async fn run(
    mut settlement: Box<Settlement>,
    ingress: Ingress<'_>,
    parts: &Parts,
    body: ClientBody<'_>,
) -> Response<Body> {
    let answered = match enter(&mut settlement, ingress, parts, body).await {
        Ok(Entered::Answer(answer)) => return answer,
        Ok(Entered::Plan(plan)) => call(settlement, plan, None, Else::default()).await,
        Ok(Entered::Question(whole)) if matches!(whole.called, Called::Universal) => {
            return Box::pin(universal(settlement, &whole)).await;
        }
        Ok(Entered::Question(mut question)) if question.gateway.has_routes() => match dynamic::asked_for(&question) {
            Ok(None) => ask(settlement, &mut question, false).await,
            Ok(Some(route)) => Box::pin(dynamic::walk(settlement, &mut question, &route)).await,
            Err(refusal) => return respond(&mut settlement, &refusal),
        },
        Ok(Entered::Question(mut question)) => ask(settlement, &mut question, false).await,
        Err(refusal) => return respond(&mut settlement, &refusal),
    };
    answered.unwrap_or_else(|Unanswered { mut settlement, failure }| failure.respond(&mut settlement))
}

/// How far a request comes before it is planned.
enum Entered<'a> {
    /// It needs no provider.
    Answer(Response<Body>),
    /// There is nothing to choose.
    Plan(Box<Plan>),
    Question(Box<Asked<'a>>),
}

/// Finds out who asks for what, and takes the body in.
async fn enter<'a>(
    settlement: &mut Settlement,
    ingress: Ingress<'a>,
    parts: &'a Parts,
    body: ClientBody<'_>,
) -> Result<Entered<'a>, Refusal> {
    let now_ms = now_ms();
    let shared: Arc<Shared> = settlement.shared().clone();
    let snapshot = shared.snapshot.load_full();
    let (query, key) = split_key(&parts.uri);

    let access = authenticate(settlement, &snapshot, &ingress, &parts.headers, key.as_deref(), now_ms)?;
    let called = open(settlement, &ingress, &parts.uri, &access)?;
    check_caller(settlement, &access)?;
    if let Called::Kept(call) = called {
        let served = Box::pin(state::serve(settlement, &access, (ingress, call), parts, query.as_deref(), body));
        return Ok(match served.await? {
            Served::Answer(answer) => Entered::Answer(answer),
            Served::Plan(plan) => Entered::Plan(plan),
        });
    }
    if matches!(called, Called::Models) {
        let place = ingress.place.map(|_| choose_gateway(&access, ingress.place, &parts.headers)).transpose()?;
        settlement.row.gateway_id = place.as_ref().map(|gateway| gateway.id);
        policies::judge(settlement, &access, place.as_deref(), Target::Nobody).map_err(|stop| stop.refusal)?;
        return Ok(Entered::Answer(models::answer(settlement, &access, now_ms)));
    }
    let mut controls = controls::read(&parts.headers)?;
    let gateway = choose_gateway(&access, ingress.place, &parts.headers)?;
    settlement.row.gateway_id = Some(gateway.id);
    let noted = note(settlement, &gateway.settings, &mut controls);
    if matches!(called, Called::Limits) {
        return Ok(Entered::Answer(limits::answer(settlement, &access, &gateway, query.as_deref())?));
    }
    // Not of one that asks for its limits, and costs nothing.
    noted?;
    check_server(settlement)?;
    settlement.patience = Patience::of(&gateway, &access).map(Box::new);
    if let Err(full) = check_in_flight(settlement, false) {
        Box::pin(queue::for_server(settlement, full)).await?;
    }

    let waiting = tokio::time::Instant::now();
    let body = collect(body, &shared.options, &shared.memory).await?;
    settlement.waited += waiting.elapsed();
    settle::note_request(settlement, &parts.headers, &body);
    let choice = Choice::new(settlement.id(), controls.session.as_deref());
    let (method, headers, place) = (&parts.method, &parts.headers, ingress.place);
    let asked =
        Asked { access, gateway, controls, called, place, method, headers, query, body, now_ms, choice, target: None };
    Ok(Entered::Question(Box::new(asked)))
}

/// Whether there is such a door, and it takes the method. Told only to those who authenticated.
pub(crate) fn open<'a>(
    settlement: &mut Settlement,
    ingress: &Ingress<'a>,
    uri: &Uri,
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
        Door::Universal => return Ok(Called::Universal),
        Door::Unknown => return Err(Refusal::unknown_route(uri.path())),
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
