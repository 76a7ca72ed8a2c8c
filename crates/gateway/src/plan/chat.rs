//! A question in one of the APIs that callers speak, for any provider. Where the provider speaks the same API, the caller's
//! bytes go on, with the model's name changed in place; where it does not, the question is translated.

use std::sync::Arc;

use bytes::Bytes;
use domain::GatewaySettings;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use wire::api::{Api, Path, Target, adapt};
use wire::chat::{Asked, Losses};
use wire::scan::Scan;
use wire::splice::splice;
use wire::translate::{self, MOST_VALUES, Translated, VALUE_BYTES};

use super::unfinished::{Unfinished, fetches, stand_ins};
use super::{Plan, Request, Rest, ask_for_usage, call, speaks, spliced};
use crate::error::Refusal;
use crate::fetch;
use crate::headers::controls::Controls;
use crate::memory::{Claim, Memory, Purpose, fitted};
use crate::policy::Asks;
use crate::snapshot::ProviderState;

/// The version of Anthropic's API that translated questions are written in.
const ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// The longest that Replicate holds an answer back until it is done, in seconds.
const LONGEST_WAIT: HeaderValue = HeaderValue::from_static("wait=60");

/// What Vertex AI wants to read in the body, in the model's place.
const VERTEX_VERSION: &str = "\"anthropic_version\":\"vertex-2023-10-16\"";

/// A question, before it is known whom to ask.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    /// The caller's API.
    pub front: Api,
    /// What the URL says of it.
    pub path: Path<'a>,
    /// What the body says of it.
    pub scan: &'a Scan<'a>,
    /// The URL's query.
    pub query: Option<&'a str>,
    /// The model, as the caller named it.
    pub asked: &'a str,
    /// Names an answer that comes without an id, and every response that is made of another API's answer.
    pub id: &'a str,
    /// The caller's own body, which an answer repeats.
    pub said: &'a Bytes,
}

impl Question<'_> {
    /// Whether a stream is asked for.
    pub(crate) fn stream(&self) -> bool {
        self.path.stream.or(self.scan.stream) == Some(true)
    }

    /// Whether a stream is to come as events. Without `alt=sse`, Gemini's comes as one long list.
    fn wants_list(&self) -> bool {
        let is_sse = |query: &str| query.split('&').any(|pair| pair == "alt=sse");
        self.front == Api::Gemini && self.stream() && !self.query.is_some_and(is_sse)
    }
}

/// Plans a question.
///
/// # Errors
/// `provider_disabled`, `missing_provider_key`, `unknown_route`, `overloaded`; where it must be translated also
/// `invalid_request` and `not_expressible`.
pub(crate) fn chat(
    request: &Request<'_>,
    provider: &Arc<ProviderState>,
    model: &str,
    question: &Question<'_>,
) -> Result<Plan, Refusal> {
    let (api, served) = provider.served(model);
    let speaks = speaks(request, provider, question.front, model);
    let mut plan = if !speaks {
        translated(request, provider, (api, served), question)?
    } else if translate::has_foreign_marks(question.front, request.body) {
        // What other providers left in the conversation would be refused.
        translated(request, provider, (question.front, served), question)?
    } else {
        same(request, provider, served, question)?
    };
    plan.model = Some(served.to_owned());
    plan.hides_model = question.scan.models;
    plan.asks = Asks { nested: question.front == Api::Gemini, ..Asks::of(question.scan) };
    plan.stream = question.stream();
    // Gemini's other kind of stream is one long list, which must not wait for its end.
    plan.must_be_json = !question.wants_list() || plan.translation.is_some();
    plan.shapes_errors = true;
    plan.form = match question.front {
        Api::OpenaiResponses => Some("openai_responses"),
        _ if question.wants_list() => Some("gemini list"),
        _ => None,
    };
    Ok(plan)
}

