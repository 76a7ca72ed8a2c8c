//! From a model's name to the provider that serves it.

use std::sync::Arc;

use wire::api::Api;
use wire::embed::Front;
use wire::price::PriceBook;
use wire::task::Task;

use crate::authenticate::Access;
use crate::error::Refusal;
use crate::ingress::Call;
use crate::snapshot::{ProviderState, TeamState};

/// The provider that most of the shapes here come from.
const OPENAI: &str = "openai";

/// Finds the provider of `provider/model`, or of a bare model: one the team has a key for that lists the model in the
/// price book, or the only one the team has a key for that speaks the caller's API. One that speaks it comes before one
/// that needs a translation.
///
/// # Errors
/// `model_not_found`, `unknown_provider`.
pub(crate) fn resolve<'a>(
    access: &Access,
    front: Api,
    asked: &'a str,
    now_ms: i64,
) -> Result<(Arc<ProviderState>, &'a str), Refusal> {
    let wanted = Wanted {
        serves: &|provider| provider.chats,
        speaks: &|provider| provider.speaks(front, asked),
        vendor: vendor(front),
    };
    let (provider, model) = find(access, &wanted, asked, now_ms)?;
    if provider.chats { Ok((provider, model)) } else { Err(Refusal::no_chats(&provider.slug)) }
}

/// The same for a task: here the provider must offer it.
///
/// # Errors
/// As [`resolve`].
pub(super) fn resolve_task<'a>(
    access: &Access,
    call: Call<'_>,
    asked: &'a str,
    now_ms: i64,
) -> Result<(Arc<ProviderState>, &'a str), Refusal> {
    let vendor = match (call.front, call.task) {
        (Front::Gemini { .. }, _) => "google-ai-studio",
        (_, Task::Rerank) => "cohere",
        _ => OPENAI,
    };
    let offers = &|provider: &ProviderState| provider.offers(call.task);
    find(access, &Wanted { serves: offers, speaks: offers, vendor }, asked, now_ms)
}

/// The provider of a request that names no model: the one the caller names, or OpenAI, or the only one that offers the task.
///
/// # Errors
/// `unknown_provider`, `provider_required`.
pub(super) fn provider_for(
    access: &Access,
    task: Task,
    named: Option<&str>,
    now_ms: i64,
) -> Result<Arc<ProviderState>, Refusal> {
    let team = &access.team;
    if let Some(slug) = named {
        return team.provider(slug).cloned().ok_or_else(|| Refusal::unknown_provider(slug));
    }
    let with_keys = team.providers_with_keys(now_ms).filter_map(|slug| team.provider(slug));
    let mut offering: Vec<_> = with_keys.filter(|provider| provider.enabled && provider.offers(task)).collect();
    // A key that a caller brought along is OpenAI's, where nobody says otherwise.
    let brought = access.credential.is_some().then(|| team.provider(OPENAI)).flatten();
    offering.extend(brought.filter(|openai| offering.iter().all(|provider| provider.slug != openai.slug)));
    // Those that the token may use come first. Where only others are left, the refusal names one of them.
    if offering.iter().any(|provider| access.allows_provider(&provider.slug)) {
        offering.retain(|provider| access.allows_provider(&provider.slug));
    }
    let openai = offering.iter().find(|provider| provider.slug == OPENAI);
    match (openai, offering.as_slice()) {
        (Some(openai), _) => Ok((*openai).clone()),
        (None, [only]) => Ok((*only).clone()),
        _ => Err(Refusal::provider_required(task)),
    }
}

/// What is looked for in a provider.
struct Wanted<'a> {
    /// Whether it can be asked at all.
    serves: &'a dyn Fn(&ProviderState) -> bool,
    /// Whether it can be asked as the caller asks.
    speaks: &'a dyn Fn(&ProviderState) -> bool,
    /// Whose API it is that the caller speaks: asked first when several sell a model.
    vendor: &'static str,
}

fn find<'a>(
    access: &Access,
    wanted: &Wanted<'_>,
    asked: &'a str,
    now_ms: i64,
) -> Result<(Arc<ProviderState>, &'a str), Refusal> {
    match split(&access.team, asked)? {
        Some(found) => Ok(found),
        None => bare(access, wanted, asked, now_ms).map(|provider| (provider, asked)),
    }
}

/// Takes a name apart where it begins with a provider. Aggregators' models have slashes of their own.
fn split<'a>(team: &TeamState, asked: &'a str) -> Result<Option<(Arc<ProviderState>, &'a str)>, Refusal> {
    let Some((slug, model)) = asked.split_once('/') else { return Ok(None) };
    match team.provider(slug) {
        Some(_) if model.is_empty() => Err(Refusal::model_not_found(asked)),
        Some(provider) => Ok(Some((provider.clone(), model))),
        None if slug == "dynamic" => Err(Refusal::no_dynamic_routes(model)),
        None if slug.starts_with("custom-") => Err(Refusal::unknown_provider(slug)),
        None => Ok(None),
    }
}

fn bare(access: &Access, wanted: &Wanted<'_>, model: &str, now_ms: i64) -> Result<Arc<ProviderState>, Refusal> {
    let team = &access.team;
    let brought = access.credential.is_some();
    let Wanted { serves, speaks, vendor } = *wanted;
    let with_keys = team.providers_with_keys(now_ms).filter_map(|slug| team.provider(slug));
    // A key that a caller brought along is for providers of the caller's API, if not for its vendor.
    let mut usable: Vec<_> =
        with_keys.filter(|provider| provider.enabled && serves(provider) && (!brought || speaks(provider))).collect();
    let vendors_own = brought.then(|| team.provider(vendor)).flatten();
    usable.extend(vendors_own.filter(|own| usable.iter().all(|provider| provider.slug != own.slug)));
    usable.sort_unstable_by_key(|provider| (!speaks(provider), provider.slug != vendor, provider.slug.as_str()));
    // Those that the token may use come first. Where only others are left, the refusal names one of them.
    let may_use = |provider: &&Arc<ProviderState>| access.allows_provider(&provider.slug);
    let (own, others): (Vec<_>, Vec<_>) = usable.into_iter().partition(may_use);
    let book = team.prices.book();
    let sells = |provider: &&Arc<ProviderState>| sells(book, provider, model);
    let sold = |among: &[&Arc<ProviderState>]| among.iter().copied().find(sells).cloned();
    let only = |among: &[&Arc<ProviderState>]| {
        let mut native = among.iter().copied().filter(|provider| speaks(provider));
        native.next().filter(|_| native.next().is_none()).cloned()
    };
    let found = sold(&own).or_else(|| sold(&others)).or_else(|| only(&own)).or_else(|| only(&others));
    found.ok_or_else(|| Refusal::model_not_found(model))
}

/// Whose API it is that callers speak: asked first when several sell a model.
fn vendor(front: Api) -> &'static str {
    match front {
        Api::Anthropic => "anthropic",
        Api::Gemini => "google-ai-studio",
        _ => OPENAI,
    }
}

fn sells(book: &PriceBook, provider: &ProviderState, model: &str) -> bool {
    provider.book.is_some_and(|name| book.find(name, model).is_some())
}
