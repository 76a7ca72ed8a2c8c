//! Third stage: whether this request may pass at all. Which gateway it goes through, whether that gateway, the token
//! and the server itself are fit for it, what the token is held to ([`restrictions`]), and, once it is planned, what the
//! team's policies say ([`policies`]).

pub(crate) mod policies;
pub(crate) mod restrictions;

use std::sync::Arc;

use domain::GatewaySettings;
use http::HeaderMap;

use crate::authenticate::Access;
use crate::error::Refusal;
use crate::headers::controls::Controls;
use crate::headers::name;
use crate::ingress::Place;
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
/// `shutting_down`, `starting`, `ledger_unavailable`.
pub(crate) fn check_server(settlement: &Settlement) -> Result<(), Refusal> {
    let shared = settlement.shared();
    if shared.is_closing() {
        return Err(Refusal::shutting_down());
    }
    if shared.is_suspended() {
        return Err(Refusal::starting());
    }
    // Money that cannot be written down must not be spent.
    if shared.ledger.ready() { Ok(()) } else { Err(Refusal::ledger_unavailable()) }
}

/// Whether the server has room for one more. A request that waited `has_turn`; the others overtake none that waits.
///
/// # Errors
/// `overloaded`.
pub(crate) fn check_in_flight(settlement: &Settlement, has_turn: bool) -> Result<(), Refusal> {
    let shared = settlement.shared();
    let waiting = shared.line.waiting();
    // Who waits here does nothing else.
    let working = shared.in_flight().saturating_sub(waiting) + usize::from(has_turn);
    let is_others = !has_turn && waiting > 0 && settlement.may_wait();
    if working > shared.options.max_in_flight || is_others { Err(Refusal::too_many_in_flight()) } else { Ok(()) }
}

/// Whether a caller may state what its request costs, where it does.
///
/// # Errors
/// `custom_cost_not_allowed`.
pub(crate) fn check_cost(settings: &GatewaySettings, controls: &Controls) -> Result<(), Refusal> {
    let is_fine = controls.custom_cost.is_none() || settings.custom_cost;
    if is_fine { Ok(()) } else { Err(Refusal::custom_cost_not_allowed()) }
}

/// Notes what the gateway's settings and the caller's headers say about the log and the cost.
///
/// # Errors
/// As [`check_cost`].
pub(crate) fn note(
    settlement: &mut Settlement,
    settings: &GatewaySettings,
    controls: &mut Controls,
) -> Result<(), Refusal> {
    let row = &mut settlement.row;
    row.logged = controls.collect_log.unwrap_or(settings.collect_logs);
    row.event_id = controls.event_id.take();
    row.metadata = controls.metadata.take();
    row.user = controls.user.take();
    let payloads = controls.collect_payload.unwrap_or(settings.collect_log_payloads);
    settlement.keep_payload = row.logged && payloads;
    // Last, so that a refusal is logged as the request says.
    check_cost(settings, controls)?;
    settlement.pricing.custom = controls.custom_cost.take();
    Ok(())
}