/// Asks a provider that speaks the caller's API how many tokens a question has.
///
/// # Errors
/// As [`chat`].
pub(crate) fn count(
    request: &Request<'_>,
    provider: &ProviderState,
    model: &str,
    front: Api,
    scan: &Scan<'_>,
) -> Result<Plan, Refusal> {
    let (_, model) = provider.served(model);
    let path = provider.count_path(front, model).ok_or_else(|| Refusal::unknown_route("count_tokens"))?;
    let edits: Vec<_> = if provider.is_claude_at_vertex(front) {
        scan.write_model(request.body, Some(model), VERTEX_VERSION).into_iter().collect()
    } else {
        scan.replace_model(model).into_iter().collect()
    };
    let dialect = front.family().unwrap_or(provider.dialect);
    let mut plan = call(request, provider, Rest::Endpoint(&path, model), dialect, spliced(request, &edits)?)?;
    plan.model = Some(model.to_owned());
    plan.must_be_json = true;
    plan.shapes_errors = true;
    Ok(plan)
}

/// At a provider that speaks the caller's API.
fn same(
    request: &Request<'_>,
    provider: &ProviderState,
    model: &str,
    question: &Question<'_>,
) -> Result<Plan, Refusal> {
    let Question { front, scan, .. } = *question;
    let named = scan.model.as_ref().map(|text| text.value.as_ref());
    let mut edits = Vec::new();
    if provider.is_claude_at_vertex(front) {
        edits.extend(scan.write_model(request.body, None, VERTEX_VERSION));
    } else if named.is_some_and(|named| named != model) {
        edits.extend(scan.replace_model(model));
    }
    let mut losses = Losses::default();
    if front == Api::OpenaiChat {
        let adapted = adapt(request.body, Target { model, quirks: &provider.quirks });
        edits.extend(adapted.edits);
        losses = adapted.losses;
    }
    if let Some(loss) = losses.refused(is_strict(&request.gateway.settings, request.controls)) {
        return Err(Refusal::not_expressible(&provider.slug, loss));
    }
    let ask = if front == Api::OpenaiChat { ask_for_usage(provider, scan, request.body) } else { None };
    let hide_usage = ask.is_some();
    edits.extend(ask);
    let path = own_path(provider, model, question);
    let dialect = front.family().unwrap_or(provider.dialect);
    let mut plan = call(request, provider, Rest::Endpoint(&path, model), dialect, spliced(request, &edits)?)?;
    plan.hide_usage = hide_usage;
    plan.dropped = losses.fields();
    plan.says_when_done = front != Api::Gemini;
    Ok(plan)
}

/// Where a provider that speaks the caller's API is asked.
fn own_path(provider: &ProviderState, model: &str, question: &Question<'_>) -> String {
    let mut path = provider.path(question.front, model, question.stream());
    if question.front == Api::Gemini {
        // The caller's query says which kind of stream is wanted.
        path.truncate(path.find('?').unwrap_or(path.len()));
        path.extend(question.query.into_iter().flat_map(|query| ["?", query]));
    }
    path
}

/// Room for what a request takes while it is read in the common form, where each value is a thing of its own.
///
/// # Errors
/// `invalid_request`, `overloaded`.
pub(crate) fn room_to_read(request: &Request<'_>, scan: &Scan<'_>) -> Result<Claim, Refusal> {
    room_for(request.memory, request.body, scan)
}

/// The room that reading a body value by value takes.
///
/// # Errors
/// `invalid_request`, `overloaded`.
pub(crate) fn room_for(memory: &Arc<Memory>, body: &Bytes, scan: &Scan<'_>) -> Result<Claim, Refusal> {
    if scan.values > MOST_VALUES {
        return Err(Refusal::too_many_values(scan.values, MOST_VALUES));
    }
    let mut claim = memory.claim(Purpose::Request);
    claim.grow(scan.values * VALUE_BYTES + body.len())?;
    Ok(claim)
}

