//! A call of a provider's own API: the request goes on as it is.

use std::borrow::Cow;

use domain::provider::Dialect;
use http::Method;
use wire::api::Api;
use wire::api::openai_responses::state_refs;
use wire::providers;
use wire::scan::Scan;
use wire::task::Task;
use wire::usage::Words;

use super::{Plan, Request, Rest, address, ask_for_usage, call, spliced};
use crate::admit::restrictions::{check_fallbacks, check_model};
use crate::error::Refusal;
use crate::ingress::{dialect, is_chat_completions, model_in_path};
use crate::policy::Asks;
use crate::snapshot::{NativeCall, ProviderState};
use crate::state::After;

/// How paths end that ask for a stream.
const STREAMS: [&str; 4] =
    [":streamGenerateContent", ":streamRawPredict", "/converse-stream", "/invoke-with-response-stream"];

/// How paths end whose endpoints take the model from `model` in the body, beside those of [`Task`]. Others may have another
/// word for it and not look at that one.
const READ_MODEL: [&str; 12] = [
    "completions",
    "responses",
    "messages",
    "messages/count_tokens",
    "chat",
    "generate",
    "embed",
    "embeddings",
    "tokenize",
    "classify",
    "summarize",
    "ocr",
];

/// The model that a native request asks for.
pub(crate) struct Named<'a> {
    pub model: Cow<'a, str>,
    /// Whether it is this name that the provider goes by.
    sure: bool,
}

/// Whether what is called is kept at the provider, or changes what is: other keys may not know it.
pub(crate) fn keeps(method: &Method, rest: &str) -> bool {
    const KEPT: [&str; 22] = [
        "assistants",
        "batch",
        "batches",
        "cachedContents",
        "containers",
        "conversations",
        "corpora",
        "evals",
        "files",
        "fine-tunes",
        "fine_tuning",
        "jobs",
        "operations",
        "predictions",
        "responses",
        "threads",
        "tunedModels",
        "uploads",
        "upload",
        "vector_stores",
        "videos",
        "voices",
    ];
    *method != Method::POST || rest.split(['/', '?', ':']).any(|segment| KEPT.contains(&segment))
}

/// Finds the model: some providers' paths name it, everybody else has it in the body.
pub(crate) fn native_model<'a>(
    request: &Request<'_>,
    provider: &ProviderState,
    rest: &'a str,
    scan: Option<&'a Scan<'_>>,
) -> Option<Named<'a>> {
    if dialect(provider.dialect, rest) == Dialect::Gemini {
        return model_in_path(rest).map(|model| Named { model: Cow::Borrowed(model), sure: true });
    }
    if providers::names_models(&provider.slug) {
        let call = place(request, provider, rest)?;
        if let Some(model) = providers::model_in(&provider.slug, call.uri.path()) {
            return Some(Named { model: Cow::Owned(model), sure: true });
        }
    }
    let model = scan?.model.as_ref().map(|text| Cow::Borrowed(text.value.as_ref()))?;
    Some(Named { model, sure: reads_model(rest) })
}

/// Where an endpoint is; none where it could not be called.
fn place(request: &Request<'_>, provider: &ProviderState, rest: &str) -> Option<NativeCall> {
    address(request, provider).ok()?.upstream.native(&provider.slug, rest).ok()
}

/// Whether an endpoint is known to take the model from the body. A server may read an empty segment as none.
fn reads_model(rest: &str) -> bool {
    let ends = |end: &str| rest.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'));
    !rest.contains("//")
        && (READ_MODEL.iter().any(|end| ends(end)) || Task::of_path(rest).is_some_and(|task| !task.keeps()))
}

