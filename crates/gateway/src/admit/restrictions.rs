//! What a token is held to: every restriction but that of gateways, which is part of choosing one. Where a request comes from and
//! which endpoint it calls is known at once; the provider and the model once they are resolved, which is before the cache is
//! looked at and before anybody is called.

use std::sync::Arc;

use bytes::Bytes;
use domain::ledger::Surface;
use http::HeaderMap;
use wire::scan::Scan;
use wire::task::batch_endpoint;

use crate::authenticate::Access;
use crate::error::Refusal;
use crate::ingress::asked_by_batch;
use crate::scan::scan_json;
use crate::settle::Settlement;
use crate::snapshot::TokenState;

/// Whether the token may be used from where the request comes, at the endpoint that it calls.
///
/// # Errors
/// `token_not_allowed`.
pub(crate) fn check_caller(settlement: &Settlement, access: &Access) -> Result<(), Refusal> {
    let Some(token) = &access.token else { return Ok(()) };
    let (address, endpoint) = (settlement.client.address, settlement.row.surface);
    if !token.allows_address(address) {
        return Err(Refusal::address_not_allowed(address));
    }
    if token.allows_endpoint(endpoint) { Ok(()) } else { Err(Refusal::endpoint_not_allowed(endpoint)) }
}

/// Whether a batch may be made of what a body says: each line of its file asks the one endpoint that the batch names, so that is
/// judged as if it were called. The models stand in the file, which is the provider's, so a token that is limited to certain ones
/// makes none.
///
/// # Errors
/// `token_not_allowed`; where the token is limited to certain endpoints also what is wrong with a body that cannot be read.
pub(crate) fn check_batch(access: &Access, headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
    let Some(token) = access.token.as_ref().filter(|_| !body.is_empty()) else { return Ok(()) };
    if token.limits_models() {
        return Err(Refusal::batch_models_hidden());
    }
    // No token names it among its endpoints.
    if token.allows_endpoint(Surface::Unknown) {
        return Ok(());
    }
    scan_json(headers, body)?;
    let named = batch_endpoint(body).map_err(Refusal::invalid_json)?;
    let endpoint = named.as_deref().and_then(asked_by_batch);
    match endpoint {
        Some(endpoint) if token.allows_endpoint(endpoint) => Ok(()),
        _ => Err(Refusal::batch_not_allowed(named.as_deref(), endpoint)),
    }
}

/// Whether a provider, by its canonical slug, may be called.
///
/// # Errors
/// `token_not_allowed`.
pub(crate) fn check_provider(access: &Access, provider: &str) -> Result<(), Refusal> {
    if access.allows_provider(provider) { Ok(()) } else { Err(Refusal::provider_not_allowed(provider)) }
}

/// Whether a request may call a provider for a model. One that names none in a readable way is refused where the token is
/// limited to certain models, unless it carries nothing that could name one.
///
/// # Errors
/// `token_not_allowed`.
pub(crate) fn check_model(access: &Access, provider: &str, model: Option<&str>, has_body: bool) -> Result<(), Refusal> {
    check_provider(access, provider)?;
    let limited = |token: &&Arc<TokenState>| token.limits_models() && !access.by_route;
    let Some(token) = access.token.as_ref().filter(limited) else { return Ok(()) };
    match model {
        Some(model) if token.allows_model(provider, model) => Ok(()),
        Some(model) => Err(Refusal::model_not_allowed(model)),
        None if has_body => Err(Refusal::model_not_visible()),
        None => Ok(()),
    }
}

/// Whether a request may bring a list of models, of which the provider takes any.
///
/// # Errors
/// `token_not_allowed`.
pub(crate) fn check_fallbacks(access: &Access, scan: &Scan<'_>) -> Result<(), Refusal> {
    check_list(access, scan.models)
}

/// The same, where it is known whether there is a list.
///
/// # Errors
/// `token_not_allowed`.
pub(crate) fn check_list(access: &Access, has_list: bool) -> Result<(), Refusal> {
    if access.limits_models() && has_list { Err(Refusal::fallbacks_not_allowed()) } else { Ok(()) }
}
