//! From a model's name to the provider that serves it.

use std::sync::Arc;

use wire::api::Api;
use wire::price::PriceBook;

use crate::authenticate::Access;
use crate::error::Refusal;
use crate::snapshot::{ProviderState, TeamState};

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
    match split(&access.team, asked)? {
        Some(found) => Ok(found),
        None => bare(access, front, asked, now_ms).map(|provider| (provider, asked)),
    }
}

/// Takes a name apart where it begins with a provider. Aggregators' models have slashes of their own.
fn split<'a>(team: &TeamState, asked: &'a str) -> Result<Option<(Arc<ProviderState>, &'a str)>, Refusal> {
    let Some((slug, model)) = asked.split_once('/') else { return Ok(None) };
    match team.provider(slug) {
        Some(_) if model.is_empty() => Err(Refusal::model_not_found(asked)),
        Some(provider) if !provider.chats => Err(Refusal::no_chats(&provider.slug)),
        Some(provider) => Ok(Some((provider.clone(), model))),
        None if slug.starts_with("custom-") => Err(Refusal::unknown_provider(slug)),
        None => Ok(None),
    }
}

fn bare(access: &Access, front: Api, model: &str, now_ms: i64) -> Result<Arc<ProviderState>, Refusal> {
    let team = &access.team;
    let brought = access.credential.is_some();
    let vendor = vendor(front);
    let with_keys = team.providers_with_keys(now_ms).filter_map(|slug| team.provider(slug));
    // A key that a caller brought along is for providers of the caller's API, if not for its vendor.
    let mut usable: Vec<_> = with_keys
        .filter(|provider| provider.enabled && provider.chats && (!brought || provider.speaks(front, model)))
        .collect();
    let vendors_own = brought.then(|| team.provider(vendor)).flatten();
    usable.extend(vendors_own.filter(|own| usable.iter().all(|provider| provider.slug != own.slug)));
    usable.sort_unstable_by_key(|provider| {
        (!provider.speaks(front, model), provider.slug != vendor, provider.slug.as_str())
    });
    let found = usable.iter().copied().find(|provider| sells(provider, model));
    let mut native = usable.iter().copied().filter(|provider| provider.speaks(front, model));
    let only = || native.next().filter(|_| native.next().is_none());
    found.or_else(only).cloned().ok_or_else(|| Refusal::model_not_found(model))
}

/// Whose API it is that callers speak: asked first when several sell a model.
fn vendor(front: Api) -> &'static str {
    match front {
        Api::Anthropic => "anthropic",
        Api::Gemini => "google-ai-studio",
        _ => "openai",
    }
}

fn sells(provider: &ProviderState, model: &str) -> bool {
    provider.price_provider.as_deref().is_some_and(|name| PriceBook::builtin().find(name, model).is_some())
}
