//! What is called of what is kept: responses and their questions, here or where a provider holds them.

use std::sync::Arc;

use bytes::Bytes;
use domain::state::{KeptResponse, ResponseStatus, StateChange};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method};
use serde_json::json;
use wire::api::openai_responses::ends_as;
use wire::chat::{Json, Refused};

use super::list::{page, value};
use super::{After, INTERRUPTED, conversation, may_see};
use crate::admit::restrictions::check_provider;
use crate::admit::{check_in_flight, check_server, choose_gateway, note, policies};
use crate::answer;
use crate::authenticate::Access;
use crate::body::Body;
use crate::clock::now_ms;
use crate::error::Refusal;
use crate::gateway::Shared;
use crate::headers::controls::{self, Controls};
use crate::ingress::{Ingress, KeptCall};
use crate::memory::Purpose;
use crate::plan::{self, Choice, Plan, Request, Timeouts};
use crate::policy::Target;
use crate::scan::{ClientBody, collect};
use crate::settle::{self, Settlement};
use crate::snapshot::GatewayState;

/// How much longer than an attempt may take a response is taken to be under way, in milliseconds.
const GRACE_MS: i64 = 300_000;

/// How a call ends.
pub(crate) enum Served {
    Answer(http::Response<Body>),
    /// The provider that holds the response is asked.
    Plan(Box<Plan>),
}

/// A call, and everything that is needed to serve it.
pub(super) struct Serving<'a> {
    pub settlement: &'a mut Settlement,
    pub shared: Arc<Shared>,
    pub access: &'a Access,
    pub ingress: Ingress<'a>,
    pub parts: &'a Parts,
    pub query: Option<&'a str>,
    pub controls: Controls,
    pub body: Bytes,
}

/// Serves a call.
///
/// # Errors
/// `response_not_found`, `conversation_not_found`, `item_not_found`, `state_unavailable`, `state_disabled`,
/// `invalid_request`, `overloaded`; those of choosing a gateway, of the body, of policies and of limits.
pub(crate) async fn serve(
    settlement: &mut Settlement,
    access: &Access,
    (ingress, call): (Ingress<'_>, KeptCall<'_>),
    parts: &Parts,
    query: Option<&str>,
    body: ClientBody<'_>,
) -> Result<Served, Refusal> {
    let shared = settlement.shared().clone();
    let controls = controls::read(&parts.headers)?;
    if ingress.place.is_some() {
        settlement.row.gateway_id = Some(choose_gateway(access, ingress.place, &parts.headers)?.id);
    }
    if parts.method != Method::GET {
        check_server(settlement)?;
        check_in_flight(settlement, false)?;
    }
    let waiting = tokio::time::Instant::now();
    let body = collect(body, &shared.options, &shared.memory).await?;
    settlement.waited = waiting.elapsed();
    let serving = Serving { settlement, shared, access, ingress, parts, query, controls, body };
    match call {
        KeptCall::Response(id) if parts.method == Method::DELETE => serving.delete(id).await,
        KeptCall::Response(id) => serving.retrieve(id).await,
        KeptCall::Cancel(id) => serving.cancel(id).await,
        KeptCall::InputItems(id) => serving.input_items(id).await,
        call => conversation::serve(serving, call).await.map(Served::Answer),
    }
}

