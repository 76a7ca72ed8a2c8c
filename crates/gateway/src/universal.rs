//! The universal endpoint: a list of steps, each a call of its own with the provider, its key and its body, tried in their order
//! until one has an answer. The shape is Cloudflare's (`[{"provider", "endpoint", "headers", "config", "query"}]`).
//!
//! A step passes everything that a request to its path would: it is one, with the headers of the whole request under its own.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use domain::ledger::Cause;
use domain::settings::{Backoff, MAX_ATTEMPTS, MAX_RETRY_DELAY, REQUEST_TIMEOUT};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;
use wire::chat::Refused;

use crate::admit::check_cost;
use crate::admit::restrictions::check_caller;
use crate::ask::{Asked, ask};
use crate::authenticate::{Access, ProviderCredential};
use crate::body::Body;
use crate::dynamic;
use crate::error::Refusal;
use crate::failover::Failure;
use crate::headers::controls;
use crate::ingress::{Door, ingress, split_key};
use crate::pipeline::open;
use crate::plan::Choice;
use crate::relay::Unanswered;
use crate::settle::{self, Settlement};

/// Most steps.
const MOST: usize = 32;

/// What is tried.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step<'a> {
    provider: String,
    endpoint: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The header of that name, as it was written before there were `headers`.
    #[serde(default)]
    authorization: Option<String>,
    #[serde(default)]
    config: Config,
    #[serde(borrow)]
    query: &'a RawValue,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Config {
    /// Milliseconds.
    request_timeout: Option<u32>,
    max_attempts: Option<u8>,
    /// Milliseconds.
    retry_delay: Option<u32>,
    backoff: Option<Backoff>,
}

/// Tries one step after the other.
pub(crate) async fn universal(mut settlement: Box<Settlement>, whole: &Asked<'_>) -> Response<Body> {
    let steps = match steps(&whole.body) {
        Ok(steps) => steps,
        Err(refusal) => return Failure::refused(refusal).respond(&mut settlement),
    };
    let last = steps.len().saturating_sub(1);
    for (place, step) in steps.iter().enumerate() {
        settlement.step = Some(place);
        let tried = Box::pin(try_step(settlement, whole, (place, step), place < last)).await;
        let Unanswered { settlement: mut left, failure } = match tried {
            Ok(answer) => return answer,
            Err(unanswered) => unanswered,
        };
        if place == last || !failure.kind.may_be_the_steps() {
            return failure.respond(&mut left);
        }
        left.move_on();
        left.row.cause = Cause::OtherTarget;
        (left.row.way, left.led) = (None, None);
        settlement = left;
    }
    // Unreachable: there is a last step.
    Failure::refused(Refusal::internal()).respond(&mut settlement)
}

fn steps(body: &Bytes) -> Result<Vec<Step<'_>>, Refusal> {
    let refused = |message: String| Refusal::invalid_request(Refused::whole(message));
    let steps: Vec<Step<'_>> = serde_json::from_slice(body).map_err(|error| {
        refused(format!(
            "must be a list of steps, each with `provider`, `endpoint` and `query`, and maybe `headers` and `config`: {error}"
        ))
    })?;
    if steps.is_empty() || steps.len() > MOST {
        return Err(refused(format!("must be a list of 1 to {MOST} steps")));
    }
    for (place, step) in steps.iter().enumerate() {
        step.check().map_err(|(field, message)| {
            Refusal::invalid_request(Refused::field(format!("[{place}].{field}"), message))
        })?;
    }
    Ok(steps)
}

impl Step<'_> {
    fn check(&self) -> Result<(), (&'static str, String)> {
        let within = |field, value: Option<u32>, (least, most): (u32, u32)| match value {
            Some(value) if !(least..=most).contains(&value) => Err((field, format!("must be from {least} to {most}"))),
            _ => Ok(()),
        };
        let segment = |text: &str| !text.is_empty() && !text.contains(['/', '?', '#']);
        if !segment(&self.provider) {
            return Err((
                "provider",
                "must be a provider's name, such as `openai`, `compat` or `custom-own`".to_owned(),
            ));
        }
        if self.endpoint.is_empty() || self.endpoint.contains('#') {
            return Err((
                "endpoint",
                "must be the path behind the provider's name, such as `chat/completions`".to_owned(),
            ));
        }
        if !self.query.get().starts_with('{') {
            return Err(("query", "must be the body that the endpoint takes, a JSON object".to_owned()));
        }
        let attempts = (MAX_ATTEMPTS.0.into(), MAX_ATTEMPTS.1.into());
        within("config.requestTimeout", self.config.request_timeout, REQUEST_TIMEOUT)?;
        within("config.maxAttempts", self.config.max_attempts.map(u32::from), attempts)?;
        within("config.retryDelay", self.config.retry_delay, (0, MAX_RETRY_DELAY))
    }

    /// The headers of the whole request, under the step's own. What names the caller is the request's alone.
    fn headers(&self, whole: &HeaderMap) -> Result<HeaderMap, (&'static str, String)> {
        let mut headers = whole.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for name in CREDENTIALS {
            headers.remove(name);
        }
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(self.authorization.iter().map(|value| ("authorization", value.as_str()))) {
            let name =
                HeaderName::try_from(name).map_err(|_| ("headers", "has a name that no header can have".to_owned()))?;
            let value = HeaderValue::try_from(value)
                .map_err(|_| ("headers", format!("`{name}` has a value that no header can have")))?;
            if !name.as_str().starts_with("cf-aig-authorization") && name.as_str() != "cf-aig-gateway-id" {
                headers.insert(name, value);
            }
        }
        Ok(headers)
    }
}

