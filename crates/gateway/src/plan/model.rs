//! From a model's name to the provider that serves it.

use std::sync::Arc;

use domain::provider::Dialect;
use wire::price::PriceBook;

use crate::authenticate::Access;
use crate::error::Refusal;
use crate::snapshot::{ProviderState, TeamState};

/// The provider that is asked first when several sell a model.
const PREFERRED: &str = "openai";

/// Finds the provider of `provider/model`, or of a bare model: one the team has a key for that lists the model in the
/// price book, or the only one the team has a key for.
///
/// # Errors
/// `model_not_found`, `unknown_provider`, `dialect_not_supported`.
pub(crate) fn resolve<'a>(
    access: &Access,
    gateway: &str,
    asked: &'a str,
    now_ms: i64,
) -> Result<(Arc<ProviderState>, &'a str), Refusal> {
    let team = &access.team;
    let Some((provider, model)) = split(team, asked)? else {
        return bare(access, asked, now_ms).map(|provider| (provider, asked));
    };
    if provider.dialect != Dialect::Openai {
        return Err(Refusal::dialect_not_supported(&provider.slug, &native_path(team, gateway, &provider)));
    }
    Ok((provider, model))
}

/// Takes a name apart where it begins with a provider. Aggregators' models have slashes of their own.
fn split<'a>(team: &TeamState, asked: &'a str) -> Result<Option<(Arc<ProviderState>, &'a str)>, Refusal> {
    let Some((slug, model)) = asked.split_once('/') else { return Ok(None) };
    match team.provider(slug) {
        Some(_) if model.is_empty() => Err(Refusal::model_not_found(asked)),
        Some(provider) => Ok(Some((provider.clone(), model))),
        None if slug.starts_with("custom-") => Err(Refusal::unknown_provider(slug)),
        None => Ok(None),
    }
}

fn bare(access: &Access, model: &str, now_ms: i64) -> Result<Arc<ProviderState>, Refusal> {
    let team = &access.team;
    let with_keys = team.providers_with_keys(now_ms).filter_map(|slug| team.provider(slug));
    let mut usable: Vec<_> =
        with_keys.filter(|provider| provider.enabled && provider.dialect == Dialect::Openai).collect();
    usable.sort_unstable_by_key(|provider| (provider.slug != PREFERRED, provider.slug.as_str()));
    let brought = access.credential.as_ref().and(team.provider(PREFERRED));
    let mut candidates = usable.iter().copied().chain(brought);
    let found = candidates.find(|provider| sells(provider, model)).or(match usable.as_slice() {
        [only] => Some(*only),
        _ => None,
    });
    found.cloned().ok_or_else(|| Refusal::model_not_found(model))
}

fn sells(provider: &ProviderState, model: &str) -> bool {
    provider.price_provider.as_deref().is_some_and(|name| PriceBook::builtin().find(name, model).is_some())
}

/// Where a provider's own API is to be found here.
fn native_path(team: &TeamState, gateway: &str, provider: &ProviderState) -> String {
    let endpoint = match provider.dialect {
        Dialect::Openai => "chat/completions",
        Dialect::Anthropic => "v1/messages",
        Dialect::Gemini => "v1beta/models/{model}:generateContent",
    };
    format!("/v1/{}/{gateway}/{}/{endpoint}", team.slug, provider.slug)
}
