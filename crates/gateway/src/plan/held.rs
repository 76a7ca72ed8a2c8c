//! A response that a provider holds itself: under which credential, and how it is asked for again.

use domain::provider::Dialect;
use wire::api::Api;

use super::{Address, DEFAULT_ALIAS, Healths, Plan, Request, Rest, call_at, enabled};
use crate::error::Refusal;
use crate::snapshot::{Others, ProviderState};

/// Names a stored key, and a caller's own.
const KEY: &str = "key:";
const BROUGHT: &str = "own:";

/// The credential with which a provider would be asked now; none where there is none.
pub(crate) fn holder(request: &Request<'_>, provider: &ProviderState) -> Option<String> {
    if let Some(brought) = &request.access.credential {
        return Some(format!("{BROUGHT}{}", brought.fingerprint()));
    }
    let alias = request.controls.byok_alias.as_deref().unwrap_or(DEFAULT_ALIAS);
    let key = request.choice.choose(request, &provider.slug, alias).ok()?.key;
    Some(format!("{KEY}{}", key.id))
}

/// Asks with the credential under which a provider holds something, where that can be used.
pub(crate) fn keep_to(request: &Request<'_>, provider: &ProviderState, holder: &str) -> bool {
    let id = holder.strip_prefix(KEY).filter(|_| request.access.credential.is_none()).and_then(|id| id.parse().ok());
    let Some(id) = id else { return false };
    request.choice.may_pin(request, &provider.slug, id) && {
        request.choice.pin(id);
        true
    }
}

/// A call about a response, with the credential under which the provider holds it; `tail` follows the response's id.
///
/// # Errors
/// `response_not_found` where the credential is not there any more; `provider_disabled`.
pub(crate) fn held(
    request: &Request<'_>,
    provider: &ProviderState,
    (id, holder): (&str, &str),
    tail: &str,
) -> Result<Plan, Refusal> {
    enabled(provider)?;
    let address = address(request, provider, holder).ok_or_else(|| Refusal::response_not_found(id))?;
    let rest = format!("{}/{id}{tail}", provider.path(Api::OpenaiResponses, "", false));
    let mut plan =
        call_at(request, provider, address, Rest::Endpoint(&rest, ""), Dialect::Openai, request.body.clone())?;
    plan.shapes_errors = true;
    Ok(plan)
}

fn address(request: &Request<'_>, provider: &ProviderState, holder: &str) -> Option<Address> {
    let team = &request.access.team;
    if let Some(fingerprint) = holder.strip_prefix(BROUGHT) {
        let brought = request.access.credential.as_ref()?;
        let stored = team.key(&provider.slug, DEFAULT_ALIAS, request.now_ms).ok().map(|(_, target)| target);
        let upstream = stored.map(|target| &target.upstream).or(provider.upstream.as_ref().ok())?.clone();
        let same = brought.fingerprint() == fingerprint;
        let healths = Healths::default();
        return same.then_some(Address { upstream, auth: None, key: None, pool: None, others: Others::None, healths });
    }
    let id = holder.strip_prefix(KEY)?.parse().ok()?;
    let (key, target) = team.key_by_id(&provider.slug, id, request.now_ms)?;
    Some(Address {
        upstream: target.upstream.clone(),
        auth: Some(target.auth.clone()),
        key: Some(key.id),
        pool: None,
        others: Others::None,
        healths: Healths { key: Some(key.health.clone()), address: Some(key.address.clone()) },
    })
}