/// What the whole request's credentials come in.
const CREDENTIALS: [&str; 5] = ["authorization", "x-api-key", "x-goog-api-key", "api-key", "xi-api-key"];

async fn try_step(
    mut settlement: Box<Settlement>,
    whole: &Asked<'_>,
    (place, step): (usize, &Step<'_>),
    others: bool,
) -> Result<Response<Body>, Unanswered> {
    let team = whole.access.team.clone();
    let (path, query) = match step.endpoint.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (step.endpoint.as_str(), None),
    };
    let path = format!("/v1/{}/{}/{}/{}", team.slug, whole.gateway.slug, step.provider, path.trim_start_matches('/'));
    let prepared = prepare(&mut settlement, whole, (place, step), (&path, query));
    let (headers, uri, access, controls) = match prepared {
        Ok(prepared) => *prepared,
        Err(refusal) => return Err(Unanswered { settlement, failure: Failure::refused(refusal) }),
    };
    let entered = ingress(&Method::POST, &path);
    settlement.row.surface = entered.surface();
    settlement.row.path = settle::bounded(&path);
    settlement.dialect = entered.dialect;
    let refused = || Refusal::unknown_route(&path);
    let asks =
        matches!(entered.door, Door::Native { .. } | Door::Chat { .. } | Door::CountTokens { .. } | Door::Task(_));
    let called = if asks { open(&mut settlement, &entered, &uri, &access) } else { Err(refused()) };
    let called = called.and_then(|called| check_caller(&settlement, &access).map(|()| called));
    let called = match called {
        Ok(called) => called,
        Err(refusal) => return Err(Unanswered { settlement, failure: Failure::refused(refusal) }),
    };
    let (query, _) = split_key(&uri);
    let mut asked = Asked {
        choice: Choice::new(settlement.id(), controls.session.as_deref()),
        access,
        gateway: whole.gateway.clone(),
        controls,
        called,
        place: entered.place,
        method: &Method::POST,
        headers: &headers,
        query,
        body: whole.body.slice_ref(step.query.get().as_bytes()),
        now_ms: whole.now_ms,
        target: None,
    };
    let route = if asked.gateway.has_routes() { dynamic::asked_for(&asked) } else { Ok(None) };
    match route {
        Ok(None) => ask(settlement, &mut asked, others).await,
        Ok(Some(route)) => dynamic::walk(settlement, &mut asked, &route).await,
        Err(refusal) => Err(Unanswered { settlement, failure: Failure::refused(refusal) }),
    }
}

type Prepared = Box<(HeaderMap, Uri, Access, controls::Controls)>;

/// What a step is called with.
fn prepare(
    settlement: &mut Settlement,
    whole: &Asked<'_>,
    (place, step): (usize, &Step<'_>),
    (path, query): (&str, Option<&str>),
) -> Result<Prepared, Refusal> {
    let invalid =
        |field: &str, message: String| Refusal::invalid_request(Refused::field(format!("[{place}].{field}"), message));
    let headers = step.headers(whole.headers).map_err(|(field, message)| invalid(field, message))?;
    let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let uri: Uri =
        target.parse().map_err(|_| invalid("endpoint", "has characters that no address can have".to_owned()))?;
    let (_, key) = split_key(&uri);
    let snapshot = settlement.shared().snapshot.load_full();
    let credential = ProviderCredential::from_caller(&snapshot, &headers, key.as_deref());
    let (team, token) = (whole.access.team.clone(), whole.access.token.clone());
    let access = Access { team, token, credential, by_route: false };
    let mut controls = controls::read(&headers)?;
    check_cost(&whole.gateway.settings, &controls)?;
    // A header of the step's own goes before its `config`, and that before the request's headers.
    let own = |name: &str| step.headers.keys().any(|known| known.eq_ignore_ascii_case(name));
    let config = step.config;
    if let Some(ms) = config.request_timeout.filter(|_| !own("cf-aig-request-timeout")) {
        controls.request_timeout = Some(Duration::from_millis(ms.into()));
    }
    if let Some(most) = config.max_attempts.filter(|_| !own("cf-aig-max-attempts")) {
        controls.max_attempts = Some(most);
    }
    if let Some(ms) = config.retry_delay.filter(|_| !own("cf-aig-retry-delay")) {
        controls.retry_delay = Some(ms);
    }
    if let Some(backoff) = config.backoff.filter(|_| !own("cf-aig-backoff")) {
        controls.backoff = Some(backoff);
    }
    settlement.pricing.custom = controls.custom_cost.take().or_else(|| settlement.pricing.custom.take());
    Ok(Box::new((headers, uri, access, controls)))
}
