//! Second stage: who asks. The secret's digest leads to the token's state in the snapshot; until that has happened the
//! answer to everything is 401, whatever the path.

mod credentials;

use std::sync::Arc;

use http::HeaderMap;

pub(crate) use credentials::ProviderCredential;
use credentials::{Presented, present};

use crate::error::Refusal;
use crate::ingress::{Ingress, Place};
use crate::policy::LimitState;
use crate::settle::Settlement;
use crate::snapshot::{GatewayState, Snapshot, TeamState, TokenState, Which};

/// Somebody who may ask.
pub(crate) struct Access {
    pub team: Arc<TeamState>,
    /// None on a gateway that needs no authentication.
    pub token: Option<Arc<TokenState>>,
    /// The provider credential that the caller brought along; it wins over the stored one.
    pub credential: Option<ProviderCredential>,
    /// Whether a route that the token names leads it, so that the models on the way need not be named.
    pub by_route: bool,
}

impl Access {
    /// Whether a provider, by its canonical slug, may be called.
    pub(crate) fn allows_provider(&self, provider: &str) -> bool {
        self.token.as_ref().is_none_or(|token| token.allows_provider(provider))
    }

    /// The own limits of the token.
    pub(crate) fn own_limits(&self) -> &[Arc<LimitState>] {
        self.token.as_ref().map_or(&[], |token| &token.limits)
    }

    /// Whether only certain models may be asked.
    pub(crate) fn limits_models(&self) -> bool {
        self.token.as_ref().is_some_and(|token| token.limits_models())
    }
}

/// Finds out who asks.
///
/// # Errors
/// `missing_token`, `invalid_token`, `revoked_token`, `expired_token`, `unknown_team`.
pub(crate) fn authenticate(
    settlement: &mut Settlement,
    snapshot: &Snapshot,
    ingress: &Ingress<'_>,
    headers: &HeaderMap,
    query_key: Option<&str>,
    now_ms: i64,
) -> Result<Access, Refusal> {
    let named = ingress.place.and_then(|place| find_place(snapshot, place));
    let (presented, credential) = present(snapshot, headers, query_key);
    let fault = match presented {
        Presented::Token(token, which) => {
            let fault = fault(&token, which, ingress.place, now_ms);
            attribute(settlement, &token, named.as_ref());
            let Some(fault) = fault else {
                token.touch(which, now_ms);
                return Ok(Access { team: token.team.clone(), token: Some(token), credential, by_route: false });
            };
            fault
        }
        Presented::Unknown => Refusal::invalid_token(),
        Presented::Nothing => Refusal::missing_token(),
    };
    let Some((team, gateway)) = named else { return Err(fault) };
    if gateway.settings.authentication {
        if !settlement.recordable {
            note_place(settlement, &team, &gateway);
        }
        return Err(fault);
    }
    // Nobody's token: whatever it was, the request counts as one without.
    settlement.row.token_id = None;
    note_place(settlement, &team, &gateway);
    let credential = credential.or_else(|| ProviderCredential::from_caller(snapshot, headers, query_key));
    Ok(Access { team, token: None, credential, by_route: false })
}

fn find_place(snapshot: &Snapshot, place: Place<'_>) -> Option<(Arc<TeamState>, Arc<GatewayState>)> {
    let team = snapshot.team(place.team)?;
    Some((team.clone(), team.gateway(place.gateway)?.clone()))
}

/// Why a token that is known may not be used here.
fn fault(token: &TokenState, which: Which, place: Option<Place<'_>>, now_ms: i64) -> Option<Refusal> {
    if token.revoked {
        return Some(Refusal::revoked_token());
    }
    if which == Which::Previous && token.previous_has_ended(now_ms) {
        return Some(Refusal::replaced_secret());
    }
    if token.has_expired(now_ms) {
        return Some(Refusal::expired_token());
    }
    // The same answer whether the other team exists or not.
    let other = place.filter(|place| place.team != token.team.slug)?;
    Some(Refusal::unknown_team(other.team, &token.team.slug))
}

/// Writes the request down under the token's team, never under the one that the path names.
fn attribute(settlement: &mut Settlement, token: &TokenState, named: Option<&(Arc<TeamState>, Arc<GatewayState>)>) {
    settlement.row.token_id = Some(token.id);
    settlement.row.team_id = Some(token.team.id);
    settlement.row.gateway_id = named.filter(|(team, _)| team.id == token.team.id).map(|(_, gateway)| gateway.id);
    settlement.recordable = true;
}

fn note_place(settlement: &mut Settlement, team: &TeamState, gateway: &GatewayState) {
    settlement.row.team_id = Some(team.id);
    settlement.row.gateway_id = Some(gateway.id);
    settlement.recordable = true;
}
