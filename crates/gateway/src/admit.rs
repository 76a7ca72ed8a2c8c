//! Third stage: whether this request may pass at all. Which gateway it goes through, whether that gateway, the token
//! and the server itself are fit for it, and, right before a provider is called, whether the rate limit has room.
//!
//! The rate limit is asked after the cache: an answer from the cache costs the provider nothing, so it does not count
//! and is not refused when the limit is used up. What adds to conversations counts as well: nothing else bounds how fast
//! these grow.

use std::sync::Arc;

use domain::GatewaySettings;
use http::HeaderMap;
use wire::scan::Scan;

use crate::authenticate::Access;
use crate::clock::now_ms;
use crate::error::Refusal;
use crate::headers::controls::Controls;
use crate::headers::name;
use crate::headers::response::RateLimit;
use crate::ingress::Place;
use crate::limit::Room;
use crate::settle::Settlement;
use crate::snapshot::GatewayState;

/// The gateway that a team's requests go through when nothing names one.
const DEFAULT_GATEWAY: &str = "default";

/// Finds the gateway.
///
/// # Errors
/// `unknown_gateway`, `gateway_required`, `gateway_disabled`, `token_not_allowed`.
pub(crate) fn choose_gateway(
    access: &Access,
    place: Option<Place<'_>>,
    headers: &HeaderMap,
) -> Result<Arc<GatewayState>, Refusal> {
    let by_header = headers.get(name::GATEWAY_ID).and_then(|value| value.to_str().ok());
    let gateway = match place.map(|place| place.gateway).or(by_header) {
        Some(slug) => access.team.gateway(slug).ok_or_else(|| Refusal::unknown_gateway(slug))?,
        None => unnamed_gateway(access)?,
    };
    if !may_use(access, gateway) {
        return Err(Refusal::gateway_not_allowed(&gateway.slug));
    }
    if !gateway.enabled {
        return Err(Refusal::gateway_disabled(&gateway.slug));
    }
    Ok(gateway.clone())
}

fn unnamed_gateway(access: &Access) -> Result<&Arc<GatewayState>, Refusal> {
    let mut usable = access.team.gateways().filter(|gateway| may_use(access, gateway));
    let first = usable.next().ok_or_else(Refusal::no_gateway)?;
    if usable.next().is_none() {
        return Ok(first);
    }
    let default = access.team.gateway(DEFAULT_GATEWAY).filter(|gateway| may_use(access, gateway));
    default.ok_or_else(Refusal::gateway_required)
}

fn may_use(access: &Access, gateway: &GatewayState) -> bool {
    access.token.as_ref().is_none_or(|token| token.allows_gateway(gateway.id))
}

/// Whether the server takes on anything now.
///
/// # Errors
/// `shutting_down`, `ledger_unavailable`.
pub(crate) fn check_server(settlement: &Settlement) -> Result<(), Refusal> {
    let shared = settlement.shared();
    if shared.is_closing() {
        return Err(Refusal::shutting_down());
    }
    // Money that cannot be written down must not be spent.
    if shared.ledger.ready() { Ok(()) } else { Err(Refusal::ledger_unavailable()) }
}

/// Notes what the gateway's settings and the caller's headers say about the log.
pub(crate) fn note(settlement: &mut Settlement, settings: &GatewaySettings, controls: &mut Controls) {
    let row = &mut settlement.row;
    row.logged = controls.collect_log.unwrap_or(settings.collect_logs);
    row.event_id = controls.event_id.take();
    row.metadata = controls.metadata.take();
    let payloads = controls.collect_payload.unwrap_or(settings.collect_log_payloads);
    settlement.keep_payload = row.logged && payloads;
}

/// Whether a request may use a model. One that names none in a readable way is refused where the token is limited to
/// certain models, unless it carries nothing that could name one.
///
/// # Errors
/// `token_not_allowed`.
pub(crate) fn check_model(access: &Access, provider: &str, model: Option<&str>, has_body: bool) -> Result<(), Refusal> {
    let Some(token) = access.token.as_ref().filter(|token| token.limits_models()) else { return Ok(()) };
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

/// Counts the request against the gateway's rate limit.
///
/// # Errors
/// `rate_limited`.
pub(crate) fn take_from_limit(settlement: &mut Settlement, gateway: &GatewayState) -> Result<(), Refusal> {
    let (Some(limiter), Some((_, interval_s))) = (&gateway.limiter, gateway.settings.rate_limit()) else {
        return Ok(());
    };
    match limiter.try_take(now_ms()) {
        Ok(taken) => {
            let (limit, remaining, reset_s) = (taken.limit, taken.remaining, taken.reset_s);
            settlement.rate_limit = Some(RateLimit { limit, interval_s, remaining, reset_s });
            Ok(())
        }
        Err(full) => {
            let (limit, reset_s) = (full.limit, full.reset_s);
            settlement.rate_limit = Some(RateLimit { limit, interval_s, remaining: 0, reset_s });
            Err(Refusal::rate_limited(limit, interval_s, full.retry_after_ms.div_ceil(1_000)))
        }
    }
}

/// Tells the state of the rate limit to a caller whose request does not count.
pub(crate) fn look_at_limit(settlement: &mut Settlement, gateway: &GatewayState) {
    if let Some(limiter) = &gateway.limiter {
        let Room { limit, remaining, reset_s } = limiter.peek(now_ms());
        let interval_s = gateway.settings.rate_limit().map_or(0, |(_, interval_s)| interval_s);
        settlement.rate_limit = Some(RateLimit { limit, interval_s, remaining, reset_s });
    }
}
