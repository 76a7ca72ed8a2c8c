//! A response that a provider holds itself: under which credential, and how it is asked for again.

use domain::provider::Dialect;
use wire::api::Api;

use super::{Address, DEFAULT_ALIAS, Plan, Request, Rest, call_at, enabled};
use crate::error::Refusal;
use crate::snapshot::ProviderState;

/// Names a stored key, and a caller's own.
const KEY: &str = "key:";
const BROUGHT: &str = "own:";

/// The credential with which a provider would be asked now; none where there is none.
pub(crate) fn holder(request: &Request<'_>, provider: &ProviderState) -> Option<String> {
    if let Some(brought) = &request.access.credential {
        return Some(format!("{BROUGHT}{}", brought.fingerprint()));
    }
    let alias = request.controls.byok_alias.as_deref().unwrap_or(DEFAULT_ALIAS);
    let (key, _) = request.access.team.key(&provider.slug, alias, request.now_ms).ok()?;
    Some(format!("{KEY}{}", key.id))
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
        return same.then_some(Address { upstream, auth: None, key: None });
    }
    let id = holder.strip_prefix(KEY)?.parse().ok()?;
    let (key, target) = team.key_by_id(&provider.slug, id, request.now_ms)?;
    Some(Address { upstream: target.upstream.clone(), auth: Some(target.auth.clone()), key: Some(key.id) })
}