impl Serving<'_> {
    /// The response of that id, where the caller may see it. Its gateway is noted as the one of the call.
    async fn find(&mut self, id: &str) -> Result<Arc<KeptResponse>, Refusal> {
        let found = self.shared.state.response(self.access.team.id, id).await?;
        let found = found.filter(|kept| may_see(self.access, self.ingress.place, kept.gateway_id));
        let kept = found.ok_or_else(|| Refusal::response_not_found(id))?;
        self.enter(kept.gateway_id)?;
        Ok(kept)
    }

    /// Notes the gateway of what is called, unless the path names one.
    pub(super) fn enter(&mut self, gateway: domain::GatewayId) -> Result<(), Refusal> {
        let state = self.access.team.gateway_by_id(gateway);
        if let Some(state) = state.filter(|_| self.ingress.place.is_none()) {
            self.settlement.row.gateway_id = Some(gateway);
            if !state.enabled {
                return Err(Refusal::gateway_disabled(&state.slug));
            }
        }
        let settings = state.map(|state| state.settings.clone()).unwrap_or_default();
        note(self.settlement, &settings, &mut self.controls)?;
        settle::note_request(self.settlement, &self.parts.headers, &self.body);
        let judged = policies::judge(self.settlement, self.access, state.map(|state| &**state), Target::Nobody);
        judged.map_err(|stop| stop.refusal)
    }

    async fn retrieve(mut self, id: &str) -> Result<Served, Refusal> {
        let kept = self.find(id).await?;
        if value(self.query, "stream").as_deref() == Some("true") {
            return self.stream(&kept);
        }
        if kept.status.is_open() && kept.holder.is_some() {
            return self.forward(&kept, "", After::Refresh(kept.clone()));
        }
        let told = self.hold(self.as_told(kept).await?)?;
        self.answer(told)
    }

    /// A response's events once more.
    fn stream(mut self, kept: &Arc<KeptResponse>) -> Result<Served, Refusal> {
        if kept.background && kept.holder.is_some() {
            return self.forward(kept, "", After::Refresh(kept.clone()));
        }
        let refused = |field, message: &str| Err(Refusal::invalid_request(Refused::field(field, message)));
        let job = self.shared.state.jobs.find(&(kept.team_id, kept.id.clone()));
        let Some(job) = job.filter(|job| job.streams) else {
            let message = "can be true only for a response that was asked for in the background and as a stream, while \
                           it is made here and for some minutes after; retrieve it without stream";
            return refused("stream", message);
        };
        let after = value(self.query, "starting_after").map(|after| after.parse::<usize>());
        let from = match after {
            None => 0,
            Some(Ok(after)) => after.saturating_add(1),
            Some(Err(_)) => return refused("starting_after", "must be the number of an event"),
        };
        self.settlement.row.streamed = true;
        let mut answer = answer::json(self.settlement, Bytes::new());
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        *answer.body_mut() = Body::events(job.follow(from));
        Ok(Served::Answer(answer))
    }

    async fn delete(mut self, id: &str) -> Result<Served, Refusal> {
        let kept = self.find(id).await?;
        let forget = After::Forget(kept.team_id, kept.id.clone());
        if kept.holder.is_some() {
            match self.forward(&kept, "", forget) {
                // With its credential gone, nobody can delete it there.
                Err(refusal) if refusal.code == crate::error::Code::ResponseNotFound => {}
                reached => return reached,
            }
        }
        if kept.status.is_open() && kept.holder.is_none() {
            self.stop(&kept).await?;
        }
        self.shared.state.change(StateChange::Forget { team_id: kept.team_id, id: kept.id.clone() })?;
        self.answer(json!({ "id": kept.id, "object": "response", "deleted": true }).to_string())
    }

    async fn cancel(mut self, id: &str) -> Result<Served, Refusal> {
        let kept = self.find(id).await?;
        if !kept.background {
            let message = "names a response that was not asked for in the background; only those can be cancelled";
            return Err(Refusal::invalid_request(Refused::field("id", message)));
        }
        if kept.status.is_open() && kept.holder.is_some() {
            return self.forward(&kept, "/cancel", After::Refresh(kept.clone()));
        }
        let kept = if kept.status.is_open() { self.stop(&kept).await? } else { kept };
        let told = self.as_told(kept).await?;
        self.answer(told)
    }

    /// Ends a response that the gateway is making, here or in another process, and answers how it ended.
    async fn stop(&self, kept: &KeptResponse) -> Result<Arc<KeptResponse>, Refusal> {
        let state = &self.shared.state;
        let response = ends_as(&kept.response, "cancelled", None);
        // The first end stays: one that is written down at this moment is the one that is told.
        let cancelled = KeptResponse { status: ResponseStatus::Cancelled, owner: None, response, ..kept.clone() };
        state.change(StateChange::Finish(cancelled.clone()))?;
        if let Some(job) = state.jobs.find(&(kept.team_id, kept.id.clone())) {
            job.cancelled.notify_one();
            job.over().await;
        }
        Ok(state.response(kept.team_id, &kept.id).await?.unwrap_or_else(|| Arc::new(cancelled)))
    }

    async fn input_items(mut self, id: &str) -> Result<Served, Refusal> {
        let kept = self.find(id).await?;
        let items: Vec<Json> = serde_json::from_str(&kept.input).unwrap_or_default();
        let page = self.hold(page(items, self.query)?)?;
        self.answer(page)
    }

    /// The response as its caller is told it.
    async fn as_told(&self, mut kept: Arc<KeptResponse>) -> Result<String, Refusal> {
        let state = &self.shared.state;
        let is_made = |kept: &KeptResponse| kept.status.is_open() && kept.holder.is_none();
        let mut orphaned = false;
        let key = (kept.team_id, kept.id.clone());
        if is_made(&kept) && kept.owner == Some(state.owner()) && !state.jobs.is_running(&key) {
            // It has ended since it was looked up, and its end may be on its way into the database. Where the database has all of
            // it and still knows no end, an earlier run of this process was making it.
            orphaned = state.caught_up().await;
            let found = state.response(key.0, &key.1).await?;
            kept = found.ok_or_else(|| Refusal::response_not_found(&key.1))?;
        }
        let longest = i64::try_from(self.shared.options.total_timeout.as_millis()).unwrap_or(i64::MAX);
        let overdue = kept.created_at_ms.saturating_add(longest).saturating_add(GRACE_MS) < now_ms();
        let abandoned = is_made(&kept) && (overdue || orphaned);
        if kept.status == ResponseStatus::Interrupted || abandoned {
            return Ok(ends_as(&kept.response, "failed", Some(INTERRUPTED)));
        }
        Ok(kept.response.clone())
    }

    /// Asks the provider that holds a response.
    fn forward(&mut self, kept: &KeptResponse, tail: &str, after: After) -> Result<Served, Refusal> {
        let missing = || Refusal::response_not_found(&kept.id);
        let provider = self.access.team.provider(&kept.provider).ok_or_else(missing)?;
        let gateway: &Arc<GatewayState> = self.access.team.gateway_by_id(kept.gateway_id).ok_or_else(missing)?;
        let holder = kept.holder.as_deref().ok_or_else(missing)?;
        check_provider(self.access, &provider.slug)?;
        check_server(self.settlement)?;
        check_in_flight(self.settlement, false)?;
        let choice = Choice::default();
        let request = Request {
            access: self.access,
            gateway,
            controls: &self.controls,
            method: &self.parts.method,
            headers: &self.parts.headers,
            body: &self.body,
            memory: &self.shared.memory,
            now_ms: now_ms(),
            choice: &choice,
            timeouts: Timeouts::of(&self.shared.options),
        };
        let query = self.query.map_or_else(String::new, |query| format!("?{query}"));
        let mut plan = plan::held(&request, provider, (&kept.id, holder), &format!("{tail}{query}"))?;
        plan.stream = value(self.query, "stream").as_deref() == Some("true");
        plan.after = Some(after);
        settle::note_plan(self.settlement, &plan);
        let model = model_of(&kept.response);
        let target = match &model {
            Some(model) => Target::Model(&provider.slug, model),
            None => Target::Provider(&provider.slug),
        };
        // Nothing is generated anew; what a response cost is counted when its end is first heard.
        let judged = policies::judge(self.settlement, self.access, Some(gateway), target);
        let taken = judged.and_then(|()| policies::take(self.settlement, self.access, gateway, (target, None)));
        taken.map_err(|stop| stop.refusal)?;
        Ok(Served::Plan(Box::new(plan)))
    }

    /// Counts a call that adds to what is kept against the limits: it costs no provider anything, but nothing else bounds how
    /// fast that grows.
    pub(super) fn count(&mut self, gateway: domain::GatewayId) -> Result<(), Refusal> {
        let Some(gateway) = self.access.team.gateway_by_id(gateway) else { return Ok(()) };
        let taken = policies::take(self.settlement, self.access, gateway, (Target::Nobody, None));
        taken.map_err(|stop| stop.refusal)
    }

    /// What was read for an answer, with its place in the memory for bodies until it has gone.
    pub(super) fn hold(&self, body: impl Into<Bytes>) -> Result<Bytes, Refusal> {
        Ok(self.shared.memory.hold(Purpose::Answer, body.into())?)
    }

    fn answer(self, body: impl Into<Bytes>) -> Result<Served, Refusal> {
        Ok(Served::Answer(answer::json(self.settlement, body)))
    }
}

/// The model that a response is of.
fn model_of(response: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Said {
        model: String,
    }
    serde_json::from_str::<Said>(response).ok().map(|said| said.model)
}