/// A provider's own endpoint; `rest` and `query` are what came behind the provider's name, `model` is [`native_model`].
///
/// # Errors
/// `token_not_allowed`, `provider_disabled`, `missing_provider_key`, `unknown_route`.
pub(crate) fn native(
    request: &Request<'_>,
    provider: &ProviderState,
    rest: &str,
    query: Option<&str>,
    scan: Option<&Scan<'_>>,
    named: Option<Named<'_>>,
) -> Result<Plan, Refusal> {
    let dialect = dialect(provider.dialect, rest);
    let model = named.as_ref().map(|named| named.model.as_ref());
    // Of two names, the provider might take the other.
    let other =
        scan.and_then(|scan| scan.model.as_ref()).is_some_and(|text| model.is_some_and(|model| model != text.value));
    let visible = model.filter(|_| !other && named.as_ref().is_some_and(|named| named.sure));
    check_model(request.access, &provider.slug, visible, !request.body.is_empty())?;
    scan.map_or(Ok(()), |scan| check_fallbacks(request.access, scan))?;
    if request.access.limits_models() && place(request, provider, rest).is_some_and(|call| call.manages) {
        return Err(Refusal::managing_not_allowed(&provider.slug));
    }
    if request.access.limits_models() && request.body.is_empty() && changes(request.method, visible) && !forgets(rest) {
        return Err(Refusal::changing_not_allowed(request.method, &provider.slug));
    }
    let is_chat = is_chat_completions(rest);
    let reports = is_chat || dialect == Dialect::Openai && (rest == "completions" || rest.ends_with("v1/completions"));
    let ask = scan.filter(|_| reports).and_then(|scan| ask_for_usage(provider, scan, request.body));
    let hide_usage = ask.is_some();
    let edits: Vec<_> = ask.into_iter().collect();
    let target = query.map_or_else(|| rest.to_owned(), |query| format!("{rest}?{query}"));
    let mut plan = call(request, provider, Rest::Native(&target), dialect, spliced(request, &edits)?)?;
    plan.model = model.map(str::to_owned);
    plan.hides_model = visible.is_none() && !request.body.is_empty() || scan.is_some_and(|scan| scan.models);
    let nested = dialect == Dialect::Gemini || matches!(provider.api, Api::Bedrock | Api::Ollama);
    plan.asks = Asks { nested, ..scan.map(Asks::of).unwrap_or_default() };
    plan.task = Task::of_path(rest).filter(|_| dialect == Dialect::Openai);
    plan.hide_usage = hide_usage;
    plan.stream = scan.is_some_and(|scan| scan.stream == Some(true));
    plan.must_be_json = is_chat;
    plan.words = Words::of(provider.api, dialect, rest);
    plan.stream |= STREAMS.iter().any(|end| rest.ends_with(end));
    let says = |dialect, end: &str| plan.dialect == dialect && rest.ends_with(end);
    plan.says_when_done = is_chat
        || plan.words.says_when_done()
        || says(Dialect::Anthropic, "messages")
        || says(Dialect::Openai, "responses");
    if *request.method == Method::GET || dialect == Dialect::Openai && may_run_apart(rest, request.body) {
        plan.after = Some(After::Told(request.access.team.id, request.gateway.id));
    }
    Ok(plan)
}

/// Whether a call without a body may change anything. To ask a model that its token may ask changes nothing.
fn changes(method: &Method, model: Option<&str>) -> bool {
    !(method.is_safe() || *method == Method::POST && model.is_some())
}

/// Whether a call concerns one answer or conversation only, which tokens of a team may read, stop and delete for each other.
fn forgets(rest: &str) -> bool {
    let segments: Vec<_> = rest.split('/').collect();
    let kept = |segment: &&str| matches!(*segment, "responses" | "conversations");
    segments.iter().position(kept).is_some_and(|place| segments[place + 1..].iter().any(|id| !id.is_empty()))
}

/// Whether what is called is a response in the background: what that consumes is told again by each look at it.
fn may_run_apart(rest: &str, body: &[u8]) -> bool {
    let asks = || memchr::memmem::find(body, b"background").is_some() && state_refs(body).background;
    (rest.ends_with("/cancel") && (forgets(rest) || rest.contains("batches/")))
        || (rest.ends_with("responses") && asks())
}
