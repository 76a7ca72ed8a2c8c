//! Sixth stage: answers that were given before. Works out whether a request may be answered from the cache and under
//! which key, replays what is found, and keeps what a provider answered.
//!
//! The key holds the team, the gateway and its epoch, so no team sees another's answers. It also holds a fingerprint
//! of the provider credential that a caller brought along: who pays for an answer alone may have it again.

use std::sync::Arc;

use bytes::Bytes;
use domain::cache::{CacheEntry, CacheKey};
use domain::ledger::{CacheStatus, Outcome};
use domain::provider::Dialect;
use http::header::CONTENT_TYPE;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, Response, StatusCode};
use wire::usage::Observed;

use crate::body::Body;
use crate::cache::{KeyParts, key};
use crate::clock::now_ms;
use crate::headers::response;
use crate::plan::{Plan, Request};
use crate::settle::{End, Settlement, bounded};

/// Seconds an answer is kept that was asked to be kept by key only, on a gateway that keeps nothing.
const TTL_BY_KEY: u32 = 300;
/// Longest request whose answer is kept, in bytes.
const MAX_REQUEST: usize = 25 << 20;

/// Where the answer to a request is kept, and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub key: CacheKey,
    ttl_s: u32,
}

/// Whether and where the answer may be kept. Notes in the row what the cache will do.
pub(crate) fn slot(settlement: &mut Settlement, request: &Request<'_>, plan: &Plan) -> Option<Slot> {
    let Request { access, gateway, controls, body, .. } = *request;
    let by_key = controls.cache_key.as_ref().map(|_| TTL_BY_KEY);
    let ttl_s = controls.cache_ttl.or(gateway.settings.cache_ttl()).or(by_key).filter(|ttl| *ttl != 0)?;
    let asked_for = controls.cache_ttl.is_some() || controls.cache_key.is_some();
    if plan.method != Method::POST
        || plan.changes_state()
        || body.len() > MAX_REQUEST
        || !(asked_for
            || plan.translation.is_some()
            || plan.retelling.is_some()
            || repeats(plan.uri.path(), plan.dialect))
    {
        return None;
    }
    if controls.skip_cache {
        settlement.row.cache = CacheStatus::Bypass;
        return None;
    }
    settlement.row.cache = CacheStatus::Miss;
    let whose = access.credential.as_ref().map(crate::authenticate::ProviderCredential::fingerprint);
    let whose = whose.unwrap_or_default();
    // Two APIs may ask a provider for the same with the same bytes and want the answer in their own words, and Gemini's names
    // the model in its path alone.
    let form = plan.form.unwrap_or_else(|| settlement.dialect.as_str());
    let custom = controls.cache_key.as_ref().map(|custom| format!("{custom}\n{whose}\n{form}"));
    // What one key of several was answered the others would be too.
    let host = plan.pool.as_ref().and_then(|key| Some(key.target.as_ref().ok()?.upstream.authority()));
    let host = host.or(plan.uri.authority().map(Authority::as_str)).unwrap_or_default();
    let path = plan.uri.path_and_query().map_or("", PathAndQuery::as_str);
    let model = plan.model.as_deref().unwrap_or_default();
    let address = [host, path, "\n", whose.as_str(), "\n", form, "\n", model].concat();
    let key = key(&KeyParts {
        team: access.team.id,
        gateway: gateway.id,
        epoch: gateway.cache_epoch,
        provider: &plan.provider,
        path_and_query: &address,
        credential: plan.pool.as_ref().map(|key| key.id.0),
        headers: request.headers,
        body,
        stream: plan.stream,
        custom: custom.as_deref(),
    });
    Some(Slot { key, ttl_s })
}

/// Whether a POST to this path asks something and changes nothing, so that its answer may be given again. What creates a
/// thread, a file or a batch must reach the provider each time.
pub(crate) fn repeats(path: &str, dialect: Dialect) -> bool {
    const PATHS: [&str; 6] =
        ["/completions", "/embeddings", "/messages/count_tokens", "/moderations", "/images/generations", "/rerank"];
    const VERBS: [&str; 5] =
        [":generateContent", ":streamGenerateContent", ":embedContent", ":batchEmbedContents", ":countTokens"];
    PATHS.iter().chain(&VERBS).any(|end| path.ends_with(end))
        // OpenAI's `/threads/{thread}/messages` adds one.
        || (dialect == Dialect::Anthropic && path.ends_with("/messages"))
}

/// Settles the request with a kept answer: it costs nothing and calls nobody.
pub(crate) fn replay(settlement: &mut Settlement, entry: &CacheEntry) -> Response<Body> {
    settlement.row.cache = CacheStatus::Hit;
    settlement.row.streamed = entry.streamed;
    settlement.row.provider = Some(entry.provider.clone());
    let mut capture = settlement.capture_for_log();
    capture.push(&entry.body);
    settlement.finish(End {
        status: entry.status,
        outcome: Outcome::Ok,
        code: None,
        observed: Observed { model: entry.model.clone(), finished: true, ..Observed::default() },
        response: Some(&capture),
        response_content_type: Some(&entry.content_type),
    });
    let mut answer = Response::new(Body::whole(entry.body.clone()));
    *answer.status_mut() = StatusCode::from_u16(entry.status).unwrap_or(StatusCode::OK);
    let headers = answer.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&entry.content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    response::complete(headers, settlement);
    answer
}

/// Whether an answer with this content type is ever kept.
pub(crate) fn is_keepable(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // A page is what a proxy or a login says, never an API.
    let is_text = essence.starts_with("text/") && essence != "text/html";
    crate::scan::is_json(&essence) || is_text || essence.starts_with("image/")
}

/// Keeps a complete answer.
pub(crate) fn keep(settlement: &Settlement, slot: Slot, content_type: &str, observed: &Observed, body: Bytes) {
    let row = &settlement.row;
    let (Some(team_id), Some(gateway_id)) = (row.team_id, row.gateway_id) else { return };
    let created_at_ms = now_ms();
    settlement.shared().cache.put(Arc::new(CacheEntry {
        key: slot.key,
        team_id,
        gateway_id,
        created_at_ms,
        expires_at_ms: created_at_ms.saturating_add(i64::from(slot.ttl_s) * 1_000),
        status: 200,
        content_type: content_type.to_owned(),
        streamed: row.streamed,
        body,
        provider: row.provider.clone().unwrap_or_default(),
        model: observed.model.as_deref().map(bounded).or_else(|| row.model.clone()),
        usage: observed.usage.unwrap_or_default(),
    }));
}