/// At a provider that speaks another API, or the caller's, where the conversation must be written anew.
fn translated(
    request: &Request<'_>,
    provider: &Arc<ProviderState>,
    (api, model): (Api, &str),
    question: &Question<'_>,
) -> Result<Plan, Refusal> {
    let path = if question.front == api {
        own_path(provider, model, question)
    } else {
        provider.path(api, model, question.stream())
    };
    let dialect = api.family().unwrap_or(provider.dialect);
    // Whether the call may be made at all is known before the work of the translation is.
    let mut plan = call(request, provider, Rest::Endpoint(&path, model), dialect, Bytes::new())?;
    let room = room_to_read(request, question.scan)?;
    let asked = Asked {
        id: question.id.to_owned(),
        // Later requests may refer to it, so it must be like no other.
        own_id: question.front == Api::OpenaiResponses,
        created: request.now_ms / 1_000,
        model: question.asked.to_owned(),
        list: question.wants_list(),
        body: if question.front.repeats(question.said) { question.said.clone() } else { Bytes::new() },
        ..Asked::default()
    };
    let target = Target { model, quirks: &provider.quirks };
    let strict = is_strict(&request.gateway.settings, request.controls);
    let read = translate::read((question.front, api), request.body, question.path);
    let mut read = read.map_err(Refusal::invalid_request)?;
    let unfinished = unfinished(request, question, &read, provider, (api, model), &asked)?;
    if let Some(unfinished) = &unfinished {
        read.bring(fetches(provider, api), stand_ins(&unfinished.remotes));
    }
    let Translated { body, losses, translation } = read.write(target, asked).map_err(Refusal::invalid_request)?;
    if let Some(loss) = losses.refused(strict) {
        return Err(Refusal::not_expressible(&provider.slug, loss));
    }
    drop(room);
    let body = finished(provider, api, body);
    plan.body = request.memory.hold(Purpose::Request, body)?;
    plan.dropped = losses.fields();
    if question.front != api {
        restate(&mut plan.headers, api);
        if let Some(brought) = &request.access.credential {
            brought.rewrite(&mut plan.headers, provider.auth);
        }
    }
    plan.says_when_done = true;
    plan.unfinished = unfinished.map(Box::new);
    if translation.is_idle() {
        // The answer passes as it is.
        plan.says_when_done = api != Api::Gemini;
        plan.hide_usage = api == Api::OpenaiChat && ask_for_usage(provider, question.scan, request.body).is_some();
    } else {
        plan.translation = Some(translation);
    }
    Ok(plan)
}

/// The question as it waits for what its caller named by addresses; none where it waits for nothing.
fn unfinished(
    request: &Request<'_>,
    question: &Question<'_>,
    read: &translate::Question,
    provider: &Arc<ProviderState>,
    (api, model): (Api, &str),
    asked: &Asked,
) -> Result<Option<Unfinished>, Refusal> {
    let remotes = read.remotes(fetches(provider, api));
    if let Some(one_too_many) = remotes.get(fetch::MOST) {
        return Err(Refusal::too_much_to_fetch(&one_too_many.field));
    }
    if remotes.is_empty() {
        return Ok(None);
    }
    Ok(Some(Unfinished {
        room: room_to_read(request, question.scan)?,
        question: read.clone(),
        remotes,
        provider: provider.clone(),
        api,
        model: model.to_owned(),
        asked: asked.clone(),
        strict: is_strict(&request.gateway.settings, request.controls),
    }))
}

/// A translated body, as the provider wants it around the API's own words.
pub(super) fn finished(provider: &ProviderState, api: Api, body: Vec<u8>) -> Bytes {
    let body = fitted(body);
    if !provider.is_claude_at_vertex(api) {
        return body;
    }
    let edit = wire::scan::scan(&body).ok().and_then(|scan| scan.write_model(&body, None, VERTEX_VERSION));
    splice(&body, edit.as_slice())
}

/// Whether what the provider's API cannot express refuses the request. The caller knows best.
pub(super) fn is_strict(settings: &GatewaySettings, controls: &Controls) -> bool {
    controls.strict.unwrap_or(settings.strict_translation)
}

/// The headers of a translated question: what belongs to the caller's API goes, what the provider's demands comes.
pub(super) fn restate(headers: &mut HeaderMap, api: Api) {
    const OF_AN_API: [&str; 5] = ["anthropic-", "openai-", "x-goog-", "x-stainless-", "x-amz-"];
    let foreign =
        |name: &&HeaderName| OF_AN_API.iter().any(|prefix| name.as_str().starts_with(prefix)) && !is_credential(name);
    let foreign: Vec<HeaderName> = headers.keys().filter(foreign).cloned().collect();
    for name in foreign {
        headers.remove(name);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.remove(ACCEPT);
    match api {
        Api::Anthropic => drop(headers.insert(HeaderName::from_static("anthropic-version"), ANTHROPIC_VERSION)),
        Api::Replicate => drop(headers.insert(HeaderName::from_static("prefer"), LONGEST_WAIT)),
        _ => {}
    }
}

/// Keys are in place already when the headers are restated.
fn is_credential(name: &HeaderName) -> bool {
    name == "x-goog-api-key"
}
